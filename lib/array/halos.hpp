#pragma once

#include "weft/detail/array/block_function.hpp"
#include "weft/detail/array/gathers.hpp"

/// What stands around chunks: lib/array/overlap.cpp.
namespace weft::detail::arrays {

/// Depths on one side, one for each axis. Throws misuse.
weft::shape depths_of(const weft::shape& given, const grid& whole);
/// Throws misuse for boundaries that are neither one nor one for each axis.
void check_boundaries(const boundaries& beyond, const grid& whole);
/// What stands beyond the ends, of an axis that has some elements there.
pad_mode mode_of(boundary b) noexcept;

}  // namespace weft::detail::arrays
