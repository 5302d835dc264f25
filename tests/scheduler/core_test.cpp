// The scheduler's rules, each by a short story.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "script.hpp"

namespace {

using namespace weft::test::scheduling;
constexpr time_ns ms = 1'000'000;

TEST_CASE("a task runs, ends, is released and forgotten", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  const task_id a = s.submit(c, {.flags = task_wanted | task_inline});
  CHECK(s.heard(w) == lines{"run 1/1"});
  s.done(w, a, 1, 8, 1000, "value");
  CHECK(s.heard(c) == lines{"finished 1@2 value"});
  s.about<release_tasks>(c, {a});
  CHECK(s.heard(w) == lines{"drop 1"});
  CHECK(s.core.statistics().tasks == 0);
}

TEST_CASE("a value travels only when the submitter asks for that, and it is small", "[scheduler]") {
  script s({.most_inline = 8});
  const peer_id c = s.client(), w = s.worker();
  const task_id a = s.submit(c), b = s.submit(c, {.flags = task_wanted | task_inline});
  s.done(w, a, 1, 8, 1000, "value");
  s.done(w, b, 1, 20, 1000, "a long value");
  CHECK(s.heard(c, true) == lines{"peer 2", "finished 1@2", "finished 2@2"});
}

TEST_CASE("modules, options and peers are defined before they are named", "[scheduler]") {
  script s;
  const peer_id c = s.client(), other = s.client(), w = s.worker();
  const std::string id = "build", called = "lib.so";
  for (const peer_id p : {c, other}) {
    define_module m{};
    m.index = 3;
    m.build_id = std::as_bytes(std::span(id));
    m.name = called;
    s.say(p, m);
    s.options(p, 7, "", "", "", false, 0, "key");
    submit_task t{};
    t.id = make_task_id(p, 1);
    t.function = {64, 3, 0};
    t.options = 7;
    t.flags = task_wanted;
    s.say(p, t);
  }
  CHECK(s.heard(w, true) ==
        lines{"module 1 lib.so", "options 1 key", "run 1/1 options 1 module 1", "run 1/1 options 1 module 1"});
}

TEST_CASE("small values go along to who takes them elsewhere", "[scheduler]") {
  script s({.kept_values = 16, .most_inline = 8});
  const peer_id c = s.client(), v = s.worker(1, "v=9"), w = s.worker(1, "w=1");
  s.options(c, 1, "v=1");
  s.options(c, 2, "w=1");
  const auto at_v = [&](std::uint32_t flags) { return s.submit(c, {.flags = task_wanted | flags, .options = 1}); };
  const auto at_w = [&](std::vector<task_id> inputs) {
    return s.submit(c, {.inputs = std::move(inputs), .options = 2});
  };
  const task_id a = at_v(task_inline), b = at_v(0), d = at_v(task_inline);
  at_w({a, b, d, a});
  s.done(v, a, 1, 8, 1000, "value");
  s.done(v, d, 1, 20, 1000, "a long value");
  s.done(v, b, 1, 8, 1000);
  CHECK(s.heard(w) == lines{"run 4/1 1@2+5 2@2 3@2 1@2 options 1"});
  // It is there now, or on its way.
  at_w({a});
  s.done(w, make_task_id(c, 4), 1, 8, 1000, "value");
  CHECK(s.heard(w) == lines{"run 5/1 1@2 options 1"});
  // Of more than are kept the last are asked for.
  std::vector<task_id> many;
  for (int i = 0; i < 4; ++i) many.push_back(at_v(task_inline));
  at_w(many);
  for (const task_id id : many) s.done(v, id, 1, 8, 1000, "value");
  s.done(w, make_task_id(c, 5), 1);
  CHECK(s.heard(w) == lines{"run 10/1 6@2+5 7@2 8@2 9@2 options 1"});
}

TEST_CASE("inputs are named with a holder; what is made or held here with none", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker(), w = s.worker();
  const task_id a = s.submit(c), b = s.submit(c);
  CHECK(s.heard(v) == lines{"run 1/1"});
  CHECK(s.heard(w) == lines{"run 2/1"});
  s.done(v, a, 1, 1000);
  s.done(w, b, 1, 10);
  s.submit(c, {.inputs = {a, b}});
  CHECK(s.heard(v) == lines{"run 3/1 1@0 2@3"});
  CHECK(s.heard(w).empty());
}

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

TEST_CASE("what nobody waits for goes with other messages, or a little later", "[scheduler]") {
  script s({}, 5 * ms);
  const peer_id c = s.client(), w = s.worker(2);
  const task_id a = s.submit(c), b = s.submit(c), large = s.submit(c);
  s.heard(w);
  s.done(w, a);
  s.done(w, b);
  s.done(w, large, 1, 1 << 20);
  s.about<release_tasks>(c, {a});
  CHECK(s.heard(w).empty());
  s.submit(c);
  CHECK(s.heard(w) == lines{"drop 1", "run 4/1"});
  s.about<release_tasks>(c, {b});
  s.tick(4 * ms);
  CHECK(s.heard(w).empty());
  s.tick(5 * ms);
  CHECK(s.heard(w) == lines{"drop 2"});
  // Memory is not lazy.
  s.about<release_tasks>(c, {large});
  CHECK(s.heard(w) == lines{"drop 3"});
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

TEST_CASE("resources are not given twice", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker(4), w = s.worker(4, "gpu=1 licence=0.5");
  s.options(c, 1, "gpu=0.5");
  s.options(c, 2, "licence=0.5 gpu=0.5");
  s.options(c, 3, "tpu=1");
  std::vector<task_id> ids;
  for (int k = 0; k < 3; ++k) ids.push_back(s.submit(c, {.options = 1}));
  CHECK(s.heard(v).empty());
  CHECK(s.heard(w) == lines{"run 1/1 options 1", "run 2/1 options 1"});
  s.done(w, ids[0]);
  CHECK(s.heard(w) == lines{"run 3/1 options 1"});
  s.submit(c, {.options = 2});
  CHECK(s.heard(w).empty());
  s.done(w, ids[1]);
  CHECK(s.heard(w) == lines{"run 4/1 options 2"});
  s.submit(c, {.options = 3});
  CHECK(s.core.statistics().no_worker == 1);
}

TEST_CASE("restrictions hold, loose ones as long as they can", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker(1, "", "left"), w = s.worker(1, "", "right");
  s.options(c, 1, "", "", "right");
  s.options(c, 2, "", "w1:1 nobody");
  s.options(c, 3, "", "w9", "", true);
  s.submit(c, {.options = 1});
  CHECK(s.heard(w) == lines{"run 1/1 options 1"});
  s.submit(c, {.options = 2});
  CHECK(s.heard(v) == lines{"run 2/1 options 1"});
  s.submit(c, {.options = 3});
  CHECK(s.heard(v).size() + s.heard(w).size() == 1);
}

TEST_CASE("a host is that of a worker's address, or the name of its machine", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker(1, "", "10.0.0.1"), w = s.worker(1, "", "10.0.0.2");
  s.options(c, 1, "", "", "node2");
  s.submit(c, {.options = 1});
  CHECK(s.heard(v).empty());
  CHECK(s.heard(w).empty());
  CHECK(s.core.waiting() == lines{"1 task waits for a worker: there is no worker on node2"});
  worker_machine m{};
  const std::string name = "node2";
  m.name = name;
  s.say(w, m);
  CHECK(s.heard(w) == lines{"run 1/1 options 1"});
  CHECK(s.core.waiting().empty());
  CHECK(s.core.workers()[1].machine == "node2");
  CHECK_THROWS_AS(s.say(c, m), protocol_error);
  const std::string endless(100'000, 'x');
  m.name = endless;
  CHECK_THROWS_AS(s.say(w, m), protocol_error);
}

TEST_CASE("why tasks wait for a worker is said for each kind", "[scheduler]") {
  script s;
  const peer_id c = s.client();
  s.submit(c);
  CHECK(s.core.waiting() == lines{"1 task waits for a worker: there is no worker"});
  const peer_id w = s.worker(1, "gpu=1", "left");
  CHECK(s.core.waiting().empty());
  s.options(c, 1, "gpu=2", "alice bob", "right");
  s.options(c, 2, "gpu=0.5", "nobody", "", true);
  s.options(c, 3, "tpu", "nobody", "", true);
  s.options(c, 4, "", "w1");
  for (const std::uint32_t o : {1u, 1u, 2u, 3u}) s.submit(c, {.options = o});
  CHECK(s.core.waiting() ==
        lines{"2 tasks wait for a worker: there is no worker with gpu=2 called alice or bob, or on right",
              "1 task waits for a worker: there is no worker with tpu=1"});
  s.beat(w, worker_mode::paused);
  s.submit(c, {.options = 4});
  CHECK(s.core.waiting().back() ==
        "1 task waits for a worker: there is no worker called w1 that takes tasks: worker w1 is paused");
  std::string many;
  for (int i = 0; i < 20; ++i) many += "n" + std::to_string(i) + " ";
  s.options(c, 4, "", many);
  s.submit(c, {.options = 4});
  CHECK(s.core.waiting().back().find("n7 or 12 others") != std::string::npos);
}

TEST_CASE("tasks that nobody may run fail after a while, and say what is missing", "[scheduler]") {
  script s({.no_worker_limit = 100 * ms});
  const peer_id c = s.client();
  s.worker();
  s.options(c, 1, "gpu=2", "big");
  s.submit(c, {.options = 1});
  CHECK(s.core.deadline() <= 100 * ms);
  s.tick(99 * ms);
  CHECK(s.heard(c).empty());
  s.tick(100 * ms);
  const lines said = s.heard(c, true);
  REQUIRE(said.size() == 2);
  CHECK(said[0] == "failed 1 weft::no_worker #1.1");
  CHECK(said[1].find("gpu=2") != std::string::npos);
  CHECK(said[1].find("no worker with gpu=2 called big") != std::string::npos);
}

TEST_CASE("time limits are passed on, and end tasks", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  s.options(c, 1, "", "", "", false, 50 * ms);
  s.now = 10 * ms;
  s.submit(c, {.options = 1});
  CHECK(s.heard(w) == lines{"run 1/1 options 1 left 50000000"});
  s.submit(c, {.options = 1});
  s.submit(c, {.options = 1});
  s.tick(60 * ms);
  CHECK(s.heard(c).size() == 3);
  CHECK(s.heard(w).back().starts_with("stop "));
}

TEST_CASE("a worker that ends a task for want of time ends it for good", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker(2);
  s.options(c, 1, "", "", "", false, 50 * ms, "the slow one");
  const task_id slow = s.submit(c, {.options = 1, .retries = 3});
  const task_id behind = s.submit(c, {.inputs = {slow}});
  s.heard(w);
  s.now = 49 * ms;
  s.failed(w, slow, 1, time_is_over);
  const lines said = s.heard(c, true);
  REQUIRE(said.size() == 4);
  CHECK(said[0] == "failed 1 weft::timed_out the slow one");
  CHECK(said[1] == "weft: the task the slow one did not end within its time limit of 50 ms");
  CHECK(said[2].starts_with("failed 2 weft::timed_out"));
  CHECK(s.core.state_of(behind) == task_state::failed);
  // Without a limit it is a failure like any other.
  const task_id other = s.submit(c, {.retries = 1});
  s.heard(w);
  s.failed(w, other, 1, time_is_over);
  CHECK(s.heard(w) == lines{"run " + std::to_string(other & 0xffff) + "/2"});
}

TEST_CASE("a task that is retried has all of its time again", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  s.options(c, 1, "", "", "", false, 50 * ms);
  const task_id t = s.submit(c, {.options = 1});
  s.now = 30 * ms;
  s.failed(w, t);
  s.about<retry_tasks>(c, {t});
  s.heard(c);
  CHECK(s.heard(w).back() == "run 1/2 options 1 left 50000000");
  s.tick(79 * ms);  // the first deadline has passed
  CHECK(s.heard(c).empty());
  s.tick(80 * ms);
  CHECK(s.heard(c).size() == 1);
}

TEST_CASE("a value that was made in time may be made once more later", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  s.options(c, 1, "", "", "", false, 50 * ms);
  const task_id t = s.submit(c, {.options = 1});
  s.heard(w);
  s.done(w, t);
  s.heard(c);
  s.lose(w);
  const peer_id v = s.worker();
  CHECK(s.heard(v) == lines{"run 1/2 options 1"});
  s.tick(1000 * ms);  // long after the deadline
  for (const std::string& line : s.heard(c)) CHECK(line.find("failed") == std::string::npos);
  CHECK(s.core.state_of(t) == task_state::assigned);
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

TEST_CASE("cancelled tasks take their dependents with them; running ones are stopped", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  const task_id a = s.submit(c), b = s.submit(c, {.inputs = {a}});
  s.heard(w);
  s.about<cancel_tasks>(c, {a});
  CHECK(s.heard(c) == lines{"cancelled 1 2"});
  CHECK(s.heard(w) == lines{"stop 1/1 2/1"});
  s.about<retry_tasks>(c, {b});
  CHECK(s.heard(w) == lines{"run 1/2", "run 2/2 1@0"});
  s.about<release_tasks>(c, {a, b});
  CHECK(s.heard(w) == lines{"stop 2/2 1/2"});
  CHECK(s.core.statistics().tasks == 0);
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

TEST_CASE("clients ask where a value is; each time another place is named", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker(), w = s.worker();
  const task_id a = s.submit(c);
  s.done(v, a);
  s.added(w, a);
  s.heard(c);
  s.about<locate_tasks>(c, {a});
  CHECK(s.heard(c) == lines{"finished 1@3"});
  s.about<locate_tasks>(c, {a});
  CHECK(s.heard(c) == lines{"finished 1@2"});
  s.about<value_dropped>(v, {a});
  s.about<locate_tasks>(c, {a});
  CHECK(s.heard(c) == lines{"finished 1@3"});
  s.about<value_dropped>(w, {a});
  CHECK(s.heard(c) == lines{"restarted 1"});
}

TEST_CASE("who leaves wants nothing any more; workers submit too", "[scheduler]") {
  script s;
  const peer_id c = s.client(), d = s.client(), v = s.worker(), w = s.worker();
  const task_id a = s.submit(c), b = s.submit(d, {.inputs = {a}}), e = s.submit(c);
  const task_id f = s.submit(v);
  CHECK(s.core.statistics().tasks == 4);
  s.lose(c);
  CHECK(s.core.state_of(a) == task_state::assigned);  // another needs it
  CHECK(s.core.state_of(e) == task_state::free);
  s.lose(v);
  CHECK(s.core.state_of(f) == task_state::free);
  CHECK(s.core.state_of(b) != task_state::failed);
  s.lose(d);
  CHECK(s.core.statistics().tasks == 0);
  (void)w;
}

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

TEST_CASE("who asks about the cluster faster than he takes answers is refused", "[scheduler]") {
  script s;
  const peer_id c = s.client();
  for (int k = 0; k < 100; ++k) s.worker();
  batch_writer many;
  for (std::uint64_t k = 0; k < 20'000; ++k) {
    ask_cluster ask{};
    ask.request = k;
    many.add(ask);
  }
  CHECK_THROWS_WITH(s.raw(c, many.take()), Catch::Contains("asks about the cluster"));
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

TEST_CASE("a chain of a million tasks comes and goes without recursion", "[scheduler]") {
  scheduler_core core;
  const peer_id c = core.add_client(0, {});
  batch_writer out;
  task_id last = 0;
  for (std::uint64_t n = 1; n <= 1'000'000; ++n) {
    submit_task m{};
    m.id = make_task_id(c, n);
    m.flags = n == 1'000'000 ? task_wanted : 0u;
    m.inputs = {&last, last == 0 ? 0u : 1u};
    out.add(m);
    last = m.id;
  }
  std::vector<std::byte> bytes = out.take();
  batch_reader reader(bytes);
  core.receive(0, c, reader);
  CHECK(core.statistics().tasks == 1'000'000);
  release_tasks m{};
  m.tasks = {&last, 1};
  out.add(m);
  bytes = out.take();
  batch_reader again(bytes);
  core.receive(0, c, again);
  CHECK(core.statistics().tasks == 0);
}

}  // namespace
