// Shapes of graphs, and how many results are held when they run in the order we give.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "graph/order.hpp"
#include "graph/shape.hpp"
#include "weft/errors.hpp"

using namespace weft::detail;
using Catch::Matchers::Contains;

namespace {

using ids = std::vector<std::uint32_t>;

/// Makes tasks one by one, each after what it needs.
class builder {
 public:
  std::uint32_t add(const ids& inputs = {}) {
    for (const std::uint32_t input : inputs) edges_.push_back({count_, input});
    return count_++;
  }
  /// A sum of `inputs` by a tree of this fan-in.
  std::uint32_t reduce(ids inputs, std::size_t fan_in) {
    while (inputs.size() > 1) {
      ids next;
      for (std::size_t i = 0; i < inputs.size(); i += fan_in)
        next.push_back(add(ids(inputs.begin() + static_cast<std::ptrdiff_t>(i),
                               inputs.begin() + static_cast<std::ptrdiff_t>(std::min(i + fan_in, inputs.size())))));
      inputs = next;
    }
    return inputs.front();
  }
  ids many(std::uint32_t n) {
    ids made;
    for (std::uint32_t i = 0; i < n; ++i) made.push_back(add());
    return made;
  }
  [[nodiscard]] graph_shape shape() const { return graph_shape::from_edges(count_, edges_); }
  /// The same graph with the tasks numbered by chance.
  [[nodiscard]] graph_shape mixed(unsigned seed) const {
    ids names(count_);
    std::iota(names.begin(), names.end(), 0u);
    std::mt19937 random(seed);
    for (std::size_t i = names.size(); i > 1; --i) std::swap(names[i - 1], names[random() % i]);
    std::vector<graph_edge> edges = edges_;
    for (auto& e : edges) e = {names[e.task], names[e.dependency]};
    return graph_shape::from_edges(count_, edges);
  }

 private:
  std::uint32_t count_ = 0;
  std::vector<graph_edge> edges_;
};

builder independent(std::uint32_t n) {
  builder b;
  b.many(n);
  return b;
}
builder chains(std::uint32_t n, std::uint32_t length) {
  builder b;
  for (std::uint32_t c = 0; c < n; ++c)
    for (std::uint32_t i = 0, last = 0; i < length; ++i) last = i == 0 ? b.add() : b.add({last});
  return b;
}
builder tree(std::uint32_t leaves, std::size_t fan_in) {
  builder b;
  b.reduce(b.many(leaves), fan_in);
  return b;
}
/// Each tooth is joined to what the ones after it gave.
builder comb(std::uint32_t teeth) {
  builder b;
  const ids all = b.many(teeth);
  std::uint32_t joined = all.back();
  for (std::size_t i = all.size() - 1; i-- > 0;) joined = b.add({all[i], joined});
  return b;
}
/// `groups` times: load and map `each` chunks, and reduce them to one result. All loads come first.
builder map_reduce(std::uint32_t groups, std::uint32_t each) {
  builder b;
  const ids loads = b.many(groups * each);
  ids maps;
  for (const std::uint32_t l : loads) maps.push_back(b.add({l}));
  for (std::uint32_t g = 0; g < groups; ++g) b.add(ids(maps.begin() + g * each, maps.begin() + (g + 1) * each));
  return b;
}
/// Each cell needs itself and its neighbours a step before. With `watched`, a tree sums up each step.
builder stencil(std::uint32_t width, std::uint32_t steps, bool round, bool watched = false) {
  builder b;
  ids now = b.many(width);
  for (std::uint32_t t = 0; t < steps; ++t) {
    ids next;
    for (std::uint32_t i = 0; i < width; ++i) {
      ids in{now[i]};
      if (i > 0 || round) in.push_back(now[(i + width - 1) % width]);
      if (i + 1 < width || round) in.push_back(now[(i + 1) % width]);
      next.push_back(b.add(in));
    }
    now = next;
    if (watched) b.reduce(now, 4);
  }
  return b;
}
builder stencil_2d(std::uint32_t width, std::uint32_t steps) {
  builder b;
  ids now = b.many(width * width);
  for (std::uint32_t t = 0; t < steps; ++t) {
    ids next;
    for (std::uint32_t y = 0; y < width; ++y)
      for (std::uint32_t x = 0; x < width; ++x) {
        ids in{now[y * width + x]};
        if (x > 0) in.push_back(now[y * width + x - 1]);
        if (x + 1 < width) in.push_back(now[y * width + x + 1]);
        if (y > 0) in.push_back(now[(y - 1) * width + x]);
        if (y + 1 < width) in.push_back(now[(y + 1) * width + x]);
        next.push_back(b.add(in));
      }
    now = next;
  }
  return b;
}
/// Products of n x n blocks and their sums.
builder matmul(std::uint32_t n) {
  builder b;
  const ids left = b.many(n * n), right = b.many(n * n);
  for (std::uint32_t i = 0; i < n; ++i)
    for (std::uint32_t j = 0; j < n; ++j) {
      ids products;
      for (std::uint32_t k = 0; k < n; ++k) products.push_back(b.add({left[i * n + k], right[k * n + j]}));
      b.add(products);
    }
  return b;
}
/// Each of n chunks is split for each of m, which join their pieces.
builder shuffle(std::uint32_t n, std::uint32_t m) {
  builder b;
  std::vector<ids> pieces(m);
  for (const std::uint32_t source : b.many(n))
    for (auto& p : pieces) p.push_back(b.add({source}));
  for (const auto& p : pieces) b.add(p);
  return b;
}
/// Chunks of length 3 to chunks of length 5, by slices.
builder rechunk(std::uint32_t n) {
  builder b;
  const ids sources = b.many(5 * n);
  for (std::uint32_t out = 0; out < 3 * n; ++out) {
    ids slices;
    for (std::uint32_t in = out * 5 / 3; in * 3 < (out + 1) * 5; ++in) slices.push_back(b.add({sources[in]}));
    b.add(slices);
  }
  return b;
}
/// n chunks, each used with one parameter, and the sum.
builder broadcast(std::uint32_t n) {
  builder b;
  const std::uint32_t parameter = b.add();
  ids results;
  for (const std::uint32_t chunk : b.many(n)) results.push_back(b.add({chunk, parameter}));
  b.reduce(results, 8);
  return b;
}
/// Groups of chunks less the mean of their group.
builder anomaly(std::uint32_t groups, std::uint32_t each) {
  builder b;
  const ids loads = b.many(groups * each);
  for (std::uint32_t g = 0; g < groups; ++g) {
    const ids chunks(loads.begin() + g * each, loads.begin() + (g + 1) * each);
    const std::uint32_t mean = b.reduce(chunks, 4);
    for (const std::uint32_t c : chunks) b.add({c, mean});
  }
  return b;
}
builder butterfly(unsigned bits) {
  builder b;
  const std::uint32_t n = 1u << bits;
  ids now = b.many(n);
  for (unsigned s = 0; s < bits; ++s) {
    ids next;
    for (std::uint32_t i = 0; i < n; ++i) next.push_back(b.add({now[i], now[i ^ (1u << s)]}));
    now = next;
  }
  return b;
}
/// Up to `most` inputs a task, among the `window` before it.
builder random_graph(std::uint32_t n, std::uint32_t most, std::uint32_t window, unsigned seed) {
  builder b;
  std::mt19937 random(seed);
  for (std::uint32_t i = 0; i < n; ++i) {
    ids in;
    if (i > 0)
      for (std::size_t k = random() % (most + 1); k > 0; --k)
        in.push_back(i - 1 - static_cast<std::uint32_t>(random() % std::min(i, window)));
    b.add(in);
  }
  return b;
}

ids ranks_of(const ids& sequence) {
  ids ranks(sequence.size());
  for (std::uint32_t i = 0; i < sequence.size(); ++i) ranks[sequence[i]] = i;
  return ranks;
}
/// First come, first served.
ids breadth_first(const graph_shape& shape) {
  const graph_shape successors = shape.successors();
  ids sequence, missing(shape.size());
  for (std::uint32_t t = 0; t < shape.size(); ++t)
    if ((missing[t] = shape.degree(t)) == 0) sequence.push_back(t);
  for (std::size_t i = 0; i < sequence.size(); ++i)
    for (const std::uint32_t next : successors.dependencies(sequence[i]))
      if (--missing[next] == 0) sequence.push_back(next);
  return ranks_of(sequence);
}
/// From the outputs in the order of their ids, inputs in the order of theirs.
ids depth_first(const graph_shape& shape) {
  const graph_shape successors = shape.successors();
  ids sequence, cursor(shape.size(), 0), path;
  std::vector<bool> seen(shape.size(), false);
  for (std::uint32_t output = 0; output < shape.size(); ++output) {
    if (successors.degree(output) != 0) continue;
    path.push_back(output);
    seen[output] = true;
    while (!path.empty()) {
      const std::uint32_t task = path.back();
      if (cursor[task] == shape.degree(task)) {
        sequence.push_back(task);
        path.pop_back();
        continue;
      }
      const std::uint32_t input = shape.dependencies(task)[cursor[task]++];
      if (!seen[input]) path.push_back(input);
      seen[input] = true;
    }
  }
  return ranks_of(sequence);
}

struct peaks {
  std::uint64_t ours, breadth, depth;
};
peaks compare(const graph_shape& shape, std::span<const std::uint64_t> weights = {}) {
  return {peak_live(shape, order(shape, weights), weights), peak_live(shape, breadth_first(shape), weights),
          peak_live(shape, depth_first(shape), weights)};
}

/// The least peak there is, by trying all sets of tasks that may have run: for a graph of 20 tasks at most.
std::uint64_t least_peak(const graph_shape& shape) {
  const std::uint32_t n = shape.size();
  const graph_shape successors = shape.successors();
  ids needs(n, 0), wanted_by(n, 0);
  for (std::uint32_t t = 0; t < n; ++t) {
    for (const std::uint32_t d : shape.dependencies(t)) needs[t] |= 1u << d;
    for (const std::uint32_t s : successors.dependencies(t)) wanted_by[t] |= 1u << s;
  }
  std::vector<std::uint8_t> best(std::size_t{1} << n, 255);
  best[0] = 0;
  for (std::uint32_t set = 0; set + 1 < best.size(); ++set) {
    if (best[set] == 255) continue;
    std::uint8_t held = 0;
    for (std::uint32_t t = 0; t < n; ++t) held += (set >> t & 1u) != 0 && (wanted_by[t] & ~set) != 0;
    for (std::uint32_t t = 0; t < n; ++t)
      if ((set >> t & 1u) == 0 && (needs[t] & ~set) == 0) {
        std::uint8_t& next = best[set | 1u << t];
        next = std::min(next, std::max(best[set], static_cast<std::uint8_t>(held + 1)));
      }
  }
  return best.back();
}

}  // namespace

TEST_CASE("edges in any order make the same shape", "[graph]") {
  const std::vector<graph_edge> edges{{3, 1}, {2, 0}, {3, 0}, {3, 1}, {2, 1}, {3, 0}};
  const graph_shape shape = graph_shape::from_edges(4, edges);
  CHECK(shape.size() == 4);
  CHECK(shape.edges() == 4);
  CHECK(shape.offsets() == ids{0, 0, 0, 2, 4});
  CHECK(shape.targets() == ids{0, 1, 0, 1});
  CHECK(shape.successors().offsets() == ids{0, 2, 4, 4, 4});
  CHECK(shape.successors().targets() == ids{2, 3, 2, 3});
  CHECK(shape.successors().successors() == shape);
  CHECK(graph_shape::from_rows({0, 0, 0, 2, 5}, {1, 0, 1, 0, 1}) == shape);
  std::vector<graph_edge> sorted{{2, 0}, {2, 1}, {3, 0}, {3, 1}};
  CHECK(graph_shape::from_edges(4, sorted) == shape);
}

TEST_CASE("shapes without edges or tasks are shapes", "[graph]") {
  const graph_shape none;
  CHECK(none.size() == 0);
  CHECK(none == graph_shape::from_edges(0, {}));
  CHECK(none == graph_shape::from_rows({0}, {}));
  CHECK(none.successors() == none);
  CHECK(topological(none).empty());
  CHECK(find_cycle(none).empty());
  CHECK(order(none).empty());
  CHECK(peak_live(none, {}) == 0);
  CHECK(order(graph_shape::from_edges(1, {})) == ids{0});
}

TEST_CASE("bad edges are refused with a sentence", "[graph]") {
  const auto from = [](std::uint64_t n, std::vector<graph_edge> edges) { return graph_shape::from_edges(n, edges); };
  CHECK_THROWS_WITH(from(3, {{1, 3}}), Contains("task 1 needs task 3, but the graph has 3 tasks"));
  CHECK_THROWS_WITH(from(3, {{3, 1}}), Contains("task 3 needs task 1"));
  CHECK_THROWS_WITH(from(3, {{2, 2}}), Contains("task 2 needs its own result"));
  CHECK_THROWS_WITH(from(0, {{0, 0}}), Contains("0 tasks"));
  CHECK_THROWS_WITH(from(std::uint64_t{1} << 32, {}), Contains("4294967296 tasks is over the limit of 4294967295"));
  CHECK_THROWS_AS(from(3, {{1, 3}}), weft::misuse);
  CHECK_THROWS_WITH(graph_shape::from_rows({}, {}), Contains("no offsets"));
  CHECK_THROWS_WITH(graph_shape::from_rows({0, 2}, {0}), Contains("from 0 to 2 for 1 dependencies"));
  CHECK_THROWS_WITH(graph_shape::from_rows({1, 1}, {0}), Contains("from 1 to 1"));
  CHECK_THROWS_WITH(graph_shape::from_rows({0, 2, 1, 2}, {1, 2}), Contains("must ascend"));
  CHECK_THROWS_WITH(graph_shape::from_rows({0, 0, 1}, {2}), Contains("task 1 needs task 2"));
  CHECK_THROWS_WITH(graph_shape::from_rows({0, 0, 1}, {1}), Contains("its own result"));
}

TEST_CASE("a cycle is found and named", "[graph]") {
  // 4 needs 6 needs 2 needs 4; 0 and 7 hang on it, 1 and 3 are free of it.
  const std::vector<graph_edge> edges{{4, 6}, {6, 2}, {2, 4}, {7, 4}, {0, 7}, {2, 3}, {1, 3}};
  const graph_shape shape = graph_shape::from_edges(8, edges);
  CHECK(find_cycle(shape) == ids{2, 4, 6});
  CHECK_THROWS_WITH(topological(shape), Contains("a cycle of 3 tasks: 2 -> 4 -> 6 -> 2 (each needs the next)"));
  CHECK_THROWS_AS(order(shape), weft::misuse);
  CHECK(find_cycle(random_graph(1000, 3, 50, 1).mixed(2)).empty());

  std::vector<graph_edge> ring;
  for (std::uint32_t i = 0; i < 1000; ++i) ring.push_back({i, (i + 1) % 1000});
  const ids cycle = find_cycle(graph_shape::from_edges(1000, ring));
  CHECK(cycle.size() == 1000);
  CHECK_THAT(describe_cycle(cycle),
             Contains("1000 tasks: 0 -> 1 -> 2 -> 3 -> 4 -> 5 -> 6 -> 7 -> ... -> 998 -> 999 -> 0"));
}

TEST_CASE("a topological order has each task after its inputs", "[graph]") {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const graph_shape shape = random_graph(500, 4, 60, seed).mixed(seed);
    const ids place = ranks_of(topological(shape));
    for (std::uint32_t t = 0; t < shape.size(); ++t)
      for (const std::uint32_t d : shape.dependencies(t)) REQUIRE(place[d] < place[t]);
  }
}

TEST_CASE("peaks are measured as they are defined", "[graph]") {
  const graph_shape chain = chains(1, 5).shape();
  const ids ranks{0, 1, 2, 3, 4};
  CHECK(peak_live(chain, ranks) == 2);
  CHECK(peak_live(chain, ranks, std::vector<std::uint64_t>{1, 10, 100, 5, 7}) == 110);
  CHECK(peak_live(independent(3).shape(), ids{2, 0, 1}) == 1);
  CHECK_THROWS_WITH(peak_live(chain, ids{0, 1, 2, 3}), Contains("4 ranks were given for a graph of 5 tasks"));
  CHECK_THROWS_WITH(peak_live(chain, ids{0, 1, 2, 3, 3}), Contains("rank 3 of task 4 is out of range or taken"));
  CHECK_THROWS_WITH(peak_live(chain, ids{0, 1, 2, 3, 5}), Contains("out of range or taken"));
  CHECK_THROWS_WITH(peak_live(chain, ids{0, 2, 1, 3, 4}), Contains("task 2 has rank 1, but needs task 1 of rank 2"));
  CHECK_THROWS_WITH(order(chain, std::vector<std::uint64_t>{1}), Contains("1 weights were given for a graph of 5"));
  CHECK_THROWS_WITH(order(chain, std::vector<std::uint64_t>(5, std::uint64_t{1} << 61)), Contains("2^63"));
  CHECK_THROWS_WITH(order(chain, std::vector<std::uint64_t>(5, ~std::uint64_t{0})), Contains("2^63"));
}

TEST_CASE("known shapes have the peak they should", "[graph]") {
  // The bounds hold for ids in the order of making, and for ids by chance.
  const auto both = [](const builder& b, std::uint64_t bound, std::uint64_t mixed_bound) {
    CHECK(compare(b.shape()).ours <= bound);
    for (unsigned seed = 1; seed < 4; ++seed) CHECK(compare(b.mixed(seed)).ours <= mixed_bound);
  };
  SECTION("independent tasks hold one result") { both(independent(1000), 1, 1); }
  SECTION("chains hold two, one chain after another") { both(chains(50, 20), 2, 2); }
  SECTION("a tree of 2^k leaves holds k + 2") {
    for (unsigned k = 1; k <= 10; ++k) both(tree(1u << k, 2), k + 2, k + 2);
  }
  SECTION("a tree of fan-in f and depth k holds k (f - 1) + 2") { both(tree(4096, 8), 4 * 7 + 2, 4 * 7 + 2); }
  SECTION("a comb holds three, as its tip comes first") { both(comb(100), 3, 3); }
  SECTION("a map-reduce holds one group") { both(map_reduce(40, 25), 26, 26); }
  SECTION("anomalies hold one group and the branch that sums it") { both(anomaly(40, 16), 16 + 4 + 1, 16 + 4 + 1); }
  SECTION("a stencil holds its width where that is less than its steps") {
    both(stencil(20, 200, false), 23, 26);
    both(stencil(20, 200, true), 24, 30);
  }
  SECTION("a stencil holds twice its steps where that is less than its width") {
    both(stencil(500, 10, false), 23, 60);
    both(stencil(500, 10, true), 46, 80);
  }
  SECTION("a stencil whose steps are watched holds little more") { both(stencil(32, 100, false, true), 45, 80); }
  SECTION("a stencil in the plane holds its area and two rows") { both(stencil_2d(12, 60), 144 + 24, 144 + 60); }
  SECTION("a broadcast holds the parameter and the branch of a tree") { both(broadcast(512), 3 * 7 + 4, 3 * 7 + 4); }
  SECTION("a rechunk holds a few chunks") { both(rechunk(200), 8, 16); }
  SECTION("a shuffle holds its inputs and the pieces of one output") { both(shuffle(30, 30), 62, 62); }
  SECTION("a matrix product holds one factor and a row") { both(matmul(10), 100 + 2 * 10 + 2, 100 + 3 * 10 + 2); }
  SECTION("a butterfly holds its width and two") { both(butterfly(8), 256 + 2, 256 + 2); }
}

TEST_CASE("the order is never worse than depth-first, and seldom than breadth-first", "[graph]") {
  std::uint64_t ours = 0, depth = 0, breadth = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    const builder b = random_graph(400, 1 + seed % 5, 1u << (2 + seed % 7), seed);
    for (const graph_shape& shape : {b.shape(), b.mixed(seed)}) {
      const peaks p = compare(shape);
      CHECK(p.ours <= p.depth);
      CHECK(p.ours <= p.breadth + p.breadth / 2 + 2);
      ours += p.ours;
      depth += p.depth;
      breadth += p.breadth;
    }
  }
  CHECK(ours * 10 < depth * 9);
  CHECK(ours * 10 < breadth * 9);
}

TEST_CASE("small graphs are near the best there is", "[graph]") {
  std::uint64_t ours = 0, best = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    const graph_shape shape = random_graph(13, 2 + seed % 2, 5 + seed % 6, seed).mixed(seed);
    const std::uint64_t least = least_peak(shape), got = compare(shape).ours;
    CHECK(got >= least);
    CHECK(got <= least + 2);
    ours += got;
    best += least;
  }
  CHECK(ours * 100 <= best * 115);
}

TEST_CASE("weights decide what is made first", "[graph]") {
  // 2 needs 0 (60 bytes) and 1 (10 bytes, made from 100): the 100 must come and go before the 60 are held.
  const graph_shape shape = graph_shape::from_edges(4, std::vector<graph_edge>{{2, 0}, {2, 1}, {1, 3}});
  const std::vector<std::uint64_t> weights{60, 10, 1, 100};
  CHECK(order(shape, weights) == ids{2, 1, 3, 0});
  CHECK(peak_live(shape, order(shape, weights), weights) == 110);

  // Pieces are small: a source is split at once, and its 1000 bytes are free.
  const builder split = shuffle(20, 20);
  std::vector<std::uint64_t> bytes(split.shape().size(), 50);
  std::fill_n(bytes.begin(), 20, 1000);
  std::vector<std::uint64_t> thin(bytes.size(), 1);
  std::fill_n(thin.begin(), 20, 1000);
  CHECK(compare(split.shape(), bytes).ours <= 20 * 1000 + 20 * 50 + 50);
  CHECK(compare(split.shape(), thin).ours <= 20 * 1000 + 25);

  std::mt19937 random(7);
  for (unsigned seed = 0; seed < 40; ++seed) {
    const graph_shape any = random_graph(300, 3, 30, seed).mixed(seed);
    std::vector<std::uint64_t> w(any.size());
    for (auto& x : w) x = random() % 1000;
    const peaks p = compare(any, w);
    CHECK(p.ours <= p.depth);
  }
}

TEST_CASE("parts that are not connected follow one another", "[graph]") {
  const graph_shape shape = stencil(6, 10, true).mixed(3);
  std::vector<graph_edge> edges;
  const std::uint32_t n = shape.size();
  for (std::uint32_t copy = 0; copy < 5; ++copy)
    for (std::uint32_t t = 0; t < n; ++t)
      for (const std::uint32_t d : shape.dependencies(t)) edges.push_back({t * 5 + copy, d * 5 + copy});
  const graph_shape five = graph_shape::from_edges(n * 5, edges);
  const ids ranks = order(five);
  CHECK(peak_live(five, ranks) == compare(shape).ours);
  for (std::uint32_t copy = 0; copy < 5; ++copy) {
    std::uint32_t first = five.size(), last = 0;
    for (std::uint32_t t = 0; t < n; ++t) {
      first = std::min(first, ranks[t * 5 + copy]);
      last = std::max(last, ranks[t * 5 + copy]);
    }
    CHECK(last - first + 1 == n);
  }
  CHECK(order(five) == ranks);
}

// Not a test: the table of times and peaks, for a million tasks of each shape. Run with [.times].
TEST_CASE("times and peaks of a million tasks", "[.times]") {
  const std::vector<std::pair<const char*, std::function<builder()>>> shapes{
      {"independent", [] { return independent(1'000'000); }},
      {"one chain", [] { return chains(1, 1'000'000); }},
      {"chains of 10", [] { return chains(100'000, 10); }},
      {"binary tree", [] { return tree(1u << 19, 2); }},
      {"tree of fan-in 8", [] { return tree(875'000, 8); }},
      {"one sum of a million", [] { return tree(1'000'000, 1'000'000); }},
      {"map-reduce by 100", [] { return map_reduce(4975, 100); }},
      {"anomalies by 64", [] { return anomaly(6711, 64); }},
      {"stencil 1000 x 1000", [] { return stencil(1000, 1000, false); }},
      {"ring 100'000 x 9", [] { return stencil(100'000, 9, true); }},
      {"plane 100 x 100 x 99", [] { return stencil_2d(100, 99); }},
      {"plane 500 x 500 x 3", [] { return stencil_2d(500, 3); }},
      {"watched 1000 x 750", [] { return stencil(1000, 750, false, true); }},
      {"matrix product 99", [] { return matmul(99); }},
      {"shuffle 300 x 300", [] { return shuffle(300, 300); }},
      {"shuffle 1000 x 1000", [] { return shuffle(1000, 1000); }},
      {"rechunk 3 to 5", [] { return rechunk(66'000); }},
      {"broadcast", [] { return broadcast(466'000); }},
      {"butterfly 2^16", [] { return butterfly(16); }},
      {"random, near", [] { return random_graph(1'000'000, 3, 100, 1); }},
      {"random, far", [] { return random_graph(1'000'000, 3, 1'000'000, 1); }},
  };
  using clock = std::chrono::steady_clock;
  std::printf("%-22s %9s %9s | %8s %8s | %9s %9s %9s\n", "shape", "tasks", "edges", "ns/task", "build", "ours",
              "breadth", "depth");
  for (const auto& [name, make] : shapes)
    for (const bool mixed : {false, true}) {
      const builder b = make();
      const auto t0 = clock::now();
      const graph_shape shape = mixed ? b.mixed(1) : b.shape();
      const auto t1 = clock::now();
      auto best = clock::duration::max();
      ids ranks;
      for (int i = 0; i < 2; ++i) {
        const auto from = clock::now();
        ranks = order(shape);
        best = std::min(best, clock::now() - from);
      }
      const auto each = [&](clock::duration d) {
        return std::chrono::duration<double, std::nano>(d).count() / shape.size();
      };
      std::printf("%-22s %9u %9u | %8.0f %8.0f | %9llu %9llu %9llu\n", mixed ? "  ids by chance" : name, shape.size(),
                  shape.edges(), each(best), each(t1 - t0), static_cast<unsigned long long>(peak_live(shape, ranks)),
                  static_cast<unsigned long long>(peak_live(shape, breadth_first(shape))),
                  static_cast<unsigned long long>(peak_live(shape, depth_first(shape))));
      std::fflush(stdout);
    }
}
