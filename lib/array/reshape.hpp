#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "array/names.hpp"
#include "array/reading.hpp"

/// Arrays of the same elements, row-major, with other axes.
namespace weft::detail::arrays {

/// Neighbouring axes of one shape that have as many elements together as some of the other: their elements have the
/// same numbers within both, and a chunk of the result is a range of these numbers.
struct axis_group {
  std::uint32_t from = 0, from_count = 0;  // axes of what is reshaped
  std::uint32_t to = 0, to_count = 0;      // axes of the result
  friend bool operator==(const axis_group&, const axis_group&) = default;
};
/// As many groups as can be. Both shapes have the same number of elements, which is not 0.
std::vector<axis_group> groups_of(const weft::shape& from, const weft::shape& to);

/// How what is reshaped would be cut for each of its chunks to be a range of its group's numbers, as those of the
/// result are, of about as many elements as now: axes behind become whole, and those before are cut finer.
grid in_ranges(const std::vector<axis_group>& groups, const grid& from);

/// With what an extent of -1 stands for. Throws misuse when the elements do not fit.
weft::shape completed(const weft::shape& from, weft::shape to);

/// A box of some neighbouring axes.
struct axes_box {
  coordinates first{}, extents{};
};
/// The elements `begin` to `end` of an array of these extents, row-major, as boxes: up to two for each axis.
std::vector<axes_box> boxes_of(std::int64_t begin, std::int64_t end, std::span<const std::int64_t> extents);

struct reshape_plan {
  grid chunks;                          // of the result
  weft::shape first = {}, counts = {};  // the box of chunks that are made
  weft::shape shape = {};               // of what is reshaped
  view_map map = {};                    // from its indices to those of the source
  grid source = {};
  element of = {};
};
void weft_encode(encoder& e, const reshape_plan& p);
reshape_plan weft_decode(decoder& d, std::type_identity<reshape_plan>);
constexpr std::string_view weft_schema(std::type_identity<reshape_plan>) { return "weft array reshape 1"; }

block reshape_chunk(const reshape_plan& p, std::size_t j, values<block> in);

struct reshape_task {
  shared<reshape_plan> what;
  block operator()(std::size_t j, values<block> in) const { return reshape_chunk(*what, j, in); }
  std::string task_name() const { return "reshape"; }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, what->first, what->counts); }
};

}  // namespace weft::detail::arrays
