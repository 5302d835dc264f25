// expect: weft: an index is an integer, a slice, newaxis, ellipsis, a list or mask that is here, or an array
#include <weft/array.hpp>
auto f(const weft::array<double, 2>& x, const weft::array<bool, 1>& mask) {
  auto wrong = x(mask);  // wrong
  return weft::compress(x, mask, 0);
}
