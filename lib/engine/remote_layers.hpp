#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/needed_layers.hpp"
#include "weft/detail/layer_plan.hpp"
#include "weft/detail/node.hpp"

namespace weft::detail {

struct remote_layer_options {
  std::int16_t priority;
  std::uint16_t retries;
  std::uint64_t within;
  task_details* details;
};

/// Of a task of the layer that is the `depth`-th of a computation, from 1, of so many tasks in all, whose first rank
/// is that. A value goes to its takers before the next ones are made: ranks go along the layers, not across them.
std::uint64_t rank_along(const layer_spec& layer, std::size_t task, std::uint64_t depth, std::uint64_t total,
                         std::uint64_t first_rank, const remote_layer_options& how);

/// Submits what a part of a layer needs to an engine of a cluster, and gives handles of that part. Costs 8 bytes a
/// task of the layers below until all are submitted; 128 and more where the cluster takes no graphs, or somebody
/// observes.
std::vector<node*> submit_layers(engine& e, layer_spec& wanted, std::size_t first, std::size_t count,
                                 const remote_layer_options& how);
/// The same as a graph, with what each layer's tasks share as a value of its own (null: nothing). False: they are to
/// be submitted one by one. Room for the handles is in `results`.
bool submit_graph(engine& e, std::vector<needed_layer>& layers, std::size_t first, const std::vector<node*>& shared,
                  std::uint64_t first_rank, const remote_layer_options& how, std::vector<node*>& results);
/// The same as submit_layers for all of it; a handle of a node that ends after the last of them.
node* run_layers(engine& e, layer_spec& wanted, const remote_layer_options& how);

}  // namespace weft::detail
