// Layers on a cluster: told whole, or task by task where somebody observes.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "cluster/in_process.hpp"
#include "scheduler/cluster_view.hpp"
#include "support/seeds.hpp"
#include "weft/layer.hpp"
#include "weft/simulation.hpp"

namespace {

using namespace weft;

/// What a task takes, as a table that travels nowhere.
struct some_of {
  std::vector<std::vector<std::size_t>> table;
  intervals of(std::size_t j) const noexcept {
    intervals all;
    for (const std::size_t i : table[j]) all.add({i, i});
    return all;
  }
};

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) { return (a ^ b) * 0x9e3779b97f4a7c15 + (a >> 29); }
std::uint64_t begin(std::size_t i, std::uint64_t salt) { return mixed(i, salt); }
std::uint64_t go_on(std::size_t i, values<std::uint64_t> in, std::uint64_t salt) {
  std::uint64_t sum = mixed(i, salt);
  for (const std::uint64_t x : in) sum = mixed(sum, x);
  return sum;
}
std::uint64_t join(std::size_t i, values<std::uint64_t> a, values<std::uint64_t> b, const std::vector<int>& shared) {
  std::uint64_t sum = mixed(i, shared.size());
  for (const std::uint64_t x : a) sum = mixed(sum, x);
  for (const std::uint64_t x : b) sum = mixed(sum, x + 1);
  return sum;
}

/// Layers by chance: one that others take twice, one that is partly needed, shared values small and large.
layer<std::uint64_t> by_chance(std::uint64_t seed) {
  std::mt19937_64 dice(seed);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(dice() % n); };
  const auto some = [&](std::size_t to, std::size_t from) {
    some_of d;
    for (std::size_t j = 0; j < to; ++j) {
      std::vector<std::size_t> in;
      for (std::size_t k = below(4); k > 0; --k) in.push_back(below(from));
      std::sort(in.begin(), in.end());
      in.erase(std::unique(in.begin(), in.end()), in.end());
      d.table.push_back(in);
    }
    return d;
  };
  const std::size_t a = 1 + below(40), b = 1 + below(40), c = 1 + below(40);
  auto first = layer_of(a, begin, dice());
  auto second = layer_of(b, go_on, from(first, some(b, a)), dice());
  return layer_of(c, join, from(first, some(c, a)), from(second, some(c, b)),
                  std::vector<int>(below(2) == 0 ? 3 : 3000));
}

using block = std::vector<std::uint64_t>;
constexpr std::size_t words = 16384;  // 128 KiB
std::atomic<int> taken{0}, copied{0};

block make_block(std::size_t i) { return block(words, mixed(i, 1)); }
/// In its input's memory, where it may have that.
block one_more(std::size_t, values<block> in) {
  block b;
  if (block* own = in.take(0))
    ++taken, b = std::move(*own);
  else
    ++copied, b = in[0];
  for (std::uint64_t& x : b) ++x;
  return b;
}

struct counts final : task_observer {
  std::atomic<std::uint64_t> told{0};
  void on(const task_event&) noexcept override { ++told; }
};

TEST_CASE("a graph that is told whole gives what one machine gives, and what its tasks one by one give") {
  in_process_cluster cluster(2);
  pool p({.threads = 1}), alone({.threads = 1});
  client c = cluster.connect(p), here(alone);
  for (const std::uint64_t seed : test::seed_range(30)) {
    const layer<std::uint64_t> wanted = by_chance(seed);
    const std::size_t count = wanted.size();
    INFO("seed " << seed << ", " << count << " tasks");
    const auto all = [&](client& by) -> task<std::vector<std::uint64_t>> {
      std::vector<std::uint64_t> got;
      for (future<std::uint64_t>& f : by.compute(wanted)) got.push_back(co_await std::move(f));
      co_return got;
    };
    const std::vector<std::uint64_t> expected = alone.run(all(here)), whole = p.run(all(c));
    CHECK(whole == expected);
    counts seen;
    std::vector<std::uint64_t> one_by_one;
    {
      const observation on = c.observe(seen);
      one_by_one = p.run(all(c));
    }
    CHECK(one_by_one == expected);
    CHECK(seen.told > count);  // tasks that nobody holds, too
  }
}

TEST_CASE("of a graph it is told how many of its tasks are still to be entered") {
  constexpr std::size_t count = 9000;
  in_process_cluster cluster(0);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto all = c.compute(layer_of(count, begin, std::uint64_t{1}));
  p.run(c.cluster());  // it is answered behind what was said before
  const net::cluster_view shown = cluster.scheduler->look();
  CHECK(shown.counts.pending >= count - net::scheduler_options().frontier);
  CHECK(shown.counts.tasks + shown.counts.pending == count);
  CHECK(cluster.scheduler->statistics().pending != 0);
  const std::string pending = std::to_string(shown.counts.pending), tasks = std::to_string(shown.counts.tasks);
  CHECK(net::describe(shown, true).find("\"pending\":" + pending + ",\"tasks\":" + tasks + ",") != std::string::npos);
  CHECK(net::describe(shown, false).find("; " + tasks + " tasks now, " + pending + " more behind them, 0 done") !=
        std::string::npos);
}

int refuses(std::size_t i) {
  if (i == 3) throw std::out_of_range("three");
  return static_cast<int>(i);
}
int twice(std::size_t, const int& x) { return 2 * x; }

TEST_CASE("what a task of a graph takes fails with the way to it") {
  in_process_cluster cluster(1);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    auto doubled = layer_of(6, twice, from(layer_of(6, refuses), one_to_one{}));
    auto all = c.compute(doubled);
    for (std::size_t i = 0; i < all.size(); ++i) {
      std::string why;
      try {
        const int x = co_await std::move(all[i]);
        CHECK(x == static_cast<int>(2 * i));
      } catch (const task_failed& e) { why = e.what(); }
      CHECK((why.find("three") != std::string::npos) == (i == 3));
    }
  };
  p.run(test());
}

TEST_CASE("a graph takes futures of the client, and a task takes one of a graph at once") {
  in_process_cluster cluster(2);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    std::vector<future<std::uint64_t>> first;
    for (std::uint64_t i = 0; i < 20; ++i) first.push_back(c.submit([](std::uint64_t x) { return x * x; }, i));
    auto wanted = layer_of(20, go_on, from(layer_of(std::move(first)), one_to_one{}), std::uint64_t{7});
    auto all = c.compute(wanted);
    auto more = c.submit([](std::uint64_t x) { return x + 1; }, all[19]);
    const std::uint64_t last = mixed(mixed(19, 7), 361);
    all.clear();
    const std::uint64_t got = co_await std::move(more);
    CHECK(got == last + 1);
  };
  p.run(test());
}

TEST_CASE("results of a graph that nobody wants are not waited for") {
  in_process_cluster cluster(1);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    auto forgotten = c.compute(layer_of(5000, begin, std::uint64_t{1}));
    forgotten.resize(1);
    const std::uint64_t kept = co_await std::move(forgotten[0]);
    CHECK(kept == begin(0, 1));
    auto cancelled = c.compute(layer_of(5000, begin, std::uint64_t{2}));
    cancelled[4000].cancel();
    bool gone = false;
    try {
      co_await std::move(cancelled[4000]);
    } catch (const weft::cancelled&) { gone = true; }
    CHECK(gone);
  };
  p.run(test());
}

TEST_CASE("layers without tasks, and what is not needed, are no graphs") {
  in_process_cluster cluster(1);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    co_await c.run(layer_of(0, begin, std::uint64_t{1}));
    auto nothing = layer_of(std::vector<future<std::uint64_t>>{});
    const std::uint64_t alone = co_await c.compute(layer_of(1, go_on, from(nothing, every{}), std::uint64_t{3}), 0);
    CHECK(alone == mixed(0, 3));
    const std::uint64_t after = co_await c.submit([](std::uint64_t x) { return x; }, std::uint64_t{5});
    CHECK(after == 5);
  };
  p.run(test());
}

}  // namespace

TEST_CASE("on a worker too the last task that takes a value has it") {
  in_process_cluster cluster(1);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  constexpr std::size_t wide = 4;
  const auto run = [&]() -> task<> {
    layer<block> first = layer_of(wide, make_block);
    layer<block> last = layer_of(wide, one_more, first, one_to_one{});
    // How large their values are is known when the first ones have ended.
    co_await c.gather(c.compute(last));
    taken = copied = 0;
    for (int k = 0; k < 5; ++k) last = layer_of(wide, one_more, last, one_to_one{});
    const std::vector<block> all = co_await c.gather(c.compute(last));
    for (std::size_t i = 0; i < wide; ++i) CHECK(all[i] == block(words, mixed(i, 1) + 6));
    CHECK(taken == 6 * wide);
    CHECK(copied == 0);
    // What a future is held of stays as it is.
    const std::vector<future<block>> kept = c.compute(first);
    co_await c.gather(c.compute(layer_of(wide, one_more, layer_of(kept), one_to_one{})));
    const std::vector<block> again = co_await c.gather(kept);
    for (std::size_t i = 0; i < wide; ++i) CHECK(again[i] == make_block(i));
    CHECK(taken == 6 * wide);
  };
  p.run(run());
}
