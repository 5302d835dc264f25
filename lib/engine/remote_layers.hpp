#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "weft/detail/layer_plan.hpp"
#include "weft/detail/node.hpp"

namespace weft::detail {

struct remote_layer_options {
  std::int16_t priority;
  std::uint16_t retries;
  std::uint64_t within;
  task_details* details;
};

/// Submits what a part of a layer needs to an engine of a cluster, and gives handles of that part. Every needed task
/// has a node here until all are submitted: 128 bytes and more, unlike on one machine.
std::vector<node*> submit_layers(engine& e, layer_spec& wanted, std::size_t first, std::size_t count,
                                 const remote_layer_options& how);
/// The same for all of it; a handle of a node that ends after the last of them.
node* run_layers(engine& e, layer_spec& wanted, const remote_layer_options& how);

}  // namespace weft::detail
