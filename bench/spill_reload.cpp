// spill.reload: how many bytes the store's choice of what to evict brings back from the disk, beside the optimum.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.hpp"
#include "harness.hpp"
#include "spill_plan.hpp"
#include "weft/simulated_disk.hpp"
#include "weft/simulation.hpp"

namespace bench {
namespace {

using enum spill_step::function;
using inputs = std::vector<std::uint32_t>;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr std::uint64_t tile_bytes = 2 * mib;  // of most graphs
constexpr std::uint64_t memory = 256 * tile_bytes;

// ---- the graphs --------------------------------------------------------------------------------------------

struct graph {
  spill_plan steps;
  std::uint32_t add(spill_step::function does, std::uint64_t bytes, inputs from) {
    steps.push_back({does, bytes, std::move(from)});
    return static_cast<std::uint32_t>(steps.size() - 1);
  }
};

/// Four times the memory, gone through from its beginning to its end, three times.
spill_plan cyclic_scan() {
  graph g;
  inputs blocks;
  for (int i = 0; i < 1024; ++i) blocks.push_back(g.add(make, tile_bytes, {}));
  inputs last;  // of the pass before
  for (int pass = 0; pass < 3; ++pass) {
    const inputs gate = std::exchange(last, {});
    for (const std::uint32_t b : blocks) {
      inputs from = pass ? inputs{b, gate.back()} : inputs{b};
      last.push_back(g.add(summarise, 0, std::move(from)));
    }
  }
  return g.steps;
}

/// Each tile from itself and its two neighbours, a step in time after the other; four times the memory a step.
spill_plan stencil() {
  graph g;
  inputs now;
  for (int i = 0; i < 1024; ++i) now.push_back(g.add(make, tile_bytes, {}));
  for (int step = 0; step < 4; ++step) {
    inputs next;
    for (std::size_t i = 0; i < now.size(); ++i) {
      inputs from;
      for (std::size_t j = i ? i - 1 : 0; j < std::min(i + 2, now.size()); ++j) from.push_back(now[j]);
      next.push_back(g.add(combine, tile_bytes, std::move(from)));
    }
    now = std::move(next);
  }
  for (const std::uint32_t b : now) g.add(summarise, 0, {b});
  return g.steps;
}

/// 18 by 18 tiles, so that one of the three matrices alone is larger than memory; row after row of the result.
spill_plan matrix_product() {
  constexpr std::uint32_t n = 18;
  graph g;
  for (std::uint32_t i = 0; i < 2 * n * n; ++i) g.add(make, tile_bytes, {});
  for (std::uint32_t i = 0; i < n; ++i)
    for (std::uint32_t j = 0; j < n; ++j) {
      std::uint32_t sum = 0;
      for (std::uint32_t k = 0; k < n; ++k) {
        inputs from{i * n + k, n * n + k * n + j};
        if (k) from.push_back(sum);
        sum = g.add(combine, tile_bytes, std::move(from));
      }
    }
  const auto products = static_cast<std::uint32_t>(g.steps.size());
  for (std::uint32_t c = 2 * n * n + n - 1; c < products; c += n) g.add(summarise, 0, {c});
  return g.steps;
}

/// A sum by pairs, whose leaves are all there before it begins, then each leaf again with its total.
spill_plan tree_with_reuse() {
  graph g;
  inputs leaves;
  for (int i = 0; i < 1024; ++i) leaves.push_back(g.add(make, tile_bytes, {}));
  inputs level = leaves;
  while (level.size() > 1) {
    inputs above;
    for (std::size_t i = 0; i < level.size(); i += 2)
      above.push_back(g.add(combine, tile_bytes, {level[i], level[i + 1]}));
    level = std::move(above);
  }
  for (const std::uint32_t leaf : leaves) g.add(summarise, 0, {leaf, level[0]});
  return g.steps;
}

/// Values of half a MiB to eight, each of up to three others, some of them old.
spill_plan random_graph(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  graph g;
  constexpr std::uint32_t count = 2500, window = 800;
  for (std::uint32_t i = 0; i < count; ++i) {
    inputs from;
    for (auto n = i < 64 ? 0 : random() % 4; n > 0; --n) {
      const std::uint64_t back = random() % 4 ? 1 + random() % window : 1 + random() % count;
      from.push_back(static_cast<std::uint32_t>(i - std::min<std::uint64_t>(back, i)));
    }
    g.add(from.empty() ? make : combine, tile_bytes / 4 * (1 + random() % 16), std::move(from));
  }
  std::vector<bool> used(count);
  for (const spill_step& s : g.steps)
    for (const std::uint32_t i : s.inputs) used[i] = true;
  for (std::uint32_t i = 0; i < count; ++i)
    if (!used[i]) g.add(summarise, 0, {i});
  return g.steps;
}

// ---- running them ------------------------------------------------------------------------------------------

/// A value that says it is large, so that the store does with it what it would do with one.
struct tile {
  std::uint64_t hash = 0, claimed = 0;
  std::vector<std::uint32_t> body;
};
std::size_t weft_owned_bytes(const tile& t) { return std::max<std::size_t>(t.claimed, sizeof(tile)); }
std::uint64_t hash_of(const tile& t) { return t.hash; }

std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 31;
  x *= 0x9e3779b97f4a7c15u;
  return x ^ (x >> 29);
}

begun_order* begun = nullptr;  // of the run under way: a simulation has one thread, and tasks carry no pointers

template <spill_step::function>
struct tile_of {
  tile operator()(std::uint32_t step, std::uint64_t bytes, weft::values<tile> from) const {
    begun->add(step);
    std::uint64_t hash = step;
    for (const tile& t : from) {
      if (t.body.at(0) != static_cast<std::uint32_t>(t.hash)) throw wrong("a tile came back changed");
      hash = mix(hash + t.hash);
    }
    return {hash, bytes, {static_cast<std::uint32_t>(hash)}};
  }
};

std::uint64_t expected_sum(const spill_plan& plan) {
  std::vector<std::uint64_t> hashes;
  std::vector<bool> used(plan.size());
  for (const spill_step& s : plan) {
    std::uint64_t hash = hashes.size();
    for (const std::uint32_t i : s.inputs) {
      hash = mix(hash + hashes[i]);
      used[i] = true;
    }
    hashes.push_back(hash);
  }
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < plan.size(); ++i)
    if (!used[i]) sum += hashes[i];
  return sum;
}

/// The engine as client.cpp makes it, with the choice that client_options do not offer.
weft::task<std::uint64_t> reloaded_bytes(weft::simulation& s, const spill_plan& plan, bool least_recently_used) {
  weft::detail::store_options options;
  options.budget = memory;
  options.files.directory = "/spill";
  options.files.segment_bytes = 256 << 10;
  options.files.chunk_bytes = 16 << 10;
  options.own_directory = false;
  options.least_recently_used = least_recently_used;
  const auto close = [](weft::detail::engine* e) { e->close(); };
  const std::unique_ptr<weft::detail::engine, void (*)(weft::detail::engine*)> engine(
      new weft::detail::engine(s.core(), weft::priority::normal, std::move(options),
                               weft::detail::resource_amounts()),
      close);
  weft::detail::plain_node<int> place(*engine, 0);  // a client is had from a node, for no task of which it submits
  weft::client c = weft::client::within(place);
  const std::uint64_t sum = co_await run_plan<tile_of, tile>(c, plan, hash_of);
  if (sum != expected_sum(plan)) throw wrong("a graph that was spilled gave a wrong sum");
  co_return engine->memory().counters().reloaded_bytes;
}

/// Bytes reloaded as a multiple of the optimum.
struct ratios {
  double same_order = 0;        // in which the tasks began
  double submission_order = 0;  // the engine prefers tasks whose inputs are there
};

ratios to_optimum(const spill_plan& plan, std::uint64_t seed, bool least_recently_used) {
  weft::simulation s(seed, {.workers = 1});
  weft::simulated_disk disk(s);
  begun_order order(plan.size());
  begun = &order;
  const std::uint64_t reloaded = s.run(reloaded_bytes(s, plan, least_recently_used));
  begun = nullptr;
  std::vector<std::uint32_t> submitted(plan.size());
  std::iota(submitted.begin(), submitted.end(), 0u);
  const auto ratio = [&](std::span<const std::uint32_t> steps) {
    const std::uint64_t least = least_transfers(plan, steps, memory).read;
    if (least == 0) throw wrong("a graph that should not fit in memory does");
    return static_cast<double>(reloaded) / static_cast<double>(least);
  };
  return {ratio(order.steps()), ratio(submitted)};
}

struct shape {
  const char* name;
  spill_plan plan;
  std::vector<double> same_order = {}, submission_order = {};  // a seed each
};

const registered reload_(
    "spill.reload", "x optimum", "bytes reloaded in simulation, of the worst of five graphs larger than memory",
    [](const settings&) {
      auto shapes = std::make_shared<std::vector<shape>>();
      shapes->push_back({"cyclic scan", cyclic_scan()});
      shapes->push_back({"stencil", stencil()});
      shapes->push_back({"matrix product", matrix_product()});
      shapes->push_back({"tree with reuse", tree_with_reuse()});
      shapes->push_back({"random, 0.5 to 8 MiB", random_graph(1)});
      sides out;
      out.peer_name = "limit: optimum for the same order";
      out.peer = [] { return 1.0; };
      out.weft = [shapes, seed = std::uint64_t{0}]() mutable {
        ++seed;
        double worst = 0;
        for (shape& s : *shapes) {
          const ratios r = to_optimum(s.plan, seed, false);
          s.same_order.push_back(r.same_order);
          s.submission_order.push_back(r.submission_order);
          worst = std::max(worst, r.same_order);
        }
        return worst;
      };
      out.late_note = [shapes] {
        std::string note =
            "values of 2 MiB in 512 MiB, one worker, the worst graph of each seed; medians (least recently used; "
            "against the optimum for the order of submission):";
        double sum = 0;
        char text[128];
        for (shape& s : *shapes) {
          const double median = quantile(s.same_order, 0.5);
          sum += median;
          std::snprintf(text, sizeof text, " %s %.3f (%.3f; %.3f),", s.name, median,
                        to_optimum(s.plan, 1, true).same_order, quantile(s.submission_order, 0.5));
          note += text;
        }
        std::snprintf(text, sizeof text, " mean %.3f", sum / static_cast<double>(shapes->size()));
        return note + text + "; for different sizes the optimum is a lower bound that splits values";
      };
      return out;
    });

}  // namespace
}  // namespace bench
