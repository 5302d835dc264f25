// The parking protocol: no wake-up is lost, whatever the order of steps.
#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "exec/parking.hpp"
#include "support/interleave.hpp"

using namespace weft::test::interleave;
using weft::detail::basic_parking;

namespace {

/// Workers that search, park and are woken as pool_core's do, and a producer that waits, spinning, until all it
/// queued was taken: a lost wake-up makes it wait for ever.
template <class Memory>
struct model {
  using word = typename Memory::template atomic<std::uint32_t>;
  using parking = basic_parking<Memory>;

  bool visible() { return produced.load(std::memory_order_relaxed) != taken.load(std::memory_order_relaxed); }
  bool take() {
    std::uint32_t t = taken.load(std::memory_order_relaxed);
    while (t != produced.load(std::memory_order_acquire))
      if (taken.compare_exchange_strong(t, t + 1)) return true;
    return false;
  }
  void wake(typename parking::slot* s) {
    if (!s) return;
    s->signal.store(1, std::memory_order_seq_cst);
    Memory::futex_wake(s->signal, 1);
  }
  void worker(typename parking::slot& slot) {
    lot.search();
    for (;;) {
      if (take()) {
        if (lot.found() && visible()) wake(lot.notify());
        lot.search();
        continue;
      }
      if (quit.load()) {
        lot.found();
        return;
      }
      lot.prepare(slot);
      if (visible() || quit.load()) {
        lot.cancel(slot);
        continue;
      }
      while (slot.signal.load() == 0) Memory::futex_wait(slot.signal, 0);
      // The signal may be a late one, meant for the sleep before: then it is listed still.
      lot.cancel(slot);
    }
  }
  void produce(std::uint32_t items, std::uint32_t at_once) {
    for (std::uint32_t i = 0; i < items; ++i) {
      produced.store(i + 1, std::memory_order_release);  // as a deque's owner does: no locked operation
      if (lot.should_notify()) wake(lot.notify());
      if ((i + 1) % at_once == 0)
        while (taken.load() != i + 1) Memory::pause();
    }
    while (taken.load() != items) Memory::pause();
    quit.store(1);
    while (lot.anyone_parked()) wake(lot.notify(true));
  }

  parking lot;
  word produced{0}, taken{0}, quit{0};
};

template <class Memory>
auto nothing_lost(int workers, std::uint32_t items, std::uint32_t at_once) {
  return [=](run& r) {
    model<Memory> m;
    std::vector<std::unique_ptr<typename basic_parking<Memory>::slot>> slots;
    for (int i = 0; i < workers; ++i) slots.push_back(std::make_unique<typename basic_parking<Memory>::slot>());
    for (auto& s : slots) r.thread([&m, slot = s.get()] { m.worker(*slot); });
    r.thread([&] { m.produce(items, at_once); });
    r.go();
    r.require(m.taken.load() == items, "an item was not taken once");
    r.require(m.lot.searching_count() == 0 && m.lot.parked_count() == 0, "a worker is counted that is not there");
  };
}

}  // namespace

TEST_CASE("parking: one item at a time is always seen", "[interleave]") {
  explore({.seeds = 4000}, nothing_lost<memory>(1, 3, 1));
  explore({.seeds = 4000}, nothing_lost<memory>(2, 3, 1));
}

TEST_CASE("parking: several items wake as many as they need", "[interleave]") {
  explore({.seeds = 4000}, nothing_lost<memory>(3, 4, 2));
}

TEST_CASE("parking: without the barrier of who parks a wake-up is lost", "[interleave]") {
  const auto found = find_failure({.seeds = 20'000, .step_limit = 20'000}, nothing_lost<no_heavy_barrier>(1, 3, 1));
  REQUIRE(found);
  CHECK_THAT(found->what(), Catch::Contains("livelock") || Catch::Contains("deadlock"));
}
