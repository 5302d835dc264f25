#pragma once

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "array/item_type.hpp"
#include "support/test_directory.hpp"

namespace weft::test {

/// Where numpy_reference.py has put its files, which ctest tells; empty when there are none.
inline std::string reference_folder() {
  const char* folder = std::getenv("WEFT_ARRAY_REFERENCE");
  return folder && std::filesystem::exists(folder) ? folder : "";
}
inline constexpr const char* no_reference =
    "left out: there are no files made by NumPy. Install python3-numpy, and run this test by ctest.";

/// Element k of the reference arrays, in this machine's order of bytes.
std::vector<std::byte> reference_element(std::size_t k, const weft::detail::arrays::item_type& t);

}  // namespace weft::test
