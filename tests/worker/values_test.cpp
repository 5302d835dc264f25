// Values that are elsewhere: fetched, pushed, promised, copied, and lost.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "worker/script.hpp"

using namespace weft::net;
using weft::net::test::script;
using strings = std::vector<std::string>;

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

TEST_CASE("a value that was given away takes who waits for it along, and nothing else", "[worker]") {
  script s;
  s.run(10, 1);
  s.finish(10, 1);
  s.run(20, 1, {{10}});
  s.begin(20, 1);
  s.given_away.insert(10);  // to 20, and that is told later
  s.run(30, 1, {{10}, {90, 2, promised_input}});
  s.called(), s.said();
  const std::vector<std::byte> value(8);
  SECTION("as its other input is pushed") {
    s.core.pushed(90, 100, value);
    CHECK(s.called() == strings{"given 8 bytes of 90", "drop 10", "drop 90"});
    CHECK(s.said() == strings{"dropped 10", "gives back 30 1"});
  }
  SECTION("as its other input is given") {
    s.hear(give_value{{90, 100}, value});
    CHECK(s.called() == strings{"given 8 bytes of 90", "drop 10", "drop 90"});
    CHECK(s.said() == strings{"dropped 10", "gives back 30 1"});
  }
  SECTION("as its other input is said to be elsewhere") {
    s.hear(value_at{{90, 100, 3, 0}});
    CHECK(s.called() == strings{"remote 90", "drop 10", "drop 90"});
    CHECK(s.said() == strings{"dropped 10", "gives back 30 1"});
  }
  SECTION("as another task says where its other input is, and takes that") {
    s.run(40, 1, {{90, 3}});
    CHECK(s.called() == strings{"remote 90", "submit 40", "drop 10"});
    CHECK(s.said() == strings{"dropped 10", "gives back 30 1"});
    CHECK(s.core.tasks() == 2);
    s.core.need(90, 1);
    s.tick(1);
    CHECK(s.called() == strings{"fetch from 3 90"});
    CHECK(s.core.fetched(s.last_request, 90, 100));
    s.finish(40, 1);
    CHECK(s.said() == strings{"added 90", "done 40 1"});
    s.drop_these({40, 90});
  }
  SECTION("as another task says where its other input is, and takes both") {
    s.run(40, 1, {{10}, {90, 3}});
    CHECK(s.called() == strings{"remote 90", "drop 10", "drop 90"});
    CHECK(s.said() == strings{"dropped 10", "gives back 40 1", "gives back 30 1"});
  }
  SECTION("as a copy of its other input is asked for") {
    s.hear(copy_value{{90, 100, 3, 0}});
    CHECK(s.called() == strings{"remote 90", "drop 10"});
    CHECK(s.said() == strings{"dropped 10", "gives back 30 1"});
    s.tick(1);
    CHECK(s.called() == strings{"fetch from 3 90"});
    s.drop_these({90});
  }
  SECTION("as a copy of it is asked for") {
    s.hear(copy_value{{10, 100, 3, 0}});
    CHECK(s.called() == strings{"drop 10", "remote 10"});
    CHECK(s.said() == strings{"dropped 10", "gives back 30 1"});
    s.tick(1);
    CHECK(s.called() == strings{"fetch from 3 10"});
    CHECK(s.core.fetched(s.last_request, 10, 100));
    CHECK(s.said() == strings{"added 10"});
    s.drop_these({10});
  }
  SECTION("when it is told") {
    s.core.taken(10);
    CHECK(s.called() == strings{"drop 10"});
    CHECK(s.said() == strings{"dropped 10", "gives back 30 1"});
  }
  CHECK(s.core.tasks() == 1);
  s.finish(20, 1);
  s.drop_these({20});
  CHECK(s.core.empty());
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
  SECTION("and are refused when they come") {
    s.core.tick(1);
    s.core.not_taken(s.last_request, 90);
    CHECK(s.said() == strings{"missing 90 2 not taken"});
    CHECK(s.called() == strings{"fetch from 2 90", "drop 90"});
    s.core.not_taken(s.last_request, 90);
    CHECK(s.said().empty());
  }
  SECTION("and are refused when they come, for a task too, and another asks again") {
    s.run(10, 1, {{90, 2}});
    s.core.need(90, 1);
    s.core.tick(1);
    s.core.not_taken(s.last_request, 90);
    CHECK(s.said() == strings{"missing 90 2 not taken"});
    s.core.need(90, 1);
    s.core.tick(2);
    CHECK(s.called() == strings{"submit 10", "fetch from 2 90", "fetch from 2 90"});
    s.core.not_taken(s.last_request, 90);
    CHECK(s.said().empty());  // the task says why
    s.retract({{10, 1, 0}});
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
