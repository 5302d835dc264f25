#pragma once

#include "weft/pool.hpp"
#include "weft/task.hpp"

namespace weft::detail {

class descriptor_watch;

/// A descriptor that does not block, and that the idle worker of a pool sleeps on. Edge-triggered: after a try that
/// would have blocked, or has done less than it could, the next wait ends when there may be more to do; who is woken
/// for nothing waits again. Once the peer has ended its side no wait to read lasts, and once it has hung up none to
/// write.
///
/// One task at a time waits for each of the two. The pool outlives it.
class watched_descriptor {
 public:
  /// The descriptor stays the caller's, open and watched by nobody else, until this is gone. Throws system_error.
  watched_descriptor(pool& p, int fd);
  ~watched_descriptor();
  watched_descriptor(const watched_descriptor&) = delete;
  watched_descriptor& operator=(const watched_descriptor&) = delete;

  int descriptor() const noexcept { return fd_; }
  task<> readable();
  task<> writable();

 private:
  pool_core& pool_;
  descriptor_watch& watch_;
  const int fd_;
};

}  // namespace weft::detail
