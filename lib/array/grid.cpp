#include "weft/detail/array/grid.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "weft/errors.hpp"

namespace weft {

std::string to_string(const shape& s) {
  std::string text = "(";
  for (std::size_t a = 0; a < s.size(); ++a) {
    if (a != 0) text += ", ";
    text += std::to_string(s[a]);
  }
  return text + ")";
}

void weft_encode(encoder& e, const shape& s) {
  e.put_count(s.size());
  for (const std::int64_t x : s) e.put_count(static_cast<std::uint64_t>(x));
}
shape weft_decode(decoder& d, std::type_identity<shape>) {
  const std::uint64_t rank = d.take_count("a shape");
  if (rank > most_axes) d.fail("a shape", "it has more than 8 axes");
  shape s = shape::of_rank(static_cast<std::size_t>(rank));
  for (std::size_t a = 0; a < s.size(); ++a) {
    s[a] = static_cast<std::int64_t>(d.take_count("an extent"));
    if (s[a] < 0) d.fail("a shape", "an extent is negative");
  }
  return s;
}

}  // namespace weft

namespace weft::detail::arrays {

namespace {

[[noreturn]] void throw_chunks(const weft::shape& whole, const weft::shape& chunk, const std::string& why) {
  throw misuse("weft: an array of shape " + weft::to_string(whole) + " in chunks of " + weft::to_string(chunk) +
               ": " + why);
}

/// Of the largest chunk; it may be more than any integer.
double chunk_bytes(const grid& g, std::size_t item) {
  double bytes = static_cast<double>(item);
  for (std::uint32_t a = 0; a < g.rank; ++a)
    bytes *= static_cast<double>(std::clamp<std::int64_t>(g.axes[a].extent, 1, g.axes[a].chunk));
  return bytes;
}
/// `2.5 GiB`
std::string gigabytes(double bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g GiB", bytes / (1 << 30));
  return text;
}
void check_bytes(const weft::shape& whole, std::size_t item) {
  double bytes = static_cast<double>(item);
  for (const std::int64_t x : whole) bytes *= static_cast<double>(std::max<std::int64_t>(x, 1));
  if (bytes >= 0x1p63)
    throw misuse("weft: an array of shape " + weft::to_string(whole) + " has more than 2^63 bytes");
}

/// Chunks for the axes that leave it to us: as square as they can be, of at most `elements` with what the others
/// have.
void cut_automatically(grid& g, std::vector<std::uint32_t> open, double elements) {
  for (bool again = true; again && !open.empty();) {
    const double side = std::max(1.0, std::floor(std::pow(elements, 1.0 / static_cast<double>(open.size())) + 1e-9));
    again = false;
    std::erase_if(open, [&](std::uint32_t a) {
      const auto extent = static_cast<double>(g.axes[a].extent);
      if (extent > side) return false;
      g.axes[a].chunk = std::max<std::int64_t>(g.axes[a].extent, 1);
      elements = std::max(1.0, elements / std::max(1.0, extent));
      return again = true;
    });
    if (again) continue;
    for (const std::uint32_t a : open) {
      const std::int64_t extent = g.axes[a].extent, most = static_cast<std::int64_t>(side);
      const std::int64_t chunks = (extent + most - 1) / most;
      g.axes[a].chunk = (extent + chunks - 1) / chunks;  // of one size, as far as can be
    }
  }
}

}  // namespace

coordinates place_of(std::size_t j, const coordinates& counts, std::size_t rank) noexcept {
  coordinates at{};
  auto rest = static_cast<std::int64_t>(j);
  while (rank-- > 0) {
    at[rank] = rest % counts[rank];
    rest /= counts[rank];
  }
  return at;
}
std::uint64_t bytes_of_chunk(const grid& g, const weft::shape& first, const weft::shape& counts, std::size_t j,
                             std::size_t item, std::uint32_t reduced) noexcept {
  coordinates n{}, at{};
  for (std::size_t a = 0; a < counts.size(); ++a) n[a] = counts[a];
  at = place_of(j, n, counts.size());
  std::uint64_t bytes = item;
  for (std::size_t a = 0; a < g.rank; ++a) {
    if (a < first.size()) at[a] += first[a];
    const std::int64_t extent = (reduced >> a & 1) != 0 ? 1 : g.axes[a].size(at[a]);
    bytes *= static_cast<std::uint64_t>(std::max<std::int64_t>(extent, 0));
  }
  return bytes;
}
std::size_t number_of(const coordinates& at, const coordinates& counts, std::size_t rank) noexcept {
  std::int64_t n = 0;
  for (std::size_t a = 0; a < rank; ++a) n = n * counts[a] + at[a];
  return static_cast<std::size_t>(n);
}

weft::shape grid::largest() const noexcept {
  weft::shape s = weft::shape::of_rank(rank);
  for (std::uint32_t a = 0; a < rank; ++a) s[a] = std::min(axes[a].chunk, axes[a].extent);
  return s;
}

std::int64_t cut::bound(std::int64_t i) const noexcept {
  const auto last = static_cast<std::int64_t>(table->size()) - 1;
  return (*table)[static_cast<std::size_t>(std::clamp<std::int64_t>(i, 0, last))];
}
std::int64_t cut::found(std::int64_t x) const noexcept {
  const auto begin = table->begin() + 1;
  return std::upper_bound(begin, table->end() - 1, x) - begin;
}

cut cut_into_sizes(std::span<const std::int64_t> sizes) {
  if (sizes.empty()) return one_chunk(0);
  cut c{0, *std::max_element(sizes.begin(), sizes.end()), sizes.front()};
  std::vector<std::int64_t> bounds{0};
  for (const std::int64_t n : sizes) bounds.push_back(c.extent += n);
  if (sizes.size() == 1) return one_chunk(c.extent);
  const auto middle = sizes.subspan(1, sizes.size() - 2);
  const bool alike = std::all_of(middle.begin(), middle.end(), [&](std::int64_t n) { return n == c.chunk; });
  if (alike) return c;
  c.table = std::make_shared<const std::vector<std::int64_t>>(std::move(bounds));
  return c;
}

namespace {

/// a / b rounded up, of numbers above 0 as large as there are.
constexpr std::int64_t up(std::int64_t a, std::int64_t b) noexcept { return (a - 1) / b + 1; }

}  // namespace

cut part_of(const cut& c, std::int64_t first, std::int64_t step, std::int64_t count) {
  if (count == 0) return one_chunk(0);
  const std::int64_t by = step > 0 ? step : -step;
  // How many elements from x on lie in its chunk.
  const auto within = [&](std::int64_t x) {
    const std::int64_t of = c.of(x);
    return step > 0 ? up(c.end(of) - x, by) : (x - c.first(of)) / by + 1;
  };
  if (!c.table) {
    const std::int64_t lead = within(first);
    return count <= lead ? one_chunk(count) : cut{count, std::max(up(c.chunk, by), lead), lead};
  }
  std::vector<std::int64_t> sizes;
  for (std::int64_t k = 0; k < count; k += sizes.back())
    sizes.push_back(std::min(count - k, within(first + step * k)));
  return cut_into_sizes(sizes);
}

void weft_encode(encoder& e, const cut& c) {
  for (const std::int64_t x : {c.extent, c.chunk, c.lead}) e.put_count(static_cast<std::uint64_t>(x));
  e.put_count(c.table ? c.table->size() - 1 : 0);
  for (std::int64_t i = 0; c.table && i < c.count(); ++i) e.put_count(static_cast<std::uint64_t>(c.size(i)));
}
cut weft_decode(decoder& d, std::type_identity<cut>) {
  constexpr const char* what = "an axis";
  constexpr std::int64_t most = std::int64_t{1} << 62;
  cut c;
  for (std::int64_t* x : {&c.extent, &c.chunk, &c.lead}) {
    *x = static_cast<std::int64_t>(d.take_count(what));
    if (*x < 0 || *x > most) d.fail(what, "an extent is impossible");
  }
  if (c.chunk < 1 || c.lead < 1 || c.lead > c.chunk) d.fail(what, "it is cut into impossible chunks");
  const std::uint64_t n = d.take_count(what);
  if (n == 0) return c;
  if (n > d.left()) d.fail(what, "it has more chunks than there are bytes for them");
  std::vector<std::int64_t> sizes;
  std::int64_t left = c.extent;
  for (std::uint64_t i = 0; i < n; ++i) {
    sizes.push_back(static_cast<std::int64_t>(d.take_count(what)));
    if (sizes.back() < 1 || sizes.back() > left) d.fail(what, "its chunks are longer than it is");
    left -= sizes.back();
  }
  const cut cut_so = cut_into_sizes(sizes);
  if (!cut_so.table || cut_so.extent != c.extent || cut_so.chunk != c.chunk || cut_so.lead != c.lead)
    d.fail(what, "its chunks are not those that it says");
  return cut_so;
}

void weft_encode(encoder& e, const grid& g) {
  e.put_count(g.rank);
  for (std::uint32_t a = 0; a < g.rank; ++a) weft_encode(e, g.axes[a]);
}
grid weft_decode(decoder& d, std::type_identity<grid>) {
  grid g;
  const std::uint64_t rank = d.take_count("a grid");
  if (rank > most_axes) d.fail("a grid", "it has more than 8 axes");
  g.rank = static_cast<std::uint32_t>(rank);
  for (std::uint32_t a = 0; a < g.rank; ++a) g.axes[a] = weft_decode(d, std::type_identity<cut>{});
  return g;
}

grid make_grid(const weft::shape& whole, const weft::shape& chunk, std::int64_t bytes, std::size_t item) {
  if (chunk.size() != 0 && chunk.size() != whole.size())
    throw_chunks(whole, chunk, "give one extent for each axis, or none");
  if (bytes < 1) throw misuse("weft: chunks of " + std::to_string(bytes) + " bytes: give 1 or more");
  grid g;
  g.rank = static_cast<std::uint32_t>(whole.size());
  std::int64_t elements = static_cast<std::int64_t>(item);
  std::vector<std::uint32_t> open;
  double given = 1;
  for (std::uint32_t a = 0; a < g.rank; ++a) {
    const std::int64_t wanted = chunk.size() != 0 ? chunk[a] : 0;
    if (whole[a] < 0) throw misuse("weft: an array of shape " + weft::to_string(whole) + ": extents are 0 or more");
    if (wanted < -1) throw_chunks(whole, chunk, "an extent is 1 or more, 0 for one that weft chooses, or -1 for all");
    if (whole[a] != 0 && __builtin_mul_overflow(elements, whole[a], &elements))
      throw misuse("weft: an array of shape " + weft::to_string(whole) + " has more than 2^63 bytes");
    g.axes[a].extent = whole[a];
    if (wanted == 0) {
      open.push_back(a);
      continue;
    }
    g.axes[a].chunk = std::max<std::int64_t>(wanted == -1 ? whole[a] : std::min(wanted, whole[a]), 1);
    given *= static_cast<double>(g.axes[a].chunk);
  }
  cut_automatically(g, std::move(open),
                    std::max(1.0, static_cast<double>(bytes) / static_cast<double>(item) / given));
  for (std::uint32_t a = 0; a < g.rank; ++a) g.axes[a].lead = g.axes[a].chunk;
  check_chunks(g, item);
  return g;
}

void check_chunks(const grid& g, std::size_t item) {
  check_bytes(g.whole(), item);
  const double bytes = chunk_bytes(g, item);
  if (bytes > static_cast<double>(most_chunk_bytes))
    throw_chunks(g.whole(), g.largest(),
                 "a chunk has " + gigabytes(bytes) +
                     ", which is more than 2 GiB: choose smaller chunks, or rechunk the arrays that it is made of");
}
grid in_possible_chunks(const grid& g, std::size_t item) {
  check_bytes(g.whole(), item);
  return chunk_bytes(g, item) > static_cast<double>(most_chunk_bytes)
             ? make_grid(g.whole(), {}, automatic_chunk_bytes, item)
             : g;
}

grid within(const grid& g, std::int64_t bytes, std::size_t item) {
  return chunk_bytes(g, item) > static_cast<double>(bytes) ? make_grid(g.whole(), {}, bytes, item) : g;
}

grid grid_of_sizes(std::size_t rank, std::span<const std::vector<std::int64_t>> sizes, std::size_t item) {
  while (!sizes.empty() && sizes.back().empty() && sizes.size() != rank) sizes = sizes.first(sizes.size() - 1);
  if (rank == dynamic_rank) rank = sizes.size();
  if (sizes.size() != rank || rank > most_axes)
    throw misuse("weft: sizes of chunks along " + std::to_string(sizes.size()) +
                 (sizes.size() == 1 ? " axis" : " axes") + " for an array of " + std::to_string(rank) +
                 ": give a list for each");
  grid g;
  g.rank = static_cast<std::uint32_t>(rank);
  std::int64_t chunks = 1;
  for (std::size_t a = 0; a < rank; ++a) {
    const std::vector<std::int64_t>& along = sizes[a];
    if (along.empty())
      throw misuse("weft: no sizes of chunks along axis " + std::to_string(a) + ": give them for each axis");
    const bool nothing = along.size() == 1 && along.front() == 0;  // an axis of no elements is one chunk
    std::int64_t extent = 0;
    for (const std::int64_t n : along)
      if ((n < 1 && !nothing) || __builtin_add_overflow(extent, n, &extent))
        throw misuse("weft: a chunk of " + std::to_string(n) + " elements along axis " + std::to_string(a) +
                     ": give 1 or more");
    g.axes[a] = nothing ? one_chunk(0) : cut_into_sizes(along);
    if (__builtin_mul_overflow(chunks, g.axes[a].count(), &chunks))
      throw misuse("weft: an array of 2^63 chunks, or more");
  }
  check_chunks(g, item);
  return g;
}

grid with_extent(const grid& g, std::size_t axis, std::int64_t extent, std::size_t item) {
  constexpr std::int64_t many_times = 16;
  const cut& before = g.axes[axis];
  grid to = g;
  cut& c = to.axes[axis];
  c = {extent, before.chunk, before.chunk};
  if (c.count() / many_times <= before.count()) return to;
  const auto fitting =
      static_cast<std::int64_t>(static_cast<double>(automatic_chunk_bytes) / std::max(1.0, chunk_bytes(to, item)));
  const std::int64_t together = std::min(fitting, c.count() / before.count());
  if (together > 1) c.chunk = c.lead = std::min(c.chunk * together, extent);
  return to;
}

grid broadcast(const grid& a, const grid& b) {
  const grid& longer = a.rank >= b.rank ? a : b;
  const grid& shorter = a.rank >= b.rank ? b : a;
  grid g = longer;
  const std::uint32_t before = longer.rank - shorter.rank;
  for (std::uint32_t i = 0; i < shorter.rank; ++i) {
    cut& own = g.axes[i + before];
    const cut& other = shorter.axes[i];
    if (other.extent == 1 || own == other) continue;
    if (own.extent != 1 && own.extent != other.extent) {
      const auto [left, right] =
          &longer == &a ? std::pair(own.extent, other.extent) : std::pair(other.extent, own.extent);
      throw misuse("weft: arrays of shapes " + to_string(a) + " and " + to_string(b) + " do not broadcast: axis " +
                   std::to_string(i + before) + " has " + std::to_string(left) + " and " + std::to_string(right) +
                   " elements");
    }
    const bool left_is_other = &shorter == &a;
    if (own.extent == 1 || other.count() > own.count() || (other.count() == own.count() && left_is_other))
      own = other;
  }
  return g;
}

std::vector<std::vector<std::int64_t>> sizes_of(const grid& g) {
  std::vector<std::vector<std::int64_t>> all(g.rank);
  for (std::uint32_t a = 0; a < g.rank; ++a)
    for (std::int64_t i = 0; i < g.axes[a].count(); ++i) all[a].push_back(g.axes[a].size(i));
  return all;
}

std::string to_string(const grid& g) {
  return weft::to_string(g.whole()) + (g.rank == 0 ? "" : " in chunks of " + weft::to_string(g.largest()));
}

namespace {

std::size_t axis_among(std::int64_t axis, std::int64_t n, const grid& g, const char* what) {
  if (axis < -n || axis >= n)
    throw misuse(std::string("weft: ") + what + " " + std::to_string(axis) + " of an array of shape " + to_string(g) +
                 ", which has " + std::to_string(n) + (n == 1 ? " axis" : " axes") +
                 (n == g.rank ? "" : " with the new one") +
                 (n == 0 ? "" : ": give one from " + std::to_string(-n) + " to " + std::to_string(n - 1)));
  return static_cast<std::size_t>(axis < 0 ? axis + n : axis);
}

}  // namespace

std::size_t checked_axis(std::int64_t axis, const grid& g) { return axis_among(axis, g.rank, g, "axis"); }
std::size_t checked_new_axis(std::int64_t axis, const grid& g) {
  return axis_among(axis, std::int64_t{g.rank} + 1, g, "a new axis");
}

void check_update(const std::string& symbol, const grid& x, const grid& updated) {
  if (x.whole() != updated.whole())
    throw misuse("weft: `x " + symbol + "= y` would make an array of shape " + weft::to_string(x.whole()) +
                 " one of shape " + weft::to_string(updated.whole()) + ": it keeps its shape; write x = x " + symbol +
                 " y where it is to have another one");
}
void throw_rank(std::size_t wanted, const grid& g) {
  throw misuse("weft: an array of shape " + weft::to_string(g.whole()) + " as one of " + std::to_string(wanted) +
               (wanted == 1 ? " axis" : " axes") + ": name as many as it has, " + std::to_string(g.rank) +
               ", or none");
}
void throw_axes(const char* what, const char* axes, const grid& g) {
  throw misuse("weft: " + std::string(what) + " of an array of shape " + to_string(g) + ": give one of " + axes);
}

}  // namespace weft::detail::arrays
