// Functions of elements, where they are not those of the standard library.
#include <catch2/catch.hpp>
#include <cmath>
#include <complex>
#include <limits>

#include "array/arrays.hpp"

using arrays::list_of;
using arrays::place;

namespace {

template <class T>
auto list(const place& at, const std::vector<T>& x) {
  return weft::from_array(at.client, x);
}

}  // namespace

TEST_CASE("integers are rounded to tens, halves to even ones") {
  place at(1);
  const auto x = list<std::int64_t>(at, {1234, 1250, 1350, 1251, -1250, -1350, -1251, 49, 50, 51, 0});
  CHECK((list_of(at(weft::round(x, -2))) ==
         std::vector<double>{1200, 1200, 1400, 1300, -1200, -1400, -1300, 0, 0, 100, 0}));
  CHECK(list_of(at(weft::round(x, 2))) == list_of(at(x)));
  CHECK(list_of(at(weft::round(x))) == list_of(at(x)));
  CHECK((list_of(at(weft::round(list<std::uint8_t>(at, {244, 245, 15, 25}), -1))) ==
         std::vector<double>{240, 240, 20, 20}));
  CHECK(at(weft::round(weft::ones<bool, 1>(at.client, {1}), -1))(0));
  // Numbers that no double has, the ends of the range, and tens beyond it.
  const std::int64_t most = std::numeric_limits<std::int64_t>::max(),
                     least = std::numeric_limits<std::int64_t>::min();
  const auto large = list<std::int64_t>(at, {9'007'199'254'740'993'004, most, least});
  CHECK(at(weft::round(large, -1))(0) == 9'007'199'254'740'993'000);
  CHECK(at(weft::round(large, -16))(1) == 9'220'000'000'000'000'000);
  CHECK(at(weft::round(large, -18))(2) == -9'000'000'000'000'000'000);
  CHECK((list_of(at(weft::round(large, -20))) == std::vector<double>{0, 0, 0}));
  CHECK((list_of(at(weft::round(large, -400))) == std::vector<double>{0, 0, 0}));
  CHECK(at(weft::round(list<std::int8_t>(at, {127}), -1))(0) == -126);  // 130 wraps
}

TEST_CASE("both parts of complex numbers are rounded, and rid of NaNs and infinities") {
  place at(1);
  using number = std::complex<double>;
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity(),
               most = std::numeric_limits<double>::max();
  const auto x = list<number>(at, {{1.25, -2.75}, {nan, infinity}, {-infinity, 0.5}});
  CHECK(at(weft::round(x, 1))(0) == number(1.2, -2.8));
  CHECK(at(weft::rint(x))(0) == number(1, -3));
  CHECK(at(weft::round(x * 100.0, -2))(0) == number(100, -300));
  CHECK(at(weft::nan_to_num(x))(0) == number(1.25, -2.75));
  CHECK(at(weft::nan_to_num(x))(1) == number(0, most));
  CHECK(at(weft::nan_to_num(x))(2) == number(-most, 0.5));
  CHECK((list_of(at(weft::isfinite(x))) == std::vector<double>{1, 0, 0}));
  CHECK((list_of(at(weft::isinf(x))) == std::vector<double>{0, 1, 1}));
  CHECK((list_of(at(weft::isnan(x))) == std::vector<double>{0, 1, 0}));
}

TEST_CASE("functions of pieces are called where their conditions hold") {
  place at(1);
  const auto x = list<std::int64_t>(at, {-4, 0, 5, 12});
  const auto quotients =
      weft::piecewise(x, x == 0, -1, [](std::int64_t v) { return 60 / v; });  // a division by 0 would end the program
  CHECK((list_of(at(quotients)) == std::vector<double>{-15, -1, 12, 5}));
  // The last one that holds; what is not of the type is converted, and conditions broadcast.
  const auto rounded =
      weft::piecewise(x, x > 0, 2.9, x > 7, [](std::int64_t v) { return static_cast<double>(v) / 5; });
  STATIC_REQUIRE(std::is_same_v<decltype(rounded)::value_type, std::int64_t>);
  CHECK((list_of(at(rounded)) == std::vector<double>{0, 0, 2, 2}));
  const auto rows = weft::piecewise(x, weft::expand_dims(list<char>(at, {1, 0}), 1), 1);
  CHECK((list_of(at(rows)) == std::vector<double>{1, 1, 1, 1, 0, 0, 0, 0}));
  CHECK_THROWS_WITH(weft::piecewise(x, weft::ones<bool, 1>(at.client, {3}), 1),
                    Catch::Contains("(4)") && Catch::Contains("(3)"));
  const auto none = x(weft::slice(0, 0));
  CHECK(at(weft::piecewise(none, none > 0, 2, [](std::int64_t v) { return 60 / v; })).size() == 0);
  CHECK_THROWS_WITH(weft::piecewise(list<std::int8_t>(at, {1}), x > 0, 300),
                    Catch::Contains("300") && Catch::Contains("int8"));
}

TEST_CASE("complex numbers are true where either part is not 0") {
  place at(1);
  const auto x = list<std::complex<double>>(at, {{0, 0}, {0, 2}, {1, 0}, {std::nan(""), 0}});
  CHECK((list_of(at(weft::astype<bool>(x))) == std::vector<double>{0, 1, 1, 1}));
  CHECK(at(weft::count_nonzero(x)) == 3);
}
