#include "weft/pool.hpp"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdio>
#include <system_error>

#include "env/memory.hpp"
#include "exec/pool_core.hpp"
#include "exec/spawn_part.hpp"
#include "weft/detail/run_under.hpp"
#include "weft/errors.hpp"

namespace weft {

namespace detail {

void core_deleter::operator()(pool_core* core) const noexcept { delete core; }

namespace {

void refuse_waiting(const pool_core* core, const char* what, const char* instead = "") {
  if (current_pool() == core)
    throw misuse(std::string("weft: pool.") + what +
                 " was called on a worker of the same pool, which would wait for itself" + instead);
  if (core->stepped())
    throw misuse(std::string("weft: pool.") + what +
                 " was called on a pool of a simulation, whose workers take steps within simulation.run only" +
                 instead);
}

void begin_root(pool_core& pool, promise_base& p, void* frame, completion& end, std::size_t limit) {
  p.on_finished = &end;
  p.end = ending::call;
  p.stop = &pool.stop();
  if (!pool.spawn_root(frame, p.band, limit))
    throw overloaded("weft: " + std::to_string(pool.options().max_waiting) +
                     " tasks wait to begin, as many as pool_options.max_waiting allows: spawn more slowly, or "
                     "raise it");
}

struct blocked_caller : completion {
  explicit blocked_caller() noexcept : completion{&blocked_caller::on_end} {}
  static std::coroutine_handle<> on_end(completion& c, promise_base&) noexcept {
    current_pool()->root_ended(nullptr);
    auto& self = static_cast<blocked_caller&>(c);
    self.ended.store(1, std::memory_order_seq_cst);
    real_memory::futex_wake(self.ended, 1);  // the caller may be gone; then this wakes nobody
    return std::noop_coroutine();
  }
  std::atomic<std::uint32_t> ended{0};
};

struct detached_end : completion {
  constexpr detached_end() noexcept : completion{&detached_end::on_end} {}
  static std::coroutine_handle<> on_end(completion&, promise_base& p) noexcept {
    std::exception_ptr error;
    if (p.state == outcome::error && !is_cancelled(p.error)) error = std::move(p.error);
    std::coroutine_handle<promise_base>::from_promise(p).destroy();
    current_pool()->root_ended(std::move(error));
    return std::noop_coroutine();
  }
};
constinit detached_end let_go;

}  // namespace

void run_root(pool_core& pool, promise_base& p, void* frame) {
  refuse_waiting(&pool, "run", ": co_await the task instead");
  blocked_caller caller;
  begin_root(pool, p, frame, caller, pool.options().max_waiting);
  while (caller.ended.load(std::memory_order_seq_cst) == 0) real_memory::futex_wait(caller.ended, 0);
}

void spawn_detached(pool_core& pool, promise_base& p, void* frame) {
  begin_root(pool, p, frame, let_go, pool.options().max_waiting);
}

void spawn_part(pool_core& pool, task<> t, priority band) {
  promise<void>& p = t.promise();
  p.band = band;
  begin_root(pool, p, t.handle().address(), let_go, pool_core::no_limit);
  static_cast<void>(t.release());
}

}  // namespace detail

// ---- Ctrl-C --------------------------------------------------------------------------------------------

namespace {

/// The handler writes to this descriptor, which is made once and never closed: a signal may be on its way to it at
/// any time.
int interrupt_event() {
  static const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) throw std::system_error(errno, std::system_category(), "weft: eventfd");
  return fd;
}
constinit std::atomic<int> interrupt_fd{-1};
constinit std::atomic<bool> interrupt_taken{false};

void on_interrupt(int) {
  const int e = errno;
  const std::uint64_t one = 1;
  static_cast<void>(::write(interrupt_fd.load(std::memory_order_relaxed), &one, sizeof one) < 0);
  errno = e;
}

}  // namespace

/// The pool keeps it to its end, since a worker may be calling it while the guard goes.
struct stop_on_interrupt::state final : detail::poller::watcher {
  explicit state(detail::pool_core& p) noexcept : core(p) {}
  void ready(std::uint32_t) noexcept override {
    std::uint64_t count;
    if (::read(interrupt_event(), &count, sizeof count) > 0) core.stop().request_stop();
  }
  detail::pool_core& core;
  struct sigaction before{};
};

stop_on_interrupt::stop_on_interrupt(pool& p) {
  const int fd = interrupt_event();
  if (interrupt_taken.exchange(true)) return;  // another has it: Ctrl-C stops that one's pool
  try {
    state_ = std::make_shared<state>(p.core());
    p.core().adopt_service(state_.get(), state_);
    std::uint64_t old = 0;
    static_cast<void>(::read(fd, &old, sizeof old) < 0);
    p.core().events().add(fd, *state_);
  } catch (...) {
    interrupt_taken.store(false);  // the next one may have it
    throw;
  }
  interrupt_fd.store(fd, std::memory_order_relaxed);
  struct sigaction action{};
  action.sa_handler = &on_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  ::sigaction(SIGINT, &action, &state_->before);
  // A program that ignores it (nohup) keeps ignoring it.
  if (state_->before.sa_handler == SIG_IGN) ::sigaction(SIGINT, &state_->before, nullptr);
}

stop_on_interrupt::~stop_on_interrupt() {
  if (!state_) return;
  ::sigaction(SIGINT, &state_->before, nullptr);
  state_->core.events().remove(interrupt_event());
  interrupt_taken.store(false);
}

pool::pool(pool_options options) : core_(new detail::pool_core(options)) {}

pool::~pool() {
  if (!core_->stepped()) core_->wait_drained(detail::timer_queue::never);
  core_->say_unfetched_error();
}

void pool::drain() {
  detail::refuse_waiting(core_.get(), "drain");
  core_->wait_drained(detail::timer_queue::never);
  if (std::exception_ptr error = core_->take_error()) std::rethrow_exception(error);
}

void pool::cancel() {
  detail::refuse_waiting(core_.get(), "cancel");
  core_->refuse_spawns();
  core_->stop().request_stop();
  drain();
}

bool pool::drain_for(std::chrono::nanoseconds time) {
  detail::refuse_waiting(core_.get(), "drain_for");
  core_->refuse_spawns();
  const auto now = core_->env().now();
  const bool drained = core_->wait_drained(
      time > detail::time_point::max() - now ? detail::timer_queue::never : (now + time).time_since_epoch().count());
  if (!drained) cancel();
  return drained;
}

void pool::request_stop() noexcept { core_->stop().request_stop(); }
unsigned pool::size() const noexcept { return core_->size(); }

std::chrono::nanoseconds pool::spun() const noexcept {
  std::uint64_t sum = 0;
  for (unsigned i = 0; i < core_->size(); ++i) sum += core_->worker_at(i).spun_ns.load(std::memory_order_relaxed);
  return std::chrono::nanoseconds(static_cast<std::int64_t>(sum));
}

unsigned pool_size() noexcept {
  detail::pool_core* p = detail::current_pool();
  return p ? p->size() : 1;
}

}  // namespace weft
