#pragma once

#include <string>

#include "weft/array/create.hpp"
#include "weft/detail/array/node.hpp"
#include "weft/task.hpp"

// Implemented in lib/array/npy_array.cpp.
namespace weft::detail::arrays {

task<array_ref> open_npy(client c, std::string path, element e, creation how);
task<> write_npy(array_ref x, std::string path);

}  // namespace weft::detail::arrays
