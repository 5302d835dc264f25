// Lists, masks and ellipses as indices: what they compute, and what is refused.
#include <catch2/catch.hpp>

#include "array/arrays.hpp"
#include "weft/errors.hpp"

using arrays::place;
using weft::ellipsis;
using weft::positions;
using weft::region;
using weft::slice;

TEST_CASE("a list among indices of a huge array computes the chunks in which its elements are") {
  place at(1);
  const auto huge = weft::ones<float, 3>(at.client, {10, 1'000'000, 1'000'000}, {.chunk = {1, 1000, 1000}}) * 2.0f;
  const auto part = huge(3, slice(999'000), positions(7, 1500, 5));
  CHECK(part.shape() == weft::shape{3, 1000});  // the number stands apart from the list
  CHECK(part.task_count() <= 4);
  CHECK(at(weft::sum(part)) == 6000);
  const auto written = weft::assign(huge, region(3, ellipsis, positions(999'999, 0)), 5.0f);
  CHECK(at(written(3, 10, -1)) == 5);
  CHECK(at(written(3, 10, 1)) == 2);
  CHECK(at(written(2, 10, 0)) == 2);
}

TEST_CASE("lists and masks that do not fit are refused, by the array's own axes") {
  place at(1);
  const auto x = weft::zeros<double, 3>(at.client, {10, 4, 6});
  CHECK_THROWS_WITH(x(3, slice(0, 2), positions(0, 6)), "weft: index 6 along axis 2 of an array of shape (10, 4, 6)");
  CHECK_THROWS_WITH(x(ellipsis, positions(-5), 0), "weft: index -5 along axis 1 of an array of shape (10, 4, 6)");
  CHECK_THROWS_WITH(x(0, ellipsis, 6), "weft: index 6 along axis 2 of an array of shape (10, 4, 6)");
  CHECK_THROWS_WITH(x(std::vector<bool>(9, true)),
                    "weft: a mask of 9 elements for axis 0 of an array of shape (10, 4, 6): give one of as many as "
                    "it has");
  CHECK_THROWS_WITH(x(0, std::vector<bool>()), Catch::Contains("a mask of 0 elements for axis 1"));
  const xt::xtensor<bool, 2> mask = xt::ones<bool>({10, 4});
  CHECK_THROWS_WITH(x(mask),
                    "weft: a list or a mask of 2 axes as an index: give one of one axis; by a mask of the "
                    "array's shape, there is compress");
  const weft::array<double> any = x;
  CHECK_THROWS_WITH(any(0, ellipsis, 0, positions(1), 0),
                    "weft: more indices than axes, for an array of shape (10, 4, 6)");
  CHECK_THROWS_WITH(any(0, 0, 0, ellipsis, 0), Catch::Contains("more indices than axes"));
  CHECK_THROWS_WITH(weft::assign(x, region(ellipsis, positions(1, 6)), 1.0), Catch::Contains("index 6 along axis 2"));
  CHECK_THROWS_WITH(weft::assign(x, region(positions(1, 2), weft::newaxis), 1.0), Catch::Contains("no new axes"));
  CHECK_THROWS_WITH(weft::assign(x, region(positions(1, 2)), weft::zeros<double, 3>(at.client, {3, 4, 6})),
                    "weft: a value of shape (3, 4, 6) for a part of shape (2, 4, 6) of an array of shape (10, 4, 6)");
  CHECK_THROWS_AS(x(10), weft::misuse);
}
