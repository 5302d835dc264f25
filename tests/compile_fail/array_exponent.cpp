// expect: weft: the exponents of ldexp are integers
#include <weft/array.hpp>
auto f(const weft::array<double, 1>& x) {
  auto wrong = weft::ldexp(x, 2.0);  // wrong
  return weft::ldexp(x, 2);
}
