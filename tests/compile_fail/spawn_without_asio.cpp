// expect: weft: pool.spawn with a completion token needs #include <weft/asio.hpp>
#include <weft/pool.hpp>
weft::task<int> f() { co_return 1; }
struct token {};
void g(weft::pool& p) {
  p.spawn(f(), token());  // wrong
  p.run(f());
}
