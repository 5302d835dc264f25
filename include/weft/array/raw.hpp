#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "weft/array/array.hpp"
#include "weft/array/create.hpp"
#include "weft/array/store.hpp"
#include "weft/detail/array/files.hpp"
#include "weft/task.hpp"

/// Arrays in files that are their elements and nothing else, as devices and other programs leave them. On a cluster
/// the workers read and write them, so that the path must be one of a file system that all have.
namespace weft {

/// How the elements lie in a file, which does not say it.
struct raw_layout {
  std::uint64_t offset = 0;  // of the first, in bytes
  std::endian order = std::endian::native;
  bool first_axis_fastest = false;  // Fortran's order; else the last axis is
};
static_assert(std::is_trivially_destructible_v<raw_layout>, "g++ 12 destroys it twice in a co_await expression");

/// An array of that shape in a file; a task reads its chunk when it is needed:
/// `const auto x = co_await weft::from_raw<float, 2>(c, "x.bin", {1000, 200}, {.offset = 512});` What is behind it in
/// the file is left alone. Throws std::runtime_error when the file is shorter than the array, misuse for elements
/// that are no numbers and for a shape of another rank, and what files throw.
template <class T, std::size_t N = dynamic_rank>
task<array<T, N>> from_raw(client c, std::string path, shape extents, raw_layout layout = {}, creation how = {}) {
  co_return array<T, N>(co_await detail::arrays::open_raw(std::move(c), std::move(path),
                                                          detail::arrays::element_of<T>, extents, layout, how));
}

/// Such a file as a place for an array, as to_raw writes it. A region of one needs the shape of all that is there:
/// `raw_file("x.bin", {.offset = 512}, {1000, 200}).region(slice(0, 10))`. Where it is given and an array of another
/// shape is stored without a region, that throws misuse: the file would be replaced by a part.
inline target raw_file(std::string path, raw_layout layout = {}, shape whole = {}) {
  return target(detail::arrays::raw_target(std::move(path), layout, whole));
}
/// Computes x and writes it, chunk by chunk, as to_npy does, without a header: before the elements are `offset`
/// zeros.
template <array_like X>
task<> to_raw(const X& x, std::string path, raw_layout layout = {}) {
  return store(x, raw_file(std::move(path), layout));
}

}  // namespace weft
