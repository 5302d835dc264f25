#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "weft/detail/array/node.hpp"

namespace weft::detail::arrays {

// Other orders of axes, and arrays joined as matrices are: lib/array/arrange.cpp.

/// Axis `from` becomes axis `to`; the others stay in their order.
array_ref axis_moved(array_ref x, std::size_t from, std::size_t to);
/// The same, and with two axes in each other's place; they throw misuse for axes that are not there.
array_ref moved_view(array_ref x, std::int64_t from, std::int64_t to);
array_ref swapped_view(array_ref x, std::int64_t first, std::int64_t second);
array_ref flip_view(array_ref x);
// Along several axes, of which none may be named twice: they throw misuse.
array_ref moved_view(array_ref x, std::span<const std::int64_t> from, std::span<const std::int64_t> to);
array_ref flip_view(array_ref x, std::span<const std::int64_t> axes);
array_ref squeeze_view(array_ref x, std::span<const std::int64_t> axes);
/// New axes by their places in what is made.
array_ref expand_view(array_ref x, std::span<const std::int64_t> axes);
/// With the axes whose bits are set as one, the last.
array_ref axes_joined(array_ref x, std::uint32_t axes);
/// Its parts along an axis, one for each element.
std::vector<array_ref> parts_along(array_ref x, std::int64_t axis);
/// As what all of them broadcast to.
std::vector<array_ref> broadcast_views(std::vector<array_ref> all);

enum class joining : std::uint8_t { rows, columns, planes };
/// Arrays of fewer axes get some of one element first. Throws misuse as a concatenation.
array_ref joined_as(std::vector<array_ref> all, joining how);

}  // namespace weft::detail::arrays
