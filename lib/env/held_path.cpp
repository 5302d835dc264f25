#include "env/held_path.hpp"

#include <fcntl.h>

namespace weft::detail {

owned_descriptor hold_path(const std::string& path) noexcept {
  return owned_descriptor(::open(path.c_str(), O_PATH | O_CLOEXEC));
}

}  // namespace weft::detail
