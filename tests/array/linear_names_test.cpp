// What the tasks of linear algebra are called, and which triangle is given.
#include <catch2/catch.hpp>
#include <complex>

#include "array/arrays.hpp"
#include "weft/errors.hpp"

using arrays::place;
using Catch::Contains;

TEST_CASE("tasks of linear algebra say what they do") {
  place at(1);
  const auto x = weft::random::normal<double, 2>(at.client, {200, 200}, {.seed = 1, .chunk = {64, 64}});
  const auto says = [](const auto& a, const std::string& name) { CHECK_THAT(weft::to_dot(a), Contains(name)); };
  says(weft::matmul(x, x), "product");
  const auto f = weft::lu(x);
  says(f.l, "lu-column of chunk (1, 2)");
  says(weft::qr(x).r, "qr-column of chunk (1, 2)");
  says(weft::qr(x).q, "qr-q of chunk (0, 2)");
  says(weft::cholesky(x), "cholesky of chunk (1, 1)");
  says(weft::solve(x, x), "solve-triangular of chunk (");
}

TEST_CASE("a Cholesky factor is the triangle that is asked for") {
  place at(1);
  using number = std::complex<double>;
  const xt::xtensor<number, 2> whole{{4, {2, -2}}, {{2, 2}, 6}};
  const auto x = weft::from_array(at.client, whole, {.chunk = {1, 1}});
  const xt::xtensor<number, 2> l = at(weft::cholesky(x, weft::triangle::lower)),
                               u = at(weft::cholesky(x, weft::triangle::upper));
  CHECK(l(1, 0) == number(1, 1));
  CHECK(u(0, 1) == number(1, -1));
  CHECK(u(1, 0) == number());
  CHECK(u(0, 0) == number(2));
  CHECK_THROWS_AS(weft::cholesky(x, weft::triangle::unit_upper), weft::misuse);
}
