#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "wire/batch.hpp"
#include "wire/ids.hpp"
#include "wire/messages.hpp"
#include "worker/fetcher.hpp"
#include "worker/id_table.hpp"

namespace weft::net {

/// The engine and the links to other workers, as the core sees them. It is called from within the core's functions
/// and must not call the core back: what happens comes as an event, later. Events of one task come in order (began,
/// then one end: done, failed or cancelled), and the end of a task after the ends of the tasks that it takes as
/// inputs.
class worker_host {
 public:
  /// What few tasks have, and where peers are: kept by the host, by number. Numbers of options are used again: a
  /// later definition replaces the earlier for the tasks that come behind it.
  virtual void define(const define_module& module) = 0;
  virtual void define(const define_options& options) = 0;
  virtual void peer(const peer_info& peer) = 0;
  virtual void peer_left(peer_id peer) = 0;

  /// A value that is elsewhere; a need() follows when the store wants it, for a task or (copy_value) for its own sake
  /// never.
  virtual void remote(task_id value, std::uint64_t bytes) = 0;
  /// A small value that was elsewhere, and has come along with a task that takes it: `message` is it, encoded.
  virtual void given(task_id value, std::uint64_t bytes, std::span<const std::byte> message) = 0;
  /// Hands a task to the engine. Its inputs are known to the host: values here, remote ones, and tasks that were
  /// submitted and have not ended. When one of those ends without a value, or is withdrawn or dropped, the task
  /// cannot run, and ends as failed or cancelled without having begun, unless it is withdrawn.
  virtual void submit(const run_task& task) = 0;
  /// A task whose value its submitter gives: the value comes as those of peers do, and then the host says done().
  virtual void expect(const run_task& task) = 0;
  /// Values of such tasks are to come from who dials here and claims to be that giver, by that secret. It is away
  /// until peer_resumed(). Until peer_left().
  virtual void await_giver(peer_id giver, std::uint64_t secret) = 0;
  /// Takes a task back. True: it had not begun, and is gone, and no event of it will come.
  virtual bool withdraw(task_id task) = 0;
  /// Asks a task to stop; it ends as it will, and its end is told.
  virtual void stop(task_id task) = 0;
  /// The inputs of a task that is submitted next: none is given to another from now on. Gives one that has been given
  /// to the last task that takes it (run_record::last_uses), which runs; 0: none has. Then taken() is about to come.
  virtual task_id hold(const run_task& /*task*/) { return 0; }
  /// Whether a value that is here is here still, and has not been given away.
  virtual bool has(task_id /*value*/) { return true; }
  /// The host need not know this id any longer: a value here or remote, the memory of a task that has ended, or a
  /// task that runs and that nobody wants. What uses the value keeps it alive.
  virtual void drop(task_id id) = 0;

  virtual void fetch(peer_id peer, std::uint64_t request, std::span<const task_id> values) = 0;
  virtual void give_up(peer_id peer, std::uint64_t request) = 0;
  /// A value will soon be pushed to that peer.
  virtual void will_push(peer_id peer) = 0;
  /// Sends a small value to a peer that is told in another way too where it is: it may be lost.
  virtual void push(peer_id peer, task_id value, std::uint64_t bytes, std::span<const std::byte> message) = 0;

 protected:
  ~worker_host() = default;
};

struct worker_limits {
  fetch_limits fetch;
  std::uint32_t inline_bytes = 4096;                // of a value that travels with the report of its end
  std::uint64_t offered_bytes = ~std::uint64_t{0};  // of a value that its submitter gives: what memory has room for
  time_ns heartbeat = 500'000'000;
  std::uint32_t modules = 1u << 12;  // of a session
  std::uint32_t options = 1u << 20;  // of a session
};

/// What a worker knows of its tasks and values, and what it says to the scheduler. Pure: events come in, calls of the
/// host and messages come out.
///
/// An id is in the table as one of these:
///   promised    the value is to be made elsewhere; known while a task here takes it. It is pushed here, or value_at
///               says where it is then
///   remote      the value is elsewhere; known while a task here takes it, or a copy was asked for
///   waiting     a task that takes what is promised, or another that waits: the engine does not know it yet
///   coming      a task whose value its submitter gives, which has been asked for it, or will be when it has dialled
///   submitted   the engine has the task; it has not begun
///   executing   it has begun
///   here        its value is here: its own result, or a copy. Until drop_values
/// A task whose value is taken by others here when it leaves the table stays as `left` until they have ended.
///
/// Every attempt that run_task brings ends exactly once: by done_task, failed_task, cancelled_task, or by
/// retracted_task with given_back = 1, asked for or not. An attempt is given back unasked when
/// - an input that should be made here, or be here, is not (or leaves before the task has begun: it failed, was
///   cancelled or given back, or the disk lost it). So of a failure the root alone is reported, and what was handed
///   over ahead upon it comes back, behind that report;
/// - the worker is retiring, or is stopped: then also what runs, when it has stopped, unless it may not run twice;
///   that is left to its end;
/// - an input that was awaited from elsewhere is to be made here;
/// - its value should come from its submitter, who does not give it, or has not when the worker is to retire.
/// The one exception: an attempt that run_task replaces by a newer one is not spoken of again.
///
/// An attempt with a limit has so much time from when run_task is read, by the worker's own clock. When that has
/// passed it is taken back, if it has not begun, or stopped; it ends by failed_task with `time_is_over`, unless it
/// still makes its value. The scheduler looks at the same deadline by its clock, and mostly is first, by the time
/// that a message takes: then this is the answer to stop_tasks. A worker that cannot hear the scheduler stops such
/// tasks all the same.
///
/// Messages that cross on the way, and why each is harmless. What the worker says comes in order, and the scheduler
/// does not believe an attempt that it has not assigned or of which it has heard the end.
/// - run_task, and the failure, cancellation, giving back or loss of an input here: the task is given back, after the
///   scheduler has heard of the input; value_dropped says once more which it was.
/// - run_task, and an input that the last task to take it has been given: the same.
/// - run_task, while the value is here (the scheduler had lost sight of it): answered by done_task at once.
/// - run_task names an input elsewhere that has come here meanwhile: the copy here is used.
/// - a promised value is pushed, and value_at or give_value says that it is made: the first counts. A pushed value
///   that no task takes any more before that word is dropped unsaid.
/// - push_value, and the end or loss of the task: nothing; the scheduler hears of the end.
/// - run_task with a promise, and the maker's failure: stop_tasks follows.
/// - stop_tasks, and any end: the end was the answer. An attempt that is unknown here (failed, cancelled, given back,
///   replaced) is answered by cancelled_task all the same, which the scheduler does not believe when it has heard of
///   the end, and which frees it when it has not.
/// - stop_tasks, and then, before the task has stopped, its value elsewhere as an input, copy_value or drop_values:
///   the scheduler did not wait for the end. The attempt is cancelled at once; what it still does is not spoken of.
/// - stop_tasks, and the end of an attempt's time: whichever is first stops it; cancelled_task is the answer.
/// - retract_tasks, and the beginning or an end: given_back = 0 for what executes or has its value here; 1 for what
///   is unknown here, which likewise is stale, or true.
/// - drop_values, and value_dropped: something unknown is dropped: nothing.
/// - drop_values, and value_added: the scheduler hears of a copy of a value that it has forgotten, and answers with
///   drop_values. Where it knows the value still, it takes the copy to be here until a task that it sends comes back,
///   behind value_dropped. The same goes for done_task and the release of its task.
/// - drop_values, and a value that is still awaited here: only the wish of copy_value ends; tasks here wait on.
/// - copy_value, and the value's coming: answered by value_added again.
/// - copy_value, and the value is here and was given to the last task that takes it: it is fetched anew.
/// - copy_value, and the loss of the value: missing_value ends the wish for a copy; who needs the value waits on.
/// - copy_value, and a value that is refused when it comes: missing_value with not_taken ends the wish for copies.
/// - copy_value, and run_task or a task with that id here: done_task is the answer.
/// - value_at, and the value's coming, or the end of the tasks that wanted it: nothing.
/// - run_task of an offered value, and its giver's claim: whichever comes first waits for the other.
/// - an offered value's coming, and stop_tasks, retract_tasks or a newer attempt: it is not wanted any more, and
///   what still comes of it is thrown away; a newer attempt asks again.
/// - set_mode, and run_task under way: given back.
/// - a new attempt, and the events of the replaced one, still on their way from the engine: their attempt differs,
///   and they are dropped. The same for what was given back after it had ended in the engine.
/// - a value that comes when nobody wants it any longer: fetched() says so, and it is thrown away.
///
/// Not harmless, and a protocol_error: an attempt that is here already, or an older one (the session's frames are
/// numbered, so a repeated message is no resend but a scheduler that is wrong about its attempts: to run it would
/// report it twice); drop_values of a task that has neither ended nor been stopped; what names a module, options or a
/// peer before they are defined, or defines a module twice; and what is no message to a worker.
class worker_core final : private fetch_host {
 public:
  worker_core(peer_id self, worker_host& host, const worker_limits& limits, time_ns now = 0);

  /// Messages of the scheduler, in order. Throws protocol_error; the session cannot go on then.
  void receive(time_ns now, batch_reader& batch);

  // From the engine. Of a task: the attempt that was submitted.
  void began(task_id task, std::uint32_t attempt);
  /// `value`: the encoded result where it is small; it is sent if the task allows.
  void done(task_id task, std::uint32_t attempt, std::uint64_t bytes, std::uint64_t nanoseconds,
            std::span<const std::byte> value = {});
  void failed(const failed_task& failure);
  void cancelled(task_id task, std::uint32_t attempt);
  /// The store wants a remote value now, or wants it with another rank; it does no longer. `frees`: for a task that
  /// frees memory.
  void need(task_id value, std::uint64_t rank, bool frees = false);
  void need_not(task_id value);
  /// The engine has lost a value that was here.
  void dropped(task_id value);
  /// The last task that takes a value has it. The scheduler is not told: it will drop the value when that task has
  /// ended. Unless others wait here to take it: these are given back, behind value_dropped, since the scheduler had
  /// another opinion.
  void taken(task_id value);

  // From the links to peers.
  /// A peer has sent a value that it was told to. What was not promised, or is not any more, is passed over.
  void pushed(task_id value, std::uint64_t bytes, std::span<const std::byte> message);
  /// A value has come (of this many bytes, in memory): true if it is to be given to the engine, as the remote value.
  bool fetched(std::uint64_t request, task_id value, std::uint64_t bytes);
  void not_there(time_ns now, std::uint64_t request, task_id value, bool busy);
  /// It came, and is refused here. The store has been told, and wants it no longer; if a copy was wanted for its own
  /// sake the scheduler is told that it cannot be made.
  void not_taken(std::uint64_t request, task_id value);
  /// The connection broke, and is there again.
  void peer_interrupted(time_ns now, peer_id peer) { fetcher_.peer_interrupted(now, peer); }
  void peer_resumed(peer_id peer) { fetcher_.peer_resumed(peer); }
  /// The link has ended, or could not be made. (Who has left the cluster is told by the scheduler.)
  void peer_lost(time_ns now, peer_id peer) { fetcher_.peer_lost(now, peer); }

  /// The worker pauses itself when memory is short: nothing is fetched but for tasks that free memory.
  void pause(time_ns now, bool paused);
  worker_mode mode() const noexcept;

  /// After each round of events: begins what is to be fetched.
  void tick(time_ns now);
  /// When to tick at the latest, or send a heartbeat; 0: now.
  time_ns deadline() const noexcept;
  bool heartbeat_due(time_ns now) const noexcept { return now >= heartbeat_at_; }
  /// Says how things are. The core fills in tasks and mode.
  void heartbeat(time_ns now, heartbeat_record measured);

  /// What is to be sent to the scheduler.
  batch_writer& out() noexcept { return out_; }
  std::size_t tasks() const noexcept { return submitted_ + executing_.size(); }
  /// Nothing is known: no task, no value.
  bool empty() const noexcept { return places_.size() == 0 && left_ == 0 && fetcher_.values() == 0; }
  const fetcher& fetches() const noexcept { return fetcher_; }
  /// Remembered, of attempts that may have ended.
  std::size_t limits_of_time() const noexcept { return limits_of_time_.size(); }

 private:
  static constexpr std::uint32_t none = id_table::none;
  static constexpr std::uint64_t copies_rank = ~std::uint64_t{0};  // copies that no task waits for come last
  enum class state : std::uint8_t { promised, remote, waiting, coming, submitted, executing, here, left };
  struct entry {
    task_id id = 0;
    std::uint64_t bytes = 0;
    std::uint32_t attempt = 0;    // 0: a copy
    std::uint32_t inputs = none;  // the edges to what the task takes
    std::uint32_t users = none;   // the edges from tasks here that have not ended
    std::uint32_t position = 0;   // executing: in executing_; waiting: in waiting_
    std::uint32_t lacking = 0;    // waiting: how many of its inputs are promised, or wait
    state at = state::left;
    bool may_inline = false;
    bool once = false;      // it may not run twice
    bool stopping = false;  // the scheduler has asked
    bool quitting = false;  // the worker has: it is given back when it has stopped
    bool late = false;      // its time is over, and it is to stop
    bool asked = false;     // copy_value
    bool to_stop = false;   // stop() is about it
    bool needed = false;    // the store wants it
    bool lost = false;      // left without a value
    bool leaving = false;   // leave() is about it
    bool early = false;     // it was pushed, and the scheduler has not said yet that it is made
    bool pushes = false;    // in pushes_
    bool offered = false;   // its submitter gives its value: tasks that take it wait until that is there
  };
  struct waiting_task {  // what run_task brought
    run_record record{};
    std::vector<input_ref> inputs;
    std::vector<std::byte> call;
  };
  struct time_limit {
    time_ns at;
    task_id id;
    std::uint32_t attempt;
    bool operator>(const time_limit& o) const noexcept { return at > o.at; }
  };
  struct edge {
    std::uint32_t input, task;
    std::uint32_t next_input;
    std::uint32_t next_user, previous_user;
  };

  void missing(task_id value, std::uint64_t bytes, peer_id last) override;
  void fetch(peer_id peer, std::uint64_t request, std::span<const task_id> values) override;
  void give_up(peer_id peer, std::uint64_t request) override;

  // core.cpp: what the scheduler says.
  void define(const define_module& module);
  void define(const define_options& options);
  void meet(const peer_info& peer);
  void run(time_ns now, const run_task& task);
  bool hand_over(std::uint32_t task, const run_task& t);
  void take_all_away();
  void check(const run_task& task) const;
  void await_offer(time_ns now, const run_task& task);
  std::uint32_t keep(const run_task& task);
  waiting_task unkeep(const entry& e);
  /// An input is no longer promised, or no longer waits: tasks that waited for it alone are submitted, and so on.
  /// Followed by take_all_away(), when the caller is through with the entries that it has looked up.
  void settle_users(std::uint32_t input);
  bool withdraw(std::uint32_t place);
  void push(const push_value& message);
  void confirm(std::uint32_t place);
  bool make_way(const run_task& task, std::uint32_t place);
  void drop(task_id id);
  void stop(std::span<const attempt_ref> tasks);
  /// Of an attempt that is being stopped nothing more is awaited: it is cancelled, whatever it still does.
  void disown(std::uint32_t place);
  void limit(time_ns at, task_id id, std::uint32_t attempt);
  /// Ends the attempts whose time is over.
  void end_late(time_ns now);
  void retract(const attempt_ref& task);
  void copy(const copy_value& message);
  void found(const value_at& message);
  void order(time_ns now, std::uint8_t mode);
  void give_back_offers();
  void stop_all();
  void check_peer(task_id value, peer_id peer) const;
  void settle_pause();

  // table.cpp: entries and edges.
  std::uint32_t find_attempt(task_id id, std::uint32_t attempt) const noexcept;
  bool unended(std::uint32_t place) const noexcept;
  void end_pushes(entry& e);
  std::uint32_t make(task_id id, state at);
  void make_remote(task_id id, std::uint64_t bytes, peer_id holder);
  void set_state(entry& e, std::uint32_t place, state to);
  /// Tasks that take it wait for it: the engine does not know it, or must not look at it yet.
  static bool keeps_waiting(const entry& e) noexcept {
    return e.at == state::promised || e.at == state::waiting || e.offered;
  }
  void link(std::uint32_t task, std::uint32_t input);
  /// A task takes its inputs no longer; remote values that nobody takes are forgotten.
  void unlink(std::uint32_t task);
  void forget_if_unused(std::uint32_t remote);
  /// Takes an id whose value there is, or was never made, out of the table. With `lost` nobody can take the value any
  /// more: tasks that would, and have not begun, are given back if the engine lets go of them; if it does not their
  /// end will come by itself, and is taken as a giving back then. With `taken` too those that run have all they need.
  void leave(std::uint32_t place, bool lost, bool taken = false);
  /// For the next message. That values have come is no news to hurry with: it is said before the next other
  /// message, a heartbeat at the latest.
  batch_writer& say();
  void free_entry(std::uint32_t place);
  bool lacks_input(const entry& e) const noexcept;
  /// A task that waits here takes it. Of tasks in the engine the engine keeps the inputs.
  bool is_waited_for(std::uint32_t place) const noexcept;
  bool is_to_stop(const entry& e) const noexcept { return e.stopping || e.quitting || e.late; }
  void say_ended_unrun(const entry& e);
  void say_retracted(task_id id, std::uint32_t attempt, bool given_back);
  void say_cancelled(task_id id, std::uint32_t attempt);
  void say_late(task_id id, std::uint32_t attempt);

  peer_id self_;
  worker_host& host_;
  worker_limits limits_;
  fetcher fetcher_;
  batch_writer out_;
  std::vector<entry> entries_;
  std::vector<edge> edges_;
  std::vector<std::uint32_t> free_entries_, free_edges_;
  id_table places_;
  std::vector<std::uint32_t> executing_, scratch_, leaving_;
  std::vector<task_id> gone_;  // that tasks lacked which were to be submitted
  std::vector<attempt_ref> attempts_;
  std::vector<value_added> added_;  // not said yet
  std::vector<waiting_task> waiting_;
  std::vector<std::uint32_t> free_waiting_, settling_;
  std::unordered_multimap<task_id, peer_id> pushes_;  // to whom what is made here is pushed
  std::vector<task_id> unmet_;  // missing since the last tick: the scheduler was told, or is to be
  struct giver {
    peer_id peer;
    std::uint32_t coming;  // tasks
  };
  std::vector<giver> givers_;  // of those that are coming; who gives nothing more goes at the next tick
  /// A heap, the first to end on top. Those of attempts that have ended stay until they are due, or are most of all.
  std::vector<time_limit> limits_of_time_;
  std::vector<bool> modules_, options_;
  std::size_t submitted_ = 0, left_ = 0;
  worker_mode ordered_ = worker_mode::running;
  bool paused_ = false;
  time_ns heartbeat_at_;
};

}  // namespace weft::net
