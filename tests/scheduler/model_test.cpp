// Clients, workers and a network that do everything at random, over many seeds.
#include <catch2/catch.hpp>
#include <string>

#include "model.hpp"
#include "support/seeds.hpp"

namespace {

using weft::test::scheduling::world;

weft::net::scheduler_options options_for(std::uint64_t seed) {
  weft::net::scheduler_options o;
  if (seed % 3 == 0) o.ahead = 1;
  if (seed % 5 == 0) o.ahead_dependents = 2;
  if (seed % 2 == 0) o.steal_least = 0;
  if (seed % 4 == 0) o.overload = 0;
  if (seed % 7 == 0) o.reduce_interval = 3'000'000;
  if (seed % 6 == 0) o.saturation = 0.1;
  return o;
}

}  // namespace

TEST_CASE("whatever happens, wanted futures end, with the right answer, and nothing is left", "[scheduler][seeds]") {
  weft::net::scheduler_statistics all;
  std::size_t seeds = 0;
  for (const std::uint64_t seed : weft::test::seed_range(10'000)) {
    ++seeds;
    try {
      world w(seed, options_for(seed));
      w.run(seed % 20 == 0 ? 800 : 100);
      all.stolen += w.seen().stolen;
      all.ahead += w.seen().ahead;
      all.taken_back += w.seen().taken_back;
      all.stale += w.seen().stale;
      all.restarted += w.seen().restarted;
      all.copies += w.seen().copies;
      all.copies_dropped += w.seen().copies_dropped;
      all.no_worker += w.seen().no_worker;
    } catch (const std::exception& e) { FAIL("seed " << seed << ": " << e.what()); }
  }
  if (seeds < 1000) return;
  // The model goes everywhere.
  CHECK(all.stolen > seeds / 100);
  CHECK(all.ahead > seeds);
  CHECK(all.taken_back > seeds / 20);
  CHECK(all.stale > seeds / 10);
  CHECK(all.restarted > seeds / 10);
  CHECK(all.copies > seeds / 50);
  CHECK(all.copies_dropped > seeds / 1000);
  CHECK(all.no_worker > 0);
}

TEST_CASE("the same events give the same messages", "[scheduler][seeds]") {
  for (const std::uint64_t seed : weft::test::seed_range(200)) {
    world first(seed, options_for(seed)), second(seed, options_for(seed));
    try {
      first.run(150);
      second.run(150);
    } catch (const std::exception& e) { FAIL("seed " << seed << ": " << e.what()); }
    REQUIRE(first.hash() == second.hash());
  }
}
