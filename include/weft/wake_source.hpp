#pragma once

#include <chrono>
#include <cstdint>

namespace weft {

/// A place where an idle worker of a pool can sleep and be woken by events: an event loop lent to the pool.
/// The pool's own, an epoll, is always there; one more may be attached (weft/asio.hpp attaches an
/// asio::io_context), and then the idle worker sleeps in that one, which watches `poll_fd` for the pool's own.
///
/// park() and poll() are called by one thread at a time. What they run may make tasks runnable: those continue
/// on the thread that runs it.
class wake_source {
 public:
  virtual ~wake_source() = default;

  /// Runs what is ready, or sleeps until something is, or interrupt() was called (also when that was before this
  /// call). It needs no time limit: when that of the pool is over, its own descriptor becomes readable.
  virtual void park() noexcept = 0;
  /// Runs what is ready, without sleeping; returns whether it ran anything.
  virtual bool poll() noexcept = 0;
  /// From any thread: makes park() return.
  virtual void interrupt() noexcept = 0;
  /// Called once, before anything else: `own_fd` becomes readable when `drain_own(argument)` has work to do,
  /// which park() and poll() must then call.
  virtual void watch(int own_fd, void (*drain_own)(void*) noexcept, void* argument) = 0;
};

}  // namespace weft
