#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "array/boxes.hpp"
#include "array/names.hpp"
#include "array/npy.hpp"
#include "array/writers.hpp"
#include "weft/task.hpp"

namespace weft::detail::arrays {

/// An array in an npy file, or in one without a header, as the tasks that read or write its chunks know it.
struct npy_place {
  std::string path;
  grid chunks;
  weft::shape first = {}, counts = {};  // the box of chunks that are read
  std::uint64_t offset = 0;             // of the first element
  element of = {};
  bool fortran_order = false, swapped = false;
  std::uint64_t writing = 0;  // the number of the tasks that write it
};
void weft_encode(encoder& e, const npy_place& p);
npy_place weft_decode(decoder& d, std::type_identity<npy_place>);
constexpr std::string_view weft_schema(std::type_identity<npy_place>) { return "weft array npy 2"; }

task<block> read_npy_chunk(shared<npy_place> where, std::size_t j);
/// b must live until it is written.
task<> write_npy_chunk(shared<npy_place> where, std::size_t j, const block& b);

struct read_npy_task {
  shared<npy_place> where;
  task<block> operator()(std::size_t j) const { return read_npy_chunk(where, j); }
  std::string task_name() const { return "read-file"; }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, where->first, where->counts); }
};
struct write_npy_task {
  shared<npy_place> where;
  task<> operator()(std::size_t j, const block& b) const { return write_npy_chunk(where, j, b); }
  std::string task_name() const { return "write-file"; }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, where->first, where->counts); }
};

/// The array in such a place, whose box of chunks does not count.
array_ref array_in_file(client c, npy_place where);
/// Computes x and writes it to such a place, of all chunks, in a file that is there, by tasks of number
/// where.writing. Nobody writes there afterwards, as far as the end is certain.
task<writing_end> write_chunks(array_ref x, npy_place where);
/// Computes x and writes it to a file that `create` makes, which sets h.data_offset, under a name of its own until
/// it is whole. What other calls have left of the file is removed first: one of them that writes yet fails then. The
/// header's shape and type are x's.
task<> write_to_file(array_ref x, std::string path, npy_header h, task<file> (*create)(std::string, npy_header&));
/// The header of an array, whose order of bytes and of axes is to be set. Throws misuse where elements are no
/// numbers.
npy_header header_for(const array_node& x, const std::string& path);

}  // namespace weft::detail::arrays
