// Workers short of memory, where no other may have what is held.
#include <algorithm>

#include "scheduler/core.hpp"

namespace weft::net {
namespace {

/// Offers of one submitter that are looked at for one that a worker may have.
constexpr std::size_t most_offers_seen = 64;

}  // namespace

/// Whether a worker is paused that may have tasks of a class.
bool scheduler_core::is_paused_for(const worker& w, std::uint32_t in_class) const {
  if (w.peer == 0 || w.mode != worker_mode::paused || w.slots == 0 || !classes_[in_class]) return false;
  const placement_class& wanted = catalogue_.class_at(in_class);
  return meets(w, wanted, wanted.loose);
}

/// Whether a paused worker may be the one for held tasks of a class: none that is running may have them.
bool scheduler_core::would_run(const worker& w, std::uint32_t in_class) const {
  return is_paused_for(w, in_class) && classes_[in_class]->all_held() != 0 && classes_[in_class]->eligible.empty();
}

bool scheduler_core::waits_for_paused(std::uint32_t in_class) const {
  return std::any_of(workers_.begin(), workers_.end(), [&](const worker& w) { return would_run(w, in_class); });
}

/// Held tasks may be what frees the memory for want of which all workers that may have them are paused: each of these
/// that has no task is given one. Coroutines do not count as such, since they may wait for just what is held: that,
/// what tasks have submitted, comes first then, and no further coroutine of somebody else is begun. Nor do offers:
/// one may be under way to each worker besides, also where others are running that have no memory for it; and one of
/// another submitter when the last was given long ago (options.slow_offer), since who gives that may be slow.
void scheduler_core::fill_paused() {
  if (paused_ == 0) return;
  const auto is_worker = [&](peer_id p, slot) { return peers_[p] && peers_[p]->worker != no_worker_index; };
  for (worker_index index = 0; index < workers_.size(); ++index) {
    const worker& w = workers_[index];
    if (w.peer == 0 || w.mode != worker_mode::paused || w.count != w.waiting) continue;
    const std::uint32_t coroutines = w.waiting - w.offers;
    slot offer = no_task, best = no_task;
    const auto consider = [&](slot t, slot& than) {
      if (than == no_task || tasks_.call(t).priority > tasks_.call(than).priority) than = t;
    };
    const bool late = w.offers != 0 && w.offer_due(options_.slow_offer) <= now_;
    std::vector<peer_id> givers;
    if (late && held_offers_ != 0)
      for (slot t = w.head; t != no_task; t = tasks_[t].next)
        if (is_offer(t)) givers.push_back(submitter_of(tasks_[t].id));
    for (std::uint32_t c = 0; c < classes_.size(); ++c) {
      if (!is_paused_for(w, c)) continue;
      const class_state& state = *classes_[c];
      // What another is to have is passed by; one that fits into none goes to who says so.
      std::pair<peer_id, std::uint64_t> others{};  // how large a value of whom another may have: smaller ones too
      const auto may_have = [&](peer_id from, slot t) {
        if (std::find(givers.begin(), givers.end(), from) != givers.end() || !is_reached(t, w)) return false;
        const std::uint64_t bytes = offered_bytes(t);
        if (has_memory_for(w, bytes)) return true;
        if (others.first == from && bytes <= others.second) return false;
        if (!may_hold_later(t, c)) return true;
        others = {from, bytes};
        return false;
      };
      if ((w.offers == 0 || late) && w.takes_offers && !state.offers.empty())
        if (const slot t = state.offers.first_of(tasks_, most_offers_seen, may_have); t != no_task)
          consider(t, offer);
      if (!state.eligible.empty() || state.held.empty() || (c != 0 && !has_resources(w, c))) continue;
      slot t = coroutines == 0 ? no_task : state.held.first_of(tasks_, 1, is_worker);
      if (t == no_task) {
        t = state.held.first(tasks_);
        if (coroutines != 0 && (tasks_[t].flags & task_waits)) continue;
      }
      if ((tasks_[t].flags & task_waits) && coroutines >= options_.most_pipelined) continue;
      consider(t, best);
    }
    for (const slot t : {offer, best})
      if (t != no_task) {
        unhold(t, true);
        assign(t, index, false);
      }
  }
}

}  // namespace weft::net
