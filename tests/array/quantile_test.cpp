// Quantiles, exact and by samples.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "array/arrays.hpp"
#include "array/damage.hpp"
#include "array/samples.hpp"
#include "weft/errors.hpp"

using arrays::list_of;
using arrays::noise;
using arrays::place;
using arrays::some_number;

namespace {

weft::array<double, 1> numbers(const weft::client& c, std::int64_t n, std::int64_t chunk) {
  return weft::from_function<1>(c, {n}, [](std::int64_t i) { return noise(i); }, {.chunk = {chunk}});
}

}  // namespace

TEST_CASE("quantiles are elements of the sorted array, whatever its chunks") {
  place one(1), many(3);
  for (std::int64_t i = 0; i < 40; ++i) {
    const std::int64_t n = some_number(i, 1, 300), chunk = some_number(i + 1000, 1, n);
    CAPTURE(n, chunk);
    std::vector<double> sorted = list_of(one(numbers(one.client, n, chunk)));
    std::sort(sorted.begin(), sorted.end());
    const double q = noise(i + 77) + 0.5, at = q * static_cast<double>(n - 1);
    const auto low = static_cast<std::size_t>(at), high = std::min(low + 1, sorted.size() - 1);
    const double found = one(weft::quantile(numbers(one.client, n, chunk), q));
    CHECK(found == Approx(sorted[low] + (sorted[high] - sorted[low]) * (at - std::floor(at))));
    CHECK(one(weft::nanquantile(numbers(one.client, n, chunk), q)) == found);
    CHECK(many(weft::quantile(numbers(many.client, n, chunk), q)) == found);
    CHECK(one(weft::quantile(numbers(one.client, n, chunk), q, weft::between::lower)) == sorted[low]);
    // Those that are few are samples themselves.
    const auto near = one(weft::approximate_quantile(numbers(one.client, n, chunk), {0, q, 1}));
    CHECK(near(0) == sorted.front());
    CHECK(std::abs(std::lower_bound(sorted.begin(), sorted.end(), near(1)) - sorted.begin() -
                   static_cast<std::ptrdiff_t>(q * static_cast<double>(n))) <= 1);
    CHECK(near(2) == sorted.back());
  }
}

TEST_CASE("several quantiles are of one sort, and lines without elements have none") {
  place at;
  const auto x = numbers(at.client, 10'000, 500).persist();
  const std::vector<double> q{0.1, 0.2, 0.3};
  CHECK(weft::quantile(x, q).task_count() < weft::quantile(x, 0.1).task_count() + 20);
  CHECK(weft::quantile(x, q).shape() == weft::shape{3});
  const auto none = weft::zeros<double, 2>(at.client, {0, 4});
  CHECK(at(weft::median(none, 1)).size() == 0);
  CHECK_THROWS_WITH(weft::median(none, 0), Catch::Contains("axis 0") && Catch::Contains("(0, 4)"));
  CHECK_THROWS_AS(weft::median(none), weft::misuse);
  CHECK_THROWS_AS(weft::approximate_quantile(none, {0.5}), weft::misuse);
  for (const double wrong : {-0.1, 1.1, std::nan("")}) {
    CHECK_THROWS_WITH(weft::quantile(x, wrong), Catch::Contains("from 0 to 1"));
    CHECK_THROWS_AS(weft::nanquantile(x, wrong), weft::misuse);
    CHECK_THROWS_AS(weft::approximate_quantile(x, {wrong}), weft::misuse);
  }
  CHECK_THROWS_AS(weft::percentile(x, 101), weft::misuse);
  CHECK_THROWS_AS(weft::quantile(x, std::vector<double>()), weft::misuse);
  CHECK_THROWS_AS(weft::quantile(x, 0.5, 1), weft::misuse);
}

TEST_CASE("NaNs, infinities and equal elements have quantiles") {
  place at;
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  const auto x =
      weft::from_array(at.client,
                       xt::xtensor<double, 2>{
                           {nan, 1, 3, nan}, {nan, nan, nan, nan}, {0.1, 0.1, 0.1, 0.1}, {-infinity, 1, 2, infinity}},
                       {.chunk = {1, 2}});
  const auto medians = at(weft::median(x, 1)), without = at(weft::nanmedian(x, 1));
  CHECK(std::isnan(medians(0)));
  CHECK(std::isnan(medians(1)));
  CHECK(medians(2) == 0.1);
  CHECK(medians(3) == 1.5);
  CHECK(without(0) == 2);
  CHECK(std::isnan(without(1)));
  CHECK(without(2) == 0.1);
  CHECK(at(weft::nanquantile(x, 0.3, 1))(2) == 0.1);
  CHECK(at(weft::quantile(x, 1, 1))(3) == infinity);
  CHECK(std::isnan(at(weft::approximate_quantile(x, {0.5}))(0)));
  const weft::array<float, 1> floats = weft::astype<float>(numbers(at.client, 100, 30));
  const float middle = at(weft::median(floats));
  CHECK(middle == Approx(at(weft::median(numbers(at.client, 100, 30)))));
}

TEST_CASE("what is between infinities and numbers that are far apart does not overflow") {
  place at;
  const double infinity = std::numeric_limits<double>::infinity(), far = 0x1.8p1023;
  const auto x = weft::from_array(
      at.client, xt::xtensor<double, 2>{{1, infinity}, {-infinity, 1}, {-far, far}, {far, far}, {infinity, infinity}},
      {.chunk = {2, 1}});
  const std::vector<double> expected{infinity, -infinity, 0, far, infinity};
  CHECK(list_of(at(weft::median(x, 1))) == expected);
  CHECK(list_of(at(weft::nanmedian(x, 1))) == expected);
  CHECK(list_of(at(weft::quantile(x, 0.5, 1, weft::between::midpoint))) == expected);
  CHECK(at(weft::quantile(x, 0.25, 1))(2) == -far / 2);
  CHECK(at(weft::quantile(x, 0.75, 1))(2) == far / 2);
  CHECK(at(weft::quantile(x, 0.75, 1))(0) == infinity);
  CHECK(at(weft::quantile(x, 0, 1))(0) == 1);
  CHECK(std::isnan(at(weft::median(weft::from_array(at.client, xt::xtensor<double, 1>{-infinity, infinity})))));
}

TEST_CASE("quantiles of integers are doubles") {
  place at(1);
  const std::int64_t most = std::numeric_limits<std::int64_t>::max(),
                     least = std::numeric_limits<std::int64_t>::min();
  CHECK(at(weft::median(weft::from_array(at.client, xt::xtensor<std::int64_t, 1>{least, most}))) == 0);
  CHECK(at(weft::median(weft::from_array(at.client, xt::xtensor<std::int64_t, 1>{most, most}))) == 0x1p63);
  CHECK(at(weft::median(weft::from_array(at.client, xt::xtensor<std::int8_t, 1>{127, 126}))) == 126.5);
}

TEST_CASE("approximate quantiles are as near as it is said, and the same on many threads") {
  place one(1), many(3);
  constexpr std::int64_t n = 300'000;
  std::vector<double> sorted = list_of(one(numbers(one.client, n, n)));
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> q;
  for (int i = 0; i <= 50; ++i) q.push_back(i / 50.0);
  for (const std::int64_t chunk : {n, n / 7, n / 100, std::int64_t{700}}) {
    CAPTURE(chunk);
    const std::vector<double> found = list_of(one(weft::approximate_quantile(numbers(one.client, n, chunk), q)));
    const double chunks = std::ceil(static_cast<double>(n) / static_cast<double>(chunk));
    const double levels = std::ceil(std::log2(chunks) / 3), most = n * (1 + levels) / 8192 + 1;
    double worst = 0;
    for (std::size_t i = 0; i < q.size(); ++i) {
      const auto rank = std::lower_bound(sorted.begin(), sorted.end(), found[i]) - sorted.begin();
      worst = std::max(worst, std::abs(static_cast<double>(rank) - q[i] * n));
    }
    CHECK(worst <= most);
    CHECK(found.front() == sorted.front());
    CHECK(found.back() == sorted.back());
    CHECK(list_of(many(weft::approximate_quantile(numbers(many.client, n, chunk), q))) == found);
  }
}

TEST_CASE("samples that a damaged message gives are refused") {
  using namespace weft::detail::arrays;
  place at(1);
  const any_code<digest> sampler = sampler_of({0.5});
  const auto samples = [&] { return sampler->of_chunk(arrays::block_of(1.0)); };
  const arrays::merge_parts merge{sampler};
  CHECK(arrays::count_made(at, merge, samples(), samples()) == 2);
  CHECK_THROWS_WITH(arrays::count_made(at, merge, samples(), arrays::block_of(1.0)),
                    Catch::Contains("std::logic_error"));
  CHECK_THROWS_AS(sampler->of_chunk(arrays::block_of(1.0f)), std::logic_error);
}
