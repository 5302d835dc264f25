// Local clusters that cannot begin: this program's main is Catch's, and no worker.
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <string>

#include "weft/cluster.hpp"
#include "weft/weft.hpp"

namespace {

int add(int a, int b) { return a + b; }

bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD; }

}  // namespace

TEST_CASE("workers that end before they come are an error, and nothing is left") {
  const bool tls = GENERATE(false, true), restart = GENERATE(true, false);
  weft::local_cluster_options o;
  o.tls = tls;
  o.restart = restart;
  CHECK_THROWS_WITH(weft::local_cluster(o), Catch::Contains("do not come") && Catch::Contains("with status 255") &&
                                                Catch::Contains("weft::init"));
  CHECK_FALSE(has_children());
}

TEST_CASE("workers that are not there in time are an error") {
  weft::local_cluster_options o;
  o.start_within = std::chrono::milliseconds(1);
  CHECK_THROWS_WITH(weft::local_cluster(o), Catch::Contains("have not come within 1 ms"));
  CHECK_FALSE(has_children());
}

TEST_CASE("a local cluster that has no place for its certificates is an error") {
  const char* const before = ::getenv("TMPDIR");
  const std::string kept = before ? before : "";
  ::setenv("TMPDIR", "/nowhere", 1);
  CHECK_THROWS_WITH(weft::local_cluster({.workers = 1, .tls = true}), Catch::Contains("/nowhere"));
  if (before)
    ::setenv("TMPDIR", kept.c_str(), 1);
  else
    ::unsetenv("TMPDIR");
  CHECK_FALSE(has_children());
}

TEST_CASE("in a process that was started to be a worker no local cluster begins") {
  ::setenv("WEFT_PARENT", "1", 1);
  CHECK_THROWS_WITH(weft::local_cluster(), Catch::Contains("started to be a worker"));
  ::unsetenv("WEFT_PARENT");
  CHECK_FALSE(has_children());
}

namespace {

/// Memory that the process takes, as long as it lives.
class ballast {
 public:
  explicit ballast(std::size_t bytes)
      : bytes_(bytes),
        at_(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)) {
    REQUIRE(at_ != MAP_FAILED);
  }
  ballast(const ballast&) = delete;
  ballast& operator=(const ballast&) = delete;
  ~ballast() { ::munmap(at_, bytes_); }

 private:
  const std::size_t bytes_;
  void* const at_;
};

/// Asks until all workers are so. Not at full speed: what a sanitizer keeps of each answer is memory of this process.
weft::task<> until_all_are(const weft::client& c, std::string mode) {
  for (bool met = false; !met;) {
    co_await weft::sleep_for(std::chrono::milliseconds(5));
    const weft::cluster_info there = co_await c.cluster();
    met = std::all_of(there.workers.begin(), there.workers.end(), [&](const auto& w) { return w.mode == mode; });
  }
}

}  // namespace

TEST_CASE("workers in this process are held back when it takes what all of them may use") {
  constexpr std::uint64_t each = std::uint64_t{64} << 20;
  const weft::local_cluster cluster({.workers = 2, .threads = 1, .processes = false, .memory = each});
  weft::pool p({.threads = 1});
  const auto test = [](weft::pool* on, weft::connect_options where) -> weft::task<> {
    weft::client c = co_await weft::connect(*on, std::move(where));
    const weft::cluster_info there = co_await c.cluster();
    REQUIRE(there.workers.size() == 2);
    for (const auto& w : there.workers) CHECK(w.mode == "running");
    {
      const ballast most(3 * each + each / 2);  // 64 MiB, and 80 % of 128
      auto paused = until_all_are(c, "paused");
      co_await weft::timeout(std::chrono::seconds(60), std::move(paused));
      const int five = co_await c.submit(add, 2, 3);  // one at a time, for what it frees
      CHECK(five == 5);
    }
    auto running = until_all_are(c, "running");
    co_await weft::timeout(std::chrono::seconds(60), std::move(running));
  };
  p.run(test(&p, cluster.where()));
  p.drain();
}

TEST_CASE("the workers of a local cluster may be in this process") {
  const weft::local_cluster cluster({.workers = 2, .threads = 1, .processes = false});
  CHECK(cluster.worker_processes().empty());
  weft::pool p({.threads = 1});
  const auto test = [](weft::pool* on, weft::connect_options where) -> weft::task<int> {
    weft::client c = co_await weft::connect(*on, std::move(where));
    co_return co_await c.submit(add, 3, 4);
  };
  CHECK(p.run(test(&p, cluster.where())) == 7);
  // By the setting client.scheduler, whose long variable is over the short one.
  ::setenv("WEFT_CLUSTER", "other:1", 1);
  ::setenv("WEFT_CLIENT_SCHEDULER", cluster.where().address.c_str(), 1);
  CHECK(p.run(test(&p, {})) == 7);
  ::unsetenv("WEFT_CLIENT_SCHEDULER");
  ::unsetenv("WEFT_CLUSTER");
  p.drain();
}
