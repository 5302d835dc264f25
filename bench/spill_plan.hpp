#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "weft/client.hpp"

namespace bench {

/// A task of a program that is known as a whole, and its result: step i makes value i from those of earlier steps.
struct spill_step {
  /// Different functions to the engine, which learns how large a function's results are.
  enum class function : std::uint8_t { make, combine, summarise };
  function does = function::make;
  std::uint64_t bytes = 0;  // of the result; 0: a few, which the store does not look after
  std::vector<std::uint32_t> inputs;
};
using spill_plan = std::vector<spill_step>;

/// In which order the tasks of a plan began.
class begun_order {
 public:
  explicit begun_order(std::size_t steps) : steps_(steps) {}
  void add(std::uint32_t step) noexcept { steps_[count_.fetch_add(1, std::memory_order_relaxed)] = step; }
  /// After the last task has ended.
  std::span<const std::uint32_t> steps() const noexcept {
    return std::span(steps_).first(count_.load(std::memory_order_relaxed));
  }

 private:
  std::vector<std::uint32_t> steps_;
  std::atomic<std::size_t> count_{0};
};

struct spill_transfers {
  std::uint64_t read = 0, written = 0;
};

/// What whoever runs the steps in that order, with so much memory for values, must read and write at least. A step
/// needs its inputs and its result in memory, all at once; a value is there until its last use.
///
/// Bytes read: for values of one size Belady's optimum (1966). For different sizes a lower bound: it evicts parts of
/// values, the one whose next use is furthest first, and parts are pages of one size. (Each gap between two uses of a
/// page is an interval that memory bridges or not. Where too many overlap, one must go, and of these the one that
/// ends last is in the way of all later ones that any of the others is in the way of. So this holds, too, for room
/// that varies with what the running step needs.)
///
/// Bytes written: a lower bound by the same argument on whole lives, since what is never written is in memory all its
/// life. The two need not be reached by one and the same run.
spill_transfers least_transfers(const spill_plan& plan, std::span<const std::uint32_t> order, std::uint64_t memory);

/// Submits all steps, as calls of Function<f>{}(step, bytes, inputs), and adds up what `digest` makes of the values
/// that no step uses.
template <template <spill_step::function> class Function, class Value>
weft::task<std::uint64_t> run_plan(weft::client& c, const spill_plan& plan, std::uint64_t (*digest)(const Value&)) {
  using enum spill_step::function;
  std::vector<weft::future<Value>> all;
  std::vector<bool> used(plan.size());
  all.reserve(plan.size());
  for (const spill_step& s : plan) {
    const auto number = static_cast<std::uint32_t>(all.size());
    std::vector<weft::future<Value>> inputs;
    for (const std::uint32_t i : s.inputs) {
      inputs.push_back(all[i]);
      used[i] = true;
    }
    switch (s.does) {
      case make:
        all.push_back(c.submit(Function<make>{}, number, s.bytes, std::move(inputs)));
        break;
      case combine:
        all.push_back(c.submit(Function<combine>{}, number, s.bytes, std::move(inputs)));
        break;
      case summarise:
        all.push_back(c.submit(Function<summarise>{}, number, s.bytes, std::move(inputs)));
        break;
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i)
    if (used[i]) all[i] = {};
  std::uint64_t sum = 0;
  for (weft::future<Value>& f : all) {
    if (!f.valid()) continue;
    const Value value = co_await std::move(f);
    sum += digest(value);
  }
  co_return sum;
}

}  // namespace bench
