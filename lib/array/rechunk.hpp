#pragma once

#include "array/nodes.hpp"

namespace weft::detail::arrays {

/// x in other chunks of its extents, where a rechunk would go through chunks in between; else x itself, whose pieces
/// are few and large enough to be read from where they are.
array_ref rechunked_if_scattered(array_ref x, const grid& wanted);

}  // namespace weft::detail::arrays
