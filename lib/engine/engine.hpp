#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/limits.hpp"
#include "engine/memory.hpp"
#include "engine/ready_queue.hpp"
#include "engine/remote.hpp"
#include "exec/pool_core.hpp"
#include "weft/detail/memory.hpp"
#include "weft/detail/node.hpp"
#include "weft/detail/task_details.hpp"
#include "weft/events.hpp"
#include "weft/stop.hpp"

namespace weft::detail {

/// Is told of nodes whose `tracked` is set: by whoever runs or cancels them, so that it must be quick.
class node_tracker {
 public:
  virtual void began(node& n) noexcept = 0;
  /// Its state says how it has ended; it has its value, and nobody else has been told: so a node's end is told before
  /// those that take its value begin. `ran`: ticks; 0 for coroutines that have waited, and for what did not run.
  virtual void ended(node& n, std::uint64_t ran) noexcept = 0;
  /// A value cannot be read from the disk any more; of any node, also one that is about to go. Told before the ends
  /// of the nodes that fail for it. True: it will be had from elsewhere.
  virtual bool lost(node&) noexcept { return false; }
  /// A value that was lent has been taken, by a task that runs.
  virtual void taken(node&) noexcept {}
  /// A runner has nothing to run just now, or lets others have their turn. See engine::tell_rests.
  virtual void rests() noexcept {}

 protected:
  ~node_tracker() = default;
};

/// Runs nodes on a pool: in the order of their ranks, each when its inputs have ended.
///
/// Each worker has a lane of nodes that may run; a lane more is for what comes from outside the pool. A runner is an
/// item of the pool that takes nodes from the lane of the worker it is on, or robs another's, until its turn is over;
/// there are as many runners as workers. Where a node's end makes others ready, its runner goes on with the best of
/// them at once, without a queue: a chain runs where its data is warm.
///
/// Invariant: while a lane has a node, some runner is active, or all are set aside (use_runners). Who pushes a node
/// then looks whether a runner is idle, and starts it; a runner that finds nothing says that it is idle, and then
/// looks once more (go_idle). Both orders pass a full fence (the lane's lock; the counter), so either the pusher sees
/// the runner, or the runner the node.
class engine {
 public:
  engine(pool_core& pool, priority band, store_options memory, const resource_amounts& resources);
  /// Its tasks run on a cluster.
  engine(pool_core& pool, priority band, store_options memory, std::unique_ptr<remote_home> cluster);
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  /// Its owner lets go of it. Cancels what has not ended; waits for what runs, unless it is called on a worker of
  /// the pool: then the engine ends by itself, after the last of its tasks.
  void close() noexcept;

  /// A number for each task, in the order of submission; the first of n.
  std::uint64_t next_sequence(std::uint64_t n = 1) noexcept {
    return sequence_.fetch_add(n, std::memory_order_relaxed);
  }

  /// The inputs of `n` are set, and each holds a handle of its node. Takes over the engine's reference.
  void submit(node& n);
  void check_open() const;
  void check_inputs(const node& n) const;
  /// A node that was made, and cannot be submitted after all.
  void abandon(node& n) noexcept { drop_reference(n); }
  /// `asked`: by somebody; else nobody wants it any more. The caller keeps the engine.
  void cancel(node& n, bool asked = true) noexcept;
  /// The same for who keeps the node alone: its engine may be gone when it has ended.
  static void cancel_if_pending(node& n, bool asked) noexcept;
  void ask_to_stop(node& n) noexcept;
  /// Runs a failed node, and the failed ones it depends on, again.
  void retry(node& n);
  static void drop_handle(node& n) noexcept;
  static void drop_shared_handle(node& n) noexcept;
  void ended_later(node& n, run_result how, std::exception_ptr error) noexcept;

  pool_core& pool() noexcept { return pool_; }
  store& memory() noexcept { return *store_; }
  /// What the whole process takes; 0: nobody knows.
  std::uint64_t resident_memory() noexcept { return pool_.env().resident_memory(); }
  /// Counts a value that was given and not computed.
  void adopt_value(node& n);
  /// A node with a value from the start: it has one handle, and the cluster gets the value too. `scattered`: by a
  /// program; a large one stays here, and is given as often as the cluster wants it.
  void keep_value(node& n, bool scattered = false);
  void memory_granted(node& n) {
    make_ready(n);
    became_idle();
  }
  /// For who is outside: false when the engine is ending, or has.
  bool hold() noexcept {
    std::uint32_t active = active_.load(std::memory_order_relaxed);
    while (active != 0)
      if (active_.compare_exchange_weak(active, active + 1, std::memory_order_acq_rel)) return true;
    return false;
  }
  void let_go() noexcept { became_idle(); }
  void run_work(task<> t);
  void work_ended() noexcept;
  priority band() const noexcept { return band_; }
  /// A coroutine is left waiting on this worker: the pool and the engine have a root more.
  void coroutine_waits(node& n) noexcept {
    pool_.root_began();
    became_active();
    if (n.request) store_->left(*n.request);
  }
  void coroutine_did_not_wait() noexcept {
    pool_.root_ended(nullptr);
    active_.fetch_sub(1, std::memory_order_relaxed);  // the runner is active still
  }
  /// Around all of its tasks.
  stop_state& stop() noexcept { return stop_; }
  const stop_state& stop() const noexcept { return stop_; }

  /// A value that another process has: the node is done from the beginning, and the caller has its only handle. It is
  /// fetched from the source when somebody needs it.
  void adopt_elsewhere(node& n, std::uint64_t bytes);
  /// A value that is on its way, and that nobody looks at before adopt_value() says that it is there: the node is
  /// done from the beginning, and the caller has its only handle.
  void adopt_coming(node& n) noexcept;
  /// Such a value begins to come, perhaps once more: it has room for so many bytes from now on, as long as its node
  /// is there.
  void expect_value(node& n, std::uint64_t bytes);
  /// And is there, whatever it takes.
  void adopt_expected(node& n);
  /// A node that has its value already: it is done, and the caller has its only handle.
  void adopt_made(node& n);
  void fetch_from(value_source* s) noexcept { source_ = s; }
  static void restore_value(node& n, decoder& d) {
    n.type->value->decode(n, d);
    n.has_value = true;
  }
  /// Whose tasks the tasks of this engine submit: its own, or a cluster's that this process works for.
  engine& submits_to() noexcept { return submits_to_ ? *submits_to_ : *this; }
  void submit_to(engine* e) noexcept {
    submits_to_ = e;
    if (e) e->works_for_ = this;
  }
  /// Whose tasks have submitted those of this engine: its own, or another's.
  const engine& works_for() const noexcept { return works_for_ ? *works_for_ : *this; }
  /// The tasks of this one submit where those of `other` do.
  void submit_beside(const engine& other) noexcept { submits_to_ = other.submits_to_; }
  /// Runs at most so many of its nodes at a time from now on; those that run are not interrupted. 0: none.
  void use_runners(std::size_t most) noexcept;
  void track_by(node_tracker* t) noexcept { tracker_ = t; }
  node_tracker* tracker() const noexcept { return tracker_; }
  /// Who is told when runners rest, which they do also when no node is left. Null: nobody, and when this returns
  /// nobody is just being told.
  void tell_rests(node_tracker* t) noexcept {
    std::lock_guard guard(rest_lock_);
    resting_.store(t, std::memory_order_relaxed);
  }
  /// Cancels a task that has not begun; false: it has.
  bool withdraw(node& n) noexcept;
  /// A value that the client has: the cluster gets it too. True: it has been adopted.
  bool share_value(node& n, bool scattered);
  /// Null: it runs its tasks itself.
  remote_home* cluster() const noexcept { return remote_.get(); }
  // What the cluster tells of a node, of which the caller holds a reference. Nothing happens to one that has ended.
  /// Done; with its value, or with the size of one that is fetched when it is needed.
  void remote_done(node& n, std::uint64_t bytes, decoder* value) noexcept;
  void remote_failed(node& n, remote_failure why) noexcept;
  void remote_cancelled(node& n) noexcept;
  /// Cancelled because its time limit is over.
  void remote_timed_out(node& n) noexcept;
  // Of one that is told to the cluster with others: it has been taken on, or not.
  void submitted(node& n) noexcept;
  void not_submitted(node& n, std::exception_ptr why) noexcept;
  /// The same of one that may have a number, of which the cluster has not heard and will not.
  void not_told(node& n, std::exception_ptr why) noexcept;
  /// Somebody wants to hear of every task.
  bool observed() const noexcept { return observed_.load(std::memory_order_acquire); }
  /// From now on its memory keeps the engine.
  void make_remote(node& n) noexcept;
  /// Of a node that stands for nothing there; `late`: what is to be said of the task because of which it is
  /// cancelled.
  void end_alone(node& n, failure* why, bool cancelled, std::string late = {}) noexcept;
  /// Counts a task that is submitted, and tells who observes.
  void announce(node& n);
  /// So many that will be introduced one by one.
  void announce_many(std::uint64_t tasks) noexcept { note(own_lane().submitted, tasks); }
  void introduce(node& n);
  /// A failed one is run again.
  void restart_remote(node& n) noexcept;
  static void drop_reference(node& n) noexcept;

  task_totals count() const noexcept;
  /// Throws misuse when there are none of them. A cluster's workers may come later: its scheduler says.
  void check_resources(const resource_amounts& wanted) const {
    if (!remote_) resources_.check(wanted);
  }
  void observe(task_observer& o);
  void stop_observing(task_observer& o) noexcept;

 private:
  friend class layer_run;
  friend class layer_cursor;
  friend class cascade;
  struct alignas(64) lane {
    short_lock lock;
    ready_queue queue;
    std::atomic<std::uint64_t> best{ready_queue::none};
    std::atomic<std::uint64_t> submitted{0}, ended{0}, failed{0}, cancelled{0};
  };
  struct runner : work_item {
    explicit runner(engine& e) noexcept;
    engine& of;
    runner* next_idle = nullptr;
  };
  /// Ends the engine on a worker of its pool.
  struct last_item : work_item {
    explicit last_item(engine& e) noexcept;
    engine& of;
  };

  ~engine();
  static store::host host_of(engine& e) noexcept;
  void submit_remote(node& n);
  bool claim_remote(node& n) noexcept;
  /// Whether it is not to be run any more: the client has ended, or nobody wants what it is a part of.
  bool is_over(const node& n) noexcept { return stop_.stop_requested() || (n.type->given_up && n.type->given_up(n)); }
  void end_remote(node& n, node_state how) noexcept;
  void cancel_remote(node& n, bool wanted) noexcept;
  void release_remote(node& n) noexcept;
  lane& own_lane() noexcept;
  void note(std::atomic<std::uint64_t>& number, std::uint64_t more = 1) noexcept;
  void make_ready(node& n);
  void push(lane& l, node& n) noexcept;
  void wake_runner();
  void run(runner& r) noexcept;
  node* take(lane& l) noexcept;
  node* take_from(lane& victim, lane& into) noexcept;
  bool look_around(lane& l, node*& found) noexcept;
  void rest() noexcept;
  bool go_idle(runner& r) noexcept;
  bool step_aside(runner& r) noexcept;
  bool anything_ready() const noexcept;
  void became_active() noexcept { active_.fetch_add(1, std::memory_order_relaxed); }
  void became_idle() noexcept;
  void end() noexcept;

  void link(node& n);
  bool cancel_pending(node& n, bool asked) noexcept;
  bool leave(node& n, bool from_queue) noexcept;
  void forget_uses(node& n) noexcept;
  void settle(node& n) noexcept;
  node* execute(node& n) noexcept;
  node* execute_traced(node& n, worker& w) noexcept;
  node* end(node& n, run_result how, std::exception_ptr error, failure* cause = nullptr,
            std::uint64_t ran = 0) noexcept;
  static dependent* close_list(node& n) noexcept;
  node* close_node(node& n) noexcept;
  void begin_limits(node& n);
  void end_limits(node& n) noexcept;
  void renew_limits(node& n);
  task<> watch_deadline(node& n, stop_source ended);
  void give_back_resources(node& n);
  void stop_waiting(node& n);
  void tell(const node& n, task_event::step what) noexcept {
    if (observed()) [[unlikely]]
      tell_observers(n, what);
  }
  void tell_observers(const node& n, task_event::step what) noexcept;
  void fail(node& n, std::exception_ptr error, failure* cause) noexcept;
  bool has_no_value(node& n, failure*& why) noexcept;
  bool ask_memory(node& n);
  void count_value(node& n, node_request* asked);
  std::size_t counted_bytes(node& n);
  void publish_value(node& n, dependent* uses);
  void finish_request(node_request* r) noexcept;
  static bool can_remake(const node& n) noexcept;
  static void drop_inputs(node& n) noexcept;
  static bool value_lost(node& n) noexcept;
  static void let_value_go(void* owner) noexcept;
  static task<> fetch_value(node& n);
  static const stored_value::operations value_operations;
  /// Keeps the engine until became_idle(); null, and nothing kept, when the node has ended.
  static engine* hold_home(node& n) noexcept;
  static void drop(node& n, std::uint64_t what) noexcept;
  static void destroy(node& n) noexcept;

  pool_core& pool_;
  const priority band_;
  const bool may_spin_;
  stop_state stop_;
  store* const store_;  // ends itself after its last value
  const std::unique_ptr<remote_home> remote_;
  engine *submits_to_ = nullptr, *works_for_ = nullptr;
  value_source* source_ = remote_.get();
  node_tracker* tracker_ = nullptr;
  std::mutex rest_lock_;  // of changing resting_, and of its rests()
  std::atomic<node_tracker*> resting_{nullptr};
  output_sizes sizes_;
  resource_pool resources_;
  std::mutex stops_lock_;
  std::mutex retries_lock_;
  short_lock failures_lock_;  // while a failed node is reset, or its failure is passed on
  std::mutex deadlines_lock_;
  std::unordered_map<const node*, stop_source> deadlines_;  // of tasks that have a limit of time and have not ended
  std::atomic<bool> observed_{false};
  std::mutex observers_lock_;
  std::vector<task_observer*> observers_;
  std::vector<lane> lanes_;
  std::vector<std::unique_ptr<runner>> runners_;

  alignas(64) std::atomic<std::uint32_t> idle_{0};  // runners that are idle
  std::atomic<std::uint32_t> excess_{0};            // runners that are to step aside
  std::atomic<std::uint32_t> aside_{0};             // those that have
  short_lock idle_lock_;
  runner *first_idle_ = nullptr, *first_aside_ = nullptr;

  alignas(64) std::atomic<std::uint64_t> sequence_{1};
  // The owner, the active runners and the coroutines that wait: who brings it to zero ends the engine.
  alignas(64) std::atomic<std::uint32_t> active_{1};
  std::atomic<std::uint32_t>* closer_ = nullptr;  // who waits for that
  bool is_root_ = false;                          // nobody does: the pool waits for it as for a root
  last_item last_{*this};
};

}  // namespace weft::detail
