// Clients and schedulers that die.
#include <signal.h>

#include <catch2/catch.hpp>

#include "cluster/faults/processes.hpp"
#include "env/process.hpp"

namespace {

using namespace faults;

}  // namespace

TEST_CASE("what a killed client has left is dropped, and nobody else's", "[faults]") {
  const bool tls = GENERATE(false, true);
  cluster c({"--resume-timeout=1s"}, tls);
  child_process a = c.start_worker("a"), b = c.start_worker("b");
  child_process dies = c.start_client("dies", {"keep", "50", "12500"});
  wait_until("all values", [&] { return c.said("dies") == "kept\n"; }, c.place() / "dies");
  c.wait_for("values", [](long n) { return n >= 50 * 100'000; });
  child_process lives = c.start_client("lives", {"graph", "100", "12500", "5"});
  c.wait_for("done", [](long n) { return n >= 50 + 60; });
  dies.signal(SIGKILL);
  CHECK(c.status_of(lives, "lives") == 0);
  CHECK(c.said("lives") == "right\n");
  for (const char* name : {"clients", "tasks", "values", "memory_used"})
    c.wait_for(name, [](long n) { return n == 0; });
  CHECK(c.workers() == 2);
}

TEST_CASE("a client is killed while its tasks run", "[faults]") {
  cluster c({"--resume-timeout=1s"});
  child_process a = c.start_worker("a"), b = c.start_worker("b");
  child_process dies = c.start_client("dies", {"graph", "1000", "12500", "50"});
  c.wait_for("done", [](long n) { return n >= 10; });
  dies.signal(SIGKILL);
  for (const char* name : {"clients", "tasks", "values", "memory_used"})
    c.wait_for(name, [](long n) { return n == 0; });
  CHECK(c.number("done") < 1000);
  child_process next = c.start_client("next", {"graph", "20", "1000", "1"});
  CHECK(c.status_of(next, "next") == 0);
  CHECK(c.said("next") == "right\n");
}

TEST_CASE("workers and clients end when the scheduler is killed", "[faults]") {
  cluster c;
  child_process worker = c.start_worker("a", {"--death-timeout=1s"});
  child_process client =
      c.start_client("client", {"graph", "1000", "1000", "50"}, {"WEFT_CLIENT_CONNECT_TIMEOUT=1s"});
  c.wait_for("done", [](long n) { return n >= 10; });
  c.scheduler.signal(SIGKILL);
  CHECK(c.status_of(worker, "a", std::chrono::seconds(15)) == 1);
  CHECK_THAT(c.said("a"), Catch::Contains("weft worker: the session is lost"));
  CHECK(c.status_of(client, "client", std::chrono::seconds(15)) == 1);
  CHECK_THAT(c.said("client"), Catch::Contains("the cluster is gone: the session is lost"));
}

TEST_CASE("a scheduler that ends in order says so", "[faults]") {
  cluster c;
  child_process worker = c.start_worker("a");
  child_process client = c.start_client("client", {"graph", "1000", "1000", "50"});
  c.wait_for("done", [](long n) { return n >= 10; });
  c.scheduler.signal(SIGTERM);
  CHECK(c.status_of(c.scheduler, "scheduler") == 0);
  CHECK(c.status_of(worker, "a") == 0);
  CHECK_THAT(c.said("a"), Catch::Contains("the scheduler ends: asked to end"));
  CHECK(c.status_of(client, "client") == 1);
  CHECK_THAT(c.said("client"), Catch::Contains("the scheduler ends: asked to end"));
}

TEST_CASE("workers are let go by the command, and others have their values", "[faults]") {
  const bool tls = GENERATE(false, true);
  cluster c({}, tls);
  child_process a = c.start_worker("a", {}, true), b = c.start_worker("b");
  child_process client = c.start_client("keeps", {"keep", "20", "12500"});
  wait_until("all values", [&] { return c.said("keeps") == "kept\n"; }, c.place() / "keeps");
  const auto retire = [&](const std::string& name) {
    return weft::detail::output_of(c.with_identity({WEFT_COMMAND, "retire", "--cluster=" + c.address(), name}), "");
  };
  CHECK_FALSE(retire("nobody"));
  CHECK_FALSE(retire(""));
  const auto said = retire("a");
  REQUIRE(said);
  CHECK_THAT(*said, Catch::StartsWith("a is retiring: it has "));
  c.wait_for_workers(1);
  CHECK(c.status_of(a, "a") == 0);  // the nanny
  CHECK(c.number("values") >= 20 * 100'000);
  CHECK(c.number("done") == c.number("submitted"));  // nothing was made again
  CHECK(c.number("target") == 1);
  const auto table = weft::detail::output_of(c.with_identity({WEFT_COMMAND, "info", "--cluster=" + c.address()}), "");
  REQUIRE(table);
  CHECK_THAT(*table, Catch::Contains("1 workers with 1 slots (1 wanted)") && Catch::Contains("127.0.0.1:"));
}
