#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "weft/detail/wait_list.hpp"
#include "weft/errors.hpp"

/// Locks and signals for tasks: who waits holds no thread. Waiting tasks are served in order, a stop takes one
/// out of the line and throws weft::cancelled in it, and all members may be called from any thread. None may
/// be destroyed while a task waits in it. Cost: tens of nanoseconds uncontended, no allocation.
namespace weft {

/// A count of permits.
class semaphore {
 public:
  explicit semaphore(std::size_t permits) noexcept : permits_(permits) {}
  semaphore(const semaphore&) = delete;
  semaphore& operator=(const semaphore&) = delete;

  /// `co_await s.acquire();` takes a permit, or waits for one.
  [[nodiscard("weft: co_await it")]] auto acquire() noexcept {
    return detail::waiting_operation<semaphore>(*this, 0);
  }
  bool try_acquire() noexcept;
  void release(std::size_t permits = 1) noexcept;

 private:
  friend class detail::waiting_operation<semaphore>;
  bool try_now(detail::wait_node&, detail::wait_node*&) noexcept;
  detail::wait_list& list_for(detail::wait_node&) noexcept { return waiting_; }
  detail::wait_node* abandoned(detail::wait_node&) noexcept { return nullptr; }

  detail::short_lock lock_;
  std::size_t permits_;
  detail::wait_list waiting_;
};

/// Mutual exclusion between tasks: `auto guard = co_await m.lock();` and the guard's end unlocks. It may be
/// held across a co_await, and unlocked on another thread.
class mutex {
 public:
  class [[nodiscard("weft: the guard's end unlocks")]] guard {
   public:
    explicit guard(mutex& m) noexcept : mutex_(&m) {}
    guard(guard&& g) noexcept : mutex_(std::exchange(g.mutex_, nullptr)) {}
    guard& operator=(guard&& g) noexcept {
      std::swap(mutex_, g.mutex_);
      return *this;
    }
    ~guard() { unlock(); }
    void unlock() noexcept {
      if (mutex* m = std::exchange(mutex_, nullptr)) m->permit_.release();
    }

   private:
    mutex* mutex_;
  };

  mutex() noexcept : permit_(1) {}
  [[nodiscard("weft: co_await it")]] auto lock() noexcept {
    struct operation : detail::waiting_operation<semaphore> {
      explicit operation(mutex& m) noexcept : detail::waiting_operation<semaphore>(m.permit_, 0), of(m) {}
      guard await_resume() {
        detail::waiting_operation<semaphore>::await_resume();
        return guard(of);
      }
      mutex& of;
    };
    return operation(*this);
  }
  /// Without a guard: on true, the caller calls unlock().
  bool try_lock() noexcept { return permit_.try_acquire(); }
  void unlock() noexcept { permit_.release(); }

 private:
  semaphore permit_;
};

/// Many readers or one writer. A waiting writer goes before later readers.
class shared_mutex {
 public:
  class [[nodiscard("weft: the guard's end unlocks")]] guard {
   public:
    guard(shared_mutex& m, bool writes) noexcept : mutex_(&m), exclusive_(writes) {}
    guard(guard&& g) noexcept : mutex_(std::exchange(g.mutex_, nullptr)), exclusive_(g.exclusive_) {}
    guard& operator=(guard&& g) noexcept {
      std::swap(mutex_, g.mutex_);
      std::swap(exclusive_, g.exclusive_);
      return *this;
    }
    ~guard() { unlock(); }
    void unlock() noexcept {
      if (shared_mutex* m = std::exchange(mutex_, nullptr)) m->release(exclusive_);
    }

   private:
    shared_mutex* mutex_;
    bool exclusive_;
  };

  shared_mutex() noexcept = default;
  shared_mutex(const shared_mutex&) = delete;
  shared_mutex& operator=(const shared_mutex&) = delete;

  [[nodiscard("weft: co_await it")]] auto lock() noexcept { return operation(*this, exclusive); }
  [[nodiscard("weft: co_await it")]] auto lock_shared() noexcept { return operation(*this, shared); }

 private:
  static constexpr std::uint8_t shared = 0, exclusive = 1;
  friend class detail::waiting_operation<shared_mutex>;
  struct operation : detail::waiting_operation<shared_mutex> {
    operation(shared_mutex& m, std::uint8_t what) noexcept : detail::waiting_operation<shared_mutex>(m, what) {}
    guard await_resume() {
      detail::waiting_operation<shared_mutex>::await_resume();
      return guard(owner_, mode == exclusive);
    }
  };
  bool try_now(detail::wait_node& n, detail::wait_node*&) noexcept;
  bool admits(const detail::wait_node& n) const noexcept;
  void enter(const detail::wait_node& n) noexcept;
  detail::wait_list& list_for(detail::wait_node&) noexcept { return waiting_; }
  detail::wait_node* abandoned(detail::wait_node&) noexcept { return let_in(); }
  void release(bool was_exclusive) noexcept;
  detail::wait_node* let_in() noexcept;

  detail::short_lock lock_;
  std::size_t readers_ = 0;
  bool writer_ = false;
  detail::wait_list waiting_;
};

/// A flag that tasks wait for: set() lets all of them go on, and those that come later too, until reset().
class event {
 public:
  explicit event(bool set = false) noexcept : set_(set) {}
  event(const event&) = delete;
  event& operator=(const event&) = delete;

  [[nodiscard("weft: co_await it")]] auto wait() noexcept { return detail::waiting_operation<event>(*this, 0); }
  void set() noexcept;
  void reset() noexcept;
  bool is_set() noexcept;

 private:
  friend class detail::waiting_operation<event>;
  bool try_now(detail::wait_node&, detail::wait_node*&) noexcept { return set_; }
  detail::wait_list& list_for(detail::wait_node&) noexcept { return waiting_; }
  detail::wait_node* abandoned(detail::wait_node&) noexcept { return nullptr; }

  detail::short_lock lock_;
  bool set_;
  detail::wait_list waiting_;
};

/// Counts down from n; at zero the waiting tasks go on, and stay free to.
class latch {
 public:
  explicit latch(std::size_t n) noexcept : left_(n) {}
  latch(const latch&) = delete;
  latch& operator=(const latch&) = delete;

  /// Throws weft::misuse when it counts below zero.
  void count_down(std::size_t n = 1);
  [[nodiscard("weft: co_await it")]] auto wait() noexcept { return detail::waiting_operation<latch>(*this, 0); }

 private:
  friend class detail::waiting_operation<latch>;
  bool try_now(detail::wait_node&, detail::wait_node*&) noexcept { return left_ == 0; }
  detail::wait_list& list_for(detail::wait_node&) noexcept { return waiting_; }
  detail::wait_node* abandoned(detail::wait_node&) noexcept { return nullptr; }

  detail::short_lock lock_;
  std::size_t left_;
  detail::wait_list waiting_;
};

/// A meeting of n tasks, again and again: `co_await b.arrive();` waits until n have arrived. A task that is
/// cancelled while it waits has not arrived.
class barrier {
 public:
  explicit barrier(std::size_t n) noexcept : parties_(n ? n : 1) {}
  barrier(const barrier&) = delete;
  barrier& operator=(const barrier&) = delete;

  [[nodiscard("weft: co_await it")]] auto arrive() noexcept { return detail::waiting_operation<barrier>(*this, 0); }

 private:
  friend class detail::waiting_operation<barrier>;
  bool try_now(detail::wait_node&, detail::wait_node*& released) noexcept;
  detail::wait_list& list_for(detail::wait_node&) noexcept { return waiting_; }
  detail::wait_node* abandoned(detail::wait_node&) noexcept {
    --arrived_;
    return nullptr;
  }

  detail::short_lock lock_;
  const std::size_t parties_;
  std::size_t arrived_ = 0;
  detail::wait_list waiting_;
};

}  // namespace weft
