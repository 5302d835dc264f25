// The life of a worker: what it runs next, whom it robs, and how it sleeps.
#include <algorithm>
#include <iterator>
#include <string>
#include <typeinfo>

#include "env/memory.hpp"
#include "env/ticks.hpp"
#include "exec/pool_core.hpp"
#include "weft/errors.hpp"

namespace weft::detail {

namespace {

constexpr std::int64_t nap_ns = 1'000'000;   // how long the watching worker sleeps at a time
constexpr std::uint64_t long_turn_us = 8;    // after a turn that took longer, every boundary ends a turn
constexpr std::uint64_t poll_every_us = 50;  // how often a busy worker looks at input, output and timers
constexpr std::uint32_t most_fuel = 256;
constexpr std::size_t injected_batch = 16;
constexpr std::size_t share_least = 256, share_most = 1024;  // items, that a worker shares out when asked
constexpr unsigned most_patience = 64;       // looks around, while a victim was asked to share and has not yet
constexpr std::uint64_t spin_poll_us = 4;    // how often a spinning worker looks at the driver
constexpr std::int64_t far_ns = 2 * nap_ns;  // a timer that far away is not worth waking the leader for at once

void resume(worker& w, void* frame) {
  w.note_begin(frame);
  std::coroutine_handle<>::from_address(frame).resume();
  w.note(trace_kind::task_end);
}

std::uint32_t random(worker& w, std::uint32_t below) noexcept {
  w.random_state ^= w.random_state << 13;  // xorshift64 (Marsaglia 2003)
  w.random_state ^= w.random_state >> 7;
  w.random_state ^= w.random_state << 17;
  return static_cast<std::uint32_t>((w.random_state >> 32) * below >> 32);
}

}  // namespace

void pool_core::run(worker& w) {
  this_worker_is(&w);
  for (;;) {
    if (void* frame = next(w)) {
      resume(w, frame);
    } else if (void* found = search(w)) {
      resume(w, found);
    } else if (quit_.load(std::memory_order_seq_cst)) {
      break;
    }
  }
  this_worker_is(nullptr);
}

bool pool_core::step(unsigned i) {
  worker& w = *workers_[i];
  this_worker_is(&w);
  expire_timers();
  void* frame = nullptr;
  // A worker that robs before it looks at home makes more orders of execution possible.
  bool lost = false;
  if (random(w, 4) == 0) frame = steal_any(w, lost);
  if (!frame) frame = next(w);
  if (!frame) frame = steal_any(w, lost);
  if (frame) resume(w, frame);
  this_worker_is(nullptr);
  return frame != nullptr;
}

std::uint64_t pool_core::stepped_ticks() noexcept {
  intervals_ += std::uint64_t{1} << env_.random() % 16;
  return static_cast<std::uint64_t>(now_ns()) + intervals_;
}

// ---- what to run next ----------------------------------------------------------------------------------

void* pool_core::take_injected(worker& w, priority band) noexcept {
  injection_queue& q = injected_[static_cast<std::size_t>(band)];
  if (q.empty()) return nullptr;
  void* items[injected_batch];
  const std::size_t share = q.size() / size() + 1;
  const std::size_t n = q.take(items, band == priority::interactive ? 1 : std::min(share, injected_batch));
  if (n == 0) return nullptr;
  if (band == priority::interactive) count_urgent(-1);
  for (std::size_t i = n - 1; i > 0; --i) w.queue(band).push(items[i]);
  if (n > 1) wake_if_needed(band);
  return items[0];
}

/// A single item costs a thief the heavy barrier, and its victim the interrupt that this is. So a thief that sees
/// many asks for more, and the owner, who needs no barrier, puts the oldest where all may take them in batches.
void pool_core::share(worker& w) noexcept {
  w.asked_to_share.store(false, std::memory_order_relaxed);
  for (std::size_t band = static_cast<std::size_t>(priority::normal); band < bands; ++band) {
    std::size_t n = std::min(w.queues[band].size() / 2, share_most);
    while (n > 0) {
      void* items[64];
      const std::size_t taken = w.queues[band].pop_oldest(items, std::min(n, std::size(items)));
      if (taken == 0) break;
      injected_[band].push_many(items, taken);
      n -= taken;
    }
  }
}

void* pool_core::next(worker& w) noexcept {
  if (w.poll_soon) [[unlikely]] {
    w.poll_soon = false;
    poll_driver(w);
  }
  if (w.asked_to_share.load(std::memory_order_relaxed)) [[unlikely]]
    share(w);
  if (--w.fuel == 0 && turn_ended(w)) refuel(w, priority::interactive);
  bool lost = false;
  if (urgent()) [[unlikely]] {
    void* frame = w.queue(priority::interactive).pop();
    if (frame) {
      count_urgent(-1);
      return frame;
    }
    if ((frame = take_injected(w, priority::interactive))) return frame;
    if ((frame = steal(w, priority::interactive, lost))) return frame;
  }
  if (w.reserved) return nullptr;
  // The owner's end of a deque is the newest: so that the oldest gets its turn, and what waits outside too,
  // these come first now and then.
  const std::uint32_t turn = ++w.boundaries % 64;
  void* frame = nullptr;
  if (turn == 0) frame = take_injected(w, priority::normal);
  if (turn == 32) frame = w.queue(priority::normal).pop_oldest();
  if (!frame) frame = w.queue(priority::normal).pop();
  if (!frame) frame = take_injected(w, priority::normal);
  if (!frame && turn == 32) frame = w.queue(priority::batch).pop_oldest();
  if (!frame) frame = w.queue(priority::batch).pop();
  if (!frame) frame = take_injected(w, priority::batch);
  return frame;
}

bool pool_core::turn_ended(worker& w) noexcept {
  if (!w.trace.load(std::memory_order_relaxed) || w.traced_fuel == 0 || --w.traced_fuel == 0) return true;
  w.fuel = 1;
  return false;
}

void pool_core::fuel(worker& w, std::uint32_t boundaries) noexcept {
  const bool traced = w.trace.load(std::memory_order_relaxed) != nullptr;
  w.traced_fuel = traced ? boundaries : 0;
  w.fuel = traced ? 1 : boundaries;
}

void pool_core::spend_turn(std::uint64_t ran_ticks) noexcept {
  if (ran_ticks > long_turn_us * ticks_per_us_) current_worker()->fuel = 1;
}

bool pool_core::refuel(worker& w, priority band) noexcept {
  if (stepped_) {
    fuel(w, 1 + random(w, 8));
    return random(w, 2) == 0;
  }
  const std::uint64_t t = ticks();
  w.full_fuel = t - w.last_refuel > long_turn_us * ticks_per_us_ ? 1 : std::min(w.full_fuel * 2, most_fuel);
  fuel(w, w.full_fuel);
  w.last_refuel = t;
  tell_drainers();
  if (t - w.last_poll > poll_every_us * ticks_per_us_) {
    w.last_poll = t;
    poll_driver(w);
  }
  return more_urgent_waits(w, band);
}

bool pool_core::more_urgent_waits(const worker& w, priority band) const noexcept {
  if (band == priority::interactive) return false;
  if (urgent()) return true;
  constexpr auto normal = static_cast<std::size_t>(priority::normal);
  return band == priority::batch && (!w.queues[normal].looks_empty() || !injected_[normal].empty());
}

bool pool_core::others_wait(const worker& w, priority band) const noexcept {
  const auto own = static_cast<std::size_t>(band);
  return !w.queues[own].looks_empty() || !injected_[own].empty();
}

void* pool_core::steal(worker& w, priority band, bool& lost) noexcept {
  const unsigned n = size();
  unsigned victim = w.last_victim < n ? w.last_victim : 0;
  for (unsigned k = 0; k < n; ++k) {
    if (victim != w.index) {
      worker& v = *workers_[victim];
      const bool many = band != priority::interactive && v.queue(band).size() >= share_least;
      if (many && w.patience != 0 && v.asked_to_share.load(std::memory_order_relaxed)) {
        --w.patience;  // it will share soon, unless it is in a long task
        lost = true;
      } else if (void* frame = v.queue(band).steal(lost)) {
        if (band == priority::interactive) count_urgent(-1);
        w.last_victim = victim;
        w.note(trace_kind::steal, victim);
        if (many) v.asked_to_share.store(true, std::memory_order_relaxed);
        w.patience = most_patience;
        return frame;
      }
    }
    if (++victim == n) victim = 0;
  }
  return nullptr;
}

void* pool_core::steal_any(worker& w, bool& lost) noexcept {
  void* frame = nullptr;
  if (urgent() && (frame = steal(w, priority::interactive, lost))) return frame;
  if (w.reserved) return nullptr;
  if ((frame = steal(w, priority::normal, lost))) return frame;
  return steal(w, priority::batch, lost);
}

void* pool_core::search(worker& w) noexcept {
  parking_of(w).search();
  w.last_victim = random(w, size());
  std::uint64_t spin_until = 0;
  std::uint64_t began = 0;
  if (may_spin_) {
    began = ticks();
    spin_until = began + static_cast<std::uint64_t>(options_.spin.count()) * ticks_per_us_;
  }
  for (;;) {
    bool lost = false;
    void* frame = steal_any(w, lost);
    if (!frame) frame = next(w);
    if (!frame && poll_storage(w)) frame = next(w);
    // Who does not spin sleeps in the driver at once, and sees there what has come.
    if (!frame && may_spin_ && ticks() - w.last_poll > spin_poll_us * ticks_per_us_) {
      w.last_poll = ticks();
      if (poll_driver(w)) frame = next(w);
    }
    if (frame) {
      if (may_spin_) w.spun_ns.fetch_add((ticks() - began) * 1000 / ticks_per_us_, std::memory_order_relaxed);
      if (parking_of(w).found() && visible_work(w)) wake_one(parking_of(w));
      return frame;
    }
    if (quit_.load(std::memory_order_relaxed)) {
      parking_of(w).found();
      return nullptr;
    }
    if (lost) continue;
    if (may_spin_ && ticks() < spin_until) {
      real_memory::pause();
      continue;
    }
    if (may_spin_) w.spun_ns.fetch_add((ticks() - began) * 1000 / ticks_per_us_, std::memory_order_relaxed);
    park(w);
    if (may_spin_) {
      began = ticks();
      spin_until = began + static_cast<std::uint64_t>(options_.spin.count()) * ticks_per_us_;
    }
  }
}

bool pool_core::visible_work(const worker& w) const noexcept { return urgent() || (!w.reserved && visible_to_all()); }

/// Normal and batch work, which the workers of the reserve do not take.
bool pool_core::visible_to_all() const noexcept {
  for (std::size_t band = 1; band < bands; ++band) {
    if (!injected_[band].empty()) return true;
    for (const auto& other : workers_)
      if (!other->queues[band].looks_empty()) return true;
  }
  return false;
}

// ---- sleeping ------------------------------------------------------------------------------------------
//
// Who leads, who keeps watch and who is nudged is decided in exec/watch.hpp.

void pool_core::park(worker& w) noexcept {
  parking_of(w).prepare(w.slot);
  tell_drainers();
  watch_.park(*this, w);
}

/// The leader may sleep beyond a timer that a worker has added and not told: see add_timer().
void pool_core::tell_leader() noexcept {
  if (timers_.next() < armed_.load(std::memory_order_seq_cst)) interrupt_driver();
}

/// A worker of the reserve wakes another for what it sees and must not take.
void pool_core::pass_on(const worker& w) noexcept {
  if (w.reserved && visible_to_all()) wake_one(parking_);
}

/// A worker that is parked, and stays so; null when there is none.
parking::slot* pool_core::peek_parked() noexcept {
  parking::slot* s = parking_.peek();
  return s ? s : reserve_parking_.peek();
}

void pool_core::sleep_on_signal(worker& w, bool nap) noexcept {
  w.note(trace_kind::park);
  if (nap)
    futex_wait_until(w.slot.signal, 0, env_.now() + std::chrono::nanoseconds(nap_ns));
  else
    real_memory::futex_wait(w.slot.signal, 0);
  w.note(trace_kind::wake);
}

void pool_core::sleep_in_driver(worker& w, bool nap) noexcept {
  w.note(trace_kind::park);
  // A timer that is added from now on either is seen by the second look, or its adder sees when the leader wakes.
  std::int64_t next = timers_.next(), now = 0, until = 0;
  for (;;) {
    now = now_ns();
    until = nap ? std::min(next, now + nap_ns) : next;
    armed_.store(until, std::memory_order_seq_cst);
    const std::int64_t again = timers_.next();
    if (again >= next) break;
    next = again;
  }
  w.driving = true;
  if (wake_source* d = driver_.load(std::memory_order_acquire)) {
    poller_->arm(until == timer_queue::never ? -1 : std::max<std::int64_t>(0, until - now));
    d->park();
  } else if (until == timer_queue::never) {
    poller_->wait(-1);
  } else {
    poller_->wait_until(until, now);
  }
  w.driving = false;
  armed_.store(0, std::memory_order_seq_cst);
  w.note(trace_kind::wake);
}

/// Called on a worker that runs a completion in the driver, before the first item that it makes runnable.
void pool_core::unpark_self(worker& w) noexcept {
  w.parked = false;
  parking_of(w).cancel(w.slot);
}

void pool_core::wake_one(parking& of, bool insist) noexcept {
  if (parking::slot* s = of.notify(insist)) watch_.wake(*this, *static_cast<watch::sleeper*>(s), watch::woken);
}

// ---- the driver and the timers -------------------------------------------------------------------------

/// The worker's own ring, without a system call: what it started it goes on with itself.
bool pool_core::poll_storage(worker& w) noexcept {
  void* ring = w.storage.load(std::memory_order_relaxed);
  return ring && poll_storage_.load(std::memory_order_relaxed)(ring);
}

bool pool_core::poll_driver(worker& w) noexcept {
  bool any = expire_timers();
  any |= poll_storage(w);
  if (watch_.led() || !watch_.try_lead()) return any;
  w.driving = true;
  if (wake_source* d = driver_.load(std::memory_order_acquire))
    any |= d->poll();
  else
    any |= poller_->wait(0);
  w.driving = false;
  watch_.stop_leading();
  if (any) w.note(trace_kind::events);
  return any;
}

void pool_core::interrupt_driver() noexcept {
  if (wake_source* d = driver_.load(std::memory_order_seq_cst))
    d->interrupt();
  else
    poller_->interrupt();
}

wake_source* pool_core::attach(const std::type_info& kind, std::unique_ptr<wake_source> (*make)()) {
  std::lock_guard guard(attach_lock_);
  if (attached_) {
    if (*attached_kind_ == kind) return attached_.get();
    throw misuse(std::string("weft: this pool sleeps in a ") + attached_kind_->name() + " already, and cannot in a " +
                 kind.name() + " too: use one version of Asio for a pool");
  }
  std::unique_ptr<wake_source> made = make();
  made->watch(poller_->fd(), [](void* p) noexcept { static_cast<poller*>(p)->wait(0); }, poller_.get());
  attached_ = std::move(made);
  attached_kind_ = &kind;
  driver_.store(attached_.get(), std::memory_order_seq_cst);
  poller_->interrupt();  // who sleeps there moves over; who is woken there meanwhile is woken in the new one
  return attached_.get();
}

bool pool_core::add_timer(timer& t) {
  bool earliest = false;
  const std::int64_t deadline = t.deadline.time_since_epoch().count();  // once added it may fire, and be gone
  if (!timers_.add(t, earliest)) return false;
  if (!earliest) return true;
  if (deadline >= armed_.load(std::memory_order_seq_cst)) return true;
  // The leader would sleep too long. A worker that goes on need not tell it at once, if the time is far: it looks
  // again before it parks, and until then the watch does.
  const worker* w = current_worker();
  if (w && &w->pool == this && !w->parked && deadline - now_ns() > far_ns) return true;
  interrupt_driver();
  return true;
}

bool pool_core::expire_timers() noexcept {
  if (timers_.next() == timer_queue::never) return false;
  return timers_.expire(now_ns(), [this](timer& t) { schedule(t.frame, t.band); });
}

}  // namespace weft::detail
