// Ends without a value, and what they bring about.
//
// A node that ends before it has begun is told of its inputs' ends still: its edges stand in their lists, or it is in
// a queue. It is `inside` until the last of these has let go of it, and has the engine's reference so long. One that
// failed may be run again, also while it is inside; its edges cannot be entered a second time then. So who runs it
// again takes the mark `inside` away, and makes its state `again`, in which nothing ends it but a cancellation: what
// its old edges tell does not count any more. Who lets go of it last also takes the mark. Whoever of the two finds it
// has come first: the one that runs it again leaves the rest to the other, who enters it with its inputs anew; or the
// other has dropped the reference, and the one that runs it again enters it itself.
//
// A node that failed by running is inside, too, where its runner has more to do with it once it is closed
// (engine::end).
#include "engine/cascade.hpp"

#include <utility>

#include "weft/errors.hpp"

namespace weft::detail {

void cascade::refuse(node& n, failure* cause) {
  node_state expected = node_state::pending;
  if (!n.state.compare_exchange_strong(expected, cause ? node_state::failed : node_state::cancelled,
                                       std::memory_order_acq_rel))
    return give_share_back(n);
  if (cause) {
    engine_.fail(n, nullptr, cause);
    n.add(node::refused | node::inside);
  } else {
    n.ask_stop();
    n.add(node::inside);
  }
  list_.push_back({&n, how::refused});
}

bool cascade::cancel(node& n) {
  const bool again = n.is(node_state::again);
  node_state expected = again ? node_state::again : node_state::pending;
  if (!n.state.compare_exchange_strong(expected, node_state::cancelled, std::memory_order_acq_rel)) return false;
  n.add(node::inside);
  list_.push_back({&n, again ? how::cancelled_again : how::cancelled});
  return true;
}

node* cascade::run() noexcept {
  while (!list_.empty()) {
    const auto [what, ended] = list_.back();
    list_.pop_back();
    node& n = *what;
    if (ended == how::ran) {
      close(n);
      continue;
    }
    give_up_inputs(n);
    // One that is to be run again waits only where its first end has left it already.
    if (ended == how::cancelled) engine_.stop_waiting(n);
    count(n);
    n.counts.fetch_add(node::one_reference, std::memory_order_relaxed);  // once told, who wanted it may let go
    close(n);
    if (ended == how::refused) give_share_back(n);
    engine::drop_reference(n);
  }
  if (pushed_) engine_.wake_runner();
  pushed_ = false;
  return std::exchange(best_, nullptr);
}

/// It has not begun, and will not use them. Should it be run again it needs them: then one that has not begun is
/// brought back, but one that was stopped could not be. So what is given up by one that may be run again runs on.
void cascade::give_up_inputs(node& n) {
  if (n.type->closed) return;  // a layer's task may be given its inputs just now, and keeps them
  n.inputs_wanted = false;
  const bool may_run_again = n.is(node_state::failed) || (n.was_given_up() && !n.stop_asked());
  for (std::uint32_t i = 0; i < n.input_count; ++i) {
    node& from = *n.inputs[i].from;
    if (may_run_again && !from.was_given_up()) from.counts.fetch_or(node::given_up, std::memory_order_relaxed);
    if (node::wants(from.counts.fetch_sub(node::one_want, std::memory_order_acq_rel)) != 1 || from.ended()) continue;
    if (!cancel(from) && from.is(node_state::running) && !from.was_given_up()) engine_.ask_to_stop(from);
  }
}

void cascade::count(node& n) {
  engine::lane& l = engine_.own_lane();
  const bool failed = n.is(node_state::failed);
  engine_.note(failed ? l.failed : l.cancelled);
  engine_.note(l.ended);
  engine_.tell(n, failed ? task_event::step::failed : task_event::step::cancelled);
  if (n.details) [[unlikely]]
    engine_.end_limits(n);
  if (n.tracked) [[unlikely]]
    engine_.tracker_->ended(n, 0);
}

void cascade::close(node& n) {
  // Once it is closed it may be run again, and its failure go.
  failure* const cause = n.is(node_state::failed) ? n.why : nullptr;
  if (cause) cause->references.fetch_add(1, std::memory_order_relaxed);
  for (dependent* d = engine::close_list(n); d;) {
    dependent* next = d->next;  // d may be gone once it is told
    if (node* to = d->to) {
      refuse(*to, cause);
    } else {
      auto* w = static_cast<waiter*>(d);
      w->linked = false;
      w->wake(*w);
    }
    d = next;
  }
  drop_failure(cause);
  if (n.type->closed) best_ = n.type->closed(n, best_);
}

/// An input has told it. The last one makes it leave.
void cascade::give_share_back(node& n) {
  if (n.waits_for.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (n.ended() && engine_.leave(n, false)) return;
  if (!best_) {
    best_ = &n;
    return;
  }
  node* other = &n;
  if (n.rank < best_->rank) std::swap(best_, other);
  engine_.push(engine_.own_lane(), *other);
  pushed_ = true;
}

// ---- the engine's part -------------------------------------------------------------------------------------------

/// Cancels a node that has not begun, and what only it wanted; asks one that runs to stop. The caller keeps the node,
/// and the engine.
void engine::cancel(node& n, bool asked) noexcept {
  if (remote_) return cancel_remote(n, asked);
  if (!cancel_pending(n, asked) && n.is(node_state::running) && (asked || !n.was_given_up())) ask_to_stop(n);
}

bool engine::withdraw(node& n) noexcept { return cancel_pending(n, true); }

bool engine::cancel_pending(node& n, bool asked) noexcept {
  cascade c(*this);
  if (!c.cancel(n)) return false;
  if (asked) n.ask_stop();
  if (node* next = c.run()) make_ready(*next);
  return true;
}

/// A node that ended before it began is in no queue and no list any more, or is the caller's alone, from a queue.
/// False: it is to be run again, and must go through a queue for that.
bool engine::leave(node& n, bool from_queue) noexcept {
  // Who ends it may be at it still, and needs the engine until then.
  for (int round = 0; !n.ended() && !n.is(node_state::again); ++round) real_memory::relax(round);
  if (!n.has(node::cleaned)) {
    if (node_request* r = n.has(node::refused) ? nullptr : std::exchange(n.request, nullptr))
      finish_request(r);
    else
      forget_uses(n);
    if (n.holds_resources) give_back_resources(n);
    if (n.type->settle) settle(n);
  }
  for (int round = 0;; ++round) {
    if (n.remove(node::inside)) {
      drop_reference(n);
      return true;
    }
    if (!from_queue) {
      n.add(node::cleaned);
      return false;
    }
    if (n.is(node_state::again)) {
      n.remove(node::poisoned | node::refused | node::cleaned);
      node_state expected = node_state::again;
      if (n.state.compare_exchange_strong(expected, node_state::pending, std::memory_order_acq_rel)) {
        link(n);
        return true;
      }
    }
    real_memory::relax(round);  // who runs it again, or cancels it then, is at it
  }
}

}  // namespace weft::detail
