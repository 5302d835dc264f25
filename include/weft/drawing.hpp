#pragma once

#include <cstdint>
#include <string_view>

namespace weft {

/// How a graph is drawn, by to_dot and to_svg (weft/delayed.hpp, weft/layer.hpp).
struct drawing_options {
  /// The tasks as they would be run: chains fused, cheap calls in those that need them. Of lazies; tasks of layers
  /// run as they are.
  bool fused = false;
  /// Above the picture.
  std::string_view title = {};
  /// to_svg: our own layout, even where Graphviz is installed, which lays out graphs of up to 1,000 tasks otherwise
  /// (a process, for which the call waits).
  bool plain = false;
  /// Colours by state instead of by order: calls wait, and what was persisted, or is a future, is where it is.
  bool by_state = false;
};

namespace detail {
enum class drawing_form : std::uint8_t { dot, svg };
}  // namespace detail

}  // namespace weft
