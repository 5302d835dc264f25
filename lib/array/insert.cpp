// Elements put in along an axis, and taken out.
#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "array/gather.hpp"
#include "array/layered.hpp"
#include "weft/array/index.hpp"
#include "weft/detail/array/arrangements.hpp"
#include "weft/detail/array/gathers.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

using kind = index_item::kind;

std::vector<std::int64_t> listed(const found_slice& s) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(s.count));
  for (std::size_t k = 0; k < all.size(); ++k) all[k] = s.first + s.step * static_cast<std::int64_t>(k);
  return all;
}
/// Before which elements of an axis others are put: from 0 to its extent.
std::vector<std::int64_t> places_before(const index_item& before, std::size_t axis, const grid& g) {
  const std::int64_t n = g.axes[axis].extent;
  if (before.what == kind::slice) return listed(find_slice(before.range, n));
  std::vector<std::int64_t> places = before.list;
  if (before.what == kind::number) places = {before.at};
  for (std::int64_t& i : places) {
    if (i < -n || i > n)
      throw misuse("weft: an insertion before index " + std::to_string(i) + " along axis " + std::to_string(axis) +
                   " of an array of shape " + weft::to_string(g.whole()) + ": give one from " + std::to_string(-n) +
                   " to " + std::to_string(n));
    if (i < 0) i += n;
  }
  return places;
}

/// Which elements of an axis are taken out, in order.
std::vector<index_range> erased_along(const index_item& which, std::size_t axis, const grid& g) {
  std::vector<std::int64_t> all = which.list;
  if (which.what == kind::number) all = {which.at};
  if (which.what == kind::slice) {
    const found_slice s = find_slice(which.range, g.axes[axis].extent);
    if (s.count == 0) return {};
    const std::int64_t last = s.first + s.step * (s.count - 1);
    if (s.step == 1 || s.step == -1) return {{std::min(s.first, last), std::max(s.first, last) + 1}};
    all = listed(s);
  }
  check_mask(which, axis, g);
  for (std::int64_t& i : all) i = checked_index(i, axis, g);
  std::sort(all.begin(), all.end());
  std::vector<index_range> runs;
  for (const std::int64_t i : all) {
    if (runs.empty() || i > runs.back().end) runs.push_back({i, i});
    runs.back().end = i + 1;
  }
  return runs;
}

}  // namespace

array_ref inserted(array_ref x, const index_item& before, array_ref values, std::int64_t along) {
  const grid whole = x->chunks;
  const std::size_t axis = checked_axis(along, whole);
  const std::vector<std::int64_t> places = places_before(before, axis, whole);
  common_client(x->owner, values->owner);
  const grid given = values->chunks;
  const auto fail = [&] {
    throw misuse("weft: values of shape " + to_string(given) + " to be inserted at " + std::to_string(places.size()) +
                 (places.size() == 1 ? " place" : " places") + " along axis " + std::to_string(axis) +
                 " of an array of shape " + to_string(whole) +
                 (places.size() == 1 ? ": give what broadcasts to the elements of one"
                                     : ": give one for each place, or one for all"));
  };
  if (given.rank > whole.rank) fail();
  while (values->chunks.rank < whole.rank) values = expand_view(std::move(values), 0);
  // NumPy's rule: before one index the first axis of the values lies along this one.
  if (before.what == kind::number) values = axis_moved(std::move(values), 0, axis);
  const std::int64_t each = values->chunks.axes[axis].extent;
  const std::int64_t count = places.size() == 1 ? each : static_cast<std::int64_t>(places.size());
  for (std::uint32_t a = 0; a < whole.rank; ++a) {
    const std::int64_t n = values->chunks.axes[a].extent;
    if (n != 1 && n != (a == axis ? count : whole.axes[a].extent)) fail();
  }
  // In the order in which they come; those at one place in that of the list.
  std::vector<std::size_t> order(places.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return places[a] != places[b] ? places[a] < places[b] : a < b; });
  std::vector<segment> kept;
  std::vector<std::int64_t> to(places.size());
  std::int64_t done = 0, put = 0;
  for (const std::size_t k : order) {
    if (places[k] > done) kept.push_back({done + put, 1, places[k] - done, done, 1});
    done = places[k];
    to[k] = done + put;
    put += places.size() == 1 ? count : 1;
  }
  if (done < whole.axes[axis].extent) kept.push_back({done + put, 1, whole.axes[axis].extent - done, done, 1});

  const grid result = with_extent(whole, axis, whole.axes[axis].extent + count, x->of.item);
  client c = x->owner;
  const element e = x->of;
  grid region = result;
  region.axes[axis] = one_chunk(count);
  const view_map map = broadcast_map(values->chunks, region);
  operand base = settled(std::move(x), identity_map(whole.rank)), part = settled(std::move(values), map);
  reading under = reading_of(base, result), over = reading_of(part, result);
  under.axes[axis] = std::move(kept);
  over.axes[axis].clear();
  if (places.size() != 1)
    over.axes[axis] = segments_to(to);
  else if (count != 0)
    over.axes[axis] = {{to.front(), 1, count, 0, 1}};
  return make_gather(gathering::insert, std::move(c), e, result, {std::move(base), std::move(part)},
                     {std::move(under), std::move(over)});
}

array_ref erased(array_ref x, const index_item& which, std::int64_t along) {
  const grid whole = x->chunks;
  const std::size_t axis = checked_axis(along, whole);
  std::vector<index_range> out = erased_along(which, axis, whole);
  if (out.empty()) return x;
  const std::int64_t n = whole.axes[axis].extent;
  out.push_back({n, n});
  std::vector<segment> kept;
  std::int64_t from = 0, to = 0;
  for (const index_range& r : out) {
    if (r.begin > from) kept.push_back({to, 1, r.begin - from, from, 1});
    to += r.begin - from;
    from = r.end;
  }
  const grid result = with_extent(whole, axis, to, x->of.item);
  client c = x->owner;
  const element e = x->of;
  operand o = settled(std::move(x), identity_map(whole.rank));
  reading r = reading_of(o, result);
  r.axes[axis] = std::move(kept);
  return make_gather(gathering::erase, std::move(c), e, result, {std::move(o)}, {std::move(r)});
}

}  // namespace weft::detail::arrays
