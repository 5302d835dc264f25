#include "model.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace weft::test::scheduling {

world::world(std::uint64_t seed, const scheduler_options& options) : seed_(seed), random_{seed}, core_(options) {
  const std::size_t workers = 1 + random_.below(4), clients = 1 + random_.below(2);
  for (std::size_t k = 0; k < workers; ++k) add_worker();
  for (std::size_t k = 0; k < clients; ++k) add_client();
}

model_worker* world::find_worker(peer_id p) {
  const auto w = workers_.find(p);
  return w == workers_.end() ? nullptr : &w->second;
}

bool world::gives(task_id id, peer_id to) const {
  for (const auto* all : {&clients_, &submitters_})
    if (const auto c = all->find(submitter_of(id)); c != all->end())
      if (const auto g = c->second.gives.find(id); g != c->second.gives.end()) return g->second == to;
  return false;
}

void world::add_worker() {
  worker_hello hello;
  hello.name = "w" + std::to_string(++named_);
  hello.host = named_ % 2 ? "left" : "right";
  hello.address = hello.name + ":1";
  hello.slots = static_cast<std::uint32_t>(1 + random_.below(3));
  hello.resources = random_.chance(50) ? "gpu=1" : "";
  hello.value_memory = random_.chance(50) ? 1'000 : 10'000;
  const peer_id p = core_.add_worker(now_, hello);
  workers_[p].self = p;
  workers_[p].slots = hello.slots;
  submitters_[p].self = p;
  check();
}

void world::add_client() {
  const peer_id p = core_.add_client(now_, {});
  clients_[p].self = p;
  const std::string gpu = "gpu=1", left = "left", name = "named";
  define_options m{};
  m.index = 1;
  m.resources = gpu;
  clients_[p].out.add(m);
  m = {};
  m.index = 2;
  m.hosts = left;
  m.flags = loose_restrictions;
  m.name = name;
  clients_[p].out.add(m);
  check();
}

void world::lose(peer_id p, bool expected) {
  workers_.erase(p);
  clients_.erase(p);
  submitters_.erase(p);
  to_core_.erase(p);
  from_core_.erase(p);
  core_.remove_peer(now_, p, expected, "as told");
  check();
  collect();
}

void world::check() {
  ++steps_;
  try {
    core_.check_invariants();
  } catch (const std::logic_error& e) {
    throw std::logic_error(std::string(e.what()) + ", after step " + std::to_string(steps_));
  }
}

void world::collect() {
  for (const peer_id p : core_.outputs()) {
    if (core_.out(p).empty()) continue;
    from_core_[p].push_back(core_.out(p).take());
    for (const std::byte b : from_core_[p].back()) note(static_cast<std::uint64_t>(b) + 1);
  }
  core_.clear_outputs();
  for (const auto& gone : core_.take_departures()) {
    workers_.erase(gone.peer);
    clients_.erase(gone.peer);
    submitters_.erase(gone.peer);
    to_core_.erase(gone.peer);
    from_core_.erase(gone.peer);
  }
}

void world::submit_some(model_client& c) {
  const std::size_t n = 1 + random_.below(6);
  for (std::size_t k = 0; k < n; ++k) {
    std::vector<task_id> inputs;
    // Its own futures mostly, now and then another's.
    model_client* from = &c;
    if (random_.chance(15) && !clients_.empty()) {
      auto other = clients_.begin();
      std::advance(other, static_cast<std::ptrdiff_t>(random_.below(clients_.size())));
      from = &other->second;
    }
    const std::size_t most = random_.below(4);
    for (std::size_t i = 0; i < most && !from->futures.empty(); ++i) {
      auto f = from->futures.end();
      std::advance(f,
                   -static_cast<std::ptrdiff_t>(1 + random_.below(std::min<std::size_t>(from->futures.size(), 6))));
      inputs.push_back(f->first);
    }
    submit_task m{};
    m.id = make_task_id(c.self, c.next++);
    const std::uint64_t dice = random_.below(20);
    m.function.offset = dice == 0 ? always_fails : dice < 3 ? sometimes_fails : always_works;
    m.retries = static_cast<std::uint16_t>(random_.chance(30) ? 2 : 0);
    m.rank = random_.below(1000);
    m.priority = static_cast<std::int16_t>(random_.below(3));
    m.flags = (random_.chance(75) ? task_wanted : 0u) | (random_.chance(50) ? task_inline : 0u) |
              (random_.chance(4) ? task_once : 0u);
    m.options = !clients_.contains(c.self) ? 0 : random_.chance(8) ? 1 : random_.chance(8) ? 2 : 0;
    m.inputs = inputs;
    const std::uint64_t call = m.id;
    m.call = std::as_bytes(std::span(&call, 1));
    offered_call offered{100, 1};
    if (random_.chance(15)) {
      if (random_.chance(50))
        offered.bytes = random_.chance(90) ? 5'000 : 20'000;  // into some workers, and into none
      inputs.clear();
      m.inputs = inputs;
      m.function.offset = always_works;
      m.flags = task_wanted | task_constant | task_offered;
      m.call = std::as_bytes(std::span(&offered, 1));
    }
    c.out.add(m);
    std::uint64_t value = mix(1, m.id);
    for (const task_id i : inputs) value = mix(value, expected_[i]);
    expected_[m.id] = value;
    behaviours_[m.id] = m.function.offset;
    inputs_[m.id] = inputs;
    c.futures[m.id].wanted = m.flags & task_wanted;
  }
}

void world::client_step(model_client& c) {
  const auto some = [&](auto&& condition) {
    std::vector<task_id> ids;
    for (const auto& [id, f] : c.futures)
      if (condition(f) && random_.chance(30)) ids.push_back(id);
    return ids;
  };
  const std::uint64_t dice = random_.below(20);
  if (dice < 9) {
    submit_some(c);
  } else if (dice < 15) {
    const auto ids = some([](const auto&) { return true; });
    release_tasks m{};
    m.tasks = ids;
    c.out.add(m);
    for (const task_id id : ids) c.futures.erase(id);
  } else if (dice < 16) {
    const auto ids = some([](const auto& f) { return f.at == model_client::state::pending; });
    cancel_tasks m{};
    m.tasks = ids;
    c.out.add(m);
  } else if (dice < 18) {
    const auto ids = some([](const auto& f) { return f.at >= model_client::state::failed; });
    retry_tasks m{};
    m.tasks = ids;
    c.out.add(m);
  } else if (dice < 19) {
    const auto ids = some([](const auto& f) { return f.wanted && f.at == model_client::state::finished; });
    locate_tasks m{};
    m.tasks = ids;
    c.out.add(m);
  }
}

void world::client_receives(model_client& c, batch_reader& in) {
  std::uint16_t kind = 0;
  while (in.next(kind)) client_hears(c, kind, in);
}

void world::client_hears(model_client& c, std::uint16_t kind, const batch_reader& in) {
  const auto find = [&](task_id id) -> model_client::future* {
    const auto f = c.futures.find(id);
    return f == c.futures.end() ? nullptr : &f->second;
  };
  switch (static_cast<message_kind>(kind)) {
    case message_kind::task_finished: {
      const auto m = in.get<task_finished>();
      require(c.known.contains(m.worker), "a client is told of a worker that it does not know");
      std::uint64_t value = expected_.at(m.id);
      if (m.flags & has_value) {
        require(m.value.size() == sizeof value, "a value came with another size");
        std::memcpy(&value, m.value.data(), sizeof value);
      } else if (const model_worker* w = find_worker(m.worker); w && w->values.contains(m.id)) {
        value = w->values.at(m.id);
      }
      require(value == expected_.at(m.id), "a value is wrong");
      if (auto* f = find(m.id)) f->at = model_client::state::finished;
      break;
    }
    case message_kind::task_failed: {
      const auto m = in.get<net::task_failed>();
      const std::string type(m.type.data(), m.type.size()), path(m.path.data(), m.path.size());
      require(!path.empty(), "a failure has no path");
      if (type == "std::runtime_error") {
        if (path.starts_with("#")) {
          const std::string first = path.substr(1, path.find('\n') - 1);
          const auto dot = first.find('.');
          const task_id root = make_task_id(static_cast<peer_id>(std::stoul(first.substr(0, dot))),
                                            std::stoull(first.substr(dot + 1)));
          require(behaviours_.at(root) != always_works, "a task failed that does not: " + path);
        }
      } else {
        require(type == "weft::lost" || type == "weft::lost_input" || type == "weft::killed_workers",
                "a failure of type " + type);
      }
      if (auto* f = find(m.id)) f->at = model_client::state::failed;
      break;
    }
    case message_kind::task_cancelled:
      for (const task_id id : in.get<task_cancelled>().tasks)
        if (auto* f = find(id)) f->at = model_client::state::cancelled;
      break;
    case message_kind::task_restarted:
      for (const task_id id : in.get<task_restarted>().tasks)
        if (auto* f = find(id)) f->at = model_client::state::pending;
      break;
    case message_kind::want_offer: {
      const auto m = in.get<want_offer>();
      require(c.known.contains(m.worker), "a client is told of a worker that it does not know");
      require(submitter_of(m.id) == c.self, "a client is to give what another has offered");
      // Its future may be there, and the value be moved away all the same; or be gone, and the value kept.
      if (random_.chance(95)) {
        c.gives[m.id] = m.worker;
        break;
      }
      c.gives.erase(m.id);
      withdraw_offers gone{};
      gone.tasks = {&m.id, 1};
      c.out.add(gone);
      break;
    }
    case message_kind::drop_offers:
      for (const task_id id : in.get<drop_offers>().tasks) {
        require(submitter_of(id) == c.self && !find(id), "a client is to drop what it holds");
        c.gives.erase(id);
      }
      break;
    case message_kind::peer_info:
      c.known.insert(in.get<peer_info>().peer);
      break;
    case message_kind::peer_gone:
      c.known.erase(in.get<peer_gone>().peer);
      break;
    default:
      require(false, "a client was sent a message of kind " + std::to_string(kind));
  }
}

void world::deliver_to_core(peer_id p) {
  auto& queue = to_core_[p];
  if (queue.empty()) return;
  const std::vector<std::byte> batch = std::move(queue.front());
  queue.pop_front();
  batch_reader reader(batch);
  core_.receive(now_, p, reader);
  check();
  collect();
}

void world::deliver_from_core(peer_id p) {
  auto& queue = from_core_[p];
  if (queue.empty()) return;
  const std::vector<std::byte> batch = std::move(queue.front());
  queue.pop_front();
  batch_reader reader(batch);
  model_client* says = nullptr;
  if (const auto w = workers_.find(p); w != workers_.end()) {
    w->second.receive(*this, reader);
    says = &submitters_[p];
  } else if (const auto c = clients_.find(p); c != clients_.end()) {
    client_receives(c->second, reader);
    says = &c->second;
  }
  if (says && !says->out.empty()) to_core_[p].push_back(says->out.take());
}

void world::step(bool calm) {
  now_ += static_cast<time_ns>(random_.below(2'000'000));
  std::vector<peer_id> peers;
  for (const auto& [p, w] : workers_) peers.push_back(p);
  for (const auto& [p, c] : clients_) peers.push_back(p);
  const peer_id p = peers[random_.below(peers.size())];
  switch (random_.below(4)) {
    case 0:
      deliver_to_core(p);
      break;
    case 1:
      deliver_from_core(p);
      break;
    default:
      if (const auto w = workers_.find(p); w != workers_.end()) {
        w->second.step(*this, random_, calm);
        if (!calm && random_.chance(10)) {
          model_client& tasks = submitters_[p];
          client_step(tasks);
          // One batch: what it says of its tasks, and of those that it submits.
          const auto more = tasks.out.take();
          if (!more.empty()) {
            if (!w->second.out.empty()) to_core_[p].push_back(w->second.out.take());
            to_core_[p].push_back(more);
          }
        }
        if (!w->second.out.empty()) to_core_[p].push_back(w->second.out.take());
      } else if (!calm) {
        model_client& c = clients_[p];
        client_step(c);
        if (!c.out.empty()) to_core_[p].push_back(c.out.take());
      }
  }
  if (core_.deadline() <= now_) {
    core_.tick(now_);
    check();
    collect();
  }
  if (calm) return;
  if (random_.chance(2)) {
    const std::uint64_t dice = random_.below(10);
    if (dice < 3 && workers_.size() < 6) {
      add_worker();
      collect();
    } else if (dice < 6 && !workers_.empty()) {
      auto w = workers_.begin();
      std::advance(w, static_cast<std::ptrdiff_t>(random_.below(workers_.size())));
      lose(w->first, random_.chance(30));
    } else if (dice == 6 && clients_.size() > 1) {
      lose(clients_.begin()->first, false);
    } else if (dice == 7 && workers_.size() > 1) {
      auto w = workers_.begin();
      std::advance(w, static_cast<std::ptrdiff_t>(random_.below(workers_.size())));
      core_.retire(now_, w->first);
      check();
      collect();
    } else if (dice == 8 && !clients_.empty()) {
      std::vector<task_id> all;
      for (const auto& [id, f] : clients_.begin()->second.futures) all.push_back(id);
      core_.replicate(now_, all, static_cast<std::uint32_t>(1 + random_.below(3)));
      check();
      collect();
    } else if (dice == 9) {
      core_.rebalance(now_);
      check();
      collect();
    }
  }
}

std::string world::describe() const {
  std::string text;
  const auto name = [](task_id id) { return std::to_string(submitter_of(id)) + "." + std::to_string(number_of(id)); };
  for (const auto& [p, c] : clients_)
    for (const auto& [id, f] : c.futures)
      if (f.wanted && f.at == model_client::state::pending) {
        text +=
            "\n  " + name(id) + " is in state " + std::to_string(static_cast<int>(core_.state_of(id))) + ", takes";
        for (const task_id i : inputs_.at(id))
          text += " " + name(i) + " in " + std::to_string(static_cast<int>(core_.state_of(i)));
      }
  for (const auto& [p, w] : workers_) {
    text += "\n  worker " + std::to_string(p) + " mode " + std::to_string(static_cast<int>(w.mode)) + " values " +
            std::to_string(w.values.size());
    for (const auto& [id, t] : w.tasks) {
      text += "; " + name(id) + (t.executing ? " executes" : " waits");
      for (const input_ref& i : t.inputs)
        text += " " + name(i.id) + "@" + std::to_string(i.worker) + (w.values.contains(i.id) ? "+" : "-") +
                (w.asked.contains(i.id) ? "?" : "");
    }
  }
  for (const auto& [id, value] : expected_)
    if (core_.state_of(id) == task_state::assigned) text += "\n  " + name(id) + " is assigned";
  for (const auto& w : core_.workers())
    text += "\n  worker " + std::to_string(w.peer) + " as the scheduler sees it: mode " +
            std::to_string(static_cast<int>(w.mode)) + " tasks " + std::to_string(w.assigned);
  return text;
}

void world::run(std::size_t steps) {
  for (std::size_t k = 0; k < steps; ++k) step(false);
  seen_ = core_.statistics();
  add_worker();
  // One that has what some tasks ask for.
  worker_hello hello;
  hello.name = "last";
  hello.host = "left";
  hello.resources = "gpu=1";
  hello.slots = 4;
  const peer_id last = core_.add_worker(now_, hello);
  workers_[last].self = last;
  workers_[last].slots = 4;
  submitters_[last].self = last;
  collect();
  const auto quiet = [&] {
    for (const auto& [p, q] : to_core_)
      if (!q.empty()) return false;
    for (const auto& [p, q] : from_core_)
      if (!q.empty()) return false;
    for (const auto& [p, w] : workers_)
      if (!w.tasks.empty() || !w.copies.empty()) return false;
    return true;
  };
  const auto pending = [&] {
    for (const auto* all : {&clients_, &submitters_})
      for (const auto& [p, c] : *all)
        for (const auto& [id, f] : c.futures)
          if (f.wanted && f.at == model_client::state::pending) return true;
    return false;
  };
  std::size_t left = 200'000;
  while ((!quiet() || pending()) && left-- > 0) step(true);
  if (pending()) throw std::logic_error("a wanted future has no end: " + describe());
  require(quiet(), "there is no end of messages");
  for (auto* everybody : {&clients_, &submitters_})
    for (auto& [p, c] : *everybody) {
      std::vector<task_id> all;
      for (const auto& [id, f] : c.futures) all.push_back(id);
      c.futures.clear();
      release_tasks m{};
      m.tasks = all;
      c.out.add(m);
      to_core_[p].push_back(c.out.take());
    }
  left = 200'000;
  for (int round = 0; round < 2; ++round) {  // in the second, what was to be said later is said
    for (std::size_t calm_steps = 0; (!quiet() || calm_steps < 50) && left-- > 0; ++calm_steps) step(true);
    now_ += scheduler_options().laziness;
  }
  require(quiet(), "there is no end of messages after the last release");
  require(core_.statistics().tasks == 0, "records are left");
  for (const auto& [p, w] : workers_) require(w.values.empty(), "a worker keeps a value that nobody wants");
  note(steps_);
}

}  // namespace weft::test::scheduling
