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

/// Calls f(which, at, n) for runs of 64 numbers or more that follow each other, and for what is between them: `which`
/// is the first number of a run, or a pointer to numbers.
template <class F>
void for_each_stretch(const std::int64_t* numbers, std::size_t n, F f) {
  constexpr std::size_t long_run = 64;
  std::size_t scattered = 0, end = 0;  // those from there on, up to there
  const auto hand_over = [&] {
    if (end != scattered) f(numbers + scattered, scattered, end - scattered);
  };
  for_each_run(numbers, n, [&](std::uint64_t first, std::size_t at, std::size_t count) {
    if (count >= long_run) {
      hand_over();
      f(first, at, count);
      scattered = at + count;
    }
    end = at + count;
  });
  hand_over();
}

}  // namespace weft::detail::arrays
