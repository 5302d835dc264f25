// spill.working_set_4x: a program whose values are four times the memory budget.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fio.hpp"
#include "harness.hpp"
#include "spill_place.hpp"
#include "spill_plan.hpp"
#include "weft/client.hpp"
#include "weft/pool.hpp"

namespace bench {
namespace {

using enum spill_step::function;
using block = std::vector<std::uint64_t>;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr int passes = 3;

double in_mib(std::uint64_t bytes) { return static_cast<double>(bytes) / static_cast<double>(mib); }

/// Blocks of 1 to 4 MiB; then, pass after pass, a result of a 64th of its size from each block and from the summary
/// of the pass before, and a summary of these.
spill_plan blocks_and_passes(std::uint64_t bytes) {
  spill_plan plan;
  const auto add = [&](spill_step::function does, std::uint64_t size, std::vector<std::uint32_t> from) {
    plan.push_back({does, size, std::move(from)});
    return static_cast<std::uint32_t>(plan.size() - 1);
  };
  std::vector<std::uint32_t> blocks;
  for (std::uint64_t made = 0; made < bytes;) {
    const std::uint64_t size = mib * (1 + blocks.size() % 4);
    blocks.push_back(add(make, size, {}));
    made += size;
  }
  std::uint32_t summary = 0;
  for (int pass = 0; pass < passes; ++pass) {
    std::vector<std::uint32_t> results;
    for (const std::uint32_t b : blocks) {
      std::vector<std::uint32_t> from{b};
      if (pass) from.push_back(summary);
      results.push_back(add(combine, plan[b].bytes / 64, std::move(from)));
    }
    summary = add(summarise, 0, std::move(results));
  }
  return plan;
}

std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 31;
  x *= 0x9e3779b97f4a7c15u;
  return x ^ (x >> 29);
}

begun_order* begun = nullptr;  // of the run under way: tasks carry no pointers

/// Makes words that do not compress, from the sum of all words of the inputs.
template <spill_step::function>
struct block_of {
  block operator()(std::uint32_t step, std::uint64_t bytes, weft::values<block> from) const {
    begun->add(step);
    std::uint64_t sum = step;
    for (const block& b : from) sum = std::accumulate(b.begin(), b.end(), sum);
    block out(std::max<std::size_t>(bytes / sizeof(std::uint64_t), 1));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = mix(sum + i);
    return out;
  }
};
std::uint64_t digest(const block& b) { return std::accumulate(b.begin(), b.end(), std::uint64_t{0}); }

weft::client_options budget(std::uint64_t bytes) {
  weft::client_options o;
  o.memory_budget = bytes;
  return o;
}

/// The program with memory for a quarter of its values, and with memory for all.
struct program {
  program(unsigned threads, std::uint64_t bytes)
      : memory(bytes), plan(blocks_and_passes(4 * bytes)), pool({.threads = threads}) {}

  double seconds(weft::client& c) {
    order = std::make_unique<begun_order>(plan.size());
    begun = order.get();
    const double begin = seconds_now();
    const std::uint64_t sum = pool.run(run_plan<block_of, block>(c, plan, digest));
    const double took = seconds_now() - begin;
    begun = nullptr;
    if (expected && sum != *expected) throw wrong("the program gave a wrong sum when its values were spilled");
    expected = sum;
    return took;
  }

  const std::uint64_t memory;
  const spill_plan plan;
  weft::pool pool;
  weft::client within{pool, budget(memory)}, without{pool, budget(64 * memory)};
  std::unique_ptr<begun_order> order;
  std::optional<std::uint64_t> expected;
  // Of all runs within the budget, and of the last runs of what bounds them.
  std::vector<double> spilled, reloaded;
  spill_transfers least;
  double in_memory = 0, transfers = 0;
};

double run_within_budget(program& p) {
  const weft::memory_use before = p.within.memory();
  const double took = p.seconds(p.within);
  const weft::memory_use after = p.within.memory();
  p.least = least_transfers(p.plan, p.order->steps(), p.memory);
  p.spilled.push_back(in_mib(after.spilled - before.spilled));
  p.reloaded.push_back(in_mib(after.reloaded - before.reloaded));
  return took;
}

double run_bounds(program& p, const fio_job& write, const fio_job& read) {
  p.in_memory = p.seconds(p.without);
  if (p.without.memory().spilled != 0) throw wrong("the program that has memory for all its values spilled");
  const auto seconds_for = [](const fio_job& job, std::uint64_t bytes) {
    return fio_seconds(job) / static_cast<double>(job.bytes) * static_cast<double>(bytes);
  };
  p.transfers = seconds_for(write, p.least.written) + seconds_for(read, p.least.read);
  return std::max(p.in_memory, p.transfers);
}

const registered working_set_("spill.working_set_4x", "s",
                              "passes over four times the memory, against the larger of "
                              "the time without spilling and the least transfers at fio's speed",
                              [](const settings& s) {
                                const std::uint64_t memory = s.size(256 * mib, 64 * mib);
                                auto p = std::make_shared<program>(s.threads, memory);
                                p->seconds(p->without);  // says what the sum is
                                sides out;
                                out.weft = [p] { return run_within_budget(*p); };
                                if (!fio_installed()) {
                                  out.note = "fio is not installed (sh bench/peers.sh)";
                                  return out;
                                }
                                auto place = std::make_shared<spill_place>();
                                fio_job write, read;
                                if (s.peers) {
                                  write = fastest_fio(*place, true, 2 * memory);
                                  read = fastest_fio(*place, false, 2 * memory);
                                  out.peer_name = "limit: the larger of in memory and least transfers";
                                }
                                out.peer = [p, place, write, read] { return run_bounds(*p, write, read); };
                                out.late_note = [p] {
                                  char text[256];
                                  std::snprintf(text, sizeof text,
                                                "budget %.0f MiB, %d passes; written %.0f MiB (least %.0f), reloaded "
                                                "%.0f (least %.0f); in memory %.2f s, least transfers %.2f s",
                                                in_mib(p->memory), passes, quantile(p->spilled, 0.5),
                                                in_mib(p->least.written), quantile(p->reloaded, 0.5),
                                                in_mib(p->least.read), p->in_memory, p->transfers);
                                  return std::string(text);
                                };
                                return out;
                              });

}  // namespace
}  // namespace bench
