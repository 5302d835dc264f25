// The worker's table: entries, and the edges between tasks and what they take.
#include <algorithm>
#include <string_view>
#include <utility>

#include "worker/core.hpp"

namespace weft::net {

std::uint32_t worker_core::find_attempt(task_id id, std::uint32_t attempt) const noexcept {
  const std::uint32_t place = places_.find(id);
  return place != none && entries_[place].attempt == attempt ? place : none;
}

bool worker_core::unended(std::uint32_t place) const noexcept {
  return place != none && entries_[place].at >= state::waiting && entries_[place].at <= state::executing;
}

void worker_core::end_pushes(entry& e) {
  if (std::exchange(e.pushes, false)) pushes_.erase(e.id);
}

std::uint32_t worker_core::make(task_id id, state at) {
  std::uint32_t place = static_cast<std::uint32_t>(entries_.size());
  if (free_entries_.empty()) {
    entries_.emplace_back();
  } else {
    place = free_entries_.back();
    free_entries_.pop_back();
  }
  entries_[place].id = id;
  set_state(entries_[place], place, at);
  places_.insert(id, place);
  return place;
}

void worker_core::make_remote(task_id id, std::uint64_t bytes, peer_id holder) {
  const std::uint32_t place = make(id, state::remote);
  entries_[place].bytes = bytes;
  fetcher_.know(id, bytes);
  fetcher_.add_holder(id, holder);
  host_.remote(id, bytes);
}

void worker_core::set_state(entry& e, std::uint32_t place, state to) {
  const auto giver_of_it = [&] {
    const peer_id from = giver_of(submitter_of(e.id));
    const auto at = std::find_if(givers_.begin(), givers_.end(), [&](const giver& g) { return g.peer == from; });
    return at != givers_.end() ? at : givers_.insert(at, {from, 0});
  };
  if (e.at == state::coming) --giver_of_it()->coming;
  if (to == state::coming) ++giver_of_it()->coming;
  if (e.at == state::submitted || e.at == state::waiting || e.at == state::coming) --submitted_;
  if (e.at == state::executing) {
    const std::uint32_t last = executing_.back();
    executing_[e.position] = last;
    entries_[last].position = e.position;
    executing_.pop_back();
  }
  e.at = to;
  if (to == state::submitted || to == state::waiting || to == state::coming) ++submitted_;
  if (to == state::executing) {
    e.position = static_cast<std::uint32_t>(executing_.size());
    executing_.push_back(place);
  }
}

void worker_core::link(std::uint32_t task, std::uint32_t input) {
  std::uint32_t at = static_cast<std::uint32_t>(edges_.size());
  if (free_edges_.empty()) {
    edges_.emplace_back();
  } else {
    at = free_edges_.back();
    free_edges_.pop_back();
  }
  edges_[at] = {input, task, entries_[task].inputs, entries_[input].users, none};
  if (entries_[input].users != none) edges_[entries_[input].users].previous_user = at;
  entries_[task].inputs = entries_[input].users = at;
}

void worker_core::unlink(std::uint32_t task) {
  std::uint32_t at = entries_[task].inputs;
  entries_[task].inputs = none;
  while (at != none) {
    const edge x = edges_[at];
    entry& input = entries_[x.input];
    if (x.next_user != none) edges_[x.next_user].previous_user = x.previous_user;
    if (x.previous_user != none)
      edges_[x.previous_user].next_user = x.next_user;
    else
      input.users = x.next_user;
    free_edges_.push_back(at);
    at = x.next_input;
    if (input.users != none) continue;
    if (input.at == state::remote || input.at == state::promised || (input.at == state::here && input.early)) {
      forget_if_unused(x.input);
    } else if (input.at == state::left && !input.leaving) {
      --left_;
      free_entry(x.input);
    }
  }
}

void worker_core::forget_if_unused(std::uint32_t place) {
  const entry& e = entries_[place];
  if (e.users != none || e.asked) return;
  if (e.at == state::remote) fetcher_.forget(e.id);
  if (e.at != state::promised) host_.drop(e.id);
  leave(place, false);
}

void worker_core::leave(std::uint32_t first, bool lost, bool taken) {
  const auto take_out = [&](std::uint32_t place) {
    entry& e = entries_[place];
    end_pushes(e);
    places_.erase(e.id);
    set_state(e, place, state::left);
    e.lost = lost && !(taken && place == first);
    e.leaving = true;
    leaving_.push_back(place);
  };
  const std::size_t from = leaving_.size();  // unlink() may come here again, for a remote value without users
  take_out(first);
  for (std::size_t i = from; i < leaving_.size(); ++i) {
    const std::uint32_t place = leaving_[i];
    unlink(place);
    if (!lost) continue;
    for (std::uint32_t at = entries_[place].users; at != none; at = edges_[at].next_user) {
      const std::uint32_t user = edges_[at].task;
      if (!unended(user) || entries_[user].at == state::executing || !withdraw(user)) continue;
      say_ended_unrun(entries_[user]);
      take_out(user);
    }
  }
  for (std::size_t i = from; i < leaving_.size(); ++i) {
    const std::uint32_t place = leaving_[i];
    entries_[place].leaving = false;
    if (entries_[place].users == none)
      free_entry(place);
    else
      ++left_;
  }
  leaving_.resize(from);
}

void worker_core::free_entry(std::uint32_t place) {
  entries_[place] = {};
  free_entries_.push_back(place);
}

bool worker_core::lacks_input(const entry& e) const noexcept {
  for (std::uint32_t at = e.inputs; at != none; at = edges_[at].next_input)
    if (entries_[edges_[at].input].lost) return true;
  return false;
}

bool worker_core::is_waited_for(std::uint32_t place) const noexcept {
  for (std::uint32_t at = entries_[place].users; at != none; at = edges_[at].next_user)
    if (entries_[edges_[at].task].at == state::waiting) return true;
  return false;
}

void worker_core::say_ended_unrun(const entry& e) {
  if (e.stopping)
    say_cancelled(e.id, e.attempt);
  else if (e.late)
    say_late(e.id, e.attempt);
  else
    say_retracted(e.id, e.attempt, true);
}

void worker_core::say_retracted(task_id id, std::uint32_t attempt, bool given_back) {
  say().add(retracted_task{{id, attempt, given_back}});
}

void worker_core::say_late(task_id id, std::uint32_t attempt) {
  static constexpr std::string_view type = "weft::timed_out", text = "weft: the task's time limit is over";
  say().add(failed_task{{id, attempt, time_is_over}, {}, type, text, {}});
}

void worker_core::say_cancelled(task_id id, std::uint32_t attempt) {
  const attempt_ref one{id, attempt, 0};
  say().add(cancelled_task{{}, {&one, 1}});
}

}  // namespace weft::net
