#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "transport/in_process.hpp"
#include "transport/simulated_network.hpp"
#include "weft/simulation.hpp"
#include "weft/sync.hpp"

namespace weft::net::processes {

class simulated_stream;

/// The simulated network as streams and listeners, for the pools of a simulation: each pool is a process, and its
/// in-process addresses name the others. Time is that of the simulation.
class stream_network final {
 public:
  /// What arrives within `together` of something else comes at the same moment, so that what it wakes runs in any
  /// order. `on_one_host`: of all processes, for which then no checksum and no compression is used.
  struct options {
    simulated_network_options network;
    time_ns together = 0;
    bool on_one_host = true;
  };
  stream_network(simulation& s, std::uint64_t seed, const options& o);
  ~stream_network();
  stream_network(const stream_network&) = delete;
  stream_network& operator=(const stream_network&) = delete;

  /// The process of that pool, which listens under that name, and takes it from who had it before.
  simulated_node add(pool& p, const std::string& name);
  static address place(const std::string& name) { return {address_kind::in_process, name, 0}; }

  /// Lets time bring what is on its way; runs on the simulation's own pool until stop().
  task<> carry();
  void stop();

  /// The process is gone: its connections break, nobody listens there, and what it still tries fails at once.
  /// `silent`: its host is gone too, and the peers learn nothing.
  void crash(simulated_node n, bool silent);
  /// For all other faults.
  simulated_network& faults() {
    catch_up();
    return network_;
  }
  /// After faults: there may be something that is due sooner.
  void look() { changed_.set(); }
  std::uint64_t digest() const noexcept { return time_.digest(); }

 private:
  friend class simulated_stream;
  class process;
  class simulated_listener;

  /// Time has passed here as well.
  void catch_up();
  process& at(simulated_node n) { return *processes_[n]; }

  simulation& simulation_;
  const options options_;
  simulated_time time_;
  simulated_network network_;
  simulated_random random_;
  std::vector<std::shared_ptr<process>> processes_;  // by node
  std::map<std::string, simulated_node> names_;
  event changed_;
  bool over_ = false;
};

}  // namespace weft::net::processes
