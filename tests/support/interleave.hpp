#pragma once

/// Runs lock-free code through many thread interleavings, each decided by a seed, on x86-TSO store buffers.
///
/// Code under test takes its atomics and barriers from a policy: `weft::detail::real_memory` in production,
/// `interleave::memory` here. Model threads are fibers of one OS thread; every atomic step is a scheduling
/// point, where the seed decides who runs next and which buffered store reaches memory.
///
///     explore({.seeds = 10'000}, [](run& r) {
///       deque<int, memory> d;                        // fresh state for every seed
///       r.thread([&] { d.push(1); });
///       r.thread([&] { r.require(d.steal() != 2, "a thief got what nobody pushed"); });
///       r.go();                                      // runs every thread to its end
///       r.require(d.empty(), "the deque kept an item");
///     });
///
/// What it shows: bugs of interleaving, of missing store-load fences, lost wake-ups, deadlocks, livelocks.
/// What it does not show:
///   - a missing acquire or release: TSO gives those for nothing, and the compiler reorders nothing here;
///   - races on plain data: threads switch at atomic steps only.
/// ThreadSanitizer and a run on ARM are for those. Under AddressSanitizer it does show use after free.
///
/// A seed replays exactly as long as the code under test decides nothing by addresses, clocks or thread ids.

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace weft::test::interleave {

namespace detail {

class scheduler;

/// What a thread is about to do at a scheduling point. Enters the hash of the schedule.
enum class action : unsigned char { load, store, rmw, barrier, wait, wake, finish };

// The untyped half of memory. Outside of run::go() none of these schedules, and stores act directly.

void scheduling_point(action next) noexcept;
/// The value this thread stored to `cell` last, if that store is still buffered; otherwise null.
const void* forwarded(const void* cell) noexcept;
void store(void* cell, const void* value, std::size_t size, bool drain) noexcept;
/// A scheduling point after which this thread's buffer is empty: the caller may touch memory until its next.
void begin_rmw() noexcept;
/// True if a weak compare-exchange should fail for no reason.
bool fails_spuriously() noexcept;
/// The atomic at `cell` ends its life; another thread's store still on its way there fails the run.
void destroy(const void* cell) noexcept;
void full_fence() noexcept;
void heavy_barrier() noexcept;
void pause() noexcept;
void futex_wait(const std::uint32_t& word, std::uint32_t expected);
void futex_wake(const std::uint32_t& word, int count) noexcept;
const void* thread_token() noexcept;

}  // namespace detail

/// An atomic of the model: the members of std::atomic<T> that name their memory order, and no operators.
///
/// `value_` is what all threads agree on; what a thread has stored and the others do not see yet is in that
/// thread's buffer. A destructor is not trivial here as it is for std::atomic: see detail::destroy.
template <class T>
class model_atomic {
  static_assert(std::is_trivially_copyable_v<T>, "an atomic holds trivially copyable types only");
  static_assert(sizeof(T) <= 8, "the model's store buffer takes stores of up to eight bytes");

  static constexpr bool is_number = std::integral<T> && !std::same_as<T, bool>;
  using difference = std::conditional_t<std::is_pointer_v<T>, std::ptrdiff_t, T>;

 public:
  using value_type = T;

  constexpr model_atomic() noexcept : value_() {}
  constexpr model_atomic(T value) noexcept : value_(value) {}  // implicit, as std::atomic's
  model_atomic(const model_atomic&) = delete;
  model_atomic& operator=(const model_atomic&) = delete;
  ~model_atomic() { detail::destroy(&value_); }

  /// x86 loads are acquire loads whatever the order says.
  T load(std::memory_order = std::memory_order_seq_cst) const noexcept {
    detail::scheduling_point(detail::action::load);
    T value = value_;
    if (const void* own = detail::forwarded(&value_)) std::memcpy(static_cast<void*>(&value), own, sizeof(T));
    return value;
  }

  void store(T desired, std::memory_order order = std::memory_order_seq_cst) noexcept {
    detail::store(&value_, &desired, sizeof(T), order == std::memory_order_seq_cst);
  }

  T exchange(T desired, std::memory_order = std::memory_order_seq_cst) noexcept {
    return update([&](T) { return desired; });
  }

  bool compare_exchange_strong(T& expected, T desired, std::memory_order, std::memory_order) noexcept {
    detail::begin_rmw();
    return replace(expected, desired);
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return compare_exchange_strong(expected, desired, order, order);
  }

  /// Now and then fails although the value is the expected one, as the standard allows and x86 never does.
  bool compare_exchange_weak(T& expected, T desired, std::memory_order, std::memory_order) noexcept {
    detail::begin_rmw();
    if (detail::fails_spuriously()) {
      expected = value_;
      return false;
    }
    return replace(expected, desired);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return compare_exchange_weak(expected, desired, order, order);
  }

  T fetch_add(difference d, std::memory_order = std::memory_order_seq_cst) noexcept
    requires(is_number || std::is_pointer_v<T>)
  {
    return update([&](T value) { return add(value, d); });
  }
  T fetch_sub(difference d, std::memory_order = std::memory_order_seq_cst) noexcept
    requires(is_number || std::is_pointer_v<T>)
  {
    return update([&](T value) { return subtract(value, d); });
  }
  T fetch_or(T bits, std::memory_order = std::memory_order_seq_cst) noexcept
    requires(is_number)
  {
    return update([&](T value) { return static_cast<T>(value | bits); });
  }
  T fetch_and(T bits, std::memory_order = std::memory_order_seq_cst) noexcept
    requires(is_number)
  {
    return update([&](T value) { return static_cast<T>(value & bits); });
  }

 private:
  friend struct memory;

  template <class Change>
  T update(Change change) noexcept {
    detail::begin_rmw();
    const T before = value_;
    value_ = change(before);
    return before;
  }

  bool replace(T& expected, T desired) noexcept {
    // By representation, as the hardware compares.
    if (std::memcmp(&value_, &expected, sizeof(T)) == 0) {
      value_ = desired;
      return true;
    }
    expected = value_;
    return false;
  }

  // Atomic arithmetic wraps, signed too; plain signed arithmetic would be undefined.
  static T add(T value, difference d) noexcept {
    if constexpr (std::is_pointer_v<T>) {
      return value + d;
    } else {
      return static_cast<T>(static_cast<std::uint64_t>(value) + static_cast<std::uint64_t>(d));
    }
  }
  static T subtract(T value, difference d) noexcept {
    if constexpr (std::is_pointer_v<T>) {
      return value - d;
    } else {
      return static_cast<T>(static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(d));
    }
  }

  T value_;
};

/// The policy that code under test is templated on.
struct memory {
  template <class T>
  using atomic = model_atomic<T>;

  /// Orders the compiler only: the store buffer stays as it is. A scheduling point.
  static void light_barrier() noexcept { detail::scheduling_point(detail::action::barrier); }

  /// membarrier: every thread's buffer is empty at some point between the call and the return. Not at the
  /// same point for all of them, since the kernel interrupts one core after another; the others run on
  /// meanwhile.
  static void heavy_barrier() noexcept { detail::heavy_barrier(); }

  /// mfence: empties this thread's buffer.
  static void full_fence() noexcept { detail::full_fence(); }

  /// For spin loops: another thread nearly always runs next, if one can. A loop that nobody ends reaches the
  /// step limit and fails the run.
  static void pause() noexcept { detail::pause(); }
  static void relax(int /*round*/) noexcept { detail::pause(); }

  /// Sleeps if `word` is `expected` in memory; returns at once if it is not. Empties the caller's buffer, as
  /// system calls do. Wakes on futex_wake only, never for no reason. Terminates when the main context would
  /// have to sleep.
  static void futex_wait(atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
    detail::futex_wait(word.value_, expected);
  }

  /// Wakes up to `count` sleepers on `word`; the seed decides which. Empties the caller's buffer.
  static void futex_wake(atomic<std::uint32_t>& word, int count) noexcept { detail::futex_wake(word.value_, count); }

  /// Identifies the calling model thread within its run; the main context has a token of its own.
  static const void* thread_token() noexcept { return detail::thread_token(); }
};

/// Leaves the dear side of every asymmetric fence out: to show that a test would notice.
struct no_heavy_barrier : memory {
  static void heavy_barrier() noexcept { detail::scheduling_point(detail::action::barrier); }
};

struct options {
  std::uint64_t first_seed = 1;
  std::size_t seeds = 10'000;
  /// Scheduling points in one run before it counts as a livelock.
  std::size_t step_limit = 100'000;
};

/// A run went wrong. The message has the seed, the step, what happened, and how to replay it.
class failure : public std::runtime_error {
 public:
  failure(std::uint64_t seed, const std::string& message) : std::runtime_error(message), seed_(seed) {}
  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }

 private:
  std::uint64_t seed_;
};

/// One interleaving: threads are added, then go() runs them all.
///
/// When a thread fails, all threads stop where they are and their stacks are dropped without unwinding (code
/// under test is noexcept, so an exception cannot carry them out). go() then throws in the main context, and
/// the destructors of the shared state run over whatever the threads left behind.
class run {
 public:
  explicit run(std::uint64_t seed, std::size_t step_limit = options{}.step_limit);
  ~run();
  run(const run&) = delete;
  run& operator=(const run&) = delete;

  /// Adds a thread, which starts in go(). An exception that leaves `body` fails the run.
  void thread(std::function<void()> body);

  /// Runs the added threads to their end. Throws failure if one fails, if all that are left sleep in
  /// futex_wait, or at the step limit. Afterwards threads may be added for a second go().
  void go();

  /// Fails the run unless `condition` holds: throws in the main context, and does not return in a thread.
  void require(bool condition, std::string_view sentence);

  [[nodiscard]] std::uint64_t seed() const noexcept;
  /// Scheduling points so far.
  [[nodiscard]] std::size_t steps() const noexcept;
  /// Hash of the schedule so far: which thread did what kind of step, and when which store reached memory.
  [[nodiscard]] std::uint64_t hash() const noexcept;
  /// False while added threads have not run.
  [[nodiscard]] bool finished() const noexcept;

 private:
  std::unique_ptr<detail::scheduler> scheduler_;
};

/// Calls `body` with a fresh run for each seed, until one fails; then throws failure. A standard exception from
/// `body` itself counts as a failure too; any other passes through without its seed (Catch's REQUIRE throws
/// one of those: use run::require). The environment has the last word: WEFT_SEEDS=N runs N seeds, WEFT_SEED=N
/// runs seed N only.
void explore(const options& how, const std::function<void(run&)>& body);

/// The first failure that explore() would throw, if any, whatever the environment says: to show that a bug is
/// found.
[[nodiscard]] std::optional<failure> find_failure(const options& how, const std::function<void(run&)>& body);

}  // namespace weft::test::interleave
