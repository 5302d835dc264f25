#pragma once

#include <coroutine>

#include "weft/detail/promise.hpp"
#include "weft/detail/schedule.hpp"
#include "weft/errors.hpp"

namespace weft::detail {

/// What an operation that suspends a task keeps about it: how to resume it, and how it hears of a stop. The
/// operation derives from it and provides
///   void on_stop() noexcept  - called on any thread when the task's scope is stopped; only requests.
/// Order in await_suspend: listen() first, then make the operation visible to those who complete it, and
/// nothing of `this` after that: it may be gone. Order in await_resume: deafen() first. An await_suspend that throws
/// after listen() deafens too, since no await_resume follows: begin() sees to all that.
template <class Operation>
class leaf : public pool_awaiter, private stop_callback {
 public:
  leaf() noexcept
      : stop_callback([](stop_callback& c) noexcept { static_cast<Operation&>(static_cast<leaf&>(c)).on_stop(); }) {}
  /// Before it is awaited nobody knows it by its address: then it may be moved into the frame of a combinator.
  leaf(leaf&&) noexcept : leaf() {}
  leaf& operator=(leaf&&) = delete;

 protected:
  /// Returns false when the task is stopped already: do not suspend.
  template <class Promise>
  bool listen(std::coroutine_handle<Promise> h) noexcept {
    promise_base& p = h.promise();
    frame_ = h.address();
    band_ = p.band;
    pool_ = current_pool();
    stop_ = p.stop;
    if (stop_ && !stop_->add(*this)) {
      stop_ = nullptr;
      return false;
    }
    return true;
  }
  /// The whole of most await_suspends: listens, then does `start`, which says whether the task is to be suspended,
  /// and deafens if that throws. A task that is stopped already does not suspend, and stopped() tells.
  template <class Promise, class Start>
  bool begin(std::coroutine_handle<Promise> h, Start start) {
    if (!listen(h)) {
      stopped_ = true;
      return false;
    }
    try {
      return start();
    } catch (...) {
      deafen();
      throw;
    }
  }
  bool stopped() const noexcept { return stopped_; }
  void deafen() noexcept {
    if (stop_) stop_->remove(*this);
    stop_ = nullptr;
  }

 public:
  void resume() noexcept { schedule(*pool_, frame_, band_); }
  pool_core& pool() const noexcept { return *pool_; }
  void* frame() const noexcept { return frame_; }
  priority band() const noexcept { return band_; }

 private:
  stop_state* stop_ = nullptr;
  pool_core* pool_ = nullptr;
  void* frame_ = nullptr;
  priority band_ = priority::normal;
  bool stopped_ = false;
};

}  // namespace weft::detail
