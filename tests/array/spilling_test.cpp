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

weft::client client_of(weft::simulation& s, std::uint64_t budget) {
  weft::client_options options;
  options.memory_budget = budget;
  options.spill_directory = "/spill";
  return weft::client(s, options);
}

/// Adds up columns that are cut into rows. Kept: the columns are there before and after.
weft::task<weft::memory_use> columns_into_rows(weft::simulation& s, std::uint64_t budget, bool kept) {
  const weft::client c = client_of(s, budget);
  auto columns = weft::random::uniform<double, 2>(c, {n, n}, {.seed = 7, .chunk = {n, width}});
  if (kept) columns = columns.persist();
  const auto rows = weft::rechunk(columns, {.chunk = {width, n}});
  const double sum = co_await weft::sum(rows).compute();
  CHECK(sum / n / n == Approx(0.5).margin(0.01));
  co_return c.memory();
}

/// Rows in another order, which an array says.
weft::task<weft::memory_use> rows_taken(weft::simulation& s, std::uint64_t budget) {
  const weft::client c = client_of(s, budget);
  const auto x = weft::random::uniform<double, 2>(c, {n, n}, {.seed = 7, .chunk = {width, n}});
  const auto order = weft::random::permutation(c, n, {.seed = 8, .chunk = {width}});
  const double sum = co_await weft::sum(weft::take(x, order, 0)).compute();
  CHECK(sum / n / n == Approx(0.5).margin(0.01));
  co_return c.memory();
}

/// Adds up squares that are cut into rows, of which there are several for each.
weft::task<weft::memory_use> tiles_into_rows(weft::simulation& s, std::uint64_t budget) {
  const weft::client c = client_of(s, budget);
  const auto tiles = weft::random::uniform<double, 2>(c, {n, n}, {.seed = 7, .chunk = {n / 6, n / 6}});
  const double sum = co_await weft::sum(weft::rechunk(tiles, {.chunk = {width, n}})).compute();
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

TEST_CASE("what is taken by an array goes as it is put in its place") {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    weft::simulation s(seed, {.workers = 2});
    weft::simulated_disk disk(s);
    const weft::memory_use u = s.run(rows_taken(s, 4 * bytes));
    // What is picked is copied twice, and all of it is there before the first chunk of the result has its own: 1.4 to
    // 1.75 times the array. Its chunks go as they have been read, and the result's as they are added up.
    CHECK(u.spilled == 0);
    CHECK(u.most_in_memory < 2 * bytes);
  }
}

TEST_CASE("turns by the chunks of a source") {
  using turns = std::vector<std::uint32_t>;
  const parts::grid tasks{2, {{{12, 3, 3}, {8, 2, 2}}}}, tiles{2, {{{12, 6, 6}, {8, 4, 4}}}};
  const parts::grid columns{2, {{{12, 12, 12}, {8, 4, 4}}}}, rows{2, {{{12, 6, 6}, {8, 8, 8}}}};
  const parts::box all = parts::box::all_of(tasks);
  CHECK(parts::turns_by(tiles, tasks, all) == turns{0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15});
  CHECK(parts::turns_by(columns, tasks, all) == turns{0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15});
  CHECK(parts::turns_by(rows, tasks, all).empty());
  CHECK(parts::turns_by(tasks, tasks, all).empty());
  // A part of them.
  CHECK(parts::turns_by(tiles, tasks, {{0, 1}, {2, 3}}) == turns{0, 2, 3, 1, 4, 5});
  CHECK(parts::turns_by(tiles, tasks, {{0, 1}, {0, 3}}).empty());
}

TEST_CASE("tiles beyond the budget become rows before all are cut") {
  // Half of the runs write nothing; along the axis that is cut before others each would write more than the array.
  std::uint64_t written = 0;
  for (unsigned seed = 1; seed <= 10; ++seed) {
    weft::simulation s(seed, {.workers = 2});
    weft::simulated_disk disk(s);
    written += s.run(tiles_into_rows(s, bytes / 2)).written;
  }
  CHECK(written < 7 * bytes);
}
