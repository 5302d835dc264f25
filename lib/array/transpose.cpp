#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "array/copy_kernels.hpp"

namespace weft::detail::arrays {

namespace {

constexpr std::size_t line = 64;  // bytes

// A vector of 16 bytes as items of T; item16 is a vector by itself and needs no shuffles.
template <class T>
struct lanes {
  static constexpr std::size_t count = 16 / sizeof(T);
  typedef T vector __attribute__((vector_size(16)));
};
template <>
struct lanes<item16> {
  static constexpr std::size_t count = 1;
  typedef std::uint64_t vector __attribute__((vector_size(16)));
};

template <class V>
V load(const std::byte* from) noexcept {
  V v;
  std::memcpy(&v, from, sizeof(V));
  return v;
}

/// Items of a and b in turn, from their lower halves and from their upper halves.
template <class T, class V>
V low_halves(V a, V b) noexcept {
  if constexpr (sizeof(T) == 8)
    return __builtin_shufflevector(a, b, 0, 2);
  else if constexpr (sizeof(T) == 4)
    return __builtin_shufflevector(a, b, 0, 4, 1, 5);
  else if constexpr (sizeof(T) == 2)
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  else
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
template <class T, class V>
V high_halves(V a, V b) noexcept {
  if constexpr (sizeof(T) == 8)
    return __builtin_shufflevector(a, b, 1, 3);
  else if constexpr (sizeof(T) == 4)
    return __builtin_shufflevector(a, b, 2, 6, 3, 7);
  else if constexpr (sizeof(T) == 2)
    return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
  else
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/// Transposes a square of items held in vectors. Interleaving row i with row i + k/2 rotates the bits of (row,
/// column) by one, so after log2(k) rounds rows and columns have changed places.
template <class T>
void transpose_square(typename lanes<T>::vector* rows) noexcept {
  using vector = typename lanes<T>::vector;
  constexpr std::size_t k = lanes<T>::count;
  if constexpr (k > 1) {
#pragma GCC unroll 4
    for (std::size_t round = 1; round < k; round *= 2) {
      vector next[k];
#pragma GCC unroll 8
      for (std::size_t i = 0; i < k / 2; ++i) {
        next[2 * i] = low_halves<T>(rows[i], rows[i + k / 2]);
        next[2 * i + 1] = high_halves<T>(rows[i], rows[i + k / 2]);
      }
#pragma GCC unroll 16
      for (std::size_t i = 0; i < k; ++i) rows[i] = next[i];
    }
  }
}

/// Writes a line that was put together in the cache; `to` is aligned to a line when streaming.
void put_line(std::byte* to, const std::byte* from, bool streaming) noexcept {
#if defined(__SSE2__)
  if (streaming) {
    for (std::size_t i = 0; i < line; i += 16)
      _mm_stream_si128(reinterpret_cast<__m128i*>(to + i), load<__m128i>(from + i));
    return;
  }
#endif
  static_cast<void>(streaming);
  std::memcpy(to, from, line);
}

/// Copies a run past the cache: whole lines of the destination, and what is left at both ends as usual.
void stream(std::byte* to, const std::byte* from, std::size_t bytes) noexcept {
  const std::size_t head = std::min(bytes, (line - std::bit_cast<std::uintptr_t>(to) % line) % line);
  std::memcpy(to, from, head);
  to += head;
  from += head;
  for (bytes -= head; bytes >= line; bytes -= line, to += line, from += line) put_line(to, from, true);
  std::memcpy(to, from, bytes);
}

/// Transposes a block whose rows are one line on both sides, reading whole lines of the source once.
template <class T>
void transpose_block(std::byte* to, std::size_t to_step, const std::byte* from, std::ptrdiff_t from_step) noexcept {
  using vector = typename lanes<T>::vector;
  constexpr std::size_t n = line / sizeof(T), k = lanes<T>::count;
  for (std::size_t i = 0; i < n; ++i) __builtin_prefetch(from + static_cast<std::ptrdiff_t>(i) * from_step + line);
  for (std::size_t i = 0; i < n; i += k)
    for (std::size_t j = 0; j < n; j += k) {
      vector rows[k];
#pragma GCC unroll 16
      for (std::size_t r = 0; r < k; ++r)
        rows[r] = load<vector>(from + static_cast<std::ptrdiff_t>(i + r) * from_step + j * sizeof(T));
      transpose_square<T>(rows);
#pragma GCC unroll 16
      for (std::size_t r = 0; r < k; ++r)
        std::memcpy(to + (j + r) * to_step + i * sizeof(T), &rows[r], sizeof(vector));
    }
}

/// Any plane, element by element: what is left at the edges of blocks, and axes with gaps.
template <class T>
void transpose_simply(const copied_plane& p) noexcept {
  // The longer loop inside.
  const copied_plane::axis& inside = p.inner.count >= p.outer.count ? p.inner : p.outer;
  const copied_plane::axis& outside = p.inner.count >= p.outer.count ? p.outer : p.inner;
  for (std::size_t j = 0; j < outside.count; ++j) {
    std::byte* to = p.to + static_cast<std::ptrdiff_t>(j) * outside.to;
    const std::byte* from = p.from + static_cast<std::ptrdiff_t>(j) * outside.from;
    for (std::size_t i = 0; i < inside.count; ++i, to += inside.to, from += inside.from) {
      T x;
      std::memcpy(&x, from, sizeof(T));
      std::memcpy(to, &x, sizeof(T));
    }
  }
}

/// The part of a plane that begins at (i, j) and has these counts; i along the inner axis.
copied_plane part(const copied_plane& p, std::size_t i, std::size_t ni, std::size_t j, std::size_t nj) noexcept {
  copied_plane q = p;
  q.to += static_cast<std::ptrdiff_t>(i) * p.inner.to + static_cast<std::ptrdiff_t>(j) * p.outer.to;
  q.from += static_cast<std::ptrdiff_t>(i) * p.inner.from + static_cast<std::ptrdiff_t>(j) * p.outer.from;
  q.inner.count = ni;
  q.outer.count = nj;
  return q;
}

constexpr std::size_t tile_j = 64;  // items, as tile_i
template <class T>
constexpr std::size_t tile_i = std::min<std::size_t>(256, 2048 / sizeof(T));

/// Calls at(i, j) for the blocks of a tile: along the source's rows, or, for small items, whose blocks have many
/// rows, across them, so that what is fetched ahead is wanted some blocks later. (Measured in both orders, with tiles
/// of 16 x 1024 to 256 x 64 and rows of 4 to 64 KiB: the wrong ones take up to three times as long.)
template <class T, class At>
void each_block(const copied_plane& tile, At at) noexcept {
  constexpr std::size_t n = line / sizeof(T);
  if constexpr (sizeof(T) >= 4) {
    for (std::size_t i = 0; i < tile.inner.count; i += n)
      for (std::size_t j = 0; j < tile.outer.count; j += n) at(i, j);
  } else {
    for (std::size_t j = 0; j < tile.outer.count; j += n)
      for (std::size_t i = 0; i < tile.inner.count; i += n) at(i, j);
  }
}

/// Transposes a tile of whole blocks. Each is put together beside, and its lines are then written once: rows that are
/// a power of two apart compete for few places in the cache, and this holds none of them longer than one look.
template <class T>
void transpose_tile(const copied_plane& p, bool streaming) noexcept {
  constexpr std::size_t n = line / sizeof(T);
  each_block<T>(p, [&](std::size_t i, std::size_t j) {
    alignas(line) std::byte block[n][line];
    const copied_plane b = part(p, i, n, j, n);
    transpose_block<T>(block[0], line, b.from, p.inner.from);
    for (std::size_t r = 0; r < n; ++r)
      put_line(b.to + static_cast<std::ptrdiff_t>(r) * p.outer.to, block[r], streaming);
  });
}

/// The same past the cache where rows do not begin at a line, and a block's lines are parts of two: the whole tile is
/// put together beside, and its rows are written in whole lines but for their ends.
template <class T>
void transpose_tile_of_any_rows(const copied_plane& p) noexcept {
  alignas(line) std::byte tile[tile_j][tile_i<T> * sizeof(T) + line];  // no power of two apart
  each_block<T>(p, [&](std::size_t i, std::size_t j) {
    const std::byte* const from = p.from + static_cast<std::ptrdiff_t>(i) * p.inner.from + j * sizeof(T);
    transpose_block<T>(&tile[j][i * sizeof(T)], sizeof(tile[0]), from, p.inner.from);
  });
  for (std::size_t j = 0; j < p.outer.count; ++j)
    stream(p.to + static_cast<std::ptrdiff_t>(j) * p.outer.to, tile[j], p.inner.count * sizeof(T));
}

/// Goes through a plane in tiles, so that pages and lines are met again soon.
template <class T>
void in_tiles(const copied_plane& p, bool by_blocks, bool streaming) noexcept {
  constexpr std::size_t n = line / sizeof(T);  // items a block's side
  static_assert(tile_i<T> % n == 0 && tile_j % n == 0);
  const bool lines =
      std::bit_cast<std::uintptr_t>(p.to) % line == 0 && p.outer.to % static_cast<std::ptrdiff_t>(line) == 0;
  for (std::size_t i = 0; i < p.inner.count; i += tile_i<T>)
    for (std::size_t j = 0; j < p.outer.count; j += tile_j) {
      const copied_plane t =
          part(p, i, std::min(tile_i<T>, p.inner.count - i), j, std::min(tile_j, p.outer.count - j));
      const std::size_t whole_i = by_blocks ? t.inner.count / n * n : 0;
      const std::size_t whole_j = by_blocks ? t.outer.count / n * n : 0;
      const copied_plane whole = part(t, 0, whole_i, 0, whole_j);
      if (streaming && !lines)
        transpose_tile_of_any_rows<T>(whole);
      else
        transpose_tile<T>(whole, streaming);
      transpose_simply<T>(part(t, 0, whole_i, whole_j, t.outer.count - whole_j));
      transpose_simply<T>(part(t, whole_i, t.inner.count - whole_i, 0, t.outer.count));
    }
}

}  // namespace

template <class T>
void transpose_plane(const copied_plane& whole, bool streaming) noexcept {
  constexpr auto item = static_cast<std::ptrdiff_t>(sizeof(T));
  constexpr std::size_t n = line / sizeof(T);
  copied_plane p = whole;
  if (p.outer.from < 0) {  // the source read forwards, the destination's rows written backwards
    p.to += static_cast<std::ptrdiff_t>(p.outer.count - 1) * p.outer.to;
    p.from += static_cast<std::ptrdiff_t>(p.outer.count - 1) * p.outer.from;
    p.outer.to = -p.outer.to;
    p.outer.from = -p.outer.from;
  }
  const bool blocks = p.inner.to == item && p.outer.from == item && p.inner.count >= n && p.outer.count >= n;
  streaming = streaming && blocks;
  // Where the rows are as far apart as lines, they are made to begin at lines.
  const std::size_t before = (line - std::bit_cast<std::uintptr_t>(p.to) % line) % line;
  if (streaming && before != 0 && p.outer.to % static_cast<std::ptrdiff_t>(line) == 0 && before % sizeof(T) == 0) {
    const std::size_t head = before / sizeof(T);
    in_tiles<T>(part(p, 0, head, 0, p.outer.count), false, false);
    p = part(p, head, p.inner.count - head, 0, p.outer.count);
  }
  in_tiles<T>(p, blocks, streaming);
#if defined(__SSE2__)
  if (streaming) _mm_sfence();  // before anybody is told that it is there
#endif
}

template void transpose_plane<std::uint8_t>(const copied_plane&, bool) noexcept;
template void transpose_plane<std::uint16_t>(const copied_plane&, bool) noexcept;
template void transpose_plane<std::uint32_t>(const copied_plane&, bool) noexcept;
template void transpose_plane<std::uint64_t>(const copied_plane&, bool) noexcept;
template void transpose_plane<item16>(const copied_plane&, bool) noexcept;

}  // namespace weft::detail::arrays
