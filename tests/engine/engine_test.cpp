// Futures and tasks on one machine: what a call may be, how it ends, and in which order tasks run.
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <memory>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/sanitized.hpp"
#include "weft/client.hpp"
#include "weft/weft.hpp"

using namespace std::chrono_literals;

namespace {

struct image {
  std::vector<float> pixels;
  int width = 0;
};
image load(std::string path) { return {{1, 2, 3}, static_cast<int>(path.size())}; }
image blur(const image& src, float radius) { return {{src.pixels[0] * radius}, src.width}; }
image sobel(const image& src) noexcept { return src; }
image blend(const image& a, image b) { return {{a.pixels[0] + b.pixels[0]}, a.width}; }
weft::task<image> fetch(const std::string& url) { co_return load(url); }
std::size_t length(std::string_view text) { return text.size(); }
std::size_t length_of_c(const char* text) { return std::string(text).size(); }
double half(double x) { return x / 2; }
int inc(int x) { return x + 1; }
int add(int a, int b) { return a + b; }
double total(const std::vector<double>& parts) { return std::accumulate(parts.begin(), parts.end(), 0.0); }
double total_in_place(weft::values<double> parts) { return std::accumulate(parts.begin(), parts.end(), 0.0); }
struct shade {
  float gamma;
  float operator()(const image& i) const { return i.pixels[0] + gamma; }
};
std::unique_ptr<int> boxed(int x) { return std::make_unique<int>(x); }
int unboxed(const std::unique_ptr<int>& x) { return *x; }
int taken(std::unique_ptr<int> x) { return *x; }
void nothing() {}

weft::task<image> pipeline(weft::client& c, std::string url) {
  weft::future<image> src = c.submit(fetch, std::move(url));
  auto soft = c.submit(blur, src, 3.0f);
  auto edge = c.with({.priority = 10, .retries = 2}).submit(sobel, src);
  co_return co_await c.submit(blend, soft, edge);
}

/// Runs f(client&, arguments...) on a pool of its own.
template <class F, class... A>
auto on_client(unsigned threads, F f, A... arguments) {
  weft::pool pool({.threads = threads});
  weft::client c(pool);
  return pool.run(f(c, arguments...));
}

}  // namespace

TEST_CASE("a call takes values, futures and vectors of them, and gives a future") {
  on_client(2, [](weft::client& c) -> weft::task<> {
    const image blended = co_await pipeline(c, "http://x");
    CHECK(blended.pixels[0] == 4);
    auto src = c.submit(load, "converted");
    const image& kept = co_await src;
    CHECK(kept.width == 9);
    const float shaded = co_await c.submit(shade{0.5f}, src);
    CHECK(shaded == 1.5f);
    const double product = co_await c.submit([](auto x, auto y) { return x * y; }, 3, 4.5);
    CHECK(product == 13.5);
    const double converted = co_await c.submit(half, c.submit([] { return 3; }));
    CHECK(converted == 1.5);
    const std::size_t viewed = co_await c.submit(length, "four"), pointed = co_await c.submit(length_of_c, "fives");
    CHECK(viewed == 4);
    CHECK(pointed == 5);
    std::vector<weft::future<double>> parts = c.map(half, std::views::iota(1, 4));
    const double copied = co_await c.submit(total, parts), in_place = co_await c.submit(total_in_place, parts);
    CHECK(copied == 3);
    CHECK(in_place == 3);
    const double none = co_await c.submit(total_in_place, std::vector<weft::future<double>>{});
    CHECK(none == 0);
    co_await c.submit(nothing);
    const std::vector<double> gathered = co_await c.gather(parts);
    CHECK(gathered == std::vector<double>({0.5, 1, 1.5}));
    auto there = c.scatter(gathered);
    const double scattered = co_await c.submit(total, there);
    CHECK(scattered == 3);
  });
}

TEST_CASE("an rvalue future gives its value away when nobody else holds it") {
  on_client(2, [](weft::client& c) -> weft::task<> {
    std::unique_ptr<int> moved = co_await c.submit(boxed, 3);
    CHECK(*moved == 3);
    auto shared = c.submit(boxed, 4);
    const std::unique_ptr<int>& seen = co_await shared;
    CHECK(*seen == 4);
    const int through = co_await c.submit(unboxed, shared);
    CHECK(through == 4);
    const int given = co_await c.submit(taken, std::make_unique<int>(5));
    CHECK(given == 5);
    auto copy = shared;
    bool refused = false;
    try {
      static_cast<void>(co_await std::move(copy));
    } catch (const weft::misuse&) { refused = true; }
    CHECK(refused);
  });
}

TEST_CASE("a failure names the task, the function, the exception and the way it took") {
  on_client(2, [](weft::client& c) -> weft::task<> {
    auto broken =
        c.with({.name = "the source"}).submit([](int x) -> int { throw std::out_of_range(std::to_string(x)); }, 7);
    auto middle = c.submit(inc, broken);
    auto last = c.with({.name = "the report"}).submit(add, middle, 1);
    std::string what;
    try {
      static_cast<void>(co_await last);
    } catch (const weft::task_failed& e) {
      what = e.what();
      CHECK(e.key() == "the source");
      REQUIRE(e.path().size() == 3);
      CHECK(e.path()[2] == "the report");
      CHECK_THROWS_AS(std::rethrow_exception(e.error()), std::out_of_range);
    }
    CHECK(what.find("the source failed: std::out_of_range: 7") != std::string::npos);
    CHECK(last.status() == weft::task_status::failed);
    CHECK(last.exception() != nullptr);
    auto after = c.submit(inc, last);  // of what has failed already
    bool failed = false;
    try {
      static_cast<void>(co_await after);
    } catch (const weft::task_failed&) { failed = true; }
    CHECK(failed);
  });
}

namespace {
std::atomic<int> attempts;
int fails_twice(std::string given) {
  CHECK(given == "an argument that is too long for a small string");
  if (attempts.fetch_add(1) < 2) throw std::runtime_error("not yet");
  return attempts;
}
}  // namespace

TEST_CASE("a task that fails is run again as often as its options say, with its arguments") {
  const auto submit = [](weft::client& c, unsigned retries) -> weft::task<int> {
    co_return co_await c.with({.retries = retries})
        .submit(fails_twice, "an argument that is too long for a small string");
  };
  attempts = 0;
  CHECK(on_client(1, submit, 2u) == 3);
  attempts = 0;
  CHECK_THROWS_AS(on_client(1, submit, 1u), weft::task_failed);
}

TEST_CASE("tasks of a higher priority begin first, and those of one in the order of their submission") {
  static std::vector<int> order;
  order.clear();
  on_client(1, [](weft::client& c) -> weft::task<> {
    const auto record = [](int x) { order.push_back(x); };
    std::vector<weft::future<>> all;
    for (int i = 0; i < 3; ++i) all.push_back(c.submit(record, i));
    for (int i = 3; i < 6; ++i) all.push_back(c.with({.priority = 1}).submit(record, i));
    for (int i = 6; i < 9; ++i) all.push_back(c.with({.priority = -1}).submit(record, i));
    co_await c.wait(all);
  });
  CHECK(order == std::vector<int>{3, 4, 5, 0, 1, 2, 6, 7, 8});
}

TEST_CASE("what a task submits comes before what was submitted after the task") {
  static std::vector<int> order;
  order.clear();
  on_client(1, [](weft::client& c) -> weft::task<> {
    const auto record = [](int x) { order.push_back(x); };
    auto first = c.submit([](weft::client& inner) -> weft::task<> {
      auto child = inner.submit([](int x) { order.push_back(x); }, 1);
      co_await child;
    });
    auto second = c.submit(record, 2);
    co_await first;
    co_await second;
  });
  CHECK(order == std::vector<int>{1, 2});
}

namespace {
weft::task<long> fib(weft::client& c, int n) {
  if (n < 2) co_return n;
  auto a = c.submit(fib, n - 1), b = c.submit(fib, n - 2);
  const long left = co_await a;
  co_return left + co_await b;
}
}  // namespace

TEST_CASE("tasks that submit and await tasks hold no thread") {
  for (const unsigned threads : {1u, 2u, 4u}) CHECK(on_client(threads, fib, 16) == 987);
}

TEST_CASE("a coroutine that waits lets others run, and resumes on the pool") {
  on_client(1, [](weft::client& c) -> weft::task<> {
    auto gate = c.submit([]() -> weft::task<int> {
      co_await weft::sleep_for(1ms);
      co_return 1;
    });
    auto quick = c.submit(inc, 1);
    const int q = co_await quick;
    CHECK(q == 2);
    CHECK(!gate.done());
    const int g = co_await c.submit(inc, gate);
    CHECK(g == 2);
  });
}

TEST_CASE("a cancelled task gives weft::cancelled to who awaits it, and to what depends on it") {
  on_client(2, [](weft::client& c) -> weft::task<> {
    auto endless = c.submit([]() -> weft::task<int> {
      co_await weft::sleep_for(24h);
      co_return 1;
    });
    auto after = c.submit(inc, endless);
    while (endless.status() != weft::task_status::running) co_await weft::yield();
    endless.cancel();
    for (auto* f : {&endless, &after}) {
      bool cancelled = false;
      try {
        static_cast<void>(co_await *f);
      } catch (const weft::cancelled&) { cancelled = true; }
      CHECK(cancelled);
      CHECK(f->status() == weft::task_status::cancelled);
    }
    endless.cancel();  // does nothing
  });
}

TEST_CASE("a task that nobody wants any more is not begun, nor what only it wanted") {
  static std::atomic<int> ran;
  ran = 0;
  on_client(1, [](weft::client& c) -> weft::task<> {
    {
      auto a = c.submit([] { return ++ran; });
      auto b = c.submit(inc, std::move(a));
      auto d = c.submit(inc, b);
    }
    auto kept = c.submit([] { return ++ran; });
    c.fire_and_forget(c.submit([] { return ++ran; }));
    const int count = co_await kept;
    CHECK(count == 1);
  });
  CHECK(ran == 2);
}

TEST_CASE("a failure that nobody can learn of otherwise comes out of the pool's drain") {
  const auto fails = [](int x) -> int { throw std::runtime_error("number " + std::to_string(x)); };
  weft::pool pool({.threads = 1});
  weft::client c(pool);
  {
    auto heard = c.submit(fails, 1);
    c.fire_and_forget(heard);
    const auto wait = [](weft::client& of, std::vector<weft::future<int>> f) -> weft::task<> {
      co_await of.wait(std::move(f));
    };
    pool.run(wait(c, {heard}));
    pool.drain();
  }
  c.fire_and_forget(c.submit(fails, 2));
  CHECK_THROWS_WITH(pool.drain(), Catch::Contains("failed: std::runtime_error: number 2"));
  c.fire_and_forget(c.submit(inc, 1));
  pool.drain();
}

TEST_CASE("waiting for a future may be given up") {
  on_client(2, [](weft::client& c) -> weft::task<> {
    auto endless = c.submit([]() -> weft::task<int> {
      co_await weft::sleep_for(24h);
      co_return 1;
    });
    const auto wait = [](weft::future<int> f) -> weft::task<int> { co_return co_await f; };
    for (int i = 0; i < 3; ++i) {
      bool over = false;
      try {
        static_cast<void>(co_await weft::timeout(1ms, wait(endless)));
      } catch (const weft::timed_out&) { over = true; }
      CHECK(over);
    }
    CHECK(endless.status() == weft::task_status::running);
  });
}

TEST_CASE("a client that ends cancels what has not ended, and futures outlive it") {
  weft::future<int> sleeping, finished;
  {
    weft::pool pool({.threads = 2});
    weft::client c(pool);
    pool.run([](weft::client& client, weft::future<int>& s, weft::future<int>& f) -> weft::task<> {
      s = client.submit([]() -> weft::task<int> {
        co_await weft::sleep_for(24h);
        co_return 1;
      });
      f = client.submit(inc, 1);
      co_await f;
    }(c, sleeping, finished));
  }
  CHECK(sleeping.status() == weft::task_status::cancelled);
  CHECK(finished.status() == weft::task_status::done);
}

TEST_CASE("a client may end on a worker of its pool, in the middle of its work") {
  weft::pool pool({.threads = 2});
  weft::future<int> later;
  pool.run([](weft::pool& p, weft::future<int>& out) -> weft::task<> {
    weft::client c(p);
    for (int i = 0; i < 1000; ++i) out = c.submit(inc, i);
    co_return;
  }(pool, later));
  pool.drain();
  CHECK(later.done());
}

TEST_CASE("a pool that is stopped cancels the tasks of its clients") {
  weft::pool pool({.threads = 2});
  weft::client c(pool);
  weft::future<int> f;
  pool.run([](weft::client& client, weft::future<int>& out) -> weft::task<> {
    out = client.submit([]() -> weft::task<int> {
      co_await weft::sleep_for(24h);
      co_return 1;
    });
    co_return;
  }(c, f));
  pool.cancel();
  CHECK(f.status() == weft::task_status::cancelled);
}

TEST_CASE("futures are submitted and let go from threads outside the pool") {
  weft::pool pool({.threads = 2});
  weft::client c(pool);
  std::vector<weft::future<int>> all;
  for (int i = 0; i < 1000; ++i) all.push_back(c.submit(inc, i));
  for (int i = 0; i < 1000; i += 2) all[static_cast<std::size_t>(i)] = {};
  all.push_back(c.submit(add, all[1], all[3]));
  const auto value_of = [](weft::future<int> f) -> weft::task<int> { co_return co_await f; };
  CHECK(pool.run(value_of(all.back())) == 6);
}

TEST_CASE("a million tasks in a chain end, fail, and are let go without a deep stack") {
  static constexpr int n = weft::test::sanitized ? 100'000 : 1'000'000;
  on_client(2, [](weft::client& c) -> weft::task<> {
    auto x = c.submit(inc, 0);
    for (int i = 1; i < n; ++i) x = c.submit(inc, std::move(x));
    const int end = co_await x;
    CHECK(end == n);
  });
  on_client(1, [](weft::client& c) -> weft::task<> {
    auto x = c.submit(inc, 0);
    for (int i = 1; i < n; ++i) x = c.submit(inc, std::move(x));
    x = {};  // none of them has begun
    const int other = co_await c.submit(inc, 1);
    CHECK(other == 2);
  });
  on_client(1, [](weft::client& c) -> weft::task<> {
    auto x = c.submit([](int) -> int { throw std::runtime_error("the first"); }, 0);
    for (int i = 1; i < n; ++i) x = c.submit(inc, std::move(x));
    std::size_t links = 0;
    std::string what;
    try {
      static_cast<void>(co_await x);
    } catch (const weft::task_failed& e) {
      links = e.path().size();
      what = e.what();
    }
    CHECK(links == n);
    CHECK(what.size() < 1000);
  });
}

TEST_CASE("a program that awaits what it has cancelled itself is not taken for one that was interrupted") {
  char name[] = "program";
  char* arguments[] = {name, nullptr};
  const auto awaits_cancelled = [](weft::client& c) -> weft::task<> {
    auto endless = c.submit([]() -> weft::task<int> {
      co_await weft::sleep_for(24h);
      co_return 1;
    });
    endless.cancel();
    static_cast<void>(co_await endless);
  };
  CHECK(weft::run(1, arguments, awaits_cancelled) == 1);
  const auto interrupts = [](weft::client& c) -> weft::task<> {
    auto endless = c.submit([]() -> weft::task<int> {
      co_await weft::sleep_for(24h);
      co_return 1;
    });
    std::raise(SIGINT);
    static_cast<void>(co_await endless);
  };
  CHECK(weft::run(1, arguments, interrupts) == 130);
}
