// Arrays of random numbers.
#include <algorithm>
#include <catch2/catch.hpp>

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
  CHECK(at(weft::max(random_arrays::integers<std::uint8_t, 1>(at.client, {10'000}, 0, 256))) == 255);
}
