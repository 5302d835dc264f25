#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "weft/environment.hpp"

namespace weft {

/// What an idle worker does. `polite`: it looks once around and sleeps; waking it takes the system's time for
/// waking a thread, 20 us and more on virtual machines. `latency`: it spins for a stated time first, at the
/// price of that much processor time (weft::pool::spun tells how much).
enum class idle_mode { polite, latency };

/// How a pool is made. Set fields by name, in their order: `weft::pool pool({.threads = 4, .pin = true});`
struct pool_options {
  /// Workers. 0: as many as the processors that the process may use, by its affinity and its cgroup's quota.
  unsigned threads = 0;
  idle_mode idle = idle_mode::polite;
  /// How long an idle worker spins in latency mode. Not at all where a cgroup's quota is smaller than the
  /// number of workers: spinning would burn the time that the work needs.
  std::chrono::microseconds spin{200};
  /// Pins worker i to the i-th processor that the process may use.
  bool pin = false;
  /// So many of the workers take interactive tasks only, so that one is free however long batch tasks run.
  unsigned reserve = 0;
  /// Threads are named `name`/0, `name`/1 and so on.
  std::string name = "weft";
  /// How many tasks spawned from threads outside the pool may wait to begin, in each band, beside up to sixteen that
  /// each worker has taken to itself; beyond that, spawn and run throw weft::overloaded.
  std::size_t max_waiting = std::size_t{1} << 20;
  /// How many threads weft::blocking may use; more calls wait for one.
  unsigned max_blocking = 64;
  /// How many operations on files each worker has in the kernel's hands at once; more wait in the process.
  unsigned file_depth = 128;
  /// Where time, randomness and threads come from; null: this machine.
  environment* env = nullptr;
};

}  // namespace weft
