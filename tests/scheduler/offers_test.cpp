// Values that their submitters keep until a worker has them.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "script.hpp"

namespace {

using namespace weft::test::scheduling;

/// Scatters a value that is too large to come along.
task_id offers(script& s, peer_id c, std::uint32_t options = 0, std::uint64_t bytes = 1'000'000,
               std::uint64_t rank = 0) {
  const offered_call call{bytes, 77};
  submit_task m{};
  m.id = make_task_id(c, s.next[c]++);
  m.rank = rank;
  m.flags = task_wanted | task_constant | task_offered;
  m.function.offset = 64;
  m.options = options;
  m.call = std::as_bytes(std::span(&call, 1));
  s.say(c, m);
  return m.id;
}

TEST_CASE("an offered value is given to the worker that the scheduler chooses", "[scheduler]") {
  script s;
  const peer_id c = s.client();
  const task_id a = offers(s, c), b = s.submit(c, {.inputs = {a}});
  CHECK(s.heard(c).empty());  // nobody is there
  CHECK(s.core.statistics().payload_bytes < 100);
  const peer_id w = s.worker();
  CHECK(s.heard(c, true) == lines{"peer 2", "give 1 to 2"});
  CHECK(s.heard(w) == lines{"run 1/1"});  // what takes it keeps no slot waiting
  s.done(w, a, 1, 1'000'000);
  CHECK(s.heard(w) == lines{"run 2/1 1@0"});
  CHECK(s.heard(c) == lines{"finished 1@2"});
  s.about<withdraw_offers>(c, {a});  // it was wanted once more, and has come meanwhile
  CHECK(s.core.state_of(a) == task_state::memory);
  s.done(w, b);
  CHECK(s.heard(c) == lines{"finished 2@2"});
}

TEST_CASE("who has let go of an offered value hears that it has come", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  const task_id a = offers(s, c);
  s.submit(c, {.inputs = {a}});
  s.about<release_tasks>(c, {a});
  s.heard(c);
  s.done(w, a, 1, 1'000'000);
  CHECK(s.heard(c) == lines{"finished 1@2"});
}

TEST_CASE("an offered value goes where it may", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker(1, "", "left"), w = s.worker(1, "", "right");
  s.options(c, 1, "", "", "right");
  const task_id a = offers(s, c, 1);
  CHECK(s.heard(c) == lines{"give 1 to 3"});
  CHECK(s.heard(v).empty());
  s.lose(w);
  CHECK(s.heard(c).empty());
  CHECK(s.core.state_of(a) == task_state::held);
  const peer_id x = s.worker(1, "", "right");
  CHECK(s.heard(c) == lines{"give 1 to 4"});
  CHECK(s.heard(x) == lines{"run 1/2 options 1"});
}

TEST_CASE("what a client is slow to give takes neither slots nor resources from others", "[scheduler]") {
  script s;
  const peer_id slow = s.client(), other = s.client(), w = s.worker(1, "gpu=1");
  for (const peer_id c : {slow, other}) s.options(c, 1, "gpu=1");
  for (std::uint32_t i = 0; i < 100; ++i) offers(s, slow, i % 2);
  CHECK(s.heard(slow).size() == 100);
  s.heard(w);
  const task_id plain = s.submit(other, {});
  const task_id on_gpu = s.submit(other, {.options = 1});
  CHECK(s.heard(w) == lines{"run 1/1", "run 2/1 options 1"});
  const task_id next = s.submit(other, {.options = 1});
  CHECK(s.core.state_of(next) == task_state::held);  // the resource is taken now
  s.done(w, on_gpu);
  CHECK(s.heard(w) == lines{"run 3/1 options 1"});
  s.done(w, plain);
  // Nor is it work that another could do.
  s.worker();
  s.tick(1'000'000'000);
  CHECK(s.heard(w).empty());
}

TEST_CASE("offers go where memory is the least full when they have come", "[scheduler]") {
  script s;
  const peer_id c = s.client(), small = s.worker_of("small", 10'000'000), large = s.worker_of("large", 100'000'000);
  for (int i = 0; i < 11; ++i) offers(s, c);
  CHECK(s.heard(small).size() == 1);
  CHECK(s.heard(large).size() == 10);
  offers(s, c, 0, 50'000'000);
  CHECK(s.heard(large).size() == 1);
}

TEST_CASE("offers go to workers whose memory they fit into", "[scheduler]") {
  script s;
  const peer_id c = s.client(), large = s.worker_of("large", 10'000'000);
  s.done(large, s.submit(c), 1, 60'000'000);
  const peer_id small = s.worker_of("small", 1'000'000);
  s.heard(large);
  offers(s, c, 0, 5'000'000);  // it is fuller than the small one would be
  CHECK(s.heard(large).size() == 1);
  for (int i = 0; i < 70; ++i) s.worker_of("other" + std::to_string(i), 1'000'000);
  const peer_id last = s.worker_of("last", 20'000'000);
  for (int i = 0; i < 3; ++i) offers(s, c, 0, 15'000'000);  // none of the first is enough
  CHECK(s.heard(last).size() == 3);
  CHECK(s.heard(small).empty());
  s.heard(c);
  offers(s, c, 0, 30'000'000);  // it fits nowhere: who is to have it says so
  CHECK(s.heard(c).size() == 1);
}

TEST_CASE("an offer waits for a worker that has memory for it and is given nothing now", "[scheduler]") {
  script s;
  const peer_id c = s.client(), small = s.worker_of("small", 1'000'000), large = s.worker_of("large", 20'000'000);
  s.beat(small);
  s.beat(large, worker_mode::paused);
  const auto offered = [&] { return offers(s, c, 0, 5'000'000); };
  const task_id a = offered(), b = offered();
  CHECK(s.heard(large) == lines{"run 1/1"});  // as where all that may have it are paused: one at a time
  CHECK(s.core.state_of(b) == task_state::held);
  CHECK(s.core.statistics().no_worker == 1);
  REQUIRE(s.core.waiting().size() == 1);
  CHECK(s.core.waiting()[0] ==
        "1 task waits for a worker: there is none that takes tasks and has memory for the 5000000 bytes of a value "
        "that is scattered: worker large is paused");
  const task_id fits = offers(s, c, 0, 900'000), plain = s.submit(c);
  CHECK(s.heard(small) == lines{"run 3/1", "run 4/1"});  // others do not wait for that
  s.done(small, fits, 1, 900'000), s.done(small, plain);
  SECTION("its memory is free again") {
    s.beat(large);
    CHECK(s.heard(large) == lines{"run 2/1"});
  }
  SECTION("what it was given has come") {
    s.done(large, a, 1, 5'000'000);
    CHECK(s.heard(large) == lines{"run 2/1"});
  }
  SECTION("another comes") {
    const peer_id other = s.worker_of("other", 10'000'000);
    CHECK(s.heard(other) == lines{"run 2/1"});
  }
  SECTION("it goes, and then who has no memory for it says so") {
    s.heard(small);
    const bool in_order = GENERATE(false, true);
    if (in_order)
      s.core.retire(s.now, large);
    else
      s.lose(large);
    const lines all = s.heard(small);
    CHECK(std::count(all.begin(), all.end(), "run 2/1") == 1);
  }
  SECTION("its client does not reach it") {
    unreached_offers m{};
    m.worker = large;
    m.tasks = {&a, 1};
    s.say(c, m);
    CHECK(s.heard(small) == lines{"run 2/1"});
  }
  SECTION("it says that it has less memory") {
    s.heard(small);
    heartbeat m{};
    m.mode = static_cast<std::uint32_t>(worker_mode::paused);
    m.memory_limit = 2'000'000;
    s.say(large, m);
    CHECK(s.heard(small) == lines{"run 2/1"});
  }
}

TEST_CASE("an offer is not kept from a paused worker by one that waits for another", "[scheduler]") {
  script s;
  const peer_id c = s.client(), other = s.client(), large = s.worker_of("large", 20'000'000);
  s.lease(other, 1);
  s.worker_of("small", 1'000'000);
  const peer_id paused = s.worker_of("paused", 10'000'000);
  s.beat(paused, worker_mode::paused);
  s.heard(large);
  const std::uint64_t last = GENERATE(7u, 1u);  // in the order of the ranks, and before it
  std::uint64_t rank = 10;
  const auto offered = [&](std::uint64_t bytes, std::uint64_t of) { return offers(s, c, 0, bytes, of); };
  for (int i = 0; i < 3; ++i) offered(15'000'000, rank++);
  CHECK(s.heard(paused).empty());
  const task_id b = offered(5'000'000, last + 10);
  CHECK(s.heard(paused) == lines{"run 4/1"});
  offered(15'000'000, 11), offered(5'000'000, 10), offered(4'000'000, 12);
  s.done(paused, b, 1, 5'000'000);
  CHECK(s.heard(paused) == lines{"run 6/1"});  // the first of them
  s.heard(large);
  s.lose(other);
  const lines all = s.heard(large);
  const auto runs = [](const std::string& line) { return line.starts_with("run "); };
  CHECK(std::count_if(all.begin(), all.end(), runs) == 5);
}

TEST_CASE("a paused worker may have what another client gives when one is slow", "[scheduler]") {
  constexpr time_ns second = 1'000'000'000;
  script s;
  const peer_id c = s.client(), other = s.client(), w = s.worker_of("w", 10'000'000'000);
  s.beat(w, worker_mode::paused);
  const task_id slow = offers(s, c, 0, 1'000'000'000);
  s.heard(w);
  s.tick(second / 2);
  for (const peer_id of : {c, other, other}) offers(s, of);
  CHECK(s.heard(w).empty());
  CHECK(s.core.deadline() == second);
  s.tick(second);
  CHECK(s.heard(w) == lines{"run 1/1"});  // of the other, and only one
  CHECK(s.core.deadline() > second);
  s.tick(2 * second);
  CHECK(s.heard(w).empty());  // both give
  CHECK(s.core.deadline() > 2 * second);
  const peer_id third = s.client();
  const task_id at_once = offers(s, third);
  CHECK(s.heard(w) == lines{"run 1/1"});
  s.done(w, make_task_id(other, 1), 1, 1'000'000);
  CHECK(s.heard(w).empty());
  CHECK(s.core.deadline() == 3 * second);
  s.tick(3 * second);
  CHECK(s.heard(w) == lines{"run 2/1"});
  for (const task_id id : {slow, at_once, make_task_id(other, 2)}) s.done(w, id, 1, 1'000'000);
  CHECK(s.heard(w) == lines{"run 2/1"});
}

TEST_CASE("an offer waits for the end of the lease of the worker that has memory for it", "[scheduler]") {
  script s;
  const peer_id c = s.client(), other = s.client(), large = s.worker_of("large", 20'000'000);
  s.lease(other, 1);
  s.worker_of("small", 1'000'000);
  s.heard(large);
  const task_id a = offers(s, c, 0, 5'000'000);
  CHECK(s.core.state_of(a) == task_state::held);
  REQUIRE(s.core.waiting().size() == 1);
  CHECK(s.core.waiting()[0].ends_with(": worker large has leased all its slots"));
  s.lose(other);
  CHECK(s.heard(large).back() == "run 1/1");
}

TEST_CASE("a wish for workers without memory for an offer lets others have it", "[scheduler]") {
  script s;
  const peer_id c = s.client(), small = s.worker_of("small", 1'000'000), large = s.worker_of("large", 20'000'000);
  s.options(c, 1, "", "small", "", true);
  s.options(c, 2, "", "small");
  offers(s, c, 1, 900'000);
  CHECK(s.heard(small) == lines{"run 1/1 options 1"});
  offers(s, c, 1, 5'000'000);
  CHECK(s.heard(large) == lines{"run 2/1 options 1"});
  offers(s, c, 2, 5'000'000);  // that is no wish: it says so
  CHECK(s.heard(small) == lines{"run 3/1 options 2"});
}

TEST_CASE("offers on their way are blamed last for the loss of a worker", "[scheduler]") {
  script s({.allowed_losses = 1});
  const peer_id c = s.client(), w = s.worker();
  const task_id a = offers(s, c), b = s.submit(c);
  s.lose(w);
  CHECK(s.core.state_of(a) == task_state::held);
  CHECK(s.core.state_of(b) == task_state::failed);
}

TEST_CASE("held offers keep nobody waiting where all workers are paused", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker_of("w", 10'000'000);
  s.beat(w, worker_mode::paused);
  const task_id a = offers(s, c), b = offers(s, c), plain = s.submit(c), next = s.submit(c);
  CHECK(s.heard(w) == lines{"run 1/1", "run 3/1"});
  s.done(w, plain);
  CHECK(s.heard(w) == lines{"run 4/1"});  // the first offer is still on its way
  s.done(w, a, 1, 1'000'000);
  CHECK(s.core.state_of(b) == task_state::held);
  s.done(w, next);
  CHECK(s.heard(w) == lines{"run 2/1"});
  const task_id much = offers(s, c, 0, 20'000'000), last = offers(s, c);
  s.done(w, b, 1, 1'000'000);
  CHECK(s.heard(w) == lines{"run 5/1"});  // there is no room for it, nor elsewhere: it says so
  s.failed(w, much);
  CHECK(s.heard(w) == lines{"run 6/1"});
  s.done(w, last, 1, 1'000'000);
}

TEST_CASE("an offered value that is lost is given once more, or its tasks fail", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker();
  const task_id a = offers(s, c), b = s.submit(c, {.inputs = {a}});
  s.done(v, a, 1, 1'000'000);
  s.heard(c);
  const peer_id w = s.worker();
  s.heard(w);
  s.lose(v);
  CHECK(s.heard(c) == lines{"restarted 1", "give 1 to 3"});
  CHECK(s.heard(w) == lines{"run 1/2"});
  const bool keeps_it = GENERATE(true, false);
  if (keeps_it) {
    s.done(w, a, 2, 1'000'000);
    CHECK(s.heard(c) == lines{"finished 1@3"});
    return;
  }
  s.about<withdraw_offers>(c, {a});
  CHECK(s.heard(c, true) ==
        lines{"failed 1 weft::lost #1.1",
              "weft: the value of #1.1 is lost: no worker has it, and the client that has scattered it cannot read "
              "it any more: scatter it again",
              "failed 2 weft::lost #1.1>#1.2",
              "weft: the value of #1.1 is lost: no worker has it, and the client that has scattered it cannot read "
              "it any more: scatter it again"});
  CHECK(s.heard(w) == lines{"stop 1/2"});
  s.about<retry_tasks>(c, {b});  // it may be there again
  CHECK(s.heard(c) == lines{"restarted 2 1", "give 1 to 3"});
}

TEST_CASE("a worker that does not get an offered value gives it back", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  const task_id a = offers(s, c);
  s.heard(c);
  s.retracted(w, a, 1, true);
  CHECK(s.heard(c) == lines{"give 1 to 2"});
  CHECK(s.heard(w) == lines{"run 1/1", "run 1/2"});
}

TEST_CASE("an offered value goes to a worker that its client reaches, or fails", "[scheduler]") {
  script s;
  const peer_id c = s.client(), other = s.client(), v = s.worker_of("v", 100'000'000);
  const auto unreached = [&](peer_id from, peer_id worker, std::vector<task_id> ids) {
    unreached_offers m{};
    m.worker = worker;
    m.tasks = ids;
    s.say(from, m);
  };
  const task_id a = offers(s, c);
  CHECK(s.heard(v) == lines{"run 1/1"});
  const peer_id w = s.worker_of("w", 100'000'000);
  s.heard(c);
  unreached(c, v, {a});
  CHECK(s.heard(v) == lines{"retract 1/1"});
  s.retracted(v, a, 1, true);
  CHECK(s.heard(c) == lines{"give 1 to " + std::to_string(w)});
  unreached(c, v, {a});  // it was wanted there once
  CHECK(s.heard(v).empty());
  const task_id b = offers(s, c);  // what comes later is spared that
  CHECK(s.heard(c) == lines{"give 2 to " + std::to_string(w)});
  offers(s, other);
  CHECK(s.heard(other) == lines{"give 1 to " + std::to_string(v)});
  s.done(w, a, 2, 1'000'000);
  unreached(c, w, {a, b});
  s.heard(c), s.heard(w);
  s.retracted(w, b, 1, true);
  CHECK(s.core.state_of(a) == task_state::memory);
  const std::string why = s.heard(c, true).back();
  CHECK(why ==
        "weft: the value of #1.2 is lost: no worker has it, and the client that has scattered it does not reach the "
        "workers that were to have it (v at , w at ): see that clients reach the addresses that workers announce, or "
        "let a task read or make the value");
  s.now = 600'000'000'001;  // it is tried again one day
  for (const peer_id p : {v, w}) s.beat(p);
  offers(s, c);
  CHECK(s.heard(c) == lines{"give 3 to " + std::to_string(v)});
  CHECK_THROWS_AS(unreached(c, v, {make_task_id(other, 1)}), protocol_error);
}

TEST_CASE("who has let go of what it offered hears when nothing can need it any more", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  const task_id a = offers(s, c), b = offers(s, c), user = s.submit(c, {.inputs = {b}});
  const task_id last = s.submit(c, {.inputs = {user}});
  s.heard(c), s.heard(w);
  s.about<release_tasks>(c, {a, b, user});
  CHECK(s.heard(c) == lines{"drop offer 1"});
  CHECK(s.heard(w) == lines{"stop 1/1"});
  SECTION("what was made of it is there, and nobody has its future") {
    s.done(w, b, 1, 1'000'000);
    s.done(w, user);
    s.done(w, last);
    CHECK(s.heard(c) == lines{"finished 2@2", "finished 4@2"});
    // The worker is lost: all of it is made again, in several steps.
    s.lose(w);
    const peer_id x = s.worker();
    CHECK(s.heard(c) == lines{"restarted 4", "give 2 to " + std::to_string(x)});
    s.done(x, b, 2, 1'000'000);
    s.done(x, user, 2);
    s.done(x, last, 2);
    CHECK(s.heard(c) == lines{"finished 2@" + std::to_string(x), "finished 4@" + std::to_string(x)});
  }
  SECTION("what needs it is still to run") {}
  SECTION("it could not be had, and may be tried again") {
    s.failed(w, b);
    CHECK(s.heard(c) == lines{"failed 4 std::runtime_error #1.2>#1.3>#1.4"});
  }
  s.about<release_tasks>(c, {last});
  CHECK(s.heard(c) == lines{"drop offer 2"});
}

TEST_CASE("the only copy of a value whose submitter has left is not let go of", "[scheduler]") {
  script s;
  const peer_id c = s.client(), other = s.client(), v = s.worker(1, "", "v"), w = s.worker(1, "", "w");
  s.options(c, 1, "", "", "v");
  const task_id a = offers(s, c, 1);
  s.done(v, a, 1, 1'000'000);
  s.options(other, 1, "", "", "w");
  const task_id b = s.submit(other, {.inputs = {a}, .options = 1});
  s.heard(v), s.heard(w), s.heard(other);
  const bool there = GENERATE(true, false);
  if (!there) s.lose(c);
  // The other worker does not reach it: while its submitter is there it is given anew.
  s.missing(w, a, v);
  if (there) {
    CHECK(s.heard(v) == lines{"drop 1", "run 1/2 options 1"});
    CHECK(s.heard(c).back() == "give 1 to " + std::to_string(v));
  } else {
    CHECK(s.heard(v).empty());
    CHECK(s.core.state_of(a) == task_state::memory);
    CHECK(s.core.state_of(b) == task_state::assigned);
  }
}

TEST_CASE("a worker that does not know of offers is not given any", "[scheduler]") {
  script s;
  const peer_id c = s.client();
  worker_hello old;
  old.name = "old";
  old.takes_offers = false;
  const task_id first = offers(s, c);
  const peer_id w = s.core.add_worker(0, old);
  CHECK(s.heard(c, true) == lines{"failed 1 weft::lost #1.1",
                                  "weft: the value of #1.1 is lost: no worker has it, and those that may have it do "
                                  "not know of values that clients give: start workers of this version"});
  const peer_id v = s.worker();
  s.heard(v);
  offers(s, c);
  CHECK(s.heard(c, true) == lines{"peer " + std::to_string(v), "give 2 to " + std::to_string(v)});
  CHECK(s.heard(w).empty());
  CHECK(s.core.state_of(first) == task_state::failed);
}

TEST_CASE("with its submitter an offer ends, whoever needs it", "[scheduler]") {
  script s;
  const peer_id c = s.client(), other = s.client(), w = s.worker();
  const task_id a = offers(s, c), alone = offers(s, c);
  const task_id b = s.submit(other, {.inputs = {a}});
  const bool there = GENERATE(false, true);
  if (there) s.done(w, a, 1, 1'000'000);
  s.lose(c);
  CHECK(s.core.state_of(alone) == task_state::free);
  if (there) {
    CHECK(s.core.state_of(a) == task_state::memory);
    CHECK(s.heard(other).empty());
    s.lose(w);
    s.worker();
  }
  CHECK(s.heard(other, true).back() ==
        "weft: the value of #1.1 is lost: no worker has it, and the client that has scattered it has left");
  CHECK(s.core.state_of(b) == task_state::failed);
}

TEST_CASE("an offer that is none ends the session", "[scheduler]") {
  const offered_call call{1'000'000, 77};
  const auto bytes = std::as_bytes(std::span(&call, 1));
  const auto submits = [](std::uint32_t flags, std::span<const std::byte> what, bool with_input) {
    script s;
    const peer_id c = s.client();
    const task_id a = s.submit(c);
    submit_task m{};
    m.id = make_task_id(c, 2);
    m.flags = task_wanted | task_offered | flags;
    m.call = what;
    if (with_input) m.inputs = {&a, 1};
    s.say(c, m);
  };
  CHECK_NOTHROW(submits(task_constant, bytes, false));
  CHECK_THROWS_AS(submits(0, bytes, false), protocol_error);
  CHECK_THROWS_AS(submits(task_constant, bytes, true), protocol_error);
  CHECK_THROWS_AS(submits(task_constant, bytes.first(8), false), protocol_error);
  script s;
  const peer_id c = s.client(), other = s.client();
  const task_id a = offers(s, c);
  CHECK_THROWS_AS(s.about<withdraw_offers>(other, {a}), protocol_error);
}

}  // namespace
