#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "weft/detail/memory.hpp"

namespace weft::detail {

/// What comes to a pool from outside its workers, or is shared out by one of them, first in first out: a ring under a
/// lock. Workers take batches, so the lock is paid once for many items.
class injection_queue {
 public:
  /// Queues `item` and calls `queued()` before any worker can take it: once it is taken its task may run to its end,
  /// and the pool's owner be free to destroy the pool.
  template <class F>
  void push(void* item, F&& queued) {
    std::lock_guard guard(lock_);
    push_locked(item, queued);
  }

  /// The same for a root from outside. False, and nothing done, when `limit` of those wait already.
  template <class F>
  bool push_root(void* item, std::size_t limit, F&& queued) {
    std::lock_guard guard(lock_);
    if (waiting_roots_ >= limit) return false;
    make_room(1);
    ++waiting_roots_;
    roots_.store(roots_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    push_locked(reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(item) | root_mark), queued);
    return true;
  }

  /// For a worker that shares out what it has queued itself.
  void push_many(void* const* items, std::size_t count) {
    std::lock_guard guard(lock_);
    make_room(count);
    const std::size_t n = size_.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < count; ++i) put(items[i], n + i);
    size_.store(n + count, std::memory_order_release);
  }

  /// Takes up to `most` items, the oldest first, into `out`; returns how many.
  std::size_t take(void** out, std::size_t most) noexcept {
    if (empty()) return 0;
    std::lock_guard guard(lock_);
    const std::size_t n = size_.load(std::memory_order_relaxed);
    const std::size_t taken = n < most ? n : most;
    for (std::size_t i = 0; i < taken; ++i) {
      const auto item = reinterpret_cast<std::uintptr_t>(ring_[(head_ + i) & (ring_.size() - 1)]);
      waiting_roots_ -= item & root_mark;
      out[i] = reinterpret_cast<void*>(item & ~root_mark);
    }
    head_ += taken;
    size_.store(n - taken, std::memory_order_release);
    return taken;
  }

  bool empty() const noexcept { return size() == 0; }
  std::size_t size() const noexcept { return size_.load(std::memory_order_acquire); }
  /// How many roots were ever pushed.
  std::uint64_t roots() const noexcept { return roots_.load(std::memory_order_acquire); }

 private:
  static constexpr std::uintptr_t root_mark = 1;  // frames are aligned to 16 bytes

  template <class F>
  void push_locked(void* item, F& queued) {
    make_room(1);
    const std::size_t n = size_.load(std::memory_order_relaxed);
    put(item, n);
    size_.store(n + 1, std::memory_order_release);
    queued();
  }
  void put(void* item, std::size_t behind) noexcept { ring_[(head_ + behind) & (ring_.size() - 1)] = item; }
  void make_room(std::size_t more) {
    const std::size_t n = size_.load(std::memory_order_relaxed);
    if (n + more <= ring_.size()) return;
    std::size_t capacity = ring_.empty() ? 64 : ring_.size();
    while (capacity < n + more) capacity *= 2;
    std::vector<void*> bigger(capacity);
    for (std::size_t i = 0; i < n; ++i) bigger[i] = ring_[(head_ + i) & (ring_.size() - 1)];
    ring_.swap(bigger);
    head_ = 0;
  }

  short_lock lock_;
  std::vector<void*> ring_;  // a power of two
  std::size_t head_ = 0;
  std::size_t waiting_roots_ = 0;
  std::atomic<std::size_t> size_{0};
  std::atomic<std::uint64_t> roots_{0};
};

}  // namespace weft::detail
