// What reductions refuse, and what is certain of quantiles.
#include <catch2/catch.hpp>
#include <cmath>
#include <complex>
#include <limits>
#include <vector>

#include "array/arrays.hpp"
#include "weft/errors.hpp"

using arrays::place;
using Catch::Contains;
using weft::between;
using weft::initial;
using weft::only;
using weft::ord;

TEST_CASE("beginnings and masks that do not fit are refused") {
  place at(1);
  const auto i = weft::ones<std::int8_t, 2>(at.client, {3, 4});
  CHECK_THROWS_WITH(weft::max(i, initial{300}), Contains("300") && Contains("int8"));
  CHECK_THROWS_WITH(weft::sum<std::int8_t>(i, initial{-129}), Contains("-129") && Contains("int8"));
  CHECK(at(weft::sum(i, initial{300})) == 312);  // of 64 bits
  CHECK(at(weft::sum<std::uint8_t>(i, initial{250})) == 6);
  CHECK_THROWS_WITH(weft::sum(i, only{weft::ones<bool, 1>(at.client, {3})}),
                    Contains("a mask of shape (3) in chunks of (3) for an array of shape (3, 4) in chunks of ("));
  CHECK_THROWS_WITH(weft::sum(i(0), only{i > 0}), Contains("(3, 4)"));
  CHECK_THROWS_WITH(weft::max(weft::zeros<double, 1>(at.client, {0})), Contains("max"));
  CHECK(at(weft::min(weft::zeros<double, 1>(at.client, {0}), initial{2})) == 2);
  CHECK(at(weft::max(i, only{i > 1}, initial{-5})) == -5);
  CHECK(std::isnan(at(weft::max(i * std::nan(""), initial{5}))));
}

TEST_CASE("a task of a reduction's tree combines as many chunks as it is told") {
  place at;
  const auto x = weft::arange<std::int64_t>(at.client, 0, 64, 1, {.chunk = {1}}).persist();
  const auto tasks = [&](std::int64_t n) { return weft::sum(x, weft::split_every{n}).task_count(); };
  CHECK(weft::sum(x).task_count() == 64 + 8 + 1);
  CHECK(tasks(8) == 64 + 8 + 1);
  CHECK(tasks(4) == 64 + 16 + 4 + 1);
  CHECK(tasks(2) == 64 + 32 + 16 + 8 + 4 + 2 + 1);
  CHECK(tasks(100) == 64 + 1);
  CHECK(tasks(std::numeric_limits<std::int64_t>::max()) == tasks(1000));
  CHECK(at(weft::sum(x, weft::split_every{4})) == 63 * 32);
  CHECK(at(weft::argmax(x, 0, weft::split_every{3}, weft::keep_axes))(0) == 63);
  const auto plane = weft::ones<float, 2>(at.client, {9, 9}, {.chunk = {1, 1}});
  CHECK(weft::mean(plane, weft::split_every{9}).task_count() == 81 + 9 + 1);  // three by three
  CHECK(at(weft::mean(plane, weft::split_every{9})) == 1);
  CHECK_THROWS_WITH(tasks(1), Contains("combine 1 chunks (split_every): give 2 or more"));
}

TEST_CASE("means and variances of some elements do not see the others") {
  place at;
  const auto x = weft::from_function<2>(at.client, {300, 70},
                                        [](std::int64_t i, std::int64_t j) { return arrays::noise(i * 70 + j); },
                                        {.chunk = {128, 33}});
  const auto some = weft::select(x > 0.0, x, x < -0.25, std::nan(""), HUGE_VAL);
  const auto mean = weft::mean(some, only{x > 0.0});
  STATIC_REQUIRE(decltype(mean)::rank == 0);
  STATIC_REQUIRE(decltype(weft::sum(x, only{x > 0.0}, 1))::rank == 1);
  CHECK(at(mean) == Approx(at(weft::sum(x, only{x > 0.0})) / static_cast<double>(at(weft::count_nonzero(x > 0.0)))));
  const auto kept = at(at.pool.run(weft::compress(x, x > 0.0)));
  CHECK(at(weft::var(some, only{x > 0.0})) == Approx(at(weft::var(weft::from_array(at.client, kept)))));
  CHECK(std::isnan(at(weft::mean(x, only{x > 9.0}))));
  CHECK(std::isnan(at(weft::std(x, only{x > 9.0}))));
  CHECK_THROWS_WITH(weft::mean(x, only{weft::ones<bool, 1>(at.client, {3})}),
                    Contains("(3)") && Contains("(300, 70)"));
  // A large offset leaves no digits of single numbers in float.
  const weft::array<float, 2> far = weft::astype<float>(x + 1e6);
  CHECK(at(weft::mean<double>(far)) == Approx(1e6));
  STATIC_REQUIRE(std::is_same_v<decltype(weft::var<std::complex<float>>(x))::value_type, float>);
}

TEST_CASE("chunks in which a mask leaves nothing change no variance") {
  place at;
  const auto x = weft::from_function<2>(at.client, {60, 8},
                                        [](std::int64_t i, std::int64_t j) { return arrays::noise(i * 8 + j); },
                                        {.chunk = {10, 3}});
  const auto row = weft::from_function<2>(at.client, {60, 1}, [](std::int64_t i, std::int64_t) { return i; });
  const auto inner = (row >= std::int64_t{25}) && (row < std::int64_t{40});  // of no row of four of the six chunks
  const auto variances = at(weft::var(x, only{inner}, 0)), wanted = at(weft::var(x(weft::slice(25, 40)), 0));
  for (std::size_t j = 0; j < 8; ++j) CHECK(variances(j) == Approx(wanted(j)));
  const auto column = weft::from_function<1>(at.client, {8}, [](std::int64_t j) { return j; });
  const auto of_few = at(weft::var(x, only{column < std::int64_t{3}}, 0));  // of no column of two chunks of three
  for (std::size_t j = 0; j < 8; ++j) CHECK(std::isnan(of_few(j)) == (j >= 3));
}

TEST_CASE("norms that there are not are refused") {
  place at(1);
  const auto x = weft::ones<double, 3>(at.client, {3, 4, 5});
  CHECK_THROWS_WITH(weft::norm(x, ord{1}),
                    "weft: a norm of an array of shape (3, 4, 5): name the axis of its vectors, or the two of its "
                    "matrices");
  CHECK_THROWS_WITH(weft::norm(x, ord::nuclear, 1), Contains("a norm of matrices along one axis"));
  CHECK_THROWS_WITH(weft::norm(x, ord{3}, weft::axes(0, 1)), Contains("of order 3 over two axes"));
  CHECK_THROWS_WITH(weft::norm(x, ord{std::nan("")}, 0), Contains("of order NaN"));
  CHECK_THROWS_WITH(weft::norm(x, ord{2}, weft::axes(0, 1)), Contains("by singular values"));
  CHECK_THROWS_WITH(weft::norm(x, ord{1}, 3), Contains("axis 3"));
  CHECK_THROWS_AS(weft::norm(x, ord{1}, 1, 1), weft::misuse);
  CHECK_THROWS_WITH(weft::norm(weft::zeros<double, 1>(at.client, {0}), ord::infinity), Contains("max"));
  CHECK(at(weft::norm(weft::zeros<double, 1>(at.client, {0}), ord{1})) == 0);
}

TEST_CASE("a closest observation that is as near as another is the even one, counted from 1") {
  place at(1);
  // Hyndman and Fan's definition 3: of 1 to 5, 0.5 * 5 = 2.5 is as near to the second as to the third.
  for (const std::int64_t n : {1, 2, 3, 5, 6, 9, 10}) {
    CAPTURE(n);
    const auto x = weft::arange<double>(at.client, 1, static_cast<double>(n) + 1);
    for (double twice = 1; twice < 2 * static_cast<double>(n); twice += 2) {
      const double nearest = std::max(1.0, std::nearbyint(twice / 2));  // halves go to even numbers
      CHECK(at(weft::quantile(x, twice / 2 / static_cast<double>(n), between::closest_observation)) == nearest);
    }
  }
}

TEST_CASE("all definitions of a quantile give the ends, stay between them, and never decrease") {
  place at(1);
  const auto x = weft::from_function<1>(at.client, {37}, [](std::int64_t i) { return arrays::noise(i); });
  const double least = at(weft::min(x)), most = at(weft::max(x));
  std::vector<double> q;
  for (int k = 0; k <= 200; ++k) q.push_back(k / 200.0);
  for (int how = 0; how <= static_cast<int>(between::normal_unbiased); ++how) {
    CAPTURE(how);
    const std::vector<double> found = arrays::list_of(at(weft::quantile(x, q, static_cast<between>(how))));
    CHECK(found.front() == least);
    CHECK(found.back() == most);
    CHECK(std::is_sorted(found.begin(), found.end()));
    CHECK(arrays::list_of(at(weft::nanquantile(x, q, static_cast<between>(how)))) == found);
    const auto infinite = weft::where(x == most, HUGE_VAL, x);
    CHECK_FALSE(at(weft::any(weft::isnan(weft::quantile(infinite, q, static_cast<between>(how))))));
  }
}
