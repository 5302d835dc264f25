#include "exec/pool_core.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "base/log.hpp"
#include "env/cpus.hpp"
#include "env/memory.hpp"
#include "env/ticks.hpp"
#include "exec/blocking_threads.hpp"
#include "weft/detail/join.hpp"
#include "weft/errors.hpp"

namespace weft::detail {

namespace {

// Read straight only in functions that are no coroutines and are never inlined into one.
[[gnu::tls_model("initial-exec")]] constinit thread_local worker* this_worker = nullptr;

void say_failed(const std::exception_ptr& error, const char* note) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "weft: a spawned task failed: %s (%s)\n", e.what(), note);
  } catch (...) {
    std::fprintf(stderr, "weft: a spawned task failed with an exception of unknown type (%s)\n", note);
  }
}

std::uint64_t next_pool_id() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

[[gnu::noinline]] worker* current_worker() noexcept { return this_worker; }
[[gnu::noinline]] void this_worker_is(worker* w) noexcept { this_worker = w; }
[[gnu::noinline]] pool_core* current_pool() noexcept { return this_worker ? &this_worker->pool : nullptr; }

worker::worker(pool_core& p, unsigned i)
    : pool(p), index(i), reserved(i < p.options().reserve), random_state(p.env().random() | 1) {}

// ---- making and ending ---------------------------------------------------------------------------------

pool_core::pool_core(const pool_options& options, bool stepped)
    : options_(options),
      env_(options.env ? *options.env : real_environment()),
      id_(next_pool_id()),
      stepped_(stepped),
      timers_(stepped ? 1 : 8) {
  if (options_.threads == 0) options_.threads = usable_cpus();
  if (options_.threads > 1024)
    throw std::invalid_argument("weft: pool_options.threads is " + std::to_string(options_.threads) +
                                ", and a pool has 1024 workers at most");
  if (options_.reserve >= options_.threads)
    throw std::invalid_argument("weft: pool_options.reserve is " + std::to_string(options_.reserve) + " of " +
                                std::to_string(options_.threads) +
                                " workers: at least one must take tasks of every priority");
  if (!enable_asymmetric_fences())
    log_once("membarrier", "the system refuses membarrier: each fork pays for a full memory fence");
  may_spin_ = options_.idle == idle_mode::latency && cpu_quota() >= options_.threads && !stepped_;
  ticks_per_us_ = stepped_ ? 1000 : ticks_per_microsecond();
  poller_ = std::make_unique<poller>();
  for (unsigned i = 0; i < options_.threads; ++i) workers_.push_back(std::make_unique<worker>(*this, i));
  if (stepped_) return;
  const std::vector<int> cpus = options_.pin ? allowed_cpus() : std::vector<int>();
  try {
    for (unsigned i = 0; i < size(); ++i)
      threads_.push_back(
          env_.start_thread({options_.name + "/" + std::to_string(i), cpus.empty() ? -1 : cpus[i % cpus.size()]},
                            [this, i] { run(*workers_[i]); }));
  } catch (...) {
    quit_.store(true);
    for (auto& t : threads_) {
      wake_everyone();
      t->join();
    }
    throw;
  }
}

pool_core::~pool_core() {
  blocking_.reset();
  quit_.store(true, std::memory_order_seq_cst);
  // A worker that is about to park sees quit_ in its second look; one that sleeps is woken here.
  for (auto& t : threads_) {
    wake_everyone();
    t->join();
  }
  kept_.clear();
}

void pool_core::wake_everyone() noexcept {
  while (parking_.anyone_parked()) wake_one(parking_, true);
  while (reserve_parking_.anyone_parked()) wake_one(reserve_parking_, true);
}

bool pool_core::drained() const noexcept {
  std::uint64_t ended = 0, begun = 0;
  for (const auto& w : workers_) ended += w->roots_ended.load(std::memory_order_acquire);
  for (const injection_queue& q : injected_) begun += q.roots();
  for (const auto& w : workers_) begun += w->roots_begun.load(std::memory_order_acquire);
  return begun == ended;  // what ended was read first, and both only grow: so all had ended in between
}

bool pool_core::wait_drained(std::int64_t until_ns) {
  if (stepped_) return drained();
  draining_.fetch_add(1, std::memory_order_seq_cst);
  real_memory::heavy_barrier();
  bool in_time = true;
  for (;;) {
    const std::uint32_t word = drained_word_.load(std::memory_order_seq_cst);
    if (drained()) break;
    if (until_ns == timer_queue::never) {
      real_memory::futex_wait(drained_word_, word);
    } else {
      if (now_ns() >= until_ns) {
        in_time = drained();
        break;
      }
      futex_wait_until(drained_word_, word, time_point(std::chrono::nanoseconds(until_ns)));
    }
  }
  draining_.fetch_sub(1, std::memory_order_seq_cst);
  return in_time;
}

void pool_core::report_error(std::exception_ptr error) noexcept {
  {
    std::lock_guard guard(error_lock_);
    if (!error_) {
      error_ = std::move(error);
      return;
    }
  }
  say_failed(error, "another has failed before it");
}

void pool_core::root_ended(std::exception_ptr error) noexcept {
  if (error) report_error(std::move(error));
  // Roots end on workers: see spawn_root.
  worker& w = *current_worker();
  // Who drains says so, passes the heavy barrier, and then sums: so either this sees him, or he sees this.
  w.roots_ended.store(w.roots_ended.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  real_memory::light_barrier();
  if (draining_.load(std::memory_order_relaxed) != 0 && w.queue(priority::normal).looks_empty()) [[unlikely]]
    tell_drainers();
}

void pool_core::tell_drainers() noexcept {
  if (draining_.load(std::memory_order_seq_cst) == 0 || !drained()) return;
  drained_word_.fetch_add(1, std::memory_order_seq_cst);
  real_memory::futex_wake(drained_word_, 1 << 30);
}

void pool_core::say_unfetched_error() noexcept {
  if (const std::exception_ptr error = take_error()) say_failed(error, "pool.drain() would have thrown this");
}

std::exception_ptr pool_core::take_error() {
  std::lock_guard guard(error_lock_);
  return std::exchange(error_, nullptr);
}

blocking_threads& pool_core::blocking() {
  std::lock_guard guard(services_lock_);
  if (!blocking_)
    blocking_ = std::make_unique<blocking_threads>(env_, options_.name, options_.max_blocking, stepped_);
  return *blocking_;
}

std::shared_ptr<void> pool_core::service(const void* key, std::shared_ptr<void> (*make)(pool_core&)) {
  std::unique_lock guard(services_lock_);
  const auto find = [&]() -> std::shared_ptr<void> {
    for (const auto& [known, service] : kept_)
      if (known == key) return service;
    return nullptr;
  };
  if (auto there = find()) return there;
  guard.unlock();  // making one may need others
  auto made = make(*this);
  guard.lock();
  if (auto there = find()) return there;  // another was faster
  kept_.emplace_back(key, made);
  return made;
}

void pool_core::adopt_service(const void* key, std::shared_ptr<void> service) {
  std::lock_guard guard(services_lock_);
  for (const auto& kept : kept_)
    if (kept.first == key) throw misuse("weft: this pool has a service of that kind already");
  kept_.emplace_back(key, std::move(service));
}

// ---- queues --------------------------------------------------------------------------------------------

void pool_core::schedule(void* frame, priority band) noexcept {
  worker* w = current_worker();
  if (!w || &w->pool != this || (w->reserved && band != priority::interactive)) return schedule_last(frame, band);
  if (w->parked) unpark_self(*w);
  deque& q = w->queue(band);
  // A lone item is about to be taken by this worker itself; waking another for it would cost more than it
  // brings. Should this worker stay busy instead, the watching worker finds it at its next nap's end.
  const bool alone = q.looks_empty();
  if (band == priority::interactive) count_urgent(1);
  q.push(frame);
  if (!alone || band == priority::interactive) wake_if_needed(band);
}

void pool_core::schedule_last(void* frame, priority band) noexcept {
  worker* w = current_worker();
  if (!w || &w->pool != this) return schedule_from_outside(frame, band);
  if (w->parked) unpark_self(*w);
  if (band == priority::interactive) count_urgent(1);
  injected_[static_cast<std::size_t>(band)].push(frame, [&] { wake_if_needed(band); });
}

void pool_core::schedule_from_outside(void* frame, priority band) noexcept {
  if (band == priority::interactive) count_urgent(1);
  injected_[static_cast<std::size_t>(band)].push(frame, [&] { wake_if_needed(band); });
}

void pool_core::root_began() noexcept {
  worker& w = *current_worker();
  w.roots_begun.store(w.roots_begun.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

bool pool_core::spawn_root(void* frame, priority band, std::size_t limit) {
  worker* w = current_worker();
  if (w && &w->pool == this) {
    const bool keeps = !w->reserved || band == priority::interactive;
    root_began();
    if (w->parked) unpark_self(*w);
    if (band == priority::interactive) count_urgent(1);
    try {
      if (keeps)
        w->queue(band).push(frame);
      else
        injected_[static_cast<std::size_t>(band)].push(frame, [&] { wake_if_needed(band); });
    } catch (...) {  // no memory for the queue
      if (band == priority::interactive) count_urgent(-1);
      w->roots_begun.store(w->roots_begun.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
      throw;
    }
    if (!keeps) return true;
    wake_if_needed(band);
    if (w->asked_to_share.load(std::memory_order_relaxed)) [[unlikely]]
      share(*w);
    return true;
  }
  if (limit != no_limit && closed_.load(std::memory_order_seq_cst))
    throw misuse("weft: a task was spawned from outside on a pool that is being ended");
  if (band == priority::interactive) count_urgent(1);
  const auto take_back = [&] {
    if (band == priority::interactive) count_urgent(-1);
  };
  bool taken = false;
  try {
    taken = injected_[static_cast<std::size_t>(band)].push_root(frame, limit, [&] { wake_if_needed(band); });
  } catch (...) {  // no memory for the queue
    take_back();
    throw;
  }
  if (!taken) take_back();
  return taken;
}

// ---- forking -------------------------------------------------------------------------------------------

namespace {

void make_child(void* frame, join& j, ending end, priority band) noexcept {
  promise_base& p = promise_of(frame);
  p.parent_join = &j;
  p.stop = &j.stop;
  p.end = end;
  p.band = band;
}

}  // namespace

std::coroutine_handle<> fork(join& j, promise_base& parent) noexcept {
  const priority band = parent.band;
  void* const* const child = j.child;
  void* const first = child[0];
  const std::uint32_t count = j.count;
  make_child(first, j, ending::chained, band);
  for (std::uint32_t i = 1; i < count; ++i) make_child(child[i], j, ending::stray, band);
  if (count == 1) return std::coroutine_handle<>::from_address(first);
  worker& w = *this_worker;
  if (band == priority::interactive) [[unlikely]]
    w.pool.count_urgent(count - 1);
  deque& q = w.queue(band);
  // The children are in the queue once the last push is done, and the frame they lie in may be gone when it
  // returns: child[0] is the caller's, so the join stays until the caller runs it.
  for (std::uint32_t k = count - 1; k > 0; --k) q.push(child[k]);
  w.pool.wake_if_needed(band);
  return std::coroutine_handle<>::from_address(first);
}

[[gnu::noinline, gnu::cold]] void child_failed(join& j, promise_base& child) noexcept {
  promise_base* none = nullptr;
  if (j.failed.compare_exchange_strong(none, &child, std::memory_order_acq_rel)) j.stop.request_stop();
}

namespace {

/// The chain ends here: what was popped in its stead, if anything, is not its next link.
[[gnu::noinline]] std::coroutine_handle<> leave_chain(worker& w, join& j, std::uint32_t done, void* popped,
                                                      priority band) noexcept {
  const std::coroutine_handle<> parent = j.parent;
  if (j.outstanding.fetch_sub(done, std::memory_order_acq_rel) == done) {
    if (popped) w.pool.schedule(popped, band);
    return parent;
  }
  return popped ? std::coroutine_handle<>::from_address(popped) : std::noop_coroutine();
}

inline std::coroutine_handle<> next_link(worker& w, join& j, std::uint32_t done, priority band) noexcept {
  void* next = w.queue(band).pop();
  if (band == priority::interactive && next) [[unlikely]]
    w.pool.count_urgent(-1);
  if (next != j.child[done]) [[unlikely]]
    return leave_chain(w, j, done, next, band);
  promise_of(next).end = ending::chained;
  return std::coroutine_handle<>::from_address(next);
}

[[gnu::noinline]] std::coroutine_handle<> end_of_turn(worker& w, join& j, std::uint32_t done,
                                                      priority band) noexcept {
  w.note(trace_kind::task_end);
  if (w.pool.turn_ended(w)) {
    // The parent's own state is enough to ask: stop_requested() links it with those around it.
    j.stop.stop_requested();
    if (w.pool.refuel(w, band)) {
      const std::coroutine_handle<> next = leave_chain(w, j, done, nullptr, band);
      if (next != std::noop_coroutine()) w.pool.schedule(next.address(), band);
      return std::noop_coroutine();
    }
  }
  const std::coroutine_handle<> next = next_link(w, j, done, band);
  if (next != std::noop_coroutine()) w.note_begin(next.address());
  return next;
}

}  // namespace

std::coroutine_handle<> continue_chain(join& j, std::uint32_t done, priority band) noexcept {
  worker& w = *this_worker;
  if (--w.fuel == 0) [[unlikely]]
    return end_of_turn(w, j, done, band);
  return next_link(w, j, done, band);
}

std::coroutine_handle<> end_of_stray(promise_base& child) noexcept {
  join& j = *child.parent_join;
  if (child.state == outcome::error) [[unlikely]]
    child_failed(j, child);
  const std::coroutine_handle<> parent = j.parent;
  if (j.outstanding.fetch_sub(1, std::memory_order_acq_rel) == 1) return parent;
  return std::noop_coroutine();
}

void throw_cancelled() { throw cancelled(); }

// ---- what the awaiters call ----------------------------------------------------------------------------

void schedule(pool_core& pool, void* frame, priority band) noexcept { pool.schedule(frame, band); }
void schedule_last(pool_core& pool, void* frame, priority band) noexcept { pool.schedule_last(frame, band); }
void schedule_new_on(pool_core& pool, void* frame, priority band) noexcept {
  const worker* w = current_worker();
  const bool inside = w && &w->pool == &pool;
  pool.schedule(frame, band);
  if (inside) pool.wake_if_needed(band);  // from outside it has woken one already, and the pool may be gone
}
void poll_driver_soon() noexcept {
  if (worker* w = current_worker()) w->poll_soon = true;
}
bool in_driver() noexcept {
  const worker* w = current_worker();
  return w && w->driving;
}
void report_error(std::exception_ptr error) noexcept { current_pool()->report_error(std::move(error)); }
wake_source& attach_wake_source(pool_core& pool, const std::type_info& kind, std::unique_ptr<wake_source> (*make)()) {
  return *pool.attach(kind, make);
}
time_point now(pool_core& pool) noexcept { return pool.env().now(); }
bool add_timer(pool_core& pool, timer& t) { return pool.add_timer(t); }
bool cancel_timer(pool_core& pool, timer& t) noexcept { return pool.cancel_timer(t); }

bool turn_is_over(priority band) noexcept {
  worker& w = *current_worker();
  return --w.fuel == 0 && w.pool.turn_ended(w) && (w.pool.refuel(w, band) || w.pool.others_wait(w, band));
}

}  // namespace weft::detail
