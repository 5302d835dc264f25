// Who wants a node, who keeps its memory, and who waits for it.
#include <utility>
#include <vector>

#include "engine/engine.hpp"
#include "engine/failure.hpp"

namespace weft::detail {

namespace {

/// Nodes that lost their last reference on this thread while it destroys another: a long chain of them must not be
/// destroyed by recursion.
struct graveyard {
  node* first = nullptr;
  bool digging = false;
};
[[gnu::tls_model("initial-exec")]] constinit thread_local graveyard doomed;
[[gnu::noinline]] graveyard& this_graveyard() noexcept { return doomed; }

std::uintptr_t lock_dependents(node& n) noexcept {
  std::uintptr_t top = n.dependents.load(std::memory_order_acquire);
  for (int round = 0;;) {
    if (top == node::closed) return top;
    if (top & node::locked) {
      real_memory::relax(round++);
      top = n.dependents.load(std::memory_order_acquire);
    } else if (n.dependents.compare_exchange_weak(top, top | node::locked, std::memory_order_acq_rel,
                                                  std::memory_order_acquire)) {
      return top;
    }
  }
}

}  // namespace

// ---- wants and references --------------------------------------------------------------------------------------

/// A running node. Who asks marks it, and then looks whether it has ended; who ends it closes it, and then looks
/// whether it is marked (settle). So one of the two sees the other, and the lock keeps the stop state until it has
/// been asked.
void engine::ask_to_stop(node& n) noexcept {
  n.ask_stop();
  if (!n.type->stop) return;
  std::lock_guard guard(stops_lock_);
  real_memory::full_fence();
  if (!n.ended()) n.type->stop(n);
}

void engine::settle(node& n) noexcept {
  real_memory::full_fence();
  std::unique_lock guard(stops_lock_, std::defer_lock);
  if (n.stop_asked()) guard.lock();
  n.type->settle(n);
}

/// Lets go of the values that a node has taken; it has run.
void engine::drop_inputs(node& n) noexcept {
  for (std::uint32_t i = 0; i < n.input_count; ++i)
    if (node* from = std::exchange(n.inputs[i].from, nullptr)) drop_handle(*from);
}

/// An engine ends when its last node has: so it is there while one is not closed, and none closes while its list is
/// locked.
engine* engine::hold_home(node& n) noexcept {
  const std::uintptr_t top = lock_dependents(n);
  if (top == node::closed) return nullptr;
  n.home->became_active();
  n.dependents.store(top, std::memory_order_release);
  return n.home;
}

void engine::cancel_if_pending(node& n, bool asked) noexcept {
  engine* const home = hold_home(n);
  if (!home) return;
  home->cancel(n, asked);
  home->became_idle();
}

/// An engine may be gone when the handle is, but not before the node has ended; then nothing of it is needed.
void engine::drop_handle(node& n) noexcept {
  if (!n.ended()) {
    // The reference is kept until the node was asked to stop.
    if (node::wants(n.counts.fetch_sub(node::one_want, std::memory_order_acq_rel)) == 1) cancel_if_pending(n, false);
    drop(n, node::one_reference);
    return;
  }
  if (n.was_given_up() && n.has(node::remote)) return drop_shared_handle(n);
  drop(n, node::one_want | node::one_reference);
}

/// Of a value of which the cluster's home may keep a handle. Who sees that there is but one other tells it, with his
/// own still there; of several who drop theirs at a time the last does.
void engine::drop_shared_handle(node& n) noexcept {
  constexpr std::uint64_t handle = node::one_want | node::one_reference;
  std::uint64_t counts = n.counts.load(std::memory_order_acquire);
  while (node::wants(counts) != 2) {
    if (!n.counts.compare_exchange_weak(counts, counts - handle, std::memory_order_acq_rel,
                                        std::memory_order_acquire))
      continue;
    if (static_cast<std::uint32_t>(counts) == 1) destroy(n);
    return;
  }
  n.home->remote_->only_kept(n);
  drop(n, handle);
}

void engine::drop_reference(node& n) noexcept { drop(n, node::one_reference); }

void engine::drop(node& n, std::uint64_t what) noexcept {
  // With the last reference the last want goes, if not before.
  constexpr auto references = [](std::uint64_t counts) { return static_cast<std::uint32_t>(counts); };
  if (references(n.counts.fetch_sub(what, std::memory_order_acq_rel)) == references(what)) destroy(n);
}

/// A node with whose value the store is at work keeps its home: the store holds that too, and may ask it for the
/// value, or to make it again, before it learns that nobody wants it any more.
void engine::destroy(node& n) noexcept {
  graveyard& g = this_graveyard();
  n.rank = reinterpret_cast<std::uintptr_t>(std::exchange(g.first, &n));
  if (g.digging) return;
  g.digging = true;
  while (node* dead = g.first) {
    g.first = reinterpret_cast<node*>(dead->rank);
    for (std::uint32_t i = 0; i < dead->input_count; ++i)
      if (node* from = std::exchange(dead->inputs[i].from, nullptr)) {
        if (dead->inputs_wanted) {
          drop_handle(*from);
          continue;
        }
        drop_reference(*from);
      }
    // Once: let_value_go may bring it here again.
    engine* const keeps = dead->has(node::remote) && dead->remove(node::remote) ? dead->home : nullptr;
    if (keeps) keeps->release_remote(*dead);
    const auto let_go = [](engine* e) noexcept {
      if (e) e->became_idle();
    };
    if (dead->is(node_state::done)) {
      // The store may be writing or reading it, and then calls let_value_go.
      if (dead->stored && !store::erase(dead->stored)) {
        let_go(keeps);
        continue;
      }
      if (dead->has_value) dead->type->value->end(*dead);
    }
    if (dead->has_arguments) dead->type->end_arguments(*dead);  // not before: the store may run it again
    if (dead->is(node_state::failed)) drop_failure(dead->why);
    drop_details(dead->details);
    dead->type->release(*dead);
    let_go(keeps);
  }
  g.digging = false;
}

// ---- what the headers call -------------------------------------------------------------------------------------

void drop_handle(node& n) noexcept { engine::drop_handle(n); }
void abandon_node(node& n) noexcept { n.home->abandon(n); }
void cancel_node(node& n) noexcept { engine::cancel_if_pending(n, true); }
/// Against a task that has let go of the value, and is being run again: one of the two comes first.
bool take_given_up_value(node& n) noexcept {
  std::uint64_t counts = n.counts.load(std::memory_order_acquire);
  while (node::wants(counts) == 1)
    if (n.counts.compare_exchange_weak(counts, counts | node::taken, std::memory_order_acq_rel,
                                       std::memory_order_acquire))
      return true;
  return false;
}
void retry_node(engine& e, node& n) {
  if (n.home != &e) throw misuse("weft: task " + key_of(n) + " belongs to another client, which must run it again");
  e.retry(n);
}
void keep_until_ended(engine& e, node* n) {
  struct keeper : waiter {
    explicit keeper(node& k) noexcept
        : waiter([](waiter& w) noexcept {
            auto& self = static_cast<keeper&>(w);
            let_go(*self.kept.home, self.kept);
            delete &self;
          }),
          kept(k) {}
    static void let_go(engine& of, node& k) noexcept {
      if (k.is(node_state::failed) && node::wants(k.counts.load(std::memory_order_relaxed)) == 1) {
        try {
          throw_failure(k);
        } catch (...) { of.pool().report_error(std::current_exception()); }
      }
      engine::drop_handle(k);
    }
    node& kept;
  };
  auto k = std::make_unique<keeper>(*n);
  if (add_waiter(*n, *k))
    static_cast<void>(k.release());
  else
    keeper::let_go(e, *n);
}
stop_state& stop_of(engine& e) noexcept { return e.stop(); }
priority band_of(engine& e) noexcept { return e.band(); }
void coroutine_waits(node& n) noexcept { n.home->coroutine_waits(n); }
void coroutine_did_not_wait(engine& e) noexcept { e.coroutine_did_not_wait(); }
void node_ended(node& n, run_result how, std::exception_ptr error) noexcept {
  n.home->ended_later(n, how, std::move(error));
}

bool add_waiter(node& n, waiter& w) noexcept {
  const std::uintptr_t top = lock_dependents(n);
  if (top == node::closed) return false;
  if (w.withdrawn) {
    n.dependents.store(top, std::memory_order_release);
    return false;
  }
  w.linked = true;
  w.next = reinterpret_cast<dependent*>(top);
  n.dependents.store(reinterpret_cast<std::uintptr_t>(static_cast<dependent*>(&w)), std::memory_order_release);
  return true;
}

bool withdraw_waiter(node& n, waiter& w) noexcept {
  const std::uintptr_t top = lock_dependents(n);
  if (top == node::closed) return false;
  w.withdrawn = true;
  const bool was_linked = w.linked;
  auto* first = reinterpret_cast<dependent*>(top);
  if (was_linked) {
    dependent** at = &first;
    while (*at != &w) at = &(*at)->next;
    *at = w.next;
    w.linked = false;
  }
  n.dependents.store(reinterpret_cast<std::uintptr_t>(first), std::memory_order_release);
  return was_linked;
}

}  // namespace weft::detail
