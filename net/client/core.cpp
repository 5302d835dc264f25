#include "client/core.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace weft::net {

client_core::client_core(peer_id self, client_host& host, const client_limits& limits)
    : self_(self), host_(host), limits_(limits), fetcher_(*this, limits.fetch) {}

// ---- the program -------------------------------------------------------------------------------------------------

task_id client_core::submit(submit_task task) {
  task.id = make_task_id(self_, next_++);
  out_.add(task);
  if ((task.flags & task_wanted) != 0) entries_.make(number_of(task.id)).id = task.id;
  return task.id;
}

task_id client_core::begin(begin_graph& graph) {
  graph.first = make_task_id(self_, next_);
  next_ += graph.count;
  out_.add(graph);
  return graph.first;
}

void client_core::add(const graph_part& part, std::span<const std::uint64_t> held) {
  std::size_t made = 0;
  try {
    for (; made < held.size(); ++made) entries_.make(held[made]).id = make_task_id(self_, held[made]);
    out_.add(part);
  } catch (...) {
    while (made > 0) entries_.erase(held[--made]);
    throw;
  }
}

void client_core::let_go(task_id id) {
  if (!look(id)) return;
  kept_.insert(id);
  forget(id);
}

void client_core::release(task_id id) {
  if (!look(id)) return;
  unwant_offer(id);
  forget(id);
}

void client_core::forget(task_id id) {
  fetcher_.forget(id);
  entries_.erase(number_of(id));
  releases_.push_back(id);
  if (releases_.size() >= limits_.batch) write_releases();
}

void client_core::cancel(std::span<const task_id> tasks) {
  cancellations_.insert(cancellations_.end(), tasks.begin(), tasks.end());
  if (cancellations_.size() >= limits_.batch) write_cancellations();
}

void client_core::retry(std::span<const task_id> tasks) {
  if (tasks.empty()) return;
  write_cancellations();
  out_.add(retry_tasks{{}, tasks});
}

void client_core::replicate(std::span<const task_id> tasks, std::uint32_t copies) {
  if (!tasks.empty()) out_.add(replicate_values{{copies, 0}, tasks});
}

void client_core::rebalance() { out_.add(rebalance_values{}); }

std::uint64_t client_core::ask(std::string_view retire) {
  out_.add(ask_cluster{{++asked_}, retire});
  return asked_;
}

void client_core::read(task_id id, std::uint64_t rank) {
  entry* e = look(id);
  if (!e) return;
  e->reading = true;
  e->rank = rank;
  if (e->at != state::finished) return;
  fetcher_.know(id, e->bytes);
  fetcher_.want(id, rank);
}

void client_core::unread(task_id id) {
  entry* e = look(id);
  if (!e) return;
  e->reading = false;
  fetcher_.unwant(id);
}

// ---- the scheduler -----------------------------------------------------------------------------------------------

void client_core::receive(batch_reader& batch) {
  std::uint16_t kind = 0;
  while (batch.next(kind)) {
    switch (static_cast<message_kind>(kind)) {
      case message_kind::peer_info:
        meet(batch.get<peer_info>());
        break;
      case message_kind::peer_gone: {
        const peer_id gone = batch.get<peer_gone>().peer;
        if (fetcher_.peer_gone(gone)) host_.peer_left(gone);
        std::erase_if(wanted_, [&](const auto& w) { return w.second == gone; });
        unreached_.erase(gone);
        break;
      }
      case message_kind::task_finished:
        finished(batch.get<task_finished>());
        break;
      case message_kind::task_failed: {
        const auto m = batch.get<task_failed>();
        entry* e = told_of(m.id);
        unwant_offer(m.id);
        if (!e) break;
        ended_otherwise(*e, state::failed);
        host_.failed(m);
        break;
      }
      case message_kind::task_cancelled:
        for (const task_id id : batch.get<task_cancelled>().tasks) {
          entry* e = told_of(id);
          unwant_offer(id);
          if (!e) continue;
          ended_otherwise(*e, state::cancelled);
          host_.cancelled(id);
        }
        break;
      case message_kind::task_restarted:
        for (const task_id id : batch.get<task_restarted>().tasks) {
          entry* e = told_of(id);
          if (!e) continue;
          fetcher_.forget(id);
          e->at = state::pending;
          host_.restarted(id);
        }
        break;
      case message_kind::want_offer:
        want(batch.get<want_offer>());
        break;
      case message_kind::drop_offers:
        for (const task_id id : batch.get<drop_offers>().tasks) {
          told_of(id);
          end_offer(id);
        }
        break;
      case message_kind::cluster_state: {
        const auto m = batch.get<cluster_state>();
        if (m.request == 0 || m.request > asked_)
          throw protocol_error("weft: the scheduler answers question " + std::to_string(m.request) +
                               ", which was not asked");
        host_.answered(m);
        break;
      }
      default:
        if (is_of_programs(kind) || is_of_leases(kind)) break;  // the session's
        throw protocol_error("weft: the scheduler sent a client a message of kind " + std::to_string(kind) +
                             ": it is none that a client takes");
    }
  }
}

void client_core::meet(const peer_info& peer) {
  if (peer.peer >> peer_bits != 0)
    throw protocol_error("weft: the scheduler named peer " + std::to_string(peer.peer) +
                         ": it has more than 24 bits");
  if (peer.peer == the_scheduler) return;  // a worker that submits may hold the values of its own tasks
  fetcher_.add_peer(peer.peer);
  host_.peer(peer);
}

void client_core::finished(const task_finished& m) {
  entry* e = told_of(m.id);
  unwant_offer(m.id);
  if (!e) return;
  if (m.worker != the_scheduler && !fetcher_.knows_peer(m.worker))
    throw protocol_error("weft: the scheduler says that the value of task " + std::to_string(m.id) + " is at peer " +
                         std::to_string(m.worker) + ", and has not said who that is");
  const bool again = e->at == state::finished;
  e->at = state::finished;
  e->bytes = m.bytes;
  const bool with_value = (m.flags & has_value) != 0;
  if (with_value) {
    e->reading = false;
    if (again) fetcher_.forget(m.id);
  } else {
    fetcher_.know(m.id, m.bytes);
    if (m.worker != the_scheduler) fetcher_.add_holder(m.id, m.worker);
    if (e->reading) fetcher_.want(m.id, e->rank);
  }
  if (!again || with_value) host_.finished(m.id, m.bytes, m.value);
}

void client_core::ended_otherwise(entry& e, state to) {
  fetcher_.forget(e.id);
  e.reading = false;
  e.at = to;
}

// ---- offers ------------------------------------------------------------------------------------------------------

void client_core::want(const want_offer& m) {
  const entry* e = told_of(m.id);
  if (!fetcher_.knows_peer(m.worker))
    throw protocol_error("weft: the scheduler wants the value of task " + std::to_string(m.id) + " at peer " +
                         std::to_string(m.worker) + ", and has not said who that is");
  if ((!e && !kept_.contains(m.id)) || !host_.gives(m.id)) return withdrawn_.push_back(m.id);
  wanted_[m.id] = m.worker;
  // In a pause between two tries it is offered at the end of that.
  const auto at = unreached_.find(m.worker);
  if (at == unreached_.end() || at->second.at == fetcher::never) host_.offer(m.worker);
}

void client_core::unwant_offer(task_id task) {
  if (wanted_.erase(task) != 0 && wanted_.empty()) unreached_.clear();
}

void client_core::end_offer(task_id task) {
  unwant_offer(task);
  if (kept_.erase(task) != 0) host_.offer_over(task);
}

void client_core::peer_lost(time_ns now, peer_id peer) {
  fetcher_.peer_lost(now, peer);
  if (!wants_any(peer)) return;
  attempt& next = unreached_.try_emplace(peer, attempt{fetcher::never, 0}).first->second;
  if (++next.tries == limits_.offer_tries) return give_up_offers(peer);
  next.pause = next.pause == 0 ? limits_.fetch.first_retry : std::min(2 * next.pause, limits_.fetch.longest_retry);
  next.at = now + next.pause;
}

/// The link is good: whatever breaks it later is another matter.
void client_core::asked_for(task_id task) {
  const auto w = wanted_.find(task);
  if (w == wanted_.end()) return;
  if (const auto at = unreached_.find(w->second); at != unreached_.end()) at->second.tries = 0;
}

void client_core::give_up_offers(peer_id worker) {
  std::vector<task_id>& all = given_up_[worker];
  for (const auto& [task, at] : wanted_)
    if (at == worker) all.push_back(task);
  std::erase_if(wanted_, [&](const auto& w) { return w.second == worker; });
  unreached_.erase(worker);
  host_.unreached(worker);
}

bool client_core::wants_any(peer_id worker) const noexcept {
  return std::any_of(wanted_.begin(), wanted_.end(), [&](const auto& w) { return w.second == worker; });
}

void client_core::offer_again(time_ns now) {
  std::erase_if(unreached_, [&](const auto& of) { return of.second.at <= now && !wants_any(of.first); });
  for (auto& [peer, next] : unreached_) {
    if (next.at > now) continue;
    next.at = fetcher::never;
    host_.offer(peer);
  }
}

client_core::entry* client_core::told_of(task_id id) {
  if (submitter_of(id) != self_ || number_of(id) == 0 || number_of(id) >= next_)
    throw protocol_error("weft: the scheduler speaks of the task " + std::to_string(id) +
                         ", which this client has not submitted");
  return look(id);
}

// ---- values ------------------------------------------------------------------------------------------------------

bool client_core::fetched(std::uint64_t request, task_id value) {
  if (!fetcher_.arrived(request, value)) return false;
  return std::exchange(look(value)->reading, false);  // the fetcher knows only what is held
}

void client_core::missing(task_id value, std::uint64_t, peer_id) { lost_.push_back(value); }
void client_core::fetch(peer_id peer, std::uint64_t request, std::span<const task_id> values) {
  host_.fetch(peer, request, values);
}
void client_core::give_up(peer_id peer, std::uint64_t request) { host_.give_up(peer, request); }

// ---- time --------------------------------------------------------------------------------------------------------

void client_core::write_cancellations() {
  if (!cancellations_.empty()) out_.add(cancel_tasks{{}, cancellations_});
  cancellations_.clear();
}

void client_core::write_releases() {
  write_cancellations();
  if (!releases_.empty()) out_.add(release_tasks{{}, releases_});
  releases_.clear();
}

void client_core::tick(time_ns now) {
  fetcher_.tick(now);
  offer_again(now);
  if (!withdrawn_.empty()) out_.add(withdraw_offers{{}, withdrawn_});
  withdrawn_.clear();
  for (const auto& [worker, tasks] : given_up_) out_.add(unreached_offers{{worker, 0}, tasks});
  given_up_.clear();
  write_releases();
  // What was released or restarted since is not asked for.
  std::erase_if(lost_, [&](task_id id) { return !fetcher_.knows(id); });
  if (!lost_.empty()) out_.add(locate_tasks{{}, lost_});
  lost_.clear();
}

time_ns client_core::deadline() const noexcept {
  if (!cancellations_.empty() || !releases_.empty() || !lost_.empty() || !withdrawn_.empty() || !given_up_.empty())
    return 0;
  time_ns next = fetcher_.deadline();
  for (const auto& [peer, again] : unreached_) next = std::min(next, again.at);
  return next;
}

}  // namespace weft::net
