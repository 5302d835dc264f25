#include "array/side_by_side.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "array/layered.hpp"

namespace weft::detail::arrays {

block copy_of_only(inputs in) {
  for (const values<block>& from : in) {
    if (from.empty()) continue;
    const block& b = from[0];
    block copy(b.of(), b.extents());
    std::copy(b.bytes().begin(), b.bytes().end(), copy.bytes().begin());
    return copy;
  }
  throw std::logic_error("weft: a task that hands on a chunk was given none");
}

namespace {

layer<block> as_one(std::span<const layer<block>> layers) {
  if (layers.size() == 1) return layers.front();
  std::vector<among> places;
  std::size_t n = 0;
  for (const layer<block>& l : layers) {
    places.push_back({n, l.size()});
    n += l.size();
  }
  return layer_with(n, copy_task{}, layers, std::span<const among>(places));
}

}  // namespace

layer<block> side_by_side(std::span<const layer<block>> layers) {
  std::vector<layer<block>> level(layers.begin(), layers.end());
  while (level.size() > most_inputs) {
    std::vector<layer<block>> above;
    for (std::size_t i = 0; i < level.size(); i += most_inputs)
      above.push_back(as_one(std::span(level).subspan(i, std::min(most_inputs, level.size() - i))));
    level = std::move(above);
  }
  return as_one(level);
}

}  // namespace weft::detail::arrays
