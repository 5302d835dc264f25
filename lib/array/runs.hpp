#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::detail::arrays {

/// Calls f(first, at, n) for runs of numbers that follow each other: mostly one.
template <class F>
void for_each_run(const std::int64_t* numbers, std::size_t n, F f) {
  bool one = true;
  for (std::size_t i = 0; i < n; ++i) one &= numbers[i] == numbers[0] + static_cast<std::int64_t>(i);
  if (one && n != 0) return f(static_cast<std::uint64_t>(numbers[0]), std::size_t{0}, n);
  for (std::size_t i = 0; i < n;) {
    std::size_t end = i + 1;
    while (end < n && numbers[end] == numbers[end - 1] + 1) ++end;
    f(static_cast<std::uint64_t>(numbers[i]), i, end - i);
    i = end;
  }
}

}  // namespace weft::detail::arrays
