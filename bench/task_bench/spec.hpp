#pragma once

/// Task Bench: a graph of `steps` rows of up to `width` tasks, where a task of one step depends on some of the step
/// before, by a pattern. Patterns, windows and intervals are those of Slaughter et al., "Task Bench: A Parameterized
/// Benchmark for Evaluating Parallel Runtime Performance" (SC 2020), section III, and of core/core.cc in
/// StanfordLegion/task-bench (bf4ad19). Three things differ: intervals hold only tasks that exist (there a driver
/// drops the others itself); stencil_1d_periodic names a neighbour once where the width is 1 or 2; and what
/// random_nearest and load_imbalance draw comes from another hash (there SipHash), of the seed in the place of the
/// graph's index.
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "../harness.hpp"

namespace bench {

enum class pattern {
  trivial,              // no dependencies
  no_comm,              // {i}
  stencil_1d,           // {i - 1, i, i + 1}
  stencil_1d_periodic,  // the same on a ring
  dom,                  // {i - 1, i} in a window that grows, then shrinks: a sweep
  tree,                 // {i / 2}, and twice as many tasks each step until the width is reached
  fft,                  // {i - 2^d, i, i + 2^d}, d going around from step to step
  all_to_all,           // all of them
  nearest,              // `radix` neighbours around i
  spread,               // `radix` tasks at equal distances, which shift from step to step
  random_nearest,       // i, and each other of the nearest `radix` with the probability `fraction`
};

inline constexpr std::array all_patterns{
    pattern::trivial, pattern::no_comm, pattern::stencil_1d,    pattern::stencil_1d_periodic,
    pattern::dom,     pattern::tree,    pattern::fft,           pattern::all_to_all,
    pattern::nearest, pattern::spread,  pattern::random_nearest};

inline const char* name_of(pattern p) noexcept {
  constexpr std::array names{"trivial",    "no_comm", "stencil_1d", "stencil_1d_periodic", "dom", "tree", "fft",
                             "all_to_all", "nearest", "spread",     "random_nearest"};
  static_assert(names.size() == all_patterns.size());
  return names[static_cast<std::size_t>(p)];
}

enum class kernel_kind { empty, busy_wait, compute_bound, memory_bound, load_imbalance };

/// What each task computes; see kernels.hpp.
struct kernel_spec {
  kernel_kind kind = kernel_kind::compute_bound;
  long iterations = 0;
  double imbalance = 0;           // load_imbalance: iterations vary by this part of them, 0 to 2
  std::size_t scratch_bytes = 0;  // memory_bound: what each point has for itself, whatever the iterations
  long samples = 16;              // memory_bound: an iteration copies within one of so many parts of it
};

/// The points from `first` to `last`, both included.
struct interval {
  long first, last;
  friend bool operator==(const interval&, const interval&) = default;
};

/// Intervals in the order in which Task Bench gives them, without an allocation.
class interval_list {
 public:
  static constexpr std::size_t capacity = 32;

  interval_list() noexcept {}
  interval_list(const interval_list& o) noexcept : size_(o.size_) { std::copy(o.begin(), o.end(), items_); }
  interval_list& operator=(const interval_list& o) noexcept {
    std::copy(o.begin(), o.end(), items_);
    size_ = o.size_;
    return *this;
  }
  const interval* begin() const noexcept { return items_; }
  const interval* end() const noexcept { return items_ + size_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  const interval& operator[](std::size_t i) const noexcept { return items_[i]; }
  /// How many points they hold.
  long points() const noexcept {
    long n = 0;
    for (const interval& i : *this) n += i.last - i.first + 1;
    return n;
  }
  /// Adds what lies within `window`, if anything does.
  void add(interval i, interval window) noexcept {
    const interval kept{std::max(i.first, window.first), std::min(i.last, window.last)};
    if (kept.first <= kept.last) items_[size_++] = kept;
  }

 private:
  std::size_t size_ = 0;
  interval items_[capacity];
};

/// What a task's output is filled with: who made it.
struct stamp {
  long step, point;
  friend bool operator==(const stamp&, const stamp&) = default;
};

/// A number in [0, 1) that depends on all of `values` (splitmix64 of each, one after another).
inline double uniform_of(std::initializer_list<long> values) noexcept {
  std::uint64_t h = 0;
  for (const long v : values) {
    h += static_cast<std::uint64_t>(v) + 0x9e3779b97f4a7c15;
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;
    h = (h ^ (h >> 27)) * 0x94d049bb133111eb;
    h ^= h >> 31;
  }
  return static_cast<double>(h >> 11) * 0x1p-53;
}

struct graph_spec {
  bench::pattern pattern = pattern::trivial;
  long width = 4;
  long steps = 4;
  long radix = 3;                            // nearest, spread, random_nearest
  long period = 3;                           // spread, random_nearest: the dependencies repeat after so many steps
  double fraction = 0.25;                    // random_nearest
  std::size_t output_bytes = sizeof(stamp);  // of each task, a multiple of sizeof(stamp)
  kernel_spec kernel;
  long seed = 0;

  /// Throws `wrong` for what Task Bench refuses too, or what does not fit an interval_list.
  void check() const;

  /// The points that have a task at this step; none (0 to -1) before the first and after the last step.
  interval window(long step) const noexcept {
    if (step < 0 || step >= steps) return {0, -1};
    long offset = 0, count = width;
    if (pattern == pattern::dom) {
      offset = std::max(0L, step + width - steps);
      count = std::min(width, std::min(step + 1, steps - step));
    } else if (pattern == pattern::tree) {
      count = std::min(width, 1L << std::min(step, 62L));
    }
    return {offset, offset + count - 1};
  }
  bool exists(long step, long point) const noexcept {
    const interval w = window(step);
    return w.first <= point && point <= w.last;
  }
  long tasks() const noexcept {
    long n = 0;
    for (long step = 0; step < steps; ++step) n += window(step).last - window(step).first + 1;
    return n;
  }

  /// The tasks of step - 1 whose outputs (step, point) takes, in the order of its inputs.
  interval_list dependencies(long step, long point) const noexcept {
    return exists(step, point) ? related(step, point, window(step - 1), direction::before) : interval_list();
  }
  /// The tasks of step + 1 that take the output of (step, point).
  interval_list dependents(long step, long point) const noexcept {
    return exists(step, point) ? related(step + 1, point, window(step + 1), direction::after) : interval_list();
  }

  std::size_t stamps() const noexcept { return output_bytes / sizeof(stamp); }
  void fill(long step, long point, std::span<stamp> output) const noexcept {
    std::fill(output.begin(), output.end(), stamp{step, point});
  }
  /// Checks every stamp of every input of a task: one input for each point of dependencies(step, point), in order.
  /// Throws `wrong`.
  void validate(long step, long point, std::span<const std::span<const stamp>> inputs) const {
    validate(step, point, dependencies(step, point), inputs);
  }
  /// The same for a caller that has the dependencies at hand.
  void validate(long step, long point, const interval_list& from,
                std::span<const std::span<const stamp>> inputs) const {
    if (!exists(step, point)) refuse(step, point, "does not exist");
    std::size_t n = 0;
    for (const interval& i : from)
      for (long p = i.first; p <= i.last; ++p, ++n) {
        if (n == inputs.size()) refuse(step, point, "lacks the output of point " + std::to_string(p));
        if (inputs[n].size() != stamps()) refuse_size(step, point, n, inputs[n].size_bytes());
        for (const stamp& found : inputs[n])
          if (found != stamp{step - 1, p}) [[unlikely]]
            refuse_stamp(step, point, n, {step - 1, p}, found);
      }
    if (n != inputs.size())
      refuse(step, point, "has " + std::to_string(inputs.size()) + " inputs, not " + std::to_string(n));
  }

 private:
  enum class direction { before, after };

  /// Which of the period's sets of dependencies leads to this step.
  long set_of(long step) const noexcept {
    if (pattern == pattern::fft) {
      const long sets = std::max(1L, static_cast<long>(std::bit_width(static_cast<unsigned long>(width - 1))));
      return (step + sets - 1) % sets;
    }
    return pattern == pattern::spread || pattern == pattern::random_nearest ? step % period : 0;
  }

  /// Whether random_nearest has the edge from -> to.
  bool connected(long set, long from, long to) const noexcept {
    return from == to || uniform_of({seed, radix, set, from, to}) < fraction;
  }

  /// The points within `in` that an edge between the step before `step` and `step` links with `point`.
  interval_list related(long step, long point, interval in, direction to) const noexcept {
    const bool before = to == direction::before;
    interval_list list;
    switch (pattern) {
      case pattern::trivial:
        break;
      case pattern::no_comm:
        list.add({point, point}, in);
        break;
      case pattern::stencil_1d:
        list.add({point - 1, point + 1}, in);
        break;
      case pattern::stencil_1d_periodic:
        list.add({point - 1, point + 1}, in);
        if (width > 2 && point == 0) list.add({width - 1, width - 1}, in);
        if (width > 2 && point == width - 1) list.add({0, 0}, in);
        break;
      case pattern::dom:
        list.add(before ? interval{point - 1, point} : interval{point, point + 1}, in);
        break;
      case pattern::tree:
        list.add(before ? interval{point / 2, point / 2} : interval{2 * point, 2 * point + 1}, in);
        break;
      case pattern::fft: {
        const long distance = 1L << set_of(step);
        list.add({point - distance, point - distance}, in);
        list.add({point, point}, in);
        list.add({point + distance, point + distance}, in);
        break;
      }
      case pattern::all_to_all:
        list.add({0, width - 1}, in);
        break;
      case pattern::nearest:
        if (radix > 0) list.add(nearest(point, before), in);
        break;
      case pattern::spread: {
        const long set = set_of(step);
        for (long i = 0; i < radix; ++i) {
          const long distance = i * width / radix + (i > 0 ? set : 0);
          const long p = (before ? point + distance : point - distance + width) % width;
          list.add({p, p}, in);
        }
        break;
      }
      case pattern::random_nearest:
        if (radix > 0) add_random(list, step, point, in, before);
        break;
    }
    return list;
  }

  interval nearest(long point, bool before) const noexcept {
    return before ? interval{point - radix / 2, point + (radix - 1) / 2}
                  : interval{point - (radix - 1) / 2, point + radix / 2};
  }

  /// Runs of neighbours that are connected.
  void add_random(interval_list& list, long step, long point, interval in, bool before) const noexcept {
    const long set = set_of(step);
    const interval around = nearest(point, before);
    long first = -1;  // of the run under way
    for (long p = std::max(0L, around.first), end = std::min(width, around.last + 1); p <= end; ++p) {
      if (p < end && (before ? connected(set, p, point) : connected(set, point, p))) {
        if (first < 0) first = p;
      } else if (first >= 0) {
        list.add({first, p - 1}, in);
        first = -1;
      }
    }
  }

  static std::string task_name(long step, long point) {
    return "task (step " + std::to_string(step) + ", point " + std::to_string(point) + ")";
  }
  [[noreturn]] void refuse(long step, long point, const std::string& what) const {
    throw wrong(std::string("Task Bench, ") + name_of(pattern) + ": " + task_name(step, point) + " " + what);
  }
  [[noreturn]] void refuse_size(long step, long point, std::size_t input, std::size_t bytes) const {
    refuse(step, point,
           "has " + std::to_string(bytes) + " bytes as input " + std::to_string(input) + ", not " +
               std::to_string(output_bytes));
  }
  [[noreturn]] void refuse_stamp(long step, long point, std::size_t input, stamp right, stamp found) const {
    refuse(step, point,
           "has the output of " + task_name(found.step, found.point) + " as input " + std::to_string(input) +
               ", not that of " + task_name(right.step, right.point));
  }
};

inline void graph_spec::check() const {
  const auto require = [this](bool right, const std::string& what) {
    if (!right) throw wrong(std::string("Task Bench, ") + name_of(pattern) + ": " + what);
  };
  const auto is = [](long value) { return ", and is " + std::to_string(value); };
  require(width >= 1, "the width must be 1 or more" + is(width));
  require(steps >= 1, "the steps must be 1 or more" + is(steps));
  require(radix >= 0, "the radix must be 0 or more" + is(radix));
  require(output_bytes >= sizeof(stamp) && output_bytes % sizeof(stamp) == 0,
          "an output must be a multiple of 16 bytes" + is(static_cast<long>(output_bytes)));
  require(kernel.iterations >= 0, "the iterations must be 0 or more" + is(kernel.iterations));
  require(kernel.imbalance >= 0 && kernel.imbalance <= 2, "the imbalance must be from 0 to 2");
  require(kernel.kind != kernel_kind::memory_bound ||
              (kernel.samples >= 1 && kernel.scratch_bytes >= static_cast<std::size_t>(kernel.samples) * 2),
          "memory_bound needs at least two bytes of scratch for each sample");
  if (pattern != pattern::spread && pattern != pattern::random_nearest) return;
  const long most = static_cast<long>(interval_list::capacity);
  require(period >= 1, "the period must be 1 or more" + is(period));
  require(radix <= most, "the radix must be " + std::to_string(most) + " at most" + is(radix));
  if (pattern != pattern::spread || radix == 0) return;
  require(radix <= width, "the radix must not exceed the width");
  // Else a later set would come around to the task itself.
  const long longest = (width + radix - 1) / radix;
  require(period <= longest, "the period must be " + std::to_string(longest) + " at most" + is(period));
}

}  // namespace bench
