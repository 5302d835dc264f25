#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "transport/hub.hpp"
#include "weft/client.hpp"
#include "weft/pool.hpp"
#include "weft/stop.hpp"
#include "weft/sync.hpp"
#include "worker/core.hpp"
#include "worker/exchange.hpp"
#include "worker/leases.hpp"
#include "worker/submitter.hpp"
#include "worker/task_host.hpp"

namespace weft::net {

struct worker_options {
  address scheduler;
  address listen;        // where peers fetch values
  std::string announce;  // the host by which they reach it; empty: that of `listen`
  security who;          // with the role worker
  std::string name;      // empty: host and process
  std::string resources;
  bool library = false;            // it is for clients of the library's kernels alone, of whatever program
  client_options memory;           // budget, spill
  std::uint64_t memory_limit = 0;  // of all that its process uses, for the cluster's policies; 0: the budget
  link_options link;
  worker_limits limits;
  submitter_maker submit_by;  // null: what its tasks submit stays on it
};

/// A worker of a cluster, in this process: its tasks run on the pool, one for each of its threads at a time.
///
/// Locks. `lock_` is for the core and the task host; whoever has it may send on links and call the engine, and is
/// called by neither, but that a runner of the engine may come for it before a task (drive_now). Events of the engine
/// are noted without it (task_host), and told to the core by drive(), which runs on the pool ahead of its tasks.
class worker final : public std::enable_shared_from_this<worker>, private worker_host, private exchange_host {
 public:
  static std::shared_ptr<worker> make(pool& p, worker_options options);
  ~worker();

  /// Serves until the scheduler lets it go or is gone, or stop() is called. Gives why it ended; throws what kept it
  /// from beginning.
  static task<std::string> run(std::shared_ptr<worker> self);
  /// From any thread: leaves at once; what it had is lost to the cluster.
  void stop(const std::string& why);
  /// Asks the scheduler to let it go in order: what only it has is copied elsewhere first.
  void retire();
  /// Whether it has ended as the scheduler or stop() wanted.
  bool in_order() const noexcept { return in_order_; }

  peer_id id() const noexcept { return id_.load(std::memory_order_acquire); }
  /// Set when the scheduler has let it in, or it has ended.
  event& ready() noexcept { return ready_; }

 private:
  class scheduler_link;
  class peer_hub;
  worker(pool& p, worker_options options);

  void begin(peer_id self);
  void from_scheduler(peer_link& l, std::span<const std::byte> messages);
  std::vector<std::byte> take(std::span<const std::byte> messages);
  void wake();
  static task<> drive_later(std::shared_ptr<worker> self);
  /// Under the lock, after each round of events.
  void drive();
  void drive_now();
  static task<> keep_time(std::shared_ptr<worker> self);
  void over(const std::string& why, bool in_order);
  time_ns now() const noexcept;
  heartbeat_record measure() const;

  // worker_host
  void define(const define_module& m) override { tasks_->define(m); }
  void define(const define_options& o) override { tasks_->define(o); }
  void peer(const peer_info& p) override;
  void peer_left(peer_id p) override;
  void remote(task_id value, std::uint64_t bytes) override { tasks_->remote(value, bytes); }
  void given(task_id value, std::uint64_t bytes, std::span<const std::byte> message) override {
    tasks_->given(value, bytes, message);
  }
  void will_push(peer_id peer) override { exchange_->reach(peer); }
  void push(peer_id peer, task_id value, std::uint64_t bytes, std::span<const std::byte> message) override {
    exchange_->push(peer, value, bytes, message);
  }
  void expect(const run_task& task) override { tasks_->expect(task); }
  void await_giver(peer_id giver, std::uint64_t secret) override { exchange_->await_giver(giver, secret); }
  void submit(const run_task& task) override { tasks_->submit(task); }
  bool withdraw(task_id task) override { return tasks_->withdraw(task); }
  task_id hold(const run_task& task) override { return tasks_->hold(task); }
  bool has(task_id value) override { return tasks_->has(value); }
  void stop(task_id task) override { tasks_->stop(task); }
  void drop(task_id id) override { tasks_->drop(id); }
  void fetch(peer_id peer, std::uint64_t request, std::span<const task_id> values) override;
  void give_up(peer_id peer, std::uint64_t request) override { exchange_->stop(peer, request); }

  // exchange_host
  outgoing_value find(task_id value) override;
  expected_value expected(std::uint64_t request, task_id value) override;
  void refuse(std::uint64_t request, task_id value, std::exception_ptr why) override;
  value_landing land(const value_header& header) override;
  void landed(std::uint64_t request, task_id value, value_landing where) override;
  void cut_off(task_id value, value_landing where) override;
  void not_there(std::uint64_t request, task_id value, bool busy) override;
  void pushed(task_id value, std::uint64_t bytes, std::span<const std::byte> message) override;
  void peer_interrupted(peer_id peer) override;
  void peer_resumed(peer_id peer) override;
  void peer_lost(peer_id peer) override;

  pool& pool_;
  const worker_options options_;
  std::unique_ptr<submitter> submitter_;  // outlives the engine, whose tasks use it
  client engine_;                         // holds the engine
  std::mutex lock_;
  std::unique_ptr<task_host> tasks_;
  std::shared_ptr<lease_server> leases_;
  std::optional<worker_core> core_;  // once the scheduler has named us
  std::shared_ptr<peer_link> scheduler_;
  std::shared_ptr<exchange> exchange_;
  std::optional<hub> hub_;
  greeting own_;
  std::vector<std::vector<std::byte>> early_;  // messages that came before run() had the link
  std::atomic<peer_id> id_{0};
  std::atomic<bool> driving_{false};
  event ready_, ended_, time_;
  stop_source dialling_;  // by over()
  time_ns planned_ = 0;   // when keep_time() looks again
  std::string why_;
  bool over_ = false, in_order_ = false, retiring_ = false;
};

}  // namespace weft::net
