#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "graph/passes.hpp"
#include "graph/shape.hpp"
#include "weft/detail/expression.hpp"

namespace weft::detail {

/// All calls that some wanted ones need, themselves among them, numbered so that each comes after its inputs. What
/// they need is not looked at beyond futures, which are no calls.
///
/// An expression is claimed by who numbers it, and keeps its number until the gathering ends; so most look-ups are
/// one read. What another gathering has claimed at the same time is kept in a table. Linear, and no recursion.
class gathering {
 public:
  /// Throws misuse for a lazy that is empty.
  explicit gathering(std::span<expression* const> wanted);
  ~gathering();
  gathering(const gathering&) = delete;
  gathering& operator=(const gathering&) = delete;

  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(calls_.size()); }
  [[nodiscard]] expression& call(std::uint32_t id) const noexcept { return *calls_[id]; }
  /// For each argument that is an input, in their order, the call that it is; no_task for a future.
  [[nodiscard]] std::span<const std::uint32_t> inputs(std::uint32_t id) const noexcept {
    return {inputs_.data() + offsets_[id], offsets_[id + 1] - offsets_[id]};
  }
  /// The calls that are wanted, each once; what is under way already is none.
  [[nodiscard]] const std::vector<std::uint32_t>& wanted() const noexcept { return wanted_; }
  [[nodiscard]] std::uint32_t id_of(const expression& e) const;
  [[nodiscard]] graph_shape shape() const;

 private:
  void give_back() noexcept;
  void make_room();
  bool discover(expression& e);
  void visit(expression& first);

  struct place {
    expression* call;
    std::uint32_t next;  // the input to look at
  };
  std::vector<expression*> calls_;
  std::vector<std::uint32_t> offsets_{0}, inputs_;
  std::vector<std::uint32_t> wanted_;
  std::vector<place> path_;  // from a wanted call to where the walk is
  std::unordered_map<const expression*, std::uint32_t> others_;
  bool futures_ = false;
};

/// Which calls are one task, and in which sequence the tasks should begin.
struct compute_plan {
  grouping tasks;
  std::vector<std::uint32_t> ranks;  // by task
};

/// What calls have that no options were set for.
struct call_defaults {
  std::int16_t priority = 0;
  std::uint16_t retries = 0;
};

/// Cheap calls into those that need them, then chains of the same options into one task each, then the order, memory
/// first. Chains are cut after this many calls: a task gives way to nobody, and its node costs little beside them.
inline constexpr std::uint32_t longest_fused = 64;
compute_plan plan_computation(const gathering& g, call_defaults defaults);
/// Every call a task of its own.
compute_plan plain_plan(const gathering& g);

}  // namespace weft::detail
