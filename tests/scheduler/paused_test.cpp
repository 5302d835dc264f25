// Workers short of memory.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "script.hpp"

namespace {

using namespace weft::test::scheduling;
constexpr time_ns ms = 1'000'000;

TEST_CASE("paused workers get nothing new while others run", "[scheduler]") {
  script s({.steal_interval = 1'000'000 * ms});
  const peer_id c = s.client(), v = s.worker(), w = s.worker();
  s.beat(v, worker_mode::paused);
  for (int k = 0; k < 4; ++k) s.submit(c);
  CHECK(s.heard(v).empty());
  CHECK(s.heard(w) == lines{"run 1/1", "run 2/1"});
  s.beat(v);
  CHECK(s.heard(v) == lines{"run 3/1", "run 4/1"});
}

TEST_CASE("when all workers are paused each has one task at a time", "[scheduler]") {
  script s({.no_worker_limit = 100 * ms});
  const peer_id c = s.client(), v = s.worker(2), w = s.worker(2);
  for (const peer_id p : {v, w}) s.beat(p, worker_mode::paused);
  for (int k = 0; k < 6; ++k) s.submit(c);
  CHECK(s.heard(v) == lines{"run 1/1"});
  CHECK(s.heard(w) == lines{"run 2/1"});
  s.done(w, make_task_id(c, 2));
  CHECK(s.heard(w) == lines{"run 3/1"});
  CHECK(s.heard(v).empty());

  SECTION("those that are given no more have workers all the same") {
    s.tick(1000 * ms);
    for (const std::string& line : s.heard(c)) CHECK(line.find("failed") == std::string::npos);
    CHECK(s.core.deadline() > 1000 * ms);
    CHECK(s.core.state_of(make_task_id(c, 6)) == task_state::held);
  }
  SECTION("one runs again, and is given the rest") {
    s.beat(v);
    CHECK(s.heard(v) == lines{"run 4/1", "run 5/1"});
    CHECK(s.heard(w).empty());
  }
  SECTION("one is lost") {
    s.lose(v);
    s.done(w, make_task_id(c, 3));
    CHECK(s.heard(w).size() == 1);
  }
  SECTION("one is retiring, and gets nothing, whatever its last words say") {
    s.core.retire(s.now, w);
    s.beat(w, worker_mode::paused);
    s.heard(w);
    s.done(w, make_task_id(c, 3));
    CHECK(s.heard(w).empty());
  }
}

TEST_CASE("a paused worker runs what no other may", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker(2, "gpu=1"), w = s.worker();
  s.options(c, 1, "gpu=1");
  s.beat(v, worker_mode::paused);
  for (int k = 0; k < 2; ++k) s.submit(c, {.options = 1});
  CHECK(s.heard(v) == lines{"run 1/1 options 1"});
  CHECK(s.heard(w).empty());
  s.done(v, make_task_id(c, 1));
  CHECK(s.heard(v) == lines{"run 2/1 options 1"});
}

TEST_CASE("a paused worker whose coroutines wait is given what they may wait for", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  s.submit(c, {.flags = task_wanted | task_waits});
  CHECK(s.heard(w) == lines{"run 1/1"});
  s.beat(w, worker_mode::paused);
  s.submit(c, {.flags = task_wanted | task_waits});
  CHECK(s.heard(w).empty());  // coroutines of others do not pour in
  s.submit(w);                // the first one's
  CHECK(s.heard(w).size() == 1);
  s.done(w, make_task_id(w, 1));
  s.submit(w, {.flags = task_wanted | task_waits});
  CHECK_FALSE(s.heard(w).empty());
  CHECK(s.core.state_of(make_task_id(w, 2)) == task_state::assigned);
  CHECK(s.core.state_of(make_task_id(c, 2)) == task_state::held);
}

TEST_CASE("of held tasks of several kinds a paused worker is given the most urgent", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker(1, "gpu=1");
  s.options(c, 1, "gpu=1");
  s.beat(w, worker_mode::paused);
  s.submit(c);
  CHECK(s.heard(w) == lines{"run 1/1"});
  s.submit(c);
  s.submit(c, {.options = 1, .priority = 5});
  s.done(w, make_task_id(c, 1));
  CHECK(s.heard(w) == lines{"run 3/1 options 1"});
}

TEST_CASE("a wish for other workers does not keep a paused one from a task", "[scheduler]") {
  script s({.no_worker_limit = 100 * ms});
  const peer_id c = s.client(), w = s.worker();
  s.options(c, 1, "", "nobody", "", true);
  s.beat(w, worker_mode::paused);
  s.submit(c, {.options = 1});
  CHECK(s.heard(w) == lines{"run 1/1 options 1"});
}

TEST_CASE("what waits at a paused worker is taken from it", "[scheduler]") {
  script s({.unknown_run_time = 1 * ms, .steal_interval = 1 * ms, .steal_least = 1000 * ms});
  const peer_id c = s.client(), v = s.worker(4);
  for (int k = 0; k < 4; ++k) s.submit(c);
  CHECK(s.heard(v).size() == 4);
  const peer_id w = s.worker(4);
  s.tick(10 * ms);
  CHECK(s.heard(v).empty());  // it runs as many as it has slots
  s.beat(v, worker_mode::paused, {{make_task_id(c, 1), 1, 0}});
  s.tick(20 * ms);
  const lines asked = s.heard(v);
  REQUIRE_FALSE(asked.empty());
  CHECK(asked[0].find("retract 4/1") != std::string::npos);
  s.retracted(v, make_task_id(c, 4), 1, true);
  CHECK(s.heard(w) == lines{"run 4/2"});
}

}  // namespace
