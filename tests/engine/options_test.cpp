// What a task may be given beside its arguments, and what a client tells of its tasks.
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <mutex>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/said.hpp"
#include "weft/as_completed.hpp"
#include "weft/client.hpp"
#include "weft/delayed.hpp"
#include "weft/progress.hpp"
#include "weft/simulation.hpp"
#include "weft/weft.hpp"

using namespace std::chrono_literals;

namespace {

int inc(int x) { return x + 1; }
weft::task<int> sleeps(int ms) {
  co_await weft::sleep_for(std::chrono::milliseconds(ms));
  co_return ms;
}

template <class F>
auto on_client(weft::client_options options, F f) {
  weft::pool pool({.threads = 2});
  weft::client c(pool, options);
  return pool.run(f(c));
}

}  // namespace

TEST_CASE("tasks take resources while they run, and wait for them") {
  weft::simulation s(1, {.workers = 4});
  static int running, most;
  running = most = 0;
  const auto program = [](weft::simulation& sim) -> weft::task<> {
    weft::client_options options;
    options.resources = "gpu=2 licence=1";
    weft::client c(sim, options);
    const auto work = [](int i) -> weft::task<int> {
      most = std::max(most, ++running);
      co_await weft::sleep_for(1ms);
      --running;
      co_return i;
    };
    const weft::client with_gpu = c.with({.resources = "gpu"});
    const weft::client with_both = c.with({.resources = "gpu=0.5 licence=1"});
    std::vector<weft::future<int>> all = with_gpu.map(work, std::views::iota(0, 10));
    for (int i = 10; i < 14; ++i) all.push_back(with_both.submit(work, i));
    all[3].cancel();  // while it waits
    int sum = 0;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (i != 3) sum += co_await all[i];
    CHECK(sum == 13 * 14 / 2 - 3);
  };
  s.run(program(s));
  CHECK(most == 2);
  CHECK(s.elapsed() >= 5ms);
}

namespace {
std::mutex begun_lock;
std::vector<int> begun;
std::atomic<bool> held;
int notes(int name) {
  std::lock_guard guard(begun_lock);
  begun.push_back(name);
  return name;
}
int notes_and_holds(int name) {
  notes(name);
  while (held.load()) std::this_thread::yield();
  return name;
}
weft::task<int> notes_and_submits(weft::client& c, int name) {
  notes(name);
  co_await weft::sleep_for(2ms);
  co_return co_await c.with({.priority = -2, .resources = "gpu=1"}).submit(notes, name + 1);
}
}  // namespace

TEST_CASE("a task that wants much of a resource is not passed by those that want little of it") {
  begun.clear();
  held = true;
  weft::pool pool({.threads = 2});
  weft::client_options options;
  options.resources = "gpu=2 tape=1";
  weft::client c(pool, options);
  const auto program = [](weft::client& client) -> weft::task<> {
    const weft::client one = client.with({.resources = "gpu=1"}), two = client.with({.resources = "gpu=2"});
    // Of two workers one is held up: what the other has run tells that it has seen what was submitted before.
    const auto seen = [&client](int name) -> weft::task<> {
      const int got = co_await client.with({.priority = -1, .resources = "tape"}).submit(notes, name);
      CHECK(got == name);
    };
    std::vector<weft::future<int>> all;
    all.push_back(one.submit(notes_and_holds, 1));
    while (all.back().status() != weft::task_status::running) co_await weft::checkpoint();
    all.push_back(two.submit(notes, 2));
    co_await seen(10);
    for (int i = 3; i < 9; ++i) all.push_back(one.submit(notes, i));
    all.push_back(two.submit(notes, 9));
    co_await seen(11);
    all.back().cancel();
    all.pop_back();
    all.push_back(client.with({.priority = 1, .resources = "gpu=2"}).submit(notes, 12));
    co_await seen(13);
    held = false;
    co_await client.wait(all);
  };
  pool.run(program(c));
  REQUIRE(begun.size() == 12);
  CHECK(std::vector<int>(begun.begin(), begun.begin() + 6) == std::vector<int>{1, 10, 11, 13, 12, 2});
}

TEST_CASE("one that is cancelled while it waits for a resource makes way at once") {
  begun.clear();
  held = true;
  weft::pool pool({.threads = 2});
  weft::client_options options;
  options.resources = "gpu=2 tape=1";
  weft::client c(pool, options);
  const auto program = [](weft::client& client) -> weft::task<> {
    const weft::client one = client.with({.resources = "gpu=1"}), two = client.with({.resources = "gpu=2"});
    auto holds = one.submit(notes_and_holds, 1);
    while (holds.status() != weft::task_status::running) co_await weft::checkpoint();
    auto much = two.submit(notes, 2);
    auto impatient = client.with({.time_limit = 1ms, .resources = "gpu=2"}).submit(notes, 3);
    auto little = one.submit(notes, 4);
    const int seen = co_await client.with({.priority = -1, .resources = "tape"}).submit(notes, 10);
    CHECK(seen == 10);
    CHECK(little.status() == weft::task_status::pending);
    much.cancel();
    const auto value_of = [](weft::future<int> f) -> weft::task<int> { co_return co_await f; };
    int got = 0;
    try {
      got = co_await weft::timeout(20s, value_of(little));
    } catch (const weft::timed_out&) {}
    CHECK(got == 4);
    held = false;
    const std::vector all{holds, much, impatient};
    co_await client.wait(all);
    // All there was is there again.
    const int last = co_await two.submit(notes, 5);
    CHECK(last == 5);
  };
  pool.run(program(c));
  CHECK(begun == std::vector<int>{1, 10, 4, 5});
}

TEST_CASE("many that wait for a resource are cancelled in any order") {
  held = true;
  begun.clear();
  weft::pool pool({.threads = 2});
  weft::client_options options;
  options.resources = "gpu=1";
  weft::client c(pool, options);
  const auto program = [](weft::client& client) -> weft::task<> {
    const weft::client one = client.with({.resources = "gpu"});
    auto holds = one.submit(notes_and_holds, 1);
    while (holds.status() != weft::task_status::running) co_await weft::checkpoint();
    std::vector<weft::future<int>> all = one.map(notes, std::views::iota(2, 50'002));
    for (std::size_t i = 0; i < all.size(); i += 2) all[i].cancel();
    for (std::size_t i = all.size() - 1; i > 1; i -= 2) all[i].cancel();
    held = false;
    const int last = co_await all[1];
    CHECK(last == 3);
    co_await client.wait(all);
  };
  pool.run(program(c));
  CHECK(begun == std::vector<int>{1, 3});
  CHECK(c.totals().cancelled == 49'999);
}

TEST_CASE("a coroutine that holds a resource has what it waits for before those that want more") {
  begun.clear();
  weft::simulation s(1, {.workers = 2});
  const auto program = [](weft::simulation& sim) -> weft::task<> {
    weft::client_options options;
    options.resources = "gpu=2";
    weft::client c(sim, options);
    auto holds = c.with({.resources = "gpu=1"}).submit(notes_and_submits, 1);
    co_await weft::sleep_for(1ms);
    auto much = c.with({.resources = "gpu=2"}).submit(notes, 3);
    const int first = co_await holds, last = co_await much;
    CHECK(first == 2);
    CHECK(last == 3);
  };
  s.run(program(s));
  CHECK(begun == std::vector<int>{1, 2, 3});
}

TEST_CASE("amounts of resources that have no exact fraction add up to the whole") {
  weft::simulation s(2, {.workers = 4});
  const auto program = [](weft::simulation& sim) -> weft::task<> {
    weft::client_options options;
    options.resources = "licence=1";
    weft::client c(sim, options);
    const auto work = [](int i) -> weft::task<int> {
      co_await weft::sleep_for(std::chrono::microseconds(100 * (1 + i % 3)));
      co_return i;
    };
    std::vector<weft::future<int>> all;
    for (int i = 0; i < 60; ++i)
      all.push_back(c.with({.resources = std::array{"licence=0.1", "licence=0.2",
                                                    "licence=0.3"}[static_cast<std::size_t>(i) % 3]})
                        .submit(work, i));
    co_await c.wait(all);
    const int last = co_await c.with({.resources = "licence=1"}).submit(work, 7);
    CHECK(last == 7);
  };
  s.run(program(s));
}

TEST_CASE("resources that nobody has are refused where they are asked for") {
  weft::pool pool({.threads = 1});
  weft::client_options options;
  options.resources = "gpu=1";
  weft::client c(pool, options);
  CHECK_THROWS_WITH(c.with({.resources = "tape"}), Catch::Contains("'tape'"));
  CHECK_THROWS_WITH(c.with({.resources = "gpu=2"}), Catch::Contains("of which there are 1"));
  CHECK_THROWS_WITH(c.with({.resources = "gpu=many"}), Catch::Contains("'gpu=many' is no resource"));
  CHECK_THROWS_WITH(c.with({.resources = "gpu=0.5 gpu=0.5"}), Catch::Contains("'gpu' is named twice"));
  CHECK_THROWS_WITH(c.with({.resources = "gpu=0.0000001"}), Catch::Contains("from 0.000001"));
  CHECK_THROWS_WITH(c.with({.priority = 100'000}), Catch::Contains("100000"));
  CHECK_THROWS_WITH(c.compute(weft::delayed(inc, 1).with({.resources = "tape"})), Catch::Contains("'tape'"));
  options.resources = "=3";
  CHECK_THROWS_AS(weft::client(pool, options), weft::misuse);
}

TEST_CASE("a limit of time cancels a task that waits or has not begun") {
  weft::simulation s(1, {.workers = 1});
  const auto program = [](weft::simulation& sim) -> weft::task<> {
    weft::client c(sim);
    auto slow = c.with({.time_limit = 5ms}).submit(sleeps, 1000);
    auto after = c.submit(inc, slow);
    auto quick = c.with({.time_limit = 5ms}).submit(sleeps, 1);
    auto waits = c.with({.time_limit = 2ms}).submit(inc, slow);
    const int q = co_await quick;
    CHECK(q == 1);
    int timed_out = 0, cancelled = 0;
    for (auto* f : {&slow, &waits, &after}) {
      try {
        static_cast<void>(co_await *f);
      } catch (const weft::timed_out&) { ++timed_out; } catch (const weft::cancelled&) {
        ++cancelled;
      }
    }
    CHECK(timed_out == 2);
    CHECK(cancelled == 1);
  };
  s.run(program(s));
  CHECK(s.elapsed() < 10ms);
}

namespace {
std::atomic<bool> limit_over;
std::vector<int> ends_late(std::size_t n) {
  while (!limit_over.load()) std::this_thread::yield();
  return std::vector<int>(n, 1);
}
}  // namespace

TEST_CASE("a function that cannot be stopped and ends after its limit has timed out") {
  limit_over = false;
  weft::pool pool({.threads = 2});
  weft::client c(pool);
  auto late = c.with({.name = "late", .time_limit = 1ms}).submit(ends_late, 100'000);
  const auto program = [](weft::future<std::vector<int>> f) -> weft::task<std::string> {
    while (f.status() != weft::task_status::running) co_await weft::checkpoint();
    co_await weft::sleep_for(5ms);
    limit_over = true;
    std::string what;
    try {
      static_cast<void>(co_await f);
    } catch (const weft::timed_out& e) { what = e.what(); }
    co_return what;
  };
  CHECK(pool.run(program(late)) == "weft: task late has not ended within its time limit of 0.001 s");
  CHECK(c.memory().in_memory == 0);
  CHECK(c.totals().cancelled == 1);
}

TEST_CASE("who awaits a cancelled task is told which it was") {
  weft::pool pool({.threads = 1});
  weft::client c(pool);
  auto endless = c.with({.name = "endless"}).submit(sleeps, 86'400'000);
  endless.cancel();
  const auto value_of = [](weft::future<int> f) -> weft::task<int> { co_return co_await f; };
  CHECK_THROWS_WITH(pool.run(value_of(endless)), "weft: task endless was cancelled");
}

namespace {
std::atomic<bool> broken;
int fails_while_broken(const int& x) {
  if (broken) throw std::runtime_error("broken");
  return x;
}
int takes_a_string(std::string) { throw std::runtime_error("always"); }
}  // namespace

TEST_CASE("what failed may be run again, with what it depends on") {
  broken = true;
  on_client({}, [](weft::client& c) -> weft::task<> {
    auto source = c.submit(fails_while_broken, 1);
    auto middle = c.submit(inc, source);
    auto last = c.submit(inc, middle);
    bool failed = false;
    try {
      static_cast<void>(co_await last);
    } catch (const weft::task_failed&) { failed = true; }
    CHECK(failed);
    broken = false;
    c.retry(last);
    const int value = co_await last, first = co_await source;
    CHECK(value == 3);
    CHECK(first == 1);
    c.retry(last);  // does nothing
    auto once = c.submit(takes_a_string, "given");
    co_await c.wait(std::vector(1, once));
    CHECK_THROWS_WITH(c.retry(once), Catch::Contains("arguments were moved"));
  });
}

TEST_CASE("futures come as their tasks end") {
  weft::simulation s(3, {.workers = 2});
  const auto program = [](weft::simulation& sim) -> weft::task<> {
    weft::client c(sim);
    std::vector<weft::future<int>> all;
    for (const int ms : {30, 10, 20}) all.push_back(c.submit(sleeps, ms));
    std::vector<int> order;
    auto coming = weft::as_completed(all);
    while (std::optional<weft::future<int>> f = co_await coming.next()) {
      CHECK(f->done());
      const int ms = co_await *f;
      order.push_back(ms);
    }
    CHECK(order == std::vector<int>({10, 20, 30}));
    auto dropped = weft::as_completed(c.map(sleeps, std::views::iota(1, 9)));
    auto first = co_await dropped.next();
    CHECK(first.has_value());
    auto none = weft::as_completed(std::vector<weft::future<int>>());
    auto end = co_await none.next();
    CHECK(!end.has_value());
  };
  s.run(program(s));
}

TEST_CASE("then submits what follows") {
  on_client({}, [](weft::client& c) -> weft::task<> {
    auto f = c.submit(inc, 1);
    auto g = f.then(inc).then([](int x) { return x * 10; });
    const int value = co_await g;
    CHECK(value == 30);
    std::vector<weft::future<>> done;
    done.push_back(c.submit([] {}));
    co_await c.gather(std::move(done));
  });
}

TEST_CASE("an observer hears of every step, and only while it is asked to") {
  struct : weft::task_observer {
    void on(const weft::task_event& e) noexcept override {
      std::lock_guard guard(lock);
      ++steps[static_cast<std::size_t>(e.what)];
      if (e.what == weft::task_event::step::failed) failed = e.key();
    }
    std::mutex lock;
    std::array<int, 6> steps{};
    std::string failed;
  } observer;
  weft::pool pool({.threads = 2});
  weft::client c(pool);
  const auto program = [](weft::client& client) -> weft::task<> {
    auto ok = client.map(inc, std::views::iota(0, 10));
    auto bad = client.with({.name = "bad"}).submit([](int) -> int { throw 1; }, 1);
    auto endless = client.submit(sleeps, 1'000'000);
    co_await client.wait(ok);
    co_await client.wait(std::vector(1, bad));
    endless.cancel();
    co_await client.wait(std::vector(1, endless));
  };
  {
    auto watching = c.observe(observer);
    pool.run(program(c));
  }
  const std::array<int, 6> seen = observer.steps;
  CHECK(seen[0] == 12);
  CHECK(seen[2] == 10);
  CHECK(seen[3] == 1);
  CHECK(seen[4] == 1);
  CHECK((seen[1] == 11 || seen[1] == 12));  // the endless one may be cancelled before it has begun
  CHECK(observer.failed == "bad");
  pool.run(program(c));
  CHECK(observer.steps == seen);
  const weft::task_totals totals = c.totals();
  CHECK(totals.submitted == 24);
  CHECK(totals.ended == 24);
  CHECK(totals.failed == 2);
  CHECK(totals.cancelled == 2);
}

TEST_CASE("an observer hears of attempts that are run again") {
  struct : weft::task_observer {
    void on(const weft::task_event& e) noexcept override {
      std::lock_guard guard(lock);
      steps.push_back(e.what);
    }
    std::mutex lock;
    std::vector<weft::task_event::step> steps;
  } observer;
  static std::atomic<int> left;
  left = 2;
  on_client({}, [&](weft::client& c) -> weft::task<> {
    const auto watching = c.observe(observer);
    const auto f = c.with({.retries = 3})
                       .submit(
                           [](int x) {
                             if (left.fetch_sub(1) > 0) throw std::runtime_error("not yet");
                             return x;
                           },
                           1);
    const int one = co_await f;
    CHECK(one == 1);
    using enum weft::task_event::step;
    CHECK(observer.steps == std::vector{submitted, started, retried, started, retried, started, done});
  });
}

TEST_CASE("progress is shown while something is awaited, and what is awaited comes through") {
  weft::pool pool({.threads = 2});
  weft::client c(pool);
  const auto program = [](weft::client& client) -> weft::task<int> {
    const std::vector<int> values = co_await client.gather(client.map(inc, std::views::iota(0, 100)));
    co_return std::accumulate(values.begin(), values.end(), 0);
  };
  CHECK(pool.run(weft::show_progress(c, "adding", program(c), weft::progress_bar::style::silent)) == 5050);
  std::string said = said_by([&] {
    CHECK(pool.run(weft::show_progress(c, "adding", program(c), weft::progress_bar::style::lines)) == 5050);
  });
  CHECK_THAT(said, Catch::EndsWith("adding: 100 %\n"));
  const auto nothing = [](weft::client& client) -> weft::task<> { co_await client.submit([] {}); };
  said = said_by([&] { pool.run(weft::show_progress(c, "doing", nothing(c), weft::progress_bar::style::bar)); });
  CHECK_THAT(said, Catch::EndsWith(" 100 %\n"));
}

TEST_CASE("progress is shown once more when a computation ends, and not when it throws") {
  const auto shown = [](bool failing) {
    weft::simulation s(1, {.workers = 2});
    const auto program = [](weft::simulation& sim, bool fails) -> weft::task<> {
      weft::client c(sim);
      // It ends between two looks, which are 50 ms apart.
      const auto computing = [](weft::client& client, bool throws) -> weft::task<int> {
        co_await weft::sleep_for(20ms);
        const int one = co_await client.submit(inc, 0);
        if (throws) co_await client.submit(takes_a_string, "x");
        co_return one;
      };
      co_await weft::show_progress(c, "computing", computing(c, fails), weft::progress_bar::style::lines);
    };
    return said_by([&] {
      if (failing)
        CHECK_THROWS_AS(s.run(program(s, true)), weft::task_failed);
      else
        s.run(program(s, false));
    });
  };
  CHECK_THAT(shown(false), Catch::EndsWith("computing: 100 %\n"));
  CHECK_THAT(shown(true), !Catch::Contains("computing: 100 %"));
}
