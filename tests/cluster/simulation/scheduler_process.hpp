#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cluster/simulation/process.hpp"
#include "scheduler/core.hpp"

namespace weft::net::simulation {

/// The scheduler's shell: sessions of peers, each with at most one connection, and the core.
class scheduler_process final : public process {
 public:
  scheduler_process(surroundings& world, simulated_node node, const scheduler_options& options);

  scheduler_core& core() noexcept { return core_; }
  /// Runs something on the core, in a turn of its own.
  template <class F>
  void run(F&& f) {
    f(core_);
    wake();
  }
  /// Each peer is in rest: nothing is on its way to it.
  bool at_rest() const;
  bool has_session_with(peer_id p) const noexcept { return p < peers_.size() && peers_[p]; }
  /// Since the session began, or the resume time passed: of peers lost.
  std::uint64_t lost_peers() const noexcept { return lost_; }
  std::uint64_t resumed() const noexcept { return resumed_; }
  /// Peers that the core has given up, and that it must not hear of again.
  std::uint64_t departures() const noexcept { return departures_; }
  /// Checks the core's invariants each so many turns; 0: never.
  void check_every(std::uint64_t turns) noexcept { check_every_ = turns; }

 private:
  struct peer {
    peer_id id = 0;
    std::uint64_t session = 0, incarnation = 0, link = 0;
    std::string name;
    time_ns down_since = 0;
    bool leaving = false;  // the core has given it up
    conversation with;
    explicit peer(const session_options& o) : with(o) {}
  };
  static constexpr std::uint8_t resume_over = first_own_event;

  void work() override;
  void happened(std::uint8_t what, std::uint64_t argument) override;
  void made(link&) override {}
  void said_hello(link& l, const hello& m) override;
  void welcomed(link&, const welcome&) override {}
  void batch(link& l, std::span<const std::byte> messages) override;
  void bye(link& l) override;
  void down(link& l) override;
  std::string who() const override { return "the scheduler"; }
  void answer(link& l, peer& p, std::uint64_t peer_received);
  void remove(peer_id p, bool expected, const std::string& why);

  scheduler_core core_;
  std::vector<std::unique_ptr<peer>> peers_;  // by id
  std::uint64_t lost_ = 0, resumed_ = 0, departures_ = 0, check_every_ = 0, turns_ = 0;
};

}  // namespace weft::net::simulation
