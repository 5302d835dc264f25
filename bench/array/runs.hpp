#pragma once

/// What the measurements of arrays run.
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

}  // namespace bench
