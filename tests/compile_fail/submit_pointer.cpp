// expect: weft: an argument's type cannot be encoded
#include <weft/client.hpp>
int first(const int* p) { return *p; }
int value(int x) { return x; }
weft::future<int> f(weft::client& c, int x) {
  auto wrong = c.submit(first, &x);  // wrong
  return c.submit(value, x);
}
