#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <vector>

#include "weft/detail/memory.hpp"
#include "weft/detail/schedule.hpp"

namespace weft::detail {

/// Timers in a heap with four children a node: a push is one comparison for most timeouts, which are later
/// than what is there; each timer knows its place, so that cancelling is O(log n) without a search.
class timer_queue {
 public:
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  /// The earliest deadline in nanoseconds of the clock, or never. May be read by anyone, without the lock.
  std::int64_t next() const noexcept { return next_.load(std::memory_order_seq_cst); }

  /// Returns false if the timer was cancelled before. `earliest` tells whether it is now the first.
  bool add(timer& t, bool& earliest) {
    std::lock_guard guard(lock_);
    if (t.cancelled) return false;
    heap_.push_back({ns(t), &t});
    rise(heap_.size() - 1);
    earliest = t.index == 0;
    if (earliest) publish();
    return true;
  }

  /// Takes `t` out. Returns false if it was not in (it fired, or was not added yet).
  bool cancel(timer& t) noexcept {
    std::lock_guard guard(lock_);
    if (t.fired) return false;
    t.cancelled = true;
    if (t.index == std::size_t(-1)) return false;
    const bool first = t.index == 0;
    take(t.index);
    if (first) publish();
    return true;
  }

  /// Calls f(timer) for each timer that is due, each out of the heap and no longer ours.
  template <class F>
  bool expire(std::int64_t now, F&& f) {
    if (next_.load(std::memory_order_relaxed) > now) return false;
    constexpr std::size_t batch = 16;  // so that who adds a timer meanwhile waits for few of them
    bool any = false;
    for (;;) {
      entry due[batch];
      std::size_t n = 0;
      {
        std::lock_guard guard(lock_);
        while (n < batch && !heap_.empty() && heap_.front().at <= now) {
          heap_.front().t->fired = true;
          due[n++] = heap_.front();
          take(0);
        }
        publish();
      }
      for (std::size_t i = 0; i < n; ++i) f(*due[i].t);
      any |= n != 0;
      if (n < batch) return any;
    }
  }

 private:
  struct entry {
    std::int64_t at;
    timer* t;
  };
  static std::int64_t ns(const timer& t) noexcept { return t.deadline.time_since_epoch().count(); }

  void publish() noexcept { next_.store(heap_.empty() ? never : heap_.front().at, std::memory_order_seq_cst); }
  void put(std::size_t i, entry e) noexcept {
    heap_[i] = e;
    e.t->index = i;
  }
  void rise(std::size_t i) noexcept {
    const entry e = heap_[i];
    while (i > 0 && e.at < heap_[(i - 1) / 4].at) {
      put(i, heap_[(i - 1) / 4]);
      i = (i - 1) / 4;
    }
    put(i, e);
  }
  void sink(std::size_t i) noexcept {
    const entry e = heap_[i];
    for (;;) {
      std::size_t least = i;
      std::int64_t at = e.at;
      for (std::size_t c = 4 * i + 1; c < 4 * i + 5 && c < heap_.size(); ++c)
        if (heap_[c].at < at) {
          at = heap_[c].at;
          least = c;
        }
      if (least == i) break;
      put(i, heap_[least]);
      i = least;
    }
    put(i, e);
  }
  void take(std::size_t i) noexcept {
    heap_[i].t->index = std::size_t(-1);
    const entry last = heap_.back();
    heap_.pop_back();
    if (i == heap_.size()) return;
    put(i, last);
    rise(i);
    sink(last.t->index);
  }

  short_lock lock_;
  std::vector<entry> heap_;
  alignas(64) std::atomic<std::int64_t> next_{never};
};

/// Several timer queues, so that workers seldom meet at a lock: a timer's address tells which is its own. One queue
/// where the order of execution must not depend on addresses.
class timer_queues {
 public:
  explicit timer_queues(std::size_t n) : queues_(n) {}

  std::int64_t next() const noexcept {
    std::int64_t least = timer_queue::never;
    for (const timer_queue& q : queues_) least = std::min(least, q.next());
    return least;
  }
  /// `earliest` tells whether it is the first of its queue: only then can it be the first of all.
  bool add(timer& t, bool& earliest) { return of(t).add(t, earliest); }
  bool cancel(timer& t) noexcept { return of(t).cancel(t); }
  template <class F>
  bool expire(std::int64_t now, F&& f) {
    bool any = false;
    for (timer_queue& q : queues_) any |= q.expire(now, f);
    return any;
  }

 private:
  timer_queue& of(const timer& t) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(&t) >> 6;  // frames are apart by cache lines
    return queues_[address * 0x9e3779b97f4a7c15u >> 32 & (queues_.size() - 1)];
  }
  std::vector<timer_queue> queues_;  // a power of two
};

}  // namespace weft::detail
