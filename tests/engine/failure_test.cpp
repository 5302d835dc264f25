// Failures that come at once: what depends on a failed or cancelled task ends with it, and may be run again.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/seeds.hpp"
#include "weft/client.hpp"
#include "weft/simulation.hpp"
#include "weft/weft.hpp"

using namespace std::chrono_literals;

namespace {

std::atomic<bool> broken;
std::atomic<int> ran;

/// Counts how many there are: in arguments, in values.
struct counted {
  counted() noexcept { ++now; }
  explicit counted(int x) noexcept : value(x) { ++now; }
  counted(const counted& o) noexcept : value(o.value) { ++now; }
  counted& operator=(const counted&) = default;
  ~counted() { --now; }
  friend void weft_encode(weft::encoder& e, const counted& c) { weft::encode(e, c.value); }
  friend counted weft_decode(weft::decoder& d, std::type_identity<counted>) { return counted(weft::decode<int>(d)); }
  int value = 0;
  static inline std::atomic<int> now{0};
};

int inc(int x) { return x + 1; }
int add(int a, int b) { return a + b; }
int blend(int a, int b) { return (3 * a + b) % 10007 + 1; }
int fails_while_broken(int x) {
  if (broken) throw std::runtime_error("broken");
  return x;
}
weft::task<int> sleeps(std::chrono::milliseconds time, int x) {
  co_await weft::sleep_for(time);
  co_return x;
}
weft::task<int> slow(int x) { return sleeps(10ms, x); }
weft::task<int> slow_after(int x, int) { return sleeps(10ms, x); }
int note(int x) {
  ++ran;
  return x;
}
counted add_counted(const counted& a, const counted& b) { return counted(a.value + b.value); }
counted fails_counted(const counted&) { throw std::runtime_error("broken"); }
counted copy_counted(const counted& c) { return c; }
weft::task<counted> slow_counted(counted c) {
  co_await weft::sleep_for(10ms);
  co_return c;
}

/// What came of it: its value, or the number of tasks on the way of its failure, negative; 0 when it was cancelled.
template <class T>
weft::task<int> outcome(weft::future<T> f) {
  try {
    if constexpr (std::is_same_v<T, counted>) {
      const counted& c = co_await f;
      co_return c.value;
    } else {
      co_return co_await f;
    }
  } catch (const weft::task_failed& e) {
    co_return -static_cast<int>(e.path().size());
  } catch (const weft::cancelled&) { co_return 0; }
}

template <class F>
void simulate(F f, std::uint64_t seed = 1) {
  weft::simulation s(seed, {.workers = 2});
  const auto program = [](weft::simulation& sim, F body) -> weft::task<> {
    weft::client c(sim);
    co_await body(c);
    const weft::task_totals t = c.totals();
    CHECK(t.ended <= t.submitted);
  };
  s.run(program(s, f));
}

}  // namespace

TEST_CASE("a task fails when its first input fails, though another runs still") {
  broken = true;
  simulate([](weft::client& c) -> weft::task<> {
    auto sibling = c.submit(slow, 3), source = c.with({.name = "source"}).submit(fails_while_broken, 1);
    auto both = c.submit(add, sibling, source), after = c.submit(add, both, sibling);
    const int first = co_await outcome(after), middle = co_await outcome(both);
    CHECK(first == -3);
    CHECK(middle == -2);
    CHECK_FALSE(sibling.done());
    const weft::task_totals t = c.totals();
    CHECK(t.failed == 3);
    CHECK(t.ended == 3);
    auto late = c.submit(add, sibling, both);  // of what has failed already
    const int third = co_await outcome(late);
    CHECK(third == -3);
    CHECK_FALSE(sibling.done());
    const int value = co_await sibling;
    CHECK(value == 3);
  });
}

TEST_CASE("a task is cancelled when its first input is, though another runs still") {
  simulate([](weft::client& c) -> weft::task<> {
    auto sibling = c.submit(slow, 3), endless = c.submit(sleeps, 24h, 1);
    auto both = c.submit(add, sibling, endless), after = c.submit(inc, both);
    while (endless.status() != weft::task_status::running) co_await weft::yield();
    endless.cancel();
    const int end = co_await outcome(after);
    CHECK(end == 0);
    CHECK(both.status() == weft::task_status::cancelled);
    CHECK_FALSE(sibling.done());
    CHECK(c.totals().cancelled == 3);
    const int value = co_await sibling;
    CHECK(value == 3);
  });
}

TEST_CASE("observers hear of tasks that fail before they begin, once") {
  struct : weft::task_observer {
    void on(const weft::task_event& e) noexcept override {
      if (e.what == weft::task_event::step::started) ++started;
      if (e.what == weft::task_event::step::failed) ++failed;
      if (e.what == weft::task_event::step::cancelled) ++cancelled;
    }
    int started = 0, failed = 0, cancelled = 0;
  } seen;
  broken = true;
  simulate([&](weft::client& c) -> weft::task<> {
    auto watching = c.observe(seen);
    auto sibling = c.submit(slow, 3), source = c.submit(fails_while_broken, 1);
    auto both = c.submit(add, sibling, source), after = c.submit(inc, both);
    const int end = co_await outcome(after), value = co_await sibling;
    CHECK(end == -3);
    CHECK(value == 3);
  });
  CHECK(seen.started == 2);
  CHECK(seen.failed == 3);
  CHECK(seen.cancelled == 0);
}

TEST_CASE("a chain of 100,000 tasks fails at once, without a deep stack") {
  static constexpr int n = 100'000;
  broken = true;
  simulate([](weft::client& c) -> weft::task<> {
    auto sibling = c.submit(slow, 3);
    auto x = c.submit(fails_while_broken, 0);
    for (int i = 1; i < n; ++i) x = c.submit(add, std::move(x), sibling);
    const int end = co_await outcome(x);
    CHECK(end == -n);
    CHECK_FALSE(sibling.done());
    CHECK(c.totals().failed == n);
    broken = false;
    c.retry(x);
    const int value = co_await x;
    CHECK(value == 3 * (n - 1));
    CHECK(sibling.done());
  });
}

TEST_CASE("a diamond fails once, by the way that came first") {
  broken = true;
  simulate([](weft::client& c) -> weft::task<> {
    auto sibling = c.submit(slow, 3), source = c.submit(fails_while_broken, 1);
    auto left = c.submit(add, source, sibling), right = c.submit(add, sibling, source);
    auto join = c.submit(add, left, right), both_ways = c.submit(add, join, join);
    const int end = co_await outcome(both_ways);
    CHECK(end == -4);
    CHECK_FALSE(sibling.done());
    CHECK(c.totals().failed == 5);
    broken = false;
    c.retry(both_ways);
    const int value = co_await both_ways;
    CHECK(value == 16);
    const weft::task_totals t = c.totals();
    CHECK(t.submitted == t.ended);
  });
}

TEST_CASE("an input that only failed tasks wanted, and that has not begun, is cancelled; a retry brings it back") {
  broken = true;
  ran = 0;
  simulate([](weft::client& c) -> weft::task<> {
    auto gate = c.submit(slow, 5);
    auto source = c.submit(fails_while_broken, 1);
    weft::future<int> join;
    {
      auto behind = c.submit(note, c.submit(note, gate));
      auto left = c.submit(add, source, behind), right = c.submit(add, behind, source);
      join = c.submit(add, left, right);
    }
    const int end = co_await outcome(join);
    CHECK(end == -3);
    CHECK(c.totals().cancelled == 2);
    const int opened = co_await gate;
    CHECK(opened == 5);
    co_await weft::sleep_for(1ms);
    CHECK(ran == 0);
    broken = false;
    c.retry(join);
    const int value = co_await join;
    CHECK(value == 12);
    CHECK(ran == 2);
  });
}

TEST_CASE("one that runs is not stopped while the failed task may be run again") {
  broken = true;
  simulate([](weft::client& c) -> weft::task<> {
    auto source = c.submit(fails_while_broken, 1);
    auto sibling = c.submit(slow, 3);
    while (sibling.status() != weft::task_status::running) co_await weft::yield();
    auto both = c.submit(add, std::move(sibling), source);
    while (c.totals().failed < 2) co_await weft::yield();
    CHECK(both.status() == weft::task_status::failed);
    CHECK(c.totals().ended == 2);
    co_await weft::sleep_for(20ms);
    CHECK(c.totals().ended == 3);
    CHECK(c.totals().cancelled == 0);
    broken = false;
    c.retry(both);
    const int value = co_await both;
    CHECK(value == 4);
  });
}

TEST_CASE("a retry while a slow input runs still waits for it, and counts it once") {
  broken = true;
  simulate([](weft::client& c) -> weft::task<> {
    auto sibling = c.submit(slow, 3), source = c.submit(fails_while_broken, 1);
    auto both = c.submit(add, sibling, source), after = c.submit(add, both, sibling);
    const int first = co_await outcome(after);
    CHECK(first == -3);
    c.retry(after);  // it fails again
    CHECK(after.status() == weft::task_status::pending);
    const int again = co_await outcome(after);
    CHECK(again == -3);
    broken = false;
    c.retry(after);
    const int value = co_await after;
    CHECK(value == 7);
    CHECK(sibling.done());
    const weft::task_totals t = c.totals();
    CHECK(t.submitted == t.ended);
    CHECK(t.cancelled == 0);
  });
}

TEST_CASE("what is to be run again, and waits for that, may be cancelled") {
  broken = true;
  simulate([](weft::client& c) -> weft::task<> {
    auto sibling = c.submit(slow, 3), source = c.submit(fails_while_broken, 1);
    auto both = c.submit(add, sibling, source), after = c.submit(inc, both);
    const int first = co_await outcome(after);
    CHECK(first == -3);
    c.retry(after);
    both.cancel();
    const int end = co_await outcome(after);
    CHECK(end == 0);
    CHECK_FALSE(sibling.done());
    c.retry(after);  // does nothing
    const int value = co_await sibling;
    CHECK(value == 3);
  });
}

TEST_CASE("a value that was moved away is missed by a retry of who had given it up") {
  broken = true;
  simulate([](weft::client& c) -> weft::task<> {
    auto boxed = c.submit(
        [](int x) -> weft::task<std::unique_ptr<int>> {
          co_await weft::sleep_for(1ms);
          co_return std::make_unique<int>(x);
        },
        3);
    auto source = c.submit(fails_while_broken, 1);
    auto both = c.submit([](const std::unique_ptr<int>& a, int b) { return *a + b; }, boxed, source);
    const int end = co_await outcome(both);
    CHECK(end == -2);
    const std::unique_ptr<int> value = co_await std::move(boxed);
    CHECK(*value == 3);
    broken = false;
    CHECK_THROWS_WITH(c.retry(both), Catch::Contains("has moved its value away"));
    CHECK(both.status() == weft::task_status::failed);
  });
}

TEST_CASE("a limit of time, resources and a little memory leave nothing behind when an input fails") {
  broken = true;
  weft::simulation s(1, {.workers = 2});
  const auto program = [](weft::simulation& sim) -> weft::task<> {
    weft::client_options options;
    options.resources = "gpu=1";
    weft::client c(sim, options);
    auto sibling = c.submit(slow, 3), source = c.submit(fails_while_broken, 1);
    auto both = c.with({.time_limit = 1min, .resources = "gpu=1"}).submit(add, sibling, source);
    const int end = co_await outcome(both);
    CHECK(end == -2);
    broken = false;
    c.retry(both);
    const int other = co_await c.with({.resources = "gpu=1"}).submit(inc, 1), value = co_await both;
    CHECK(other == 2);
    CHECK(value == 4);
  };
  s.run(program(s));
  CHECK(s.elapsed() < 1min);
}

TEST_CASE("arguments and values of tasks that failed at once go with their futures") {
  counted::now = 0;
  for (const bool wait : {false, true})
    simulate([wait](weft::client& c) -> weft::task<> {
      {
        auto sibling = c.submit(slow_counted, counted(1));
        auto source = c.submit(fails_counted, counted(2));
        auto both = c.submit(add_counted, sibling, source);
        for (int i = 0; i < 100; ++i) both = c.submit(add_counted, std::move(both), c.submit(copy_counted, sibling));
        const int end = co_await outcome(both);
        CHECK(end == -102);
        if (wait) c.retry(both);
        if (wait) static_cast<void>(co_await outcome(both));
      }
      co_await weft::sleep_for(20ms);
      CHECK(counted::now == 0);
    });
  CHECK(counted::now == 0);
}

TEST_CASE("failures and cancellations race on threads") {
  counted::now = 0;
  const int rounds = 300;
  for (int round = 0; round < rounds; ++round) {
    weft::pool pool({.threads = 2});
    weft::client c(pool);
    static std::atomic<bool> go;
    go = false;
    const auto gate = [](const counted& x) -> weft::task<counted> {
      while (!go) co_await weft::yield();
      if (x.value < 0) throw std::runtime_error("as planned");
      co_return x;
    };
    std::vector<weft::future<counted>> all;
    auto bad = c.submit(gate, counted(-1)), good = c.submit(gate, counted(1));
    for (int i = 0; i < 30; ++i) {
      all.push_back(c.submit(add_counted, i % 3 ? all.back() : bad, i % 2 ? good : bad));
      if (i % 5 == 0) all.push_back(c.submit(copy_counted, good));
    }
    std::thread other([&] {
      go = true;
      for (std::size_t i = 0; i < all.size(); i += 3) all[i].cancel();
      for (std::size_t i = 1; i < all.size(); i += 3) all[i] = {};
    });
    other.join();
    const auto rest = [](weft::client& on, std::vector<weft::future<counted>> futures) -> weft::task<> {
      for (auto& f : futures) {
        if (!f.valid()) continue;
        static_cast<void>(co_await outcome(f));
        on.retry(f);
        static_cast<void>(co_await outcome(f));
      }
    };
    pool.run(rest(c, std::move(all)));
    bad = {};
    good = {};
    pool.drain();
    const weft::task_totals t = c.totals();
    CHECK(t.submitted == t.ended);
  }
  CHECK(counted::now == 0);
}

TEST_CASE("a retry races with the end of the input that runs still") {
  weft::pool pool({.threads = 2});
  weft::client c(pool);
  static std::atomic<bool> go;
  const auto gate = []() -> weft::task<int> {
    while (!go) co_await weft::yield();
    co_return 3;
  };
  const auto wait = [](weft::future<int> f) -> weft::task<int> { co_return co_await outcome(std::move(f)); };
  for (int round = 0; round < 1000; ++round) {
    broken = true;
    go = false;
    auto sibling = c.submit(gate), source = c.submit(fails_while_broken, 1);
    auto behind = c.submit(inc, c.submit(inc, sibling));
    auto both = c.submit(add, c.submit(add, sibling, source), behind);
    behind = {};
    REQUIRE(pool.run(wait(both)) == -3);
    broken = false;
    std::thread other([] { go = true; });
    c.retry(both);
    REQUIRE(pool.run(wait(both)) == 9);
    other.join();
  }
  pool.drain();
  const weft::task_totals t = c.totals();
  CHECK(t.submitted == t.ended);
}

namespace {

/// A random graph in which sources fail for a while; then those that failed are run again, at once or later.
weft::task<> failing_graph(weft::simulation& s) {
  weft::client c(s);
  broken = true;
  std::vector<weft::future<int>> nodes;
  std::vector<int> expected;
  std::vector<bool> fails;
  const auto take = [&](int value, bool failing, weft::future<int> f) {
    nodes.push_back(std::move(f));
    expected.push_back(value);
    fails.push_back(failing);
  };
  const std::size_t count = 6 + s.random() % 30;
  for (std::size_t i = 0; i < count; ++i) {
    const int x = static_cast<int>(1 + s.random() % 100);
    const std::size_t a = nodes.empty() ? 0 : s.random() % nodes.size();
    const std::size_t b = nodes.empty() ? 0 : s.random() % nodes.size();
    switch (nodes.empty() ? 0 : s.random() % 6) {
      case 0:
        take(x, true, c.submit(fails_while_broken, x));
        break;
      case 1:
        take(x, false, c.submit(sleeps, std::chrono::milliseconds(s.random() % 5), x));
        break;
      case 2:
        take(expected[a], fails[a] || fails[b], c.submit(slow_after, nodes[a], nodes[b]));
        break;
      default:
        take(blend(expected[a], expected[b]), fails[a] || fails[b], c.submit(blend, nodes[a], nodes[b]));
    }
    if (s.random() % 8 == 0) co_await weft::yield();
  }
  std::set<std::size_t> kept;
  for (std::size_t i = 0; i < count; ++i)
    if (s.random() % 2)
      nodes[i] = {};
    else
      kept.insert(i);
  for (int round = 0; round < 3; ++round) {
    if (round == 1) broken = s.random() % 2;
    if (round == 2) broken = false;
    for (const std::size_t i : kept) {
      if (s.random() % 4 == 0) continue;
      const int value = co_await outcome(nodes[i]);
      REQUIRE(value != 0);
      if (value < 0) {
        REQUIRE(fails[i]);
        c.retry(nodes[i]);
        if (s.random() % 2) co_await weft::yield();
      }
    }
  }
  for (const std::size_t i : kept) {
    if (co_await outcome(nodes[i]) < 0) c.retry(nodes[i]);
    const int value = co_await outcome(nodes[i]);
    if (value != expected[i]) FAIL("task " << i << " gives " << value << " for " << expected[i]);
  }
}

}  // namespace

TEST_CASE("random graphs that fail at once and are run again give right values in every order", "[seeds]") {
  for (const std::uint64_t seed : weft::test::seed_range(3000)) {
    INFO("seed " << seed << " (replay: WEFT_SEED=" << seed << ")");
    weft::simulation s(seed, {.workers = 3});
    s.run(failing_graph(s));
  }
}
