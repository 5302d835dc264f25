// Workers that die, or fall silent, in the middle of a graph.
#include <signal.h>

#include <catch2/catch.hpp>
#include <map>
#include <memory>

#include "cluster/faults/processes.hpp"

namespace {

using namespace faults;

// 150 leaves of 100 KB, as many again, and a tree: 449 tasks.
const words tree = {"graph", "150", "12500", "4"};
constexpr long tree_tasks = 449;

/// Of the workers that are there, by name, the one with most of what `info` calls so. Waits until one has some.
std::string with_most(const cluster& c, const std::string& what) {
  std::string name;
  wait_until(what + " at a worker", [&] {
    const std::string json = c.info();
    long most = 0;
    for (std::size_t at = json.find("{\"id\":"); at != std::string::npos; at = json.find("{\"id\":", at + 1)) {
      const std::string worker = json.substr(at, json.find('}', at) - at);
      const std::size_t begin = worker.find("\"name\":\"") + 8;
      const long has = sum_of(worker, what);
      if (has <= most) continue;
      most = has;
      name = worker.substr(begin, worker.find('"', begin) - begin);
    }
    return most > 0;
  });
  return name;
}
std::string fullest(const cluster& c) { return with_most(c, "values"); }

}  // namespace

TEST_CASE("a worker that is killed is made up for", "[faults]") {
  cluster c;
  std::map<std::string, child_process> workers;
  for (const char* name : {"a", "b", "c"}) workers.emplace(name, c.start_worker(name));
  child_process client = c.start_client("client", tree);
  c.wait_for("done", [](long n) { return n >= 100; });
  workers.at(fullest(c)).signal(SIGKILL);
  CHECK(c.status_of(client, "client") == 0);
  CHECK(c.said("client") == "right\n");
  const std::string after = c.info();
  CHECK(c.workers() == 2);
  CHECK(sum_of(after, "submitted") == tree_tasks);
  CHECK(sum_of(after, "done") > tree_tasks);  // what was lost with it is computed again
  CHECK(sum_of(after, "failed") == 0);
}

TEST_CASE("a leased worker is killed, and another called instead", "[faults]") {
  cluster c;
  std::map<std::string, child_process> workers;
  for (const char* name : {"a", "b"}) workers.emplace(name, c.start_worker(name));
  child_process client = c.start_client("client", {"lease", "400", "1000", "4"});
  c.wait_for("leased_calls", [](long n) { return n >= 50; });
  workers.at(with_most(c, "leased")).signal(SIGKILL);
  CHECK(c.status_of(client, "client") == 0);
  CHECK(c.said("client") == "right\n");
  CHECK(c.workers() == 1);
  CHECK(c.number("leases") == 0);
}

TEST_CASE("workers are killed and replaced again and again", "[faults]") {
  cluster c({"--allowed-failures=100"});
  std::map<std::string, child_process> workers;
  for (const char* name : {"a", "b", "c"}) workers.emplace(name, c.start_worker(name));
  child_process client = c.start_client("client", tree);
  for (int round = 1; round <= 4; ++round) {
    c.wait_for("done", [&](long n) { return n >= 60 * round; });
    child_process& w = workers.at(fullest(c));
    w.signal(SIGKILL);
    w.wait();
    c.wait_for_workers(2);
    const std::string name = "d" + std::to_string(round);
    workers.emplace(name, c.start_worker(name));
  }
  CHECK(c.status_of(client, "client") == 0);
  CHECK(c.said("client") == "right\n");
  CHECK(c.workers() == 3);
}

TEST_CASE("all workers are killed, and others come", "[faults]") {
  cluster c;
  std::vector<child_process> workers;
  for (const char* name : {"a", "b"}) workers.push_back(c.start_worker(name));
  child_process client = c.start_client("client", tree);
  c.wait_for("done", [](long n) { return n >= 100; });
  for (child_process& w : workers) w.signal(SIGKILL);
  c.wait_for_workers(0);
  CHECK(c.said("client").empty());
  for (const char* name : {"d", "e"}) workers.push_back(c.start_worker(name));
  CHECK(c.status_of(client, "client") == 0);
  CHECK(c.said("client") == "right\n");
}

TEST_CASE("a local cluster starts its workers again", "[faults]") {
  const test_directory here;
  child_process p = child_process::start({.command = {WEFT_PROGRAM, "local", "100", "12500", "4"},
                                          .environment = {},
                                          .output = here / "said",
                                          .with_terminal = false});
  wait_until("its end", [&] { return p.status().has_value(); }, here / "said", std::chrono::seconds(60));
  INFO(read_file(here / "said"));
  CHECK(p.wait() == 0);
  CHECK(read_file(here / "said").find("right\n") != std::string::npos);
}

TEST_CASE("a local cluster ends though a worker of it is stopped", "[faults]") {
  const test_directory here;
  child_process p = child_process::start(
      {.command = {WEFT_PROGRAM, "stopped"}, .environment = {}, .output = here / "said", .with_terminal = false});
  wait_until("its end", [&] { return p.status().has_value(); }, here / "said", std::chrono::seconds(60));
  const std::string said = read_file(here / "said");
  INFO(said);
  CHECK(p.wait() == 0);
  CHECK(said.find("ended\n") != std::string::npos);
  const std::size_t at = said.find("worker ");
  REQUIRE(at != std::string::npos);
  CHECK_FALSE(lives(std::atoi(said.c_str() + at + 7)));
}

// The limit is not shorter than ten heartbeats, of half a second.
TEST_CASE("a worker that falls silent is made up for, and let go when it is back", "[faults]") {
  cluster c({"--worker-ttl=5s"});
  child_process a = c.start_worker("a"), b = c.start_worker("b");
  child_process client = c.start_client("client", tree);
  c.wait_for("done", [](long n) { return n >= 100; });
  a.signal(SIGSTOP);
  CHECK(c.status_of(client, "client") == 0);
  CHECK(c.said("client") == "right\n");
  c.wait_for_workers(1);
  a.signal(SIGCONT);
  CHECK(c.status_of(a, "a") == 1);
  INFO(c.said("a"));
  CHECK(c.said("a").starts_with("weft worker: "));
  const std::string after = c.info();
  CHECK(c.workers() == 1);
  CHECK(sum_of(after, "submitted") == tree_tasks);
  // The one that is left is as good as ever.
  child_process again = c.start_client("again", tree);
  CHECK(c.status_of(again, "again") == 0);
  CHECK(c.said("again") == "right\n");
}

TEST_CASE("a worker with a nanny that falls silent comes back as a new one", "[faults]") {
  cluster c({"--worker-ttl=5s"});
  child_process nanny = c.start_worker("a", {}, true);
  const int worker = child_of(nanny.id());
  REQUIRE(worker != 0);
  ::kill(worker, SIGSTOP);
  c.wait_for_workers(0);
  ::kill(worker, SIGCONT);
  c.wait_for_workers(1);
  CHECK(child_of(nanny.id()) != worker);
  CHECK(lives(nanny.id()));
}

TEST_CASE("a nanny starts a killed worker again", "[faults]") {
  cluster c;
  child_process nanny = c.start_worker("a", {}, true);
  child_process client = c.start_client("client", tree);
  c.wait_for("done", [](long n) { return n >= 50; });
  const int worker = child_of(nanny.id());
  REQUIRE(worker != 0);
  ::kill(worker, SIGKILL);
  CHECK(c.status_of(client, "client") == 0);
  CHECK(c.said("client") == "right\n");
  CHECK_THAT(c.said("a"), Catch::Contains("was killed by signal 9, and is started again"));
  nanny.signal(SIGTERM);
  CHECK(c.status_of(nanny, "a") == 0);
  c.wait_for_workers(0);
}

TEST_CASE("a worker whose nanny is killed ends", "[faults]") {
  cluster c;
  child_process nanny = c.start_worker("a", {}, true);
  const int worker = child_of(nanny.id());
  REQUIRE(worker != 0);
  c.wait_for_workers(1);  // from then on it takes signals
  nanny.signal(SIGKILL);
  wait_until("the worker's end", [&] { return !lives(worker); }, c.place() / "a");
  CHECK_THAT(c.said("a"), Catch::Contains("weft worker: asked to end"));
  c.wait_for_workers(0);
}
