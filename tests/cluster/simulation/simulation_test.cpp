// The cluster in one thread and in virtual time. WEFT_SEED=n runs one world, WEFT_SEEDS=count many; WEFT_TRACE=1
// writes every message of it. A failing seed is made smaller, and says how to run it again.
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "cluster/simulation/benchmark.hpp"
#include "cluster/simulation/shrink.hpp"
#include "cluster/simulation/world.hpp"
#include "support/sanitized.hpp"
#include "support/seeds.hpp"

namespace weft::net::simulation {
namespace {

void run_seeds(std::uint64_t count, world_size size, const char* what) {
  const auto begin = std::chrono::steady_clock::now();
  double virtual_seconds = 0;
  std::uint64_t steps = 0, tasks = 0, faults = 0, worlds = 0, resumed = 0, lost = 0, read = 0, overlaps = 0,
                unreached = 0, taken = 0;
  unsigned failures = 0;
  for (const std::uint64_t seed : test::seed_range(count)) {
    const plan p = plan_from_environment(seed, size);
    const outcome o = run(p);
    ++worlds;
    steps += o.steps, tasks += o.tasks_run, faults += o.faults, resumed += o.resumed, lost += o.lost_peers;
    read += o.values_read, overlaps += o.overlaps, unreached += o.unreached, taken += o.taken;
    virtual_seconds += static_cast<double>(o.virtual_time) / 1e9;
    if (seed % 20 == 0) {
      const outcome again = run(p);
      INFO("seed " << seed << " does not replay");
      CHECK(again.digest == o.digest);
    }
    if (o.wrong.empty()) continue;
    const bool whole = std::getenv("WEFT_FAULTS") || std::getenv("WEFT_TASKS") || std::getenv("WEFT_TRACE");
    const plan small = whole ? p : shrink(p);
    const std::string smallest = whole ? std::string() : run(small).wrong;
    FAIL_CHECK("seed " << seed << ": " << o.wrong << "\n  " << describe(p) << "\nto run it again:\n  "
                       << replay_command(plan_of(seed, size), p, size) << "\nthe smallest that fails:\n  "
                       << replay_command(plan_of(seed, size), small, size) << "\n  " << describe(small) << "\n  "
                       << smallest);
    if (++failures == 5) break;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf(
      "%llu %s worlds, %llu steps, %llu tasks run, %llu values read, %llu faults, %llu sessions resumed, %llu lost, "
      "%llu workers not reached with values, %llu values taken in place, %llu waits for resources of stopped tasks: "
      "%.0f s of theirs in %.1f s, "
      "%.0f times as fast\n",
      static_cast<unsigned long long>(worlds), what, static_cast<unsigned long long>(steps),
      static_cast<unsigned long long>(tasks), static_cast<unsigned long long>(read),
      static_cast<unsigned long long>(faults), static_cast<unsigned long long>(resumed),
      static_cast<unsigned long long>(lost), static_cast<unsigned long long>(unreached),
      static_cast<unsigned long long>(taken), static_cast<unsigned long long>(overlaps), virtual_seconds, seconds,
      virtual_seconds / seconds);
}

using test::sanitized;

}  // namespace

TEST_CASE("small clusters under faults", "[small]") {
  run_seeds(sanitized ? 1'000 : 10'000, world_size::small, "small");
}

// Seconds each, and ten times as many under a sanitizer.
TEST_CASE("large clusters under faults", "[large]") { run_seeds(sanitized ? 1 : 8, world_size::large, "large"); }

TEST_CASE("a cluster without faults, measured", "[throughput]") {
  const auto workers = test::number_in_environment("WEFT_WORKERS", "how many workers").value_or(100);
  const auto tasks = test::number_in_environment("WEFT_TASKS", "how many tasks").value_or(50'000);
  const simulated_throughput t =
      measure_simulated_cluster(static_cast<std::uint32_t>(workers), static_cast<std::uint32_t>(tasks));
  CHECK(t.tasks == tasks);
  std::printf("%llu workers, %llu tasks: %.3f s here, %.3f s there, %llu steps, %llu bytes\n",
              static_cast<unsigned long long>(workers), static_cast<unsigned long long>(tasks), t.seconds,
              t.virtual_seconds, static_cast<unsigned long long>(t.steps), static_cast<unsigned long long>(t.bytes));
}

}  // namespace weft::net::simulation
