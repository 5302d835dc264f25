#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "weft/detail/array/grid.hpp"

namespace weft::detail::arrays {

// lib/array/norm.cpp.

/// One axis, of vectors, or two, of matrices.
struct norm_axes {
  std::size_t count = 1;
  std::int64_t rows = 0, columns = 1;
};
/// The axes that are named, or all. `of_matrices`: the norm has a name, and is of matrices alone. Throws misuse where
/// there is no such norm along so many axes.
norm_axes axes_of_norm(const grid& g, bool of_matrices, double p, std::size_t named,
                       const std::array<std::int64_t, 3>& list);
/// Whether it is one by singular values.
bool is_singular(bool nuclear, double p) noexcept;
[[noreturn]] void throw_norm(const char* why);

}  // namespace weft::detail::arrays
