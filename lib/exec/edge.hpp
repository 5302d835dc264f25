#pragma once

#include <atomic>

#include "weft/task.hpp"

namespace weft::detail {

/// What edges say: that there may be more to do, once or from now on for good. One task waits for them; others, on
/// any threads, call come(). `Event` is weft::event, or in tests one that says when it is reset.
template <class Event>
class basic_edge {
 public:
  void come(bool for_good) noexcept {
    if (for_good) for_good_.store(true, std::memory_order_release);
    event_.set();
  }
  /// Before the first edge, and while nobody waits.
  void begin() noexcept {
    for_good_.store(false, std::memory_order_relaxed);
    event_.reset();
  }
  /// Until there may be something to do. The event is reset before the task tries again: what comes from then on ends
  /// the wait after it.
  task<> wait() {
    co_await event_.wait();
    event_.reset();
    // An edge for good that came before the reset is known by now; one that comes later sets the event again itself.
    if (for_good_.load(std::memory_order_acquire)) event_.set();
  }

 private:
  Event event_;
  std::atomic<bool> for_good_{false};
};

}  // namespace weft::detail
