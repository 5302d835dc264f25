// Ends that meet: pools that are stopped, clients that close, futures that are let go, on threads of their own.
#include <atomic>
#include <barrier>
#include <catch2/catch.hpp>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "weft/client.hpp"
#include "weft/weft.hpp"

using namespace std::chrono_literals;

namespace {

using block = std::vector<std::uint64_t>;
block make(std::uint64_t seed, std::size_t words) {
  block b(words);
  std::iota(b.begin(), b.end(), seed);
  return b;
}
std::uint64_t sum(const block& b) { return std::accumulate(b.begin(), b.end(), std::uint64_t{0}); }
int inc(int x) { return x + 1; }
std::unique_ptr<int> boxed(int x) { return std::make_unique<int>(x); }

weft::task<> wait_for(weft::client& c, std::vector<weft::future<block>> blocks) {
  co_await c.wait(std::move(blocks));
}

weft::client_options small_memory(std::uint64_t bytes) {
  weft::client_options o;
  o.memory_budget = bytes;
  return o;
}

constexpr std::size_t words = (1 << 20) / 8;

}  // namespace

TEST_CASE("after a pool was stopped tasks whose inputs are on the disk end, and a shielded reader has its value") {
  weft::pool pool({.threads = 2});
  weft::client c(pool, small_memory(4 << 20));
  std::vector<weft::future<block>> blocks;
  for (std::uint64_t i = 0; i < 16; ++i) blocks.push_back(c.submit(make, i, words));
  pool.run(wait_for(c, blocks));
  pool.request_stop();
  std::vector<weft::future<std::uint64_t>> sums;
  for (const auto& b : blocks) sums.push_back(c.submit(sum, b));
  const auto read = [](weft::future<block> f) -> weft::task<std::uint64_t> { co_return (co_await f)[0]; };
  const auto shielded = [](weft::task<std::uint64_t> t) -> weft::task<std::uint64_t> {
    co_return co_await weft::shield(std::move(t));
  };
  std::uint64_t first = 0;
  for (std::uint64_t i = 0; i < 16; ++i) {
    try {
      first = pool.run(shielded(read(blocks[i])));
      CHECK(first == i);
    } catch (const weft::cancelled&) {  // the pool's stop came before the task began
    }
  }
  pool.drain();
  for (const auto& s : sums) CHECK(s.done());
}

TEST_CASE("a pool that is being ended refuses what comes from outside, and lets futures go") {
  weft::pool pool({.threads = 2});
  weft::client c(pool);
  auto endless = c.submit([]() -> weft::task<int> {
    co_await weft::sleep_for(24h);
    co_return 1;
  });
  auto after = c.submit(inc, endless);
  pool.cancel();
  CHECK_THROWS_AS(c.submit(inc, 1), weft::misuse);
  after.cancel();
  CHECK(endless.done());
  CHECK(after.done());
}

TEST_CASE("futures that are empty or another client's are refused with a sentence") {
  weft::pool pool({.threads = 1});
  weft::client c(pool), d(pool);
  weft::future<int> none;
  CHECK_THROWS_WITH(c.submit(inc, none), Catch::Contains("refers to no task"));
  CHECK_THROWS_WITH(none.status(), Catch::Contains("refers to no task"));
  auto theirs = d.submit(inc, 1);
  CHECK_THROWS_WITH(c.submit(inc, theirs), Catch::Contains("belongs to another client"));
  std::vector<weft::future<int>> several{theirs, none};
  CHECK_THROWS_AS(c.submit([](weft::values<int> v) { return v.size(); }, several), weft::misuse);
  const auto value_of = [](weft::future<int> f) -> weft::task<int> { co_return co_await f; };
  CHECK_THROWS_AS(pool.run(value_of(none)), weft::misuse);
  CHECK(pool.run(value_of(theirs)) == 2);
}

TEST_CASE("a move-only result is given to whoever awaits the only future, whatever the engine is doing") {
  weft::pool pool({.threads = 2});
  weft::client c(pool);
  const auto program = [](weft::client& client) -> weft::task<> {
    for (int i = 0; i < 20'000; ++i) {
      const std::unique_ptr<int> value = co_await client.submit(boxed, i);
      if (*value != i) throw std::runtime_error("another value");
    }
  };
  pool.run(program(c));
}

namespace {
weft::task<int> deep(weft::client& c, int depth) {
  if (depth == 0) throw std::out_of_range("the bottom");
  auto below = c.with({.name = "level " + std::to_string(depth)}).submit(deep, depth - 1);
  co_return co_await below;
}
}  // namespace

TEST_CASE("a failure that came by awaits names the task that threw, and stays short") {
  weft::pool pool({.threads = 1});
  weft::client c(pool);
  const auto program = [](weft::client& client) -> weft::task<std::string> {
    auto f = client.with({.name = "top"}).submit(deep, 500);
    std::string what;
    try {
      static_cast<void>(co_await f);
    } catch (const weft::task_failed& e) {
      what = e.what();
      CHECK(e.path().size() <= 65);
      CHECK(e.path().back() == "top");
      CHECK(e.key() == "level 1");
      CHECK_THROWS_AS(std::rethrow_exception(e.error()), std::out_of_range);
    }
    co_return what;
  };
  const std::string what = pool.run(program(c));
  CHECK(what.find("level 1 failed: std::out_of_range: the bottom") != std::string::npos);
  CHECK(what.size() < 1000);
}

TEST_CASE("waiting for memory ends with a stop") {
  weft::pool pool({.threads = 2});
  weft::client c(pool, small_memory(4 << 20));
  std::vector<weft::future<block>> blocks;
  for (std::uint64_t i = 0; i < 12; ++i) blocks.push_back(c.submit(make, i, words));
  pool.run(wait_for(c, blocks));
  const auto read = [](weft::future<block> f) -> weft::task<std::uint64_t> { co_return (co_await f)[0]; };
  // Whether it is in time or not, nothing is lost and nothing hangs.
  for (int round = 0; round < 20; ++round)
    for (std::uint64_t i = 0; i < 12; ++i) {
      try {
        const std::uint64_t first = pool.run(weft::timeout(std::chrono::microseconds(50 * round), read(blocks[i])));
        CHECK(first == i);
      } catch (const weft::timed_out&) {}
    }
  CHECK(pool.run(read(blocks[11])) == 11);
}

TEST_CASE("a client ends while other threads cancel and let go of its futures") {
  for (int round = 0; round < 200; ++round) {
    weft::pool pool({.threads = 2});
    std::vector<weft::future<int>> futures;
    std::vector<weft::future<block>> blocks;
    auto c = std::make_unique<weft::client>(pool, small_memory(2 << 20));
    auto gate = c->submit([]() -> weft::task<int> {
      co_await weft::sleep_for(1ms);
      co_return 1;
    });
    for (int i = 0; i < 50; ++i) futures.push_back(c->submit(inc, gate));
    for (int i = 0; i < 4; ++i) blocks.push_back(c->submit(make, 1, words));
    std::thread other([&] {
      for (std::size_t i = 0; i < futures.size(); i += 2) futures[i].cancel();
      futures.clear();
      blocks.clear();
    });
    gate = {};
    c.reset();
    other.join();
  }
}

namespace {
/// Orders nothing, so that whatever orders what happens at the end is weft's own.
std::atomic<bool> may_end{false};
int wait_to_end(int x) {
  while (!may_end.load(std::memory_order_relaxed)) {}
  return x;
}
/// Lets the task end that the future is of when both have come, and meanwhile cancels it, each `every` rounds, and
/// lets go of it.
std::thread lets_go_at_end(weft::future<int>& f, std::barrier<>& both, int rounds, int every) {
  return std::thread([&f, &both, rounds, every] {
    for (int round = 0; round < rounds; ++round) {
      both.arrive_and_wait();
      may_end.store(true, std::memory_order_relaxed);
      while (round % every == 0 && !f.done()) f.cancel();
      f = {};
      both.arrive_and_wait();
    }
  });
}
}  // namespace

TEST_CASE("the last task ends, and its client with it, while another thread cancels it or lets go of it") {
  constexpr int rounds = 2'000;
  weft::pool pool({.threads = 1});
  weft::future<int> f;
  std::barrier both(2);
  std::thread other = lets_go_at_end(f, both, rounds, 2);
  for (int round = 0; round < rounds; ++round) {
    may_end.store(false, std::memory_order_relaxed);
    auto c = std::make_unique<weft::client>(pool);
    f = c->submit(wait_to_end, round);
    while (f.status() == weft::task_status::pending) std::this_thread::yield();
    both.arrive_and_wait();
    c.reset();
    both.arrive_and_wait();
  }
  other.join();
}

TEST_CASE("a pool waits for a client that another thread keeps at work when the pool's last task has ended") {
  constexpr int rounds = 300;
  weft::future<int> f;
  std::barrier both(2);
  std::thread other = lets_go_at_end(f, both, rounds, 1);
  for (int round = 0; round < rounds; ++round) {
    may_end.store(false, std::memory_order_relaxed);
    {
      weft::pool pool({.threads = 2});
      // The client ends on a worker, where nobody may wait for it.
      const auto program = [&](weft::pool& p) -> weft::task<> {
        weft::client c(p);
        f = c.submit(wait_to_end, round);
        while (f.status() == weft::task_status::pending) std::this_thread::yield();
        both.arrive_and_wait();
        co_return;
      };
      pool.run(program(pool));
    }
    both.arrive_and_wait();
  }
  other.join();
}

TEST_CASE("of values awaited together those in memory outlive their client, and those on the disk are told of") {
  const bool in_memory = GENERATE(true, false);
  weft::pool pool({.threads = 2});
  std::vector<weft::future<block>> blocks;
  {
    weft::client c(pool, small_memory(in_memory ? 64 << 20 : 2 << 20));
    for (std::uint64_t i = 0; i < 6; ++i) blocks.push_back(c.submit(make, i, words));
    pool.run(wait_for(c, blocks));
  }
  const auto read = [](weft::future<block> f) -> weft::task<std::uint64_t> { co_return (co_await f)[0]; };
  const auto sum_of = [read](std::vector<weft::future<block>> from) -> weft::task<std::uint64_t> {
    std::vector<weft::task<std::uint64_t>> reads;
    for (const auto& b : from) reads.push_back(read(b));
    const std::vector<std::uint64_t> firsts = co_await weft::all(std::move(reads));
    co_return std::accumulate(firsts.begin(), firsts.end(), std::uint64_t{0});
  };
  if (in_memory) {
    const std::uint64_t firsts = pool.run(sum_of(blocks));
    CHECK(firsts == 15);
  } else {
    CHECK_THROWS_WITH(pool.run(sum_of(blocks)), Catch::Contains("was on the disk when its client ended"));
  }
}
