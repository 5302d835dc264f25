// expect: weft: the function takes a non-const reference
#include <weft/client.hpp>
void change(int& x) { ++x; }
int value(int x) { return x + 1; }
weft::future<int> f(weft::client& c, int x) {
  auto wrong = c.submit(change, x);  // wrong
  return c.submit(value, x);
}
