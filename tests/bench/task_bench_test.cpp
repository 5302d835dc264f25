// Task Bench: its graphs, the search for METG, and the drivers.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "task_bench/drivers.hpp"
#include "task_bench/kernels.hpp"
#include "task_bench/metg.hpp"
#include "task_bench/spec.hpp"

namespace {

using bench::graph_spec;
using bench::interval;
using bench::kernel_kind;
using bench::pattern;
using bench::stamp;

graph_spec graph_of(pattern p, long width, long steps, long radix = 3) {
  graph_spec g;
  g.pattern = p;
  g.width = width;
  g.steps = steps;
  g.radix = radix;
  g.period = 3;
  if (p == pattern::spread) {
    g.radix = std::min(radix, width);
    if (g.radix > 0) g.period = std::min(3L, (width + g.radix - 1) / g.radix);
  }
  return g;
}

std::vector<long> points(const bench::interval_list& list) {
  std::vector<long> all;
  for (const interval& i : list)
    for (long p = i.first; p <= i.last; ++p) all.push_back(p);
  return all;
}

using numbers = std::vector<long>;

numbers dependencies(const graph_spec& g, long step, long point) { return points(g.dependencies(step, point)); }
numbers dependents(const graph_spec& g, long step, long point) { return points(g.dependents(step, point)); }

/// A task's inputs as a right driver has them.
struct inputs {
  inputs(const graph_spec& g, long step, long point) {
    for (const long p : dependencies(g, step, point)) {
      made.emplace_back(g.stamps());
      g.fill(step - 1, p, made.back());
    }
  }
  void validate(const graph_spec& g, long step, long point) const {
    std::vector<std::span<const stamp>> all(made.begin(), made.end());
    g.validate(step, point, all);
  }
  std::vector<std::vector<stamp>> made;
};

/// A runtime that adds `overhead` seconds to each task and reaches `part` of the peak at best, on a machine of
/// 100 GFLOP/s.
struct model {
  static constexpr unsigned threads = 2;
  static constexpr double peak = 1e11;
  double overhead, part = 1;
  int runs = 0;
  double operator()(const graph_spec& g) {
    ++runs;
    const double work = bench::flops(g) / (peak * part);
    return work + static_cast<double>(g.tasks()) * overhead / threads;
  }
};

bench::metg_result find(model& m, pattern p = pattern::stencil_1d) {
  bench::metg_request request;
  request.graph = graph_of(p, 2, 1000);
  request.threads = model::threads;
  request.repetitions = 1;
  request.seconds = std::numeric_limits<double>::infinity();
  return bench::find_metg(request, std::ref(m), [] { return model::peak; });
}

}  // namespace

TEST_CASE("dependents are the dependencies seen from the other side") {
  for (const pattern p : bench::all_patterns)
    for (const long width : {1L, 2L, 3L, 4L, 5L, 7L, 8L, 16L, 31L, 32L, 33L})
      for (const long steps : {1L, 2L, 3L, 7L, 20L, 70L})
        for (const long radix : {0L, 1L, 2L, 3L, 5L, 8L}) {
          const graph_spec g = graph_of(p, width, steps, radix);
          CAPTURE(bench::name_of(p), width, steps, radix);
          g.check();
          std::set<std::vector<long>> forwards, backwards;
          bool in_range = true, once = true;
          long tasks = 0;
          for (long step = 0; step < steps; ++step)
            for (long point = 0; point < width; ++point) {
              tasks += g.exists(step, point);
              for (const long from : dependencies(g, step, point)) {
                in_range = in_range && g.exists(step, point) && g.exists(step - 1, from);
                once = once && backwards.insert({step, from, point}).second;
              }
              for (const long to : dependents(g, step, point)) {
                in_range = in_range && g.exists(step, point) && g.exists(step + 1, to);
                once = once && forwards.insert({step + 1, point, to}).second;
              }
            }
          REQUIRE(tasks == g.tasks());
          REQUIRE(in_range);
          REQUIRE(once);
          REQUIRE(forwards == backwards);
        }
}

TEST_CASE("the patterns are those of Task Bench") {
  const long any = 5;
  CHECK(dependencies(graph_of(pattern::trivial, 8, 9), any, 3).empty());
  CHECK(dependencies(graph_of(pattern::no_comm, 8, 9), any, 3) == numbers{3});
  CHECK(dependencies(graph_of(pattern::stencil_1d, 8, 9), any, 3) == numbers{2, 3, 4});
  CHECK(dependencies(graph_of(pattern::stencil_1d, 8, 9), any, 0) == numbers{0, 1});
  CHECK(dependencies(graph_of(pattern::stencil_1d, 8, 9), 0, 3).empty());
  CHECK(dependencies(graph_of(pattern::stencil_1d_periodic, 8, 9), any, 0) == numbers{0, 1, 7});
  CHECK(dependencies(graph_of(pattern::stencil_1d_periodic, 8, 9), any, 7) == numbers{6, 7, 0});
  CHECK(dependencies(graph_of(pattern::stencil_1d_periodic, 2, 9), any, 1) == numbers{0, 1});
  CHECK(dependencies(graph_of(pattern::all_to_all, 4, 9), any, 3) == numbers{0, 1, 2, 3});

  SECTION("dom: a window that grows and shrinks") {
    const graph_spec g = graph_of(pattern::dom, 3, 7);
    CHECK(g.window(0) == interval{0, 0});
    CHECK(g.window(1) == interval{0, 1});
    CHECK(g.window(4) == interval{0, 2});
    CHECK(g.window(5) == interval{1, 2});
    CHECK(g.window(6) == interval{2, 2});
    CHECK(g.tasks() == 15);
    CHECK(dependencies(g, 1, 1) == numbers{0});
    CHECK(dependencies(g, 4, 1) == numbers{0, 1});
    CHECK(dependencies(g, 6, 2) == numbers{1, 2});
    CHECK(dependents(g, 4, 0) == numbers{1});
  }
  SECTION("tree: twice as many each step") {
    const graph_spec g = graph_of(pattern::tree, 6, 6);
    CHECK(g.window(0) == interval{0, 0});
    CHECK(g.window(2) == interval{0, 3});
    CHECK(g.window(3) == interval{0, 5});
    CHECK(g.tasks() == 1 + 2 + 4 + 6 + 6 + 6);
    CHECK(dependencies(g, 2, 3) == numbers{1});
    CHECK(dependents(g, 1, 1) == numbers{2, 3});
    CHECK(dependents(g, 4, 2) == numbers{4, 5});
    CHECK(dependents(g, 4, 3).empty());
  }
  SECTION("fft: the distance doubles each step, and begins again") {
    const graph_spec g = graph_of(pattern::fft, 8, 9);
    CHECK(dependencies(g, 1, 3) == numbers{2, 3, 4});
    CHECK(dependencies(g, 2, 3) == numbers{1, 3, 5});
    CHECK(dependencies(g, 3, 3) == numbers{3, 7});
    CHECK(dependencies(g, 4, 3) == numbers{2, 3, 4});
    CHECK(dependents(g, 2, 3) == numbers{3, 7});
  }
  SECTION("nearest: an even radix has one more on the left") {
    CHECK(dependencies(graph_of(pattern::nearest, 16, 9, 5), any, 8) == numbers{6, 7, 8, 9, 10});
    CHECK(dependencies(graph_of(pattern::nearest, 16, 9, 4), any, 8) == numbers{6, 7, 8, 9});
    CHECK(dependents(graph_of(pattern::nearest, 16, 9, 4), any, 8) == numbers{7, 8, 9, 10});
    CHECK(dependencies(graph_of(pattern::nearest, 16, 9, 1), any, 8) == numbers{8});
    CHECK(dependencies(graph_of(pattern::nearest, 16, 9, 0), any, 8).empty());
  }
  SECTION("spread: all but the first shift with the step") {
    const graph_spec g = graph_of(pattern::spread, 16, 9, 4);
    CHECK(dependencies(g, 3, 2) == numbers{2, 6, 10, 14});
    CHECK(dependencies(g, 4, 2) == numbers{2, 7, 11, 15});
    CHECK(dependencies(g, 5, 2) == numbers{2, 8, 12, 0});
    CHECK(dependents(g, 3, 7) == numbers{7, 2, 14, 10});
  }
  SECTION("random_nearest: itself, and a part of the nearest") {
    graph_spec g = graph_of(pattern::random_nearest, 64, 9, 9);
    long edges = 0, own = 0;
    for (long p = 0; p < 64; ++p)
      for (const long from : dependencies(g, any, p)) {
        CHECK(std::abs(from - p) <= 4);
        from == p ? ++own : ++edges;
      }
    CHECK(own == 64);
    CHECK(edges > 64 * 8 / 8);
    CHECK(edges < 64 * 8 / 2);
    CHECK(g.dependencies(1, 9).points() == g.dependencies(4, 9).points());  // the period is 3
    g.fraction = 1;
    CHECK(dependencies(g, any, 32).size() == 9);
    g.fraction = 0;
    CHECK(dependencies(g, any, 32) == numbers{32});
  }
}

TEST_CASE("a graph that makes no sense is refused") {
  const auto refused = [](auto change) {
    graph_spec g = graph_of(pattern::spread, 16, 9, 4);
    g.check();
    change(g);
    CHECK_THROWS_AS(g.check(), bench::wrong);
  };
  refused([](graph_spec& g) { g.width = 0; });
  refused([](graph_spec& g) { g.steps = 0; });
  refused([](graph_spec& g) { g.output_bytes = 0; });
  refused([](graph_spec& g) { g.output_bytes = 24; });
  refused([](graph_spec& g) { g.radix = -1; });
  refused([](graph_spec& g) { g.radix = 17; });
  refused([](graph_spec& g) { g.period = 0; });
  refused([](graph_spec& g) { g.period = 5; });
  refused([](graph_spec& g) { g.kernel.iterations = -1; });
  refused([](graph_spec& g) { g.kernel.kind = kernel_kind::memory_bound; });
}

TEST_CASE("validate sees every wrong input") {
  graph_spec g = graph_of(pattern::nearest, 16, 9, 5);
  g.output_bytes = 64;
  inputs right(g, 4, 8);
  REQUIRE(right.made.size() == 5);
  right.validate(g, 4, 8);
  inputs(g, 0, 8).validate(g, 0, 8);

  const auto refused = [&](auto change, const std::string& message) {
    inputs changed(g, 4, 8);
    change(changed.made);
    CHECK_THROWS_WITH(changed.validate(g, 4, 8), Catch::Contains(message));
    CHECK_THROWS_AS(changed.validate(g, 4, 8), bench::wrong);
  };
  using outputs = std::vector<std::vector<stamp>>;
  refused([](outputs& o) { o[4][3].point = 9; }, "input 4");
  refused([](outputs& o) { o[0][0].step = 4; }, "has the output of task (step 4, point 6) as input 0");
  refused([](outputs& o) { std::swap(o[1], o[2]); }, "not that of task (step 3, point 7)");
  refused([](outputs& o) { o.pop_back(); }, "lacks the output of point 10");
  refused([](outputs& o) { o.emplace_back(o[0]); }, "has 6 inputs, not 5");
  refused([](outputs& o) { o[2].pop_back(); }, "has 48 bytes as input 2, not 64");
  CHECK_THROWS_AS(right.validate(g, 9, 8), bench::wrong);
}

TEST_CASE("kernels do what they count") {
  graph_spec g = graph_of(pattern::trivial, 4, 10);
  g.kernel.iterations = 100;
  CHECK(bench::flops(g) == 40 * (128.0 * 100 + 64));
  CHECK(bench::compute(0) == 24.0 * std::pow(24.0, 15));

  g.kernel.kind = kernel_kind::load_imbalance;
  g.kernel.imbalance = 1;
  long least = 1000, most = 0;
  double sum = 0;
  for (long step = 0; step < 10; ++step)
    for (long p = 0; p < 4; ++p) {
      const long n = bench::iterations_of(g, step, p);
      CHECK(n == bench::iterations_of(g, step, p));
      least = std::min(least, n);
      most = std::max(most, n);
      sum += 128.0 * static_cast<double>(n) + 64;
    }
  CHECK(least >= 50);
  CHECK(least < 75);
  CHECK(most > 125);
  CHECK(most <= 150);
  CHECK(bench::flops(g) == sum);

  g.kernel.kind = kernel_kind::memory_bound;
  g.kernel.scratch_bytes = 64;
  g.kernel.samples = 4;
  g.kernel.iterations = 3;
  std::vector<std::byte> scratch(64);
  for (std::size_t i = 0; i < 64; ++i) scratch[i] = static_cast<std::byte>(i);
  bench::execute(g, 1, 0, scratch);  // iterations 3, 4 and 5 of the run: the samples 3, 0 and 1
  for (const std::size_t sample : {0u, 1u, 3u})
    for (std::size_t i = 0; i < 8; ++i) CHECK(scratch[sample * 16 + 8 + i] == scratch[sample * 16 + i]);
  CHECK(scratch[2 * 16 + 8] == static_cast<std::byte>(40));
  CHECK_THROWS_WITH(bench::execute(g, 1, 0, {}), Catch::Contains("a scratch of 0 bytes"));
}

TEST_CASE("METG of a constant overhead is what arithmetic says") {
  for (const double overhead : {50e-9, 1e-6, 40e-6}) {
    model m{overhead};
    const bench::metg_result found = find(m);
    CHECK(found.metg_50 == Approx(2 * overhead).epsilon(0.01));
    REQUIRE(found.metg_95);
    CHECK(*found.metg_95 == Approx(20 * overhead).epsilon(0.02));
    CHECK(found.floor == Approx(overhead).epsilon(0.03));
    CHECK(found.peak == model::peak);
    CHECK(m.runs < 30);
    CHECK(std::is_sorted(found.curve.begin(), found.curve.end(), [](const auto& a, const auto& b) {
      return a.iterations < b.iterations && a.efficiency < b.efficiency;
    }));
    const std::string csv = bench::to_csv(found);
    CHECK(csv.rfind("iterations,seconds,granularity_us,efficiency\n0,", 0) == 0);
    CHECK(static_cast<std::size_t>(std::count(csv.begin(), csv.end(), '\n')) == found.curve.size() + 1);
  }
}

TEST_CASE("METG is refused where there is none") {
  model slow{1e-6, 0.4};
  CHECK_THROWS_WITH(find(slow), Catch::Contains("did not reach 50 %"));
  model free{0};
  CHECK_THROWS_WITH(find(free), Catch::Contains("no point is below 50 %"));
  model cheat{1e-6, 1.8};
  CHECK_THROWS_WITH(find(cheat), Catch::Contains("cannot be"));
  model middling{1e-6, 0.8};  // 50 % at a granularity of 8/3 us, and never 95 %
  const bench::metg_result found = find(middling);
  CHECK(found.metg_50 == Approx(8e-6 / 3).epsilon(0.01));
  CHECK_FALSE(found.metg_95);
}

TEST_CASE("drivers run every pattern") {
  for (const bench::driver_maker make :
       {bench::coroutines_driver, bench::point_coroutines_driver, bench::engine_driver, bench::futures_driver})
    for (const unsigned threads : {1u, 2u, 3u}) {
      const bench::driver run = make(threads);
      for (const pattern p : bench::all_patterns)
        for (const long width : {1L, 2L, 5L, 16L}) {
          CAPTURE(bench::name_of(p), width, threads);
          graph_spec g = graph_of(p, width, 60);
          g.output_bytes = 48;
          CHECK(run(g) >= 0);
          g.steps = 1;
          CHECK(run(g) >= 0);
        }
    }
}

TEST_CASE("drivers run every kernel, or say that they cannot") {
  for (const bench::driver_maker make :
       {bench::coroutines_driver, bench::point_coroutines_driver, bench::engine_driver, bench::futures_driver}) {
    const bench::driver run = make(2);
    const bool has_scratch = make == bench::coroutines_driver || make == bench::point_coroutines_driver;
    for (const kernel_kind k : {kernel_kind::empty, kernel_kind::busy_wait, kernel_kind::compute_bound,
                                kernel_kind::memory_bound, kernel_kind::load_imbalance}) {
      graph_spec g = graph_of(pattern::random_nearest, 9, 200, 5);
      g.kernel.kind = k;
      g.kernel.iterations = 50;
      g.kernel.imbalance = 2;
      g.kernel.scratch_bytes = 1024;
      if (k == kernel_kind::memory_bound && !has_scratch)
        CHECK_THROWS_WITH(run(g), Catch::Contains("memory_bound needs memory"));
      else
        CHECK(run(g) > 0);
    }
    graph_spec bad = graph_of(pattern::trivial, 0, 1);
    CHECK_THROWS_AS(run(bad), bench::wrong);
  }
}
