// Products that do not fit, or whose chunks would be too large, and factorisations of what is no number.
#include <catch2/catch.hpp>
#include <cmath>

#include "array/arrays.hpp"
#include "weft/errors.hpp"

using arrays::place;
using Catch::Contains;

TEST_CASE("one element is not several along the inner axis of a product") {
  place at(1);
  const auto column = weft::ones<double, 2>(at.client, {3, 1});
  const auto matrix = weft::ones<double, 2>(at.client, {5, 2});
  const auto one = weft::ones<double, 1>(at.client, {1});
  CHECK_THROWS_WITH(weft::matmul(column, matrix), Contains("(3, 1)") && Contains("(5, 2)") && Contains("1 and 5"));
  CHECK_THROWS_AS(weft::dot(column, matrix), weft::misuse);
  CHECK_THROWS_AS(weft::dot(one, matrix), weft::misuse);
  CHECK_THROWS_AS(weft::matmul(matrix, one), weft::misuse);
  CHECK_THROWS_AS(weft::matmul(one, weft::ones<double, 1>(at.client, {4})), weft::misuse);
  CHECK_THROWS_AS(weft::tensordot(column, matrix, 1), weft::misuse);
  // Axes of a batch broadcast, and those of einsum, as NumPy has it.
  const auto batch =
      weft::matmul(weft::ones<double, 3>(at.client, {1, 3, 4}), weft::ones<double, 3>(at.client, {5, 4, 2}));
  CHECK(batch.shape() == weft::shape{5, 3, 2});
  CHECK(arrays::list_of(at(weft::einsum<2>("ij,jk->ik", column, matrix))) == std::vector<double>(6, 5));
}

TEST_CASE("a product whose chunks would have more than 2 GiB is cut") {
  place at(1);
  const auto x = weft::ones<double, 1>(at.client, {30'000}, {.chunk = {-1}});
  const auto all = weft::outer(x, x);
  const weft::shape chunk = all.chunk_shape();
  CHECK(chunk[0] * chunk[1] * 8 <= std::int64_t{2} << 30);
  CHECK(all.chunk_count() == 4);
}

TEST_CASE("factorisations of a NaN are refused, and products of one have NaNs") {
  place at(1);
  const auto x = weft::full<double, 2>(at.client, {3, 3}, std::nan("")) + weft::eye<double>(at.client, 3);
  const auto b = weft::ones<double, 1>(at.client, {3});
  const auto refused = Contains("NaN or infinite");
  CHECK_THROWS_WITH(at(weft::lu(x).u), refused);
  CHECK_THROWS_WITH(at(weft::solve(x, b)), refused);
  CHECK_THROWS_WITH(at(weft::inv(x)), refused);
  CHECK_THROWS_WITH(at(weft::lstsq(x, b).solution), refused);
  CHECK_THROWS_WITH(at(weft::qr(x).r), refused);
  CHECK_THROWS_WITH(at(weft::cholesky(x)), refused);
  CHECK_THROWS_WITH(at(weft::svd(x).s), refused);
  CHECK(at(weft::any(weft::isnan(weft::matmul(x, x)))));
  CHECK(at(weft::any(weft::isnan(weft::solve(weft::eye<double>(at.client, 3), b * std::nan(""))))));
}
