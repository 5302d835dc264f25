// Layers of values larger than memory, and how much memory layers take themselves.
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/layers.hpp"
#include "support/comes.hpp"
#include "support/sanitized.hpp"
#include "weft/client.hpp"
#include "weft/layer.hpp"
#include "weft/simulated_disk.hpp"
#include "weft/simulation.hpp"
#include "weft/weft.hpp"

using namespace std::chrono_literals;
using namespace layers;

TEST_CASE("layers of blocks four times the budget of memory") {
  weft::pool pool({.threads = 2});
  constexpr std::uint64_t budget = 16 << 20;
  constexpr std::size_t count = 64, words = (1 << 20) / 8;
  weft::client_options options;
  options.memory_budget = budget;
  weft::client c(pool, options);
  const auto run = [&](const weft::layer<number>& l) {
    return pool.run([](weft::client& own, weft::layer<number> of) -> weft::task<number> {
      co_return co_await own.compute(of, 0);
    }(c, l));
  };
  const auto made = weft::layer_of(count, make_block, words);
  // Each block is used at once: nothing need be written.
  const auto changed = weft::layer_of(count, change_block, made, weft::one_to_one{});
  const auto sums = weft::layer_of(count / 2, sum_block, changed, weft::blocks{2});
  const number first = run(weft::layer_of(1, fold, sums, weft::every{}));
  CHECK(c.memory().spilled == 0);
  CHECK(c.memory().most_in_memory <= budget);
  CHECK(comes([&] { return c.memory().in_memory == 0; }));
  // All of them are needed by the last.
  number sum = 0;
  for (std::size_t i = 0; i < count * words; ++i) sum += mix(i);
  CHECK(run(weft::layer_of(1, sum_block, made, weft::every{})) == sum);
  // And some are used late: what is not needed soon goes to the disk.
  const auto late = weft::layer_of(
      count, [](std::size_t, weft::values<block> own, weft::values<number> all) { return own[0][1] + all[0]; },
      weft::from(made, weft::one_to_one{}),
      weft::from(weft::layer_of(1, sum_block, made, weft::every{}), weft::every{}));
  CHECK(run(late) == sum + mix(1));
  CHECK(comes([&] { return c.memory().in_memory == 0; }));
  CHECK(run(weft::layer_of(1, fold, sums, weft::every{})) == first);
}

TEST_CASE("values that are spread over time go to the disk and come back") {
  weft::pool pool({.threads = 2});
  weft::client_options options;
  options.memory_budget = 8 << 20;
  weft::client c(pool, options);
  constexpr std::size_t width = 32, words = (1 << 20) / 8;
  const auto t = weft::layer_over_time(
      width * 4,
      [](std::size_t i, weft::values<block> in, std::size_t n) {
        if (in.empty()) return make_block(i, n);
        block b = in[in.size() / 2];
        for (const block& other : in) b[0] += other[1];
        return b;
      },
      weft::previous_step{width, weft::neighbours{1}}, words);
  pool.run([](weft::client& own, weft::layer<block> l) -> weft::task<> { co_await own.run(l); }(c, t));
  CHECK(c.memory().spilled > 0);
  CHECK(c.memory().most_in_memory <= (8 << 20) + (6 << 20));
  CHECK(comes([&] { return c.memory().in_memory == 0; }));
}

namespace {

struct results_of_two_sizes {
  static inline int running = 0, most = 0;
  static std::size_t words(std::size_t i) noexcept { return i < 6 ? 150 : 3000; }
  weft::task<block> make(std::size_t i) const {
    if (i >= 6) most = std::max(most, ++running);
    co_await weft::sleep_for(1ms);
    if (i >= 6) --running;
    co_return make_block(i, words(i));
  }
};
struct unforetold : results_of_two_sizes {
  weft::task<block> operator()(std::size_t i) const { return make(i); }
};
struct foretold : results_of_two_sizes {
  weft::task<block> operator()(std::size_t i) const { return make(i); }
  std::uint64_t result_bytes(std::size_t i) const noexcept { return words(i) * sizeof(number); }
};

/// How many of the tasks with large results ran at once, of which two fit.
template <class F>
int most_at_once() {
  weft::simulation s(3, {.workers = 6});
  weft::simulated_disk disk(s);
  F::running = F::most = 0;
  s.run([](weft::simulation& sim) -> weft::task<> {
    weft::client_options options;
    options.memory_budget = 64 << 10;
    options.spill_directory = "/spill";
    weft::client c(sim, options);
    const auto held = c.submit(make_block, std::size_t{7}, std::size_t{5000});
    while (!held.done()) co_await weft::sleep_for(1ms);
    co_await c.run(weft::layer_of(12, F{}));
  }(s));
  return F::most;
}

}  // namespace

TEST_CASE("values are not needed any more by a layer that nobody wants") {
  weft::simulation s(3, {.workers = 2});
  const auto program = [](weft::simulation& sim) -> weft::task<> {
    weft::client c(sim);
    const std::vector<weft::future<block>> blocks = c.compute(weft::layer_of(20, make_block, std::size_t{500}));
    co_await c.wait(blocks);
    for (const bool later : {false, true}) {
      auto sums = c.compute(weft::layer_of(
          1, sum_block, weft::layer_of(20, change_block, weft::layer_of(blocks), weft::one_to_one{}), weft::every{}));
      if (later) co_await weft::yield();
      sums.clear();
      co_await weft::sleep_for(1s);
      for (const auto& b : blocks) {
        REQUIRE(b.get_node()->stored);
        CHECK(b.get_node()->stored->next_use == weft::detail::stored_value::no_use);
      }
    }
  };
  s.run(program(s));
}

TEST_CASE("a layer whose function says how large its results are keeps the budget from the first task on") {
  CHECK(most_at_once<foretold>() == 2);
  CHECK(most_at_once<unforetold>() == 6);
}

namespace {

std::size_t resident_kib() {
  std::ifstream in("/proc/self/statm");
  std::size_t pages = 0, resident = 0;
  in >> pages >> resident;
  return resident * 4;
}

}  // namespace

TEST_CASE("a million tasks: the first begins at once, and memory is that of the frontier") {
  constexpr std::size_t n = weft::test::sanitized ? 100'000 : 1'000'000;
  const auto a = weft::layer_of(n, leaf);
  const auto b = weft::layer_of(n / 10, fold, a, weft::blocks{10});
  const auto total = weft::layer_of(1, fold, b, weft::every{});
  const number right = sequential(1, sequential(n / 10, leaves(n), weft::blocks{10}), weft::every{})[0];
  for (const unsigned threads : {1u, 2u}) {
    weft::pool pool({.threads = threads});
    weft::client c(pool);
    const auto all = [](weft::client& own, weft::layer<number> l) -> weft::task<number> {
      co_return co_await own.compute(l, 0);
    };
    CHECK(pool.run(all(c, total)) == right);
    const std::size_t before = resident_kib();
    auto stencil = weft::layer_over_time(n, fold, weft::previous_step{100, weft::neighbours{1}});
    pool.run([](weft::client& own, weft::layer<number> x, weft::layer<number> y) -> weft::task<> {
      co_await own.run(x);
      co_await own.run(y);
    }(c, a, stencil));
    if (WEFT_POOLED_FRAMES) CHECK(resident_kib() < before + 8 * 1024);  // else freed memory is kept, to find misuse
    // Described and started, but not begun: nothing is there yet but a table of pages.
    const auto gate = weft::layer_of(1, [](std::size_t) -> weft::task<number> {
      co_await weft::sleep_for(24h);
      co_return 1;
    });
    const auto waiting = weft::layer_of(n, fold, gate, weft::every{});
    const std::size_t idle = resident_kib();
    {
      auto later = c.run(waiting);
      CHECK(resident_kib() < idle + 512);
      later.cancel();
    }
  }
}
