// Who may run a task: resources, names and hosts.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "script.hpp"
#include "wire/graph.hpp"

namespace {

using namespace weft::test::scheduling;
constexpr time_ns ms = 1'000'000;

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

TEST_CASE("all of a graph that nobody may run fails when the first of it does", "[scheduler]") {
  constexpr std::uint64_t count = 11;
  script s({.frontier = 4, .no_worker_limit = 100 * ms});
  const peer_id c = s.client();
  s.options(c, 1, "gpu=2");
  graph_layer one{};
  one.function.offset = 64;
  begin_graph m{};
  m.first = make_task_id(c, 1);
  m.count = count;
  m.options = 1;
  m.layers = {&one, 1};
  s.now = 7 * ms;
  s.say(c, m);
  graph_writer writer(1, 1);
  for (std::uint32_t i = 0; i < count; ++i) writer.task(0, i, true, false, 0);
  graph_part all{};
  all.graph = m.first;
  all.tasks = count;
  all.bytes = writer.bytes();
  s.say(c, all);
  s.next[c] = count + 1;
  CHECK(s.core.statistics().no_worker == 4);
  CHECK(s.core.statistics().pending == count - 4);
  s.tick(106 * ms);
  CHECK(s.heard(c).empty());
  // It takes several events, since none may take long, but no time.
  s.tick(107 * ms);
  CHECK(s.heard(c).size() == 4);
  for (time_ns at = 107 * ms; s.core.statistics().pending + s.core.statistics().no_worker != 0;) {
    REQUIRE(s.core.deadline() <= at);
    s.tick(++at);
  }
  CHECK(s.heard(c).size() == count - 4);
  // What is submitted later waits its own time.
  s.submit(c, {.options = 1});
  CHECK(s.core.deadline() == s.now + 100 * ms);
  s.tick(s.now + 100 * ms - 1);
  CHECK(s.heard(c).empty());
  s.tick(s.now + 1);
  CHECK(s.heard(c).size() == 1);
}

}  // namespace
