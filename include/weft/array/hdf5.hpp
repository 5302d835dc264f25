#pragma once

#ifdef WEFT_WITHOUT_HDF5
#error "weft: this build has no HDF5: install libhdf5-dev, and build weft with -DWEFT_HDF5=ON"
#endif

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

#include "weft/array/array.hpp"
#include "weft/array/contents.hpp"
#include "weft/array/create.hpp"
#include "weft/array/store.hpp"
#include "weft/detail/array/files.hpp"
#include "weft/task.hpp"

/// Arrays in HDF5's files, which hold many of them, datasets, in groups like folders: `/run/7/pressure`. On a cluster
/// the workers read and write them, so that the path must be one of a file system that all have.
namespace weft {

/// How a dataset is written: in one piece; or where one of the first three is set, in chunks, each of which goes
/// through the filters: `{.chunk = {500, 500}, .deflate = 4, .shuffle = true}`.
struct hdf5_options {
  /// Extents of a chunk, as in creation: 0 lets weft choose, -1 is the whole axis. None: the array's, where these are
  /// all alike (but for the last of an axis), and what weft chooses otherwise.
  weft::shape chunk = {};
  int deflate = 0;         // gzip's level, 1 (fast) to 9 (small); 0: not compressed
  bool shuffle = false;    // sorts the bytes of elements, the first of each, then the second: numbers deflate better
  bool overwrite = false;  // replaces a dataset that is there
};
static_assert(std::is_trivially_destructible_v<hdf5_options>, "g++ 12 destroys it twice in a co_await expression");

/// A dataset, of which the description alone is read here; a task reads its chunk when it is needed:
/// `const auto x = co_await weft::from_hdf5<double, 2>(c, "x.h5", "run/pressure");` Where the dataset is in chunks
/// the array's are made of whole ones, as many as how.bytes holds, along the last axes first; or where how.chunk says
/// so, multiples of these: -1 for a whole axis, 0 for the dataset's. Bools are what h5py makes of them, enumerations
/// of FALSE and TRUE, and complex numbers compounds of r and i.
///
/// HDF5's library serves one thread at a time. Elements that lie in one piece are read without it. Of chunks without
/// filters, or with deflate and shuffle, it fetches the bytes, and tasks make elements of them side by side; by other
/// filters it makes them itself, one task after the other.
///
/// Throws misuse when its elements are not T, its rank is not N, or the chunks are no multiples; std::runtime_error
/// for files that are no HDF5 files, datasets that are not there, elements that are no numbers and filters that the
/// library has not got; and what files throw.
template <class T, std::size_t N = dynamic_rank>
task<array<T, N>> from_hdf5(client c, std::string path, std::string dataset, creation how = {}) {
  co_return array<T, N>(co_await detail::arrays::open_hdf5(std::move(c), std::move(path), std::move(dataset),
                                                           detail::arrays::element_of<T>, N, how));
}

/// What a dataset is, of which the description alone is read. Throws as from_hdf5.
task<array_contents> contents_of_hdf5(std::string path, std::string dataset);

/// A dataset as a place for an array, as to_hdf5 writes it. Of a region of one that is there `how` does not count: it
/// goes through the dataset's own filters.
inline target hdf5_dataset(std::string path, std::string dataset, hdf5_options how = {}) {
  return target(detail::arrays::hdf5_target(std::move(path), std::move(dataset), how));
}
/// Computes x and writes it as a dataset: each task writes its chunk and lets it go, so that x may be larger than the
/// memory. Several datasets of one file are written in one pass by store(). A file that is there keeps all else that
/// it has; where there is none it is made, as are the groups that the name has. Until all of it is written the
/// dataset is `<name>.unfinished` in the root, with %2F between groups and %25 for %; where this fails it is taken
/// away again, and with it a file that has nothing else; but where a worker may write yet it stays, as
/// `<name>.<number>.unfinished`.
///
/// In chunks: tasks shuffle and deflate side by side, and leave what comes of it in a folder beside the file,
/// `x.h5.<number>.unfinished`; when all of it is there HDF5 takes it in, some 64 MiB each time that the file is open,
/// and the folder goes, as it does after a failure. Where several tasks would write to one chunk x is rechunked
/// before, as for to_zarr. Cost: what is stored is written twice, the second time by one thread of this process, and
/// needs its room on the disk twice, less what has been taken in.
///
/// Throws misuse for elements that are no numbers, names that are none, and levels and chunks that HDF5 has not (an
/// array without axes has none); std::runtime_error when there is something of that name, of which `overwrite`
/// replaces a dataset and nothing else, or the name goes through what is no group of the file, or the file is no HDF5
/// file, or open elsewhere for half a minute; std::system_error when there is no room for it; and what files throw.
/// The room of what is replaced stays in the file until h5repack copies it. Progress as for to_npy.
///
/// Into a file that keeps what is free in it for the next one who writes (h5py's `fs_persist=True`) datasets in one
/// piece come as those in chunks, through a folder, since a task that comes late may write to what is another
/// dataset's then.
///
/// Two programs that write to one file wait for each other by HDF5's lock. Where it has none, by
/// HDF5_USE_FILE_LOCKING=FALSE or the file system, let one write at a time: two destroy the file.
template <array_like X>
task<> to_hdf5(const X& x, std::string path, std::string dataset, hdf5_options how = {}) {
  return store(x, hdf5_dataset(std::move(path), std::move(dataset), how));
}

}  // namespace weft
