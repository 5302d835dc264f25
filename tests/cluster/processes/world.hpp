#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cluster/processes/network.hpp"
#include "cluster/processes/plan.hpp"
#include "cluster/processes/workload.hpp"
#include "scheduler/server.hpp"
#include "weft/simulated_disk.hpp"
#include "weft/simulation.hpp"
#include "worker/worker.hpp"

namespace weft::net::processes {

struct outcome {
  std::string wrong;  // empty: all is well
  std::uint64_t digest = 0, steps = 0, values = 0, calls = 0, faults = 0;
  std::uint64_t restarted = 0, stolen = 0, copies = 0, late = 0, lost_clusters = 0;
  time_ns virtual_time = 0;
};

/// A scheduler, workers and clients as they are, engines, links and all, each on a pool of its own, which is its
/// process: in one thread and in virtual time, over a simulated network.
///
/// While it runs: the invariants of the scheduler's cores. Every value that a client looks at is the right one, and
/// every failure was planned. When the faults have ended
/// everything ends, in bounded time; nobody but who was told to has left by then, and the scheduler has nothing left.
class world {
 public:
  explicit world(const plan& p);
  ~world();

  /// Runs it to its end.
  outcome run();

 private:
  struct process {
    pool* threads = nullptr;
    simulated_node node = 0;
    std::string name;
    std::uint32_t pauses = 0;  // under way
    bool dead = false;
  };
  struct scheduler_process : process {
    std::shared_ptr<scheduler_server> it;
    bool over = false;
  };
  struct worker_process : process {
    std::shared_ptr<worker> it;
    std::unique_ptr<simulated_disk> disk;
    std::size_t scheduler = 0;  // the one that was there when it began
    bool told = false;          // to end
    bool retires = false;
    bool over = false;
  };
  struct client_process : process {
    findings found;
    unsigned lives = 0;
    bool died = false;  // what it finds counts for nothing
    bool over = false;
  };

  template <class P>
  P& begin(std::vector<std::unique_ptr<P>>& all, const std::string& name, unsigned threads);
  void add_scheduler();
  void add_worker();
  void add_client();
  /// Whether that scheduler, by its number, is gone or about to go.
  bool is_lost(std::size_t scheduler) const noexcept { return scheduler < schedulers_.size() || scheduler_leaves_; }
  task<> live();
  task<> watch();
  task<> end();
  static task<> run_worker(world& of, worker_process& w);
  static task<> run_client(world& of, client_process& c);
  static task<bool> run_life(world& of, client_process& c);
  static task<> run_scheduler(world& of, scheduler_process& s);
  task<> make_faults();
  task<> befall(fault f);
  task<> pause(process& p, std::chrono::nanoseconds lasts);
  void crash(process& p, bool silent);
  client_process* any_client(simulated_random& dice);
  task<> lose_scheduler(bool dies, bool silent, std::chrono::nanoseconds until_next);
  process& any_process(simulated_random& dice);
  worker_process* any_worker(simulated_random& dice);
  template <class Condition>
  task<> until(Condition met);
  template <class Condition>
  task<bool> within(std::chrono::seconds limit, Condition met);
  void note(const std::string& what) const;
  void wrong(const std::string& what);

  const plan plan_;
  simulation simulation_;
  stream_network network_;
  std::vector<std::unique_ptr<scheduler_process>> schedulers_;  // one after the other
  std::vector<std::unique_ptr<worker_process>> workers_;
  std::vector<std::unique_ptr<client_process>> clients_;
  std::string wrong_;
  outcome outcome_;
  event changed_;  // for a moment: something has ended
  std::uint64_t faults_under_way_ = 0;
  event watched_enough_;
  bool scheduler_leaves_ = false;  // and the next has not begun
};

outcome run(const plan& p);

}  // namespace weft::net::processes
