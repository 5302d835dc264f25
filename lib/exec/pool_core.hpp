#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <typeinfo>
#include <utility>
#include <vector>

#include "env/poller.hpp"
#include "env/ticks.hpp"
#include "exec/deque.hpp"
#include "exec/injection_queue.hpp"
#include "exec/parking.hpp"
#include "exec/timer_queue.hpp"
#include "exec/watch.hpp"
#include "trace/ring.hpp"
#include "weft/detail/promise.hpp"
#include "weft/detail/schedule.hpp"
#include "weft/environment.hpp"
#include "weft/pool_options.hpp"
#include "weft/wake_source.hpp"

namespace weft::detail {

class blocking_threads;
struct join;

/// One worker of a pool: its queues, and what it alone reads and writes while it works.
struct alignas(64) worker {
  worker(pool_core& p, unsigned i);

  deque& queue(priority band) noexcept { return queues[static_cast<std::size_t>(band)]; }

  pool_core& pool;
  const unsigned index;
  const bool reserved;  // takes interactive tasks only
  bool parked = false;
  bool poll_soon = false;  // a task has begun an operation that may be complete already
  bool driving = false;    // runs completions in the driver, where nothing long may run

  // A turn: boundaries of tasks left until the worker looks at the clock, at input and output, and around.
  std::uint32_t fuel = 1;
  std::uint32_t full_fuel = 1;
  std::uint32_t boundaries = 0;
  std::uint64_t last_refuel = 0;
  std::uint64_t last_poll = 0;

  std::uint64_t random_state;
  unsigned last_victim = 0;
  unsigned patience = 0;  // with victims that were asked to share

  // Written by this worker, summed by whoever waits for the pool to drain.
  std::atomic<std::uint64_t> roots_begun{0};
  std::atomic<std::uint64_t> roots_ended{0};
  std::atomic<std::uint64_t> spun_ns{0};

  std::atomic<void*> storage{nullptr};  // the worker's ring, for storage/uring

  /// Where to record, while there is a trace. The rings stay until the pool ends, since this worker may be writing.
  std::atomic<trace_ring*> trace{nullptr};
  std::vector<std::unique_ptr<trace_ring>> trace_rings;
  std::uint32_t traced_fuel = 0;  // the turn's fuel while there is a trace, when every boundary is to be seen

  void note(trace_kind kind, std::uint64_t payload = 0) noexcept {
    if (trace_ring* r = trace.load(std::memory_order_acquire)) [[unlikely]]
      r->record(trace_time(), kind, payload);
  }
  /// A frame begins with the address of what resumes it.
  void note_begin(void* frame) noexcept {
    if (trace_ring* r = trace.load(std::memory_order_acquire)) [[unlikely]]
      r->record(trace_time(), trace_kind::task_begin, *static_cast<const std::uint64_t*>(frame));
  }
  std::uint64_t trace_time() noexcept;

  std::array<deque, bands> queues;
  std::atomic<bool> asked_to_share{false};  // by a thief, to whom each single item is dear

  alignas(64) watch::sleeper slot;
};

/// The worker whose thread this is, or null. Never inlined: see current_pool().
worker* current_worker() noexcept;
void this_worker_is(worker* w) noexcept;

class pool_core {
 public:
  explicit pool_core(const pool_options& options, bool stepped = false);
  ~pool_core();
  pool_core(const pool_core&) = delete;
  pool_core& operator=(const pool_core&) = delete;

  // ---- queues ------------------------------------------------------------------------------------------
  void schedule(void* frame, priority band) noexcept;
  void schedule_last(void* frame, priority band) noexcept;
  /// Counts and queues a root: a task that nobody awaits, or a work_item that will call root_ended(). False: `limit`
  /// roots from outside wait already. With no_limit it belongs to what has begun, and is taken while the pool is
  /// being ended, too.
  static constexpr std::size_t no_limit = ~std::size_t{0};
  bool spawn_root(void* frame, priority band, std::size_t limit);
  /// Counts a root that has begun on this worker without being queued.
  void root_began() noexcept;
  void root_ended(std::exception_ptr error) noexcept;
  void report_error(std::exception_ptr error) noexcept;
  /// After an item was queued in that band.
  void wake_if_needed(priority band) noexcept {
    if (parking_.should_notify()) [[unlikely]]
      wake_one(parking_);
    if (band == priority::interactive && options_.reserve != 0 && reserve_parking_.should_notify())
      wake_one(reserve_parking_);
  }
  void schedule_from_outside(void* frame, priority band) noexcept;
  bool urgent() const noexcept { return urgent_.load(std::memory_order_relaxed) != 0; }
  void count_urgent(std::int64_t n) noexcept { urgent_.fetch_add(n, std::memory_order_seq_cst); }
  /// Whether anything waits that the worker should run before more of a task of that band.
  bool others_wait(const worker& w, priority band) const noexcept;
  /// Fuel has run out: whether the turn has ended, or a trace wanted to see the boundary.
  bool turn_ended(worker& w) noexcept;
  /// The task that this worker has run was so long that the turn ends with it.
  void spend_turn(std::uint64_t ran_ticks) noexcept;
  /// The end of a turn; see worker::fuel. True when the worker should go back to its queues.
  bool refuel(worker& w, priority band) noexcept;

  // ---- time and events ---------------------------------------------------------------------------------
  environment& env() noexcept { return env_; }
  /// The cheap clock of intervals. In a simulation a look at it takes a while, which the seed decides: so what runs
  /// between two looks seems to take time, now less than a microsecond, now many; and more where it says so by
  /// spend().
  std::uint64_t ticks() noexcept { return stepped_ ? stepped_ticks() : detail::ticks(); }
  void spend(std::chrono::nanoseconds time) noexcept { intervals_ += static_cast<std::uint64_t>(time.count()); }
  std::uint64_t ticks_per_us() const noexcept { return ticks_per_us_; }
  std::int64_t now_ns() noexcept { return env_.now().time_since_epoch().count(); }
  bool add_timer(timer& t);
  bool cancel_timer(timer& t) noexcept { return timers_.cancel(t); }
  std::int64_t next_timer() const noexcept { return timers_.next(); }
  bool expire_timers() noexcept;
  poller& events() noexcept { return *poller_; }
  wake_source* attach(const std::type_info& kind, std::unique_ptr<wake_source> (*make)());
  blocking_threads& blocking();
  /// What a layer above needs once a pool: made at the first call with that key, kept until the workers have
  /// ended, and let go before the poller.
  std::shared_ptr<void> service(const void* key, std::shared_ptr<void> (*make)(pool_core&));
  /// Gives the pool a service made elsewhere. Throws misuse when it has one with that key.
  void adopt_service(const void* key, std::shared_ptr<void> service);
  /// Whom busy and searching workers ask for completions: returns whether there were any. `ring` is the worker's
  /// own worker::storage, not null.
  void poll_storage_by(bool (*poll)(void* ring) noexcept) noexcept { poll_storage_.store(poll); }

  // ---- the end -----------------------------------------------------------------------------------------
  stop_state& stop() noexcept { return stop_; }
  /// Waits until every root has ended, or until the time has come; true when they have.
  bool wait_drained(std::int64_t until_ns);
  bool refuses_spawns() const noexcept { return closed_.load(std::memory_order_seq_cst); }
  void refuse_spawns() noexcept { closed_.store(true, std::memory_order_seq_cst); }
  std::exception_ptr take_error();
  /// Says on standard error what nobody took.
  void say_unfetched_error() noexcept;

  // ---- workers -----------------------------------------------------------------------------------------
  unsigned size() const noexcept { return static_cast<unsigned>(workers_.size()); }
  worker& worker_at(unsigned i) noexcept { return *workers_[i]; }
  const pool_options& options() const noexcept { return options_; }
  /// No other pool of this process has it, before or after: what may outlive its pool keeps this, since a later pool
  /// may get the address.
  std::uint64_t id() const noexcept { return id_; }
  /// Whether it is stepped by a simulation, and has no threads.
  bool stepped() const noexcept { return stepped_; }
  /// Simulation only: one step of worker `i`; false when it found nothing.
  bool step(unsigned i);

 private:
  void run(worker& w);
  std::uint64_t stepped_ticks() noexcept;
  void* next(worker& w) noexcept;
  void* take_injected(worker& w, priority band) noexcept;
  void* steal(worker& w, priority band, bool& lost) noexcept;
  void* steal_any(worker& w, bool& lost) noexcept;
  void* search(worker& w) noexcept;
  bool visible_work(const worker& w) const noexcept;
  bool visible_to_all() const noexcept;
  bool more_urgent_waits(const worker& w, priority band) const noexcept;
  parking& parking_of(const worker& w) noexcept { return w.reserved ? reserve_parking_ : parking_; }
  std::uint32_t parked_count() const noexcept { return parking_.parked_count() + reserve_parking_.parked_count(); }
  void park(worker& w) noexcept;
  friend watch;  // asks for what follows, and what is visible, parked and due
  bool ending() const noexcept { return quit_.load(std::memory_order_seq_cst); }
  void tell_leader() noexcept;
  void pass_on(const worker& w) noexcept;
  parking::slot* peek_parked() noexcept;
  void sleep_on_signal(worker& w, bool nap) noexcept;
  void sleep_in_driver(worker& w, bool nap) noexcept;
  void interrupt_driver() noexcept;
  void unpark_self(worker& w) noexcept;
  void share(worker& w) noexcept;
  void wake_one(parking& of, bool insist = false) noexcept;
  void wake_everyone() noexcept;
  bool poll_driver(worker& w) noexcept;
  bool poll_storage(worker& w) noexcept;
  void fuel(worker& w, std::uint32_t boundaries) noexcept;
  bool drained() const noexcept;
  /// Wakes who waits for the pool to drain, if it has. Asked when a root ends and nothing waits behind it, when a
  /// turn ends, and by who parks: not for each root, since the sum over all workers is dear.
  void tell_drainers() noexcept;

  pool_options options_;
  environment& env_;
  const std::uint64_t id_;
  const bool stepped_;
  bool may_spin_ = false;
  std::uint64_t ticks_per_us_ = 1;
  std::uint64_t intervals_ = 0;  // of a simulation: what its clock of intervals is ahead

  // Workers of the reserve sleep apart: they take interactive items only, so that a producer of others must neither
  // wake them nor rely on one that searches.
  parking parking_, reserve_parking_;
  alignas(64) std::atomic<std::int64_t> urgent_{0};  // interactive items in queues
  std::array<injection_queue, bands> injected_;
  timer_queues timers_;

  std::unique_ptr<poller> poller_;
  std::atomic<wake_source*> driver_{nullptr};
  std::mutex attach_lock_;
  std::unique_ptr<wake_source> attached_;
  const std::type_info* attached_kind_ = nullptr;
  alignas(64) watch watch_;
  std::atomic<std::int64_t> armed_{0};  // when the leader wakes by itself; 0: nobody sleeps in the driver
  std::atomic<bool> quit_{false};
  std::atomic<bool> closed_{false};

  std::atomic<std::uint32_t> draining_{0};  // how many wait for the pool to drain
  std::atomic<std::uint32_t> drained_word_{0};
  std::mutex error_lock_;
  std::exception_ptr error_;
  stop_state stop_;

  std::mutex services_lock_;
  std::unique_ptr<blocking_threads> blocking_;
  std::vector<std::pair<const void*, std::shared_ptr<void>>> kept_;
  std::atomic<bool (*)(void*) noexcept> poll_storage_{nullptr};
  std::vector<std::unique_ptr<worker>> workers_;
  std::vector<std::unique_ptr<environment::thread>> threads_;
};

}  // namespace weft::detail
