#include <asio/use_future.hpp>
#include <iostream>
#include <weft/asio.hpp>

weft::task<int> answer() { co_return 42; }

int main() {
  weft::pool pool;
  std::cout << pool.spawn(answer(), asio::use_future).get() << '\n';
}
