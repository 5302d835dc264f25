// expect: weft: a task is awaited once, so it is awaited as an rvalue: co_await std::move(t)
#include <weft/task.hpp>
weft::task<int> f() { co_return 1; }
weft::task<int> g() {
  auto t = f();
  co_await t;  // wrong
  co_return co_await std::move(t);
}
