// expect: weft: this function is of real numbers
#include <complex>
#include <weft/array.hpp>
auto f(const weft::array<std::complex<double>, 1>& z) {
  auto wrong = weft::hypot(z, 2.0);  // wrong
  return weft::hypot(weft::real(z), 2.0);
}
