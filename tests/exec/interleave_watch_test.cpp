// Who leads in the driver and who keeps watch: whatever comes is seen while tasks run for ever, and a pool in which
// nobody works falls silent.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "exec/parking.hpp"
#include "exec/watch.hpp"
#include "support/interleave.hpp"

using namespace weft::test::interleave;
using weft::detail::basic_parking;
using weft::detail::basic_watch;

namespace {

/// How an item comes to the pool.
enum class way {
  outside,  // a thread of no pool queues it, and wakes a worker
  event,    // a completion in the driver queues it
  alone,    // a worker queues it for itself, wakes nobody, and does not get to it
  timer,    // a worker adds a timer that queues it, and does not tell the leader
};

struct setting {
  std::vector<way> ways;      // of items, in the order in which they come
  bool at_once = false;       // or each when the one before has begun
  bool silent_first = false;  // they come to a pool that sleeps
  std::uint64_t pauses = 0;   // before the first comes
  bool reserve = false;       // one more worker, which leads and watches but takes none of them
  bool polls = false;         // who searches looks into the driver
};

/// A pool of as many workers as items come to it, each of which runs until all have begun. So each worker is needed:
/// an item that nobody sees makes the others run for ever. A nap and a wait for a timer end after a while, and any
/// timer is due by then.
template <class Memory>
struct model {
  using word = typename Memory::template atomic<std::uint32_t>;
  using parking = basic_parking<Memory>;
  using watching = basic_watch<Memory>;

  /// Items that one thread queues, and all take.
  struct source {
    word queued{0}, taken{0};

    bool empty() const { return queued.load(std::memory_order_relaxed) == taken.load(std::memory_order_relaxed); }
    void put() { queued.store(queued.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
    bool take() {
      std::uint32_t t = taken.load(std::memory_order_relaxed);
      while (t != queued.load(std::memory_order_acquire))
        if (taken.compare_exchange_strong(t, t + 1)) return true;
      return false;
    }
  };

  struct worker {
    bool reserved = false;
    bool parked = false;
    const void* thread = nullptr;
    source own;
    typename watching::sleeper slot;
  };

  explicit model(const setting& s) : how(s) {
    for (std::size_t i = 0; i < how.ways.size() + how.reserve; ++i) workers.push_back(std::make_unique<worker>());
    workers.back()->reserved = how.reserve;
  }

  // ---- what basic_watch asks of its pool -----------------------------------------------------------------
  std::uint32_t size() const { return static_cast<std::uint32_t>(workers.size()); }
  std::uint32_t parked_count() const { return lot.parked_count() + reserve_lot.parked_count(); }
  parking& parking_of(const worker& w) { return w.reserved ? reserve_lot : lot; }
  typename parking::slot* peek_parked() {
    if (!nudges) return nullptr;
    auto* s = lot.peek();
    return s ? s : reserve_lot.peek();
  }
  bool ending() const { return quit.load() != 0; }
  bool visible() const {
    return !outside.empty() || std::any_of(workers.begin(), workers.end(), [](auto& w) { return !w->own.empty(); });
  }
  bool visible_work(const worker& w) const { return !w.reserved && visible(); }
  void pass_on(const worker& w) {
    if (w.reserved && visible()) wake_one(lot);
  }
  void tell_leader() {
    if (timer.load() != 0 && armed.load() == without_limit) interrupt_driver();
  }
  bool expire_timers() {
    std::uint32_t due = 1;
    if (timer.load() == 0 || !timer.compare_exchange_strong(due, 0)) return false;
    schedule(current());
    return true;
  }
  void interrupt_driver() { tell_driver(interrupted); }
  void sleep_on_signal(worker& w, bool nap) {
    if (nap) return sleep_a_while(w.slot.signal);
    asleep.fetch_add(1);
    Memory::futex_wait(w.slot.signal, 0);
    asleep.fetch_sub(1);
  }
  void sleep_in_driver(worker&, bool nap) {
    std::uint32_t next = timer.load();
    for (;;) {
      armed.store(nap || next != 0 ? with_limit : without_limit);
      const std::uint32_t again = timer.load();
      if (again <= next) break;
      next = again;
    }
    if (nap || next != 0) {
      sleep_a_while(driver);
    } else {
      asleep.fetch_add(1 + one_in_driver);
      Memory::futex_wait(driver, 0);
      asleep.fetch_sub(1 + one_in_driver);
    }
    take_events();
    armed.store(0);
  }

  // ---- workers, as pool_core's ---------------------------------------------------------------------------
  worker& current() {
    return **std::find_if(workers.begin(), workers.end(),
                          [](auto& w) { return w->thread == Memory::thread_token(); });
  }
  void wake_one(parking& of, bool insist = false) {
    if (auto* s = of.notify(insist)) watch.wake(*this, *static_cast<typename watching::sleeper*>(s), watching::woken);
  }
  void wake_if_needed() {
    if (lot.should_notify()) wake_one(lot);
  }
  void schedule(worker& w) {
    if (w.parked) {
      w.parked = false;
      parking_of(w).cancel(w.slot);
    }
    w.own.put();
    if (w.reserved) wake_if_needed();
  }
  bool take_events() {
    if ((driver.exchange(0) & completed) == 0) return false;
    schedule(current());
    return true;
  }
  bool poll_driver() {
    bool any = expire_timers();
    if (watch.led() || !watch.try_lead()) return any;
    any |= take_events();
    watch.stop_leading();
    return any;
  }
  bool take(const worker& w) {
    return !w.reserved && (outside.take() || std::any_of(workers.begin(), workers.end(),
                                                         [](auto& other) { return other->own.take(); }));
  }
  void work(worker& w) {
    w.thread = Memory::thread_token();
    parking& mine = parking_of(w);
    mine.search();
    for (;;) {
      if (take(w)) {
        if (mine.found() && visible_work(w)) wake_one(mine);
        run_item(w);
        mine.search();
      } else if (quit.load() != 0) {
        mine.found();
        return;
      } else if (!how.polls || !poll_driver()) {
        mine.prepare(w.slot);
        watch.park(*this, w);
      }
    }
  }
  void run_item(worker& w) {
    const std::uint32_t next = begun.fetch_add(1) + 1;
    if (next < how.ways.size() && how.ways[next] == way::alone) w.own.put();
    if (next < how.ways.size() && how.ways[next] == way::timer) timer.store(1);
    while (begun.load() < how.ways.size()) Memory::pause();
  }

  // ---- the world -----------------------------------------------------------------------------------------
  void send_all(run& r) {
    if (how.silent_first) falls_silent(r);
    for (std::uint64_t i = 0; i < how.pauses; ++i) Memory::pause();
    for (std::uint32_t i = 0; i < how.ways.size(); ++i) {
      while (!how.at_once && begun.load() < i) Memory::pause();
      if (how.ways[i] == way::outside) {
        outside.put();
        wake_if_needed();
      } else if (how.ways[i] == way::event) {
        tell_driver(completed);
      }
    }
    while (begun.load() < how.ways.size()) Memory::pause();
    falls_silent(r);
    end();
  }
  void end() {
    quit.store(1);
    for (parking* of : {&lot, &reserve_lot})
      while (of->anyone_parked()) wake_one(*of, true);
  }
  void falls_silent(run& r) {
    std::uint32_t sleepers = asleep.load();
    for (; sleepers % one_in_driver != size(); sleepers = asleep.load()) Memory::pause();
    r.require(sleepers / one_in_driver == 1, "all sleep without a limit, and not one of them in the driver");
  }
  void tell_driver(std::uint32_t what) {
    driver.fetch_or(what);
    Memory::futex_wake(driver, 1);
  }
  void sleep_a_while(word& until_set) {
    naps.fetch_add(1);
    for (int i = 0; i < 2 && until_set.load() == 0; ++i) Memory::pause();
  }

  static constexpr std::uint32_t interrupted = 1, completed = 2;         // in driver
  static constexpr std::uint32_t with_limit = 1, without_limit = 2;      // of the leader's sleep
  static constexpr std::uint32_t one_in_driver = std::uint32_t{1} << 8;  // of those asleep

  const setting how;
  bool nudges = true;
  parking lot, reserve_lot;
  watching watch;
  std::vector<std::unique_ptr<worker>> workers;
  source outside;
  word driver{0}, armed{0}, timer{0}, begun{0}, quit{0};
  word asleep{0};  // who sleeps without a limit
  word naps{0};    // how often anybody began to sleep with one
};

template <class Memory>
void run_pool(run& r, const setting& s, bool nudges = true) {
  model<Memory> m(s);
  m.nudges = nudges;
  for (auto& w : m.workers) r.thread([&m, w = w.get()] { m.work(*w); });
  r.thread([&] { m.send_all(r); });
  r.go();
  for (const auto* of : {&m.lot, &m.reserve_lot})
    r.require(of->searching_count() == 0 && of->parked_count() == 0, "a worker is counted that is not there");
  r.require(!m.visible() && m.timer.load() == 0, "an item is left");
  r.require(!m.watch.led() && m.watch.try_lead(), "a pool without workers is led");
}

/// Two or three items, the last of which comes in that way. The seed decides the rest.
template <class Memory>
auto seen(way last, bool nudges = true) {
  return [=](run& r) {
    std::uint64_t bits = r.seed();
    const auto choose = [&](std::uint64_t n) { return std::exchange(bits, bits / n) % n; };
    setting s;
    s.silent_first = choose(2) != 0;
    s.reserve = choose(2) != 0;
    s.polls = choose(2) != 0;
    s.ways.push_back(choose(2) != 0 ? way::event : way::outside);
    if (choose(2) != 0) s.ways.push_back(static_cast<way>(choose(4)));
    s.ways.push_back(last);
    if (!s.silent_first) s.pauses = choose(60);  // a keeper lets the watch go about then
    run_pool<Memory>(r, s, nudges);
  };
}

/// A worker that parks, in the driver or not, is nudged, and woken once.
template <class Memory>
auto woken() {
  return [](run& r) {
    model<Memory> m({.ways = {way::outside}});
    auto& w = *m.workers[0];
    if (r.seed() % 2 != 0) m.watch.try_lead();
    r.thread([&] {
      m.lot.search();
      m.lot.prepare(w.slot);
      m.watch.park(m, w);
      r.require(m.lot.searching_count() == 1, "who was woken does not search");
      m.lot.found();
    });
    r.thread([&] {
      for (int i = 0; i < 3; ++i) m.watch.wake(m, w.slot, model<Memory>::watching::nudged);
    });
    r.thread([&] {
      while (!m.lot.anyone_parked()) Memory::pause();
      m.wake_one(m.lot);
    });
    r.go();
  };
}

/// A worker that is about to sleep sees an item of its own, goes to another for ever, and leaves this one to the
/// second worker, which has let the watch go while both were parked, or does so just then.
template <class Memory>
auto left_behind() {
  return [](run& r) {
    model<Memory> m({.ways = {way::outside, way::alone}});
    auto& goes = *m.workers[0];
    auto& stays = *m.workers[1];
    r.thread([&] {
      m.lot.search();
      m.lot.prepare(goes.slot);
      const auto enough = m.naps.load() + static_cast<std::uint32_t>(r.seed() % 3 + m.watch.naps_while_idle - 1);
      while (m.naps.load() < enough && m.asleep.load() == 0) Memory::pause();
      goes.own.put();
      m.watch.park(m, goes);
      m.lot.found();
      while (!goes.own.empty()) Memory::pause();
    });
    r.thread([&] {
      m.lot.search();
      while (!m.take(stays)) {
        m.lot.prepare(stays.slot);
        m.watch.park(m, stays);
      }
      m.lot.found();
      m.end();
    });
    r.go();
  };
}

/// The stores of its atomics all wait in the buffer, whatever their order says.
struct late_stores : memory {
  template <class T>
  struct atomic : model_atomic<T> {
    using model_atomic<T>::model_atomic;
    void store(T value, std::memory_order = std::memory_order_seq_cst) noexcept {
      model_atomic<T>::store(value, std::memory_order_relaxed);
    }
  };
};

}  // namespace

TEST_CASE("watch: an event is seen while tasks run for ever", "[interleave]") {
  explore({.seeds = 8000}, seen<memory>(way::event));
}

TEST_CASE("watch: an item from outside is taken while tasks run for ever", "[interleave]") {
  explore({.seeds = 8000}, seen<memory>(way::outside));
}

TEST_CASE("watch: an item that a busy worker queued for itself is taken by another", "[interleave]") {
  explore({.seeds = 8000}, seen<memory>(way::alone));
}

TEST_CASE("watch: a timer that a busy worker added is told to the leader", "[interleave]") {
  explore({.seeds = 8000}, seen<memory>(way::timer));
}

TEST_CASE("watch: items that come at once wake as many as they need", "[interleave]") {
  for (const bool silent_first : {false, true})
    explore({.seeds = 3000}, [=](run& r) {
      const std::vector<way> three(3, way::outside);
      run_pool<memory>(r, {.ways = three, .at_once = true, .silent_first = silent_first});
    });
}

TEST_CASE("watch: if who goes to work does not renew it, an item is never seen", "[interleave]") {
  for (const way last : {way::event, way::alone, way::timer}) {
    const auto found = find_failure({.seeds = 8000, .step_limit = 20'000}, seen<memory>(last, false));
    REQUIRE(found);
    CHECK_THAT(found->what(), Catch::Contains("livelock"));
  }
}

TEST_CASE("watch: who is woken goes to work, wherever it sleeps and whoever nudges it", "[interleave]") {
  explore({.seeds = 8000}, woken<memory>());
}

TEST_CASE("watch: with stores that arrive late a signal is lost", "[interleave]") {
  const auto found = find_failure({.seeds = 8000, .step_limit = 20'000}, woken<late_stores>());
  REQUIRE(found);
  CHECK_THAT(found->what(), Catch::Contains("deadlock") || Catch::Contains("livelock"));
}

TEST_CASE("watch: who goes to work while the keeper lets go leaves a keeper behind", "[interleave]") {
  explore({.seeds = 40'000}, left_behind<memory>());
}
