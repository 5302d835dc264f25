#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <typeinfo>

#include "weft/priority.hpp"

namespace weft {
class wake_source;
}

namespace weft::detail {

class pool_core;
class stop_registration;
struct promise_base;

using time_point = std::chrono::steady_clock::time_point;

/// The pool whose worker runs the caller; null on any other thread. Never inlined, and so never cached across
/// a suspension, after which the thread may be another.
pool_core* current_pool() noexcept;

/// Makes a suspended coroutine, or a work_item, runnable on `pool`, from any thread. On a worker of the pool
/// it is the next to run there, unless somebody steals it first.
void schedule(pool_core& pool, void* frame, priority band) noexcept;

/// The same, but behind all that waits in its band.
void schedule_last(pool_core& pool, void* frame, priority band) noexcept;

/// The same as schedule(), and wakes an idle worker for it: for what is new, not just woken.
void schedule_new_on(pool_core& pool, void* frame, priority band) noexcept;

/// Sees to it that this worker looks at the driver at its next boundary: an operation was begun that may be complete.
void poll_driver_soon() noexcept;

/// Whether the caller runs in the driver of a pool, where completions are seen: nothing long may run there.
bool in_driver() noexcept;

/// For what throws on a worker where nobody awaits it: it comes out of pool.drain().
void report_error(std::exception_ptr error) noexcept;

/// Lends the pool a wake source of the given kind, made by `make`, or gives the one it has of that kind. Throws
/// misuse when it has one of another kind.
wake_source& attach_wake_source(pool_core& pool, const std::type_info& kind, std::unique_ptr<wake_source> (*make)());

/// Whether the running task has used up its turn: something else waits, or input and output must be looked at.
bool turn_is_over(priority band) noexcept;

time_point now(pool_core& pool) noexcept;

/// What is not a coroutine but stands in the same queues: laid out as a frame, so that resuming its address
/// calls `resume`, and destroying it calls `destroy` (both compilers' ABI).
struct work_item {
  void (*resume)(work_item*);
  void (*destroy)(work_item*);
};

/// Where a call that blocks is: in the item's owner, under the lock of the threads that it is for.
enum class blocking_place : unsigned char { nowhere, queued, begun, withdrawn };

/// An entry of a pool's timer queue; it lives in the operation that waits.
struct timer {
  time_point deadline{};
  void* frame = nullptr;  // what is scheduled when the time has come
  priority band = priority::normal;
  bool cancelled = false;               // under the queue's lock: will not fire
  bool fired = false;                   // under the queue's lock
  std::size_t index = std::size_t(-1);  // in the heap; -1: not in it
};

/// Returns false, and will not fire, when cancel_timer() was faster.
bool add_timer(pool_core& pool, timer& t);
/// Returns true when the timer had been added and will not fire: the caller completes it. Otherwise it has
/// fired, or it is not added yet, and then add_timer() will say so.
bool cancel_timer(pool_core& pool, timer& t) noexcept;

}  // namespace weft::detail
