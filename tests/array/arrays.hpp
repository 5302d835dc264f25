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
/// An array of it, whose extents the chunks of tests do not divide.
inline weft::array<double, 2> some(const weft::client& c, const weft::shape& chunk) {
  return weft::from_function<2>(c, {60, 47}, [](std::int64_t i, std::int64_t j) { return noise(i * 47 + j); },
                                {.chunk = chunk});
}
/// A number from `least` to `most`, another one for each i.
inline std::int64_t some_number(std::int64_t i, std::int64_t least, std::int64_t most) {
  return least + static_cast<std::int64_t>((noise(i) + 0.5) * static_cast<double>(most - least + 1));
}
/// Some shape of up to `most` elements along each axis, and chunks for it.
struct some_chunks {
  some_chunks(std::size_t rank, std::int64_t i, std::int64_t most) {
    extents = chunk = weft::shape::of_rank(rank);
    for (std::size_t a = 0; a < rank; ++a) {
      const auto axis = static_cast<std::int64_t>(a);
      extents[a] = some_number(1000 * i + axis, 1, most);
      chunk[a] = some_number(1000 * i + axis + 500, 1, extents[a]);
    }
  }
  weft::shape extents, chunk;
};

}  // namespace arrays
