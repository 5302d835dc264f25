// expect: weft: what a combinator or an operation gives is awaited once, as an rvalue: co_await std::move(x)
#include <weft/all.hpp>
weft::task<> f() { co_return; }
weft::task<> g() {
  auto both = weft::all(f(), f());
  co_await both;  // wrong
  co_await std::move(both);
}
