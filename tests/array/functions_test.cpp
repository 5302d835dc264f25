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

TEST_CASE("a number that is no choice's is refused, goes around, or is taken for the nearest one") {
  place at(1);
  const auto which = list<std::int64_t>(at, {0, 2, -1, 7});
  const auto x = list<float>(at, {1, 2, 3, 4});
  const auto chosen = weft::choose(which, weft::outside::wrap, x, 10, list<std::int64_t>(at, {5, 6, 7, 8}));
  STATIC_REQUIRE(std::is_same_v<decltype(chosen)::value_type, double>);  // that of the choices, not of their numbers
  CHECK((list_of(at(chosen)) == std::vector<double>{1, 6, 7, 10}));
  CHECK((list_of(at(weft::choose(which, weft::outside::clip, x, 0.0))) == std::vector<double>{1, 0, 3, 0}));
  CHECK_THROWS_WITH(at(weft::choose(which(weft::slice(0, 2)), x(weft::slice(0, 2)), 0.0)),
                    Catch::Contains("choice 2 of 2") && Catch::Contains("outside::wrap"));
  CHECK_THROWS_WITH(at(weft::choose(which, x, 0.0, 1.0)), Catch::Contains("choice -1 of 3"));
  const auto unsigned_one = list<std::uint64_t>(at, {std::numeric_limits<std::uint64_t>::max()});
  CHECK_THROWS_WITH(at(weft::choose(unsigned_one, weft::outside::wrap, 1.0, 2.0)),
                    Catch::Contains("18446744073709551615"));
  CHECK((list_of(at(weft::choose(x > 2.0f, 5, 6))) == std::vector<double>{5, 5, 6, 6}));
}

TEST_CASE("numbers and their exponents are of the types of their own arguments") {
  place at(1);
  const double infinity = std::numeric_limits<double>::infinity();
  const auto x = list<float>(at, {0.75F, -6, 0, static_cast<float>(infinity)});
  const auto [fraction, exponent] = weft::frexp(x);
  STATIC_REQUIRE(std::is_same_v<decltype(fraction)::value_type, float>);
  STATIC_REQUIRE(std::is_same_v<decltype(exponent)::value_type, std::int32_t>);
  CHECK((list_of(at(exponent)) == std::vector<double>{0, 3, 0, 0}));
  CHECK((list_of(at(fraction)) == std::vector<double>{0.75, -0.75, 0, infinity}));
  STATIC_REQUIRE(std::is_same_v<decltype(weft::ldexp(x, list<std::int64_t>(at, {})))::value_type, float>);
  STATIC_REQUIRE(std::is_same_v<decltype(weft::ldexp(2.0, exponent))::value_type, double>);
  CHECK((list_of(at(weft::ldexp(2.0, exponent))) == std::vector<double>{2, 16, 2, 2}));
  // Exponents that no int has, and those beyond the type's.
  const auto far = list<std::int64_t>(at, {std::int64_t{1} << 40, -(std::int64_t{1} << 40), 3, -3});
  CHECK((list_of(at(weft::ldexp(3.0, far))) == std::vector<double>{infinity, 0, 24, 0.375}));
  const auto [part, whole] = weft::modf(list<double>(at, {-2.5, 3, -infinity}));
  CHECK((list_of(at(part)) == std::vector<double>{-0.5, 0, 0}));
  CHECK((list_of(at(whole)) == std::vector<double>{-2, 3, -infinity}));
}

TEST_CASE("integers are shifted, divided and multiplied within their types") {
  place at(1);
  const std::int64_t least = std::numeric_limits<std::int64_t>::min();
  const auto x = list<std::int64_t>(at, {1, -5, least});
  CHECK((list_of(at(x << 62)) == std::vector<double>{0x1p62, -0x1p62, 0}));
  CHECK((list_of(at(x >> 100)) == std::vector<double>{0, -1, -1}));
  CHECK((list_of(at(x >> -1)) == std::vector<double>{0, -1, -1}));
  CHECK(at(1 << list<std::uint8_t>(at, {7, 8, 200}))(0) == 128);
  CHECK((list_of(at(weft::gcd(x, 0))) == std::vector<double>{1, 5, static_cast<double>(least)}));  // 2^63 wraps
  CHECK(at(weft::gcd(list<std::int64_t>(at, {least}), list<std::int64_t>(at, {6})))(0) == 2);
  CHECK((list_of(at(weft::reciprocal(list<int>(at, {0, 1, -1, 7})))) == std::vector<double>{0, 1, -1, 0}));
  CHECK((list_of(at(weft::fmod(list<int>(at, {7, -7, 7}), list<int>(at, {-3, 3, 0})))) ==
         std::vector<double>{1, -1, 0}));
}

TEST_CASE("the Bessel function does not overflow before its value does") {
  place at(1);
  // By the series, the sum of (x^2 / 4)^k / k!^2, in decimals of 60 digits.
  const auto x = list<double>(at, {0, 1, -8, 8.5, 700, 712, 713.5});
  const xt::xtensor<double, 1> found = at(weft::i0(x));
  const double expected[] = {1,
                             1.26606587775200834,
                             427.564115721804785,
                             683.161926990115609,
                             1.52959334767187374e302,
                             2.46841105776275243e307,
                             1.10510120811782790e308};
  for (std::size_t i = 0; i < std::size(expected); ++i) CHECK(found(i) == Approx(expected[i]).epsilon(2e-15));
  CHECK(std::isinf(at(weft::i0(list<double>(at, {std::numeric_limits<double>::infinity()})))(0)));
  CHECK(std::isnan(at(weft::i0(list<double>(at, {std::nan("")})))(0)));
}

TEST_CASE("look-ups in arrays take lists of no element, and refuse those of several axes") {
  place at(1);
  const auto x = list<double>(at, {0.5, std::nan(""), 2});
  const auto nothing = list<double>(at, {});
  CHECK((list_of(at(weft::searchsorted(nothing, x))) == std::vector<double>{0, 0, 0}));
  CHECK((list_of(at(weft::isin(x, nothing))) == std::vector<double>{0, 0, 0}));
  CHECK(at(weft::searchsorted(x, nothing)).size() == 0);
  CHECK(at(weft::searchsorted(x, weft::sum(x(weft::slice(0, 1))))) == 0);
  const weft::array<double> square = weft::zeros<double, 2>(at.client, {3, 3});
  CHECK_THROWS_AS(weft::searchsorted(square, x), weft::misuse);
  CHECK((list_of(at(weft::isin(x, square + 2.0))) == std::vector<double>{0, 0, 1}));
}
