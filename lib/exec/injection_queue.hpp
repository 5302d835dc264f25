#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <vector>

#include "weft/detail/memory.hpp"

namespace weft::detail {

/// What comes to a pool from outside its workers, first in first out: a ring under a lock. Workers take
/// batches, so the lock is paid once for many items.
class injection_queue {
 public:
  /// Returns false when `limit` items wait already.
  bool push(void* item, std::size_t limit) {
    std::lock_guard guard(lock_);
    const std::size_t n = size_.load(std::memory_order_relaxed);
    if (n >= limit) return false;
    if (n == ring_.size()) grow(n);
    ring_[(head_ + n) & (ring_.size() - 1)] = item;
    size_.store(n + 1, std::memory_order_release);
    return true;
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

 private:
  void grow(std::size_t n) {
    std::vector<void*> bigger(n ? n * 2 : 64);
    for (std::size_t i = 0; i < n; ++i) bigger[i] = ring_[(head_ + i) & (ring_.size() - 1)];
    ring_.swap(bigger);
    head_ = 0;
  }

  short_lock lock_;
  std::vector<void*> ring_;  // a power of two
  std::size_t head_ = 0;
  std::atomic<std::size_t> size_{0};
};

}  // namespace weft::detail
