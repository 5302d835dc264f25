// What files say of their arrays.
#include "weft/array/contents.hpp"

#include <cstdint>
#include <span>
#include <utility>

#include "array/file_chunks.hpp"
#include "array/npy.hpp"
#include "array/zarr.hpp"
#include "array/zarr_folder.hpp"
#include "weft/errors.hpp"
#include "weft/file.hpp"

namespace weft {

namespace detail::arrays {

dtype dtype_of_item(const item_type& t) {
  for (int i = 0; i < static_cast<int>(dtype::other); ++i) {
    const auto d = static_cast<dtype>(i);
    if (item_type_of({d, static_cast<std::uint32_t>(t.size)}, t.swapped) != t) continue;
    if (is_number({d, static_cast<std::uint32_t>(t.size)})) return d;
  }
  return dtype::other;
}

array_contents contents_from(const item_type& t, std::span<const std::size_t> extents,
                             std::span<const std::size_t> chunk, const std::string& name) {
  if (extents.size() > most_axes)
    throw misuse("weft: " + name + " has an array of " + std::to_string(extents.size()) + " axes, of at most 8");
  return {dtype_of_item(t), extents_from(extents), extents_from(chunk), to_string(t), {}, {}};
}

void throw_no_such_type(dtype t, const dtype* those, std::size_t n) {
  std::string names;
  for (std::size_t i = 0; i < n; ++i) names += (i == 0 ? "" : i + 1 == n ? " or " : ", ") + weft::to_string(those[i]);
  throw misuse("weft: an array of " + weft::to_string(t) + ", where with_type is for " + names +
               ": name its type among them");
}

}  // namespace detail::arrays

using namespace detail::arrays;

task<array_contents> contents_of_npy(std::string path) {
  file f = co_await file::open(std::move(path));
  const npy_header h = co_await read_npy_header(f);
  co_return contents_from(h.type, h.shape, {}, f.path());
}

task<array_contents> contents_of_zarr(std::string path) {
  const std::string folder = folder_of(path).string();
  const zarr_array z = co_await open_zarr(folder);
  zarr_notes notes = co_await read_zarr_notes(folder, z);
  array_contents there = contents_from(z.type, z.shape, z.chunk, path);
  there.attributes = std::move(notes.attributes);
  there.dimension_names = std::move(notes.names);
  co_return there;
}

}  // namespace weft
