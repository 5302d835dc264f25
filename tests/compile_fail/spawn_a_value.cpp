// expect: weft: what is spawned gives nothing, since nobody awaits its value: spawn a task<>
#include <weft/pool.hpp>
weft::task<int> f() { co_return 1; }
weft::task<> g() { co_return; }
void h(weft::pool& p) {
  p.spawn(f());  // wrong
  p.spawn(g());
}
