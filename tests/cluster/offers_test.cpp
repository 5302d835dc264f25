// Values that are scattered, and go straight from their client to a worker.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "cluster/in_process.hpp"
#include "support/comes.hpp"
#include "support/test_directory.hpp"

namespace {

using namespace weft;
using net::address_kind;
using numbers = std::vector<double>;

constexpr std::chrono::seconds limit(60);
constexpr std::size_t large = 500'000;  // 4 MB

numbers count_from(double first, std::size_t n) {
  numbers v(n);
  std::iota(v.begin(), v.end(), first);
  return v;
}
double sum(const numbers& v) { return std::accumulate(v.begin(), v.end(), 0.0); }
double sum_of(std::size_t n) { return static_cast<double>(n) * static_cast<double>(n - 1) / 2; }

/// Cannot be copied.
struct sole {
  std::unique_ptr<int> of;
  numbers v;
};
void weft_encode(encoder& e, const sole& s) {
  encode(e, *s.of);
  encode(e, s.v);
}
sole weft_decode(decoder& d, std::type_identity<sole>) {
  auto of = std::make_unique<int>(decode<int>(d));
  return {std::move(of), decode<numbers>(d)};
}
std::size_t weft_owned_bytes(const sole& s) { return s.v.size() * sizeof(double); }

/// In bytes: what the scheduler keeps of all calls.
std::uint64_t held(const in_process_cluster& c) { return c.scheduler->statistics().payload_bytes; }

}  // namespace

TEST_CASE("a value larger than any message is scattered, and the scheduler holds none of it", "[cluster][offers]") {
  const auto kind = GENERATE(address_kind::unix_socket, address_kind::tcp, address_kind::tls);
  in_process_cluster cluster(1, kind);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    constexpr std::size_t n = 9 << 20;  // 72 MiB
    const auto there = c.scatter(count_from(0, n));
    CHECK(there.done());
    const double of_all = co_await c.submit(sum, there);
    CHECK(of_all == sum_of(n));
    const numbers& here = co_await there;
    CHECK(here.size() == n);
    CHECK(held(cluster) < 1000);
  };
  p.run(weft::timeout(limit, test()));
  CHECK(cluster.scheduler->statistics().restarted == 0);
}

TEST_CASE("values are scattered before there is a worker, and go where they may", "[cluster][offers]") {
  in_process_cluster cluster(0, address_kind::tcp);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  auto anywhere = c.scatter(count_from(0, large));
  auto there = c.with({.resources = "there=1"}).scatter(count_from(1, large));
  auto small = c.scatter(numbers(10, 1.0));
  auto of_any = c.submit(sum, anywhere), of_there = c.submit(sum, there), of_small = c.submit(sum, small);
  cluster.add_worker(1);
  const auto first = [&]() -> task<> {
    const double any = co_await of_any, ten = co_await of_small;
    CHECK(any == sum_of(large));
    CHECK(ten == 10);
    CHECK_FALSE(of_there.done());
  };
  p.run(weft::timeout(limit, first()));
  cluster.add_worker(1, {}, "there=1");
  const auto second = [&]() -> task<> {
    const double got = co_await of_there;
    CHECK(got == sum_of(large) + static_cast<double>(large));
    const cluster_info all = co_await c.cluster();
    REQUIRE(all.workers.size() == 2);
    for (const worker_info& w : all.workers) CHECK(w.values >= large * sizeof(double));
  };
  p.run(weft::timeout(limit, second()));
}

TEST_CASE("many values are scattered at once, and let go of at once", "[cluster][offers]") {
  const auto kind = GENERATE(address_kind::in_process, address_kind::tcp);
  in_process_cluster cluster(2, kind);
  pool p({.threads = 2});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    std::vector<future<double>> sums;
    for (std::size_t i = 0; i < 100; ++i) {
      const std::size_t n = 9'000 + i;
      auto v = c.scatter(count_from(0, n));
      if (i % 3 != 0) sums.push_back(c.submit(sum, v));
      if (i % 5 == 0) {  // an await gives a copy
        const numbers back = co_await std::move(v);
        CHECK(back.size() == n);
      }
    }
    double all = 0, expected = 0;
    for (auto& f : sums) all += co_await f;
    for (std::size_t i = 0; i < 100; ++i)
      if (i % 3 != 0) expected += sum_of(9'000 + i);
    CHECK(all == expected);
  };
  p.run(weft::timeout(limit, test()));
}

TEST_CASE("a value is given once more when its worker is lost, whoever needs it", "[cluster][offers]") {
  in_process_cluster cluster(1, address_kind::tcp);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const client later = c.with({.resources = "later=1"});
  auto kept = c.scatter(count_from(0, large));
  auto of_kept = later.submit(sum, kept);
  // Of this one there is no future, but one of what takes it; of that one not even this.
  auto of_taken = later.submit(sum, c.scatter(count_from(1, large)));
  future<double> of_gone;
  const auto first = [&]() -> task<> {
    auto gone = c.scatter(count_from(2, large));
    auto between = c.submit(sum, gone);
    of_gone = later.submit([](double x) { return x + 1; }, between);
    const double a = co_await c.submit(sum, kept), b = co_await between;
    CHECK(a == sum_of(large));
    CHECK(b == sum_of(large) + 2 * static_cast<double>(large));
    const numbers back = co_await std::move(gone);
    CHECK(back[0] == 2);
  };
  p.run(weft::timeout(limit, first()));
  cluster.workers[0].it->stop("the test says so");
  cluster.workers[0].pool->drain();
  cluster.add_worker(1, {}, "later=1");
  const auto second = [&]() -> task<> {
    const double again = co_await of_kept, taken = co_await of_taken, gone = co_await of_gone;
    CHECK(again == sum_of(large));
    CHECK(taken == sum_of(large) + static_cast<double>(large));
    CHECK(gone == sum_of(large) + 2 * static_cast<double>(large) + 1);
    of_kept = of_taken = of_gone = {};
    kept = {};
  };
  p.run(weft::timeout(limit, second()));
  CHECK(comes([&] { return c.memory().in_memory == 0; }));  // nothing stays
}

TEST_CASE("a value that is on the client's disk is brought back, and sent", "[cluster][offers]") {
  const test_directory disk;
  in_process_cluster cluster(0, address_kind::tcp);
  pool p({.threads = 1});
  net::client_session_options o;
  o.memory.memory_budget = std::uint64_t{10} << 20;
  o.memory.spill_directory = disk.path().string();
  client c = cluster.connect(p, o);
  std::vector<future<numbers>> all;
  for (int i = 0; i < 8; ++i) all.push_back(c.scatter(count_from(i, large)));
  REQUIRE(comes([&] { return c.memory().on_disk != 0; }));
  cluster.add_worker(1);
  const auto test = [&]() -> task<> {
    for (int i = 0; i < 8; ++i) {
      const double s = co_await c.submit(sum, all[static_cast<std::size_t>(i)]);
      CHECK(s == sum_of(large) + i * static_cast<double>(large));
    }
  };
  p.run(weft::timeout(limit, test()));
}

TEST_CASE("a value for which no worker has memory fails what takes it, and nothing else", "[cluster][offers]") {
  in_process_cluster cluster(0, address_kind::tcp);
  for (int i = 0; i < 2; ++i) cluster.add_worker(1, {.memory_budget = std::uint64_t{8} << 20});
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    auto there = c.scatter(count_from(0, 4 * large));
    std::string why;
    try {
      co_await c.submit(sum, there);
    } catch (const task_failed& e) { why = e.what(); }
    CHECK_THAT(why, Catch::Contains("takes 16000") && Catch::Contains("has memory for 8388608") &&
                        Catch::Contains("scatter it in parts"));
    const numbers& here = co_await there;
    CHECK(here.size() == 4 * large);
    const double of_less = co_await c.submit(sum, c.scatter(count_from(0, large)));
    CHECK(of_less == sum_of(large));
  };
  p.run(weft::timeout(limit, test()));
  CHECK(cluster.scheduler->statistics().workers == 2);
}

TEST_CASE("a value goes to another worker where its client does not reach one", "[cluster][offers]") {
  in_process_cluster cluster(0, address_kind::tcp);
  const std::string nobody = "127.0.0.2";  // where no worker listens
  cluster.add_worker(1, {}, {}, nullptr, nobody);
  pool p({.threads = 1});
  net::client_session_options o;
  o.link.connect_within = std::chrono::milliseconds(20);
  client c = cluster.connect(p, o);
  const auto sum_of_one = [&]() -> task<> {
    const double got = co_await c.submit(sum, c.scatter(count_from(0, large)));
    CHECK(got == sum_of(large));
  };
  SECTION("there is another") {
    cluster.add_worker(1);
    const auto test = [&]() -> task<> {
      std::vector<future<numbers>> all;
      for (int i = 0; i < 4; ++i) all.push_back(c.scatter(count_from(i, large)));
      for (int i = 0; i < 4; ++i) {
        const double got = co_await c.submit(sum, all[static_cast<std::size_t>(i)]);
        CHECK(got == sum_of(large) + i * static_cast<double>(large));
      }
      const cluster_info there = co_await c.cluster();
      REQUIRE(there.workers.size() == 2);
      for (const worker_info& w : there.workers)
        if (w.name == "worker-1") CHECK(w.values >= 4 * large * sizeof(double));
    };
    p.run(weft::timeout(limit, test()));
  }
  SECTION("there is none, and then one comes") {
    std::string why;
    const auto test = [&]() -> task<> {
      try {
        co_await c.submit(sum, c.scatter(count_from(0, large)));
      } catch (const std::exception& e) { why = e.what(); }
    };
    p.run(weft::timeout(limit, test()));
    CHECK_THAT(why, Catch::Contains("does not reach the workers that were to have it (worker-0 at tcp://127.0.0.2:"));
    cluster.add_worker(1);
    p.run(weft::timeout(limit, sum_of_one()));
  }
  CHECK(cluster.scheduler->statistics().workers == 2);
}

TEST_CASE("a value that nobody wants any more does not stay at the client", "[cluster][offers]") {
  in_process_cluster cluster(0, address_kind::tcp);  // nobody takes it
  pool p({.threads = 1});
  client c = cluster.connect(p);
  for (int i = 0; i < 3; ++i) {
    auto taken = c.submit(sum, c.scatter(count_from(i, large)));
    const auto alone = c.scatter(count_from(i, large));
  }
  CHECK(comes([&] { return c.memory().in_memory == 0; }));
  CHECK(comes([&] { return cluster.scheduler->statistics().tasks == 0; }));
}

TEST_CASE("what cannot be copied goes along with the message, and may be moved at once", "[cluster][offers]") {
  in_process_cluster cluster(1, address_kind::tcp);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    auto there = c.scatter(sole{std::make_unique<int>(7), count_from(0, large)});
    auto f = c.submit([](const sole& s) { return *s.of + sum(s.v); }, there);
    const double got = co_await f;
    CHECK(got == 7 + sum_of(large));
    const sole back = co_await std::move(there);
    CHECK(*back.of == 7);
  };
  p.run(weft::timeout(limit, test()));
}

TEST_CASE("a task scatters large values, to its own worker too", "[cluster][offers]") {
  in_process_cluster cluster(2, address_kind::tcp);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto inner = [](client& mine, std::size_t n) -> task<double> {
    std::vector<future<numbers>> all;
    for (int i = 0; i < 6; ++i) all.push_back(mine.scatter(count_from(i, n)));
    double total = 0;
    for (auto& f : all) total += co_await mine.submit(sum, f);
    co_return total;
  };
  const auto test = [&]() -> task<> {
    const double got = co_await c.submit(inner, large);
    CHECK(got == 6 * sum_of(large) + 15 * static_cast<double>(large));
  };
  p.run(weft::timeout(limit, test()));
}

TEST_CASE("a client that ends while its values are on their way leaves nothing", "[cluster][offers]") {
  in_process_cluster cluster(2, address_kind::tcp);
  for (int round = 0; round < 5; ++round) {
    pool p({.threads = 1});
    {
      client c = cluster.connect(p);
      std::vector<future<numbers>> all;
      for (int i = 0; i < 4; ++i) all.push_back(c.scatter(count_from(i, large)));
      auto some = c.submit(sum, all[0]);
      const auto wait = [&]() -> task<> { co_await some; };
      if (round % 2) p.run(weft::timeout(limit, wait()));
    }
    p.drain();
  }
  pool p({.threads = 1});
  client c = cluster.connect(p);
  CHECK(comes([&] { return cluster.scheduler->statistics().tasks == 0; }));
  CHECK(comes([&] {
    const cluster_info all = p.run(c.cluster());
    return std::all_of(all.workers.begin(), all.workers.end(), [](const worker_info& w) { return w.values == 0; });
  }));
  const auto test = [&]() -> task<> {
    const double got = co_await c.submit(sum, c.scatter(count_from(0, large)));
    CHECK(got == sum_of(large));
  };
  p.run(weft::timeout(limit, test()));
}
