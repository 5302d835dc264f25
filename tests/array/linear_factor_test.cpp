// Factorisations: what they are for, over random shapes and chunks.
#include <sys/mman.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "array/blas.hpp"
#include "array/matrices.hpp"
#include "array/tree_rows.hpp"
#include "weft/errors.hpp"

using arrays::below_diagonal;
using arrays::distance;
using arrays::identity;
using arrays::matrix;
using arrays::place;
using arrays::product_of;
using arrays::turned;

namespace {

using dense = xt::xtensor<double, 2>;

struct random_shapes {
  std::mt19937 random{5};
  std::int64_t upto(int n) { return std::int64_t(1 + random() % static_cast<unsigned>(n)); }
};

}  // namespace

TEST_CASE("QR: q r is the matrix, and q's columns are orthonormal") {
  weft::blas_threads(1);
  place at;
  random_shapes some;
  for (int round = 0; round < 25; ++round) {
    const std::int64_t m = some.upto(round < 12 ? 300 : 40), n = some.upto(30);
    const weft::shape chunk{some.upto(40), some.upto(30)};
    CAPTURE(m, n, weft::to_string(chunk));
    const auto a = matrix(at.client, m, n, chunk, round);
    const auto [q, r] = weft::qr(a);
    const dense whole = at(a), qs = at(q), rs = at(r);
    REQUIRE(qs.shape()[1] == static_cast<std::size_t>(std::min(m, n)));
    CHECK(distance(product_of(qs, rs), whole) < 1e-13);
    CHECK(distance(product_of(turned(qs), qs), identity<double>(qs.shape()[1])) < 1e-13);
    CHECK(below_diagonal(rs) == 0);
  }
  const auto f = matrix<float>(at.client, 90, 4, {20, 4});
  const auto [q, r] = weft::qr(f);
  CHECK(distance(at(weft::matmul(q, r)), at(f)) < 1e-6);
}

TEST_CASE("reflectors are applied without a word written to them") {
  // Tasks side by side apply the same ones, and take R from beside them.
  weft::blas_threads(1);
  std::mt19937 random(3);
  std::normal_distribution<double> normal;
  for (const int rows : {1, 5, 40, 150}) {  // LAPACK has a way of its own for few
    const int columns = 3 * rows;
    const std::size_t bytes = static_cast<std::size_t>(rows * columns) * sizeof(double);
    void* const pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(pages != MAP_FAILED);
    auto* const a = static_cast<double*>(pages);
    for (int i = 0; i < rows * columns; ++i) a[i] = normal(random);
    std::vector<double> tau(static_cast<std::size_t>(rows)), q(static_cast<std::size_t>(columns * columns));
    weft::detail::arrays::blas::factor_lq<double>(rows, columns, a, rows, tau.data());
    for (int i = 0; i < columns; ++i) q[static_cast<std::size_t>(i * columns + i)] = 1;
    REQUIRE(::mprotect(pages, bytes, PROT_READ) == 0);
    weft::detail::arrays::blas::multiply_by_q<double>(columns, columns, rows, a, rows, tau.data(), q.data(), columns);
    ::munmap(pages, bytes);
    dense product = dense::from_shape({static_cast<std::size_t>(columns), static_cast<std::size_t>(columns)});
    std::copy(q.begin(), q.end(), product.begin());
    CHECK(distance(product_of(turned(product), product), identity<double>(product.shape()[0])) < 1e-13);
  }
}

TEST_CASE("QR of many chunks is a tree, the same on any number of threads") {
  weft::blas_threads(1);
  std::vector<std::vector<double>> found;
  for (const unsigned threads : {1u, 2u, 3u}) {
    place at(threads);
    const auto a = matrix(at.client, 2000, 3, {12, 3});  // 167 chunks: levels of 21, 3 and 1
    const auto [q, r] = weft::qr(a);
    CHECK(r.task_count() == 167 + 21 + 3 + 1 + 1);
    const dense qs = at(q), rs = at(r);
    CHECK(distance(product_of(turned(qs), qs), identity<double>(3)) < 1e-13);
    CHECK(distance(product_of(qs, rs), dense(at(a))) < 1e-13);
    found.push_back(arrays::list_of(qs));
  }
  CHECK(found[0] == found[1]);
  CHECK(found[0] == found[2]);
}

TEST_CASE("QR of matrices that are not tall goes by columns of tiles") {
  weft::blas_threads(1);
  place at;
  random_shapes some;
  for (int round = 0; round < 20; ++round) {
    const std::int64_t m = some.upto(260), n = 60 + some.upto(200);
    const weft::shape chunk{some.upto(100), 31 + some.upto(40)};
    if (m >= 8 * n || n <= chunk[1]) continue;
    CAPTURE(m, n, weft::to_string(chunk));
    const auto a = matrix(at.client, m, n, chunk, round);
    const auto [q, r] = weft::qr(a);
    CHECK_THAT(weft::to_dot(r), Catch::Contains("qr-column"));
    const dense whole = at(a), qs = at(q), rs = at(r);
    REQUIRE(qs.shape()[1] == static_cast<std::size_t>(std::min(m, n)));
    CHECK(distance(product_of(qs, rs), whole) < 1e-12);
    CHECK(distance(product_of(turned(qs), qs), identity<double>(qs.shape()[1])) < 1e-13);
    CHECK(below_diagonal(rs) == 0);
    CHECK(distance(at(weft::svd(a).s), at(weft::svd(weft::rechunk(a, {.chunk = {-1, -1}})).s)) < 1e-12);
  }
  const auto f = matrix<float>(at.client, 150, 140, {70, 40});
  const auto [q, r] = weft::qr(f);
  CHECK(distance(at(weft::matmul(q, r)), at(f)) < 1e-5);
}

TEST_CASE("QR by columns takes singular matrices, refuses what is no number, and is the same on any threads") {
  weft::blas_threads(1);
  const auto ones = [](place& at) { return weft::ones<double, 2>(at.client, {130, 120}, {.chunk = {50, 40}}); };
  const auto none = [](place& at) { return weft::zeros<double, 2>(at.client, {130, 120}, {.chunk = {50, 40}}); };
  {
    place at;
    for (const auto& a : {weft::array<double, 2>(ones(at)), weft::array<double, 2>(none(at))}) {
      const auto [q, r] = weft::qr(a);
      const dense qs = at(q);
      CHECK(distance(product_of(qs, at(r)), dense(at(a))) < 1e-12);
      CHECK(distance(product_of(turned(qs), qs), identity<double>(120)) < 1e-13);
    }
    // In a column that is factored last, so that it has gone through the steps before.
    const auto bad = weft::assign(ones(at), weft::region(7, 119), std::nan(""));
    CHECK_THROWS_WITH(at(weft::qr(bad).r), Catch::Contains("NaN or infinite"));
  }
  std::vector<std::vector<double>> found;
  for (const unsigned threads : {1u, 2u, 3u}) {
    place at(threads);
    const auto [q, r] = weft::qr(matrix(at.client, 200, 190, {50, 40}));
    found.push_back(arrays::list_of(dense(at(q))));
  }
  CHECK(found[0] == found[1]);
  CHECK(found[0] == found[2]);
}

TEST_CASE("SVD: u s vt is the matrix, of tall and of wide ones") {
  weft::blas_threads(1);
  place at;
  random_shapes some;
  for (int round = 0; round < 20; ++round) {
    const std::int64_t m = some.upto(60), n = some.upto(60);
    const weft::shape chunk{some.upto(30), some.upto(30)};
    CAPTURE(m, n, weft::to_string(chunk));
    const auto a = matrix(at.client, m, n, chunk, round);
    const auto [u, s, vt] = weft::svd(a);
    const auto k = static_cast<std::size_t>(std::min(m, n));
    const dense us = at(u), vts = at(vt);
    const xt::xtensor<double, 1> ss = at(s);
    REQUIRE(ss.size() == k);
    for (std::size_t i = 1; i < k; ++i) CHECK(ss(i) <= ss(i - 1));
    CHECK(distance(dense(at(weft::matmul(u * s, vt))), dense(at(a))) < 1e-13);
    CHECK(distance(product_of(turned(us), us), identity<double>(k)) < 1e-13);
    CHECK(distance(product_of(vts, turned(vts)), identity<double>(k)) < 1e-13);
  }
  const auto nan = weft::where(matrix(at.client, 9, 3, {4, 3}) > 0.2, std::nan(""), 1.0);
  CHECK_THROWS_WITH(at(weft::svd(nan).s), Catch::Contains("NaN"));
}

TEST_CASE("elements that are no numbers are refused where a factorisation finds them") {
  weft::blas_threads(1);
  place at;
  for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    const auto tall = weft::assign(matrix(at.client, 40, 3, {7, 3}), weft::region(23, 1), bad);
    const auto square = weft::assign(matrix(at.client, 9, 9, {4, 4}), weft::region(7, 2), bad);
    CHECK_THROWS_WITH(at(weft::qr(tall).r), Catch::Contains("qr of an array") && Catch::Contains("NaN or infinite"));
    CHECK_THROWS_WITH(at(weft::svd_compressed(tall, 2).s), Catch::Contains("NaN or infinite"));
    CHECK_THROWS_WITH(at(weft::lu(square).u), Catch::Contains("lu of an array") && Catch::Contains("NaN"));
    CHECK_THROWS_WITH(at(weft::inv(square)), Catch::Contains("NaN or infinite"));
  }
}

TEST_CASE("the rows of a tree are counted without going through it") {
  using namespace weft::detail::arrays;
  // As the tasks have them: each chunk's rows, and then those of the R's of eight children.
  const auto counted = [](const tree_rows& tree, std::size_t level) {
    std::vector<std::int64_t> rows;
    for (std::int64_t i = 0; i < tree.rows.count(); ++i) rows.push_back(tree.rows.size(i));
    for (std::size_t l = 0; l < level; ++l) {
      std::vector<std::int64_t> above((rows.size() + 7) / 8, 0);
      for (std::size_t i = 0; i < rows.size(); ++i) above[i / 8] += std::min(rows[i], tree.columns);
      rows = above;
    }
    return rows;
  };
  for (std::int64_t i = 0; i < 400; ++i) {
    const std::int64_t chunk = arrays::some_number(i, 1, 9), lead = arrays::some_number(i + 1000, 1, chunk);
    const tree_rows tree{{arrays::some_number(i + 2000, 0, 3000), chunk, lead}, arrays::some_number(i + 3000, 0, 20)};
    CAPTURE(tree.rows.extent, chunk, lead, tree.columns);
    for (std::size_t level = 0; level < 5; ++level) {
      const std::vector<std::int64_t> expected = counted(tree, level);
      const tree_rows::level_rows is = tree.of(level);
      REQUIRE(is.count == static_cast<std::int64_t>(expected.size()));
      std::int64_t before = 0;
      for (std::size_t j = 0; j < expected.size(); ++j) {
        REQUIRE(is.at(static_cast<std::int64_t>(j)) == expected[j]);
        if (j % 8 == 0) before = 0;
        REQUIRE(tree.before(level, j) == before);
        before += std::min(expected[j], tree.columns);
      }
      REQUIRE_THROWS_AS(tree.before(level, expected.size()), std::logic_error);
    }
  }
  // What a damaged message may say.
  constexpr std::int64_t most = std::int64_t{1} << 62;
  const tree_rows vast{{most, 1, 1}, most};
  CHECK(vast.of(20).first == std::int64_t{1} << 60);
  CHECK(vast.of(21).first == most);
  CHECK(tree_rows{{most, most, most}, most}.of(21).first == most);
  CHECK_THROWS_AS(vast.of(22), std::logic_error);
  CHECK_THROWS_AS((tree_rows{{10, 1, 2}, 1}.of(0)), std::logic_error);
  CHECK_THROWS_AS((tree_rows{{10, 1, 1}, -1}.of(0)), std::logic_error);
}

TEST_CASE("a compressed SVD finds what a low rank hides") {
  weft::blas_threads(1);
  place at;
  const auto left = matrix(at.client, 300, 6, {70, 6}, 1), right = matrix(at.client, 6, 200, {6, 90}, 2);
  const weft::array<double, 2> a = weft::matmul(left, right);
  const auto exact = weft::svd(a);
  const xt::xtensor<double, 1> values = at(exact.s);
  const auto near = weft::svd_compressed(a, 6);
  const xt::xtensor<double, 1> found = at(near.s);
  REQUIRE(found.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) CHECK(found(i) == Approx(values(i)).epsilon(1e-10));
  CHECK(distance(dense(at(weft::matmul(near.u * near.s, near.vt))), dense(at(a))) < 1e-12);
  // Of full rank, passes more come nearer, and the same seed gives the same.
  const auto b = matrix(at.client, 150, 120, {40, 50}, 3);
  const double first = at(weft::svd(b).s)(0);
  const auto error = [&](int passes) {
    const xt::xtensor<double, 1> s = at(weft::svd_compressed(b, 4, {.power_iterations = passes}).s);
    return std::abs(s(0) - first) / first;
  };
  CHECK(error(4) < error(0));
  CHECK(error(6) < 1e-2);
  const weft::compression how{.seed = 5};
  CHECK((at(weft::svd_compressed(b, 4, how).s) == at(weft::svd_compressed(b, 4, how).s)));
  CHECK((at(weft::svd_compressed(b, 4, how).s) != at(weft::svd_compressed(b, 4, {.seed = 6}).s)));
}

TEST_CASE("Cholesky, LU and systems of equations, in all tiles") {
  weft::blas_threads(1);
  place at;
  random_shapes some;
  for (int round = 0; round < 14; ++round) {
    const std::int64_t n = some.upto(round % 2 == 0 ? 330 : 20), m = some.upto(30);
    const weft::shape chunk = round % 3 == 0 ? weft::shape{64, 64} : weft::shape{some.upto(200), some.upto(200)};
    CAPTURE(n, m, weft::to_string(chunk));
    const auto a = matrix(at.client, n, n, chunk, round);
    const auto b = matrix(at.client, n, m, {some.upto(100), some.upto(10)}, round + 50);
    const dense as = at(a), bs = at(b);

    const weft::array<double, 2> positive =
        weft::matmul(a, weft::transpose(a)) +
        weft::astype<double>(weft::indices<2>(at.client, {n, n}, 0) == weft::indices<2>(at.client, {n, n}, 1));
    const dense l = at(weft::cholesky(positive));
    CHECK(below_diagonal(turned(l)) == 0);
    CHECK(distance(product_of(l, turned(l)), dense(at(positive))) < 1e-11);

    const auto [order, lower, upper] = weft::lu(a);
    const dense ls = at(lower), us = at(upper);
    const xt::xtensor<std::int64_t, 1> rows = at(order);
    dense permuted = dense::from_shape(as.shape());
    for (std::size_t i = 0; i < as.shape()[0]; ++i)
      for (std::size_t j = 0; j < as.shape()[1]; ++j) permuted(i, j) = as(static_cast<std::size_t>(rows(i)), j);
    CHECK(distance(product_of(ls, us), permuted) < 1e-12);
    CHECK(below_diagonal(turned(ls)) <= 1);  // pivots are the largest of their columns
    CHECK(below_diagonal(us) == 0);
    for (std::size_t i = 0; i < ls.shape()[0]; ++i) CHECK(ls(i, i) == 1);

    const dense x = at(weft::solve(a, b));
    CHECK(distance(product_of(as, x), bs) < 1e-9);
    const dense y = at(weft::solve_triangular(weft::cholesky(positive), b, weft::triangle::lower));
    CHECK(distance(product_of(l, y), bs) < 1e-10);
    const dense back = at(weft::solve_triangular(upper, b, weft::triangle::upper));
    CHECK(distance(product_of(us, back), bs) < 1e-7 * (1 + distance(back, dense(xt::zeros<double>(back.shape())))));
    const dense unit = at(weft::solve_triangular(lower, b, weft::triangle::unit_lower));
    CHECK(distance(product_of(ls, unit), bs) < 1e-10);
    CHECK(distance(product_of(as, dense(at(weft::inv(a)))), identity<double>(static_cast<std::size_t>(n))) < 1e-8);
  }
}

TEST_CASE("least squares, and systems of one vector") {
  weft::blas_threads(1);
  place at;
  const auto a = matrix(at.client, 400, 7, {60, 3}, 1);
  const auto truth = weft::linspace(at.client, 1, 2, 7);
  const auto b = weft::matmul(a, truth);
  const auto [z, rest, rank, values] = weft::lstsq(a, b);
  CHECK(distance(at(z), at(truth)) < 1e-13);
  CHECK(at(rest) < 1e-25);
  CHECK(at(rank) == 7);
  CHECK(distance(at(values), at(weft::svd(a).s)) < 1e-13);
  const auto noise = weft::from_function<1>(at.client, {400}, [](std::int64_t i) { return arrays::noise(i); });
  // What remains is orthogonal to the columns.
  const auto noisy = weft::lstsq(a, b + noise);
  const auto left = weft::matmul(a, noisy.solution) - b - noise;
  for (const double d : at(weft::matmul(weft::transpose(a), left))) CHECK(std::abs(d) < 1e-12);
  const double sum = at(noisy.residuals);
  CHECK(sum == Approx(at(weft::sum(weft::square(left)))));
  const auto square = matrix(at.client, 90, 90, {32, 32}, 4);
  const auto x = weft::linspace(at.client, -1, 1, 90);
  CHECK(distance(at(weft::solve(square, weft::matmul(square, x))), at(x)) < 1e-10);
}

TEST_CASE("what cannot be factored is refused in a sentence") {
  place at(1);
  const auto flat = weft::zeros<double, 2>(at.client, {10, 4});
  const auto square = weft::zeros<double, 2>(at.client, {4, 4});
  CHECK_THROWS_AS(weft::cholesky(flat), weft::misuse);
  CHECK_THROWS_WITH(weft::cholesky(flat),
                    "weft: cholesky of an array of shape (10, 4) in chunks of (10, 4): the matrix must be square");
  CHECK_THROWS_WITH(weft::lu(flat), Catch::Contains("lu of an array of shape (10, 4) in chunks of (10, 4)"));
  CHECK_THROWS_WITH(weft::inv(flat), Catch::Contains("inv of an array of shape (10, 4) in chunks of (10, 4)"));
  CHECK_THROWS_WITH(weft::inv(weft::array<double>(weft::linspace(at.client, 0, 1, 3))),
                    "weft: inv of an array of shape (3) in chunks of (3): give one of two axes");
  CHECK_THROWS_WITH(
      weft::solve(square, flat),
      "weft: solve of arrays of shapes (4, 4) in chunks of (4, 4) and (10, 4) in chunks of (10, 4): the "
      "second has one or two axes, and as many rows as the first");
  CHECK_THROWS_WITH(weft::solve_triangular(square, flat, weft::triangle::lower),
                    Catch::Contains("(4, 4) in chunks of (4, 4) and (10, 4)"));
  CHECK_THROWS_WITH(weft::solve(square, flat, weft::assume::positive_definite),
                    Catch::Contains("(4, 4) in chunks of (4, 4) and (10, 4)"));
  CHECK_THROWS_WITH(weft::lstsq(flat, square),
                    Catch::Contains("lstsq of arrays of shapes (10, 4) in chunks of (10, 4) "
                                    "and (4, 4) in chunks of (4, 4): the second has"));
  CHECK_THROWS_WITH(weft::svd_compressed(flat, 5),
                    Catch::Contains("(10, 4) in chunks of (10, 4) to 5 singular values: it has from 1 to 4"));
  CHECK_THROWS_WITH(weft::svd_compressed(flat, 2, {.oversampling = -1}), Catch::Contains("-1 columns more"));
  CHECK_THROWS_WITH(weft::qr(weft::array<double>(weft::sum(flat))), Catch::Contains("qr of an array of shape ()"));
  // What only elements can tell is told when they are there.
  CHECK_THROWS_WITH(at(weft::cholesky(square)), Catch::Contains("not positive definite"));
  CHECK_THROWS_WITH(at(weft::solve(square, square)), Catch::Contains("singular"));
}
