// What a store does about the memory that the whole process takes: it evicts, holds tasks back, refuses new ones.
#include <algorithm>
#include <cstdio>
#include <limits>
#include <utility>

#include "spill/store.hpp"
#include "weft/errors.hpp"

namespace weft::detail {

namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
/// Dropped at a time, under the lock: freeing memory takes long.
constexpr std::uint64_t dropped_at_once = std::uint64_t{64} << 20;

std::string readable(std::uint64_t bytes) {
  char text[32];
  const bool many = bytes >= std::uint64_t{1} << 30;
  std::snprintf(text, sizeof text, "%.2f %s", static_cast<double>(bytes) / (many ? 1 << 30 : 1 << 20),
                many ? "GiB" : "MiB");
  return text;
}

/// A rung: entered above `from`, left below `to`; never when `from` is 0.
bool on_rung(bool was, std::uint64_t resident, std::uint64_t from, std::uint64_t to) noexcept {
  return from != 0 && (was ? resident >= to : resident > from);
}

}  // namespace

/// Whether it is time to look, for the caller alone.
bool store::look_is_due() noexcept {
  if (options_.resident.limit == 0) return false;
  std::int64_t due = next_look_.load(std::memory_order_relaxed);
  const std::int64_t now = host_.now(host_.context);
  return now >= due &&
         next_look_.compare_exchange_strong(due, now + options_.resident.interval.count(), std::memory_order_relaxed);
}

/// Gives freed memory back to the system: the heap keeps what lies between values that are there still. That takes
/// long, 50 to 90 ms for 300 MiB of short strings, so at most a tenth of the time. False: not now.
bool store::trim() noexcept {
  const std::int64_t now = host_.now(host_.context);
  std::int64_t due = next_trim_.load(std::memory_order_relaxed);
  if (now < due || !next_trim_.compare_exchange_strong(due, never, std::memory_order_relaxed)) return false;
  host_.trim(host_.context);
  const std::int64_t end = host_.now(host_.context);
  {
    std::lock_guard guard(lock_);
    untrimmed_ = 0;
  }
  next_trim_.store(end + 9 * (end - now), std::memory_order_relaxed);
  return true;
}

void store::look() {
  if (!look_is_due()) return;
  const resident_limits& at = options_.resident;
  std::uint64_t resident = host_.resident(host_.context);
  if (resident == 0) return;  // nobody knows
  const std::uint64_t lowest = at.spill ? at.spill : at.pause ? at.pause : at.terminate;
  const bool high =
      shedding_.load(std::memory_order_relaxed) || paused() || refusing_.load(std::memory_order_relaxed);
  if (high || (lowest != 0 && resident > lowest))
    if (trim()) resident = host_.resident(host_.context);  // before values leave for what is free
  const std::uint64_t gap = at.limit / 20;
  const auto below = [gap](std::uint64_t rung) { return rung - std::min(rung, gap); };
  const std::uint64_t target = at.target ? at.target : below(at.spill);
  bool dropped = false, more = true;
  for (bool first = true; more; first = false) {
    after then;
    {
      std::lock_guard guard(lock_);
      if (first) {
        resident_ = resident;
        const auto rung = [&](std::atomic<bool>& on, std::uint64_t from, std::uint64_t to) {
          on.store(on_rung(on.load(std::memory_order_relaxed), resident, from, to), std::memory_order_relaxed);
        };
        rung(shedding_, at.spill, target);
        rung(paused_, at.pause, below(at.pause));
        rung(refusing_, at.terminate, below(at.terminate));
        const std::uint64_t excess = shedding_.load(std::memory_order_relaxed) ? resident - target : 0;
        to_shed_ = excess - std::min(excess, untrimmed_);
        if (to_shed_ != 0)
          budget_ = std::clamp(used() - std::min(used(), to_shed_), options_.budget / 4, budget_);
        else if (resident < target)
          budget_ = std::min(options_.budget, budget_ + (target - resident));
      }
      const std::uint64_t before = to_shed_;
      more = shed();
      dropped = dropped || to_shed_ != before;
      poll(then);
    }
    run(then, false);
  }
  if (dropped) trim();
}

/// Drops values until enough have left; of those that are on the disk too, since the others must be written first, to
/// which watch() sees. True: there are more, but the lock has been held for long enough.
bool store::shed() noexcept {
  std::uint64_t bytes = 0;
  while (to_shed_ != 0 && !clean_.empty()) {
    if (bytes >= dropped_at_once) return true;
    auto& v = static_cast<stored_value&>(clean_.first());
    bytes += v.bytes_;
    drop(v);
    untrimmed_ += v.bytes_;
  }
  return false;
}

/// After values were written, which may leave now.
void store::shed_written() {
  bool dropped = false;
  for (bool more = true; more;) {
    std::lock_guard guard(lock_);
    const std::uint64_t before = to_shed_;
    more = shed();
    dropped = dropped || to_shed_ != before;
  }
  if (dropped) trim();
}

void store::check_again() {
  look();
  if (!refusing_.load(std::memory_order_relaxed)) return;
  std::uint64_t values = 0, resident = 0;
  {
    std::lock_guard guard(lock_);
    values = in_memory_;
    resident = resident_;
  }
  const resident_limits& at = options_.resident;
  throw overloaded("weft: the process takes " + readable(resident) + " of memory, the limit is " +
                   readable(at.limit) + ", and above " + readable(at.terminate) +
                   " (client_options.thresholds, terminate) no task is accepted until it takes less than " +
                   readable(at.terminate - std::min(at.terminate, at.limit / 20)) + "; values of this client take " +
                   readable(values) + ": let go of futures, or give the process more memory");
}

}  // namespace weft::detail
