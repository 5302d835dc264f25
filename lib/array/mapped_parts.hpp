#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

#include "array/nodes.hpp"
#include "weft/codec.hpp"

/// Functions of chunks that give several results: their task gives one block of bytes, in which these lie one after
/// the other, and further tasks take each out of it.
namespace weft::detail::arrays {

/// One of the results: chunks are numbered as those of the tasks, whose axes come first.
struct mapped_part {
  element of = {};
  grid chunks = {};
};
/// Where the results for the tasks at `at` begin, each at a multiple of 64 bytes, and where the last one ends.
std::vector<std::size_t> places_of_parts(const std::vector<mapped_part>& parts, const coordinates& at);
/// Says why results that were decoded are none of those tasks; null when they are.
const char* why_wrong(const std::vector<mapped_part>& parts, const grid& tasks) noexcept;
/// Throws misuse where what one task gives is more than a chunk may have.
void check_parts(const std::vector<mapped_part>& parts);

/// The chunks of a box of tasks, of which result number `which` is wanted.
struct parts_plan {
  grid tasks;
  weft::shape first = {}, counts = {};
  std::vector<mapped_part> parts = {};
  std::uint32_t which = 0;
};
void weft_encode(encoder& e, const parts_plan& p);
parts_plan weft_decode(decoder& d, std::type_identity<parts_plan>);
constexpr std::string_view weft_schema(std::type_identity<parts_plan>) { return "weft array results 1"; }

/// Each result of `all`, whose tasks are those of `tasks`, as an array.
std::vector<array_ref> parts_of(const array_ref& all, const grid& tasks, const std::vector<mapped_part>& parts);

}  // namespace weft::detail::arrays
