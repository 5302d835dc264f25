#pragma once

#include <string>

#include "graph/draw.hpp"
#include "weft/detail/node.hpp"
#include "weft/drawing.hpp"

namespace weft::detail {

/// Where a task that is under way stands, as far as its node says.
task_state state_of(const node& n) noexcept;

/// The drawing in the form that was asked for; an SVG by Graphviz where it is installed, wanted, and quick.
std::string picture(const graph_shape& shape, const drawing& what, const drawing_options& how, drawing_form form);

}  // namespace weft::detail
