#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>

#include "array/boxes.hpp"
#include "array/hdf5_file.hpp"
#include "array/names.hpp"
#include "weft/blocking.hpp"
#include "weft/detail/array/node.hpp"
#include "weft/sleep.hpp"
#include "weft/task.hpp"

namespace weft::detail::arrays {

/// The same text for the same dataset, however path and name were spelled. Asks the file system, and blocks.
std::string place_of_dataset(const std::string& path, const std::string& dataset);
/// What storing_job::thing says of it; empty where it may be in another file.
std::string thing_of_dataset(const hdf5_dataset& d);
/// Throws misuse for names of groups, and for none.
void check_dataset_name(const std::string& path, const std::string& dataset);

/// Calls what opens an HDF5 file, on a thread beside the pool; and again for half a minute where another program has
/// the file open, which takes milliseconds where that one is weft too.
template <class F>
task<std::invoke_result_t<const F&>> when_free(const F& call) {
  using std::chrono::milliseconds;
  constexpr milliseconds longest = std::chrono::seconds(30), longest_pause{20};
  milliseconds waited{0};
  for (milliseconds pause{1};; pause = std::min(2 * pause, longest_pause)) {
    try {
      co_return co_await blocking(std::cref(call));
    } catch (const hdf5_in_use&) {
      if (waited >= longest) throw;
    }
    co_await sleep_for(pause);
    waited += pause;
  }
}

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
  std::string thing = {};  // thing_of_dataset, where it is known; tasks are not told
};
void weft_encode(encoder& e, const hdf5_place& p);
hdf5_place weft_decode(decoder& d, std::type_identity<hdf5_place>);
constexpr std::string_view weft_schema(std::type_identity<hdf5_place>) { return "weft array hdf5 2"; }

task<block> read_hdf5_part(shared<hdf5_place> where, std::size_t j);

struct read_hdf5_task {
  shared<hdf5_place> where;
  std::uint64_t result_bytes(std::size_t j) const noexcept {
    return bytes_of_chunk(where->chunks, where->first, where->counts, j, where->of.item);
  }
  task<block> operator()(std::size_t j) const { return read_hdf5_part(where, j); }
  std::string task_name() const { return "read-hdf5"; }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, where->first, where->counts); }
};

/// The array in such a place, whose box of chunks does not count.
array_ref array_in_hdf5(client c, hdf5_place where);

}  // namespace weft::detail::arrays
