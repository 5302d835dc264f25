#pragma once

#include <sys/resource.h>

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

/// While it lives, files of this process may have so many bytes, as if the disk were full then. Who goes past that
/// has a SIGXFSZ.
struct file_limit {
  explicit file_limit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before);
    rlimit now = before;
    now.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  file_limit(const file_limit&) = delete;
  file_limit& operator=(const file_limit&) = delete;
  ~file_limit() { ::setrlimit(RLIMIT_FSIZE, &before); }
  rlimit before{};
};

}  // namespace weft::test
