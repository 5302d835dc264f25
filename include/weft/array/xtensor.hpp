#pragma once

#include <algorithm>
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

#include "weft/detail/array/node.hpp"
#include "weft/detail/array/tensor_codec.hpp"
#include "weft/task.hpp"

/// The one place where arrays meet xtensor: what is computed is given as its containers. They are values that tasks
/// may take and give, too (detail/array/tensor_codec.hpp).
namespace weft {

template <class T>
struct chunk_allocator;

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

template <class T, std::size_t N>
struct chunk_local {
  using type = xt::xtensor<T, N, xt::layout_type::row_major, chunk_allocator<T>>;
};
template <class T>
struct chunk_local<T, dynamic_rank> {
  using type = xt::xarray<T, xt::layout_type::row_major, chunk_allocator<T>>;
};

}  // namespace detail

/// An array's elements in this process: xt::xtensor<T, N>, xt::xarray<T> for a dynamic rank, T for rank 0.
template <class T, std::size_t N>
using local_t = typename detail::local<T, N>::type;

/// An allocator of the memory that chunks have let go: large buffers of one size are had without new pages, which the
/// kernel zeroes one by one. Of all threads.
template <class T>
struct chunk_allocator {
  using value_type = T;
  chunk_allocator() noexcept = default;
  template <class U>
  chunk_allocator(const chunk_allocator<U>&) noexcept {}  // NOLINT: as allocators are
  T* allocate(std::size_t count) {
    std::size_t bytes = 0;
    if (__builtin_mul_overflow(count, sizeof(T), &bytes)) throw std::bad_array_new_length();
    return reinterpret_cast<T*>(detail::arrays::take_buffer(bytes));
  }
  void deallocate(T* p, std::size_t count) noexcept {
    detail::arrays::let_buffer_go(reinterpret_cast<std::byte*>(p), count * sizeof(T));
  }
  friend bool operator==(const chunk_allocator&, const chunk_allocator&) noexcept { return true; }
};

/// xtensor's containers with such memory, for functions of chunks that fill one: `weft::chunk_tensor<double, 2> out =
/// a;`. What they return is the chunk then, without a copy, as it is with any container; and it needs no new memory.
template <class T, std::size_t N = dynamic_rank>
using chunk_tensor = typename detail::chunk_local<T, N>::type;

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
