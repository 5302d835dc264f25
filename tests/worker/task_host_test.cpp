// Values that come to a worker's tasks, and are dropped, wanted again or lost on their way.
#include "worker/bench.hpp"

namespace {

using namespace weft::net;
using namespace weft::net::test;

constexpr task_id value = 90;

/// Its codec throws what is no std::exception.
struct stubborn {
  int x = 0;
};
void weft_encode(weft::encoder& e, const stubborn& s) { weft::encode(e, s.x); }
stubborn weft_decode(weft::decoder&, std::type_identity<stubborn>) { throw 42; }

/// What names values of a type that are offered.
template <class T>
function_ref values_of(const weft::client& c) {
  weft::detail::node* const n = new weft::detail::plain_node<T>(*c.get_engine(), T());
  function_ref f{};
  f.offset = weft::detail::name_of(*n->type->portable(*n)->entry).offset;
  n->type->value->end(*n);
  n->type->release(*n);
  return f;
}

}  // namespace

TEST_CASE("an offered value that cannot be taken fails its task, which says why", "[worker]") {
  bench b;
  const task_id offered = make_task_id(7, 1);
  const auto expect = [&](const function_ref& f) {
    const offered_call call{80'000, 77};
    b.hear(run_task{{offered, f, offered, 0, 1, task_constant | task_offered, 0, 0, 0},
                    {},
                    std::as_bytes(std::span(&call, 1)),
                    {}});
    b.peer_resumed(giver_of(7));
    return b.request();
  };
  SECTION("its codec throws something") {
    const arriving a = b.begin(expect(values_of<stubborn>(b.engine)), some(1), offered, 0);
    CHECK_FALSE(a.where.wanted);
    CHECK_THAT(b.failure(offered), Catch::Contains("its type has thrown what is no std::exception"));
  }
  SECTION("it is of another type") {
    const arriving a = b.begin(expect(values_of<numbers>(b.engine)), some(1), offered, 1);
    CHECK_FALSE(a.where.wanted);
    CHECK_THAT(b.failure(offered), Catch::Contains("is of another type"));
  }
  SECTION("it is refused") {
    const std::uint64_t request = expect(values_of<numbers>(b.engine));
    b.refuse(request, offered, std::make_exception_ptr(std::runtime_error("it is too large")));
    CHECK(b.failure(offered) == "it is too large");
  }
  CHECK(b.core.empty());
}

TEST_CASE("an offered value has its room in the store before it has come", "[worker]") {
  constexpr std::size_t n = 10'000, bytes = n * sizeof(double);
  bench b;
  const task_id offered = make_task_id(7, 1);
  const auto in_memory = [&] { return b.engine.memory().in_memory; };
  const offered_call call{bytes, 77};
  b.hear(run_task{{offered, values_of<numbers>(b.engine), offered, 0, 1, task_constant | task_offered, 0, 0, 0},
                  {},
                  std::as_bytes(std::span(&call, 1)),
                  {}});
  b.peer_resumed(giver_of(7));
  const std::uint64_t before = in_memory();
  arriving a = b.begin(b.request(), some(1, n), offered);
  REQUIRE(a.where.wanted);
  CHECK(in_memory() >= before + bytes);
  CHECK(in_memory() < before + bytes + 1'000);
  SECTION("it comes") {
    a.write();
    b.end(std::move(a));
    CHECK(in_memory() == before + bytes + sizeof(numbers));
  }
  SECTION("it is cut off, and begins anew") {
    b.cut_off(offered, std::move(a.where));
    b.peer_interrupted(giver_of(7));
    b.peer_resumed(giver_of(7));
    arriving again = b.begin(b.request(), some(1, n), offered);
    REQUIRE(again.where.wanted);
    CHECK(in_memory() < before + bytes + 1'000);
    again.write();
    b.end(std::move(again));
    CHECK(in_memory() == before + bytes + sizeof(numbers));
  }
  SECTION("it is not wanted any more") {
    b.stop_attempt(offered);
    CHECK(in_memory() >= before + bytes);  // the link may be reading into it
    b.cut_off(offered, std::move(a.where));
    CHECK(in_memory() == before);
    return;
  }
  b.drop_value(offered);
  CHECK(in_memory() == before);
}

TEST_CASE("a value that is dropped while it lands keeps its memory until the link lets go", "[worker]") {
  const bool for_a_task = GENERATE(true, false);
  bench b;
  if (for_a_task)
    b.run(10, value);
  else
    b.copy(value);
  auto first = b.begin(b.request(), some(1), value);
  REQUIRE(first.where.wanted);
  b.stop_attempt(10);
  b.drop_value(value);
  first.write();
  SECTION("and is thrown away then") {
    b.end(std::move(first));
    CHECK(b.core.empty());
  }
  SECTION("and is not taken for what is asked for again") {
    b.run(11, value);
    auto second = b.begin(b.request(), some(2), value);
    REQUIRE(second.where.wanted);
    b.end(std::move(first));
    second.write();
    b.end(std::move(second));
    CHECK(b.result(11) == total(some(2)));
  }
  SECTION("and is cut off, where another is coming") {
    b.run(11, value);
    auto second = b.begin(b.request(), some(2), value);
    b.cut_off(value, std::move(first.where));
    second.write();
    b.end(std::move(second));
    CHECK(b.result(11) == total(some(2)));
  }
}

TEST_CASE("a value that is dropped and wanted again before its request has ended is asked for again", "[worker]") {
  bench b;
  b.copy(91);
  b.copy(value);
  const std::uint64_t both = b.request();
  auto first = b.begin(both, some(1), value);
  REQUIRE(first.where.wanted);
  b.drop_value(value);
  b.run(11, value);
  first.write();
  b.end(std::move(first));
  b.answer(both, some(3), 91);
  b.answer(b.request(), some(2), value);
  CHECK(b.result(11) == total(some(2)));
}

TEST_CASE("a value whose answer came while nobody wanted it is asked for again", "[worker]") {
  bench b;
  b.copy(91);
  b.copy(value);
  const std::uint64_t both = b.request();
  b.drop_value(value);
  SECTION("one that could have landed") {
    const auto late = b.begin(both, some(1), value);
    CHECK_FALSE(late.where.wanted);
    CHECK_FALSE(late.where.over);
  }
  SECTION("one that was too large") {
    b.refuse(both, value, std::make_exception_ptr(weft::codec_error("it is too large")));
  }
  b.run(11, value);
  b.answer(both, some(3), 91);
  b.answer(b.request(), some(2), value);
  CHECK(b.result(11) == total(some(2)));
  CHECK(b.missed() == 0);
}

TEST_CASE("what is landing when a worker ends stays until the link lets go", "[worker]") {
  const bool for_a_task = GENERATE(true, false);
  arriving left;
  {
    bench b;
    if (for_a_task)
      b.run(10, value);
    else
      b.copy(value);
    left = b.begin(b.request(), some(1), value);
    REQUIRE(left.where.wanted);
  }
  left.write();
}

TEST_CASE("a value of another type than its task takes fails the task, and not its holder", "[worker]") {
  bench b;
  b.run(10, value);
  const arriving wrong = b.begin(b.request(), some(1), value, 7);
  CHECK_FALSE(wrong.where.wanted);
  CHECK(b.failure(10).find("another type") != std::string::npos);
  CHECK(b.missed() == 0);
  b.run(11, 91);
  b.answer(b.request(), some(2), 91);  // the peer is asked for others
  CHECK(b.result(11) == total(some(2)));
}

TEST_CASE("a copy of another type than the tasks take that come later fails each of them", "[worker]") {
  bench b;
  b.copy(value);
  arriving wrong = b.begin(b.request(), some(1), value, 7);
  REQUIRE(wrong.where.wanted);  // nobody knows better yet
  wrong.write();
  b.end(std::move(wrong));
  for (const task_id id : {task_id{10}, task_id{11}}) {
    b.run(id, value);
    CHECK(b.failure(id).find("another type") != std::string::npos);
  }
  CHECK(b.missed() == 0);
}

TEST_CASE("a coroutine whose time is over is stopped in the engine", "[worker]") {
  bench b;
  b.run_for(fetcher::never, 10, value);
  b.run_for(3'600'000'000'000, 11, value);
  b.answer(b.request(), some(1), value);
  b.advance(3'600'000'000'000);
  CHECK(b.failure(11) == "weft: the task's time limit is over");
  b.stop_attempt(10);
  REQUIRE(b.wait([&] { return b.core.tasks() == 0; }));
}

TEST_CASE("an answer that comes while the one before has not been cut off is asked for again", "[worker]") {
  bench b;
  b.run(10, value);
  auto first = b.begin(b.request(), some(1), value);
  REQUIRE(first.where.wanted);
  b.hear(value_at{{value, 80'000, 3, 0}});
  b.hear(peer_gone{{2, 0}});
  const auto second = b.begin(b.request(), some(2), value);
  CHECK_FALSE(second.where.wanted);
  CHECK_FALSE(second.where.over);
  b.cut_off(value, std::move(first.where));
  b.answer(b.request(), some(2), value);
  CHECK(b.result(10) == total(some(2)));
}

TEST_CASE("an answer to a request that is over goes nowhere", "[worker]") {
  bench b;
  b.run(10, value);
  const std::uint64_t before = b.request();
  b.peer_lost(2);
  const std::uint64_t request = b.request();
  const auto late = b.begin(before, some(1), value);
  CHECK_FALSE(late.where.wanted);
  CHECK(late.where.over);
  b.answer(request, some(2), value);
  CHECK(b.result(10) == total(some(2)));
}

TEST_CASE("a task waits for a copy that is landing, and for the next if that is cut off", "[worker]") {
  bench b;
  b.copy(value);
  auto first = b.begin(b.request(), some(1), value);
  REQUIRE(first.where.wanted);
  b.run(10, value);
  b.news();  // the engine wants it
  SECTION("it comes") {
    first.write();
    b.end(std::move(first));
    CHECK(b.result(10) == total(some(1)));
  }
  SECTION("its link breaks") {
    b.cut_off(value, std::move(first.where));
    b.peer_lost(2);
    b.answer(b.request(), some(2), value);
    CHECK(b.result(10) == total(some(2)));
  }
}

TEST_CASE("a value that has come along with a task is sent on before the task begins", "[worker]") {
  bench b;
  weft::encoder e(weft::encoder::buffers::copied);
  weft::encode(e, some(1, 100));
  const auto bytes = static_cast<std::uint32_t>(e.message().size());
  const input_ref inputs[] = {{value, 800, 2, bytes}, {91, 800, 2, promised_input}};
  b.hear(run_task{{10, {}, 10, 0, 1, 0, 0, 0, 0}, inputs, {}, e.message()});
  const outgoing_value v = b.tasks.find(value);
  REQUIRE(v.copy);
  REQUIRE(v.copy->size() == 1);
  CHECK(std::ranges::equal(v.copy->front(), e.message()));

  const bool for_a_task = GENERATE(true, false);
  bench other;
  if (for_a_task)
    other.run(11, value);
  else
    other.copy(value);
  value_header h{};
  h.request = other.request();
  h.id = value;
  h.schema = v.schema;
  h.message = v.copy->front();
  value_landing where = other.land(h);
  REQUIRE(where.wanted);
  other.landed(h.request, value, std::move(where));
  if (!for_a_task) other.run(11, value);
  CHECK(other.result(11) == total(some(1, 100)));
}
