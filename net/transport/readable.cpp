#include "transport/readable.hpp"

#include <unistd.h>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/signal_set.hpp>

#include "weft/asio.hpp"

namespace weft::net {

task<> wait_readable(pool& p, int descriptor) {
  asio::posix::stream_descriptor d(p.get_executor(), ::dup(descriptor));
  co_await d.async_wait(asio::posix::stream_descriptor::wait_read, use_task);
}

task<int> wait_signal(pool& p, std::span<const int> signals) {
  asio::signal_set set(p.get_executor());
  for (const int s : signals) set.add(s);
  co_return co_await set.async_wait(use_task);
}

}  // namespace weft::net
