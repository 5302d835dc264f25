#pragma once

#include <string>
#include <utility>

#include "weft/detail/node.hpp"

namespace weft::detail {

/// The end of all tasks of a layer: what the future of client::run refers to. Where a task was too late it is, too,
/// and says of which task.
struct layer_end : value_node<void> {
  using value_node<void>::value_node;
  /// As the value of its type: tells it from other nodes.
  static constexpr value_type nothing = value_functions<void>::type;
  static layer_end* of(node& n) noexcept { return n.type->value == &nothing ? static_cast<layer_end*>(&n) : nullptr; }
  static const layer_end* of(const node& n) noexcept { return of(const_cast<node&>(n)); }

  /// Takes over that a task of the layer was too late. By who ends it, before it has ended.
  void take_lateness(std::string of_task) {
    late = std::move(of_task);
    time_out();
  }
  std::string late;  // the sentence, without its beginning; empty: none was
};

/// `task NAME has not ended within its time limit of 1 s`: of a node that has timed out.
std::string late_text(const node& n);

}  // namespace weft::detail
