// Tasks and what combines them.
#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "env/machine_memory.hpp"
#include "support/sanitized.hpp"
#include "weft/simulation.hpp"
#include "weft/weft.hpp"

namespace {

using namespace std::chrono_literals;

#ifdef NDEBUG
constexpr bool optimised = true;
#else
constexpr bool optimised = false;
#endif
/// What is checked is the stack and the memory, which show as well with fewer.
constexpr int scale = weft::test::sanitized || !optimised ? 10 : 1;

weft::task<int> value(int v) { co_return v; }
weft::task<int> later(int v, std::chrono::nanoseconds t = 1us) {
  co_await weft::sleep_for(t);
  co_return v;
}
weft::task<int> fail(const char* what) {
  co_await weft::yield();
  throw std::runtime_error(what);
}
weft::task<int> for_ever(std::atomic<int>& cancelled, weft::event* begun = nullptr) {
  if (begun) begun->set();
  try {
    co_await weft::sleep_for(24h);
  } catch (const weft::cancelled&) {
    ++cancelled;
    throw;
  }
  co_return 0;
}
weft::task<> nothing_much() { co_return; }

struct counted {
  explicit counted(int& n) : alive(&n) { ++*alive; }
  counted(const counted& o) : alive(o.alive) { ++*alive; }
  ~counted() { --*alive; }
  int* alive;
};

weft::task<long> fib(int n) {
  if (n < 2) co_return n;
  auto [a, b] = co_await weft::all(fib(n - 1), fib(n - 2));
  co_return a + b;
}

weft::task<int> nest(int depth) {
  if (depth == 0) co_return 0;
  auto [below, one] = co_await weft::all(nest(depth - 1), value(1));
  co_return below + one;
}

}  // namespace

TEST_CASE("a task gives its value, whatever its kind", "[task]") {
  CHECK(weft::run(value(3)) == 3);
  weft::run(nothing_much());
  CHECK(*weft::run([]() -> weft::task<std::unique_ptr<int>> { co_return std::make_unique<int>(4); }()) == 4);
  int n = 5;
  auto reference = [](int& r) -> weft::task<int&> { co_return r; };
  CHECK(&weft::run(reference(n)) == &n);
  CHECK_THROWS_WITH(weft::run(fail("thrown")), "thrown");
}

TEST_CASE("a task that never began is destroyed with its parameters", "[task]") {
  int alive = 0;
  {
    auto f = [](counted c) -> weft::task<> {
      static_cast<void>(c);
      co_return;
    };
    auto t = f(counted(alive));
    CHECK(alive == 1);
    auto moved = std::move(t);
    CHECK(alive == 1);
  }
  CHECK(alive == 0);
}

TEST_CASE("a long loop of awaits, deep nesting and many live tasks need no stack", "[task]") {
  auto loop = [](int n) -> weft::task<long> {
    long sum = 0;
    for (int i = 0; i < n; ++i) sum += co_await value(1);
    co_return sum;
  };
  CHECK(weft::run(loop(10'000'000 / scale)) == 10'000'000 / scale);
  CHECK(weft::run(nest(100'000)) == 100'000);
  auto many = [](std::size_t n) -> weft::task<std::size_t> {
    std::vector<weft::task<int>> tasks;
    for (std::size_t i = 0; i < n; ++i) tasks.push_back(value(static_cast<int>(i % 7)));
    const std::vector<int> v = co_await weft::all(std::move(tasks));
    co_return v.size();
  };
  CHECK(weft::run(many(1'000'000 / scale)) == 1'000'000 / scale);
}

TEST_CASE("a task that lives takes a few hundred bytes", "[task]") {
  constexpr int n = 1'000'000 / scale;
  weft::pool pool({.threads = 1});
  std::uint64_t before = 0, after = 0;
  int done = 0;
  auto waits = [](weft::event& e, int& count) -> weft::task<> {
    co_await e.wait();
    ++count;
  };
  auto all_of_them = [&](weft::nursery& scope) -> weft::task<> {
    weft::event e;
    scope.spawn(waits(e, done));
    before = weft::detail::resident_memory();
    for (int i = 1; i < n; ++i) {
      scope.spawn(waits(e, done));
      if (i % 1000 == 0) co_await weft::yield();  // they begin, and wait
    }
    co_await weft::yield();
    after = weft::detail::resident_memory();
    e.set();
    while (done < n) co_await weft::yield();
  };
  pool.run(weft::scope(all_of_them));
  CHECK(done == n);
  const auto each = static_cast<double>(after - before) / n;
  INFO(each << " bytes a task");
  if (!weft::test::sanitized) CHECK(each < 400);
  if (!weft::test::sanitized) CHECK(each > 64);  // they were all there
}

TEST_CASE("all: results in order, nothing for void", "[all]") {
  CHECK(weft::run(fib(20)) == 6765);
  auto mixed = []() -> weft::task<int> {
    auto [a, none, s] = co_await weft::all(later(1), nothing_much(),
                                           []() -> weft::task<std::string> { co_return std::string(100, 'x'); }());
    static_assert(std::is_same_v<decltype(none), weft::nothing>);
    co_await weft::all(nothing_much(), nothing_much());
    std::vector<weft::task<int>> none_at_all;
    const auto empty = co_await weft::all(std::move(none_at_all));
    co_return a + static_cast<int>(s.size()) + static_cast<int>(empty.size());
  };
  CHECK(weft::run(mixed()) == 101);
}

TEST_CASE("all: the first failure cancels the others, which are awaited", "[all]") {
  std::atomic<int> cancelled{0};
  auto three = [](std::atomic<int>& c) -> weft::task<> {
    co_await weft::all(for_ever(c), fail("first"), for_ever(c));
  };
  for (int i = 0; i < 50; ++i) {
    cancelled = 0;
    CHECK_THROWS_WITH(weft::run(three(cancelled)), "first");
    CHECK(cancelled.load() <= 2);  // one that had not begun does not begin
  }
  int begun = 0;
  auto unbegun = [](int& n) -> weft::task<> {
    auto throws = []() -> weft::task<> {
      throw std::runtime_error("at once");
      co_return;
    };
    auto counts = [](int& k) -> weft::task<> {
      ++k;
      co_return;
    };
    co_await weft::all(throws(), counts(n));
  };
  CHECK_THROWS_WITH(weft::run(unbegun(begun), {.threads = 1}), "at once");
  CHECK(begun == 0);
}

TEST_CASE("any: the first value wins, losers are cancelled and awaited", "[any]") {
  std::atomic<int> cancelled{0};
  auto race = [](std::atomic<int>& c) -> weft::task<std::size_t> {
    const weft::winner<int> w = co_await weft::any(for_ever(c), later(7), fail("ignored"));
    CHECK(w.value == 7);
    co_return w.index;
  };
  CHECK(weft::run(race(cancelled)) == 1);
  auto none = []() -> weft::task<> { co_await weft::any(fail("a"), fail("a")); };
  CHECK_THROWS_WITH(weft::run(none()), "a");
  auto kinds = []() -> weft::task<std::string> {
    auto text = []() -> weft::task<std::string> { co_return "text"; };
    std::atomic<int> c{0};
    const auto v = co_await weft::any(for_ever(c), text());
    co_return std::get<1>(v);
  };
  CHECK(weft::run(kinds()) == "text");
  auto nobody = []() -> weft::task<> {
    std::vector<weft::task<int>> empty;
    co_await weft::any(std::move(empty));
  };
  CHECK_THROWS_AS(weft::run(nobody()), weft::misuse);
}

TEST_CASE("timeout: over, not over, and failing otherwise", "[timeout]") {
  std::atomic<int> cancelled{0};
  auto over = [](std::atomic<int>& c) -> weft::task<int> { co_return co_await weft::timeout(1ms, for_ever(c)); };
  // In simulated time: on a busy machine a millisecond may pass before the task begins, and then it does not begin.
  CHECK_THROWS_AS(weft::simulation(1).run(over(cancelled)), weft::timed_out);
  CHECK(cancelled.load() == 1);
  auto in_time = []() -> weft::task<int> { co_return co_await weft::timeout(1h, value(3)); };
  CHECK(weft::run(in_time()) == 3);
  auto failing = []() -> weft::task<int> { co_return co_await weft::timeout(1h, fail("other")); };
  CHECK_THROWS_WITH(weft::run(failing()), "other");
  auto nested = [](std::atomic<int>& c) -> weft::task<std::string> {
    auto inner = [](std::atomic<int>& k) -> weft::task<int> { co_return co_await weft::timeout(1h, for_ever(k)); };
    try {
      co_await weft::timeout(1ms, inner(c));
    } catch (const weft::timed_out&) { co_return "outer"; }
    co_return "none";
  };
  CHECK(weft::simulation(2).run(nested(cancelled)) == "outer");
  CHECK(cancelled.load() == 2);
}

TEST_CASE("a stop reaches computations at their checkpoints and before new forks", "[stop]") {
  auto spin = []() -> weft::task<> {
    for (;;) co_await weft::checkpoint();
  };
  auto limited = [&]() -> weft::task<bool> {
    try {
      co_await weft::timeout(1ms, spin());
    } catch (const weft::timed_out&) { co_return true; }
    co_return false;
  };
  CHECK(weft::run(limited()));
  auto forks = []() -> weft::task<bool> {
    try {
      co_await weft::timeout(2ms, fib(60));  // days of work, no checkpoint of its own
    } catch (const weft::timed_out&) { co_return true; }
    co_return false;
  };
  CHECK(weft::run(forks()));
}

TEST_CASE("with_stop, shield and stop_requested", "[stop]") {
  weft::stop_source source;
  std::atomic<int> cancelled{0};
  weft::pool pool({.threads = 2});
  auto outer = [](weft::stop_source s, std::atomic<int>& c) -> weft::task<bool> {
    weft::event begun;
    auto stopper = [](weft::stop_source k, weft::event& e) -> weft::task<> {
      co_await e.wait();
      k.request_stop();
    };
    auto r = weft::as_result(weft::with_stop(s, for_ever(c)));
    static_cast<void>(r);
    auto [done, none] = co_await weft::all(
        [](weft::task<int> t) -> weft::task<bool> {
          auto result = co_await weft::as_result(std::move(t));
          co_return result.was_cancelled();
        }(weft::with_stop(s, for_ever(c, &begun))),
        stopper(s, begun));
    co_return done;
  };
  CHECK(pool.run(outer(source, cancelled)));
  CHECK(cancelled.load() == 1);
  CHECK_FALSE(source.request_stop());

  auto protects = []() -> weft::task<int> {
    auto inside = []() -> weft::task<int> {
      try {
        co_await weft::sleep_for(24h);
      } catch (const weft::cancelled&) {}
      const bool stopped = co_await weft::stop_requested();
      CHECK(stopped);
      co_return co_await weft::shield(later(9));
    };
    co_return co_await weft::timeout(1ms, inside());
  };
  CHECK(weft::simulation(3).run(protects()) == 9);
}

TEST_CASE("scope: children of children, failure, stop", "[scope]") {
  struct tree {
    static weft::task<> grow(weft::nursery& n, std::atomic<int>& leaves, int depth) {
      if (depth == 0) {
        ++leaves;
        co_return;
      }
      n.spawn(grow(n, leaves, depth - 1));
      n.spawn(grow(n, leaves, depth - 1));
      co_await weft::checkpoint();
    }
  };
  std::atomic<int> leaves{0};
  auto whole = [](std::atomic<int>& l) -> weft::task<> { co_await weft::scope(&tree::grow, std::ref(l), 10); };
  weft::run(whole(leaves));
  CHECK(leaves.load() == 1024);

  std::atomic<int> cancelled{0};
  auto body = [](weft::nursery& n, std::atomic<int>& c) -> weft::task<int> {
    auto drop = [](weft::task<int> t) -> weft::task<> { co_await std::move(t); };
    n.spawn(drop(for_ever(c)));
    n.spawn(drop(fail("child")));
    co_return co_await for_ever(c);
  };
  auto failing = [&]() -> weft::task<int> { co_return co_await weft::scope(body, std::ref(cancelled)); };
  CHECK_THROWS_WITH(weft::run(failing()), "child");
  auto stopping = [](weft::nursery& n, std::atomic<int>& c) -> weft::task<int> {
    auto drop = [](weft::task<int> t) -> weft::task<> { co_await std::move(t); };
    n.spawn(drop(for_ever(c)));
    n.request_stop();
    co_return 5;
  };
  auto stopped = [&]() -> weft::task<int> { co_return co_await weft::scope(stopping, std::ref(cancelled)); };
  CHECK(weft::run(stopped()) == 5);
}

TEST_CASE("scope: cut off from outside it is cancelled, stopped by itself it is not", "[scope]") {
  auto body = [](weft::nursery& n) -> weft::task<int> {
    auto sleeps = []() -> weft::task<> { co_await weft::sleep_for(24h); };
    n.spawn(sleeps());
    co_return 5;
  };
  auto outside = [&]() -> weft::task<int> { co_return co_await weft::timeout(1ms, weft::scope(body)); };
  CHECK_THROWS_AS(weft::run(outside()), weft::timed_out);
  auto stops = [](weft::nursery& n) -> weft::task<int> {
    auto sleeps = []() -> weft::task<> { co_await weft::sleep_for(24h); };
    n.spawn(sleeps());
    n.request_stop();
    co_return 6;
  };
  auto inside = [&]() -> weft::task<int> { co_return co_await weft::scope(stops); };
  CHECK(weft::run(inside()) == 6);
}

TEST_CASE("a range of tasks that throws half way drops none of them", "[all]") {
  int alive = 0;
  auto make = [&alive](int i) {
    if (i == 5) throw std::runtime_error("no task for five");
    auto holds = [](counted) -> weft::task<int> { co_return 1; };
    return holds(counted(alive));
  };
  const std::vector<int> ids{1, 2, 3, 4, 5, 6};
  auto whole = [&](bool race) -> weft::task<> {
    auto tasks = ids | std::views::transform(make);
    if (race)
      co_await weft::any(std::move(tasks));
    else
      co_await weft::all(std::move(tasks));
  };
  CHECK_THROWS_WITH(weft::run(whole(false)), "no task for five");
  CHECK_THROWS_WITH(weft::run(whole(true)), "no task for five");
  CHECK(alive == 0);
}

TEST_CASE("combinators nest, and run by themselves", "[all]") {
  auto nested = []() -> weft::task<int> {
    auto [a, b] = co_await weft::all(weft::timeout(1h, value(1)), weft::any(value(2), later(3, 1h)));
    auto [c] = co_await weft::all(weft::shield(value(4)));
    auto r = co_await weft::as_result(weft::timeout(1ms, weft::all(later(1, 1h), value(2))));
    co_return a + b.value + c + (r.was_cancelled() || r.ok() ? 100 : 0);
  };
  CHECK(weft::run(nested()) == 7);
  weft::pool pool({.threads = 2});
  auto [x, y] = pool.run(weft::all(value(1), value(2)));
  CHECK(x + y == 3);
  CHECK(weft::run(weft::timeout(1h, value(5))) == 5);
  pool.run(weft::all(nothing_much(), nothing_much()));
  weft::stop_source source;
  source.request_stop();
  CHECK_THROWS_AS(pool.run(weft::with_stop(source, weft::all(later(1, 1h), value(2)))), weft::cancelled);
  static_cast<void>(weft::all(weft::timeout(1h, value(1)), value(2)));  // never awaited

  auto operations = []() -> weft::task<int> {
    weft::channel<int> full(1), empty(1);
    co_await full.send(7);
    auto [sent, got, none] = co_await weft::all(empty.send(8), full.receive(), weft::sleep_for(1us));
    static_cast<void>(none);
    auto first = co_await weft::any(full.receive(), empty.receive());
    int late = 0;
    try {
      co_await weft::timeout(1ms, full.receive());
    } catch (const weft::timed_out&) { late = 1; }
    weft::mutex m;
    auto held = co_await weft::as_result(m.lock());
    auto f = [] { return 3; };
    const int blocked = co_await weft::shield(weft::blocking(f));
    co_return (sent ? 1 : 0) + *got + *first.value + static_cast<int>(first.index) + late + (held.ok() ? 1 : 0) +
        blocked;
  };
  CHECK(weft::run(operations()) == 1 + 7 + 8 + 1 + 1 + 1 + 3);
  std::atomic<int> spawned{0};
  auto counts = [](std::atomic<int>& n) -> weft::task<> {
    ++n;
    co_return;
  };
  pool.spawn(weft::all(counts(spawned), counts(spawned)));
  auto in_scope = [&](weft::nursery& n) -> weft::task<> {
    n.spawn(weft::timeout(1h, counts(spawned)));
    co_return;
  };
  pool.run(weft::scope(in_scope));
  pool.drain();
  CHECK(spawned.load() == 3);
}

TEST_CASE("map: bounded in flight, in order, failing", "[map]") {
  std::atomic<int> now{0}, most{0};
  std::vector<int> in(100);
  for (int i = 0; i < 100; ++i) in[static_cast<std::size_t>(i)] = i;
  auto work = [&](int i) -> weft::task<int> {
    const int n = ++now;
    int seen = most.load();
    while (n > seen && !most.compare_exchange_weak(seen, n)) {}
    co_await weft::yield();
    --now;
    co_return i * 2;
  };
  auto mapped = [&]() -> weft::task<std::vector<int>> { co_return co_await weft::map(in, work, weft::in_flight(5)); };
  const std::vector<int> out = weft::run(mapped());
  REQUIRE(out.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(out[static_cast<std::size_t>(i)] == 2 * i);
  CHECK(most.load() <= 5);
  auto plain = [&]() -> weft::task<int> {
    auto half = [](int i) { return i / 2; };
    const auto v = co_await weft::map(in, half);
    std::atomic<int> calls{0};
    auto count = [&calls](int) { ++calls; };
    co_await weft::map(in, count);
    co_return v.back() + calls.load();
  };
  CHECK(weft::run(plain()) == 149);
  auto failing = [&]() -> weft::task<> {
    auto bad = [](int i) -> weft::task<int> { return i == 40 ? fail("forty") : value(i); };
    co_await weft::map(in, bad, weft::in_flight(3));
  };
  CHECK_THROWS_WITH(weft::run(failing()), "forty");
}

TEST_CASE("a foreign awaitable resumes the task on its pool", "[task]") {
  struct elsewhere {
    std::thread& t;
    std::atomic<bool>& stored;  // before the task goes on, and the thread is joined
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> h) {
      std::atomic<bool>& stored_in = stored;
      t = std::thread([h, &stored_in] {
        while (!stored_in.load()) std::this_thread::yield();
        h.resume();
      });
      stored_in = true;
    }
    int await_resume() const { return 6; }
  };
  std::thread t;
  std::atomic<bool> stored{false};
  weft::pool pool({.threads = 2});
  auto hop = [](std::thread& where, std::atomic<bool>& there, weft::pool& p) -> weft::task<bool> {
    const int six = co_await elsewhere{where, there};
    co_return six == 6 && weft::detail::current_pool() == &p.core();
  };
  CHECK(pool.run(hop(t, stored, pool)));
  t.join();
}
