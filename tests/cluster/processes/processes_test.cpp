// Whole processes in one thread and in virtual time. WEFT_SEED=n runs one world, WEFT_SEEDS=count many; WEFT_TRACE=1
// says what goes wrong in them, and when. A failing seed is made smaller, and says how to run it again.
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>

#include "cluster/processes/shrink.hpp"
#include "cluster/processes/world.hpp"
#include "support/sanitized.hpp"
#include "support/seeds.hpp"

namespace weft::net::processes {
namespace {

using test::sanitized;

}  // namespace

TEST_CASE("whole processes under faults", "[seeds]") {
  const auto begin = std::chrono::steady_clock::now();
  double virtual_seconds = 0;
  std::uint64_t worlds = 0, steps = 0, values = 0, calls = 0, faults = 0, restarted = 0, stolen = 0, copies = 0,
                late = 0, lost_clusters = 0;
  unsigned failures = 0;
  for (const std::uint64_t seed : test::seed_range(sanitized ? 100 : 1000)) {
    const plan p = plan_from_environment(seed);
    const outcome o = run(p);
    ++worlds;
    steps += o.steps, values += o.values, calls += o.calls, faults += o.faults;
    restarted += o.restarted, stolen += o.stolen, copies += o.copies;
    late += o.late, lost_clusters += o.lost_clusters;
    virtual_seconds += static_cast<double>(o.virtual_time) / 1e9;
    if (seed % 20 == 0) {
      const outcome again = run(p);
      INFO("seed " << seed << " does not replay");
      CHECK(again.digest == o.digest);
    }
    if (o.wrong.empty()) continue;
    const plan small = environment_has_plan() ? p : shrink(p);
    FAIL_CHECK("seed " << seed << ": " << o.wrong << "\n  " << describe(p) << "\nto run it again:\n  "
                       << replay_command(plan_of(seed), p) << "\nthe smallest that fails:\n  "
                       << replay_command(plan_of(seed), small) << "\n  " << describe(small));
    if (++failures == 5) break;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const auto n = [](std::uint64_t x) { return static_cast<unsigned long long>(x); };
  std::printf(
      "%llu worlds of whole processes, %llu steps, %llu values, %llu calls, %llu late tasks, %llu faults, %llu "
      "clusters lost, %llu tasks restarted, %llu stolen, %llu copies: %.0f s of theirs in %.1f s\n",
      n(worlds), n(steps), n(values), n(calls), n(late), n(faults), n(lost_clusters), n(restarted), n(stolen),
      n(copies), virtual_seconds, seconds);
}

TEST_CASE("who loses the scheduler is told so, and finds the next one", "[scheduler]") {
  plan p;
  p.seed = 11;
  p.workers = 3;
  p.clients = 2;
  p.program.tasks = 60;
  p.program.longest_run = std::chrono::milliseconds(20);
  p.program.submitters = p.program.layers = true;
  p.program.calls = 40;
  p.quiet_at = 1'000'000'000;
  const fault_kind kind = GENERATE(fault_kind::scheduler_dies, fault_kind::scheduler_stops);
  const time_ns away = GENERATE(time_ns{1}, time_ns{1'000'000'000},
                                time_ns{100'000'000'000});  // the last is longer than anybody tries
  for (std::uint64_t chance = 1; chance <= 3; ++chance) {
    p.faults.assign(1, {kind, 40'000'000, away, chance});
    const outcome o = run(p);
    INFO(name_of(kind) << " for " << away << " ns, " << chance);
    CHECK(o.wrong == "");
    CHECK(o.lost_clusters == p.clients);
    CHECK(o.values > 0);
  }
}

TEST_CASE("a world that fails shrinks to what it fails by", "[shrink]") {
  // One of those in which much happens, and a worker crashes.
  plan whole;
  for (std::uint64_t seed = 1; whole.seed == 0; ++seed)
    if (const plan p = plan_of(seed); p.has(fault_kind::crash) && p.faults.size() > 8 && p.program.submitters &&
                                      p.program.layers && p.program.calls > 0 && p.workers > 2)
      whole = p;
  whole.forbidden = fault_kind::crash;
  const plan small = shrink(whole);
  INFO(replay_command(whole, small) << "\n  " << describe(small));
  REQUIRE(small.faults.size() == 1);
  CHECK(small.faults.front().kind == fault_kind::crash);
  CHECK(small.program.tasks == 1);
  CHECK(small.program.calls == 0);
  CHECK(small.workers == 1);
  CHECK(small.clients == 1);
  CHECK_FALSE(small.program.submitters);
  CHECK_FALSE(small.program.layers);
  CHECK_THAT(run(small).wrong, Catch::StartsWith("there is a crash, which is forbidden\n  (of seed " +
                                                 std::to_string(whole.seed) + ", in step "));
  CHECK(run(small).digest == run(small).digest);
  // What there is besides is no failure.
  whole.forbidden.reset();
  CHECK(run(whole).wrong.empty());
  CHECK(shrink(whole).faults == whole.faults);
}

}  // namespace weft::net::processes
