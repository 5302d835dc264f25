#include "array/names.hpp"

#include <algorithm>

#include "array/file_chunks.hpp"

namespace weft::detail::arrays {

std::string name_of_operations(const std::vector<std::string_view>& operations) {
  if (operations.empty()) return "copy";
  constexpr std::size_t most = 4;
  std::string name(operations.front());
  for (std::size_t i = 1; i < operations.size(); ++i) {
    if (operations.size() > most && i == 2) {
      name += "-...";
      i = operations.size() - 1;
    }
    name += '-';
    name += operations[i];
  }
  return name;
}

std::string name_of_program(const program& p, const code* then) {
  std::vector<std::string_view> operations;
  for (const step& s : p.steps) s.what->describe(operations);
  if (then) then->describe(operations);
  return name_of_operations(operations);
}
std::string name_of_code(const code& c) {
  std::vector<std::string_view> operations;
  c.describe(operations);
  return name_of_operations(operations);
}

std::string name_of_chunk(std::size_t j, const weft::shape& first, const weft::shape& counts) {
  if (counts.size() == 0 || first.size() != counts.size()) return {};
  if (std::any_of(counts.begin(), counts.end(), [](std::int64_t n) { return n < 1; })) return {};
  const coordinates at = place_in_box(j, first, counts);
  weft::shape place = weft::shape::of_rank(counts.size());
  for (std::size_t a = 0; a < counts.size(); ++a) place[a] = at[a];
  return "chunk " + weft::to_string(place);
}

}  // namespace weft::detail::arrays
