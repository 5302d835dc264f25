#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "array/boxes.hpp"
#include "array/hdf5_file.hpp"
#include "array/hdf5_room.hpp"
#include "array/names.hpp"
#include "array/storing.hpp"
#include "weft/task.hpp"

/// Datasets that HDF5 alone can write: those in chunks, and those that are nowhere yet. One thread of a process may
/// call it, and one process write to a file; so tasks leave what is to be written in a folder beside the file, a file
/// for each, whose chunks have been through the filters, and at the end the call has HDF5 take them in as they are.
namespace weft::detail::arrays {

/// A dataset, or a part of one, as the tasks know it that leave its pieces.
struct hdf5_pieces {
  std::string folder = {};
  grid chunks = {};                     // of the array, each of which is a task's
  weft::shape first = {}, counts = {};  // the box of chunks that are written
  element of = {};
  bool swapped = false;
  std::uint64_t writing = 0;  // the number of the tasks that write it
  weft::shape begin = {};     // of the array in the dataset, of the shape `whole`
  weft::shape whole = {};
  /// Extents of the dataset's chunks, where tasks make these what is stored; none: the library does all.
  weft::shape stored = {};
  std::vector<hdf5_filter> filters = {};
  int level = 0;  // zlib's
  /// Whether chunks that go beyond the dataset's end may have zeros there.
  bool filled_with_zeros = true;
};
void weft_encode(encoder& e, const hdf5_pieces& p);
hdf5_pieces weft_decode(decoder& d, std::type_identity<hdf5_pieces>);
constexpr std::string_view weft_schema(std::type_identity<hdf5_pieces>) { return "weft array hdf5 pieces 2"; }

/// Leaves the pieces of a chunk. b must live until then. Memory: a stored chunk three times, four
/// times where it is shuffled and deflated, and 1 MiB.
task<nothing> leave_hdf5_pieces(shared<hdf5_pieces> where, std::size_t j, const block& b);

struct write_hdf5_task {
  shared<hdf5_pieces> where;
  std::string name;
  task<nothing> operator()(std::size_t j, const block& b) const { return leave_hdf5_pieces(where, j, b); }
  std::string task_name() const { return "write-hdf5"; }
  std::string task_subject(std::size_t j) const {
    return subject_of_write(name_of_chunk(j, where->first, where->counts), name);
  }
};

/// Where the pieces go.
struct hdf5_goal {
  std::string path, dataset;
  item_type type = {};
  hdf5_room room = {};  // of a dataset that is being made; a mark of null: of one that is there
  /// One that is there, as it was looked up. Others may have the file between two portions, and put another dataset
  /// in its place that is like it.
  hdf5_dataset there = {};
};
/// Looks at the chunks of a dataset that pieces from number `next` on go to, of some 64 MiB at a time, where the
/// library writes all of them: throws std::runtime_error where somebody has left out a filter of one that HDF5 itself
/// never does, since 1.10 does not note that a chunk of the same length has been through it, and where the dataset is
/// another one than when it was looked up. The number of the task whose chunks are next. Blocks.
std::size_t check_skipped_filters(const hdf5_goal& to, const hdf5_pieces& from, std::size_t next);
/// Has HDF5 take in what tasks from number `next` on have left, of some 64 MiB at a time, counting the chunks that it
/// reads and writes again, and what it notes of each, since nobody else has the file meanwhile; and removes what is
/// taken in. The number of the task whose pieces are next. Chunks that an array covers in part HDF5 reads, changes
/// and writes again; those that have not been through all filters this does, as 1.10 does it wrong. Blocks. Throws as
/// the functions of hdf5_room.hpp, and where the dataset is another one than when it was looked up.
std::size_t take_in_hdf5_pieces(const hdf5_goal& to, const hdf5_pieces& from, std::size_t next);

}  // namespace weft::detail::arrays
