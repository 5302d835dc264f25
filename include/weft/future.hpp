#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "weft/detail/leaf.hpp"
#include "weft/detail/node.hpp"
#include "weft/detail/node_stop.hpp"
#include "weft/task_failed.hpp"

namespace weft {

/// What has become of a task. `pending`: it waits for its inputs or for its turn.
enum class task_status { pending, running, done, failed, cancelled };

namespace detail {

/// Awaits the end of a node, and then that its value is in memory.
class node_wait : public leaf<node_wait>, public waiter {
 public:
  /// Of the value: none, a look, another look at what is kept in memory already, to move it away.
  enum class use : std::uint8_t { end_only, shared, shared_still, exclusive };
  node_wait(node& n, use u) noexcept : waiter(&node_wait::on_wake), node_(&n), use_(u) {}
  node_wait(node_wait&&) = delete;
  ~node_wait() { end_access(access_.load(std::memory_order_relaxed)); }

  bool await_ready() const noexcept { return node_->ended() && !wants_access(); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) {
    return this->begin(h, [this, h] {
      mark_.set(state_around(*node_), h.promise().stop);
      if (add_waiter(*node_, *this)) return true;
      return !withdrawn && !read();
    });
  }
  void on_stop() noexcept {
    stop_came_.store(true, std::memory_order_seq_cst);
    if (withdraw_waiter(*node_, *this)) return this->resume();
    value_access* a = access_.load(std::memory_order_seq_cst);
    if (a && withdraw_access(*a)) this->resume();
  }

 protected:
  void finish() {
    this->deafen();
    mark_.clear();
    if (this->stopped() || withdrawn) throw_cancelled();
    if (use_ == use::end_only) return;
    if (!node_->is(node_state::done)) throw_failure(*node_);
    if (const std::exception_ptr lost = error_of(access_.load(std::memory_order_relaxed))) {
      if (stop_came_.load(std::memory_order_relaxed)) throw_cancelled();
      throw_lost_value(*node_, lost);
    }
  }

  node* node_;
  std::atomic<value_access*> access_{nullptr};

 private:
  bool wants_access() const noexcept {
    return (use_ == use::shared || use_ == use::exclusive) && node_->is(node_state::done) && node_->stored != nullptr;
  }
  /// False: on_wake will be called once more.
  bool read() {
    reading_ = true;
    return !wants_access() || begin_access(*node_, use_ == use::exclusive, *this, access_, stop_came_);
  }
  static void on_wake(waiter& w) noexcept {
    auto& self = static_cast<node_wait&>(w);
    if (!self.reading_ && !self.read()) return;
    self.leaf<node_wait>::resume();
  }

  node_wait_mark mark_;
  use use_;
  bool reading_ = false;
  std::atomic<bool> stop_came_{false};
};

/// Awaits a node's end, whatever it is.
class node_end : public node_wait {
 public:
  explicit node_end(node& n) noexcept : node_wait(n, use::end_only) {}
  void await_resume() { this->finish(); }
};

}  // namespace detail

/// A started task, and then its value: shared, counted, on any thread.
///
/// `co_await f` gives `const T&` for an lvalue, kept alive by the future, and `T` for a temporary: moved when nobody
/// else holds the value, else copied. It throws weft::task_failed when the task failed, and weft::cancelled when it
/// was cancelled. A future may be awaited by any task of any pool, and any number of times; a stop of the awaiting
/// task ends the wait and leaves the future's task alone. A value that is on the disk is brought back first; once it
/// was awaited as an lvalue it stays in memory until that future object ends.
///
/// When the last handle of a task that has not begun is gone, and no other task waits for its value, it is cancelled.
template <class T = void>
class [[nodiscard("weft: a task whose future is let go is cancelled: keep it, or fire_and_forget it")]] future {
 public:
  using value_type = T;
  static constexpr bool weft_resumes_on_pool = true;

  /// Refers to nothing.
  future() noexcept = default;
  future(const future& o) noexcept : node_(o.node_) {
    if (node_) detail::add_handle(*node_);
  }
  future(future&& o) noexcept
      : node_(std::exchange(o.node_, nullptr)), access_(o.access_.exchange(nullptr, std::memory_order_relaxed)) {}
  future& operator=(future o) noexcept {
    std::swap(node_, o.node_);
    access_.store(o.access_.exchange(access_.load(std::memory_order_relaxed), std::memory_order_relaxed),
                  std::memory_order_relaxed);
    return *this;
  }
  ~future() {
    if (!node_) return;
    if (detail::value_access* a = access_.load(std::memory_order_acquire)) detail::end_access(a);
    detail::drop_handle(*node_);
  }

  bool valid() const noexcept { return node_ != nullptr; }
  task_status status() const {
    using enum detail::node_state;
    switch (need().state.load(std::memory_order_acquire)) {
      case running:
        return task_status::running;
      case done:
        return node_->ended() ? task_status::done : task_status::running;
      case failed:
        return node_->ended() ? task_status::failed : task_status::running;
      case cancelled:
        return node_->ended() ? task_status::cancelled : task_status::running;
      case pending:
      case again:
        break;
    }
    return task_status::pending;
  }
  /// Whether it has ended, in any way.
  bool done() const { return need().ended(); }
  /// What awaiting it would throw; null while it has not ended, and when it has a value.
  std::exception_ptr exception() const {
    if (!need().ended() || node_->is(detail::node_state::done)) return nullptr;
    try {
      detail::throw_failure(*node_);
    } catch (...) { return std::current_exception(); }
  }
  /// The name of the task: the one given by the options, or its function's and a number.
  std::string key() const { return detail::key_of(need()); }
  /// Cancels the task, if it has not ended: one that has not begun never will, a coroutine is asked to stop. What
  /// waits for its value is cancelled too.
  void cancel() const { detail::cancel_node(need()); }

  /// The future of `f(value)`, a task as client::submit starts it. Needs weft/client.hpp, and the client to be there.
  template <class F>
  auto then(F f) const;

  friend bool operator==(const future& a, const future& b) noexcept { return a.node_ == b.node_; }

  auto operator co_await() const& {
    need();
    return shared_wait(*this);
  }
  auto operator co_await() && {
    need();
    return last_wait(std::move(*this));
  }

  /// For the client: takes a handle over, or gives it up.
  static future adopt(detail::node& n) noexcept {
    future f;
    f.node_ = &n;
    return f;
  }
  detail::node* release() noexcept {
    if (detail::value_access* a = access_.exchange(nullptr, std::memory_order_acquire)) detail::end_access(a);
    return std::exchange(node_, nullptr);
  }
  detail::node* get_node() const noexcept { return node_; }
  /// Its node; throws weft::misuse when it refers to nothing, as all members do but valid().
  detail::node& need() const {
    if (!node_) detail::throw_empty_future();
    return *node_;
  }

 private:
  using holder = detail::value_node<T>;
  using node_pointer = detail::node*;

  struct shared_wait : detail::node_wait {
    explicit shared_wait(const future& f) noexcept
        : detail::node_wait(*f.node_, f.access_.load(std::memory_order_acquire) ? use::shared_still : use::shared),
          of(f) {}
    std::add_lvalue_reference_t<const T> await_resume() {
      this->finish();
      detail::value_access* none = nullptr;  // two tasks may await one future object at once
      detail::value_access* mine = access_.load(std::memory_order_relaxed);
      if (mine && of.access_.compare_exchange_strong(none, mine, std::memory_order_acq_rel))
        access_.store(nullptr, std::memory_order_relaxed);
      if constexpr (!std::is_void_v<T>) return static_cast<holder*>(node_)->value;
    }
    const future& of;
  };
  /// Holds the future: in `co_await c.submit(f)` it is the only one that does, and it goes after the access.
  struct owner {
    explicit owner(node_pointer n) noexcept : owned(n) {}
    owner(const owner&) = delete;
    ~owner() { detail::drop_handle(*owned); }
    node_pointer owned;
  };
  struct last_wait : private owner, public detail::node_wait {
    explicit last_wait(future&& f) noexcept : owner(f.release()), detail::node_wait(*owner::owned, use::exclusive) {}
    T await_resume() {
      this->finish();
      if constexpr (!std::is_void_v<T>) {
        T& value = static_cast<holder*>(node_)->value;
        if (detail::sole_handle(*node_)) return std::move(value);
        if constexpr (std::is_copy_constructible_v<T>)
          return std::as_const(value);
        else
          detail::throw_shared_value();
      }
    }
  };

  detail::node* node_ = nullptr;
  mutable std::atomic<detail::value_access*> access_{nullptr};
};

}  // namespace weft
