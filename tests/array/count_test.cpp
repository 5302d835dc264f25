// Histograms, counts and different elements.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <map>

#include "array/arrays.hpp"
#include "array/damage.hpp"
#include "weft/errors.hpp"

using arrays::list_of;
using arrays::noise;
using arrays::place;
using arrays::some_number;

namespace {

weft::array<double, 3> numbers(const weft::client& c, const arrays::some_chunks& s) {
  const std::int64_t m = s.extents[1], n = s.extents[2];
  const auto along = [&](std::int64_t a) { return weft::indices<3>(c, s.extents, a, {.chunk = s.chunk}); };
  return weft::map_elements([](std::int64_t i) { return noise(i); }, (along(0) * m + along(1)) * n + along(2));
}

}  // namespace

TEST_CASE("what is counted is that of the whole array, whatever the shape and the chunks") {
  place one(1), many(3);
  for (std::int64_t i = 0; i < 40; ++i) {
    const arrays::some_chunks s(3, i, 12);
    CAPTURE(weft::to_string(s.extents), weft::to_string(s.chunk));
    const auto x = numbers(one.client, s);
    const std::int64_t n = some_number(i + 4000, 1, 50);
    const weft::bins b{n, -0.4, 0.3};
    const std::vector<double> elements = list_of(one(x));
    const auto h = weft::histogram(x, b);
    std::vector<double> expected(static_cast<std::size_t>(n)), weights = expected;
    std::map<double, double> different;
    for (const double e : elements) {
      ++different[std::floor(e * 20)];
      if (e < -0.4 || e > 0.3) continue;
      auto at = static_cast<std::size_t>(std::upper_bound(h.edges.begin(), h.edges.end(), e) - h.edges.begin()) - 1;
      at = std::min(at, expected.size() - 1);
      ++expected[at];
      weights[at] += e * e;
    }
    CHECK((list_of(one(h.counts)) == expected));
    CHECK((list_of(one(weft::histogram(x, h.edges).counts)) == expected));
    const auto weighted = weft::histogram(x, b, x * x);
    const std::vector<double> found = list_of(one(weighted.counts));
    for (std::size_t k = 0; k < found.size(); ++k) CHECK(found[k] == Approx(weights[k]).margin(1e-12));
    const auto again = numbers(many.client, s);
    CHECK((list_of(many(weft::histogram(again, b, again * again).counts)) == found));
    CHECK(one(weft::sum(weft::density(h))) * 0.7 / static_cast<double>(n) == Approx(1));

    const auto steps = weft::floor(x * 20.0);
    const auto u = one.pool.run(weft::unique(steps));
    REQUIRE(u.values.size() == different.size());
    std::size_t k = 0, wrong = 0;
    for (const auto& [value, count] : different) {
      wrong += u.values(k) != value || static_cast<double>(u.counts(k)) != count;
      ++k;
    }
    CHECK(wrong == 0);
    // Values and inverse are the array again, and counts are those of the inverse.
    const weft::array<std::int64_t, 3> inverse = weft::searchsorted(u.values, steps);
    const auto counts = one(weft::bincount(inverse, static_cast<std::int64_t>(u.values.size())));
    CHECK((list_of(counts) == list_of(u.counts)));
    CHECK(one(weft::all(weft::isin(steps, u.values))));
  }
}

TEST_CASE("bins have their lower edge, and the last one both") {
  place at;
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  const auto x = weft::from_array(
      at.client, std::vector<double>{0, 1, 2, 3, 3, nan, infinity, -infinity, -1, 0.3, 3.5}, {.chunk = {4}});
  CHECK(
      (list_of(at(weft::histogram(x, {.count = 3, .first = 0, .last = 3}).counts)) == std::vector<double>{2, 1, 3}));
  CHECK((list_of(at(weft::histogram(x, std::vector<double>{0, 0.3, 3, 4}).counts)) == std::vector<double>{1, 3, 3}));
  // Edges that rounding would miss: 0.3 is below 3 * 0.1.
  const auto h = weft::histogram(weft::from_array(at.client, std::vector<double>{0.3, 0.6, 0.7}),
                                 {.count = 10, .first = 0, .last = 1});
  for (const double e : {0.3, 0.6, 0.7}) {
    const auto bin = static_cast<std::size_t>(std::upper_bound(h.edges.begin(), h.edges.end(), e) - h.edges.begin());
    CHECK(at(h.counts)(bin - 1) == 1);
  }
}

TEST_CASE("different elements of one NaN, of none, and of small integers") {
  place at;
  const double nan = std::nan("");
  const auto x = weft::from_array(at.client, std::vector<double>{nan, 2, nan, -1, 2}, {.chunk = {1}});
  const auto u = at.pool.run(weft::unique(x));
  REQUIRE(u.values.size() == 3);
  CHECK(u.values(0) == -1);
  CHECK(std::isnan(u.values(2)));
  CHECK((list_of(u.counts) == std::vector<double>{1, 2, 2}));
  CHECK((list_of(at(weft::isin(x, u.values))) == std::vector<double>{0, 1, 0, 1, 1}));
  CHECK(at.pool.run(weft::unique(weft::zeros<float, 2>(at.client, {0, 3}))).values.size() == 0);
  const auto bytes = weft::astype<std::int8_t>(weft::arange<std::int32_t>(at.client, 0, 1000, 1, {.chunk = {7}}));
  CHECK(at.pool.run(weft::unique(bytes)).values.size() == 256);
  CHECK(at.pool.run(weft::unique(bytes)).values(0) == -128);
  CHECK(at(weft::histogram(weft::zeros<float, 2>(at.client, {0, 3}), {.count = 2, .first = 0, .last = 1}).counts)(
            1) == 0);
}

TEST_CASE("bins take the range that was found, of integers and of elements that are all the same") {
  place at(1);
  const auto i = weft::arange<std::int64_t>(at.client, 3, 23, 1, {.chunk = {7}});
  const auto [least, most] = at.pool.run(weft::compute(weft::min(i), weft::max(i)));
  const auto whole = weft::histogram(i, {.count = 4, .first = least, .last = most});
  CHECK((whole.edges == std::vector<double>{3, 7.75, 12.5, 17.25, 22}));
  CHECK((list_of(at(whole.counts)) == std::vector<double>{5, 5, 5, 5}));
  const auto same = weft::histogram(weft::full<int, 1>(at.client, {9}, 3, {.chunk = {4}}), {.first = 3, .last = 3});
  CHECK(same.edges.front() == 2.5);  // NumPy's
  CHECK(same.edges.back() == 3.5);
  CHECK((list_of(at(same.counts)) == std::vector<double>{0, 0, 0, 0, 0, 9, 0, 0, 0, 0}));
}

TEST_CASE("counts that cannot be are refused, and elements that have none found") {
  place at(1);
  using Catch::Contains;
  const auto x = weft::arange<double>(at.client, 0, 10, 1, {.chunk = {3}});
  CHECK_THROWS_WITH(weft::histogram(x, {.count = 0}), Contains("0 counts"));
  CHECK_THROWS_WITH(weft::histogram(x, {.count = 4, .first = 2, .last = 1}), Contains("bins from 2"));
  CHECK_THROWS_WITH(weft::histogram(x, {.first = HUGE_VAL, .last = HUGE_VAL}), Contains("bins from inf"));
  CHECK_THROWS_WITH(weft::histogram(x, {.first = NAN, .last = 1}),
                    Contains("bins from nan to 1") && Contains("nanmin"));
  CHECK_THROWS_WITH(weft::histogram(x, {.count = 4, .first = 0}), Contains("4 bins without a range"));
  CHECK_THROWS_WITH(weft::histogram(x, {.count = 4, .last = 0}), Contains("{.count = 4, .first = 0, .last = 1}"));
  CHECK_THROWS_WITH(weft::histogram(x, {}, x), Contains("10 bins without"));
  CHECK_THROWS_WITH(weft::histogram(x, std::vector<int>{0, 2, 2}), Contains("3 edges of bins") && Contains("larger"));
  CHECK_THROWS_AS(weft::histogram(x, std::vector<double>{1}), weft::misuse);
  CHECK_THROWS_WITH(weft::histogram(x, {.count = 3, .first = 0, .last = 1}, weft::zeros<double, 1>(at.client, {4})),
                    Contains("do not broadcast"));
  CHECK_THROWS_WITH(weft::searchsorted(std::vector<double>{1, 0}, x), Contains("not sorted"));
  CHECK_THROWS_AS(weft::digitize(x, std::vector<double>{1, 0}), weft::misuse);
  const auto points = weft::reshape<2>(x, {5, 2});
  const weft::bins unit{.first = 0, .last = 1};
  CHECK_THROWS_WITH(weft::histogram2d(x, x, unit, {.count = 20}), Contains("20 bins"));
  CHECK_THROWS_WITH(weft::histogramdd(points, std::vector<weft::bins>{unit, {.count = 20}}), Contains("20 bins"));
  CHECK_THROWS_WITH(weft::histogramdd(points, std::vector(3, unit)), Contains("2 coordinates, and bins of 3"));
  CHECK_THROWS_WITH(weft::histogramdd(weft::zeros<double, 2>(at.client, {5, 9}), std::vector(9, unit)),
                    Contains("more than 8"));
  CHECK_THROWS_WITH(weft::histogramdd(std::vector<weft::array<double, 1>>{}, std::vector<weft::bins>{}),
                    Contains("with no coordinates"));
  CHECK_THROWS_WITH(weft::histogramdd(points, std::vector<weft::bins>(2, {1 << 20, 0, 1})), Contains("2^27"));
  CHECK_THROWS_WITH(
      weft::histogramdd(weft::zeros<double, 2>(at.client, {5, 8}), std::vector<weft::bins>(8, {1 << 16, 0, 1})),
      Contains("4294967296 counts"));
  CHECK_THROWS_WITH(weft::histogramdd(points, std::vector<std::vector<double>>{{0, 1}, {1}}), Contains("1 edges"));
  const auto i = weft::astype<std::int32_t>(x);
  CHECK_THROWS_AS(weft::bincount(i, 0), weft::misuse);
  CHECK_THROWS_WITH(at(weft::bincount(i, 7)), Contains("bincount of 7 numbers has found 7"));
  CHECK_THROWS_WITH(at(weft::bincount(i - 1, 20)), Contains("has found -1"));
}

TEST_CASE("damaged bins and counts are refused") {
  using namespace weft::detail::arrays;
  const auto bins = [](std::vector<double> edges, double scale) {
    const find_bin f{shared<std::vector<double>>(std::move(edges)), scale};
    return weft::from_bytes<find_bin>(weft::to_bytes(f));
  };
  CHECK(bins({0, 1, 2}, 1)(1.5) == 1);
  CHECK(bins({0, 1, 2}, 0)(2) == 1);
  CHECK(bins({0, 1, 2}, 1e300)(0.5) == 0);
  CHECK_THROWS_AS(bins({}, 1), weft::codec_error);
  CHECK_THROWS_AS(bins({1}, 0), weft::codec_error);
  CHECK_THROWS_AS(bins({0, 1}, -1), weft::codec_error);
  CHECK_THROWS_AS(bins({0, 1}, std::nan("")), weft::codec_error);
  const width_of_bin width{shared<std::vector<double>>({1, 3})};
  CHECK(width(0) == 2);
  for (const std::int64_t i : {-1, 1}) CHECK_THROWS_AS(width(i), std::logic_error);
  CHECK_THROWS_AS(width_of_bin{shared<std::vector<double>>(std::vector<double>())}(0), std::logic_error);

  place at(1);
  using arrays::block_of;
  const arrays::merge_parts merge{any_code<digest>(std::make_shared<const unique_digest<double>>())};
  const counted<double> once{1, 1};
  CHECK(arrays::count_made(at, merge, block_of(once), block_of(counted<double>{2, 1})) == 2);
  CHECK_THROWS_WITH(arrays::count_made(at, merge, block_of(once), block_of(2.0)),
                    Catch::Contains("std::logic_error"));
  CHECK_THROWS_WITH(arrays::count_made(at, merge, block_of(2.0), block_of(once)),
                    Catch::Contains("std::logic_error"));
  CHECK_THROWS_AS(unique_digest<double>().of_chunk(block_of(1.0f)), std::logic_error);
}
