// expect: weft: a call under a lease takes values: await the future, and give what it has
#include <weft/lease.hpp>
int twice(int x) { return 2 * x; }
weft::task<int> f(weft::lease& l) {
  auto two = l.call(twice, 1);
  const int have = co_await two;
  co_return co_await l.call(twice, have);
}
