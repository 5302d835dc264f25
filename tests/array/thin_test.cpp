// Arrays from end to end: creation, elementwise operations, sums.
#include <catch2/catch.hpp>
#include <sstream>

#include "array/arrays.hpp"
#include "weft/errors.hpp"

using arrays::list_of;
using arrays::place;

TEST_CASE("an expression over chunks is what it is in one piece") {
  for (const unsigned threads : {1u, 2u, 3u}) {
    place at(threads);
    const weft::client& c = at.client;
    const auto x = weft::arange<double>(c, 0, 1'000'000, 1, {.chunk = {10'000}});
    const auto y = (x - 3.0) * x + weft::ones<double, 1>(c, {1'000'000}, {.chunk = {7'000}});
    const double s = at(weft::sum(y));
    CHECK(s == Approx(333'331'333'336'000'000.0));
    const xt::xtensor<double, 1> whole = at(y);
    REQUIRE(whole.size() == 1'000'000);
    CHECK(whole(7) == 29.0);
    CHECK(whole(999'999) == (999'999.0 - 3) * 999'999.0 + 1);
  }
}

TEST_CASE("arrays broadcast as NumPy's do") {
  place at;
  const weft::client& c = at.client;
  const auto rows = weft::from_function<2>(
      c, {5, 7}, [](std::int64_t i, std::int64_t j) { return double(10 * i + j); }, {.chunk = {2, 3}});
  const auto column =
      weft::from_function<2>(c, {5, 1}, [](std::int64_t i, std::int64_t) { return double(i); }, {.chunk = {3, 1}});
  const auto line = weft::arange<double>(c, 7);
  const xt::xtensor<double, 2> found = at(rows + column * 100.0 - line);
  REQUIRE(found.shape()[0] == 5);
  REQUIRE(found.shape()[1] == 7);
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < 7; ++j) CHECK(found(i, j) == double(10 * i + 100 * i));
  const xt::xtensor<double, 2> outer = at(column * line);
  CHECK(outer(4, 6) == 24.0);
  const auto scalar = weft::sum(line);
  const xt::xtensor<double, 1> shifted = at(line - scalar);
  CHECK(list_of(shifted) == std::vector<double>{-21, -20, -19, -18, -17, -16, -15});
}

TEST_CASE("shapes that do not broadcast are refused as the expression is built") {
  place at;
  const auto a = weft::zeros<double, 2>(at.client, {1000, 4}, {.chunk = {100, 4}});
  const auto b = weft::zeros<double, 2>(at.client, {1000, 5}, {.chunk = {50, 5}});
  CHECK_THROWS_AS(a + b, weft::misuse);
  CHECK_THROWS_WITH(
      a + b,
      "weft: arrays of shapes (1000, 4) in chunks of (100, 4) and (1000, 5) in chunks of (50, 5) do not "
      "broadcast: axis 1 has 4 and 5 elements");
  CHECK_THROWS_WITH((weft::zeros<double, 2>(at.client, {1000, 4}, {.chunk = {100}})),
                    Catch::Contains("(1000, 4) in chunks of (100)") && Catch::Contains("one extent for each axis"));
  CHECK_THROWS_WITH((weft::zeros<double, 2>(at.client, {-1, 4})), Catch::Contains("(-1, 4)"));
  CHECK_THROWS_WITH((weft::zeros<double, 1>(at.client, {8}, {.chunk = {-2}})), Catch::Contains("-1 for all"));
  CHECK_THROWS_WITH((weft::zeros<double, 1>(at.client, {8, 8})), Catch::Contains("(8, 8) as one of 1 axis"));
  CHECK_THROWS_WITH((weft::zeros<double, 1>(at.client, {std::int64_t{1} << 62})), Catch::Contains("2^63"));
  CHECK_THROWS_WITH((weft::zeros<double, 1>(at.client, {std::int64_t{1} << 40}, {.chunk = {-1}})),
                    Catch::Contains("2 GiB"));
  place other(1);
  CHECK_THROWS_WITH((a + weft::zeros<double, 2>(other.client, {1000, 4})), Catch::Contains("different clients"));
}

TEST_CASE("an array is added to and multiplied in its place, and what was made of it before is as it was") {
  place at(1);
  const auto row = weft::arange<double>(at.client, 0, 5, 1, {.chunk = {2}});
  weft::array<double, 2> x = weft::ones<double, 2>(at.client, {4, 5}, {.chunk = {3, 3}});
  const auto before = x;
  const weft::array<double, 2> doubled = x * 2.0;
  x += row;
  x *= 3.0;
  x -= x * 0.5;
  x /= 2;
  CHECK(at(x)(3, 4) == 3.75);
  CHECK(at(before)(3, 4) == 1);
  CHECK(at(doubled)(3, 4) == 2);
  weft::array<double> any = row;  // of a dynamic rank
  CHECK(at(any += row)(4) == 8);
  weft::array<bool, 2> mask = x > 1.0;
  mask &= x < 3.0;
  CHECK(at(weft::sum(mask)) == 8);
  weft::array<double, 1> line = row;
  CHECK_THROWS_WITH((line += weft::ones<double, 1>(at.client, {4})), Catch::Contains("do not broadcast"));
  weft::array<double, 1> one = weft::ones<double, 1>(at.client, {1});
  CHECK_THROWS_WITH(one -= row, Catch::Contains("`x -= y` would make an array of shape (1) one of shape (5)"));
  weft::array<double> flat = row;
  CHECK_THROWS_WITH(flat *= weft::array<double>(x), Catch::Contains("(5) one of shape (4, 5)"));
}

TEST_CASE("an expression of too many arrays is refused as it becomes one") {
  place at(1);
  std::vector<weft::array<double, 1>> x;
  for (int i = 0; i < 9; ++i) x.push_back(weft::full<double, 1>(at.client, {4}, i));
  const auto eight = x[0] + x[1] + x[2] + x[3] + x[4] + x[5] + x[6] + x[7];
  CHECK(list_of(at(eight)) == std::vector<double>(4, 28));
  CHECK_THROWS_WITH((weft::array<double, 1>(eight + x[8])), Catch::Contains("an expression of 9 arrays"));
  const weft::array<double, 1> named = eight;
  CHECK(list_of(at(named + x[8])) == std::vector<double>(4, 36));
  CHECK(list_of(at(x[1] * x[1] + x[1] * x[1] + x[1] + x[1] + x[1] + x[1] + x[1])) == std::vector<double>(4, 7));
}

TEST_CASE("types are promoted as NumPy does it") {
  using namespace weft;
  STATIC_REQUIRE(std::is_same_v<promote_t<std::int32_t, float>, double>);
  STATIC_REQUIRE(std::is_same_v<promote_t<std::int16_t, float>, float>);
  STATIC_REQUIRE(std::is_same_v<promote_t<std::int8_t, std::int8_t>, std::int8_t>);
  STATIC_REQUIRE(std::is_same_v<promote_t<std::uint8_t, std::int8_t>, std::int16_t>);
  STATIC_REQUIRE(std::is_same_v<promote_t<std::uint32_t, std::int16_t>, std::int64_t>);
  STATIC_REQUIRE(std::is_same_v<promote_t<std::uint64_t, std::int64_t>, double>);
  STATIC_REQUIRE(std::is_same_v<promote_t<bool, std::uint8_t>, std::uint8_t>);
  STATIC_REQUIRE(std::is_same_v<promote_t<std::complex<float>, double>, std::complex<double>>);
  STATIC_REQUIRE(std::is_same_v<promote_t<std::complex<float>, float>, std::complex<float>>);
  STATIC_REQUIRE(std::is_same_v<weak_t<float, double>, float>);
  STATIC_REQUIRE(std::is_same_v<weak_t<std::int8_t, int>, std::int8_t>);
  STATIC_REQUIRE(std::is_same_v<weak_t<std::int8_t, double>, double>);
  STATIC_REQUIRE(std::is_same_v<weak_t<bool, int>, std::int64_t>);

  place at(1);
  const auto small = full<std::int8_t, 1>(at.client, {3}, 100);
  const auto sum_of_small = at(small + small);  // wraps, as NumPy's
  STATIC_REQUIRE(std::is_same_v<decltype(sum_of_small), const xt::xtensor<std::int8_t, 1>>);
  CHECK(sum_of_small(0) == -56);
  const auto quotient = at(small / 8);
  STATIC_REQUIRE(std::is_same_v<decltype(quotient), const xt::xtensor<double, 1>>);
  CHECK(quotient(2) == 12.5);
  CHECK(at(small > 99)(1));
  CHECK_THROWS_WITH(small + 1000, Catch::Contains("1000 does not fit in an element of int8"));
  CHECK(at(sum(small)) == 300);
}

TEST_CASE("chunks are chosen when nothing is said") {
  place at(1);
  CHECK(weft::zeros<double, 2>(at.client, {10'000, 10'000}).chunk_shape() == weft::shape{1000, 1000});
  CHECK(weft::zeros<double, 2>(at.client, {10'000, 10'000}, {.chunk = {-1, 0}}).chunk_shape() ==
        weft::shape{10'000, 104});
  CHECK(weft::zeros<float, 1>(at.client, {1000}).chunk_count() == 1);
  CHECK(weft::zeros<double, 2>(at.client, {100, 1'000'000}, {.bytes = 1 << 20}).chunk_shape() ==
        weft::shape{100, 1309});
  CHECK(weft::zeros<double, 1>(at.client, {0}).chunk_count() == 1);
  CHECK(list_of(at(weft::zeros<double, 1>(at.client, {0}) + 1.0)).empty());
  CHECK(at(weft::sum(weft::zeros<double, 1>(at.client, {0}))) == 0);
}

TEST_CASE("arrays are printed with their shape, chunks, bytes and tasks") {
  place at(1);
  const auto x = weft::zeros<double, 2>(at.client, {1000, 200}, {.chunk = {100, 200}});
  std::ostringstream text;
  text << x + 1.0;
  CHECK(text.str() ==
        "weft::array of float64, shape (1000, 200) in chunks of (100, 200), 1.53 MiB: 10 chunks, 10 tasks");
  CHECK(weft::to_string(weft::sum(x)) == "weft::array of float64, shape (), 8 bytes: 1 chunk, 13 tasks");
  const auto huge = weft::exp(weft::ones<double, 2>(at.client, {1'000'000, 1'000'000}, {.chunk = {1000, 1000}}));
  CHECK(weft::to_string(huge(weft::slice(0, 1500), weft::slice(0, 1500))) ==
        "weft::array of float64, shape (1500, 1500) in chunks of (1000, 1000), 17.17 MiB: 4 chunks, 4 tasks");
}

TEST_CASE("values come from where they are") {
  place at;
  xt::xtensor<int, 2> whole = xt::xtensor<int, 2>::from_shape({5, 4});
  for (std::size_t i = 0; i < 20; ++i) whole.data()[i] = static_cast<int>(i * i);
  const auto x = weft::from_array(at.client, whole, {.chunk = {2, 3}});
  CHECK((at(x) == whole));
  CHECK((at(x + x) == whole + whole));
  CHECK(at(weft::sum(x)) == 2470);
  const xt::xarray<double> shapeless = xt::ones<double>({2, 3, 4});
  const auto y = weft::from_array(at.client, shapeless, {.chunk = {1, 2, 2}});
  CHECK((at(y * 2.0) == shapeless * 2.0));
  CHECK(at(weft::sum(y)) == 24);
  CHECK(list_of(at(weft::from_array(at.client, std::vector<float>{1, 2, 3}))) == std::vector<double>{1, 2, 3});
  CHECK(list_of(at(weft::linspace(at.client, 0, 1, 5))) == std::vector<double>{0, 0.25, 0.5, 0.75, 1});
  CHECK(list_of(at(weft::arange<int>(at.client, 10, 0, -3))) == std::vector<double>{10, 7, 4, 1});
  CHECK(at(weft::arange<int>(at.client, 10, 0)).size() == 0);
  CHECK_THROWS_WITH(weft::arange<int>(at.client, 0, 10, 0), Catch::Contains("step 0"));
  CHECK(list_of(at(weft::indices<2>(at.client, {2, 3}, -1))) == std::vector<double>{0, 1, 2, 0, 1, 2});
}

TEST_CASE("what is persisted is not computed again") {
  place at;
  const auto x = weft::arange<double>(at.client, 0, 1000, 1, {.chunk = {100}});
  const auto kept = (x * 2.0).persist();
  CHECK(kept.task_count() == 0);
  CHECK(at(weft::sum(kept)) == 999'000);
  CHECK(at(kept)(999) == 1998);
  const weft::array<double> forgotten = kept;
  const weft::array<double, 1> again(forgotten);
  CHECK(at(again)(1) == 2);
  CHECK_THROWS_WITH((weft::array<double, 2>(forgotten)), Catch::Contains("(1000) as one of 2 axes"));
}

TEST_CASE("long chains that a program builds are computed, and let go") {
  place at;
  weft::array<double, 1> x = weft::zeros<double, 1>(at.client, {1000}, {.chunk = {300}});
  for (int i = 0; i < 2'000; ++i) x = x + 1.0;
  CHECK(at(x)(999) == 2000);
  weft::array<double, 1> y = weft::zeros<double, 1>(at.client, {4});
  for (int i = 0; i < 100'000; ++i) y = y + 1.0;
}

TEST_CASE("complex numbers are computed with") {
  using complex = std::complex<double>;
  place at(1);
  const auto x = weft::from_function<1>(
      at.client, {100}, [](std::int64_t i) { return complex(static_cast<double>(i), 1.0); }, {.chunk = {30}});
  CHECK(at(weft::sum(x)) == complex(4950, 100));
  CHECK(at(weft::mean(x)) == complex(49.5, 1));
  CHECK(at(weft::norm(x)) == Approx(std::sqrt(328'350.0 + 100)));
  const auto squares = at(x * x);
  CHECK(squares(3) == complex(8, 6));
  CHECK(at(weft::abs(x))(0) == 1);
  CHECK(at(x + 1)(5) == complex(6, 1));
  CHECK(at(weft::astype<double>(x))(7) == 7);
  const auto floats = at(weft::astype<std::complex<float>>(x) * 2.0f);
  STATIC_REQUIRE(std::is_same_v<decltype(floats), const xt::xtensor<std::complex<float>, 1>>);
  CHECK(floats(2) == std::complex<float>(4, 2));
}
