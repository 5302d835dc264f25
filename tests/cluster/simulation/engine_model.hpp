#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <span>
#include <vector>

#include "cluster/simulation/oracle.hpp"
#include "cluster/simulation/process.hpp"
#include "transport/simulated_network.hpp"
#include "worker/core.hpp"

namespace weft::net::simulation {

struct engine_options {
  std::uint32_t slots = 2;
  std::uint32_t gpus = 0;
  std::uint64_t memory = std::uint64_t{64} << 20;
  /// Tasks whose inputs are asked for at a time.
  std::uint32_t looked_ahead = 16;
  /// Now and then a wish for a value is taken back, and comes again.
  bool fickle = false;
  bool simple = false;  // for measurements: run times as they are, without variation
};

/// What an engine model needs of its worker.
class engine_owner {
 public:
  /// Something is to be told to the core.
  virtual void engine_moved() = 0;
  virtual void engine_timer(time_ns when, std::uint64_t argument) = 0;
  virtual void fetch_from(peer_id peer, std::uint64_t request, std::span<const task_id> values) = 0;
  virtual void stop_fetching(peer_id peer, std::uint64_t request) = 0;
  virtual void await_giver(peer_id giver, std::uint64_t secret) = 0;
  virtual void will_push(peer_id p) = 0;
  virtual void push(peer_id p, task_id id, std::uint64_t bytes, std::span<const std::byte> message) = 0;
  virtual void met(const peer_info& peer) = 0;
  virtual void left(peer_id peer) = 0;
  /// A task submits its children, and is told by children_done(); or it is stopped.
  virtual void begin_children(task_id task, std::uint32_t attempt, const call_spec& spec) = 0;
  virtual void stop_children(task_id task, std::uint32_t attempt) = 0;
  /// A task has killed its worker.
  virtual void killed() = 0;

 protected:
  ~engine_owner() = default;
};

/// An engine as a worker's core sees it: tasks wait for inputs, take a slot by rank, run for a time of their
/// function, and leave a value that follows from their arguments and inputs.
///
/// The last task that takes a value that is lent has it, sometimes: then it is another value, which nobody may see.
///
/// Checked at each step: slots and resources are never given twice, and the core calls it only as worker_host allows.
/// Values beyond seven tenths of the budget go to the disk; where that is full, nothing begins beyond eight.
class engine_model final : public worker_host {
 public:
  engine_model(engine_owner& owner, simulated_random& random, const engine_options& options)
      : owner_(owner), random_(random), options_(options) {}

  // What the core asks for.
  void define(const define_module&) override {}
  void define(const define_options& o) override;
  void peer(const peer_info& p) override { owner_.met(p); }
  void peer_left(peer_id p) override { owner_.left(p); }
  void remote(task_id value, std::uint64_t bytes) override;
  void given(task_id value, std::uint64_t bytes, std::span<const std::byte> message) override;
  void expect(const run_task& task) override;
  void await_giver(peer_id giver, std::uint64_t secret) override { owner_.await_giver(giver, secret); }
  void submit(const run_task& task) override;
  bool withdraw(task_id task) override;
  void stop(task_id task) override;
  task_id hold(const run_task& task) override;
  bool has(task_id value) override;
  void drop(task_id id) override;
  void fetch(peer_id p, std::uint64_t request, std::span<const task_id> values) override {
    owner_.fetch_from(p, request, values);
  }
  void give_up(peer_id p, std::uint64_t request) override { owner_.stop_fetching(p, request); }
  void will_push(peer_id p) override { owner_.will_push(p); }
  void push(peer_id p, task_id id, std::uint64_t bytes, std::span<const std::byte> message) override {
    owner_.push(p, id, bytes, message);
  }

  // What the worker asks for.
  /// Starts what can start; tasks without an input end.
  void settle(time_ns now);
  /// Tells the core what has happened. True when there was anything.
  bool tell(worker_core& core);
  void timer(time_ns now, std::uint64_t argument);
  void arrived(task_id value, std::uint64_t hash);
  void children_done(task_id task, std::uint32_t attempt, bool well);
  struct found {
    bool there = false;
    std::uint64_t hash = 0, bytes = 0;
  };
  found find(task_id value);

  // Faults.
  /// The disk has lost a value; false if there is none.
  bool lose_value(std::uint64_t which);
  void disk_full(bool full) { disk_full_ = full; }
  bool short_of_memory() const noexcept { return paused_; }

  heartbeat_record measured() const noexcept;
  bool empty() const noexcept { return places_.size() == 0 && nodes_.size() == free_.size(); }
  std::size_t nodes() const noexcept { return nodes_.size() - free_.size(); }
  std::uint64_t ran() const noexcept { return ran_; }
  std::uint64_t overlaps() const noexcept { return overlaps_; }
  std::uint64_t values_taken() const noexcept { return taken_; }

 private:
  enum class state : std::uint8_t { free, remote, waiting, ready, running, suspended, value, dead };
  struct node {
    task_id id = 0;
    std::uint32_t attempt = 0, generation = 0;
    state at = state::free;
    bool named = false, stopped = false, needed = false, spilled = false, asked = false, second_half = false;
    bool failed_child = false;
    bool lent = false, may_take = false, taken = false;
    std::int16_t priority = 0;
    std::uint8_t gpu = 0;
    std::uint32_t waiting = 0, references = 0, needers = 0;
    std::uint32_t flags = 0;
    std::uint64_t rank = 0, bytes = 0, hash = 0;
    time_ns began = 0;
    call_spec spec{};
    std::vector<std::uint32_t> inputs;
    std::vector<std::uint64_t> users;  // place and generation
  };
  struct event {
    enum what : std::uint8_t { began, done, failed, cancelled, need, need_not, dropped, taken } kind;
    task_id id;
    std::uint32_t attempt;
    std::uint64_t bytes, ns, hash;
  };
  struct waiting_task {
    std::int16_t priority;
    std::uint64_t rank;
    task_id id;
    std::uint64_t key;
    bool operator<(const waiting_task& o) const noexcept {  // the greatest is the first
      if (priority != o.priority) return priority < o.priority;
      if (rank != o.rank) return rank > o.rank;
      return id > o.id;
    }
  };

  std::uint32_t make(task_id id);
  void free_if_unused(std::uint32_t place);
  std::uint64_t key_of(std::uint32_t place) const noexcept {
    return std::uint64_t{nodes_[place].generation} << 32 | place;
  }
  node* look(std::uint64_t key) noexcept;
  void note(event e);
  void ask_for_inputs();
  void ask(std::uint32_t place);
  void unask(std::uint32_t place);
  void input_there(std::uint32_t place);
  void make_ready(std::uint32_t place);
  void let_go_of_inputs(std::uint32_t place);
  void die(std::uint32_t place, event::what kind);
  void doom_users(std::uint32_t place);
  void begin(time_ns now, std::uint32_t place);
  void end(time_ns now, std::uint32_t place);
  void take_memory(std::uint64_t bytes);
  void take_inputs(std::uint32_t place);

  engine_owner& owner_;
  simulated_random& random_;
  engine_options options_;
  std::vector<node> nodes_;
  std::vector<std::uint32_t> free_;
  id_table places_;
  std::priority_queue<waiting_task> ready_;
  std::vector<waiting_task> put_off_;
  std::vector<std::uint64_t> to_ask_, doomed_, values_;
  std::size_t asked_from_ = 0;
  std::vector<event> events_, telling_;
  std::vector<std::uint8_t> gpu_of_option_;
  std::uint32_t running_ = 0, stopped_unended_ = 0, gpus_used_ = 0, asking_ = 0;
  std::uint64_t memory_used_ = 0, spilled_ = 0, ran_ = 0, overlaps_ = 0, taken_ = 0;
  bool disk_full_ = false, paused_ = false;
};

}  // namespace weft::net::simulation
