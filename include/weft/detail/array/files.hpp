#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "weft/array/create.hpp"
#include "weft/detail/array/node.hpp"
#include "weft/detail/array/storing.hpp"
#include "weft/task.hpp"

namespace weft {
struct hdf5_options;
struct raw_layout;
struct zarr_options;
}  // namespace weft

namespace weft::detail::arrays {

// lib/array/npy_array.cpp
task<array_ref> open_npy(client c, std::string path, element e, creation how);

// lib/array/file_target.cpp
target_ref npy_target(std::string path);

// lib/array/npy_stack.cpp
task<array_ref> open_npy_stack(client c, std::string path, element e, std::size_t rank);
target_ref npy_stack_target(std::string path, std::int64_t axis);

// lib/array/raw_array.cpp
task<array_ref> open_raw(client c, std::string path, element e, weft::shape extents, raw_layout layout, creation how);
target_ref raw_target(std::string path, raw_layout layout, weft::shape whole);

// lib/array/zarr_store.cpp
task<array_ref> open_zarr_store(client c, std::string path, element e, std::size_t rank, creation how);
target_ref zarr_target(std::string path, zarr_options how);

// lib/array/hdf5_array.cpp
task<array_ref> open_hdf5(client c, std::string path, std::string dataset, element e, std::size_t rank, creation how);

// lib/array/hdf5_target.cpp
target_ref hdf5_target(std::string path, std::string dataset, hdf5_options how);

}  // namespace weft::detail::arrays
