// expect: weft: complex numbers have no order
#include <complex>
#include <weft/array.hpp>
auto f(const weft::array<std::complex<double>, 1>& z) {
  auto wrong = weft::max(z, 0);  // wrong
  return weft::max(weft::abs(z), 0);
}
