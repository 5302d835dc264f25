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
  /// and the pool's owner be free to destroy the pool. False, and nothing done, when `limit` items wait already.
  template <class F>
  bool push(void* item, std::size_t limit, bool is_root, F&& queued) {
    std::lock_guard guard(lock_);
    const std::size_t n = size_.load(std::memory_order_relaxed);
    if (n >= limit) return false;
    if (n == ring_.size()) grow(n + 1);
    put(item, n);
    if (is_root) roots_.store(roots_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    size_.store(n + 1, std::memory_order_release);
    queued();
    return true;
  }

  /// For a worker that shares out what it has queued itself.
  void push_many(void* const* items, std::size_t count) {
    std::lock_guard guard(lock_);
    const std::size_t n = size_.load(std::memory_order_relaxed);
    if (n + count > ring_.size()) grow(n + count);
    for (std::size_t i = 0; i < count; ++i) put(items[i], n + i);
    size_.store(n + count, std::memory_order_release);
  }

  /// Takes up to `most` items, the oldest first, into `out`; returns how many.
  std::size_t take(void** out, std::size_t most) noexcept {
    if (empty()) return 0;
    std::lock_guard guard(lock_);
    const std::size_t n = size_.load(std::memory_order_relaxed);
    const std::size_t taken = n < most ? n : most;
    for (std::size_t i = 0; i < taken; ++i) out[i] = ring_[(head_ + i) & (ring_.size() - 1)];
    head_ += taken;
    size_.store(n - taken, std::memory_order_release);
    return taken;
  }

  bool empty() const noexcept { return size() == 0; }
  std::size_t size() const noexcept { return size_.load(std::memory_order_acquire); }
  /// How many roots were ever pushed.
  std::uint64_t roots() const noexcept { return roots_.load(std::memory_order_acquire); }

 private:
  void put(void* item, std::size_t behind) noexcept { ring_[(head_ + behind) & (ring_.size() - 1)] = item; }
  void grow(std::size_t least) {
    std::size_t capacity = ring_.empty() ? 64 : ring_.size();
    while (capacity < least) capacity *= 2;
    const std::size_t n = size_.load(std::memory_order_relaxed);
    std::vector<void*> bigger(capacity);
    for (std::size_t i = 0; i < n; ++i) bigger[i] = ring_[(head_ + i) & (ring_.size() - 1)];
    ring_.swap(bigger);
    head_ = 0;
  }

  short_lock lock_;
  std::vector<void*> ring_;  // a power of two
  std::size_t head_ = 0;
  std::atomic<std::size_t> size_{0};
  std::atomic<std::uint64_t> roots_{0};
};

}  // namespace weft::detail
