#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "array/mapped_parts.hpp"
#include "array/names.hpp"
#include "array/nodes.hpp"
#include "array/reading.hpp"
#include "weft/detail/array/block_function.hpp"

namespace weft::detail::arrays {

/// Calls of a function of chunks, one a task.
struct mapped_plan {
  grid tasks;
  weft::shape first = {}, counts = {};  // the box of tasks that are run
  grid chunks = {};                     // of the result: axes behind those of the tasks have one chunk
  std::vector<reading> what = {};       // what is given, one for each input
  any_code<block_function> function = {};
  element of = {};
  std::vector<std::vector<std::byte>> fill = {};  // an element for each input, or none: of what no segment covers
  bool trim = false;                              // the function gives what it is given, of which the halo is cut off
  std::vector<mapped_part> parts = {};            // several results; else the result is of `of`
};
void weft_encode(encoder& e, const mapped_plan& p);
mapped_plan weft_decode(decoder& d, std::type_identity<mapped_plan>);
constexpr std::string_view weft_schema(std::type_identity<mapped_plan>) { return "weft array map 3"; }

/// Where chunk `at` of those of `tasks` is.
chunk_place place_among(const grid& tasks, const coordinates& at);
block map_chunk(const mapped_plan& p, std::size_t j, inputs in);

struct mapped_task {
  shared<mapped_plan> what;
  /// Tasks and chunks of the result have the same numbers.
  std::uint64_t result_bytes(std::size_t j) const noexcept {
    std::uint64_t bytes = 0;
    for (const mapped_part& p : what->parts)
      bytes += bytes_of_chunk(p.chunks, what->first, what->counts, j, p.of.item);
    return bytes != 0 ? bytes : bytes_of_chunk(what->chunks, what->first, what->counts, j, what->of.item);
  }
  template <class... In>
  block operator()(std::size_t j, const In&... in) const {
    const std::array<values<block>, sizeof...(In) + 1> all{in..., values<block>()};
    return map_chunk(*what, j, {all.data(), sizeof...(In)});
  }
  std::string task_name() const { return "map-" + name_of_code(*what->function); }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, what->first, what->counts); }
};

/// The plan's box is not used. Throws misuse for more than most_inputs operands.
array_ref make_mapped(client c, std::vector<operand> operands, mapped_plan plan);

}  // namespace weft::detail::arrays
