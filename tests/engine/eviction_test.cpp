// What leaves memory, and when: against the best there is, and in virtual time.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include "engine/engine.hpp"
#include "weft/client.hpp"
#include "weft/simulated_disk.hpp"
#include "weft/simulation.hpp"
#include "weft/sync.hpp"
#include "weft/weft.hpp"

using namespace std::chrono_literals;

namespace {

using block = std::vector<std::uint64_t>;
constexpr std::size_t words = 1024;  // of a block

block make(std::uint64_t seed) {
  block b(words);
  std::iota(b.begin(), b.end(), seed);
  return b;
}
std::uint64_t sum(const block& b) { return std::accumulate(b.begin(), b.end(), std::uint64_t{0}); }
std::uint64_t add(const block& b, std::uint64_t before) { return before + sum(b); }

/// A client whose store has options that client_options do not offer.
class own_client {
 public:
  own_client(weft::simulation& s, weft::detail::store_options o)
      : engine_(new weft::detail::engine(s.core(), weft::priority::normal, std::move(o),
                                         weft::detail::resource_amounts()),
                [](weft::detail::engine* e) { e->close(); }),
        place_(*engine_, 0) {}
  weft::client get() { return weft::client::within(place_); }
  weft::detail::store_counters counters() const { return engine_->memory().counters(); }

 private:
  std::unique_ptr<weft::detail::engine, void (*)(weft::detail::engine*)> engine_;
  weft::detail::plain_node<int> place_;  // a client is had from a node, for no task of which it submits
};

/// Room for so many blocks, with some bytes more for each.
weft::detail::store_options room_for(std::size_t blocks) {
  weft::detail::store_options o;
  o.budget = blocks * (words * sizeof(std::uint64_t) + 64);
  o.own_directory = false;
  o.files.directory = "/spill";
  o.files.segment_bytes = 256 << 10;
  o.files.chunk_bytes = 16 << 10;
  return o;
}

/// How often one that knows the whole sequence reads what is used, with room for so many, none being there at first.
std::size_t least_reads(const std::vector<std::size_t>& sequence, std::size_t room) {
  std::set<std::size_t> there;
  std::size_t reads = 0;
  for (std::size_t at = 0; at < sequence.size(); ++at) {
    if (!there.insert(sequence[at]).second) continue;
    ++reads;
    if (there.size() <= room) continue;
    const auto next_use = [&](std::size_t of) {
      return std::find(sequence.begin() + static_cast<std::ptrdiff_t>(at) + 1, sequence.end(), of);
    };
    there.erase(*std::max_element(there.begin(), there.end(), [&](std::size_t a, std::size_t b) {
      return a != sequence[at] && (b == sequence[at] || next_use(a) < next_use(b));
    }));
  }
  return reads;
}

constexpr std::size_t blocks_there = 32, room = 16, rounds = 8;

/// Uses the blocks one after another, several times: each task takes the sum of the one before.
std::uint64_t reads_of_scan(bool least_recently_used) {
  weft::simulation s(1, {.workers = 1});
  weft::simulated_disk disk(s);
  const auto program = [](weft::simulation& sim, bool by_age) -> weft::task<std::uint64_t> {
    weft::detail::store_options o = room_for(room);
    o.least_recently_used = by_age;
    own_client own(sim, std::move(o));
    weft::client c = own.get();
    std::vector<weft::future<block>> blocks;
    for (std::size_t i = 0; i < blocks_there; ++i) blocks.push_back(c.submit(make, i));
    co_await c.wait(blocks);
    const std::uint64_t before = own.counters().reloaded;
    weft::future<std::uint64_t> total = c.scatter(std::uint64_t{0});
    std::uint64_t right = 0;
    for (std::size_t i = 0; i < rounds * blocks_there; ++i) {
      total = c.submit(add, blocks[i % blocks_there], std::move(total));
      right += sum(make(i % blocks_there));
    }
    const std::uint64_t value = co_await std::move(total);
    REQUIRE(value == right);
    co_return own.counters().reloaded - before;
  };
  return s.run(program(s, least_recently_used));
}

}  // namespace

TEST_CASE("a cyclic scan reads no more than the least there is, and by age it reads more") {
  std::vector<std::size_t> sequence;
  for (std::size_t i = 0; i < rounds * blocks_there; ++i) sequence.push_back(i % blocks_there);
  const std::size_t least = least_reads(sequence, room);
  REQUIRE(least > rounds * (blocks_there - room));
  REQUIRE(least < rounds * (blocks_there - room) * 3 / 2);
  const std::uint64_t by_next_use = reads_of_scan(false), by_age = reads_of_scan(true);
  CAPTURE(least, by_next_use, by_age);
  CHECK(by_next_use <= least);  // some are there from the beginning
  CHECK(by_age > least);
}

namespace {

/// One after another, a millisecond each.
weft::task<block> computes_one(std::uint64_t seed, const block&) {
  co_await weft::sleep_for(1ms);
  co_return make(seed);
}
weft::mutex* turn;
weft::task<std::uint64_t> computes(const block& b) {
  auto mine = co_await turn->lock();
  co_await weft::sleep_for(1ms);
  co_return sum(b);
}

struct times {
  std::chrono::nanoseconds making, using_them;
  std::uint64_t written = 0, read = 0;
};
constexpr std::size_t many = 8 * room;
/// Makes blocks and uses them once, on a disk that takes a millisecond for each.
times times_of(unsigned ahead) {
  weft::simulation s(1, {.workers = 2});
  weft::simulated_disk::options slow;
  slow.latency = 1ms;
  weft::simulated_disk disk(s, slow);
  weft::mutex one_at_a_time;
  turn = &one_at_a_time;
  const auto program = [](weft::simulation& sim, unsigned on_their_way) -> weft::task<times> {
    weft::detail::store_options o = room_for(room);
    o.ahead = on_their_way;
    own_client own(sim, std::move(o));
    weft::client c = own.get();
    times t;
    std::vector<weft::future<block>> blocks;
    const auto began = sim.elapsed();
    blocks.push_back(c.submit(make, std::uint64_t{0}));
    for (std::size_t i = 1; i < many; ++i) blocks.push_back(c.submit(computes_one, i, blocks.back()));
    co_await c.wait(blocks);
    t.making = sim.elapsed() - began;
    t.written = own.counters().spilled;
    const std::uint64_t before = own.counters().reloaded;
    const auto made = sim.elapsed();
    std::vector<weft::future<std::uint64_t>> sums;
    for (const auto& b : blocks) sums.push_back(c.submit(computes, b));
    blocks.clear();
    co_await c.wait(sums);
    t.using_them = sim.elapsed() - made;
    t.read = own.counters().reloaded - before;
    co_return t;
  };
  return s.run(program(s, ahead));
}

}  // namespace

TEST_CASE("values are written and read while others are computed with") {
  const times t = times_of(8), one = times_of(1);
  CAPTURE(t.making.count(), t.using_them.count(), one.using_them.count(), t.written, t.read);
  constexpr auto computing = many * 1ms;
  CHECK(t.written >= many - room);
  CHECK(t.read >= many - 2 * room);
  CHECK(t.making < computing * 5 / 4);
  CHECK(t.using_them < computing * 5 / 4);
  CHECK(one.using_them > t.using_them);
}
