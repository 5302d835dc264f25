// The ladder of what the whole process takes in memory: eviction, pause, refusal, each by a gauge that the test
// holds.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <optional>
#include <vector>

#include "env/machine_memory.hpp"
#include "support/comes.hpp"
#include "support/seeds.hpp"
#include "weft/client.hpp"
#include "weft/simulated_disk.hpp"
#include "weft/weft.hpp"

using namespace std::chrono_literals;

namespace {

using block = std::vector<std::uint64_t>;
constexpr std::uint64_t limit = 1'000'000;
constexpr std::size_t words = 1000;  // of 8 kB

block make(std::uint64_t seed) { return block(words, seed); }
std::uint64_t first_of(const block& b) { return b[0]; }

/// How many tasks are between their beginning and their end, and were at most.
struct activity {
  int now = 0, most = 0, ended = 0;
};
activity active;
struct active_task {
  active_task() { active.most = std::max(active.most, ++active.now); }
  active_task(const active_task&) = delete;
  ~active_task() {
    --active.now;
    ++active.ended;
  }
};
weft::task<block> make_slowly(std::uint64_t seed, std::chrono::milliseconds time) {
  const active_task here;
  co_await weft::sleep_for(time);
  co_return block(words, seed);
}
weft::task<std::uint64_t> use_slowly(const block& b, std::chrono::milliseconds time) {
  const active_task here;
  co_await weft::sleep_for(time);
  co_return b[0];
}

/// A simulation whose process takes what a test says, besides the values of its client.
struct world {
  explicit world(std::uint64_t seed) : simulation(seed), disk(simulation) {
    active = {};
    simulation.measure_memory_by([this] {
      if (measuring || !client) return others;
      measuring = true;
      const std::uint64_t values = client->memory().in_memory;
      measuring = false;
      return others + values;
    });
  }
  /// Runs a program with a client whose values alone would have room.
  template <class Program>
  void run(std::optional<weft::memory_thresholds> thresholds, Program program) {
    const auto whole = [](world& w, std::optional<weft::memory_thresholds> t, Program body) -> weft::task<> {
      weft::client_options o;
      o.memory_budget = 10 * limit;
      o.spill_directory = "/spill";
      if (t) {
        o.memory_limit = limit;
        o.thresholds = t;
      }
      weft::client c(w.simulation, o);
      w.client = &c;
      co_await body(w, c);
      w.client = nullptr;
    };
    simulation.run(whole(*this, thresholds, program));
  }
  /// Lets the client look: something comes to be, after the time from one look to the next.
  static weft::task<> look(weft::client& c) {
    co_await weft::sleep_for(100ms);
    auto value = c.scatter(make(0));
    co_await weft::sleep_for(20ms);  // the disk is slow
  }

  weft::simulation simulation;
  weft::simulated_disk disk;
  const weft::client* client = nullptr;
  std::uint64_t others = 1;
  bool measuring = false;
};

}  // namespace

TEST_CASE("above `spill` values are evicted down to `target`, and not again before `spill`") {
  world w(1);
  w.run(weft::memory_thresholds{}, [](world& at, weft::client& c) -> weft::task<> {
    std::vector<weft::future<block>> blocks;
    for (std::uint64_t i = 0; i < 30; ++i) blocks.push_back(c.submit(make, i));
    co_await c.wait(blocks);
    CHECK(c.memory().in_memory >= 240'000);
    at.others = 690'000 - c.memory().in_memory;
    co_await world::look(c);
    CHECK(c.memory().spilled == 0);
    at.others = 720'000 - c.memory().in_memory;
    co_await world::look(c);
    CHECK(c.memory().resident <= 610'000);
    CHECK(c.memory().in_memory >= 100'000);  // no more than needed
    const std::uint64_t spilled = c.memory().spilled;
    CHECK(spilled > 0);
    at.others = 690'000 - c.memory().in_memory;
    co_await world::look(c);
    CHECK(c.memory().spilled == spilled);
    for (std::uint64_t i = 0; i < 30; ++i) {
      const block value = co_await std::move(blocks[i]);
      CHECK(value[5] == i);
    }
  });
}

TEST_CASE("above `pause` one task begins at a time, until it is well below") {
  world w(2);
  w.run(weft::memory_thresholds{.spill = 0}, [](world& at, weft::client& c) -> weft::task<> {
    const auto most_of = [&](std::uint64_t others) -> weft::task<int> {
      at.others = others - c.memory().in_memory;
      co_await world::look(c);
      active = {};
      std::vector<weft::future<block>> made;
      for (std::uint64_t i = 0; i < 10; ++i) made.push_back(c.submit(make_slowly, i, 10ms));
      co_await c.wait(made);
      CHECK(active.ended == 10);
      co_return active.most;
    };
    const int before = co_await most_of(700'000);
    CHECK(before == 10);
    const int above = co_await most_of(820'000);
    CHECK(above == 1);
    const int just_below = co_await most_of(760'000);
    CHECK(just_below == 1);
    const int below = co_await most_of(740'000);
    CHECK(below == 10);
  });
}

TEST_CASE("above `pause` tasks whose end frees memory go on, side by side") {
  world w(3);
  w.run(weft::memory_thresholds{.spill = 0}, [](world& at, weft::client& c) -> weft::task<> {
    std::vector<weft::future<block>> blocks;
    for (std::uint64_t i = 0; i < 10; ++i) blocks.push_back(c.submit(make, i));
    co_await c.wait(blocks);
    at.others = 860'000;
    co_await world::look(c);
    std::vector<weft::future<std::uint64_t>> used;
    for (auto& b : blocks) used.push_back(c.submit(use_slowly, std::move(b), 10ms));
    co_await c.wait(used);
    CHECK(active.most == 10);
  });
}

TEST_CASE("a pause ends while the only task that goes on takes long") {
  world w(4);
  w.run(weft::memory_thresholds{.spill = 0}, [](world& at, weft::client& c) -> weft::task<> {
    at.others = 850'000;
    co_await world::look(c);
    std::vector<weft::future<block>> made;
    for (std::uint64_t i = 0; i < 4; ++i) made.push_back(c.submit(make_slowly, i, 5000ms));
    co_await weft::sleep_for(1s);
    CHECK(active.now == 1);
    at.others = 500'000;
    co_await weft::sleep_for(200ms);
    CHECK(active.now == 4);
    co_await c.wait(made);
  });
  CHECK(w.simulation.elapsed() < 7s);
}

TEST_CASE("above `terminate` nothing is accepted, in a sentence, and what was accepted goes on") {
  world w(5);
  w.run(weft::memory_thresholds{.spill = 0, .pause = 0}, [](world& at, weft::client& c) -> weft::task<> {
    auto accepted = c.submit(make_slowly, 7u, 500ms);
    const auto said = [&] {
      std::string what;
      try {
        auto refused = c.submit(make, 1u);
      } catch (const weft::overloaded& e) { what = e.what(); }
      return what;
    };
    CHECK(said().empty());
    at.others = 951'000;
    co_await world::look(c);
    CHECK(said().find("terminate") != std::string::npos);
    CHECK(said().find("the limit is 0.95 MiB") != std::string::npos);
    CHECK_THROWS_AS(c.scatter(make(1)), weft::overloaded);
    at.others = 910'000;
    co_await weft::sleep_for(100ms);
    CHECK(!said().empty());
    at.others = 890'000;
    CHECK(!said().empty());  // not yet looked again
    co_await weft::sleep_for(100ms);
    CHECK(said().empty());
    const std::uint64_t value = (co_await accepted)[0];
    CHECK(value == 7);
  });
}

TEST_CASE("a budget that was given, without thresholds: nothing is measured") {
  world w(6);
  w.run(std::nullopt, [](world& at, weft::client& c) -> weft::task<> {
    std::vector<weft::future<block>> blocks;
    for (std::uint64_t i = 0; i < 10; ++i) blocks.push_back(c.submit(make, i));
    at.others = std::uint64_t{1} << 60;
    co_await c.wait(blocks);
    co_await world::look(c);
    auto one_more = c.submit(first_of, blocks[3]);
    const std::uint64_t value = co_await one_more;
    CHECK(value == 3);
    CHECK(c.memory().spilled == 0);
    CHECK(c.memory().resident > std::uint64_t{1} << 60);
  });
}

TEST_CASE("thresholds that make no sense are refused") {
  weft::simulation s(1);
  const auto with = [&](weft::memory_thresholds t) {
    weft::client_options o;
    o.thresholds = t;
    weft::client c(s, o);
  };
  CHECK_THROWS_AS(with({.target = 1.2}), weft::misuse);
  CHECK_THROWS_AS(with({.target = -0.1}), weft::misuse);
  CHECK_THROWS_AS(with({.spill = 0.5}), weft::misuse);
  CHECK_THROWS_AS(with({.target = 0, .spill = 0, .terminate = 0.5}), weft::misuse);
  CHECK_NOTHROW(with({.target = 0.9, .spill = 0, .pause = 0, .terminate = 0}));
}

TEST_CASE("the budget is `target` of the limit, and the process's own memory is known") {
  weft::pool pool({.threads = 2});
  weft::client_options o;
  o.memory_limit = std::uint64_t{1} << 40;
  o.thresholds = weft::memory_thresholds{.target = 0.5};
  weft::client c(pool, o);
  CHECK(c.memory().budget == std::uint64_t{1} << 39);
  CHECK(c.memory().resident > std::uint64_t{1} << 20);
  CHECK(weft::detail::resident_memory() < weft::detail::usable_memory());
}

TEST_CASE("above `spill` from the beginning, on a real pool: values go to the disk, and come back") {
  weft::pool pool({.threads = 2});
  weft::client_options o;
  o.memory_budget = std::uint64_t{1} << 30;
  o.memory_limit = std::max<std::uint64_t>(1, weft::detail::resident_memory());
  o.thresholds = weft::memory_thresholds{.pause = 0, .terminate = 0};
  weft::client c(pool, o);
  const auto program = [](weft::client& client) -> weft::task<> {
    const auto large = [](std::uint64_t seed) { return block(1 << 17, seed); };
    std::vector<weft::future<block>> blocks;
    for (std::uint64_t i = 0; i < 16; ++i) blocks.push_back(client.submit(large, i));
    co_await client.wait(blocks);
    for (std::uint64_t i = 0; i < 16; ++i) {
      const block value = co_await std::move(blocks[i]);
      CHECK(value[77] == i);
    }
  };
  pool.run(program(c));
  CHECK(comes([&] { return c.memory().in_memory == 0; }));
}

namespace {

block plus(const block& a, const block& b) {
  block c(a);
  for (std::size_t i = 0; i < c.size(); ++i) c[i] += b[i];
  return c;
}
weft::task<block> plus_slowly(weft::client& c, const block& a, std::uint64_t seed) {
  for (;;) {
    try {
      auto other = c.submit(make, seed);
      co_return plus(a, co_await other);
    } catch (const weft::overloaded&) {}
    co_await weft::sleep_for(50ms);
  }
}

weft::task<> random_blocks(world& w, weft::client& c) {
  weft::simulation& s = w.simulation;
  std::vector<std::pair<weft::future<block>, std::uint64_t>> nodes;
  const std::size_t count = 10 + s.random() % 30;
  while (nodes.size() < count) {
    const std::uint64_t x = s.random() % 100;
    if (s.random() % 2 == 0) w.others = 1 + s.random() % limit;
    bool refused = false;
    try {
      if (nodes.empty() || s.random() % 3 == 0) {
        nodes.emplace_back(c.submit(make_slowly, x, std::chrono::milliseconds(s.random() % 300)), x);
      } else {
        auto &a = nodes[s.random() % nodes.size()], &b = nodes[s.random() % nodes.size()];
        if (s.random() % 2 == 0)
          nodes.emplace_back(c.submit(plus, a.first, b.first), a.second + b.second);
        else
          nodes.emplace_back(c.submit(plus_slowly, a.first, x), a.second + x);
      }
    } catch (const weft::overloaded&) { refused = true; }
    if (refused || s.random() % 4 == 0) co_await weft::sleep_for(std::chrono::milliseconds(s.random() % 300));
  }
  w.others = 1 + s.random() % (limit / 2);  // who is refused for ever never ends
  for (auto& [f, value] : nodes) {
    const block& b = co_await f;
    REQUIRE(b[words / 2] == value);
  }
}

}  // namespace

TEST_CASE("random graphs while the process takes now more, now less memory, all end", "[seeds]") {
  for (const std::uint64_t seed : weft::test::seed_range(500)) {
    INFO("seed " << seed << " (replay: WEFT_SEED=" << seed << ")");
    std::uint64_t hash = 0;
    for (int run = 0; run < (seed % 20 == 0 ? 2 : 1); ++run) {
      world w(seed);
      w.run(weft::memory_thresholds{}, random_blocks);
      if (run == 1) REQUIRE(w.simulation.hash() == hash);
      hash = w.simulation.hash();
    }
  }
}
