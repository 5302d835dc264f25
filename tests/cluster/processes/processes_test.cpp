// Whole processes in one thread and in virtual time. WEFT_SEED=n runs one world, WEFT_SEEDS=count many; WEFT_TRACE=1
// says what goes wrong in them, and when.
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>

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
  std::uint64_t worlds = 0, steps = 0, values = 0, calls = 0, faults = 0, restarted = 0, stolen = 0, copies = 0;
  unsigned failures = 0;
  for (const std::uint64_t seed : test::seed_range(sanitized ? 100 : 1000)) {
    plan p = plan_of(seed);
    p.traced = std::getenv("WEFT_TRACE") != nullptr;
    const outcome o = run(p);
    ++worlds;
    steps += o.steps, values += o.values, calls += o.calls, faults += o.faults;
    restarted += o.restarted, stolen += o.stolen, copies += o.copies;
    virtual_seconds += static_cast<double>(o.virtual_time) / 1e9;
    if (seed % 20 == 0) {
      const outcome again = run(p);
      INFO("seed " << seed << " does not replay");
      CHECK(again.digest == o.digest);
    }
    if (o.wrong.empty()) continue;
    FAIL_CHECK("seed " << seed << " (to run it again: WEFT_SEED=" << seed << "): " << o.wrong << "\n  "
                       << describe(p));
    if (++failures == 10) break;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const auto n = [](std::uint64_t x) { return static_cast<unsigned long long>(x); };
  std::printf(
      "%llu worlds of whole processes, %llu steps, %llu values, %llu calls, %llu faults, %llu tasks restarted, "
      "%llu stolen, %llu copies: %.0f s of theirs in %.1f s\n",
      n(worlds), n(steps), n(values), n(calls), n(faults), n(restarted), n(stolen), n(copies), virtual_seconds,
      seconds);
}

}  // namespace weft::net::processes
