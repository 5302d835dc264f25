#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "support/seeds.hpp"

namespace weft::test {

/// What may be taken from the plan of a simulated world, and what it is called in the environment. The plan has a
/// vector of its `faults`, which can be compared.
template <class Plan>
struct plan_parts {
  struct number {
    const char* variable;
    std::uint32_t& (*of)(Plan&);
    std::uint32_t least;
  };
  struct feature {
    char letter;
    bool (*there)(const Plan&);
    void (*drop)(Plan&);
  };
  std::vector<number> numbers;
  std::vector<feature> features;
  /// The chance within the run, which comes out otherwise when anything is taken away: others are tried then.
  std::vector<number> chance;
};

/// What `plan.program` says that it does.
template <class Plan, auto Is>
typename plan_parts<Plan>::feature program_does(char letter) {
  return {letter, [](const Plan& p) -> bool { return p.program.*Is; }, [](Plan& p) { p.program.*Is = false; }};
}

struct shrink_limits {
  unsigned runs = 300;
  unsigned chances = 3;  // that are tried of each plan
  std::chrono::steady_clock::duration time = std::chrono::minutes(2);
};

/// What went wrong: its first line, without numbers of tasks and peers. Shrinking must not end at another failure.
std::string kind_of_failure(const std::string& wrong);

/// Makes a plan that fails smaller, as long as it fails in the same way: fewer faults first, by halves and then one
/// by one, then smaller numbers, and what it can do without; and all over again, until nothing more can be taken away
/// (A. Zeller, R. Hildebrandt: Simplifying and Isolating Failure-Inducing Input, 2002) or the limits are reached.
/// `run(plan)` gives what is wrong, or nothing.
template <class Plan, class Run>
class shrinking {
 public:
  shrinking(const Plan& failing, const plan_parts<Plan>& parts, Run run, const shrink_limits& limits)
      : best_(failing),
        parts_(parts),
        run_(std::move(run)),
        limits_(limits),
        left_(limits.runs),
        end_(std::chrono::steady_clock::now() + limits.time) {}

  Plan smallest() {
    kind_ = kind_of_failure(run_(best_));
    if (kind_.empty()) return best_;
    do {
      smaller_ = false;
      fewer_faults();
      for (const auto& n : parts_.numbers) fewer(n);
      for (const auto& f : parts_.features) {
        if (!f.there(best_)) continue;
        Plan p = best_;
        f.drop(p);
        still_fails(p);
      }
    } while (smaller_);
    return best_;
  }

 private:
  bool fails(const Plan& p) {
    if (left_ == 0 || std::chrono::steady_clock::now() > end_) return false;
    --left_;
    if (kind_of_failure(run_(p)) != kind_) return false;
    best_ = p;
    return smaller_ = true;
  }
  bool still_fails(Plan p) {
    if (fails(p)) return true;
    for (const auto& chance : parts_.chance)
      for (unsigned i = 1; i < limits_.chances; ++i) {
        ++chance.of(p);
        if (fails(p)) return true;
      }
    return false;
  }
  void fewer_faults() {
    for (std::size_t n = std::max<std::size_t>(1, best_.faults.size()); n > 0; n /= 2)
      for (std::size_t at = 0; at < best_.faults.size();) {
        Plan p = best_;
        const auto begin = p.faults.begin() + static_cast<std::ptrdiff_t>(at);
        p.faults.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(n, p.faults.size() - at)));
        if (!still_fails(p)) at += n;
      }
  }
  void fewer(const typename plan_parts<Plan>::number& n) {
    const auto above = [&] { return n.of(best_) - std::min(n.least, n.of(best_)); };
    for (std::uint32_t step = above(); step > 0;) {
      Plan p = best_;
      n.of(p) -= std::min(step, above());
      if (above() < step || !still_fails(p)) step /= 2;
    }
  }

  Plan best_;
  const plan_parts<Plan>& parts_;
  Run run_;
  const shrink_limits limits_;
  unsigned left_;
  const std::chrono::steady_clock::time_point end_;
  std::string kind_;
  bool smaller_ = false;
};

template <class Plan, class Run>
Plan shrink(const Plan& failing, const plan_parts<Plan>& parts, Run run, const shrink_limits& limits = {}) {
  return shrinking<Plan, Run>(failing, parts, std::move(run), limits).smallest();
}

/// The plan as the environment changes it: WEFT_FAULTS (numbers of the whole plan's, or `none`), WEFT_WITHOUT
/// (letters of features), and the variables of its numbers.
template <class Plan>
Plan plan_in_environment(Plan p, const plan_parts<Plan>& parts) {
  for (const auto* numbers : {&parts.numbers, &parts.chance})
    for (const auto& n : *numbers)
      if (const auto is = number_in_environment(n.variable, "how many")) n.of(p) = static_cast<std::uint32_t>(*is);
  if (const char* without = std::getenv("WEFT_WITHOUT"))
    for (const auto& f : parts.features)
      if (std::string_view(without).find(f.letter) != std::string_view::npos) f.drop(p);
  if (const char* text = std::getenv("WEFT_FAULTS")) {
    decltype(p.faults) some;
    for (char* end = nullptr; *text != 0; text = *end == ',' ? end + 1 : end) {
      const std::size_t n = std::strtoull(text, &end, 10);
      if (end == text || n >= p.faults.size()) break;
      some.push_back(p.faults[n]);
    }
    p.faults = std::move(some);
  }
  return p;
}

/// Whether the environment has made a plan smaller already.
template <class Plan>
bool environment_has_plan(const plan_parts<Plan>& parts) {
  const auto set = [](const auto& n) { return std::getenv(n.variable) != nullptr; };
  return std::getenv("WEFT_FAULTS") || std::getenv("WEFT_WITHOUT") ||
         std::any_of(parts.numbers.begin(), parts.numbers.end(), set) ||
         std::any_of(parts.chance.begin(), parts.chance.end(), set);
}

/// The variables that make the one plan of the other, with a blank before each.
template <class Plan>
std::string environment_of(Plan whole, Plan shrunk, const plan_parts<Plan>& parts) {
  std::string text;
  if (shrunk.faults.size() != whole.faults.size()) {
    std::string numbers;
    for (const auto& f : shrunk.faults)
      if (const auto at = std::find(whole.faults.begin(), whole.faults.end(), f); at != whole.faults.end())
        numbers += (numbers.empty() ? "" : ",") + std::to_string(at - whole.faults.begin());
    text += " WEFT_FAULTS=" + (numbers.empty() ? std::string("none") : numbers);
  }
  for (const auto* numbers : {&parts.numbers, &parts.chance})
    for (const auto& n : *numbers)
      if (n.of(whole) != n.of(shrunk)) text += std::string(" ") + n.variable + "=" + std::to_string(n.of(shrunk));
  std::string without;
  for (const auto& f : parts.features)
    if (f.there(whole) && !f.there(shrunk)) without += f.letter;
  if (!without.empty()) text += " WEFT_WITHOUT=" + without;
  return text;
}

}  // namespace weft::test
