#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace weft::detail {

enum class trace_kind : std::uint8_t {
  task_begin,  // payload: the coroutine's resume function
  task_end,
  steal,  // payload: the victim's index
  park,
  wake,
  io_begin,    // payload: the request
  io_end,      // payload: the request
  events,      // the driver has run completions
  name_begin,  // within a task_begin, what has a name of its own; payload: its number (task_names.hpp)
  name_end
};

struct trace_event {
  std::uint64_t time;  // ticks, or nanoseconds of simulated time
  std::uint64_t payload;
  trace_kind kind;
};

/// The last events of one thread, which alone writes; anyone may read meanwhile.
///
/// A slot is three relaxed words. The writer stores `written` after the slot, and `begun` before it: a reader copies
/// what lies between, then drops what `begun` says was being overwritten by then (a sequence lock, after Boehm, "Can
/// seqlocks get along with programming language memory models?", MSPC 2012). An event costs about ten nanoseconds,
/// most of them for reading the clock.
class trace_ring {
 public:
  /// Keeps at least so many events; rounded up to a power of two.
  explicit trace_ring(std::size_t events)
      : mask_(std::bit_ceil(events < 16 ? std::size_t{16} : events) - 1), slots_(new slot[mask_ + 1]) {}

  void record(std::uint64_t time, trace_kind kind, std::uint64_t payload = 0) noexcept {
    const std::uint64_t n = written_.load(std::memory_order_relaxed);
    begun_.store(n + 1, std::memory_order_relaxed);
    slot& s = slots_[n & mask_];
    // Release: a reader that sees one of these sees `begun` too.
    s.time.store(time, std::memory_order_release);
    s.payload.store(payload, std::memory_order_release);
    s.kind.store(static_cast<std::uint64_t>(kind), std::memory_order_release);
    written_.store(n + 1, std::memory_order_release);
  }

  /// The events still there, the oldest first, but for the first `skipped` that were ever recorded.
  std::vector<trace_event> read(std::uint64_t skipped = 0) const {
    const std::uint64_t last = written_.load(std::memory_order_acquire);
    const std::uint64_t first = std::min(last, std::max(skipped, last > mask_ + 1 ? last - (mask_ + 1) : 0));
    std::vector<trace_event> events;
    events.reserve(static_cast<std::size_t>(last - first));
    for (std::uint64_t i = first; i < last; ++i) {
      const slot& s = slots_[i & mask_];
      events.push_back({s.time.load(std::memory_order_acquire), s.payload.load(std::memory_order_acquire),
                        static_cast<trace_kind>(s.kind.load(std::memory_order_acquire))});
    }
    const std::uint64_t begun = begun_.load(std::memory_order_relaxed);
    const std::uint64_t safe = begun > mask_ + 1 ? begun - (mask_ + 1) : 0;
    if (safe > first)
      events.erase(events.begin(), events.begin() + static_cast<std::ptrdiff_t>(std::min(safe, last) - first));
    return events;
  }

  std::uint64_t recorded() const noexcept { return written_.load(std::memory_order_acquire); }
  std::size_t capacity() const noexcept { return mask_ + 1; }

 private:
  struct slot {
    std::atomic<std::uint64_t> time{0}, payload{0}, kind{0};
  };
  const std::size_t mask_;
  const std::unique_ptr<slot[]> slots_;
  std::atomic<std::uint64_t> begun_{0}, written_{0};
};

}  // namespace weft::detail
