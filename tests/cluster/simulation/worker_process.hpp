#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "client/core.hpp"
#include "cluster/simulation/engine_model.hpp"
#include "cluster/simulation/member.hpp"
#include "worker/core.hpp"

namespace weft::net::simulation {

/// A worker: its core, an engine model, and a client's core for the tasks that its tasks submit.
class worker_process final : public member, private engine_owner, private client_host {
 public:
  worker_process(surroundings& world, simulated_node node, std::uint32_t number, const engine_options& engine,
                 const worker_limits& limits);

  /// Called when a task kills it: soon, and not from within it.
  std::function<void(worker_process&)> on_killed;

  engine_model* engine() noexcept { return engine_.get(); }
  const worker_core* core() const noexcept { return core_.get(); }
  bool has(task_id value) const { return engine_ && engine_->find(value).there; }
  /// Nothing is known, nothing is submitted, nothing is on its way.
  bool empty() const noexcept;
  std::string describe() const;

  // Faults.
  bool lose_value(std::uint64_t which);
  void disk_full(bool full);
  /// Answers requests for values by `busy` for a while.
  void busy(bool b) noexcept { busy_ = b; }

 private:
  static constexpr std::uint8_t engine_event = first_member_event, death = first_member_event + 1;

  // As a member.
  void fill(hello& m) override;
  void begin_life() override;
  void end_life(const std::string& why) override;
  void told(std::span<const std::byte> messages) override;
  void value_came(std::uint64_t request, task_id id, std::uint64_t bytes, std::uint64_t hash) override;
  void value_not_there(std::uint64_t request, task_id id, bool is_busy) override;
  void holder_lost(peer_id peer) override;
  void value_pushed(task_id id, std::uint64_t bytes, std::span<const std::byte> message) override;
  served serve(std::uint64_t request, task_id id) override;
  void work() override;
  void happened(std::uint8_t what, std::uint64_t argument) override;

  // For the engine.
  void engine_moved() override { wake(); }
  void engine_timer(time_ns when, std::uint64_t argument) override;
  void fetch_from(peer_id p, std::uint64_t request, std::span<const task_id> values) override;
  void stop_fetching(peer_id p, std::uint64_t request) override { stop_asking(p, request); }
  void await_giver(peer_id giver, std::uint64_t secret) override { await_from(giver, secret); }
  void giver_came(peer_id giver) override { note_giver(giver, true); }
  void giver_away(peer_id giver) override { note_giver(giver, false); }
  void will_push(peer_id p) override { reach(p); }
  void push(peer_id p, task_id id, std::uint64_t bytes, std::span<const std::byte> message) override {
    push_to(p, id, bytes, message);
  }
  void met(const peer_info& p) override { meet(p); }
  void left(peer_id p) override { part_from(p); }
  void begin_children(task_id task, std::uint32_t attempt, const call_spec& spec) override;
  void stop_children(task_id task, std::uint32_t attempt) override;
  void killed() override;

  // For its client: values of children come with the report of their end.
  void peer(const peer_info&) override {}
  void peer_left(peer_id) override {}
  void finished(task_id task, std::uint64_t bytes, std::span<const std::byte> value) override;
  void failed(const task_failed& failure) override { child_ended(failure.id, false); }
  void cancelled(task_id task) override { child_ended(task, false); }
  void restarted(task_id task) override;
  void answered(const cluster_state&) override {
    throw violation("a task was told of the cluster, and has not asked");
  }
  void fetch(peer_id, std::uint64_t, std::span<const task_id>) override {
    throw violation("a worker's client fetches what nobody reads");
  }
  void give_up(peer_id, std::uint64_t) override {}
  bool gives(task_id) override { throw violation("a worker's client is to give what it has not offered"); }
  void offer(peer_id) override {}
  void offer_over(task_id) override { throw violation("a worker's client has offered nothing"); }

  void note_giver(peer_id giver, bool there) {
    givers_.emplace_back(giver, there);
    wake();
  }

  struct family {
    std::vector<task_id> children;
    std::size_t ended = 0;
    bool well = true;
  };
  using parent = std::pair<task_id, std::uint32_t>;
  void child_ended(task_id child, bool well);

  engine_options options_;
  worker_limits limits_;
  std::unique_ptr<engine_model> engine_;
  std::unique_ptr<worker_core> core_;
  std::unique_ptr<client_core> client_;
  std::map<parent, family> families_;
  std::map<task_id, std::pair<parent, std::uint64_t>> parents_;  // and the right answer
  std::vector<std::pair<task_id, bool>> child_ends_;
  std::vector<std::pair<peer_id, bool>> givers_;  // that have come, or gone, and the core has not been told
  std::uint32_t epoch_ = 0;
  bool busy_ = false;
};

}  // namespace weft::net::simulation
