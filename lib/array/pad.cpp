// Elements along an axis in other places, once, several times, or with others beside them.
#include <algorithm>
#include <string>
#include <utility>

#include "array/gather.hpp"
#include "array/layered.hpp"
#include "array/pad.hpp"
#include "weft/array/index.hpp"
#include "weft/detail/array/gathers.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

std::int64_t modulo(std::int64_t x, std::int64_t n) noexcept { return (x % n + n) % n; }

/// Elements beside an axis of n, from number `first` on, beyond the ends: up to `count` that stand in a line.
segment line_beside(std::int64_t first, std::int64_t count, std::int64_t n, pad_mode how) noexcept {
  const auto line = [&](std::int64_t most, std::int64_t from, std::int64_t step) {
    return segment{0, 1, std::min(count, most), from, step};
  };
  if (how == pad_mode::edge || n == 1) return line(count, first < 0 ? 0 : n - 1, 0);
  if (how == pad_mode::wrap) {
    const std::int64_t at = modulo(first, n);
    return line(n - at, at, 1);
  }
  // Forth from 0, and back: each end twice, or with `reflect` the last one where it turns, and the first one then.
  const std::int64_t once = how == pad_mode::reflect ? 1 : 0, forth = n - once;
  const std::int64_t at = modulo(first, 2 * forth), left = 2 * forth - at;
  return at < forth ? line(forth - at, at, 1) : line(left, left - 1 + once, -1);
}

std::vector<std::vector<segment>> whole_axes(const grid& g) { return reading_of(identity_map(g.rank), g, 1, g).axes; }

}  // namespace

array_ref padded_gather(array_ref x, const grid& chunks, std::vector<std::vector<segment>> axes,
                        std::vector<std::byte> fill) {
  client c = x->owner;
  const element e = x->of;
  operand o = settled(std::move(x), identity_map(chunks.rank));
  reading r = reading_of(o, chunks);
  r.axes = std::move(axes);
  return make_gather(gathering::pad, std::move(c), e, chunks, {std::move(o)}, {std::move(r)}, std::move(fill));
}

std::vector<segment> padded_axis(std::int64_t extent, std::int64_t before, std::int64_t after, pad_mode how) {
  std::vector<segment> all;
  const auto add = [&](std::int64_t first, std::int64_t n) {
    if (how == pad_mode::constant || n == 0) return;
    for (std::int64_t done = 0; done < n;) {
      segment s = line_beside(first + done, n - done, extent, how);
      s.to = first + before + done;
      done += s.count;
      all.push_back(s);
    }
  };
  add(-before, before);
  if (extent != 0) all.push_back({before, 1, extent, 0, 1});
  add(extent, after);
  return all;
}

void check_padding(const grid& x, std::span<const pad_width> widths, pad_mode how) {
  if (widths.size() != x.rank)
    throw misuse("weft: " + std::to_string(widths.size()) + " widths of padding for an array of shape " +
                 weft::to_string(x.whole()) + ": give one for each axis, or one for all");
  for (std::size_t a = 0; a < widths.size(); ++a) {
    const pad_width& w = widths[a];
    constexpr std::int64_t most = std::int64_t{1} << 40;
    if (w.before < 0 || w.after < 0 || w.before > most || w.after > most)
      throw misuse("weft: a padding of " + std::to_string(w.before) + " and " + std::to_string(w.after) +
                   " elements along axis " + std::to_string(a) + ": give 0 or more");
    if (x.axes[a].extent == 0 && how != pad_mode::constant && (w.before != 0 || w.after != 0))
      throw misuse("weft: axis " + std::to_string(a) + " of an array of shape " + weft::to_string(x.whole()) +
                   " has no element to pad it with: pad it with a constant");
  }
}
void check_pad_values(const grid& x, std::size_t pairs) {
  if (pairs != 1 && pairs != x.rank)
    throw misuse("weft: " + std::to_string(pairs) + " pairs of values to pad an array of shape " +
                 weft::to_string(x.whole()) + " with: give one for each axis, or one for all");
}

namespace {

/// By a mode, or with one constant.
array_ref padded_alike(array_ref x, std::span<const pad_width> widths, pad_mode how,
                       std::span<const std::byte> value) {
  grid chunks = x->chunks;
  std::vector<std::vector<segment>> axes;
  for (std::size_t a = 0; a < widths.size(); ++a) {
    const pad_width& w = widths[a];
    const std::int64_t n = chunks.axes[a].extent;
    axes.push_back(padded_axis(n, w.before, w.after, how));
    if (w.before != 0 || w.after != 0) chunks = with_extent(chunks, a, n + w.before + w.after, x->of.item);
  }
  return padded_gather(
      std::move(x), chunks, std::move(axes),
      how == pad_mode::constant ? std::vector<std::byte>(value.begin(), value.end()) : std::vector<std::byte>());
}

}  // namespace

array_ref padded(array_ref x, std::span<const pad_width> widths, pad_mode how, std::span<const std::byte> values) {
  check_padding(x->chunks, widths, how);
  const std::size_t item = x->of.item, pairs = values.size() / item / 2;
  if (how != pad_mode::constant) return padded_alike(std::move(x), widths, how, {});
  check_pad_values(x->chunks, pairs);
  const auto value = [&](std::size_t i) { return values.subspan(i * item, item); };
  bool alike = true;
  for (std::size_t i = 1; i < 2 * pairs; ++i) alike = alike && std::ranges::equal(value(i), value(0));
  if (alike) return padded_alike(std::move(x), widths, how, value(0));
  for (std::size_t a = 0; a < widths.size(); ++a)
    for (const bool after : {false, true}) {
      std::vector<pad_width> side(widths.size());
      (after ? side[a].after : side[a].before) = after ? widths[a].after : widths[a].before;
      if (side[a].before + side[a].after != 0)
        x = padded_alike(std::move(x), side, how, value(2 * (pairs == 1 ? 0 : a) + (after ? 1 : 0)));
    }
  return x;
}

array_ref padded_along(array_ref x, std::size_t axis, const pad_width& w, array_ref before, array_ref after) {
  weft::shape side = x->chunks.whole();
  std::vector<array_ref> all;
  const auto add = [&](array_ref beside, std::int64_t width) {
    if (width == 0) return;
    side[axis] = width;
    all.push_back(broadcast_view(std::move(beside), side));
  };
  add(std::move(before), w.before);
  all.push_back(std::move(x));
  add(std::move(after), w.after);
  return concatenated(std::move(all), static_cast<std::int64_t>(axis));
}

array_ref rolled(array_ref x, std::int64_t shift, std::int64_t along) {
  return rolled(std::move(x), weft::shape(shift), {&along, 1});
}
array_ref rolled(array_ref x, const weft::shape& shifts, std::span<const std::int64_t> along) {
  const grid chunks = x->chunks;
  if (shifts.size() != 1 && shifts.size() != along.size())
    throw misuse("weft: a roll by " + weft::to_string(shifts) + " along " + std::to_string(along.size()) +
                 " axes of an array of shape " + to_string(chunks) +
                 ": give one shift for all axes, or one for each");
  coordinates by{};
  for (std::size_t i = 0; i < along.size(); ++i) {
    const std::size_t axis = checked_axis(along[i], chunks);
    const std::int64_t n = chunks.axes[axis].extent;
    if (n != 0) by[axis] = modulo(by[axis] + modulo(shifts[shifts.size() == 1 ? 0 : i], n), n);
  }
  if (by == coordinates{} || chunks.whole().count() == 0) return x;
  std::vector<std::vector<segment>> axes = whole_axes(chunks);
  for (std::size_t a = 0; a < chunks.rank; ++a) {
    const std::int64_t n = chunks.axes[a].extent, shift = by[a];
    if (shift != 0) axes[a] = {{0, 1, shift, n - shift, 1}, {shift, 1, n - shift, 0, 1}};
  }
  return padded_gather(std::move(x), chunks, std::move(axes));
}

array_ref tiled(array_ref x, const weft::shape& times) {
  while (x->chunks.rank < times.size()) x = expand_view(std::move(x), 0);
  grid chunks = x->chunks;
  std::vector<std::vector<segment>> axes;
  const std::size_t before = chunks.rank - times.size();
  std::int64_t elements = 1;
  for (std::size_t a = 0; a < chunks.rank; ++a) {
    const std::int64_t n = chunks.axes[a].extent, reps = a < before ? 1 : times[a - before];
    constexpr std::int64_t most = std::int64_t{1} << 24;
    std::int64_t extent = 0;
    if (reps < 0 || reps > most || __builtin_mul_overflow(n, reps, &extent) ||
        (extent != 0 && __builtin_mul_overflow(elements, extent, &elements)))
      throw misuse("weft: " + weft::to_string(times) + " tiles of an array of shape " +
                   weft::to_string(chunks.whole()) + ": between 0 and 2^24 along each axis, of 2^63 elements in all");
    axes.emplace_back();
    if (n == 1 && reps != 0)
      axes.back().push_back({0, 1, reps, 0, 0});
    else
      for (std::int64_t i = 0; n != 0 && i < reps; ++i) axes.back().push_back({i * n, 1, n, 0, 1});
    if (reps != 1) chunks = with_extent(chunks, a, extent, x->of.item);
  }
  return padded_gather(std::move(x), chunks, std::move(axes));
}

array_ref repeated(array_ref x, std::int64_t times, std::int64_t along) {
  const weft::shape whole = x->chunks.whole();
  const std::size_t axis = checked_axis(along, x->chunks);
  std::int64_t extent = 0;
  if (times < 0 || __builtin_mul_overflow(whole[axis], times, &extent))
    throw misuse("weft: each element " + std::to_string(times) + " times, of an array of shape " +
                 weft::to_string(whole) + ": give 0 or more, of 2^63 elements in all");
  if (whole.size() == most_axes)
    throw misuse("weft: repeat of an array of shape " + to_string(x->chunks) +
                 ", which has 8 axes: it takes those of up to 7");
  weft::shape to = whole, between = weft::shape::of_rank(whole.size() + 1);
  to[axis] = extent;
  for (std::size_t a = 0; a <= axis; ++a) between[a] = whole[a];
  between[axis + 1] = times;
  for (std::size_t a = axis + 1; a < whole.size(); ++a) between[a + 1] = whole[a];
  x = expand_view(std::move(x), static_cast<std::int64_t>(axis) + 1);
  return reshaped(broadcast_view(std::move(x), between), to);
}
array_ref repeated(array_ref x, std::span<const std::int64_t> times, std::int64_t along) {
  const std::size_t axis = checked_axis(along, x->chunks);
  const std::int64_t n = x->chunks.axes[axis].extent;
  if (times.size() == 1 && n != 1) return repeated(std::move(x), times[0], along);
  const std::string what = "weft: repeat of an array of shape " + weft::to_string(x->chunks.whole());
  if (static_cast<std::int64_t>(times.size()) != n)
    throw misuse(what + " by " + std::to_string(times.size()) + " numbers along axis " + std::to_string(axis) +
                 ": give one for each of its " + std::to_string(n) + " elements, or one for all");
  constexpr std::int64_t most = std::int64_t{1} << 30;
  std::int64_t all = 0;
  for (const std::int64_t t : times)
    if (t < 0 || t > most || (all += t) > most)
      throw misuse(what + " by numbers of which one is " + std::to_string(t) + ": give 0 or more, of 2^30 in all");
  std::vector<std::int64_t> indices;
  indices.reserve(static_cast<std::size_t>(all));
  for (std::int64_t i = 0; i < n; ++i)
    indices.insert(indices.end(), static_cast<std::size_t>(times[static_cast<std::size_t>(i)]), i);
  return taken(std::move(x), std::move(indices), static_cast<std::int64_t>(axis));
}

}  // namespace weft::detail::arrays
