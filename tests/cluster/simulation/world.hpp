#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cluster/simulation/client_process.hpp"
#include "cluster/simulation/plan.hpp"
#include "cluster/simulation/scheduler_process.hpp"
#include "cluster/simulation/worker_process.hpp"

namespace weft::net::simulation {

struct outcome {
  std::string wrong;  // empty: all is well
  std::uint64_t digest = 0, steps = 0, tasks_run = 0, values_read = 0, resumed = 0, lost_peers = 0, overlaps = 0;
  std::uint64_t taken = 0;      // values, by the last task that took them
  std::uint64_t unreached = 0;  // workers, by clients that were to give them values
  std::uint64_t faults = 0;     // that found something to do
  std::uint64_t bytes = 0;
  time_ns virtual_time = 0;
};

/// A scheduler, workers and clients as they are, over a simulated network.
///
/// While it runs: the invariants of the scheduler's core, of the network and of the engines. When nothing is on its
/// way: what a client was told to be finished is on some worker. When the faults have ended: every future that is
/// held ends, in bounded time. When all clients have let go: nothing is left anywhere.
class world final : simulated_time::target {
 public:
  explicit world(const plan& p);
  ~world();

  /// Runs it to its end.
  outcome run();

 private:
  enum : std::uint8_t { fault_begins, fault_ends, all_faults_end };

  void fire(std::uint8_t what, std::uint64_t argument) override;
  void begin_fault(std::uint64_t number);
  void end_fault(std::uint64_t number);
  void crash(worker_process& w, bool silent);
  process& any_process(std::uint64_t which);
  worker_process& any_worker(std::uint64_t which) { return *workers_[which % workers_.size()]; }
  simulated_node other_end(const process& p, std::uint64_t which);
  bool all_done() const;
  bool nothing_left() const;
  bool at_rest() const;
  void check_finished() const;
  std::string what_is_left();

  plan plan_;
  surroundings parts_;
  std::unique_ptr<scheduler_process> scheduler_;
  std::vector<std::unique_ptr<worker_process>> workers_;
  std::vector<std::unique_ptr<client_process>> clients_;
  std::vector<std::uint64_t> states_;  // of faults under way: a wall's number, or 1
  std::vector<bool> client_dead_;
  std::uint64_t did_ = 0, retired_ = 0;
  bool faults_over_ = false;
};

outcome run(const plan& p);

}  // namespace weft::net::simulation
