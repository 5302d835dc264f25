// What a client says of where things are to be: restrictions, copies, workers that go.
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cluster/in_process.hpp"
#include "weft/delayed.hpp"
#include "weft/layer.hpp"

namespace {

using namespace weft;
using net::address_kind;
using places = std::set<std::size_t>;

/// Each worker of the cluster has one thread.
std::size_t here() { return std::hash<std::thread::id>()(std::this_thread::get_id()); }
std::size_t runs_at(int) { return here(); }
std::size_t part_at(std::size_t) { return here(); }
std::size_t behind(std::size_t i, std::size_t before) { return i == 0 && before == 0 ? 0 : here(); }
std::vector<double> numbers(std::size_t n) { return std::vector<double>(n, 1.0); }
double first_of(const std::vector<double>& v) { return v[0]; }
task<int> count_workers(client& c) {
  const cluster_info there = co_await c.cluster();
  co_return static_cast<int>(there.workers.size());
}

/// Cannot be encoded, as one learns when it is.
struct unencodable {};
void weft_encode(encoder&, const unencodable&) { throw codec_error("it is contrary"); }
unencodable weft_decode(decoder&, std::type_identity<unencodable>) { return {}; }

const worker_info* find(const cluster_info& all, const std::string& name) {
  for (const worker_info& w : all.workers)
    if (w.name == name) return &w;
  return nullptr;
}

/// Asks again and again until it is so.
template <class F>
task<cluster_info> ask_until(client c, F is_so) {
  for (;;) {
    cluster_info all = co_await c.cluster();
    if (is_so(all)) co_return all;
  }
}

/// Runs a test, which has a minute.
template <class F>
void run(pool& p, F test) {
  p.run(weft::timeout(std::chrono::seconds(60), test()));
}

template <class F>
task<std::string> refusal_of(F call) {
  try {
    (void)co_await call();
  } catch (const misuse& e) { co_return e.what(); }
  co_return "nothing";
}

}  // namespace

TEST_CASE("a worker that no list could name does not begin", "[cluster][placement]") {
  pool p({.threads = 1});
  for (const char* name : {"my worker", "a\tb", "bell\a"}) {
    net::worker_options o;
    o.name = name;
    CHECK_THROWS_WITH(p.run(net::worker::run(net::worker::make(p, std::move(o)))),
                      Catch::StartsWith("weft: a worker cannot be called '"));
  }
}

TEST_CASE("tasks run on the workers that are named", "[cluster][placement]") {
  in_process_cluster cluster(3);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    const std::size_t zero = co_await c.with({.workers = "worker-0"}).submit(runs_at, 0);
    const std::size_t one = co_await c.with({.workers = " worker-1 "}).submit(runs_at, 0);
    CHECK(zero != one);
    const client both = c.with({.workers = "worker-1 worker-0"});
    std::vector<future<std::size_t>> all;
    for (int i = 0; i < 100; ++i) all.push_back(both.submit(runs_at, i));
    places seen;
    for (auto& f : all) seen.insert(co_await f);
    CHECK(seen == places{zero, one});

    // Whatever makes tasks.
    const client there = c.with({.workers = "worker-1"});
    const auto parts = layer_of(20, part_at);
    seen.clear();
    for (auto& f : there.compute(parts)) seen.insert(co_await f);
    for (auto& f : there.compute(layer_of(20, behind, parts, one_to_one{}))) seen.insert(co_await f);
    std::vector<int> inputs(20);
    for (auto& f : there.map(runs_at, inputs)) seen.insert(co_await f);
    seen.insert(co_await there.compute(delayed(runs_at, 7)));
    CHECK(seen == places{one});

    // By address, which a program asks for.
    const cluster_info info = co_await c.cluster();
    REQUIRE(info.workers.size() == 3);
    const worker_info* const w = find(info, "worker-0");
    REQUIRE(w);
    CHECK(w->slots == 1);
    CHECK(w->mode == "running");
    CHECK(w->memory_limit == std::uint64_t{256} << 20);
    const std::size_t again = co_await c.with({.workers = w->address}).submit(runs_at, 0);
    CHECK(again == zero);
    CHECK(info.waiting.empty());
    const int counted = co_await c.submit(count_workers);
    CHECK(counted == 3);
  };
  run(p, test);
}

TEST_CASE("tasks run on the hosts that are named", "[cluster][placement]") {
  in_process_cluster cluster(1, address_kind::tcp);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  char machine[256] = {};
  REQUIRE(::gethostname(machine, sizeof machine - 1) == 0);
  const auto test = [&]() -> task<> {
    const std::size_t a = co_await c.with({.hosts = "127.0.0.1"}).submit(runs_at, 0);
    const std::size_t b = co_await c.with({.hosts = machine}).submit(runs_at, 0);
    const std::size_t d = co_await c.with({.workers = "nobody", .hosts = "elsewhere 127.0.0.1"}).submit(runs_at, 0);
    CHECK(a == b);
    CHECK(a == d);
    const cluster_info info = co_await c.cluster();
    REQUIRE(info.workers.size() == 1);
    CHECK(info.workers[0].host == "127.0.0.1");
    CHECK(info.workers[0].machine == machine);
  };
  run(p, test);
}

TEST_CASE("a task waits for its worker, and it is said why; a wish waits for nobody", "[cluster][placement]") {
  in_process_cluster cluster(1);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  future<std::size_t> later;
  const auto before = [&]() -> task<> {
    const client wish = c.with({.workers = "worker-1", .allow_other_workers = true});
    const std::size_t here = co_await wish.submit(runs_at, 0);
    CHECK(here != 0);
    later = c.with({.workers = "worker-1"}).submit(runs_at, 0);
    auto told = ask_until(c, [](const cluster_info& all) { return !all.waiting.empty(); });
    const cluster_info info = co_await std::move(told);
    CHECK(info.waiting == std::vector<std::string>{"1 task waits for a worker: there is no worker called worker-1"});
    CHECK(later.status() == task_status::pending);
  };
  run(p, before);
  cluster.add_worker();
  const auto after = [&]() -> task<> {
    const std::size_t there = co_await later;
    CHECK(there != 0);
    const cluster_info info = co_await c.cluster();
    CHECK(info.waiting.empty());
  };
  run(p, after);
}

TEST_CASE("values are copied to as many workers as are wanted", "[cluster][placement]") {
  in_process_cluster cluster(3);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    constexpr std::size_t n = 100'000;
    auto f = c.submit(numbers, n);
    c.replicate(f, 2);  // it need not be there yet
    const auto copies = [](const cluster_info& all) {
      return std::count_if(all.workers.begin(), all.workers.end(),
                           [](const worker_info& w) { return w.values >= n * sizeof(double); });
    };
    auto two = ask_until(c, [&](const cluster_info& all) { return copies(all) == 2; });
    co_await std::move(two);
    const std::vector<future<std::vector<double>>> all(1, f);
    c.replicate(all, 100);
    auto three = ask_until(c, [&](const cluster_info& info) { return copies(info) == 3; });
    co_await std::move(three);
    const double one = co_await c.submit(first_of, f);
    CHECK(one == 1.0);
  };
  run(p, test);
  CHECK(cluster.scheduler->statistics().copies == 2);
}

TEST_CASE("values move from full workers to empty ones", "[cluster][placement]") {
  in_process_cluster cluster(0);
  for (int i = 0; i < 2; ++i) cluster.add_worker(1, {.memory_budget = std::uint64_t{8} << 20});
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    const client full = c.with({.workers = "worker-0"});
    std::vector<future<std::vector<double>>> all;
    for (int i = 0; i < 6; ++i) all.push_back(full.submit(numbers, std::size_t{100'000}));
    co_await c.wait(all);
    c.rebalance();
    auto moved = ask_until(c, [](const cluster_info& info) {
      const worker_info *zero = find(info, "worker-0"), *one = find(info, "worker-1");
      return one->values != 0 && zero->values == one->values;
    });
    co_await std::move(moved);
    for (auto& f : all) {
      const double one = co_await c.submit(first_of, f);
      CHECK(one == 1.0);
    }
  };
  run(p, test);
}

TEST_CASE("workers are let go, and their values stay", "[cluster][placement]") {
  in_process_cluster cluster(3);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    auto f = c.with({.workers = "worker-1", .allow_other_workers = true}).submit(numbers, std::size_t{100'000});
    const std::vector<future<std::vector<double>>> made(1, f);
    co_await c.wait(made);
    const auto strange = [&] { return c.retire_workers("worker-9 worker-1"); };
    const std::string refused = co_await refusal_of(strange);
    CHECK(refused == "weft: retire_workers: there is no worker 'worker-9'; there are worker-0, worker-1, worker-2");
    auto gone = ask_until(c, [](const cluster_info& all) { return !find(all, "worker-1"); });
    const cluster_info left = co_await std::move(gone);
    CHECK(left.workers.size() == 2);
    const cluster_info retiring = co_await c.retire_workers(left.workers[1].address);
    const worker_info* const second = find(retiring, left.workers[1].name);
    CHECK((!second || second->mode == "retiring"));
    auto last = ask_until(c, [](const cluster_info& all) { return all.workers.size() == 1; });
    co_await std::move(last);
    const std::vector<double>& v = co_await f;
    CHECK(v.size() == 100'000);
  };
  run(p, test);
  CHECK(cluster.scheduler->statistics().restarted == 0);
  CHECK(cluster.scheduler->statistics().done == 1);
}

TEST_CASE("wishes for what was never submitted, and too many names, harm nobody", "[cluster][placement]") {
  in_process_cluster cluster(2);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  CHECK_THROWS_WITH(static_cast<void>(c.retire_workers(std::string(20'000, 'x'))), Catch::Contains("16384"));
  auto failed = c.submit([](const unencodable&) { return 1; }, unencodable());
  c.replicate(failed, 2);
  const auto test = [&]() -> task<> {
    const cluster_info there = co_await c.cluster();
    CHECK(there.workers.size() == 2);
  };
  p.run(test());
}

TEST_CASE("a question to a cluster that is gone is an error", "[cluster][placement]") {
  in_process_cluster cluster(1);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  cluster.scheduler->stop("the test wants it");
  const auto test = [&]() -> task<> {
    std::string why;
    try {
      for (;;) (void)co_await c.cluster();
    } catch (const std::runtime_error& e) { why = e.what(); }
    CHECK_THAT(why, Catch::Contains("the cluster is gone") && Catch::Contains("the test wants it"));
    CHECK_THROWS_AS(c.rebalance(), std::runtime_error);
  };
  run(p, test);
}

TEST_CASE("on one machine there is nothing to place", "[placement]") {
  pool p({.threads = 2});
  client c(p, {.memory_budget = std::uint64_t{64} << 20});
  const auto test = [&]() -> task<> {
    auto f = c.with({.workers = "alice", .hosts = "node7"}).submit(runs_at, 1);
    const std::size_t there = co_await f;
    CHECK(there != 0);
    c.replicate(f, 3);
    c.rebalance();
    const cluster_info info = co_await c.cluster();
    CHECK(info.workers.empty());
    CHECK(info.target == 0);
    const auto strange = [&] { return c.retire_workers("alice"); };
    const std::string refused = co_await refusal_of(strange);
    CHECK(refused == "weft: retire_workers: there is no worker 'alice'; there is none at all");
    CHECK_THROWS_AS(c.replicate(f, 0), misuse);
    client other(p, {.memory_budget = std::uint64_t{64} << 20});
    CHECK_THROWS_AS(other.replicate(f, 2), misuse);
  };
  run(p, test);
  CHECK_THROWS_AS(c.with({.allow_other_workers = true}), misuse);
  CHECK_THROWS_AS(c.with({.workers = std::string(20'000, 'x')}), misuse);
}
