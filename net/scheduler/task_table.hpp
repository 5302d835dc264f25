#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "scheduler/block_pool.hpp"
#include "wire/ids.hpp"

namespace weft::net {

/// Where a task's record is. 0: no task.
using slot = std::uint32_t;
inline constexpr slot no_task = 0;
/// A worker's place in the scheduler's table; used again when it has gone.
using worker_index = std::uint32_t;
inline constexpr worker_index no_worker_index = ~worker_index{0}, kept_by_worker = no_worker_index - 1;

/// What becomes of a task:
///
///     waiting -> ready -> held -> assigned -> memory -> released
///
///   waiting    some input's value is not there yet
///   ready      all are; placed before the event that made it so has ended
///   held       queued here: no worker has room (or, if no worker meets its restrictions at all: for one that does)
///   assigned   a worker has it: with all its inputs, or ahead of those that the same worker is to make
///   memory     ended, and its value is somewhere
///   released   ended or given up, without a value: kept because a value that depends on it may have to be made again
///   failed, cancelled
///   gone       forgotten, but still mentioned in the long rows of dependents of some inputs
///   free
enum class task_state : std::uint8_t {
  free,
  gone,
  waiting,
  ready,
  held,
  assigned,
  memory,
  released,
  failed,
  cancelled
};
inline constexpr std::size_t task_states = 10;
/// On the way to a value.
constexpr bool unfinished(task_state s) noexcept { return s >= task_state::waiting && s <= task_state::assigned; }
constexpr bool alive(task_state s) noexcept { return s >= task_state::waiting; }

enum task_mark : std::uint8_t {
  mark_floating = 1,    // lives until something depends on it, as it was submitted unwanted; or, wanted or not, as
                        // long as its graph may still take its value
  mark_ahead = 2,       // assigned while inputs were still to be made, there or elsewhere
  mark_retracting = 4,  // its worker was asked to give it back
  mark_in_heap = 8,     // of its held queue
  mark_dropping = 16,   // a drop_values that names it may be gathered and not yet written
  mark_asked = 32,      // a worker waits for value_at
  mark_deadline = 64,   // has an entry in the table of deadlines
  mark_blamed = 128,    // has an entry in the table of lost workers
};

/// Of task_record::flags: the task_flags of the wire, and one of our own.
inline constexpr std::uint8_t all_task_flags = 127;
inline constexpr std::uint8_t in_frontier = 128;  // its worker's frontier has an entry for it

/// Workers that were lost with a task are counted up to here.
inline constexpr std::uint8_t most_suspicion = 127;

/// A task's record, one cache line. Invariants (check_invariants proves them):
///   - waiting_on counts the inputs that have no value, while the task is unfinished;
///   - needed_by counts the dependents that are unfinished;
///   - an unfinished task is needed: wanted, floating, or needed_by > 0;
///   - a task holds the records of its inputs: a record is forgotten when the submitter does not want it and no
///     dependent has a record. So whatever a value was made from can be made again as long as the value matters:
///     payload and inputs of a released task are kept while some dependent's record is.
struct task_record {
  task_id id;
  std::uint32_t attempt;
  std::uint32_t worker;      // assigned: the worker; failed: the failure; gone: how many rows mention it
  slot prev, next;           // in the held queue, or the worker's list; memory: a small value's block, and its size
  std::uint32_t waiting_on;  // inputs without a value
  std::uint32_t needed_by;   // unfinished dependents
  std::uint32_t inputs, inputs_count;
  std::uint32_t dependents, dependents_count;
  std::uint32_t cost, aux;  // memory: the value's size, low and high half. assigned: estimated time, the thief, or
                            // kept_by_worker where it would not give it back, since it has begun.
                            // held: aux is the first child in the heap; failed: the input that is to blame
  std::uint32_t holders;    // memory: who has the value
  task_state state;
  std::uint8_t flags;          // task_flags
  std::uint8_t marks;          // task_mark
  std::uint8_t suspicion : 7;  // of workers that were lost with it
  // It is one; or what it takes was to be made by one, or by what has this, when it got its record, or later.
  std::uint8_t behind_coroutine : 1;

  std::uint64_t bytes() const noexcept { return std::uint64_t{aux} << 32 | cost; }
  void set_bytes(std::uint64_t n) noexcept {
    cost = static_cast<std::uint32_t>(n);
    aux = static_cast<std::uint32_t>(n >> 32);
  }
  bool has(task_mark m) const noexcept { return marks & m; }
  void set(task_mark m) noexcept { marks = static_cast<std::uint8_t>(marks | m); }
  void unset(task_mark m) noexcept { marks = static_cast<std::uint8_t>(marks & ~m); }
};
static_assert(sizeof(task_record) == 64);

/// What is read when a task is submitted and when it is assigned.
struct task_call {
  std::uint64_t rank;
  std::uint32_t function, options;  // in the catalogue
  block_pool::ref call;
  std::uint32_t call_bytes;
  std::uint16_t retries;
  std::int16_t priority;
  std::uint32_t reserved;
};
static_assert(sizeof(task_call) == 32);

/// A copy of a value: the worker that has it, or (on_its_way) that will, since it was told to fetch it.
struct holder {
  std::uint32_t bits;
  static constexpr std::uint32_t coming_bit = std::uint32_t{1} << 30, alone_bit = std::uint32_t{1} << 29;
  static constexpr worker_index most_workers = alone_bit - 1;  // their places are below
  worker_index worker() const noexcept { return bits & (alone_bit - 1); }
  bool coming() const noexcept { return bits & coming_bit; }
};

/// The records of all tasks, their edges, payloads, holders, and the way from an id to its record.
///
/// Costs 96 bytes a task, 4 in the index of ids, 8 an edge (none for a task with one input and one dependent, whose
/// edges stand in the records), and the payload rounded up by at most a third.
///
/// Forgetting a task takes it out of its inputs' rows of dependents. From a long row that would cost its length for
/// each, so there the record becomes `gone` instead, and the row is swept when more than half of it is.
class task_table {
 public:
  static constexpr unsigned chunk_bits = 12;
  static constexpr std::size_t chunk_tasks = std::size_t{1} << chunk_bits;
  static constexpr std::size_t short_row = 16;
  /// With so many records the pool never runs out of names: a record has at most five blocks (its call, its inputs,
  /// its dependents, its holders, its value), and one more while a row is copied to a larger or smaller one.
  static constexpr std::size_t most_tasks = (block_pool::most_large - 1) / 5;

  task_record& operator[](slot t) noexcept { return chunks_[t >> chunk_bits]->records[t & (chunk_tasks - 1)]; }
  const task_record& operator[](slot t) const noexcept {
    return chunks_[t >> chunk_bits]->records[t & (chunk_tasks - 1)];
  }
  task_call& call(slot t) noexcept { return chunks_[t >> chunk_bits]->calls[t & (chunk_tasks - 1)]; }
  const task_call& call(slot t) const noexcept { return chunks_[t >> chunk_bits]->calls[t & (chunk_tasks - 1)]; }

  /// A zeroed record in the state `waiting`, with these inputs (whose rows of dependents name it from now on) and
  /// call.
  slot add(task_id id, std::span<const slot> inputs, std::span<const std::byte> call);
  /// Ends the record: payload, rows and holders are freed, and its inputs do not mention it any more. It has no
  /// dependents that are alive. The caller has read its inputs before.
  void forget(slot t) noexcept;

  /// If there is no task, all memory but one chunk goes back, and slots are counted from the beginning. Not while
  /// anybody remembers a slot, even one that is free.
  void trim() noexcept;

  std::span<const slot> inputs(slot t) const noexcept {
    const task_record& r = (*this)[t];
    if (r.inputs_count <= 1) return {&r.inputs, r.inputs_count};
    return {pool_.row(r.inputs), r.inputs_count};
  }
  /// The dependents, each as often as it names the task; those that are `gone` are to be passed over.
  std::span<const slot> dependents(slot t) const noexcept {
    const task_record& r = (*this)[t];
    if (r.dependents_count <= 1) return {&r.dependents, r.dependents_count};
    return {pool_.row(r.dependents) + row_header, r.dependents_count};
  }
  std::uint32_t living_dependents(slot t) const noexcept {
    const task_record& r = (*this)[t];
    return r.dependents_count <= 1 ? r.dependents_count : r.dependents_count - pool_.row(r.dependents)[0];
  }
  std::span<const std::byte> payload(slot t) const noexcept {
    const task_call& c = call(t);
    return {c.call_bytes ? pool_.at(c.call) : nullptr, c.call_bytes};
  }

  // ---- small values of tasks in `memory`, kept for who takes them elsewhere ----
  void keep_value(slot t, std::span<const std::byte> value);
  /// Empty: none is kept.
  std::span<const std::byte> value(slot t) const noexcept {
    const task_record& r = (*this)[t];
    if (r.state != task_state::memory || r.next == 0) return {};
    return {pool_.at(r.prev), r.next};
  }
  void drop_value(slot t) noexcept;
  std::size_t value_bytes() const noexcept { return value_bytes_; }

  // ---- holders of a value, in the order in which they came ----
  std::span<const holder> holders(slot t) const noexcept;
  /// False if it was there already (as coming or not); a real one replaces one that is coming.
  bool add_holder(slot t, worker_index w, bool coming);
  /// False if it was not there.
  bool remove_holder(slot t, worker_index w) noexcept;
  void clear_holders(slot t) noexcept;
  void rotate_holders(slot t) noexcept;

  // ---- ids ----
  slot find(task_id id) const noexcept;
  /// Above all numbers that the peer has submitted.
  std::uint64_t next_number(peer_id submitter) const noexcept;
  std::uint32_t tasks_of(peer_id submitter) const noexcept;
  /// The tasks of a submitter, by number.
  std::vector<task_id> all_of(peer_id submitter) const;
  void open_submitter(peer_id p);
  /// The peer submits nothing more: its index goes when its last task has.
  void close_submitter(peer_id p) noexcept;
  /// Numbers below `next` are taken, and those from `lowest` on may still be added.
  void reserve(peer_id submitter, std::uint64_t next, std::uint64_t lowest) noexcept;

  std::size_t size() const noexcept { return size_; }
  /// One past the last slot that was ever used.
  slot end() const noexcept { return end_; }
  /// Memory in bytes: of records and index; of the pool, with payloads; and the payloads alone.
  std::size_t record_bytes() const noexcept;
  std::size_t pool_bytes() const noexcept { return pool_.footprint(); }
  std::size_t pool_used() const noexcept { return pool_.used(); }
  std::size_t payload_bytes() const noexcept { return payload_bytes_; }
  std::size_t mentions() const noexcept { return gone_; }

 private:
  static constexpr std::size_t row_header = 2;  // how many of the row are gone; its capacity in bytes
  static constexpr std::size_t page_tasks = 1024;

  // A record's holders: none, a single one, or the pool's block of a row, which begins with how many there are. A
  // single one has two bits that no block has together.
  static constexpr std::uint32_t no_holder = ~std::uint32_t{0};
  static constexpr std::uint32_t alone_bits = block_pool::large_bit | holder::alone_bit;
  static_assert((block_pool::large_bit | (block_pool::most_large - 1)) < alone_bits);
  static constexpr bool is_alone(std::uint32_t holders) noexcept { return (holders & alone_bits) == alone_bits; }

  struct chunk {
    std::array<task_record, chunk_tasks> records;
    std::array<task_call, chunk_tasks> calls;
  };
  struct page {
    std::array<slot, page_tasks> slots{};
    std::uint32_t used = 0;
  };
  struct submitter {
    std::vector<std::unique_ptr<page>> pages;  // the first is of numbers base * page_tasks …
    std::uint64_t base = 0, next = 1, lowest = ~std::uint64_t{0};
    std::uint32_t tasks = 0;
    bool closed = false;
  };

  void add_dependent(slot input, slot t);
  void remove_dependent(slot input, slot t) noexcept;
  void sweep(slot input) noexcept;
  void sweep_if_due(slot input) noexcept;
  void free_dependents(slot t) noexcept;
  void unmention(slot t) noexcept;
  void release(slot t) noexcept;
  void index(task_id id, slot t);
  void unindex(task_id id) noexcept;

  std::vector<std::unique_ptr<chunk>> chunks_;
  block_pool pool_;
  std::vector<std::unique_ptr<submitter>> submitters_;  // by peer
  slot free_ = no_task, end_ = 1;
  std::size_t size_ = 0, gone_ = 0, pages_ = 0, payload_bytes_ = 0, value_bytes_ = 0;
};

}  // namespace weft::net
