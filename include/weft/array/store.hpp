#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/array.hpp"
#include "weft/array/index.hpp"
#include "weft/detail/array/storing.hpp"
#include "weft/task.hpp"
#include "weft/task_options.hpp"

/// Arrays to where they are kept: several in one pass, into a part of what is there, and to functions of one's own.
namespace weft {

/// A place for an array: npy_file("x.npy"), npy_stack, raw_file, zarr_store, hdf5_dataset. Nothing is done there
/// until an array is stored.
class target {
 public:
  explicit target(detail::arrays::target_ref kind) noexcept : kind_(std::move(kind)) {}

  /// A part of the array that is there already, by an index for each of its axes, as an array's own:
  /// `zarr_store("x.zarr").region(slice(100, 200), ellipsis, 3)`. An axis with an integer is one that the array which
  /// is stored has not; slices have a step of 1. Throws misuse for a stack of files.
  ///
  /// What is stored is written over what is there, in its element type and order of bytes. It has the type of the
  /// file and the region's shape, else the call throws misuse when it has read of what shape the file is. A raw_file
  /// has been given its shape; an HDF5 dataset has its elements itself, and is no link to another file.
  ///
  /// A Zarr store's region begins and ends where its chunks do, or at the end of an axis: of two calls that each
  /// write a part of one chunk, one would undo what the other has written. So calls may write regions that do not
  /// overlap at the same time. Where a call fails, what it has written until then stays; where a worker has not
  /// answered then, the error says that it may still write there. An HDF5 dataset's may begin and end anywhere: into
  /// one in chunks HDF5 takes them when all of the call's chunks are computed, under the file's lock, and reads,
  /// changes and writes again what a region covers in part. Until then a failure leaves it as it was. Where somebody
  /// has put another file or store in its place meanwhile, or made it one of another shape, type or chunks, the call
  /// fails in the end, and says so.
  ///
  /// No array of the call may be computed of what is read from that file, or that dataset, as tasks would read what
  /// others have written: misuse. Links to the file, and links within an HDF5 file, are names of the same; but nobody
  /// looks for it where a virtual dataset or a link leads from another HDF5 file to it, or where a raw file has a
  /// dataset's elements. Of arrays that were persisted it is not known what they read: wait for them first.
  ///
  /// Cost: of files in one piece, a write for each run of elements that is one in the file too. Gaps are not
  /// bridged: a region of one column is a write for each element. Of HDF5 datasets in chunks, as to_hdf5 in chunks;
  /// chunks that are covered in part, or have other filters than shuffle and deflate, go through these on one thread.
  /// The latter are read once before anything is computed, and again in the end where somebody has written to the
  /// file meanwhile. Where somebody has left shuffle, deflate or the checksum out of one of them, by writing it
  /// directly, HDF5 would not note that it has been through it then: std::runtime_error.
  template <class... I>
    requires((detail::arrays::is_number_index<I> || std::is_same_v<I, slice> || std::is_same_v<I, ellipsis_t>) && ...)
  target region(const I&... indices) const {
    static_assert(detail::arrays::checked_indices<I...>());
    return target(kind_->part({detail::arrays::item_of(indices)...}));
  }
  const detail::arrays::target_ref& kind() const noexcept { return kind_; }

 private:
  detail::arrays::target_ref kind_;
};

/// A function as a place for an array: f(place, chunk) is called for each chunk, with a `const weft::chunk_place&`
/// and a weft::chunk_view<T, N> (or const auto&) that are there while it runs. What it gives is let go.
///
///     co_await weft::store(x, weft::sink([](const weft::chunk_place& p, const auto& chunk) { send(p.first, chunk);
///     }));
///
/// It is a lambda without captures or an aggregate, as functions of chunks are, and runs in a task where the chunk
/// is: on a cluster in the workers' processes, of which each has a copy. Several chunks are given at a time, by
/// threads of the pool, in any order; a chunk may be given again where its worker was lost, or the client has
/// retries. So f does not wait, and may be called with one chunk twice. Where it throws, the call fails, and no
/// further chunk is given; those before it have been.
template <class F>
class sink {
 public:
  explicit sink(F f) : f_(std::move(f)) {}
  /// As a place for arrays of X's type and rank; of others store() throws misuse.
  template <array_like X>
  target for_array(const X&) const {
    static_assert(detail::checked_function<F>() && detail::arrays::checked_taker<const F, X>());
    using code = detail::arrays::taker_code<F, X>;
    return target(detail::arrays::sink_kind(
        detail::arrays::any_code<detail::arrays::chunk_taker>(std::make_shared<const code>(f_)), false));
  }

 private:
  F f_;
};
/// A function that stays in this process, and may hold what it likes: `sink_here([&](const auto& place, const auto&
/// chunk) { table.insert(place.first, chunk); })`. As a sink otherwise: it is called by several threads at a time,
/// and locks what these share. Throws misuse on a cluster, whose tasks run elsewhere.
template <class F>
class sink_here {
 public:
  explicit sink_here(F f) : f_(std::make_shared<F>(std::move(f))) {}
  /// As a place for arrays of X's type and rank; of others store() throws misuse.
  template <array_like X>
  target for_array(const X&) const {
    static_assert(detail::arrays::checked_taker<F, X>());
    using code = detail::arrays::taker_here<F, X>;
    return target(detail::arrays::sink_kind(
        detail::arrays::any_code<detail::arrays::chunk_taker>(std::make_shared<const code>(f_)), true));
  }

 private:
  std::shared_ptr<F> f_;
};

/// An array, and where it is to be stored.
class storing {
 public:
  template <array_like X>
  storing(const X& x, const target& where) : what_{x.node(), where.kind()} {}
  template <array_like X, class F>
  storing(const X& x, const sink<F>& where) : storing(x, where.for_array(x)) {}
  template <array_like X, class F>
  storing(const X& x, const sink_here<F>& where) : storing(x, where.for_array(x)) {}
  const detail::arrays::stored_array& what() const noexcept { return what_; }

 private:
  detail::arrays::stored_array what_;
};

/// Computes arrays of one client together, and writes each to its place, in one pass: a chunk that several of them
/// need is computed, or read, once. Types, shapes and places may differ.
///
///     const weft::array<double, 2> x = weft::exp(huge);   // has a name: both read the same array
///     co_await weft::store(weft::storing(weft::mean(x), weft::npy_file("mean.npy")),
///                          weft::storing(x, weft::zarr_store("x.zarr")));
///
/// Each task writes its chunk and lets it go, so that arrays may be larger than the memory. Nothing has its name
/// until all of it is written, of all arrays; where something fails before, nothing is there but what was there
/// before. The names are given one after the other: where one of them fails (somebody has made a folder of that name
/// meanwhile), those before it stay, and the error says which they are. When this ends by a failure or a stop, none
/// of its tasks writes any more, but on workers that have not answered within a minute: these write where nobody
/// looks, or to regions, which the error of a failure names then. When all went well each chunk has been written; but
/// an attempt that was given up, past its time limit or with a worker that was taken for lost, is not waited for, and
/// may write the same elements once more, to a region, or a file or dataset in one piece: over what somebody has
/// written there since. For a progress bar of all: `co_await weft::show_progress(c, "storing", weft::store(...));`
///
/// What is stored is with the operating system then: nothing is promised of a power cut, after which a file may have
/// its name and not its elements.
///
/// With task options before all of it, `store({.retries = 3}, storing(x, ...))`, its tasks have these in the place of
/// those of the arrays' client, for this call. (`to_npy` and the others are calls of this with one array.)
///
/// Throws misuse for arrays of different clients, two that are written to one place, however it is spelled, or
/// regions that overlap, as target::region has it, and what the places say; errors of tasks name the place. Cost:
/// where there are several, a task of nothing for each chunk besides.
task<> store(std::vector<storing> all);
template <std::same_as<storing>... More>
task<> store(storing first, More... more) {
  std::vector<storing> all;
  all.reserve(sizeof...(More) + 1);
  all.push_back(std::move(first));
  (all.push_back(std::move(more)), ...);
  return store(std::move(all));
}
task<> store(task_options how, std::vector<storing> all);
template <std::same_as<storing>... More>
task<> store(task_options how, storing first, More... more) {
  std::vector<storing> all;
  all.reserve(sizeof...(More) + 1);
  all.push_back(std::move(first));
  (all.push_back(std::move(more)), ...);
  return store(how, std::move(all));
}
/// The same of one array, whose place may be a sink.
template <array_like X, class Target>
  requires(std::is_constructible_v<storing, const X&, const Target&>)
task<> store(const X& x, const Target& where) {
  return store(storing(x, where));
}
template <array_like X, class Target>
  requires(std::is_constructible_v<storing, const X&, const Target&>)
task<> store(task_options how, const X& x, const Target& where) {
  return store(how, storing(x, where));
}

/// Stores x, and gives the array that is there then, to go on from the file: of a region, that of the region.
///
///     const auto y = co_await weft::stored(weft::exp(x), weft::zarr_store("y.zarr"));
///
/// Its chunks are those in which it was written; of a region, about as large, or a Zarr store's own. Throws misuse at
/// once for a sink. On a cluster the workers read it.
template <array_like X>
task<array<typename X::value_type, X::rank>> stored(X x, target where) {
  using result = array<typename X::value_type, X::rank>;
  task<detail::arrays::array_ref> storing = detail::arrays::store_and_open({x.node(), where.kind()});
  co_return result(co_await std::move(storing));
}

}  // namespace weft
