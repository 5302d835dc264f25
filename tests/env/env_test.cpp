// The seam: threads, time, the poller, memory.
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "env/cpus.hpp"
#include "env/machine_memory.hpp"
#include "env/memory.hpp"
#include "env/pages.hpp"
#include "env/poller.hpp"
#include "env/process.hpp"
#include "env/secret.hpp"
#include "env/simulated.hpp"
#include "env/ticks.hpp"
#include "support/test_directory.hpp"
#include "weft/detail/memory.hpp"
#include "weft/environment.hpp"
#include "weft/errors.hpp"

namespace {

using namespace std::chrono_literals;

struct counter final : weft::detail::poller::watcher {
  explicit counter(int descriptor) : fd(descriptor) {}
  void ready(std::uint32_t) noexcept override {
    char c;
    if (::read(fd, &c, 1) == 1) ++calls;
  }
  int fd;
  int calls = 0;
};

struct pipe_ends {
  pipe_ends() { REQUIRE(::pipe2(fd, O_CLOEXEC | O_NONBLOCK) == 0); }
  ~pipe_ends() {
    ::close(fd[0]);
    ::close(fd[1]);
  }
  void write() const { REQUIRE(::write(fd[1], "x", 1) == 1); }
  int fd[2];
};

}  // namespace

TEST_CASE("a started thread has its name and its processor", "[env]") {
  weft::environment& env = weft::real_environment();
  std::string name;
  int cpus = 0;
  auto t = env.start_thread({"a-name-that-is-too-long", weft::detail::allowed_cpus().front()}, [&] {
    std::getline(std::ifstream("/proc/thread-self/comm"), name);
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) == 0) cpus = CPU_COUNT(&set);
  });
  t->join();
  CHECK(name == "a-name-that-is-");
  CHECK(cpus == 1);
  auto nowhere = env.start_thread({"", 100'000}, [&] { cpus = 7; });  // no such processor: it runs anywhere
  nowhere->join();
  CHECK(cpus == 7);
}

TEST_CASE("time goes on, and random bits differ", "[env]") {
  weft::environment& env = weft::real_environment();
  const auto before = env.now();
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(env.random());
  CHECK(seen.size() == 1000);
  CHECK(env.now() >= before);
}

TEST_CASE("ticks are a clock of known rate", "[env]") {
  const std::uint64_t rate = weft::detail::ticks_per_microsecond();
  CHECK(rate >= 1);
  const std::uint64_t begin = weft::detail::ticks();
  const auto from = weft::real_environment().now();
  while (weft::real_environment().now() - from < 2ms) {}
  const auto us = static_cast<double>(weft::detail::ticks() - begin) / static_cast<double>(rate);
  CHECK(us > 1900);
}

TEST_CASE("a simulated environment stands still until it is told", "[env]") {
  weft::detail::simulated_environment one(5), same(5), other(6);
  const auto begin = one.now();
  CHECK(one.now() == begin);
  one.advance_to((begin + 3h).time_since_epoch().count());
  CHECK(one.now() - begin == 3h);
  CHECK(one.elapsed() == 3h);
  one.advance_to(begin.time_since_epoch().count());  // the past is ignored
  CHECK(one.elapsed() == 3h);
  const std::uint64_t bits = one.random();
  CHECK(bits == same.random());
  CHECK(bits != other.random());
  const std::uint64_t secret = weft::detail::secret(one);
  CHECK(secret == weft::detail::secret(same));
  CHECK(secret != weft::detail::secret(other));
  CHECK_THROWS_AS(one.start_thread({}, [] {}), weft::misuse);
}

TEST_CASE("secrets do not follow from the random numbers that others may have seen", "[env]") {
  weft::environment& env = weft::real_environment();
  // What random() gives is a counter that was mixed (see real.cpp): whoever has seen one number can compute the next.
  std::uint64_t z = env.random();
  z ^= z >> 31 ^ z >> 62;
  z *= 0x319642b2d24d8ec3u;
  z ^= z >> 27 ^ z >> 54;
  z *= 0x96de1b173f119089u;
  z ^= z >> 30 ^ z >> 60;
  std::set<std::uint64_t> next;
  for (int i = 0; i < 1000; ++i) {
    std::uint64_t of = z += 0x9e3779b97f4a7c15u;
    of = (of ^ of >> 30) * 0xbf58476d1ce4e5b9u;
    of = (of ^ of >> 27) * 0x94d049bb133111ebu;
    next.insert(of ^ of >> 31);
  }
  std::set<std::uint64_t> secrets;
  for (int i = 0; i < 64; ++i) secrets.insert(weft::detail::secret(env));
  CHECK(secrets.size() == 64);
  for (const std::uint64_t s : secrets) CHECK(next.count(s) == 0);
  CHECK(next.count(env.random()) == 1);
}

TEST_CASE("the poller tells of what can be read, ends its wait in time, and is interrupted", "[env]") {
  weft::detail::poller p;
  const pipe_ends a, b;
  counter first(a.fd[0]), second(b.fd[0]);
  p.add(a.fd[0], first);
  p.add(b.fd[0], second);
  CHECK_FALSE(p.wait(0));
  a.write();
  a.write();
  b.write();
  CHECK(p.wait(-1));
  CHECK(p.wait(-1));  // level-triggered: one was left
  CHECK(first.calls == 2);
  CHECK(second.calls == 1);

  const auto begin = weft::real_environment().now();
  CHECK_FALSE(p.wait(3'000'000));
  CHECK(weft::real_environment().now() - begin >= 3ms);

  p.interrupt();
  CHECK_FALSE(p.wait(-1));  // also when it came before
  std::thread t([&p] { p.interrupt(); });
  CHECK_FALSE(p.wait(-1));
  t.join();

  p.remove(a.fd[0]);
  a.write();
  CHECK_FALSE(p.wait(0));
}

TEST_CASE("the poller sleeps until a time, by a timer that stays set", "[env]") {
  weft::detail::poller p;
  const auto now = [] {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(weft::real_environment().now().time_since_epoch())
        .count();
  };
  const auto sleep_until = [&](std::int64_t until) {
    for (std::int64_t t = now(); t < until; t = now()) p.wait_until(until, t);
  };
  const std::int64_t began = now();
  p.interrupt();
  p.wait_until(began + 3'600'000'000'000, began);  // the timer is set for then
  sleep_until(began + 5'000'000);                  // and now for earlier
  sleep_until(began + 10'000'000);
  p.interrupt();
  p.wait_until(began + 20'000'000, now());
  sleep_until(began + 30'000'000);  // over one that is set for earlier
  sleep_until(now() + 1000);
  CHECK(now() - began >= 30'000'000);
}

TEST_CASE("a futex wait ends at its deadline, or by a wake", "[env]") {
  std::atomic<std::uint32_t> word{0};
  const auto now = weft::real_environment().now();
  CHECK_FALSE(weft::detail::futex_wait_until(word, 0, now + 1ms));
  CHECK(weft::detail::futex_wait_until(word, 1, now + 1h));  // it has another value
  std::thread t([&word] {
    word.store(1);
    weft::detail::real_memory::futex_wake(word, 1);
  });
  while (word.load() == 0) weft::detail::futex_wait_until(word, 0, now + 1h);
  t.join();
}

TEST_CASE("a program's output is had, or nothing when there is none") {
  using weft::detail::output_of;
  const std::string much(1 << 20, 'x');
  CHECK(output_of({"cat"}, much) == much);
  CHECK(output_of({"sh", "-c", "echo said; exit 0"}, much) == "said\n");  // it does not read its input
  CHECK(!output_of({"sh", "-c", "echo said; exit 3"}, ""));
  CHECK(!output_of({"no-such-program-anywhere"}, "in"));
}

TEST_CASE("a process can be nice, and is not less nice again") {
  const auto now = [] { return ::getpriority(PRIO_PROCESS, 0); };
  const int before = now(), more = std::min(before + 1, 19);
  weft::detail::be_nice(more);
  CHECK(now() == more);
  weft::detail::be_nice(before - 1);
  CHECK(now() == more);
}

TEST_CASE("the memory a process may use is that of the machine, or what its cgroups allow") {
  const std::uint64_t machine = weft::detail::usable_memory("/nowhere", "/nowhere/at/all");
  CHECK(machine > (64u << 20));
  const test_directory root;
  const std::string self = root.write("self", "0::/outer/inner\n");
  root.write("outer/memory.max", "123456789\n");
  root.write("outer/inner/memory.max", "max\n");
  CHECK(weft::detail::usable_memory(root.path().string(), self) == 123456789);
}

TEST_CASE("the resident memory of the process grows with what it touches") {
  const std::uint64_t before = weft::detail::resident_memory();
  REQUIRE(before > 0);
  const std::vector<char> touched(std::size_t{64} << 20, 1);
  asm volatile("" : : "r"(touched.data()) : "memory");  // or clang leaves the vector out: nobody reads it
  const std::uint64_t after = weft::real_environment().resident_memory();
  CHECK(after >= before + touched.size() / 2);
  CHECK(after <= weft::detail::usable_memory());
}

TEST_CASE("memory that is to have huge pages stays what it is") {
  std::vector<std::byte> memory(5 * weft::detail::huge_page, std::byte{7});
  const std::span<std::byte> all(memory);
  weft::detail::prefer_huge_pages({});
  weft::detail::prefer_huge_pages(all.first(2 * weft::detail::huge_page - 1));
  for (const std::size_t off : {0u, 1u, 4095u, 4096u}) weft::detail::prefer_huge_pages(all.subspan(off));
  CHECK(std::count(memory.begin(), memory.end(), std::byte{7}) == std::ssize(memory));
}

TEST_CASE("the soft limit on open files is raised to the hard one") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit less = before;
  less.rlim_cur = std::min<rlim_t>(before.rlim_cur, 256);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &less) == 0);
  weft::detail::raise_file_limit();
  rlimit after{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &after) == 0);
  CHECK(after.rlim_cur == before.rlim_max);
  CHECK(after.rlim_max == before.rlim_max);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}
