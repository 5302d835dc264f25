#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "scheduler/backlog.hpp"
#include "scheduler/catalogue.hpp"
#include "scheduler/held_queue.hpp"
#include "scheduler/options.hpp"
#include "scheduler/task_table.hpp"
#include "wire/batch.hpp"
#include "wire/cluster_messages.hpp"
#include "wire/ids.hpp"
#include "wire/lease_messages.hpp"
#include "wire/messages.hpp"

namespace weft::net {

struct scheduler_statistics {
  std::size_t clients = 0, workers = 0, slots = 0;
  std::size_t leaving = 0, leaving_slots = 0;  // of these: on their way out
  std::size_t tasks = 0;                       // records
  std::size_t states[task_states] = {};        // by task_state; counted over all records
  std::size_t no_worker = 0;                   // of the held ones: those that no running worker may have
  std::uint64_t pending = 0;                   // tasks of graphs, and behind them, that have no record yet
  std::uint64_t submitted = 0, done = 0, failed = 0, cancelled = 0, restarted = 0;
  std::uint64_t assigned = 0, ahead = 0, taken_back = 0, steals_asked = 0, stolen = 0, stale = 0;
  std::uint64_t copies = 0, copies_dropped = 0;
  std::size_t leases = 0, leases_waiting = 0, leased_slots = 0;
  std::uint64_t leased_calls = 0;  // of those that ended: made straight, under leases
  std::size_t record_bytes = 0;    // records, index of ids
  std::size_t edge_bytes = 0;      // the pool's blocks that are no payloads
  std::size_t payload_bytes = 0;
  std::size_t pool_bytes = 0;  // what the pool has from the system
};

/// What a worker looks like from here.
struct worker_statistics {
  peer_id peer = 0;
  std::string name, address;
  std::string host, machine;  // of the address, and what the machine calls itself; empty: not known
  worker_mode mode = worker_mode::running;
  std::uint32_t slots = 0, leased = 0, assigned = 0, ahead = 0;
  time_ns occupancy = 0;  // estimated time of what is assigned, over all slots
  std::uint64_t value_bytes = 0, memory_used = 0, memory_limit = 0;
};

/// Writes the answer to ask_cluster.
void write_cluster_state(batch_writer& out, std::uint64_t request, const std::vector<worker_statistics>& workers,
                         std::uint32_t target, const std::vector<std::string>& waiting);

/// The scheduler's state machine. Pure: events come in with their time, messages for each peer come out; the same
/// events give the same messages.
///
/// An event is handled to its end before the next: messages of a batch in their order, then settle(): what became
/// ready is placed, held tasks go to workers that have room, dependents are handed over ahead, idle workers steal.
/// What a peer may say is checked before anything is changed; if it is wrong, protocol_error is thrown, what came
/// before in the batch stands, and the caller ends the session (and later says remove_peer).
///
/// Who is believed: of a task, only the worker that has it, and only with the attempt that it was given. A report of
/// any other attempt changes nothing, but for the value that such a worker has kept: it is told to drop it.
///
/// See task_record for what a task's life is, and for how long its record and its value are kept.
class scheduler_core {
 public:
  explicit scheduler_core(const scheduler_options& options = {});
  scheduler_core(const scheduler_core&) = delete;
  scheduler_core& operator=(const scheduler_core&) = delete;

  // ---- peers ----
  peer_id add_client(time_ns now, const peer_hello& hello);
  /// Throws protocol_error when its resources cannot be read, or there are too many workers.
  peer_id add_worker(time_ns now, const worker_hello& hello);
  /// The session is lost for good, or has ended as both wanted (`expected`: nobody is blamed). What it wanted is
  /// released; what it was to do or had is done again. An unknown peer (it has been removed): nothing.
  void remove_peer(time_ns now, peer_id p, bool expected, std::string_view reason);
  bool knows(peer_id p) const noexcept { return p < peers_.size() && peers_[p]; }

  /// Throws protocol_error: the session with `from` must end. (Also for a peer that is unknown.)
  void receive(time_ns now, peer_id from, batch_reader& messages);

  // ---- time ----
  void tick(time_ns now);
  /// When to tick at the latest.
  time_ns deadline() const noexcept;
  static constexpr time_ns never = INT64_MAX;

  // ---- effects ----
  /// The peers for which there may be output, each once.
  std::span<const peer_id> outputs() const noexcept { return outputs_; }
  /// Throws std::out_of_range for a peer that is not there.
  batch_writer& out(peer_id p);
  /// All of outputs() has been taken.
  void clear_outputs() noexcept;
  /// Peers that the scheduler has given up (silent for too long, retired): their sessions are to be closed. Each has
  /// been removed here.
  struct departure {
    peer_id peer = 0;
    std::string reason;
    bool expected = false;  // it was asked to go
  };
  std::vector<departure> take_departures() { return std::exchange(departures_, {}); }

  // ---- policies ----
  /// Copies values, now or when they are there, until each is on `copies` workers, or on all when there are fewer;
  /// again when one of these is lost, or more come (looked at each reduce_interval). Unknown tasks are passed over.
  void replicate(time_ns now, std::span<const task_id> values, std::uint32_t copies);
  /// Moves values from workers whose memory is fuller than the mean to emptier ones, as copies; the surplus is
  /// dropped as soon as the copy is there.
  void rebalance(time_ns now);
  /// Gives a worker no more tasks, copies elsewhere what only it has, then lets it go (see take_departures). When no
  /// other worker can take its values it keeps them, and stays, retiring, until one can.
  void retire(time_ns now, peer_id p);
  /// The same by name or address; false: there is none.
  bool retire(time_ns now, std::string_view name);
  /// Those to retire when the cluster is larger than target(): idle ones first, the fullest last.
  std::vector<peer_id> workers_to_close(std::uint32_t how_many) const;
  /// How many workers the work that there is asks for (dask's adaptive_target), beside those on their way out.
  std::uint32_t target() const;
  /// Nothing has happened for idle_timeout, and nothing is to be done.
  bool idle(time_ns now) const noexcept;
  /// How often a worker should send heartbeats, now that there are so many.
  time_ns heartbeat_interval() const noexcept;

  // ---- looking in ----
  scheduler_statistics statistics() const;
  std::vector<worker_statistics> workers() const;
  /// Why held tasks wait where no worker may run them: a sentence for each kind of worker that is missing.
  std::vector<std::string> waiting() const;
  /// Task groups: a function's statistics, by its number.
  std::size_t functions() const noexcept { return catalogue_.functions(); }
  const catalogue::function& function(std::size_t f) const noexcept {
    return catalogue_.function_at(static_cast<std::uint32_t>(f));
  }
  task_state state_of(task_id id) const noexcept;
  /// Throws std::logic_error that names the first invariant that does not hold.
  void check_invariants() const;

 private:
  friend struct invariant_checker;

  struct failure {
    std::string function, type, text, path;
    std::uint32_t flags = 0;  // failure_flags
    std::uint32_t references = 0;
  };
  struct peer {
    peer_role role;
    std::string name, address;
    worker_index worker = no_worker_index;
    batch_writer out;
    bool listed = false;                 // in outputs_
    std::vector<std::uint32_t> modules;  // of its session, to ours; ~0: not defined
    std::vector<std::uint32_t> options;
    std::vector<bool> met;  // workers whose address it has
    std::vector<task_id> cancelled, restarted, drops;
    std::vector<task_id> later;  // drops that wait for other output
    bool lazy = false;           // has such, or messages in `out` that wait
    std::vector<attempt_ref> stops, retracts;
    std::map<peer_id, time_ns> unreached;  // workers that it has not reached with offers: until they are tried anew
    function_ref last_function;            // the function of its last task, and ours for it
    std::uint32_t last_catalogued = ~std::uint32_t{0};
    backlog behind;
    std::uint64_t next_graph = 0;      // of it, whose turn it is
    std::uint64_t looked_at = 0;       // of its graphs, since something was entered or has happened
    std::uint64_t unused_numbers = 0;  // of graphs that were cut short
    bool has_lists() const noexcept {
      return !cancelled.empty() || !restarted.empty() || !drops.empty() || !stops.empty() || !retracts.empty();
    }
  };
  struct worker {
    peer_id peer = 0;  // 0: nobody
    worker_mode mode = worker_mode::running;
    bool mode_ordered = false;            // retiring, as the scheduler wants
    bool touched = false;                 // in touched_
    std::uint32_t slots = 0, leased = 0;  // those for tasks, and the others
    std::uint64_t memory = 0;             // of its process: what policies go by
    std::uint64_t value_memory = 0;       // what values may take: see room_of()
    std::string name, host, machine, address;
    std::vector<std::int64_t> total, free;  // by resource
    slot head = no_task, tail = no_task;    // what it has, in the order of assignment
    std::uint32_t count = 0, ahead = 0;
    std::uint32_t waiting = 0;      // of count: coroutines, which hold no slot while they wait, and offers: many
    std::uint32_t offers = 0;       // of waiting: values that their submitters are to bring
    std::uint64_t offered = 0;      // their bytes
    time_ns offered_at = 0;         // when it was given the last one
    bool takes_offers = true;       // it knows of them
    std::uint32_t urgent = 0;       // of count: of a priority above the default
    std::uint32_t coming = 0;       // tasks that others were asked to give back for it
    std::uint32_t leaving = 0;      // tasks that it was asked to give back
    std::uint64_t occupancy = 0;    // estimated time of all that it has, in cost units
    std::uint64_t filled = 0;       // the same of what has its inputs, each at most `pipeline`
    std::uint64_t value_bytes = 0;  // of the values that it holds
    std::uint64_t expected = 0;     // of those that it was asked to take over from workers on their way out
    std::uint32_t heap_at = ~std::uint32_t{0};
    std::uint64_t heap_key = 0;
    std::vector<std::uint32_t> classes;
    std::vector<attempt_ref> executing;  // as its last heartbeat said
    heartbeat_record last{};
    time_ns heard = 0;
    std::deque<std::pair<slot, std::uint32_t>> frontier;  // tasks (and attempts) whose dependents were not looked at
    // What the session's tables have: modules by our number, options both ways.
    std::vector<std::uint32_t> module_of;
    std::uint32_t modules = 0;
    std::vector<std::uint32_t> option_of;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> option_slots;  // ours, and its generation
    std::uint32_t next_option = 1;
    bool leaves() const noexcept { return mode == worker_mode::retiring || mode == worker_mode::stopped; }
    /// What it has that runs, or may wait for a slot.
    std::uint32_t work() const noexcept { return count - offers; }
    /// When one of another submitter may be given to it too, while it is paused.
    time_ns offer_due(time_ns slow) const noexcept { return offered_at + slow; }
  };
  struct class_state {
    std::vector<worker_index> eligible;
    std::vector<bool> can;  // by worker
    held_tasks held;
    held_tasks offers;  // held too, while nobody may have them, and in no other task's way
    time_ns unmet_since = 0;
    bool unmet_over = false;  // what was held has just failed for want of a worker, in the event that is handled
    std::uint32_t cursor = 0;
    bool busy = false;  // in busy_classes_
    std::string key;    // of the placement class that this was made for
    std::size_t all_held() const noexcept { return held.size() + offers.size(); }
    slot any_held(const task_table& tasks) const noexcept { return (offers.empty() ? held : offers).first(tasks); }
  };
  enum class lease_state : std::uint8_t { waiting, emptying, opening, open };
  struct lease {
    lease_id id = 0;
    std::uint64_t secret = 0;
    std::uint32_t slots = 0, attempt = 0;
    resource_amounts resources;
    worker_index worker = no_worker_index;
    lease_state is = lease_state::waiting;
  };
  /// A worker on its way out. See retire.cpp.
  struct retirement {
    struct value {
      task_id id = 0;
      peer_id asked = 0;  // who is to take it over; 0: nobody
      std::uint64_t bytes = 0;
    };
    worker_index worker = no_worker_index;
    std::deque<value> values;  // that may be nowhere else
    bool looked = false;       // what it has was looked for
  };
  struct timer {
    time_ns at;
    task_id id;
    bool operator>(const timer& o) const noexcept { return at != o.at ? at > o.at : id > o.id; }
  };

  // core.cpp: events, and what goes out
  peer& peer_at(peer_id p) { return *peers_[p]; }
  peer_id open_peer(const peer_hello& hello);
  void list(peer_id p);
  void flush(peer_id p);
  template <class M>
  void tell(peer_id p, const M& m) {
    peer& to = *peers_[p];
    if (!to.listed) list(p);
    to.out.add(m);
  }
  /// What nobody waits for goes with the next other output for that peer, or after options.laziness.
  template <class M>
  void tell_lazily(peer_id p, const M& m) {
    if (options_.laziness == 0 || peers_[p]->listed) return tell(p, m);
    peers_[p]->out.add(m);
    be_lazy(p);
  }
  void be_lazy(peer_id p);
  void end_laziness();
  void say_later(peer_id p);
  void tell_finished(slot t, const std::span<const std::byte>* value);
  void tell_failed(slot t);
  void tell_cancelled(slot t);
  void tell_restarted(slot t);
  void tell_unneeded(slot t);
  void introduce(peer_id to, worker_index w);
  void drop_value(worker_index w, task_id id);
  void drop_later(worker_index w, task_id id);
  void drop_everywhere(slot t);
  /// `happened`: not only time has passed.
  void settle(bool happened = true);
  void flush_lists();

  // peers.cpp: coming and going
  void remove_worker(worker_index w, bool expected, std::string_view reason);
  void release_wants(peer_id p);
  void rebuild_classes(worker_index about = no_worker_index);
  bool meets(const worker& w, const placement_class& c, bool loosely) const;
  void set_worker_mode(worker_index w, worker_mode mode);
  void depart(peer_id p, std::string reason, bool expected);

  // submit.cpp: what submitters say
  void take_numbers(peer_id p, task_id first, std::uint64_t count);
  void check_room(std::uint64_t more) const;
  std::uint32_t options_of(const peer& from, std::uint32_t index, task_id id) const;
  void submit(peer& from, peer_id p, const submit_task& m);
  std::uint32_t function_of(peer& from, const function_ref& f);
  void define(peer& from, const define_module& m);
  void define(peer& from, const define_options& m);
  slot enter(const submit_task& m, std::uint32_t function, std::uint32_t options, time_ns since);
  void release(peer& from, peer_id p, std::span<const task_id> ids);
  void release_unpinned(peer& from, std::vector<task_id> ids);
  void release_now(std::span<const task_id> ids);
  bool is_kept(const task_record& r) const noexcept;
  void cancel(peer& from, peer_id p, const cancel_tasks& m);
  void cancel_now(std::span<const task_id> ids);
  void retry(peer& from, peer_id p, const retry_tasks& m);
  void retry_now(std::span<const task_id> ids);
  void locate(peer_id p, std::span<const task_id> ids);
  void withdraw_offered(peer_id p, std::span<const task_id> ids);
  void unreached(peer_id p, const unreached_offers& m);
  void check_offer(const submit_task& m) const;
  void end_offer(slot t, std::string_view why);
  void end_offers(peer_id p);
  void set_deadline(slot t, time_ns since);
  /// Its time limit is over. `told`: its worker has ended it already.
  void end_late(slot t, bool told);
  slot own_task(peer_id p, task_id id, const char* what) const;

  // graphs.cpp: graphs that are entered as their tasks come near, and what waits for tasks of theirs
  void begin(peer& from, peer_id p, const begin_graph& m);
  void add_part(peer& from, peer_id p, const graph_part& m);
  void cut_short(peer& from, pending_graph& g);
  std::vector<task_id> hold_back(peer& from, message_kind kind, std::span<const task_id> ids, bool hurried,
                                 std::uint32_t copies = 0);
  bool wait_for_inputs(peer& from, peer_id p, const submit_task& m, std::uint32_t function, std::uint32_t options);
  std::size_t last_pending(const peer& from, peer_id p, std::span<const task_id> inputs, std::size_t end,
                           std::uint64_t but) const noexcept;
  std::size_t carry_out(peer& from, peer_id p, std::size_t most);
  std::size_t enter_waiting(peer& from, peer_id p, std::uint64_t waited_for, backlog::entry& e);
  void enter_backlogs(bool anew);
  std::size_t enter_some(peer& from, peer_id p, std::size_t most);
  bool wants_more(const pending_graph& g) const;
  void finish(peer& from, peer_id p, pending_graph& g);
  std::size_t enter_task(peer& from, peer_id p, pending_graph& g);
  void count_unfinished(const task_record& r, bool more) noexcept;
  void drop_backlog(peer& from, peer_id p);

  // reports.cpp: what workers say
  void done(worker_index w, const done_task& m);
  void report_failed(worker_index w, const failed_task& m);
  void report_cancelled(worker_index w, std::span<const attempt_ref> tasks);
  void missing(worker_index w, const missing_value& m);
  void retracted(worker_index w, const retracted_task& m);
  void added(worker_index w, const value_added& m);
  void dropped(worker_index w, std::span<const task_id> ids);
  void heard(worker_index w, const heartbeat& m);
  void named(worker_index w, const worker_machine& m);
  void unwanted_copy(worker_index w, task_id id);
  void answer_askers(slot t);
  void tell_place(slot t, worker_index asker);
  void give_back(slot t);
  void remove_copy(slot t, worker_index w);
  bool is_somewhere(slot t) const noexcept;
  bool is_at(slot t, worker_index w) const noexcept;
  slot believed(worker_index w, task_id id, std::uint32_t attempt);

  // leases.cpp: slots that clients call straight
  lease* find_lease(lease_id id);
  void request_lease(peer_id p, const lease_request& m);
  void release_lease(peer_id p, lease_id id);
  void release_leases(peer_id p);
  void move_leases(worker_index w, std::string_view why);
  void drop_new_leases(worker_index w);
  void take_worker(lease& l, bool there);
  void enter_heap(worker_index w);
  void serve_leases();
  void lease_worker(lease& l, std::vector<bool>& spoken_for);
  void open_when_empty(lease& l);
  void opened(worker_index w, const lease_opened& m);
  void leased(const leased_report& m);

  // life.cpp: transitions
  void make_ready(slot t);
  void unplace(slot t);
  void unassign(slot t);
  void stop(slot t);
  void take_back(slot t);
  void take_back_dependents(slot t);
  void end_needs(slot t);
  void revive(slot t);
  void lose_value(slot t, std::string_view why);
  void end_tree(slot root, task_state end, std::uint32_t failure_index, bool told, slot cause = no_task);
  void tidy();
  void tidy_one(slot t);
  void forget(slot t);
  std::uint32_t add_failure(std::string function, std::string type, std::string what, std::string path,
                            std::uint32_t flags = 0);
  void drop_failure(std::uint32_t f);
  std::string key_of(slot t) const;
  std::string function_name(slot t) const;
  bool needed(const task_record& r) const noexcept {
    return (r.flags & task_wanted) || (r.marks & mark_floating) || r.needed_by != 0;
  }

  // place.cpp: which worker
  void place(slot t);
  void hold(slot t);
  void unhold(slot t, bool served);
  bool is_producer(slot t) const;
  bool has_room(const worker& w, slot t) const;
  bool is_offer(slot t) const noexcept { return (tasks_[t].flags & task_offered) != 0; }
  std::uint64_t offered_bytes(slot t) const noexcept;
  /// Its last copy is not let go of to have it made again: it may not be run twice, or who scattered it has left.
  bool is_made_once(slot t) const noexcept {
    return (tasks_[t].flags & task_once) || (is_offer(t) && !knows(submitter_of(tasks_[t].id)));
  }
  /// Whether a value fits into a worker, if there is nothing else.
  static bool has_memory_for(const worker& w, std::uint64_t bytes) noexcept {
    return room_of(w) == 0 || bytes <= room_of(w);
  }
  /// 0: it is not known.
  static std::uint64_t room_of(const worker& w) noexcept {
    return w.last.memory_limit != 0 ? w.last.memory_limit : w.value_memory;
  }
  worker_index worker_for_offer(slot t, std::uint32_t in_class);
  bool may_hold_later(slot t, std::uint32_t in_class, const worker& w) const;
  bool may_hold_later(slot t, std::uint32_t in_class) const;
  void place_offers_anew(worker_index about = no_worker_index, std::uint64_t before = 0);
  /// As far as is known. Of an offer whose submitter is there.
  bool is_reached(slot t, const worker& w) const {
    const auto& missed = peers_[submitter_of(tasks_[t].id)]->unreached;
    const auto at = missed.find(w.peer);
    return at == missed.end() || at->second <= now_;
  }
  std::string no_worker_for_offer(slot t);
  bool is_urgent(slot t) const noexcept { return tasks_.call(t).priority > 0 && !is_offer(t); }
  worker_index with_room(slot t) const;
  bool has_resources(const worker& w, std::uint32_t in_class) const;
  worker_index best_worker(slot t, std::uint32_t in_class);
  worker_index least_loaded(std::uint32_t in_class, slot t);
  void fill_workers();
  bool fill_worker(worker_index w);
  std::uint32_t class_of(slot t) const noexcept {
    const std::uint32_t o = tasks_.call(t).options;
    return o == 0 ? 0 : catalogue_.options_at(o).placement;
  }
  std::uint32_t estimate(slot t) const;
  time_ns queue_time(const worker& w) const noexcept;
  time_ns transfer_time(std::uint64_t bytes) const noexcept;

  // paused.cpp
  void fill_paused();
  bool is_paused_for(const worker& w, std::uint32_t in_class) const;
  bool would_run(const worker& w, std::uint32_t in_class) const;
  bool waits_for_paused(std::uint32_t in_class) const;

  // assign.cpp: to a worker
  void assign(slot t, worker_index w, bool ahead);
  void run(slot t, worker_index w);
  bool is_last_use(slot input, slot t) const;
  bool is_given(slot t, worker_index at) const;
  bool is_given(slot t) const;
  void order_push(slot input, slot t);
  void ask_for_offer(slot t, worker_index w);
  std::uint32_t option_for(worker& w, peer_id p, std::uint32_t o);
  std::uint32_t module_for(worker& w, peer_id p, std::uint32_t m);

  // ahead.cpp: before the inputs are made
  void hand_over();
  bool hand_over_dependents(slot t);
  bool consider_ahead(slot t);
  bool consider_apart(slot t, std::uint32_t in_class);
  bool has_room_ahead(slot t, worker_index w);
  bool is_far_ahead(const worker& w, std::uint32_t part = 1) const noexcept;
  bool waits_longer_there(slot t, worker_index w, std::uint64_t bytes) const;
  void look_again(slot t);

  // worker_heap.cpp: by fill
  void touch(worker_index w);
  void heap_add(worker_index w);
  void heap_remove(worker_index w);
  void heap_update(worker_index w);
  bool heap_before(worker_index a, worker_index b) const noexcept;
  void heap_up(std::uint32_t at);
  void heap_down(std::uint32_t at);

  // steal.cpp
  void steal();
  std::uint32_t steal_from(worker_index victim, worker_index thief);
  std::uint32_t kept_from_thieves(const worker& w) const noexcept;
  void end_retraction(slot t);

  // describe.cpp
  std::string missing_of(std::uint32_t in_class) const;
  static std::string why_idle(const worker& w);
  std::string no_room_now(slot t, std::uint32_t in_class) const;
  void answer(peer_id p, const ask_cluster& m);

  // policies.cpp
  void policies();
  void replicate(peer& from, peer_id p, const replicate_values& m);
  void want_copies(task_id id, std::uint32_t copies);
  void keep_copies(slot t, std::uint32_t copies);
  void copy_refused(slot t);
  void keep_all_copies();
  void move_values();
  void reduce_copies();
  void copy(slot t, worker_index to);
  void ask_for_copy(slot t, worker_index to);
  worker_index copy_to_another(slot t);
  bool in_use_at(slot t, worker_index w) const;
  void drop_copy(slot t, worker_index w);
  void moved(slot t);
  bool takes(const worker& w, std::uint64_t bytes) const noexcept {
    return w.memory == 0 || w.value_bytes + w.expected + bytes <= w.memory;
  }
  /// With so many bytes more.
  double fullness(const worker& w, std::uint64_t more = 0) const noexcept;

  // retire.cpp
  void let_go(worker_index w);
  bool let_go(std::string_view name);
  void end_retirement(worker_index w);
  void retire_step();
  void find_values(const std::vector<retirement*>& of);
  void hand_over(retirement& r, std::size_t most);
  bool is_over(retirement::value& v, worker_index from);
  bool make_elsewhere(slot t, worker_index from);
  void forget_request(retirement::value& v);

  scheduler_options options_;
  catalogue catalogue_;
  task_table tasks_;
  std::vector<std::unique_ptr<peer>> peers_;  // by id; 0 is the scheduler
  std::vector<worker> workers_;
  std::vector<worker_index> free_workers_;
  std::vector<worker_index> heap_;  // of workers that may be given tasks
  std::vector<std::unique_ptr<class_state>> classes_;
  std::vector<peer_id> outputs_, with_lists_, lazy_;
  time_ns lazy_until_ = never;
  std::vector<peer_id> behind_;                           // with a backlog
  std::uint64_t pending_tasks_ = 0, promised_tasks_ = 0;  // in all of them
  bool more_to_enter_ = false;                            // of them, soon
  graph_task graph_task_;
  std::vector<std::byte> graph_call_;
  std::vector<task_id> graph_inputs_, graph_taken_;
  std::vector<departure> departures_;
  std::vector<failure> failures_;
  std::vector<std::uint32_t> free_failures_;
  std::vector<timer> timers_;  // a heap
  std::vector<retirement> retirements_;
  std::vector<lease> leases_;     // in the order of the requests
  std::size_t unmet_leases_ = 0;  // of these: not open
  // Looked up only, never walked.
  std::unordered_map<slot, time_ns> deadlines_;
  std::unordered_map<slot, std::vector<std::string>> blame_;

  std::vector<task_id> surplus_;                 // values that got a second copy
  std::map<task_id, std::uint32_t> keep_;        // how many copies replicate() wants; walked
  std::unordered_map<task_id, peer_id> moving_;  // rebalance(): from where
  std::unordered_set<task_id> unmovable_;        // a copy was not taken: no more are made of the value as it is

  // Work of the event that is being handled. An entry may be out of date: who takes it looks at the state first.
  std::vector<slot> ready_, loose_, handed_, candidates_;
  std::vector<worker_index> touched_;
  std::vector<std::uint32_t> busy_classes_;  // those that may hold tasks (never class 0)
  std::vector<std::pair<slot, slot>> tree_;
  std::vector<slot> scratch_, revived_;
  std::vector<input_ref> inputs_;
  std::vector<std::byte> given_;

  scheduler_statistics counts_;
  time_ns now_ = 0, last_event_ = 0;
  time_ns next_steal_ = 0, next_reduce_ = 0, next_retire_ = 0, next_ttl_ = 0;
  std::uint32_t total_slots_ = 0, clients_ = 0, worker_count_ = 0;
  std::size_t paused_ = 0;  // workers
  bool rebalance_asked_ = false;
  std::uint32_t pipeline_cost_ = 1;
  bool hungry_ = false;   // a worker has less to do than slots
  bool crowded_ = false;  // a worker has more
  std::uint64_t held_cost_ = 0;
  std::size_t held_offers_ = 0;
};

/// Copies of a value that placement looks at, and that are kept track of before they have come.
inline constexpr std::size_t most_holders_seen = 8;

/// Of a place in the heap of workers, and of numbers in a session's tables: there is none.
inline constexpr std::uint32_t nowhere = ~std::uint32_t{0};

/// Costs are counted in units of 256 ns, so that 32 bits are 18 minutes.
inline constexpr unsigned cost_shift = 8;

}  // namespace weft::net
