#pragma once

#include <complex>
#include <cstdint>
#include <type_traits>

#include "weft/array/array.hpp"
#include "weft/array/functions.hpp"
#include "weft/detail/array/fft.hpp"

namespace weft {

namespace detail::arrays {

template <class T>
using fft_real_t = std::conditional_t<std::is_same_v<typename real_part<T>::type, float>, float, double>;
template <class T>
using fft_complex_t = std::complex<fft_real_t<T>>;

template <class T, array_like X>
array_ref fft_operand(const X& x) {
  if constexpr (std::is_same_v<typename X::value_type, T>)
    return x.node();
  else
    return weft::astype<T>(x).node();
}
template <array_like X>
auto complex_fft(const X& x, std::int64_t axis, fourier how) {
  using C = fft_complex_t<typename X::value_type>;
  return array<C, X::rank>(make_fft(fft_operand<C>(x), axis, how, 0, element_of<C>));
}

}  // namespace detail::arrays

// Discrete Fourier transforms along an axis, as numpy.fft has them: forward ones are not scaled, and inverse ones by
// 1 / n. Of float and complex<float> they are complex<float>, of all else complex<double>; both are computed in
// double. The axis is gathered to one chunk first; along the others chunks stay, and each is a task. Any length, O(n
// log n): Stockham's self-sorting form for factors of 2, 3, 4, 5 and small primes (Van Loan, "Computational
// frameworks for the fast Fourier transform", 1992, section 1.7), and Bluestein's (1970) for those with larger
// primes. They throw misuse for an axis that is not there, and for an empty one.

template <array_like X>
auto fft(const X& x, std::int64_t axis = -1) {
  return detail::arrays::complex_fft(x, axis, detail::arrays::fourier::forward);
}
template <array_like X>
auto ifft(const X& x, std::int64_t axis = -1) {
  return detail::arrays::complex_fft(x, axis, detail::arrays::fourier::inverse);
}
/// Of real numbers: the first n / 2 + 1, of which the others are the conjugates.
template <array_like X>
auto rfft(const X& x, std::int64_t axis = -1) {
  using namespace detail::arrays;
  using T = typename X::value_type;
  constexpr bool real = !detail::is_complex<T>;
  static_assert(real, "weft: rfft is of real numbers; of complex ones there is fft");
  using R = fft_real_t<T>;
  return array<std::complex<R>, X::rank>(
      make_fft(fft_operand<R>(x), axis, fourier::forward_real, 0, element_of<std::complex<R>>));
}
/// Back from rfft to `n` real numbers; 0: to 2 (m - 1), where there are m.
template <array_like X>
auto irfft(const X& x, std::int64_t axis = -1, std::int64_t n = 0) {
  using namespace detail::arrays;
  using C = fft_complex_t<typename X::value_type>;
  using R = fft_real_t<typename X::value_type>;
  return array<R, X::rank>(make_fft(fft_operand<C>(x), axis, fourier::inverse_real, n, element_of<R>));
}
/// Along the last two axes.
template <array_like X>
auto fft2(const X& x) {
  return fft(fft(x, -1), -2);
}
template <array_like X>
auto ifft2(const X& x) {
  return ifft(ifft(x, -1), -2);
}
/// Along all axes.
template <array_like X>
auto fftn(const X& x) {
  using C = detail::arrays::fft_complex_t<typename X::value_type>;
  array<C, X::rank> all(weft::astype<C>(x));
  for (std::size_t a = x.shape().size(); a-- > 0;) all = fft(all, static_cast<std::int64_t>(a));
  return all;
}
template <array_like X>
auto ifftn(const X& x) {
  using C = detail::arrays::fft_complex_t<typename X::value_type>;
  array<C, X::rank> all(weft::astype<C>(x));
  for (std::size_t a = x.shape().size(); a-- > 0;) all = ifft(all, static_cast<std::int64_t>(a));
  return all;
}

}  // namespace weft
