#pragma once

/// What the measurements of arrays run.
#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include "../client_place.hpp"
#include "../harness.hpp"
#include "weft/array.hpp"

namespace bench {

/// What `run` takes.
template <class F>
double milliseconds(F run) {
  const double begin = seconds_now();
  run();
  return (seconds_now() - begin) * 1e3;
}

/// Has all chunks of an array made, and kept.
template <class T, std::size_t N>
weft::array<T, N> kept(client_place& here, const weft::array<T, N>& x) {
  const weft::array<T, N> there = x.persist();
  here.pool.run(weft::sum(there).compute());
  return there;
}

/// Has all chunks of an array or an expression made, and let go one by one.
template <class X>
weft::task<> to_nowhere(X x) {
  co_await weft::detail::arrays::run(*x.node());
}

template <std::size_t N>
struct every_second_zero {
  weft::chunk_tensor<double, N> operator()(const weft::chunk_view<double, N>& chunk) const {
    weft::chunk_tensor<double, N> out = chunk;
    for (std::size_t i = 0; i < out.size(); i += 2) out.data()[i] = 0;
    return out;
  }
};

/// The two kinds of numbers of coiled/benchmarks: random doubles, and the same with every second one of a chunk 0,
/// which can be compressed.
struct numbers {
  std::string measurement;  // without the group; the scripts know the kind by it
  bool compressible;

  double mean() const { return compressible ? 0.25 : 0.5; }
  template <std::size_t N>
  weft::array<double, N> make(const weft::client& c, const weft::shape& extents, weft::random::options how) const {
    const auto x = weft::random::uniform<double, N>(c, extents, how);
    return compressible ? weft::array<double, N>(weft::map_blocks(every_second_zero<N>{}, x)) : x;
  }
};

/// A measurement of both kinds of numbers: NAME, and NAME_compressible.
struct registered_twice {
  template <class F>
  registered_twice(const std::string& name, const std::string& what, F prepare)
      : as_they_are("array." + name, "ms", what, [=](const settings& s) { return prepare(s, numbers{name, false}); }),
        compressible("array." + name + "_compressible", "ms", what + "; every second number is 0",
                     [=](const settings& s) { return prepare(s, numbers{name + "_compressible", true}); }) {}
  registered as_they_are, compressible;
};

}  // namespace bench
