// Workers of a cluster that are short of memory, and the values that a disk has lost.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "cluster/in_process.hpp"
#include "support/test_directory.hpp"
#include "weft/environment.hpp"
#include "weft/lease.hpp"
#include "weft/remote_error.hpp"

namespace {

using namespace weft;
using net::worker_mode;
using numbers = std::vector<double>;

constexpr std::uint64_t limit = std::uint64_t{1} << 30;
constexpr std::uint64_t low = limit / 2, high = limit / 10 * 9;

/// This machine, but that the process takes as much memory as the test says.
class gauge final : public environment {
 public:
  time_point now() noexcept override { return real_environment().now(); }
  std::uint64_t random() noexcept override { return real_environment().random(); }
  std::uint64_t resident_memory() noexcept override { return taken.load(); }
  std::unique_ptr<thread> start_thread(thread_options options, std::function<void()> body) override {
    return real_environment().start_thread(std::move(options), std::move(body));
  }
  std::atomic<std::uint64_t> taken{low};
};

client_options watched() {
  client_options o;
  o.memory_budget = limit;
  o.memory_limit = limit;
  o.thresholds = memory_thresholds{.target = 0, .spill = 0, .pause = 0.8, .terminate = 0};
  return o;
}

/// Which worker has run how many tasks: each has one thread.
std::mutex runs_lock;
std::map<std::thread::id, int> runs;
numbers make(double first) {
  {
    std::lock_guard guard(runs_lock);
    ++runs[std::this_thread::get_id()];
  }
  numbers v(1'000);
  std::iota(v.begin(), v.end(), first);
  return v;
}
double sum(const numbers& v) { return std::accumulate(v.begin(), v.end(), 0.0); }
double add(double a, double b) { return a + b; }
double expected(double first) { return 1'000 * first + 999 * 500; }

std::thread::id thread_of(pool& p) {
  struct asking {
    static task<std::thread::id> where() { co_return std::this_thread::get_id(); }
  };
  return p.run(asking::where());
}

/// Until the scheduler has heard it.
void wait_for_mode(const in_process_cluster& cluster, const std::string& name, worker_mode mode) {
  const auto is = [&] {
    const auto all = cluster.scheduler->workers();
    return std::any_of(all.begin(), all.end(), [&](const auto& w) { return w.name == name && w.mode == mode; });
  };
  while (!is()) std::this_thread::yield();
}

task<> run_many(const client& c, int n) {
  std::vector<future<numbers>> all;
  for (int i = 0; i < n; ++i) all.push_back(c.submit(make, static_cast<double>(i)));
  for (int i = 0; i < n; ++i) {
    const double s = sum(co_await std::move(all[static_cast<std::size_t>(i)]));
    CHECK(s == expected(i));
  }
}

/// Values are made, used by others, and let go, in a chain.
task<> run_chain(const client& c, int n) {
  future<double> last = c.submit(sum, c.submit(make, 0.0));
  double in_all = expected(0);
  for (int i = 1; i < n; ++i) {
    last = c.submit(add, last, c.submit(sum, c.submit(make, static_cast<double>(i))));
    in_all += expected(i);
  }
  const double got = co_await std::move(last);
  CHECK(got == in_all);
}

}  // namespace

TEST_CASE("a worker short of memory is given nothing until it has some again", "[cluster][memory]") {
  runs.clear();
  gauge memory;
  in_process_cluster cluster(1);
  cluster.add_worker(1, watched(), {}, &memory);
  const std::thread::id short_one = thread_of(*cluster.workers[1].pool);
  pool own({.threads = 1});
  {
    const client c = cluster.connect(own);
    memory.taken = high;
    wait_for_mode(cluster, "worker-1", worker_mode::paused);
    own.run(run_many(c, 100));
    CHECK(runs[short_one] == 0);
    memory.taken = low;
    wait_for_mode(cluster, "worker-1", worker_mode::running);
    own.run(run_many(c, 100));
    CHECK(runs[short_one] > 0);
  }
  own.drain();
}

TEST_CASE("when all workers are short of memory the work goes on, a task at a time", "[cluster][memory]") {
  gauge memory;
  in_process_cluster cluster(0);
  for (int i = 0; i < 2; ++i) cluster.add_worker(2, watched(), {}, &memory);
  pool own({.threads = 1});
  {
    const client c = cluster.connect(own);
    memory.taken = high;
    for (const char* name : {"worker-0", "worker-1"}) wait_for_mode(cluster, name, worker_mode::paused);
    own.run(run_chain(c, 30));  // what one has the other needs
    for (const auto& w : cluster.scheduler->workers()) CHECK(w.mode == worker_mode::paused);
  }
  own.drain();
}

namespace {

int next(int x) { return x + 1; }
task<int> call_next(const lease& l) { co_return co_await l.call(next, 1); }

}  // namespace

TEST_CASE("a lease is called on while its worker is short of memory, but not when nothing is left",
          "[cluster][memory]") {
  gauge memory;
  in_process_cluster cluster(0);
  client_options o = watched();
  o.thresholds->terminate = 0.95;
  cluster.add_worker(2, o, {}, &memory);
  pool own({.threads = 1});
  {
    const client c = cluster.connect(own);
    const lease l = own.run(c.lease());
    memory.taken = high;
    wait_for_mode(cluster, "worker-0", worker_mode::paused);
    CHECK(own.run(call_next(l)) == 2);
    const auto fails = [](const lease& of) -> task<std::string> {
      std::string type;
      try {
        co_await of.call(next, 1);
      } catch (const task_failed& failure) {
        try {
          std::rethrow_exception(failure.error());
        } catch (const remote_error& e) { type = e.type() + ": " + e.what(); }
      }
      co_return type;
    };
    memory.taken = limit / 100 * 97;
    std::string said;
    while (said.empty()) said = own.run(fails(l));  // the worker looks ten times a second
    CHECK_THAT(said, Catch::Contains("weft::overloaded: weft: the process takes") && Catch::Contains("terminate"));
    memory.taken = low;
    wait_for_mode(cluster, "worker-0", worker_mode::running);
    CHECK(own.run(call_next(l)) == 2);
  }
  own.drain();
}

namespace {

numbers make_large(double first) {
  numbers v(32'768);
  std::iota(v.begin(), v.end(), first);
  return v;
}
double last_of_both(const numbers& a, const numbers& b) { return a.back() * 1'000 + b.back(); }

task<> pair_all(const client& c, int n) {
  std::vector<future<numbers>> all;
  for (int i = 0; i < n; ++i) all.push_back(c.submit(make_large, static_cast<double>(i)));
  std::vector<future<double>> pairs;
  for (int i = 0; i < n; ++i)
    for (int k = 1; k < n; k += 2)
      pairs.push_back(
          c.submit(last_of_both, all[static_cast<std::size_t>(i)], all[static_cast<std::size_t>((i + k) % n)]));
  for (int i = 0, at = 0; i < n; ++i)
    for (int k = 1; k < n; k += 2) {
      const double got = co_await std::move(pairs[static_cast<std::size_t>(at++)]);
      CHECK(got == (32'767 + i) * 1'000.0 + 32'767 + (i + k) % n);
    }
}

}  // namespace

TEST_CASE("workers with room for two values bring each other what they need from their disks", "[cluster][memory]") {
  client_options small;
  small.memory_budget = 2 * 32'768 * sizeof(double) + 1024;
  small.patience = std::chrono::hours(1);  // nothing may have to wait for that
  in_process_cluster cluster(0);
  for (int i = 0; i < 2; ++i) cluster.add_worker(1, small);
  pool own({.threads = 1});
  {
    const client c = cluster.connect(own);
    own.run(pair_all(c, 16));
  }
  own.drain();
}

namespace {

std::atomic<int> doubled{0};
numbers base(double first) {
  numbers v(50'000);
  std::iota(v.begin(), v.end(), first);
  return v;
}
numbers twice(const numbers& v) {
  ++doubled;
  numbers w(v);
  for (double& x : w) x *= 2;
  return w;
}
double expected_twice(double first) { return 2 * (50'000 * first + 49'999.0 * 25'000); }

void damage(const std::filesystem::path& under) {
  const std::vector<char> noise(std::size_t{1} << 20, '\x5a');
  for (const auto& file : std::filesystem::recursive_directory_iterator(under)) {
    if (!file.is_regular_file()) continue;
    std::fstream f(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    for (std::uintmax_t at = 0; at < file.file_size(); at += noise.size())
      f.write(noise.data(),
              static_cast<std::streamsize>(std::min<std::uintmax_t>(noise.size(), file.file_size() - at)));
  }
}

}  // namespace

TEST_CASE("a value that a worker's disk has lost is made again", "[cluster][memory]") {
  const bool by_a_task = GENERATE(false, true);  // or the client reads it
  doubled = 0;
  constexpr int n = 20;
  const test_directory disk;
  in_process_cluster cluster(0);
  client_options o;
  o.memory_budget = std::uint64_t{2} << 20;
  o.spill_directory = disk.path().string();
  cluster.add_worker(1, o);
  pool own({.threads = 1});
  {
    const client c = cluster.connect(own);
    struct story {
      static task<std::vector<future<numbers>>> begin(const client& at) {
        std::vector<future<numbers>> all;
        for (int i = 0; i < n; ++i) all.push_back(at.submit(twice, at.submit(base, static_cast<double>(i))));
        co_await at.wait(all);
        co_return all;
      }
      static task<> read(const client& at, std::vector<future<numbers>> all, bool tasks) {
        for (int i = 0; i < n; ++i) {
          future<numbers>& f = all[static_cast<std::size_t>(i)];
          double s = 0;
          if (tasks)
            s = co_await at.submit(sum, f);
          else
            s = sum(co_await std::move(f));
          CHECK(s == expected_twice(i));
        }
      }
    };
    auto all = own.run(story::begin(c));
    CHECK(doubled == n);
    damage(disk.path());
    own.run(story::read(c, std::move(all), by_a_task));
    CHECK(doubled > n);
  }
  own.drain();
}
