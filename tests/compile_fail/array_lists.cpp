// expect: weft: an index has one list or mask of positions: take the others one by one
#include <weft/array.hpp>
auto f(const weft::array<double, 3>& x) {
  auto wrong = x(weft::positions(1, 3), weft::ellipsis, weft::positions(0, 2));  // wrong
  return x(weft::positions(1, 3), weft::ellipsis)(weft::slice(), weft::positions(0, 2));
}
