// Cumulative sums and products.
#include <catch2/catch.hpp>
#include <limits>

#include "array/arrays.hpp"
#include "weft/errors.hpp"

using arrays::list_of;
using arrays::noise;
using arrays::place;
using weft::slice;

namespace {

weft::array<double, 3> numbers(const weft::client& c, const arrays::some_chunks& s) {
  const std::int64_t m = s.extents[1], n = s.extents[2];
  const auto place = [&](std::int64_t a) { return weft::indices<3>(c, s.extents, a, {.chunk = s.chunk}); };
  return weft::map_elements([](std::int64_t i) { return noise(i); }, (place(0) * m + place(1)) * n + place(2));
}

}  // namespace

TEST_CASE("cumulative sums are those of the whole array, whatever the shape and the chunks") {
  place one(1), many(3);
  for (std::int64_t i = 0; i < 40; ++i) {
    const arrays::some_chunks s(3, i, 14);
    const std::int64_t axis = i % 3;
    CAPTURE(weft::to_string(s.extents), weft::to_string(s.chunk), axis);
    const auto x = numbers(one.client, s);
    const auto sums = weft::cumsum(x, axis);
    REQUIRE(sums.chunk_shape() == x.chunk_shape());
    const xt::xtensor<double, 3> whole = one(x), found = one(sums);
    xt::xtensor<double, 3> expected = whole;
    const auto along = static_cast<std::size_t>(axis);
    for (std::size_t a = 0; a < whole.shape()[0]; ++a)
      for (std::size_t b = 0; b < whole.shape()[1]; ++b)
        for (std::size_t c = 0; c < whole.shape()[2]; ++c) {
          std::array<std::size_t, 3> before{a, b, c};
          if (before[along]-- != 0) expected(a, b, c) += expected[before];
        }
    std::size_t wrong = 0;
    for (std::size_t k = 0; k < found.size(); ++k) wrong += std::abs(found.data()[k] - expected.data()[k]) > 1e-13;
    CHECK(wrong == 0);
    CHECK((list_of(many(weft::cumsum(numbers(many.client, s), axis))) == list_of(found)));
    // Integers are the same to the bit, and a part is that of the whole.
    const auto integers = weft::astype<std::int32_t>(weft::floor(x * 1000.0));
    const xt::xtensor<std::int64_t, 3> all = one(weft::cumsum(integers, axis));
    const std::int64_t begin = s.extents[along] / 2;
    const std::array<slice, 3> of{axis == 0 ? slice(begin) : slice(), axis == 1 ? slice(begin) : slice(),
                                  axis == 2 ? slice(begin) : slice()};
    const auto part = one(weft::cumsum(integers, axis)(of[0], of[1], of[2]));
    std::array<std::size_t, 3> first{};
    first[along] = static_cast<std::size_t>(begin);
    CHECK(part(0, 0, 0) == all[first]);
    CHECK(list_of(part).back() == list_of(all).back());
  }
}

TEST_CASE("a cumulative sum of numbers that are not negative never decreases") {
  place at;
  const auto x = weft::from_function<1>(at.client, {100'000},
                                        [](std::int64_t i) { return std::exp(40.0 * noise(i)); }, {.chunk = {317}});
  const xt::xtensor<double, 1> sums = at(weft::cumsum(x));
  CHECK(std::is_sorted(sums.begin(), sums.end()));
  const xt::xtensor<float, 1> floats = at(weft::cumsum(weft::astype<float>(x)));
  CHECK(std::is_sorted(floats.begin(), floats.end()));
}

TEST_CASE("cumulative sums of all elements go row by row") {
  place at;
  const arrays::some_chunks s(3, 5, 14);
  const auto x = weft::floor(numbers(at.client, s) * 100.0);
  const auto flat = at(weft::cumsum(x));
  double sum = 0;
  std::size_t wrong = 0, k = 0;
  const xt::xtensor<double, 3> whole = at(x);
  for (const double e : whole) wrong += flat(k++) != (sum += e);
  CHECK(wrong == 0);
  CHECK(at(weft::cumprod(weft::arange<std::int32_t>(at.client, 1, 6)))(4) == 120);
  CHECK(at(weft::cumsum(weft::sum(x))).size() == 1);
  const weft::array<double> any = weft::array<double, 3>(x);
  CHECK((list_of(at(weft::cumsum(any))) == list_of(flat)));
  CHECK((list_of(at(weft::cumsum(any, 1))) == list_of(at(weft::cumsum(x, 1)))));
}

TEST_CASE("NaNs and infinities go on, but for the forms without") {
  place at;
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  const auto x = weft::from_array(at.client, std::vector<double>{1, nan, 2, 3, infinity, 1}, {.chunk = {2}});
  const auto sums = at(weft::cumsum(x));
  CHECK(sums(0) == 1);
  CHECK(std::isnan(sums(5)));
  CHECK((list_of(at(weft::nancumsum(x))) == std::vector<double>{1, 1, 3, 6, infinity, infinity}));
  CHECK((list_of(at(weft::nancumprod(x))) == std::vector<double>{1, 1, 2, 6, infinity, infinity}));
}

TEST_CASE("a part of a cumulative sum computes what is before it, and no other lines") {
  place at(1);
  const auto huge = weft::ones<float, 2>(at.client, {100'000, 1'000'000}, {.chunk = {1000, 1000}});
  const auto sums = weft::cumsum(huge, 0);
  CHECK(sums.task_count() == 400'000);
  const auto part = sums(slice(5500, 5510), slice(7000, 7010));
  CHECK(part.task_count() <= 6 + 6 + 6 + 1 + 1);
  CHECK(at(part)(3, 3) == 5504);
}

TEST_CASE("cumulative sums of nothing, and along no axis") {
  place at(1);
  const auto none = weft::zeros<double, 2>(at.client, {0, 4});
  CHECK(at(weft::cumsum(none, 0)).size() == 0);
  CHECK(at(weft::cumsum(none, 1)).size() == 0);
  CHECK(at(weft::cumsum(none)).size() == 0);
  CHECK_THROWS_WITH(weft::cumsum(none, 2),
                    Catch::Contains("axis 2 of an array of shape (0, 4)") && Catch::Contains("which has 2 axes"));
  CHECK_THROWS_AS(weft::cumprod(none, -3), weft::misuse);
}

TEST_CASE("what is pushed goes on over chunks in which there is nothing else, and a part reads what is before it") {
  place at;
  const double nan = std::nan("");
  const auto x = weft::map_elements([](std::int64_t i) { return i == 3 ? 7.0 : std::nan(""); },
                                    weft::arange<std::int64_t>(at.client, 0, 40, 1, {.chunk = {4}}));
  const auto same = [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); };
  for (const std::int64_t most : {0, 1, 4, 5, 30, 36, 100}) {
    const xt::xtensor<double, 1> found = at(weft::push(x, 0, most));
    for (std::int64_t i = 0; i < 40; ++i) {
      CAPTURE(most, i);
      CHECK(same(found(static_cast<std::size_t>(i)), i < 3 || i - 3 > most ? nan : 7));
    }
  }
  CHECK(list_of(at(weft::push(x, 0)(slice(38)))) == std::vector<double>{7, 7});
  CHECK_THROWS_WITH(weft::push(x, 0, -1), "weft: a push that fills -1 elements in a row: give 0 or more");
  CHECK_THROWS_AS(weft::push(x, 1), weft::misuse);
  // Infinities are numbers.
  const auto ends =
      weft::from_array(at.client, std::vector<double>{-std::numeric_limits<double>::infinity(), nan, 1});
  CHECK(std::isinf(at(weft::push(ends, 0))(1)));
}
