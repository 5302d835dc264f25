// What the tests of layers share: functions for tasks, dependencies, and the same without an engine.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <numeric>
#include <vector>

#include "weft/client.hpp"
#include "weft/layer.hpp"
#include "weft/weft.hpp"

namespace layers {

using number = std::uint64_t;

inline number mix(number x) {
  x ^= x >> 31;
  x *= 0x9e3779b97f4a7c15u;
  return x ^ (x >> 29);
}
inline number leaf(std::size_t i) { return mix(i + 1); }
inline number fold(std::size_t i, weft::values<number> in) {
  number sum = i;
  for (const number x : in) sum = mix(sum + x);
  return sum;
}
inline number fold_two(std::size_t i, weft::values<number> a, weft::values<number> b) { return fold(fold(i, a), b); }
inline number plus_one(std::size_t, const number& x) { return x + 1; }
inline number plus(std::size_t, const number& x, const number& y) { return x + y; }
inline weft::task<number> waits(std::size_t i, weft::values<number> in) {
  co_await weft::sleep_for(std::chrono::microseconds(i % 7 * 10));
  co_return fold(i, in);
}

/// The same without an engine: what task j takes, the dependency says.
template <class D>
std::vector<number> sequential(std::size_t m, const std::vector<number>& from, const D& d) {
  std::vector<number> all;
  for (std::size_t j = 0; j < m; ++j) {
    number sum = j;
    weft::intervals in = d.of(j);
    in.clamp(from.size());
    for (const weft::interval& i : in)
      for (std::size_t k = i.first; k <= i.last; ++k) sum = mix(sum + from[k]);
    all.push_back(sum);
  }
  return all;
}
template <class D>
std::vector<number> sequential_over_time(std::size_t n, const D& d) {
  std::vector<number> all(n);
  for (std::size_t j = 0; j < n; ++j) {
    number sum = j;
    for (const weft::interval& i : d.of(j))
      for (std::size_t k = i.first; k <= i.last; ++k) sum = mix(sum + all[k]);
    all[j] = sum;
  }
  return all;
}
inline std::vector<number> leaves(std::size_t n) {
  std::vector<number> all(n);
  for (std::size_t i = 0; i < n; ++i) all[i] = leaf(i);
  return all;
}

/// Task j takes two tasks far from each other, and every seventh takes none; without an inverse.
struct scattered {
  std::size_t n;
  weft::intervals of(std::size_t j) const {
    weft::intervals in;
    if (j % 7 == 3) return in;
    const std::size_t a = j * 13 % n, b = (j * 29 + 5) % n;
    in.add({std::min(a, b), std::min(a, b)});
    if (a != b) in.add({std::max(a, b), std::min(std::max(a, b) + 2, n - 1)});
    return in;
  }
};
/// Takes task j + by.
struct shifted {
  std::size_t by;
  weft::intervals of(std::size_t j) const { return weft::interval{j + by, j + by}; }
  weft::intervals dependents(std::size_t i) const {
    return i < by ? weft::intervals() : weft::intervals(weft::interval{i - by, i - by});
  }
};
/// Over time: task j takes j / 2, and j - 3 where there is one.
struct halves {
  weft::intervals of(std::size_t j) const {
    weft::intervals in;
    if (j == 0) return in;
    in.add({j / 2, j / 2});
    if (j >= 3 && j - 3 != j / 2) in.add({j - 3, j - 3});
    return in;
  }
};

template <class T>
weft::task<std::vector<T>> all_of(weft::client& c, weft::layer<T> l) {
  co_return co_await c.gather(c.compute(l));
}
template <class F, class... A>
auto on_client(unsigned threads, F f, A... arguments) {
  weft::pool pool({.threads = threads});
  weft::client c(pool);
  return pool.run(f(c, arguments...));
}
template <class T>
std::vector<T> values_of(const weft::layer<T>& l, unsigned threads) {
  return on_client(threads, [](weft::client& c, weft::layer<T> of) { return all_of<T>(c, of); }, l);
}

/// Counts how many have run.
inline std::atomic<int> ran;
inline number counted(std::size_t i) {
  ++ran;
  return leaf(i);
}
inline number counted_fold(std::size_t i, weft::values<number> in) {
  ++ran;
  return fold(i, in);
}

using block = std::vector<number>;
inline block make_block(std::size_t i, std::size_t words) {
  block b(words);
  for (std::size_t k = 0; k < words; ++k) b[k] = mix(i * words + k);
  return b;
}
inline block change_block(std::size_t, const block& b) {
  block c = b;
  for (number& x : c) x = mix(x);
  return c;
}
inline number sum_block(std::size_t, weft::values<block> in) {
  number sum = 0;
  for (const block& b : in) sum += std::accumulate(b.begin(), b.end(), number{0});
  return sum;
}

}  // namespace layers
