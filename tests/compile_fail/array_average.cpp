// expect: weft: a mean or a variance of complex numbers as real ones
#include <complex>
#include <weft/array.hpp>
auto f(const weft::array<std::complex<double>, 2>& x) {
  auto wrong = weft::mean<double>(x);  // wrong
  return weft::mean<std::complex<float>>(x, 0);
}
