// Tasks that are stopped, taken back, or out of time.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "worker/script.hpp"

using namespace weft::net;
using weft::net::test::script;
using strings = std::vector<std::string>;

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
