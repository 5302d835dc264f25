// Passes over a graph: what each plan keeps, joins and copies.
#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include "graph/passes.hpp"
#include "graph/shape.hpp"
#include "weft/errors.hpp"

using namespace weft::detail;
using Catch::Matchers::Contains;

namespace {

using ids = std::vector<std::uint32_t>;
using flags = std::vector<std::uint8_t>;

graph_shape make(std::uint32_t tasks, const std::vector<graph_edge>& edges) {
  return graph_shape::from_edges(tasks, edges);
}
ids members(const grouping& plan, std::uint32_t group) {
  return {plan.tasks(group).begin(), plan.tasks(group).end()};
}
ids needs(const graph_shape& shape, std::uint32_t task) {
  return {shape.dependencies(task).begin(), shape.dependencies(task).end()};
}

graph_shape random_graph(std::uint32_t n, std::uint32_t most, std::uint32_t window, unsigned seed) {
  std::mt19937 random(seed);
  ids names(n);
  std::iota(names.begin(), names.end(), 0u);
  for (std::size_t i = n; i > 1; --i) std::swap(names[i - 1], names[random() % i]);
  std::vector<graph_edge> edges;
  for (std::uint32_t i = 1; i < n; ++i)
    for (std::size_t k = random() % (most + 1); k > 0; --k)
      edges.push_back({names[i], names[i - 1 - static_cast<std::uint32_t>(random() % std::min(i, window))]});
  return make(n, edges);
}
flags some(std::uint32_t n, unsigned one_in, unsigned seed) {
  std::mt19937 random(seed);
  flags made(n);
  for (auto& f : made) f = random() % one_in == 0;
  return made;
}

/// The value of each task: a hash of its id and its inputs' values.
std::uint64_t value(std::uint32_t task, const graph_shape& shape, const std::vector<std::uint64_t>& values) {
  std::uint64_t h = task + 1;
  for (const std::uint32_t d : shape.dependencies(task)) h = (h ^ values[d]) * 0x9e3779b97f4a7c15u + (h >> 29);
  return h;
}

/// Runs the plan with nothing in reach but what a group made itself and the results of the groups it needs, and
/// compares all results with those of the graph itself.
void check_plan(const graph_shape& shape, const grouping& plan) {
  std::vector<std::uint64_t> right(shape.size()), results(plan.shape.size());
  for (const std::uint32_t task : topological(shape)) right[task] = value(task, shape, right);
  REQUIRE(plan.offsets.size() == plan.shape.size() + std::size_t{1});
  REQUIRE(plan.offsets.back() == plan.members.size());
  REQUIRE(plan.group_of.size() == shape.size());
  for (std::uint32_t g = 1; g < plan.shape.size(); ++g) REQUIRE(plan.result(g - 1) < plan.result(g));
  for (const std::uint32_t group : topological(plan.shape)) {
    std::vector<std::uint64_t> seen(shape.size(), 0);
    std::set<std::uint32_t> known, used;
    for (const std::uint32_t d : plan.shape.dependencies(group)) {
      seen[plan.result(d)] = results[d];
      known.insert(plan.result(d));
    }
    for (const std::uint32_t task : plan.tasks(group)) {
      for (const std::uint32_t d : shape.dependencies(task)) {
        REQUIRE(known.count(d) == 1);
        used.insert(d);
      }
      seen[task] = value(task, shape, seen);
      REQUIRE(known.insert(task).second);
      if (plan.group_of[task] != no_task) REQUIRE(plan.group_of[task] == group);
    }
    results[group] = seen[plan.result(group)];
    REQUIRE(results[group] == right[plan.result(group)]);
    REQUIRE(plan.group_of[plan.result(group)] == group);
    for (const std::uint32_t d : plan.shape.dependencies(group)) REQUIRE(used.count(plan.result(d)) == 1);
  }
}

}  // namespace

TEST_CASE("chains fuse, and nothing else does", "[graph]") {
  // 0 -> 1 -> 2 -> 3, where 2 -> 4 too: 3 and 4 stay apart. 5 alone.
  const graph_shape shape = make(6, {{1, 0}, {2, 1}, {3, 2}, {4, 2}});
  const grouping plan = fuse_chains(shape);
  REQUIRE(plan.shape.size() == 4);
  CHECK(members(plan, 0) == ids{0, 1, 2});
  CHECK(members(plan, 1) == ids{3});
  CHECK(plan.group_of == ids{0, 0, 0, 1, 2, 3});
  CHECK(plan.shape == make(4, {{1, 0}, {2, 0}}));
  check_plan(shape, plan);

  SECTION("a task of two inputs begins a chain") {
    const grouping joined = fuse_chains(make(5, {{2, 0}, {2, 1}, {3, 2}, {4, 3}}));
    REQUIRE(joined.shape.size() == 3);
    CHECK(members(joined, 2) == ids{2, 3, 4});
    CHECK(joined.shape == make(3, {{2, 0}, {2, 1}}));
  }
  SECTION("a wanted result ends a chain") {
    const flags wanted{0, 1, 0, 0, 0, 0};
    const grouping cut = fuse_chains(shape, {.wanted = wanted, .kind = {}});
    REQUIRE(cut.shape.size() == 5);
    CHECK(members(cut, 0) == ids{0, 1});
    CHECK(members(cut, 1) == ids{2});
  }
  SECTION("tasks of other kinds stay apart") {
    const ids kind{7, 7, 8, 8, 8, 8};
    const grouping cut = fuse_chains(shape, {.wanted = {}, .kind = kind});
    CHECK(members(cut, 0) == ids{0, 1});
    const ids nothing(6, fuse_rules::never);
    CHECK(fuse_chains(shape, {.wanted = {}, .kind = nothing}).shape == shape);
  }
  SECTION("a long chain is cut") {
    std::vector<graph_edge> edges;
    for (std::uint32_t i = 1; i < 10; ++i) edges.push_back({9 - i, 10 - i});
    const graph_shape chain = make(10, edges);
    const grouping cut = fuse_chains(chain, {.wanted = {}, .kind = {}, .longest = 4});
    REQUIRE(cut.shape.size() == 3);
    CHECK(members(cut, 2) == ids{9, 8, 7, 6});
    CHECK(members(cut, 0) == ids{1, 0});
    check_plan(chain, cut);
    CHECK(fuse_chains(chain, {.wanted = {}, .kind = {}, .longest = 1}).shape == chain);
    CHECK(members(fuse_chains(chain), 0) == ids{9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
  }
  SECTION("misuse is named") {
    const flags few{1};
    CHECK_THROWS_WITH(fuse_chains(shape, {.wanted = few, .kind = {}}),
                      Contains("'wanted' has 1 elements for a graph of 6"));
    const ids kinds{1, 2};
    CHECK_THROWS_WITH(fuse_chains(shape, {.wanted = {}, .kind = kinds}), Contains("'kind' has 2 elements"));
    CHECK_THROWS_WITH(fuse_chains(shape, {.wanted = {}, .kind = {}, .longest = 0}), Contains("longest"));
    CHECK_THROWS_WITH(fuse_chains(make(2, {{0, 1}, {1, 0}})), Contains("cycle"));
  }
  CHECK(fuse_chains(graph_shape{}).shape.size() == 0);
}

TEST_CASE("cheap tasks are copied to where they are needed", "[graph]") {
  // 0 (cheap) -> 1 (cheap) -> 2, 3; 0 -> 3; 4 (cheap) -> 2.
  const graph_shape shape = make(5, {{1, 0}, {2, 1}, {3, 1}, {3, 0}, {2, 4}});
  const flags cheap{1, 1, 0, 0, 1};
  const grouping plan = inline_cheap(shape, {.cheap = cheap, .wanted = {}});
  REQUIRE(plan.shape.size() == 2);
  CHECK(members(plan, 0) == ids{0, 1, 4, 2});
  CHECK(members(plan, 1) == ids{0, 1, 3});
  CHECK(plan.group_of == ids{no_task, no_task, 0, 1, no_task});
  CHECK(plan.shape.edges() == 0);
  check_plan(shape, plan);

  SECTION("a wanted result stays") {
    const flags wanted{0, 1, 0, 0, 0};
    const grouping with = inline_cheap(shape, {.cheap = cheap, .wanted = wanted});
    REQUIRE(with.shape.size() == 3);
    CHECK(members(with, 0) == ids{0, 1});
    CHECK(needs(with.shape, 2) == ids{0});
    check_plan(shape, with);
  }
  SECTION("a result that nobody needs stays") {
    const flags all(5, 1);
    CHECK(inline_cheap(shape, {.cheap = all, .wanted = {}}).shape.size() == 2);
  }
  SECTION("what would be copied too often stays") {
    const grouping few = inline_cheap(shape, {.cheap = cheap, .wanted = {}, .most_copies = 1});
    CHECK(few.group_of[0] != no_task);
    CHECK(few.group_of[1] != no_task);
    CHECK(few.group_of[4] == no_task);
    check_plan(shape, few);
    CHECK(inline_cheap(shape, {.cheap = cheap, .wanted = {}, .most_copies = 0}).shape == shape);
  }
  SECTION("what would bring too much stays") {
    const grouping few = inline_cheap(shape, {.cheap = cheap, .wanted = {}, .most_brought = 1});
    CHECK(few.group_of[0] == no_task);
    CHECK(members(few, 0) == ids{0, 1});
    check_plan(shape, few);
  }
  SECTION("misuse is named") {
    CHECK_THROWS_WITH(inline_cheap(shape, {.cheap = {}, .wanted = {}}), Contains("'cheap' has 0 elements"));
    const flags two(2, 1);
    CHECK_THROWS_WITH(inline_cheap(make(2, {{0, 1}, {1, 0}}), {.cheap = two, .wanted = {}}), Contains("cycle"));
  }
}

TEST_CASE("copies along a ladder are counted before they are made", "[graph]") {
  // Each rung doubles the ways to the last one: 2^40 copies if nothing stopped them.
  std::vector<graph_edge> edges;
  for (std::uint32_t i = 2; i < 80; ++i) {
    edges.push_back({i, i / 2 * 2 - 1});
    edges.push_back({i, i / 2 * 2 - 2});
  }
  const graph_shape shape = make(80, edges);
  const flags all(80, 1);
  const grouping plan = inline_cheap(shape, {.cheap = all, .wanted = {}, .most_copies = 64, .most_brought = 1000});
  CHECK(plan.members.size() <= 80 * 65);
  check_plan(shape, plan);
}

TEST_CASE("plans of random graphs compute what the graphs do, one after another too", "[graph]") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    const graph_shape shape = random_graph(200, 1 + seed % 4, 3 + seed % 40, seed);
    const flags cheap = some(200, 2 + seed % 3, seed), wanted = some(200, 10, seed + 1000);
    ids roots;
    for (std::uint32_t t = 0; t < 200; ++t)
      if (wanted[t] != 0) roots.push_back(t);

    const grouping fused = fuse_chains(shape, {.wanted = wanted, .kind = {}, .longest = 1 + seed % 7});
    check_plan(shape, fused);
    const grouping copied = inline_cheap(
        shape, {.cheap = cheap, .wanted = wanted, .most_copies = 1 + seed % 9, .most_brought = 1 + seed % 5});
    check_plan(shape, copied);
    for (std::uint32_t t = 0; t < 200; ++t)
      if (wanted[t] != 0) {
        REQUIRE(fused.result(fused.group_of[t]) == t);
        REQUIRE(copied.result(copied.group_of[t]) == t);
      }

    // inline, then fuse.
    const grouping one = inline_cheap(shape, {.cheap = cheap, .wanted = wanted});
    flags wanted_one;
    for (std::uint32_t g = 0; g < one.shape.size(); ++g) wanted_one.push_back(wanted[one.result(g)]);
    const grouping two = compose(one, fuse_chains(one.shape, {.wanted = wanted_one, .kind = {}}));
    check_plan(shape, two);
    for (const std::uint32_t t : roots) REQUIRE(two.result(two.group_of[t]) == t);
  }
}

TEST_CASE("plans that do not fit are refused", "[graph]") {
  const graph_shape three = make(3, {{1, 0}, {2, 1}});
  CHECK_THROWS_WITH(compose(fuse_chains(three), fuse_chains(three)),
                    Contains("graph of 3 tasks, but the first makes 1"));
}
