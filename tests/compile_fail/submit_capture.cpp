// expect: weft: a lambda that captures cannot travel to another process
#include <weft/client.hpp>
weft::future<int> f(weft::client& c, int x) {
  auto wrong = c.submit([x] { return x; });  // wrong
  return c.submit([](int given) { return given; }, x);
}
