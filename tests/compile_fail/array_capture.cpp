// expect: weft: a lambda that captures cannot travel
#include <weft/array.hpp>
auto f(const weft::array<double, 1>& x, double by) {
  auto wrong = weft::map_elements([by](double v) { return v - by; }, x);  // wrong
  return weft::map_elements([](double v, double b) { return v - b; }, x, by);
}
