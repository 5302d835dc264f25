#include "engine/needed_layers.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace weft::detail {

std::vector<needed_layer> layers_behind(layer_spec& wanted) {
  std::vector<needed_layer> found;
  std::unordered_map<const layer_spec*, std::size_t> places{{&wanted, 0}};
  std::vector<std::pair<layer_spec*, std::size_t>> path{{&wanted, 0}};
  while (!path.empty()) {
    auto& [s, next] = path.back();
    if (next < s->links.size()) {
      layer_spec& from = s->links[next++]->from();
      if (places.emplace(&from, 0).second) path.emplace_back(&from, 0);
      continue;
    }
    places[s] = found.size();
    needed_layer l{s, {}, {}};
    for (const auto& link : s->links) l.from.push_back(places[&link->from()]);
    found.push_back(std::move(l));
    path.pop_back();
  }
  return found;
}

void mark_needed(std::vector<needed_layer>& layers, std::size_t first, std::size_t count) {
  for (needed_layer& l : layers) l.needed.assign(l.spec->count, false);
  const auto mark = [](needed_layer& l, std::size_t begin, std::size_t end) {
    std::fill(l.needed.begin() + static_cast<std::ptrdiff_t>(begin),
              l.needed.begin() + static_cast<std::ptrdiff_t>(end), true);
  };
  mark(layers.back(), first, first + count);
  for (std::size_t at = layers.size(); at-- > 0;) {
    const needed_layer& l = layers[at];
    for (std::size_t j = l.spec->count; j-- > 0;) {  // own links lead to earlier tasks
      if (!l.needed[j]) continue;
      for (std::size_t k = 0; k < l.from.size(); ++k)
        for (const interval& in : l.spec->links[k]->inputs(j)) mark(layers[l.from[k]], in.first, in.last + 1);
    }
  }
}

}  // namespace weft::detail
