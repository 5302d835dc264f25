#pragma once

#include <algorithm>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "weft/array/array.hpp"
#include "weft/array/create.hpp"
#include "weft/array/functions.hpp"
#include "weft/array/reduce.hpp"
#include "weft/detail/array/fft.hpp"

namespace weft {

/// How long a transform is, and what divides it: `fft(x, 0, {.n = 64, .norm = fft_norm::ortho})`.
struct fft_options {
  /// How many numbers are transformed (of those to real numbers: how many they give): zeros follow where there are
  /// fewer, and what is beyond is left out. 0: as many as there are, and 2 (m - 1) of m to real numbers.
  std::int64_t n = 0;
  fft_norm norm = fft_norm::backward;
};
/// The same for several axes: a length for each, in their order, or none.
struct fftn_options {
  weft::shape n = {};
  fft_norm norm = fft_norm::backward;
};
static_assert(std::is_trivially_destructible_v<fftn_options>, "g++ 12 destroys it twice in a co_await expression");

namespace detail::arrays {

template <class T>
using fft_real_t = std::conditional_t<std::is_same_v<typename real_part<T>::type, float>, float, double>;
template <class T>
using fft_complex_t = std::complex<fft_real_t<T>>;

constexpr bool is_from_real(fourier how) noexcept { return how == fourier::forward_real; }
constexpr bool is_to_real(fourier how) noexcept { return how == fourier::inverse_real; }

/// What a transform takes and gives, where x is of T.
template <fourier How, class T>
using fft_taken_t = std::conditional_t<is_from_real(How), fft_real_t<T>, fft_complex_t<T>>;
template <fourier How, class T>
using fft_given_t = std::conditional_t<is_to_real(How), fft_real_t<T>, fft_complex_t<T>>;

template <fourier How, class T>
consteval bool checked_fft() {
  constexpr bool real = !is_from_real(How) || !detail::is_complex<T>;
  static_assert(real, "weft: this transform is of real numbers; of complex ones there are fft and fftn");
  return real;
}

template <fourier How, array_like X>
auto transform(const char* what, const X& x, std::int64_t axis, const fft_options& how) {
  using T = typename X::value_type;
  static_assert(checked_fft<How, T>());
  using R = fft_given_t<How, T>;
  return array<R, X::rank>(
      make_fft(what, elements_as<fft_taken_t<How, T>>(x), axis, How, how.n, how.norm, element_of<R>));
}
template <fourier How, array_like X>
auto transform_axes(const char* what, const X& x, const weft::shape& axes, bool all, const fftn_options& how) {
  using T = typename X::value_type;
  static_assert(checked_fft<How, T>());
  using R = fft_given_t<How, T>;
  return array<R, X::rank>(
      make_fftn(what, elements_as<fft_taken_t<How, T>>(x), axes, all, How, how.n, how.norm, element_of<R>));
}
template <std::size_t K>
weft::shape list_of(const axes<K>& named) {
  static_assert(K <= most_axes, "weft: an array has up to eight axes");
  weft::shape s = weft::shape::of_rank(K);
  for (std::size_t i = 0; i < K; ++i) s[i] = named.list[i];
  return s;
}
/// hfft is irfft with its norm the other way round.
constexpr fft_norm reversed(fft_norm n) noexcept {
  return n == fft_norm::backward ? fft_norm::forward : n == fft_norm::forward ? fft_norm::backward : n;
}

/// Frequencies of a transform of n numbers: number i of them, or i - n beyond the middle, by n times the distance.
struct frequency {
  std::int64_t n;
  double by;
  constexpr double operator()(std::int64_t i) const { return static_cast<double>(i <= (n - 1) / 2 ? i : i - n) * by; }
};
struct real_frequency {
  double by;
  constexpr double operator()(std::int64_t i) const { return static_cast<double>(i) * by; }
};

}  // namespace detail::arrays

// Discrete Fourier transforms, as numpy.fft has them: forward ones are not scaled, and inverse ones by 1 / n, unless
// fft_options say otherwise. Of float and complex<float> they are complex<float>, of all else complex<double>; both
// are computed in double. An axis is gathered to one chunk first; along the others chunks stay, and each is a task.
// Any length, O(n log n): Stockham's self-sorting form for factors of 2, 3, 4, 5 and small primes (Van Loan,
// "Computational frameworks for the fast Fourier transform", 1992, section 1.7), and Bluestein's (1970) for those
// with larger primes. They throw misuse for an axis that is not there, for an empty one, and for a length below 0.

#define WEFT_DETAIL_FFT(name, how)                                                           \
  template <array_like X>                                                                    \
  auto name(const X& x, std::int64_t axis = -1, const fft_options& options = {}) {           \
    return detail::arrays::transform<detail::arrays::fourier::how>(#name, x, axis, options); \
  }
WEFT_DETAIL_FFT(fft, forward)
WEFT_DETAIL_FFT(ifft, inverse)
/// Of real numbers: the first n / 2 + 1, of which the others are the conjugates.
WEFT_DETAIL_FFT(rfft, forward_real)
/// Back from rfft to n real numbers.
WEFT_DETAIL_FFT(irfft, inverse_real)
#undef WEFT_DETAIL_FFT

/// Of what is the first half of a sequence whose second half has the conjugates, as that of real numbers' spectrum:
/// n real numbers.
template <array_like X>
auto hfft(const X& x, std::int64_t axis = -1, const fft_options& options = {}) {
  using namespace detail::arrays;
  return transform<fourier::inverse_real>("hfft", conj(x), axis, {options.n, reversed(options.norm)});
}
/// Back from hfft, of n real numbers: n / 2 + 1.
template <array_like X>
auto ihfft(const X& x, std::int64_t axis = -1, const fft_options& options = {}) {
  using namespace detail::arrays;
  const auto half = transform<fourier::forward_real>("ihfft", x, axis, {options.n, reversed(options.norm)});
  return array<typename decltype(half)::value_type, X::rank>(conj(half));
}

// Along several axes, one after the other: `fftn(x, weft::axes(0, 2), {.n = {64, 100}})`. Where none is named those
// with a 2 are along the last two, and those with an n along all, or along as many of the last ones as have lengths.
#define WEFT_DETAIL_FFTN(two, many, how)                                                                          \
  template <array_like X, std::size_t K>                                                                          \
  auto two(const X& x, const axes<K>& along, const fftn_options& options = {}) {                                  \
    static_assert(K == 2, "weft: these transforms are along two axes; others are those with an n");               \
    return detail::arrays::transform_axes<detail::arrays::fourier::how>(#two, x, detail::arrays::list_of(along),  \
                                                                        false, options);                          \
  }                                                                                                               \
  template <array_like X>                                                                                         \
  auto two(const X& x, const fftn_options& options = {}) {                                                        \
    return two(x, axes(-2, -1), options);                                                                         \
  }                                                                                                               \
  template <array_like X, std::size_t K>                                                                          \
  auto many(const X& x, const axes<K>& along, const fftn_options& options = {}) {                                 \
    return detail::arrays::transform_axes<detail::arrays::fourier::how>(#many, x, detail::arrays::list_of(along), \
                                                                        false, options);                          \
  }                                                                                                               \
  template <array_like X>                                                                                         \
  auto many(const X& x, const fftn_options& options = {}) {                                                       \
    return detail::arrays::transform_axes<detail::arrays::fourier::how>(#many, x, {}, true, options);             \
  }
WEFT_DETAIL_FFTN(fft2, fftn, forward)
WEFT_DETAIL_FFTN(ifft2, ifftn, inverse)
/// Of real numbers along the last axis, as rfft, and along the others as fft.
WEFT_DETAIL_FFTN(rfft2, rfftn, forward_real)
/// Back to real numbers along the last axis, as irfft, after ifft along the others.
WEFT_DETAIL_FFTN(irfft2, irfftn, inverse_real)
#undef WEFT_DETAIL_FFTN

/// The frequencies of an fft of n numbers that are `distance` apart, in cycles for a unit of it: 0, 1 / (n distance)
/// and so on, and from the middle on those below 0.
inline array<double, 1> fftfreq(const client& c, std::int64_t n, double distance = 1.0, creation how = {}) {
  using namespace detail::arrays;
  check_fft_frequencies("fftfreq", n, distance);
  const grid chunks = grid_for<double>(weft::shape(n), how);
  const double by = 1.0 / (static_cast<double>(n) * distance);
  return array<double, 1>(apply_to(frequency{n, by}, index_array<1>(c, chunks, 0)).node(true));
}
/// Those of an rfft: the first n / 2 + 1, without a sign.
inline array<double, 1> rfftfreq(const client& c, std::int64_t n, double distance = 1.0, creation how = {}) {
  using namespace detail::arrays;
  check_fft_frequencies("rfftfreq", n, distance);
  const grid chunks = grid_for<double>(weft::shape(n / 2 + 1), how);
  const double by = 1.0 / (static_cast<double>(n) * distance);
  return array<double, 1>(apply_to(real_frequency{by}, index_array<1>(c, chunks, 0)).node(true));
}

/// The frequency 0, which comes first, moved to the middle along each axis, or along those that are named:
/// `fftshift(x, 0)`, `fftshift(x, weft::axes(0, 1))`. By weft::roll.
template <array_like X, detail::arrays::axes_option... W>
auto fftshift(const X& x, const W&... along) {
  using namespace detail::arrays;
  constexpr bool only_axes = (!std::is_same_v<W, keep_axes_t> && ...);
  static_assert(only_axes, "weft: fftshift takes axes");
  return array<typename X::value_type, X::rank>(shifted_fft(x.node(), mask_of(x.grid(), along...), false));
}
/// Back to where it was, of odd extents too.
template <array_like X, detail::arrays::axes_option... W>
auto ifftshift(const X& x, const W&... along) {
  using namespace detail::arrays;
  constexpr bool only_axes = (!std::is_same_v<W, keep_axes_t> && ...);
  static_assert(only_axes, "weft: ifftshift takes axes");
  return array<typename X::value_type, X::rank>(shifted_fft(x.node(), mask_of(x.grid(), along...), true));
}

}  // namespace weft
