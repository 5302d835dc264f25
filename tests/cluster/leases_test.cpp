// Calls straight to a worker, under a lease.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "cluster/in_process.hpp"
#include "weft/lease.hpp"
#include "weft/remote_error.hpp"

namespace {

using namespace weft;
using net::address_kind;
using namespace std::chrono_literals;

int add(int a, int b) { return a + b; }
int fails(int x) { throw std::out_of_range("it is " + std::to_string(x)); }
std::vector<double> numbers(std::size_t n) {
  std::vector<double> v(n);
  std::iota(v.begin(), v.end(), 1.0);
  return v;
}
double sum(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0); }

// Workers of these tests are threads of this process: what runs there is seen here.
struct calls_seen {
  int runs = 0, waiting = 0, stopped = 0;
};
class seen_from_here {
 public:
  template <class F>
  void change(F f) {
    std::lock_guard guard(lock_);
    f(calls_);
    changed_.notify_all();
  }
  template <class Condition>
  void wait_until(Condition met) {
    std::unique_lock guard(lock_);
    REQUIRE(changed_.wait_for(guard, 60s, [&] { return met(calls_); }));
  }

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  calls_seen calls_;
} calls_made;
std::atomic<int> at_once{0}, most_at_once{0};
weft::event *gate = nullptr, *at_gate = nullptr;

int counted(int x) {
  calls_made.change([](calls_seen& c) { ++c.runs; });
  return x;
}
task<int> waits_for_gate(int x) {
  calls_made.change([](calls_seen& c) { ++c.runs, ++c.waiting; });
  at_gate->set();
  try {
    co_await gate->wait();
  } catch (const cancelled&) {
    calls_made.change([](calls_seen& c) { ++c.stopped, --c.waiting; });
    throw;
  }
  calls_made.change([](calls_seen& c) { --c.waiting; });
  co_return x;
}
/// Holds its thread until as many as `together` are there, or so they say.
int meets(int together) {
  const int now = ++at_once;
  int most = most_at_once.load();
  while (now > most && !most_at_once.compare_exchange_weak(most, now)) {}
  for (int i = 0; i < 100'000 && at_once.load() < together; ++i) std::this_thread::yield();
  const int seen = at_once.load();
  --at_once;
  return seen;
}
task<int> submits(client& c, int x) {
  auto f = c.submit(add, x, 1);
  co_return co_await std::move(f);
}

void wait_until_waiting() {
  calls_made.wait_until([](const calls_seen& c) { return c.waiting == 1; });
}
void wait_until_stopped(int calls) {
  calls_made.wait_until([calls](const calls_seen& c) { return c.stopped == calls; });
}

/// The scheduler has heard what this client has said before.
void round_trip(pool& p, const client& c) {
  const auto ask = [](const client& of) -> task<> { co_await of.cluster(); };
  p.run(ask(c));
}

struct gated {
  gated() {
    gate = &mine;
    at_gate = &reached;
    calls_made.change([](calls_seen& c) { c = {}; });
    at_once = most_at_once = 0;
  }
  ~gated() { gate = at_gate = nullptr; }
  weft::event mine, reached;
};

task<int> value_of(future<int> f) { co_return co_await std::move(f); }
task<int> call_add(const weft::lease& l) { co_return co_await l.call(add, 1, 2); }

std::string what_fails(pool& p, future<int> f) {
  const auto look = [](future<int> of) -> task<std::string> {
    std::string said;
    try {
      co_await std::move(of);
    } catch (const weft::task_failed& e) { said = e.what(); }
    co_return said;
  };
  return p.run(look(std::move(f)));
}

}  // namespace

TEST_CASE("a leased worker is called straight", "[lease]") {
  const auto kind = GENERATE(address_kind::in_process, address_kind::unix_socket, address_kind::tcp);
  in_process_cluster cluster(2, kind);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    weft::lease l = co_await c.lease();
    const int three = co_await l.call(add, 1, 2);
    CHECK(three == 3);
    std::vector<future<int>> many;
    for (int i = 0; i < 1000; ++i) many.push_back(l.call(add, i, i));
    long total = 0;
    for (auto& f : many) total += co_await std::move(f);
    CHECK(total == 999 * 1000);
    std::vector<double> v = co_await l.call(numbers, std::size_t{100'000});
    const double s = co_await l.call(sum, std::move(v));
    CHECK(s == 5000050000.0);
    const std::string text = co_await l.call([](std::string t) { return t + "!"; }, "hello");
    CHECK(text == "hello!");
    co_await l.call([] {});
    CHECK(cluster.scheduler->statistics().leased_slots == 1);
    const int by_the_scheduler = co_await c.submit(add, 2, 2);
    CHECK(by_the_scheduler == 4);
  };
  p.run(test());
  round_trip(p, c);
  CHECK(cluster.scheduler->statistics().leases == 0);
}

TEST_CASE("a failure under a lease comes back with its names", "[lease]") {
  in_process_cluster cluster(1);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  weft::lease l = p.run(c.lease());
  const auto test = [&]() -> task<> {
    std::string what, type, function;
    try {
      co_await l.call(fails, 7);
    } catch (const weft::task_failed& e) {
      what = e.what();
      function = e.function();
      try {
        std::rethrow_exception(e.error());
      } catch (const remote_error& inner) { type = inner.type(); }
    }
    CHECK_THAT(what, Catch::Contains("std::out_of_range: it is 7"));
    CHECK_THAT(function, Catch::Contains("fails"));
    CHECK(type == "std::out_of_range");
  };
  p.run(test());
  const auto large = [&]() -> task<> {
    std::string what;
    try {
      co_await l.call(numbers, std::size_t{6} << 20);
    } catch (const weft::task_failed& e) { what = e.what(); }
    CHECK_THAT(what, Catch::Contains("a lease brings"));
    try {
      co_await l.call(sum, std::vector<double>(std::size_t{6} << 20));
    } catch (const weft::task_failed& e) { what = e.what(); }
    CHECK_THAT(what, Catch::Contains("a lease carries"));
    const int three = co_await l.call(add, 1, 2);
    CHECK(three == 3);
  };
  p.run(large());
  CHECK_THAT(what_fails(p, l.call(add, 1, 2).then([](int x) { return x; })), Catch::Contains("takes values"));
  CHECK_THROWS_WITH(c.submit(add, l.call(add, 1, 2), 3), Catch::Contains("belongs to another client"));
}

TEST_CASE("calls run in the slots that were leased, others wait", "[lease]") {
  gated g;
  in_process_cluster cluster(1, address_kind::in_process, 4);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  weft::lease l = p.run(c.lease({.slots = 2}));
  const auto all = [](std::vector<future<int>> many) -> task<int> {
    int most = 0;
    for (auto& f : many) most = std::max(most, co_await std::move(f));
    co_return most;
  };
  std::vector<future<int>> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(l.call(meets, 2));
  CHECK(p.run(all(std::move(calls))) == 2);
  CHECK(most_at_once == 2);
  // And tasks have the others.
  most_at_once = 0;
  std::vector<future<int>> tasks;
  for (int i = 0; i < 20; ++i) tasks.push_back(c.submit(meets, 2));
  CHECK(p.run(all(std::move(tasks))) == 2);
  CHECK(most_at_once == 2);
}

TEST_CASE("a call that nobody awaits any more is stopped", "[lease]") {
  gated g;
  in_process_cluster cluster(1);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  weft::lease l = p.run(c.lease());
  const auto call = [](const weft::lease& by) -> task<int> { co_return co_await by.call(waits_for_gate, 1); };
  stop_source stop;
  const auto stops = [&]() -> task<> {
    co_await g.reached.wait();
    stop.request_stop();
  };
  p.spawn(stops());
  CHECK_THROWS_AS(p.run(with_stop(stop, call(l))), cancelled);
  wait_until_stopped(1);
  auto f = l.call(waits_for_gate, 2);
  wait_until_waiting();
  f.cancel();
  wait_until_stopped(2);
  CHECK(f.status() == task_status::cancelled);
  CHECK(p.run(call_add(l)) == 3);
}

TEST_CASE("calls that are cancelled before they are sent have their limit too", "[lease]") {
  in_process_cluster cluster(1);
  pool p({.threads = 1});
  net::client_session_options o;
  o.scheduler = cluster.where;
  o.leases.kept_bytes = 100'000;
  o.link.session.window_bytes = 10'000;
  client c = p.run(net::connect_client(p, std::move(o)));
  weft::lease l = p.run(c.lease());
  std::promise<void> go_on;
  const auto stand_still = [](std::shared_future<void> until) -> task<> {
    until.wait();
    co_return;
  };
  cluster.workers[0].pool->spawn(stand_still(go_on.get_future().share()));
  const auto flood = [&]() -> task<std::string> {
    std::vector<future<int>> kept;
    std::string refused;
    for (int i = 0; i < 1'000'000 && refused.empty(); ++i) {
      try {
        auto f = l.call(add, i, 1);
        if (i % 50 == 0)
          kept.push_back(std::move(f));
        else
          f.cancel();
      } catch (const overloaded& e) { refused = e.what(); }
    }
    go_on.set_value();
    for (std::size_t i = 0; i < kept.size(); ++i) {
      const int sum = co_await kept[i];
      CHECK(sum == 50 * static_cast<int>(i) + 1);
    }
    co_return refused;
  };
  const std::string refused = p.run(flood());
  CHECK_THAT(refused, Catch::Contains("that were cancelled, wait to be sent to worker-0"));
  CHECK(p.run(call_add(l)) == 3);
}

TEST_CASE("calls that have not ended have their limit", "[lease]") {
  gated g;
  in_process_cluster cluster(1);
  pool p({.threads = 1});
  net::client_session_options o;
  o.scheduler = cluster.where;
  o.leases.kept_bytes = 10'000;
  client c = p.run(net::connect_client(p, std::move(o)));
  weft::lease l = p.run(c.lease());
  std::vector<future<int>> calls;
  const auto flood = [&] {
    for (int i = 0; i < 1'000; ++i) calls.push_back(l.call(waits_for_gate, i));  // none ends meanwhile
  };
  CHECK_THROWS_AS(flood(), overloaded);
  CHECK(calls.size() < 500);
  CHECK_THROWS_WITH(l.call(waits_for_gate, 1), Catch::Contains("calls of a lease that have not ended take") &&
                                                   Catch::Contains("at most 10000 are kept: await some"));
  g.mine.set();
  for (std::size_t i = 0; i < calls.size(); ++i) CHECK(p.run(value_of(std::move(calls[i]))) == static_cast<int>(i));
  CHECK(p.run(call_add(l)) == 3);
}

TEST_CASE("the end of a lease cancels its calls, and frees the slot", "[lease]") {
  gated g;
  in_process_cluster cluster(1);
  pool p({.threads = 1});
  client c = cluster.connect(p), d = cluster.connect(p);
  std::optional<weft::lease> l = p.run(c.lease());
  auto f = l->call(waits_for_gate, 1);
  wait_until_waiting();
  auto task_of_another = d.submit(add, 1, 1);
  const auto lease_of_another = [](client by) -> task<int> {
    weft::lease mine = co_await by.lease();
    co_return co_await mine.call(add, 4, 5);
  };
  CHECK_THROWS_AS(p.run(timeout(50ms, lease_of_another(d))), timed_out);  // it gives up its place
  round_trip(p, d);
  CHECK(cluster.scheduler->statistics().leases == 1);
  l.reset();
  CHECK(f.status() == task_status::cancelled);
  wait_until_stopped(1);
  CHECK(p.run(lease_of_another(d)) == 9);
  CHECK(p.run(value_of(std::move(task_of_another))) == 2);
}

TEST_CASE("calls of a lost worker are run again on another", "[lease]") {
  gated g;
  in_process_cluster cluster(1);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  weft::lease again = p.run(c.lease());
  auto f = again.call(waits_for_gate, 5);
  auto behind = again.call(counted, 6);
  wait_until_waiting();
  cluster.workers[0].it->stop("the test wants so");
  cluster.add_worker();
  calls_made.wait_until([](const calls_seen& all) { return all.runs >= 2 && all.waiting >= 1; });
  g.mine.set();
  CHECK(p.run(value_of(std::move(f))) == 5);
  CHECK(p.run(value_of(std::move(behind))) == 6);
}

TEST_CASE("a lease goes on from worker to worker, however its losses cross with grants", "[lease]") {
  in_process_cluster cluster(2);
  pool p({.threads = 2});
  client c = cluster.connect(p);
  std::vector<weft::lease> leases;
  for (int i = 0; i < 2; ++i) leases.push_back(p.run(c.lease()));
  for (std::size_t round = 0; round < 10; ++round) {
    // The link's end and the scheduler's word that the worker is gone come at the same time.
    cluster.add_worker();
    cluster.workers[round].it->stop("the test wants so");
    for (const auto& l : leases) CHECK(p.run(timeout(20s, call_add(l))) == 3);
  }
  leases.clear();
  round_trip(p, c);
  CHECK(cluster.scheduler->statistics().leases == 0);
}

TEST_CASE("a call that may run once only fails with its worker", "[lease]") {
  gated g;
  in_process_cluster cluster(1);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  weft::lease once = p.run(c.lease({.once = true}));
  auto f = once.call(waits_for_gate, 5);
  wait_until_waiting();
  cluster.workers[0].it->stop("the test wants so");
  CHECK_THAT(what_fails(p, std::move(f)), Catch::Contains("may not run twice"));
  auto later = once.call(counted, 7);  // was not sent to anybody
  cluster.add_worker();
  CHECK(p.run(value_of(std::move(later))) == 7);
}

TEST_CASE("a worker that retires hands its leases over", "[lease]") {
  in_process_cluster cluster(2);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  weft::lease l = p.run(c.lease());
  CHECK(p.run(call_add(l)) == 3);
  const std::size_t leased = cluster.scheduler->workers().front().leased != 0 ? 0 : 1;
  cluster.scheduler->retire({"worker-" + std::to_string(leased)});
  cluster.workers[leased].pool->drain();  // it has been let go
  CHECK(cluster.scheduler->statistics().workers == 1);
  CHECK(p.run(call_add(l)) == 3);
}

TEST_CASE("a lease ends with its cluster, and says so", "[lease]") {
  gated g;
  in_process_cluster cluster(1);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  weft::lease l = p.run(c.lease());
  auto f = l.call(waits_for_gate, 1);
  cluster.scheduler->stop("the test wants so");
  CHECK_THAT(what_fails(p, std::move(f)), Catch::Contains("cluster is gone"));
  CHECK_THROWS_WITH(l.call(add, 1, 2), Catch::Contains("cluster is gone"));
  CHECK_THROWS_WITH(p.run(c.lease()), Catch::Contains("cluster is gone"));
}

TEST_CASE("a leased call submits tasks, and a task leases", "[lease]") {
  in_process_cluster cluster(2);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  {
    weft::lease l = p.run(c.lease());
    const auto call = [](const weft::lease& by) -> task<int> { co_return co_await by.call(submits, 4); };
    CHECK(p.run(call(l)) == 5);
  }
  const auto leases = [](client& within) -> task<int> {
    weft::lease mine = co_await within.lease();
    co_return co_await mine.call(add, 20, 1);
  };
  const auto run = [&]() -> task<int> {
    auto f = c.submit(leases);
    co_return co_await std::move(f);
  };
  CHECK(p.run(run()) == 21);
}

TEST_CASE("leased calls are counted, and shown", "[lease]") {
  in_process_cluster cluster(1);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  weft::lease l = p.run(c.lease());
  for (int i = 0; i < 5; ++i) CHECK(p.run(call_add(l)) == 3);
  CHECK_THAT(what_fails(p, l.call(fails, 1)), Catch::Contains("it is 1"));
  // Counts are told by heartbeats alone, twice a second.
  while (cluster.scheduler->statistics().leased_calls < 6) round_trip(p, c);
  CHECK(cluster.scheduler->statistics().done == 5);
  CHECK(cluster.scheduler->statistics().failed == 1);
  CHECK_THAT(net::describe(cluster.scheduler->look(), false),
             Catch::Contains("1 leases of 1 slots, 0 of them wait; 6 calls"));
  CHECK_THAT(net::describe(cluster.scheduler->look(), true),
             Catch::Contains("\"leases\":1,") && Catch::Contains("\"leased\":1,"));
}

TEST_CASE("a client of one machine leases too", "[lease]") {
  pool p({.threads = 2});
  client c(p, {.resources = "gpu=1"});
  weft::lease l = p.run(c.lease({.slots = 2, .resources = "gpu=1"}));
  CHECK(p.run(call_add(l)) == 3);
  CHECK_THAT(what_fails(p, l.call(fails, 7)), Catch::Contains("it is 7"));
  CHECK_THROWS_AS(c.lease({.resources = "tpu=1"}), misuse);
  CHECK_THROWS_AS(c.lease({.slots = 0}), misuse);
  CHECK_THROWS_AS(c.lease({.resources = "gpu=much"}), misuse);
}
