// Arrays in chunks of different sizes along an axis, and the same arrays in one chunk.
#pragma once

#include <cmath>
#include <complex>
#include <cstdint>
#include <random>
#include <type_traits>
#include <vector>

#include "array/arrays.hpp"

namespace arrays {

struct choices {
  explicit choices(unsigned seed) : bits(seed) {}
  std::int64_t operator()(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(bits);
  }
  bool coin() { return (*this)(0, 1) == 1; }
  std::mt19937 bits;
};

/// Sizes of chunks along an axis of n.
inline std::vector<std::int64_t> some_sizes(std::int64_t n, choices& some) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t left = n; left > 0; left -= sizes.back())
    sizes.push_back(some(1, std::min(left, std::max<std::int64_t>(n * 2 / 3, 1))));
  return sizes;
}

/// An array of those elements whose chunks are of different sizes: the first and the last shorter than the others, as
/// a part of a larger one is, which may be taken in steps or backwards, or each of any size along some axes; perhaps
/// in memory.
template <class T, std::size_t N>
weft::array<T, N> in_irregular_chunks(const weft::client& c, const xt::xtensor<T, N>& whole, choices& some) {
  weft::shape larger = weft::shape::of_rank(N), chunk = larger, first = larger, step = larger;
  for (std::size_t a = 0; a < N; ++a) {
    const auto n = static_cast<std::int64_t>(whole.shape()[a]);
    first[a] = some(0, 6);
    step[a] = some(0, 3) == 0 ? some.coin() ? 2 : -1 : 1;
    larger[a] = first[a] + n * std::abs(step[a]) + some(0, 3);
    chunk[a] = some(1, std::max<std::int64_t>(n * 2 / 3, 1)) * std::abs(step[a]);
  }
  typename xt::xtensor<T, N>::shape_type extents{};
  for (std::size_t a = 0; a < N; ++a) extents[a] = static_cast<std::size_t>(larger[a]);
  xt::xtensor<T, N> around = xt::xtensor<T, N>::from_shape(extents);
  around.fill(T(7));
  std::array<std::size_t, N> at{};
  for (std::size_t k = 0; k < whole.size(); ++k) {
    std::size_t rest = k;
    for (std::size_t a = N; a-- > 0;) {
      at[a] = rest % whole.shape()[a];
      rest /= whole.shape()[a];
    }
    typename xt::xtensor<T, N>::shape_type to{};
    for (std::size_t a = 0; a < N; ++a) {
      const auto i = static_cast<std::int64_t>(at[a]), n = static_cast<std::int64_t>(whole.shape()[a]);
      to[a] = static_cast<std::size_t>(first[a] + (step[a] < 0 ? n - 1 - i : i * step[a]));
    }
    around.element(to.begin(), to.end()) = whole.element(at.begin(), at.end());
  }
  weft::array<T, N> x = weft::from_array(c, around, {.chunk = chunk});
  for (std::size_t a = 0; a < N; ++a) {
    const auto n = static_cast<std::int64_t>(whole.shape()[a]);
    weft::detail::arrays::index_item part;
    part.range = weft::slice(first[a], first[a] + n * std::abs(step[a]), std::abs(step[a]));
    x = weft::array<T, N>(weft::detail::arrays::along_view(x.node(), a, part));
    if (step[a] < 0) x = weft::flip(x, static_cast<std::int64_t>(a));
  }
  if (some.coin()) {
    std::vector<std::vector<std::int64_t>> sizes(N);
    for (std::size_t a = 0; a < N; ++a)
      if (some.coin()) sizes[a] = some_sizes(static_cast<std::int64_t>(whole.shape()[a]), some);
    x = weft::rechunk(x, weft::chunk_sizes(sizes));
    if (some.coin()) x = weft::flip(weft::flip(x, 0), 0);
  }
  switch (some(0, 3)) {
    case 0:
      return x.persist();
    case 1:
      return weft::contiguous(x);
    default:
      return x;
  }
}

template <class T, std::size_t N>
weft::array<T, N> in_one_chunk(const weft::client& c, const xt::xtensor<T, N>& whole) {
  weft::shape all = weft::shape::of_rank(N);
  for (std::size_t a = 0; a < N; ++a) all[a] = -1;
  return weft::from_array(c, whole, {.chunk = all});
}

/// Numbers without a pattern; of integers from -8 to 7.
template <class T, std::size_t N>
xt::xtensor<T, N> some_numbers(const std::array<std::size_t, N>& extents, choices& some) {
  xt::xtensor<T, N> x = xt::xtensor<T, N>::from_shape(extents);
  const std::int64_t seed = some(0, 1'000'000);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double e = noise(static_cast<std::int64_t>(i) * 31 + seed);
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
      x.data()[i] = static_cast<T>(std::floor(16 * e));
    else if constexpr (std::is_same_v<T, bool>)
      x.data()[i] = e > 0;
    else
      x.data()[i] = static_cast<T>(e);
  }
  return x;
}

template <class T>
bool alike(const T& a, const T& b) {
  if constexpr (std::is_integral_v<T>)
    return a == b;
  else
    return std::abs(a - b) <= 1e-9 * (1 + std::abs(b)) || (a != a && b != b);
}
template <class A>
bool same_array(const A& a, const A& b) {
  if constexpr (std::is_arithmetic_v<A> || weft::detail::is_complex<A>) {
    return alike(a, b);
  } else {
    if (a.shape() != b.shape()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
      if (!alike(a.data()[i], b.data()[i])) return false;
    return true;
  }
}

}  // namespace arrays
