// expect: weft: bits, shifts and divisors are those of integers
#include <weft/array.hpp>
auto f(const weft::array<double, 1>& x, const weft::array<int, 1>& i) {
  auto wrong = (x > 1.0) & x;  // wrong
  return (x > 1.0) & (i << 2);
}
