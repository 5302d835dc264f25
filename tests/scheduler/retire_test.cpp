// Workers on their way out: what only they have is handed over, then they go.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "script.hpp"

namespace {

using namespace weft::test::scheduling;
constexpr time_ns ms = 1'000'000, second = 1'000 * ms;

TEST_CASE("a worker retires when what only it has is elsewhere", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker(), w = s.worker();
  const task_id a = s.submit(c), b = s.submit(c);
  s.done(v, a);
  s.heard(c);
  s.core.retire(s.now, v);
  CHECK(s.heard(v).back() == "mode 2");
  s.tick(s.core.deadline());
  CHECK(s.heard(w).back() == "copy 1@2");
  CHECK(s.core.take_departures().empty());
  s.submit(c);
  s.submit(c);
  CHECK(s.heard(v).empty());  // nothing new
  s.added(w, a);
  s.tick(s.now + 200 * ms);
  const auto gone = s.core.take_departures();
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].peer == v);
  CHECK(s.core.state_of(a) == task_state::memory);
  CHECK(s.core.state_of(b) == task_state::assigned);
}

TEST_CASE("a worker retires though a task that was to fetch its value elsewhere has gone", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker();
  const task_id a = s.submit(c);
  s.done(v, a);
  const task_id busy = s.submit(c);
  const peer_id w = s.worker();
  s.heard(w);
  const task_id t = s.submit(c, {.inputs = {a}});
  REQUIRE(s.heard(w) == lines{"run 3/1 1@2"});
  s.about<cancel_tasks>(c, {t});
  REQUIRE(s.heard(w) == lines{"stop 3/1"});
  const attempt_ref ended{t, 1, 0};
  cancelled_task m{};
  m.tasks = std::span(&ended, 1);
  s.say(w, m);
  s.done(v, busy);
  s.heard(w);
  s.core.retire(s.now, v);
  s.tick(s.now + second);
  const lines asked = s.heard(w);
  CHECK(std::find(asked.begin(), asked.end(), "copy 1@2") != asked.end());
  s.added(w, a);
  s.added(w, busy);
  s.tick(s.now + second);
  CHECK(s.core.take_departures().size() == 1);
}

TEST_CASE("what no other worker takes from one that retires is made again, unless it may not be", "[scheduler]") {
  script s;
  const std::uint32_t once = GENERATE(0u, std::uint32_t{task_once});
  const peer_id c = s.client(), v = s.worker();
  const task_id a = s.submit(c, {.flags = task_wanted | once});
  s.done(v, a);
  const task_id user = s.submit(c, {.inputs = {a}});
  const peer_id w = s.worker();
  s.heard(c), s.heard(v), s.heard(w);
  s.core.retire(s.now, v);
  s.tick(s.now + second);
  CHECK(s.heard(w) == lines{"copy 1@2"});
  s.missing(w, a, v, not_taken);
  s.tick(s.now + second);
  CHECK(s.heard(w).empty());  // a task there takes it
  CHECK(s.core.state_of(a) == task_state::memory);
  s.done(v, user);
  s.tick(s.now + second);
  const lines asked = s.heard(w);
  if (once != 0) {
    CHECK(asked.empty());
    CHECK(s.core.state_of(a) == task_state::memory);
    CHECK(s.core.take_departures().empty());
    return;
  }
  CHECK(std::find(asked.begin(), asked.end(), "run 1/2") != asked.end());
  s.added(w, user);
  s.done(w, a, 2);
  s.tick(s.now + second);
  CHECK(s.core.take_departures().size() == 1);
  s.core.check_invariants();
}

TEST_CASE("what a last task elsewhere may have been given holds no worker that retires", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker();
  const task_id a = s.submit(c);
  s.done(v, a, 1, 1 << 20);
  const peer_id w = s.worker(1, "gpu=1");
  s.options(c, 1, "gpu=1");
  const task_id d = s.submit(c, {.inputs = {a}, .options = 1});
  s.about<release_tasks>(c, {a});
  s.added(w, a);
  const peer_id x = s.worker();
  s.core.retire(s.now, v);
  s.core.retire(s.now, w);
  s.tick(s.now);
  const auto gone = s.core.take_departures();
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].peer == v);
  CHECK(s.heard(x).empty());
  s.done(w, d);
  s.tick(s.now + second);
  CHECK(s.heard(x) == lines{"copy 2@3"});
  s.added(x, d);
  s.tick(s.now + second);
  CHECK(s.core.take_departures().size() == 1);
}

TEST_CASE("a retiring worker that is alone keeps its values until another comes", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker();
  const task_id a = s.submit(c);
  s.done(v, a);
  s.core.retire(s.now, v);
  s.tick(s.now + second);
  CHECK(s.core.take_departures().empty());
  const peer_id w = s.worker();
  s.tick(s.now + second);
  CHECK(s.heard(w) == lines{"copy 1@2"});
  s.added(w, a);
  s.tick(s.now + second);
  CHECK(s.core.take_departures().size() == 1);
}

TEST_CASE("a retiring worker's values are shared out, and each is asked for once", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker_of("v", 10'000);
  std::vector<task_id> ids;
  for (int k = 0; k < 10; ++k) {
    ids.push_back(s.submit(c));
    s.done(v, ids.back(), 1, 100);
  }
  const peer_id w = s.worker_of("w", 1000), x = s.worker_of("x", 1000);
  s.core.retire(s.now, v);
  s.tick(s.now);
  const lines asked = s.heard(w), other = s.heard(x);
  CHECK(asked.size() == 5);
  CHECK(other.size() == 5);
  s.tick(s.now + second);
  CHECK(s.heard(w).empty());
  CHECK(s.heard(x).empty());
  for (const peer_id p : {w, x})
    for (const std::string& line : p == w ? asked : other)
      s.added(p, make_task_id(c, std::stoull(line.substr(line.find(' ') + 1))));
  s.tick(s.now + second);
  CHECK(s.core.take_departures().size() == 1);
}

TEST_CASE("values that no other worker has room for stay, and the others go", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker_of("v", 100'000);
  const task_id large = s.submit(c);
  s.done(v, large, 1, 5000);
  const task_id small = s.submit(c);
  s.done(v, small, 1, 100);
  const peer_id w = s.worker_of("w", 1000);
  s.core.retire(s.now, v);
  s.tick(s.now);
  CHECK(s.heard(w) == lines{"copy 2@2"});
  s.added(w, small);
  s.tick(s.now + second);
  CHECK(s.core.take_departures().empty());
  s.about<release_tasks>(c, {large});
  s.tick(s.now + second);
  CHECK(s.core.take_departures().size() == 1);
}

TEST_CASE("what a retiring worker makes while it hands over is handed over too", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker();
  const task_id a = s.submit(c), b = s.submit(c);
  s.done(v, a);
  const peer_id w = s.worker();
  s.heard(w);
  s.core.retire(s.now, v);
  s.tick(s.now);
  CHECK(s.heard(w) == lines{"copy 1@2"});
  s.added(w, a);
  s.tick(s.now + second);  // nothing is left of what was found
  CHECK(s.core.take_departures().empty());
  s.done(v, b);
  s.tick(s.now + second);
  CHECK(s.heard(w) == lines{"copy 2@2"});
  CHECK(s.core.take_departures().empty());
  s.added(w, b);
  s.tick(s.now + second);
  CHECK(s.core.take_departures().size() == 1);
}

TEST_CASE("what was handed over to a worker that is lost is handed over again", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker();
  const task_id a = s.submit(c), busy = s.submit(c);
  s.done(v, a);
  const peer_id w = s.worker(), x = s.worker();
  s.core.retire(s.now, v);
  s.tick(s.now);
  REQUIRE(s.heard(w) == lines{"copy 1@2"});
  s.added(w, a);
  s.tick(s.now + second);
  s.lose(w);
  s.heard(x);
  s.done(v, busy);
  s.tick(s.now + second);
  const lines again = s.heard(x);
  CHECK(std::count(again.begin(), again.end(), "copy 1@2") == 1);
  CHECK(std::count(again.begin(), again.end(), "copy 2@2") == 1);
  s.added(x, a);
  s.added(x, busy);
  s.tick(s.now + second);
  CHECK(s.core.take_departures().size() == 1);
}

TEST_CASE("who is asked to take a value over, and is to go too, is not waited for", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker();
  const task_id a = s.submit(c);
  s.done(v, a);
  const peer_id w = s.worker(), x = s.worker();
  s.core.retire(s.now, v);
  s.tick(s.now);
  REQUIRE(s.heard(w) == lines{"copy 1@2"});
  s.core.retire(s.now, w);
  s.tick(s.now + second);
  CHECK(s.heard(x) == lines{"copy 1@2"});
  CHECK(s.core.take_departures().size() == 1);  // w, which has nothing yet
  s.added(x, a);
  s.tick(s.now + second);
  CHECK(s.core.take_departures().size() == 1);
}

TEST_CASE("two workers that go at once hand a value that both have over to one other", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker(), w = s.worker();
  const task_id a = s.submit(c);
  s.done(v, a);
  s.core.replicate(s.now, std::vector<task_id>{a}, 2);
  s.added(w, a);
  const peer_id x = s.worker(), y = s.worker();
  s.core.retire(s.now, v);
  s.core.retire(s.now, w);
  s.tick(s.now);
  const lines asked = s.heard(x);
  CHECK(std::count(asked.begin(), asked.end(), "copy 1@3") >= 1);
  CHECK(s.heard(y).empty());
  s.added(x, a);
  s.tick(s.now + second);
  CHECK(s.core.take_departures().size() == 2);
}

TEST_CASE("very many values are handed over a part at a time", "[scheduler]") {
  constexpr std::size_t many = 20'000;
  script s;
  const peer_id c = s.client(), v = s.worker();
  std::vector<task_id> ids;
  std::vector<std::byte> said;
  for (std::size_t k = 0; k < many; ++k) ids.push_back(make_task_id(c, k + 1));
  batch_writer submissions, ends;
  for (const task_id id : ids) {
    submit_task m{};
    m.id = id;
    m.function.offset = 64;
    m.rank = number_of(id);
    m.flags = task_wanted;
    submissions.add(m);
  }
  s.raw(c, submissions.take());
  std::size_t ended = 0;
  while (ended != many) {
    batch_writer out;
    for (const std::string& line : s.heard(v)) {
      if (!line.starts_with("run ")) continue;
      done_task m{};
      m.id = make_task_id(c, std::stoull(line.substr(4)));
      m.attempt = 1;
      m.bytes = 8;
      m.nanoseconds = 1000;
      out.add(m);
      ++ended;
    }
    s.raw(v, out.take());
  }
  s.heard(c);
  const peer_id w = s.worker();
  s.heard(w);
  s.core.retire(s.now, v);
  std::size_t copied = 0;
  for (int step = 0; step < 10 && s.core.statistics().workers == 2; ++step) {
    s.tick(s.now + 100 * ms);
    const lines asked = s.heard(w);
    CHECK(asked.size() <= 8192);
    copied += asked.size();
    batch_writer out;
    for (const std::string& line : asked) {
      value_added m{};
      m.id = make_task_id(c, std::stoull(line.substr(5)));
      m.bytes = 8;
      m.worker = w;
      out.add(m);
    }
    s.raw(w, out.take());
  }
  CHECK(copied == many);
  CHECK(s.core.take_departures().size() == 1);
}

}  // namespace
