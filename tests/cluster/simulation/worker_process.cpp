#include "cluster/simulation/worker_process.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace weft::net::simulation {

worker_process::worker_process(surroundings& world, simulated_node node, std::uint32_t number,
                               const engine_options& engine, const worker_limits& limits)
    : member(world, node, peer_role::worker, number), options_(engine), limits_(limits) {
  world.net.listen(node, this);
}

// ---- lives -------------------------------------------------------------------------------------------------------

void worker_process::fill(hello& m) {
  m.slots = options_.slots;
  m.memory_limit = options_.memory;
  static constexpr std::string_view names[] = {"", "gpu=1", "gpu=2", "gpu=3", "gpu=4"};
  m.resources = names[std::min<std::size_t>(options_.gpus, 4)];
}

void worker_process::begin_life() {
  ++epoch_;
  engine_ = std::make_unique<engine_model>(static_cast<engine_owner&>(*this), world_.random, options_);
  core_ = std::make_unique<worker_core>(self(), *engine_, limits_, now());
  client_ = std::make_unique<client_core>(self(), static_cast<client_host&>(*this), client_limits{});
  families_.clear();
  parents_.clear();
  child_ends_.clear();
  givers_.clear();
  wake();
}

void worker_process::end_life(const std::string&) {
  ++epoch_;
  core_.reset();
  client_.reset();
  engine_.reset();
  families_.clear();
  parents_.clear();
  child_ends_.clear();
  givers_.clear();
}

bool worker_process::empty() const noexcept {
  return !core_ || (core_->empty() && engine_->empty() && client_->tasks() == 0 && families_.empty());
}

std::string worker_process::describe() const {
  std::string text = role_name();
  if (!core_) return text + ": not in a session";
  text += ", peer " + std::to_string(self()) + ": " + std::to_string(core_->tasks()) + " tasks, " +
          std::to_string(engine_->nodes()) + " nodes of the engine, " + std::to_string(core_->fetches().values()) +
          " values to fetch in " + std::to_string(core_->fetches().requests()) + " requests, " +
          std::to_string(client_->tasks()) + " children, mode " + std::to_string(static_cast<int>(core_->mode()));
  return text;
}

// ---- a turn ------------------------------------------------------------------------------------------------------

void worker_process::work() {
  if (!core_) return;
  for (;;) {
    for (const auto& [giver, there] : std::exchange(givers_, {})) {
      if (there)
        core_->peer_resumed(giver);
      else
        core_->peer_interrupted(now(), giver);
    }
    engine_->settle(now());
    core_->pause(now(), engine_->short_of_memory());
    const bool moved = engine_->tell(*core_);
    core_->tick(now());
    std::vector<std::pair<task_id, bool>> ends;
    ends.swap(child_ends_);
    for (const auto& [child, well] : ends) child_ended(child, well);
    if (!moved && ends.empty() && givers_.empty()) break;
  }
  client_->tick(now());
  if (core_->heartbeat_due(now())) core_->heartbeat(now(), engine_->measured());
  say_to_scheduler(core_->out());
  say_to_scheduler(client_->out());
  alarm(std::max(core_->deadline(), now() + 1));
}

void worker_process::happened(std::uint8_t what, std::uint64_t argument) {
  switch (what) {
    case engine_event:
      // The engine of another life has another epoch: its low bits stand in the generation.
      if (engine_ && argument >> 56 == (epoch_ & 0xff)) engine_->timer(now(), argument << 8 >> 8);
      return;
    case death:
      if (argument == epoch_ && on_killed) on_killed(*this);
      return;
    default:
      return member::happened(what, argument);
  }
}

void worker_process::engine_timer(time_ns when, std::uint64_t argument) {
  world_.time.at(when, *this, engine_event, argument | std::uint64_t{epoch_ & 0xff} << 56);
}

void worker_process::killed() { world_.time.at(now(), *this, death, epoch_); }

/// Messages of the scheduler are for the worker's core or for its client's; who a peer is, is for both.
void worker_process::told(std::span<const std::byte> messages) {
  const auto for_client = [](std::uint16_t kind) { return kind >= 32 && kind < 48; };
  const auto pass = [&](std::span<const std::byte> some, bool to_client) {
    if (some.empty()) return;
    batch_reader reader(some);
    if (to_client)
      client_->receive(reader);
    else
      core_->receive(now(), reader);
  };
  std::size_t begin = 0, at = 0;
  bool before = false;
  while (at < messages.size()) {
    message_header head;
    std::memcpy(&head, messages.data() + at, sizeof head);
    const bool here = for_client(head.kind);
    if (here != before) {
      pass(messages.subspan(begin, at - begin), before);
      begin = at;
      before = here;
    }
    if (head.kind == static_cast<std::uint16_t>(message_kind::peer_info) ||
        head.kind == static_cast<std::uint16_t>(message_kind::peer_gone))
      pass(messages.subspan(at, head.bytes), true);
    at += head.bytes;
  }
  pass(messages.subspan(begin), before);
  wake();
}

// ---- values ------------------------------------------------------------------------------------------------------

void worker_process::fetch_from(peer_id p, std::uint64_t request, std::span<const task_id> values) {
  ask_for(p, request, values);
}

void worker_process::value_came(std::uint64_t request, task_id id, std::uint64_t bytes, std::uint64_t hash) {
  if (core_->fetched(request, id, bytes)) engine_->arrived(id, hash);
  wake();
}

void worker_process::value_not_there(std::uint64_t request, task_id id, bool is_busy) {
  core_->not_there(now(), request, id, is_busy);
  wake();
}

void worker_process::holder_lost(peer_id peer) {
  if (core_) core_->peer_lost(now(), peer);
  wake();
}

void worker_process::value_pushed(task_id id, std::uint64_t bytes, std::span<const std::byte> message) {
  if (core_) core_->pushed(id, bytes, message);
  wake();
}

member::served worker_process::serve(std::uint64_t request, task_id id) {
  if (busy_) return {request, id, false, true, 0, 0};
  if (!engine_) return {request, id, false, false, 0, 0};
  const engine_model::found f = engine_->find(id);
  return {request, id, f.there, false, f.hash, f.bytes};
}

bool worker_process::lose_value(std::uint64_t which) {
  if (!engine_ || !engine_->lose_value(which)) return false;
  wake();
  return true;
}

void worker_process::disk_full(bool full) {
  if (engine_) engine_->disk_full(full);
  wake();
}

// ---- tasks that submit tasks -------------------------------------------------------------------------------------

void worker_process::begin_children(task_id task, std::uint32_t attempt, const call_spec& spec) {
  const parent of{task, attempt};
  family& f = families_[of];
  for (std::uint8_t n = 0; n < spec.children; ++n) {
    const call_spec c = child_of(spec, n);
    submit_task t{};
    t.function.offset = static_cast<std::uint64_t>(c.does) + 1;
    t.flags = task_wanted | task_inline | (c.does == behaviour::submits ? task_waits | task_submits : 0u);
    t.call = std::as_bytes(std::span(&c, 1));
    t.rank = n;
    const task_id id = client_->submit(t);
    f.children.push_back(id);
    parents_[id] = {of, children_answer(c, begin_answer(c))};
  }
  if (f.children.empty()) {
    families_.erase(of);
    engine_->children_done(task, attempt, true);
  }
  wake();
}

void worker_process::stop_children(task_id task, std::uint32_t attempt) {
  const auto at = families_.find({task, attempt});
  if (at == families_.end()) return;
  for (const task_id c : at->second.children) {
    client_->release(c);
    parents_.erase(c);
  }
  families_.erase(at);
  wake();
}

void worker_process::finished(task_id task, std::uint64_t, std::span<const std::byte> value) {
  const auto at = parents_.find(task);
  if (at == parents_.end()) return;
  if (!value.empty()) {
    must(value.size() == 8 && std::memcmp(value.data(), &at->second.second, 8) == 0,
         "the value of " + name_of(task) + ", a child, is wrong");
  }
  child_ends_.emplace_back(task, true);
}

void worker_process::restarted(task_id task) {
  // Its end was told before; the parent has it, or will see it again.
  std::erase_if(child_ends_, [&](const auto& e) { return e.first == task; });
}

void worker_process::child_ended(task_id child, bool well) {
  const auto at = parents_.find(child);
  if (at == parents_.end()) return;
  const parent of = at->second.first;
  family& f = families_.at(of);
  f.well &= well;
  parents_.erase(at);
  client_->release(child);
  if (++f.ended < f.children.size()) return;
  const bool all_well = f.well;
  families_.erase(of);
  engine_->children_done(of.first, of.second, all_well);
}

}  // namespace weft::net::simulation
