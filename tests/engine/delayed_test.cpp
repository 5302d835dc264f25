// Graphs that are described first and computed later: what runs, how often, in which order, and how it ends.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/engine.hpp"
#include "support/sanitized.hpp"
#include "weft/delayed.hpp"
#include "weft/simulation.hpp"
#include "weft/weft.hpp"

using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

int inc(int x) { return x + 1; }
int add(int a, int b) { return a + b; }
double half(double x) { return x / 2; }
std::string join(std::string_view a, const std::string& b) { return std::string(a) + b; }
int sum(const std::vector<int>& all) { return std::accumulate(all.begin(), all.end(), 0); }
int sum_in_place(weft::values<int> all) { return std::accumulate(all.begin(), all.end(), 0); }
std::unique_ptr<int> boxed(int x) { return std::make_unique<int>(x); }
int unboxed(const std::unique_ptr<int>& x) { return *x; }
int taken(std::unique_ptr<int> x) { return *x; }
weft::task<int> later(int x) {
  co_await weft::yield();
  co_return x + 1;
}
weft::task<int> through(weft::client& c, int x) { co_return co_await c.submit(inc, x); }
void nothing() {}
weft::task<int> endless(int x) {
  co_await weft::sleep_for(24h);
  co_return x;
}
struct plus {
  int more;
  int operator()(int x) const { return x + more; }
};

/// Runs f(client&, arguments...) on a pool of its own.
template <class F, class... A>
auto on_client(unsigned threads, F f, A... arguments) {
  weft::pool pool({.threads = threads});
  weft::client c(pool);
  return pool.run(f(c, arguments...));
}

/// Awaits it from outside the pool.
int value_of(weft::pool& pool, weft::future<int> f) {
  return pool.run([](weft::future<int> x) -> weft::task<int> { co_return co_await x; }(std::move(f)));
}

/// How many tasks the engine of a future was given.
template <class T>
std::uint64_t tasks_of(const weft::future<T>& f) {
  return f.get_node()->home->count().submitted;
}

weft::lazy<int> chain(weft::lazy<int> x, int links) {
  for (int i = 0; i < links; ++i) x = weft::delayed(inc, std::move(x));
  return x;
}

}  // namespace

TEST_CASE("a lazy call takes values, lazies, futures and vectors of them, and runs when it is computed") {
  static std::atomic<int> ran;
  ran = 0;
  on_client(2, [](weft::client& c) -> weft::task<> {
    auto counted = weft::delayed([](int x) { return ++ran + x; }, 10);
    static_assert(std::is_same_v<decltype(counted), weft::lazy<int>>);
    CHECK(ran == 0);
    const int eleven = co_await c.compute(counted);
    CHECK(eleven == 11);
    const int again = co_await c.compute(counted);  // computed anew
    CHECK(again == 12);

    const int both = co_await c.compute(weft::delayed(add, weft::delayed(inc, 1), c.submit(inc, 2)));
    CHECK(both == 5);
    auto one = weft::delayed(inc, 0);
    const int twice = co_await c.compute(weft::delayed(add, one, one));
    CHECK(twice == 2);
    const double halved = co_await c.compute(weft::delayed(half, one));
    CHECK(halved == 0.5);
    const std::string text = co_await c.compute(weft::delayed(join, "a", weft::delayed(join, "b", "c")));
    CHECK(text == "abc");
    const int lifted = co_await c.compute(weft::delayed(plus{5}, one));
    CHECK(lifted == 6);
    const int product = co_await c.compute(weft::delayed([](auto x, auto y) { return x * y; }, one, 7));
    CHECK(product == 7);

    std::vector<weft::lazy<int>> parts;
    for (int i = 0; i < 10; ++i) parts.push_back(weft::delayed(inc, i));
    std::vector<weft::future<int>> futures = c.compute(parts);
    const int copied = co_await c.compute(weft::delayed(sum, parts));
    const int in_place = co_await c.compute(weft::delayed(sum_in_place, std::move(parts)));
    const int of_futures = co_await c.compute(weft::delayed(sum_in_place, futures));
    CHECK(copied == 55);
    CHECK(in_place == 55);
    CHECK(of_futures == 55);
    const int none = co_await c.compute(weft::delayed(sum, std::vector<weft::lazy<int>>{}));
    CHECK(none == 0);

    const int unboxing = co_await c.compute(weft::delayed(unboxed, weft::delayed(boxed, 3)));
    CHECK(unboxing == 3);
    auto with_box = weft::delayed(taken, std::make_unique<int>(4));
    const int first = co_await c.compute(with_box);  // copied, since it may be computed again
    const int last = co_await c.compute(std::move(with_box));
    CHECK(first == 4);
    CHECK(last == 4);
    co_await c.compute(weft::delayed(nothing));

    const int waited = co_await c.compute(weft::delayed(later, weft::delayed(later, one)));
    CHECK(waited == 3);
    const int submitted = co_await c.compute(weft::delayed(through, weft::delayed(inc, 1)));
    CHECK(submitted == 3);

    auto [x, y, z] = c.compute(one, weft::delayed(half, one), weft::delayed(join, "x", "y"));
    const int xv = co_await x;
    const double yv = co_await y;
    const std::string zv = co_await z;
    CHECK(xv == 1);
    CHECK(yv == 0.5);
    CHECK(zv == "xy");
  });
}

TEST_CASE("what several results need is computed once in each call, however they come to it") {
  static std::atomic<int> ran;
  ran = 0;
  on_client(2, [](weft::client& c) -> weft::task<> {
    auto shared = weft::delayed([](int x) { return ran++, x; }, 1);
    auto left = weft::delayed(inc, shared), right = weft::delayed(add, shared, left);
    auto [a, b, s] = c.compute(left, right, shared);
    const int sum_of_all = co_await a + co_await b;
    const int own = co_await s;
    CHECK(sum_of_all == 5);
    CHECK(own == 1);
    CHECK(ran == 1);
    std::vector<weft::lazy<int>> same(3, shared);
    std::vector<weft::future<int>> copies = c.compute(same);
    for (auto& f : copies) co_await c.wait(std::vector<weft::future<int>>(1, f));
    CHECK(copies[0] == copies[2]);
    CHECK(ran == 2);
  });
}

TEST_CASE("a chain is one task, which calls its functions in their order and keeps only the last value") {
  static std::vector<int> order;
  order.clear();
  on_client(1, [](weft::client& c) -> weft::task<> {
    const auto note = [](int x) { return order.push_back(x), x + 1; };
    weft::lazy<int> x = weft::delayed(note, 0);
    for (int i = 1; i < 40; ++i) x = weft::delayed(note, std::move(x));
    auto f = c.compute(x);
    CHECK(tasks_of(f) == 1);
    const int end = co_await f;
    CHECK(end == 40);
    std::vector<int> expected(40);
    std::iota(expected.begin(), expected.end(), 0);
    CHECK(order == expected);
  });
}

TEST_CASE("chains break where a value is wanted or shared, where options differ, at names and at coroutines") {
  const auto tasks = [](auto build) {
    return on_client(
        1,
        [](weft::client& c, decltype(build) b) -> weft::task<std::uint64_t> {
          std::vector<weft::future<int>> all = c.compute(b());
          const std::uint64_t count = tasks_of(all[0]);
          co_await c.wait(all);
          for (auto& f : all) CHECK(f.status() == weft::task_status::done);
          co_return count;
        },
        build);
  };
  using list = std::vector<weft::lazy<int>>;
  CHECK(tasks([] { return list(1, chain(weft::delayed(inc, 0), 9)); }) == 1);
  CHECK(tasks([] {
          auto middle = chain(weft::delayed(inc, 0), 4);
          list wanted(1, chain(middle, 5));
          wanted.push_back(middle);
          return wanted;
        }) == 2);
  CHECK(tasks([] {
          auto middle = chain(weft::delayed(inc, 0), 4);
          return list(1, weft::delayed(add, chain(middle, 2), chain(middle, 2)));
        }) == 4);
  CHECK(tasks([] { return list(1, chain(chain(weft::delayed(inc, 0), 3).with({.priority = 3}), 3)); }) == 3);
  CHECK(tasks([] { return list(1, chain(chain(weft::delayed(inc, 0), 3).named("middle"), 3)); }) == 3);
  CHECK(tasks([] { return list(1, chain(weft::delayed(later, chain(weft::delayed(inc, 0), 3)), 3)); }) == 3);
  CHECK(tasks([] { return list(1, chain(weft::delayed(inc, 0), 129)); }) == 3);  // pieces of 64
}

TEST_CASE("a failure inside a fused chain names the function that threw, and comes through what depends on it") {
  on_client(2, [](weft::client& c) -> weft::task<> {
    struct breaks {
      int at;
      int operator()(int x) const {
        if (x == at) throw std::out_of_range("no " + std::to_string(x));
        return x + 1;
      }
    };
    auto x = weft::delayed(breaks{5}, chain(weft::delayed(inc, 0), 4));
    auto end = weft::delayed(add, chain(x, 3), chain(weft::delayed(inc, 1), 2));
    auto f = c.compute(end.named("the report"));
    std::string what, function;
    try {
      static_cast<void>(co_await f);
    } catch (const weft::task_failed& e) {
      what = e.what();
      function = e.function();
      CHECK(e.path().size() == 2);
      CHECK(e.path().back() == "the report");
      CHECK_THROWS_AS(std::rethrow_exception(e.error()), std::out_of_range);
    }
    CHECK_THAT(what, Contains("breaks") && Contains("std::out_of_range: no 5"));
    CHECK_THAT(function, Contains("breaks"));
    const int fine = co_await c.compute(chain(weft::delayed(breaks{-1}, 0), 3));
    CHECK(fine == 4);
  });
}

namespace {
std::atomic<int> attempts;
int fails_twice(std::string given) {
  if (attempts.fetch_add(1) < 2) throw std::runtime_error("not yet");
  return static_cast<int>(given.size());
}
}  // namespace

TEST_CASE("a fused task that fails is run again as a whole, with its arguments") {
  on_client(1, [](weft::client& c) -> weft::task<> {
    attempts = 0;
    auto x = weft::delayed(inc, weft::delayed(fails_twice, std::string(50, 'x')).with({.retries = 2}))
                 .with({.retries = 2});
    auto f = c.compute(std::move(x));
    CHECK(tasks_of(f) == 1);
    const int size = co_await f;
    CHECK(size == 51);
    CHECK(attempts == 3);
    attempts = 0;
    auto once = c.with({.retries = 1}).compute(weft::delayed(inc, weft::delayed(fails_twice, "x")));
    std::string what;
    try {
      static_cast<void>(co_await once);
    } catch (const weft::task_failed& e) { what = e.what(); }
    CHECK_THAT(what, Contains("fails_twice"));
    CHECK(attempts == 2);
  });
}

TEST_CASE("a chain whose first call has moved its arguments away is not run again without them") {
  static bool fails;
  fails = true;
  on_client(1, [](weft::client& c) -> weft::task<> {
    const auto length = [](std::string s) { return static_cast<int>(std::move(s).size()); };
    const auto breaks = [](int x) {
      if (fails) throw std::runtime_error("broken");
      return x;
    };
    auto moved = c.compute(weft::delayed(breaks, weft::delayed(length, std::string(100, 'x'))));
    auto kept = c.compute(weft::delayed(breaks, weft::delayed(inc, 1)));
    co_await c.wait(std::vector(1, moved));
    co_await c.wait(std::vector(1, kept));
    fails = false;
    CHECK_THROWS_WITH(c.retry(moved), Contains("arguments were moved"));
    c.retry(kept);
    const int two = co_await kept;
    CHECK(two == 2);
  });
}

TEST_CASE("a cheap call is computed in each task that needs it, and is none itself") {
  static std::atomic<int> ran;
  ran = 0;
  on_client(1, [](weft::client& c) -> weft::task<> {
    auto cheap = weft::delayed([](int x) { return ran++, x; }, 5).cheap();
    std::vector<weft::lazy<int>> users;
    for (int i = 0; i < 4; ++i) users.push_back(weft::delayed(add, cheap, weft::delayed(add, cheap, i)));
    users.push_back(weft::delayed(later, cheap));
    std::vector<weft::future<int>> all = c.compute(users);
    CHECK(tasks_of(all[0]) == 5);
    const std::vector<int> got = co_await c.gather(all);
    CHECK(got == std::vector<int>({10, 11, 12, 13, 6}));
    CHECK(ran == 5);  // once a task
    const int wanted = co_await c.compute(cheap);
    CHECK(wanted == 5);
  });
  CHECK_THROWS_WITH(weft::delayed(later, 1).cheap(), Contains("later") && Contains("coroutine"));
}

TEST_CASE("what was persisted runs, and is not computed again by what is made from it") {
  static std::atomic<int> ran;
  ran = 0;
  on_client(2, [](weft::client& c) -> weft::task<> {
    auto x = c.persist(weft::delayed([](int v) { return ran++, v; }, 3));
    auto f = c.compute(x);
    const int v = co_await f;
    CHECK(v == 3);
    const int a = co_await c.compute(weft::delayed(inc, x)), b = co_await c.compute(weft::delayed(add, x, x));
    CHECK(a == 4);
    CHECK(b == 6);
    CHECK(ran == 1);
    std::vector<weft::lazy<int>> parts;
    for (int i = 0; i < 3; ++i) parts.push_back(weft::delayed(inc, i));
    const int total = co_await c.compute(weft::delayed(sum_in_place, c.persist(parts)));
    CHECK(total == 6);
    CHECK_THROWS_AS(x.named("late"), weft::misuse);
    CHECK_THAT(weft::to_dot(weft::delayed(inc, x).named("user")), Contains("user") && Contains(f.key()));
  });
}

TEST_CASE("what cannot be computed is refused with a sentence, and leaves nothing behind") {
  weft::pool pool({.threads = 1});
  weft::client mine(pool), other(pool);
  CHECK_THROWS_WITH(static_cast<void>(mine.compute(weft::lazy<int>())), Contains("this lazy is empty"));
  CHECK_THROWS_WITH(weft::delayed(inc, weft::lazy<int>()), Contains("this lazy is empty"));
  CHECK_THROWS_WITH(weft::delayed(inc, weft::future<int>()), Contains("this future is empty"));
  CHECK_THROWS_WITH(weft::delayed(inc, 1).with({.priority = 40000}), Contains("40000"));
  auto foreign = other.submit(inc, 1);
  auto x = weft::delayed(add, chain(weft::delayed(inc, 0), 3), foreign);
  auto y = weft::delayed(add, weft::delayed(add, x, weft::delayed(inc, 3)), mine.submit(inc, 4));
  CHECK_THROWS_WITH(static_cast<void>(mine.compute(y)), Contains("another client"));
  CHECK_THROWS_AS(static_cast<void>(mine.compute(other.persist(weft::delayed(inc, 1)))), weft::misuse);
  auto f = other.compute(x);
  CHECK(value_of(pool, f) == 6);
}

namespace {

/// Counts its values on the one thread that runs tasks.
struct block {
  static inline int live = 0, most = 0;
  block() { ++live, most = std::max(most, live); }
  block(const block&) : block() {}
  block(block&&) noexcept : block() {}
  block& operator=(const block&) = default;
  ~block() { --live; }
};
void weft_encode(weft::encoder& e, const block&) { weft::encode(e, 0); }
block weft_decode(weft::decoder& d, std::type_identity<block>) {
  static_cast<void>(weft::decode<int>(d));
  return block();
}
block make_block(int) { return block(); }
block merge(const block&, const block&) { return block(); }
block pass_on(const block&) { return block(); }

weft::lazy<block> map_reduce(int leaves) {
  std::vector<weft::lazy<block>> level;
  for (int i = 0; i < leaves; ++i) level.push_back(weft::delayed(make_block, i));
  while (level.size() > 1) {
    std::vector<weft::lazy<block>> next;
    for (std::size_t i = 0; i + 1 < level.size(); i += 2)
      next.push_back(weft::delayed(merge, level[i], level[i + 1]));
    level = std::move(next);
  }
  return level[0];
}

}  // namespace

TEST_CASE("a graph is run memory first: a tree of 4096 leaves holds a dozen values") {
  block::most = 0;
  on_client(1, [](weft::client& c) -> weft::task<> {
    auto f = c.compute(map_reduce(4096));
    co_await f;
  });
  CHECK(block::live == 0);
  CHECK(block::most <= 15);

  block::most = 0;  // the same from within a task, where all have one rank
  on_client(1, [](weft::client& c) -> weft::task<> {
    co_await c.submit([](weft::client& inner) -> weft::task<> {
      auto f = inner.compute(map_reduce(4096));
      co_await f;
    });
  });
  CHECK(block::live == 0);
  CHECK(block::most <= 30);

  block::most = 0;  // a chain holds the value that is taken, and the one that is made
  on_client(1, [](weft::client& c) -> weft::task<> {
    weft::lazy<block> x = weft::delayed(make_block, 0);
    for (int i = 0; i < 1000; ++i) x = weft::delayed(pass_on, std::move(x));
    auto f = c.compute(std::move(x));
    co_await f;
  });
  CHECK(block::live == 0);
  CHECK(block::most <= 3);
}

TEST_CASE("arguments end with the last task that needs them, when nobody holds the graph") {
  on_client(1, [](weft::client& c) -> weft::task<> {
    block::live = 0;
    auto f = c.compute(weft::delayed([](const block&) { return 1; }, block()));
    CHECK(block::live == 1);
    co_await f;
    CHECK(block::live == 0);
    auto kept = weft::delayed([](const block&) { return 1; }, block());
    auto g = c.compute(kept);
    co_await g;
    CHECK(block::live == 1);
    kept = {};
    CHECK(block::live == 0);
  });
}

TEST_CASE("priorities of lazies come before their order") {
  static std::vector<int> order;
  order.clear();
  on_client(1, [](weft::client& c) -> weft::task<> {
    const auto record = [](int x) { return order.push_back(x), x; };
    std::vector<weft::lazy<int>> all;
    for (int i = 0; i < 3; ++i) all.push_back(weft::delayed(record, i));
    for (int i = 3; i < 5; ++i) all.push_back(weft::delayed(record, i).with({.priority = 1}));
    co_await c.wait(c.compute(all));
  });
  CHECK(order == std::vector<int>{3, 4, 0, 1, 2});
}

TEST_CASE("a client's limits are for its lazies too, but for those that have limits of their own") {
  weft::simulation s(1, {.workers = 4});
  const auto program = [](weft::simulation& sim) -> weft::task<> {
    static int running, most;
    running = most = 0;
    const auto holds = [](int i) -> weft::task<int> {
      most = std::max(most, ++running);
      co_await weft::sleep_for(1ms);
      --running;
      co_return i;
    };
    weft::client_options options;
    options.resources = "gpu=1";
    weft::client c(sim, options);
    const weft::client with_gpu = c.with({.resources = "gpu"});
    std::vector<weft::lazy<int>> all;
    for (int i = 0; i < 6; ++i) all.push_back(weft::delayed(holds, i).named("part-" + std::to_string(i)));
    const int fifteen = co_await with_gpu.compute(weft::delayed(sum, all).named("total"));
    CHECK(fifteen == 15);
    CHECK(most == 1);
    most = 0;
    for (weft::lazy<int>& x : all) x.with({.memory = 4});
    const int again = co_await with_gpu.compute(weft::delayed(sum, all));
    CHECK(again == 15);
    CHECK(most > 1);

    const auto message_of = [](weft::future<int> f) -> weft::task<std::string> {
      try {
        static_cast<void>(co_await f);
      } catch (const weft::timed_out& e) { co_return e.what(); }
      co_return "";
    };
    const weft::client impatient = c.with({.time_limit = 5ms});
    const std::string of_one = co_await message_of(impatient.compute(weft::delayed(endless, 1).named("slow")));
    CHECK_THAT(of_one, Contains("task slow has not ended within its time limit of 0.005 s"));
    const weft::lazy<int> longer = weft::delayed(endless, 1).named("longer").with({.time_limit = 20ms});
    const std::string of_other = co_await message_of(impatient.compute(longer));
    CHECK_THAT(of_other, Contains("within its time limit of 0.02 s"));
  };
  s.run(program(s));
  CHECK(s.elapsed() < 100ms);
}

TEST_CASE("estimates of memory decide which part of a graph is made first") {
  static std::vector<int> order;
  const auto record = [](int x) { return order.push_back(x), x; };
  const auto shrink = [](int x) { return x; };
  const auto add = [](int a, int b) { return a + b; };
  for (const bool first : {true, false}) {
    order.clear();
    on_client(1, [&](weft::client& c) -> weft::task<> {
      const weft::task_options few{.memory = 1 << 10}, many{.memory = 1 << 30};
      auto one = weft::delayed(shrink, weft::delayed(record, 1).with(first ? many : few)).with(few);
      auto two = weft::delayed(shrink, weft::delayed(record, 2).with(first ? few : many)).with(few);
      const int sum = co_await c.compute(weft::delayed(add, std::move(one), std::move(two)).with(few));
      CHECK(sum == 3);
    });
    CHECK(order == (first ? std::vector<int>{1, 2} : std::vector<int>{2, 1}));
  }
}

TEST_CASE("a million calls in a chain, and a million apart, are made, computed and let go without a deep stack") {
  static constexpr int n = weft::test::sanitized ? 100'000 : 1'000'000;
  { auto dropped = chain(weft::delayed(inc, 0), n); }
  on_client(2, [](weft::client& c) -> weft::task<> {
    const int end = co_await c.compute(chain(weft::delayed(inc, 0), n));
    CHECK(end == n + 1);
    auto unfused = weft::delayed(later, 0);
    for (int i = 1; i < n / 10; ++i) unfused = weft::delayed(later, std::move(unfused));
    const int coroutines = co_await c.compute(std::move(unfused));
    CHECK(coroutines == n / 10);
    std::vector<weft::lazy<int>> apart;
    for (int i = 0; i < n; ++i) apart.push_back(weft::delayed(inc, i));
    std::vector<weft::future<int>> futures = c.compute(std::move(apart));
    co_await c.wait(futures);
    const int last = co_await futures.back();
    CHECK(last == n);
  });
}

TEST_CASE("tasks of a graph whose futures are let go do not begin") {
  static std::atomic<int> ran;
  ran = 0;
  on_client(1, [](weft::client& c) -> weft::task<> {
    const auto count = [](int x) { return ++ran, x; };
    {
      std::vector<weft::lazy<int>> parts;
      for (int i = 0; i < 100; ++i) parts.push_back(weft::delayed(later, weft::delayed(count, i)));
      auto f = c.compute(weft::delayed(sum, parts));
    }
    const int other = co_await c.submit(inc, 1);
    CHECK(other == 2);
    CHECK(ran == 0);
    auto waits = c.compute(weft::delayed(inc, weft::delayed(endless, weft::delayed(count, 1))));
    while (ran == 0) co_await weft::yield();
    waits.cancel();
    bool cancelled = false;
    try {
      static_cast<void>(co_await waits);
    } catch (const weft::cancelled&) { cancelled = true; }
    CHECK(cancelled);
  });
}

TEST_CASE("a cancelled task of fused calls stops between two of them") {
  static std::atomic<bool> begun, go;
  static std::atomic<int> after;
  begun = go = false;
  after = 0;
  on_client(2, [](weft::client& c) -> weft::task<> {
    auto x = weft::delayed(
        [](int v) {
          begun = true;
          begun.notify_all();
          go.wait(false);
          return v;
        },
        1);
    auto f = c.compute(weft::delayed([](int v) { return ++after, v; }, weft::delayed(inc, x)));
    while (!begun) co_await weft::yield();
    f.cancel();
    go = true;
    go.notify_all();
    co_await c.wait(std::vector<weft::future<int>>(1, f));
    CHECK(f.status() == weft::task_status::cancelled);
    CHECK(after == 0);
  });
}

TEST_CASE("one graph is computed by many threads at once") {
  weft::pool pool({.threads = 2});
  weft::client c(pool);
  auto shared = chain(weft::delayed(inc, 0), 10);
  std::vector<weft::lazy<int>> parts;
  for (int i = 0; i < 200; ++i) parts.push_back(weft::delayed(add, shared, chain(weft::delayed(inc, i), 3)));
  const auto all = weft::delayed(sum_in_place, parts);
  const int right = 200 * 11 + 199 * 100 + 200 * 4;
  std::vector<std::jthread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) good += value_of(pool, c.compute(all)) == right ? 1 : 0;
    });
  threads.clear();
  CHECK(good == 200);
}

TEST_CASE("pictures show the state of what is under way") {
  weft::pool pool({.threads = 1});
  weft::client c(pool);
  const auto program = [](weft::client& client) -> weft::task<std::string> {
    auto good = client.persist(weft::delayed(inc, 1).named("good"));
    auto bad = client.persist(weft::delayed([](int) -> int { throw 1; }, 1).named("bad"));
    co_await client.wait(std::vector(1, client.compute(good)));
    co_await client.wait(std::vector(1, client.compute(bad)));
    const auto both = weft::delayed(add, good, bad);
    co_return weft::to_dot(both, {.by_state = true});
  };
  const std::string dot = pool.run(program(c));
  CHECK_THAT(dot, Contains("good (done)") && Contains("bad (failed)") && Contains("add (waiting)"));
}

TEST_CASE("pictures show the order in which calls would begin, with their options") {
  const auto place_in = [](const std::string& dot, const std::string& name) {
    const std::size_t at = dot.find(name + "\\n");
    REQUIRE(at != std::string::npos);
    return std::stoi(dot.substr(at + name.size() + 2));
  };
  const auto first = weft::delayed(inc, 1).named("first"), second = weft::delayed(inc, 2).named("second");
  const auto last = weft::delayed(add, first, second).named("last");
  CHECK(place_in(weft::to_dot(last), "first") == 0);
  CHECK(place_in(weft::to_dot(last), "second") == 1);
  weft::lazy<int> urgent = second;
  urgent.with({.priority = 1});
  CHECK(place_in(weft::to_dot(last), "second") == 0);
  CHECK(place_in(weft::to_dot(last), "first") == 1);
  CHECK(place_in(weft::to_dot(last), "last") == 2);

  // The part whose values are large is made first, as `compute` makes it.
  const auto part = [](const std::string& name, std::uint64_t memory) {
    const auto source = weft::delayed(inc, 1).named(name).with({.memory = memory});
    return weft::delayed(add, weft::delayed(inc, source), weft::delayed(inc, source)).with({.memory = 8});
  };
  const auto both = weft::delayed(add, part("small", 8), part("large", 1'000'000)).with({.memory = 8});
  const std::string dot = weft::to_dot(both);
  CHECK(place_in(dot, "large") < place_in(dot, "small"));
}

TEST_CASE("pictures show names, edges and the order, and fused tasks when asked to") {
  auto src = weft::delayed(inc, 1).named("the source");
  auto out = weft::delayed(add, chain(src, 2), weft::delayed(half, src));
  const std::string dot = weft::to_dot(out, {.title = "a title"});
  CHECK_THAT(dot, Contains("digraph") && Contains("the source") && Contains("add") && Contains("half") &&
                      Contains("a title"));
  CHECK(std::count(dot.begin(), dot.end(), '>') == 5);
  const std::string fused = weft::to_dot(out, {.fused = true});
  CHECK(std::count(fused.begin(), fused.end(), '>') == 4);
  CHECK_THAT(fused, Contains("inc +1"));
  // Graphviz's where it is installed, ours otherwise.
  CHECK_THAT(weft::to_svg(out), Contains("<svg") && Contains("</svg>"));
  const std::string svg = weft::to_svg(std::vector<weft::lazy<int>>(1, out), {.plain = true});
  CHECK_THAT(svg, Contains("<svg") && Contains("the source") && Contains("</svg>"));
  CHECK_THAT(weft::to_svg(chain(weft::delayed(inc, 0), 20000), {.plain = true}), Contains("<svg"));
}
