#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/cluster_info.hpp"
#include "weft/detail/call.hpp"
#include "weft/detail/checked_call.hpp"
#include "weft/detail/results.hpp"
#include "weft/events.hpp"
#include "weft/future.hpp"
#include "weft/pool.hpp"
#include "weft/stream.hpp"
#include "weft/task_options.hpp"

namespace weft {

class simulation;
class lease;
struct lease_options;
template <class T>
class lazy;
template <class T>
class layer;
namespace detail {
class remote_home;
struct expression;
struct layer_spec;
}  // namespace detail

/// What a client does as the process takes more and more memory, whatever takes it: fractions of the memory limit,
/// each at least as large as the one before; 0 disables one. Each is left a twentieth of the limit below where it was
/// entered.
struct memory_thresholds {
  /// What values may take (where client_options.memory_budget is not given), and how far `spill` goes down.
  double target = 0.60;
  /// Above it values are evicted, those first whose next use is furthest, until the process takes less than `target`.
  double spill = 0.70;
  /// Above it no task begins whose end would leave more in memory, unless nothing else goes on.
  double pause = 0.80;
  /// Above it nothing more is accepted: submit, compute and scatter throw weft::overloaded. What was accepted goes
  /// on.
  double terminate = 0.95;
};

struct client_options {
  /// The band of the pool in which its tasks run.
  priority band = priority::normal;
  /// How many bytes values may take in memory; the rest is on the disk. 0: WEFT_MEMORY, a number of bytes, or with K,
  /// M, G or T behind it, of kibibytes and so on; else thresholds.target of memory_limit.
  std::uint64_t memory_budget = 0;
  /// What the process may take in memory: what the thresholds are fractions of. 0: the machine's memory, or what the
  /// process's cgroups allow.
  std::uint64_t memory_limit = 0;
  /// How far the process may go. Where neither these nor memory_limit are given, but the budget is, by memory_budget
  /// or WEFT_MEMORY, nothing is measured; else the process's resident memory, at most ten times a second.
  std::optional<memory_thresholds> thresholds = {};
  /// Where a directory is made for what does not fit, at the first need, and removed at the end. Empty: WEFT_SPILL,
  /// or /var/tmp.
  std::string spill_directory = {};
  /// How many bytes it may take there; 0: as many as there are.
  std::uint64_t spill_capacity = 0;
  /// Of a client of a cluster: how many bytes of tasks may wait for the scheduler, in memory beside the budget, while
  /// it is away or takes them more slowly than they are submitted. Beyond it submit, map, compute and scatter throw
  /// weft::overloaded. 0: a quarter of the budget, and 16 MiB at least.
  std::uint64_t most_unsent = 0;
  /// Abstract resources that tasks may ask for, and how much there is of each: `gpu=2 licence=5`.
  std::string resources = {};
  /// Tasks that hold memory while they wait for something outside (a timer, a socket, a channel) keep others waiting
  /// for that memory. When nothing else goes on for so long, one of these begins beyond the budget.
  std::chrono::nanoseconds patience = std::chrono::seconds(10);
};

/// While it lives, the observer is told of the client's tasks.
class [[nodiscard("weft: the observer is told while this lives")]] observation {
 public:
  observation(std::shared_ptr<detail::engine> e, task_observer& o) noexcept : engine_(std::move(e)), observer_(&o) {}
  observation(const observation&) = delete;
  observation& operator=(const observation&) = delete;
  ~observation();

 private:
  std::shared_ptr<detail::engine> engine_;
  task_observer* observer_;
};

/// What the values of a client take, in bytes.
struct memory_use {
  std::uint64_t budget = 0;          // what they may take in memory
  std::uint64_t in_memory = 0;       // what they take now
  std::uint64_t most_in_memory = 0;  // what they have taken at most, with the room that running tasks asked for
  std::uint64_t spilled = 0;         // of values written to the disk, as they were in memory
  std::uint64_t reloaded = 0;        // of values read back
  std::uint64_t written = 0;         // to the disk, compressed where that paid
  std::uint64_t on_disk = 0;         // of files there now
  std::uint64_t resident = 0;        // of the whole process, in memory; 0: not known
};

/// Where tasks are submitted: tier two. A task is a function that can travel (a function, a lambda without captures,
/// or an aggregate with a call operator) and arguments that can be encoded; its result is a future. Here they run on
/// the pool; the same calls drive a cluster.
///
/// Tasks run in the order of their submission as their inputs end, but what a task submits comes right after it. A
/// client, and what `with` gives, may be used by any thread; copies share one engine, whose tasks are cancelled
/// when the last copy ends: that waits for what runs, unless it is a worker of the pool that ends it. The pool must
/// live until then.
class client {
 public:
  explicit client(pool& p, client_options options = {});
  explicit client(simulation& s, client_options options = {});

  /// The same engine, for tasks of other options.
  client with(task_options options) const;

  /// Starts `f(arguments...)` on the cluster, and gives its future. An argument that is a future is an input: the
  /// task begins when it has ended, and takes its value (`const T&`, or a copy); a vector of futures is given as a
  /// vector of their values, or as weft::values, which copies nothing. Other arguments are converted to the
  /// parameters' types here and now. A coroutine is a task too: while it waits it holds no thread. A function whose
  /// first parameter is `client&` is given one, to submit more. When an input fails, so does the task, with the same
  /// exception.
  ///
  /// Cost: one block of memory, about 100 ns; from outside the pool the wake-up of a worker besides.
  template <class F, class... A>
  auto submit(F f, A&&... arguments) const {
    using how = detail::plan_for<F, std::decay_t<A>...>;
    if constexpr (detail::checked_call<F, std::decay_t<A>...>()) {
      check_open();
      auto* n =
          new detail::call_node_for<F, std::decay_t<A>...>(*engine_, std::move(f), std::forward<A>(arguments)...);
      start(*n);
      return future<typename how::result>::adopt(*n);
    } else {
      return future<typename how::result>();
    }
  }

  /// One task for each element: `f(x)` for every x of the range, which is moved from when it is an rvalue.
  template <class F, std::ranges::input_range R>
  auto map(F f, R&& range) const {
    using element = std::conditional_t<std::is_lvalue_reference_v<R>, std::ranges::range_reference_t<R>,
                                       std::ranges::range_value_t<R>&&>;
    std::vector<decltype(submit(f, std::declval<element>()))> all;
    if constexpr (std::ranges::sized_range<R>) all.reserve(std::ranges::size(range));
    for (auto&& x : range) all.push_back(submit(f, static_cast<element>(x)));
    return all;
  }

  /// A future of a value that is there already. It counts as soon as it is here and nobody waits for room, since who
  /// has the value holds the memory anyway: a loop that scatters more than the budget is to await in between what it
  /// makes of the values, or to let tasks make them. On a cluster a large value goes straight to a worker, and stays
  /// here too, as long as anything that was made of it has a future: docs/cluster.md.
  template <class T>
  future<T> scatter(T value) const {
    static_assert(detail::travels<T>,
                  "weft: this type cannot be encoded, so it cannot travel: give it weft_encode and weft_decode");
    check_open();
    auto* n = new detail::plain_node<T>(*engine_, std::move(value));
    keep(*n);
    return future<T>::adopt(*n);
  }

  /// The values of many futures; throws what the first of them that failed threw, in their order.
  template <class T>
  task<std::vector<T>> gather(std::vector<future<T>> futures) const {
    std::vector<T> all;
    all.reserve(futures.size());
    for (future<T>& f : futures) all.push_back(co_await std::move(f));
    co_return all;
  }

  /// Starts what weft::delayed has described (weft/delayed.hpp), and gives the futures of what is asked for: what
  /// several of these need is computed once. Chains become one task, and the tasks run memory first. Linear, about
  /// 300 ns a task.
  template <class T>
  future<T> compute(lazy<T> x) const;
  template <class T>
  std::vector<future<T>> compute(std::vector<lazy<T>> all) const;
  template <class T, class U, class... V>
  results<future<T>, future<U>, future<V>...> compute(lazy<T> x, lazy<U> y, lazy<V>... more) const;
  /// Starts it, and gives a lazy again, whose value is under way: what is made from it does not compute it again.
  template <class T>
  lazy<T> persist(lazy<T> x) const;
  template <class T>
  std::vector<lazy<T>> persist(std::vector<lazy<T>> all) const;

  /// Starts the tasks of a layer (weft/layer.hpp), and what they need of others, and gives their futures, or one of
  /// them. Values of other layers are let go after their last use. Each of these tasks has its memory from the
  /// beginning, 128 bytes and 24 for each input; the others have it when they begin. Once all these futures are let
  /// go, what has not begun is cancelled.
  template <class T>
  std::vector<future<T>> compute(const layer<T>& l) const;
  template <class T>
  future<T> compute(const layer<T>& l, std::size_t i) const;
  /// Runs all tasks of a layer, whose values are let go when no other takes them; the future ends after the last of
  /// them, with the first failure if there was any.
  template <class T>
  future<> run(const layer<T>& l) const;

  /// Slots of a worker that this client calls straight (weft/lease.hpp); waits until there are some.
  task<weft::lease> lease(lease_options options) const;
  task<weft::lease> lease() const;

  task<> gather(std::vector<future<>> futures) const {
    for (future<>& f : futures) co_await std::move(f);
  }

  /// Waits until all have ended, in whatever way.
  template <class T>
  task<> wait(std::vector<future<T>> futures) const {
    for (const future<T>& f : futures) co_await detail::node_end(f.need());
  }

  /// Lets a task run to its end though nobody holds its future. If it fails then, pool::drain() throws that, as with
  /// tasks that were spawned.
  template <class T>
  void fire_and_forget(future<T> f) const {
    f.need();
    detail::keep_until_ended(*engine_, f.release());
  }
  template <class T>
  void fire_and_forget(std::vector<future<T>> futures) const {
    for (future<T>& f : futures) fire_and_forget(std::move(f));
  }

  template <class T>
  void cancel(const std::vector<future<T>>& futures) const {
    for (const future<T>& f : futures) f.cancel();
  }

  /// Runs a failed task again, and what it depends on that failed, or was cancelled since only failed tasks wanted
  /// it; does nothing to one that has not failed. Throws weft::misuse when the run that failed has moved its
  /// arguments away, or somebody has moved away the value of an input that it had given up. Nobody may be looking at
  /// the futures meanwhile.
  template <class T>
  void retry(const future<T>& f) const {
    detail::retry_node(*engine_, f.need());
  }

  // ---- the cluster (docs/cluster.md); one machine has no workers, and each value once ----
  /// The workers that there are just now, and what is missing.
  task<cluster_info> cluster() const;
  /// Keeps the values on `copies` workers, as soon as they are there; on all, when there are fewer. 1: takes it back.
  template <class T>
  void replicate(const std::vector<future<T>>& futures, unsigned copies) const {
    for (const future<T>& f : futures) replicate_node(f.need(), copies);
  }
  template <class T>
  void replicate(const future<T>& f, unsigned copies) const {
    replicate_node(f.need(), copies);
  }
  /// Moves values from workers whose memory is fuller than the mean to emptier ones.
  void rebalance() const;
  /// Lets workers go, of these names or addresses (with blanks between): they are given nothing more, and end when
  /// their tasks have and others hold their values. Gives what there is from then on. Throws misuse when there is no
  /// such worker; the others go all the same.
  task<cluster_info> retire_workers(std::string_view workers) const;

  memory_use memory() const;
  task_totals totals() const noexcept;
  /// `auto watching = c.observe(o);`
  observation observe(task_observer& o) const;

  /// For tasks: the client of a task that runs. Never owns the engine.
  static client within(detail::node& n) noexcept;
  /// For weft::connect: a client whose tasks run on a cluster.
  client(pool& p, const client_options& options, std::unique_ptr<detail::remote_home> cluster);
  const std::shared_ptr<detail::engine>& get_engine() const noexcept { return engine_; }

 private:
  explicit client(std::shared_ptr<detail::engine> e) noexcept : engine_(std::move(e)) {}
  void check_open() const;
  void start(detail::node& n) const;
  void keep(detail::node& n) const;
  void mark(detail::node& n) const;
  void replicate_node(detail::node& n, unsigned copies) const;
  void compute_all(std::span<detail::expression* const> wanted, std::span<detail::node*> results) const;
  void compute_layer(detail::layer_spec* wanted, std::size_t first, std::span<detail::node*> results) const;
  detail::node* run_layer(detail::layer_spec* wanted) const;

  std::shared_ptr<detail::engine> engine_;
  std::shared_ptr<detail::task_details> details_;  // null when there are none
  std::int16_t priority_ = 0;
  std::uint16_t retries_ = 0;
  std::uint64_t within_ = 0;  // the rank of the task that submits; 0: none
};

template <class T>
template <class F>
auto future<T>::then(F f) const {
  return client::within(need()).submit(std::move(f), *this);
}

}  // namespace weft
