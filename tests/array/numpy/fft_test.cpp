// Fourier transforms, beside NumPy's: real and imaginary parts.
#include <complex>

#include "array/numpy/reference.hpp"

using reference::check;

namespace {

template <class X>
void check_parts(arrays::place& at, const std::string& name, const X& x) {
  check(at, name + "_real", weft::astype<double>(x));
  check(at, name + "_imaginary", weft::astype<double>(x * std::complex<double>(0, -1)));
}

}  // namespace

TEST_CASE("Fourier transforms are what NumPy's are, in all chunks") {
  const weft::shape chunk = GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{5, 1, 5});
  arrays::place at;
  const reference::data d(at, chunk);
  check_parts(at, "fft_0", weft::fft(d.x, 0));
  check_parts(at, "fft_1", weft::fft(d.x, 1));
  check_parts(at, "fft_last", weft::fft(d.x));
  check_parts(at, "ifft", weft::ifft(d.x, 1));
  check_parts(at, "fft_int", weft::fft(d.i, 1));
  check_parts(at, "fft2", weft::fft2(d.x));
  check_parts(at, "fftn", weft::fftn(d.plane));
  check_parts(at, "rfft", weft::rfft(d.x, 0));
  check(at, "irfft", weft::irfft(d.x, 0));
  check(at, "irfft_odd", weft::irfft(d.x, 0, 31));
  check(at, "irfft_short", weft::irfft(d.x, 0, 20));
}
