#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "array/names.hpp"
#include "array/nodes.hpp"
#include "array/reading.hpp"

/// Arrays that are put together from boxes of others: chunks cut anew, joined, padded, rolled, taken by lists, put
/// in.
namespace weft::detail::arrays {

/// What a gather is for: its tasks are called so.
enum class gathering : std::uint8_t { copy, rechunk, concatenate, pad, take, assign, insert, erase };
std::string to_string(gathering g);

struct gather_plan {
  grid chunks;
  weft::shape first = {}, counts = {};  // the box of chunks that are made
  std::vector<reading> what = {};       // one for each input, in the order in which they are written
  std::vector<std::byte> fill = {};     // an element: of what none of them covers; empty where they cover all
  element of = {};
  /// Where it is not -1, the indices along this axis are those of a list, of which a task takes its own as the input
  /// after the others; the only reading's segments along it are not used.
  std::int32_t listed = -1;
  gathering purpose = gathering::copy;
};
void weft_encode(encoder& e, const gather_plan& p);
gather_plan weft_decode(decoder& d, std::type_identity<gather_plan>);
constexpr std::string_view weft_schema(std::type_identity<gather_plan>) { return "weft array gather 2"; }

block gather_chunk(const gather_plan& p, std::size_t j, inputs in);

struct gather_task {
  shared<gather_plan> what;
  std::uint64_t result_bytes(std::size_t j) const noexcept {
    return bytes_of_chunk(what->chunks, what->first, what->counts, j, what->of.item);
  }
  template <class... In>
  block operator()(std::size_t j, const In&... in) const {
    const std::array<values<block>, sizeof...(In) + 1> all{in..., values<block>()};
    return gather_chunk(*what, j, {all.data(), sizeof...(In)});
  }
  std::string task_name() const { return to_string(what->purpose); }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, what->first, what->counts); }
};

/// Gathers of up to most_inputs readings. `fill` as in the plan. Each reading's map and source are of the operand.
/// With `source` its tasks have their turns from chunk to chunk of this one (turns_by).
array_ref make_gather(gathering purpose, client c, element e, const grid& chunks, std::vector<operand> operands,
                      std::vector<reading> what, std::vector<std::byte> fill = {}, std::optional<grid> source = {});
/// What a gather puts together, in other chunks at once, if x is one and a task needs few chunks for that, and no
/// more than so many bytes of them; else null.
array_ref gathered_in(const array_node& x, const grid& chunks, std::uint64_t most_bytes);
/// For each element along an axis of an array the number of the last of some indices that is it, -1 where none is: in
/// the chunks that the axis has. The indices are an array of one axis; those that are not there are errors as they
/// are found. lib/array/take_by.cpp.
array_ref last_indices(array_ref indices, const grid& whole, std::size_t axis);
/// An operand as a part of a gather over `whole`, whose axes are the operand's.
reading reading_of(const operand& o, const grid& whole);

}  // namespace weft::detail::arrays
