#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>
#include <tuple>

#include "wire/ids.hpp"

namespace weft::net {

/// What travels between client, scheduler and worker: docs/protocol.md tells the conversation. Those about leases are
/// in wire/lease_messages.hpp, those about the whole cluster in wire/cluster_messages.hpp, graphs in wire/graph.hpp.
/// Numbers are part of the wire format: new kinds go to the end of their group.
enum class message_kind : std::uint16_t {
  // anybody to the scheduler, and the scheduler to anybody
  define_module = 1,
  define_options = 2,
  peer_info = 3,
  peer_gone = 4,
  // client to scheduler
  submit_task = 16,
  release_tasks = 17,
  cancel_tasks = 18,
  retry_tasks = 19,
  locate_tasks = 20,
  withdraw_offers = 21,
  unreached_offers = 22,
  begin_graph = 23,
  graph_part = 24,
  // scheduler to client
  task_finished = 32,
  task_failed = 33,
  task_cancelled = 34,
  task_restarted = 35,
  want_offer = 36,
  drop_offers = 37,
  // scheduler to worker
  run_task = 48,
  drop_values = 49,
  stop_tasks = 50,
  retract_tasks = 51,
  copy_value = 52,
  value_at = 53,
  set_mode = 54,
  push_value = 55,
  give_value = 56,
  // worker to scheduler
  done_task = 64,
  failed_task = 65,
  cancelled_task = 66,
  missing_value = 67,
  retracted_task = 68,
  value_added = 69,
  value_dropped = 70,
  heartbeat = 71,
  worker_machine = 72,
  // between those that fetch values and those that have them
  get_values = 80,
  value_header = 81,
  value_missing = 82,
  pushed_value = 83,
  claim_offers = 84,
  stop_values = 85,
  values_stopped = 86,
  // a tool and the scheduler
  ask_info = 96,
  info = 97,
  // programs: a client, the scheduler, and nannies
  program_wanted = 112,
  program_offer = 113,
  program_chunk = 114,
  program_missing = 115,
  program_ready = 116,
  program_failed = 117,
  program_clients = 118,
  worker_state = 119,
  // leases: a client, the scheduler, and the worker that it may call straight
  lease_request = 128,
  lease_release = 129,
  lease_granted = 130,
  lease_lost = 131,
  open_lease = 132,
  close_lease = 133,
  lease_opened = 134,
  leased_report = 135,
  lease_claim = 136,
  lease_call = 137,
  lease_cancel = 138,
  lease_result = 139,
  // the cluster: a client or a tool, and the scheduler
  replicate_values = 144,
  rebalance_values = 145,
  ask_cluster = 146,
  cluster_state = 147,
};
constexpr bool is_of_leases(std::uint16_t kind) noexcept { return kind >= 128 && kind < 144; }
constexpr bool is_of_programs(std::uint16_t kind) noexcept { return kind >= 112 && kind < 128; }

/// A message that is its record alone, and shares this with others.
template <class Record, message_kind Kind>
struct plain_message : Record {
  using record = Record;
  static constexpr message_kind kind = Kind;
  static auto parts(auto&) noexcept { return std::tie(); }
};

// ---- code --------------------------------------------------------------------------------------------------------

/// A function: an offset from the load address of a module that define_module has named on this session. Module 0 is
/// the program of the peer's hello.
struct function_ref {
  std::uint64_t offset = 0;
  std::uint32_t module = 0;
  std::uint32_t reserved = 0;
};

/// Names a module of the sender's program: its build-id, and its file's name for people.
struct module_record {
  std::uint32_t index;
  std::uint32_t reserved;
};
struct define_module : module_record {
  using record = module_record;
  static constexpr message_kind kind = message_kind::define_module;
  std::span<const std::byte> build_id;
  std::span<const char> name;
  static auto parts(auto& m) noexcept { return std::tie(m.build_id, m.name); }
};

/// What few tasks have: a table of the session, referred to by number. 0 is: none of this.
struct options_record {
  std::uint32_t index;
  std::uint32_t flags;           // options_flags
  std::int64_t time_limit_ns;    // from submission to end; 0: none
  std::uint64_t expected_bytes;  // of the result; 0: unknown
};
enum options_flags : std::uint32_t { loose_restrictions = 1 };
struct define_options : options_record {
  using record = options_record;
  static constexpr message_kind kind = message_kind::define_options;
  std::span<const char> name;       // the task's key
  std::span<const char> resources;  // `gpu=1 licence=0.5`
  std::span<const char> workers;    // names or addresses, separated by blanks; empty: any
  std::span<const char> hosts;
  static auto parts(auto& m) noexcept { return std::tie(m.name, m.resources, m.workers, m.hosts); }
};

// ---- peers -------------------------------------------------------------------------------------------------------

enum class peer_role : std::uint8_t { scheduler, client, worker, nanny, tool };

/// Tells where a peer can be reached; comes before the first message that names it.
struct peer_record {
  peer_id peer;
  std::uint8_t role;  // peer_role
  std::uint8_t reserved[3];
};
struct peer_info : peer_record {
  using record = peer_record;
  static constexpr message_kind kind = message_kind::peer_info;
  std::span<const char> address;  // of its listener
  std::span<const char> name;
  static auto parts(auto& m) noexcept { return std::tie(m.address, m.name); }
};
struct peer_gone_record {
  peer_id peer;
  std::uint32_t reserved;
};
struct peer_gone : peer_gone_record {
  using record = peer_gone_record;
  static constexpr message_kind kind = message_kind::peer_gone;
  static auto parts(auto&) noexcept { return std::tie(); }
};

// ---- client and scheduler ----------------------------------------------------------------------------------------

enum task_flags : std::uint32_t {
  /// The submitter holds a future of it: it is told of the end, and releases it. Without it the task lives as long as
  /// others need its value.
  task_wanted = 1,
  /// A coroutine: it may wait without holding a slot.
  task_waits = 2,
  /// It takes a client: it may submit tasks.
  task_submits = 4,
  /// Its result may be sent along with the report of its end, when it is small.
  task_inline = 8,
  /// Its arguments are a value (scatter): running it costs nothing.
  task_constant = 16,
  /// It may not be run twice (its arguments cannot be used again, or it has effects): a loss is an error.
  task_once = 32,
  /// Of a constant without inputs: the submitter keeps the value, and its call is an `offered_call`. Its worker gets
  /// the value from the submitter. Only where both sides have capability::offers.
  task_offered = 64,
};

/// The call of a task whose value is offered.
struct offered_call {
  std::uint64_t bytes;   // of the value, encoded
  std::uint64_t secret;  // by which its worker knows the submitter: see claim_offers
};

struct submit_record {
  task_id id;  // of the submitter's own numbers, growing
  function_ref function;
  std::uint64_t rank;   // the smaller, the sooner, among the submitter's: priority first, then order
  std::uint32_t flags;  // task_flags
  std::uint32_t options;
  std::uint16_t retries;
  std::int16_t priority;
  std::uint32_t reserved;
};
struct submit_task : submit_record {
  using record = submit_record;
  static constexpr message_kind kind = message_kind::submit_task;
  std::span<const task_id> inputs;
  std::span<const std::byte> call;  // the function object and its arguments, as the function decodes them
  static auto parts(auto& m) noexcept { return std::tie(m.inputs, m.call); }
};

/// Messages that are lists of tasks.
struct list_record {
  std::uint64_t reserved;
};
template <message_kind Kind>
struct task_list : list_record {
  using record = list_record;
  static constexpr message_kind kind = Kind;
  std::span<const task_id> tasks;
  static auto parts(auto& m) noexcept { return std::tie(m.tasks); }
};
/// The submitter holds no future of them any more. What nobody needs is cancelled, and its value dropped.
using release_tasks = task_list<message_kind::release_tasks>;
using cancel_tasks = task_list<message_kind::cancel_tasks>;
/// Runs failed tasks again, and the failed ones that they depend on.
using retry_tasks = task_list<message_kind::retry_tasks>;
/// Asks for task_finished again: the place that it named does not have the value.
using locate_tasks = task_list<message_kind::locate_tasks>;
/// The submitter does not have the values any more that it has offered.
using withdraw_offers = task_list<message_kind::withdraw_offers>;
struct unreached_record {
  peer_id worker;
  std::uint32_t reserved;
};
/// The submitter does not reach that worker, which was to have these values that it has offered.
struct unreached_offers : unreached_record {
  using record = unreached_record;
  static constexpr message_kind kind = message_kind::unreached_offers;
  std::span<const task_id> tasks;
  static auto parts(auto& m) noexcept { return std::tie(m.tasks); }
};

struct finished_record {
  task_id id;
  std::uint64_t bytes;  // in memory
  peer_id worker;       // where the value is
  std::uint32_t flags;  // finished_flags
};
enum finished_flags : std::uint32_t { has_value = 1 };  // `value` is it
struct task_finished : finished_record {
  using record = finished_record;
  static constexpr message_kind kind = message_kind::task_finished;
  std::span<const std::byte> value;
  static auto parts(auto& m) noexcept { return std::tie(m.value); }
};

/// Why a task failed: keys from the first failure to the task, separated by newlines.
struct failure_record {
  task_id id;
  std::uint32_t attempt;  // towards clients: 0
  std::uint32_t flags;    // failure_flags
};
/// `time_is_over`: the task, or the first one of `path`, did not end within its time limit. A worker says so of a
/// task that it has ended because run_record::time_left_ns had passed; the scheduler, who knows its key and the
/// limit, puts them in the texts.
enum failure_flags : std::uint32_t { time_is_over = 1 };
template <message_kind Kind>
struct failure_message : failure_record {
  using record = failure_record;
  static constexpr message_kind kind = Kind;
  std::span<const char> function;
  std::span<const char> type;  // of the exception
  std::span<const char> text;
  std::span<const char> path;
  static auto parts(auto& m) noexcept { return std::tie(m.function, m.type, m.text, m.path); }
};
using task_failed = failure_message<message_kind::task_failed>;
using failed_task = failure_message<message_kind::failed_task>;

using task_cancelled = task_list<message_kind::task_cancelled>;
/// Their values are lost, or they are run again by retry: another end will be told.
using task_restarted = task_list<message_kind::task_restarted>;

// ---- scheduler and worker ----------------------------------------------------------------------------------------

/// An input of a task: its size, and where it is. worker 0: it is made here, or is here.
struct input_ref {
  task_id id;
  std::uint64_t bytes;
  peer_id worker;
  std::uint32_t given;  // of run_task::values: so many bytes of them are this value, encoded; or `promised_input`
};
/// The worker is to make it: the value will be pushed, or value_at will say that it is there.
inline constexpr std::uint32_t promised_input = ~std::uint32_t{0};

struct run_record {
  task_id id;
  function_ref function;
  std::uint64_t rank;
  std::int64_t time_left_ns;  // until the task's deadline, when this was sent; 0: no limit. Clocks are never compared
  std::uint32_t attempt;      // grows with each assignment: what an older one says is not believed
  std::uint32_t flags;
  std::uint32_t options;  // of the session's table
  std::int16_t priority;
  std::uint16_t last_uses;  // of the first sixteen inputs, a bit each: nobody else is to take the value
};
struct run_task : run_record {
  using record = run_record;
  static constexpr message_kind kind = message_kind::run_task;
  std::span<const input_ref> inputs;
  std::span<const std::byte> call;
  std::span<const std::byte> values;  // small inputs that are elsewhere, and need not be fetched
  static auto parts(auto& m) noexcept { return std::tie(m.inputs, m.call, m.values); }
};

struct attempt_ref {
  task_id id;
  std::uint32_t attempt;
  std::uint32_t reserved;
};
template <message_kind Kind>
struct attempt_list : list_record {
  using record = list_record;
  static constexpr message_kind kind = Kind;
  std::span<const attempt_ref> tasks;
  static auto parts(auto& m) noexcept { return std::tie(m.tasks); }
};
/// Values that the worker need not keep.
using drop_values = task_list<message_kind::drop_values>;
/// Cancelled: one that has not begun never will, a coroutine is asked to stop. Answered by cancelled_task, or by
/// whatever end came first.
using stop_tasks = attempt_list<message_kind::stop_tasks>;
/// Asks for tasks back that have not begun. Each is answered by retracted_task.
using retract_tasks = attempt_list<message_kind::retract_tasks>;

struct copy_record {
  task_id id;
  std::uint64_t bytes;
  peer_id worker;
  std::uint32_t flags;  // copy_flags
};
/// Of missing_value: a copy came from that worker, which has the value still, and was not taken.
enum copy_flags : std::uint32_t { not_taken = 1 };
/// Fetch a value and keep it (copy_value); it is there now (value_at, the answer to missing_value, and to a promise);
/// send it to that worker as soon as it is made, if it is small (push_value).
using copy_value = plain_message<copy_record, message_kind::copy_value>;
using value_at = plain_message<copy_record, message_kind::value_at>;
using push_value = plain_message<copy_record, message_kind::push_value>;
/// To a submitter: that worker is to have the value that was offered, and waits until it is reached.
using want_offer = plain_message<copy_record, message_kind::want_offer>;
/// To a submitter that has released what it offered: nobody needs it to give the values any more.
using drop_offers = task_list<message_kind::drop_offers>;

enum class worker_mode : std::uint8_t { running, paused, retiring, stopped };
constexpr std::string_view name_of(worker_mode m) noexcept {
  constexpr std::string_view names[] = {"running", "paused", "retiring", "stopped"};
  return static_cast<std::size_t>(m) < std::size(names) ? names[static_cast<std::size_t>(m)] : "unknown";
}
struct mode_record {
  std::uint8_t mode;  // worker_mode
  std::uint8_t reserved[7];
};
struct set_mode : mode_record {
  using record = mode_record;
  static constexpr message_kind kind = message_kind::set_mode;
  static auto parts(auto&) noexcept { return std::tie(); }
};

struct done_record {
  task_id id;
  std::uint64_t bytes;
  std::uint64_t nanoseconds;  // that it ran
  std::uint32_t attempt;
  std::uint32_t flags;  // finished_flags
};
struct done_task : done_record {
  using record = done_record;
  static constexpr message_kind kind = message_kind::done_task;
  std::span<const std::byte> value;
  static auto parts(auto& m) noexcept { return std::tie(m.value); }
};
using cancelled_task = attempt_list<message_kind::cancelled_task>;

/// A value could not be had where it should be; the tasks that need it wait for value_at. With not_taken nobody
/// waits.
using missing_value = plain_message<copy_record, message_kind::missing_value>;

struct retracted_record {
  task_id id;
  std::uint32_t attempt;
  std::uint32_t given_back;  // 0: it has begun, or has ended
};
struct retracted_task : retracted_record {
  using record = retracted_record;
  static constexpr message_kind kind = message_kind::retracted_task;
  static auto parts(auto&) noexcept { return std::tie(); }
};

/// The worker has a copy (of `bytes`) from now on, or has no longer.
using value_added = plain_message<copy_record, message_kind::value_added>;
using value_dropped = task_list<message_kind::value_dropped>;

struct heartbeat_record {
  std::uint64_t memory_used, memory_limit;  // bytes: the values', and what they may take
  std::uint64_t resident;
  std::uint64_t spilled;
  std::uint32_t running, waiting;  // tasks
  std::uint32_t mode;              // worker_mode
  std::uint32_t wishes;            // heartbeat_wishes
};
enum heartbeat_wishes : std::uint32_t { wishes_to_retire = 1 };
struct heartbeat : heartbeat_record {
  using record = heartbeat_record;
  static constexpr message_kind kind = message_kind::heartbeat;
  std::span<const attempt_ref> executing;  // tasks that have begun and not ended
  static auto parts(auto& m) noexcept { return std::tie(m.executing); }
};

/// What the worker's machine is called, which its address need not tell: the first message of a worker.
struct worker_machine : list_record {
  using record = list_record;
  static constexpr message_kind kind = message_kind::worker_machine;
  std::span<const char> name;
  static auto parts(auto& m) noexcept { return std::tie(m.name); }
};

// ---- values ------------------------------------------------------------------------------------------------------

struct get_record {
  std::uint64_t request;  // of the asking side
};
struct get_values : get_record {
  using record = get_record;
  static constexpr message_kind kind = message_kind::get_values;
  std::span<const task_id> tasks;
  static auto parts(auto& m) noexcept { return std::tie(m.tasks); }
};
/// A value: its schema and encoded message here, its attachments behind, in data frames of the stream `request`. An
/// encoded message of `message_bytes` that is too long for that comes in these frames too, ahead of the attachments.
struct value_record {
  std::uint64_t request;
  task_id id;
  std::uint64_t schema;
  std::uint64_t bytes;          // of the attachments, all together
  std::uint64_t message_bytes;  // 0: it is here
};
struct value_header : value_record {
  using record = value_record;
  static constexpr message_kind kind = message_kind::value_header;
  std::span<const std::uint64_t> attachments;  // the size of each
  std::span<const std::byte> message;
  static auto parts(auto& m) noexcept { return std::tie(m.attachments, m.message); }
};
struct missing_record {
  std::uint64_t request;
  task_id id;
  std::uint32_t busy;  // 1: it is there, ask again later
  std::uint32_t reserved;
};
struct value_missing : missing_record {
  using record = missing_record;
  static constexpr message_kind kind = message_kind::value_missing;
  static auto parts(auto&) noexcept { return std::tie(); }
};

/// Nobody wants any more what is still to come of a request: what has not gone is not to be sent. Only where both
/// sides have capability::stops.
using stop_values = plain_message<get_record, message_kind::stop_values>;
/// The answer, behind the last chunk that has gone; also where all has, or the request is not known (any more).
using values_stopped = plain_message<get_record, message_kind::values_stopped>;

struct giver_record {
  std::uint64_t secret;  // of its offers
  peer_id submitter;
  std::uint32_t reserved;
};
/// From who has dialled: a submitter, which may be asked on this link for the values that it offers.
struct claim_offers : giver_record {
  using record = giver_record;
  static constexpr message_kind kind = message_kind::claim_offers;
  static auto parts(auto&) noexcept { return std::tie(); }
};

/// A small value, encoded, that was promised: from who has made it (pushed_value), or from the scheduler, which says
/// so instead of value_at (give_value).
struct small_record {
  task_id id;
  std::uint64_t bytes;
};
template <message_kind Kind>
struct small_value : small_record {
  using record = small_record;
  static constexpr message_kind kind = Kind;
  std::span<const std::byte> message;
  static auto parts(auto& m) noexcept { return std::tie(m.message); }
};
using pushed_value = small_value<message_kind::pushed_value>;
using give_value = small_value<message_kind::give_value>;

// ---- tools -------------------------------------------------------------------------------------------------------

/// What the scheduler knows: answered by info, a text for people, or in JSON.
struct ask_record {
  std::uint64_t json;  // 1: it
};
struct ask_info : ask_record {
  using record = ask_record;
  static constexpr message_kind kind = message_kind::ask_info;
  static auto parts(auto&) noexcept { return std::tie(); }
};
struct info : list_record {
  using record = list_record;
  static constexpr message_kind kind = message_kind::info;
  std::span<const char> text;
  static auto parts(auto& m) noexcept { return std::tie(m.text); }
};

// ---- programs ----------------------------------------------------------------------------------------------------

/// Refers to a program by the number that the scheduler gave it, the same on all sessions. From a client it is 0: its
/// own.
struct program_record {
  std::uint64_t program;
};

struct wanted_record {
  std::uint64_t program;
  std::uint64_t offset;
  std::uint32_t file;   // its place in the offer; no_file: the offer is wanted
  std::uint32_t bytes;  // from the offset on: answered by one chunk of exactly so many
};
inline constexpr std::uint32_t no_file = ~std::uint32_t{0};
/// The scheduler asks a client for its program.
struct program_wanted : wanted_record {
  using record = wanted_record;
  static constexpr message_kind kind = message_kind::program_wanted;
  static auto parts(auto&) noexcept { return std::tie(); }
};

/// What a program consists of: its own file, then the libraries that are not the system's. Each has a size, a digest
/// (SHA-256), and a name without directories.
struct program_offer : program_record {
  using record = program_record;
  static constexpr message_kind kind = message_kind::program_offer;
  std::span<const std::byte> build_id;
  std::span<const std::uint64_t> sizes;
  std::span<const std::byte> digests;  // 32 bytes each
  std::span<const char> names;         // a newline behind each
  static auto parts(auto& m) noexcept { return std::tie(m.build_id, m.sizes, m.digests, m.names); }
};

struct chunk_record {
  std::uint64_t program;
  std::uint64_t offset;
  std::uint32_t file;
  std::uint32_t reserved;
};
/// Client to scheduler, which passes it on to the nannies that lack the file.
struct program_chunk : chunk_record {
  using record = chunk_record;
  static constexpr message_kind kind = message_kind::program_chunk;
  std::span<const std::byte> bytes;
  static auto parts(auto& m) noexcept { return std::tie(m.bytes); }
};

/// A nanny's answer to an offer: these files it has not, and is sent from their beginning; it has all that are not
/// named. None: it is answered by program_ready at once.
struct program_missing : program_record {
  using record = program_record;
  static constexpr message_kind kind = message_kind::program_missing;
  std::span<const std::uint32_t> files;
  static auto parts(auto& m) noexcept { return std::tie(m.files); }
};
/// The nanny has it, and can run it.
struct program_ready : program_record {
  using record = program_record;
  static constexpr message_kind kind = message_kind::program_ready;
  static auto parts(auto&) noexcept { return std::tie(); }
};
/// A nanny does not take it, a client cannot read it, or, to a client: nobody runs it. The text says why.
struct program_failed : program_record {
  using record = program_record;
  static constexpr message_kind kind = message_kind::program_failed;
  std::span<const char> text;
  static auto parts(auto& m) noexcept { return std::tie(m.text); }
};

struct clients_record {
  std::uint64_t program;
  std::uint64_t clients;
};
/// To a nanny: so many clients run the program. Workers of it are started while there are some.
struct program_clients : clients_record {
  using record = clients_record;
  static constexpr message_kind kind = message_kind::program_clients;
  static auto parts(auto&) noexcept { return std::tie(); }
};

enum class worker_life : std::uint32_t { started, ended, restarting, waiting };
constexpr std::string_view name_of(worker_life l) noexcept {
  constexpr std::string_view names[] = {"started", "ended", "restarting", "waiting"};
  return static_cast<std::size_t>(l) < std::size(names) ? names[static_cast<std::size_t>(l)] : "unknown";
}
struct worker_state_record {
  std::uint64_t program;
  std::uint32_t life;    // worker_life
  std::int32_t process;  // of `ended` and `restarting` the exit status
};
/// From a nanny, of the worker that it runs of a program.
struct worker_state : worker_state_record {
  using record = worker_state_record;
  static constexpr message_kind kind = message_kind::worker_state;
  static auto parts(auto&) noexcept { return std::tie(); }
};

}  // namespace weft::net
