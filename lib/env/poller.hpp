#pragma once

#include <atomic>
#include <cstdint>

namespace weft::detail {

/// Where an idle worker sleeps: file descriptors (epoll), a deadline, and interrupt() from any thread.
/// One thread at a time calls wait(); add, remove and interrupt are for all.
class poller {
 public:
  /// Told, on the thread that called wait(), what its descriptor has become: EPOLLIN and its like.
  class watcher {
   public:
    virtual void ready(std::uint32_t events) noexcept = 0;

   protected:
    ~watcher() = default;
  };

  poller();
  ~poller();
  poller(const poller&) = delete;
  poller& operator=(const poller&) = delete;

  /// Calls w.ready() while `fd` has something to read (level-triggered).
  void add(int fd, watcher& w);
  /// Calls w.ready() whenever `fd` has become readable or writable, or its peer has hung up (edge-triggered).
  void add_edges(int fd, watcher& w);
  /// After this `w` is not called again by a later wait(); call it from within wait(), or while nobody waits.
  void remove(int fd) noexcept;

  /// Sleeps until a descriptor is readable, interrupt() was called, or `nanoseconds` passed (0: does not
  /// sleep, negative: without limit); calls the watchers. Returns whether any was called.
  bool wait(std::int64_t nanoseconds) noexcept;
  /// The same until a time of the monotonic clock, which now shows `now`; it may return earlier. Far times are waited
  /// for by a timer that stays set from one call to the next: a limit in the kernel costs half a microsecond each
  /// time on a virtual machine. One caller at a time.
  bool wait_until(std::int64_t until, std::int64_t now) noexcept;
  void interrupt() noexcept;
  /// Makes fd() readable after so many nanoseconds, for who sleeps on it elsewhere; negative: not at all.
  void arm(std::int64_t nanoseconds) noexcept;

  /// How many calls of wait() have ended: a watcher that was removed when it was n is called no more once it is
  /// larger.
  std::uint64_t rounds() const noexcept { return rounds_.load(std::memory_order_acquire); }

  /// A descriptor that is readable while wait(0) would do something.
  int fd() const noexcept { return epoll_; }

 private:
  void add(int fd, watcher& w, std::uint32_t events);
  bool set_timer(std::int64_t nanoseconds) noexcept;
  /// Orders what was done before add() before the calls of the watcher. The kernel does that too, but neither the
  /// language nor ThreadSanitizer knows.
  std::atomic<std::uint32_t> added_{0};
  std::atomic<std::uint64_t> rounds_{0};
  int epoll_ = -1;
  int event_ = -1;
  int timer_ = -1;  // made when it is first armed
  bool armed_ = false;
  std::int64_t timer_at_ = 0;  // when wait_until() has set the timer for
};

}  // namespace weft::detail
