#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "client/core.hpp"
#include "cluster/simulation/member.hpp"
#include "cluster/simulation/oracle.hpp"

namespace weft::net::simulation {

/// What a client's program does.
struct program_options {
  std::uint32_t tasks = 50;
  std::uint32_t largest_graph = 60;
  std::uint32_t longest_run_ns = 20'000'000;
  std::uint32_t largest_value = 200'000;
  time_ns between = 50'000'000;  // actions
  bool gpus = false;             // some tasks want one
  bool failures = false, killers = false, submitters = false, cancels = false, onces = false;
  bool scatters = false;  // values that go straight to a worker
  bool graphs = false;    // half of the graphs are told whole
  std::uint32_t offer_tries = 3;
  /// Only independent tasks, all at once, which end at once: for measurements.
  bool simple = false;
};

/// A client: a program that submits graphs of the usual shapes, changes its mind, reads values, and in the end lets
/// go of everything; with an oracle that knows the right answer of each task, and which other ends are allowed.
class client_process final : public member, private client_host {
 public:
  client_process(surroundings& world, simulated_node node, std::uint32_t number, std::uint64_t seed,
                 const program_options& program);

  /// The program has come to its end: nothing is held.
  bool done() const noexcept { return done_; }
  /// Workers may have been lost: tasks may fail for that.
  void losses_are_possible() noexcept { losses_ = true; }
  std::uint64_t ended() const noexcept { return ended_; }
  std::uint64_t read_values() const noexcept { return read_; }
  /// Workers that it was to give values, and has not reached.
  std::uint64_t unreached_workers() const noexcept { return unreached_; }
  const client_core* core() const noexcept { return core_.get(); }
  bool empty() const noexcept { return !core_ || (core_->tasks() == 0 && core_->kept_offers() == 0); }
  /// Tasks that have not ended, for people.
  std::string describe(std::size_t most) const;
  std::vector<task_id> unfinished() const;
  /// Calls f(id, holder) for what the client believes to be finished, and has not let go of.
  std::vector<task_id> finished_ids() const;

 private:
  static constexpr std::uint8_t act_now = first_member_event;
  enum class state : std::uint8_t { pending, finished, failed, cancelled };
  struct future {
    call_spec spec{};
    std::uint64_t answer = 0;
    std::vector<std::uint32_t> inputs;
    state at = state::pending;
    bool held = false, cancel_asked = false, once = false, reading = false, was_read = false;
    bool offered = false, kept = false;  // the value is here; it is, and no future of it
  };

  void fill(hello&) override {}
  void begin_life() override;
  void end_life(const std::string& why) override;
  void told(std::span<const std::byte> messages) override;
  void value_came(std::uint64_t request, task_id id, std::uint64_t bytes, std::uint64_t hash) override;
  void value_not_there(std::uint64_t request, task_id id, bool busy) override;
  void holder_lost(peer_id peer) override;
  served serve(std::uint64_t request, task_id id) override;
  void work() override;
  void happened(std::uint8_t what, std::uint64_t argument) override;

  void peer(const peer_info& p) override { meet(p); }
  void peer_left(peer_id p) override { part_from(p); }
  void finished(task_id task, std::uint64_t bytes, std::span<const std::byte> value) override;
  void failed(const task_failed& failure) override;
  void cancelled(task_id task) override;
  void restarted(task_id task) override;
  void answered(const cluster_state& what) override;
  void fetch(peer_id p, std::uint64_t request, std::span<const task_id> values) override;
  void give_up(peer_id p, std::uint64_t request) override { stop_asking(p, request); }
  bool gives(task_id task) override;
  void offer(peer_id worker) override { offer_to(worker, secret_); }
  void unreached(peer_id) override { ++unreached_; }
  void offer_over(task_id task) override;

  // The program: workload.cpp.
  void act();
  void submit_graph();
  std::uint32_t submit(std::vector<std::uint32_t> inputs, bool wanted);
  void submit_simple();
  // graph_workload.cpp
  void begin_gathering();
  void tell_gathered();
  void send_parts(std::size_t most);
  void send_the_rest();
  std::uint32_t any_held();
  void finish_program();

  future& of(task_id id);
  void check_value(const future& f, task_id id, std::uint64_t hash) const;
  /// Whether `yes` holds for the task or any that it depends on.
  template <class F>
  bool any_before(std::uint32_t index, F&& yes) const;
  void read(std::uint32_t index);
  void release(std::uint32_t index);
  task_id id_of(std::uint32_t index) const noexcept { return make_task_id(self(), index + 1u); }

  /// What a graph that is told whole is to be.
  struct gathered {
    std::uint32_t first = 0;  // of futures_
    bool gpu = false;
    std::uint16_t retries = 0;
    std::int16_t priority = 0;
    std::vector<std::uint32_t> tasks;  // their flags
  };
  /// Tasks of it that are still to be told.
  struct part {
    task_id graph = 0;
    std::uint32_t tasks = 0;
    std::vector<std::byte> bytes;
    std::vector<std::uint32_t> held;  // of futures_
  };

  simulated_random dice_;
  program_options program_;
  std::unique_ptr<client_core> core_;
  std::vector<future> futures_;  // by number - 1
  std::vector<std::uint32_t> held_;
  std::vector<task_id> to_cancel_, to_retry_;
  std::optional<gathered> graph_;  // while it is made
  std::deque<part> parts_;         // of one graph
  std::uint32_t budget_;
  std::uint64_t secret_ = 0;
  std::uint64_t tokens_ = 0, ended_ = 0, read_ = 0, unreached_ = 0;
  std::size_t pending_ = 0, reading_ = 0;  // of the held
  std::uint32_t epoch_ = 0;
  bool losses_ = false, done_ = false, last_reads_ = false;
};

}  // namespace weft::net::simulation
