#include "base/words.hpp"

#include <algorithm>

#include "weft/errors.hpp"

namespace weft::detail {

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> all;
  const auto* at = text.begin();
  while (true) {
    const auto* const from = std::find_if_not(at, text.end(), is_blank);
    if (from == text.end()) return all;
    at = std::find_if(from, text.end(), is_blank);
    all.emplace_back(from, at);
  }
}

void check_list(const char* what, std::string_view names) {
  if (names.size() > most_list)
    throw misuse(std::string("weft: ") + what + " has " + std::to_string(names.size()) +
                 " characters; a list of names may have " + std::to_string(most_list) + ": name some at a time");
}

}  // namespace weft::detail
