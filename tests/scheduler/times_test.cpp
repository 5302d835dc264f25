// What a task costs the scheduler, with workers that do nothing: [.times], for a quiet machine. The same as
// weft-bench cluster.zero_worker, part by part.
#include <catch2/catch.hpp>
#include <cstdio>

#include "cluster/zero_worker.hpp"

namespace {

void measure(const char* what, const bench::zero_workers::shape& s) {
  bench::zero_workers all(10);
  all.prepare(s);
  const double submit = all.submit();
  const weft::net::scheduler_statistics full = all.core().statistics();
  const double run = all.run();
  REQUIRE(all.finished() == s.tasks);
  const double release = all.release();
  REQUIRE(all.core().statistics().tasks == 0);
  const double n = static_cast<double>(s.tasks);
  std::printf(
      "%s: %.3f us a task (submit %.3f, run+done %.3f, release %.3f), %.1f bytes a task, %.1f of edges, %.1f of "
      "payload; ahead %.3f\n",
      what, (submit + run + release) / n * 1e6, submit / n * 1e6, run / n * 1e6, release / n * 1e6,
      static_cast<double>(full.record_bytes) / n, static_cast<double>(full.edge_bytes) / n,
      static_cast<double>(full.payload_bytes) / n, static_cast<double>(all.core().statistics().ahead) / n);
}

}  // namespace

TEST_CASE("what a task costs the scheduler", "[scheduler][.times]") {
  for (int k = 0; k < 3; ++k) measure("independent", {.tasks = 1'000'000, .chain = 1, .inputs = 0});
  measure("chains of 100", {.tasks = 1'000'000, .chain = 100, .inputs = 0});
  measure("3 inputs", {.tasks = 1'000'000, .chain = 1, .inputs = 3});
}
