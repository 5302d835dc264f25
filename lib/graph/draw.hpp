#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/shape.hpp"

namespace weft::detail {

/// Where a task stands, for its colour.
enum class task_state : std::uint8_t { waiting, ready, running, done, failed, cancelled };

/// What to draw beside the shape. Arrays are by task; an empty one leaves it out.
struct drawing {
  /// UTF-8, one line or several; what is no UTF-8, or no character of XML, becomes U+FFFD. Default: the ids.
  std::span<const std::string> labels;
  /// Colours from the first rank (dark) to the last (bright), and the rank below the label.
  std::span<const std::uint32_t> ranks;
  /// Colours by state, and a legend. Only one of ranks and states.
  std::span<const task_state> states;
  /// Above the picture, if any.
  std::string_view title;
  /// A larger graph is drawn as its layers, one box each, or one for several layers when they are over a hundred.
  /// Nobody sees anything in more boxes and lines than these, and viewers take seconds to show them.
  std::uint32_t most_tasks = 4000;
  std::uint32_t most_edges = 20'000;
};

/// The graph in Graphviz's language, inputs above what needs them. Linear. Throws misuse for a cycle and for arrays
/// of another length than the graph.
std::string to_dot(const graph_shape& shape, const drawing& what = {});

/// The graph as an SVG picture of our own layout: a well-formed XML document without scripts, fonts or links.
///
/// A task's layer is the length of the longest path to it. Edges over several layers bend around what is between;
/// within layers, tasks are sorted by the mean place of their neighbours, a few times down and up (the barycentre
/// method of Sugiyama, Tagawa and Toda, IEEE Trans. SMC 11(2), 1981, p. 109). Plain, but the same picture for the
/// same graph, without any program beside. Throws as to_dot does.
std::string to_svg(const graph_shape& shape, const drawing& what = {});

/// The layer of each task: 0 for those that need nothing, else one more than the last of their inputs.
std::vector<std::uint32_t> layers(const graph_shape& shape);

}  // namespace weft::detail
