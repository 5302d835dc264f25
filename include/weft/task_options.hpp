#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace weft {

/// How a task is run: `c.with({.priority = 10, .retries = 2}).submit(f, x)`. Name the fields in their order.
struct task_options {
  /// Tasks of a higher priority begin first, whatever their inputs cost. Between -32,768 and 32,767.
  int priority = 0;
  /// How often a task that failed is run again. Its arguments are copied for each run but the last.
  unsigned retries = 0;
  /// The task's key, in errors and drawings; the function's name and a number when it is empty.
  std::string_view name = {};
  /// From its submission to its end; what is over is cancelled, and awaiting it throws weft::timed_out. A function
  /// that is no coroutine runs to its end once it has begun. 0: none.
  std::chrono::nanoseconds time_limit{0};
  /// Bytes of the result, as an estimate; 0: as those of the function were so far.
  std::uint64_t memory = 0;
  /// What it takes while it runs, of client_options.resources: `gpu=1 licence=0.5`.
  std::string_view resources = {};
  /// On a cluster, which workers may run it: those of these names or addresses, with blanks between (`alice
  /// tls://10.0.0.2:41000`), and those on these hosts (`10.0.0.2 node7`: the host of a worker's address, or the name
  /// of its machine). Both empty: all. While there is none of them the task waits (docs/cluster.md). One machine has
  /// no workers to choose from: there they are not looked at.
  std::string_view workers = {};
  std::string_view hosts = {};
  /// They are a wish: while there is none of them, any other worker may run it.
  bool allow_other_workers = false;
};
static_assert(std::is_trivially_destructible_v<task_options>, "g++ 12 destroys it twice in a co_await expression");

}  // namespace weft
