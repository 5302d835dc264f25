// Pictures of layers.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "graph/picture.hpp"
#include "weft/detail/layer_node.hpp"
#include "weft/layer.hpp"

namespace weft::detail {

namespace {

struct drawn_layer {
  const layer_spec* of;
  std::vector<std::size_t> from;  // of each link, the layer
  std::vector<bool> needed;       // tasks
  std::size_t depth = 0;
};

/// The layers that are needed, each after those that it takes values of.
std::vector<drawn_layer> gather(const layer_spec& wanted) {
  std::vector<drawn_layer> found;
  std::unordered_map<const layer_spec*, std::size_t> known;
  std::vector<std::pair<const layer_spec*, std::size_t>> path{{&wanted, 0}};
  known.emplace(&wanted, 0);
  while (!path.empty()) {
    auto& [s, next] = path.back();
    if (next < s->links.size()) {
      const layer_spec& from = s->links[next++]->from();
      if (known.emplace(&from, 0).second) path.push_back({&from, 0});
      continue;
    }
    drawn_layer d{s, {}, {}};
    for (const auto& link : s->links) {
      const bool own = &link->from() == s;
      d.from.push_back(own ? found.size() : known[&link->from()]);
      if (!own) d.depth = std::max(d.depth, found[d.from.back()].depth + 1);
    }
    known[s] = found.size();
    found.push_back(std::move(d));
    path.pop_back();
  }
  return found;
}

/// Marks the tasks that the last layer needs.
void find_needed(std::vector<drawn_layer>& layers) {
  for (drawn_layer& d : layers) d.needed.assign(d.of->count, &d == &layers.back());
  for (std::size_t at = layers.size(); at-- > 0;) {
    drawn_layer& d = layers[at];
    for (std::size_t j = d.of->count; j-- > 0;) {  // downwards: what takes earlier tasks of its own layer comes first
      if (!d.needed[j]) continue;
      for (std::size_t k = 0; k < d.from.size(); ++k)
        for (const interval& in : d.of->links[k]->inputs(j))
          std::fill(layers[d.from[k]].needed.begin() + static_cast<std::ptrdiff_t>(in.first),
                    layers[d.from[k]].needed.begin() + static_cast<std::ptrdiff_t>(in.last) + 1, true);
    }
  }
}

struct pictured {
  std::vector<graph_edge> edges;
  std::vector<std::string> labels;
  std::vector<task_state> states;
  std::vector<double> places;  // in the order in which they would run
};

/// Each task. False: they are more, or have more inputs, than a picture has room for.
bool draw_tasks(std::vector<drawn_layer>& layers, const drawing& room, pictured& into) {
  std::size_t all = 0;
  for (const drawn_layer& d : layers) {
    if (d.of->count > room.most_tasks || (all += d.of->count) > room.most_tasks) return false;
  }
  find_needed(layers);
  std::vector<std::vector<std::uint32_t>> numbers;
  std::uint32_t next = 0;
  for (const drawn_layer& d : layers) {
    std::vector<std::uint32_t>& own = numbers.emplace_back(d.of->count);
    const std::string name = d.of->function_name();
    for (std::size_t i = 0; i < d.of->count; ++i) {
      if (!d.needed[i]) continue;
      own[i] = next++;
      const node* given = d.of->given.empty() ? nullptr : d.of->given[i];
      into.labels.push_back(given ? key_of(*given) : name + " " + std::to_string(i));
      into.states.push_back(given ? state_of(*given) : task_state::waiting);
      // As layer_run::rank has it: by their place in their layer, and of those later layers first.
      const std::size_t reached = d.from.empty() ? 0 : 1;
      into.places.push_back(static_cast<double>(i + reached) / static_cast<double>(d.of->count) -
                            1e-9 * static_cast<double>(d.depth));
      for (std::size_t k = 0; k < d.from.size(); ++k)
        for (const interval& in : d.of->links[k]->inputs(i))
          for (std::size_t j = in.first; j <= in.last; ++j) {
            if (into.edges.size() == room.most_edges) return false;
            into.edges.push_back({own[i], numbers[d.from[k]][j]});
          }
    }
  }
  return true;
}

/// Each layer one box.
void draw_boxes(const std::vector<drawn_layer>& layers, pictured& into) {
  for (std::uint32_t i = 0; i < layers.size(); ++i) {
    const drawn_layer& d = layers[i];
    into.labels.push_back(d.of->function_name() + "\n" + std::to_string(d.of->count) +
                          (d.of->count == 1 ? " task" : " tasks"));
    into.places.push_back(i);
    for (const std::size_t from : d.from)
      if (from != i) into.edges.push_back({i, static_cast<std::uint32_t>(from)});
    task_state state = task_state::waiting;
    if (!d.of->given.empty() && std::all_of(d.of->given.begin(), d.of->given.end(),
                                            [](const node* n) { return state_of(*n) == task_state::done; }))
      state = task_state::done;
    into.states.push_back(state);
  }
}

}  // namespace

std::string draw_layer(const layer_spec* wanted, const drawing_options& how, drawing_form form) {
  if (!wanted) throw_empty_layer();
  std::vector<drawn_layer> layers = gather(*wanted);
  drawing what;
  pictured all;
  if (!draw_tasks(layers, what, all)) {
    all = {};
    draw_boxes(layers, all);
  }
  const graph_shape shape = graph_shape::from_edges(all.labels.size(), all.edges);
  std::vector<std::uint32_t> order(all.places.size()), ranks(all.places.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return all.places[a] != all.places[b] ? all.places[a] < all.places[b] : a < b;
  });
  for (std::uint32_t i = 0; i < order.size(); ++i) ranks[order[i]] = i;
  what.title = how.title;
  what.labels = all.labels;
  if (how.by_state)
    what.states = all.states;
  else
    what.ranks = ranks;
  return picture(shape, what, how, form);
}

}  // namespace weft::detail
