#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "array/boxes.hpp"
#include "array/source.hpp"
#include "array/tasks.hpp"
#include "weft/layer.hpp"

namespace weft::detail::arrays {

/// A program some of whose inputs its tasks make themselves: each the chunk that has the task's own number.
struct fused_plan {
  struct input {
    std::uint32_t number = 0;
    any_code<chunk_source> made_by = {};
  };
  program what;
  std::vector<input> own = {};  // in order
};
void weft_encode(encoder& e, const fused_plan& p);
fused_plan weft_decode(decoder& d, std::type_identity<fused_plan>);
constexpr std::string_view weft_schema(std::type_identity<fused_plan>) { return "weft array fused 1"; }

/// The values that `given` refers to must live until it ends.
task<block> run_fused(shared<fused_plan> what, std::optional<reduction> how, std::size_t j,
                      std::vector<values<block>> given);
std::string name_of_fused(const fused_plan& p, const code* then);

struct fused_task {
  shared<fused_plan> what;
  std::optional<reduction> how;
  /// With what it makes itself, for which there has to be room as well.
  std::uint64_t result_bytes(std::size_t j) const noexcept;
  template <class... In>
  task<block> operator()(std::size_t j, const In&... in) const {
    return run_fused(what, how, j, {in...});
  }
  std::string task_name() const { return name_of_fused(*what, how ? &*how->what : nullptr); }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, what->what.first, what->what.counts); }
};

/// n of them; `in` are the other inputs.
layer<block> layer_of_fused(std::size_t n, const fused_task& f, std::span<const layer<block>> in,
                            std::span<const boxes> how);

}  // namespace weft::detail::arrays
