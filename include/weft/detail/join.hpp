#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>

#include "weft/detail/promise.hpp"

namespace weft::detail {

/// The meeting point of forked children.
///
/// The forking thread queues children n-1 to 1 and goes on with child 0. Children run as a chain on that
/// thread: each, when it ends, pops the next one from the thread's deque and goes on with it. While the chain
/// is whole, `in_chain` is a plain integer that only the chain touches, and the last child resumes the parent:
/// no atomic operation at all. When the pop does not give the expected sibling (it was stolen, or the chain
/// was suspended and has moved to another thread), the chain hands in all it did with one fetch_sub. A child
/// outside the chain, a stray, hands in one. Who brings `outstanding` to zero resumes the parent.
///
/// There is one chain at most: child 0 begins it, and a child becomes a link only by being popped by the link
/// before it. So `in_chain` needs no synchronisation but that of the links themselves.
struct join {
  join(std::uint32_t n, void* const* children, std::coroutine_handle<> parent_frame, stop_state* outer) noexcept
      : child(children), parent(parent_frame), count(n), outstanding(n), failed(nullptr), stop(outer) {}

  void* const* child;  // the frames, in order
  std::coroutine_handle<> parent;
  std::uint32_t count;
  std::uint32_t in_chain = 0;
  std::atomic<std::uint32_t> outstanding;
  std::atomic<promise_base*> failed;  // the child that failed first
  stop_state stop;                    // of the children; requested by the first failure
};

/// Queues the children but the first, and returns the first, to go on with. There is at least one.
std::coroutine_handle<> fork(join& j, promise_base& parent) noexcept;

/// What this thread goes on with after `done` links of a chain that has more.
std::coroutine_handle<> continue_chain(join& j, std::uint32_t done, priority band) noexcept;
void child_failed(join& j, promise_base& child) noexcept;

inline std::coroutine_handle<> end_of_link(promise_base& child) noexcept {
  join& j = *child.parent_join;
  if (child.state == outcome::error) [[unlikely]]
    child_failed(j, child);
  const std::uint32_t done = ++j.in_chain;
  if (done == j.count) return j.parent;
  return continue_chain(j, done, child.band);
}

}  // namespace weft::detail
