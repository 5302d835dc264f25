// Products and factorisations of arrays in irregular chunks.
#include <catch2/catch.hpp>

#include "array/irregular.hpp"
#include "array/matrices.hpp"
#include "weft/array/linear.hpp"
#include "weft/errors.hpp"

using arrays::choices;
using arrays::distance;
using arrays::place;
using arrays::same_array;

namespace {

using matrix = weft::array<double, 2>;
using vector = weft::array<double, 1>;

struct both_ways {
  explicit both_ways(unsigned seed) : some(seed) {}
  std::size_t length() { return static_cast<std::size_t>(some(1, 15)); }
  template <std::size_t N>
  struct given {
    weft::array<double, N> irregular, plain;
  };
  template <std::size_t N>
  given<N> make(const xt::xtensor<double, N>& whole) {
    return {arrays::in_irregular_chunks(at.client, whole, some), arrays::in_one_chunk(at.client, whole)};
  }
  given<2> make(std::size_t rows, std::size_t columns) {
    return make(arrays::some_numbers<double, 2>({rows, columns}, some));
  }
  given<1> make(std::size_t n) { return make(arrays::some_numbers<double, 1>({n}, some)); }
  /// f of both are the same numbers.
  template <class F, class... X>
  void operator()(const char* what, F f, const X&... x) {
    INFO(what);
    ((UNSCOPED_INFO(weft::to_string(x.irregular))), ...);
    const auto is = at(f(x.irregular...)), expected = at(f(x.plain...));
    CHECK(same_array(is, expected));
  }

  place at;
  choices some;
};

constexpr unsigned rounds = 40;
constexpr double near = 1e-9;

xt::xtensor<double, 2> positive_definite(std::size_t n, choices& some) {
  const auto a = arrays::some_numbers<double, 2>({n, n}, some);
  xt::xtensor<double, 2> p = arrays::product_of<double>(a, xt::xtensor<double, 2>(xt::transpose(a)));
  for (std::size_t i = 0; i < n; ++i) p(i, i) += 1;
  return p;
}

}  // namespace

TEST_CASE("products of irregular chunks are those of one chunk") {
  for (unsigned seed = 0; seed < rounds; ++seed) {
    both_ways same(seed);
    CAPTURE(seed);
    const std::size_t m = same.length(), k = same.length(), n = same.length();
    const auto a = same.make(m, k), b = same.make(k, n), c = same.make(m, k);
    const auto v = same.make(k), w = same.make(n);
    same("matmul", [](const matrix& x, const matrix& y) { return weft::matmul(x, y); }, a, b);
    same(
        "matmul by a transposed one",
        [](const matrix& x, const matrix& y) { return weft::matmul(x, weft::transpose(y)); }, a, c);
    same("matrix and vector", [](const matrix& x, const vector& y) { return weft::matmul(x, y); }, a, v);
    same("vector and matrix", [](const vector& x, const matrix& y) { return weft::matmul(x, y); }, v, b);
    same("dot", [](const vector& x) { return weft::dot(x, x * 2.0); }, v);
    same("outer", [](const vector& x, const vector& y) { return weft::outer(x, y); }, v, w);
    same("tensordot", [](const matrix& x, const matrix& y) { return weft::tensordot(x, y, {0, 1}, {0, 1}); }, a, c);
    same("einsum", [](const matrix& x, const matrix& y) { return weft::einsum<2>("ij,jk->ki", x, y); }, a, b);
    same(
        "einsum of three",
        [](const matrix& x, const matrix& y, const vector& z) { return weft::einsum<1>("ij,jk,k->i", x, y, z); }, a,
        b, w);
  }
}

TEST_CASE("factorisations of irregular chunks have their properties") {
  for (unsigned seed = 0; seed < rounds; ++seed) {
    both_ways same(seed);
    CAPTURE(seed);
    place& at = same.at;
    const std::size_t n = same.length(), m = n + same.length() - 1;
    const auto tall = same.make(m, n);
    const matrix& x = tall.irregular;
    CAPTURE(weft::to_string(x));
    const xt::xtensor<double, 2> whole = at(tall.plain);
    const auto qr = weft::qr(x);
    CHECK(distance(at(weft::matmul(qr.q, qr.r)), whole) < near);
    CHECK(distance(at(weft::matmul(weft::transpose(qr.q), qr.q)),
                   at(weft::eye<double>(at.client, static_cast<std::int64_t>(n)))) < near);
    const auto s = weft::svd(x);
    CHECK(distance(at(weft::matmul(s.u * s.s, s.vt)), whole) < near);
    same("singular values", [](const matrix& a) { return weft::svd(a).s; }, tall);
    same("singular values of a wide one", [](const matrix& a) { return weft::svd(weft::transpose(a)).s; }, tall);
    const auto k = static_cast<std::int64_t>(n);
    same("compressed", [=](const matrix& a) { return weft::svd_compressed(a, k, {.power_iterations = 1}).s; }, tall);

    const auto spd = same.make(positive_definite(n, same.some));
    same("cholesky", [](const matrix& a) { return weft::cholesky(a); }, spd);
    const auto square = same.make(n, n);
    const auto lu = weft::lu(square.irregular);
    const auto rows = at(lu.permutation);
    const xt::xtensor<double, 2> product = at(weft::matmul(lu.l, lu.u)), original = at(square.plain);
    double most = 0;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        most = std::max(most, std::abs(product(i, j) - original(static_cast<std::size_t>(rows(i)), j)));
    CHECK(most < near);
    const auto right = same.make(n, same.length());
    const auto vector_right = same.make(n);
    same("solve", [](const matrix& a, const matrix& b) { return weft::solve(a, b); }, spd, right);
    same("solve for a vector", [](const matrix& a, const vector& b) { return weft::solve(a, b); }, spd, vector_right);
    same("inverse", [](const matrix& a) { return weft::inv(a); }, spd);
    same(
        "triangle",
        [](const matrix& a, const matrix& b) {
          return weft::solve_triangular(weft::cholesky(a), b, weft::triangle::lower);
        },
        spd, right);
    const auto tall_right = same.make(m, 2);
    const auto least = weft::lstsq(x, tall_right.irregular).solution;
    // The rest is orthogonal to the columns.
    const auto rest = weft::matmul(weft::transpose(x), weft::matmul(x, least) - tall_right.irregular);
    CHECK(at(weft::max(weft::abs(rest))) < 1e-7 * (1 + at(weft::max(weft::abs(least)))));
  }
}
