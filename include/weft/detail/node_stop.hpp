#pragma once

#include <utility>

#include "weft/detail/stop_state.hpp"

namespace weft::detail {

class engine;
struct node;
struct node_request;
stop_state& stop_of(engine& e) noexcept;
/// The state around the tasks that may have submitted the node: its engine's, or that of the engine which runs the
/// task whose client's node it is. To be compared only: the engine may be gone.
const stop_state* state_around(const node& n) noexcept;

/// The stop state of a node that is a coroutine. It is the only kind of state right below an engine's own, and all
/// that the coroutine awaits, forks or spawns in a scope has a state below it: so the chain of parents leads from any
/// operation to the node that it works for.
struct node_stop : stop_state {
  explicit node_stop(engine& e) noexcept : stop_state(&stop_of(e)) {}
  node* of = nullptr;
};

/// The request of the node whose coroutine the state `around` belongs to, if that is below `engines` and it has any;
/// and says that it waits for another task: until the end of that the store does not count on it.
node_request* begin_node_wait(const stop_state* engines, const stop_state* around) noexcept;
void end_node_wait(node_request& r) noexcept;

/// While it is set, the node whose coroutine waits here is known to wait for another node of its engine.
class node_wait_mark {
 public:
  node_wait_mark() noexcept = default;
  node_wait_mark(const node_wait_mark&) = delete;
  ~node_wait_mark() { clear(); }
  void set(const stop_state* engines, const stop_state* around) noexcept {
    if (around && around->parent()) request_ = begin_node_wait(engines, around);
  }
  void clear() noexcept {
    if (request_) [[unlikely]]
      end_node_wait(*std::exchange(request_, nullptr));
  }

 private:
  node_request* request_ = nullptr;
};

}  // namespace weft::detail
