// Layers: values, order, and what may be said of their tasks.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdint>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/layers.hpp"
#include "weft/client.hpp"
#include "weft/layer.hpp"
#include "weft/simulation.hpp"
#include "weft/weft.hpp"

using namespace std::chrono_literals;
using namespace layers;

namespace {

template <class D>
void check_inverse(const D& d, std::size_t n, std::size_t m) {
  std::set<std::pair<std::size_t, std::size_t>> forwards, backwards;
  for (std::size_t j = 0; j < m; ++j) {
    weft::intervals in = d.of(j);
    in.clamp(n);
    for (const weft::interval& i : in)
      for (std::size_t k = i.first; k <= i.last; ++k) forwards.insert({k, j});
  }
  for (std::size_t i = 0; i < n; ++i) {
    weft::intervals to = d.dependents(i);
    to.clamp(m);
    for (const weft::interval& j : to)
      for (std::size_t k = j.first; k <= j.last; ++k) backwards.insert({i, k});
  }
  CHECK(forwards == backwards);
}

}  // namespace

namespace {
struct names_itself {
  weft::intervals of(std::size_t j) const noexcept { return j == 5 ? weft::intervals({5, 5}) : weft::intervals(); }
};
/// Every other task: as many intervals as there are.
struct every_other {
  weft::intervals of(std::size_t j) const {
    weft::intervals in;
    for (std::size_t i = j % 2; i < 400; i += 2) in.add({i, i});
    return in;
  }
  weft::intervals dependents(std::size_t i) const { return of(i); }
};
struct names_later {
  weft::intervals of(std::size_t j) const noexcept { return j % 2 ? weft::intervals() : weft::intervals({0, j + 1}); }
};
}  // namespace

TEST_CASE("a layer over time whose tasks would wait for each other is refused as it is made") {
  CHECK_THROWS_WITH(weft::layer_over_time(10, fold, names_itself{}),
                    Catch::Contains("task 5 of a layer over time would wait for task 5") &&
                        Catch::Contains("names_itself names it: a cycle"));
  CHECK_THROWS_WITH(weft::layer_over_time(10, fold, names_later{}),
                    Catch::Contains("task 0") && Catch::Contains("task 1,"));
  CHECK_NOTHROW(weft::layer_over_time(5, fold, names_itself{}));  // there is no such task
}

TEST_CASE("dependents are the inverse of what tasks take") {
  for (const std::size_t n : {1u, 2u, 5u, 24u, 30u}) {
    check_inverse(weft::one_to_one{}, n, n);
    for (const std::size_t k : {1u, 2u, 3u, 7u}) check_inverse(weft::blocks{k}, n, (n + k - 1) / k);
    for (const std::size_t r : {0u, 1u, 3u}) check_inverse(weft::neighbours{r}, n, n);
    check_inverse(weft::every{}, n, n / 2 + 1);
    for (const std::size_t width : {1u, 4u, 5u, 6u})
      for (const std::size_t r : {0u, 1u, 2u}) check_inverse(weft::previous_step{width, weft::neighbours{r}}, n, n);
  }
}

TEST_CASE("a task takes as many intervals as it likes") {
  weft::intervals many;
  for (std::size_t i = 0; i < 100; ++i) many.add({3 * i, 3 * i + 1});
  const weft::intervals copy = many;
  weft::intervals few = weft::interval{7, 8};
  few = copy;
  REQUIRE(few.size() == 100);
  CHECK(few[99] == weft::interval{297, 298});
  weft::intervals moved = std::move(few);
  CHECK(moved.size() == 100);
  few = weft::interval{1, 2};  // what was moved from is used again
  REQUIRE(few.size() == 1);
  CHECK(few[0] == weft::interval{1, 2});
  moved.clamp(31);
  REQUIRE(moved.size() == 11);
  CHECK(moved[10] == weft::interval{30, 30});
  moved = few;
  CHECK(moved.size() == 1);
  moved.clear();
  CHECK(moved.empty());

  check_inverse(every_other{}, 400, 400);
  const std::vector<number> expected = sequential(400, leaves(400), every_other{});
  for (const unsigned threads : {1u, 3u})
    CHECK(values_of(weft::layer_of(400, fold, weft::layer_of(400, leaf), every_other{}), threads) == expected);
}

TEST_CASE("layers give what a sequential run gives, in all shapes") {
  for (const unsigned threads : {1u, 2u, 3u})
    for (const std::size_t n : {1u, 2u, 31u, 600u, 1500u}) {
      CAPTURE(threads, n);
      const auto a = weft::layer_of(n, leaf);
      const std::vector<number> av = leaves(n);
      CHECK(values_of(a, threads) == av);
      CHECK(values_of(weft::layer_of(n, fold, a, weft::one_to_one{}), threads) ==
            sequential(n, av, weft::one_to_one{}));
      for (const std::size_t k : {1u, 3u, 8u}) {
        const std::size_t m = (n + k - 1) / k;
        CHECK(values_of(weft::layer_of(m, fold, a, weft::blocks{k}), threads) == sequential(m, av, weft::blocks{k}));
      }
      CHECK(values_of(weft::layer_of(n, fold, a, weft::neighbours{2}), threads) ==
            sequential(n, av, weft::neighbours{2}));
      CHECK(values_of(weft::layer_of(3, fold, a, weft::every{}), threads) == sequential(3, av, weft::every{}));
      const scattered s{n};
      CHECK(values_of(weft::layer_of(2 * n, fold, a, s), threads) == sequential(2 * n, av, s));
      CHECK(values_of(weft::layer_of(n, waits, a, s), threads) == sequential(n, av, s));
      // One task to all: more than are told at once.
      const auto one = weft::layer_of(1, leaf);
      CHECK(values_of(weft::layer_of(n, fold, one, weft::every{}), threads) ==
            sequential(n, leaves(1), weft::every{}));
      // A diamond: the same layer on two ways, and twice by one.
      const auto left = weft::layer_of(n, fold, a, weft::neighbours{1});
      const auto both = weft::layer_of(n, fold_two, weft::from(left, s), weft::from(a, weft::one_to_one{}));
      const auto twice =
          weft::layer_of(n, plus, weft::from(both, weft::one_to_one{}), weft::from(both, weft::one_to_one{}));
      std::vector<number> expected = sequential(n, av, weft::neighbours{1});
      expected = sequential(n, expected, s);
      for (std::size_t j = 0; j < n; ++j) expected[j] = 2 * mix(expected[j] + av[j]);
      CHECK(values_of(twice, threads) == expected);
      // Over time.
      for (const std::size_t width : {1u, 2u, 7u}) {
        const weft::previous_step step{width, weft::neighbours{1}};
        CHECK(values_of(weft::layer_over_time(n, fold, step), threads) == [&] {
          std::vector<number> all(n);
          for (std::size_t j = 0; j < n; ++j) {
            number sum = j;
            for (const weft::interval& i : step.of(j))
              for (std::size_t k = i.first; k <= i.last; ++k) sum = mix(sum + all[k]);
            all[j] = sum;
          }
          return all;
        }());
      }
      CHECK(values_of(weft::layer_over_time(n, fold, halves{}), threads) == sequential_over_time(n, halves{}));
      CHECK(values_of(weft::layer_over_time(n, waits, halves{}), threads) == sequential_over_time(n, halves{}));
    }
}

TEST_CASE("what tasks share is kept once, and a single value is given as it is") {
  const auto a = weft::layer_of(
      100,
      [](std::size_t i, const std::string& s, double x) { return s + std::to_string(i) + (x == 0.5 ? "!" : "?"); },
      "task ", 0.5);
  const auto b = weft::layer_of(
      100, [](std::size_t, const std::string& s, std::string_view more) { return s + std::string(more); }, a,
      weft::one_to_one{}, std::string("."));
  const std::vector<std::string> all = values_of(b, 2);
  CHECK(all[7] == "task 7!.");
  CHECK(all[99] == "task 99!.");
  CHECK(values_of(weft::layer_of(0, leaf), 1).empty());
  CHECK(weft::layer_of(5, leaf).size() == 5);
  CHECK(!weft::layer<int>().valid());
}

TEST_CASE("layers that do not fit are refused") {
  const auto a = weft::layer_of(10, leaf);
  CHECK_THROWS_WITH(weft::layer_of(4, fold, a, weft::blocks{2}),
                    Catch::Contains("weft::blocks cannot join a layer of 10"));
  CHECK_THROWS_AS(weft::layer_of(9, fold, a, weft::one_to_one{}), weft::misuse);
  CHECK_THROWS_AS(weft::layer_of(std::size_t{1} << 32, leaf), weft::misuse);
  CHECK_THROWS_AS(weft::layer_of(1, fold, weft::layer<number>(), weft::every{}), weft::misuse);
  on_client(1, [](weft::client& c) -> weft::task<> {
    const auto l = weft::layer_of(10, leaf);
    CHECK_THROWS_AS(c.compute(l, 10), weft::misuse);
    CHECK_THROWS_AS(c.compute(weft::layer<number>()), weft::misuse);
    const auto half = weft::layer_of((std::size_t{1} << 31) + 1, leaf);
    const auto other = weft::layer_of(half.size(), fold, half, weft::one_to_one{});
    CHECK_THROWS_AS(c.compute(other, 0), weft::misuse);
    co_return;
  });
}

TEST_CASE("one future of a layer: only what it needs runs") {
  const auto one = [](weft::client& c, weft::layer<number> l, std::size_t i) -> weft::task<number> {
    co_return co_await c.compute(l, i);
  };
  for (const unsigned threads : {1u, 2u}) {
    const auto a = weft::layer_of(1000, counted);
    const auto b = weft::layer_of(1000, counted_fold, a, weft::neighbours{2});
    const auto s = weft::layer_of(1000, counted_fold, b, shifted{3});
    ran = 0;
    const std::vector<number> bv = sequential(1000, leaves(1000), weft::neighbours{2});
    CHECK(on_client(threads, one, s, std::size_t{500}) == sequential(1000, bv, shifted{3})[500]);
    CHECK(ran == 1 + 1 + 5);
    ran = 0;
    CHECK(on_client(threads, one, s, std::size_t{998}) == 998);  // takes nothing
    CHECK(ran == 1);
    ran = 0;
    // The last step of many: its last point.
    const auto t = weft::layer_over_time(3000, counted_fold, weft::previous_step{3, weft::one_to_one{}});
    on_client(threads, one, t, std::size_t{2999});
    CHECK(ran == 1000);
    ran = 0;
    // What nobody takes of a layer does not run, nor what only that needs.
    values_of(weft::layer_of(10, counted_fold, s, shifted{3}), threads);
    CHECK(ran == 10 + 10 + 10 + 14);
  }
}

TEST_CASE("run: all tasks of a layer, and one future of their end") {
  for (const unsigned threads : {1u, 2u}) {
    const auto a = weft::layer_of(5000, counted);
    const auto t = weft::layer_over_time(5000, counted_fold, weft::previous_step{5, weft::neighbours{1}});
    const auto nothing = weft::layer_of(700, [](std::size_t) { ++ran; });
    ran = 0;
    on_client(
        threads, [](weft::client& c, auto... l) -> weft::task<> { (co_await c.run(l), ...); }, a, t, nothing,
        weft::layer_of(0, leaf));
    CHECK(ran == 10700);
  }
}

namespace {

/// A value that counts how many of them there are.
struct live {
  static inline std::atomic<int> now{0}, most{0};
  live() noexcept { add(); }
  live(const live& o) noexcept : value(o.value) { add(); }
  live& operator=(const live&) = default;
  ~live() { --now; }
  static void add() noexcept {
    const int n = ++now;
    if (n > most) most = n;
  }
  friend void weft_encode(weft::encoder& e, const live& l) { weft::encode(e, l.value); }
  friend live weft_decode(weft::decoder& d, std::type_identity<live>) {
    live l;
    l.value = weft::decode<number>(d);
    return l;
  }
  number value = 0;
};
live make_live(std::size_t i) {
  live l;
  l.value = leaf(i);
  return l;
}
live fold_live(std::size_t, weft::values<live> in) {
  live l;
  for (const live& x : in) l.value += x.value;
  return l;
}
number value_of(std::size_t, const live& l) { return l.value; }

}  // namespace

TEST_CASE("on one thread values are used before others are made") {
  constexpr std::size_t n = 4096;
  const auto peak = [](const auto& l) {
    live::most = 0;
    on_client(1, [](weft::client& c, auto of) -> weft::task<> { static_cast<void>(co_await c.compute(of, 0)); }, l);
    CHECK(live::now == 0);
    return live::most.load();
  };
  weft::layer<live> tree = weft::layer_of(n, make_live);
  std::size_t levels = 0;
  while (tree.size() > 1) {
    tree = weft::layer_of(tree.size() / 4, fold_live, tree, weft::blocks{4});
    ++levels;
  }
  CHECK(peak(weft::layer_of(1, value_of, tree, weft::one_to_one{})) <= static_cast<int>(3 * levels + 3));
  // Mapped, mapped again, and reduced in one: only numbers are left of each.
  weft::layer<live> mapped = weft::layer_of(n, make_live);
  for (int i = 0; i < 3; ++i) mapped = weft::layer_of(n, fold_live, mapped, weft::one_to_one{});
  const auto numbers = weft::layer_of(n, value_of, mapped, weft::one_to_one{});
  CHECK(peak(weft::layer_of(1, fold, numbers, weft::every{})) <= 3);
  // A parameter for all: it is there before the others.
  const auto parameter = weft::layer_of(1, make_live);
  const auto both = weft::layer_of(
      n, [](std::size_t, const live& a, weft::values<live> p) { return a.value + p[0].value; },
      weft::from(weft::layer_of(n, make_live), weft::one_to_one{}), weft::from(parameter, weft::every{}));
  CHECK(peak(weft::layer_of(1, fold, both, weft::every{})) <= 40);
  const auto moving = weft::layer_of(n, fold_live, weft::layer_of(n, make_live), weft::neighbours{2});
  const auto seen = weft::layer_of(n, value_of, moving, weft::one_to_one{});
  CHECK(peak(weft::layer_of(1, fold, seen, weft::every{})) <= 8);
}

TEST_CASE("tasks run in the order of their layer, and what a task computes comes right after it") {
  static std::vector<std::size_t> order;
  order.clear();
  const auto record = weft::layer_of(100, [](std::size_t i) { order.push_back(i); });
  on_client(1, [](weft::client& c, weft::layer<> l) -> weft::task<> { co_await c.run(l); }, record);
  CHECK(order.size() == 100);
  CHECK(std::is_sorted(order.begin(), order.end()));
  // Inside a task all have its rank: depth first, with few values alive.
  live::most = 0;
  on_client(1, [](weft::client& c) -> weft::task<> {
    auto inner = [](weft::client& own) -> weft::task<number> {
      auto numbers = weft::layer_of(2000, value_of, weft::layer_of(2000, make_live), weft::one_to_one{});
      auto total = weft::layer_of(1, fold, numbers, weft::every{});
      co_return co_await own.compute(total, 0);
    };
    static_cast<void>(co_await c.submit(inner));
  });
  CHECK(live::most <= 3);
}

TEST_CASE("tasks with inputs have their turns in another order where their layer says so") {
  static std::vector<std::size_t> order;
  order.clear();
  const auto one = weft::layer_of(1, leaf);
  const auto record =
      weft::layer_of(100, [](std::size_t i, weft::values<number>) { order.push_back(i); }, one, weft::every{});
  std::vector<std::size_t> expected;
  for (std::size_t turn = 0; turn < 100; ++turn) expected.push_back(turn * 37 % 100);
  std::vector<std::uint32_t>& turns = record.get_spec()->turns;
  turns.resize(100);
  for (std::uint32_t turn = 0; turn < 100; ++turn) turns[expected[turn]] = turn;
  on_client(1, [](weft::client& c, weft::layer<> l) -> weft::task<> { co_await c.run(l); }, record);
  CHECK(order == expected);
}

TEST_CASE("values that are under way make a layer") {
  for (const unsigned threads : {1u, 2u})
    on_client(threads, [](weft::client& c) -> weft::task<> {
      std::vector<weft::future<number>> mixed;
      for (std::size_t i = 0; i < 300; ++i) {
        if (i % 3 == 0) mixed.push_back(c.scatter(leaf(i)));
        if (i % 3 == 1) mixed.push_back(c.submit(leaf, i));
        if (i % 3 == 2)
          mixed.push_back(c.submit(
              [](std::size_t x) -> weft::task<number> {
                co_await weft::sleep_for(1us);
                co_return leaf(x);
              },
              i));
      }
      const weft::layer<number> given = weft::layer_of(mixed);
      const auto sums = weft::layer_of(60, fold, given, weft::blocks{5});
      const auto right = sequential(60, leaves(300), weft::blocks{5});
      std::vector<number> got = co_await c.gather(c.compute(sums));
      CHECK(got == right);
      got = co_await c.gather(c.compute(weft::layer_of(c.compute(sums))));  // persisted
      CHECK(got == right);
      const number one = co_await c.compute(sums, 3);
      CHECK(one == right[3]);
      // A result is an input of other tasks like any future.
      auto first = c.compute(sums, 0);
      const number taken = co_await c.submit([](number x) { return x + 1; }, first);
      CHECK(taken == right[0] + 1);
      mixed[17].cancel();
      auto broken = c.submit([](std::size_t) -> number { throw std::runtime_error("given"); }, 1u);
      std::vector<weft::future<number>> with_failure{broken, mixed[0]};
      const auto after = c.compute(weft::layer_of(2, plus_one, weft::layer_of(with_failure), weft::one_to_one{}));
      bool failed = false;
      try {
        static_cast<void>(co_await after[0]);
      } catch (const weft::task_failed& e) { failed = e.path().size() == 2; }
      CHECK(failed);
      const number sound = co_await after[1];
      CHECK(sound == leaf(0) + 1);
      CHECK_THROWS_AS(weft::layer_of(std::vector<weft::future<number>>(2)), weft::misuse);
    });
}

TEST_CASE("a layer belongs to no client, but values that were given do") {
  weft::pool pool({.threads = 2});
  weft::client a(pool), b(pool);
  pool.run([](weft::client& first, weft::client& second) -> weft::task<> {
    const auto l = weft::layer_of(10, leaf);
    const number x = co_await first.compute(l, 3), y = co_await second.compute(l, 3);
    CHECK(x == y);
    const auto given = weft::layer_of(first.compute(l));
    CHECK_THROWS_AS(second.compute(weft::layer_of(10, plus_one, given, weft::one_to_one{})), weft::misuse);
  }(a, b));
}

TEST_CASE("limits are for every task of a layer") {
  static std::atomic<int> at_once, most;
  at_once = most = 0;
  weft::pool pool({.threads = 2});
  weft::client_options options;
  options.resources = "seat=1";
  weft::client c(pool, options);
  pool.run([](weft::client& own) -> weft::task<> {
    const auto seated = weft::layer_of(50, [](std::size_t i) -> weft::task<number> {
      const int now = ++at_once;
      if (now > most) most = now;
      co_await weft::sleep_for(10us);
      --at_once;
      co_return i;
    });
    const auto sums = weft::layer_of(25, fold, seated, weft::blocks{2});
    co_await own.with({.resources = "seat"}).run(sums);
    CHECK(most == 1);
    const auto slow = weft::layer_of(3, [](std::size_t i) -> weft::task<number> {
      if (i == 1) co_await weft::sleep_for(24h);
      co_return i;
    });
    auto f = own.with({.time_limit = 1ms}).compute(slow);
    const number first = co_await f[0];
    CHECK(first == 0);
    bool over = false;
    try {
      static_cast<void>(co_await f[1]);
    } catch (const weft::timed_out&) { over = true; }
    CHECK(over);
    CHECK_THROWS_AS(own.with({.resources = "table"}).compute(slow), weft::misuse);
  }(c));
}

namespace {
weft::task<number> sleeps(std::size_t i, number seconds) {
  co_await weft::sleep_for(std::chrono::seconds(seconds));
  co_return i;
}
weft::task<number> sleeps_after(std::size_t i, const number&, number seconds) {
  co_await weft::sleep_for(std::chrono::seconds(seconds));
  co_return i;
}
template <class Work>
weft::task<std::string> lateness_of(Work work) {
  std::string what;
  try {
    co_await std::move(work);
  } catch (const weft::timed_out& e) { what = e.what(); }
  co_return what;
}
}  // namespace

TEST_CASE("a time limit of a layer's task begins when its inputs have ended, whether it has a future or not") {
  weft::simulation s(1, {.workers = 2});
  const auto program = [](weft::simulation& sim) -> weft::task<> {
    weft::client c(sim);
    const weft::client impatient = c.with({.time_limit = 1s});
    const auto given = weft::layer_of(c.compute(weft::layer_of(4, sleeps, number{10})));
    auto quick = impatient.compute(weft::layer_of(4, plus_one, given, weft::one_to_one{}));
    auto slow = impatient.compute(weft::layer_of(4, sleeps_after, given, weft::one_to_one{}, number{86'400}));
    const auto began = sim.elapsed();
    const number first = co_await quick[3];
    CHECK(first == 4);
    const std::string of_slow = co_await lateness_of(std::move(slow[2]));
    CHECK_THAT(of_slow, Catch::Contains("has not ended within its time limit of 1 s"));
    CHECK(sim.elapsed() - began >= 11s);
    CHECK(sim.elapsed() - began < 12s);
    // Nothing watches what was cancelled before its inputs had ended: the client ends at once.
    auto given_up =
        c.with({.time_limit = 1000s})
            .compute(weft::layer_of(4, plus_one, weft::layer_of(c.compute(weft::layer_of(4, sleeps, number{10}))),
                                    weft::one_to_one{}));
    for (auto& f : given_up) f.cancel();
    co_await weft::sleep_for(20s);
  };
  s.run(program(s));
  CHECK(s.elapsed() < 60s);
}

TEST_CASE("run: a task that is too late is named") {
  weft::simulation s(1, {.workers = 2});
  const auto program = [](weft::simulation& sim) -> weft::task<> {
    weft::client c(sim);
    const auto slow = weft::layer_of(3, sleeps, number{86'400});
    const auto after = weft::layer_of(3, plus_one, slow, weft::one_to_one{});
    const weft::client impatient = c.with({.name = "the whole", .time_limit = 1s});
    const std::string what = co_await lateness_of(impatient.run(after));
    CHECK_THAT(what, Catch::Contains("sleeps") && Catch::EndsWith(" has not ended within its time limit of 1 s"));
    const auto given = weft::layer_of(c.with({.name = "given", .time_limit = 2s})
                                          .map(
                                              [](int i) -> weft::task<number> {
                                                co_await weft::sleep_for(24h);
                                                co_return static_cast<number>(i);
                                              },
                                              std::views::iota(0, 1)));
    const std::string of_given = co_await lateness_of(c.run(weft::layer_of(1, plus_one, given, weft::one_to_one{})));
    CHECK(of_given == "weft: task given has not ended within its time limit of 2 s");
  };
  s.run(program(s));
}

TEST_CASE("names, numbers and totals of a layer's tasks") {
  struct counter : weft::task_observer {
    void on(const weft::task_event& e) noexcept override {
      if (e.what == weft::task_event::step::submitted) ++submitted;
      if (e.what == weft::task_event::step::started) ++started;
      if (e.what == weft::task_event::step::done) ++done;
    }
    std::atomic<int> submitted{0}, started{0}, done{0};
  } seen;
  weft::pool pool({.threads = 2});
  weft::client c(pool);
  {
    auto watching = c.observe(seen);
    const auto a = weft::layer_of(1000, leaf);
    const auto b = weft::layer_of(1000, fold, a, weft::neighbours{1});
    pool.run([](weft::client& own, weft::layer<number> l) -> weft::task<> {
      auto f = own.with({.name = "the step"}).compute(l);
      CHECK(f[0].key() == "the step");
      co_await own.wait(std::move(f));
    }(c, b));
  }
  pool.drain();
  CHECK(seen.submitted == 2000);
  CHECK(seen.started == 2000);
  CHECK(seen.done == 2000);
  CHECK(c.totals().submitted == 2000);
  CHECK(c.totals().ended == 2000);
}
