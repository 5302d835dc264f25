#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weft {

/// A worker, as its scheduler sees it.
struct worker_info {
  std::string name, address;  // task_options.workers and client::retire_workers take either
  std::string host, machine;  // of its address, and what its machine calls itself: task_options.hosts takes either
  std::string mode;           // running, paused (its memory is full), retiring or stopped
  std::uint32_t slots = 0;    // tasks that it runs at once
  std::uint32_t leased = 0;   // of these: leased to clients
  std::uint32_t tasks = 0;    // that it was given, and that have not ended
  std::uint64_t values = 0;   // bytes of the values that it holds
  std::uint64_t memory_used = 0, memory_limit = 0;  // bytes for values, as it has said last
};

/// What client::cluster() gives.
struct cluster_info {
  /// Those that run this program.
  std::vector<worker_info> workers;
  /// How many the work that there is asks for, to be done in some seconds, and its values; as many as there are, when
  /// fewer would do but not hold the values. Those on their way out (retiring, stopped) do not count.
  std::uint32_t target = 0;
  /// Why tasks wait though there is room: a sentence for each kind of worker that is missing. `3 tasks wait for a
  /// worker: there is no worker called alice`
  std::vector<std::string> waiting;
};

}  // namespace weft
