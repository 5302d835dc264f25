// expect: weft: what blocking runs returns a value or void
#include <weft/blocking.hpp>
#include <weft/task.hpp>
int global = 1;
int& get() { return global; }
weft::task<> g() {
  co_await weft::blocking(get);  // wrong
  co_await weft::blocking([] {});
}
