// expect: weft: only a weft::task can await a weft::task
#include <coroutine>
#include <weft/task.hpp>
struct other {
  struct promise_type {
    other get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};
weft::task<> f() { co_return; }
other g() {
  co_await f();  // wrong
  co_return;
}
