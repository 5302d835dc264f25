// Several pools in one simulation: their turns, their pauses, and what keeps their workers busy.
#include "weft/simulation.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "weft/weft.hpp"

using namespace std::chrono_literals;

namespace {

/// Counts on one pool, in virtual time, until it is told to end.
struct ticker {
  static weft::task<> run(ticker& t) {
    while (!t.over) {
      co_await weft::sleep_for(1ms);
      ++t.ticks;
    }
  }
  int ticks = 0;
  bool over = false;
};

}  // namespace

TEST_CASE("simulated time is exact and costs none; a deadlock is found", "[simulation]") {
  weft::simulation sim(7);
  auto day = []() -> weft::task<> { co_await weft::sleep_for(24h); };
  sim.run(day());
  CHECK(sim.elapsed() == 24h);
  auto stuck = []() -> weft::task<> {
    weft::event never;
    co_await never.wait();
  };
  CHECK_THROWS_WITH(weft::simulation(99).run(stuck()), Catch::Contains("seed 99 is deadlocked"));
}

TEST_CASE("a pool of a simulation that is paused takes no steps, and goes on") {
  weft::simulation s(1);
  weft::pool &a = s.add_pool(1), &b = s.add_pool(2);
  CHECK(b.size() == 2);
  ticker of_a, of_b;
  const auto test = [&]() -> weft::task<> {
    a.spawn(ticker::run(of_a));
    b.spawn(ticker::run(of_b));
    co_await weft::sleep_for(10ms);
    const int before = of_a.ticks;
    CHECK(before >= 9);
    s.pause(a);
    co_await weft::sleep_for(10ms);
    CHECK(of_a.ticks == before);
    CHECK(of_b.ticks >= 18);
    s.go_on(a);
    co_await weft::sleep_for(10ms);
    CHECK(of_a.ticks >= before + 9);
    of_a.over = of_b.over = true;
  };
  s.run(test());
}

TEST_CASE("a simulation is not over while a paused pool has something left") {
  weft::simulation s(1);
  weft::pool& a = s.add_pool(1);
  ticker t;
  const auto test = [&]() -> weft::task<> {
    s.pause(a);
    a.spawn(ticker::run(t));
    co_return;
  };
  CHECK_THROWS_WITH(s.run(test()), Catch::Contains("seed 1 is deadlocked"));
  t.over = true;
  s.go_on(a);
  const auto nothing = []() -> weft::task<> { co_return; };
  s.run(nothing());
  CHECK(t.ticks == 0);
}

TEST_CASE("a worker of a simulation that computes lets others go on") {
  weft::simulation s(1, {.workers = 1});
  weft::pool& two = s.add_pool(2);
  std::vector<std::chrono::nanoseconds> ends;
  const auto computes = [&]() -> weft::task<> {
    s.keep_busy(5ms);
    co_await weft::yield();  // the worker's next step
    ends.push_back(s.elapsed());
  };
  const auto test = [&]() -> weft::task<> {
    for (int i = 0; i < 4; ++i) two.spawn(computes());
    co_await weft::sleep_for(1ms);
    CHECK(s.elapsed() == 1ms);
  };
  s.run(test());
  REQUIRE(ends.size() == 4);
  // Four tasks of 5 ms, on two workers that may pass their second halves on.
  CHECK(ends.back() >= 10ms);
  CHECK(ends.back() <= 20ms);
  CHECK_THROWS_AS(s.keep_busy(1ms), weft::misuse);
}

TEST_CASE("time passes in a simulation while something runs, when steps take some") {
  weft::simulation::options o;
  o.longest_step = 1us;
  weft::simulation s(7, o);
  const auto test = []() -> weft::task<> {
    for (int i = 0; i < 1000; ++i) co_await weft::yield();
  };
  s.run(test());
  CHECK(s.elapsed() > 100us);
  weft::simulation again(7, o);
  again.run(test());
  CHECK(again.hash() == s.hash());
  CHECK(again.elapsed() == s.elapsed());
}

TEST_CASE("nobody waits for a pool of a simulation from outside") {
  weft::simulation s(1);
  const auto nothing = []() -> weft::task<> { co_return; };
  CHECK_THROWS_WITH(s.pool().run(nothing()), Catch::Contains("a pool of a simulation"));
  CHECK_THROWS_WITH(s.pool().drain(), Catch::Contains("a pool of a simulation"));
  CHECK_THROWS_AS(s.pool().cancel(), weft::misuse);
  CHECK_THROWS_AS(s.pool().drain_for(1s), weft::misuse);
}
