#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "weft/detail/array/node.hpp"
#include "weft/detail/array/tensor_codec.hpp"
#include "weft/task.hpp"

/// The one place where arrays meet xtensor: what is computed is given as its containers. They are values that tasks
/// may take and give, too (detail/array/tensor_codec.hpp).
namespace weft {

namespace detail {

template <class T, std::size_t N>
struct local {
  using type = xt::xtensor<T, N>;
};
template <class T>
struct local<T, dynamic_rank> {
  using type = xt::xarray<T>;
};
template <class T>
struct local<T, 0> {
  using type = T;
};

}  // namespace detail

/// An array's elements in this process: xt::xtensor<T, N>, xt::xarray<T> for a dynamic rank, T for rank 0.
template <class T, std::size_t N>
using local_t = typename detail::local<T, N>::type;

namespace detail::arrays {

/// Chunks are copied as they end, and let go one by one.
template <class T, std::size_t N>
task<local_t<T, N>> assemble(std::vector<future<block>> parts, grid chunks) {
  if constexpr (N == 0) {
    const block& only = co_await parts[0];
    co_return *only.template data<T>();
  } else {
    using result = local_t<T, N>;
    typename result::shape_type extents{};
    if constexpr (N == dynamic_rank) extents.resize(chunks.rank);
    for (std::size_t a = 0; a < chunks.rank; ++a) extents[a] = static_cast<std::size_t>(chunks.axes[a].extent);
    result whole = result::from_shape(extents);
    for (std::size_t j = 0; j < parts.size(); ++j) {
      const block& part = co_await parts[j];
      put_chunk(reinterpret_cast<std::byte*>(whole.data()), chunks, j, part);
      parts[j] = future<block>();
    }
    co_return whole;
  }
}
template <class T, std::size_t N>
task<local_t<T, N>> collect(array_ref x) {
  std::vector<future<block>> parts = start(*x);
  co_return co_await assemble<T, N>(std::move(parts), grid_of(*x));
}

template <class X>
weft::shape shape_of(const X& x) {
  weft::shape s = weft::shape::of_rank(std::min(x.dimension(), most_axes));
  for (std::size_t a = 0; a < s.size(); ++a) s[a] = static_cast<std::int64_t>(x.shape()[a]);
  return s;
}

}  // namespace detail::arrays
}  // namespace weft
