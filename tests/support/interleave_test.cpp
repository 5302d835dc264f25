// The model itself: it finds the bugs it is for, is silent about the corrected code, and replays.
#include "support/interleave.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "weft/detail/memory.hpp"

using weft::test::interleave::explore;
using weft::test::interleave::failure;
using weft::test::interleave::find_failure;
using weft::test::interleave::memory;
using weft::test::interleave::run;

namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;
constexpr auto seq_cst = std::memory_order_seq_cst;

using word = memory::atomic<std::uint32_t>;

void nothing() {}

/// Store buffering (Dekker's core): each writes its flag, then reads the other's. One of them must see a flag.
auto dekker(void (*first)(), void (*second)(), std::memory_order order) {
  return [=](run& r) {
    word x{0}, y{0};
    std::uint32_t saw_y = 0, saw_x = 0;
    r.thread([&] {
      x.store(1, order);
      first();
      saw_y = y.load(order);
    });
    r.thread([&] {
      y.store(1, order);
      second();
      saw_x = x.load(order);
    });
    r.go();
    r.require(saw_x || saw_y, "neither saw the other");
  };
}

/// A consumer that sleeps until `ready`. With `recheck` it sleeps only if nobody has bumped the epoch since
/// before it looked; without, on the epoch as it is after the look.
auto sleeper(bool recheck) {
  return [=](run& r) {
    word ready{0}, epoch{0};
    r.thread([&] {
      for (;;) {
        std::uint32_t e = epoch.load(seq_cst);
        if (ready.load(seq_cst)) return;
        if (!recheck) e = epoch.load(seq_cst);
        memory::futex_wait(epoch, e);
      }
    });
    r.thread([&] {
      ready.store(1, seq_cst);
      epoch.fetch_add(1, seq_cst);
      memory::futex_wake(epoch, 1);
    });
    r.go();
  };
}

template <class Increment>
auto counter(Increment increment) {
  return [=](run& r) {
    word n{0};
    for (int t = 0; t < 3; ++t) r.thread([&] { increment(n); });
    r.go();
    r.require(n.load(relaxed) == 3, "an increment was lost");
  };
}

struct variable {
  variable(const char* n, const char* value) : name(n) {
    if (const char* v = std::getenv(n)) before = v;
    ::setenv(n, value, 1);
  }
  ~variable() { before ? ::setenv(name, before->c_str(), 1) : ::unsetenv(name); }
  const char* name;
  std::optional<std::string> before;
};

}  // namespace

TEST_CASE("store buffering without a fence on both sides is found", "[interleave]") {
  CHECK(find_failure({}, dekker(nothing, nothing, relaxed)));
  CHECK(find_failure({}, dekker(nothing, nothing, release)));
  CHECK(find_failure({}, dekker(memory::full_fence, nothing, relaxed)));
  CHECK(find_failure({}, dekker(memory::light_barrier, memory::light_barrier, relaxed)));
  CHECK(find_failure({}, dekker(memory::light_barrier, memory::full_fence, relaxed)));
}

TEST_CASE("store buffering with enough fences passes", "[interleave]") {
  explore({}, dekker(memory::full_fence, memory::full_fence, relaxed));
  explore({}, dekker(memory::light_barrier, memory::heavy_barrier, relaxed));
  explore({}, dekker(memory::heavy_barrier, memory::light_barrier, relaxed));
  explore({}, dekker(memory::heavy_barrier, memory::heavy_barrier, relaxed));
  explore({}, dekker(nothing, nothing, seq_cst));
}

TEST_CASE("a read-modify-write drains the buffer, and a thread sees its own stores", "[interleave]") {
  explore({}, [](run& r) {
    word x{0}, y{0}, other{0};
    std::uint32_t saw_y = 0, saw_x = 0;
    const auto half = [&r, &other](word& mine, word& theirs, std::uint32_t& saw) {
      mine.store(1, relaxed);
      r.require(mine.load(relaxed) == 1, "a thread does not see its own store");
      other.fetch_add(1, relaxed);
      saw = theirs.load(relaxed);
    };
    r.thread([&] { half(x, y, saw_y); });
    r.thread([&] { half(y, x, saw_x); });
    r.go();
    r.require(saw_x || saw_y, "neither saw the other");
  });
}

TEST_CASE("stores arrive in order: message passing needs no fence", "[interleave]") {
  explore({}, [](run& r) {
    word data{0}, flag{0};
    r.thread([&] {
      data.store(1, relaxed);
      flag.store(1, release);
    });
    r.thread([&] {
      while (flag.load(acquire) == 0) memory::pause();
      r.require(data.load(relaxed) == 1, "the flag overtook the data");
    });
    r.go();
  });
}

TEST_CASE("a wake-up lost between look and sleep is found, as a deadlock", "[interleave]") {
  const auto found = find_failure({}, sleeper(false));
  REQUIRE(found);
  CHECK_THAT(found->what(), Catch::Contains("deadlock") && Catch::Contains("threads 0"));
  explore({}, sleeper(true));
}

TEST_CASE("an increment that is not atomic is found", "[interleave]") {
  CHECK(find_failure({}, counter([](word& n) { n.store(n.load(relaxed) + 1, relaxed); })));
  CHECK(find_failure({}, counter([](word& n) { n.store(n.load(seq_cst) + 1, seq_cst); })));
  explore({}, counter([](word& n) { n.fetch_add(1, relaxed); }));
  explore({}, counter([](word& n) {
            std::uint32_t v = n.load(relaxed);
            while (!n.compare_exchange_weak(v, v + 1, relaxed)) {}
          }));
}

TEST_CASE("a weak compare-exchange may fail for no reason", "[interleave]") {
  CHECK(find_failure({}, counter([](word& n) {
                       std::uint32_t v = n.load(relaxed);
                       if (!n.compare_exchange_weak(v, v + 1, relaxed)) n.fetch_add(v == 0 ? 0 : 1, relaxed);
                     })));
}

TEST_CASE("a loop that nobody ends is a livelock", "[interleave]") {
  const auto found = find_failure({.seeds = 1, .step_limit = 1000}, [](run& r) {
    word never{0};
    r.thread([&] {
      while (never.load(relaxed) == 0) memory::relax(0);
    });
    r.go();
  });
  REQUIRE(found);
  CHECK_THAT(found->what(), Catch::Contains("livelock"));
}

TEST_CASE("a store on its way to a dead atomic is found", "[interleave]") {
  const auto handover = [](void (*fence)()) {
    return [fence](run& r) {
      std::optional<word> mortal(std::in_place, 0u);
      word done{0};
      r.thread([&] {
        // The order is wrong on purpose: it says "done" first.
        done.store(1, release);
        fence();
        mortal->store(1, relaxed);
        fence();
      });
      r.thread([&] {
        while (done.load(acquire) == 0) memory::pause();
        for (int i = 0; i < 4; ++i) done.load(relaxed);
        mortal.reset();
      });
      r.go();
    };
  };
  const auto found = find_failure({}, handover(nothing));
  REQUIRE(found);
  CHECK_THAT(found->what(), Catch::Contains("destroyed an atomic"));
}

TEST_CASE("futex_wake wakes as many as it is told", "[interleave]") {
  const auto wake = [](int count) {
    return [count](run& r) {
      word epoch{0}, asleep{0};
      for (int t = 0; t < 2; ++t)
        r.thread([&] {
          asleep.fetch_add(1);
          memory::futex_wait(epoch, 0);
        });
      r.thread([&] {
        while (asleep.load() < 2) memory::pause();
        epoch.store(1);
        memory::futex_wake(epoch, count);
      });
      r.go();
    };
  };
  CHECK(find_failure({}, wake(0)));
  CHECK(find_failure({}, wake(1)));
  explore({}, wake(2));
}

TEST_CASE("each thread has a token of its own, the same for each call", "[interleave]") {
  explore({.seeds = 100}, [](run& r) {
    word n{0};
    std::vector<const void*> tokens{memory::thread_token()};
    for (int t = 0; t < 3; ++t)
      r.thread([&] {
        const void* token = memory::thread_token();
        for (int i = 0; i < 5; ++i) n.fetch_add(1);
        r.require(token == memory::thread_token(), "a thread's token changed");
        tokens.push_back(token);
      });
    r.go();
    r.require(std::set<const void*>(tokens.begin(), tokens.end()).size() == 4, "two threads share a token");
  });
}

TEST_CASE("a seed replays, and others run other schedules", "[interleave]") {
  const auto hash = [](std::uint64_t seed) {
    run r(seed);
    word n{0}, m{0};
    for (int t = 0; t < 3; ++t)
      r.thread([&] {
        for (int i = 0; i < 10; ++i) n.store(m.fetch_add(1) + 1, relaxed);
      });
    r.go();
    return r.hash();
  };
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    hashes.insert(hash(seed));
    CHECK(hash(seed) == hash(seed));
  }
  CHECK(hashes.size() > 150);

  const auto broken = counter([](word& n) { n.store(n.load(relaxed) + 1, relaxed); });
  const auto found = find_failure({}, broken);
  REQUIRE(found);
  const auto again = find_failure({.first_seed = found->seed(), .seeds = 1}, broken);
  REQUIRE(again);
  CHECK(std::string(again->what()) == found->what());
}

TEST_CASE("a failure names its seed, and the environment chooses seeds", "[interleave]") {
  std::vector<std::uint64_t> seeds;
  const auto note = [&](run& r) {
    seeds.push_back(r.seed());
    r.require(r.seed() != 3, "three is bad");
  };
  ::unsetenv("WEFT_SEED");  // this case sets both itself; variable puts them back below
  {
    const variable count("WEFT_SEEDS", "5");
    CHECK_THROWS_WITH(explore({.seeds = 1}, note),
                      Catch::Contains("seed 3") && Catch::Contains("three is bad") && Catch::Contains("WEFT_SEED=3"));
    CHECK(seeds == std::vector<std::uint64_t>{1, 2, 3});
    seeds.clear();
    const variable only("WEFT_SEED", "42");
    explore({}, note);
    CHECK(seeds == std::vector<std::uint64_t>{42});
  }
  const variable bad("WEFT_SEED", "4x");
  CHECK_THROWS_WITH(explore({}, note), Catch::Contains("WEFT_SEED is 4x"));
}

TEST_CASE("what goes wrong in a thread or in the body fails the run", "[interleave]") {
  const auto message = [](void (*body)(run&)) {
    const auto found = find_failure({.seeds = 1}, body);
    return found ? std::string(found->what()) : std::string();
  };
  CHECK_THAT(message([](run& r) {
               r.thread([] { throw std::runtime_error("planned"); });
               r.go();
             }),
             Catch::Contains("thread 0") && Catch::Contains("threw planned"));
  CHECK_THAT(message([](run& r) {
               r.thread([&] { r.require(false, "wrong"); });
               r.go();
             }),
             Catch::Contains("thread 0: wrong"));
  CHECK_THAT(message([](run&) { throw std::runtime_error("planned"); }), Catch::Contains("the body threw planned"));
  CHECK_THAT(message([](run& r) { r.thread([] {}); }), Catch::Contains("never called go()"));
}

TEST_CASE("threads may be added for a second go", "[interleave]") {
  explore({.seeds = 100}, [](run& r) {
    word n{0};
    for (int round = 0; round < 3; ++round) {
      for (int t = 0; t < 2; ++t) r.thread([&] { n.fetch_add(1, relaxed); });
      r.go();
    }
    r.require(n.load(relaxed) == 6, "a thread did not run once");
  });
}
