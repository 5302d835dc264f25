// The client's interface on a cluster: the same calls as on one machine.
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "cluster/in_process.hpp"
#include "weft/delayed.hpp"
#include "weft/layer.hpp"
#include "weft/remote_error.hpp"

namespace {

using namespace weft;
using net::address_kind;

int add(int a, int b) { return a + b; }
std::vector<double> numbers(std::size_t n, double first) {
  std::vector<double> v(n);
  std::iota(v.begin(), v.end(), first);
  return v;
}
double sum(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0); }
std::vector<double> plus(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> c(a);
  for (std::size_t i = 0; i < c.size(); ++i) c[i] += b[i];
  return c;
}
std::atomic<bool> let_on{false};
int hold_on(int x) {
  let_on.wait(false);
  return x;
}
std::atomic<bool> began{false}, stopped{false};
/// Waits until it is stopped.
task<int> wait_for_ever(int x) {
  struct at_end {
    ~at_end() {
      stopped = true;
      stopped.notify_all();
    }
  };
  const at_end tells;
  began = true;
  began.notify_all();
  event never;
  co_await never.wait();
  co_return x;
}
std::atomic<int> ran{0};
int count(int x) { return ran += x; }
int fails(int x) { throw std::out_of_range("it is " + std::to_string(x)); }

task<long> fib(client& c, int n) {
  if (n < 2) co_return n;
  auto a = c.submit(fib, n - 1), b = c.submit(fib, n - 2);
  co_return co_await std::move(a) + co_await std::move(b);
}
task<double> nested_values(client& c, std::size_t n) {
  auto v = c.submit(numbers, n, 1.0);
  auto w = c.submit(plus, v, v);
  const std::vector<double>& both = co_await w;
  co_return both.back();
}

double part(std::size_t i, const std::string& text) { return static_cast<double>(i + text.size()); }
double with_neighbour(std::size_t, values<double> around) {
  double s = 0;
  for (const double x : around) s += x;
  return s;
}

/// What the tasks of a layer share, with the times that it was read from a message.
struct table {
  std::vector<double> values;
};
std::atomic<int> tables_read{0};
void weft_encode(encoder& e, const table& t) { encode(e, t.values); }
table weft_decode(decoder& d, std::type_identity<table>) {
  tables_read.fetch_add(1);
  return {decode<std::vector<double>>(d)};
}
/// Cannot be encoded, as one learns when it is.
struct contrary {};
void weft_encode(encoder&, const contrary&) { throw codec_error("it is contrary"); }
contrary weft_decode(decoder&, std::type_identity<contrary>) { return {}; }
double look_up(std::size_t i, const table& t, const std::string& text) {
  return t.values.at(i) + static_cast<double>(text.size());
}
double look_around(std::size_t i, values<double> in, const table& t) {
  return with_neighbour(i, in) + t.values.at(i);
}

}  // namespace

TEST_CASE("a task runs on a cluster") {
  const auto kind = GENERATE(address_kind::in_process, address_kind::unix_socket, address_kind::tcp);
  in_process_cluster cluster(2, kind);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    const int three = co_await c.submit(add, 1, 2);
    CHECK(three == 3);
    std::vector<future<int>> many;
    for (int i = 0; i < 1000; ++i) many.push_back(c.submit(add, i, i));
    long total = 0;
    for (auto& f : many) total += co_await std::move(f);
    CHECK(total == 999 * 1000);
  };
  p.run(test());
}

TEST_CASE("the ends of short tasks are told before a long one goes on") {
  in_process_cluster cluster(1);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    for (int round = 0; round < 20; ++round) {
      let_on = false;
      std::vector<future<int>> many;
      for (int i = 0; i < 200; ++i) many.push_back(c.submit(add, i, i));
      auto last = c.submit(hold_on, 5);
      long total = 0;
      for (auto& f : many) total += co_await std::move(f);
      CHECK(total == 199 * 200);
      let_on = true;
      let_on.notify_all();
      const int five = co_await last;
      CHECK(five == 5);
    }
  };
  p.run(test());
}

TEST_CASE("values stay on the workers, and are fetched") {
  const auto kind = GENERATE(address_kind::in_process, address_kind::tcp);
  in_process_cluster cluster(2, kind);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    auto a = c.submit(numbers, std::size_t{100'000}, 1.0), b = c.submit(numbers, std::size_t{100'000}, 2.0);
    auto both = c.submit(plus, a, b);
    const double s = co_await c.submit(sum, both);
    CHECK(s == Approx(2 * 5000050000.0 + 100'000));
    const std::vector<double>& value = co_await both;
    CHECK(value.size() == 100'000);
    CHECK(value[10] == 23.0);
    auto given = c.scatter(std::string(10'000, 'x'));
    const std::size_t size = co_await c.submit([](const std::string& t) { return t.size(); }, given);
    CHECK(size == 10'000);
  };
  p.run(test());
}

TEST_CASE("tasks that want resources run where these are, as much of them as was written") {
  in_process_cluster cluster(1);
  cluster.add_worker(2, {}, "gpu=0.5 licence=2");
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    std::vector<future<int>> all;
    for (int i = 0; i < 20; ++i)
      all.push_back(c.with({.resources = i % 2 ? "gpu=0.25" : "gpu=0.5 licence=1"}).submit(add, i, i));
    int sum = 0;
    for (auto& f : all) sum += co_await std::move(f);
    CHECK(sum == 19 * 20);
  };
  p.run(weft::timeout(std::chrono::seconds(60), test()));
}

TEST_CASE("a failure comes back with its names") {
  in_process_cluster cluster(1);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    auto bad = c.with({.name = "the bad one"}).submit(fails, 7);
    auto after = c.with({.name = "behind it"}).submit(add, bad, 1);
    std::string what, type;
    std::vector<std::string> path;
    try {
      co_await after;
    } catch (const weft::task_failed& e) {
      what = e.what();
      path = e.path();
      try {
        std::rethrow_exception(e.error());
      } catch (const remote_error& inner) { type = inner.type(); }
    }
    CHECK_THAT(what, Catch::Contains("it is 7") && Catch::Contains("the bad one"));
    CHECK(path == std::vector<std::string>{"the bad one", "behind it"});
    CHECK(type == "std::out_of_range");
  };
  p.run(test());
}

TEST_CASE("a limit of time ends a task on its worker") {
  in_process_cluster cluster(1);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  let_on = began = stopped = false;
  ran = 0;
  struct at_end {  // lets the cluster end, whatever happens here
    ~at_end() {
      let_on = true;
      let_on.notify_all();
    }
  };
  const at_end always;
  const auto end_of = [](future<int> f) -> task<std::string> {
    try {
      co_await f;
    } catch (const timed_out&) { co_return "timed out"; } catch (const cancelled&) {
      co_return "cancelled";
    }
    co_return "done";
  };
  const auto test = [&]() -> task<> {
    // One that waits is stopped.
    auto slow = c.with({.time_limit = std::chrono::milliseconds(300)}).submit(wait_for_ever, 1);
    co_await blocking([] { began.wait(false); });
    auto needs_it = c.submit(add, slow, 1);
    const std::string slow_ended = co_await end_of(slow), needs_ended = co_await end_of(needs_it);
    CHECK(slow_ended == "timed out");
    CHECK(needs_ended == "cancelled");
    co_await blocking([] { stopped.wait(false); });
    // One behind another never begins, and is not run again.
    auto before = c.submit(hold_on, 5);
    auto behind = c.with({.retries = 3, .time_limit = std::chrono::milliseconds(20)}).submit(count, 1);
    auto after = c.submit(count, 10);
    const std::string behind_ended = co_await end_of(behind);
    CHECK(behind_ended == "timed out");
    let_on = true;
    let_on.notify_all();
    const int five = co_await before, ten = co_await after;
    CHECK(five == 5);
    CHECK(ten == 10);
    // One that is quick enough is not disturbed.
    const int three = co_await c.with({.time_limit = std::chrono::hours(1)}).submit(add, 1, 2);
    CHECK(three == 3);
  };
  p.run(weft::timeout(std::chrono::seconds(60), test()));
}

TEST_CASE("a lazy graph is computed on a cluster") {
  in_process_cluster cluster(2);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    std::vector<lazy<double>> sums;
    for (int i = 0; i < 20; ++i)
      sums.push_back(delayed(sum, delayed(plus, delayed(numbers, std::size_t{1000}, 0.0),
                                          delayed(numbers, std::size_t{1000}, double(i)))));
    const double all = co_await c.compute(delayed([](const std::vector<double>& v) { return sum(v); }, sums));
    CHECK(all == Approx(20 * 2 * 499500.0 + 190 * 1000.0));
  };
  p.run(test());
}

TEST_CASE("a value that cannot be encoded after all is not scattered") {
  in_process_cluster cluster(1);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  CHECK_THROWS_WITH(static_cast<void>(c.scatter(contrary())), Catch::Contains("it is contrary"));
  const auto test = [&]() -> task<> {
    const int three = co_await c.submit(add, 1, 2);
    CHECK(three == 3);
  };
  p.run(test());
}

TEST_CASE("what the tasks of a layer share goes to each worker once where it is much") {
  in_process_cluster cluster(2);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    const auto total = [&](std::size_t n) -> task<double> {
      auto some = layer_of(200, look_up, table{numbers(n, 1.0)}, std::string("four"));
      auto around = layer_of(200, look_around, from(some, neighbours{1}), table{numbers(n, 0.0)});
      double all = 0;
      for (auto& f : c.compute(around)) all += co_await f;
      co_return all;
    };
    tables_read = 0;
    const double much = co_await total(100'000);
    CHECK(tables_read <= 2 * 2);  // two tables on two workers
    double expected = 0;
    for (std::size_t j = 0; j < 200; ++j) {
      expected += static_cast<double>(j);
      for (std::size_t i = j == 0 ? 0 : j - 1; i <= std::min<std::size_t>(j + 1, 199); ++i)
        expected += static_cast<double>(i + 1 + 4);
    }
    CHECK(much == expected);
    // Values that are small go with the tasks.
    tables_read = 0;
    auto few = layer_of(3, look_up, table{numbers(3, 5.0)}, std::string());
    const double last = co_await c.compute(few, 2);
    CHECK(last == 7);
    CHECK(tables_read == 1);
  };
  p.run(test());
}

TEST_CASE("tasks submit tasks, and await them") {
  in_process_cluster cluster(2);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    const long f = co_await c.submit(fib, 10);
    CHECK(f == 55);
    const double last = co_await c.submit(nested_values, std::size_t{50'000});
    CHECK(last == 100'000.0);
  };
  p.run(test());
}

TEST_CASE("layers run on a cluster") {
  in_process_cluster cluster(2);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    auto parts = layer_of(100, part, std::string("abc"));
    auto sums = layer_of(1, with_neighbour, from(parts, every{}));
    const double total = co_await c.compute(sums, 0);
    CHECK(total == 99 * 100 / 2 + 300);
    co_await c.run(layer_of(50, part, std::string("x")));
    bool failed = false;
    try {
      co_await c.run(layer_of(10, [](std::size_t i) { return i == 7 ? throw std::runtime_error("seven") : i; }));
    } catch (const weft::task_failed& e) { failed = std::string(e.what()).find("seven") != std::string::npos; }
    CHECK(failed);
  };
  p.run(test());
}
