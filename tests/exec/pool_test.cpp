// The pool: what comes in, how it ends, priorities, idleness.
#include <sched.h>
#include <signal.h>
#include <time.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <latch>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "exec/blocking_threads.hpp"
#include "exec/pool_core.hpp"
#include "weft/weft.hpp"

namespace {

using namespace std::chrono_literals;

weft::task<> count(std::atomic<int>& n) {
  ++n;
  co_return;
}
weft::task<> sleeper(std::atomic<int>& stopped) {
  try {
    co_await weft::sleep_for(24h);
  } catch (const weft::cancelled&) {
    ++stopped;
    throw;
  }
}

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace

TEST_CASE("many threads spawn into one pool", "[pool]") {
  std::atomic<int> n{0};
  {
    weft::pool pool({.threads = 2});
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 5000; ++i) pool.spawn(count(n));
      });
    for (auto& t : threads) t.join();
    pool.drain();
    CHECK(n.load() == 20000);
    pool.spawn(count(n));
  }
  CHECK(n.load() == 20001);
}

TEST_CASE("tasks that spawn tasks are all awaited by drain, and failures come out of it", "[pool]") {
  weft::pool pool({.threads = 2});
  std::atomic<int> n{0};
  struct f {
    static weft::task<> grow(weft::pool& p, std::atomic<int>& k, int depth) {
      if (depth > 0) {
        p.spawn(grow(p, k, depth - 1));
        p.spawn(grow(p, k, depth - 1));
      }
      ++k;
      co_return;
    }
    static weft::task<> bad() {
      throw std::runtime_error("lost?");
      co_return;
    }
  };
  pool.spawn(f::grow(pool, n, 10));
  pool.drain();
  CHECK(n.load() == 2047);
  pool.spawn(f::bad());
  CHECK_THROWS_WITH(pool.drain(), "lost?");
  pool.drain();
}

TEST_CASE("three ways to end a pool", "[pool]") {
  std::atomic<int> stopped{0};
  const auto alive = std::make_shared<int>();
  auto sleeps = [](std::atomic<int>& n, std::shared_ptr<int>) -> weft::task<> { co_await sleeper(n); };
  SECTION("cancel") {
    weft::pool pool({.threads = 2});
    for (int i = 0; i < 10; ++i) pool.spawn(sleeps(stopped, alive));
    pool.cancel();
    CHECK(alive.use_count() == 1);
    CHECK_THROWS_AS(pool.spawn(sleeper(stopped)), weft::misuse);
  }
  SECTION("drain until a deadline, then cancel") {
    weft::pool pool({.threads = 2});
    for (int i = 0; i < 10; ++i) pool.spawn(sleeps(stopped, alive));
    CHECK_FALSE(pool.drain_for(2ms));
    CHECK(alive.use_count() == 1);
  }
  SECTION("drain in time") {
    weft::pool pool({.threads = 2});
    pool.spawn(count(stopped));
    CHECK(pool.drain_for(1h));
    CHECK(stopped.load() == 1);
  }
}

TEST_CASE("only what was spawned from outside counts against max_waiting", "[pool]") {
  weft::pool pool({.threads = 1, .max_waiting = 2});
  std::atomic<bool> end{false};
  std::atomic<int> n{0};
  auto yields = [](std::atomic<bool>& e) -> weft::task<> {
    while (!e.load()) co_await weft::yield();
  };
  auto starts = [](weft::pool& p, std::atomic<bool>& e, auto make) -> weft::task<> {
    for (int i = 0; i < 50; ++i) p.spawn(make(e));
    co_return;
  };
  pool.run(starts(pool, end, yields));
  for (int i = 0; i < 50; ++i) pool.run(count(n));
  end = true;
  pool.drain();
  CHECK(n.load() == 50);
}

TEST_CASE("what a worker of the reserve spawns does not come from outside", "[pool]") {
  weft::pool pool({.threads = 2, .reserve = 1, .max_waiting = 1});
  std::latch busy(1), end(1);
  auto holds = [&]() -> weft::task<> {
    busy.count_down();
    end.wait();
    co_return;
  };
  pool.spawn(holds());
  busy.wait();
  std::atomic<int> n{0};
  pool.spawn(count(n));  // as many as may wait
  auto spawns = [&]() -> weft::task<> {
    for (int i = 0; i < 10; ++i) pool.spawn(count(n));
    co_return;
  };
  std::latch spawned(1);
  auto urgent = [&]() -> weft::task<> {
    const auto done = co_await weft::as_result(spawns());
    CHECK_FALSE(done.error());
    spawned.count_down();
  };
  pool.spawn(urgent(), weft::priority::interactive);
  spawned.wait();
  CHECK_THROWS_AS(pool.spawn(count(n)), weft::overloaded);
  end.count_down();
  pool.drain();
  CHECK(n.load() == 11);
}

TEST_CASE("misuse is said in a sentence", "[pool]") {
  weft::pool pool({.threads = 1});
  auto inside = [](weft::pool& p) -> weft::task<std::string> {
    auto nothing = []() -> weft::task<> { co_return; };
    try {
      p.run(nothing());
    } catch (const weft::misuse& e) { co_return e.what(); }
    co_return "";
  };
  CHECK_THAT(pool.run(inside(pool)), Catch::Contains("co_await the task instead"));
  CHECK_THROWS_AS(weft::pool({.threads = 2, .reserve = 2}), std::invalid_argument);
  CHECK_THROWS_AS(weft::pool({.threads = 5000}), std::invalid_argument);
}

TEST_CASE("an interactive task overtakes what waits", "[pool]") {
  weft::pool pool({.threads = 1});
  std::vector<int> order;
  auto note = [](std::vector<int>& o, int v) -> weft::task<> {
    o.push_back(v);
    co_return;
  };
  auto start = [&](weft::pool& p) -> weft::task<> {
    for (int i = 0; i < 10; ++i) p.spawn(note(order, i), weft::priority::batch);
    p.spawn(note(order, 100), weft::priority::normal);
    p.spawn(note(order, 200), weft::priority::interactive);
    co_return;
  };
  pool.run(start(pool));
  pool.drain();
  REQUIRE(order.size() == 12);
  CHECK(order[0] == 200);
  CHECK(order[1] == 100);
}

TEST_CASE("a reserve worker serves interactive tasks while batch tasks run long", "[pool]") {
  weft::pool pool({.threads = 2, .reserve = 1});
  std::atomic<bool> release{false};
  std::atomic<int> begun{0};
  auto hog = [](std::atomic<bool>& r, std::atomic<int>& b) -> weft::task<> {
    ++b;
    while (!r.load()) std::this_thread::yield();
    co_return;
  };
  pool.spawn(hog(release, begun), weft::priority::batch);
  pool.spawn(hog(release, begun), weft::priority::batch);
  while (begun.load() == 0) std::this_thread::yield();
  auto answer = []() -> weft::task<int> { co_return 42; };
  CHECK(pool.run(answer(), weft::priority::interactive) == 42);
  CHECK(begun.load() == 1);
  release = true;
  pool.drain();  // the tasks look at what ends before the pool
}

TEST_CASE("a task that does not end holds up neither timers nor what its worker had queued", "[pool]") {
  weft::pool pool({.threads = 2});
  auto whole = []() -> weft::task<int> {
    std::atomic<bool> release{false};
    auto hog = [](std::atomic<bool>& r) -> weft::task<int> {
      while (!r.load()) std::this_thread::yield();
      co_return 1;
    };
    auto opens = [](std::atomic<bool>& r) -> weft::task<int> {
      co_await weft::sleep_for(3ms);
      weft::channel<int> c(0);
      auto sends = [](weft::channel<int>& ch) -> weft::task<> { co_await ch.send(5); };
      auto gets = [](weft::channel<int>& ch) -> weft::task<> { co_await ch.receive(); };
      co_await weft::all(sends(c), gets(c));
      r = true;
      co_return 2;
    };
    auto [a, b] = co_await weft::all(hog(release), opens(release));
    co_return a + b;
  };
  for (int i = 0; i < 20; ++i) CHECK(pool.run(whole()) == 3);
}

TEST_CASE("blocking calls run beside the workers", "[pool]") {
  weft::pool pool({.threads = 1, .max_blocking = 4});
  auto calls = []() -> weft::task<int> {
    std::vector<weft::task<int>> tasks;
    auto one = [](int i) -> weft::task<int> {
      auto f = [i] { return i; };
      co_return co_await weft::blocking(f);
    };
    for (int i = 0; i < 100; ++i) tasks.push_back(one(i));
    const std::vector<int> v = co_await weft::all(std::move(tasks));
    bool threw = false;
    try {
      auto bad = []() -> int { throw std::runtime_error("blocked"); };
      co_await weft::blocking(bad);
    } catch (const std::runtime_error&) { threw = true; }
    co_return std::accumulate(v.begin(), v.end(), 0) + (threw ? 1 : 0);
  };
  CHECK(pool.run(calls()) == 4951);
}

TEST_CASE("a stop ends a blocking call that waits for a thread, however early it comes", "[pool]") {
  struct item : weft::detail::work_item {
    item() : work_item{[](work_item* w) { static_cast<item*>(w)->ran = true; }, [](work_item*) {}} {}
    std::atomic<bool> ran{false};
    weft::detail::blocking_place place = weft::detail::blocking_place::nowhere;
  };
  item early, done;
  {
    weft::detail::blocking_threads threads(weft::real_environment(), "b", 1, false);
    CHECK_FALSE(threads.withdraw(&early, early.place));  // before it is submitted
    CHECK_FALSE(threads.submit(&early, early.place));
    CHECK(threads.submit(&done, done.place));
  }
  CHECK_FALSE(early.ran);
  CHECK(done.ran);
  CHECK(done.place == weft::detail::blocking_place::begun);

  // The only thread is taken until all calls are stopped, at any point of their beginning.
  weft::pool pool({.threads = 1, .max_blocking = 1});
  std::latch taken(1), end(1);
  auto holds = [&]() -> weft::task<> {
    auto f = [&] {
      taken.count_down();
      end.wait();
    };
    co_await weft::blocking(f);
  };
  pool.spawn(holds());
  taken.wait();
  for (int i = 0; i < 500; ++i) {
    weft::stop_source source;
    std::latch begins(1);
    auto call = [&]() -> weft::task<> {
      begins.count_down();
      auto f = [] {};
      co_await weft::blocking(f);
    };
    std::jthread stops([&] {
      begins.wait();
      source.request_stop();
    });
    CHECK_THROWS_AS(pool.run(weft::with_stop(source, call())), weft::cancelled);
  }
  end.count_down();
  pool.drain();
}

TEST_CASE("an idle pool uses no processor time, in either mode once it has stopped spinning", "[pool]") {
  for (const weft::idle_mode mode : {weft::idle_mode::polite, weft::idle_mode::latency}) {
    weft::pool pool({.threads = 2, .idle = mode, .spin = 100us});
    std::atomic<int> n{0};
    pool.run(count(n));
    weft::pool clock({.threads = 1});
    auto wait = []() -> weft::task<> { co_await weft::sleep_for(30ms); };
    clock.run(wait());  // the naps of the watching worker end
    const double before = cpu_seconds();
    auto longer = []() -> weft::task<> { co_await weft::sleep_for(300ms); };
    clock.run(longer());
    CHECK(cpu_seconds() - before < 0.03);
  }
}

TEST_CASE("a reserve loses no wake-up of work that it must not take", "[pool]") {
  weft::pool pool({.threads = 2, .reserve = 1});
  std::atomic<int> n{0};
  auto naps = [](std::atomic<int>& k) -> weft::task<> {
    for (int i = 0; i < 40; ++i) {
      co_await weft::sleep_for(std::chrono::microseconds(100 * (i % 30)));  // some longer than the watch's naps
      ++k;
    }
  };
  pool.run(naps(n));
  CHECK(n.load() == 40);
  for (int i = 0; i < 2000; ++i) pool.run(count(n));
  for (int i = 0; i < 200; ++i) pool.run(count(n), weft::priority::interactive);
  CHECK(n.load() == 2240);
}

TEST_CASE("loops of checkpoints let others run: inside, from outside, and more urgent ones", "[pool]") {
  weft::pool pool({.threads = 1});
  std::atomic<bool> end{false};
  auto loops = [](std::atomic<bool>& e) -> weft::task<> {
    while (!e.load()) co_await weft::checkpoint();
  };
  auto ends = [](std::atomic<bool>& e) -> weft::task<> {
    e = true;
    co_return;
  };
  SECTION("two loops and a task from outside") {
    pool.spawn(loops(end));
    pool.spawn(loops(end));
    pool.spawn(ends(end));
  }
  SECTION("batch loops and a normal task of the same worker") {
    auto starts = [](weft::pool& p, weft::task<> other, std::atomic<bool>& e) -> weft::task<> {
      p.spawn(std::move(other), weft::priority::normal);
      while (!e.load()) co_await weft::checkpoint();
    };
    pool.spawn(starts(pool, ends(end), end), weft::priority::batch);
  }
  SECTION("batch loops and a normal task from outside") {
    pool.spawn(loops(end), weft::priority::batch);
    pool.spawn(ends(end));
  }
  pool.drain();
  CHECK(end.load());
}

TEST_CASE("several threads drain at once, and tasks may spawn meanwhile", "[pool]") {
  for (int round = 0; round < 200; ++round) {
    weft::pool pool({.threads = 2});
    std::atomic<int> n{0};
    auto spawns = [](weft::pool& p, std::atomic<int>& k) -> weft::task<> {
      co_await weft::yield();
      p.spawn(count(k));
    };
    for (int i = 0; i < 5; ++i) pool.spawn(spawns(pool, n));
    std::thread other([&] { pool.drain(); });
    CHECK(pool.drain_for(1h));
    other.join();
    CHECK(n.load() == 5);
    CHECK_THROWS_AS(pool.spawn(count(n)), weft::misuse);
  }
}

TEST_CASE("a pool may be destroyed as soon as its last task has told of its end", "[pool]") {
  for (int round = 0; round < 300; ++round) {
    std::atomic<int> n{0};
    auto pool = std::make_unique<weft::pool>(weft::pool_options{.threads = 2});
    std::thread outside([&pool_of = *pool, &n] {
      for (int i = 0; i < 3; ++i) pool_of.spawn(count(n));
    });
    while (n.load() < 3) std::this_thread::yield();
    outside.join();
    pool.reset();
    CHECK(n.load() == 3);
  }
}

TEST_CASE("ending a pool on its own worker is refused, and changes nothing", "[pool]") {
  weft::pool pool({.threads = 1});
  auto inside = [](weft::pool& p) -> weft::task<int> {
    int refused = 0;
    for (int i = 0; i < 3; ++i) {
      try {
        if (i == 0) p.drain();
        if (i == 1) p.cancel();
        if (i == 2) p.drain_for(1s);
      } catch (const weft::misuse&) { ++refused; }
    }
    co_return refused;
  };
  CHECK(pool.run(inside(pool)) == 3);
  CHECK(pool.run(inside(pool)) == 3);
}

TEST_CASE("too many blocking threads are not needed, and threads have names", "[pool]") {
  weft::pool pool({.threads = 1, .name = "shuttle"});
  auto name = []() -> weft::task<std::string> {
    std::string line;
    std::ifstream("/proc/thread-self/comm") >> line;
    co_return line;
  };
  CHECK(pool.run(name()) == "shuttle/0");
  auto blocked = [&]() -> weft::task<std::string> {
    auto f = [] {
      std::string line;
      std::ifstream("/proc/thread-self/comm") >> line;
      return line;
    };
    co_return co_await weft::blocking(f);
  };
  CHECK(pool.run(blocked()) == "shuttle/blockin");
}

TEST_CASE("workers are pinned when asked to be", "[pool]") {
  weft::pool pool({.threads = 2, .pin = true});
  auto cpus = []() -> weft::task<int> {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    co_return CPU_COUNT(&set);
  };
  CHECK(pool.run(cpus()) == 1);
}

TEST_CASE("Ctrl-C stops the tasks of a run, and the handler goes with it", "[pool]") {
  for (int i = 0; i < 3; ++i) {
    auto interrupted = []() -> weft::task<> {
      ::raise(SIGINT);
      co_await weft::sleep_for(24h);
    };
    CHECK_THROWS_AS(weft::run(interrupted()), weft::cancelled);
    struct sigaction now{};
    ::sigaction(SIGINT, nullptr, &now);
    CHECK(now.sa_handler != SIG_IGN);
  }
}

TEST_CASE("a pool that cannot hear Ctrl-C leaves it to the next", "[pool]") {
  struct deaf final : weft::detail::poller::watcher {
    void ready(std::uint32_t) noexcept override {}
  } nobody;
  weft::pool first({.threads = 1}), next({.threads = 1});
  { const weft::stop_on_interrupt makes_the_event(next); }
  // All eventfds of this process are watched already, so that the pool cannot watch the one of Ctrl-C.
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry, gone).string().find("[eventfd]") == std::string::npos) continue;
    try {
      first.core().events().add(std::stoi(entry.path().filename().string()), nobody);
    } catch (const std::system_error&) {}  // its own
  }
  CHECK_THROWS_AS(weft::stop_on_interrupt(first), std::system_error);

  const weft::stop_on_interrupt guard(next);
  auto interrupted = []() -> weft::task<> {
    struct sigaction now{};
    ::sigaction(SIGINT, nullptr, &now);
    if (now.sa_handler == SIG_DFL) throw std::logic_error("nobody hears Ctrl-C");
    ::raise(SIGINT);
    co_await weft::sleep_for(24h);
  };
  CHECK_THROWS_AS(next.run(interrupted()), weft::cancelled);
}

TEST_CASE("a wake source that cannot watch the pool is not attached", "[pool]") {
  struct blind : weft::wake_source {
    void park() noexcept override {}
    bool poll() noexcept override { return false; }
    void interrupt() noexcept override {}
    void watch(int, void (*)(void*) noexcept, void*) override { throw std::runtime_error("blind"); }
  };
  weft::pool pool({.threads = 1});
  auto make = []() -> std::unique_ptr<weft::wake_source> { return std::make_unique<blind>(); };
  CHECK_THROWS_WITH(weft::detail::attach_wake_source(pool.core(), typeid(int), make), "blind");
  CHECK_THROWS_WITH(weft::detail::attach_wake_source(pool.core(), typeid(long), make), "blind");  // and not misuse
  pool.run([]() -> weft::task<> { co_return; }());
}
