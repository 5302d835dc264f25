#pragma once

#include <stdlib.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "array/item_type.hpp"

namespace weft::test {

/// A folder of its own beside the test program, gone afterwards.
struct scratch_folder {
  scratch_folder() {
    std::string pattern = (std::filesystem::current_path() / "weft-array-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::system_error(errno, std::system_category(), "mkdtemp");
    path = pattern;
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  ~scratch_folder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
  std::filesystem::path path;
};

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
