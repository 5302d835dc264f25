// Pictures of layers.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "engine/needed_layers.hpp"
#include "graph/picture.hpp"
#include "weft/detail/layer_node.hpp"
#include "weft/layer.hpp"

namespace weft::detail {

namespace {

struct pictured {
  std::vector<graph_edge> edges;
  std::vector<std::string> labels;
  std::vector<task_state> states;
  std::vector<double> places;  // in the order in which they would run
};

/// Each task. False: they are more, or have more inputs, than a picture has room for.
bool draw_tasks(std::vector<needed_layer>& layers, const std::vector<std::size_t>& depths, const drawing& room,
                pictured& into) {
  std::size_t all = 0;
  for (const needed_layer& l : layers)
    if (l.spec->count > room.most_tasks || (all += l.spec->count) > room.most_tasks) return false;
  mark_needed(layers, 0, layers.back().spec->count);
  std::vector<std::vector<std::uint32_t>> numbers;
  std::uint32_t next = 0;
  for (std::size_t at = 0; at < layers.size(); ++at) {
    const needed_layer& d = layers[at];
    std::vector<std::uint32_t>& own = numbers.emplace_back(d.spec->count);
    const std::string name = d.spec->function_name();
    for (std::size_t i = 0; i < d.spec->count; ++i) {
      if (!d.needed[i]) continue;
      own[i] = next++;
      const node* given = d.spec->given.empty() ? nullptr : d.spec->given[i];
      const std::string subject = given ? std::string() : d.spec->subject_of(i);
      into.labels.push_back(given             ? key_of(*given)
                            : subject.empty() ? name + " " + std::to_string(i)
                                              : name + " of " + subject);
      into.states.push_back(given ? state_of(*given) : task_state::waiting);
      // As layer_run::rank has it: by their turn in their layer, and of those later layers first.
      const std::size_t reached = d.from.empty() ? 0 : 1;
      into.places.push_back(static_cast<double>(d.spec->turn_of(i) + reached) / static_cast<double>(d.spec->count) -
                            1e-9 * static_cast<double>(depths[at]));
      for (std::size_t k = 0; k < d.from.size(); ++k)
        for (const interval& in : d.spec->links[k]->inputs(i))
          for (std::size_t j = in.first; j <= in.last; ++j) {
            if (into.edges.size() == room.most_edges) return false;
            into.edges.push_back({own[i], numbers[d.from[k]][j]});
          }
    }
  }
  return true;
}

/// Each layer one box.
void draw_boxes(const std::vector<needed_layer>& layers, pictured& into) {
  for (std::uint32_t i = 0; i < layers.size(); ++i) {
    const needed_layer& d = layers[i];
    into.labels.push_back(d.spec->function_name() + "\n" + std::to_string(d.spec->count) +
                          (d.spec->count == 1 ? " task" : " tasks"));
    into.places.push_back(i);
    for (const std::size_t from : d.from)
      if (from != i) into.edges.push_back({i, static_cast<std::uint32_t>(from)});
    task_state state = task_state::waiting;
    if (!d.spec->given.empty() && std::all_of(d.spec->given.begin(), d.spec->given.end(),
                                              [](const node* n) { return state_of(*n) == task_state::done; }))
      state = task_state::done;
    into.states.push_back(state);
  }
}

}  // namespace

std::string draw_layer(layer_spec* wanted, const drawing_options& how, drawing_form form) {
  if (!wanted) throw_empty_layer();
  std::vector<needed_layer> layers = layers_behind(*wanted);
  std::vector<std::size_t> depths(layers.size());
  for (std::size_t at = 0; at < layers.size(); ++at)
    for (const std::size_t from : layers[at].from)
      if (from != at) depths[at] = std::max(depths[at], depths[from] + 1);
  drawing what;
  pictured all;
  if (!draw_tasks(layers, depths, what, all)) {
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
