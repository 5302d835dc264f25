#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "weft/array/index.hpp"

namespace weft {

namespace detail::arrays {

// The numbers and the places of elements: lib/array/places.cpp.
/// Throws misuse where a shape cannot be, or has not so many axes.
void check_places(const weft::shape& of, std::size_t axes);
/// Throw misuse.
[[noreturn]] void throw_number(std::int64_t number, const weft::shape& of);
[[noreturn]] void throw_place(std::int64_t index, std::size_t axis, const weft::shape& of);

/// The row or the column of element t, row-major, of those of a matrix that are on a diagonal and on one side of it.
/// By a root, and a step where that is rounded.
struct place_in_triangle {
  static constexpr const char* name = "triangle";
  std::int64_t rows = 0, columns = 0, count = 0;
  std::int64_t first_row = 0, first = 0;          // the first row that has elements, and how many
  std::int64_t whole_from = 0, before_whole = 0;  // the first row that has all columns, and the elements before it
  bool from_end = false;                          // an upper one is a lower one from its end
  bool wants_column = false;

  /// Elements of d rows, of which each has one more than that before.
  std::int64_t before(std::int64_t d) const noexcept { return first * d + d * (d - 1) / 2; }
  std::int64_t operator()(std::int64_t t) const noexcept {
    if (from_end) t = count - 1 - t;
    std::int64_t row = 0, column = 0;
    if (t >= before_whole) {
      row = whole_from + (t - before_whole) / columns;
      column = (t - before_whole) % columns;
    } else {
      const double b = static_cast<double>(first) - 0.5;
      auto d = static_cast<std::int64_t>(std::sqrt(b * b + 2 * static_cast<double>(t)) - b);
      while (before(d) > t) --d;
      while (before(d + 1) <= t) ++d;
      row = first_row + d;
      column = t - before(d);
    }
    if (!from_end) return wants_column ? column : row;
    return wants_column ? columns - 1 - column : rows - 1 - row;
  }
};
/// Throws misuse for extents that cannot be.
place_in_triangle rows_of_triangle(std::int64_t rows, std::int64_t columns, std::int64_t offset, bool upper);

/// The index along an axis of an element by its number.
struct unravel_along {
  static constexpr const char* name = "unravel_index";
  weft::shape of;
  std::int64_t count = 0, step = 1, extent = 0;
  template <class I>
  std::int64_t operator()(I number) const {
    if (std::cmp_less(number, 0) || std::cmp_greater_equal(number, count))
      throw_number(static_cast<std::int64_t>(number), of);
    return static_cast<std::int64_t>(number) / step % extent;
  }
};
unravel_along along_axis(const weft::shape& of, std::size_t axis) noexcept;

/// The index along an axis that is told as well.
struct unravel_any {
  static constexpr const char* name = "argwhere";
  weft::shape of, steps;
  std::int64_t operator()(std::int64_t number, std::int64_t axis) const {
    const auto a = static_cast<std::size_t>(axis);
    return number / steps[a] % of[a];
  }
};
unravel_any along_axes(const weft::shape& of) noexcept;
/// Throws misuse for an array without axes.
void check_has_places(const grid& x, const char* what);

/// The number of an element by its place.
struct ravel_place {
  static constexpr const char* name = "ravel_multi_index";
  weft::shape of;
  outside what = outside::refuse;
  template <class... I>
  std::int64_t operator()(I... place) const {
    std::int64_t number = 0;
    std::size_t axis = 0;
    ((number = number * of[axis] + inside(static_cast<std::int64_t>(place), axis), ++axis), ...);
    return number;
  }
  std::int64_t inside(std::int64_t i, std::size_t axis) const {
    const std::int64_t n = of[axis];
    if (i >= 0 && i < n) return i;
    if (what == outside::refuse || n == 0) throw_place(i, axis, of);
    return brought_inside(i, n, what);
  }
};

}  // namespace detail::arrays
}  // namespace weft
