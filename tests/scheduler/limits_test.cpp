// Limits of time, and of what the scheduler's tables have room for.
#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "script.hpp"

namespace {

using namespace weft::test::scheduling;
constexpr time_ns ms = 1'000'000;

TEST_CASE("time limits are passed on, and end tasks", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  s.options(c, 1, "", "", "", false, 50 * ms);
  s.now = 10 * ms;
  s.submit(c, {.options = 1});
  CHECK(s.heard(w) == lines{"run 1/1 options 1 left 50000000"});
  s.submit(c, {.options = 1});
  s.submit(c, {.options = 1});
  s.tick(60 * ms);
  CHECK(s.heard(c).size() == 3);
  CHECK(s.heard(w).back().starts_with("stop "));
}

TEST_CASE("a worker that ends a task for want of time ends it for good", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker(2);
  s.options(c, 1, "", "", "", false, 50 * ms, "the slow one");
  const task_id slow = s.submit(c, {.options = 1, .retries = 3});
  const task_id behind = s.submit(c, {.inputs = {slow}});
  s.heard(w);
  s.now = 49 * ms;
  s.failed(w, slow, 1, time_is_over);
  const lines said = s.heard(c, true);
  REQUIRE(said.size() == 4);
  CHECK(said[0] == "failed 1 weft::timed_out the slow one");
  CHECK(said[1] == "weft: the task the slow one did not end within its time limit of 50 ms");
  CHECK(said[2].starts_with("failed 2 weft::timed_out"));
  CHECK(s.core.state_of(behind) == task_state::failed);
  // Without a limit it is a failure like any other.
  const task_id other = s.submit(c, {.retries = 1});
  s.heard(w);
  s.failed(w, other, 1, time_is_over);
  CHECK(s.heard(w) == lines{"run " + std::to_string(other & 0xffff) + "/2"});
}

TEST_CASE("a task that is retried has all of its time again", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  s.options(c, 1, "", "", "", false, 50 * ms);
  const task_id t = s.submit(c, {.options = 1});
  s.now = 30 * ms;
  s.failed(w, t);
  s.about<retry_tasks>(c, {t});
  s.heard(c);
  CHECK(s.heard(w).back() == "run 1/2 options 1 left 50000000");
  s.tick(79 * ms);  // the first deadline has passed
  CHECK(s.heard(c).empty());
  s.tick(80 * ms);
  CHECK(s.heard(c).size() == 1);
}

TEST_CASE("a value that was made in time may be made once more later", "[scheduler]") {
  script s;
  const peer_id c = s.client(), w = s.worker();
  s.options(c, 1, "", "", "", false, 50 * ms);
  const task_id t = s.submit(c, {.options = 1});
  s.heard(w);
  s.done(w, t);
  s.heard(c);
  s.lose(w);
  const peer_id v = s.worker();
  CHECK(s.heard(v) == lines{"run 1/2 options 1"});
  s.tick(1000 * ms);  // long after the deadline
  for (const std::string& line : s.heard(c)) CHECK(line.find("failed") == std::string::npos);
  CHECK(s.core.state_of(t) == task_state::assigned);
}

TEST_CASE("a value may be on more workers than a small block has room for", "[scheduler]") {
  constexpr worker_index all = 4200;  // a row of 4096 and more is a block of its own
  task_table table;
  table.open_submitter(1);
  const slot t = table.add(make_task_id(1, 1), {}, {}), other = table.add(make_task_id(1, 2), {}, {});
  const auto right = [&](worker_index from, worker_index to) {
    const auto holders = table.holders(t);
    if (holders.size() != to - from) return false;
    for (worker_index w = from; w < to; ++w)
      if (holders[w - from].worker() != w || holders[w - from].coming() != (w % 3 == 0)) return false;
    return true;
  };
  for (worker_index w = 0; w < all; ++w) {
    REQUIRE(table.add_holder(t, w, w % 3 == 0));
    if (w < 3 || w > 4090) REQUIRE(right(0, w + 1));
  }
  CHECK_FALSE(table.add_holder(t, all - 1, true));
  CHECK(right(0, all));
  table.add_holder(other, all, true);
  REQUIRE(table.holders(other).size() == 1);
  CHECK(table.holders(other)[0].worker() == all);
  CHECK(table.holders(other)[0].coming());
  table.rotate_holders(t);
  CHECK(table.holders(t)[0].worker() == 1);
  CHECK(table.remove_holder(t, 0));  // the last
  CHECK_FALSE(table.remove_holder(t, 0));
  for (worker_index w = 1; w + 1 < all; ++w) {
    if (w < 200 || w > all - 3) REQUIRE(right(w, all));
    REQUIRE(table.remove_holder(t, w));
  }
  CHECK(right(all - 1, all));
  CHECK(table.pool_used() == 0);
  for (worker_index w = 0; w < all; ++w) table.add_holder(t, w, false);
  table.clear_holders(t);
  CHECK(table.holders(t).empty());
  CHECK(table.pool_used() == 0);
}

TEST_CASE("small blocks that can no longer be named in chunks are blocks of their own", "[scheduler]") {
  constexpr std::size_t in_chunks = 2u << 17, more = 5000;  // of 8 bytes
  block_pool pool(2);
  std::vector<block_pool::ref> blocks;
  for (std::uint32_t i = 0; i < in_chunks + more; ++i) {
    blocks.push_back(pool.allocate(5));
    pool.row(blocks.back())[0] = pool.row(blocks.back())[1] = i;
  }
  CHECK(pool.footprint() == (2u << 20) + 8 * more);
  CHECK(pool.used() == pool.footprint());
  bool right = true;
  for (std::uint32_t i = 0; i < blocks.size(); ++i)
    right = right && pool.row(blocks[i])[0] == i && pool.row(blocks[i])[1] == i;
  CHECK(right);
  // What is freed is used again, in the chunks and behind them, also when it is freed by another size of its class.
  for (std::size_t i = 0; i < blocks.size(); i += 2) pool.free(blocks[i], 8);
  CHECK(pool.used() == (1u << 20) + 4 * more);
  for (std::size_t i = 0; i < blocks.size(); i += 2) blocks[i] = pool.allocate(8);
  CHECK(pool.footprint() == (2u << 20) + 8 * more);
  CHECK(pool.used() == pool.footprint());
  for (const block_pool::ref b : blocks) pool.free(b, 8);
  CHECK(pool.used() == 0);
  CHECK(pool.live_blocks() == 0);
  CHECK(pool.footprint() == 1u << 20);
}

TEST_CASE("a pool that has given all names says so and stays as it is", "[scheduler]") {
  block_pool pool(1, 2);
  const std::size_t large = block_pool::most_small + 1;
  const block_pool::ref a = pool.allocate(large), b = pool.allocate(large);
  CHECK_THROWS_WITH(pool.allocate(large), Catch::Contains("scheduler.most_tasks"));
  CHECK(pool.used() == 2 * large);
  const block_pool::ref small = pool.allocate(8);
  pool.free(a, large);
  CHECK(pool.allocate(large) == a);
  CHECK_THROWS_AS(scheduler_core({.most_tasks = task_table::most_tasks + 1}), std::invalid_argument);
  for (const block_pool::ref left : {a, b}) pool.free(left, large);
  pool.free(small, 8);
  CHECK(pool.live_blocks() == 0);
}

}  // namespace
