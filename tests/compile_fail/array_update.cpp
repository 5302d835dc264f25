// expect: keep the element type of x, and that of x + y is another one
#include <weft/array.hpp>
void f(weft::array<float, 2> x, const weft::array<double, 2>& y) {
  x += y;  // wrong
}
