// Arrays beyond the budget of memory: the order in which they are cut anew, and what that reads from the disk.
#include <catch2/catch.hpp>
#include <cstdint>
#include <vector>

#include "array/arrays.hpp"
#include "array/boxes.hpp"
#include "weft/simulated_disk.hpp"
#include "weft/simulation.hpp"

namespace parts = weft::detail::arrays;

namespace {

constexpr std::int64_t n = 768, width = n / 48;
constexpr std::uint64_t bytes = n * n * sizeof(double);

/// Adds up columns that are cut into rows. Kept: the columns are there before and after.
weft::task<weft::memory_use> columns_into_rows(weft::simulation& s, std::uint64_t budget, bool kept) {
  weft::client_options options;
  options.memory_budget = budget;
  options.spill_directory = "/spill";
  const weft::client c(s, options);
  auto columns = weft::random::uniform<double, 2>(c, {n, n}, {.seed = 7, .chunk = {n, width}});
  if (kept) columns = columns.persist();
  const auto rows = weft::rechunk(columns, {.chunk = {width, n}});
  const double sum = co_await weft::sum(rows).compute();
  CHECK(sum / n / n == Approx(0.5).margin(0.01));
  co_return c.memory();
}

weft::memory_use used(unsigned seed, std::uint64_t budget, bool kept) {
  weft::simulation s(seed, {.workers = 2});
  weft::simulated_disk disk(s);
  return s.run(columns_into_rows(s, budget, kept));
}

}  // namespace

TEST_CASE("a rechunk beyond the budget reads what it cuts once") {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    // In 2/3 of its memory, a third of an array that is kept is read, and a third of the chunks in between. The rest
    // is what tasks under way and those after them hold. Row by row it would be four to six times the array.
    CHECK(used(seed, bytes * 2 / 3, true).reloaded < 2 * bytes);
    // Here only chunks in between are; row by row it would be more than twice the array.
    CHECK(used(seed, bytes * 2 / 3, false).reloaded < bytes * 3 / 2);
  }
}

TEST_CASE("chunks that are cut anew go as they are cut") {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    const weft::memory_use u = used(seed, bytes * 3 / 2, false);
    CHECK(u.spilled == 0);
    CHECK(u.most_in_memory < bytes * 6 / 5);
  }
}

TEST_CASE("turns along some axes of a box before others") {
  using turns = std::vector<std::uint32_t>;
  const parts::box of{{5, 0, 2}, {2, 3, 2}};
  CHECK(parts::turns_along(of, 0b000).empty());
  CHECK(parts::turns_along(of, 0b111).empty());
  CHECK(parts::turns_along(of, 0b110).empty());
  CHECK(parts::turns_along(of, 0b001) == turns{0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11});
  CHECK(parts::turns_along(of, 0b010) == turns{0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11});
  CHECK(parts::turns_along(of, 0b101) == turns{0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11});
  CHECK(parts::turns_along({{}, {}}, 0).empty());
  // An axis of one chunk is none.
  CHECK(parts::turns_along({{0, 0}, {1, 4}}, 0b01).empty());
}
