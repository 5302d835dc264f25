// expect: weft: a lambda that captures cannot travel to another process
#include <weft/delayed.hpp>
weft::lazy<int> f(int x) {
  auto y = weft::delayed([x] { return x; });  // wrong
  return weft::delayed([](int given) { return given; }, x);
}
