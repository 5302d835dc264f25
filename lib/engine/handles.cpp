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
  for (;;) {
    if (top == node::closed) return top;
    if (top & node::locked) {
      real_memory::pause();
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

/// Cancels a node, and what only it wanted. No recursion: a chain may be long. Each node of the list is kept by the
/// one that wanted it, the first by the caller.
bool engine::cancel(node& first, bool running_too) noexcept {
  if (remote_) {
    cancel_remote(first, true);
    return true;
  }
  std::vector<node*> list;
  bool active = false;
  const auto begin = [&](node& n) {
    node_state expected = node_state::pending;
    if (n.state.compare_exchange_strong(expected, node_state::cancelled, std::memory_order_acq_rel)) {
      // The node is not closed yet, so the engine is there; from here on it waits for this call.
      if (!active) became_active();
      active = true;
      list.push_back(&n);
    } else if (expected == node_state::running && running_too) {
      ask_to_stop(n);
    }
  };
  begin(first);
  while (!list.empty()) {
    node& n = *list.back();
    list.pop_back();
    const bool late = n.type->closed != nullptr;  // a layer's task may be given its inputs just now, and keeps them
    if (!late) n.inputs_wanted = false;
    for (std::uint32_t i = 0; !late && i < n.input_count; ++i) {
      node& from = *n.inputs[i].from;
      if (from.counts.fetch_sub(node::one_want, std::memory_order_acq_rel) >> 32 == 1 && !from.ended()) begin(from);
    }
    lane& l = own_lane();
    note(l.cancelled);
    note(l.ended);
    tell(n, task_event::step::cancelled);
    if (n.details) [[unlikely]]
      end_limits(n);
    if (n.tracked) [[unlikely]]
      tracker_->ended(n, 0);
    n.counts.fetch_add(node::one_reference, std::memory_order_relaxed);  // once told, who wanted it may let go
    if (node* next = close_node(n)) make_ready(*next);
    drop_reference(n);
    // The engine's reference goes when the node leaves the queues.
  }
  if (active) became_idle();
  return active;
}

bool engine::withdraw(node& n) noexcept { return cancel(n, false); }

/// Lets go of the values that a node has taken; it has run.
void engine::drop_inputs(node& n) noexcept {
  for (std::uint32_t i = 0; i < n.input_count; ++i)
    if (node* from = std::exchange(n.inputs[i].from, nullptr)) drop_handle(*from);
}

/// An engine may be gone when the handle is, but not before the node has ended; then nothing of it is needed.
void engine::drop_handle(node& n) noexcept {
  if (!n.ended()) {
    // The reference is kept until the node was asked to stop.
    if (n.counts.fetch_sub(node::one_want, std::memory_order_acq_rel) >> 32 == 1) {
      if (n.remote)
        n.home->cancel_remote(n, false);
      else
        n.home->cancel(n);
    }
    drop(n, node::one_reference);
    return;
  }
  drop(n, node::one_want | node::one_reference);
}

void engine::drop_reference(node& n) noexcept { drop(n, node::one_reference); }

void engine::drop(node& n, std::uint64_t what) noexcept {
  if (n.counts.fetch_sub(what, std::memory_order_acq_rel) == what) destroy(n);
}

void engine::destroy(node& n) noexcept {
  graveyard& g = this_graveyard();
  if (!n.remote) n.home = nullptr;
  n.rank = reinterpret_cast<std::uintptr_t>(std::exchange(g.first, &n));
  if (g.digging) return;
  g.digging = true;
  while (node* dead = g.first) {
    g.first = reinterpret_cast<node*>(dead->rank);
    const std::uint64_t held = dead->inputs_wanted ? node::one_want | node::one_reference : node::one_reference;
    for (std::uint32_t i = 0; i < dead->input_count; ++i)
      if (node* from = std::exchange(dead->inputs[i].from, nullptr)) {
        if (dead->inputs_wanted)
          drop_handle(*from);
        else
          drop(*from, held);
      }
    if (dead->has_arguments) dead->type->end_arguments(*dead);
    engine* const keeps = dead->remote ? dead->home : nullptr;
    if (keeps) {
      dead->remote = false;  // once: let_value_go may bring it here again
      dead->home = nullptr;
      keeps->release_remote(*dead);
    }
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
void cancel_node(node& n) noexcept {
  if (!n.ended()) n.home->cancel(n);
}
void retry_node(engine& e, node& n) {
  if (n.home != &e) throw misuse("weft: task " + key_of(n) + " belongs to another client, which must run it again");
  e.retry(n);
}
void keep_until_ended(node* n) {
  struct keeper : waiter {
    explicit keeper(node& k) noexcept
        : waiter([](waiter& w) noexcept {
            auto& self = static_cast<keeper&>(w);
            engine::drop_handle(self.kept);
            delete &self;
          }),
          kept(k) {}
    node& kept;
  };
  auto k = std::make_unique<keeper>(*n);
  if (add_waiter(*n, *k))
    static_cast<void>(k.release());
  else
    drop_handle(*n);
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
