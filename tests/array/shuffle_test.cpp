// Groups of indices along an axis, each in a chunk.
#include <catch2/catch.hpp>

#include "array/arrays.hpp"
#include "array/irregular.hpp"
#include "weft/errors.hpp"

using arrays::choices;
using arrays::list_of;
using arrays::place;
using weft::chunk_sizes;

namespace {

using list = std::vector<std::int64_t>;

weft::array<double, 2> numbered(const weft::client& c, std::int64_t rows, std::int64_t columns) {
  return weft::reshape<2>(weft::arange<double>(c, 0, static_cast<double>(rows * columns), 1), {rows, columns});
}

}  // namespace

TEST_CASE("groups are put together as Dask puts them") {
  place at;
  const auto x = weft::rechunk(numbered(at.client, 2, 8) + 1.0, {.chunk = {2, 4}});
  const auto y = weft::shuffle(x, {{6, 5, 2}, {4, 1}, {3, 0, 7}}, 1);
  CHECK(y.chunk_sizes() == std::vector<list>{{2}, {5, 3}});
  CHECK(list_of(at(y)) == std::vector<double>{7, 6, 3, 5, 2, 4, 1, 8, 15, 14, 11, 13, 10, 12, 9, 16});
}

TEST_CASE("each group is within a chunk, and the elements are those that are taken") {
  place at;
  choices some(5);
  for (int round = 0; round < 30; ++round) {
    const std::int64_t rows = some(1, 300), columns = some(1, 9);
    const auto x = weft::rechunk(numbered(at.client, rows, columns),
                                 chunk_sizes(arrays::some_sizes(rows, some), arrays::some_sizes(columns, some)));
    std::vector<list> groups(static_cast<std::size_t>(some(1, 40)));
    list all;
    for (list& g : groups) {
      for (std::int64_t n = some(0, 30); n > 0; --n) g.push_back(some(-rows, rows - 1));
      all.insert(all.end(), g.begin(), g.end());
    }
    CAPTURE(round, rows, columns, groups.size());
    const auto y = weft::shuffle(x, groups, 0);
    REQUIRE((list_of(at(y)) == list_of(at(weft::take(x, all, 0)))));
    std::vector<std::int64_t> ends;
    std::int64_t end = 0;
    for (const list& g : groups) ends.push_back(end += std::ssize(g));
    end = 0;
    const list cut = y.chunk_sizes()[0];
    for (const std::int64_t n : cut) {
      end += n;
      if (n != 0) REQUIRE(std::find(ends.begin(), ends.end(), end) != ends.end());
    }
  }
}

TEST_CASE("where a group is long, other axes are cut finer") {
  place at;
  const auto x = weft::zeros<double, 2>(at.client, {4000, 2000}, {.chunk = {400, 2000}});
  list even, odd;
  for (std::int64_t i = 0; i < 4000; ++i) (i % 2 == 0 ? even : odd).push_back(i);
  const auto y = weft::shuffle(x, {even, odd}, 0);
  CHECK(y.chunk_sizes() == std::vector<list>{{2000, 2000}, {500, 500, 500, 500}});
  CHECK(y.chunk_shape()[0] * y.chunk_shape()[1] * 8 <= 8 << 20);
  CHECK_THROWS_AS(weft::shuffle(x, {{0, 4000}}, 0), weft::misuse);
  CHECK_THROWS_AS(weft::shuffle(x, {{0}}, 2), weft::misuse);
  CHECK(weft::shuffle(x, {}, 0).shape() == weft::shape{0, 2000});
}
