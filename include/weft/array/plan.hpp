#pragma once

#include <span>
#include <string>

#include "weft/array/array.hpp"

// What of an array is kept while it is computed, and what its tasks will be.
namespace weft {

namespace detail::arrays {

/// lib/array/nodes.cpp: x, of which each that reads it has one of its own.
array_ref made_again(array_ref x);
/// lib/array/describe.cpp
std::string explain(std::span<const array_ref> xs);

}  // namespace detail::arrays

/// x, to be made again for each operation that reads it, where it would be kept from the first of them to the last.
///
/// `x - mean(x, 0)` of a file reads it once, and keeps all of it until the means are known, in memory or on the disk.
/// `recomputed(x) - mean(recomputed(x), 0)` reads it twice, and keeps a few chunks: for what is larger than the
/// memory and cheap to make or to read. With x everything is made again that is computed for x alone; what others
/// read too is made once, and so are reductions on the way to x, and what is persisted. Whoever reads x itself beside
/// that shares one more. A chunk of a file, or of from_blocks(), is made by the task that computes with it,
/// where that has chunks of the same shapes; other tasks begin before their readers can, and what they make waits.
///
/// Costs nothing to build, and what x costs as many times as it has readers. Throws misuse as it is computed, where
/// more than 65,536 operations are done again.
template <array_like X>
auto recomputed(const X& x) {
  return array<typename X::value_type, X::rank>(detail::arrays::made_again(x.node()));
}

/// How arrays will be computed together, for people: what each of them is, and below that a line for each step that
/// has tasks of its own, after those that it reads: the operations that its tasks do, one after the other, what these
/// read, what they make, how many read that if it is kept for several, and the tasks. What has no line is done within
/// those that read it, as views are. Costs as much as compute() before its first task.
template <array_like... X>
  requires(sizeof...(X) > 0)
std::string explain(const X&... x) {
  const detail::arrays::array_ref all[] = {x.node()...};
  return detail::arrays::explain(all);
}

}  // namespace weft
