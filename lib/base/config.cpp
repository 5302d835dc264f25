#include "base/config.hpp"

#include <cstdlib>

namespace weft::detail {

std::string setting(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? value : otherwise;
}

}  // namespace weft::detail
