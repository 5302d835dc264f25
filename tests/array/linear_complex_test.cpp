// Factorisations of complex numbers: their properties, in all chunks.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <complex>
#include <utility>

#include "array/irregular.hpp"
#include "array/matrices.hpp"
#include "weft/errors.hpp"

using arrays::below_diagonal;
using arrays::choices;
using arrays::distance;
using arrays::identity;
using arrays::place;
using arrays::product_of;
using arrays::turned;
using Catch::Contains;

namespace {

using number = std::complex<double>;
using dense = xt::xtensor<number, 2>;
using matrix = weft::array<number, 2>;

dense some(std::size_t rows, std::size_t columns, choices& by) {
  dense x = dense::from_shape({rows, columns});
  const std::int64_t seed = by(0, 1'000'000);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto at = static_cast<std::int64_t>(2 * i) + seed;
    x.data()[i] = {arrays::noise(at), arrays::noise(at + 1)};
  }
  return x;
}
double imaginary_diagonal(const dense& r) {
  double most = 0;
  for (std::size_t i = 0; i < std::min(r.shape()[0], r.shape()[1]); ++i)
    most = std::max(most, std::abs(r(i, i).imag()));
  return most;
}
void check_qr(place& at, const matrix& x) {
  CAPTURE(weft::to_string(x));
  const auto [q, r] = weft::qr(x);
  const dense whole = at(x), qs = at(q), rs = at(r);
  CHECK(distance(product_of(qs, rs), whole) < 1e-12);
  CHECK(distance(product_of(turned(qs), qs), identity<number>(qs.shape()[1])) < 1e-13);
  CHECK(below_diagonal(rs) == 0);
  CHECK(imaginary_diagonal(rs) == 0);
}

}  // namespace

TEST_CASE("factorisations of complex numbers have their properties, in irregular chunks") {
  weft::blas_threads(1);
  place at;
  for (unsigned seed = 0; seed < 12; ++seed) {
    choices by(seed);
    CAPTURE(seed);
    const auto n = static_cast<std::size_t>(by(1, 15)), m = n + static_cast<std::size_t>(by(0, 25));
    const dense tall = some(m, n, by), square = some(n, n, by), right = some(n, 3, by);
    const auto cut = [&](const dense& x) { return arrays::in_irregular_chunks(at.client, x, by); };
    const matrix x = cut(tall), a = cut(square), b = cut(right);
    check_qr(at, x);
    check_qr(at, weft::transpose(x));
    for (const matrix& either : {x, matrix(weft::transpose(x))}) {
      const auto [u, s, vt] = weft::svd(either);
      const dense us = at(u), vts = at(vt);
      CHECK(distance(dense(at(weft::matmul(u * s, vt))), dense(at(either))) < 1e-13);
      CHECK(distance(product_of(turned(us), us), identity<number>(n)) < 1e-13);
      CHECK(distance(product_of(vts, turned(vts)), identity<number>(n)) < 1e-13);
      const auto few = weft::svd_compressed(either, static_cast<std::int64_t>(n), {.power_iterations = 1});
      CHECK(distance(at(few.s), at(s)) < 1e-12);
      CHECK(distance(dense(at(weft::matmul(few.u * few.s, few.vt))), dense(at(either))) < 1e-12);
    }
    dense positive = product_of(square, turned(square));
    for (std::size_t i = 0; i < n; ++i) positive(i, i) += 1;
    const matrix p = cut(positive);
    const dense l = at(weft::cholesky(p));
    CHECK(distance(product_of(l, turned(l)), positive) < 1e-12);
    CHECK(imaginary_diagonal(l) == 0);
    const dense z = at(weft::solve(p, b, weft::assume::positive_definite));
    CHECK(distance(product_of(positive, z), right) < 1e-11);
    const auto [order, lower, upper] = weft::lu(a);
    const dense product = product_of(dense(at(lower)), dense(at(upper)));
    const xt::xtensor<std::int64_t, 1> rows = at(order);
    double most = 0;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        most = std::max(most, std::abs(product(i, j) - square(static_cast<std::size_t>(rows(i)), j)));
    CHECK(most < 1e-13);
    CHECK(distance(product_of(square, dense(at(weft::solve(a, b)))), right) < 1e-9);
    CHECK(distance(product_of(positive, dense(at(weft::inv(p)))), identity<number>(n)) < 1e-11);
    CHECK(distance(
              product_of(l, dense(at(weft::solve_triangular(p * 0.0 + weft::cholesky(p), b, weft::triangle::lower)))),
              right) < 1e-11);
    const auto least = weft::lstsq(x, weft::matmul(x, b) + number(0, 1));
    // The rest is orthogonal to the columns.
    const auto rest = weft::matmul(x, least.solution) - weft::matmul(x, b) - number(0, 1);
    const auto beside = weft::matmul(weft::conj(weft::transpose(x)), rest);
    CHECK(at(weft::max(weft::abs(beside))) < 1e-9 * (1 + at(weft::max(weft::abs(least.solution)))));
  }
}

TEST_CASE("complex numbers go through trees and through many tiles") {
  weft::blas_threads(1);
  place at;
  choices by(7);
  const auto cut = [&](const dense& x, weft::shape chunk) {
    return weft::from_array(at.client, x, {.chunk = chunk});
  };
  check_qr(at, cut(some(700, 3, by), {12, 3}));  // three levels
  const matrix tiles = cut(some(150, 140, by), {50, 40});
  CHECK_THAT(weft::to_dot(weft::qr(tiles).r), Contains("qr-column"));
  check_qr(at, tiles);
  const dense square = some(130, 130, by), right = some(130, 2, by);
  dense positive = product_of(square, turned(square));
  for (std::size_t i = 0; i < 130; ++i) positive(i, i) += 1;
  const matrix p = cut(positive, {64, 64}), b = cut(right, {90, 1});
  const dense l = at(weft::cholesky(p));
  CHECK(distance(product_of(l, turned(l)), positive) < 1e-11);
  for (const auto how : {weft::assume::general, weft::assume::positive_definite})
    CHECK(distance(product_of(positive, dense(at(weft::solve(p, b, how)))), right) < 1e-9);
  // What is above the diagonal is not looked at.
  const auto half = weft::where(weft::tri<bool>(at.client, 130, 130), p, number(std::nan(""), 3));
  CHECK(distance(dense(at(weft::solve(half, b, weft::assume::positive_definite))), dense(at(weft::solve(p, b)))) <
        1e-9);
  positive(100, 100) = -1;
  const matrix not_positive = cut(positive, {64, 64});
  const auto says = Contains("not positive definite: its first 101 rows and columns");
  CHECK_THROWS_WITH(at(weft::cholesky(not_positive)), says);
  CHECK_THROWS_WITH(at(weft::solve(not_positive, b, weft::assume::positive_definite)), says);
  for (const number bad : {number(std::nan(""), 0), number(0, HUGE_VAL)})
    CHECK_THROWS_WITH(at(weft::qr(weft::assign(tiles, weft::region(7, 119), bad)).r), Contains("NaN or infinite"));
}

TEST_CASE("least squares of wide matrices, and of those that are not of full rank, are the shortest") {
  weft::blas_threads(1);
  place at;
  for (unsigned seed = 0; seed < 8; ++seed) {
    choices by(seed);
    CAPTURE(seed);
    const auto n = static_cast<std::size_t>(by(3, 15)), m = n + static_cast<std::size_t>(by(0, 25));
    const auto k = static_cast<std::size_t>(by(1, static_cast<std::int64_t>(n) - 1));
    const dense low = product_of(some(m, k, by), some(k, n, by));
    const matrix full = arrays::in_irregular_chunks(at.client, some(m, n, by), by);
    const matrix deficient = arrays::in_irregular_chunks(at.client, low, by);
    struct system {
      matrix a;
      std::size_t rank;
    };
    for (const auto& [a, rank] : {system{matrix(weft::transpose(full)), n}, system{deficient, k},
                                  system{matrix(weft::transpose(deficient)), k}}) {
      CAPTURE(weft::to_string(a));
      const auto rows = static_cast<std::size_t>(a.shape()[0]);
      const matrix b = arrays::in_irregular_chunks(at.client, some(rows, 2, by), by);
      const auto [z, residuals, found, s] = weft::lstsq(a, b);
      CHECK(at(found) == static_cast<std::int64_t>(rank));
      CHECK(distance(at(s), at(weft::svd(a).s)) < 1e-12);
      // By the singular values: z = V S+ U^H b.
      const auto parts = weft::svd(a);
      const auto first = weft::slice(0, static_cast<std::int64_t>(rank));
      const matrix u = parts.u(weft::slice(), first), vt = parts.vt(first, weft::slice());
      const auto scaled = weft::matmul(weft::conj(weft::transpose(u)), b) / weft::expand_dims(parts.s(first), 1);
      const dense expected = at(weft::matmul(weft::conj(weft::transpose(vt)), scaled));
      CHECK(distance(dense(at(z)), expected) < 1e-9 * (1 + at(weft::max(weft::abs(z)))));
      const auto rest = weft::abs(weft::matmul(a, z) - b);
      CHECK(distance(at(residuals), at(weft::sum(rest * rest, 0))) < 1e-9);
    }
  }
  const auto a = weft::eye<double>(at.client, 3) * weft::from_array(at.client, xt::xtensor<double, 1>{4, 2, 1});
  const auto b = weft::ones<double, 1>(at.client, {3});
  CHECK(distance(at(weft::lstsq(a, b).solution), xt::xtensor<double, 1>{0.25, 0.5, 1}) < 1e-15);
  const auto few = weft::lstsq(a, b, 0.3);
  CHECK(at(few.rank) == 2);
  CHECK(distance(at(few.solution), xt::xtensor<double, 1>{0.25, 0.5, 0}) < 1e-15);
  CHECK(at(few.residuals) == Approx(1));
  CHECK(at(weft::any(weft::isnan(weft::lstsq(a, b * std::nan("")).solution))));
  CHECK_THROWS_WITH(weft::lstsq(a, b, std::nan("")),
                    Contains("lstsq of an array of shape (3, 3) in chunks of (3, 3) with an rcond that is NaN"));
}

TEST_CASE("rank and solution go by the same singular values, column by column") {
  weft::blas_threads(1);
  place at;
  choices by(3);
  // Of rank 40 of 60, and b in three chunks: tall, and wide.
  const dense low = product_of(some(150, 40, by), some(40, 60, by)), truth = some(60, 5, by);
  const matrix tall = weft::from_array(at.client, low, {.chunk = {40, 60}});
  for (const matrix& a : {tall, matrix(weft::transpose(tall))}) {
    const dense whole = at(a), right = product_of(whole, whole.shape()[1] == 60 ? truth : some(150, 5, by));
    const matrix b = weft::from_array(at.client, right, {.chunk = {-1, 2}});
    const auto [z, residuals, rank, s] = weft::lstsq(a, b);
    CHECK(at(rank) == 40);
    CHECK(distance(product_of(whole, dense(at(z))), right) < 1e-8);
    CHECK(distance(dense(at(z)), product_of(dense(at(weft::pinv(a))), right)) < 1e-8);
    // What is infinite in one column stays there.
    const dense mixed = at(weft::lstsq(a, weft::assign(b, weft::region(7, 1), number(HUGE_VAL, 0))).solution);
    const dense clean = at(z);
    for (std::size_t i = 0; i < clean.shape()[0]; ++i)
      for (const std::size_t j : {0u, 2u, 3u, 4u}) REQUIRE(std::abs(mixed(i, j) - clean(i, j)) < 1e-9);
    CHECK(!std::isfinite(mixed(0, 1).real()));
  }
  const auto a = weft::eye<double>(at.client, 3) * weft::from_array(at.client, xt::xtensor<double, 1>{4, 2, 1e-300});
  const auto b = weft::ones<double, 2>(at.client, {3, 1});
  for (const auto& [rcond, rank] : {std::pair(0.0, 3), {1e-200, 2}, {0.5, 1}, {1.0, 0}, {HUGE_VAL, 0}}) {
    CAPTURE(rcond);
    const auto found = weft::lstsq(a, b, rcond);
    CHECK(at(found.rank) == rank);
    CHECK(at(weft::sum(weft::astype<int>(found.solution != 0.0))) == rank);
    CHECK(at(weft::matrix_rank(a, rcond)) == rank);
    CHECK(at(weft::sum(weft::astype<int>(weft::abs(weft::pinv(a, rcond)) > 0.1))) == rank);
  }
  const auto one = weft::lstsq(weft::ones<double, 2>(at.client, {2, 1}), weft::ones<double, 1>(at.client, {2}), 1);
  CHECK(at(one.rank) == 0);
  CHECK(at(one.solution)(0) == 0);
  // No columns, and no rows.
  const auto none = weft::lstsq(weft::ones<double, 2>(at.client, {3, 0}), b);
  CHECK(at(none.solution).shape()[0] == 0);
  CHECK(at(none.rank) == 0);
  CHECK(at(none.residuals)(0) == 3);
  const auto free = weft::lstsq(weft::ones<double, 2>(at.client, {0, 3}), weft::ones<double, 1>(at.client, {0}));
  CHECK(arrays::list_of(at(free.solution)) == std::vector<double>(3, 0));
}

namespace {

template <class T>
void check_single(place& at) {
  using wide = xt::xtensor<T, 2>;
  const auto of = [&](std::int64_t m, std::int64_t n) {
    return weft::array<T, 2>(weft::astype<T>(arrays::matrix(at.client, m, n, {12, 20}, 6)));
  };
  const auto x = [&] {
    if constexpr (weft::detail::is_complex<T>)
      return weft::array<T, 2>(of(50, 20) + T(0, 2) * weft::roll(of(50, 20), 3, 1));
    else
      return of(50, 20);
  }();
  const auto turned = weft::conj(weft::transpose(x));
  const auto [q, r] = weft::qr(x);
  CHECK(distance(wide(at(weft::matmul(q, r))), wide(at(x))) < 1e-5);
  const auto [u, s, vt] = weft::svd(x);
  CHECK(distance(wide(at(weft::matmul(u * s, vt))), wide(at(x))) < 1e-5);
  const weft::array<T, 2> positive = weft::matmul(turned, x) + weft::eye<T>(at.client, 20);
  const auto l = weft::cholesky(positive);
  CHECK(distance(wide(at(weft::matmul(l, weft::conj(weft::transpose(l))))), wide(at(positive))) < 1e-4);
  const auto b = weft::ones<T, 2>(at.client, {20, 2});
  CHECK(distance(wide(at(weft::matmul(positive, weft::solve(positive, b)))), wide(at(b))) < 1e-3);
  const auto [z, residuals, rank, values] = weft::lstsq(x, weft::matmul(x, b));
  CHECK(at(rank) == 20);
  CHECK(distance(wide(at(z)), wide(at(b))) < 1e-3);
}

}  // namespace

TEST_CASE("floats, and complex numbers of them, are factored") {
  weft::blas_threads(1);
  place at;
  check_single<float>(at);
  check_single<std::complex<float>>(at);
  // A line through 3000 points: the ratio of singular values is 2.9e-4.
  const auto line = weft::from_function<2>(
      at.client, {3000, 2}, [](std::int64_t i, std::int64_t j) { return j == 0 ? 1.0f : static_cast<float>(i); },
      {.chunk = {700, 2}});
  const auto heights =
      weft::from_function<1>(at.client, {3000}, [](std::int64_t i) { return 1000.0f + static_cast<float>(i); });
  const auto found = weft::lstsq(line, heights);
  CHECK(at(found.rank) == 2);
  CHECK(at(found.solution)(0) == Approx(1000).epsilon(1e-3));
  CHECK(at(found.solution)(1) == Approx(1).epsilon(1e-4));
}
