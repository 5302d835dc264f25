// expect: weft: all takes eight tasks; give it a vector of them for more
#include <weft/all.hpp>
weft::task<int> f() { co_return 1; }
weft::task<int> g() {
  co_await weft::all(f(), f(), f(), f(), f(), f(), f(), f(), f());  // wrong
  co_return co_await f();
}
