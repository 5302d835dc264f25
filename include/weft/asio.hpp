#pragma once

/// weft inside an Asio program, and Asio inside weft tasks (standalone Asio, 1.22 or later).
///
/// Header-only: weft's library contains no Asio, so this uses the version that the including program uses.
/// For Boost.Asio, include weft/boost_asio.hpp instead.
#include <asio/any_io_executor.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/dispatch.hpp>
#include <asio/error.hpp>
#include <asio/execution.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <system_error>

#define WEFT_ASIO asio
#define WEFT_ASIO_BRIDGE standalone_asio
#define WEFT_ASIO_ERROR std::error_code
#define WEFT_ASIO_SYSTEM_ERROR std::system_error
#include "weft/detail/asio_bridge.ipp"
#undef WEFT_ASIO
#undef WEFT_ASIO_BRIDGE
#undef WEFT_ASIO_ERROR
#undef WEFT_ASIO_SYSTEM_ERROR

namespace weft {
using standalone_asio::pool_executor;
using standalone_asio::use_task;
using standalone_asio::use_task_t;
}  // namespace weft

/// `pool.get_executor()`: the pool as an Asio executor; sockets and timers made with it are served by the
/// pool's own threads: `tcp::acceptor a(pool.get_executor(), endpoint);`
template <>
struct weft::detail::asio_executor_of<void> {
  static constexpr bool included = true;
  static weft::pool_executor get(weft::pool& p) { return weft::pool_executor(p); }
};
