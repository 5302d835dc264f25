#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>

#include "cluster/simulation/world.hpp"

namespace weft::net::simulation {

struct simulated_throughput {
  double seconds = 0;          // of this machine
  double virtual_seconds = 0;  // of the cluster
  std::uint64_t tasks = 0, steps = 0, bytes = 0;
};

/// A client submits so many independent tasks of a millisecond at once, to workers of 16 slots each; all processes
/// are the real cores and sessions, and nothing fails. Throws std::runtime_error when something does not hold.
inline simulated_throughput measure_simulated_cluster(std::uint32_t workers, std::uint32_t tasks) {
  plan p;
  p.seed = 1;
  p.workers = workers;
  p.tasks = tasks;
  p.program.simple = true;
  p.program.longest_run_ns = 1'000'000;
  p.check_every = std::uint64_t{1} << 40;
  p.turn_cost = 100'000;
  p.network.split = 0;
  p.network.send_buffer = std::size_t{4} << 20;
  p.sessions.compression.policy = compression_policy::off;
  p.scheduler.most_number_gap = tasks;
  const auto begin = std::chrono::steady_clock::now();
  const outcome o = run(p);
  simulated_throughput r;
  r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  r.virtual_seconds = static_cast<double>(o.virtual_time) / 1e9;
  r.tasks = o.tasks_run;
  r.steps = o.steps;
  r.bytes = o.bytes;
  if (!o.wrong.empty()) throw std::runtime_error(o.wrong);
  return r;
}

}  // namespace weft::net::simulation
