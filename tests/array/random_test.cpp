// Arrays of random numbers.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "array/arrays.hpp"
#include "array/philox.hpp"
#include "weft/errors.hpp"

using arrays::place;
using weft::slice;
namespace random_arrays = weft::random;

TEST_CASE("random numbers are those of their places, in all chunks") {
  place at;
  std::vector<double> expected(60 * 35);
  weft::detail::arrays::philox::normal({42, 3}, 0, expected);
  for (const weft::shape& chunk : {weft::shape{60, 35}, weft::shape{7, 35}, weft::shape{13, 4}, weft::shape{1, 1}}) {
    const auto x = random_arrays::normal<double, 2>(at.client, {60, 35}, {.seed = 42, .stream = 3, .chunk = chunk});
    CHECK(arrays::list_of(at(x)) == expected);
    CHECK(at(x(17, 20)) == expected[17 * 35 + 20]);
    const auto part = at(weft::transpose(x(slice(50, 10, -7), slice(1, 30, 2))));
    for (std::size_t j = 0; j < part.shape()[0]; ++j)
      for (std::size_t i = 0; i < part.shape()[1]; ++i)
        REQUIRE(part(j, i) == expected[(50 - 7 * i) * 35 + 1 + 2 * j]);
    CHECK(arrays::list_of(at(x - x)) == std::vector<double>(60 * 35));
  }
}

TEST_CASE("random numbers have the distributions that they are named by") {
  place at;
  const weft::client& c = at.client;
  const weft::shape many{1000, 1000};
  const auto u = random_arrays::uniform(c, many, {.seed = 1});
  CHECK(at(weft::mean(u)) == Approx(0.5).margin(0.002));
  CHECK(at(weft::var(u)) == Approx(1.0 / 12).margin(0.001));
  CHECK(at(weft::min(u)) >= 0);
  CHECK(at(weft::max(u)) < 1);
  const auto n = random_arrays::normal<float>(c, many, {.seed = 2});
  CHECK(at(weft::mean(n)) == Approx(0).margin(0.005));
  CHECK(at(weft::std(n)) == Approx(1).margin(0.005));
  const auto e = random_arrays::exponential(c, many, {.seed = 3});
  CHECK(at(weft::mean(e)) == Approx(1).margin(0.005));
  CHECK(at(weft::min(e)) >= 0);
  const auto d = random_arrays::integers<std::int8_t>(c, many, -3, 4, {.seed = 4});
  CHECK(at(weft::min(d)) == -3);
  CHECK(at(weft::max(d)) == 3);
  for (int k = -3; k < 4; ++k)
    CHECK(static_cast<double>(at(weft::count_nonzero(d == k))) == Approx(1e6 / 7).epsilon(0.02));
  const auto wide = random_arrays::integers(c, many, std::int64_t{-1} << 62, std::int64_t{1} << 62);
  CHECK(at(weft::mean(wide)) == Approx(0).margin(0x1p54));
  // Other seeds and streams, other numbers.
  CHECK(at(weft::sum(u == random_arrays::uniform(c, many, {.seed = 2}))) < 10);
  CHECK(at(weft::sum(u == random_arrays::uniform(c, many, {.seed = 1, .stream = 1}))) < 10);
  CHECK(at(weft::all(u == random_arrays::uniform(c, many, {.seed = 1, .chunk = {10, 1000}}))));
}

TEST_CASE("random arrays take part in the tasks that read them") {
  place at(1);
  const auto x = random_arrays::normal<double, 2>(at.client, {1'000'000, 1'000'000}, {.chunk = {1000, 1000}});
  CHECK(weft::sum(x(slice(0, 1500), slice(0, 1500))).task_count() == 5);
  CHECK(at(x(999'999, 999'999)) != at(x(999'999, 999'998)));
  // A task of their own makes them where they are read again and again.
  const auto line = random_arrays::uniform<double, 1>(at.client, {4});
  const auto table = line(weft::newaxis) + weft::zeros<double, 2>(at.client, {6, 4}, {.chunk = {2, 4}});
  CHECK(table.task_count() == 4);
  CHECK(at(weft::max(table - line)) == 0);
}

TEST_CASE("a generator gives each array a stream of its own, and a seed the same ones again") {
  place at;
  const weft::client& c = at.client;
  random_arrays::generator numbers(42);
  const auto x = random_arrays::normal<double, 1>(c, {5000}, numbers);
  const auto y = random_arrays::normal<double, 1>(c, {5000}, 0, 1, numbers.next({.chunk = {700}}));
  CHECK(y.chunk_shape() == weft::shape{700});
  CHECK((at(x) == at(random_arrays::normal<double, 1>(c, {5000}, {.seed = 42}))));
  CHECK((at(y) == at(random_arrays::normal<double, 1>(c, {5000}, {.seed = 42, .stream = 1}))));
  CHECK(std::abs(at(weft::mean(x * y))) < 0.05);  // independent: of mean 0 and deviation 0.014
  CHECK(std::abs(at(weft::mean(x * x)) - 1) < 0.1);
  // Where it is told so it goes on; every kind of call takes it.
  random_arrays::generator on(numbers.seed(), numbers.stream());
  CHECK((at(random_arrays::permutation(c, 50, numbers)) == at(random_arrays::permutation(c, 50, on))));
  const std::vector<int> few{1, 2, 3};
  CHECK((at(random_arrays::choice<1>(c, {20}, few, numbers)) == at(random_arrays::choice<1>(c, {20}, few, on))));
  CHECK(on.stream() == 4);
  CHECK(random_arrays::generator().seed() != random_arrays::generator().seed());
  random_arrays::generator last(1, 0xffffffff);
  CHECK(last.next().stream == 0xffffffff);
  CHECK_THROWS_WITH(last.next(), Catch::Contains("2^32 streams"));
}

TEST_CASE("random integers that there are not are refused") {
  place at(1);
  using Catch::Contains;
  CHECK_THROWS_WITH(random_arrays::integers(at.client, {4}, 3, 3), Contains("from 3 up to, without, 3"));
  CHECK_THROWS_WITH(random_arrays::integers<std::int8_t>(at.client, {4}, 0, 129),
                    Contains("do not fit") && Contains("int8"));
  CHECK_THROWS_WITH(random_arrays::integers<std::uint16_t>(at.client, {4}, -1, 4), Contains("uint16"));
  CHECK_THROWS_WITH(random_arrays::integers(at.client, {4}, std::uint64_t{1} << 63, 10),
                    Contains("a bound 9223372036854775808"));
  CHECK(at(weft::max(random_arrays::integers<std::uint8_t, 1>(at.client, {10'000}, 0, 256))) == 255);
}

namespace {

/// Each element of x is that of the numbers which make(value) gives, for the value that `by` has at its place.
template <class X>
void check_by(place& at, const char* name, const X& x, const std::vector<double>& values,
              const weft::array<double, 2>& by, auto make) {
  CAPTURE(name);
  const auto found = at(x);
  const xt::xtensor<double, 2> which = at(weft::broadcast_to<2>(by, x.shape()));
  for (const double v : values) {
    const auto expected = at(weft::array<typename X::value_type, 2>(make(v)));
    int times = 0;
    for (std::size_t i = 0; i < found.shape()[0]; ++i)
      for (std::size_t j = 0; j < found.shape()[1]; ++j) {
        if (which(i, j) != v) continue;
        REQUIRE(found(i, j) == expected(i, j));
        ++times;
      }
    CHECK(times > 100);
  }
}

}  // namespace

TEST_CASE("parameters of random numbers may be arrays") {
  namespace drawn = weft::random;
  place at;
  const weft::client& c = at.client;
  const weft::shape all{60, 35};
  const std::vector<double> values{0.5, 3, 40};
  const auto pick = [](std::int64_t i, std::int64_t j) {
    return (i * 7 + j / 2) % 3 == 0 ? 0.5 : j % 2 == 0 ? 3.0 : 40.0;
  };
  const auto each = weft::from_function<2>(c, all, pick, {.chunk = {13, 9}});
  const weft::array<double, 2> rows = each(slice(), slice(0, 1));  // one for each row
  for (const weft::array<double, 2>& by : {weft::array<double, 2>(each), weft::rechunk(rows, {.chunk = {11, 1}})})
    for (const weft::shape& chunk : {weft::shape{}, weft::shape{7, 35}}) {
      const std::vector<double> some = by.shape()[1] == 1 ? std::vector<double>{0.5, 3} : values;
      const drawn::options how{.seed = 8, .stream = 2, .chunk = chunk};
      const auto check = [&](const char* name, const auto& x, auto make) { check_by(at, name, x, some, by, make); };
      check("gamma", drawn::gamma<double, 2>(c, all, by, 2.0, how),
            [&](double v) { return drawn::gamma<double, 2>(c, all, v, 2, how); });
      check("beta", drawn::beta<float, 2>(c, all, by, by, how),
            [&](double v) { return drawn::beta<float, 2>(c, all, v, v, how); });
      check("wald", drawn::wald<double, 2>(c, all, 1.5, by, how),
            [&](double v) { return drawn::wald<double, 2>(c, all, 1.5, v, how); });
      check("triangular", drawn::triangular<double, 2>(c, all, 0, by, 41, how),
            [&](double v) { return drawn::triangular<double, 2>(c, all, 0, v, 41, how); });
      check("poisson", drawn::poisson<std::int16_t, 2>(c, all, by, how),
            [&](double v) { return drawn::poisson<std::int16_t, 2>(c, all, v, how); });
      check("binomial", drawn::binomial<std::uint8_t, 2>(c, all, weft::ceil(by), 1.0 / (by + 1.0), how),
            [&](double v) {
              return drawn::binomial<std::uint8_t, 2>(c, all, static_cast<std::int64_t>(std::ceil(v)), 1 / (v + 1),
                                                      how);
            });
      check("zipf", drawn::zipf<std::uint8_t, 2>(c, all, by + 1.0, how),
            [&](double v) { return drawn::zipf<std::uint8_t, 2>(c, all, v + 1, how); });
      check("normal", drawn::normal<double, 2>(c, all, by, by * 2.0, how),
            [&](double v) { return drawn::normal<double, 2>(c, all, v, v * 2, how); });
      check("uniform", drawn::uniform<float, 2>(c, all, -1, by, how),
            [&](double v) { return drawn::uniform<float, 2>(c, all, -1, v, how); });
      check("exponential", drawn::exponential<double, 2>(c, all, by, how),
            [&](double v) { return drawn::exponential<double, 2>(c, all, v, how); });
      const auto whole = weft::astype<std::int32_t>(by);
      check("integers", drawn::integers<std::int8_t, 2>(c, all, -3, whole + 1, how), [&](double v) {
        return drawn::integers<std::int8_t, 2>(c, all, -3, static_cast<std::int64_t>(v) + 1, how);
      });
      constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
      check("wide integers", drawn::integers<std::int64_t, 2>(c, all, least, whole, how), [&](double v) {
        return drawn::integers<std::int64_t, 2>(c, all, least, static_cast<std::int64_t>(v), how);
      });
    }
  CHECK(drawn::poisson<std::int64_t, 2>(c, all, each).chunk_shape() == weft::shape{13, 9});
  CHECK(drawn::poisson(c, {2, 60, 35}, each(0), {.chunk = {1, 20, -1}}).chunk_shape() == weft::shape{1, 20, 35});

  using Catch::Contains;
  CHECK_THROWS_WITH(drawn::normal(c, {60, 34}, each, 1.0),
                    Contains("shape (60, 34)") && Contains("(60, 35) in chunks of (13, 9)"));
  CHECK_THROWS_WITH(drawn::gamma(c, {35}, each, 1.0), Contains("broadcasts to that of the numbers"));
  CHECK_THROWS_WITH(drawn::normal(c, all, each, -1.0), Contains("normal with a parameter -1"));
  CHECK_THROWS_WITH(drawn::gamma(c, all, each, -1.0), "weft: gamma with scale -1: give a finite number, 0 or more");
  CHECK_THROWS_WITH(at(drawn::gamma(c, all, each - 3.0, 1.0)),
                    Contains("gamma with shape -2.5: give a finite number"));
  CHECK_THROWS_WITH(at(drawn::normal(c, all, 0.0, each - 3.0)), Contains("normal with 0.000000 and -2.5"));
  CHECK_THROWS_WITH(at(drawn::poisson<std::int8_t>(c, all, each)), Contains("do not fit") && Contains("int8"));
  CHECK_THROWS_WITH(at(drawn::integers(c, all, 0, weft::astype<int>(each))), Contains("from 0 up to, without, 0"));
  CHECK_THROWS_WITH(drawn::integers(c, all, weft::astype<int>(each), std::uint64_t{1} << 63),
                    Contains("a bound 9223372036854775808") && Contains("int64"));
}

TEST_CASE("what is not given of a distribution is NumPy's default") {
  place at(1);
  const weft::client& c = at.client;
  const weft::shape all{50};
  const random_arrays::options how{.seed = 3, .chunk = {20}};
  const auto same = [&](const auto& x, const auto& y) { return at(weft::all(x == y)); };
  CHECK(same(random_arrays::lognormal(c, all, how), random_arrays::lognormal(c, all, 0, 1, how)));
  CHECK(same(random_arrays::laplace(c, all, how), random_arrays::laplace(c, all, 0, 1, how)));
  CHECK(same(random_arrays::logistic(c, all, how), random_arrays::logistic(c, all, 0, 1, how)));
  CHECK(same(random_arrays::gumbel(c, all, how), random_arrays::gumbel(c, all, 0, 1, how)));
  CHECK(same(random_arrays::rayleigh(c, all, how), random_arrays::rayleigh(c, all, 1, how)));
  CHECK(same(random_arrays::gamma(c, all, 2.5, how), random_arrays::gamma(c, all, 2.5, 1, how)));
  const auto shapes = weft::arange<double>(c, 1, 51, 1);
  CHECK(same(random_arrays::gamma(c, all, shapes, how), random_arrays::gamma(c, all, shapes, 1, how)));
  CHECK(same(random_arrays::poisson(c, all, how), random_arrays::poisson(c, all, 1, how)));
  random_arrays::generator numbers(3);
  CHECK(same(random_arrays::laplace(c, all, numbers), random_arrays::laplace(c, all, how)));
}
