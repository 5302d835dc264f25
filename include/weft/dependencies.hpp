#pragma once

#include <cstddef>

namespace weft {

/// The tasks from `first` to `last` of a layer, both included.
struct interval {
  std::size_t first = 0, last = 0;
  friend bool operator==(const interval&, const interval&) = default;
};

/// What a task takes of a layer, in the order in which it sees the values: intervals that do not overlap. The first
/// 32 need no allocation; a table on the heap takes over beyond that, and the program ends when there is no memory
/// for it, since dependencies are asked where nothing may throw.
class intervals {
 public:
  static constexpr std::size_t inline_capacity = 32;

  // Only what is used is written and copied.
  intervals() noexcept : items_(own_) {}
  intervals(interval one) noexcept : items_(own_) { add(one); }  // NOLINT: `return {{a, b}};`
  intervals(const intervals& o) noexcept : items_(own_) { copy(o); }
  intervals(intervals&& o) noexcept : items_(own_) { take(o); }
  intervals& operator=(const intervals& o) noexcept {
    if (this != &o) copy(o);
    return *this;
  }
  intervals& operator=(intervals&& o) noexcept {
    if (this != &o) take(o);
    return *this;
  }
  ~intervals() {
    if (items_ != own_) delete[] items_;
  }

  /// Nothing when `last` is before `first`. Amortised O(1).
  void add(interval i) noexcept {
    if (i.last < i.first) return;
    if (size_ == capacity_) grow();
    items_[size_++] = i;
  }
  /// The part of each that is below `count`.
  void clamp(std::size_t count) noexcept {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < size_; ++i)
      if (items_[i].first < count)
        items_[kept++] = {items_[i].first, items_[i].last < count ? items_[i].last : count - 1};
    size_ = kept;
  }
  /// Forgets them, and keeps the table.
  void clear() noexcept { size_ = 0; }

  const interval* begin() const noexcept { return items_; }
  const interval* end() const noexcept { return items_ + size_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  const interval& operator[](std::size_t i) const noexcept { return items_[i]; }

 private:
  void grow() noexcept;
  void copy(const intervals& o) noexcept {
    size_ = 0;
    for (const interval& i : o) add(i);
  }
  void take(intervals& o) noexcept {
    if (o.items_ == o.own_) return copy(o);
    if (items_ != own_) delete[] items_;
    items_ = o.items_;
    size_ = o.size_;
    capacity_ = o.capacity_;
    o.items_ = o.own_;
    o.size_ = 0;
    o.capacity_ = inline_capacity;
  }

  interval* items_;  // own_, or a table on the heap
  std::size_t size_ = 0, capacity_ = inline_capacity;
  union {
    interval own_[inline_capacity];
  };
};

// ---- which tasks of a layer a task takes -------------------------------------------------------------------------
//
// A dependency is an aggregate with
//
//     weft::intervals of(std::size_t j) const;          // the tasks whose values task j takes
//     weft::intervals dependents(std::size_t i) const;  // the tasks that take the value of task i: its inverse
//
// which are called from many threads, often, and must not throw. What lies beyond the layer's end is cut off, so that
// most need not know how many tasks there are. Without `dependents` the inverse is computed at the first use: one
// pass over all tasks, 8 bytes for each of them and 16 for each interval. Optional:
//
//     static constexpr bool single = true;     // one value each: the function may take it as `const T&`
//     bool fits(std::size_t n, std::size_t m) const;      // m tasks may take from n; if not, layer_of throws misuse
//     bool complete(std::size_t n, std::size_t m) const;  // each of m has an input, and each of n is taken: spares
//                                                         // the search for tasks that are not needed or begin at
//                                                         once

/// Task j takes the value of task j.
struct one_to_one {
  static constexpr bool single = true;
  intervals of(std::size_t j) const noexcept { return interval{j, j}; }
  intervals dependents(std::size_t i) const noexcept { return interval{i, i}; }
  bool fits(std::size_t n, std::size_t m) const noexcept { return n == m; }
  bool complete(std::size_t n, std::size_t m) const noexcept { return n == m; }
};

/// Task j takes `size` neighbours, the last one perhaps fewer: a step of a reduction.
struct blocks {
  std::size_t size = 2;
  intervals of(std::size_t j) const noexcept { return interval{j * size, j * size + size - 1}; }
  intervals dependents(std::size_t i) const noexcept { return interval{i / size, i / size}; }
  bool fits(std::size_t n, std::size_t m) const noexcept { return size != 0 && m == n / size + (n % size != 0); }
  bool complete(std::size_t n, std::size_t m) const noexcept { return fits(n, m); }
};

/// Task j takes the tasks from j - radius to j + radius.
struct neighbours {
  std::size_t radius = 1;
  intervals of(std::size_t j) const noexcept { return interval{j < radius ? 0 : j - radius, j + radius}; }
  intervals dependents(std::size_t i) const noexcept { return of(i); }
  bool fits(std::size_t n, std::size_t m) const noexcept { return n == m; }
  bool complete(std::size_t n, std::size_t m) const noexcept { return n == m; }
};

/// Every task takes all of them.
struct every {
  intervals of(std::size_t) const noexcept { return interval{0, ~std::size_t{0}}; }
  intervals dependents(std::size_t) const noexcept { return interval{0, ~std::size_t{0}}; }
  bool complete(std::size_t n, std::size_t m) const noexcept { return n != 0 && m != 0; }
};

/// For a layer over time: task number step * width + point takes of the step before what `within` says of its point.
template <class Within>
struct previous_step {
  static constexpr bool only_earlier = true;  // task j takes none from j on, whatever there is within a step
  std::size_t width = 1;
  Within within = {};
  intervals of(std::size_t j) const noexcept {
    const std::size_t step = j / width;
    return step == 0 ? intervals() : of_step(within.of(j - step * width), (step - 1) * width);
  }
  intervals dependents(std::size_t i) const noexcept {
    const std::size_t step = i / width;
    return of_step(within.dependents(i - step * width), (step + 1) * width);
  }

 private:
  intervals of_step(intervals points, std::size_t begin) const noexcept {
    points.clamp(width);
    intervals tasks;
    for (const interval& i : points) tasks.add({begin + i.first, begin + i.last});
    return tasks;
  }
};
template <class Within>
previous_step(std::size_t, Within) -> previous_step<Within>;

}  // namespace weft
