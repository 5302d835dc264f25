// The half of a program that uses Boost.Asio.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>

#include "weft/boost_asio.hpp"
#include "weft/task.hpp"

namespace {
weft::task<int> timed(boost::asio::any_io_executor ex) {
  boost::asio::steady_timer t(ex, std::chrono::milliseconds(1));
  co_await t.async_wait(weft::boost_use_task);
  co_return 5;
}
}  // namespace

int boost_half(weft::pool& pool) {
  weft::boost_pool_executor ex(pool);
  return pool.spawn(timed(ex), boost::asio::use_future).get();
}
