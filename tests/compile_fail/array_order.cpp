// expect: weft: complex numbers have no order
#include <complex>
#include <weft/array.hpp>
auto f(const weft::array<std::complex<double>, 1>& z) {
  auto wrong = z < 1.0;  // wrong
  return weft::real(z) < 1.0;
}
