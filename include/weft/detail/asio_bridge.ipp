// The bridge between a pool and one Asio; included by weft/asio.hpp and weft/boost_asio.hpp, which say which.
#include <atomic>
#include <chrono>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "weft/detail/leaf.hpp"
#include "weft/detail/run_under.hpp"
#include "weft/pool.hpp"
#include "weft/result.hpp"
#include "weft/stop.hpp"
#include "weft/wake_source.hpp"

namespace weft {

namespace WEFT_ASIO_BRIDGE {

// ---- the io_context that a pool's idle worker sleeps in ------------------------------------------------

/// An io_context run by whichever worker of the pool is idle, one at a time. It watches the descriptor of the
/// pool's own poller, so that sleeping here is sleeping there too.
class driver final : public wake_source {
 public:
  driver() : context_(1), own_(context_), work_(context_.get_executor()) {}
  ~driver() override {
    if (own_.is_open()) own_.release();  // it is the pool's
  }

  void park() noexcept override {
    guarded([&] {
      if (context_.run_one() != 0) run_ready();
    });
  }
  bool poll() noexcept override {
    std::size_t ran = 0;
    guarded([&] { ran = run_ready(); });
    return ran != 0;
  }
  void interrupt() noexcept override {
    WEFT_ASIO::post(context_, [] {});
  }
  void watch(int own_fd, void (*drain_own)(void*) noexcept, void* argument) override {
    own_.assign(own_fd);
    drain_own_ = drain_own;
    argument_ = argument;
    wait_for_own();
  }
  WEFT_ASIO::io_context& context() noexcept { return context_; }

 private:
  /// Not all that is ready: sockets that never fall silent must not keep the worker here.
  std::size_t run_ready() {
    constexpr std::size_t most = 64;
    std::size_t ran = 0;
    while (ran < most && context_.poll_one() != 0) ++ran;
    return ran;
  }
  void wait_for_own() {
    own_.async_wait(WEFT_ASIO::posix::stream_descriptor::wait_read, [this](WEFT_ASIO_ERROR error) {
      if (error) return;
      drain_own_(argument_);
      wait_for_own();
    });
  }
  /// A handler that throws must not take the worker with it: what it threw comes out of pool.drain().
  template <class F>
  void guarded(F f) noexcept {
    try {
      f();
    } catch (...) { detail::report_error(std::current_exception()); }
  }

  WEFT_ASIO::io_context context_;
  WEFT_ASIO::posix::stream_descriptor own_;
  WEFT_ASIO::executor_work_guard<WEFT_ASIO::io_context::executor_type> work_;
  void (*drain_own_)(void*) noexcept = nullptr;
  void* argument_ = nullptr;
};

inline driver& driver_of(detail::pool_core& core) {
  return static_cast<driver&>(detail::attach_wake_source(
      core, typeid(driver), [] { return std::unique_ptr<wake_source>(std::make_unique<driver>()); }));
}

// ---- the pool as an executor ---------------------------------------------------------------------------

/// A pool as an Asio executor. Handlers become items of the pool's queues, in a band of its priorities; one that
/// is dispatched by a task or a handler of the pool runs at once. A completion that the driver sees is no such place:
/// its handler is queued, so that it may run long, and on any worker. Copies are cheap and equal; the pool must
/// outlive them.
class pool_executor {
 public:
  explicit pool_executor(pool& p, priority band = priority::normal)
      : core_(&p.core()), context_(&driver_of(p.core()).context()), band_(band) {}

  template <class F>
  void execute(F&& f) const {
    using function = std::decay_t<F>;
    if (!never_ && detail::current_pool() == core_ && (in_driver_too_ || !detail::in_driver())) {
      function here(std::forward<F>(f));
      here();
      return;
    }
    auto* i = new item<function>(std::forward<F>(f));
    if (never_ && !continuation_)
      detail::schedule_new_on(*core_, i, band_);
    else
      detail::schedule(*core_, i, band_);
  }

  WEFT_ASIO::execution_context& query(WEFT_ASIO::execution::context_t) const noexcept { return *context_; }
  static constexpr WEFT_ASIO::execution::mapping_t query(WEFT_ASIO::execution::mapping_t) noexcept {
    return WEFT_ASIO::execution::mapping.thread;
  }
  constexpr WEFT_ASIO::execution::blocking_t query(WEFT_ASIO::execution::blocking_t) const noexcept {
    return never_ ? WEFT_ASIO::execution::blocking_t(WEFT_ASIO::execution::blocking.never)
                  : WEFT_ASIO::execution::blocking_t(WEFT_ASIO::execution::blocking.possibly);
  }
  pool_executor require(WEFT_ASIO::execution::blocking_t::never_t) const noexcept {
    pool_executor e = *this;
    e.never_ = true;
    return e;
  }
  pool_executor require(WEFT_ASIO::execution::blocking_t::possibly_t) const noexcept {
    pool_executor e = *this;
    e.never_ = false;
    return e;
  }
  pool_executor require(WEFT_ASIO::execution::relationship_t::continuation_t) const noexcept {
    pool_executor e = *this;
    e.continuation_ = true;
    return e;
  }
  pool_executor require(WEFT_ASIO::execution::relationship_t::fork_t) const noexcept {
    pool_executor e = *this;
    e.continuation_ = false;
    return e;
  }
  /// For handlers that are short and must run where a completion was seen, one at a time.
  pool_executor in_driver_too() const noexcept {
    pool_executor e = *this;
    e.in_driver_too_ = true;
    return e;
  }
  WEFT_ASIO::io_context& driver_context() const noexcept { return *context_; }

  friend bool operator==(const pool_executor& a, const pool_executor& b) noexcept {
    return a.core_ == b.core_ && a.band_ == b.band_ && a.never_ == b.never_ && a.continuation_ == b.continuation_ &&
           a.in_driver_too_ == b.in_driver_too_;
  }
  friend bool operator!=(const pool_executor& a, const pool_executor& b) noexcept { return !(a == b); }

 private:
  template <class F>
  struct item : detail::work_item {
    template <class G>
    explicit item(G&& g) : work_item{&item::run, &item::drop}, f(std::forward<G>(g)) {}
    static void run(work_item* w) {
      auto* self = static_cast<item*>(w);
      try {
        F f(std::move(self->f));
        delete self;  // before the call: the handler may end what its memory belongs to
        self = nullptr;
        f();
      } catch (...) {
        delete self;
        detail::report_error(std::current_exception());
      }
    }
    static void drop(work_item* w) { delete static_cast<item*>(w); }
    static void* operator new(std::size_t n) { return detail::allocate_frame(n); }
    static void operator delete(void* p, std::size_t n) noexcept { detail::release_frame(p, n); }
    F f;
  };

  detail::pool_core* core_;
  WEFT_ASIO::io_context* context_;
  priority band_;
  bool never_ = false;
  bool continuation_ = false;
  bool in_driver_too_ = false;
};

// ---- a task as an Asio operation -----------------------------------------------------------------------

/// Stands for the value of a failed task with a type that has no default: Asio's handlers take both an error
/// and a value, and a handler that takes any type of value does not look at it when there is an error.
struct no_value {
  template <class T>
  operator T() const {
    std::terminate();
  }
};

/// Converts to nothing: stands for no_value where a handler is asked what it takes.
struct probe {};

template <class T, class Handler>
struct spawned {
  using executor = WEFT_ASIO::associated_executor_t<Handler, pool_executor>;
  using work = std::decay_t<decltype(WEFT_ASIO::prefer(std::declval<executor>(),
                                                       WEFT_ASIO::execution::outstanding_work.tracked))>;

  spawned(Handler&& h, pool& p)
      : handler(std::move(h)),
        where(WEFT_ASIO::prefer(WEFT_ASIO::get_associated_executor(handler, pool_executor(p)),
                                WEFT_ASIO::execution::outstanding_work.tracked)) {
    auto slot = WEFT_ASIO::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) {
      stop.emplace();
      slot.assign([s = *stop](WEFT_ASIO::cancellation_type) { s.request_stop(); });
    }
  }

  /// Posts the handler to its executor.
  static void complete(std::unique_ptr<spawned> self, result<T> outcome) {
    self->ended.emplace(std::move(outcome));
    // Until post returns: the handler may be run, and its io_context be over and gone, before that. What is posted
    // counts as work by itself; each copy of a tracked executor, of which post makes several, would count once more.
    const work keep(std::move(self->where));
    const auto ex = WEFT_ASIO::prefer(keep, WEFT_ASIO::execution::outstanding_work.untracked);
    WEFT_ASIO::post(ex, [self = std::move(self)]() mutable {
      WEFT_ASIO::get_associated_cancellation_slot(self->handler).clear();
      Handler h(std::move(self->handler));
      result<T> r(std::move(*self->ended));
      self.reset();
      if constexpr (std::is_void_v<T>) {
        h(r.error());
      } else if (r.ok()) {
        h(std::exception_ptr(), std::move(*r));
      } else if constexpr (std::is_default_constructible_v<T>) {
        h(r.error(), T());
      } else {
        static_assert(
            std::is_invocable_v<Handler&, std::exception_ptr, probe>,
            "weft: this token's handler takes a value of the task's type even when the task has failed, and "
            "the type has no default: return std::optional<T> or a type with a default for this token");
        h(r.error(), no_value{});
      }
    });
  }

  Handler handler;
  work where;
  std::optional<stop_source> stop;  // if the handler can cancel
  std::optional<result<T>> ended;
};

/// Completes an operation, once; as cancelled if its task was stopped before it began.
template <class T, class Operation>
class completion_of {
 public:
  explicit completion_of(std::unique_ptr<Operation> o) noexcept : operation_(std::move(o)) {}
  ~completion_of() {
    if (operation_) complete(result<T>(std::make_exception_ptr(cancelled())));
  }
  void complete(result<T> r) { Operation::complete(std::move(operation_), std::move(r)); }
  const std::optional<stop_source>& stop() const noexcept { return operation_->stop; }

 private:
  std::unique_ptr<Operation> operation_;
};

template <class T, class Operation>
task<> run_spawned(task<T> t, std::shared_ptr<completion_of<T, Operation>> end) {
  if (end->stop()) {
    stop_source stop = *end->stop();
    t = with_stop(std::move(stop), std::move(t));
  }
  result<T> r = co_await as_result(std::move(t));
  end->complete(std::move(r));
}

template <class T>
struct signature {
  using type = void(std::exception_ptr, T);
};
template <>
struct signature<void> {
  using type = void(std::exception_ptr);
};

template <class T, class Token>
auto spawn(pool& p, task<T> t, Token&& token) {
  return WEFT_ASIO::async_initiate<Token, typename signature<T>::type>(
      [](auto handler, pool* where, task<T> work) {
        using operation = spawned<T, std::decay_t<decltype(handler)>>;
        // What refuses the task (weft::overloaded) is the operation's error, not the caller's exception.
        auto end =
            std::make_shared<completion_of<T, operation>>(std::make_unique<operation>(std::move(handler), *where));
        try {
          where->spawn(run_spawned(std::move(work), end));
        } catch (...) { end->complete(result<T>(std::current_exception())); }
      },
      token, &p, std::move(t));
}

// ---- an Asio operation as an awaitable -----------------------------------------------------------------

/// The completion token that makes an Asio operation awaitable in a task:
/// `std::size_t n = co_await socket.async_read_some(buffer, weft::use_task);`
///
/// An error is thrown as a system_error; when the task's scope is stopped, the operation is cancelled through
/// its own executor, and weft::cancelled is thrown. The operation is initiated on that executor too. The task
/// goes on on its pool: on the thread that saw the completion, when the I/O object is the pool's.
struct use_task_t {};
inline constexpr use_task_t use_task;

/// Turns what a handler was called with into a result or an exception.
template <class... R>
struct outcome_of {
  using type = std::conditional_t<sizeof...(R) == 0, nothing, std::tuple<R...>>;
  static constexpr bool leads_with_error = false;
};
template <class First, class... R>
struct outcome_of<First, R...> {
  static constexpr bool leads_with_error =
      std::is_same_v<std::decay_t<First>, WEFT_ASIO_ERROR> || std::is_same_v<std::decay_t<First>, std::exception_ptr>;
  using type = std::conditional_t<leads_with_error, std::tuple<std::decay_t<R>...>,
                                  std::tuple<std::decay_t<First>, std::decay_t<R>...>>;
};

template <class Initiation>
auto executor_of(const Initiation& i) {
  if constexpr (requires { i.get_executor(); })
    return i.get_executor();
  else
    return WEFT_ASIO::system_executor();
}

/// Where the handlers of an operation run, and the request to cancel it, one at a time. An I/O object's own executor
/// does that, if the user has made it so (a strand, or an io_context with one thread). A pool does not, but its
/// driver does: there the steps of a composed operation run where their completions are seen.
template <class Executor>
struct serial_place {
  explicit serial_place(Executor ex) : executor(std::move(ex)) {
    if constexpr (std::is_same_v<Executor, pool_executor>) {
      adopt(executor);
    } else if constexpr (requires { executor.template target<pool_executor>(); }) {
      // Asio 1.22's target() does not check the type itself.
      if (executor.target_type() == typeid(pool_executor)) {
        const pool_executor e = *executor.template target<pool_executor>();
        adopt(e);
      }
    }
  }
  void adopt(const pool_executor& e) {
    context = &e.driver_context();
    executor = e.in_driver_too();
  }
  template <class F>
  void post(F f) const {
    if (context)
      WEFT_ASIO::post(context->get_executor(), std::move(f));
    else
      WEFT_ASIO::post(executor, std::move(f));
  }

  Executor executor;
  WEFT_ASIO::io_context* context = nullptr;
};

/// One operation under way. It is over for the task when it has completed and no request to cancel it is still on
/// its way to its executor; who finds both done resumes the task. So a request never meets an operation, or a
/// socket, that is gone, and nothing is allocated for it.
///
/// An io_context that ends destroys what it has not run. So the handler, and what is posted to start and to cancel
/// the operation, are each owned by one place at a time, and one that is destroyed without having been called does
/// what still lets the task end: the operation has then completed with operation_aborted.
template <class Initiation, class Arguments, class... R>
class use_task_operation : public detail::leaf<use_task_operation<Initiation, Arguments, R...>> {
  using outcome = outcome_of<R...>;
  using values = typename outcome::type;
  using executor = decltype(executor_of(std::declval<const Initiation&>()));

 public:
  template <class I, class A>
  use_task_operation(I&& initiation, A&& arguments)
      : initiation_(std::forward<I>(initiation)),
        arguments_(std::forward<A>(arguments)),
        place_(executor_of(initiation_)) {}
  use_task_operation(use_task_operation&& o)  // before it is awaited
      : initiation_(std::move(o.initiation_)), arguments_(std::move(o.arguments_)), place_(std::move(o.place_)) {}

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) {
    return this->begin(h, [this] {
      if (place_.context) detail::poll_driver_soon();
      starter to_start(*this);
      try {
        WEFT_ASIO::dispatch(place_.executor, std::move(to_start));
      } catch (...) {
        // Where it has been handed on it was called, or has died and completed the operation: `this` may be gone.
        if (to_start.disown()) throw;
      }
      return true;
    });
  }
  auto await_resume() {
    this->deafen();
    if (this->stopped()) detail::throw_cancelled();
    if (failed_to_start_) std::rethrow_exception(failed_to_start_);
    if (error_) {
      if ((state_.load(std::memory_order_relaxed) & stop_wanted) && error_ == WEFT_ASIO::error::operation_aborted)
        detail::throw_cancelled();
      throw WEFT_ASIO_SYSTEM_ERROR(error_);
    }
    if (exception_) std::rethrow_exception(exception_);
    if constexpr (std::tuple_size_v<values> == 1)
      return std::move(std::get<0>(*values_));
    else if constexpr (std::tuple_size_v<values> > 1)
      return std::move(*values_);
  }

  void on_stop() noexcept {
    const unsigned before = state_.fetch_or(stop_wanted, std::memory_order_acq_rel);
    // Before it has started, start() sees the wish itself. Once it has completed there is nothing to cancel.
    // This object stays while we are here: a task that goes on waits for us in deafen().
    if (!(before & started) || (before & completed)) return;
    if (!(state_.fetch_or(cancelling, std::memory_order_acq_rel) & completed)) post_cancel();
  }

 private:
  static constexpr unsigned started = 1, stop_wanted = 2, completed = 4, cancelling = 8;

  /// Stands for a call that is owed to the operation. It moves, and whoever owns it last makes the call or disowns
  /// it.
  class owed {
   public:
    explicit owed(use_task_operation& o) noexcept : self_(&o) {}
    owed(owed&& o) noexcept : self_(o.self_), owner_(o.disown()) {}
    owed& operator=(owed&&) = delete;
    bool disown() noexcept { return std::exchange(owner_, false); }

   protected:
    ~owed() = default;
    use_task_operation* self_;  // a moved-from handler may still be asked for its executor

   private:
    bool owner_ = true;
  };

  struct starter : owed {
    using owed::owed;
    starter(starter&&) noexcept = default;
    ~starter() {
      if (this->disown()) this->self_->abandon(started | completed);
    }
    void operator()() {
      if (this->disown()) this->self_->start();
    }
  };

  struct canceller : owed {
    using owed::owed;
    canceller(canceller&&) noexcept = default;
    ~canceller() {
      if (this->disown()) this->self_->cancel_passed();
    }
    void operator()() {
      if (this->disown()) this->self_->cancel();
    }
  };

  struct handler : owed {
    using owed::owed;
    handler(handler&&) noexcept = default;
    ~handler() {
      if (this->disown()) this->self_->abandon(completed);
    }
    using executor_type = executor;
    executor_type get_executor() const noexcept { return this->self_->place_.executor; }
    using cancellation_slot_type = WEFT_ASIO::cancellation_slot;
    cancellation_slot_type get_cancellation_slot() const noexcept { return this->self_->signal_.slot(); }
    template <class... A>
    void operator()(A&&... a) {
      if (this->disown()) this->self_->complete(std::forward<A>(a)...);
    }
  };

  /// On the operation's executor.
  void start() noexcept {
    try {
      std::apply([this](auto&&... a) { std::move(initiation_)(handler(*this), std::move(a)...); },
                 std::move(arguments_));
    } catch (...) {
      // The handler has died with the initiation and completed the operation, or will yet be called or die elsewhere.
      failed_to_start_ = std::current_exception();
    }
    // It may have completed on another thread by now; then it is for us to resume the task. From the moment that
    // `started` is set without `cancelling`, it is for complete(), and this object may be gone.
    unsigned before = state_.load(std::memory_order_acquire);
    unsigned after = 0;
    do {
      const bool cancel = (before & stop_wanted) && !(before & completed);
      after = before | started | (cancel ? cancelling : 0);
    } while (!state_.compare_exchange_weak(before, after, std::memory_order_acq_rel, std::memory_order_acquire));
    if (before & completed)
      this->resume();
    else if (after & cancelling)
      post_cancel();
  }

  /// `cancelling` is set: this object stays until the request has been there.
  void post_cancel() noexcept { place_.post(canceller(*this)); }
  void cancel() {
    if (!(state_.load(std::memory_order_acquire) & completed)) signal_.emit(WEFT_ASIO::cancellation_type::all);
    cancel_passed();
  }
  void cancel_passed() noexcept {
    if (state_.fetch_and(~cancelling, std::memory_order_acq_rel) & completed) this->resume();
  }

  template <class... A>
  void complete(A&&... a) noexcept {
    try {
      if constexpr (outcome::leads_with_error)
        keep(std::forward<A>(a)...);
      else
        values_.emplace(std::forward<A>(a)...);
    } catch (...) {  // a value could not be copied
      exception_ = std::current_exception();
    }
    finish(completed);
  }
  template <class First, class... A>
  void keep(First&& first, A&&... a) {
    if constexpr (std::is_same_v<std::decay_t<First>, WEFT_ASIO_ERROR>)
      error_ = first;
    else
      exception_ = first;
    if (!error_ && !exception_) values_.emplace(std::forward<A>(a)...);
  }
  void finish(unsigned how) noexcept {
    const unsigned before = state_.fetch_or(how, std::memory_order_acq_rel);
    if (((before | how) & started) && !(before & cancelling)) this->resume();
  }
  /// What would have completed it, or started it, is gone.
  void abandon(unsigned how) noexcept {
    error_ = WEFT_ASIO::error::operation_aborted;
    finish(how);
  }

  Initiation initiation_;
  Arguments arguments_;
  serial_place<executor> place_;
  WEFT_ASIO::cancellation_signal signal_;
  std::atomic<unsigned> state_{0};
  WEFT_ASIO_ERROR error_;
  std::exception_ptr exception_;
  std::exception_ptr failed_to_start_;
  std::optional<values> values_;
};

}  // namespace WEFT_ASIO_BRIDGE

namespace detail {

template <class T, class Token>
  requires WEFT_ASIO::completion_token_for<Token, typename WEFT_ASIO_BRIDGE::signature<T>::type>
struct asio_spawn<T, Token> {
  static constexpr bool included = true;
  static auto start(pool& p, task<T> t, Token&& token) {
    return WEFT_ASIO_BRIDGE::spawn(p, std::move(t), std::forward<Token>(token));
  }
};

}  // namespace detail
}  // namespace weft

template <class... R>
class WEFT_ASIO::async_result<weft::WEFT_ASIO_BRIDGE::use_task_t, void(R...)> {
 public:
  template <class Initiation, class... A>
  static auto initiate(Initiation&& initiation, weft::WEFT_ASIO_BRIDGE::use_task_t, A&&... a) {
    using arguments = std::tuple<std::decay_t<A>...>;
    return weft::WEFT_ASIO_BRIDGE::use_task_operation<std::decay_t<Initiation>, arguments, R...>(
        std::forward<Initiation>(initiation), arguments(std::forward<A>(a)...));
  }
};
