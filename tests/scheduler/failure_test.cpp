// Tasks that fail, workers and values that are lost.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "script.hpp"

namespace {

using namespace weft::test::scheduling;
constexpr time_ns ms = 1'000'000;

TEST_CASE("a task fails as often as it has retries, and runs again where it may", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  const task_id a = s.submit(c, {.retries = 1});
  const task_id b = s.submit(c, {.inputs = {a}});
  CHECK(s.heard(w) == lines{"run 1/1", "run 2/1 1@0"});
  s.failed(w, a);
  CHECK(s.heard(w) == lines{"run 1/2", "run 2/2 1@0", "stop 2/1"});
  s.failed(w, a, 1);  // stale
  CHECK(s.heard(c).empty());
  s.failed(w, a, 2);
  CHECK(s.heard(c).size() == 2);
  s.heard(w);
  s.about<retry_tasks>(c, {b});
  CHECK(s.heard(c) == lines{"restarted 2 1"});
  CHECK(s.heard(w) == lines{"run 1/3", "run 2/3 1@0"});
}

TEST_CASE("stale reports change nothing, and what they kept is dropped", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker(), w = s.worker();
  const task_id a = s.submit(c);
  s.lose(v, true);
  CHECK(s.heard(w) == lines{"run 1/2"});
  const peer_id x = s.worker();
  s.done(x, a, 1);
  CHECK(s.heard(x) == lines{"drop 1"});
  CHECK(s.core.state_of(a) == task_state::assigned);
  s.done(w, a, 2);
  s.done(w, a, 2);
  CHECK(s.heard(w).empty());
  CHECK(s.heard(c) == lines{"finished 1@3"});
}

TEST_CASE("lost values are made again, with what they are made from", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker();
  const task_id a = s.submit(c), b = s.submit(c, {.inputs = {a}}), d = s.submit(c, {.inputs = {b}});
  s.done(v, a);
  s.about<release_tasks>(c, {a});
  s.done(v, b);
  CHECK(s.core.state_of(a) == task_state::released);  // its value is dropped, its record kept
  s.done(v, d);
  s.about<release_tasks>(c, {b});
  s.heard(c);
  const peer_id w = s.worker();
  s.lose(v);
  CHECK(s.heard(c, true) == lines{"restarted 3", "gone 2"});
  CHECK(s.heard(w) == lines{"run 1/2", "run 2/2 1@0", "run 3/2 2@0"});
  s.done(w, a, 2);
  s.done(w, b, 2);
  s.done(w, d, 2);
  CHECK(s.heard(c) == lines{"finished 3@3"});
  s.about<release_tasks>(c, {d});
  CHECK(s.core.statistics().tasks == 0);
}

TEST_CASE("what may run once fails when it is lost", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker();
  const task_id a = s.submit(c, {.flags = task_wanted | task_once});
  s.lose(v);
  CHECK(s.heard(c) == lines{"failed 1 weft::lost #1.1"});
  const peer_id w = s.worker();
  const task_id b = s.submit(c, {.flags = task_wanted | task_once}), d = s.submit(c, {.inputs = {b}});
  s.done(w, b);
  s.heard(c);
  s.lose(w);
  CHECK(s.heard(c).size() == 2);
  CHECK(s.core.state_of(d) == task_state::failed);
  (void)a;
}

TEST_CASE("a task that runs while three workers are lost fails, and names them; others run again", "[scheduler]") {
  script s;
  const peer_id c = s.client();
  const task_id a = s.submit(c), b = s.submit(c);
  for (std::uint32_t k = 1; k <= 3; ++k) {
    const peer_id w = s.worker(2);
    CHECK(s.heard(w).size() == 2);
    s.beat(w, worker_mode::running, {{a, k, 0}});
    s.lose(w);
  }
  const lines said = s.heard(c, true);
  REQUIRE(said.size() == 2);
  CHECK(said[0] == "failed 1 weft::killed_workers #1.1");
  CHECK(said[1].find("w1, w1, w1") != std::string::npos);
  CHECK(s.core.state_of(b) == task_state::held);
  // Nobody is blamed for a worker that was to go.
  for (int k = 0; k < 5; ++k) s.lose(s.worker(), true);
  CHECK(s.core.state_of(b) == task_state::held);
}

TEST_CASE("names of several lines are one line in a failure's path", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  s.options(c, 1, "", "", "", false, 50 * ms, "two\nlines");
  s.submit(c, {.options = 1});
  s.heard(w);
  s.tick(60 * ms);
  CHECK(s.heard(c) == lines{"failed 1 weft::timed_out two lines"});
}

TEST_CASE("missing values are found elsewhere, or made again", "[scheduler]") {
  script s({.reduce_interval = 0});
  const peer_id c = s.client(), v = s.worker(), w = s.worker(), x = s.worker();
  const task_id a = s.submit(c), b = s.submit(c), d = s.submit(c);
  s.done(v, a, 1, 10);
  s.done(w, b, 1, 1000);
  s.done(x, d, 1, 1);
  const task_id e = s.submit(c, {.inputs = {a, b}});
  s.heard(v), s.heard(w), s.heard(x), s.heard(c);
  s.added(x, a);
  s.missing(w, a, v);
  CHECK(s.heard(w) == lines{"at 1@4"});
  CHECK(s.heard(v) == lines{"drop 1"});
  s.missing(w, a, x);
  CHECK(s.heard(c) == lines{"restarted 1"});
  lines ran = s.heard(v);
  for (const std::string& line : s.heard(x)) ran.push_back(line);
  CHECK(ran == lines{"run 1/2", "drop 1"});
  // Until it is made again, what waits for it holds no slot.
  CHECK(s.heard(w) == lines{"stop 4/1"});
  CHECK(s.core.state_of(e) == task_state::waiting);
  s.done(s.core.workers()[0].assigned ? v : x, a, 2);
  CHECK(s.core.state_of(e) == task_state::assigned);
}

}  // namespace
