#pragma once

#include <cstdint>
#include <span>

#include "weft/detail/array/block_function.hpp"
#include "weft/detail/array/node.hpp"

namespace weft::detail::arrays {

// Windows over elements, whose arguments are checked: they throw misuse. lib/array/windows.cpp.
/// Windows that slide along these axes, each one element on: new axes of the windows' extents, as the last ones.
array_ref windows_of(array_ref x, const weft::shape& windows, std::span<const std::int64_t> axes);
/// f of chunks of whole windows, which lie side by side, of these extents; it gives one element of each. `trim`: the
/// last elements of an axis that are no whole window are left out, else that is misuse.
array_ref coarsened(array_ref x, element e, const weft::shape& windows, bool trim, any_code<block_function> f);
/// Throws std::logic_error where a chunk is not of whole windows.
void check_windows(const weft::shape& chunk, const weft::shape& windows);

}  // namespace weft::detail::arrays
