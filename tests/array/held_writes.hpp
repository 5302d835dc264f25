// A pool's files, whose writes of a certain length wait until the test lets them go on.
#pragma once

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "uring/service.hpp"
#include "weft/weft.hpp"

namespace weft::test {

/// Each write has begun for good, as one that the kernel has: no stop ends it.
class held_writes final : public detail::file_service {
 public:
  held_writes(pool& p, std::uint64_t length) : others_(detail::make_thread_service(p.core())), length_(length) {}
  static std::shared_ptr<held_writes> in(pool& p, std::uint64_t length) {
    auto made = std::make_shared<held_writes>(p, length);
    detail::adopt_file_service(p.core(), made);
    return made;
  }

  bool start(detail::file_request& r) override {
    if (r.action != detail::file_action::write || r.length != length_) return others_->start(r);
    if (!detail::claim(r, this)) return true;
    {
      std::lock_guard guard(lock_);
      held_.push_back(&r);
    }
    begun.set();
    return false;
  }
  void cancel(detail::file_request& r) noexcept override {
    if (detail::stop_before_start(r) != this) others_->cancel(r);
  }
  void close(int fd, std::int32_t slot) noexcept override { others_->close(fd, slot); }

  /// Carries out what is held. The number of these.
  std::size_t let_go() {
    std::vector<detail::file_request*> all;
    {
      std::lock_guard guard(lock_);
      all.swap(held_);
    }
    for (detail::file_request* r : all) {
      r->result = detail::perform(*r);
      r->finished(*r);
    }
    return all.size();
  }

  event begun;  // a write is held

 private:
  const std::shared_ptr<detail::file_service> others_;
  const std::uint64_t length_;
  std::mutex lock_;
  std::vector<detail::file_request*> held_;
};

/// A call that is stopped while writes are held.
struct stopped_call {
  task<> run(task<> writing) {
    task<> until_stopped = with_stop(stop, std::move(writing));
    try {
      co_await std::move(until_stopped);
      FAIL("it was not stopped");
    } catch (const cancelled&) { too_early = !let_go; }
    ended = true;
  }
  stop_source stop;
  std::atomic<bool> let_go{false};  // the writes: the call is to end after that
  std::atomic<bool> ended{false}, too_early{false};
};

}  // namespace weft::test
