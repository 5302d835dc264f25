#pragma once

#include <cstddef>
#include <cstring>

namespace weft::detail::arrays {

/// Calls f with a function that copies `bytes`, which the compiler knows where they are few.
template <class F>
void with_copy(std::size_t bytes, F f) {
  if (bytes == 8)
    f([](std::byte* to, const std::byte* from) { std::memcpy(to, from, 8); });
  else if (bytes == 4)
    f([](std::byte* to, const std::byte* from) { std::memcpy(to, from, 4); });
  else
    f([=](std::byte* to, const std::byte* from) { std::memcpy(to, from, bytes); });
}

}  // namespace weft::detail::arrays
