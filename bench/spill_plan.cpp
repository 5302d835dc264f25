#include "spill_plan.hpp"

#include <algorithm>
#include <set>

namespace bench {
namespace {

/// Bytes of values that are kept as long as there is room, what ends last goes first.
class kept_bytes {
 public:
  explicit kept_bytes(std::size_t values) : of_(values), ends_(values) {}

  std::uint64_t of(std::uint32_t value) const noexcept { return of_[value]; }
  std::uint64_t total() const noexcept { return total_; }
  void keep(std::uint32_t value, std::uint64_t bytes, std::size_t end) {
    if (bytes == 0) return;
    of_[value] = bytes;
    ends_[value] = end;
    total_ += bytes;
    order_.emplace(end, value);
  }
  void let_go(std::uint32_t value) noexcept {
    if (of_[value] == 0) return;
    total_ -= std::exchange(of_[value], 0);
    order_.erase({ends_[value], value});
  }
  /// Gives how much had to go.
  std::uint64_t shrink_to(std::uint64_t room) noexcept {
    const std::uint64_t before = total_;
    while (total_ > room) {
      const std::uint32_t value = std::prev(order_.end())->second;
      const std::uint64_t part = std::min(of_[value], total_ - room);
      if (part == of_[value]) {
        let_go(value);
      } else {
        of_[value] -= part;
        total_ -= part;
      }
    }
    return before - total_;
  }

 private:
  std::vector<std::uint64_t> of_;
  std::vector<std::size_t> ends_;
  std::set<std::pair<std::size_t, std::uint32_t>> order_;
  std::uint64_t total_ = 0;
};

/// The values that a step needs in memory at once, each once.
std::vector<std::uint32_t> needed(const spill_plan& plan, std::uint32_t step) {
  std::vector<std::uint32_t> all;
  for (const std::uint32_t i : plan[step].inputs)
    if (plan[i].bytes != 0) all.push_back(i);
  if (plan[step].bytes != 0) all.push_back(step);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace

spill_transfers least_transfers(const spill_plan& plan, std::span<const std::uint32_t> order, std::uint64_t memory) {
  std::vector<std::vector<std::uint32_t>> needs;
  std::vector<std::vector<std::size_t>> uses(plan.size());  // when, the first of them its making
  for (std::size_t at = 0; at < order.size(); ++at) {
    needs.push_back(needed(plan, order[at]));
    for (const std::uint32_t v : needs.back()) uses[v].push_back(at);
  }
  spill_transfers least;
  kept_bytes between(plan.size());  // of values that are not in use, until their next use
  kept_bytes unwritten(plan.size());
  std::vector<std::size_t> past(plan.size());  // uses
  for (std::size_t at = 0; at < order.size(); ++at) {
    std::uint64_t in_use = 0;
    for (const std::uint32_t v : needs[at]) {
      const std::uint64_t bytes = plan[v].bytes;
      in_use += bytes;
      if (v == order[at])
        unwritten.keep(v, bytes, uses[v].back());
      else
        least.read += bytes - between.of(v);
      between.let_go(v);
    }
    between.shrink_to(memory - std::min(memory, in_use));
    least.written += unwritten.shrink_to(std::max(memory, in_use));
    for (const std::uint32_t v : needs[at]) {
      if (++past[v] < uses[v].size())
        between.keep(v, plan[v].bytes, uses[v][past[v]]);
      else
        unwritten.let_go(v);
    }
  }
  return least;
}

}  // namespace bench
