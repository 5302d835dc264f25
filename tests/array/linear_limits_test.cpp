// Products that do not fit, or whose chunks would be too large, and factorisations of what is no number.
#include <catch2/catch.hpp>
#include <cmath>
#include <complex>
#include <string>

#include "array/arrays.hpp"
#include "weft/errors.hpp"

using arrays::place;
using Catch::Contains;
using weft::ord;

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

TEST_CASE("tensors that are as no square matrix are refused") {
  place at(1);
  const auto x = weft::ones<double, 3>(at.client, {3, 4, 6}, {.chunk = {2, 4, 6}});
  CHECK_THROWS_WITH(weft::tensorinv(x),
                    "weft: tensorinv of an array of shape (3, 4, 6) in chunks of (2, 4, 6): the "
                    "first 2 axes have 12 elements, and the others 6: they must have as many");
  CHECK_THROWS_WITH(weft::tensorinv(x, 3), Contains("with 3 axes first: give 1 to 2"));
  CHECK_THROWS_WITH(weft::tensorsolve(x, x(weft::slice(), 0, 0)),
                    Contains("the other axes have 24") && Contains("3:"));
  CHECK_THROWS_WITH(weft::tensorsolve(x, x(0)), Contains("first ones of the other") && Contains("(4, 6)"));
  CHECK_THROWS_WITH(weft::inner(x, x(0, 0, weft::slice(0, 5))), Contains("(3, 4, 6)") && Contains("(5)"));
  CHECK_THROWS_WITH(weft::cross(x, x), Contains("cross of arrays of shapes (3, 4, 6)") && Contains("three elements"));
}

TEST_CASE("a pivot whose reciprocal is too large has its quotients") {
  place at(1);
  const auto of = [&](const xt::xtensor<double, 2>& x) { return weft::from_array(at.client, x, {.chunk = {-1, 1}}); };
  for (const std::int64_t tile : {1, 2}) {
    const auto x = weft::rechunk(of({{1e-310, 2}, {0, 1e300}}), {.chunk = {-1, tile}});
    CHECK(at(weft::det(x)) == Approx(1e-10));
    const auto y = weft::rechunk(of({{1e-310, 2e-310}, {4e-310, 3e-310}}), {.chunk = {-1, tile}});
    const auto [sign, logarithm] = weft::slogdet(y);
    CHECK(at(sign) == -1);
    CHECK(at(logarithm) == Approx(std::log(5) - 620 * std::log(10)));
    const auto b = weft::matmul(y, of({{3}, {4}}));
    CHECK(xt::allclose(at(weft::solve(y, b)), xt::xtensor<double, 2>{{3}, {4}}));
  }
  const auto turned = weft::astype<std::complex<float>>(of({{0, 1e20}, {1e-41, 1}})) * std::complex<float>(0, 1);
  CHECK(std::abs(at(weft::det(turned)) - std::complex<float>(1e-21F, 0)) < 1e-23F);
}

TEST_CASE("factorisations of a NaN are refused, and products of one have NaNs") {
  place at(1);
  const auto x = weft::full<double, 2>(at.client, {3, 3}, std::nan("")) + weft::eye<double>(at.client, 3);
  const auto b = weft::ones<double, 1>(at.client, {3});
  const auto refused = Contains("NaN or infinite");
  const auto names = [](const std::string& what) {
    return Contains("weft: " + what + " of an array with elements that are NaN or infinite");
  };
  CHECK_THROWS_WITH(at(weft::lu(x).u), names("lu"));
  CHECK_THROWS_WITH(at(weft::solve(x, b)), names("solve"));
  CHECK_THROWS_WITH(at(weft::inv(x)), names("inv"));
  CHECK_THROWS_WITH(at(weft::det(x)), names("det"));
  CHECK_THROWS_WITH(at(weft::matrix_power(x, -1)), names("matrix_power"));
  CHECK_THROWS_WITH(at(weft::cond(x)), names("cond"));
  CHECK_THROWS_WITH(at(weft::lstsq(x, b).solution), names("lstsq"));
  CHECK_THROWS_WITH(at(weft::qr(x).r), names("qr"));
  CHECK_THROWS_WITH(at(weft::cholesky(x)), refused);
  CHECK_THROWS_WITH(at(weft::svd(x).s), names("svd"));
  const auto large = weft::full<double, 2>(at.client, {3, 3}, 1.7e308);
  CHECK_THROWS_WITH(at(weft::svd(large).s), Contains("the R of a QR factorisation has elements that are NaN"));
  CHECK(at(weft::any(weft::isnan(weft::matmul(x, x)))));
  CHECK(at(weft::any(weft::isnan(weft::solve(weft::eye<double>(at.client, 3), b * std::nan(""))))));
}

TEST_CASE("functions of matrices at their limits") {
  weft::blas_threads(1);
  place at(1);
  const auto none = weft::zeros<double, 2>(at.client, {0, 0});
  CHECK(at(weft::det(none)) == 1);
  CHECK(at(weft::slogdet(none).logarithm) == 0);
  CHECK(at(weft::matrix_rank(none)) == 0);
  CHECK(weft::pinv(weft::zeros<double, 2>(at.client, {0, 3})).shape() == weft::shape{3, 0});
  const auto zeros = weft::zeros<double, 2>(at.client, {3, 3});
  CHECK(at(weft::det(zeros)) == 0);
  CHECK(at(weft::slogdet(zeros).sign) == 0);
  CHECK(at(weft::slogdet(zeros).logarithm) == -HUGE_VAL);
  CHECK(at(weft::matrix_rank(zeros)) == 0);
  CHECK(at(weft::cond(zeros)) == HUGE_VAL);
  CHECK(at(weft::max(weft::abs(weft::pinv(zeros)))) == 0);
  // 400 diagonal elements of a million, in several columns of tiles: too large for a number, but not its logarithm.
  const auto large = weft::eye<double>(at.client, 400, 400, 0, {.chunk = {70, 90}}) * 1e6;
  CHECK(at(weft::det(large)) == HUGE_VAL);
  CHECK(at(weft::slogdet(large).logarithm) == Approx(400 * std::log(1e6)));
  // Elements at the limits of numbers, beside others.
  const auto diagonal = [&](const xt::xtensor<double, 1>& d) {
    return weft::eye<double>(at.client, static_cast<std::int64_t>(d.size())) * weft::from_array(at.client, d);
  };
  const auto near_most = diagonal({1.5, 1.7e308});
  CHECK(at(weft::slogdet(near_most).sign) == 1);
  CHECK(at(weft::slogdet(near_most).logarithm) == Approx(std::log(1.5) + std::log(1.7e308)));
  CHECK(at(weft::det(diagonal({1.5, 1.7e308, 1e-10}))) == Approx(2.55e298).epsilon(1e-12));
  CHECK(at(weft::det(diagonal({1.5, 1e300, 5e-324}))) == Approx(1.5 * (5e-324 * 1e300)).epsilon(1e-12));
  // Half are small: no product on the way is.
  const auto mixed = weft::where(weft::indices<2>(at.client, {400, 400}, 0) < 200, large, large * 1e-12);
  CHECK(at(weft::det(mixed)) == Approx(1).epsilon(1e-10));
  CHECK(at(weft::det(weft::flip(mixed, 0))) == Approx(1).epsilon(1e-10));  // 200 interchanges
  CHECK(at(weft::det(weft::roll(mixed(weft::slice(0, 400)), 1, 0))) == Approx(-1).epsilon(1e-10));  // 399
}

TEST_CASE("functions of matrices name the shapes and chunks that do not fit") {
  place at(1);
  const auto flat = weft::ones<double, 2>(at.client, {3, 4}, {.chunk = {2, 3}});
  const auto vector = weft::array<double>(weft::ones<double, 1>(at.client, {4}));
  const auto is = Contains("of an array of shape (3, 4) in chunks of (2, 3)");
  const auto is_vector = Contains("of an array of shape (4) in chunks of (4): give one of two axes");
  CHECK_THROWS_WITH(weft::det(flat),
                    "weft: det of an array of shape (3, 4) in chunks of (2, 3): the matrix must be square");
  CHECK_THROWS_WITH(weft::slogdet(flat), Contains("slogdet") && is);
  CHECK_THROWS_WITH(weft::matrix_power(flat, 2), Contains("matrix_power") && is);
  CHECK_THROWS_WITH(weft::matrix_power(weft::ones<int, 2>(at.client, {2, 2}), -3),
                    Contains("(2, 2) in chunks of (2, 2) of int32 to the power of -3: use astype<double>"));
  CHECK_THROWS_WITH(weft::cond(flat, ord{1}), Contains("inv") && is);
  CHECK_THROWS_WITH(weft::cond(weft::ones<double, 2>(at.client, {0, 4})), Contains("it has no elements"));
  CHECK_THROWS_WITH(weft::pinv(vector), Contains("pinv") && is_vector);
  CHECK_THROWS_WITH(weft::matrix_rank(vector), Contains("matrix_rank") && is_vector);
  CHECK_THROWS_WITH(weft::pinv(flat, std::nan("")), is && Contains("rcond that is NaN"));
  CHECK_THROWS_WITH(
      weft::multi_dot(flat, flat, flat),
      Contains("multi_dot of arrays of shapes (3, 4) in chunks of (2, 3), (3, 4) in chunks of (2, 3), (3, 4)") &&
          Contains("number 1 of them has not as many rows"));
  CHECK_THROWS_WITH(weft::multi_dot(flat, vector, flat), Contains("number 1 of them must be a matrix"));
}
