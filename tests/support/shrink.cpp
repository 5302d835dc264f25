#include "support/shrink.hpp"

namespace weft::test {

std::string kind_of_failure(const std::string& wrong) {
  std::string kind = wrong.substr(0, wrong.find('\n'));
  std::erase_if(kind, [](char c) { return c >= '0' && c <= '9'; });
  return kind;
}

}  // namespace weft::test
