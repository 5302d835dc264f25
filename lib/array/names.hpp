#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "array/boxes.hpp"
#include "array/program.hpp"

/// What errors and pictures call the tasks of arrays: operations, and chunks. Nothing of it is kept, but made when it
/// is asked for.
namespace weft::detail::arrays {

/// `subtract-square-sum`; of more than four the first two and the last one. `copy`, where there is none.
std::string name_of_operations(const std::vector<std::string_view>& operations);
/// Of a program, and what follows it, which may be null.
std::string name_of_program(const program& p, const code* then = nullptr);
std::string name_of_code(const code& c);

/// `chunk (3, 0)`: that of task j of a box. Nothing for an array of one element, and for a box that is none.
std::string name_of_chunk(std::size_t j, const weft::shape& first, const weft::shape& counts);

}  // namespace weft::detail::arrays
