#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "weft/detail/memory.hpp"

namespace weft::detail {

/// A leaf operation's request to be told of a stop. It lives in the operation, so registering allocates
/// nothing. `invoke` runs on the thread that requests the stop, holds no lock, and only requests: the
/// operation still completes in its own way, exactly once.
template <class Memory>
struct basic_stop_callback {
  using function = void (*)(basic_stop_callback&) noexcept;

  explicit basic_stop_callback(function f) noexcept : invoke(f) {}

  function invoke;
  basic_stop_callback* next = nullptr;
  basic_stop_callback* previous = nullptr;
  bool linked = false;
  bool* removed = nullptr;  // set while invoke runs: where to say that the callback removed itself
  typename Memory::template atomic<std::uint32_t> returned{0};
};

/// The place where a stop is requested and asked for: one for each `any`, `timeout`, `scope` and `all`, in
/// their own frames, linked to the one around it. A promise holds a pointer to the nearest, nothing more.
///
/// A state costs two stores to make, so that a fork can afford one. It joins its parent's list of callbacks
/// only when somebody first asks it or waits on it (attach): asking is then O(1), and forks that nobody asks
/// never take a lock. Attaching climbs to the first ancestor that is attached already.
///
/// The word holds the head of the callback list and three flags. Invariants:
///   - the list is read and written under `locked` only;
///   - `requested` is never taken back, and once it is set nothing joins the list;
///   - a callback is in the list, or was never added, or is being invoked, or has returned. remove() tells
///     these apart under the lock, and waits in the third case, unless it runs inside that very invocation.
template <class Memory>
class basic_stop_state {
 public:
  using callback = basic_stop_callback<Memory>;

  explicit basic_stop_state(basic_stop_state* parent = nullptr) noexcept : parent_(parent), word_(0) {}
  basic_stop_state(const basic_stop_state&) = delete;
  basic_stop_state& operator=(const basic_stop_state&) = delete;
  ~basic_stop_state() {
    if (word_.load(std::memory_order_relaxed) & attached) [[unlikely]]
      detach();
  }

  /// Whether this very state was stopped; does not look at its parents. One load.
  bool stopped_here() const noexcept { return word_.load(std::memory_order_acquire) & requested; }

  /// Whether this state or one around it was stopped. One load, after the first time.
  bool stop_requested() noexcept {
    const std::uintptr_t word = word_.load(std::memory_order_acquire);
    if (word & requested) return true;
    if ((word & attached) || !parent_) return false;
    return attach();
  }

  /// The state around it; null when there is none.
  const basic_stop_state* parent() const noexcept { return parent_; }

  /// Invokes every callback, then returns. Returns false, having done nothing, when it was requested before.
  bool request_stop() noexcept;

  /// Registers `c`. Returns false, and will not invoke it, when the stop was requested already.
  bool add(callback& c) noexcept;

  /// After this `c` is not invoked, and no invocation of it is under way (but the caller's own).
  void remove(callback& c) noexcept;

 private:
  static constexpr std::uintptr_t requested = 1, locked = 2, attached = 4, flags = 7;

  struct link : callback {
    explicit link(basic_stop_state& s) noexcept : callback(nullptr), state(&s) {}
    basic_stop_state* state;
  };

  static callback* head(std::uintptr_t word) noexcept { return reinterpret_cast<callback*>(word & ~flags); }
  static std::uintptr_t with_head(std::uintptr_t word, callback* c) noexcept {
    return (word & flags) | reinterpret_cast<std::uintptr_t>(c);
  }
  link* own_link() noexcept { return std::launder(reinterpret_cast<link*>(link_storage_)); }
  std::uintptr_t lock() noexcept;
  void unlock(std::uintptr_t word) noexcept { word_.store(word & ~locked, std::memory_order_release); }
  bool mark() noexcept;
  bool attach() noexcept;
  void detach() noexcept;

  basic_stop_state* parent_;
  typename Memory::template atomic<std::uintptr_t> word_;
  const void* requester_;                               // valid once requested
  alignas(link) std::byte link_storage_[sizeof(link)];  // a link while attached
};

template <class Memory>
std::uintptr_t basic_stop_state<Memory>::lock() noexcept {
  for (int round = 0;; ++round) {
    std::uintptr_t word = word_.load(std::memory_order_relaxed);
    if (!(word & locked) &&
        word_.compare_exchange_strong(word, word | locked, std::memory_order_acq_rel, std::memory_order_relaxed))
      return word | locked;
    Memory::relax(round);
  }
}

/// Sets the flag; false when it was set before.
template <class Memory>
bool basic_stop_state<Memory>::mark() noexcept {
  const std::uintptr_t word = lock();
  if (word & requested) {
    unlock(word);
    return false;
  }
  requester_ = Memory::thread_token();
  unlock(word | requested);
  return true;
}

/// Walks the tree of states below, depth first and without recursion, since forks nest deeply: down by a link
/// in a list, up by the parent's pointer. A state stays alive while its link is out of the parent's list and
/// has not returned, because detach() waits for that.
template <class Memory>
bool basic_stop_state<Memory>::request_stop() noexcept {
  if (!mark()) return false;
  basic_stop_state* s = this;
  for (;;) {
    const std::uintptr_t word = s->lock();
    callback* c = head(word);
    if (!c) {
      s->unlock(word);
      if (s == this) return true;
      basic_stop_state* parent = s->parent_;
      s->own_link()->returned.store(1, std::memory_order_release);  // s may end here
      s = parent;
      continue;
    }
    if (c->next) c->next->previous = nullptr;
    c->linked = false;
    bool removed = false;
    c->removed = &removed;
    s->unlock(with_head(word, c->next));
    if (!c->invoke) {
      basic_stop_state* child = static_cast<link*>(c)->state;
      if (child->mark())
        s = child;
      else
        c->returned.store(1, std::memory_order_release);
      continue;
    }
    c->invoke(*c);
    if (!removed) c->returned.store(1, std::memory_order_release);  // c may end here
  }
}

template <class Memory>
bool basic_stop_state<Memory>::add(callback& c) noexcept {
  if (stop_requested()) return false;
  const std::uintptr_t word = lock();
  if (word & requested) {
    unlock(word);
    return false;
  }
  c.previous = nullptr;
  c.next = head(word);
  if (c.next) c.next->previous = &c;
  c.linked = true;
  unlock(with_head(word, &c));
  return true;
}

template <class Memory>
void basic_stop_state<Memory>::remove(callback& c) noexcept {
  const std::uintptr_t word = lock();
  if (c.linked) {
    if (c.next) c.next->previous = c.previous;
    if (c.previous) c.previous->next = c.next;
    c.linked = false;
    unlock(c.previous ? word : with_head(word, c.next));
    return;
  }
  const bool own = requester_ == Memory::thread_token();  // c was invoked, so the stop was requested
  bool* removed = c.removed;
  unlock(word);
  if (own && c.returned.load(std::memory_order_relaxed) == 0) {
    *removed = true;
    return;
  }
  for (int round = 0; c.returned.load(std::memory_order_acquire) == 0; ++round) Memory::relax(round);
}

/// Links this state and every ancestor that is not linked yet, from here upwards. Several threads may climb at
/// once; one that meets another's link stops there, and may answer "not stopped" a moment before the other,
/// higher up, finds an ancestor stopped and brings the request down.
template <class Memory>
bool basic_stop_state<Memory>::attach() noexcept {
  for (basic_stop_state* s = this; s->parent_; s = s->parent_) {
    const std::uintptr_t word = s->lock();
    if (word & (requested | attached)) {
      s->unlock(word);
      break;
    }
    link* l = ::new (s->link_storage_) link(*s);
    // Child before parent is the order of all pairs of locks: request_stop() holds one at a time.
    const std::uintptr_t above = s->parent_->lock();
    if (above & requested) {
      s->parent_->unlock(above);
      s->unlock(word);
      s->request_stop();
      break;
    }
    l->next = head(above);
    if (l->next) l->next->previous = l;
    l->linked = true;
    s->parent_->unlock(with_head(above, l));
    s->unlock(word | attached);
  }
  return stopped_here();
}

template <class Memory>
void basic_stop_state<Memory>::detach() noexcept {
  parent_->remove(*own_link());
  std::destroy_at(own_link());
}

using stop_state = basic_stop_state<real_memory>;
using stop_callback = basic_stop_callback<real_memory>;

}  // namespace weft::detail
