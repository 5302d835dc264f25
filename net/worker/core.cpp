// What the scheduler tells a worker.
#include "worker/core.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <utility>

namespace weft::net {

namespace {

[[noreturn]] void wrong(const char* what, std::uint64_t which, const char* why) {
  throw protocol_error("weft: the scheduler " + std::string(what) + " " + std::to_string(which) + ": " + why);
}

/// A number of a table of the session, within the limit; true if it is new.
bool enter(std::vector<bool>& table, std::uint32_t index, std::uint32_t limit, const char* what) {
  if (index == 0 || index >= limit) wrong(what, index, "its number is out of bounds");
  if (index >= table.size()) table.resize(index + 1);
  if (table[index]) return false;
  return table[index] = true;
}

bool defined(const std::vector<bool>& table, std::uint32_t index) {
  return index == 0 || (index < table.size() && table[index]);
}

}  // namespace

worker_core::worker_core(peer_id self, worker_host& host, const worker_limits& limits, time_ns now)
    : self_(self), host_(host), limits_(limits), fetcher_(*this, limits.fetch), heartbeat_at_(now) {}

void worker_core::receive(time_ns now, batch_reader& batch) {
  std::uint16_t kind = 0;
  while (batch.next(kind)) {
    switch (static_cast<message_kind>(kind)) {
      case message_kind::define_module:
        define(batch.get<define_module>());
        break;
      case message_kind::define_options:
        define(batch.get<define_options>());
        break;
      case message_kind::peer_info:
        meet(batch.get<peer_info>());
        break;
      case message_kind::peer_gone: {
        const peer_id gone = batch.get<peer_gone>().peer;
        if (fetcher_.peer_gone(gone)) host_.peer_left(gone);
        break;
      }
      case message_kind::run_task:
        run(now, batch.get<run_task>());
        break;
      case message_kind::drop_values:
        for (const task_id id : batch.get<drop_values>().tasks) drop(id);
        break;
      case message_kind::stop_tasks:
        stop(batch.get<stop_tasks>().tasks);
        break;
      case message_kind::retract_tasks: {
        // Backwards: what depends on others comes back before these, and is not given back unasked on their account.
        const auto tasks = batch.get<retract_tasks>().tasks;
        for (std::size_t i = tasks.size(); i-- > 0;) retract(tasks[i]);
        break;
      }
      case message_kind::copy_value:
        copy(batch.get<copy_value>());
        break;
      case message_kind::value_at:
        found(batch.get<value_at>());
        break;
      case message_kind::push_value:
        push(batch.get<push_value>());
        break;
      case message_kind::give_value: {
        const auto m = batch.get<give_value>();
        pushed(m.id, m.bytes, m.message);
        confirm(places_.find(m.id));
        break;
      }
      case message_kind::set_mode:
        order(now, batch.get<set_mode>().mode);
        break;
      default:
        if (is_of_leases(kind)) break;  // the worker's
        wrong("sent a worker a message of kind", kind, "it is none that a worker takes");
    }
    take_all_away();
  }
}

void worker_core::define(const define_module& module) {
  if (!enter(modules_, module.index, limits_.modules, "defined module"))
    wrong("defined module", module.index, "it is defined already");
  host_.define(module);
}

void worker_core::define(const define_options& options) {
  enter(options_, options.index, limits_.options, "defined options");
  host_.define(options);
}

void worker_core::meet(const peer_info& peer) {
  if (peer.peer >> peer_bits != 0) wrong("named peer", peer.peer, "it has more than 24 bits");
  if (peer.peer == the_scheduler || peer.peer == self_) return;
  fetcher_.add_peer(peer.peer);
  host_.peer(peer);
}

void worker_core::check_peer(task_id value, peer_id peer) const {
  if (peer != 0 && peer != self_ && !fetcher_.knows_peer(peer))
    wrong("named a holder of the value", value, "it has not said who that peer is");
}

// ---- tasks -------------------------------------------------------------------------------------------------------

void worker_core::check(const run_task& t) const {
  if (t.id == 0) wrong("sent task", t.id, "no task has that number");
  if (t.attempt == 0) wrong("sent task", t.id, "attempts begin at 1");
  if (t.time_left_ns < 0) wrong("sent task", t.id, "the time left is negative: such a task ends at the scheduler");
  if (!defined(modules_, t.function.module)) wrong("sent task", t.id, "its module is not defined");
  if (!defined(options_, t.options)) wrong("sent task", t.id, "its options are not defined");
  std::uint64_t given = 0;
  for (const input_ref& input : t.inputs) {
    if (input.id == 0 || input.id == t.id) wrong("sent task", t.id, "an input has no number, or the task's own");
    check_peer(input.id, input.worker);
    if (input.given != promised_input)
      given += input.given;
    else if (input.worker == 0 || input.worker == self_)
      wrong("sent task", t.id, "an input is promised by its own worker");
  }
  if ((t.flags & task_offered) && (!t.inputs.empty() || t.call.size() != sizeof(offered_call)))
    wrong("sent task", t.id, "its value is offered, and it has inputs, or its call is no offer");
  if (given != t.values.size()) wrong("sent task", t.id, "its values have another size than its inputs say");
}

void worker_core::run(time_ns now, const run_task& t) {
  check(t);
  if (const std::uint32_t place = places_.find(t.id); place != none && !make_way(t, place)) return;
  if (ordered_ >= worker_mode::retiring) return say_retracted(t.id, t.attempt, true);

  if (t.flags & task_offered) return await_offer(now, t);

  // What is elsewhere is not what is being stopped here; to disown that may give other tasks back.
  for (const input_ref& input : t.inputs)
    if (input.worker != 0 && input.worker != self_) disown(places_.find(input.id));
  // Nothing is made before all inputs are seen: a task that lacks one leaves no trace.
  scratch_.clear();
  for (const input_ref& input : t.inputs) {
    const std::uint32_t place = places_.find(input.id);
    const bool not_here = place == none || entries_[place].at == state::promised;
    if (not_here && (input.worker == 0 || input.worker == self_)) {
      say().add(value_dropped{{}, {&input.id, 1}});
      return say_retracted(t.id, t.attempt, true);
    }
    scratch_.push_back(place);
  }
  const std::uint32_t task = make(t.id, state::submitted);
  std::span<const std::byte> values = t.values;
  std::uint32_t lacking = 0;
  entries_[task].attempt = t.attempt;
  entries_[task].may_inline = (t.flags & task_inline) != 0;
  entries_[task].once = (t.flags & task_once) != 0;
  if (t.time_left_ns != 0)
    limit(t.time_left_ns > fetcher::never - now ? fetcher::never : now + t.time_left_ns, t.id, t.attempt);
  for (std::size_t i = 0; i < t.inputs.size(); ++i) {
    const input_ref& input = t.inputs[i];
    const std::span<const std::byte> value = values.first(input.given == promised_input ? 0 : input.given);
    values = values.subspan(value.size());
    std::uint32_t place = scratch_[i];
    if (place == none) place = places_.find(input.id);  // the same input twice
    if (place == none && !value.empty()) {
      place = make(input.id, state::here);
      entries_[place].bytes = input.bytes;
      added_.push_back({{input.id, input.bytes, self_, 0}});
      host_.given(input.id, input.bytes, value);
    } else if (place == none && input.given == promised_input) {
      place = make(input.id, state::promised);
    } else if (place == none) {
      make_remote(input.id, input.bytes, input.worker);
      place = places_.find(input.id);
    } else if (input.given != promised_input && entries_[place].at == state::promised) {
      found({{input.id, input.bytes, input.worker, 0}});
    } else if (input.given != promised_input && entries_[place].at == state::remote) {
      fetcher_.add_holder(input.id, input.worker);
    }
    link(task, place);
    lacking += keeps_waiting(entries_[place]);
  }
  if (lacking == 0) {
    hand_over(task, t);
    return;
  }
  set_state(entries_[task], task, state::waiting);
  entries_[task].lacking = lacking;
  entries_[task].position = keep(t);
}

/// Gives a task to the engine. False: an input is here no more, which is among gone_ then, and the task waits,
/// lacking nothing, until take_all_away().
bool worker_core::hand_over(std::uint32_t task, const run_task& t) {
  const task_id gone = host_.hold(t);
  if (gone == 0) {
    host_.submit(t);
    return true;
  }
  set_state(entries_[task], task, state::waiting);
  entries_[task].position = keep(t);
  gone_.push_back(gone);
  return false;
}

void worker_core::taken(task_id value) {
  const std::uint32_t place = places_.find(value);
  if (place == none || entries_[place].at != state::here) return;
  if (is_waited_for(place)) say().add(value_dropped{{}, {&value, 1}});
  host_.drop(value);
  leave(place, true, true);
}

/// What tasks were to take that has been given away. With it go tasks, and entries that only these have used, so that
/// this comes when nobody is at work on any: behind a message or an event.
void worker_core::take_all_away() {
  while (!gone_.empty()) {
    const task_id gone = gone_.back();
    gone_.pop_back();
    taken(gone);
  }
}

/// The value is fetched though memory is short: what may need it, and free more, is perhaps here already.
void worker_core::await_offer(time_ns now, const run_task& t) {
  offered_call what;
  std::memcpy(&what, t.call.data(), sizeof what);
  // It would have to be there as a whole: the process would be killed, and then the next.
  if (what.bytes > limits_.offered_bytes) {
    const std::string text = "weft: a value that is scattered takes " + std::to_string(what.bytes) +
                             " bytes, and the worker that was to have it has memory for " +
                             std::to_string(limits_.offered_bytes) +
                             ": scatter it in parts, let tasks make them, or give workers more memory";
    static constexpr std::string_view type = "std::length_error";
    say().add(failed_task{{t.id, t.attempt, 0}, {}, type, text, {}});
    return;
  }
  const std::uint32_t place = make(t.id, state::submitted);
  entry& e = entries_[place];
  e.attempt = t.attempt;
  e.bytes = what.bytes;
  e.may_inline = (t.flags & task_inline) != 0;
  e.once = (t.flags & task_once) != 0;
  e.offered = true;
  set_state(e, place, state::coming);
  if (t.time_left_ns != 0)
    limit(t.time_left_ns > fetcher::never - now ? fetcher::never : now + t.time_left_ns, t.id, t.attempt);
  const peer_id from = giver_of(submitter_of(t.id));
  if (!fetcher_.knows_peer(from)) {
    fetcher_.add_peer(from, true);
    host_.await_giver(from, what.secret);
  }
  host_.expect(t);
  fetcher_.know(t.id, what.bytes);
  fetcher_.add_holder(t.id, from);
  fetcher_.want(t.id, t.rank, true);
}

/// Keeps what a task needs to be submitted later.
std::uint32_t worker_core::keep(const run_task& t) {
  std::uint32_t at = static_cast<std::uint32_t>(waiting_.size());
  if (free_waiting_.empty()) {
    waiting_.emplace_back();
  } else {
    at = free_waiting_.back();
    free_waiting_.pop_back();
  }
  waiting_[at].record = t;
  waiting_[at].inputs.assign(t.inputs.begin(), t.inputs.end());
  waiting_[at].call.assign(t.call.begin(), t.call.end());
  return at;
}

worker_core::waiting_task worker_core::unkeep(const entry& e) {
  free_waiting_.push_back(e.position);
  return std::exchange(waiting_[e.position], {});
}

void worker_core::settle_users(std::uint32_t first) {
  settling_.assign(1, first);
  while (!settling_.empty()) {
    const std::uint32_t input = settling_.back();
    settling_.pop_back();
    for (std::uint32_t at = entries_[input].users; at != none; at = edges_[at].next_user) {
      const std::uint32_t task = edges_[at].task;
      entry& e = entries_[task];
      if (e.at != state::waiting || --e.lacking != 0) continue;
      const waiting_task w = unkeep(e);
      set_state(e, task, state::submitted);
      run_task t{};
      static_cast<run_record&>(t) = w.record;
      t.inputs = w.inputs;
      t.call = w.call;
      if (hand_over(task, t)) settling_.push_back(task);
    }
  }
}

/// Takes a task back that has not begun; false: it has.
bool worker_core::withdraw(std::uint32_t place) {
  entry& e = entries_[place];
  if (e.at == state::coming) {
    fetcher_.forget(e.id);
    host_.drop(e.id);
  } else if (e.at == state::waiting) {
    unkeep(e);
  } else {
    return host_.withdraw(e.id);
  }
  set_state(e, place, state::submitted);  // like others that have been withdrawn
  return true;
}

/// The id is in the table: false when that is the answer.
bool worker_core::make_way(const run_task& t, std::uint32_t place) {
  entry& e = entries_[place];
  if (e.at == state::remote || e.at == state::promised) {
    if (e.at == state::remote) {
      fetcher_.forget(t.id);
      host_.drop(t.id);
    }
    leave(place, true);
    return true;
  }
  if (t.attempt <= e.attempt) wrong("sent task", t.id, "an attempt that is not older is here");
  if (e.at == state::here && !host_.has(t.id)) {
    taken(t.id);
    return true;
  }
  if (e.at == state::here) {
    e.attempt = t.attempt;
    e.early = false;
    say().add(done_task{{t.id, e.bytes, 0, t.attempt, 0}, {}});
    return false;
  }
  if (!withdraw(place)) {
    if (!is_to_stop(e)) host_.stop(t.id);
    host_.drop(t.id);
  }
  leave(place, true);
  return true;
}

void worker_core::stop(std::span<const attempt_ref> tasks) {
  // All are marked before the first is withdrawn: what comes back on its account is cancelled then, not given back.
  for (const attempt_ref& t : tasks) {
    const std::uint32_t place = find_attempt(t.id, t.attempt);
    if (place == none)
      say_cancelled(t.id, t.attempt);
    else if (unended(place) && !entries_[place].stopping)
      entries_[place].stopping = entries_[place].to_stop = true;
  }
  for (const attempt_ref& t : tasks) {
    const std::uint32_t place = find_attempt(t.id, t.attempt);
    if (!unended(place) || !entries_[place].to_stop) continue;
    entries_[place].to_stop = false;
    if (entries_[place].at != state::executing && withdraw(place)) {
      say_cancelled(t.id, t.attempt);
      leave(place, true);
    } else if (!entries_[place].quitting && !entries_[place].late) {
      host_.stop(t.id);
    }
  }
}

void worker_core::limit(time_ns at, task_id id, std::uint32_t attempt) {
  if (limits_of_time_.size() >= 1024 && limits_of_time_.size() >= 2 * tasks()) {
    std::erase_if(limits_of_time_, [&](const time_limit& l) { return !unended(find_attempt(l.id, l.attempt)); });
    std::make_heap(limits_of_time_.begin(), limits_of_time_.end(), std::greater<>());
  }
  limits_of_time_.push_back({at, id, attempt});
  std::push_heap(limits_of_time_.begin(), limits_of_time_.end(), std::greater<>());
}

void worker_core::end_late(time_ns now) {
  while (!limits_of_time_.empty() && limits_of_time_.front().at <= now) {
    std::pop_heap(limits_of_time_.begin(), limits_of_time_.end(), std::greater<>());
    const time_limit due = limits_of_time_.back();
    limits_of_time_.pop_back();
    const std::uint32_t place = find_attempt(due.id, due.attempt);
    if (!unended(place)) continue;
    if (entries_[place].at != state::executing && withdraw(place)) {
      say_late(due.id, due.attempt);
      leave(place, true);
    } else {
      if (!is_to_stop(entries_[place])) host_.stop(due.id);
      entries_[place].late = true;
    }
  }
}

void worker_core::disown(std::uint32_t place) {
  if (!unended(place) || !entries_[place].stopping) return;
  const entry& e = entries_[place];
  say_cancelled(e.id, e.attempt);
  host_.drop(e.id);
  leave(place, true);
}

void worker_core::retract(const attempt_ref& t) {
  const std::uint32_t place = find_attempt(t.id, t.attempt);
  if (place == none) return say_retracted(t.id, t.attempt, true);
  const entry& e = entries_[place];
  if (!unended(place) || e.at == state::executing || e.stopping || !withdraw(place))
    return say_retracted(t.id, t.attempt, false);
  say_retracted(t.id, t.attempt, true);
  leave(place, true);
}

// ---- values ------------------------------------------------------------------------------------------------------

void worker_core::drop(task_id id) {
  disown(places_.find(id));
  const std::uint32_t place = places_.find(id);
  if (place == none) return;
  if (unended(place)) wrong("drops the value of task", id, "it has not ended");
  if (entries_[place].at == state::promised) return;  // it goes with the tasks that take it
  if (entries_[place].at == state::remote) {
    entries_[place].asked = false;
    if (!entries_[place].needed) fetcher_.unwant(id);
    forget_if_unused(place);
    return;
  }
  host_.drop(id);
  leave(place, is_waited_for(place));
}

void worker_core::copy(const copy_value& m) {
  if (m.id == 0) wrong("wants a copy of", m.id, "no value has that number");
  check_peer(m.id, m.worker);
  disown(places_.find(m.id));
  std::uint32_t place = places_.find(m.id);
  if (unended(place) || ordered_ == worker_mode::stopped) return;
  if (place != none && entries_[place].at == state::here && !host_.has(m.id)) {
    taken(m.id);
    place = none;
  }
  if (place == none) {
    make_remote(m.id, m.bytes, m.worker);
    place = places_.find(m.id);
  }
  if (entries_[place].at == state::promised) found({{m.id, m.bytes, m.worker, 0}});
  entry& e = entries_[place];
  if (e.at == state::here) {
    e.early = false;
    say().add(value_added{{m.id, e.bytes, self_, 0}});
    return;
  }
  e.asked = true;
  fetcher_.add_holder(m.id, m.worker);
  if (!e.needed) fetcher_.want(m.id, copies_rank);
}

void worker_core::found(const value_at& m) {
  check_peer(m.id, m.worker);
  const std::uint32_t place = places_.find(m.id);
  if (place == none) return;
  confirm(place);
  entry& e = entries_[place];
  if (e.at == state::promised && m.worker != 0 && m.worker != self_) {
    set_state(e, place, state::remote);
    e.bytes = m.bytes;
    fetcher_.know(m.id, m.bytes);
    fetcher_.add_holder(m.id, m.worker);
    host_.remote(m.id, m.bytes);
    return settle_users(place);
  }
  if (e.at != state::remote) return;
  if (m.worker == 0 || m.worker == self_) {
    // It is thought to be here, and is not (any longer): the scheduler has not read of the loss yet, or must look on.
    if (entries_[place].needed || entries_[place].asked) missing(m.id, m.bytes, self_);
    return;
  }
  fetcher_.add_holder(m.id, m.worker);
}

/// What has left, or was never here, is passed over: the scheduler hears of its end. What is made already is too: the
/// scheduler says where it is when it has heard of that.
void worker_core::push(const push_value& m) {
  check_peer(m.id, m.worker);
  const std::uint32_t place = places_.find(m.id);
  if (!unended(place) || m.worker == 0 || m.worker == self_) return;
  entries_[place].pushes = true;
  pushes_.emplace(m.id, m.worker);
  host_.will_push(m.worker);
}

/// The scheduler has heard that a value is made, and may hear that it is here.
void worker_core::confirm(std::uint32_t place) {
  if (place == none || entries_[place].at != state::here || !std::exchange(entries_[place].early, false)) return;
  added_.push_back({{entries_[place].id, entries_[place].bytes, self_, 0}});
}

void worker_core::pushed(task_id value, std::uint64_t bytes, std::span<const std::byte> message) {
  const std::uint32_t place = places_.find(value);
  if (place == none || entries_[place].at != state::promised || message.empty()) return;
  entry& e = entries_[place];
  set_state(e, place, state::here);
  e.bytes = bytes;
  e.early = true;
  host_.given(value, bytes, message);
  settle_users(place);
  take_all_away();
}

// ---- modes -------------------------------------------------------------------------------------------------------

void worker_core::order(time_ns now, std::uint8_t mode) {
  if (mode > static_cast<std::uint8_t>(worker_mode::stopped)) wrong("set mode", mode, "there is none of that number");
  if (ordered_ == worker_mode::stopped) return;  // the last word
  ordered_ = static_cast<worker_mode>(mode);
  heartbeat_at_ = now;
  settle_pause();
  if (ordered_ == worker_mode::retiring) give_back_offers();
  if (ordered_ == worker_mode::stopped) stop_all();
}

/// Of a worker that is to go nobody knows when who gives the values reaches it: they go elsewhere.
void worker_core::give_back_offers() {
  for (std::uint32_t place = 0; place < entries_.size(); ++place) {
    const entry& e = entries_[place];
    if (e.at != state::coming) continue;
    withdraw(place);
    say_retracted(e.id, e.attempt, true);
    leave(place, true);
  }
}

void worker_core::stop_all() {
  for (std::uint32_t place = 0; place < entries_.size(); ++place) {
    const entry& e = entries_[place];
    if (e.at == state::remote && e.asked) {
      entries_[place].asked = false;
      if (!e.needed) fetcher_.unwant(e.id);
      forget_if_unused(place);
    } else if (unended(place) && !e.stopping) {
      if (e.at != state::executing && withdraw(place)) {
        say_retracted(e.id, e.attempt, true);
        leave(place, true);
      } else if (!e.once) {
        if (!e.late) host_.stop(e.id);
        entries_[place].quitting = true;
      }
    }
  }
}

}  // namespace weft::net
