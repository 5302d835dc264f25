// expect: weft: this function is of real numbers
#include <complex>
#include <weft/array.hpp>
auto f(const weft::array<std::complex<double>, 1>& z) {
  auto wrong = weft::log1p(z);  // wrong
  return weft::log(1.0 + z);
}
