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

/// Transposes a block whose rows are one line on both sides: reads whole lines of the source once, puts the block
/// together beside, and writes whole lines once. Rows that are a power of two apart compete for few places in the
/// cache, and this holds none of them longer than one look.
template <class T>
void transpose_block(std::byte* to, std::ptrdiff_t to_step, const std::byte* from, std::ptrdiff_t from_step,
                     bool streaming) noexcept {
  using vector = typename lanes<T>::vector;
  constexpr std::size_t n = line / sizeof(T), k = lanes<T>::count;
  for (std::size_t i = 0; i < n; ++i) __builtin_prefetch(from + static_cast<std::ptrdiff_t>(i) * from_step + line);
  alignas(line) std::byte block[n][line];
  for (std::size_t i = 0; i < n; i += k)
    for (std::size_t j = 0; j < n; j += k) {
      vector rows[k];
#pragma GCC unroll 16
      for (std::size_t r = 0; r < k; ++r)
        rows[r] = load<vector>(from + static_cast<std::ptrdiff_t>(i + r) * from_step + j * sizeof(T));
      transpose_square<T>(rows);
#pragma GCC unroll 16
      for (std::size_t r = 0; r < k; ++r) std::memcpy(&block[j + r][i * sizeof(T)], &rows[r], sizeof(vector));
    }
  for (std::size_t j = 0; j < n; ++j) put_line(to + static_cast<std::ptrdiff_t>(j) * to_step, block[j], streaming);
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

/// Goes through a plane in tiles, so that pages and lines are met again soon. Within a tile it goes along the
/// source's rows; for small items, whose blocks have many rows, across them, so that what is fetched ahead is wanted
/// some blocks later. (Measured with tiles of 16 x 1024 to 256 x 64 in both orders, rows of 4 to 64 KiB: the wrong
/// ones take up to three times as long.)
template <class T>
void in_tiles(const copied_plane& p, bool by_blocks, bool streaming) noexcept {
  constexpr std::size_t n = line / sizeof(T);  // items a block's side
  constexpr std::size_t tile_i = 256, tile_j = 64;
  static_assert(tile_i % n == 0 && tile_j % n == 0);
  for (std::size_t i = 0; i < p.inner.count; i += tile_i)
    for (std::size_t j = 0; j < p.outer.count; j += tile_j) {
      const copied_plane t = part(p, i, std::min(tile_i, p.inner.count - i), j, std::min(tile_j, p.outer.count - j));
      const std::size_t whole_i = by_blocks ? t.inner.count / n * n : 0;
      const std::size_t whole_j = by_blocks ? t.outer.count / n * n : 0;
      const auto at = [&](std::size_t bi, std::size_t bj) {
        const copied_plane b = part(t, bi, n, bj, n);
        transpose_block<T>(b.to, p.outer.to, b.from, p.inner.from, streaming);
      };
      if constexpr (sizeof(T) >= 4) {
        for (std::size_t bi = 0; bi < whole_i; bi += n)
          for (std::size_t bj = 0; bj < whole_j; bj += n) at(bi, bj);
      } else {
        for (std::size_t bj = 0; bj < whole_j; bj += n)
          for (std::size_t bi = 0; bi < whole_i; bi += n) at(bi, bj);
      }
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
  // Lines can be streamed when they are lines in every row.
  const std::size_t before = (line - std::bit_cast<std::uintptr_t>(p.to) % line) % line;
  streaming = streaming && blocks && p.outer.to % static_cast<std::ptrdiff_t>(line) == 0 && before % sizeof(T) == 0;
  if (streaming && before != 0) {
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
