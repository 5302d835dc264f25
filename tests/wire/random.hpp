#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weft::test {

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the same numbers on every machine.
class random_numbers {
 public:
  explicit random_numbers(std::uint64_t seed) noexcept : state_(seed) {}
  std::uint64_t operator()() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  /// 0 to n - 1.
  std::size_t below(std::size_t n) noexcept { return static_cast<std::size_t>((*this)() % n); }
  bool one_in(std::size_t n) noexcept { return below(n) == 0; }
  std::vector<std::byte> bytes(std::size_t n) {
    std::vector<std::byte> b(n);
    for (auto& x : b) x = static_cast<std::byte>((*this)());
    return b;
  }

 private:
  std::uint64_t state_;
};

}  // namespace weft::test
