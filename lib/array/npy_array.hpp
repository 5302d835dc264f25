#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "array/boxes.hpp"
#include "weft/task.hpp"

namespace weft::detail::arrays {

/// An array in an npy file, as the tasks that read or write its chunks know it.
struct npy_place {
  std::string path;
  grid chunks;
  weft::shape first = {}, counts = {};  // the box of chunks that are read
  std::uint64_t offset = 0;             // of the first element
  element of = {};
  bool fortran_order = false, swapped = false;
};
void weft_encode(encoder& e, const npy_place& p);
npy_place weft_decode(decoder& d, std::type_identity<npy_place>);
constexpr std::string_view weft_schema(std::type_identity<npy_place>) { return "weft array npy 1"; }

task<block> read_npy_chunk(shared<npy_place> where, std::size_t j);
/// b must live until it is written.
task<> write_npy_chunk(shared<npy_place> where, std::size_t j, const block& b);

struct read_npy_task {
  shared<npy_place> where;
  task<block> operator()(std::size_t j) const { return read_npy_chunk(where, j); }
};
struct write_npy_task {
  shared<npy_place> where;
  task<> operator()(std::size_t j, const block& b) const { return write_npy_chunk(where, j, b); }
};

}  // namespace weft::detail::arrays
