// Coroutines that hold values while they wait, within a budget that is too small for all of them: for what is outside
// others wait, for tasks nobody does, and in the end everything goes on.
#include <catch2/catch.hpp>
#include <cstdint>
#include <vector>

#include "support/seeds.hpp"
#include "weft/as_completed.hpp"
#include "weft/client.hpp"
#include "weft/simulated_disk.hpp"
#include "weft/weft.hpp"

using namespace std::chrono_literals;

namespace {

using block = std::vector<std::uint64_t>;

block make(std::uint64_t seed, std::size_t words) {
  block b(words);
  for (std::size_t i = 0; i < words; ++i) b[i] = seed * 3 + i;
  return b;
}
std::uint64_t first_of(const block& b) { return b[0]; }
weft::task<std::uint64_t> sleeps(const block& b, std::chrono::milliseconds time) {
  co_await weft::sleep_for(time);
  co_return b[0];
}

weft::client_options within(std::uint64_t budget) {
  weft::client_options o;
  o.memory_budget = budget;
  o.spill_directory = "/spill";
  return o;
}

/// Runs a program with a client of a small budget in a simulation; gives what its values have taken.
template <class Program, class... A>
weft::memory_use simulate(weft::simulation& s, std::uint64_t budget, Program program, A... more) {
  weft::simulated_disk disk(s);
  weft::memory_use use;
  const auto whole = [](weft::simulation& sim, std::uint64_t bytes, Program body, weft::memory_use& out,
                        A... rest) -> weft::task<> {
    weft::client c(sim, within(bytes));
    co_await body(c, rest...);
    out = c.memory();
  };
  s.run(whole(s, budget, program, use, more...));
  return use;
}

constexpr std::size_t kilo_words = 1024;  // of 8 KiB

}  // namespace

TEST_CASE("coroutines that sleep keep others from memory: 64 inputs of 1 MB, within 4 MB") {
  weft::simulation s(1);
  const auto program = [](weft::client& c) -> weft::task<> {
    constexpr std::size_t words = 1'000'000 / 8;
    std::vector<weft::future<block>> inputs;
    for (std::uint64_t i = 0; i < 64; ++i) inputs.push_back(c.submit(make, i, words));
    co_await c.wait(inputs);
    std::vector<weft::future<std::uint64_t>> all;
    for (auto& f : inputs) all.push_back(c.submit(sleeps, std::move(f), 100ms));
    for (std::uint64_t i = 0; i < 64; ++i) {
      const std::uint64_t value = co_await all[i];
      CHECK(value == i * 3);
    }
  };
  const weft::memory_use use = simulate(s, 4'000'000, program);
  CHECK(use.most_in_memory <= 5'000'100);
  CHECK(s.elapsed() < 64 * 100ms);  // several at a time
}

namespace {

/// Holds a value, has children make others from it, and awaits them, down to some depth.
weft::task<std::uint64_t> tree(weft::client& c, const block& own, int depth) {
  std::uint64_t sum = own[0];
  if (depth == 0) co_return sum;
  std::vector<weft::future<std::uint64_t>> children;
  for (std::uint64_t i = 0; i < 3; ++i)
    children.push_back(c.submit(tree, c.submit(make, own[0] + i, kilo_words), depth - 1));
  for (auto& child : children) sum += co_await std::move(child);
  co_return sum;
}
std::uint64_t tree_value(std::uint64_t first, int depth) {
  std::uint64_t sum = first;
  for (std::uint64_t i = 0; depth > 0 && i < 3; ++i) sum += tree_value((first + i) * 3, depth - 1);
  return sum;
}

}  // namespace

TEST_CASE("tasks that await what they submit end under a tiny budget, and never by patience", "[seeds]") {
  for (const std::uint64_t seed : weft::test::seed_range(100)) {
    INFO("seed " << seed << " (replay: WEFT_SEED=" << seed << ")");
    weft::simulation s(seed);
    const auto program = [](weft::client& c) -> weft::task<> {
      const std::uint64_t sum = co_await c.submit(tree, c.submit(make, 1, kilo_words), 3);
      CHECK(sum == tree_value(3, 3));
    };
    simulate(s, 20'000, program);
    CHECK(s.elapsed() < 1s);
  }
}

namespace {

weft::task<std::uint64_t> nested(weft::client& c, std::uint64_t seed) {
  auto child = c.submit(make, seed, kilo_words);
  co_return (co_await child)[0];
}
weft::task<> naps() { co_await weft::sleep_for(1ms); }
/// Waits for a child in one of many ways.
weft::task<std::uint64_t> waits(weft::client& c, const block& own, std::uint64_t how) {
  std::uint64_t sum = own[0];
  switch (how % 6) {
    case 0: {
      auto [value, slept] = co_await weft::all(nested(c, how), naps());
      static_cast<void>(slept);
      sum += value;
      break;
    }
    case 1:
      sum += co_await nested(c, how);
      break;
    case 2: {
      std::vector<weft::future<block>> some;
      for (std::uint64_t i = 0; i < 2; ++i) some.push_back(c.submit(make, how + i, kilo_words));
      auto coming = weft::as_completed(std::move(some));
      while (auto f = co_await coming.next()) sum += (co_await *f)[1];
      break;
    }
    case 3:
      sum += co_await weft::timeout(1h, nested(c, how));
      break;
    case 4: {
      const auto body = [](weft::nursery& n, weft::client& client, std::uint64_t h,
                           std::uint64_t& to) -> weft::task<> {
        const auto work = [](weft::client& cl, std::uint64_t x, std::uint64_t& out) -> weft::task<> {
          out += co_await nested(cl, x);
        };
        n.spawn(work(client, h, to));
        co_return;
      };
      co_await weft::scope(body, std::ref(c), how, std::ref(sum));
      break;
    }
    default: {
      std::vector<weft::future<std::uint64_t>> some;
      for (std::uint64_t i = 0; i < 3; ++i) some.push_back(c.submit(first_of, c.submit(make, how + i, kilo_words)));
      for (const std::uint64_t v : co_await c.gather(std::move(some))) sum += v;
    }
  }
  co_return sum;
}

}  // namespace

TEST_CASE("whatever way a task is awaited, nobody waits for who waits for it", "[seeds]") {
  for (const std::uint64_t seed : weft::test::seed_range(100)) {
    INFO("seed " << seed << " (replay: WEFT_SEED=" << seed << ")");
    weft::simulation s(seed);
    const auto program = [](weft::client& c) -> weft::task<> {
      std::vector<weft::future<std::uint64_t>> all;
      for (std::uint64_t i = 0; i < 18; ++i) all.push_back(c.submit(waits, c.submit(make, i, kilo_words), i));
      co_await c.wait(all);
      for (auto& f : all) CHECK(f.status() == weft::task_status::done);
    };
    simulate(s, 20'000, program);
    CHECK(s.elapsed() < 1s);
  }
}

namespace {

struct line {
  weft::channel<std::uint64_t> numbers{1};
};
line* between = nullptr;  // a task's arguments are values: this one is found by name

weft::task<std::uint64_t> takes(const block& own) {
  const auto got = co_await between->numbers.receive();
  co_return own[0] + got.value_or(1'000'000);
}
weft::task<> feeds(const block& own, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) co_await between->numbers.send(own[0]);
}

}  // namespace

TEST_CASE("tasks that wait for a channel that a later task feeds: by patience, it is let go on") {
  weft::simulation s(3);
  line l;
  between = &l;
  const auto program = [](weft::client& c) -> weft::task<> {
    std::vector<weft::future<std::uint64_t>> all;
    for (std::uint64_t i = 0; i < 6; ++i) all.push_back(c.submit(takes, c.submit(make, i, kilo_words)));
    auto feeder = c.submit(feeds, c.submit(make, 100, kilo_words), 6);
    for (std::uint64_t i = 0; i < 6; ++i) {
      const std::uint64_t value = co_await all[i];
      CHECK(value == 300 + 3 * i);
    }
    co_await feeder;
  };
  simulate(s, 20'000, program);
  CHECK(s.elapsed() >= 10s);
  CHECK(s.elapsed() < 200s);
}

namespace {

weft::task<> mixture(weft::client& c, weft::simulation& s) {
  std::vector<weft::future<std::uint64_t>> all;
  std::uint64_t takers = 0;
  const std::uint64_t count = 4 + s.random() % 20;
  for (std::uint64_t i = 0; i < count; ++i) {
    auto input = c.submit(make, i, 200 + s.random() % 2000);
    switch (s.random() % 5) {
      case 0:
        all.push_back(c.submit(sleeps, std::move(input), std::chrono::milliseconds(s.random() % 20'000)));
        break;
      case 1:
        all.push_back(c.submit(takes, std::move(input)));
        ++takers;
        break;
      case 2:
        all.push_back(c.submit(tree, std::move(input), 2));
        break;
      case 3:
        all.push_back(c.submit(waits, std::move(input), s.random()));
        break;
      default:
        all.push_back(c.submit(first_of, std::move(input)));
    }
    if (s.random() % 4 == 0) co_await weft::sleep_for(std::chrono::milliseconds(s.random() % 100));
    if (s.random() % 8 == 0) all[s.random() % all.size()].cancel();
  }
  auto feeder = c.submit(feeds, c.submit(make, 100, kilo_words), takers);
  co_await c.wait(all);
  between->numbers.close();
  for (const auto& f : all) REQUIRE(f.status() != weft::task_status::failed);
  feeder.cancel();
  std::vector<weft::future<>> last;
  last.push_back(std::move(feeder));
  co_await c.wait(std::move(last));
}

}  // namespace

TEST_CASE("sleepers, parents, takers of a channel and others mixed, within little memory, all end", "[seeds]") {
  for (const std::uint64_t seed : weft::test::seed_range(500)) {
    INFO("seed " << seed << " (replay: WEFT_SEED=" << seed << ")");
    std::uint64_t hash = 0;
    for (int run = 0; run < (seed % 20 == 0 ? 2 : 1); ++run) {
      weft::simulation s(seed);
      line l;
      between = &l;
      simulate(s, 4'000 + seed % 7 * 8'000, mixture, std::ref(s));
      if (run == 1) REQUIRE(s.hash() == hash);
      hash = s.hash();
    }
  }
}
