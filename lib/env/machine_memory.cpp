#include "env/machine_memory.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "env/cgroups.hpp"

namespace weft::detail {

std::uint64_t usable_memory(const std::string& root, const std::string& self) {
  std::uint64_t least =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE));
  for_each_cgroup("memory", root, self, [&](const std::string& directory, bool version_2) {
    std::ifstream in(directory + (version_2 ? "/memory.max" : "/memory.limit_in_bytes"));
    std::uint64_t limit = 0;
    if (in >> limit) least = std::min(least, limit);  // "max" is no number
  });
  return least;
}

}  // namespace weft::detail
