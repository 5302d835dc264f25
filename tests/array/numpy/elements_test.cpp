// More functions of elements, choices by number and look-ups in arrays, beside NumPy's.
#include <complex>
#include <limits>

#include "array/numpy/reference.hpp"

using reference::check;

TEST_CASE("quotients, exponents and parts of numbers are what NumPy's are") {
  arrays::place at;
  const reference::data d(at, {7, 6, 2});
  const auto& [x, f, i, b, z, row, plane] = d;
  check(at, "left_shift", i << (weft::abs(i) % 11), true);
  check(at, "right_shift", i >> (weft::abs(i) % 11), true);
  check(at, "shift_number", (i << 3) >> 1, true);
  const auto [quotient, rest] = weft::divmod(x, row);
  check(at, "divmod_quotient", quotient, true);
  check(at, "divmod_rest", rest);
  check(at, "fmod_row", weft::fmod(x, row), true);
  check(at, "gcd_lcm", weft::gcd(i, 360) + weft::lcm(i, 6), true);
  check(at, "float_power", weft::float_power(weft::abs(f), 2));
  using complex = std::complex<float>;
  check(at, "float_power_complex", weft::float_power(weft::astype<complex>(f) + complex(0, 1), i % 3));
  check(at, "ldexp", weft::ldexp(x, i % 40), true);
  check(at, "ldexp_float", weft::ldexp(f, -3), true);
  const auto [fraction, exponent] = weft::frexp(x);
  check(at, "frexp_back", weft::ldexp(fraction, exponent), true);
  check(at, "fix", weft::fix(10.0 * x), true);
  check(at, "negative", -(+i), true);
}

TEST_CASE("what is no finite number, and complex numbers, are what NumPy has") {
  arrays::place at;
  const reference::data d(at, {7, 6, 2});
  const auto& [x, f, i, b, z, row, plane] = d;
  const double infinite = std::numeric_limits<double>::infinity();
  const auto mixed = weft::select(x > 0.3, infinite, x < -0.3, -infinite, z);
  check(at, "nan_to_num_named", weft::nan_to_num(mixed, {.nan = 7, .posinf = 1e3, .neginf = -5}), true);
  check(at, "nan_to_num_kept", weft::nan_to_num(mixed, {.posinf = infinite}), true);
  using complex = std::complex<double>;
  const auto back = x(weft::slice(weft::none, weft::none, -1));
  const weft::array<complex, 3> turned = x + weft::where(x > 0.0, 0.0, back) * complex(0, 1);
  check(at, "iscomplex", weft::iscomplex(turned), true);
  check(at, "isreal", weft::isreal(turned), true);
  check(at, "isclose_complex", weft::isclose(turned, turned + row * complex(0, 1e-5)), true);
  check(at, "allclose_complex", weft::allclose(turned, turned * (1 + 1e-7)), true);
  check(at, "sinc_complex", weft::sinc(turned));
  check(at, "reciprocal_complex", weft::reciprocal(turned + 2.0));
}

TEST_CASE("choices by number are what NumPy's are") {
  arrays::place at;
  const reference::data d(at, {7, 6, 2});
  const auto& [x, f, i, b, z, row, plane] = d;
  check(at, "choose", weft::choose(weft::abs(i) % 3, x, row, 7), true);
  const auto column = weft::expand_dims(plane(0), 1);
  check(at, "choose_wrap",
        weft::choose(i(weft::slice(), weft::slice(0, 5)), weft::outside::wrap, i(weft::slice(), weft::slice(0, 5)),
                     column, f(weft::slice(), weft::slice(0, 5))),
        true);
  check(at, "choose_clip", weft::choose(i, weft::outside::clip, -1, 0, 1), true);
}

TEST_CASE("elements are looked up in arrays as NumPy does it") {
  arrays::place at;
  const weft::shape chunk = GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5});
  const reference::data d(at, chunk);
  const auto& [x, f, i, b, z, row, plane] = d;
  using weft::side;
  const weft::array<double, 1> ordered = weft::sort(weft::ravel(x)), with_nans = weft::sort(weft::ravel(z));
  const auto rounded = weft::round(x, 2);
  const weft::array<std::int32_t, 1> steps = weft::sort(weft::ravel(weft::floor_divide(i, 50)));
  const auto sought = weft::floor_divide(i(weft::slice(), 3), 40);
  for (const side s : {side::left, side::right}) {
    const std::string at_side = s == side::left ? "_left" : "_right";
    check(at, "searchsorted_array" + at_side, weft::searchsorted(ordered, rounded, s), true);
    check(at, "searchsorted_array_equal" + at_side, weft::searchsorted(steps, sought, s), true);
    check(at, "searchsorted_array_nan" + at_side, weft::searchsorted(with_nans, z(weft::slice(0, 3)), s), true);
  }
  check(at, "digitize_array", weft::digitize(x, weft::sort(row)), true);
  check(at, "digitize_array_right", weft::digitize(i(0), weft::sort(i(weft::slice(), 0, 0)), true), true);
  const auto third = i(weft::slice(0, 23, 3), weft::slice(0, 17, 2));
  check(at, "isin_array", weft::isin(i, third + 1), true);
  check(at, "isin_array_nan", weft::isin(z, z(0)), true);
}
