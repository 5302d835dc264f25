#pragma once

/// A scheduler's core with peers that do nothing: what they are given they have done at once.
#include <cstddef>
#include <string>
#include <vector>

#include "scheduler/core.hpp"

namespace bench {

/// Encodes what the client will say before the clock starts; all of it goes through the real codec, as batches.
class zero_workers {
 public:
  explicit zero_workers(std::size_t workers, std::uint32_t slots = 16);

  struct shape {
    std::size_t tasks = 0;
    std::size_t chain = 1;   // tasks in a row, each of which takes the one before
    std::size_t inputs = 0;  // of each task, of some that were submitted before
  };
  /// Writes down the batches of so many tasks.
  void prepare(const shape& s);
  /// What the scheduler's thread takes for it, in seconds of its CPU time.
  double submit();
  double run();
  /// Until so many have ended; the others stay with the workers, who do not answer.
  double run_some(std::size_t tasks);
  double release();

  weft::net::scheduler_core& core() noexcept { return core_; }
  weft::net::peer_id worker(std::size_t i) const { return workers_.at(i); }
  std::size_t finished() const noexcept { return finished_; }
  /// Ends a worker's session, as if its process had died.
  double lose(std::size_t worker);

 private:
  void say(weft::net::peer_id p, weft::net::batch_writer& batch);
  bool read();
  void work(std::size_t until);
  /// CPU time of this thread since `begin`, without that of the peers.
  double since(double begin) noexcept;

  struct attempt_of {
    weft::net::task_id id;
    std::uint32_t attempt;
  };
  weft::net::scheduler_core core_;
  weft::net::peer_id client_;
  std::vector<weft::net::peer_id> workers_;
  std::vector<std::vector<attempt_of>> given_;
  std::vector<weft::net::batch_writer> submits_, releases_;
  double peers_ = 0;  // CPU time
  std::size_t finished_ = 0, number_ = 0;
  weft::net::time_ns now_ = 0;
};

}  // namespace bench
