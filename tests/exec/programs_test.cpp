// Random programs of structured concurrency, in thousands of orders of execution.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/seeds.hpp"
#include "weft/simulation.hpp"
#include "weft/weft.hpp"

namespace {

using namespace std::chrono_literals;

/// A random program with one right answer: the sum of its leaves. Combinators, waits and locks are thrown in.
struct program {
  weft::simulation& sim;
  weft::mutex lock;
  long under_lock = 0;
  int inside = 0;

  weft::task<long> leaf(long v) {
    switch (sim.random() % 4) {
      case 0:
        co_await weft::sleep_for(std::chrono::microseconds(sim.random() % 1000));
        break;
      case 1:
        co_await weft::yield();
        break;
      case 2: {
        auto guard = co_await lock.lock();
        if (inside++ != 0) throw std::logic_error("two tasks hold one lock");
        co_await weft::yield();
        under_lock += v;
        --inside;
        break;
      }
      default:
        co_await weft::checkpoint();
    }
    co_return v;
  }
  weft::task<long> never() {
    co_await weft::sleep_for(24h);
    co_return -1;
  }
  weft::task<long> throwing() {
    co_await weft::sleep_for(std::chrono::microseconds(sim.random() % 1000));
    throw std::runtime_error("planned");
  }
  static weft::task<> add(long& sum, weft::mutex& m, weft::task<long> t) {
    const long v = co_await std::move(t);
    auto guard = co_await m.lock();
    sum += v;
  }
  weft::task<long> in_scope(weft::nursery& n, int depth) {
    long sum = 0;
    weft::mutex m;
    weft::latch done(2);
    auto counted = [](weft::task<> t, weft::latch& l) -> weft::task<> {
      co_await std::move(t);
      l.count_down();
    };
    n.spawn(counted(add(sum, m, tree(depth, 1)), done));
    n.spawn(counted(add(sum, m, tree(depth, 2)), done));
    co_await done.wait();
    co_return sum;
  }
  weft::task<long> through_channel(int depth) {
    weft::channel<long> c(sim.random() % 3);
    auto send = [](weft::channel<long>& ch, weft::task<long> t) -> weft::task<> {
      const long v = co_await std::move(t);
      co_await ch.send(v);
      co_await ch.send(0);
      ch.close();
    };
    auto sum = [](weft::channel<long>& ch) -> weft::task<long> {
      long s = 0;
      while (auto v = co_await ch.receive()) s += *v;
      co_return s;
    };
    auto [none, s] = co_await weft::all(send(c, tree(depth, 3)), sum(c));
    static_cast<void>(none);
    co_return s;
  }
  static long expected(int depth, long seed) {
    if (depth == 0) return seed;
    return expected(depth - 1, 2 * seed) + expected(depth - 1, 2 * seed + 1);
  }
  weft::task<long> tree(int depth, long seed) {
    if (depth == 0) co_return co_await leaf(seed);
    switch (sim.random() % 3) {
      case 0: {
        auto [a, b] = co_await weft::all(half(depth - 1, 2 * seed), half(depth - 1, 2 * seed + 1));
        co_return a + b;
      }
      case 1: {
        std::vector<weft::task<long>> parts;
        parts.push_back(half(depth - 1, 2 * seed));
        parts.push_back(half(depth - 1, 2 * seed + 1));
        const auto v = co_await weft::all(std::move(parts));
        co_return v[0] + v[1];
      }
      default: {
        const long a = co_await half(depth - 1, 2 * seed);
        const long b = co_await half(depth - 1, 2 * seed + 1);
        co_return a + b;
      }
    }
  }
  weft::task<long> half(int depth, long seed) {
    switch (sim.random() % 12) {
      case 0: {
        const auto w = co_await weft::any(never(), tree(depth, seed), throwing());
        co_return w.value;
      }
      case 1:
        co_return co_await weft::timeout(1h, tree(depth, seed));
      case 2: {
        auto r = co_await weft::as_result(failing_all());
        if (r.ok()) throw std::logic_error("a failure was lost");
        co_return co_await tree(depth, seed);
      }
      case 3: {
        auto over = [](program& p) -> weft::task<long> { co_return co_await weft::timeout(10ms, p.never()); };
        auto r = co_await weft::as_result(over(*this));
        if (r.ok()) throw std::logic_error("a timeout did not fire");
        co_return co_await tree(depth, seed);
      }
      case 4: {  // a stop does not reach what is shielded
        bool begun = false;
        auto shielded = [](program& p, int d, long s, bool& b) -> weft::task<long> {
          b = true;
          co_return co_await weft::shield(p.tree(d, s));
        };
        auto limited = [&]() -> weft::task<long> {
          co_return co_await weft::timeout(some_time(), shielded(*this, depth, seed, begun));
        };
        auto r = co_await weft::as_result(limited());
        if (r.ok()) co_return r.value();
        if (begun) throw std::logic_error("a stop reached what is shielded");
        co_return co_await tree(depth, seed);
      }
      case 5: {  // a stop from beside
        weft::stop_source source;
        auto hears = [](weft::task<long> t) -> weft::task<bool> {
          auto r = co_await weft::as_result(std::move(t));
          co_return r.was_cancelled();
        };
        auto stops = [](std::chrono::nanoseconds after, weft::stop_source s) -> weft::task<> {
          co_await weft::sleep_for(after);
          s.request_stop();
        };
        auto [heard, none] = co_await weft::all(hears(weft::with_stop(source, never())), stops(some_time(), source));
        static_cast<void>(none);
        if (!heard) throw std::logic_error("a stop was not heard");
        co_return co_await tree(depth, seed);
      }
      case 6:
        co_return co_await stopped_scope(*this, depth, seed);
      case 7: {
        auto part = [this, depth](long s) { return tree(depth - 1, s); };
        if (depth == 0) co_return co_await tree(0, seed);
        std::vector<long> seeds{2 * seed, 2 * seed + 1};
        const auto v = co_await weft::map(seeds, part, weft::in_flight(1 + sim.random() % 3));
        co_return v[0] + v[1];
      }
      case 8: {
        co_await algorithms(seed);
        co_return co_await tree(depth, seed);
      }
      default:
        co_return co_await tree(depth, seed);
    }
  }
  std::chrono::nanoseconds some_time() { return std::chrono::microseconds(sim.random() % 1000); }
  /// A scope that stops the children it has left when it has its sum.
  static weft::task<long> stopped_scope(program& p, int depth, long seed) {
    auto body = [](weft::nursery& n, program& q, int d, long s) -> weft::task<long> {
      auto drop = [](weft::task<long> t) -> weft::task<> { co_await std::move(t); };
      n.spawn(drop(q.never()));
      const long sum = co_await q.tree(d, s);
      n.request_stop();
      co_return sum;
    };
    co_return co_await weft::scope(body, std::ref(p), depth, seed);
  }
  /// Sorts, adds up and scans some numbers.
  weft::task<> algorithms(long seed) {
    std::vector<long> numbers(1 + sim.random() % 50), sums(numbers.size());
    auto fill = [&](std::size_t from, std::size_t to) {
      for (std::size_t i = from; i < to; ++i) numbers[i] = (static_cast<long>(i) * 37 + seed) % 11;
    };
    co_await weft::for_each(std::size_t{0}, numbers.size(), fill, 1 + sim.random() % 8);
    const long sum = co_await weft::reduce(numbers, 0L, std::plus<>(), std::identity(), 1 + sim.random() % 8);
    co_await weft::sort(numbers, std::less<>(), 2 + sim.random() % 8);
    co_await weft::scan(numbers, sums, std::plus<>(), 1 + sim.random() % 8);
    if (!std::ranges::is_sorted(numbers) || sums.back() != sum) throw std::logic_error("an algorithm lost a number");
  }
  weft::task<long> failing_all() {
    auto [a, b, c] = co_await weft::all(never(), throwing(), never());
    co_return a + b + c;
  }
  static weft::task<long> scoped(program& p, int depth) {
    auto f = [](weft::nursery& n, program& q, int d) -> weft::task<long> { co_return co_await q.in_scope(n, d); };
    co_return co_await weft::scope(f, std::ref(p), depth);
  }
  weft::task<long> all_of_it(int depth) {
    auto [a, b, c] = co_await weft::all(tree(depth, 1), scoped(*this, depth), through_channel(depth));
    co_return a + b + c;
  }
};

std::uint64_t simulate(std::uint64_t seed) {
  weft::simulation sim(seed, {.workers = 1 + static_cast<unsigned>(seed % 4)});
  program p{sim, {}, 0, 0};
  const int depth = 3;
  const long right = program::expected(depth, 1) + program::expected(depth, 1) + program::expected(depth, 2) +
                     program::expected(depth, 3);
  const long sum = sim.run(p.all_of_it(depth));
  if (sum != right) throw std::logic_error("the sum is " + std::to_string(sum));
  if (sim.elapsed() > 1h) throw std::logic_error("a task that lost was not cancelled");
  return sim.hash();
}

}  // namespace

TEST_CASE("structured programs in thousands of orders of execution", "[simulation]") {
  for (const std::uint64_t seed : weft::test::seed_range(10'000)) {
    try {
      const std::uint64_t hash = simulate(seed);
      if (seed % 20 == 0 && simulate(seed) != hash) throw std::logic_error("another order the second time");
    } catch (const std::exception& e) {
      FAIL("seed " << seed << ": " << e.what() << " (replay: WEFT_SEED=" << seed << ")");
    }
  }
  SUCCEED();
}
