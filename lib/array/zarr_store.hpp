#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "array/boxes.hpp"
#include "array/names.hpp"
#include "array/storing.hpp"
#include "array/zarr.hpp"
#include "weft/task.hpp"

namespace weft::detail::arrays {

/// An array in a Zarr store, as the tasks that read or write its chunks know it. The chunks of a task are made of
/// whole chunks of the store.
struct zarr_place {
  std::string path;
  zarr_array store;
  grid chunks = {};
  weft::shape first = {}, counts = {};  // the box of chunks that are made
  element of = {};
  std::uint64_t writing = 0;  // the number of the tasks that write it
  weft::shape begin = {};     // of the part that is written, whose chunks are `chunks`; none: of all of it
};
/// The metadata travel as their text, so that what reads files checks what comes from elsewhere.
void weft_encode(encoder& e, const zarr_place& p);
zarr_place weft_decode(decoder& d, std::type_identity<zarr_place>);
constexpr std::string_view weft_schema(std::type_identity<zarr_place>) { return "weft array zarr 3"; }

task<block> read_zarr_part(shared<zarr_place> where, std::size_t j);
/// b must live until it is written.
task<nothing> write_zarr_part(shared<zarr_place> where, std::size_t j, const block& b);

struct read_zarr_task {
  shared<zarr_place> where;
  std::uint64_t result_bytes(std::size_t j) const noexcept {
    return bytes_of_chunk(where->chunks, where->first, where->counts, j, where->of.item);
  }
  task<block> operator()(std::size_t j) const { return read_zarr_part(where, j); }
  std::string task_name() const { return "read-zarr"; }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, where->first, where->counts); }
};
struct write_zarr_task {
  shared<zarr_place> where;
  std::string name;
  task<nothing> operator()(std::size_t j, const block& b) const { return write_zarr_part(where, j, b); }
  std::string task_name() const { return "write-zarr"; }
  std::string task_subject(std::size_t j) const {
    return subject_of_write(name_of_chunk(j, where->first, where->counts), name);
  }
};

}  // namespace weft::detail::arrays
