// What no scheduler says.
#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <vector>

#include "support/seeds.hpp"
#include "worker/script.hpp"

using namespace weft::net;
using weft::net::test::script;

namespace {

run_task a_task(task_id id) { return run_task{{id, {}, id, 0, 1, 0, 0, 0, 0}, {}, {}, {}}; }

void hear_bytes(script& s, std::span<const std::byte> bytes) {
  batch_reader reader(bytes);
  s.core.receive(0, reader);
}

}  // namespace

TEST_CASE("messages that refer to nothing are errors", "[worker]") {
  script s;
  run_task t = a_task(0);
  CHECK_THROWS_AS(s.hear(t), protocol_error);
  t = a_task(10);
  t.attempt = 0;
  CHECK_THROWS_AS(s.hear(t), protocol_error);
  t = a_task(10);
  t.function.module = 3;
  CHECK_THROWS_WITH(s.hear(t), "weft: the scheduler sent task 10: its module is not defined");
  s.hear(define_module{{3, 0}, {}, {}});
  t.options = 5;
  CHECK_THROWS_AS(s.hear(t), protocol_error);
  s.hear(define_options{{5, 0, 0, 0}, {}, {}, {}, {}});
  s.hear(t);
  CHECK(s.called() == script::strings{"module 3", "options 5", "submit 10"});
  CHECK_THROWS_AS(s.hear(define_module{{3, 0}, {}, {}}), protocol_error);
  CHECK_THROWS_AS(s.hear(define_module{{0, 0}, {}, {}}), protocol_error);
  CHECK_THROWS_AS(s.hear(define_module{{1u << 31, 0}, {}, {}}), protocol_error);
  CHECK_THROWS_AS(s.hear(define_options{{1u << 31, 0, 0, 0}, {}, {}, {}, {}}), protocol_error);
  s.hear(define_options{{5, 0, 0, 0}, {}, {}, {}, {}});  // numbers of options are used again
  CHECK(s.called() == script::strings{"options 5"});
  CHECK_THROWS_AS(s.run(11, 1, {{0}}), protocol_error);
  CHECK_THROWS_AS(s.run(11, 1, {{11}}), protocol_error);
  CHECK_THROWS_AS(s.run(11, 1, {{90, 2}, {91, 77}}), protocol_error);
  const input_ref with_value{90, 1, 2, 9};
  const std::vector<std::byte> shorter(8);
  t = a_task(11);
  t.inputs = {&with_value, 1};
  t.values = shorter;
  CHECK_THROWS_WITH(s.hear(t), "weft: the scheduler sent task 11: its values have another size than its inputs say");
  CHECK_THROWS_AS(s.hear(copy_value{{90, 1, 77, 0}}), protocol_error);
  CHECK_THROWS_AS(s.hear(copy_value{{0, 1, 2, 0}}), protocol_error);
  CHECK_THROWS_AS(s.hear(value_at{{90, 1, 77, 0}}), protocol_error);
  CHECK_THROWS_AS(s.hear(set_mode{{4, {}}}), protocol_error);
  CHECK_THROWS_AS(s.hear(peer_info{{1u << 24, 0, {}}, {}, {}}), protocol_error);
  CHECK_THROWS_AS(s.hear(task_cancelled{}), protocol_error);
  CHECK_THROWS_WITH(s.run(11, 1, {}, 0, -1), Catch::Contains("11") && Catch::Contains("time left"));
  s.hear(peer_gone{{77, 0}});
  CHECK(s.called().empty());  // what is refused leaves no trace
  CHECK(s.core.tasks() == 1);
}

TEST_CASE("arbitrary bytes are an error, or a message, and never a crash", "[worker]") {
  for (const std::uint64_t seed : weft::test::seed_range(20'000)) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    script s;
    batch_writer w;
    const auto id = [&] { return 1 + random() % 12; };
    for (int rounds = 0; rounds < 4; ++rounds) {
      for (int n = 0; n < 8; ++n) {
        const std::vector<input_ref> inputs(random() % 3, {id(), 10, static_cast<peer_id>(random() % 4), 0});
        const std::vector<task_id> ids{id(), id()};
        const std::vector<attempt_ref> attempts{{id(), 1, 0}, {id(), 1, 0}};
        switch (random() % 9) {
          case 0:
            w.add(define_module{{static_cast<std::uint32_t>(random() % 3), 0}, {}, {}});
            break;
          case 1:
            w.add(drop_values{{}, ids});
            break;
          case 2:
            w.add(stop_tasks{{}, attempts});
            break;
          case 3:
            w.add(retract_tasks{{}, attempts});
            break;
          case 4:
            w.add(copy_value{{id(), 10, 2, 0}});
            break;
          case 5:
            w.add(set_mode{{static_cast<std::uint8_t>(random() % 3), {}}});
            break;
          default:
            w.add(run_task{{id(),
                            {},
                            0,
                            static_cast<time_ns>(random() % 3),
                            static_cast<std::uint32_t>(1 + random() % 3),
                            0,
                            0,
                            0,
                            0},
                           inputs,
                           {},
                           {}});
        }
      }
      std::vector<std::byte> bytes = w.take();
      for (std::uint64_t n = random() % 4; n-- > 0;) bytes[random() % bytes.size()] ^= std::byte(1u << random() % 8);
      if (random() % 8 == 0) bytes.resize(random() % bytes.size());
      if (random() % 50 == 0)
        for (std::byte& b : bytes) b = std::byte(random());
      bool refused = false;
      try {
        hear_bytes(s, bytes);
      } catch (const protocol_error&) { refused = true; }
      // Whatever it believes now, it goes on with that.
      for (task_id t = 1; t <= 12; ++t) {
        if (random() % 2) s.core.need(t, random());
        const auto attempt = static_cast<std::uint32_t>(1 + random() % 3);
        if (random() % 2) s.core.began(t, attempt);
        if (random() % 3 == 0) s.core.done(t, attempt, 10, 1);
        if (random() % 3 == 0) s.core.cancelled(t, attempt);
        if (random() % 3 == 0) s.core.dropped(t);
        if (random() % 3 == 0) s.core.fetched(s.last_request, t, 10);
      }
      s.core.tick(rounds);
      s.core.heartbeat(rounds, {});
      for (const std::string& m : s.said()) REQUIRE(m != "nonsense");
      if (refused) break;
    }
  }
}
