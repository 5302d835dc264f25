// Streams and channels.
#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "weft/simulation.hpp"
#include "weft/weft.hpp"

namespace {

using namespace std::chrono_literals;

weft::stream<int> count_to(int n) {
  for (int i = 0; i < n; ++i) {
    if (i % 3 == 0) co_await weft::yield();
    co_yield i;
  }
}
weft::stream<int> broken_after(int n) {
  for (int i = 0; i < n; ++i) co_yield i;
  throw std::runtime_error("the source broke");
}

template <class T>
weft::task<std::vector<T>> collect(weft::stream<T> s) {
  std::vector<T> all;
  while (std::optional<T> v = co_await s.next()) all.push_back(std::move(*v));
  co_return all;
}

struct watched {
  explicit watched(std::atomic<int>& n) : alive(&n) { ++*alive; }
  watched(const watched& o) : alive(o.alive) { ++*alive; }
  ~watched() { --*alive; }
  std::atomic<int>* alive;
};
weft::stream<int> endless(std::atomic<int>& alive) {
  const watched w(alive);
  for (int i = 0;; ++i) {
    co_await weft::checkpoint();
    co_yield i;
  }
}

}  // namespace

TEST_CASE("a stream gives what its generator yields, then ends for good", "[stream]") {
  auto twice = []() -> weft::task<int> {
    weft::stream<int> s = count_to(4);
    int sum = 0;
    while (auto v = co_await s.next()) sum += *v;
    const auto after = co_await s.next();
    co_return after ? -1 : sum;
  };
  CHECK(weft::run(twice()) == 6);
  CHECK(weft::run(collect(count_to(0))).empty());
}

TEST_CASE("filter, transform, take and buffered compose", "[stream]") {
  auto even = [](int i) { return i % 2 == 0; };
  auto text = [](int i) { return std::to_string(i); };
  auto slow = [](int i) -> weft::task<int> {
    co_await weft::yield();
    co_return i + 100;
  };
  CHECK(weft::run(collect(count_to(10) | weft::filter(even) | weft::transform(text))) ==
        std::vector<std::string>{"0", "2", "4", "6", "8"});
  CHECK(weft::run(collect(count_to(1'000'000) | weft::transform(slow) | weft::take(3))) ==
        std::vector<int>{100, 101, 102});
  CHECK(weft::run(collect(count_to(100) | weft::buffered(7))).size() == 100);
  CHECK(weft::run(collect(count_to(5) | weft::take(0))).empty());
}

TEST_CASE("a yielded lvalue is copied, a moved one is moved", "[stream]") {
  auto lines = []() -> weft::stream<std::string> {
    std::string line = "a line that is too long for the small string buffer";
    co_yield line;
    line += "!";
    co_yield line;
    co_yield std::move(line);
  };
  const auto all = weft::run(collect(lines()));
  REQUIRE(all.size() == 3);
  CHECK(all[1] == all[0] + "!");
  CHECK(all[2] == all[1]);
  auto boxes = []() -> weft::stream<std::unique_ptr<int>> {
    for (int i = 0; i < 3; ++i) co_yield std::make_unique<int>(i);
  };
  CHECK(*weft::run(collect(boxes() | weft::buffered(2)))[2] == 2);
}

TEST_CASE("what a generator throws comes out of next, through every adaptor", "[stream]") {
  auto keep = [](int) { return true; };
  CHECK_THROWS_WITH(weft::run(collect(broken_after(3))), "the source broke");
  CHECK_THROWS_WITH(weft::run(collect(broken_after(3) | weft::filter(keep) | weft::buffered(1))), "the source broke");
  CHECK(weft::run(collect(broken_after(3) | weft::take(3))).size() == 3);
}

TEST_CASE("a stream that is dropped ends its generator, buffered or not", "[stream]") {
  std::atomic<int> alive{0};
  {
    weft::pool pool({.threads = 2});
    pool.run(collect(endless(alive) | weft::take(5)));
    CHECK(alive.load() == 0);
    for (int i = 0; i < 50; ++i) pool.run(collect(endless(alive) | weft::buffered(3) | weft::take(5)));
    pool.drain();
    CHECK(alive.load() == 0);
    static_cast<void>(endless(alive) | weft::buffered(3));  // never asked
  }
  CHECK(alive.load() == 0);
}

TEST_CASE("a stop ends a consumer and the producer ahead of it", "[stream]") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    std::atomic<int> alive{0};
    weft::simulation sim(seed);
    auto limited = [](std::atomic<int>& n) -> weft::task<bool> {
      auto ticking = [](std::atomic<int>& k) -> weft::stream<int> {
        const watched w(k);
        for (int i = 0;; ++i) {
          co_await weft::sleep_for(1ms);
          co_yield i;
        }
      };
      try {
        co_await weft::timeout(10ms, collect(ticking(n) | weft::buffered(2)));
      } catch (const weft::timed_out&) { co_return true; }
      co_return false;
    };
    CHECK(sim.run(limited(alive)));
    CHECK(alive.load() == 0);
  }
}

TEST_CASE("a producer that is stopped before it begins does not look like the end", "[stream]") {
  weft::pool pool({.threads = 1});
  auto shielded = [](weft::pool& p) -> weft::task<> {
    p.request_stop();
    co_await weft::shield(collect(count_to(3) | weft::buffered(2)));
  };
  CHECK_THROWS_AS(pool.run(shielded(pool)), weft::cancelled);
}

TEST_CASE("a channel: many to many, closed, in simulated orders", "[channel]") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    weft::simulation sim(seed);
    auto whole = [](weft::simulation& s, std::size_t capacity) -> weft::task<long> {
      weft::channel<long> c(capacity);
      auto produce = [](weft::simulation& w, weft::channel<long>& ch, long from) -> weft::task<> {
        for (long i = from; i < from + 20; ++i) {
          if (w.random() % 4 == 0) co_await weft::sleep_for(std::chrono::microseconds(w.random() % 50));
          const bool accepted = co_await ch.send(i);
          if (!accepted) throw std::logic_error("an open channel refused");
        }
      };
      auto consume = [](weft::channel<long>& ch) -> weft::task<long> {
        long sum = 0;
        while (auto v = co_await ch.receive()) sum += *v;
        co_return sum;
      };
      auto produce_all = [&]() -> weft::task<> {
        co_await weft::all(produce(s, c, 0), produce(s, c, 100), produce(s, c, 200));
        c.close();
      };
      auto [none, a, b] = co_await weft::all(produce_all(), consume(c), consume(c));
      static_cast<void>(none);
      const bool late = co_await c.send(1);
      co_return late ? -1 : a + b;
    };
    CHECK(sim.run(whole(sim, seed % 4)) == 3 * 190 + 20 * 300);
  }
}

TEST_CASE("a channel's waiting ends by a stop without loss", "[channel]") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    weft::simulation sim(seed, {.workers = 2});
    auto whole = [](weft::simulation& s) -> weft::task<int> {
      weft::channel<int> c(1);
      int sent = 0, received = 0;
      auto sends = [](weft::channel<int>& ch, int& n) -> weft::task<> {
        for (;;) {
          const bool accepted = co_await ch.send(1);
          n += accepted ? 1 : 0;
        }
      };
      auto limited = [](weft::task<> t, std::chrono::microseconds us) -> weft::task<> {
        try {
          co_await weft::timeout(us, std::move(t));
        } catch (const weft::timed_out&) {}
      };
      auto receives = [](weft::simulation& w, weft::channel<int>& ch, int& n) -> weft::task<> {
        for (;;) {
          co_await weft::sleep_for(std::chrono::microseconds(w.random() % 20));
          const auto v = co_await ch.receive();
          n += v ? 1 : 0;
        }
      };
      co_await weft::all(limited(sends(c, sent), std::chrono::microseconds(s.random() % 300)),
                         limited(receives(s, c, received), std::chrono::microseconds(s.random() % 300)));
      c.close();
      while (auto v = co_await c.receive()) ++received;
      co_return sent - received;
    };
    CHECK(sim.run(whole(sim)) == 0);
  }
}
