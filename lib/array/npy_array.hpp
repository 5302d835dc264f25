#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "array/boxes.hpp"
#include "array/names.hpp"
#include "array/npy.hpp"
#include "array/storing.hpp"
#include "array/writers.hpp"
#include "weft/task.hpp"

namespace weft::detail::arrays {

/// An array in an npy file, or in one without a header, as the tasks that read or write its chunks know it.
struct npy_place {
  std::string path;
  grid chunks;                          // of the part that is written
  weft::shape first = {}, counts = {};  // the box of chunks that are read
  std::uint64_t offset = 0;             // of the first element
  element of = {};
  bool fortran_order = false, swapped = false;
  std::uint64_t writing = 0;  // the number of the tasks that write it
  weft::shape begin = {};     // of the part that is written, in an array of the shape `whole`; none: of all of it
  weft::shape whole = {};
  bool with_header = false;  // which says that, and is looked at by each task that writes a part
};
void weft_encode(encoder& e, const npy_place& p);
npy_place weft_decode(decoder& d, std::type_identity<npy_place>);
constexpr std::string_view weft_schema(std::type_identity<npy_place>) { return "weft array npy 4"; }

task<block> read_npy_chunk(shared<npy_place> where, std::size_t j);
/// b must live until it is written.
task<nothing> write_npy_chunk(shared<npy_place> where, std::size_t j, const block& b);

struct read_npy_task {
  shared<npy_place> where;
  std::uint64_t result_bytes(std::size_t j) const noexcept {
    return bytes_of_chunk(where->chunks, where->first, where->counts, j, where->of.item);
  }
  task<block> operator()(std::size_t j) const { return read_npy_chunk(where, j); }
  std::string task_name() const { return "read-file"; }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, where->first, where->counts); }
};
struct write_npy_task {
  shared<npy_place> where;
  std::string name;
  task<nothing> operator()(std::size_t j, const block& b) const { return write_npy_chunk(where, j, b); }
  std::string task_name() const { return "write-file"; }
  std::string task_subject(std::size_t j) const {
    return subject_of_write(name_of_chunk(j, where->first, where->counts), name);
  }
};

/// The array in such a place, whose box of chunks does not count.
array_ref array_in_file(client c, npy_place where);
/// Tasks that write chunks to such a place, whose box of chunks does not count; `name` is what errors call it.
layer<nothing> writes_to_file(npy_place where, layer<block> chunks, const std::string& name);
/// The type of x's elements in a file. Throws misuse where they are no numbers.
item_type type_to_write(const array_node& x, const std::string& path);

/// Files whose elements are in one piece.
class file_format {
 public:
  virtual ~file_format() = default;
  /// How x lies in a file of its own, but for data_offset. Throws misuse where it cannot be in one.
  virtual npy_header header_for(const array_node& x, const std::string& path) const = 0;
  /// Makes a file, and sets h.data_offset.
  virtual task<file> create(std::string path, npy_header& h) const = 0;
  /// Reads how the elements lie in a file that is there, of whose array x is to be a part.
  virtual task<npy_header> look(file& f, const array_node& x) const = 0;
  /// Whether look() has read it from the file.
  virtual bool has_header() const noexcept { return false; }
  /// Throws misuse where no part of a file can be written.
  virtual void check_part() const {}
};
target_ref file_target(std::string path, std::shared_ptr<const file_format> format);

}  // namespace weft::detail::arrays
