// expect: weft: more indices than the array has axes
#include <weft/array.hpp>
auto f(const weft::array<double, 2>& x) {
  auto wrong = x(1, 2, 3);  // wrong
  return x(1, 2, weft::newaxis);
}
