// Slices, and other arrangements of the same elements.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "array/nodes.hpp"
#include "weft/array/index.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

found_slice find_slice(const slice& s, std::int64_t n) {
  if (s.step == 0) throw misuse("weft: a slice of step 0; it is 1 or more, or negative");
  const bool forward = s.step > 0;
  const auto inside = [&](std::int64_t x, std::int64_t otherwise) {
    if (x == none) return otherwise;
    if (x < 0) x += n;
    return std::clamp<std::int64_t>(x, forward ? 0 : -1, forward ? n : n - 1);
  };
  const std::int64_t first = inside(s.first, forward ? 0 : n - 1), last = inside(s.last, forward ? n : -1);
  const std::int64_t length = forward ? last - first : first - last;
  const std::int64_t by = forward ? s.step : s.step == std::numeric_limits<std::int64_t>::min() ? n + 1 : -s.step;
  const std::int64_t count = length <= 0 ? 0 : (length - 1) / by + 1;
  return {first, count > 1 ? s.step : forward ? 1 : -1, count};  // else it may be too large to count with
}

std::int64_t checked_index(std::int64_t i, std::size_t axis, const grid& g) {
  const std::int64_t n = g.axes[axis].extent;
  if (i < -n || i >= n)
    throw misuse("weft: index " + std::to_string(i) + " along axis " + std::to_string(axis) +
                 " of an array of shape " + weft::to_string(g.whole()));
  return i < 0 ? i + n : i;
}

namespace {

/// One more axis of what is made of `from`.
void add_axis(grid& g, const cut& c, const grid& from) {
  if (g.rank == most_axes)
    throw misuse("weft: a new axis for an array of shape " + to_string(from) + ": it would have more than 8 axes");
  g.axes[g.rank++] = c;
}

std::string named(const array_node& x) { return "an array of shape " + weft::to_string(x.chunks.whole()); }

}  // namespace

array_ref slice_view(array_ref x, std::span<const index_item> indices) {
  const grid& from = x->chunks;
  view_map map;
  map.rank = from.rank;
  grid to;
  std::uint32_t a = 0;
  for (const index_item& i : indices) {
    if (i.what == index_item::kind::newaxis) {
      add_axis(to, {1, 1, 1}, from);
      continue;
    }
    if (a == from.rank) throw misuse("weft: more indices than axes, for " + named(*x));
    const cut& axis = from.axes[a];
    if (i.what == index_item::kind::number) {
      map.axes[a] = {-1, checked_index(i.at, a, from), 0};
      ++a;
      continue;
    }
    const found_slice s = find_slice(i.range, axis.extent);
    map.axes[a++] = {static_cast<std::int32_t>(to.rank), s.count == 0 ? 0 : s.first, s.count <= 1 ? 1 : s.step};
    add_axis(to, part_of(axis, s.first, s.step, s.count), from);
  }
  for (; a < from.rank; ++a) {
    map.axes[a] = {static_cast<std::int32_t>(to.rank), 0, 1};
    add_axis(to, from.axes[a], from);
  }
  return make_view(std::move(x), map, to);
}

array_ref along_view(array_ref x, std::size_t axis, const index_item& at) {
  std::array<index_item, most_axes> indices{};  // the whole axes
  indices[axis] = at;
  return slice_view(std::move(x), {indices.data(), axis + 1});
}

array_ref diagonal_view(array_ref x, std::int64_t offset) {
  const grid& from = x->chunks;
  if (from.rank < 2) throw misuse("weft: the diagonal of " + named(*x) + ": give one of two axes or more");
  const std::int64_t rows = from.axes[0].extent, columns = from.axes[1].extent;
  const std::int64_t row = std::clamp<std::int64_t>(offset < 0 ? -offset : 0, 0, rows);
  const std::int64_t column = std::clamp<std::int64_t>(offset, 0, columns);
  const std::int64_t n = std::min(rows - row, columns - column);
  view_map map;
  map.rank = from.rank;
  grid to;
  for (std::uint32_t a = 2; a < from.rank; ++a) {
    map.axes[a] = {static_cast<std::int32_t>(to.rank), 0, 1};
    add_axis(to, from.axes[a], from);
  }
  map.axes[0] = {static_cast<std::int32_t>(to.rank), n == 0 ? 0 : row, 1};
  map.axes[1] = {static_cast<std::int32_t>(to.rank), n == 0 ? 0 : column, 1};
  add_axis(to, part_of(from.axes[0], row, 1, n), from);
  return make_view(std::move(x), map, to);
}

array_ref transpose_view(array_ref x, std::span<const std::int64_t> axes) {
  const grid& from = x->chunks;
  if (axes.size() != from.rank)
    throw misuse("weft: an order of " + std::to_string(axes.size()) + " axes, for " + named(*x));
  view_map map;
  map.rank = from.rank;
  grid to;
  for (const std::int64_t given : axes) {
    const std::size_t a = checked_axis(given, from);
    if (map.axes[a].axis >= 0)
      throw misuse("weft: axis " + std::to_string(a) + " twice in an order of axes, for " + named(*x));
    map.axes[a] = {static_cast<std::int32_t>(to.rank), 0, 1};
    add_axis(to, from.axes[a], from);
  }
  return make_view(std::move(x), map, to);
}

array_ref flip_view(array_ref x, std::int64_t axis) {
  const std::size_t a = checked_axis(axis, x->chunks);
  grid to = x->chunks;
  view_map map = identity_map(to.rank);
  const std::int64_t n = to.axes[a].extent;
  if (n > 0) {
    map.axes[a] = {static_cast<std::int32_t>(a), n - 1, -1};
    to.axes[a] = part_of(to.axes[a], n - 1, -1, n);
  }
  return make_view(std::move(x), map, to);
}

array_ref broadcast_view(array_ref x, const weft::shape& wanted) {
  const grid& from = x->chunks;
  const auto fail = [&] {
    throw misuse("weft: an array of shape " + to_string(from) + " does not broadcast to " + weft::to_string(wanted) +
                 ": an axis of one element becomes any other, and new ones stand before the first");
  };
  if (wanted.size() < from.rank) fail();
  const std::size_t before = wanted.size() - from.rank;
  weft::shape chunk = weft::shape::of_rank(wanted.size());
  for (std::size_t a = before; a < wanted.size(); ++a) {
    const cut& own = from.axes[a - before];
    if (own.extent != wanted[a] && own.extent != 1) fail();
    if (own.extent == wanted[a]) chunk[a] = own.chunk;
  }
  grid to = make_grid(wanted, chunk, automatic_chunk_bytes, x->of.item);
  for (std::size_t a = before; a < wanted.size(); ++a)
    if (from.axes[a - before].extent == wanted[a]) to.axes[a] = from.axes[a - before];
  return broadcast_view(std::move(x), to);
}
array_ref broadcast_view(array_ref x, const grid& to) {
  const view_map map = broadcast_map(x->chunks, to);
  return make_view(std::move(x), map, to);
}

array_ref expand_view(array_ref x, std::int64_t axis) {
  const grid& from = x->chunks;
  const std::size_t at = checked_new_axis(axis, from);
  view_map map;
  map.rank = from.rank;
  grid to;
  for (std::uint32_t a = 0; a <= from.rank; ++a) {
    if (a == at) add_axis(to, {1, 1, 1}, from);
    if (a == from.rank) break;
    map.axes[a] = {static_cast<std::int32_t>(to.rank), 0, 1};
    add_axis(to, from.axes[a], from);
  }
  return make_view(std::move(x), map, to);
}

namespace {

array_ref squeezed(array_ref x, std::uint32_t which) {
  const grid& from = x->chunks;
  view_map map;
  map.rank = from.rank;
  grid to;
  for (std::uint32_t a = 0; a < from.rank; ++a) {
    if (which >> a & 1) continue;
    map.axes[a] = {static_cast<std::int32_t>(to.rank), 0, 1};
    add_axis(to, from.axes[a], from);
  }
  return make_view(std::move(x), map, to);
}

}  // namespace

array_ref squeeze_view(array_ref x, std::int64_t axis) {
  const std::size_t a = checked_axis(axis, x->chunks);
  if (x->chunks.axes[a].extent != 1)
    throw misuse("weft: axis " + std::to_string(a) + " has more than one element, of " + named(*x));
  return squeezed(std::move(x), 1u << a);
}

array_ref squeeze_view(array_ref x) {
  std::uint32_t which = 0;
  for (std::uint32_t a = 0; a < x->chunks.rank; ++a)
    if (x->chunks.axes[a].extent == 1) which |= 1u << a;
  return squeezed(std::move(x), which);
}

}  // namespace weft::detail::arrays
