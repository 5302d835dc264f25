// expect: weft: what a combinator or an operation gives is awaited once, as an rvalue: co_await std::move(x)
#include <weft/channel.hpp>
#include <weft/task.hpp>
weft::task<int> g(weft::channel<int>& in) {
  auto next = in.receive();
  co_await next;  // wrong
  co_return *co_await std::move(next);
}
