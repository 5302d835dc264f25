// expect: weft: pool.get_executor needs #include <weft/asio.hpp>
#include <weft/pool.hpp>
void g(weft::pool& p) {
  p.get_executor();  // wrong
  p.drain();
}
