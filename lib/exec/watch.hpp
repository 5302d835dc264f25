#pragma once

#include <atomic>
#include <cstdint>

#include "exec/parking.hpp"

namespace weft::detail {

/// Decides which parked worker leads, which keeps watch, and when each sleeps. The sleep itself is the pool's.
///
/// One parked worker leads: it sleeps in the driver, where input, output and timers wake it. The others sleep on a
/// futex. When the leader goes to work nobody is in the driver; busy workers look at it between tasks, but a task may
/// run long. So while anybody works, one parked worker keeps watch: it sleeps in naps, after each of which it takes
/// the lead if nobody has it, and looks for an item that a busy worker queued for itself and does not get to. A pool
/// in which nobody works keeps no watch: it is silent.
///
/// Invariant: while somebody works and somebody is parked, a parked worker keeps watch, or has yet to look whether
/// one must, or somebody is about to make one look (renew).
///
///   - Who parks is counted as parked before it looks. It sees that somebody works: then it takes the watch, or
///     another has it. It sees that nobody does: who goes to work after that renews the watch.
///   - Who goes to work takes itself off the count, and then looks for a keeper. A keeper that saw nobody work for
///     some naps lets the watch go, and then reads the count once more. So the keeper sees that somebody works, and
///     takes the watch again, or who works sees that nobody keeps it, and nudges one who is parked.
///   - Who is nudged looks again. Was it about to go to work itself, then it renews the watch when it does.
///
/// Nobody falls asleep without a limit before it has tried to lead, and who leads lets go before it looks for a
/// keeper: so in a silent pool somebody sits in the driver.
///
/// `Pool` is pool_core, or a model of it in the tests, and `Worker` has a `slot` and `parked`, its own flag. What
/// watch asks of the pool: whether a worker sees work (visible_work), whether the pool ends (ending), how many are
/// parked (parked_count) of how many (size), and any one of them (peek_parked); to run what is due (expire_timers),
/// to see to it that the leader sleeps no longer than to the next timer (tell_leader), to wake another for work that
/// this one must not take (pass_on), to sleep (sleep_on_signal, sleep_in_driver) and to end the latter from outside
/// (interrupt_driver).
template <class Memory>
class basic_watch {
 public:
  /// What a parked worker is to others: its signal, and where it sleeps.
  struct sleeper : basic_parking<Memory>::slot {
    typename Memory::template atomic<bool> in_driver{false};
  };

  /// Values of the signal: go to work; look again who leads and watches.
  static constexpr std::uint32_t woken = 1, nudged = 2;
  /// How many naps the keeper takes while nobody works, before it lets the watch go.
  static constexpr int naps_while_idle = 8;

  /// Whether somebody is in the driver. One relaxed load.
  bool led() const noexcept { return led_.load(std::memory_order_relaxed); }
  bool try_lead() noexcept { return !led_.exchange(true, std::memory_order_seq_cst); }
  void stop_leading() noexcept { led_.store(false, std::memory_order_seq_cst); }

  /// After parking::prepare(): sleeps until there is something to do. Afterwards the worker searches again.
  template <class Pool, class Worker>
  void park(Pool& p, Worker& w) noexcept {
    w.parked = true;
    if (!p.visible_work(w) && !p.ending()) sleep(p, w);
    if (w.parked) {
      w.parked = false;
      p.parking_of(w).cancel(w.slot);  // if somebody woke us meanwhile we are searching all the same
    }
    renew(p);
  }

  /// Sends `s` a signal. A nudge does not take the place of another signal.
  template <class Pool>
  void wake(Pool& p, sleeper& s, std::uint32_t signal) noexcept {
    if (signal == woken) {
      s.signal.store(woken, std::memory_order_seq_cst);
    } else {
      std::uint32_t expected = 0;
      if (!s.signal.compare_exchange_strong(expected, signal, std::memory_order_seq_cst)) return;
    }
    // Who enters the driver says so, and then looks at its signal.
    if (s.in_driver.load(std::memory_order_seq_cst))
      p.interrupt_driver();
    else
      Memory::futex_wake(s.signal, 1);
  }

 private:
  template <class Pool, class Worker>
  void sleep(Pool& p, Worker& w) noexcept {
    sleeper& s = w.slot;
    bool leads = try_lead();
    bool watches = false;
    int idle_naps = 0;
    while (w.parked) {
      if (!leads) p.tell_leader();
      const bool somebody_works = p.parked_count() < p.size();
      if (!watches && somebody_works) {
        sleeper* nobody = nullptr;
        watches = keeper_.compare_exchange_strong(nobody, &s, std::memory_order_seq_cst);
      }
      sleep_once(p, w, leads, watches);
      const std::uint32_t signal = s.signal.load(std::memory_order_seq_cst);
      if (signal == woken || !w.parked) break;
      if (signal == nudged) {
        std::uint32_t expected = nudged;
        s.signal.compare_exchange_strong(expected, 0, std::memory_order_seq_cst);
      }
      if ((leads && p.expire_timers()) || !w.parked) break;
      if (p.ending() || ((watches || leads) && p.visible_work(w))) break;
      if (watches || leads) p.pass_on(w);
      if (!leads) leads = try_lead();
      if (watches) {
        idle_naps = somebody_works ? 0 : idle_naps + 1;
        if (idle_naps == naps_while_idle) {
          keeper_.store(nullptr, std::memory_order_seq_cst);  // and then reads the count once more, above
          watches = false;
        }
      }
    }
    if (leads) stop_leading();
    if (watches) keeper_.store(nullptr, std::memory_order_seq_cst);
  }

  template <class Pool, class Worker>
  void sleep_once(Pool& p, Worker& w, bool leads, bool naps) noexcept {
    if (!leads) return p.sleep_on_signal(w, naps);
    w.slot.in_driver.store(true, std::memory_order_seq_cst);
    if (w.slot.signal.load(std::memory_order_seq_cst) == 0) p.sleep_in_driver(w, naps);
    w.slot.in_driver.store(false, std::memory_order_seq_cst);
  }

  /// Who goes to work sees to it that somebody watches: who kept watch may have let it go while all were parked.
  template <class Pool>
  void renew(Pool& p) noexcept {
    if (keeper_.load(std::memory_order_seq_cst) || p.parked_count() == 0) return;
    if (auto* s = static_cast<sleeper*>(p.peek_parked())) wake(p, *s, nudged);
  }

  typename Memory::template atomic<bool> led_{false};           // some worker is in the driver
  typename Memory::template atomic<sleeper*> keeper_{nullptr};  // the parked worker that sleeps in naps
};

using watch = basic_watch<real_memory>;

}  // namespace weft::detail
