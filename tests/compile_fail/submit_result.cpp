// expect: weft: the result's type cannot be encoded
#include <weft/client.hpp>
int* address(int x) { return new int(x); }
int value(int x) { return x; }
weft::future<int> f(weft::client& c, int x) {
  auto wrong = c.submit(address, x);  // wrong
  return c.submit(value, x);
}
