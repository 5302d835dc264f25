#pragma once

#include <cstdint>

#include "spill/placed_heap.hpp"

namespace weft::detail {

/// What a value needs to be in an eviction_index.
struct evictable : placed {
  std::uint64_t next_use = 0;  // the rank of the task that needs it next; ~0: none is known
  std::uint64_t age = 0;       // a number for each value: breaks ties, the older first
};

struct needed_later {
  bool operator()(const evictable& a, const evictable& b) const noexcept {
    return a.next_use != b.next_use ? a.next_use > b.next_use : a.age < b.age;
  }
};

/// Values that may be evicted, the one whose next use is furthest first: Belady's choice (1966), which is the best
/// there is for values of one size, as far as the next uses are known.
using eviction_index = placed_heap<evictable, needed_later>;

}  // namespace weft::detail
