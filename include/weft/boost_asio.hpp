#pragma once

/// The same as weft/asio.hpp for Boost.Asio (Boost 1.77 or later): boost_use_task, boost_pool_executor(pool),
/// pool.spawn(task, token). One translation unit includes one of the two; a program may use both, for different
/// pools.
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#define WEFT_ASIO boost::asio
#define WEFT_ASIO_BRIDGE boost_bridge
#define WEFT_ASIO_ERROR boost::system::error_code
#define WEFT_ASIO_SYSTEM_ERROR boost::system::system_error
#include "weft/detail/asio_bridge.ipp"
#undef WEFT_ASIO
#undef WEFT_ASIO_BRIDGE
#undef WEFT_ASIO_ERROR
#undef WEFT_ASIO_SYSTEM_ERROR

namespace weft {
using boost_pool_executor = boost_bridge::pool_executor;
inline constexpr boost_bridge::use_task_t boost_use_task;
}  // namespace weft
