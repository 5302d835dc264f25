// What the worker's engine and its links to peers tell, and heartbeats.
#include <algorithm>
#include <utility>

#include "worker/core.hpp"

namespace weft::net {

// ---- the engine --------------------------------------------------------------------------------------------------

void worker_core::began(task_id task, std::uint32_t attempt) {
  const std::uint32_t place = find_attempt(task, attempt);
  if (place == none || entries_[place].at != state::submitted) return;
  set_state(entries_[place], place, state::executing);
}

void worker_core::done(task_id task, std::uint32_t attempt, std::uint64_t bytes, std::uint64_t nanoseconds,
                       std::span<const std::byte> value) {
  const std::uint32_t place = find_attempt(task, attempt);
  if (!unended(place)) return;
  unlink(place);
  entry& e = entries_[place];
  set_state(e, place, state::here);
  e.bytes = bytes;
  e.stopping = e.quitting = e.late = false;
  const bool small = !value.empty() && value.size() <= limits_.inline_bytes;
  if (e.pushes && small)
    for (auto [at, end] = pushes_.equal_range(task); at != end; ++at) host_.push(at->second, task, bytes, value);
  end_pushes(e);
  const bool with_value = e.may_inline && small;
  if (!with_value) value = {};
  say().add(done_task{{task, bytes, nanoseconds, attempt, with_value ? has_value : 0u}, value});
  if (!std::exchange(e.offered, false)) return;
  settle_users(place);
  take_all_away();
}

void worker_core::failed(const failed_task& failure) {
  const std::uint32_t place = find_attempt(failure.id, failure.attempt);
  if (!unended(place)) return;
  const entry& e = entries_[place];
  if (e.at == state::coming) fetcher_.forget(failure.id);
  if (e.at == state::submitted && lacks_input(e))
    say_ended_unrun(e);
  else
    say().add(failure);
  host_.drop(failure.id);
  leave(place, true);
}

void worker_core::cancelled(task_id task, std::uint32_t attempt) {
  const std::uint32_t place = find_attempt(task, attempt);
  if (!unended(place)) return;
  const entry& e = entries_[place];
  if (e.quitting || e.late || (e.at == state::submitted && lacks_input(e)))
    say_ended_unrun(e);
  else
    say_cancelled(task, attempt);
  host_.drop(task);
  leave(place, true);
}

void worker_core::need(task_id value, std::uint64_t rank, bool frees) {
  const std::uint32_t place = places_.find(value);
  if (place == none || entries_[place].at != state::remote) return;
  entries_[place].needed = true;
  fetcher_.want(value, rank, frees);
}

void worker_core::need_not(task_id value) {
  const std::uint32_t place = places_.find(value);
  if (place == none || entries_[place].at != state::remote) return;
  entries_[place].needed = false;
  if (entries_[place].asked)
    fetcher_.want(value, copies_rank);
  else
    fetcher_.unwant(value);
}

void worker_core::dropped(task_id value) {
  const std::uint32_t place = places_.find(value);
  if (place == none || entries_[place].at != state::here) return;
  say().add(value_dropped{{}, {&value, 1}});
  host_.drop(value);
  leave(place, true);
}

batch_writer& worker_core::say() {
  for (const value_added& m : added_) out_.add(m);
  added_.clear();
  return out_;
}

// ---- peers -------------------------------------------------------------------------------------------------------

bool worker_core::fetched(std::uint64_t request, task_id value, std::uint64_t bytes) {
  if (!fetcher_.arrived(request, value)) return false;
  // The fetcher knows exactly the values that are remote here, and those that are given by who has offered them.
  const std::uint32_t place = places_.find(value);
  entry& e = entries_[place];
  if (e.at == state::coming) {
    e.bytes = bytes;
    set_state(e, place, state::executing);
    return true;
  }
  set_state(e, place, state::here);
  e.bytes = bytes;
  if (e.asked)
    say().add(value_added{{value, bytes, self_, 0}});
  else
    added_.push_back({{value, bytes, self_, 0}});
  e.asked = e.needed = false;
  return true;
}

void worker_core::not_there(time_ns now, std::uint64_t request, task_id value, bool busy) {
  fetcher_.refused(now, request, value, busy);
}

void worker_core::not_taken(std::uint64_t request, task_id value) {
  const peer_id from = fetcher_.not_taken(request, value);
  if (from == 0) return;
  const std::uint32_t place = places_.find(value);
  entry& e = entries_[place];
  e.needed = false;
  if (!std::exchange(e.asked, false)) return;
  say().add(missing_value{{value, e.bytes, from, net::not_taken}});
  forget_if_unused(place);
}

void worker_core::missing(task_id value, std::uint64_t bytes, peer_id last) {
  if (const std::uint32_t place = places_.find(value); place != none && entries_[place].at == state::coming)
    return unmet_.push_back(value);
  say().add(missing_value{{value, bytes, last, 0}});
  unmet_.push_back(value);
}

void worker_core::tick(time_ns now) {
  end_late(now);
  fetcher_.tick(now);
  // A copy for its own sake that cannot be had is not waited for: the scheduler has been told. It asks who has
  // offered a value again, or hears that this is gone.
  for (std::size_t i = 0; i < unmet_.size(); ++i) {
    const std::uint32_t place = places_.find(unmet_[i]);
    if (place != none && entries_[place].at == state::coming) {
      withdraw(place);
      say_retracted(unmet_[i], entries_[place].attempt, true);
      leave(place, true);
      continue;
    }
    if (place == none || entries_[place].at != state::remote || !entries_[place].asked) continue;
    entries_[place].asked = false;
    if (!entries_[place].needed) fetcher_.unwant(unmet_[i]);
    forget_if_unused(place);
  }
  unmet_.clear();
  std::erase_if(givers_, [&](const giver& g) {
    if (g.coming != 0) return false;
    fetcher_.peer_gone(g.peer);
    host_.peer_left(g.peer);
    return true;
  });
}

void worker_core::fetch(peer_id peer, std::uint64_t request, std::span<const task_id> values) {
  host_.fetch(peer, request, values);
}

void worker_core::give_up(peer_id peer, std::uint64_t request) { host_.give_up(peer, request); }

// ---- the worker itself -------------------------------------------------------------------------------------------

void worker_core::pause(time_ns now, bool paused) {
  if (paused == paused_) return;
  paused_ = paused;
  heartbeat_at_ = now;
  settle_pause();
}

worker_mode worker_core::mode() const noexcept {
  if (ordered_ == worker_mode::running && paused_) return worker_mode::paused;
  return ordered_;
}

void worker_core::settle_pause() {
  fetcher_.pause(paused_ || ordered_ == worker_mode::paused || ordered_ == worker_mode::stopped);
}

time_ns worker_core::deadline() const noexcept {
  if (!unmet_.empty() || std::any_of(givers_.begin(), givers_.end(), [](const giver& g) { return g.coming == 0; }))
    return 0;
  const time_ns first = limits_of_time_.empty() ? fetcher::never : limits_of_time_.front().at;
  return std::min({heartbeat_at_, first, fetcher_.deadline()});
}

void worker_core::heartbeat(time_ns now, heartbeat_record measured) {
  measured.running = static_cast<std::uint32_t>(executing_.size());
  measured.waiting = static_cast<std::uint32_t>(submitted_);
  measured.mode = static_cast<std::uint32_t>(mode());
  attempts_.clear();
  for (const std::uint32_t place : executing_) attempts_.push_back({entries_[place].id, entries_[place].attempt, 0});
  say().add(net::heartbeat{measured, attempts_});
  heartbeat_at_ = now + limits_.heartbeat;
}

}  // namespace weft::net
