// wake.*: what it costs to hand work to a pool, and to wake it.
#include <linux/futex.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <memory>
#include <thread>

#include "asio_peer.hpp"
#include "harness.hpp"
#include "on_cpu.hpp"
#include "weft/pool.hpp"
#include "weft/sleep.hpp"

namespace bench {
namespace {

weft::task<> nothing() { co_return; }

weft::task<> spawn_many(weft::pool& pool, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) pool.spawn(nothing());
  co_return;
}

double ns_each(double begin, std::size_t n) { return (seconds_now() - begin) * 1e9 / static_cast<double>(n); }

const registered spawn_("wake.spawn", "ns/task", "a task that spawns detached empty tasks; the peer posts handlers",
                        [](const settings& s) {
                          auto pool = std::make_shared<weft::pool>(weft::pool_options{.threads = s.threads});
                          const std::size_t n = s.size(std::size_t{1'000'000}, std::size_t{100'000});
                          sides out;
                          out.weft = [pool, n] {
                            const double begin = seconds_now();
                            pool->run(spawn_many(*pool, n));
                            pool->drain();
                            return ns_each(begin, n);
                          };
                          return asio_side(
                              out, s, [n](asio_peer& p) { p.post_from_inside(n); }, 1e9 / static_cast<double>(n));
                        });

const registered post_("wake.post", "ns/task", "a thread outside spawns empty tasks, with a backlog; the peer posts",
                       [](const settings& s) {
                         const std::size_t n = s.size(std::size_t{500'000}, std::size_t{50'000});
                         auto pool = std::make_shared<weft::pool>(weft::pool_options{.threads = s.threads});
                         sides out;
                         out.weft = [pool, n] {
                           const double begin = seconds_now();
                           for (std::size_t i = 0; i < n; ++i) pool->spawn(nothing());
                           pool->drain();
                           return ns_each(begin, n);
                         };
                         return asio_side(
                             out, s, [n](asio_peer& p) { p.post_from_outside(n); }, 1e9 / static_cast<double>(n));
                       });

// ---- round trips ---------------------------------------------------------------------------------------

/// What parks a pool's worker and a thread that waits for it, without the pool: an epoll with an eventfd, and a
/// futex.
class bare_primitive {
 public:
  bare_primitive() : thread_([this] { answer(); }) {}
  ~bare_primitive() {
    quit_ = true;
    ask();
    thread_.join();
    ::close(event_);
    ::close(epoll_);
  }
  void round_trip() {
    answered_.store(0);
    ask();
    while (answered_.load() == 0) ::syscall(SYS_futex, &answered_, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
  }

 private:
  void ask() {
    const std::uint64_t one = 1;
    if (::write(event_, &one, sizeof one) < 0) throw wrong("eventfd");
  }
  void answer() {
    const on_cpu here(0);
    epoll_event e{};
    while (!quit_) {
      if (::epoll_wait(epoll_, &e, 1, -1) != 1 || quit_) continue;
      answered_.store(1);
      ::syscall(SYS_futex, &answered_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    }
  }
  static int watching(int event) {
    const int epoll = ::epoll_create1(0);
    epoll_event e{};
    e.events = EPOLLIN | EPOLLET;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, event, &e);
    return epoll;
  }

  const int event_ = ::eventfd(0, EFD_NONBLOCK);
  const int epoll_ = watching(event_);
  std::atomic<bool> quit_{false};
  std::atomic<std::uint32_t> answered_{0};
  std::thread thread_;
};

/// Gives the other side time to fall asleep; which takes it longer than this thread.
void let_it_park() {
  const timespec t{0, 200'000};
  ::nanosleep(&t, nullptr);
}

template <class F>
double median_round_trip(std::size_t n, bool park, F f) {
  const on_cpu here(1);
  std::vector<double> us;
  for (std::size_t i = 0; i < n; ++i) {
    if (park) let_it_park();
    const double begin = seconds_now();
    f();
    us.push_back((seconds_now() - begin) * 1e6);
  }
  return quantile(us, 0.5);
}

const registered round_trip_("wake.round_trip", "us",
                             "a thread outside asks, a parked worker answers; the bare primitive beside it",
                             [](const settings& s) {
                               const std::size_t n = s.size(std::size_t{1000}, std::size_t{100});
                               auto pool =
                                   std::make_shared<weft::pool>(weft::pool_options{.threads = 1, .pin = true});
                               auto bare = std::make_shared<bare_primitive>();
                               sides out;
                               out.weft = [=] { return median_round_trip(n, true, [&] { pool->run(nothing()); }); };
                               out.peer = [=] { return median_round_trip(n, true, [&] { bare->round_trip(); }); };
                               out.peer_name = "limit: eventfd and futex";
                               out.note = "one worker, pinned to another processor than the thread outside";
                               return out;
                             });

const registered round_trip_latency_(
    "wake.round_trip_latency_mode", "us", "the same with a pool that spins", [](const settings& s) {
      const std::size_t n = s.size(std::size_t{20'000}, std::size_t{2'000});
      auto pool = std::make_shared<weft::pool>(weft::pool_options{
          .threads = 1, .idle = weft::idle_mode::latency, .spin = std::chrono::milliseconds(20), .pin = true});
      sides out;
      out.weft = [=] { return median_round_trip(n, false, [&] { pool->run(nothing()); }); };
      out.late_note = [=] {
        return "spun " + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(pool->spun()).count()) +
               " ms in all runs together";
      };
      return out;
    });

double cpu_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

const registered idle_cpu_("wake.idle_cpu", "% core", "what a pool with nothing to do uses, over five seconds",
                           [](const settings& s) {
                             const double seconds = s.size(5.0, 0.5);
                             auto pool = std::make_shared<weft::pool>(weft::pool_options{.threads = s.threads});
                             pool->run(nothing());
                             sides out;
                             out.weft = [pool, seconds] {
                               const double begin = seconds_now(), used = cpu_seconds();
                               timespec t{static_cast<time_t>(seconds),
                                          static_cast<long>(
                                              (seconds - static_cast<double>(static_cast<time_t>(seconds))) * 1e9)};
                               ::nanosleep(&t, nullptr);
                               return (cpu_seconds() - used) / (seconds_now() - begin) * 100;
                             };
                             return out;
                           });

}  // namespace
}  // namespace bench
