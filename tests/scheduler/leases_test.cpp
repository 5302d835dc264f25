// Leases: who gets the slots of which worker, and when.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "script.hpp"

namespace {

using namespace weft::test::scheduling;

void release(script& s, peer_id c, lease_id id) {
  lease_release m{};
  m.lease = id;
  s.say(c, m);
}
void opened(script& s, peer_id w, lease_id id, std::uint32_t attempt = 1) {
  lease_opened m{};
  m.lease = id;
  m.attempt = attempt;
  s.say(w, m);
}

TEST_CASE("a lease is granted when its worker has opened it", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker(2);
  const lease_id l = s.lease(c, 1);
  CHECK(s.heard(w) == lines{"open 1/1 of 1 by 41"});
  CHECK(s.heard(c).empty());
  opened(s, w, l);
  CHECK(s.heard(c) == lines{"granted 1@" + std::to_string(w) + " w1:1"});
  opened(s, w, l);  // again: nothing
  CHECK(s.heard(c).empty());
  CHECK(s.core.statistics().leased_slots == 1);
  CHECK(s.core.workers().front().leased == 1);
  release(s, c, l);
  CHECK(s.heard(w) == lines{"close 1/1"});
  release(s, c, l);
  CHECK(s.core.statistics().leases == 0);
  CHECK(s.core.workers().front().leased == 0);
}

TEST_CASE("leased slots are not used for tasks", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker(1);
  const lease_id l = s.lease(c, 1);
  opened(s, w, l);
  s.heard(w);
  const task_id t = s.submit(c);
  CHECK(s.heard(w).empty());
  const peer_id x = s.worker(1);  // somebody has room
  CHECK(s.heard(x) == lines{"run 1/1"});
  s.done(x, t);
  s.submit(c);
  s.submit(c);
  s.submit(c);
  CHECK(s.heard(w).empty());
  release(s, c, l);
  CHECK(s.heard(w) == lines{"close 1/1", "run 4/1"});
}

TEST_CASE("a worker whose slots are all leased is emptied first", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker(1);
  const task_id a = s.submit(c), b = s.submit(c), after = s.submit(c, {.inputs = {a}});
  CHECK(s.heard(w) == lines{"run 1/1", "run 2/1", "run 3/1 1@0"});
  const lease_id l = s.lease(c, 1);
  CHECK(s.heard(w) == lines{"stop 3/1", "retract 1/1 2/1"});
  s.retracted(w, b, 1, true);
  s.retracted(w, a, 1, false);
  CHECK(s.heard(w).empty());  // it has begun: asked again it would say the same
  s.done(w, a);
  CHECK(s.heard(w) == lines{"open 1/1 of 1 by 41"});
  opened(s, w, l);
  const peer_id x = s.worker(2);
  const lines there = s.heard(x);
  CHECK(there.size() == 2);
  CHECK(s.core.state_of(after) == task_state::assigned);
}

TEST_CASE("a worker that is emptied takes back what others have ahead of its tasks", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker(2), x = s.worker(1);
  const task_id known = s.submit(c);
  s.done(w, known);
  CHECK(s.heard(w) == lines{"run 1/1"});
  const task_id a = s.submit(c), b = s.submit(c);  // known, and small
  s.submit(c);
  const task_id t = s.submit(c, {.inputs = {a}}), d = s.submit(c, {.inputs = {t, b}});
  CHECK(s.heard(w) == lines{"run 2/1", "run 4/1", "run 5/1 2@0", "push 5 to 3"});
  CHECK(s.heard(x) == lines{"run 3/1", "run 6/1 5@2? 3@0"});
  s.lease(c, 1, 2);
  CHECK(s.heard(w) == lines{"stop 5/1", "retract 2/1 4/1"});
  CHECK(s.heard(x) == lines{"stop 6/1"});
  CHECK(s.core.state_of(t) == task_state::waiting);
  CHECK(s.core.state_of(d) == task_state::waiting);
}

TEST_CASE("a coroutine that waits does not keep the slots of its worker from a lease", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker(1);
  const task_id t = s.submit(c, {.flags = task_wanted | task_waits});
  CHECK(s.heard(w) == lines{"run 1/1"});
  const lease_id l = s.lease(c, 1);
  CHECK(s.heard(w) == lines{"open 1/1 of 1 by 41"});
  opened(s, w, l);
  s.done(w, t);
  CHECK(s.core.workers().front().leased == 1);
}

TEST_CASE("a worker short of memory is given no lease, and keeps those that it has", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker(2);
  const lease_id first = s.lease(c, 1);
  opened(s, w, first);
  s.heard(c);
  s.heard(w);
  s.beat(w, worker_mode::paused);
  CHECK(s.heard(c).empty());
  const lease_id second = s.lease(c, 2);
  CHECK(s.heard(w).empty());
  CHECK(s.core.statistics().leases_waiting == 1);
  s.beat(w);
  CHECK(s.heard(w) == lines{"open 2/1 of 1 by 42"});
  s.beat(w, worker_mode::paused);  // it was asked to, and has a place for it
  opened(s, w, second);
  CHECK(s.heard(c) == lines{"granted 2@" + std::to_string(w) + " w1:1"});
}

TEST_CASE("a worker that is being emptied for a lease, and runs short of memory, is let off", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker(1);
  const task_id a = s.submit(c);
  const lease_id l = s.lease(c, 1);
  CHECK(s.heard(w) == lines{"run 1/1", "retract 1/1"});
  s.retracted(w, a, 1, false);
  s.beat(w, worker_mode::paused);
  s.done(w, a);
  CHECK(s.heard(w).empty());
  CHECK(s.core.statistics().leased_slots == 0);
  const peer_id x = s.worker(1);
  CHECK(s.heard(x) == lines{"open 1/1 of 1 by 41"});
  opened(s, x, l);
  s.beat(w);
  const task_id b = s.submit(c);
  CHECK(s.heard(w) == lines{"run 2/1"});
  s.done(w, b);
}

TEST_CASE("leases wait in their order", "[scheduler]") {
  script s;
  const peer_id c = s.client(), d = s.client(), w = s.worker(2);
  const lease_id first = s.lease(c, 1, 2);
  opened(s, w, first);
  s.heard(w);
  s.heard(c);
  const lease_id second = s.lease(d, 1, 2);
  const lease_id third = s.lease(d, 2, 1);
  s.lease(d, 3, 9);  // more than anybody has: it keeps nobody waiting
  CHECK(s.heard(w).empty());
  CHECK(s.core.statistics().leases_waiting == 3);
  release(s, c, first);
  CHECK(s.heard(w) == lines{"close 1/1", "open 1/1 of 2 by 41"});
  opened(s, w, second);
  release(s, d, second);
  opened(s, w, third);
  CHECK(s.heard(w) == lines{"close 1/1", "open 2/1 of 1 by 42"});
  s.lose(d);
  CHECK(s.heard(w) == lines{"close 2/1"});
  CHECK(s.core.statistics().leases == 0);
}

TEST_CASE("a lease that waits for a large worker is not overtaken there by smaller ones", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker(2), small = s.worker(1);
  const lease_id one = s.lease(c, 1, 2);
  opened(s, w, one);
  const lease_id half = s.lease(c, 2, 1);
  opened(s, small, half);
  s.lease(c, 3, 2);
  s.lease(c, 4, 1);
  s.heard(w);
  s.heard(small);
  release(s, c, half);
  CHECK(s.heard(small) == lines{"close 2/1", "open 4/1 of 1 by 44"});
  release(s, c, one);
  CHECK(s.heard(w) == lines{"close 1/1", "open 3/1 of 2 by 43"});
}

TEST_CASE("a lease takes resources of its worker", "[scheduler]") {
  script s;
  const peer_id c = s.client(), plain = s.worker(4), w = s.worker(4, "gpu=1");
  s.options(c, 1, "gpu=1");
  const lease_id l = s.lease(c, 1, 1, "gpu=1");
  opened(s, w, l);
  CHECK(s.heard(plain).empty());
  s.lease(c, 2, 1, "gpu=0.5");
  s.submit(c, {.options = 1});
  CHECK(s.heard(w) == lines{"open 1/1 of 1 by 41"});
  release(s, c, l);
  CHECK(s.heard(w) == lines{"close 1/1", "open 2/1 of 1 by 42"});
}

TEST_CASE("a lease whose worker is lost, or let go, waits for another at its old place", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker(1), x = s.worker(1);
  const lease_id l = s.lease(c, 1);
  opened(s, w, l);
  s.lease(c, 2);
  opened(s, x, make_task_id(c, 2));
  s.lease(c, 3);
  s.heard(c);
  s.heard(x);
  s.lose(w);
  CHECK(s.heard(c) == lines{"lost 1"});
  const peer_id y = s.worker(1);
  CHECK(s.heard(y) == lines{"open 1/2 of 1 by 41"});
  opened(s, y, l, 1);  // not that one
  CHECK(s.heard(c).empty());
  opened(s, y, l, 2);
  CHECK(s.heard(c) == lines{"granted 1@" + std::to_string(y) + " w2:1"});
  s.core.retire(s.now, y);
  s.core.check_invariants();
  CHECK(s.heard(y) == lines{"mode 2", "close 1/2"});
  CHECK(s.heard(c) == lines{"lost 1"});
  s.tick(s.now + 1'000'000'000);
  const peer_id z = s.worker(1);
  CHECK(s.heard(z) == lines{"open 1/3 of 1 by 41"});
  s.lose(z);  // before it has answered: the client knows of nothing
  CHECK(s.heard(c).empty());
  s.lose(c);
  CHECK(s.heard(x) == lines{"close 2/1"});
}

TEST_CASE("what was called straight is counted", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  s.done(w, s.submit(c));
  leased_report m{};
  m.offset = 64;
  m.done = 10;
  m.failed = 2;
  m.cancelled = 1;
  m.nanoseconds = 10'000;
  m.bytes = 80;
  s.say(w, m);
  CHECK(s.core.statistics().done == 11);
  CHECK(s.core.statistics().failed == 2);
  CHECK(s.core.statistics().leased_calls == 13);
  REQUIRE(s.core.functions() == 1);
  CHECK(s.core.function(0).done == 11);
  CHECK(s.core.function(0).run_time == 1000);
  CHECK_THROWS_AS(s.say(c, m), protocol_error);
}

TEST_CASE("requests that cannot be are errors", "[scheduler]") {
  scheduler_options o;
  o.most_leases = 2;
  script s(o);
  const peer_id c = s.client(), d = s.client(), w = s.worker(1);
  CHECK_THROWS_AS(s.lease(c, 0), protocol_error);
  CHECK_THROWS_AS(s.lease(c, 1, 0), protocol_error);
  CHECK_THROWS_AS(s.lease(c, 1, 1u << 20), protocol_error);
  CHECK_THROWS_AS(s.lease(c, 1, 1, "gpu=much"), protocol_error);
  const lease_id l = s.lease(c, 1);
  CHECK_THROWS_AS(s.lease(c, 1), protocol_error);
  CHECK_THROWS_AS(release(s, d, l), protocol_error);
  CHECK_THROWS_AS(opened(s, c, l), protocol_error);
  opened(s, w, make_task_id(c, 9));  // it was released meanwhile
  s.lease(c, 2);
  CHECK_THROWS_AS(s.lease(c, 3), protocol_error);
  s.lease(d, 1);
  CHECK_THROWS_AS(s.say(c, open_lease{{l, 1, 1, 1}}), protocol_error);
}

}  // namespace
