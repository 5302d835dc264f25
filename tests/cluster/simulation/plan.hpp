#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/simulation/client_process.hpp"
#include "cluster/simulation/engine_model.hpp"
#include "scheduler/options.hpp"
#include "transport/simulated_network.hpp"
#include "wire/session.hpp"
#include "worker/core.hpp"

namespace weft::net::simulation {

enum class fault_kind : std::uint8_t {
  cut,           // both sides learn
  cut_one,       // one side learns
  cut_silently,  // none does, until it has waited too long
  partition,     // a set of processes from the others
  one_way,       // nothing gets out of the set, what goes in does
  clog,          // what is sent between two processes arrives much later
  slow_reader,
  refuse,          // new connections
  pause,           // a process does nothing for a while
  crash,           // a worker; it starts again
  crash_silently,  // with its host: nobody is told
  lose_value,      // a disk error
  disk_full,
  busy,    // a worker does not give values for a while
  retire,  // the scheduler lets a worker go
  replicate,
  rebalance,
  client_dies,
  hide,  // a client does not reach a worker
};
inline constexpr std::size_t fault_kinds = 19;
std::string_view name_of(fault_kind k) noexcept;

struct fault {
  fault_kind kind;
  time_ns at, lasts;
  std::uint64_t a, b;
  bool operator==(const fault&) const = default;
};

/// A run, to the last detail but the chance within it: what a seed stands for, and what shrinking makes smaller.
struct plan {
  std::uint64_t seed = 0;
  std::uint32_t workers = 2, clients = 1;
  std::uint32_t tasks = 50;  // of all clients
  std::vector<fault> faults;
  time_ns quiet_at = 0;  // no fault begins later, and all end then
  program_options program;
  simulated_network_options network;
  session_options sessions;
  scheduler_options scheduler;
  worker_limits limits;
  bool between_hosts = false, fickle = false, traced = false;
  time_ns turn_cost = 20'000, resume = 2'000'000'000;
  std::uint64_t check_every = 16;

  engine_options engine_of(std::uint32_t worker) const;
};

enum class world_size : std::uint8_t { small, large };
plan plan_of(std::uint64_t seed, world_size size);
std::string describe(const plan& p);

}  // namespace weft::net::simulation
