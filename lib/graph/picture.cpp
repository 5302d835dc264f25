#include "graph/picture.hpp"

#include <optional>
#include <utility>

#include "env/process.hpp"

namespace weft::detail {

task_state state_of(const node& n) noexcept {
  switch (n.state.load(std::memory_order_acquire)) {
    case node_state::pending:
      return n.waits_for.load(std::memory_order_relaxed) == 0 ? task_state::ready : task_state::waiting;
    case node_state::again:
      return task_state::waiting;
    case node_state::running:
      return task_state::running;
    case node_state::done:
      return task_state::done;
    case node_state::failed:
      return task_state::failed;
    case node_state::cancelled:
      break;
  }
  return task_state::cancelled;
}

std::string picture(const graph_shape& shape, const drawing& what, const drawing_options& how, drawing_form form) {
  if (form == drawing_form::dot) return to_dot(shape, what);
  // Graphviz lays small graphs out better; large ones take it minutes.
  constexpr std::uint32_t most_for_graphviz = 1000;
  if (!how.plain && shape.size() <= most_for_graphviz)
    if (std::optional<std::string> svg = output_of({"dot", "-Tsvg"}, to_dot(shape, what))) return *std::move(svg);
  return to_svg(shape, what);
}

}  // namespace weft::detail
