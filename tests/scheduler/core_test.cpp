// The scheduler's rules, each by a short story.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "script.hpp"

namespace {

using namespace weft::test::scheduling;
constexpr time_ns ms = 1'000'000;

TEST_CASE("a task runs, ends, is released and forgotten", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  const task_id a = s.submit(c, {.flags = task_wanted | task_inline});
  CHECK(s.heard(w) == lines{"run 1/1"});
  s.done(w, a, 1, 8, 1000, "value");
  CHECK(s.heard(c) == lines{"finished 1@2 value"});
  s.about<release_tasks>(c, {a});
  CHECK(s.heard(w) == lines{"drop 1"});
  CHECK(s.core.statistics().tasks == 0);
}

TEST_CASE("a value travels only when the submitter asks for that, and it is small", "[scheduler]") {
  script s({.most_inline = 8});
  const peer_id c = s.client(), w = s.worker();
  const task_id a = s.submit(c), b = s.submit(c, {.flags = task_wanted | task_inline});
  s.done(w, a, 1, 8, 1000, "value");
  s.done(w, b, 1, 20, 1000, "a long value");
  CHECK(s.heard(c, true) == lines{"peer 2", "finished 1@2", "finished 2@2"});
}

TEST_CASE("tasks that name one of many takers' inputs twice are forgotten", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  const task_id a = s.submit(c);
  s.done(w, a);
  std::vector<task_id> takers;
  for (int i = 0; i < 20; ++i) takers.push_back(s.submit(c, {.inputs = {a, a}}));
  for (const task_id t : takers) s.about<release_tasks>(c, {t});
  for (task_id& t : takers) t = s.submit(c, {.inputs = {a}});
  s.about<release_tasks>(c, takers);
  s.about<release_tasks>(c, {a});
  CHECK(s.core.statistics().tasks == 0);
}

TEST_CASE("modules, options and peers are defined before they are named", "[scheduler]") {
  script s;
  const peer_id c = s.client(), other = s.client(), w = s.worker();
  const std::string id = "build", called = "lib.so";
  for (const peer_id p : {c, other}) {
    define_module m{};
    m.index = 3;
    m.build_id = std::as_bytes(std::span(id));
    m.name = called;
    s.say(p, m);
    s.options(p, 7, "", "", "", false, 0, "key");
    submit_task t{};
    t.id = make_task_id(p, 1);
    t.function = {64, 3, 0};
    t.options = 7;
    t.flags = task_wanted;
    s.say(p, t);
  }
  CHECK(s.heard(w, true) ==
        lines{"module 1 lib.so", "options 1 key", "run 1/1 options 1 module 1", "run 1/1 options 1 module 1"});
}

TEST_CASE("small values go along to who takes them elsewhere", "[scheduler]") {
  script s({.kept_values = 16, .most_inline = 8});
  const peer_id c = s.client(), v = s.worker(1, "v=9"), w = s.worker(1, "w=1");
  s.options(c, 1, "v=1");
  s.options(c, 2, "w=1");
  const auto at_v = [&](std::uint32_t flags) { return s.submit(c, {.flags = task_wanted | flags, .options = 1}); };
  const auto at_w = [&](std::vector<task_id> inputs) {
    return s.submit(c, {.inputs = std::move(inputs), .options = 2});
  };
  const task_id a = at_v(task_inline), b = at_v(0), d = at_v(task_inline);
  at_w({a, b, d, a});
  s.done(v, a, 1, 8, 1000, "value");
  s.done(v, d, 1, 20, 1000, "a long value");
  s.done(v, b, 1, 8, 1000);
  CHECK(s.heard(w) == lines{"run 4/1 1@2+5 2@2 3@2 1@2 options 1"});
  // It is there now, or on its way.
  at_w({a});
  s.done(w, make_task_id(c, 4), 1, 8, 1000, "value");
  CHECK(s.heard(w) == lines{"run 5/1 1@2 options 1"});
  // Of more than are kept the last are asked for.
  std::vector<task_id> many;
  for (int i = 0; i < 4; ++i) many.push_back(at_v(task_inline));
  at_w(many);
  for (const task_id id : many) s.done(v, id, 1, 8, 1000, "value");
  s.done(w, make_task_id(c, 5), 1);
  CHECK(s.heard(w) == lines{"run 10/1 6@2+5 7@2 8@2 9@2 options 1"});
}

TEST_CASE("inputs are named with a holder; what is made or held here with none", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker(), w = s.worker();
  const task_id a = s.submit(c), b = s.submit(c);
  CHECK(s.heard(v) == lines{"run 1/1"});
  CHECK(s.heard(w) == lines{"run 2/1"});
  s.done(v, a, 1, 1000);
  s.done(w, b, 1, 10);
  s.submit(c, {.inputs = {a, b}});
  CHECK(s.heard(v) == lines{"run 3/1 1@0 2@3"});
  CHECK(s.heard(w).empty());
}

TEST_CASE("the last task that takes a large value may have it", "[scheduler]") {
  constexpr std::uint64_t large = 1 << 20;
  scheduler_options o;
  o.ahead = 0;
  script s(o);
  const peer_id c = s.client(), w = s.worker(2);
  const auto run_of = [&](std::uint64_t bytes, task_spec first, task_spec next, bool released) {
    const task_id a = s.submit(c, first);
    next.inputs = {a};
    const task_id b = s.submit(c, next);
    if (released) s.about<release_tasks>(c, {a});
    s.heard(w);
    s.done(w, a, 1, bytes);
    const lines said = s.heard(w);
    s.done(w, b);
    s.about<release_tasks>(c, {a, b});
    s.heard(w);
    return said.size() == 1 && said.front().ends_with(" for good");
  };
  CHECK(run_of(large, {}, {}, true));
  CHECK_FALSE(run_of(large, {}, {}, false));  // its submitter may want it
  CHECK_FALSE(run_of(8, {}, {}, true));       // to copy it costs nothing
  task_spec again, once;
  again.retries = 1;
  CHECK_FALSE(run_of(large, {}, again, true));  // it would be wanted again
  once.flags |= task_once;
  CHECK_FALSE(run_of(large, once, {}, true));  // nobody could make it again

  const task_id a = s.submit(c);
  task_spec of_a;
  of_a.inputs = {a};
  const task_id b = s.submit(c, of_a), d = s.submit(c, of_a);
  s.about<release_tasks>(c, {a});
  s.heard(w);
  s.done(w, a, 1, large);
  CHECK(s.heard(w) == lines{"run 12/1 11@0", "run 13/1 11@0"});
  s.done(w, b);
  s.retracted(w, d, 1, true);
  CHECK(s.heard(w) == lines{"run 13/2 11@0 for good"});
}

TEST_CASE("what nobody waits for goes with other messages, or a little later", "[scheduler]") {
  script s({}, 5 * ms);
  const peer_id c = s.client(), w = s.worker(2);
  const task_id a = s.submit(c), b = s.submit(c), large = s.submit(c);
  s.heard(w);
  s.done(w, a);
  s.done(w, b);
  s.done(w, large, 1, 1 << 20);
  s.about<release_tasks>(c, {a});
  CHECK(s.heard(w).empty());
  s.submit(c);
  CHECK(s.heard(w) == lines{"drop 1", "run 4/1"});
  s.about<release_tasks>(c, {b});
  s.tick(4 * ms);
  CHECK(s.heard(w).empty());
  s.tick(5 * ms);
  CHECK(s.heard(w) == lines{"drop 2"});
  // Memory is not lazy.
  s.about<release_tasks>(c, {large});
  CHECK(s.heard(w) == lines{"drop 3"});
}

TEST_CASE("cancelled tasks take their dependents with them; running ones are stopped", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  const task_id a = s.submit(c), b = s.submit(c, {.inputs = {a}});
  s.heard(w);
  s.about<cancel_tasks>(c, {a});
  CHECK(s.heard(c) == lines{"cancelled 1 2"});
  CHECK(s.heard(w) == lines{"stop 1/1 2/1"});
  s.about<retry_tasks>(c, {b});
  CHECK(s.heard(w) == lines{"run 1/2", "run 2/2 1@0"});
  s.about<release_tasks>(c, {a, b});
  CHECK(s.heard(w) == lines{"stop 2/2 1/2"});
  CHECK(s.core.statistics().tasks == 0);
}

TEST_CASE("clients ask where a value is; each time another place is named", "[scheduler]") {
  script s;
  const peer_id c = s.client(), v = s.worker(), w = s.worker();
  const task_id a = s.submit(c);
  s.done(v, a);
  s.added(w, a);
  s.heard(c);
  s.about<locate_tasks>(c, {a});
  CHECK(s.heard(c) == lines{"finished 1@3"});
  s.about<locate_tasks>(c, {a});
  CHECK(s.heard(c) == lines{"finished 1@2"});
  s.about<value_dropped>(v, {a});
  s.about<locate_tasks>(c, {a});
  CHECK(s.heard(c) == lines{"finished 1@3"});
  s.about<value_dropped>(w, {a});
  CHECK(s.heard(c) == lines{"restarted 1"});
}

TEST_CASE("who leaves wants nothing any more; workers submit too", "[scheduler]") {
  script s;
  const peer_id c = s.client(), d = s.client(), v = s.worker(), w = s.worker();
  const task_id a = s.submit(c), b = s.submit(d, {.inputs = {a}}), e = s.submit(c);
  const task_id f = s.submit(v);
  CHECK(s.core.statistics().tasks == 4);
  s.lose(c);
  CHECK(s.core.state_of(a) == task_state::assigned);  // another needs it
  CHECK(s.core.state_of(e) == task_state::free);
  s.lose(v);
  CHECK(s.core.state_of(f) == task_state::free);
  CHECK(s.core.state_of(b) != task_state::failed);
  s.lose(d);
  CHECK(s.core.statistics().tasks == 0);
  (void)w;
}

TEST_CASE("who asks about the cluster faster than he takes answers is refused", "[scheduler]") {
  script s;
  const peer_id c = s.client();
  for (int k = 0; k < 100; ++k) s.worker();
  batch_writer many;
  for (std::uint64_t k = 0; k < 20'000; ++k) {
    ask_cluster ask{};
    ask.request = k;
    many.add(ask);
  }
  CHECK_THROWS_WITH(s.raw(c, many.take()), Catch::Contains("asks about the cluster"));
}

TEST_CASE("a chain of a million tasks comes and goes without recursion", "[scheduler]") {
  scheduler_core core;
  const peer_id c = core.add_client(0, {});
  batch_writer out;
  task_id last = 0;
  for (std::uint64_t n = 1; n <= 1'000'000; ++n) {
    submit_task m{};
    m.id = make_task_id(c, n);
    m.flags = n == 1'000'000 ? task_wanted : 0u;
    m.inputs = {&last, last == 0 ? 0u : 1u};
    out.add(m);
    last = m.id;
  }
  std::vector<std::byte> bytes = out.take();
  batch_reader reader(bytes);
  core.receive(0, c, reader);
  CHECK(core.statistics().tasks == 1'000'000);
  release_tasks m{};
  m.tasks = {&last, 1};
  out.add(m);
  bytes = out.take();
  batch_reader again(bytes);
  core.receive(0, c, again);
  CHECK(core.statistics().tasks == 0);
}

}  // namespace
