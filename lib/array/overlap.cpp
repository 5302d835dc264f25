// Chunks with their halos as arrays, and back.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "array/gather.hpp"
#include "array/halos.hpp"
#include "array/layered.hpp"
#include "array/pad.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

weft::shape depths_of(const weft::shape& given, const grid& whole) {
  if (given.size() != 1 && given.size() != whole.rank)
    throw misuse("weft: an overlap of " + weft::to_string(given) + " for an array of shape " + to_string(whole) +
                 ": give one depth, or one for each axis");
  weft::shape all = weft::shape::of_rank(whole.rank);
  constexpr std::int64_t most = std::int64_t{1} << 30;
  for (std::size_t a = 0; a < all.size(); ++a) {
    all[a] = given[given.size() == 1 ? 0 : a];
    if (all[a] < 0 || all[a] > most)
      throw misuse("weft: an overlap of " + weft::to_string(given) + ": depths are 0 or more");
  }
  return all;
}

pad_mode mode_of(boundary b) noexcept {
  return b == boundary::reflect    ? pad_mode::symmetric
         : b == boundary::nearest  ? pad_mode::edge
         : b == boundary::periodic ? pad_mode::wrap
                                   : pad_mode::constant;
}

void check_boundaries(const boundaries& beyond, const grid& whole) {
  if (beyond.size() != 1 && beyond.size() != whole.rank)
    throw misuse("weft: " + std::to_string(beyond.size()) + " boundaries for an array of shape " + to_string(whole) +
                 ": give one, or one for each axis");
}

namespace {

struct halo {
  std::int64_t before = 0, after = 0;
  boundary beyond = boundary::nothing;
  /// Of chunk i of n: with boundary::nothing there is none beyond the ends.
  std::int64_t at_begin(std::int64_t i) const noexcept { return beyond == boundary::nothing && i == 0 ? 0 : before; }
  std::int64_t at_end(std::int64_t i, std::int64_t n) const noexcept {
    return beyond == boundary::nothing && i == n - 1 ? 0 : after;
  }
};
std::vector<halo> halos_of(const overlap& how, const grid& g) {
  const weft::shape before = depths_of(how.depth, g);
  const weft::shape after = how.after.size() == 0 ? before : depths_of(how.after, g);
  check_boundaries(how.beyond, g);
  std::vector<halo> all;
  for (std::size_t a = 0; a < g.rank; ++a) all.push_back({before[a], after[a], how.beyond.along(a)});
  return all;
}
}  // namespace

array_ref overlapped(array_ref x, const overlap& how) {
  const grid own = x->chunks;
  const std::vector<halo> halos = halos_of(how, own);
  grid chunks = own;
  std::vector<std::vector<segment>> axes(own.rank);
  bool filled = false;
  for (std::size_t a = 0; a < own.rank; ++a) {
    const cut& axis = own.axes[a];
    const halo& h = halos[a];
    const std::int64_t n = axis.count();
    if (axis.extent == 0 && (h.beyond == boundary::nothing || h.before + h.after == 0)) continue;
    if (axis.extent == 0)
      throw misuse("weft: an overlap of an array of shape " + to_string(own) + ": axis " + std::to_string(a) +
                   " has no element to stand beyond its ends");
    if (h.beyond == boundary::nothing && n > 1 && (h.before > axis.size(0) || h.after > axis.size(n - 1)))
      throw misuse("weft: an overlap of " + std::to_string(h.before) + " and " + std::to_string(h.after) +
                   " elements along axis " + std::to_string(a) + " of an array of shape " + to_string(own) +
                   ", whose first chunk has " + std::to_string(axis.size(0)) + " and the last " +
                   std::to_string(axis.size(n - 1)) + ": rechunk it, or name another boundary");
    filled = filled || (h.beyond == boundary::constant && h.before + h.after > 0);
    // Of the axis with what stands beyond its ends, which begins `before` earlier.
    const std::vector<segment> padded = padded_axis(axis.extent, h.before, h.after, mode_of(h.beyond));
    std::vector<std::int64_t> sizes;
    std::int64_t done = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t begin = axis.first(i) + h.before - h.at_begin(i);
      const std::int64_t end = axis.end(i) + h.before + h.at_end(i, n);
      for (segment s : runs_in(padded, {begin, end})) {
        s.to += done;
        axes[a].push_back(s);
      }
      sizes.push_back(end - begin);
      done += end - begin;
    }
    chunks.axes[a] = cut_into_sizes(sizes);
  }
  return padded_gather(std::move(x), chunks, std::move(axes),
                       filled ? how.constants.front() : std::vector<std::byte>());
}

array_ref trimmed(array_ref x, const overlap& how) {
  const grid own = x->chunks;
  const std::vector<halo> halos = halos_of(how, own);
  grid chunks = own;
  std::vector<std::vector<segment>> axes(own.rank);
  for (std::size_t a = 0; a < own.rank; ++a) {
    const cut& axis = own.axes[a];
    if (axis.extent == 0) continue;
    std::vector<std::int64_t> sizes;
    std::int64_t done = 0;
    for (std::int64_t i = 0; i < axis.count(); ++i) {
      const std::int64_t before = halos[a].at_begin(i), after = halos[a].at_end(i, axis.count());
      const std::int64_t left = axis.size(i) - before - after;
      if (left < 1)
        throw misuse("weft: halos of " + std::to_string(before) + " and " + std::to_string(after) +
                     " elements cut off a chunk of " + std::to_string(axis.size(i)) + ", along axis " +
                     std::to_string(a) + " of an array of shape " + to_string(own) +
                     ": give the options of the overlap() that it is made of");
      axes[a].push_back({done, 1, left, axis.first(i) + before, 1});
      sizes.push_back(left);
      done += left;
    }
    chunks.axes[a] = cut_into_sizes(sizes);
  }
  return padded_gather(std::move(x), chunks, std::move(axes), {});
}

}  // namespace weft::detail::arrays
