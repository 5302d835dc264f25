// expect: weft: a reduction over more axes than the array has
#include <weft/array.hpp>
auto f(const weft::array<double, 2>& x) {
  auto wrong = weft::sum(x, weft::axes(0, 1, 2));  // wrong
  return weft::sum(x, weft::axes(0, 1));
}
