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

TEST_CASE("drop_values of a task that has not ended is an error, of something unknown nothing", "[worker]") {
  script s;
  s.drop_these({77});
  s.run(10, 1);
  CHECK_THROWS_AS(s.drop_these({10}), protocol_error);
  s.begin(10, 1);
  CHECK_THROWS_AS(s.drop_these({10}), protocol_error);
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

// A task of client 7, whose values it gives.
TEST_CASE("an offered value is fetched from who has submitted it, once that has come") {
  const task_id id = make_task_id(7, 1), user = make_task_id(7, 2);
  const peer_id giver = giver_of(7);
  const std::string text = std::to_string(id), from = std::to_string(giver);
  script s;
  s.run_offered(id, 1);
  CHECK(s.called() == strings{"await 7 by 77", "expect " + text});
  s.run(user, 1, {{id}});  // waits: the engine must not look at it yet
  s.tick(1);
  CHECK(s.called().empty());
  s.core.peer_resumed(giver);
  s.tick(2);
  CHECK(s.called() == strings{"fetch from " + from + " " + text});
  // It breaks, and comes again.
  s.core.peer_interrupted(2, giver);
  s.tick(1'000'000'000);
  CHECK(s.called().empty());
  s.core.peer_resumed(giver);
  s.tick(2'000'000'000);
  CHECK(s.called() == strings{"fetch from " + from + " " + text});
  CHECK(s.said().empty());
  CHECK(s.core.fetched(s.last_request, id, 100));
  s.retract({{id, 1, 0}});
  CHECK(s.said() == strings{"keeps " + text + " 1"});
  s.core.done(id, 1, 100, 0);
  CHECK(s.said() == strings{"done " + text + " 1"});
  CHECK(s.called() == strings{"submit " + std::to_string(user)});
  s.tick(2'000'000'001);
  CHECK(s.called() == strings{"left " + from});
  s.finish(user, 1);
  s.drop_these({id, user});
  CHECK(s.core.empty());
}

TEST_CASE("an offered value is fetched in a pause too, and others that are not urgent wait") {
  const task_id id = make_task_id(7, 1);
  script s;
  s.core.pause(0, true);
  s.run_offered(id, 1);
  s.core.peer_resumed(giver_of(7));
  s.called();
  s.tick(1);
  CHECK(s.called() == strings{"fetch from " + std::to_string(giver_of(7)) + " " + std::to_string(id)});
}

TEST_CASE("an offered value that is not wanted any more, or not given, leaves nothing") {
  const task_id id = make_task_id(7, 1);
  const peer_id giver = giver_of(7);
  const std::string text = std::to_string(id);
  const bool asked = GENERATE(false, true);
  script s;
  s.run_offered(id, 1, asked ? 0 : 500);
  s.run(make_task_id(7, 2), 1, {{id}});
  const std::string user = std::to_string(make_task_id(7, 2));
  if (asked) s.core.peer_resumed(giver);
  s.tick(1);
  const std::uint64_t request = s.last_request;
  s.called();
  SECTION("it is stopped") {
    s.stop_these({{id, 1, 0}});
    CHECK(s.said() == strings{"cancelled " + text + " 1", "gives back " + user + " 1"});
  }
  SECTION("it is taken back") {
    s.retract({{id, 1, 0}});
    CHECK(s.said() == strings{"gives back " + text + " 1", "gives back " + user + " 1"});
  }
  SECTION("a newer attempt replaces it") {
    s.run_offered(id, 2);
    CHECK(s.said() == strings{"gives back " + user + " 1"});
    s.retract({{id, 2, 0}});
    CHECK(s.said() == strings{"gives back " + text + " 2"});
  }
  SECTION("the worker is stopped, or is to retire") {
    s.order(GENERATE(worker_mode::stopped, worker_mode::retiring));
    CHECK(s.said() == strings{"gives back " + text + " 1", "gives back " + user + " 1"});
  }
  SECTION("it cannot be decoded") {
    s.fail(id, 1);
    CHECK(s.said() == strings{"failed " + text + " 1 bad root", "gives back " + user + " 1"});
  }
  if (!asked) {
    SECTION("its time is over") {
      s.tick(500);
      CHECK(s.said() ==
            strings{"late " + text + " 1 weft: the task's time limit is over ", "gives back " + user + " 1"});
    }
  } else {
    SECTION("the submitter does not have it") {
      s.core.not_there(2, request, id, false);
      s.tick(2);
      CHECK(s.said() == strings{"gives back " + text + " 1", "gives back " + user + " 1"});
    }
  }
  s.tick(501);
  CHECK_FALSE(s.core.fetched(request, id, 100));
  CHECK(s.core.empty());
  CHECK(s.core.fetches().requests() == 0);
  CHECK_FALSE(s.core.fetches().knows_peer(giver));
}

TEST_CASE("an offered value for which there is no memory is refused") {
  worker_limits limits;
  limits.offered_bytes = 99;
  script s(limits);
  const task_id id = make_task_id(7, 1);
  s.run_offered(id, 1);
  const strings said = s.said();
  REQUIRE(said.size() == 1);
  CHECK_THAT(said[0], Catch::StartsWith("failed " + std::to_string(id) +
                                        " 1 weft: a value that is scattered takes 100 "
                                        "bytes, and the worker that was to have it has memory for 99: scatter it"));
  CHECK(s.called().empty());
  CHECK(s.core.empty());
  limits.offered_bytes = 100;
  script enough(limits);
  enough.run_offered(id, 1);
  CHECK(enough.said().empty());
}

TEST_CASE("what is offered with inputs, or without saying what, is no offer") {
  script s;
  const offered_call call{100, 77};
  const auto bytes = std::as_bytes(std::span(&call, 1));
  const input_ref input{make_task_id(7, 1), 100, 0, 0};
  const run_record record{make_task_id(7, 2), {}, 1, 0, 1, task_constant | task_offered, 0, 0, 0};
  CHECK_THROWS_AS(s.hear(run_task{record, {&input, 1}, bytes, {}}), protocol_error);
  script other;
  CHECK_THROWS_AS(other.hear(run_task{record, {}, bytes.first(8), {}}), protocol_error);
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
    void expect(const run_task&) override {}
    void await_giver(peer_id, std::uint64_t) override {}
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
