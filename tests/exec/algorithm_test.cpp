// Parallel algorithms against the plain ones.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <list>
#include <memory>
#include <numeric>
#include <random>
#include <ranges>
#include <string>
#include <vector>

#include "weft/simulation.hpp"
#include "weft/weft.hpp"

namespace {

std::vector<long> numbers(std::size_t n) {
  std::mt19937_64 engine(n + 7);
  std::vector<long> v(n);
  for (long& x : v) x = static_cast<long>(engine() % 1000);
  return v;
}

const std::size_t sizes[] = {0, 1, 2, 3, 24, 25, 100, 4097, 100'000};

}  // namespace

TEST_CASE("for_each touches each element once, whatever the grain", "[algorithm]") {
  weft::pool pool({.threads = 3});
  for (const std::size_t n : sizes)
    for (const std::size_t grain : {0u, 1u, 7u, 1'000'000u}) {
      if (grain == 1 && n > 5000) continue;
      std::vector<int> v(n);
      auto part = [&v](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) ++v[i];
      };
      pool.run(weft::for_each(std::size_t{0}, n, part, grain));
      auto each = [](int& i) { ++i; };
      pool.run(weft::for_each(v, each, grain));
      CHECK(std::all_of(v.begin(), v.end(), [](int i) { return i == 2; }));
    }
}

TEST_CASE("a view may be a temporary, and what is passed is kept", "[algorithm]") {
  weft::pool pool({.threads = 2});
  std::vector<long> v = numbers(5000);
  const long sum = std::accumulate(v.begin(), v.end(), 0L);
  auto later = [](std::vector<long>& data) {
    auto add = [one = std::make_shared<long>(1)](long& x) { x += *one; };
    return weft::for_each(std::span<long>(data), add);  // the span and the lambda end here
  };
  pool.run(later(v));
  auto summed = [](std::vector<long>& data) {
    return weft::reduce(std::span<long>(data), 0L, std::plus<>{},
                        [offset = std::string("1")](long x) { return x - std::stol(offset); });
  };
  CHECK(pool.run(summed(v)) == sum);
}

TEST_CASE("reduce: the sum, in one order for one grain", "[algorithm]") {
  weft::pool one({.threads = 1}), three({.threads = 3});
  for (const std::size_t n : sizes) {
    const std::vector<long> v = numbers(n);
    CHECK(three.run(weft::reduce(v, 5L)) == std::accumulate(v.begin(), v.end(), 5L));
    auto map = [&v](std::size_t first, std::size_t last) {
      double sum = 0;
      for (std::size_t i = first; i < last; ++i) sum += 1.0 / static_cast<double>(v[i] + 1);
      return sum;
    };
    const auto whole = [&](weft::pool& p) {
      return p.run(weft::reduce(std::size_t{0}, n, 0.0, map, std::plus{}, 64));
    };
    CHECK(whole(one) == whole(three));  // bit for bit
  }
}

TEST_CASE("sort: sorted, stable, with any order", "[algorithm]") {
  weft::pool pool({.threads = 3});
  for (const std::size_t n : sizes)
    for (const std::size_t grain : {0u, 2u, 50u}) {
      if (grain == 2 && n > 5000) continue;
      std::vector<std::pair<long, std::size_t>> v;
      for (const long x : numbers(n)) v.emplace_back(x % 50, v.size());
      auto expected = v;
      const auto less = [](const auto& a, const auto& b) { return a.first > b.first; };
      std::sort(expected.begin(), expected.end(), [](const auto& a, const auto& b) {
        return a.first != b.first ? a.first > b.first : a.second < b.second;
      });
      pool.run(weft::sort(std::span(v), less, grain));
      CHECK(v == expected);
    }
  std::vector<std::string> words;
  for (const long x : numbers(3000)) words.push_back("a rather long word number " + std::to_string(x));
  auto expected = words;
  std::sort(expected.begin(), expected.end());
  pool.run(weft::sort(std::span(words), std::less<>{}, 16));
  CHECK(words == expected);
}

TEST_CASE("scan: in place, of any size, and refusing unequal ones", "[algorithm]") {
  weft::pool pool({.threads = 3});
  for (const std::size_t n : sizes)
    for (const std::size_t grain : {0u, 3u}) {
      std::vector<long> v = numbers(n), expected(n), out(n);
      std::partial_sum(v.begin(), v.end(), expected.begin());
      pool.run(weft::scan(std::span<const long>(v), std::span<long>(out), std::plus{}, grain));
      CHECK(out == expected);
      pool.run(weft::scan(std::span<const long>(v), std::span<long>(v), std::plus{}, grain));
      CHECK(v == expected);
    }
  std::vector<long> plain{3, 1, 2};
  pool.run(weft::sort(plain));
  CHECK(plain == std::vector<long>{1, 2, 3});
  pool.run(weft::scan(plain, plain));
  CHECK(plain == std::vector<long>{1, 3, 6});
  std::vector<long> three(3), two(2);
  const std::unique_ptr<bool[]> bits(new bool[10'000]{});
  bits[17] = true;
  std::unique_ptr<bool[]> any(new bool[10'000]);
  pool.run(weft::scan(std::span<const bool>(bits.get(), 10'000), std::span<bool>(any.get(), 10'000),
                      std::logical_or<>{}, 5));
  CHECK(std::count(any.get(), any.get() + 10'000, true) == 10'000 - 17);
  CHECK_THROWS_AS(pool.run(weft::scan(std::span<const long>(three), std::span<long>(two))), weft::misuse);
}

TEST_CASE("what a part throws comes out, and a stop ends the rest", "[algorithm]") {
  weft::pool pool({.threads = 2});
  // So many that the others cannot be through before the first has thrown, however late it gets a processor.
  constexpr std::size_t all = 10'000'000'000;
  std::atomic<std::size_t> parts{0};
  auto part = [&parts](std::size_t, std::size_t) {
    if (parts.fetch_add(1) == 0) throw std::runtime_error("the first part");
  };
  CHECK_THROWS_WITH(pool.run(weft::for_each(std::size_t{0}, all, part, 1)), "the first part");
  CHECK(parts.load() < all);
}

TEST_CASE("map stops at a failure, with plain functions too, and takes any forward range", "[map]") {
  weft::pool pool({.threads = 2});
  std::list<int> in(10'000);
  std::iota(in.begin(), in.end(), 0);
  std::atomic<int> calls{0};
  auto plain = [&calls](int i) {
    ++calls;
    if (i == 3) throw std::runtime_error("three");
    return i;
  };
  CHECK_THROWS_WITH(pool.run(weft::map(in, plain, weft::in_flight(2))), "three");
  CHECK(calls.load() < 10'000);
  auto square = [](int i) { return i * i; };
  const std::vector<int> out = pool.run(weft::map(in, square, weft::in_flight(3)));
  CHECK(out.size() == 10'000);
  CHECK(out[100] == 10'000);
  auto endless = [](int) {};
  auto limited = [&]() -> weft::task<> {
    co_await weft::timeout(std::chrono::milliseconds(2), weft::map(std::views::iota(0, 2'000'000'000), endless));
  };
  CHECK_THROWS_AS(pool.run(limited()), weft::timed_out);
}

TEST_CASE("map has twice as many calls in flight as the pool has workers, wherever it was made", "[map]") {
  int now = 0, most = 0;
  auto hold = [&now, &most](int) -> weft::task<> {
    most = std::max(most, ++now);
    co_await weft::sleep_for(std::chrono::milliseconds(1));
    --now;
  };
  const std::vector<int> in(100);
  weft::simulation sim(1, {.workers = 4});
  sim.run(weft::map(in, hold));  // made outside of any pool
  CHECK(most == 8);
  most = 0;
  sim.run(weft::map(in, hold, weft::in_flight(3)));
  CHECK(most == 3);
}
