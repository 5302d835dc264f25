// Values that a worker gives to the last task that takes them.
#include <atomic>
#include <catch2/catch.hpp>
#include <stdexcept>
#include <vector>

#include "worker/bench.hpp"

namespace {

using namespace weft::net;
using namespace weft::net::test;
using taken_numbers = std::vector<weft::future<numbers>>;

constexpr task_id theirs = 90, promised = 91, fetched = 92, made = 20;

std::atomic<int> taken{0}, copied{0};
std::atomic<bool> runs{false}, may_take{true}, fails{false};

numbers doubled(const numbers& v) {
  numbers twice = v;
  for (double& x : twice) x *= 2;
  return twice;
}
/// In its input's memory, where it may have that.
double total_in_place(weft::values<numbers> v) {
  runs = true;
  runs.notify_all();
  may_take.wait(false);
  numbers own;
  if (numbers* given = v.take(0)) {
    ++taken;
    own = std::move(*given);
  } else {
    ++copied;
    own = v[0];
  }
  if (fails) throw std::runtime_error("not this time");
  return total(own) + (v.size() > 1 ? total(v[1]) : 0);
}

/// A worker that has made a value.
struct place {
  place() {
    taken = copied = 0;
    runs = fails = false;
    may_take = true;
    const function_ref f = encode_call(w.engine, &doubled, make_);
    const auto one = [&] { return w.engine.scatter(numbers{1}); };
    in_place_ = encode_call_of(w.engine, &total_in_place, taken_numbers{one()}, total_);
    both_ = encode_call_of(w.engine, &total_in_place, taken_numbers{one(), one()}, both_call_);
    const input_ref from{theirs, 80'000, 2, 0};
    w.hear(run_task{{made, f, 1, 0, 1, 0, 0, 0, 0}, {&from, 1}, make_.message(), {}});
    w.copy(theirs);  // stays here
    w.answer(w.request(), some(1), theirs);
    w.result(made);
  }
  void add_up(task_id id, std::uint16_t last_uses, task_id of = made, peer_id at = 0) {
    const input_ref from{of, 80'000, at, 0};
    w.hear(run_task{{id, in_place_, id, 0, 1, task_inline, 0, 0, last_uses}, {&from, 1}, total_.message(), {}});
  }
  /// The same of two values, the second of which another worker is to make.
  void add_up_with_promised(task_id id, std::uint16_t last_uses) {
    const input_ref from[] = {{made, 80'000, 0, 0}, {promised, 8, 3, promised_input}};
    w.hear(run_task{{id, both_, id, 0, 1, task_inline, 0, 0, last_uses}, from, both_call_.message(), {}});
  }
  void bring_promised() {
    weft::encoder e(weft::encoder::buffers::copied);
    weft::encode(e, numbers{8});
    give_value m{};
    m.id = promised;
    m.bytes = 8;
    m.message = e.message();
    w.hear(m);
  }
  /// What peers would be given.
  bool has_value() {
    return w.locked([&] {
      const outgoing_value v = w.tasks.find(made);
      return v.node || v.copy;
    });
  }

  bench w;

 private:
  weft::encoder make_{weft::encoder::buffers::copied}, total_{weft::encoder::buffers::copied},
      both_call_{weft::encoder::buffers::copied};
  function_ref in_place_{}, both_{};
};
const double sum = 2 * total(some(1));

}  // namespace

TEST_CASE("the last task that takes a value has it, and no other has it then", "[worker]") {
  place p;
  p.add_up(30, 1);
  CHECK(p.w.result(30) == sum);
  CHECK(taken == 1);
  CHECK_FALSE(p.has_value());
  // The scheduler may not know yet: who is to take it comes back, behind the word that it is gone.
  p.add_up(31, 1);
  CHECK(p.w.wait([&] { return p.w.was_given_back(31) && p.w.was_dropped(made); }));
  CHECK(copied == 0);
}

TEST_CASE("what is fetched for its last task is given to it too", "[worker]") {
  place p;
  p.add_up(30, 1, fetched, 2);
  p.w.answer(p.w.request(), some(1), fetched);
  CHECK(p.w.result(30) == sum / 2);
  CHECK(taken == 1);
  p.add_up(31, 1, fetched);
  CHECK(p.w.wait([&] { return p.w.was_given_back(31) && p.w.was_dropped(fetched); }));
  p.add_up(32, 0, fetched, 2);
  p.w.answer(p.w.request(), some(1), fetched);
  CHECK(p.w.result(32) == sum / 2);
  CHECK(copied == 1);
}

TEST_CASE("a value that others take too is copied", "[worker]") {
  place p;
  p.add_up(30, 0);
  CHECK(p.w.result(30) == sum);
  p.add_up(31, 0);
  CHECK(p.w.result(31) == sum);
  CHECK(copied == 2);
  CHECK(p.has_value());
}

TEST_CASE("a value that others have asked for is not given away", "[worker]") {
  place p;
  may_take = false;
  p.add_up(30, 1);
  runs.wait(false);
  const bool a_peer = GENERATE(true, false);
  outgoing_value sent;
  if (a_peer)
    sent = p.w.locked([&] { return p.w.tasks.find(made); });
  else
    p.add_up(31, 0);
  may_take = true;
  may_take.notify_all();
  CHECK(p.w.result(30) == sum);
  if (!a_peer) CHECK(p.w.result(31) == sum);
  if (!a_peer) return;  // whoever is the last of the two may have had it
  CHECK(taken == 0);
  CHECK(sent.node);
  CHECK(p.has_value());
}

// The scheduler has given a task up that cannot be stopped, and counts on the value for another, which waits here.
TEST_CASE("a task that waits for another input is not given what was taken meanwhile", "[worker]") {
  place p;
  may_take = false;
  const bool was_last = GENERATE(false, true);
  p.add_up(30, was_last ? 1 : 0);
  runs.wait(false);
  p.add_up_with_promised(31, 1);
  may_take = true;
  may_take.notify_all();
  CHECK(p.w.result(30) == sum);
  CHECK(taken == (was_last ? 1 : 0));
  const bool told = GENERATE(false, true);
  if (told) p.w.wait([] { return true; });
  p.bring_promised();
  if (was_last) {
    CHECK(p.w.wait([&] { return p.w.was_given_back(31); }));
  } else {
    CHECK(p.w.result(31) == sum + 8);
  }
}

TEST_CASE("a task that had a value and fails says why, and the value is made anew", "[worker]") {
  place p;
  fails = true;
  p.add_up(30, 1);
  CHECK(p.w.failure(30) == "not this time");
  CHECK(taken == 1);
  fails = false;
  p.add_up(31, 0);
  CHECK(p.w.wait([&] { return p.w.was_given_back(31) && p.w.was_dropped(made); }));
}

TEST_CASE("a task that comes back before it has begun leaves the value", "[worker]") {
  place p;
  may_take = false;
  p.add_up(30, 0, theirs);
  p.add_up(31, 0, theirs);  // both threads
  p.add_up(32, 1);
  const attempt_ref one{32, 1, 0};
  p.w.hear(retract_tasks{{}, {&one, 1}});
  CHECK(p.w.wait([&] { return p.w.was_given_back(32); }));
  may_take = true;
  may_take.notify_all();
  CHECK(p.w.result(30) == sum / 2);
  CHECK(p.w.result(31) == sum / 2);
  CHECK(taken == 0);
  p.add_up(33, 1);
  CHECK(p.w.result(33) == sum);
  CHECK(taken == 1);
}
