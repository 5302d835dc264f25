// Which worker a task goes to, and when.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "script.hpp"

namespace {

using namespace weft::test::scheduling;
constexpr time_ns ms = 1'000'000;

TEST_CASE("the worker with most bytes is passed over when its queue is too long", "[scheduler]") {
  script s({.overload = 20 * ms, .steal_interval = 1'000'000 * ms});
  const peer_id c = s.client(), v = s.worker(), w = s.worker();
  const task_id a = s.submit(c);
  s.done(v, a, 1, 1000, 10 * ms);
  std::size_t here = 0, there = 0;
  std::vector<task_id> takers;
  for (int k = 0; k < 5; ++k) takers.push_back(s.submit(c, {.inputs = {a, a, a, a, a}}));
  here = s.heard(v).size();
  there = s.heard(w).size();
  CHECK(here >= 3);
  CHECK(there >= 1);
}

TEST_CASE("producers wait here until a worker has room, in the order of their ranks", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker(2);
  for (std::uint64_t k = 0; k < 6; ++k) s.submit(c, {.rank = 10 - k});
  CHECK(s.heard(w) == lines{"run 1/1", "run 2/1", "run 3/1"});  // 1.1 * 2, rounded up
  s.done(w, make_task_id(c, 1), 1, 8, 1000 * ms);
  CHECK(s.heard(w) == lines{"run 6/1"});
  s.done(w, make_task_id(c, 6), 1, 8, 1000 * ms);
  CHECK(s.heard(w) == lines{"run 5/1"});
}

TEST_CASE("short tasks with small values fill a pipeline", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker(1);
  for (int k = 0; k < 3000; ++k) s.submit(c, {.offset = k % 2 ? 64u : 128u});
  CHECK(s.heard(w).size() == 2);
  s.done(w, make_task_id(c, 1), 1, 8, 10'000);
  s.done(w, make_task_id(c, 2), 1, 1 << 20, 10'000);  // large: held back
  const std::size_t given = s.heard(w).size();
  CHECK(given >= 1);
  CHECK(given < 10);
  script t;
  const peer_id d = t.client(), x = t.worker(1);
  for (int k = 0; k < 3000; ++k) t.submit(d);
  t.heard(x);
  t.done(x, make_task_id(d, 1), 1, 8, 10'000);
  t.heard(x);
  t.done(x, make_task_id(d, 2), 1, 8, 10'000);  // the last that was given while nothing was known
  const std::size_t piped = t.heard(x).size();
  CHECK(piped >= 90);  // 1 ms of tasks of 10 us, but for what it had
  CHECK(piped <= 110);
}

TEST_CASE("an urgent task waits for urgent ones alone", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker(), w = s.worker();
  for (int i = 0; i < 8; ++i) s.submit(c);
  for (const peer_id p : {v, w}) {
    s.heard(p);
    s.done(p, make_task_id(c, p == v ? 1 : 2), 1, 8, 10 * ms);  // long ones: nothing is sent in advance
    s.heard(p);
  }
  s.submit(c, {.rank = 1, .priority = 1});
  s.submit(c, {.rank = 1, .priority = 1});
  CHECK(s.heard(v).size() + s.heard(w).size() == 2);
  s.submit(c, {.rank = 1, .priority = 2});
  CHECK(s.heard(v).size() + s.heard(w).size() == 0);
  s.done(w, make_task_id(c, 10), 1, 8, 10 * ms);
  CHECK(s.heard(w) == lines{"run 11/1"});
  CHECK(s.heard(v).empty());
}

TEST_CASE("submitters take turns; a higher priority goes first", "[scheduler]") {
  script s;
  const peer_id c = s.client(), d = s.client();
  for (int k = 0; k < 3; ++k) s.submit(c);
  for (int k = 0; k < 3; ++k) s.submit(d);
  const task_id urgent = s.submit(c, {.rank = 9, .priority = 5});
  (void)urgent;
  const peer_id w = s.worker(1);
  lines all;
  for (int k = 0; k < 7; ++k) {
    for (const std::string& line : s.heard(w)) all.push_back(line);
    for (const peer_id p : {c, d})
      for (std::uint64_t n = 1; n < 5; ++n)
        if (s.core.state_of(make_task_id(p, n)) == task_state::assigned) {
          s.done(w, make_task_id(p, n), 1, 1 << 20);
          n = 5;
        }
  }
  CHECK(all.size() == 7);
}

TEST_CASE("a chain is handed over at once, and taken back when its root fails", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  const task_id a = s.submit(c), b = s.submit(c, {.inputs = {a}}), d = s.submit(c, {.inputs = {b}});
  CHECK(s.heard(w) == lines{"run 1/1", "run 2/1 1@0", "run 3/1 2@0"});
  s.done(w, a);
  s.done(w, b);
  CHECK(s.heard(w).empty());
  s.heard(c);
  s.failed(w, d);
  CHECK(s.heard(c) == lines{"failed 3 std::runtime_error #1.3"});

  const task_id e = s.submit(c), f = s.submit(c, {.inputs = {e}}), g = s.submit(c, {.inputs = {f}});
  CHECK(s.heard(w).size() == 3);
  s.failed(w, e);
  CHECK(s.heard(c) == lines{"failed 4 std::runtime_error #1.4", "failed 5 std::runtime_error #1.4>#1.5",
                            "failed 6 std::runtime_error #1.4>#1.5>#1.6"});
  CHECK(s.heard(w) == lines{"stop 5/1 6/1"});
  CHECK(s.core.state_of(g) == task_state::failed);
  // Depending on what has failed is to fail.
  s.submit(c, {.inputs = {f}});
  CHECK(s.heard(c) == lines{"failed 7 std::runtime_error #1.4>#1.5>#1.7"});
}

TEST_CASE("what takes values of two workers is handed over ahead, and they are pushed there", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker(), w = s.worker();
  // How long they run, and how large their values are, is known from these.
  const task_id a = s.submit(c), b = s.submit(c);
  s.done(v, a, 1, 8, ms);
  s.done(w, b, 1, 8, ms);
  const task_id x = s.submit(c, {.inputs = {a}}), y = s.submit(c, {.inputs = {b}});
  CHECK(s.heard(v).back() == "run 3/1 1@0");
  CHECK(s.heard(w).back() == "run 4/1 2@0");
  s.submit(c, {.inputs = {x, y}});
  s.submit(c, {.inputs = {x, y}});
  CHECK(s.heard(v) == lines{"run 5/1 3@0 4@3?", "push 3 to 3"});
  CHECK(s.heard(w) == lines{"push 4 to 2", "run 6/1 3@2? 4@0"});
  s.done(v, x, 1, 8, ms, "value");
  CHECK(s.heard(w) == lines{"value 3 given"});
  s.done(w, y, 1, 5000, ms);
  CHECK(s.heard(v) == lines{"at 4@3"});
  // It may have begun before the scheduler hears of all that it takes, and even have ended.
  const task_id p = s.submit(c, {.inputs = {a}}), q = s.submit(c, {.inputs = {b}});
  s.heard(v);
  s.heard(w);
  const task_id r = s.submit(c, {.inputs = {p, q}});
  const lines said = s.heard(v);
  const peer_id at = said.front().starts_with("run 9") ? v : w;
  s.done(at, r);
  CHECK(s.core.state_of(r) == task_state::memory);
  s.done(v, p);
  s.done(w, q);
}

TEST_CASE("a task that waits for another worker is taken back when that is lost", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker(), w = s.worker();
  const task_id a = s.submit(c), b = s.submit(c);
  s.done(v, a, 1, 8, ms);
  s.done(w, b, 1, 8, ms);
  const task_id x = s.submit(c, {.inputs = {a}}), y = s.submit(c, {.inputs = {b}});
  const task_id z = s.submit(c, {.inputs = {x, y}});
  CHECK(s.heard(v).back() == "run 5/1 3@0 4@3?");
  s.lose(w);
  // What it waited for, and what that is made of, are made again, and it is handed over anew.
  const lines said = s.heard(v);
  CHECK(said.front() == "stop 5/1");
  CHECK(said.back() == "run 5/2 3@0 4@0");
  CHECK(s.core.state_of(z) == task_state::assigned);
}

TEST_CASE("the window limits how far ahead", "[scheduler]") {
  script s({.ahead = 2});
  const peer_id c = s.client(), w = s.worker();
  std::vector<task_id> chain{s.submit(c)};
  for (int k = 0; k < 6; ++k) chain.push_back(s.submit(c, {.inputs = {chain.back()}}));
  CHECK(s.heard(w).size() == 3);
  for (std::size_t k = 0; k + 1 < chain.size(); ++k) s.done(w, chain[k]);
  s.done(w, chain.back());
  CHECK(s.heard(c).size() == 7);
}

TEST_CASE("of short tasks the window holds more, work for as long as the pipeline", "[scheduler]") {
  const auto given = [](time_ns run_time, std::uint32_t most) {
    script s({.pipeline = 16'384, .most_pipelined = most, .ahead = 2});
    const peer_id c = s.client(), w = s.worker();
    s.done(w, s.submit(c), 1, 8, static_cast<std::uint64_t>(run_time));
    s.heard(w);
    task_id last = s.submit(c);
    for (int k = 0; k < 40; ++k) last = s.submit(c, {.inputs = {last}});
    return s.heard(w).size();
  };
  CHECK(given(1024, 4096) == 16);
  CHECK(given(1024, 8) == 9);  // and the one that is not ahead
  CHECK(given(1'000'000, 4096) == 3);
}

TEST_CASE("idle workers take from those with long queues", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker();
  const task_id a = s.submit(c, {});
  s.done(v, a, 1, 8, 10 * ms);
  std::vector<task_id> ids;
  for (int k = 0; k < 8; ++k) ids.push_back(s.submit(c, {.inputs = {a, a, a, a, a}}));
  CHECK(s.heard(v).size() == 9);
  const peer_id w = s.worker();
  s.tick(s.core.deadline());
  const lines asked = s.heard(v);
  REQUIRE(asked.size() == 1);
  CHECK(asked[0] == "retract 9/1 8/1 7/1 6/1");
  s.retracted(v, ids[7], 1, true);
  CHECK(s.heard(w) == lines{"run 9/2 1@2 1@2 1@2 1@2 1@2"});
  s.retracted(v, ids[6], 1, false);
  CHECK(s.core.state_of(ids[6]) == task_state::assigned);
  s.lose(v);
  CHECK(s.core.state_of(ids[5]) != task_state::free);
}

}  // namespace
