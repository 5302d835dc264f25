// Values that the last task which reads them moves away.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "engine/layers.hpp"
#include "support/comes.hpp"
#include "support/seeds.hpp"
#include "weft/client.hpp"
#include "weft/layer.hpp"
#include "weft/simulated_disk.hpp"
#include "weft/simulation.hpp"
#include "weft/weft.hpp"

using namespace layers;

namespace {

using block = std::vector<number>;
constexpr std::size_t words = 4096;

std::atomic<int> taken{0}, copied{0}, failures{0};

block make(std::size_t i) { return block(words, mix(i)); }
block make_small(std::size_t i) { return block(8, mix(i)); }

/// The block itself, where it may be had.
block own(weft::values<block> in) {
  if (block* b = in.take(0)) {
    ++taken;
    return std::move(*b);
  }
  ++copied;
  return in[0];
}
block add_one(std::size_t, weft::values<block> in) {
  block b = own(in);
  for (number& x : b) ++x;
  return b;
}
block add_both(std::size_t, weft::values<block> a, weft::values<block> b) {
  block sum = own(a);
  for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += b[0][k];
  return sum;
}
/// Fails as often as `failures` says, after it has had its input.
block add_one_at_last(std::size_t i, weft::values<block> in) {
  block b = add_one(i, in);
  if (failures-- > 0) throw std::runtime_error("not yet");
  return b;
}

struct place {
  explicit place(std::uint64_t budget = std::uint64_t{1} << 30)
      : pool({.threads = 2}), client(pool, options(budget)) {
    taken = copied = failures = 0;
  }
  static weft::client_options options(std::uint64_t budget) {
    weft::client_options o;
    o.memory_budget = budget;
    return o;
  }
  std::vector<block> operator()(const weft::layer<block>& l) {
    return pool.run([](weft::client& own_client, weft::layer<block> of) -> weft::task<std::vector<block>> {
      co_return co_await own_client.gather(own_client.compute(of));
    }(client, l));
  }
  bool all_are(const weft::layer<block>& l, number by, number times = 1) {
    const std::vector<block> all = (*this)(l);
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i] != block(words, mix(i) * times + by)) return false;
    return true;
  }
  weft::pool pool;
  weft::client client;
};

constexpr std::size_t count = 20;

}  // namespace

TEST_CASE("the only reader of a value has it, and the bytes are counted once") {
  constexpr std::uint64_t bytes = words * sizeof(number);
  place at;
  const auto made = weft::layer_of(count, make);
  const auto one = weft::layer_of(count, add_one, made, weft::one_to_one{});
  CHECK(at.all_are(weft::layer_of(count, add_one, one, weft::one_to_one{}), 2));
  CHECK(taken == 2 * count);
  CHECK(copied == 0);
  CHECK(comes([&] { return at.client.memory().in_memory == 0; }));

  // One task after the other: there is one block, and the room for its result before it is taken.
  weft::pool alone({.threads = 1});
  const weft::client c(alone, place::options(1 << 30));
  weft::layer<block> l = weft::layer_of(1, make);
  for (int k = 0; k < 10; ++k) l = weft::layer_of(1, add_one, l, weft::one_to_one{});
  alone.run(
      [](weft::client own_client, weft::layer<block> of) -> weft::task<> { co_await own_client.run(of); }(c, l));
  CHECK(taken == 2 * count + 10);
  CHECK(c.memory().most_in_memory <= 2 * (bytes + 64));
  CHECK(comes([&] { return c.memory().in_memory == 0; }));
}

TEST_CASE("who shares a value reads it") {
  place at;
  const auto made = weft::layer_of(count, make);
  SECTION("with its own other input") {
    CHECK(at.all_are(
        weft::layer_of(count, add_both, weft::from(made, weft::one_to_one{}), weft::from(made, weft::one_to_one{})),
        0, 2));
    CHECK(taken == 0);
  }
  SECTION("with a future") {
    const std::vector<weft::future<block>> kept = at.client.compute(made);
    CHECK(at.all_are(weft::layer_of(count, add_one, weft::layer_of(kept), weft::one_to_one{}), 1));
    CHECK(taken == 0);
    CHECK(at.all_are(weft::layer_of(count, add_one, weft::layer_of(kept), weft::one_to_one{}), 1));
  }
  SECTION("with a task that comes later, which has it at last") {
    const auto one = weft::layer_of(count, add_one, made, weft::one_to_one{});
    CHECK(at.all_are(
        weft::layer_of(count, add_both, weft::from(one, weft::one_to_one{}), weft::from(made, weft::one_to_one{})), 1,
        2));
    CHECK(copied == count);
    CHECK(taken == count);
  }
}

TEST_CASE("small values are not given away") {
  place at;
  const auto all = at(weft::layer_of(count, add_one, weft::layer_of(count, make_small), weft::one_to_one{}));
  CHECK(all[3] == block(8, mix(3) + 1));
  CHECK(taken == 0);
}

TEST_CASE("a task that may run again leaves its inputs as they are") {
  place at;
  const auto made = weft::layer_of(1, make);
  const auto late = weft::layer_of(1, add_one_at_last, made, weft::one_to_one{});
  const auto run = [&](const weft::client& c) {
    return at.pool.run([](weft::client own_client, weft::layer<block> of) -> weft::task<block> {
      co_return co_await own_client.compute(of, 0);
    }(c, late));
  };
  failures = 2;
  CHECK(run(at.client.with({.retries = 2})) == block(words, mix(0) + 1));
  CHECK(copied == 2);
  CHECK(taken == 1);
  // One that has failed after it had its input is not run again.
  failures = 1;
  const weft::future<block> failed = at.client.compute(late, 0);
  at.pool.run([](weft::client own_client, std::vector<weft::future<block>> of) -> weft::task<> {
    co_await own_client.wait(std::move(of));
  }(at.client, {failed}));
  CHECK_THROWS_WITH(at.client.retry(failed), Catch::Contains("cannot be run again"));
  CHECK(comes([&] { return at.client.memory().in_memory == 0; }));  // the block went with the run that failed
}

TEST_CASE("values that were on the disk, or go there meanwhile, are taken too") {
  place at(20 * words * sizeof(number));
  constexpr std::size_t many = 200;
  const auto made = weft::layer_of(many, make);
  const auto all = weft::layer_of(
      1, [](std::size_t, weft::values<block> in) { return block(words, in.size()); }, made, weft::every{});
  // All of them are made before the first is used again.
  const auto sums =
      weft::layer_of(many, add_both, weft::from(made, weft::one_to_one{}), weft::from(all, weft::every{}));
  CHECK(at.all_are(weft::layer_of(many, add_one, sums, weft::one_to_one{}), many + 1));
  CHECK(taken > 0);
  CHECK(at.client.memory().spilled > 0);
  CHECK(comes([&] { return at.client.memory().in_memory == 0; }));
}

TEST_CASE("random layers whose tasks take what they can, in many orders", "[seeds]") {
  for (const std::uint64_t seed : weft::test::seed_range(30)) {
    weft::simulation s(seed, {.workers = 3});
    weft::simulated_disk disk(s);
    s.run([](weft::simulation& sim, std::uint64_t of) -> weft::task<> {
      weft::client_options options = place::options((4 + mix(of) % 40) * words * sizeof(number));
      options.spill_directory = "/spill";
      const weft::client c(sim, options);
      std::vector<weft::layer<block>> layers{weft::layer_of(count, make)};
      std::vector<std::pair<number, number>> values{{1, 0}};  // times mix(i), and more
      for (std::uint64_t k = 1; k < 10; ++k) {
        const std::size_t a = mix(of * 100 + k) % layers.size(), b = mix(of * 200 + k) % layers.size();
        if (mix(of * 300 + k) % 2 == 0) {
          layers.push_back(weft::layer_of(count, add_one, layers[a], weft::one_to_one{}));
          values.emplace_back(values[a].first, values[a].second + 1);
        } else {
          layers.push_back(weft::layer_of(count, add_both, weft::from(layers[a], weft::one_to_one{}),
                                          weft::from(layers[b], weft::one_to_one{})));
          values.emplace_back(values[a].first + values[b].first, values[a].second + values[b].second);
        }
      }
      const std::vector<block> all = co_await c.gather(c.compute(layers.back()));
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < count; ++i)
        wrong += all[i] != block(words, mix(i) * values.back().first + values.back().second);
      co_await weft::sleep_for(std::chrono::seconds(1));  // what is being written still goes
      INFO("seed " << of);
      CHECK(wrong == 0);
      CHECK(c.memory().in_memory == 0);
    }(s, seed));
  }
}
