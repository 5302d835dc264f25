// Places of elements: large ones, and what is refused.
#include <catch2/catch.hpp>

#include "array/arrays.hpp"
#include "weft/errors.hpp"

using arrays::place;
using weft::slice;

TEST_CASE("the elements of huge triangles are counted exactly") {
  place at(1);
  constexpr std::int64_t n = 1'000'000'000;
  const auto [i, j] = weft::tril_indices(at.client, n, n);
  CHECK(i.shape() == weft::shape{n / 2 * (n + 1)});
  // Row r begins at r * (r + 1) / 2.
  for (const std::int64_t r : {std::int64_t{1}, std::int64_t{94'906'267}, n / 3, n - 1}) {
    const std::int64_t first = r * (r + 1) / 2;
    CAPTURE(r);
    CHECK(at(i(first)) == r);
    CHECK(at(j(first)) == 0);
    CHECK(at(i(first - 1)) == r - 1);
    CHECK(at(j(first - 1)) == r - 1);
  }
  const auto [p, q] = weft::triu_indices(at.client, n, n, 1);
  CHECK(at(p(-1)) == n - 2);
  CHECK(at(q(-1)) == n - 1);
  CHECK(at(p(n - 1)) == 1);
  CHECK(at(q(n - 1)) == 2);
}

TEST_CASE("triangles give the elements of a matrix, and argmax its place") {
  place at;
  const auto x = weft::from_function<2>(at.client, {20, 30},
                                        [](std::int64_t i, std::int64_t j) { return arrays::noise(i * 30 + j); },
                                        {.chunk = {7, 9}});
  const auto [i, j] = weft::tril_indices_from(x, 2);
  const auto numbers = at(weft::ravel_multi_index(x.shape(), i, j));
  const auto flat = at(weft::ravel(x));
  double sum = 0;
  for (const std::int64_t k : numbers) sum += flat(static_cast<std::size_t>(k));
  CHECK(sum == Approx(at(weft::sum(weft::tril(x, 2)))));
  const auto [row, column] = weft::unravel_index<2>(weft::argmax(x), x.shape());
  const std::int64_t r = at(row), c = at(column);
  CHECK(at(x(r, c)) == at(weft::max(x)));
}

TEST_CASE("places that cannot be are refused") {
  place at(1);
  const auto x = weft::zeros<std::int64_t, 1>(at.client, {3});
  using Catch::Contains;
  CHECK_THROWS_WITH(weft::tril_indices(at.client, -1, 3), Contains("(-1, 3)"));
  CHECK_THROWS_WITH(weft::triu_indices(at.client, std::int64_t{1} << 40, std::int64_t{1} << 40), Contains("2^63"));
  CHECK_THROWS_WITH(weft::tril_indices_from(x), Contains("tril_indices_from") && Contains("two axes"));
  CHECK_THROWS_WITH(weft::unravel_index<2>(x, {3}),
                    "weft: 2 indices for the elements of an array of shape (3), which has 1 axis");
  CHECK_THROWS_WITH(weft::ravel_multi_index({3, 4}, x), Contains("1 index") && Contains("(3, 4), which has 2 axes"));
  CHECK_THROWS_WITH(weft::unravel_index<1>(x, {-3}), Contains("(-3)"));
  // What is in the elements is known when they are computed.
  const auto [i, j] = weft::unravel_index<2>(x + std::int64_t{11}, {3, 4});
  CHECK(at(i)(2) == 2);
  CHECK(at(j)(2) == 3);
  const auto [p, q] = weft::unravel_index<2>(x + std::int64_t{12}, {3, 4});
  CHECK_THROWS_WITH(at(p), Contains("element 12 of an array of shape (3, 4), which has 12"));
  CHECK_THROWS_WITH(at(q), Contains("element 12"));
  CHECK_THROWS_WITH(at(weft::ravel_multi_index({3, 4}, x, x - std::int64_t{1})),
                    Contains("index -1 along axis 1 of an array of shape (3, 4)"));
  CHECK_THROWS_WITH(at(weft::ravel_multi_index({3, 0}, weft::outside::clip, x, x)), Contains("index 0 along axis 1"));
}

TEST_CASE("arrays without axes have no places, and few elements of a large one are found") {
  place at;
  const weft::array<double> one = weft::full<double, 0>(at.client, {}, 3.0);
  CHECK_THROWS_WITH(weft::nonzero(one),
                    "weft: nonzero of an array that has no axes: give it one, by x(weft::newaxis)");
  CHECK_THROWS_WITH(weft::argwhere(one), Catch::Contains("argwhere of an array that has no axes"));
  CHECK(at(at.pool.run(weft::flatnonzero(one)))(0) == 0);
  const auto x = weft::from_function<2>(at.client, {3000, 2000},
                                        [](std::int64_t i, std::int64_t j) { return (i * 2000 + j) % 999'983 == 7; },
                                        {.chunk = {700, 450}});
  const auto numbers = at(at.pool.run(weft::flatnonzero(x)));
  REQUIRE(numbers.size() == 7);
  for (std::size_t k = 0; k < 7; ++k) CHECK(numbers(k) == static_cast<std::int64_t>(k) * 999'983 + 7);
  const auto [i, j] = at.pool.run(weft::nonzero(x));
  CHECK(i.chunk_count() == 1);
  const auto [rows, columns] = at.pool.run(weft::compute(i, j));
  CHECK(rows(6) == (6 * 999'983 + 7) / 2000);
  CHECK(columns(6) == (6 * 999'983 + 7) % 2000);
}

TEST_CASE("numbers of what is not 0 are in chunks that are no larger than others") {
  place at;
  constexpr std::int64_t n = 1'200'000;
  const auto x = weft::ones<bool, 2>(at.client, {n, 2}, {.chunk = {-1, -1}});
  REQUIRE(x.chunk_count() == 1);
  const auto numbers = at.pool.run(weft::flatnonzero(x));  // 19.2 MB, of 2.4 MB
  CHECK(numbers.chunk_count() == 3);
  CHECK(at(weft::sum(numbers)) == n * (2 * n - 1));
  CHECK(at(numbers(-1)) == 2 * n - 1);
  const auto rows = at.pool.run(weft::argwhere(x));
  CHECK(rows.chunk_count() == 5);
  CHECK(at(weft::sum(rows(weft::slice(), 0))) == n * (n - 1));
  CHECK(at(weft::sum(rows(weft::slice(), 1))) == n);
}

TEST_CASE("where there is no element, there is none that is not 0") {
  place at(1);
  for (const weft::shape& extents : {weft::shape{0, 3}, weft::shape{3, 0}}) {
    CAPTURE(weft::to_string(extents));
    const auto x = weft::ones<double, 2>(at.client, extents);
    CHECK(at(at.pool.run(weft::flatnonzero(x))).size() == 0);
    const auto [i, j] = at.pool.run(weft::nonzero(x));
    CHECK(at(i).size() == 0);
    CHECK(j.shape() == weft::shape{0});
    const auto rows = at.pool.run(weft::argwhere(x));
    CHECK(rows.shape() == weft::shape{0, 2});
    CHECK(at(rows).size() == 0);
  }
}
