#include "env/ticks.hpp"

#include <algorithm>
#include <chrono>

namespace weft::detail {

std::uint64_t ticks_per_microsecond() noexcept {
  static const std::uint64_t rate = [] {
    using clock = std::chrono::steady_clock;
    const auto begin = clock::now();
    const std::uint64_t first = ticks();
    auto end = begin;
    do end = clock::now();
    while (end - begin < std::chrono::microseconds(200));
    const auto us = std::chrono::duration<double, std::micro>(end - begin).count();
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(static_cast<double>(ticks() - first) / us));
  }();
  return rate;
}

}  // namespace weft::detail
