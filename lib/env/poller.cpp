#include "env/poller.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <ctime>
#include <system_error>
#include <utility>

namespace weft::detail {

namespace {
[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::system_category(), what); }
}  // namespace

poller::poller() {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) fail("weft: epoll_create1");
  event_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event e{};
  e.events = EPOLLIN | EPOLLET;  // edge: an interrupt needs no read to rearm it
  if (event_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, event_, &e) != 0) {
    const int error = errno;
    ::close(epoll_);
    if (event_ >= 0) ::close(event_);
    errno = error;
    fail("weft: eventfd");
  }
}

poller::~poller() {
  if (timer_ >= 0) ::close(timer_);
  ::close(event_);
  ::close(epoll_);
}

void poller::add(int fd, watcher& w) { add(fd, w, EPOLLIN); }
void poller::add_edges(int fd, watcher& w) { add(fd, w, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET); }

void poller::add(int fd, watcher& w, std::uint32_t events) {
  epoll_event e{};
  e.events = events;
  e.data.ptr = &w;
  added_.fetch_add(1, std::memory_order_release);
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &e) != 0) fail("weft: epoll_ctl");
}

void poller::remove(int fd) noexcept { ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr); }

bool poller::wait(std::int64_t nanoseconds) noexcept {
  epoll_event events[64];
  int n = 0;
  timespec limit{};
  if (nanoseconds > 0) limit = {nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
  // Old kernels lack it (ENOSYS), old container profiles refuse it (EPERM).
  static std::atomic<bool> precise{true};
  if (precise.load(std::memory_order_relaxed)) {
    n = static_cast<int>(
        ::syscall(SYS_epoll_pwait2, epoll_, events, 64, nanoseconds < 0 ? nullptr : &limit, nullptr, 0));
    if (n < 0 && errno != EINTR) precise.store(false, std::memory_order_relaxed);
  }
  if (!precise.load(std::memory_order_relaxed)) {
    const std::int64_t ms = nanoseconds < 0 ? -1 : (nanoseconds + 999'999) / 1'000'000;
    n = ::epoll_wait(epoll_, events, 64, ms > INT_MAX ? INT_MAX : static_cast<int>(ms));
  }
  static_cast<void>(added_.load(std::memory_order_acquire));
  bool any = false;
  for (int i = 0; i < n; ++i)
    if (auto* w = static_cast<watcher*>(events[i].data.ptr)) {
      w->ready(events[i].events);
      any = true;
    }
  rounds_.fetch_add(1, std::memory_order_acq_rel);
  return any;
}

bool poller::wait_until(std::int64_t until, std::int64_t now) noexcept {
  constexpr std::int64_t far = 2'000'000;
  if (until - now < far) return wait(until > now ? until - now : 0);
  // One that is set for earlier wakes once for nothing, at most.
  if (timer_at_ <= now || timer_at_ > until) {
    if (!set_timer(until - now)) return wait(until - now);
    timer_at_ = until;
  }
  return wait(-1);
}

void poller::arm(std::int64_t nanoseconds) noexcept {
  if (nanoseconds < 0 && !armed_) return;
  // Without a descriptor to spare, who sleeps must not sleep at all.
  if (!set_timer(nanoseconds)) interrupt();
}

/// False: there is no descriptor for it.
bool poller::set_timer(std::int64_t nanoseconds) noexcept {
  timer_at_ = 0;
  if (timer_ < 0) {
    timer_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    epoll_event e{};
    e.events = EPOLLIN | EPOLLET;
    if (timer_ < 0) return false;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, timer_, &e) != 0) {
      ::close(std::exchange(timer_, -1));
      return false;
    }
  }
  armed_ = nanoseconds >= 0;
  itimerspec when{};
  const std::int64_t ns = nanoseconds < 0 ? 0 : nanoseconds == 0 ? 1 : nanoseconds;  // zero would disarm it
  when.it_value = {ns / 1'000'000'000, ns % 1'000'000'000};
  ::timerfd_settime(timer_, 0, &when, nullptr);
  return true;
}

void poller::interrupt() noexcept {
  const std::uint64_t one = 1;
  while (::write(event_, &one, sizeof one) < 0 && errno == EAGAIN) {  // the counter is full: empty it
    std::uint64_t count;
    if (::read(event_, &count, sizeof count) < 0) break;
  }
}

}  // namespace weft::detail
