#include "cluster/simulation/engine_model.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>
#include <utility>

namespace weft::net::simulation {

// ---- nodes -------------------------------------------------------------------------------------------------------

std::uint32_t engine_model::make(task_id id) {
  std::uint32_t place = static_cast<std::uint32_t>(nodes_.size());
  if (free_.empty()) {
    nodes_.emplace_back();
  } else {
    place = free_.back();
    free_.pop_back();
  }
  node& n = nodes_[place];
  n.id = id;
  n.named = true;
  places_.insert(id, place);
  return place;
}

engine_model::node* engine_model::look(std::uint64_t key) noexcept {
  node& n = nodes_[static_cast<std::uint32_t>(key)];
  return n.generation == key >> 32 && n.at != state::free ? &n : nullptr;
}

void engine_model::free_if_unused(std::uint32_t place) {
  node& n = nodes_[place];
  if (n.named || n.references != 0) return;
  if (n.at != state::remote && n.at != state::value && n.at != state::dead) return;
  if (n.at == state::value) (n.spilled ? spilled_ : memory_used_) -= n.bytes;
  const std::uint32_t generation = n.generation + 1;
  std::vector<std::uint32_t> inputs = std::move(n.inputs);
  std::vector<std::uint64_t> users = std::move(n.users);
  inputs.clear();
  users.clear();
  n = node{};
  n.inputs = std::move(inputs);
  n.users = std::move(users);
  n.generation = generation;
  free_.push_back(place);
}

void engine_model::note(event e) {
  if (events_.empty()) owner_.engine_moved();
  events_.push_back(e);
}

// ---- what the core asks for --------------------------------------------------------------------------------------

void engine_model::define(const define_options& o) {
  if (o.index >= gpu_of_option_.size()) gpu_of_option_.resize(o.index + 1);
  const std::string_view text(o.resources.data(), o.resources.size());
  int gpus = 0;
  if (const auto at = text.find("gpu="); at != text.npos)
    std::from_chars(text.data() + at + 4, text.data() + text.size(), gpus);
  gpu_of_option_[o.index] = static_cast<std::uint8_t>(gpus);
}

void engine_model::remote(task_id value, std::uint64_t bytes) {
  must(places_.find(value) == id_table::none, "remote() of what the engine knows");
  node& n = nodes_[make(value)];
  n.at = state::remote;
  n.bytes = bytes;
}

void engine_model::given(task_id value, std::uint64_t bytes, std::span<const std::byte> message) {
  must(places_.find(value) == id_table::none, "given() of what the engine knows");
  const std::uint32_t place = make(value);
  node& n = nodes_[place];
  must(message.size() == sizeof n.hash, "a value that is none came along");
  std::memcpy(&n.hash, message.data(), message.size());
  n.at = state::value;
  n.bytes = bytes;
  take_memory(bytes);
  values_.push_back(key_of(place));
}

/// Like a value that is elsewhere; when it is there the task has ended.
void engine_model::expect(const run_task& t) {
  must(places_.find(t.id) == id_table::none, "expect() of what the engine knows");
  offered_call what;
  must(t.call.size() == sizeof what, "an offer has another size");
  std::memcpy(&what, t.call.data(), sizeof what);
  node& n = nodes_[make(t.id)];
  n.at = state::remote;
  n.attempt = t.attempt;
  n.bytes = what.bytes;
}

void engine_model::submit(const run_task& t) {
  must(places_.find(t.id) == id_table::none, "submit() of what the engine knows");
  const std::uint32_t place = make(t.id);
  {
    node& n = nodes_[place];
    n.at = state::waiting;
    n.attempt = t.attempt;
    n.priority = t.priority;
    n.rank = t.rank;
    n.flags = t.flags;
    n.spec = decode_call(t.call, t.inputs.size());
    n.gpu = t.options < gpu_of_option_.size() ? gpu_of_option_[t.options] : std::uint8_t{0};
    must(n.gpu == n.spec.gpu, "the options of a task are another's");
  }
  bool elsewhere = false;
  for (const input_ref& input : t.inputs) {
    const std::uint32_t i = places_.find(input.id);
    must(i != id_table::none, "submit() with an input that the engine does not know");
    must(nodes_[i].at != state::remote || nodes_[i].attempt == 0, "submit() with an offer that has not come");
    node& n = nodes_[place];
    node& in = nodes_[i];
    n.inputs.push_back(i);
    ++in.references;
    in.users.push_back(key_of(place));
    if (in.users.size() > 2 * std::size_t{in.references} + 16)
      std::erase_if(in.users, [&](std::uint64_t k) { return look(k) == nullptr; });
    if (in.at == state::dead) doomed_.push_back(key_of(place));
    if (in.at != state::value) ++n.waiting;
    elsewhere |= in.at == state::remote;
  }
  for (std::size_t i = 0; i < t.inputs.size() && i < 16; ++i) {
    if ((t.last_uses >> i & 1) == 0) continue;
    nodes_[places_.find(t.inputs[i].id)].lent = nodes_[place].may_take = true;
  }
  if (elsewhere) to_ask_.push_back(key_of(place));
  if (nodes_[place].waiting == 0) make_ready(place);
  owner_.engine_moved();
}

bool engine_model::withdraw(task_id task) {
  const std::uint32_t place = places_.find(task);
  must(place != id_table::none, "withdraw() of what the engine does not know");
  node& n = nodes_[place];
  must(n.attempt != 0, "withdraw() of what is no task");
  if (n.at != state::waiting && n.at != state::ready) return false;
  n.at = state::dead;
  n.named = false;
  places_.erase(task);
  let_go_of_inputs(place);
  doom_users(place);
  free_if_unused(place);
  return true;
}

void engine_model::stop(task_id task) {
  const std::uint32_t place = places_.find(task);
  must(place != id_table::none, "stop() of what the engine does not know");
  node& n = nodes_[place];
  if (n.stopped) throw violation("stop() of " + name_of(task) + " twice");
  n.stopped = true;
  if (n.at == state::running || n.at == state::suspended) ++stopped_unended_;
  if (n.at == state::suspended && n.spec.does == behaviour::submits) {
    owner_.stop_children(n.id, n.attempt);
    n.failed_child = true;
    make_ready(place);
    n.at = state::suspended;  // it holds no slot, and goes on in one to end
  }
}

task_id engine_model::hold(const run_task& t) {
  for (const input_ref& input : t.inputs) {
    const std::uint32_t i = places_.find(input.id);
    must(i != id_table::none, "hold() of inputs that the engine does not know");
    if (nodes_[i].taken) return input.id;
  }
  return 0;
}

bool engine_model::has(task_id value) {
  const std::uint32_t place = places_.find(value);
  must(place != id_table::none, "has() of what the engine does not know");
  return !nodes_[place].taken;
}

void engine_model::drop(task_id id) {
  const std::uint32_t place = places_.find(id);
  must(place != id_table::none, "drop() of what the engine does not know");
  node& n = nodes_[place];
  n.named = false;
  places_.erase(id);
  if (n.at == state::remote) {
    n.at = state::dead;
    doom_users(place);
  }
  free_if_unused(place);
}

// ---- inputs ------------------------------------------------------------------------------------------------------

/// Tasks are looked at in the order in which they came, so many at a time.
void engine_model::ask_for_inputs() {
  while (asking_ < options_.looked_ahead && asked_from_ < to_ask_.size()) {
    const std::uint64_t key = to_ask_[asked_from_++];
    if (node* n = look(key); n && n->at == state::waiting) ask(static_cast<std::uint32_t>(key));
  }
  if (asked_from_ > 64 && asked_from_ * 2 > to_ask_.size()) {
    to_ask_.erase(to_ask_.begin(), to_ask_.begin() + static_cast<std::ptrdiff_t>(asked_from_));
    asked_from_ = 0;
  }
}

void engine_model::ask(std::uint32_t place) {
  node& n = nodes_[place];
  n.asked = true;
  ++asking_;
  for (const std::uint32_t i : n.inputs) {
    node& in = nodes_[i];
    if (in.at != state::remote || !in.named) continue;
    if (in.needers++ == 0) {
      in.needed = true;
      note({event::need, in.id, 0, 0, n.rank, 0});
      if (options_.fickle && random_.one_in(4)) {
        note({event::need_not, in.id, 0, 0, 0, 0});
        note({event::need, in.id, 0, 0, n.rank + random_.below(9), 0});
      }
    }
  }
}

void engine_model::unask(std::uint32_t place) {
  node& n = nodes_[place];
  if (!std::exchange(n.asked, false)) return;
  --asking_;
  for (const std::uint32_t i : n.inputs) {
    node& in = nodes_[i];
    if (in.at != state::remote || in.needers == 0) continue;
    if (--in.needers == 0) note({event::need_not, in.id, 0, 0, 0, 0});
  }
}

void engine_model::let_go_of_inputs(std::uint32_t place) {
  unask(place);
  for (std::size_t k = 0; k < nodes_[place].inputs.size(); ++k) {
    const std::uint32_t i = nodes_[place].inputs[k];
    --nodes_[i].references;
    free_if_unused(i);
  }
  nodes_[place].inputs.clear();
}

/// A value is there: tasks that take it wait for one input less.
void engine_model::input_there(std::uint32_t place) {
  for (const std::uint64_t key : nodes_[place].users) {
    node* user = look(key);
    if (!user || user->at != state::waiting) continue;
    if (--user->waiting == 0) make_ready(static_cast<std::uint32_t>(key));
  }
}

void engine_model::make_ready(std::uint32_t place) {
  node& n = nodes_[place];
  if (n.at == state::waiting) n.at = state::ready;
  ready_.push({n.priority, n.rank, n.id, key_of(place)});
}

/// Tasks that take it and have not begun can never begin.
void engine_model::doom_users(std::uint32_t place) {
  for (const std::uint64_t key : nodes_[place].users) {
    const node* user = look(key);
    if (user && (user->at == state::waiting || user->at == state::ready)) doomed_.push_back(key);
  }
}

void engine_model::die(std::uint32_t place, event::what kind) {
  node& n = nodes_[place];
  n.at = state::dead;
  note({kind, n.id, n.attempt, 0, 0, 0});
  doom_users(place);
  let_go_of_inputs(place);
  free_if_unused(place);
}

void engine_model::arrived(task_id value, std::uint64_t hash) {
  const std::uint32_t place = places_.find(value);
  must(place != id_table::none && nodes_[place].at == state::remote,
       "a value came that the engine does not wait for");
  node& n = nodes_[place];
  n.at = state::value;
  n.hash = hash;
  take_memory(n.bytes);
  values_.push_back(key_of(place));
  input_there(place);
  if (n.attempt != 0) note({event::done, n.id, n.attempt, n.bytes, 0, n.hash});
}

engine_model::found engine_model::find(task_id value) {
  const std::uint32_t place = places_.find(value);
  if (place == id_table::none || nodes_[place].at != state::value) return {};
  if (nodes_[place].taken) return {};
  return {true, nodes_[place].hash, nodes_[place].bytes};
}

// ---- running -----------------------------------------------------------------------------------------------------

void engine_model::take_memory(std::uint64_t bytes) { memory_used_ += bytes; }

void engine_model::settle(time_ns now) {
  while (!doomed_.empty()) {
    const std::uint64_t key = doomed_.back();
    doomed_.pop_back();
    const node* n = look(key);
    if (n && (n->at == state::waiting || n->at == state::ready))
      die(static_cast<std::uint32_t>(key), random_.one_in(2) ? event::failed : event::cancelled);
  }
  // The oldest values go to the disk when memory is short.
  for (std::size_t k = 0; memory_used_ > options_.memory / 10 * 7 && !disk_full_ && k < values_.size(); ++k) {
    node* n = look(values_[k]);
    if (!n || n->at != state::value || n->spilled) continue;
    n->spilled = true;
    memory_used_ -= n->bytes;
    spilled_ += n->bytes;
  }
  if (values_.size() > 2 * nodes_.size() + 64) std::erase_if(values_, [&](std::uint64_t k) { return !look(k); });
  paused_ = memory_used_ > options_.memory / 10 * 8;
  ask_for_inputs();
  while (running_ < options_.slots && !ready_.empty() && !paused_) {
    const waiting_task next = ready_.top();
    ready_.pop();
    node* n = look(next.key);
    if (!n || (n->at != state::ready && n->at != state::suspended)) continue;
    if (n->at == state::ready && gpus_used_ + n->gpu > options_.gpus) {
      // The scheduler counts what it has asked to stop as stopped: it may run on for a while.
      put_off_.push_back(next);
      ++overlaps_;
      must(stopped_unended_ != 0, "resources are given twice");
      continue;
    }
    begin(now, static_cast<std::uint32_t>(next.key));
  }
  for (const waiting_task& t : put_off_) ready_.push(t);
  put_off_.clear();
  must(running_ <= options_.slots, "slots are given twice");
}

void engine_model::begin(time_ns now, std::uint32_t place) {
  node& n = nodes_[place];
  ++running_;
  if (n.at == state::suspended) {
    n.at = state::running;
    n.second_half = true;
    return owner_.engine_timer(now + 1'000, key_of(place));
  }
  unask(place);
  n.at = state::running;
  n.began = now;
  gpus_used_ += n.gpu;
  note({event::began, n.id, n.attempt, 0, 0, 0});
  n.hash = begin_answer(n.spec);
  for (const std::uint32_t i : n.inputs) {
    must(nodes_[i].at == state::value, "a task begins without its inputs");
    n.hash = mix(n.hash, nodes_[i].hash);
  }
  if (random_.one_in(2)) take_inputs(place);
  n.hash = children_answer(n.spec, n.hash);
  const time_ns time =
      options_.simple ? n.spec.run_ns : static_cast<time_ns>(n.spec.run_ns / 2 + random_.below(n.spec.run_ns + 1u));
  owner_.engine_timer(now + time, key_of(place));
}

/// Those that are lent to it, as far as nobody else has them; also when it was stopped long ago.
void engine_model::take_inputs(std::uint32_t place) {
  node& n = nodes_[place];
  if (!n.may_take) return;
  for (const std::uint32_t i : n.inputs) {
    node& in = nodes_[i];
    if (!in.lent || in.taken || in.references != 1 || !in.named) continue;
    in.taken = true;
    ++taken_;
    in.hash = ~in.hash;
    note({event::taken, in.id, in.attempt, 0, key_of(i), 0});
  }
}

void engine_model::timer(time_ns now, std::uint64_t key) {
  node* n = look(key);
  if (!n) return;
  const auto place = static_cast<std::uint32_t>(key);
  if (n->at == state::suspended && n->spec.does == behaviour::waits) {
    make_ready(place);
    return owner_.engine_moved();
  }
  if (n->at != state::running) return;
  if (!n->second_half && !n->stopped && (n->spec.does == behaviour::waits || n->spec.does == behaviour::submits)) {
    --running_;
    n->at = state::suspended;
    if (n->spec.does == behaviour::waits)
      owner_.engine_timer(now + n->spec.run_ns, key);
    else
      owner_.begin_children(n->id, n->attempt, n->spec);
    return owner_.engine_moved();
  }
  end(now, place);
}

void engine_model::children_done(task_id task, std::uint32_t attempt, bool well) {
  const auto at = std::find_if(nodes_.begin(), nodes_.end(), [&](const node& n) {
    return n.at == state::suspended && n.id == task && n.attempt == attempt;
  });
  if (at == nodes_.end() || at->stopped) return;
  at->failed_child = !well;
  make_ready(static_cast<std::uint32_t>(at - nodes_.begin()));
  owner_.engine_moved();
}

void engine_model::end(time_ns now, std::uint32_t place) {
  take_inputs(place);
  node& n = nodes_[place];
  --running_;
  gpus_used_ -= n.gpu;
  if (n.stopped) --stopped_unended_;
  if (n.spec.does == behaviour::kills && !n.stopped) return owner_.killed();
  if ((n.stopped && (n.failed_child || !random_.one_in(4)))) return die(place, event::cancelled);
  if (n.spec.does == behaviour::fails || n.failed_child || (n.spec.does == behaviour::flaky && random_.one_in(3)))
    return die(place, event::failed);
  ++ran_;
  n.at = state::value;
  n.bytes = n.spec.bytes;
  take_memory(n.bytes);
  values_.push_back(key_of(place));
  note({event::done, n.id, n.attempt, n.bytes, static_cast<std::uint64_t>(now - n.began), n.hash});
  input_there(place);
  let_go_of_inputs(place);
  free_if_unused(place);
}

bool engine_model::lose_value(std::uint64_t which) {
  std::vector<std::uint32_t> all;
  for (std::uint32_t p = 0; p < nodes_.size(); ++p)
    if (nodes_[p].at == state::value && nodes_[p].named && !nodes_[p].taken) all.push_back(p);
  if (all.empty()) return false;
  const std::uint32_t place = all[which % all.size()];
  node& n = nodes_[place];
  (n.spilled ? spilled_ : memory_used_) -= n.bytes;
  n.at = state::dead;
  note({event::dropped, n.id, 0, 0, 0, 0});
  doom_users(place);
  return true;
}

heartbeat_record engine_model::measured() const noexcept {
  heartbeat_record r{};
  r.memory_used = r.resident = memory_used_;
  r.memory_limit = options_.memory;
  r.spilled = spilled_;
  return r;
}

bool engine_model::tell(worker_core& core) {
  bool any = false;
  while (!events_.empty()) {
    any = true;
    telling_.clear();
    telling_.swap(events_);
    for (const event& e : telling_) {
      switch (e.kind) {
        case event::began:
          core.began(e.id, e.attempt);
          break;
        case event::done:
          core.done(e.id, e.attempt, e.bytes, e.ns, std::as_bytes(std::span(&e.hash, 1)));
          break;
        case event::failed:
          core.failed({{e.id, e.attempt, 0},
                       std::string_view("a function"),
                       std::string_view("simulation::error"),
                       std::string_view("it fails"),
                       {}});
          break;
        case event::cancelled:
          core.cancelled(e.id, e.attempt);
          break;
        case event::need:
          core.need(e.id, e.ns);
          break;
        case event::need_not:
          core.need_not(e.id);
          break;
        case event::dropped:
          core.dropped(e.id);
          break;
        case event::taken:
          if (const node* n = look(e.ns); n && n->named) core.taken(e.id);
          break;
      }
    }
  }
  return any;
}

}  // namespace weft::net::simulation
