// What the tasks of linear algebra are called.
#include <catch2/catch.hpp>

#include "array/arrays.hpp"

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
