// Running again what has failed.
#include <mutex>
#include <unordered_set>
#include <vector>

#include "engine/engine.hpp"
#include "engine/failure.hpp"
#include "weft/errors.hpp"

namespace weft::detail {

namespace {

/// It has failed; or it was cancelled before it began, because nobody wanted it: one that failed may have given it
/// up.
bool may_run_again(const node& n) noexcept {
  // Who saw that one fail may be here before the other thread has closed this one.
  for (int round = 0; !n.ended(); ++round) {
    if (!n.is(node_state::failed) && !n.is(node_state::cancelled)) return false;
    real_memory::relax(round);
  }
  return n.is(node_state::failed) || (n.is(node_state::cancelled) && !n.stop_asked() && !n.type->closed);
}

/// The nodes that gave up their inputs, and want them again; not after all, if this ends without `keep`.
class renewed_wants {
 public:
  renewed_wants() = default;
  renewed_wants(const renewed_wants&) = delete;
  renewed_wants& operator=(const renewed_wants&) = delete;
  ~renewed_wants() {
    for (node* from : wanted_)
      if (node::wants(from->counts.fetch_sub(node::one_want, std::memory_order_acq_rel)) == 1)
        engine::cancel_if_pending(*from, false);
  }

  void want_inputs(node& n) {
    if (n.inputs_wanted) return;
    nodes_.push_back(&n);
    for (std::uint32_t i = 0; i < n.input_count; ++i) {
      node& from = *n.inputs[i].from;
      std::uint64_t counts = from.counts.load(std::memory_order_acquire);
      do {
        if (counts & node::taken)
          throw misuse("weft: task " + key_of(n) + " cannot be run again: whoever awaited " + key_of(from) +
                       " has moved its value away. Keep a second future of it, or await it as an lvalue");
      } while (!from.counts.compare_exchange_weak(counts, counts + node::one_want, std::memory_order_acq_rel,
                                                  std::memory_order_acquire));
      wanted_.push_back(&from);
      if (node::wants(counts) != 0) continue;
      // Who wanted it last is about to cancel it, if it has not begun: then it is to be run again with the others.
      for (int round = 0; from.is(node_state::pending) || from.is(node_state::again); ++round)
        real_memory::relax(round);
    }
  }
  void keep() noexcept {
    for (node* n : nodes_) n->inputs_wanted = true;
    wanted_.clear();
  }

 private:
  std::vector<node*> nodes_, wanted_;
};

/// What `last` depends on and must run again, itself included; each after those it depends on.
std::vector<node*> to_run_again(node& last, renewed_wants& wants) {
  std::vector<node*> order;
  std::unordered_set<const node*> seen{&last};
  struct visit {
    node* of;
    std::uint32_t next;
  };
  std::vector<visit> path{{&last, 0}};
  wants.want_inputs(last);
  while (!path.empty()) {
    visit& v = path.back();
    if (v.next == v.of->input_count) {
      order.push_back(v.of);
      path.pop_back();
      continue;
    }
    node* from = v.of->inputs[v.next++].from;
    if (!may_run_again(*from) || !seen.insert(from).second) continue;
    wants.want_inputs(*from);
    path.push_back({from, 0});
  }
  return order;
}

}  // namespace

/// Of one that runs again already, and may have ended again. Not before: a limit that is over would find it closed,
/// and let it be.
void engine::renew_limits(node& n) {
  begin_limits(n);
  if (n.is(node_state::done) || n.is(node_state::failed) || n.is(node_state::cancelled)) end_limits(n);
}

/// A failed node has kept its function, its arguments and its inputs. One that is waited for still by edges of before
/// is entered anew by who lets go of it last (see cascade.cpp).
void engine::retry(node& last) {
  std::lock_guard one_at_a_time(retries_lock_);
  if (!last.ended() || !last.is(node_state::failed)) return;
  if (remote_) {
    if (last.number == 0)
      throw misuse("weft: task " + key_of(last) +
                   " was not accepted by the cluster, and cannot be run again: submit it");
    restart_remote(last);
    return remote_->retry(last.number);
  }
  renewed_wants wants;
  const std::vector<node*> again = to_run_again(last, wants);
  for (const node* n : again)
    if (n->consumed)
      throw misuse("weft: task " + key_of(*n) +
                   " cannot be run again: its arguments were moved into the run that failed. Submit it with "
                   "task_options.retries, or let its function take them by const&");
  wants.keep();
  std::vector<node*> left;
  for (node* n : again) {
    failure* why = nullptr;
    const bool inside = n->remove(node::inside);
    if (inside) {
      announce_many(1);
      tell(*n, task_event::step::submitted);
    }
    {
      std::lock_guard guard(failures_lock_);
      if (n->is(node_state::failed)) {
        why = n->why;
        n->request = nullptr;
      }
      if (!inside) {
        n->marks.store(0, std::memory_order_relaxed);
        n->counts.fetch_add(node::one_reference, std::memory_order_relaxed);  // the engine's
        n->state.store(node_state::pending, std::memory_order_relaxed);
      }
      n->dependents.store(0, std::memory_order_release);
      if (inside) n->state.store(node_state::again, std::memory_order_release);
    }
    drop_failure(why);
    if (!inside)
      left.push_back(n);
    else if (n->details)
      renew_limits(*n);
  }
  for (node* n : left) submit(*n);
}

}  // namespace weft::detail
