#include "script.hpp"

#include <utility>

namespace weft::test::scheduling {
namespace {

std::string name(task_id id) { return std::to_string(number_of(id)); }
std::string text(std::span<const char> t) { return {t.data(), t.size()}; }

}  // namespace

peer_id script::worker(std::uint32_t slots, const std::string& resources, const std::string& host) {
  worker_hello hello;
  hello.slots = slots;
  hello.resources = resources;
  hello.host = host;
  hello.name = "w" + std::to_string(core.statistics().workers + 1);
  hello.address = hello.name + ":1";
  const peer_id p = core.add_worker(now, hello);
  core.check_invariants();
  return p;
}

peer_id script::worker_of(const std::string& name, std::uint64_t memory) {
  worker_hello hello;
  hello.name = name;
  hello.memory = hello.value_memory = memory;
  return core.add_worker(now, hello);
}

lease_id script::lease(peer_id c, std::uint64_t number, std::uint32_t slots, const std::string& resources) {
  lease_request m{};
  m.lease = make_task_id(c, number);
  m.secret = 40 + number;
  m.slots = slots;
  m.resources = resources;
  say(c, m);
  return m.lease;
}

task_id script::submit(peer_id p, const task_spec& spec) {
  submit_task m{};
  m.id = make_task_id(p, next[p]++);
  m.function.offset = spec.offset;
  m.rank = spec.rank ? spec.rank : number_of(m.id);
  m.flags = spec.flags;
  m.options = spec.options;
  m.retries = spec.retries;
  m.priority = spec.priority;
  m.inputs = spec.inputs;
  say(p, m);
  return m.id;
}

void script::options(peer_id p, std::uint32_t index, const std::string& resources, const std::string& workers,
                     const std::string& hosts, bool loose, time_ns limit, const std::string& called) {
  define_options m{};
  m.index = index;
  m.resources = resources;
  m.workers = workers;
  m.hosts = hosts;
  m.flags = loose ? loose_restrictions : 0u;
  m.time_limit_ns = limit;
  m.name = called;
  say(p, m);
}

void script::done(peer_id w, task_id id, std::uint32_t attempt, std::uint64_t bytes, std::uint64_t ns,
                  const std::string& value) {
  done_task m{};
  m.id = id;
  m.attempt = attempt;
  m.bytes = bytes;
  m.nanoseconds = ns;
  m.flags = value.empty() ? 0u : static_cast<std::uint32_t>(has_value);
  m.value = std::as_bytes(std::span(value));
  say(w, m);
}

void script::failed(peer_id w, task_id id, std::uint32_t attempt, std::uint32_t flags) {
  const std::string function = "f", type = "std::runtime_error", what = "no luck";
  failed_task m{};
  m.id = id;
  m.attempt = attempt;
  m.flags = flags;
  m.function = function;
  m.type = type;
  m.text = what;
  say(w, m);
}

void script::retracted(peer_id w, task_id id, std::uint32_t attempt, bool given_back) {
  retracted_task m{};
  m.id = id;
  m.attempt = attempt;
  m.given_back = given_back;
  say(w, m);
}

void script::added(peer_id w, task_id id) {
  value_added m{};
  m.id = id;
  m.bytes = 8;
  m.worker = w;
  say(w, m);
}

void script::missing(peer_id w, task_id id, peer_id from, std::uint32_t flags) {
  missing_value m{};
  m.id = id;
  m.worker = from;
  m.flags = flags;
  say(w, m);
}

void script::beat(peer_id w, worker_mode mode, std::vector<attempt_ref> executing) {
  heartbeat m{};
  m.mode = static_cast<std::uint32_t>(mode);
  m.executing = executing;
  say(w, m);
}

lines script::heard(peer_id p, bool all) {
  for (const peer_id other : core.outputs()) {
    const std::vector<std::byte> more = core.out(other).take();
    outputs[other].insert(outputs[other].end(), more.begin(), more.end());
  }
  core.clear_outputs();
  lines said;
  const std::vector<std::byte> bytes = std::exchange(outputs[p], {});
  batch_reader in(bytes);
  std::uint16_t kind = 0;
  const auto list = [&](std::string line, const auto& m) {
    for (const task_id id : m.tasks) line += " " + name(id);
    said.push_back(line);
  };
  const auto attempts = [&](std::string line, const auto& m) {
    for (const attempt_ref& a : m.tasks) line += " " + name(a.id) + "/" + std::to_string(a.attempt);
    said.push_back(line);
  };
  while (in.next(kind)) {
    switch (static_cast<message_kind>(kind)) {
      case message_kind::run_task: {
        const auto m = in.get<run_task>();
        std::string line = "run " + name(m.id) + "/" + std::to_string(m.attempt);
        for (std::size_t at = 0; const input_ref& i : m.inputs) {
          line += " " + name(i.id) + "@" + std::to_string(i.worker);
          if (i.given == promised_input)
            line += "?";
          else if (i.given != 0)
            line += "+" + std::to_string(i.given);
          if (at < 16 && (m.last_uses >> at & 1) != 0) line += " for good";
          ++at;
        }
        if (m.options != 0) line += " options " + std::to_string(m.options);
        if (m.function.module != 0) line += " module " + std::to_string(m.function.module);
        if (m.time_left_ns != 0) line += " left " + std::to_string(m.time_left_ns);
        said.push_back(line);
        break;
      }
      case message_kind::task_finished: {
        const auto m = in.get<task_finished>();
        std::string line = "finished " + name(m.id) + "@" + std::to_string(m.worker);
        if (m.flags & has_value)
          line += " " + std::string(reinterpret_cast<const char*>(m.value.data()), m.value.size());
        said.push_back(line);
        break;
      }
      case message_kind::task_failed: {
        const auto m = in.get<net::task_failed>();
        std::string path = text(m.path);
        for (char& c : path)
          if (c == '\n') c = '>';
        said.push_back("failed " + name(m.id) + " " + text(m.type) + " " + path);
        if (all) said.push_back(text(m.text));
        break;
      }
      case message_kind::task_cancelled:
        list("cancelled", in.get<task_cancelled>());
        break;
      case message_kind::task_restarted:
        list("restarted", in.get<task_restarted>());
        break;
      case message_kind::want_offer: {
        const auto m = in.get<want_offer>();
        said.push_back("give " + name(m.id) + " to " + std::to_string(m.worker));
        break;
      }
      case message_kind::drop_offers:
        list("drop offer", in.get<drop_offers>());
        break;
      case message_kind::drop_values:
        list("drop", in.get<drop_values>());
        break;
      case message_kind::stop_tasks:
        attempts("stop", in.get<stop_tasks>());
        break;
      case message_kind::retract_tasks:
        attempts("retract", in.get<retract_tasks>());
        break;
      case message_kind::copy_value: {
        const auto m = in.get<copy_value>();
        said.push_back("copy " + name(m.id) + "@" + std::to_string(m.worker));
        break;
      }
      case message_kind::value_at: {
        const auto m = in.get<value_at>();
        said.push_back("at " + name(m.id) + "@" + std::to_string(m.worker));
        break;
      }
      case message_kind::push_value: {
        const auto m = in.get<push_value>();
        said.push_back("push " + name(m.id) + " to " + std::to_string(m.worker));
        break;
      }
      case message_kind::give_value:
        said.push_back("value " + name(in.get<give_value>().id) + " given");
        break;
      case message_kind::set_mode:
        said.push_back("mode " + std::to_string(in.get<set_mode>().mode));
        break;
      case message_kind::open_lease: {
        const auto m = in.get<open_lease>();
        said.push_back("open " + name(m.lease) + "/" + std::to_string(m.attempt) + " of " + std::to_string(m.slots) +
                       " by " + std::to_string(m.secret));
        break;
      }
      case message_kind::close_lease: {
        const auto m = in.get<close_lease>();
        said.push_back("close " + name(m.lease) + "/" + std::to_string(m.attempt));
        break;
      }
      case message_kind::lease_granted: {
        const auto m = in.get<lease_granted>();
        said.push_back("granted " + name(m.lease) + "@" + std::to_string(m.worker) + " " + text(m.address));
        break;
      }
      case message_kind::lease_lost: {
        const auto m = in.get<lease_lost>();
        said.push_back("lost " + name(m.lease));
        if (all) said.push_back(text(m.text));
        break;
      }
      case message_kind::cluster_state: {
        const auto m = in.get<cluster_state>();
        std::string names = text(m.names),
                    line = "answer " + std::to_string(m.request) + " target " + std::to_string(m.target) + ":";
        for (std::size_t i = 0; i < m.workers.size(); ++i) {
          line += " " + names.substr(0, names.find('\n')) + "/" + std::to_string(m.workers[i].mode);
          for (int field = 0; field < 4; ++field) names.erase(0, names.find('\n') + 1);
        }
        said.push_back(line);
        if (all) said.push_back(text(m.waiting));
        break;
      }
      case message_kind::peer_info:
        if (all) said.push_back("peer " + std::to_string(in.get<peer_info>().peer));
        break;
      case message_kind::peer_gone:
        if (all) said.push_back("gone " + std::to_string(in.get<peer_gone>().peer));
        break;
      case message_kind::define_module: {
        const auto m = in.get<define_module>();
        if (all) said.push_back("module " + std::to_string(m.index) + " " + text(m.name));
        break;
      }
      case message_kind::define_options: {
        const auto m = in.get<define_options>();
        if (all) said.push_back("options " + std::to_string(m.index) + " " + text(m.name));
        break;
      }
      default:
        said.push_back("kind " + std::to_string(kind));
    }
  }
  return said;
}

}  // namespace weft::test::scheduling
