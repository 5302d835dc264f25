#include <asio/steady_timer.hpp>
#include <asio/use_future.hpp>
#include <catch2/catch.hpp>

#include "weft/asio.hpp"

int boost_half(weft::pool& pool);

namespace {
weft::task<int> timed(weft::pool_executor ex) {
  asio::steady_timer t(ex, std::chrono::milliseconds(1));
  co_await t.async_wait(weft::use_task);
  co_return 6;
}
}  // namespace

TEST_CASE("one program uses Boost.Asio and standalone Asio, with a pool for each", "[asio]") {
  weft::pool one({.threads = 1}), two({.threads = 1});
  CHECK(boost_half(one) == 5);
  CHECK(two.spawn(timed(two.get_executor()), asio::use_future).get() == 6);
  CHECK_THROWS_AS(one.get_executor(), weft::misuse);
}
