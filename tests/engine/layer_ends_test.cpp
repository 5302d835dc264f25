// Layers whose tasks fail, are cancelled or let go, and whose client ends.
#include <atomic>
#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "engine/layers.hpp"
#include "weft/client.hpp"
#include "weft/layer.hpp"
#include "weft/weft.hpp"

using namespace std::chrono_literals;
using namespace layers;

namespace {
number fails_at_700(std::size_t i, weft::values<number> in) {
  if (i == 700) throw std::out_of_range("task 700");
  return fold(i, in);
}
std::atomic<int> attempts;
number fails_twice(std::size_t i) {
  if (i == 20 && attempts.fetch_add(1) < 2) throw std::runtime_error("not yet");
  return leaf(i);
}
weft::task<std::string> what_of(weft::future<> f) {
  try {
    co_await f;
  } catch (const weft::task_failed& e) { co_return e.what(); }
  co_return "";
}
}  // namespace

TEST_CASE("a failure in the middle fails what needs it, and nothing else") {
  for (const unsigned threads : {1u, 2u})
    on_client(threads, [](weft::client& c) -> weft::task<> {
      const auto a = weft::layer_of(1000, leaf);
      const auto b = weft::layer_of(1000, fails_at_700, a, weft::one_to_one{});
      const auto d = weft::layer_of(1000, fold, b, weft::neighbours{1});
      auto futures = c.compute(d);
      const std::vector<number> right =
          sequential(1000, sequential(1000, leaves(1000), weft::one_to_one{}), weft::neighbours{1});
      int failed = 0;
      for (std::size_t i = 0; i < futures.size(); ++i) {
        try {
          const number x = co_await futures[i];
          CHECK(x == right[i]);
        } catch (const weft::task_failed& e) {
          ++failed;
          CHECK(e.path().size() == 2);
          CHECK(e.function().find("fails_at_700") != std::string::npos);
          CHECK_THROWS_AS(std::rethrow_exception(e.error()), std::out_of_range);
          CHECK(i >= 699);
          CHECK(i <= 701);
        }
      }
      CHECK(failed == 3);
      const std::string what = co_await what_of(c.run(d));
      CHECK(what.find("task 700") != std::string::npos);
      CHECK(what.find("all of ") != std::string::npos);
      // Over time all that comes later fails; of width 1 that is a chain.
      const auto t = weft::layer_over_time(5000, fails_at_700, weft::previous_step{1, weft::one_to_one{}});
      auto steps = c.compute(t);
      bool cut = false;
      try {
        static_cast<void>(co_await steps[4999]);
      } catch (const weft::task_failed& e) { cut = e.path().size() == 4300; }
      CHECK(cut);
      CHECK(steps[699].status() == weft::task_status::done);
      attempts = 0;
      const number again = co_await c.with({.retries = 2}).compute(weft::layer_of(40, fails_twice), 20);
      CHECK(again == leaf(20));
      attempts = 0;
      auto late = c.compute(weft::layer_of(40, fold, weft::layer_of(40, fails_twice), weft::one_to_one{}));
      for (int i = 0; i < 2; ++i) {
        bool failure = false;
        try {
          static_cast<void>(co_await late[20]);
        } catch (const weft::task_failed&) { failure = true; }
        CHECK(failure);
        c.retry(late[20]);
      }
      const number at_last = co_await late[20];
      CHECK(at_last == sequential(40, leaves(40), weft::one_to_one{})[20]);
    });
}

TEST_CASE("when no future is left, what has not begun is cancelled") {
  for (const unsigned threads : {1u, 2u}) {
    static std::atomic<bool> open;
    ran = 0;
    open = false;
    on_client(threads, [](weft::client& c) -> weft::task<> {
      const auto gate = weft::layer_of(1, [](std::size_t) -> weft::task<number> {
        while (!open) co_await weft::sleep_for(100us);
        co_return 1;
      });
      const auto a = weft::layer_of(100'000, counted_fold, gate, weft::every{});
      const auto b = weft::layer_of(100'000, counted_fold, a, weft::one_to_one{});
      auto futures = c.compute(b);
      CHECK(futures[5].status() == weft::task_status::pending);
      futures[5].cancel();
      bool cancelled = false;
      try {
        static_cast<void>(co_await futures[5]);
      } catch (const weft::cancelled&) { cancelled = true; }
      CHECK(cancelled);
      weft::future<number> kept = std::move(futures[7]);
      futures.clear();
      kept = {};
      {
        auto all = c.run(a);
        auto other = c.compute(a, 9);
      }
      open = true;
      // One client, so these come after what is left of the others.
      const number one = co_await c.compute(weft::layer_of(1, leaf), 0);
      CHECK(one == leaf(0));
    });
    CHECK(ran == 0);
  }
}

TEST_CASE("a task may be cancelled, and dropped, in the middle") {
  on_client(2, [](weft::client& c) -> weft::task<> {
    const auto t = weft::layer_over_time(20'000, counted_fold, weft::previous_step{4, weft::neighbours{1}});
    auto futures = c.compute(t);
    futures[10'001].cancel();
    futures[3] = {};
    std::size_t cancelled = 0;
    for (std::size_t i = 4; i < futures.size(); ++i) {
      try {
        static_cast<void>(co_await futures[i]);
      } catch (const weft::cancelled&) { ++cancelled; }
    }
    CHECK(cancelled <= 20'000);
  });
}

TEST_CASE("a client that ends in the middle of a layer, and futures that outlive it") {
  for (const unsigned threads : {1u, 2u}) {
    std::vector<weft::future<number>> futures;
    weft::future<> all;
    {
      weft::pool pool({.threads = threads});
      weft::client c(pool);
      const auto a = weft::layer_of(300'000, leaf);
      all = c.run(weft::layer_of(300'000, fold, a, weft::neighbours{3}));
      futures = c.compute(weft::layer_of(100'000, fold, a, weft::blocks{3}));
    }
    CHECK(all.done());
    CHECK(std::all_of(futures.begin(), futures.end(), [](const auto& f) { return f.done(); }));
  }
  for (const bool wide : {false, true}) {  // a client that ends while it walks through many tasks that take one value
    weft::pool pool({.threads = 2});
    weft::future<> all;
    {
      weft::client c(pool);
      const auto one = weft::layer_of(1, leaf);
      all = c.run(weft::layer_of(200'000, fold, one, weft::every{}));
      while (wide && c.totals().ended < 100) std::this_thread::yield();
    }
    CHECK(all.done());
  }
  weft::pool pool({.threads = 2});
  weft::future<> all;
  pool.run([](weft::pool& p, weft::future<>& out) -> weft::task<> {
    weft::client c(p);
    out = c.run(weft::layer_of(100'000, leaf));
    co_return;
  }(pool, all));
  pool.drain();
  CHECK(all.done());
}
