// Running again what has failed.
#include <unordered_set>
#include <vector>

#include "engine/engine.hpp"
#include "engine/failure.hpp"
#include "weft/errors.hpp"

namespace weft::detail {

namespace {

/// The failed nodes that `last` depends on, itself included; each after those it depends on.
std::vector<node*> failed_before(node& last) {
  std::vector<node*> order;
  std::unordered_set<const node*> seen{&last};
  struct visit {
    node* of;
    std::uint32_t next;
  };
  std::vector<visit> path{{&last, 0}};
  while (!path.empty()) {
    visit& v = path.back();
    if (v.next == v.of->input_count) {
      order.push_back(v.of);
      path.pop_back();
      continue;
    }
    node* from = v.of->inputs[v.next++].from;
    if (from->ended() && from->is(node_state::failed) && seen.insert(from).second) path.push_back({from, 0});
  }
  return order;
}

}  // namespace

/// A failed node has kept its function, its arguments and its inputs.
void engine::retry(node& last) {
  if (!last.ended() || !last.is(node_state::failed)) return;
  if (remote_) {
    restart_remote(last);
    return remote_->retry(last.number);
  }
  const std::vector<node*> again = failed_before(last);
  for (const node* n : again)
    if (n->consumed)
      throw misuse("weft: task " + key_of(*n) +
                   " cannot be run again: its arguments were moved into the run that failed. Submit it with "
                   "task_options.retries, or let its function take them by const&");
  for (node* n : again) {
    drop_failure(n->why);
    n->request = nullptr;
    n->poisoned.store(false, std::memory_order_relaxed);
    n->counts.fetch_add(node::one_reference, std::memory_order_relaxed);  // the engine's
    n->state.store(node_state::pending, std::memory_order_relaxed);
    n->dependents.store(0, std::memory_order_release);
  }
  for (node* n : again) submit(*n);
}

}  // namespace weft::detail
