// Locks and signals for tasks, in simulated orders of execution.
#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "weft/simulation.hpp"
#include "weft/weft.hpp"

namespace {

using namespace std::chrono_literals;

std::chrono::microseconds some_time(weft::simulation& s) { return std::chrono::microseconds(s.random() % 100); }

void require(bool right, const char* what) {
  if (!right) throw std::logic_error(what);
}

/// Runs `t`, and gives up after some time; whether it ended by itself.
weft::task<bool> impatient(weft::simulation& s, weft::task<> t) {
  try {
    co_await weft::timeout(some_time(s), std::move(t));
  } catch (const weft::timed_out&) { co_return false; }
  co_return true;
}

template <class F>
void in_many_orders(F f) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    weft::simulation sim(seed, {.workers = 1 + static_cast<unsigned>(seed % 4)});
    INFO("seed " << seed);
    CHECK_NOTHROW(sim.run(f(sim)));
  }
}

/// Its move throws while `broken`.
struct brittle {
  brittle(int v, const bool& b) : value(v), broken(&b) {}
  brittle(brittle&& o) : value(o.value), broken(o.broken) { check(); }
  brittle& operator=(brittle&& o) {
    value = o.value;
    broken = o.broken;
    check();
    return *this;
  }
  void check() const {
    if (*broken) throw std::runtime_error("broken");
  }
  int value;
  const bool* broken;
};

}  // namespace

TEST_CASE("mutex: one at a time, whoever gives up waiting", "[sync]") {
  in_many_orders([](weft::simulation& s) -> weft::task<> {
    weft::mutex m;
    int inside = 0;
    auto work = [](weft::simulation& w, weft::mutex& lock, int& n) -> weft::task<> {
      auto guard = co_await lock.lock();
      struct counted {
        explicit counted(int& k) : n(k) { require(n++ == 0, "two hold a mutex"); }
        ~counted() { --n; }
        int& n;
      };
      const counted here(n);
      co_await weft::sleep_for(some_time(w));
    };
    std::vector<weft::task<bool>> all;
    for (int i = 0; i < 8; ++i) all.push_back(impatient(s, work(s, m, inside)));
    co_await weft::all(std::move(all));
    require(inside == 0, "somebody is inside still");
    require(m.try_lock(), "the mutex is held by nobody, and locked");
    require(!m.try_lock(), "it was locked twice");
    m.unlock();
  });
}

TEST_CASE("shared_mutex: readers together, writers alone, and none starves", "[sync]") {
  in_many_orders([](weft::simulation& s) -> weft::task<> {
    weft::shared_mutex m;
    int readers = 0, writers = 0, most = 0;
    auto read = [&](weft::simulation& w) -> weft::task<> {
      auto guard = co_await m.lock_shared();
      ++readers;
      most = std::max(most, readers);
      require(writers == 0, "a reader beside a writer");
      co_await weft::shield(
          [](std::chrono::microseconds t) -> weft::task<> { co_await weft::sleep_for(t); }(some_time(w)));
      --readers;
    };
    auto write = [&](weft::simulation& w) -> weft::task<> {
      auto guard = co_await m.lock();
      require(writers++ == 0 && readers == 0, "a writer is not alone");
      co_await weft::shield(
          [](std::chrono::microseconds t) -> weft::task<> { co_await weft::sleep_for(t); }(some_time(w)));
      --writers;
    };
    std::vector<weft::task<bool>> all;
    for (int i = 0; i < 9; ++i) all.push_back(impatient(s, i % 3 == 0 ? write(s) : read(s)));
    co_await weft::all(std::move(all));
    auto guard = co_await m.lock();
    require(readers == 0 && writers == 0, "somebody is inside still");
  });
}

TEST_CASE("semaphore: never more than its permits", "[sync]") {
  in_many_orders([](weft::simulation& s) -> weft::task<> {
    weft::semaphore permits(3);
    int inside = 0;
    auto work = [](weft::simulation& w, weft::semaphore& p, int& n) -> weft::task<> {
      co_await p.acquire();
      require(++n <= 3, "too many inside");
      co_await weft::shield(
          [](std::chrono::microseconds t) -> weft::task<> { co_await weft::sleep_for(t); }(some_time(w)));
      --n;
      p.release();
    };
    std::vector<weft::task<bool>> all;
    for (int i = 0; i < 10; ++i) all.push_back(impatient(s, work(s, permits, inside)));
    co_await weft::all(std::move(all));
    for (int i = 0; i < 3; ++i) require(permits.try_acquire(), "a permit was lost");
    require(!permits.try_acquire(), "a permit too many");
  });
}

TEST_CASE("event and latch let all go on", "[sync]") {
  in_many_orders([](weft::simulation& s) -> weft::task<> {
    weft::event e;
    weft::latch l(3);
    int past = 0;
    auto waits = [](weft::event& ev, weft::latch& la, int& n) -> weft::task<> {
      co_await ev.wait();
      la.count_down();
      co_await la.wait();
      ++n;
    };
    auto sets = [](weft::simulation& w, weft::event& ev) -> weft::task<> {
      co_await weft::sleep_for(some_time(w));
      ev.set();
    };
    co_await weft::all(waits(e, l, past), waits(e, l, past), sets(s, e), waits(e, l, past));
    require(past == 3, "somebody was left behind");
    co_await e.wait();
    e.reset();
    require(!e.is_set(), "it was reset");
    bool threw = false;
    try {
      l.count_down();
    } catch (const weft::misuse&) { threw = true; }
    require(threw, "a latch went below zero");
  });
}

TEST_CASE("barrier: rounds do not mix, and who is stopped has not arrived", "[sync]") {
  in_many_orders([](weft::simulation& s) -> weft::task<> {
    weft::barrier b(3);
    std::vector<int> rounds(3);
    auto party = [](weft::simulation& w, weft::barrier& at, std::vector<int>& r, std::size_t me) -> weft::task<> {
      for (int i = 0; i < 5; ++i) {
        co_await weft::sleep_for(some_time(w));
        ++r[me];
        co_await at.arrive();
        for (const int other : r) require(other == i + 1 || other == i + 2, "a party is a round away");
      }
    };
    auto gives_up = [](weft::simulation& w, weft::barrier& at) -> weft::task<> {
      auto waits = [](weft::barrier& x) -> weft::task<> { co_await x.arrive(); };
      const bool met = co_await impatient(w, waits(at));
      require(!met, "one of three met");
    };
    co_await gives_up(s, b);
    co_await weft::all(party(s, b, rounds, 0), party(s, b, rounds, 1), party(s, b, rounds, 2));
    weft::barrier alone(1);
    co_await alone.arrive();
  });
}

TEST_CASE("a timer that fired is not taken back by a stop that comes after", "[sync]") {
  in_many_orders([](weft::simulation& s) -> weft::task<> {
    weft::stop_source stop;
    bool slept = false;
    auto sleeper = [](bool& done) -> weft::task<> {
      co_await weft::sleep_for(10us);
      done = true;
    };
    auto stopper = [](weft::simulation& w, weft::stop_source source, bool& done) -> weft::task<> {
      co_await weft::sleep_for(std::chrono::microseconds(w.random() % 20));
      source.request_stop();
      static_cast<void>(done);
    };
    auto quiet = [](weft::task<> t) -> weft::task<bool> { co_return (co_await weft::as_result(std::move(t))).ok(); };
    auto [ok, none] = co_await weft::all(quiet(weft::with_stop(stop, sleeper(slept))), stopper(s, stop, slept));
    static_cast<void>(none);
    require(ok == slept, "a result and its work disagree");
  });
}

TEST_CASE("an element that cannot be handed over fails its send, and strands no receiver", "[channel]") {
  weft::pool pool({.threads = 1});
  auto receives = [](weft::channel<brittle>& c) -> weft::task<int> {
    auto got = co_await c.receive();
    co_return got->value;
  };
  auto sends = [](weft::channel<brittle>& c, weft::stop_source source) -> weft::task<int> {
    int failed = 0;
    bool broken = false;
    try {
      auto send = c.send(brittle(1, broken));
      broken = true;
      co_await std::move(send);
    } catch (const std::runtime_error&) { ++failed; }
    broken = false;
    co_await c.send(brittle(2, broken));
    source.request_stop();  // finds nothing of the first send
    co_return failed;
  };
  auto whole = [](auto r, auto s, std::size_t capacity) -> weft::task<std::pair<int, int>> {
    weft::channel<brittle> c(capacity);
    weft::stop_source source;
    auto both = [](weft::task<int> a, weft::task<int> b) -> weft::task<std::pair<int, int>> {
      auto [x, y] = co_await weft::all(std::move(a), std::move(b));
      co_return std::pair(x, y);
    };
    co_return co_await weft::with_stop(source, both(r(c), s(c, source)));
  };
  for (const std::size_t capacity : {0u, 1u}) CHECK(pool.run(whole(receives, sends, capacity)) == std::pair(2, 1));
}

TEST_CASE("an element that cannot be moved into the buffer fails its send", "[channel]") {
  weft::pool pool({.threads = 1});
  auto whole = []() -> weft::task<int> {
    weft::channel<brittle> c(1);
    bool broken = false;
    int failed = 0;
    try {
      auto send = c.send(brittle(1, broken));
      broken = true;
      co_await std::move(send);
    } catch (const std::runtime_error&) { ++failed; }
    broken = false;
    co_await c.send(brittle(2, broken));
    auto got = co_await c.receive();
    co_return 10 * failed + got->value;
  };
  CHECK(pool.run(whole()) == 12);
}

TEST_CASE("a waiting sender whose element cannot be moved is let go with the failure", "[channel]") {
  weft::pool pool({.threads = 1});
  auto sends = [](weft::channel<brittle>& c, int v, const bool& broken, int& turn) -> weft::task<std::string> {
    while (turn != v) co_await weft::yield();
    ++turn;
    try {
      const bool sent = co_await c.send(brittle(v, broken));
      co_return sent ? "sent" : "closed";
    } catch (const std::runtime_error& e) { co_return e.what(); }
  };
  auto receives = [](weft::channel<brittle>& c, bool& broken, int& turn) -> weft::task<int> {
    while (turn != 4) co_await weft::yield();
    broken = true;
    auto first = co_await c.receive();
    auto second = co_await c.receive();
    co_return 10 * first->value + second->value;
  };
  auto whole = [](auto s, auto r, std::size_t capacity) -> weft::task<std::string> {
    weft::channel<brittle> c(capacity);
    bool sound = false, broken = false;
    int turn = 1;
    auto [a, b, d, got] =
        co_await weft::all(s(c, 1, sound, turn), s(c, 2, broken, turn), s(c, 3, sound, turn), r(c, broken, turn));
    co_return a + " " + b + " " + d + " " + std::to_string(got);
  };
  for (const std::size_t capacity : {0u, 1u})
    CHECK(pool.run(whole(sends, receives, capacity)) == "sent broken sent 13");
}

TEST_CASE("a time that nanoseconds cannot hold is for ever", "[timer]") {
  weft::simulation sim(1);
  auto waits = []() -> weft::task<bool> {
    try {
      co_await weft::timeout(1ms, weft::sleep_for(std::chrono::hours::max()));
    } catch (const weft::timed_out&) { co_return true; }
    co_return false;
  };
  CHECK(sim.run(waits()));
  auto ends = []() -> weft::task<bool> {
    co_await weft::timeout(std::chrono::hours::max(), weft::sleep_for(1ms));
    co_await weft::sleep_for(std::chrono::hours::min());
    co_return true;
  };
  CHECK(sim.run(ends()));
}
