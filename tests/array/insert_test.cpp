// Elements put in and taken out: only what is needed is computed, and what is refused.
#include <catch2/catch.hpp>

#include "array/arrays.hpp"
#include "weft/errors.hpp"

using arrays::place;
using weft::positions;
using weft::slice;

TEST_CASE("a part of what was inserted into or erased from computes that part alone") {
  place at(1);
  const auto huge = weft::ones<float, 2>(at.client, {1'000'000, 1'000'000}, {.chunk = {1000, 1000}}) * 2.0f;
  const auto more = weft::insert(huge, positions(500'000, 3), 7.0f, 0);
  CHECK(more.shape() == weft::shape{1'000'002, 1'000'000});
  CHECK(at(more(500'001, 17)) == 7);
  CHECK(at(more(3, 17)) == 7);
  CHECK(at(more(500'002, 17)) == 2);
  CHECK(more(slice(500'000, 500'010), slice(0, 10)).task_count() <= 5);
  const auto less = weft::erase(huge, slice(10, 999'990), 1);
  CHECK(less.shape() == weft::shape{1'000'000, 20});
  CHECK(at(weft::sum(less(slice(0, 5)))) == 200);
  CHECK(less(slice(0, 5)).task_count() <= 1002);
}

TEST_CASE("inserting what was erased gives the array back") {
  place at;
  const auto x = weft::reshape<2>(weft::arange<std::int64_t>(at.client, 360), {20, 18});
  const auto cut = weft::rechunk(x, {.chunk = {3, 4}});
  for (std::int64_t i = 0; i < 40; ++i) {
    const std::int64_t axis = i % 2, n = axis == 0 ? 20 : 18;
    const std::int64_t at_first = arrays::some_number(i, 0, n - 1), last = arrays::some_number(i + 100, at_first, n);
    CAPTURE(i, axis, at_first, last);
    const auto out = axis == 0 ? cut(slice(at_first, last)) : cut(slice(), slice(at_first, last));
    const auto left = weft::erase(cut, slice(at_first, last), axis);
    const auto back = weft::insert(left, positions(at_first), out, axis);
    REQUIRE(arrays::list_of(at(back)) == arrays::list_of(at(x)));
  }
}

TEST_CASE("what cannot be inserted or erased is refused as the expression is built") {
  place at(1);
  const auto x = weft::zeros<double, 2>(at.client, {6, 4}, {.chunk = {2, 4}});
  using Catch::Contains;
  CHECK_THROWS_WITH(weft::insert(x, 7, 1.0, 0),
                    "weft: an insertion before index 7 along axis 0 of an array of shape (6, 4): give one from -6 to "
                    "6");
  CHECK_THROWS_WITH(weft::insert(x, positions(0, -5), 1.0, 1), Contains("before index -5 along axis 1"));
  CHECK_THROWS_WITH(weft::insert(x, 0, 1.0, 2), Contains("axis 2"));
  CHECK_THROWS_WITH(
      weft::insert(x, positions(0, 1), weft::zeros<double, 2>(at.client, {3, 4}), 0),
      "weft: values of shape (3, 4) in chunks of (3, 4) to be inserted at 2 places along axis 0 of an array of shape "
      "(6, 4) in chunks of (2, 4): give one for each place, or one for all");
  CHECK_THROWS_WITH(weft::insert(x, 1, weft::zeros<double, 1>(at.client, {5}), 0), Contains("(5)"));
  CHECK_THROWS_WITH(weft::insert(x, 1, weft::zeros<double, 3>(at.client, {1, 1, 1}), 0), Contains("(1, 1, 1)"));
  const auto whole = weft::zeros<std::int8_t, 1>(at.client, {3});
  CHECK_THROWS_WITH(weft::insert(whole, 1, 300, 0), Contains("300"));
  CHECK_THROWS_WITH(weft::erase(x, 6, 0), "weft: index 6 along axis 0 of an array of shape (6, 4)");
  CHECK_THROWS_WITH(weft::erase(x, positions(0, -5), 1), Contains("index -5 along axis 1"));
  CHECK_THROWS_WITH(weft::erase(x, std::vector<bool>(5), 1), Contains("a mask of 5 elements for axis 1"));
  CHECK_THROWS_WITH(weft::erase(x, slice(0, 3, 0), 1), Contains("step 0"));
  CHECK_THROWS_WITH(weft::append(x, weft::zeros<double, 2>(at.client, {6, 5}), 0), Contains("cannot be joined"));
  CHECK_THROWS_WITH(weft::block({{x, x}, {x}}), Contains("axis 1 has 8 and 4 elements"));
  CHECK_THROWS_WITH((weft::block(std::vector<weft::array<double, 2>>())), Contains("no array"));
  place other(1);
  CHECK_THROWS_WITH(weft::insert(x, 0, weft::zeros<double, 1>(other.client, {4}), 0), Contains("different clients"));
}
