// The numbers and the places of elements.
#include "weft/detail/array/places.hpp"

#include <algorithm>
#include <string>

#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

/// Throws misuse for extents that no array has.
void check_extents(const weft::shape& of) { make_grid(of, {}, automatic_chunk_bytes, 1); }

}  // namespace

void check_places(const weft::shape& of, std::size_t axes) {
  check_extents(of);
  if (of.size() != axes)
    throw misuse("weft: " + std::to_string(axes) + (axes == 1 ? " index" : " indices") +
                 " for the elements of an array of shape " + weft::to_string(of) + ", which has " +
                 std::to_string(of.size()) + (of.size() == 1 ? " axis" : " axes"));
}
void throw_number(std::int64_t number, const weft::shape& of) {
  throw misuse("weft: element " + std::to_string(number) + " of an array of shape " + weft::to_string(of) +
               ", which has " + std::to_string(of.count()));
}
void throw_place(std::int64_t index, std::size_t axis, const weft::shape& of) {
  throw misuse("weft: index " + std::to_string(index) + " along axis " + std::to_string(axis) +
               " of an array of shape " + weft::to_string(of));
}

place_in_triangle rows_of_triangle(std::int64_t rows, std::int64_t columns, std::int64_t offset, bool upper) {
  check_extents({rows, columns});
  offset = std::clamp(offset, -rows, columns);
  place_in_triangle t{rows, columns};
  t.from_end = upper;
  if (upper) offset = columns - rows - offset;
  t.first_row = std::clamp<std::int64_t>(-offset, 0, rows);
  t.first = std::clamp<std::int64_t>(t.first_row + offset + 1, 0, columns);
  t.whole_from = std::min(rows, t.first_row + columns - t.first);
  t.before_whole = t.before(t.whole_from - t.first_row);
  t.count = t.before_whole + (rows - t.whole_from) * columns;
  return t;
}

unravel_along along_axis(const weft::shape& of, std::size_t axis) noexcept {
  unravel_along u{of, of.count(), 1, of[axis]};
  for (std::size_t a = axis + 1; a < of.size(); ++a) u.step *= of[a];
  return u;
}
unravel_any along_axes(const weft::shape& of) noexcept {
  unravel_any u{of, weft::shape::of_rank(of.size())};
  for (std::size_t a = 0; a < of.size(); ++a) u.steps[a] = along_axis(of, a).step;
  return u;
}

void check_has_places(const grid& x, const char* what) {
  if (x.rank == 0)
    throw misuse("weft: " + std::string(what) + " of an array that has no axes: give it one, by x(weft::newaxis)");
}

}  // namespace weft::detail::arrays
