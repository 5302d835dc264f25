#include "client/lines.hpp"

#include <algorithm>

namespace weft::net {

std::vector<std::string> lines_of(std::span<const char> s) {
  std::vector<std::string> all;
  std::size_t begin = 0;
  while (begin < s.size()) {
    const auto* end = std::find(s.data() + begin, s.data() + s.size(), '\n');
    const auto at = static_cast<std::size_t>(end - s.data());
    all.emplace_back(s.data() + begin, at - begin);
    begin = at + 1;
  }
  return all;
}

}  // namespace weft::net
