#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "array/boxes.hpp"
#include "array/hdf5_file.hpp"
#include "array/names.hpp"
#include "weft/task.hpp"

namespace weft::detail::arrays {

/// An array in an HDF5 file, as the tasks that read its chunks know it. How it is stored the file says to each; where
/// its elements are in one piece, that holds as long as nobody writes to the file, and is looked up again then.
struct hdf5_place {
  std::string path, dataset;
  grid chunks = {};
  weft::shape first = {}, counts = {};  // the box of chunks that are read
  element of = {};
  bool swapped = false;
  std::optional<std::uint64_t> offset = {};
  hdf5_version version = {};
};
void weft_encode(encoder& e, const hdf5_place& p);
hdf5_place weft_decode(decoder& d, std::type_identity<hdf5_place>);
constexpr std::string_view weft_schema(std::type_identity<hdf5_place>) { return "weft array hdf5 2"; }

task<block> read_hdf5_part(shared<hdf5_place> where, std::size_t j);

struct read_hdf5_task {
  shared<hdf5_place> where;
  task<block> operator()(std::size_t j) const { return read_hdf5_part(where, j); }
  std::string task_name() const { return "read-hdf5"; }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, where->first, where->counts); }
};

}  // namespace weft::detail::arrays
