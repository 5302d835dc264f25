// The worker's rules, one by one.
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "worker/script.hpp"

using namespace weft::net;
using weft::net::test::script;
using strings = std::vector<std::string>;

TEST_CASE("a task runs, is reported, and its value stays until it is dropped", "[worker]") {
  script s;
  s.run(10, 1);
  CHECK(s.called() == strings{"submit 10"});
  s.begin(10, 1);
  CHECK(s.said().empty());
  s.finish(10, 1);
  CHECK(s.said() == strings{"done 10 1"});
  CHECK(s.core.tasks() == 0);
  CHECK_FALSE(s.core.empty());
  s.drop_these({10});
  CHECK(s.called() == strings{"drop 10"});
  CHECK(s.core.empty());
}

TEST_CASE("a value travels with the report when the task allows, and it is small", "[worker]") {
  worker_limits limits;
  limits.inline_bytes = 8;
  script s(limits);
  const std::vector<std::byte> small(8), large(9);
  s.run(10, 1, {}, task_inline);
  s.core.done(10, 1, 8, 1, small);
  s.run(11, 1, {}, task_inline);
  s.core.done(11, 1, 9, 1, large);
  s.run(12, 1);
  s.core.done(12, 1, 8, 1, small);
  CHECK(s.said() == strings{"done 10 1 with value", "done 11 1", "done 12 1"});
}

TEST_CASE("a task handed over ahead waits in the engine, for nobody else", "[worker]") {
  script s;
  s.run(10, 1);
  s.run(11, 1, {{10}});
  CHECK(s.called() == strings{"submit 10", "submit 11"});
  s.finish(10, 1);
  s.finish(11, 1);
  CHECK(s.said() == strings{"done 10 1", "done 11 1"});
  // The input may be dropped while the task runs: the engine keeps what is used.
  s.run(12, 1, {{11}});
  s.begin(12, 1);
  s.drop_these({10, 11});
  s.finish(12, 1);
  s.drop_these({12});
  CHECK(s.core.empty());
}

TEST_CASE("an input elsewhere is fetched when the engine wants it, and announced", "[worker]") {
  script s;
  s.run(10, 1, {{90, 2}, {91, 2}, {90, 2}});
  CHECK(s.called() == strings{"remote 90", "remote 91", "submit 10"});
  s.core.tick(1);
  CHECK(s.called().empty());
  s.core.need(91, 4);
  s.core.need(90, 5);
  CHECK(s.core.deadline() == 0);
  s.core.tick(1);
  CHECK(s.called() == strings{"fetch from 2 91 90"});
  CHECK(s.core.fetched(s.last_request, 90, 120));
  CHECK(s.core.fetched(s.last_request, 91, 100));
  CHECK_FALSE(s.core.fetched(s.last_request, 91, 100));
  CHECK(s.said().empty());  // it has time
  s.finish(10, 1);
  CHECK(s.said() == strings{"added 90", "added 91", "done 10 1"});
  s.drop_these({10, 90, 91});
  CHECK(s.core.empty());
}

TEST_CASE("a small input that comes along with a task need not be fetched", "[worker]") {
  script s;
  s.run(10, 1, {{90, 2, 8}, {91, 2}, {92, 3, 5}, {90, 2}});
  CHECK(s.called() == strings{"given 8 bytes of 90", "remote 91", "given 5 bytes of 92", "submit 10"});
  s.core.tick(1);
  CHECK(s.called().empty());
  CHECK(s.said().empty());
  // What is here, or on its way, is not taken again.
  s.run(11, 1, {{90, 2, 8}, {91, 2, 8}});
  CHECK(s.called() == strings{"submit 11"});
  s.core.dropped(92);
  CHECK(s.said() == strings{"added 90", "added 92", "dropped 92", "gives back 10 1"});
  s.finish(11, 1);
  CHECK(s.said() == strings{"done 11 1"});
  s.drop_these({11, 90});
  CHECK(s.core.empty());
  // At the latest with a heartbeat.
  s.run(12, 1, {{93, 2, 1}});
  s.core.heartbeat(1, {});
  CHECK(s.said().front() == "added 93");
}

TEST_CASE("a task waits for what is promised, and is submitted when it has been pushed", "[worker]") {
  script s;
  s.run(10, 1, {{90, 2, promised_input}, {91, 3, promised_input}, {90, 2, promised_input}});
  s.run(11, 1, {{10}});
  CHECK(s.called().empty());
  CHECK(s.core.tasks() == 2);
  const std::vector<std::byte> value(8);
  s.core.pushed(92, 100, value);  // nobody has promised it
  s.core.pushed(90, 100, value);
  CHECK(s.called() == strings{"given 8 bytes of 90"});
  s.core.pushed(90, 100, value);
  s.core.pushed(91, 100, value);
  CHECK(s.called() == strings{"given 8 bytes of 91", "submit 10", "submit 11"});
  // That it is here is said once the scheduler knows that it is made.
  s.finish(10, 1);
  CHECK(s.said() == strings{"done 10 1"});
  CHECK(s.called() == strings{"drop 91", "drop 90"});  // it will not: nobody takes them any more
  s.finish(11, 1);
  s.drop_these({10, 11});
  s.said();
  CHECK(s.core.empty());
}

TEST_CASE("the scheduler says where a promised value is, or gives it", "[worker]") {
  script s;
  const std::vector<std::byte> value(8);
  s.run(10, 1, {{90, 2, promised_input}, {91, 2, promised_input}, {92, 2, promised_input}});
  s.core.pushed(90, 100, value);
  s.hear(value_at{{90, 100, 2, 0}});
  s.hear(give_value{{91, 100}, value});
  CHECK(s.called() == strings{"given 8 bytes of 90", "given 8 bytes of 91"});
  s.hear(value_at{{92, 100, 3, 0}});
  CHECK(s.called() == strings{"remote 92", "submit 10"});
  s.core.pushed(92, 100, value);  // too late
  s.core.need(92, 1);
  s.core.tick(1);
  CHECK(s.called() == strings{"fetch from 3 92"});
  CHECK(s.core.fetched(s.last_request, 92, 100));
  s.finish(10, 1);
  CHECK(s.said() == strings{"added 90", "added 91", "added 92", "done 10 1"});
  s.drop_these({10, 90, 91, 92});
  CHECK(s.core.empty());
}

TEST_CASE("a task that waits here is stopped, given back and replaced without the engine", "[worker]") {
  script s;
  const std::vector<std::byte> value(8);
  s.run(10, 1, {{90, 2, promised_input}});
  s.run(11, 1, {{10}});
  s.stop_these({{10, 1, 0}});
  CHECK(s.said() == strings{"cancelled 10 1", "gives back 11 1"});
  CHECK(s.core.empty());
  s.run(10, 2, {{90, 2, promised_input}});
  s.retract({{10, 2, 0}});
  CHECK(s.said() == strings{"gives back 10 2"});
  s.run(10, 3, {{90, 2, promised_input}, {91, 3, promised_input}});
  s.core.pushed(91, 100, value);
  s.run(10, 4, {{90, 2, promised_input}, {91, 3}});
  CHECK(s.called() == strings{"given 8 bytes of 91", "drop 91", "remote 91"});
  // It is to be made here after all.
  s.run(90, 1);
  CHECK(s.said() == strings{"gives back 10 4"});
  s.finish(90, 1);
  s.run(12, 1, {{92, 2, promised_input}});
  s.order(worker_mode::stopped);
  CHECK(s.said() == strings{"done 90 1", "gives back 12 1"});
  s.drop_these({90});
  CHECK(s.core.empty());
}

TEST_CASE("what is made is pushed where the scheduler wants it, if it is small", "[worker]") {
  worker_limits limits;
  limits.inline_bytes = 8;
  script s(limits);
  const std::vector<std::byte> small(8), large(9);
  for (const task_id id : {task_id{10}, task_id{11}, task_id{12}}) s.run(id, 1);
  s.hear(push_value{{10, 0, 3, 0}});
  s.hear(push_value{{11, 0, 2, 0}});
  s.hear(push_value{{12, 0, 2, 0}});
  s.hear(push_value{{99, 0, 2, 0}});  // has left
  CHECK(s.called() ==
        strings{"submit 10", "submit 11", "submit 12", "will push to 3", "will push to 2", "will push to 2"});
  s.core.done(10, 1, 8, 1, small);
  s.core.done(11, 1, 9, 1, large);
  s.fail(12, 1);
  CHECK(s.called() == strings{"push 10 to 3", "drop 12"});
  s.hear(push_value{{10, 0, 2, 0}});  // it is said elsewhere where it is
  CHECK(s.called().empty());
  CHECK_THROWS_AS(s.hear(push_value{{10, 0, 77, 0}}), protocol_error);
  CHECK_THROWS_AS(s.run(13, 1, {{90, 0, promised_input}}), protocol_error);
  CHECK_THROWS_AS(s.run(13, 1, {{90, script::self, promised_input}}), protocol_error);
}

TEST_CASE("a wish for a value ends with the tasks that have it", "[worker]") {
  script s;
  s.run(10, 1, {{90, 2}});
  s.run(11, 1, {{90, 3}});
  s.core.need(90, 1);
  s.core.tick(1);
  s.retract({{10, 1, 0}});
  CHECK(s.called().back() == "withdraw 10");
  s.stop_these({{11, 1, 0}});
  CHECK(s.said() == strings{"gives back 10 1", "cancelled 11 1"});
  CHECK(s.called() == strings{"withdraw 11", "give up 2", "drop 90"});
  CHECK_FALSE(s.core.fetched(s.last_request, 90, 100));
  CHECK(s.core.empty());
}

TEST_CASE("a newer attempt replaces the older, of which nothing more is said", "[worker]") {
  script s;
  s.run(10, 1);
  SECTION("that has not begun") {
    s.run(10, 2);
    CHECK(s.called() == strings{"submit 10", "withdraw 10", "submit 10"});
  }
  SECTION("that runs") {
    s.begin(10, 1);
    s.run(10, 2);
    CHECK(s.called() == strings{"submit 10", "withdraw 10", "stop 10", "drop 10", "submit 10"});
  }
  SECTION("that is being stopped") {
    s.begin(10, 1);
    s.stop_these({{10, 1, 0}});
    s.run(10, 2);
    CHECK(s.called() == strings{"submit 10", "stop 10", "withdraw 10", "drop 10", "submit 10"});
  }
  s.core.began(10, 1);
  s.core.done(10, 1, 5, 5);
  s.core.cancelled(10, 1);
  s.fail(10, 1);
  CHECK(s.said().empty());
  CHECK(s.core.tasks() == 1);
  s.finish(10, 2);
  CHECK(s.said() == strings{"done 10 2"});
}

TEST_CASE("what depends on a replaced attempt is given back", "[worker]") {
  script s;
  s.run(10, 1);
  s.run(11, 1, {{10}});
  s.run(12, 1, {{11}, {10}});
  s.run(10, 2);
  CHECK(s.said() == strings{"gives back 12 1", "gives back 11 1"});
  CHECK(s.core.tasks() == 1);
}

TEST_CASE("the same attempt twice, or an older one, is an error", "[worker]") {
  script s;
  s.run(10, 2);
  CHECK_THROWS_AS(s.run(10, 2), protocol_error);
  CHECK_THROWS_AS(s.run(10, 1), protocol_error);
  s.finish(10, 2);
  CHECK_THROWS_AS(s.run(10, 2), protocol_error);
}

TEST_CASE("a task whose value is here is done at once", "[worker]") {
  script s;
  s.run(10, 1);
  s.finish(10, 1);
  s.hear(copy_value{{90, 50, 2, 0}});
  s.core.tick(1);
  CHECK(s.core.fetched(s.last_request, 90, 50));
  s.said();
  s.called();
  s.run(10, 3);
  s.run(90, 1);
  CHECK(s.said() == strings{"done 10 3", "done 90 1"});
  CHECK(s.called().empty());
}

TEST_CASE("of a failure the root is reported, and what was handed over ahead comes back", "[worker]") {
  script s;
  s.run(10, 1);
  s.run(11, 1, {{10}});
  s.run(12, 1, {{11}});
  s.run(13, 1, {{12}, {10}});
  s.begin(10, 1);
  SECTION("the engine lets go of the dependents") {
    s.fail(10, 1);
    CHECK(s.said() == strings{"failed 10 1 bad root", "gives back 13 1", "gives back 11 1", "gives back 12 1"});
  }
  SECTION("the engine has failed them itself") {
    for (task_id id = 11; id < 14; ++id) s.began_already.insert(id);
    s.fail(10, 1);
    CHECK(s.said() == strings{"failed 10 1 bad root"});
    s.fail(11, 1);
    s.core.cancelled(12, 1);
    s.fail(13, 1);
    CHECK(s.said() == strings{"gives back 11 1", "gives back 12 1", "gives back 13 1"});
  }
  CHECK(s.core.empty());
  // The messages that cross: tasks upon the failed one, and attempts to take the dependents back.
  s.run(14, 1, {{10}});
  CHECK(s.said() == strings{"dropped 10", "gives back 14 1"});
  s.retract({{11, 1, 0}});
  s.stop_these({{12, 1, 0}});
  CHECK(s.said() == strings{"gives back 11 1", "cancelled 12 1"});
  s.fail(11, 1);  // late
  CHECK(s.said().empty());
  CHECK(s.core.empty());
}

TEST_CASE("a task that has begun fails for its own reasons", "[worker]") {
  script s;
  s.run(10, 1);
  s.finish(10, 1);
  s.run(11, 1, {{10}});
  s.begin(11, 1);
  s.core.dropped(10);
  s.fail(11, 1);
  CHECK(s.said() == strings{"done 10 1", "dropped 10", "failed 11 1 bad root"});
  CHECK(s.core.empty());
}

TEST_CASE("a value that the disk has lost takes the tasks along that wait for it", "[worker]") {
  script s;
  s.run(10, 1);
  s.finish(10, 1);
  s.run(11, 1, {{10}});
  s.run(12, 1, {{11}});
  s.said();
  s.core.dropped(10);
  CHECK(s.said() == strings{"dropped 10", "gives back 11 1", "gives back 12 1"});
  CHECK(s.core.empty());
  s.core.dropped(10);
  s.drop_these({10});
  CHECK(s.said().empty());
}

TEST_CASE("drop_values of a task that has not ended is an error, of something unknown nothing", "[worker]") {
  script s;
  s.drop_these({77});
  s.run(10, 1);
  CHECK_THROWS_AS(s.drop_these({10}), protocol_error);
  s.begin(10, 1);
  CHECK_THROWS_AS(s.drop_these({10}), protocol_error);
}

TEST_CASE("the scheduler need not wait for what it has stopped", "[worker]") {
  script s;
  s.run(10, 1);
  s.run(11, 1, {{10}});
  s.begin(10, 1);
  s.stop_these({{10, 1, 0}});
  s.called();
  SECTION("its value is an input elsewhere") {
    s.run(12, 1, {{10, 3}, {11, 0}});
    CHECK(s.called() == strings{"drop 10", "withdraw 11"});
    CHECK(s.said() == strings{"cancelled 10 1", "gives back 11 1", "dropped 11", "gives back 12 1"});
    s.run(12, 2, {{10, 3}});
    CHECK(s.called() == strings{"remote 10", "submit 12"});
    s.core.cancelled(10, 1);  // at last
    CHECK(s.core.tasks() == 1);
    s.core.need(10, 1);
    s.core.tick(1);
    CHECK(s.core.fetched(s.last_request, 10, 100));
    s.finish(12, 2);
    CHECK(s.said() == strings{"added 10", "done 12 2"});
    s.drop_these({10, 12});
  }
  SECTION("a copy of its value is wanted") {
    s.hear(copy_value{{10, 100, 2, 0}});
    CHECK(s.called() == strings{"drop 10", "withdraw 11", "remote 10"});
    CHECK(s.said() == strings{"cancelled 10 1", "gives back 11 1"});
    s.drop_these({10});
  }
  SECTION("its value is dropped everywhere") {
    s.drop_these({10});
    CHECK(s.called() == strings{"drop 10", "withdraw 11"});
    CHECK(s.said() == strings{"cancelled 10 1", "gives back 11 1"});
  }
  s.core.done(10, 1, 5, 5);
  CHECK(s.said().empty());
  CHECK(s.core.empty());
}

TEST_CASE("stopped tasks answer once", "[worker]") {
  script s;
  SECTION("not begun: cancelled, with the others of the message that depend on it") {
    s.run(10, 1);
    s.run(11, 1, {{10}});
    s.run(12, 1, {{10}});
    s.stop_these({{10, 1, 0}, {11, 1, 0}, {11, 1, 0}});
    CHECK(s.said() == strings{"cancelled 10 1", "gives back 12 1", "cancelled 11 1"});
    CHECK(s.core.empty());
  }
  SECTION("begun: asked to stop, once") {
    s.run(10, 1);
    s.begin(10, 1);
    s.stop_these({{10, 1, 0}});
    s.stop_these({{10, 1, 0}});
    CHECK(s.called() == strings{"submit 10", "stop 10"});
    CHECK(s.said().empty());
    SECTION("and it stops") {
      s.core.cancelled(10, 1);
      CHECK(s.said() == strings{"cancelled 10 1"});
    }
    SECTION("and it ends first") {
      s.finish(10, 1);
      CHECK(s.said() == strings{"done 10 1"});
      s.stop_these({{10, 1, 0}});  // the end was the answer
      CHECK(s.said().empty());
      s.drop_these({10});
    }
    SECTION("and it fails first") {
      s.fail(10, 1);
      CHECK(s.said() == strings{"failed 10 1 bad root"});
    }
    CHECK(s.core.empty());
  }
  SECTION("begun in the engine, which we have not heard of") {
    s.run(10, 1);
    s.began_already.insert(10);
    s.stop_these({{10, 1, 0}});
    CHECK(s.called() == strings{"submit 10", "withdraw 10", "stop 10"});
    s.begin(10, 1);
    s.core.cancelled(10, 1);
    CHECK(s.said() == strings{"cancelled 10 1"});
  }
  SECTION("unknown, or another attempt") {
    s.run(10, 2);
    s.stop_these({{77, 1, 0}, {10, 1, 0}});
    CHECK(s.said() == strings{"cancelled 77 1", "cancelled 10 1"});
    CHECK(s.core.tasks() == 1);
  }
}

TEST_CASE("a task whose time is over does not begin, and one that has begun is stopped", "[worker]") {
  script s;
  s.now = 1000;
  s.run(10, 1, {}, 0, 50);
  s.run(11, 1, {{10}});
  s.run(12, 1, {{90, 2, promised_input}}, 0, 40);
  s.run(13, 1, {}, 0, 60);
  s.run(14, 1, {}, 0, 70);
  s.begin(13, 1);
  s.begin(14, 1);
  s.called();
  CHECK(s.core.deadline() == 0);  // the first heartbeat
  s.core.heartbeat(s.now, {});
  s.said();
  CHECK(s.core.deadline() == 1040);
  s.tick(1039);
  CHECK(s.said().empty());
  // One that waits here, and one that the engine has, with what depends on it.
  s.tick(1050);
  CHECK(s.said() == strings{"late 12 1 weft: the task's time limit is over ",
                            "late 10 1 weft: the task's time limit is over ", "gives back 11 1"});
  CHECK(s.called() == strings{"withdraw 10", "withdraw 11"});
  CHECK(s.core.deadline() == 1060);
  // Of those that run one stops, and one makes its value first.
  s.tick(1070);
  CHECK(s.called() == strings{"stop 13", "stop 14"});
  CHECK(s.said().empty());
  s.core.cancelled(13, 1);
  s.finish(14, 1);
  CHECK(s.said() == strings{"late 13 1 weft: the task's time limit is over ", "done 14 1"});
  s.drop_these({14});
  CHECK(s.core.empty());
}

TEST_CASE("the end of a task's time is one reason of several to stop it", "[worker]") {
  script s;
  s.run(10, 1, {}, 0, 50);
  s.begin(10, 1);
  s.called();
  SECTION("the scheduler was first") {
    s.stop_these({{10, 1, 0}});
    s.tick(50);
    CHECK(s.called() == strings{"stop 10"});
    s.core.cancelled(10, 1);
    CHECK(s.said() == strings{"cancelled 10 1"});
  }
  SECTION("the scheduler is second") {
    s.tick(50);
    s.stop_these({{10, 1, 0}});
    CHECK(s.called() == strings{"stop 10"});
    s.core.cancelled(10, 1);
    CHECK(s.said() == strings{"cancelled 10 1"});
  }
  SECTION("the worker is stopped too") {
    s.tick(50);
    s.order(worker_mode::stopped);
    CHECK(s.called() == strings{"stop 10"});
    s.core.cancelled(10, 1);
    CHECK(s.said() == strings{"late 10 1 weft: the task's time limit is over "});
  }
  SECTION("a newer attempt has a time of its own") {
    s.run(10, 2, {}, 0, 100);
    CHECK(s.called() == strings{"withdraw 10", "stop 10", "drop 10", "submit 10"});
    s.tick(50);
    CHECK(s.called().empty());
    s.tick(100);
    CHECK(s.called() == strings{"withdraw 10", "stop 10"});
    s.core.cancelled(10, 2);
    CHECK(s.said() == strings{"late 10 2 weft: the task's time limit is over "});
  }
  SECTION("it failed before") {
    s.fail(10, 1);
    s.tick(50);
    CHECK(s.said() == strings{"failed 10 1 bad root"});
  }
  CHECK(s.core.empty());
}

TEST_CASE("the times of tasks that have ended do not pile up", "[worker]") {
  script s;
  constexpr time_ns long_time = 1'000'000'000'000;
  s.core.heartbeat(0, {});
  s.run(1, 1, {}, 0, fetcher::never);  // longer than there is time
  for (task_id id = 2; id < 10'000; ++id) {
    s.run(id, 1, {}, 0, long_time);
    s.begin(id, 1);
    s.finish(id, 1);
    s.drop_these({id});
  }
  s.said();
  CHECK(s.core.limits_of_time() <= 1024);
  s.tick(long_time);
  CHECK(s.said().empty());
  CHECK(s.core.limits_of_time() == 1);
}

TEST_CASE("retractions are answered", "[worker]") {
  script s;
  s.run(10, 1);
  s.run(11, 1, {{10}});
  s.run(12, 1);
  s.run(13, 1);
  s.begin(12, 1);
  s.finish(13, 1);
  s.said();
  s.retract({{10, 1, 0}, {11, 1, 0}, {12, 1, 0}, {13, 1, 0}, {14, 1, 0}});
  CHECK(s.said() == strings{"gives back 14 1", "keeps 13 1", "keeps 12 1", "gives back 11 1", "gives back 10 1"});
  s.run(10, 2);
  s.began_already.insert(10);
  s.retract({{10, 2, 0}, {10, 1, 0}});
  CHECK(s.said() == strings{"gives back 10 1", "keeps 10 2"});
}

TEST_CASE("holders are tried, then the scheduler is asked", "[worker]") {
  script s;
  s.run(10, 1, {{90, 2}});
  s.run(11, 1, {{90, 3}});
  s.called();
  s.core.need(90, 1);
  s.core.tick(1);
  CHECK(s.called() == strings{"fetch from 2 90"});
  s.core.not_there(1, s.last_request, 90, false);
  s.core.tick(1);
  CHECK(s.called() == strings{"fetch from 3 90"});
  s.core.peer_lost(1, 3);
  CHECK(s.said() == strings{"missing 90 3"});
  s.core.tick(2);
  CHECK(s.core.fetches().deadline() == fetcher::never);
  SECTION("it is elsewhere") {
    s.hear(value_at{{90, 100, 4, 0}});
    s.core.tick(3);
    CHECK(s.called() == strings{"fetch from 4 90"});
    s.hear(peer_gone{{4, 0}});
    CHECK(s.called() == strings{"left 4"});
    CHECK(s.said() == strings{"missing 90 4"});
    CHECK_THROWS_AS(s.hear(value_at{{90, 100, 4, 0}}), protocol_error);
  }
  SECTION("it is at the one who could not be reached: not at once") {
    s.hear(value_at{{90, 100, 3, 0}});
    s.core.tick(3);
    CHECK(s.called().empty());
    s.core.tick(s.core.fetches().deadline());
    CHECK(s.called() == strings{"fetch from 3 90"});
  }
  SECTION("it is thought to be here") {
    s.hear(value_at{{90, 100, 1, 0}});
    CHECK(s.said() == strings{"missing 90 1"});
  }
  SECTION("it is made here: who waits for it comes back") {
    s.run(90, 1);
    CHECK(s.said() == strings{"gives back 11 1", "gives back 10 1"});
    CHECK(s.called() == strings{"drop 90", "withdraw 11", "withdraw 10", "submit 90"});
    s.run(10, 2, {{90}});
    s.finish(90, 1);
    s.finish(10, 2);
    CHECK(s.said() == strings{"done 90 1", "done 10 2"});
  }
}

TEST_CASE("copies are made for their own sake", "[worker]") {
  script s;
  s.hear(copy_value{{90, 100, 2, 0}});
  CHECK(s.called() == strings{"remote 90"});
  SECTION("and come") {
    s.core.tick(1);
    CHECK(s.core.fetched(s.last_request, 90, 100));
    CHECK(s.said() == strings{"added 90"});
    s.hear(copy_value{{90, 100, 3, 0}});
    CHECK(s.said() == strings{"added 90"});
    s.drop_these({90});
  }
  SECTION("and are taken back") {
    s.core.tick(1);
    s.drop_these({90});
    CHECK(s.called() == strings{"fetch from 2 90", "give up 2", "drop 90"});
  }
  SECTION("and wanted by a task meanwhile, which still wants it") {
    s.run(10, 1, {{90, 3}});
    s.core.need(90, 1);
    s.drop_these({90});
    s.core.tick(1);
    CHECK(s.called() == strings{"submit 10", "fetch from 2 90"});
    s.core.need_not(90);
    s.core.not_there(1, s.last_request, 90, false);
    s.core.tick(2);
    CHECK(s.called().empty());
    s.retract({{10, 1, 0}});
  }
  CHECK(s.core.empty());
}

TEST_CASE("modes", "[worker]") {
  script s;
  s.core.heartbeat(0, {});
  s.said();
  SECTION("a worker that is short of memory fetches for what frees memory, and says so at once") {
    s.run(10, 1, {{90, 2}, {91, 3}});
    s.called();
    s.core.pause(5, true);
    CHECK(s.core.mode() == worker_mode::paused);
    CHECK(s.core.heartbeat_due(5));
    s.core.heartbeat(5, {});
    CHECK(s.said() == strings{"heartbeat 0 1 1 0"});
    s.core.need(90, 1);
    s.core.need(91, 2, true);
    s.core.tick(5);
    CHECK(s.called() == strings{"fetch from 3 91"});
    s.run(11, 1);  // it still takes tasks
    CHECK(s.called() == strings{"submit 11"});
    s.core.pause(6, false);
    s.core.tick(6);
    CHECK(s.called() == strings{"fetch from 2 90"});
  }
  SECTION("a retiring worker takes no tasks, and ends what it has") {
    s.run(10, 1);
    s.order(worker_mode::retiring);
    s.run(11, 1, {{10}});
    CHECK(s.said() == strings{"gives back 11 1"});
    s.finish(10, 1);
    s.run(10, 2);  // no work
    CHECK(s.said() == strings{"done 10 1", "done 10 2"});
    s.order(worker_mode::running);
    s.run(11, 2, {{10}});
    CHECK(s.core.tasks() == 1);
  }
  SECTION("a stopped worker gives back, stops and fetches nothing, for good") {
    s.run(10, 1);
    s.begin(10, 1);
    s.run(11, 1, {{10}});
    s.run(12, 1, {{90, 2}});
    s.hear(copy_value{{91, 100, 3, 0}});
    s.core.need(90, 1);
    s.core.tick(1);
    s.called();
    s.order(worker_mode::stopped);
    CHECK(s.called() ==
          strings{"stop 10", "withdraw 11", "withdraw 12", "give up 2", "drop 90", "give up 3", "drop 91"});
    CHECK(s.said() == strings{"gives back 11 1", "gives back 12 1"});
    s.order(worker_mode::running);
    s.run(13, 1);
    s.core.cancelled(10, 1);
    CHECK(s.said() == strings{"gives back 13 1", "gives back 10 1"});
    CHECK(s.core.empty());
  }
  SECTION("a stopped worker leaves to its end what may not run twice, and obeys the scheduler still") {
    s.run(10, 1, {}, task_once);
    s.run(11, 1);
    s.begin(10, 1);
    s.begin(11, 1);
    s.called();
    s.order(worker_mode::stopped);
    CHECK(s.called() == strings{"stop 11"});
    s.stop_these({{10, 1, 0}, {11, 1, 0}});
    CHECK(s.called() == strings{"stop 10"});
    s.core.cancelled(11, 1);
    s.finish(10, 1);
    CHECK(s.said() == strings{"cancelled 11 1", "done 10 1"});
  }
}

TEST_CASE("heartbeats say what runs", "[worker]") {
  script s;
  CHECK(s.core.deadline() == 0);
  s.run(10, 1);
  s.run(11, 1);
  s.run(12, 1);
  for (task_id id = 10; id < 13; ++id) s.begin(id, 1);
  s.finish(10, 1);
  s.said();
  s.core.heartbeat(100, {});
  CHECK(s.said() == strings{"heartbeat 2 0 0 2"});
  CHECK_FALSE(s.core.heartbeat_due(101));
  CHECK(s.core.deadline() == 100 + worker_limits{}.heartbeat);
}

// What an honest run costs the core: told, begun, done, and dropped, with one input here.
TEST_CASE("the bookkeeping of a task is cheap", "[.times]") {
  class silent final : public worker_host {
    void define(const define_module&) override {}
    void define(const define_options&) override {}
    void peer(const peer_info&) override {}
    void peer_left(peer_id) override {}
    void remote(task_id, std::uint64_t) override {}
    void given(task_id, std::uint64_t, std::span<const std::byte>) override {}
    void submit(const run_task&) override {}
    bool withdraw(task_id) override { return true; }
    void stop(task_id) override {}
    void drop(task_id) override {}
    void fetch(peer_id, std::uint64_t, std::span<const task_id>) override {}
    void give_up(peer_id, std::uint64_t) override {}
    void will_push(peer_id) override {}
    void push(peer_id, task_id, std::uint64_t, std::span<const std::byte>) override {}
  } host;
  constexpr std::uint64_t tasks = 1'000'000, batch = 64;
  for (const std::uint64_t window : {batch, std::uint64_t{100'000}}) {
    worker_core core(1, host, {});
    batch_writer in;
    const auto id = [](std::uint64_t n) { return make_task_id(7, n + 1); };
    const auto start = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < tasks; i += batch) {
      for (std::uint64_t n = i; n < i + batch; ++n) {
        const input_ref input{id(n - 1), 100, 0, 0};
        in.add(run_task{{id(n), {}, n, 0, 1, 0, 0, 0, 0}, {&input, n == 0 ? 0u : 1u}, {}, {}});
      }
      std::vector<task_id> drops;
      for (std::uint64_t n = i; n < i + batch && i > window; ++n) drops.push_back(id(n - window - batch));
      in.add(drop_values{{}, drops});
      batch_reader reader(in.bytes());
      core.receive(0, reader);
      in.clear();
      for (std::uint64_t n = i; n < i + batch; ++n) core.began(id(n), 1);
      for (std::uint64_t n = i; n < i + batch; ++n) core.done(id(n), 1, 100, 1000);
      core.out().clear();
    }
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
    std::printf("%llu values here: %.0f ns a task\n", static_cast<unsigned long long>(window),
                spent.count() / static_cast<double>(tasks));
    CHECK(spent.count() / static_cast<double>(tasks) < 300);
  }
}
