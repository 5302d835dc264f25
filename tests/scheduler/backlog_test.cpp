// How much of what waits behind graphs is carried out, and when.
#include <catch2/catch.hpp>
#include <cstdint>
#include <vector>

#include "graph_script.hpp"

namespace {

using namespace weft::test::scheduling;

TEST_CASE("what takes the values of coroutines does not keep out what these wait for", "[scheduler][graphs]") {
  script s({.frontier = 1});
  const peer_id c = s.client(), w = s.worker(1);
  SECTION("in the graph") {
    std::vector<graph_layer> layers(2);
    for (graph_layer& l : layers) l.function.offset = 64;
    layers[0].flags = task_waits;
    layers[1].links = 1;
    begin_graph m{};
    m.first = make_task_id(c, 1);
    m.count = 801;
    m.layers = layers;
    s.say(c, m);
    graph_writer all(1, 2);
    for (std::uint32_t i = 0; i < 400; ++i) {
      all.task(0, i, false, true, 0);
      all.task(1, i, true, false, 0);
      all.link(1);
      all.input(2 * i + 1, true);
    }
    all.task(0, 400, true, false, 0);
    graph_part part{};
    part.graph = m.first;
    part.tasks = all.tasks();
    part.bytes = all.bytes();
    s.say(c, part);
    s.go_on(9);
    CHECK(s.core.state_of(make_task_id(c, 801)) == task_state::assigned);
  }
  SECTION("that is made once more, for a worker's loss") {
    graph first(s, c, 1, {0}, {}, 0, task_waits);
    first.root(true, false);
    first.say();
    s.done(w, first.id(0));
    graph second(s, c, 400, {1}, {first.id(0)});
    for (int i = 0; i < 400; ++i) second.taker(0, 0);
    second.say();
    s.go_on(9);
    CHECK(s.core.state_of(second.id(399)) == task_state::free);
    s.lose(w);
    s.go_on(9);
    CHECK(s.core.state_of(second.id(399)) == task_state::waiting);
    graph third(s, c, 400, {1}, {second.id(0)});  // which comes when it runs again
    for (int i = 0; i < 400; ++i) third.taker(0, 0);
    third.say();
    s.go_on(9);
    CHECK(s.core.state_of(third.id(399)) == task_state::waiting);
  }
}

TEST_CASE("more graphs than one event looks at wait without work for the scheduler", "[scheduler][graphs]") {
  script s;
  const peer_id c = s.client();
  std::vector<graph> all;
  batch_writer out;
  graph_layer l{};
  l.function.offset = 64;
  begin_graph m{};
  m.count = 1;
  m.layers = {&l, 1};
  for (std::uint64_t n = 1; n <= 10'000; ++n) {
    m.first = make_task_id(c, n);
    out.add(m);
  }
  s.next[c] = 10'001;
  s.raw(c, out.take());
  const int ticks = s.go_on(9);
  CHECK(ticks < 9);
  CHECK(ticks >= 2);  // until it has looked at all of them
  graph_writer last(10'000, 1);
  last.task(0, 0, true, false, 0);
  graph_part part{};
  part.graph = make_task_id(c, 10'000);
  part.tasks = 1;
  part.bytes = last.bytes();
  s.say(c, part);
  s.go_on(9);
  CHECK(s.core.state_of(part.graph) == task_state::held);
}

TEST_CASE("a value from outside goes with the last task of a graph that takes it", "[scheduler][graphs]") {
  script s({.frontier = 1});
  const peer_id c = s.client(), w = s.worker(1);
  const task_id first = s.submit(c), second = s.submit(c), unused = s.submit(c);
  for (const task_id id : {first, second, unused}) s.done(w, id);
  graph g(s, c, 400, {1}, {first, second, unused, first});
  g.taker(0, 0);
  for (int i = 0; i < 398; ++i) g.taker(0, 1);
  g.say();
  s.about<release_tasks>(c, {first, second, unused});
  s.done(w, g.id(0));
  CHECK(s.core.state_of(unused) == task_state::memory);  // another part may take it
  CHECK(s.core.state_of(first) == task_state::memory);
  g.taker(0, 1);
  g.say();
  CHECK(s.core.state_of(unused) == task_state::free);
  CHECK(s.core.state_of(first) == task_state::released);  // without its value
  CHECK(s.core.state_of(second) == task_state::memory);
  for (std::uint64_t i = 1; i < 400; ++i) {
    CHECK(s.core.state_of(second) == task_state::memory);
    s.done(w, g.id(i));
    s.about<release_tasks>(c, {g.id(i)});
  }
  CHECK(s.core.state_of(second) == task_state::free);
}

TEST_CASE("a release hurries what its task waits for, and no other graph", "[scheduler][graphs]") {
  script s({.frontier = 1});
  const peer_id c = s.client();
  graph first(s, c, 400, {0}), second(s, c, 400, {0});
  for (graph* g : {&first, &second}) {
    for (int i = 0; i < 400; ++i) g->root(true, false);
    g->say();
  }
  const task_id waits = s.submit(c, {.inputs = {first.id(300), first.id(350)}}),
                also = s.submit(c, {.inputs = {waits}});
  CHECK(s.core.state_of(also) == task_state::free);
  s.about<release_tasks>(c, {also});
  s.go_on(9);
  CHECK(s.core.state_of(waits) != task_state::free);
  CHECK(s.core.state_of(also) == task_state::free);
  CHECK(s.core.state_of(first.id(350)) != task_state::free);
  CHECK(s.core.state_of(first.id(351)) == task_state::free);
  CHECK(s.core.state_of(second.id(300)) == task_state::free);
}

TEST_CASE("what waits for one task is carried out over several events, in order", "[scheduler][graphs]") {
  script s({.frontier = 1});
  const peer_id c = s.client();
  s.worker(1);
  graph g(s, c, 2, {0});
  g.root(true, false);
  g.say();
  std::vector<task_id> takers;
  for (int i = 0; i < 3000; ++i) takers.push_back(s.submit(c, {.inputs = {g.id(1)}}));
  CHECK(s.core.statistics().pending == 3000);
  g.root(true, false);
  g.say();
  const std::uint64_t pending = s.core.statistics().pending;
  CHECK(pending >= 2000);  // not all of them in this event
  CHECK(pending < 3000);
  s.about<cancel_tasks>(c, {takers.back()});  // behind what was said before it
  const task_id later = s.submit(c, {.inputs = {g.id(1)}});
  CHECK(s.core.state_of(later) == task_state::free);
  const auto all = [&] {
    s.go_on(19);
    CHECK(s.core.deadline() > s.now);
  };
  all();
  CHECK(s.core.statistics().pending == 0);
  CHECK(s.core.state_of(takers.back()) == task_state::cancelled);
  for (const task_id id : {takers.front(), later}) CHECK(s.core.state_of(id) == task_state::waiting);
  s.about<cancel_tasks>(c, {g.id(1)});
  for (const task_id id : {takers.front(), g.id(1), later}) CHECK(s.core.state_of(id) == task_state::cancelled);
}

TEST_CASE("a task that takes many values of a graph moves seldom", "[scheduler][graphs]") {
  script s({.frontier = 1});
  const peer_id c = s.client(), w = s.worker(1);
  constexpr std::uint64_t count = 2000;
  graph first(s, c, count, {0}), second(s, c, 1, {0});
  for (std::uint64_t i = 0; i < count; ++i) first.root(true, false);
  std::vector<task_id> all;
  for (std::uint64_t i = 0; i < count; ++i) all.push_back(first.id(i));
  all.push_back(second.id(0));
  const task_id sum = s.submit(c, {.inputs = all});
  second.root(true, false);
  second.say();  // it waits for one of the first now
  CHECK(s.core.state_of(second.id(0)) != task_state::free);
  first.say();
  for (std::uint64_t i = 0; i < count; ++i) {
    CHECK(s.core.state_of(sum) ==
          (s.core.state_of(first.id(count - 1)) == task_state::free ? task_state::free : task_state::waiting));
    s.done(w, first.id(i));
  }
  s.done(w, second.id(0));
  s.done(w, sum);
  CHECK(s.core.state_of(sum) == task_state::memory);
}

TEST_CASE("of long calls few are copied before they can run", "[scheduler][graphs]") {
  script s;
  const peer_id c = s.client();
  const std::vector<std::byte> call(1 << 20);
  graph_layer l{};
  l.function.offset = 64;
  l.before_bytes = 1 << 20;
  begin_graph m{};
  m.first = make_task_id(c, 1);
  m.count = 100;
  m.layers = {&l, 1};
  m.calls = call;
  s.say(c, m);
  graph_writer all(1, 1);
  for (std::uint32_t i = 0; i < 100; ++i) all.task(0, i, true, false, 0);
  graph_part part{};
  part.graph = m.first;
  part.tasks = all.tasks();
  part.bytes = all.bytes();
  s.say(c, part);
  s.go_on(19);
  CHECK(s.core.statistics().tasks >= 1);  // or no worker would ever be asked for
  CHECK(s.core.statistics().tasks <= 8);
}

TEST_CASE("a graph has its room before its tasks come", "[scheduler][graphs]") {
  script s({.most_tasks = 1000});
  const peer_id c = s.client(), d = s.client();
  {
    graph g(s, c, 900, {0});
    CHECK_THROWS_AS(graph(s, d, 100, {0}), protocol_error);  // with what they take beside their tasks
    g.root(true, false);
    g.say();
    g.say();  // no more
  }
  graph after(s, d, 900, {0});
  CHECK_THROWS_AS(graph(s, c, 100, {0}), protocol_error);
  s.lose(d);
  graph at_last(s, c, 900, {0});
}

}  // namespace
