// Graphs that come whole, and what is said of their tasks before these have records.
#include <catch2/catch.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "graph_script.hpp"

namespace {

using namespace weft::test::scheduling;
constexpr time_ns ms = 1'000'000;

TEST_CASE("the tasks of a graph run like those that are submitted one by one", "[scheduler][graphs]") {
  script s;
  const peer_id c = s.client(), w = s.worker(2);
  graph g(s, c, 3, {0, 1});
  g.root();
  g.root();
  g.say();
  CHECK(s.heard(w) == lines{"run 1/1", "run 2/1"});
  g.task(1, {~0, ~1}, true);
  g.say();
  CHECK(s.core.statistics().pending == 0);
  s.done(w, g.id(0));
  s.done(w, g.id(1));
  s.done(w, g.id(2));
  CHECK(s.heard(c) == lines{"finished 3@2"});
  s.about<release_tasks>(c, {g.id(2)});
  CHECK(s.core.statistics().tasks == 0);
}

TEST_CASE("a task's call is what its layer says, with its number and those of its inputs", "[scheduler][graphs]") {
  script s;
  const peer_id c = s.client(), w = s.worker(2);
  const std::string calls = "abcxyz";
  graph_layer l{};
  l.function.offset = 64;
  l.before_bytes = 3;
  l.behind_bytes = 3;
  l.links = 2;
  const task_id value = s.submit(c);
  s.heard(w);
  s.done(w, value);
  begin_graph m{};
  m.first = make_task_id(c, 2);
  m.count = 1;
  m.layers = {&l, 1};
  m.others = {&value, 1};
  m.calls = std::as_bytes(std::span(calls));
  s.say(c, m);
  graph_writer all(2, 1);
  all.task(0, 300, true, false, 7);
  all.link(0);
  all.link(1);
  all.other(0);
  graph_part part{};
  part.graph = m.first;
  part.tasks = 1;
  part.bytes = all.bytes();
  s.say(c, part);
  batch_reader said(s.core.out(w).bytes());
  std::uint16_t kind = 0;
  REQUIRE(said.next(kind));
  REQUIRE(kind == static_cast<std::uint16_t>(message_kind::run_task));
  const auto run = said.get<run_task>();
  const std::vector<std::byte> call(run.call.begin(), run.call.end());
  std::vector<std::byte> expected;
  for (const int b : {97, 98, 99, 300 % 128 + 128, 300 / 128, 0, 1, 120, 121, 122})
    expected.push_back(static_cast<std::byte>(b));
  CHECK(call == expected);
  CHECK(run.inputs.size() == 1);
}

TEST_CASE("a graph's tasks get records as those before them end", "[scheduler][graphs]") {
  script s({.frontier = 16});
  const peer_id c = s.client(), w = s.worker(1);
  constexpr int count = 1000;
  graph g(s, c, count + 1, {0, 1});
  std::vector<int> all;
  for (int i = 0; i < count; ++i) {
    g.root();
    all.push_back(~i);
  }
  g.task(1, all, true);
  g.say();
  std::size_t most = 0;
  for (int i = 0; i < count; ++i) {
    const auto there = s.core.statistics();
    most = std::max(most, there.states[static_cast<std::size_t>(task_state::held)] +
                              there.states[static_cast<std::size_t>(task_state::assigned)]);
    s.done(w, g.id(static_cast<std::uint64_t>(i)));
  }
  CHECK(most <= 16 * 16 + 1);  // a worker had nothing to do until the first came
  s.done(w, g.id(count));
  CHECK(s.heard(c) == lines{"finished 1001@2"});
}

TEST_CASE("one event enters no more of a graph than others can wait for", "[scheduler][graphs]") {
  script s({.frontier = 100'000});
  const peer_id c = s.client();
  graph g(s, c, 5000, {0});
  for (int i = 0; i < 5000; ++i) g.root(true, false);
  g.say();
  const std::uint64_t left = s.core.statistics().pending;
  CHECK(left > 3000);
  CHECK(s.core.deadline() <= s.now);
  int ticks = 0;
  while (s.core.deadline() <= s.now && ++ticks < 100) s.tick(s.now);
  CHECK(s.core.statistics().pending == 0);
  CHECK(s.core.statistics().tasks == 5000);
}

TEST_CASE("a graph without workers waits with few records", "[scheduler][graphs]") {
  script s({.frontier = 100});
  const peer_id c = s.client();
  graph g(s, c, 5000, {0});
  for (int i = 0; i < 5000; ++i) g.root(true, false);
  g.say();
  for (int i = 0; i < 100; ++i) s.tick(s.now);
  CHECK(s.core.statistics().tasks == 100);
  CHECK(s.core.deadline() > s.now);
}

TEST_CASE("a value is kept until the last task that takes it has a record", "[scheduler][graphs]") {
  script s({.frontier = 1});
  const peer_id c = s.client(), w = s.worker(1);
  graph g(s, c, 3, {0, 1});
  g.root();
  g.task(1, {0}, true);
  g.say();
  s.done(w, g.id(0));
  s.done(w, g.id(1));
  CHECK(s.heard(w) == lines{"run 1/1", "run 2/1 1@0"});
  s.about<release_tasks>(c, {g.id(1)});
  CHECK(s.heard(w) == lines{"drop 2"});
  CHECK(s.core.state_of(g.id(0)) == task_state::memory);
  g.task(1, {~0}, true);
  g.say();
  CHECK(s.heard(w) == lines{"run 3/1 1@0"});
  s.done(w, g.id(2));
  CHECK(s.heard(w) == lines{"drop 1"});
}

TEST_CASE("a result that the graph itself takes is kept for that when its future goes", "[scheduler][graphs]") {
  script s({.frontier = 1});
  const peer_id c = s.client(), w = s.worker(1);
  graph g(s, c, 3, {0, 1});
  g.root(true);
  g.say();
  s.done(w, g.id(0));
  const task_id direct = s.submit(c, {.inputs = {g.id(0)}});
  s.about<release_tasks>(c, {g.id(0)});
  g.task(1, {0}, true);
  g.say();
  s.done(w, direct);
  s.done(w, g.id(1));
  CHECK(s.core.state_of(g.id(0)) == task_state::memory);
  g.task(1, {~0}, true);
  g.say();
  s.done(w, g.id(2));
  CHECK(s.core.state_of(g.id(0)) == task_state::released);  // its takers' lineage
  s.about<release_tasks>(c, {g.id(1), g.id(2), direct});
  CHECK(s.core.statistics().tasks == 0);
}

TEST_CASE("what is said of tasks without records is carried out behind them", "[scheduler][graphs]") {
  script s({.frontier = 1});
  const peer_id c = s.client(), w = s.worker(1);
  const task_id outside = s.submit(c);
  s.done(w, outside);
  graph g(s, c, 400, {0, 1}, {outside});
  for (int i = 0; i < 399; ++i) g.root(true, false);
  g.taker(1, 0);
  SECTION("a task that takes one") {
    g.say();
    const task_id taker = s.submit(c, {.inputs = {g.id(398), outside}}), other = s.submit(c);
    CHECK(s.core.state_of(taker) == task_state::free);
    CHECK(s.core.state_of(other) != task_state::free);  // it has nothing to wait for
    s.about<release_tasks>(c, {outside});
    CHECK(s.core.state_of(outside) == task_state::memory);
    for (std::uint64_t i = 0; i < 400; ++i) s.done(w, g.id(i));
    s.done(w, other);
    s.done(w, taker);
    CHECK(s.core.state_of(taker) == task_state::memory);
    s.about<release_tasks>(c, {taker, other});
    for (std::uint64_t i = 0; i < 400; ++i) s.about<release_tasks>(c, {g.id(i)});
    CHECK(s.core.statistics().tasks == 0);
  }
  SECTION("the options of a task that waits are those that it was submitted with") {
    g.say();
    s.options(c, 1, "", "", "", false, 0, "the first");
    const task_id taker = s.submit(c, {.inputs = {g.id(398)}, .options = 1});
    s.options(c, 1, "", "", "", false, 0, "the second");
    for (std::uint64_t i = 0; i < 399; ++i) s.done(w, g.id(i));
    s.heard(c);
    s.done(w, g.id(399));
    s.failed(w, taker);
    const lines said = s.heard(c);
    REQUIRE(!said.empty());
    CHECK(said.back() == "failed 402 std::runtime_error the first");
  }
  SECTION("a cancellation, at once") {
    g.say();
    s.about<cancel_tasks>(c, {g.id(397)});
    for (int i = 0; i < 3; ++i) s.tick(s.now);
    CHECK(s.core.state_of(g.id(397)) == task_state::cancelled);
    CHECK(s.heard(c).back() == "cancelled 399");
    CHECK(s.core.statistics().pending == 2);  // what is behind it has time
  }
  SECTION("a release, at once: nobody wants them") {
    g.say();
    std::vector<task_id> all{outside};
    for (std::uint64_t i = 0; i < 400; ++i) all.push_back(g.id(i));
    s.about<release_tasks>(c, all);
    for (int i = 0; i < 3; ++i) s.tick(s.now);
    CHECK(s.core.statistics().tasks == 0);
    CHECK(s.core.statistics().pending == 0);
  }
  SECTION("before all of it is there") {
    s.about<release_tasks>(c, {g.id(399), g.id(398)});
    g.say();
    for (int i = 0; i < 3; ++i) s.tick(s.now);
    CHECK(s.core.state_of(g.id(399)) == task_state::free);
    CHECK(s.core.state_of(g.id(397)) != task_state::free);
  }
}

TEST_CASE("graphs of one submitter do not wait for each other", "[scheduler][graphs]") {
  script s({.frontier = 4});
  const peer_id c = s.client(), w = s.worker(1);
  graph large(s, c, 1000, {0});
  for (int i = 0; i < 999; ++i) large.root(true, false);
  large.say();  // one is still to be told
  graph small(s, c, 2, {0, 1});
  small.root();
  small.task(1, {~0}, true);
  small.say();
  CHECK(s.core.state_of(large.id(998)) == task_state::free);
  CHECK(s.core.state_of(small.id(1)) != task_state::free);
  const task_id after = s.submit(c, {.inputs = {large.id(998)}}), other = s.submit(c, {.inputs = {small.id(1)}});
  CHECK(s.core.state_of(after) == task_state::free);
  CHECK(s.core.state_of(other) != task_state::free);
  s.about<cancel_tasks>(c, {large.id(500)});  // its word does not wait for what came before it
  s.tick(s.now);
  CHECK(s.core.state_of(large.id(500)) == task_state::cancelled);
  CHECK(s.core.state_of(large.id(998)) == task_state::free);
  s.lose(w);
}

TEST_CASE("a graph of tasks that wait for others of their submitter does not keep these out", "[scheduler][graphs]") {
  script s({.frontier = 4});
  const peer_id w = s.worker(1);  // its tasks submit tasks
  graph waiting(s, w, 1000, {0});
  for (int i = 0; i < 1000; ++i) waiting.root(true, false);
  waiting.say();
  graph awaited(s, w, 1, {0});
  awaited.root(true, false);
  awaited.say();
  CHECK(s.core.state_of(awaited.id(0)) != task_state::free);
}

TEST_CASE("a graph takes values of another one whose tasks have no records", "[scheduler][graphs]") {
  script s({.frontier = 1});
  const peer_id c = s.client(), w = s.worker(1);
  graph first(s, c, 400, {0});
  for (int i = 0; i < 400; ++i) first.root(true, false);
  first.say();
  graph second(s, c, 1, {1}, {first.id(399)});
  second.taker(0, 0);
  second.say();
  std::vector<task_id> all;
  for (std::uint64_t i = 0; i < 400; ++i) all.push_back(first.id(i));
  CHECK(s.core.state_of(second.id(0)) == task_state::free);
  SECTION("they end") {
    for (std::uint64_t i = 0; i < 400; ++i) s.done(w, first.id(i));
    s.about<release_tasks>(c, all);
    s.done(w, second.id(0));
    CHECK(s.core.state_of(second.id(0)) == task_state::memory);
  }
  SECTION("all are released") {
    all.push_back(second.id(0));
    s.about<release_tasks>(c, all);
    for (int i = 0; i < 3; ++i) s.tick(s.now);
    CHECK(s.core.statistics().tasks == 0);
    CHECK(s.core.statistics().pending == 0);
  }
  SECTION("the first is cut short") {
    graph third(s, c, 2, {0}), fourth(s, c, 1, {1}, {third.id(1)});
    fourth.taker(0, 0);
    fourth.say();
    const task_id alone = s.submit(c, {.inputs = {third.id(1)}});
    third.root(true, false);
    third.say();
    CHECK(s.core.state_of(alone) == task_state::free);
    third.say();  // no more
    CHECK(s.core.state_of(alone) == task_state::failed);
    CHECK(s.core.state_of(fourth.id(0)) == task_state::failed);
  }
}

TEST_CASE("who waits for a graph that is entered at last is looked at again", "[scheduler][graphs]") {
  script s;
  const peer_id c = s.client();
  const task_id there = s.submit(c);
  graph first(s, c, 1, {0});
  graph second(s, c, 1, {1}, {there, first.id(0)});
  second.taker(0, 1);
  second.say();
  first.root(true, false);
  first.say();
  s.go_on(9);
  CHECK(s.core.state_of(second.id(0)) == task_state::waiting);
  CHECK(s.core.statistics().pending == 0);
  CHECK(s.core.deadline() > s.now);
}

TEST_CASE("a cancellation hurries what its graph waits for", "[scheduler][graphs]") {
  script s({.frontier = 1});
  const peer_id c = s.client();
  const task_id there = s.submit(c);
  graph first(s, c, 400, {0});
  for (int i = 0; i < 400; ++i) first.root(true, false);
  first.say();
  graph second(s, c, 1, {1}, {there, first.id(399)});
  second.taker(0, 1);
  second.say();
  CHECK(s.core.state_of(second.id(0)) == task_state::free);
  s.about<cancel_tasks>(c, {second.id(0)});
  s.go_on(9);
  CHECK(s.core.state_of(second.id(0)) == task_state::cancelled);
}

TEST_CASE("coroutines that wait for a later task of their graph do not keep it out", "[scheduler][graphs]") {
  script s({.frontier = 1});
  const peer_id c = s.client();
  s.worker(1);
  graph g(s, c, 400, {0}, {}, 0, task_waits);
  for (int i = 0; i < 400; ++i) g.root(true, false);
  g.say();
  CHECK(s.core.state_of(g.id(399)) == task_state::assigned);
}

TEST_CASE("a time limit counts from when the graph came", "[scheduler][graphs]") {
  script s({.frontier = 1});
  const peer_id c = s.client(), w = s.worker(1);
  s.options(c, 1, "", "", "", false, 100 * ms);
  graph g(s, c, 20, {0}, {}, 1);
  for (int i = 0; i < 20; ++i) g.root(true, false);
  g.say();
  s.tick(90 * ms);
  for (std::uint64_t i = 0; i < 16; ++i) s.done(w, g.id(i));
  s.heard(c);
  s.tick(101 * ms);
  const lines said = s.heard(c);
  REQUIRE(said.size() >= 4);
  CHECK(said[0].starts_with("failed "));
  CHECK(said[0].find("weft::timed_out") != std::string::npos);
}

TEST_CASE("a graph that is cut short ends with what came of it", "[scheduler][graphs]") {
  script s;
  const peer_id c = s.client(), w = s.worker(1);
  graph g(s, c, 100, {0, 1});
  g.root();
  g.root(true, false);
  g.say();
  s.done(w, g.id(0));
  g.say();  // no more tasks
  CHECK(s.core.statistics().pending == 0);
  CHECK(s.core.state_of(g.id(0)) == task_state::free);
  s.done(w, g.id(1));
  CHECK(s.heard(c) == lines{"finished 2@2"});
  CHECK(s.core.state_of(s.submit(c)) == task_state::assigned);
}

TEST_CASE("a submitter that leaves takes its graphs along", "[scheduler][graphs]") {
  script s({.frontier = 1});
  const peer_id c = s.client(), w = s.worker(1);
  s.options(c, 1, "", "", "", false, 100 * ms);
  graph g(s, c, 40, {0}, {}, 1);
  for (int i = 0; i < 40; ++i) g.root(true, false);
  g.say();
  s.submit(c, {.inputs = {g.id(39)}, .options = 1});
  s.lose(c);
  CHECK(s.core.statistics().tasks == 0);
  CHECK(s.core.statistics().pending == 0);
  CHECK(s.heard(w).back().starts_with("stop"));
}

TEST_CASE("a worker's loss makes a graph's values again", "[scheduler][graphs]") {
  script s({.frontier = 1});
  const peer_id c = s.client(), v = s.worker(1);
  graph g(s, c, 3, {0, 1});
  g.root();
  g.task(1, {0}, true);
  g.say();
  s.done(v, g.id(0));
  s.lose(v);
  const peer_id w = s.worker(1);
  CHECK(s.heard(w) == lines{"run 1/2", "run 2/2 1@0"});
  g.task(1, {~0}, true);
  g.say();
  s.done(w, g.id(0), 2);
  s.done(w, g.id(1), 2);
  s.done(w, g.id(2));
  CHECK(s.heard(c) == lines{"finished 2@3", "finished 3@3"});
}

TEST_CASE("two graphs of two clients are entered in turns", "[scheduler][graphs]") {
  script s({.frontier = 100'000});
  const peer_id a = s.client(), b = s.client();
  graph g(s, a, 4000, {0}), h(s, b, 4000, {0});
  for (int i = 0; i < 4000; ++i) {
    g.root(true, false);
    h.root(true, false);
  }
  g.say();
  h.say();
  s.tick(s.now);
  CHECK(s.core.state_of(g.id(500)) != task_state::free);
  CHECK(s.core.state_of(h.id(200)) != task_state::free);
}

TEST_CASE("what is no graph ends the session", "[scheduler][graphs]") {
  script s({.most_tasks = 1000, .most_inputs = 4});
  const peer_id c = s.client();
  const task_id value = s.submit(c);
  const auto refused = [&](const auto& m, const char* why) {
    try {
      s.say(c, m);
      FAIL("taken: " << why);
    } catch (const protocol_error& e) {
      INFO(e.what());
      CHECK(std::string(e.what()).find(why) != std::string::npos);
    }
  };
  graph_layer l{};
  l.function.offset = 64;
  l.links = 1;
  begin_graph m{};
  m.first = make_task_id(c, 2);
  m.count = 2;
  m.layers = {&l, 1};
  m.others = {&value, 1};
  SECTION("whose beginning is wrong") {
    begin_graph n = m;
    n.count = 0;
    refused(n, "has no tasks");
    n = m;
    n.layers = {};
    refused(n, "has no tasks");
    n = m;
    n.first = value;
    refused(n, "not above the last");
    n.first = make_task_id(c + 1, 2);
    refused(n, "not its own");
    n.first = make_task_id(c, 1u << 24);
    refused(n, "most_number_gap");
    n = m;
    n.count = 1001;
    refused(n, "most_tasks");
    n.count = ~std::uint64_t{0};
    refused(n, "most_tasks");
    n = m;
    n.options = 3;
    refused(n, "were not defined");
    n = m;
    const task_id later = make_task_id(c, 2), foreign = make_task_id(c + 1, 1);
    n.others = {&later, 1};
    refused(n, "not submitted before");
    n.others = {&foreign, 1};
    refused(n, "not its own");
    n = m;
    l.shared = 2;
    refused(n, "shares what it has not named");
    l.shared = 0;
    l.flags = task_offered;
    refused(n, "flags");
    l.flags = 0;
    l.behind_bytes = 1;
    refused(n, "not as long");
    l.behind_bytes = ~std::uint32_t{0};
    refused(n, "scatter");
    l.behind_bytes = 0;
    l.function.module = 3;
    refused(n, "module 3");
    CHECK(s.core.statistics().pending == 0);
  }
  SECTION("whose parts are wrong") {
    s.say(c, m);
    graph_part p{};
    p.tasks = 1;
    p.graph = value;
    refused(p, "not begun");
    p.graph = m.first;
    refused(p, "cut off");
    const auto part = [&](std::vector<int> bytes, std::uint32_t tasks, const char* why) {
      std::vector<std::byte> all;
      for (const int b : bytes) all.push_back(static_cast<std::byte>(b));
      p.bytes = all;
      p.tasks = tasks;
      script other({.most_tasks = 1000, .most_inputs = 4});
      const peer_id d = other.client();
      other.submit(d);
      other.say(d, m);
      try {
        other.say(d, p);
        FAIL("taken: " << why);
      } catch (const protocol_error& e) {
        INFO(e.what());
        CHECK(std::string(e.what()).find(why) != std::string::npos);
      }
      other.lose(d);
      CHECK(other.core.statistics().tasks == 0);
    };
    part({0}, 0, "bytes and no tasks");
    part({4, 0, 0, 0}, 1, "layer that it has not");
    part({0, 1, 0, 0}, 1, "index that no task has");
    part({0, 0, 0, 1, 2}, 1, "none before it");
    part({0, 0, 0, 1, 1}, 1, "none before it");
    part({0, 0, 0, 1, 0, 1}, 1, "has not named");
    part({0, 0, 0, 5}, 1, "most_inputs");
    part({0, 0, 0, 0, 0}, 1, "longer than its tasks");
    part({0, 0, 0}, 1, "cut off");
    part({0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2, 0}, 1, "64 bits");
    part({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 3, "than are to come");
  }
}

}  // namespace
