// What is decided now and then: copies, the cluster's size.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "scheduler/cluster_view.hpp"
#include "script.hpp"

namespace {

using namespace weft::test::scheduling;
constexpr time_ns ms = 1'000'000, second = 1'000 * ms;

TEST_CASE("values are copied until there are as many as wanted, and the surplus goes later", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker(), w = s.worker(), x = s.worker();
  const task_id a = s.submit(c);
  s.done(v, a, 1, 8);
  s.heard(v);
  const std::vector<task_id> all{a, make_task_id(c, 77)};
  s.core.replicate(s.now, all, 2);
  CHECK(s.heard(w) == lines{"copy 1@2"});
  s.core.replicate(s.now, all, 2);
  CHECK(s.heard(w).empty());
  s.added(w, a);
  s.added(x, a);  // because a task there took it
  s.tick(2 * second);
  lines dropped;
  for (const peer_id p : {v, w, x})
    for (const std::string& line : s.heard(p)) dropped.push_back(line);
  CHECK(dropped == lines{"drop 1"});  // two were asked for
  s.core.replicate(s.now, all, 1);
  s.tick(4 * second);
  dropped.clear();
  for (const peer_id p : {v, w, x})
    for (const std::string& line : s.heard(p)) dropped.push_back(line);
  CHECK(dropped == lines{"drop 1"});
  s.core.check_invariants();
}

TEST_CASE("what is to be on several workers is copied there as soon as it is, and again when one is lost",
          "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker(), w = s.worker();
  const task_id a = s.submit(c);
  replicate_values wish{};
  wish.copies = 3;
  wish.tasks = std::span(&a, 1);
  s.say(c, wish);
  s.heard(v);
  CHECK(s.heard(w).empty());
  s.done(v, a);
  CHECK(s.heard(w) == lines{"copy 1@2"});  // all that there are
  s.added(w, a);
  const peer_id x = s.worker();
  s.tick(2 * second);
  CHECK(s.heard(x) == lines{"copy 1@3"});
  s.added(x, a);
  s.tick(4 * second);
  for (const peer_id p : {v, w, x}) CHECK(s.heard(p).empty());
  s.lose(w);
  const peer_id y = s.worker();
  s.tick(6 * second);
  CHECK(s.heard(y) == lines{"copy 1@4"});
  s.added(y, a);
  wish.copies = 1;
  s.say(c, wish);
  s.tick(8 * second);
  lines dropped;
  for (const peer_id p : {v, x, y})
    for (const std::string& line : s.heard(p)) dropped.push_back(line);
  CHECK(dropped == lines{"drop 1", "drop 1"});
}

TEST_CASE("clients say where values are to be, and let workers go", "[scheduler]") {
  script s;
  const peer_id c = s.client(), d = s.client(), v = s.worker_of("full", 1000);
  std::vector<task_id> ids;
  for (int k = 0; k < 8; ++k) {
    ids.push_back(s.submit(c));
    s.done(v, ids.back(), 1, 100);
  }
  const peer_id w = s.worker_of("empty", 1000);
  s.say(c, rebalance_values{});
  CHECK(s.heard(w).size() == 4);
  s.heard(v);
  s.heard(c);

  ask_cluster question{};
  question.request = 7;
  s.say(c, question);
  CHECK(s.heard(c) == lines{"answer 7 target 2: full/0 empty/0"});
  const std::string names = " nobody  full ";
  question.retire = names;
  s.say(c, question);
  CHECK(s.heard(v) == lines{"mode 2"});
  CHECK(s.heard(c) == lines{"answer 7 target 2: full/2 empty/0"});  // one alone could not hold the values
  s.say(c, question);
  CHECK(s.heard(v).empty());  // it has been told

  replicate_values wish{};
  wish.tasks = ids;
  CHECK_THROWS_AS(s.say(c, wish), protocol_error);  // on no worker
  wish.copies = 2;
  CHECK_THROWS_AS(s.say(d, wish), protocol_error);  // of another
  const std::string endless(100'000, 'x');
  question.retire = endless;
  CHECK_THROWS_AS(s.say(c, question), protocol_error);
}

TEST_CASE("who is still to get a copy of what nobody needs any more is told", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker(), w = s.worker();
  const task_id a = s.submit(c);
  s.done(v, a);
  s.heard(v);
  const std::vector<task_id> all{a};
  s.core.replicate(s.now, all, 2);
  CHECK(s.heard(w) == lines{"copy 1@2"});
  s.about<release_tasks>(c, {a});
  CHECK(s.heard(v) == lines{"drop 1"});
  CHECK(s.heard(w) == lines{"drop 1"});
  s.added(w, a);  // the copy had come meanwhile
  CHECK(s.heard(w) == lines{"drop 1"});
}

TEST_CASE("a copy that is refused where it comes costs no other, and is not asked for again", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker(), w = s.worker(), x = s.worker();
  const task_id a = s.submit(c);
  replicate_values wish{};
  wish.copies = 2;
  wish.tasks = std::span(&a, 1);
  s.say(c, wish);
  s.done(v, a);
  s.heard(v), s.heard(c);
  const lines asked = s.heard(w);
  CHECK(asked == lines{"copy 1@2"});
  s.missing(w, a, v, not_taken);
  s.say(c, wish);  // it may wish
  s.core.rebalance(s.now);
  s.tick(2 * second);
  s.tick(4 * second);
  for (const peer_id p : {c, v, w, x}) CHECK(s.heard(p).empty());
  CHECK(s.core.state_of(a) == task_state::memory);
  s.core.check_invariants();
  SECTION("unless it is made again: that is another") {
    s.lose(v);
    CHECK(s.heard(c) == lines{"restarted 1"});
    const lines ran = s.heard(w);
    REQUIRE(ran == lines{"run 1/2"});
    s.done(w, a, 2);
    CHECK(s.heard(x) == lines{"copy 1@3"});
    s.missing(x, a, w, not_taken);
    s.tick(6 * second);
    CHECK(s.heard(x).empty());
  }
  SECTION("nor when it has left, or was lost meanwhile") {
    s.about<release_tasks>(c, {a});
    s.missing(w, a, v, not_taken);
    CHECK(s.heard(v) == lines{"drop 1"});
  }
}

TEST_CASE("a copy that a task uses is not surplus", "[scheduler]") {
  script s({.steal_interval = 1000 * second});
  const peer_id c = s.client(), v = s.worker(), w = s.worker();
  const task_id a = s.submit(c), b = s.submit(c);
  s.done(v, a, 1, 8);
  s.done(w, b, 1, 1000);
  const task_id d = s.submit(c, {.inputs = {a, b}});
  s.heard(v), s.heard(w);
  s.added(w, a);
  s.tick(2 * second);
  CHECK(s.heard(w).empty());
  CHECK(s.heard(v) == lines{"drop 1"});  // the one that nobody uses
  s.done(w, d);
}

TEST_CASE("a copy that a task may have been given is not the one that is kept", "[scheduler]") {
  constexpr std::uint64_t large = 1 << 20;
  script s;
  const peer_id c = s.client(), v = s.worker();
  const task_id a = s.submit(c);
  s.done(v, a, 1, large);
  const peer_id w = s.worker(2, "gpu=2");
  s.options(c, 1, "gpu=1");
  const task_id b = s.submit(c, {.options = 1});
  s.submit(c, {.options = 1});
  s.done(w, b, 1, 2 * large);
  const task_id d = s.submit(c, {.inputs = {a, b}, .options = 1});
  s.about<release_tasks>(c, {a, b});
  s.retracted(w, d, 1, true);
  s.heard(v);
  CHECK(s.heard(w).back() == "run 4/2 1@2 for good 2@0 for good options 1");
  s.added(w, a);
  s.tick(2 * second);
  CHECK(s.heard(v).empty());
  CHECK(s.heard(w).empty());
  SECTION("and goes with that task") {
    s.done(w, d, 2);
    CHECK(s.heard(v) == lines{"drop 1"});
    CHECK(s.heard(w) == lines{"drop 2 1"});
  }
  SECTION("and is one of several when that task has come back") {
    s.beat(w, worker_mode::paused);
    s.retracted(w, d, 2, true);
    s.tick(4 * second);
    CHECK(s.heard(v).empty());
    CHECK(s.heard(w) == lines{"drop 1"});  // the fuller one
  }
}

TEST_CASE("rebalancing moves values from full workers to empty ones", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker_of("full", 1000);
  std::vector<task_id> ids;
  for (int k = 0; k < 8; ++k) {
    ids.push_back(s.submit(c));
    s.done(v, ids.back(), 1, 100);
  }
  const peer_id w = s.worker_of("empty", 1000);
  s.core.rebalance(s.now);
  s.core.check_invariants();
  const lines said = s.heard(w);
  CHECK(said.size() == 4);
  s.heard(v);
  s.added(w, ids[0]);
  CHECK(s.heard(v) == lines{"drop 1"});
}

TEST_CASE("the target follows the work and the values", "[scheduler]") {
  script s({.target_duration = second});
  const peer_id c = s.client();
  CHECK(s.core.target() == 0);
  const peer_id w = s.worker_of("w", 1000);
  const task_id a = s.submit(c);
  s.done(w, a, 1, 8, second);
  for (int k = 0; k < 9; ++k) s.submit(c);
  CHECK(s.core.target() == 9);
  s.done(w, make_task_id(c, 2), 1, 700);
  CHECK(s.core.target() >= 2);
}

TEST_CASE("policies go by the memory of a process, and not by what values may take of it", "[scheduler]") {
  script s;
  worker_hello hello;
  hello.name = "w";
  hello.memory = 10'000;
  hello.value_memory = 6'000;
  const peer_id c = s.client(), w = s.core.add_worker(s.now, hello);
  heartbeat m{};
  m.memory_limit = 6'000;
  s.say(w, m);
  const task_id a = s.submit(c), b = s.submit(c);
  s.done(w, a, 1, 3'000), s.done(w, b, 1, 2'500);
  CHECK(s.core.target() == 1);
  hello.name = "v";
  const peer_id v = s.core.add_worker(s.now, hello);
  const task_id d = s.submit(c);
  s.heard(v), s.heard(w);
  s.done(v, d, 1, 4'000);
  s.core.replicate(s.now, std::vector{a, b}, 2);
  const lines all = s.heard(v);  // it has room for 9500 bytes
  const auto copies = [](const std::string& line) { return line.starts_with("copy "); };
  CHECK(std::count_if(all.begin(), all.end(), copies) == 2);
}

TEST_CASE("workers on their way out do not count in the target", "[scheduler]") {
  script s({.target_duration = second});
  const peer_id c = s.client(), v = s.worker_of("v", 1000), w = s.worker_of("w", 1000);
  const task_id a = s.submit(c);
  s.done(v, a, 1, 8, second);
  for (int k = 0; k < 3; ++k) s.submit(c);
  CHECK(s.core.target() == 3);
  const auto run_there = s.core.workers();
  s.core.retire(s.now, v);
  // What it has begun it ends; the others' work is as much as before.
  CHECK(s.core.target() == 3 - run_there[0].assigned);
  const auto counts = s.core.statistics();
  CHECK(counts.workers == 2);
  CHECK(counts.leaving == 1);
  CHECK(counts.leaving_slots == 1);
  cluster_view shown;
  shown.counts = counts;
  shown.target = s.core.target();
  CHECK(describe(shown, false)
            .find("1 clients, 1 workers with 1 slots (" + std::to_string(shown.target) +
                  " wanted), 1 more on their way out; ") == 0);
  CHECK(describe(shown, true).find("\"slots\":1,\"leaving\":1,") != std::string::npos);
  s.core.retire(s.now, w);
  s.options(c, 1, "", "v w");
  s.submit(c, {.options = 1});
  CHECK(s.core.target() == 1);  // nobody stays
  s.tick(s.now);
  CHECK(s.core.waiting() == lines{"1 task waits for a worker: there is no worker called v or w that takes tasks: "
                                  "worker v is retiring"});
  s.beat(w, worker_mode::stopped);
  CHECK(s.core.target() == 1);
}

TEST_CASE("that a worker is paused is a better reason than that another is on its way out", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker_of("v", 1000), w = s.worker_of("w", 1000);
  s.options(c, 1, "", "v w");
  for (const peer_id p : {v, w}) {
    s.submit(c, {.options = 1});
    static_cast<void>(p);
  }
  s.core.retire(s.now, v);
  s.beat(w, worker_mode::paused);
  s.submit(c, {.options = 1});
  CHECK(s.core.waiting() == lines{"1 task waits for a worker: there is no worker called v or w that takes tasks: "
                                  "worker w is paused"});
}

TEST_CASE("idle workers with few values are closed first, and never too many", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker_of("v", 1000), w = s.worker_of("w", 1000), x = s.worker_of("x", 1000);
  const task_id a = s.submit(c);
  s.submit(c);
  s.done(v, a, 1, 400);
  CHECK(s.core.workers_to_close(1) == std::vector<peer_id>{x});
  CHECK(s.core.workers_to_close(3) == std::vector<peer_id>{x, v});
  (void)w;
}

TEST_CASE("a silent worker is given up", "[scheduler]") {
  script s({.worker_ttl = 10 * second});
  const peer_id c = s.client(), v = s.worker(), w = s.worker();
  s.submit(c);
  s.tick(1);
  s.now = 6 * second;
  s.beat(w);
  s.tick(9 * second);
  CHECK(s.core.take_departures().empty());
  s.tick(11 * second);
  const auto gone = s.core.take_departures();
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].peer == v);
  CHECK(gone[0].reason.find("worker_ttl") != std::string::npos);
  CHECK(!s.core.knows(v));
  CHECK(s.heard(w) == lines{"run 1/2"});
}

TEST_CASE("the cluster is idle when nothing is to be done for a while", "[scheduler]") {
  script s({.idle_timeout = second});
  const peer_id w = s.worker();
  CHECK(s.core.idle(2 * second));
  const peer_id c = s.client();
  CHECK(!s.core.idle(2 * second));  // whoever is there may have values
  s.now = 5 * second;
  const task_id a = s.submit(c);
  CHECK(!s.core.idle(10 * second));
  s.done(w, a);
  s.lose(c, true);
  CHECK(!s.core.idle(5 * second + 1));
  s.beat(w);
  CHECK(s.core.idle(6 * second));
}

TEST_CASE("many workers beat less often", "[scheduler]") {
  script s;
  CHECK(s.core.heartbeat_interval() == second / 2);
  for (int k = 0; k < 400; ++k) s.worker_of("w", 0);
  CHECK(s.core.heartbeat_interval() == 3 * second);
}

TEST_CASE("functions are counted", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  const task_id a = s.submit(c), b = s.submit(c);
  s.done(w, a, 1, 100, 2'000);
  s.failed(w, b);
  REQUIRE(s.core.functions() == 1);
  const auto& f = s.core.function(0);
  CHECK(f.submitted == 2);
  CHECK(f.done == 1);
  CHECK(f.failed == 1);
  CHECK(f.run_time == 2'000);
  CHECK(f.total_bytes == 100);
}

}  // namespace
