// What the tests of arrays share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "weft/array.hpp"
#include "weft/client.hpp"
#include "weft/weft.hpp"

namespace arrays {

struct place {
  explicit place(unsigned threads = 2) : pool({.threads = threads}), client(pool) {}
  weft::pool pool;
  weft::client client;
  template <class X>
  auto operator()(const X& x) {
    return pool.run(x.compute());
  }
};

template <class X>
std::vector<double> list_of(const X& x) {
  std::vector<double> all;
  for (const auto& e : x) all.push_back(static_cast<double>(e));
  return all;
}
inline std::uint64_t bits_of(double x) {
  std::uint64_t b = 0;
  std::memcpy(&b, &x, sizeof b);
  return b;
}
/// Some number of element i, without a pattern.
inline double noise(std::int64_t i) {
  auto x = static_cast<std::uint64_t>(i + 1) * 0x9e3779b97f4a7c15u;
  x ^= x >> 29;
  x *= 0xbf58476d1ce4e5b9u;
  return static_cast<double>(x >> 11) * 0x1.0p-53 - 0.5;
}

}  // namespace arrays
