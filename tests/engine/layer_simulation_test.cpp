// Random layers over many orders of execution.
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/layers.hpp"
#include "support/seeds.hpp"
#include "weft/client.hpp"
#include "weft/layer.hpp"
#include "weft/simulated_disk.hpp"
#include "weft/simulation.hpp"
#include "weft/weft.hpp"

using namespace std::chrono_literals;
using namespace layers;

namespace {

/// Layers at random, with coroutines, failures and cancellations, against a sequential run.
struct planned_layer {
  weft::layer<number> layer;
  std::vector<number> values;
  std::vector<char> fails;
};
number may_fail(std::size_t i, weft::values<number> in, std::size_t at) {
  if (i == at) throw std::runtime_error("as planned");
  return fold(i, in);
}
template <class D>
planned_layer planned_after(const planned_layer& a, std::size_t m, D d, bool coroutine, std::size_t fails_at) {
  planned_layer b;
  b.layer = coroutine ? weft::layer_of(m, waits, a.layer, d) : weft::layer_of(m, may_fail, a.layer, d, fails_at);
  b.values = sequential(m, a.values, d);
  for (std::size_t j = 0; j < m; ++j) {
    bool fails = !coroutine && j == fails_at;
    weft::intervals in = d.of(j);
    in.clamp(a.values.size());
    for (const weft::interval& i : in)
      for (std::size_t k = i.first; k <= i.last; ++k) fails = fails || a.fails[k];
    b.fails.push_back(fails);
  }
  return b;
}

weft::task<> random_layers(weft::client& c, weft::simulation& s) {
  std::vector<planned_layer> all;
  std::vector<std::vector<weft::future<number>>> under_way;
  for (std::size_t count = 2 + s.random() % 6; count > 0; --count) {
    const std::size_t n = 1 + s.random() % 60;
    const std::size_t fails_at = s.random() % 4 == 0 ? s.random() % 80 : 1000;
    const bool coroutine = s.random() % 4 == 0;
    if (all.empty() || s.random() % 5 == 0) {
      planned_layer p;
      if (s.random() % 2 == 0) {
        p.layer = weft::layer_of(n, leaf);
        p.values = leaves(n);
        p.fails.resize(n);
      } else {
        p.layer = coroutine ? weft::layer_over_time(n, waits, halves{}) : weft::layer_over_time(n, fold, halves{});
        p.values = sequential_over_time(n, halves{});
        p.fails.resize(n);
      }
      all.push_back(std::move(p));
      continue;
    }
    const planned_layer& a = all[s.random() % all.size()];
    const std::size_t m = a.values.size();
    planned_layer b;
    switch (s.random() % 6) {
      case 0:
        b = planned_after(a, m, weft::one_to_one{}, coroutine, fails_at);
        break;
      case 1: {
        const std::size_t k = 1 + s.random() % 5;
        b = planned_after(a, (m + k - 1) / k, weft::blocks{k}, coroutine, fails_at);
        break;
      }
      case 2:
        b = planned_after(a, m, weft::neighbours{s.random() % 4}, coroutine, fails_at);
        break;
      case 3:
        b = planned_after(a, n, weft::every{}, coroutine, fails_at);
        break;
      case 4:
        b = planned_after(a, n, shifted{s.random() % 10}, coroutine, fails_at);
        break;
      default:
        b = planned_after(a, n, scattered{m}, coroutine, fails_at);
    }
    all.push_back(std::move(b));
    if (s.random() % 4 == 0) {
      // The values are under way now, and what comes after takes those.
      planned_layer& last = all.back();
      auto futures = c.compute(last.layer);
      last.layer = weft::layer_of(futures);
      if (s.random() % 2 == 0) under_way.push_back(std::move(futures));
    }
  }
  for (const planned_layer& p : all) {
    const auto check = [&](weft::future<number> f, std::size_t i, bool may_be_cancelled) -> weft::task<> {
      bool failed = false, cancelled = false;
      number value = 0;
      try {
        value = co_await f;
      } catch (const weft::task_failed&) { failed = true; } catch (const weft::cancelled&) {
        cancelled = true;
      }
      REQUIRE((!cancelled || may_be_cancelled));
      if (cancelled) co_return;
      REQUIRE(failed == (p.fails[i] != 0));
      if (!failed) REQUIRE(value == p.values[i]);
    };
    switch (s.random() % 4) {
      case 0: {
        auto end = c.run(p.layer);
        bool failed = false;
        try {
          co_await end;
        } catch (const weft::task_failed&) { failed = true; }
        if (!failed) REQUIRE(std::find(p.fails.begin(), p.fails.end(), 1) == p.fails.end());
        break;
      }
      case 1: {
        const std::size_t i = s.random() % p.values.size();
        auto f = c.compute(p.layer, i);
        if (s.random() % 4 == 0) co_await weft::yield();
        if (s.random() % 4 == 0) {  // let go, perhaps in the middle
          f = {};
          break;
        }
        co_await check(f, i, false);
        break;
      }
      default: {
        auto futures = c.compute(p.layer);
        bool cancelled = false;
        if (s.random() % 3 == 0) {
          co_await weft::yield();
          // Given values would be cancelled for the layers that come later, too.
          if (s.random() % 2 == 0 && &p == &all.back()) {
            futures[s.random() % futures.size()].cancel();
            cancelled = true;
          }
          futures[s.random() % futures.size()] = {};
        }
        for (std::size_t i = 0; i < futures.size(); ++i)
          if (futures[i].valid()) co_await check(futures[i], i, cancelled);
      }
    }
  }
}

weft::task<> whole(weft::simulation& s) {
  weft::client c(s);
  co_await random_layers(c, s);
}

/// Blocks larger than memory, on a simulated disk.
weft::task<> spilling(weft::simulation& s) {
  weft::client_options options;
  options.memory_budget = 64 << 10;
  options.spill_directory = "/spill";
  weft::client c(s, options);
  const std::size_t n = 4 + s.random() % 60, words = 200 + s.random() % 1500;
  const auto made = weft::layer_of(n, make_block, words);
  const auto changed = weft::layer_of(n, change_block, made, weft::one_to_one{});
  const auto total = weft::layer_of(1, sum_block, changed, weft::every{});
  const auto late = weft::layer_of(
      n, [](std::size_t, weft::values<block> own, weft::values<number> all) { return own[0][1] + all[0]; },
      weft::from(s.random() % 2 == 0 ? made : changed, weft::one_to_one{}), weft::from(total, weft::every{}));
  number sum = 0;
  for (std::size_t i = 0; i < n * words; ++i) sum += mix(mix(i));
  const std::vector<number> got = co_await c.gather(c.compute(late));
  for (std::size_t i = 0; i < n; ++i) {
    const number x = mix(i * words + 1);
    REQUIRE((got[i] == x + sum || got[i] == mix(x) + sum));
  }
}

}  // namespace

TEST_CASE("random layers give right values, or their failures, in every order", "[seeds]") {
  std::set<std::uint64_t> orders;
  std::size_t runs = 0;
  for (const std::uint64_t seed : weft::test::seed_range(600)) {
    INFO("seed " << seed << " (replay: WEFT_SEED=" << seed << ")");
    ++runs;
    weft::simulation s(seed);
    s.run(whole(s));
    orders.insert(s.hash());
    if (seed % 20 == 0) {
      weft::simulation again(seed);
      again.run(whole(again));
      REQUIRE(again.hash() == s.hash());
    }
  }
  CHECK(orders.size() > runs * 8 / 10);
}

TEST_CASE("layers larger than memory, in many orders", "[seeds]") {
  for (const std::uint64_t seed : weft::test::seed_range(200)) {
    INFO("seed " << seed << " (replay: WEFT_SEED=" << seed << ")");
    const auto hash_of = [seed] {
      weft::simulation s(seed);
      weft::simulated_disk disk(s, {});
      s.run(spilling(s));
      return s.hash();
    };
    const std::uint64_t hash = hash_of();
    if (seed % 20 == 0) REQUIRE(hash_of() == hash);
  }
}
