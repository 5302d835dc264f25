#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "array/item_type.hpp"

/// The file `info` of a stack of npy files, as Dask writes it: a pickle of
/// {"chunks": ((3, 3, 1), (7,)), "dtype": numpy.dtype("<f8"), "axis": 0}.
namespace weft::detail::arrays {

struct stack_info {
  std::vector<std::vector<std::int64_t>> chunks = {};  // sizes along each axis
  item_type type = {};
  std::size_t axis = 0;
};

inline constexpr std::size_t most_stack_info = std::size_t{4} << 20;

/// Reads such a pickle, of protocols 2 to 5, and nothing else: no other object is made, and no function called but
/// what numpy.dtype says of numbers. Throws std::runtime_error, which names the file and the byte.
stack_info parse_stack_info(std::span<const std::byte> pickle, const std::string& name);

/// A pickle of protocol 2, which all of Python 3 reads.
std::vector<std::byte> make_stack_info(const stack_info& info);

}  // namespace weft::detail::arrays
