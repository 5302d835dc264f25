#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "weft/array/shape.hpp"

namespace weft::detail::arrays {

/// How an axis is cut: a first chunk of `lead` elements, others of `chunk`, the last one perhaps shorter. So a slice
/// of an array has the chunks of that array. Chunks of other sizes have a table, which is looked through by halving;
/// what one axis has and the other has not is a comparison with null.
struct cut {
  std::int64_t extent = 0, chunk = 1, lead = 1;
  /// Where each chunk begins, and the extent; null where the three numbers say all. `chunk` is the largest one then,
  /// and `lead` the first.
  std::shared_ptr<const std::vector<std::int64_t>> table = {};

  std::int64_t count() const noexcept {
    if (table) [[unlikely]]
      return static_cast<std::int64_t>(table->size()) - 1;
    return extent <= lead ? 1 : 1 + (extent - lead + chunk - 1) / chunk;
  }
  std::int64_t first(std::int64_t i) const noexcept {
    if (table) [[unlikely]]
      return bound(i);
    return i == 0 ? 0 : lead + (i - 1) * chunk;
  }
  std::int64_t end(std::int64_t i) const noexcept {
    if (table) [[unlikely]]
      return bound(i + 1);
    const std::int64_t e = lead + i * chunk;
    return e < extent ? e : extent;
  }
  std::int64_t size(std::int64_t i) const noexcept { return end(i) - first(i); }
  /// The chunk of element x.
  std::int64_t of(std::int64_t x) const noexcept {
    if (table) [[unlikely]]
      return found(x);
    return x < lead ? 0 : 1 + (x - lead) / chunk;
  }
  friend bool operator==(const cut& a, const cut& b) noexcept {
    if (a.extent != b.extent || a.chunk != b.chunk || a.lead != b.lead) return false;
    return a.table == b.table || (a.table && b.table && *a.table == *b.table);
  }

 private:
  std::int64_t bound(std::int64_t i) const noexcept;
  std::int64_t found(std::int64_t x) const noexcept;
};

/// An axis in chunks of these sizes, each 1 or more: with a table where there is no other way.
cut cut_into_sizes(std::span<const std::int64_t> sizes);
/// Elements first, first + step, ... of an axis, in pieces of its chunks.
cut part_of(const cut& c, std::int64_t first, std::int64_t step, std::int64_t count);

void weft_encode(encoder& e, const cut& c);
cut weft_decode(decoder& d, std::type_identity<cut>);
constexpr std::string_view weft_schema(std::type_identity<cut>) { return "weft array cut 1"; }

/// An axis in one chunk.
inline cut one_chunk(std::int64_t extent) noexcept {
  const std::int64_t n = extent > 1 ? extent : 1;
  return {extent, n, n};
}

using coordinates = std::array<std::int64_t, most_axes>;

/// The place of number j, row-major, among `count`s along the axes; and back.
coordinates place_of(std::size_t j, const coordinates& counts, std::size_t rank) noexcept;
std::size_t number_of(const coordinates& at, const coordinates& counts, std::size_t rank) noexcept;
/// The next place; false after the last.
inline bool advance(coordinates& at, const coordinates& counts, std::size_t rank) noexcept {
  while (rank-- > 0) {
    if (++at[rank] < counts[rank]) return true;
    at[rank] = 0;
  }
  return false;
}

/// How an array is cut. Chunks are numbered row-major.
struct grid {
  std::uint32_t rank = 0;
  std::array<cut, most_axes> axes = {};

  coordinates counts() const noexcept {
    coordinates n{};
    for (std::uint32_t a = 0; a < rank; ++a) n[a] = axes[a].count();
    return n;
  }
  std::size_t tasks() const noexcept {
    std::int64_t n = 1;
    for (std::uint32_t a = 0; a < rank; ++a) n *= axes[a].count();
    return static_cast<std::size_t>(n);
  }
  weft::shape whole() const noexcept {
    weft::shape s = weft::shape::of_rank(rank);
    for (std::uint32_t a = 0; a < rank; ++a) s[a] = axes[a].extent;
    return s;
  }
  weft::shape chunk(const coordinates& at) const noexcept {
    weft::shape s = weft::shape::of_rank(rank);
    for (std::uint32_t a = 0; a < rank; ++a) s[a] = axes[a].size(at[a]);
    return s;
  }
  /// The largest extents of a chunk.
  weft::shape largest() const noexcept;
  friend bool operator==(const grid& a, const grid& b) noexcept {
    if (a.rank != b.rank) return false;
    for (std::uint32_t i = 0; i < a.rank; ++i)
      if (a.axes[i] != b.axes[i]) return false;
    return true;
  }
};

void weft_encode(encoder& e, const grid& g);
grid weft_decode(decoder& d, std::type_identity<grid>);
constexpr std::string_view weft_schema(std::type_identity<grid>) { return "weft array grid 2"; }

/// Of an array of elements of `item` bytes, in chunks as `creation` has them. Throws misuse, with both named.
grid make_grid(const weft::shape& whole, const weft::shape& chunk, std::int64_t bytes, std::size_t item);
/// Of an array of `rank` axes, or of as many as there are lists where that is dynamic, whose chunks have these sizes
/// along each. Throws misuse for axes without any, and for sizes below 1, but for the 0 of an axis of no elements.
grid grid_of_sizes(std::size_t rank, std::span<const std::vector<std::int64_t>> sizes, std::size_t item);
/// The bytes of chunk j of a box of chunks, which begins at `first` and has `counts` of them (both may have fewer
/// axes than the grid: the others have one chunk). Axes whose bits are set in `reduced` have one element.
std::uint64_t bytes_of_chunk(const grid& g, const weft::shape& first, const weft::shape& counts, std::size_t j,
                             std::size_t item, std::uint32_t reduced = 0) noexcept;
/// A transfer decodes attachments of up to 4 GiB.
inline constexpr std::int64_t most_chunk_bytes = std::int64_t{2} << 30;
/// Chunks that weft chooses have so many bytes, where nobody says how many.
inline constexpr std::int64_t automatic_chunk_bytes = std::int64_t{8} << 20;
/// The extent of chunks along an axis that stays as it is.
inline constexpr std::int64_t unchanged_axis = -2;
/// Throws misuse where a chunk has more than most_chunk_bytes, or the array more than 2^63: every node of arrays
/// whose chunks are made is checked so.
void check_chunks(const grid& g, std::size_t item);
/// g itself, or where its chunks have more than so many bytes, its extents in others that have not.
grid within(const grid& g, std::int64_t bytes, std::size_t item);
/// g itself, or where its chunks have more bytes than a chunk may have, its extents in those that weft chooses: what
/// broadcasts, and what gets larger elements, becomes so. Throws misuse for more than 2^63 bytes.
grid in_possible_chunks(const grid& g, std::size_t item);
/// g with another extent along an axis, in the same chunks; or where there would be many times as many, and smaller
/// than weft would choose, in chunks of several. The axis may have had none.
grid with_extent(const grid& g, std::size_t axis, std::int64_t extent, std::size_t item);
/// What an operation on both has, by NumPy's rules, in the chunks of that which has more of them along an axis.
/// Throws misuse, with both named.
grid broadcast(const grid& a, const grid& b);
/// The sizes of chunks along each axis.
std::vector<std::vector<std::int64_t>> sizes_of(const grid& g);
/// `(1000, 200) in chunks of (100, 200)`: of the largest, where they are of different sizes
std::string to_string(const grid& g);
/// An axis that counts from the end when it is negative. Throws misuse, with the array's shape, when there is none.
std::size_t checked_axis(std::int64_t axis, const grid& g);
/// The same for a new axis of an array, which has one more then.
std::size_t checked_new_axis(std::int64_t axis, const grid& g);
/// Throws misuse where an array has not the shape of what it is to become, by `+=` or another of its kind.
void check_update(const std::string& symbol, const grid& x, const grid& updated);
[[noreturn]] void throw_rank(std::size_t wanted, const grid& g);
/// The same of an operation that takes arrays of `axes`, as `two axes`.
[[noreturn]] void throw_axes(const char* what, const char* axes, const grid& g);

}  // namespace weft::detail::arrays
