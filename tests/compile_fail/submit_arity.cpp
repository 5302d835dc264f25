// expect: weft: submit needs one argument for each parameter
#include <weft/client.hpp>
int add(int a, int b = 1) { return a + b; }
weft::future<int> f(weft::client& c, int x) {
  auto wrong = c.submit(add, x);  // wrong
  return c.submit(add, x, 1);
}
