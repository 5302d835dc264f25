#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "weft/array/array.hpp"
#include "weft/array/create.hpp"
#include "weft/array/store.hpp"
#include "weft/detail/array/files.hpp"
#include "weft/task.hpp"

/// Arrays in NumPy's files of one array (.npy), of any order of axes and of bytes. On a cluster the workers read and
/// write them, so that the path must be one of a file system that all have.
namespace weft {

/// The array in a file, of which the header alone is read here; a task reads its chunk when it is needed:
/// `const auto x = co_await weft::from_npy<double, 2>(c, "x.npy", {.chunk = {1000, -1}});` Throws misuse when its
/// elements are not T or its rank is not N, std::runtime_error for what is no such file, and what files throw.
template <class T, std::size_t N = dynamic_rank>
task<array<T, N>> from_npy(client c, std::string path, creation how = {}) {
  co_return array<T, N>(
      co_await detail::arrays::open_npy(std::move(c), std::move(path), detail::arrays::element_of<T>, how));
}

/// Such a file as a place for an array, as to_npy writes it, for store().
inline target npy_file(std::string path) { return target(detail::arrays::npy_target(std::move(path))); }
/// Computes x and writes it to a file: each task writes its chunk and lets it go, so that x may be larger than the
/// memory. The file has another name until all of it is written, and replaces one that is there. When this ends, also
/// by a failure or a stop, none of its tasks writes any more, as store() has it. For a progress bar:
/// `co_await weft::show_progress(c, "writing", weft::to_npy(x, "x.npy"));`
template <array_like X>
task<> to_npy(const X& x, std::string path) {
  return store(x, npy_file(std::move(path)));
}

/// The array in a stack of npy files: a folder with `0.npy`, `1.npy`, ..., which are its chunks along an axis, and a
/// file `info` that says of what, as Dask's to_npy_stack writes it. Only that is read here; a task reads its file
/// when it is needed. Throws as from_npy, and std::runtime_error where `info` is something else: it is a pickle, of
/// which nothing is run. A file that is not what `info` says is an error when it is read.
template <class T, std::size_t N = dynamic_rank>
task<array<T, N>> from_npy_stack(client c, std::string path) {
  co_return array<T, N>(
      co_await detail::arrays::open_npy_stack(std::move(c), std::move(path), detail::arrays::element_of<T>, N));
}

/// Such a folder as a place for an array, as to_npy_stack writes it.
inline target npy_stack(std::string path, std::int64_t axis = 0) {
  return target(detail::arrays::npy_stack_target(std::move(path), axis));
}
/// Computes x and writes it to such a folder, a file for each of its chunks along the axis; along others it is
/// rechunked to one. As to_npy otherwise: the folder has another name until it is whole. Throws std::runtime_error
/// where something is there already, but for an empty folder.
template <array_like X>
task<> to_npy_stack(const X& x, std::string path, std::int64_t axis = 0) {
  return store(x, npy_stack(std::move(path), axis));
}

}  // namespace weft
