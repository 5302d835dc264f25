#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "spill/eviction.hpp"
#include "spill/scratch.hpp"
#include "spill/segments.hpp"
#include "weft/codec.hpp"
#include "weft/stop.hpp"
#include "weft/sync.hpp"
#include "weft/task.hpp"

namespace weft::detail {

class store;

/// A value that the store looks after: it is in memory, or on the disk, or both.
class stored_value : public evictable {
 public:
  /// What the store does with the value, which belongs to somebody else. The functions are not called at the same
  /// time for one value, but `encode` runs beside readers.
  struct operations {
    void (*encode)(void* owner, encoder& into);
    void (*drop)(void* owner) noexcept;           // destroys the value, frees its memory
    void (*restore)(void* owner, decoder& from);  // makes it again
    bool (*remake)(void* owner) noexcept;         // computes it again, when it cannot be restored; false: cannot be
    void (*let_go)(void* owner) noexcept;         // erase() had to wait: now the owner may go
    std::string (*maker)(const void* owner);      // what made it, for messages
    bool (*lost)(void* owner) noexcept;           // it cannot be read. True: who needs it gets it from elsewhere
    task<> (*fetch)(void* owner);                 // brings a value that is elsewhere; throws when it cannot be had
    /// Whether `remake`, where it failed, may come right when the value is asked for again. Null: never.
    bool (*remakable)(const void* owner) noexcept = nullptr;
  };

  static constexpr std::uint64_t no_use = ~std::uint64_t{0};  // its next_use: none is known

  std::uint64_t bytes() const noexcept { return bytes_; }
  store& home() const noexcept { return *home_; }

 private:
  friend class store;
  enum class place_of : std::uint8_t { memory, writing, loading, disk, lost };

  store* home_ = nullptr;
  void* owner_ = nullptr;
  const operations* does_ = nullptr;
  std::uint64_t bytes_ = 0;
  std::uint32_t pins_ = 0;
  place_of where_ = place_of::memory;
  bool on_disk_ = false;      // at_ is valid, or it is elsewhere
  bool elsewhere_ = false;    // in another process, and not here yet
  bool doomed_ = false;       // erased while it was being written or loaded
  bool unspillable_ = false;  // it could not be encoded
  extent at_;
  std::vector<std::uint64_t> uses_;  // ranks of the tasks that need it, the first of them first
  std::size_t first_use_ = 0;        // those before it are over
  std::exception_ptr error_;         // lost: why
  std::vector<class memory_request*> loads_for_;
};

/// Somebody asks for memory: that some values be there and stay there, and that there be room for a result.
class memory_request : public placed {
 public:
  std::uint64_t rank = 0;     // who comes first
  std::uint64_t reserve = 0;  // bytes of the result, as far as they can be told
  stored_value** inputs = nullptr;
  std::uint32_t count = 0;
  bool produces = false;     // its result may take memory, known in advance or not
  bool exclusive = false;    // the values will be moved from: nobody may be writing them
  bool lasting = false;      // it may be kept for long: nobody counts on its end
  std::exception_ptr error;  // granted with this: an input is lost, or there is no room for it anywhere
  /// Called when the request is granted, unless ask() granted it at once. On any thread, without the store's lock.
  void (*granted)(memory_request&) noexcept = nullptr;
  /// Whether who asked has ended meanwhile: then nothing is read and no room is kept, and it is granted with the
  /// error weft::cancelled, though others come before it. Under the store's lock.
  bool (*over)(const memory_request&) noexcept = nullptr;

 private:
  friend class store;
  std::uint32_t loading_ = 0;   // inputs that are still on their way,
  std::uint32_t fetching_ = 0;  // of these from other processes
  std::uint64_t charged_ = 0, taken_ = 0;
  std::uint32_t waits_ = 0;  // for other tasks, at this moment
  bool left_ = false;        // its work is a coroutine that has left its thread
  enum class state : std::uint8_t { made, waiting, granted, withdrawn } state_ = state::made;
};

/// What the store does as the process takes more memory: a ladder of four, in bytes, of which 0 is off.
struct resident_limits {
  std::uint64_t limit = 0;      // what the process may take; 0: nothing is measured
  std::uint64_t spill = 0;      // above it values are evicted,
  std::uint64_t target = 0;     // down to this
  std::uint64_t pause = 0;      // above it only what frees memory is granted, or one at a time
  std::uint64_t terminate = 0;  // above it no task is accepted
  std::chrono::nanoseconds interval = std::chrono::milliseconds(100);  // from one look to the next, at least
};

struct store_options {
  std::uint64_t budget = 0;   // bytes that values may take in memory
  spill_file_options files;   // files.directory: where the store's own directory is made
  bool own_directory = true;  // makes a scratch_directory there; false: uses it as it is
  unsigned ahead = 8;         // requests whose inputs are on their way while none of them runs yet
  unsigned threads = 1;       // that work with values: each keeps some of what is on its way waiting
  unsigned place_bits = 64;   // the lower bits of a rank, which count; those above tell priorities apart
  resident_limits resident;
  std::chrono::nanoseconds patience = std::chrono::seconds(10);  // see wait_out()
  bool least_recently_used = false;                              // evicts by age instead: for comparisons
};

struct store_counters {
  std::uint64_t in_memory = 0, peak = 0, reserved = 0, values = 0;
  std::uint64_t spilled = 0, spilled_bytes = 0;    // values, bytes written
  std::uint64_t reloaded = 0, reloaded_bytes = 0;  // read
  std::uint64_t remade = 0;                        // computed again, since they could not be read
  std::uint64_t waits = 0;                         // requests that were not granted at once
};

/// Keeps values within a budget of memory. Who wants to work with values asks for them, and for room for the result;
/// the store grants requests in the order of their ranks. What must leave memory is the value whose next use is
/// furthest; it is written before memory is short, and dropped when the room is needed, so that who needs it does not
/// wait. Where the disk fails, values stay in memory, and who would need more than there is gets an error.
///
/// Progress: a request that does not fit is granted all the same when nothing else is under way that could make room.
/// Under way are the granted requests whose work will end by itself: those that run, and coroutines that wait for
/// something outside (a timer, a socket). One that waits for another task of the store's owner is not: that task may
/// have to be granted first. Whether something outside comes about without those who wait here, nobody can know, a
/// channel may be fed by one of them: so when nothing but such waits has been under way for `patience`, and nothing
/// has changed meanwhile, one request more is granted, and so on. What is brought from another process may have to
/// wait there until a value of this one has come: where nothing but such transfers is under way, who only reads (a
/// peer, for one) is granted beyond the budget; where they are beside waits for what is outside, they count as such
/// waits. Hence every request is granted at last, unless some work never ends.
///
/// Resident memory: where options.resident has a limit, the store looks at what the process takes, when something is
/// asked for or comes to be, and while requests wait, but seldom. It climbs the ladder of resident_limits, each rung
/// of which is left a twentieth of the limit below where it was entered, that of `spill` at `target`. What is evicted
/// for that goes in the order in which it goes for room; values may then take less than the budget, by what is too
/// much, but a quarter of it at least, until there is room below `target` again. On the rung of `pause` a request is
/// granted when its end frees at least what it takes, or nothing else is under way: so it slows down, and never
/// stops.
class store {
 public:
  /// Whom the store works for: it starts the store's own work on its pool, and says whether it is there still, and
  /// then stays until it is let go.
  struct host {
    void* context;
    void (*spawn)(void* context, task<> work);
    bool (*hold)(void* context) noexcept;
    void (*let_go)(void* context) noexcept;
    std::int64_t (*now)(void* context) noexcept;
    std::uint64_t (*resident)(void* context) noexcept;  // what the process takes in memory; 0: nobody knows
    void (*trim)(void* context) noexcept;               // gives freed memory back to the system
  };
  store(store_options options, host h);
  store(const store&) = delete;
  store& operator=(const store&) = delete;

  /// A value has come to be, which takes `bytes` in memory, of those that `made_by` has reserved, if it has any. It
  /// stays there until it is published.
  stored_value* insert(void* owner, const stored_value::operations& does, std::uint64_t bytes,
                       memory_request* made_by);
  /// A value that is in another process, and is fetched when somebody asks for it: it takes no memory until
  /// then. It is to be published like others.
  stored_value* insert_elsewhere(void* owner, const stored_value::operations& does, std::uint64_t bytes);
  /// A value that comes whether there is room or not, of about so many bytes: from now on they are taken, and others
  /// leave for them. When it is there it is resized to what it is, and published like others.
  stored_value* insert_coming(void* owner, const stored_value::operations& does, std::uint64_t bytes);
  /// Of one that is not published.
  void resize(stored_value& v, std::uint64_t bytes) noexcept;
  /// Tells which tasks, by their ranks, will use the value, and lets it go to the disk.
  void publish(stored_value& v, std::vector<std::uint64_t> uses);
  /// The value's owner wants to go. False: the store is at work with it, and will call let_go.
  static bool erase(stored_value* v) noexcept;
  void add_use(stored_value& v, std::uint64_t rank);
  void drop_use(stored_value& v, std::uint64_t rank) noexcept;

  /// True: granted. False: `r` will be, and must stay where it is until then.
  bool ask(memory_request& r);
  /// The work of a granted request is over: its inputs may go again, and the room for its result, which insert() has
  /// counted by now, is given back.
  void finish(memory_request& r) noexcept;
  /// The work of a granted request, which alone reads this value of its own, makes its result of the value's memory:
  /// from now on this is counted as the room for the result. False: somebody else is at work with the value.
  bool take(stored_value& v, memory_request& r) noexcept;
  /// Whether it would be given, as long as nobody else begins to read it.
  bool may_take(const stored_value& v) noexcept;
  /// Who asked has ended, as `over` says: if the request waits it is granted now, with that error, and those behind
  /// it may go on.
  void stop_waiting(memory_request& r) noexcept;
  /// The request is not wanted any more, or will not be when it is made. True: it was made, is not granted, and will
  /// not be. It holds nothing then, and finish() does nothing.
  bool withdraw(memory_request& r) noexcept;

  /// The work of a granted request begins to wait for another task, or no longer does; such waits are counted. It
  /// keeps what it has, but nobody counts on its end meanwhile.
  void begins_to_wait(memory_request& r) noexcept;
  void goes_on(memory_request& r) noexcept;
  /// The work of a granted request is a coroutine that waits, for whatever, and has left its thread.
  void left(memory_request& r) noexcept;

  /// Whether memory is short enough that a request should be made even by who only produces.
  bool tight() const noexcept { return tight_.load(std::memory_order_relaxed); }
  /// Whether even what produces an unknown amount should ask.
  bool paused() const noexcept { return paused_.load(std::memory_order_relaxed); }
  /// Looks at what the process takes, if the last look is long enough ago: for who wants to know of paused() though
  /// nothing is asked for.
  void look();
  /// Throws weft::overloaded when the process takes so much memory that nothing more is accepted.
  void check_not_full() {
    if (refusing_.load(std::memory_order_relaxed)) [[unlikely]]
      check_again();
  }
  store_counters counters() const;
  spill_counters disk() const;
  const store_options& options() const noexcept { return options_; }

  /// The owner lets go: no further requests. It stays until its last value is erased.
  void retire() noexcept;

 private:
  ~store();
  /// What is to be done once the lock is released.
  struct after {
    std::vector<memory_request*> granted;
    std::vector<stored_value*> loads, orphans;
    unsigned writers = 0;
    std::optional<stop_source> wait_out, hush;
  };

  void remove_use(stored_value& v, std::uint64_t rank) noexcept;
  void set_next_use(stored_value& v) noexcept;
  void index(stored_value& v);
  void unindex(stored_value& v) noexcept;
  void pin(stored_value& v) noexcept;
  void unpin(stored_value& v);
  void drop(stored_value& v) noexcept;
  void forget(stored_value& v) noexcept;
  std::uint64_t used() const noexcept { return in_memory_ + reserved_; }
  bool make_room(std::uint64_t need) noexcept;
  bool clean_goes_first() const noexcept;
  std::uint64_t priority_of(std::uint64_t rank) const noexcept {
    return options_.place_bits < 64 ? rank >> options_.place_bits : 0;
  }
  std::uint64_t distance_to(std::uint64_t rank) const noexcept;
  struct balance {
    std::uint64_t taken = 0, freed = 0;
  };
  balance balance_of(const memory_request& r) const noexcept;
  bool pauses(const memory_request& r) const noexcept;
  void grant_what_frees(after& then);
  void grant(memory_request& r, after& then);
  void check_again();
  bool look_is_due() noexcept;
  bool shed() noexcept;
  void shed_written();
  bool trim() noexcept;
  bool admit(memory_request& r, after& then, bool beyond = false);
  bool grant_first(after& then, bool beyond = false);
  void give_back(memory_request& r) noexcept;
  bool only_fetches() const noexcept;
  bool goes_past_fetches(const memory_request& r, bool beyond) const noexcept;
  bool no_room_to_come(const memory_request& r, bool beyond) const noexcept;
  bool stalled() const noexcept;
  void poll(after& then);
  void run(after& then, bool held);
  bool hold() noexcept;
  void watch(after& then);
  std::vector<stored_value*> choose_victims();
  void stays_in_memory(stored_value& v, const char* why);
  task<> wait_out(stop_source over);
  task<> write_behind();
  task<> load(stored_value& v);
  task<segment_store*> files();

  const store_options options_;
  const host host_;
  mutable std::mutex lock_;
  eviction_index clean_, dirty_;  // in memory and not in use; of these on the disk too, or not
  struct sooner {
    bool operator()(const memory_request& a, const memory_request& b) const noexcept { return a.rank < b.rank; }
  };
  placed_heap<memory_request, sooner> waiting_;
  std::uint64_t in_memory_ = 0, reserved_ = 0, peak_ = 0;
  std::uint64_t clean_bytes_ = 0;  // in clean_
  std::uint64_t ages_ = 0, values_ = 0;
  std::uint32_t granted_ = 0;  // requests at work that will end by themselves
  std::uint32_t outside_ = 0;  // of these, coroutines that wait for something outside, as far as is known
  std::uint64_t changes_ = 0;  // of granted_ and outside_
  std::optional<stop_source> waiting_out_;
  std::uint32_t on_their_way_ = 0;  // requests that wait for loads
  std::uint32_t fetching_ = 0;      // requests that were granted, and wait for values of other processes
  std::uint32_t loads_ = 0, fetches_ = 0, writers_ = 0;  // fetches_: loads from other processes
  std::uint64_t writing_bytes_ = 0, loading_bytes_ = 0;
  static constexpr std::size_t most_in_batch = 1024;
  std::size_t batch_limit_ = most_in_batch;         // values that are written at once
  static constexpr std::uint32_t most_writers = 2;  // batches: one is gathered while another is on its way
  std::uint32_t writer_limit_ = most_writers;       // one at a time after a failure, to see whether it is its own
  std::uint64_t deficit_ = 0;                       // what the first waiting request needs
  bool failed_alone_ = false;                       // the last batch could not be written, though it was small
  std::exception_ptr disk_error_;                   // why nothing can be written at present
  std::uint64_t releases_ = 0;                      // values that have left the disk
  bool retired_ = false;
  std::uint64_t budget_;        // options_.budget, or less while the process takes too much
  std::uint64_t resident_ = 0;  // at the last look
  std::uint64_t to_shed_ = 0;   // bytes of values that are to leave for that
  std::uint64_t untrimmed_ =
      0;  // bytes of values that have left for that, which the system may not have got back yet
  std::atomic<std::int64_t> next_look_{0}, next_trim_{0};
  std::atomic<bool> tight_{false}, shedding_{false}, paused_{false}, refusing_{false};
  store_counters count_;

  // By priorities, the bits of a rank above its place: the furthest rank of the requests that were granted.
  std::unordered_map<std::uint64_t, std::uint64_t> fronts_;

  mutex making_files_;
  std::unique_ptr<scratch_directory> directory_;
  std::unique_ptr<segment_store> files_;
};

}  // namespace weft::detail
