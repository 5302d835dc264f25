#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "weft/array/array.hpp"
#include "weft/array/create.hpp"
#include "weft/array/store.hpp"
#include "weft/detail/array/files.hpp"
#include "weft/task.hpp"

/// Arrays in Zarr's stores: a folder with a file for each chunk, of version 2 or 3. On a cluster the workers read and
/// write them, so that the path must be one of a file system that all have.
namespace weft {

/// How the chunks of a store are compressed. Those of Blosc have the bytes of their elements sorted before, the first
/// of all, then the second: numbers that are alike become runs. zlib is of version 2 alone.
enum class zarr_compression : std::uint8_t { off, zstd, blosc_lz4, blosc_zstd, gzip, zlib };

/// How a store is written. As it stands it is what zarr-python's versions all read.
struct zarr_options {
  unsigned version = 2;  // 2 or 3
  zarr_compression compression = zarr_compression::blosc_lz4;
  int level = 5;  // zstd: -131072 to 22; others: 0 to 9
  /// CRC-32C of each chunk, which is looked at when it is read. Version 3 alone.
  bool checksum = false;
  /// Extents of a chunk of the store, as in creation: 0 lets weft choose, -1 is the whole axis. None: those of the
  /// array's largest chunks.
  weft::shape chunk = {};
  /// The text of a JSON object, for whoever reads the store: `R"({"units": "mm"})"`. It is copied by the call.
  std::string_view attributes = {};
  /// Of the first axes, {"time", "height"}; others have none. They are copied by the call. Version 3 alone.
  std::array<std::string_view, most_axes> dimension_names = {};
  bool overwrite = false;  // replaces a store that is there, its attributes too
};
static_assert(std::is_trivially_destructible_v<zarr_options>, "g++ 12 destroys it twice in a co_await expression");

/// The array in a store (of its attributes contents_of_zarr tells), of which the metadata alone are read here; a task
/// reads its chunk when it is needed: `const auto x = co_await weft::from_zarr<double, 2>(c, "x.zarr");` Its chunks
/// are made of whole ones of the store: as many as how.bytes hold, one at least, or where how.chunk says so,
/// multiples of these: -1 for a whole axis, 0 for the store's. A task reads the files of its chunk one after the
/// other. Chunks that are not there have the fill value everywhere; where the store itself is no longer there, the
/// task that reads fails. Throws misuse when its elements are not T, its rank is not N, or the chunks are no
/// multiples; std::runtime_error for metadata that cannot be used (codecs that are not known, filters), and what
/// files throw.
template <class T, std::size_t N = dynamic_rank>
task<array<T, N>> from_zarr(client c, std::string path, creation how = {}) {
  co_return array<T, N>(
      co_await detail::arrays::open_zarr_store(std::move(c), std::move(path), detail::arrays::element_of<T>, N, how));
}

/// Such a store as a place for an array, as to_zarr writes it. Of a region of one that is there `how` does not count,
/// and its attributes stay.
inline target zarr_store(std::string path, zarr_options how = {}) {
  return target(detail::arrays::zarr_target(std::move(path), how));
}
/// Computes x and writes it to a store: each task writes the store's chunks that are in its own and lets it go, so
/// that x may be larger than the memory. Where several tasks would write to one chunk of the store, x is rechunked
/// before, to chunks no larger than x's own, the store's, or 8 MiB. The folder is x.zarr.<number>.unfinished until
/// all of it is written; where this fails, what was there before still is. While the new store takes its place the
/// old one is x.zarr.replaced, where a program that ends just then leaves it.
///
/// Throws misuse for options that the store's version or codec do not know, attributes that are no JSON object or
/// make metadata of more than 4 MiB, and more names than axes, and std::runtime_error when there is
/// something at the path already; `overwrite` replaces a Zarr array, which may be the one that x is read from or one
/// that the path is a link to, and nothing else: no group, and no other folder that has one of the names beside it.
/// Progress as for to_npy.
template <array_like X>
task<> to_zarr(const X& x, std::string path, zarr_options how = {}) {
  return store(x, zarr_store(std::move(path), how));
}

}  // namespace weft
