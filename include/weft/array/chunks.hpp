#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/map.hpp"
#include "weft/array/rechunk.hpp"
#include "weft/array/xtensor.hpp"
#include "weft/detail/array/given_chunks.hpp"
#include "weft/layer.hpp"

/// Chunks as values of tasks: arrays of what tasks of your own have made, and what is to be made of an array's chunks
/// by such tasks.
namespace weft {

/// A chunk as arrays keep it: elements of any type and rank, row-major, in a buffer that is aligned to 64 bytes. It
/// can be moved, and travels. An empty one has no elements.
using array_chunk = detail::arrays::block;

/// The elements of a chunk, as an xtensor adaptor on the memory where they are; of one that is not const to be
/// written. Throws misuse where its elements are of another type, or its axes are not N.
template <class T, std::size_t N = dynamic_rank>
chunk_view<T, N> elements_of(const array_chunk& x) {
  detail::arrays::check_elements(x, detail::arrays::element_of<T>, N);
  return detail::arrays::view_of<const T, N>(x.template data<T>(), x.extents());
}
template <class T, std::size_t N = dynamic_rank>
auto elements_of(array_chunk& x) {
  detail::arrays::check_elements(x, detail::arrays::element_of<T>, N);
  return detail::arrays::view_of<T, N>(x.template data<T>(), x.extents());
}
template <class T, std::size_t N = dynamic_rank>
void elements_of(array_chunk&&) = delete;  // they would be of what is gone

/// A chunk of what an xtensor expression comes to, which is written to it: `return weft::chunk_of(a * 2.0);`. Of a
/// large container that is handed over the memory is the chunk's. Throws misuse for more than eight axes.
template <class E>
array_chunk chunk_of(E&& e) {
  using own = std::remove_cvref_t<E>;
  using T = std::remove_cv_t<typename own::value_type>;
  if (e.dimension() > most_axes) detail::arrays::throw_creation("a chunk of more than 8 axes");
  if constexpr (std::is_same_v<E, own>)
    if (auto taken = detail::arrays::taken_over(std::move(e))) return std::move(*taken);
  array_chunk made(detail::arrays::element_of<T>, detail::arrays::shape_of(e));
  detail::arrays::write_result<T>(e, {made.bytes().data(), made.extents()});
  return made;
}

namespace detail::arrays {

template <class T, std::size_t N, class V>
consteval bool checked_given() {
  if constexpr (std::is_same_v<V, block>) {
    return true;
  } else {
    constexpr bool is_chunk = std::is_same_v<V, xt::xarray<T>> ||
                              (N > 0 && N <= most_axes && std::is_same_v<V, xt::xtensor<T, N == 0 ? 1 : N>>);
    static_assert(is_chunk,
                  "weft: chunks of an array of T are given as xt::xtensor<T, N>, as xt::xarray<T>, or as "
                  "weft::array_chunk");
    return is_chunk;
  }
}

/// What somebody's value is as a chunk of an array: its own buffer, if it is one that nobody else has, else a copy.
template <class T, class V>
block as_given(const given_place& p, const values<V>& given) {
  check_one_given(given.size());
  const V& x = given[0];
  if constexpr (std::is_same_v<V, block>) {
    check_given(p, element_of<T>, x);
    if (block* own = given.take(0)) return std::move(*own);
    return copy_of(x);
  } else {
    check_given(p, std::span(x.shape().data(), x.dimension()));
    if (x.size() * sizeof(T) >= least_kept_buffer)
      if (V* own = given.take(0)) return std::move(*taken_over(std::move(*own)));
    return copy_of(element_of<T>, p.extents, reinterpret_cast<const std::byte*>(x.data()));
  }
}
/// Each task of a layer makes a chunk of what the task of another one has made.
template <class T, class V>
struct given_chunks {
  shared<grid> chunks;
  std::uint64_t result_bytes(std::size_t j) const noexcept { return bytes_of_given(*chunks, j, sizeof(T)); }
  block operator()(std::size_t j, const values<V>& given) const {
    return as_given<T>(place_given(*chunks, j), given);
  }
  std::string task_name() const { return "given"; }
  std::string task_subject(std::size_t j) const { return subject_of_given(*chunks, j); }
};
/// A task of its own, which has the only future of what it takes.
template <class T, class V>
struct given_chunk {
  given_place where;
  block operator()(const values<V>& given) const { return as_given<T>(where, given); }
};

}  // namespace detail::arrays

/// An array of what the tasks of a layer (weft/layer.hpp) make, whose values are its chunks in row-major order:
/// `sizes` are those along each axis. They are `xt::xtensor<T, N>`, `xt::xarray<T>` or array_chunk.
///
///     auto scans = weft::layer_of(30, load_scan, folder);   // xt::xtensor<float, 2> load_scan(std::size_t, ...)
///     auto x = weft::from_delayed<float, 2>(c, scans, weft::chunk_sizes(std::vector(30, std::int64_t{100}),
///     {2000}));
///
/// Nothing runs until x is computed; what reads a part of it runs the tasks of those chunks alone, and each time that
/// it is computed they run again: persist() keeps them. Each chunk costs one more task, where the value is. It takes
/// the buffer over, of a container of 64 KiB or more or of an array_chunk, if nobody else has a future of it, and
/// copies the elements otherwise. A chunk of another shape than that of its place, or of other elements, is misuse,
/// thrown when it is computed, with the place and both shapes. Throws misuse for sizes below 1 and where the layer
/// has another number of tasks than there are chunks.
template <class T, std::size_t N = dynamic_rank, class V>
array<T, N> from_delayed(const client& c, const layer<V>& chunks, const chunk_sizes& sizes) {
  using namespace detail::arrays;
  static_assert(checked_given<T, N, V>());
  const grid g = grid_of_sizes(N, sizes.lists(), sizeof(T));
  check_given_count(g, chunks.size());
  return array<T, N>(make_given(
      c, element_of<T>, g, layer_of(chunks.size(), given_chunks<T, V>{shared<grid>(g)}, from(chunks, one_to_one{}))));
}
/// Of chunks that are there, or under way: of what client::compute gives for lazies, too. The tasks that look at them
/// are started. Hand the futures over, with std::move, and nothing is copied.
template <class T, std::size_t N = dynamic_rank, class V>
array<T, N> from_delayed(const client& c, std::vector<future<V>> chunks, const chunk_sizes& sizes) {
  using namespace detail::arrays;
  static_assert(checked_given<T, N, V>());
  const grid g = grid_of_sizes(N, sizes.lists(), sizeof(T));
  check_given_count(g, chunks.size());
  std::vector<future<block>> parts;
  parts.reserve(chunks.size());
  for (std::size_t j = 0; j < chunks.size(); ++j) {
    std::vector<future<V>> one(1, std::move(chunks[j]));
    parts.push_back(c.submit(given_chunk<T, V>{place_given(g, j)}, std::move(one)));
  }
  return array<T, N>(make_stored(c, element_of<T>, g, std::move(parts)));
}

/// Starts the tasks of all chunks, and gives their futures, row-major as chunk_sizes() has them. They are the chunks
/// themselves: nothing is copied for an array with tasks, or one that is kept. A task of yours takes
/// `const weft::array_chunk&`, and sees the elements by elements_of<T, N>.
template <array_like X>
std::vector<future<array_chunk>> to_delayed(const X& x) {
  return detail::arrays::start(*x.node());
}

}  // namespace weft
