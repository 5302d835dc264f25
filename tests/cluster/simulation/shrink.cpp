#include "cluster/simulation/shrink.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "cluster/simulation/world.hpp"
#include "support/seeds.hpp"

namespace weft::net::simulation {

namespace {

bool same(const fault& x, const fault& y) { return x.kind == y.kind && x.at == y.at && x.a == y.a && x.b == y.b; }

/// What went wrong, without the numbers of tasks and peers: shrinking must not end at another defect.
std::string kind_of(const std::string& wrong) {
  std::string kind = wrong.substr(0, wrong.find('\n'));
  std::erase_if(kind, [](char c) { return c >= '0' && c <= '9'; });
  return kind;
}

/// What programs may do without, and its letter.
struct feature {
  char letter;
  bool program_options::* is;
};
constexpr feature features[] = {{'g', &program_options::gpus},    {'f', &program_options::failures},
                                {'k', &program_options::killers}, {'s', &program_options::submitters},
                                {'c', &program_options::cancels}, {'o', &program_options::onces}};

}  // namespace

plan shrink(const plan& failing, unsigned most_runs) {
  plan best = failing;
  const std::string kind = kind_of(run(failing).wrong);
  const auto still_fails = [&](const plan& p) {
    if (most_runs == 0) return false;
    --most_runs;
    if (kind_of(run(p).wrong) != kind) return false;
    best = p;
    return true;
  };
  for (std::size_t n = std::max<std::size_t>(1, best.faults.size()); n > 0; n /= 2)
    for (std::size_t at = 0; at < best.faults.size();) {
      plan p = best;
      const auto begin = p.faults.begin() + static_cast<std::ptrdiff_t>(at);
      p.faults.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(n, p.faults.size() - at)));
      if (!still_fails(p)) at += n;
    }
  const auto fewer = [&](std::uint32_t plan::* what, std::uint32_t least) {
    for (std::uint32_t step = best.*what / 2; step > 0;) {
      plan p = best;
      if (p.*what >= least + step) {
        p.*what -= step;
        if (still_fails(p)) continue;
      }
      step /= 2;
    }
  };
  fewer(&plan::tasks, 1);
  fewer(&plan::clients, 1);
  fewer(&plan::workers, 1);
  for (const feature& f : features) {
    plan p = best;
    p.program.*f.is = false;
    if (best.program.*f.is) still_fails(p);
  }
  fewer(&plan::tasks, 1);
  return best;
}

plan plan_from_environment(std::uint64_t seed, world_size size) {
  plan p = plan_of(seed, size);
  const auto number = [](const char* name, std::uint32_t& to) {
    if (const auto n = test::number_in_environment(name, "how many")) to = static_cast<std::uint32_t>(*n);
  };
  number("WEFT_TASKS", p.tasks);
  number("WEFT_WORKERS", p.workers);
  number("WEFT_CLIENTS", p.clients);
  if (const char* without = std::getenv("WEFT_WITHOUT"))
    for (const feature& f : features)
      if (std::string_view(without).find(f.letter) != std::string_view::npos) p.program.*f.is = false;
  if (const char* text = std::getenv("WEFT_FAULTS")) {
    std::vector<fault> some;
    for (char* end = nullptr; *text != 0; text = *end == ',' ? end + 1 : end) {
      const std::size_t n = std::strtoull(text, &end, 10);
      if (end == text || n >= p.faults.size()) break;
      some.push_back(p.faults[n]);
    }
    p.faults = std::move(some);
  }
  p.traced = std::getenv("WEFT_TRACE") != nullptr;
  return p;
}

std::string replay_command(const plan& whole, const plan& shrunk, world_size size) {
  std::string text = "WEFT_SEED=" + std::to_string(whole.seed);
  if (shrunk.faults.size() != whole.faults.size()) {
    std::string numbers;
    for (const fault& f : shrunk.faults)
      for (std::size_t n = 0; n < whole.faults.size(); ++n)
        if (same(whole.faults[n], f)) numbers += (numbers.empty() ? "" : ",") + std::to_string(n);
    text += " WEFT_FAULTS=" + (numbers.empty() ? std::string("none") : numbers);
  }
  const auto number = [&](const char* name, std::uint32_t was, std::uint32_t is) {
    if (was != is) text += std::string(" ") + name + "=" + std::to_string(is);
  };
  number("WEFT_TASKS", whole.tasks, shrunk.tasks);
  number("WEFT_WORKERS", whole.workers, shrunk.workers);
  number("WEFT_CLIENTS", whole.clients, shrunk.clients);
  std::string without;
  for (const feature& f : features)
    if (whole.program.*f.is && !(shrunk.program.*f.is)) without += f.letter;
  if (!without.empty()) text += " WEFT_WITHOUT=" + without;
  return text + " cluster_simulation_test '[" + (size == world_size::small ? "small" : "large") + "]'";
}

}  // namespace weft::net::simulation
