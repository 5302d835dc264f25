// Functions of elements, beside NumPy's.
#include <complex>
#include <limits>

#include "array/numpy/reference.hpp"

using reference::check;

TEST_CASE("functions are what NumPy's are") {
  arrays::place at;
  const reference::data d(at, {7, 6, 2});
  const auto& [x, f, i, b, z, row, plane] = d;
  const auto p = weft::abs(x) + 0.1;
  check(at, "exp", weft::exp(p));
  check(at, "exp2", weft::exp2(p));
  check(at, "expm1", weft::expm1(p));
  check(at, "log", weft::log(p));
  check(at, "log2", weft::log2(p));
  check(at, "log10", weft::log10(p));
  check(at, "log1p", weft::log1p(p));
  check(at, "sqrt", weft::sqrt(p));
  check(at, "cbrt", weft::cbrt(p));
  check(at, "sin", weft::sin(p));
  check(at, "cos", weft::cos(p));
  check(at, "tan", weft::tan(p));
  check(at, "sinh", weft::sinh(p));
  check(at, "cosh", weft::cosh(p));
  check(at, "tanh", weft::tanh(p));
  check(at, "asin", weft::asin(x));
  check(at, "acos", weft::acos(x));
  check(at, "atan", weft::atan(x));
  check(at, "floor", weft::floor(10.0 * x), true);
  check(at, "ceil", weft::ceil(10.0 * x), true);
  check(at, "trunc", weft::trunc(10.0 * x), true);
  check(at, "rint", weft::rint(10.0 * x), true);
  check(at, "sign", weft::sign(10.0 * x), true);
  check(at, "square", weft::square(10.0 * x), true);
  check(at, "abs_int", weft::abs(i), true);
  check(at, "exp_int", weft::exp(i % 7));
  check(at, "atan2", weft::atan2(x, p));
  check(at, "hypot", weft::hypot(x, row));
  check(at, "pow", weft::pow(p, 2.5));
  check(at, "pow_int", weft::pow(i % 5, 3), true);
  check(at, "asinh", weft::asinh(x));
  check(at, "acosh", weft::acosh(p + 1.0));
  check(at, "atanh", weft::atanh(x));
  check(at, "logaddexp", weft::logaddexp(500.0 * x, row));
  const double infinity = std::numeric_limits<double>::infinity();
  check(at, "logaddexp_infinite", weft::logaddexp(weft::where(x > 0.0, -infinity, x), -infinity));
  check(at, "copysign", weft::copysign(p, x), true);
  check(at, "deg2rad", weft::deg2rad(x));
  check(at, "rad2deg", weft::rad2deg(x));
  const auto turned =
      weft::astype<std::complex<double>>(x) + weft::astype<std::complex<double>>(p) * std::complex(0.0, 1.0);
  check(at, "angle", weft::angle(turned));
  check(at, "conj", weft::imag(weft::conj(turned)), true);
  check(at, "where", weft::where(x > row, weft::real(x), -1.0 + weft::imag(x)), true);
}

TEST_CASE("integers, comparisons and choices are what NumPy's are") {
  arrays::place at;
  const reference::data d(at, {7, 6, 2});
  const auto& [x, f, i, b, z, row, plane] = d;
  check(at, "floor_divide", weft::floor_divide(i, 7), true);
  check(at, "floor_divide_negative", weft::floor_divide(i, -7), true);
  check(at, "remainder", i % 7, true);
  check(at, "remainder_negative", i % -7, true);
  check(at, "remainder_real", x % 0.3);
  check(at, "divide_int", i / 7, true);
  check(at, "minimum", weft::minimum(x, row), true);
  check(at, "maximum_nan", weft::maximum(z, 0.1), true);
  check(at, "where", weft::where(x > row, x, -1.0), true);
  check(at, "clip", weft::clip(x, -0.2, 0.2), true);
  check(at, "isnan", weft::isnan(z), true);
  check(at, "signbit", weft::signbit(x), true);
  const double infinite = std::numeric_limits<double>::infinity();
  check(at, "nan_to_num", weft::nan_to_num(weft::select(x > 0.3, infinite, x < -0.3, -infinite, z)), true);
  check(at, "fmin", weft::fmin(z, row), true);
  check(at, "fmax", weft::fmax(row, z), true);
  check(at, "logical_xor", weft::logical_xor(b, i % 2), true);
  check(at, "select", weft::select(x > 0.2, x, x > 0.0, 7.5, row > x, row * 2.0, -1.0), true);
  check(at, "piecewise",
        weft::piecewise(
            x, x < -0.2, -1, x > 0.1, [](double v) { return v * v; }, x > 0.3, [](double v) { return 1 / v; }),
        true);
  check(at, "piecewise_otherwise",
        weft::piecewise(
            i, i > 100, [](std::int32_t v) { return v / 3; }, b, 7, [](std::int32_t v) { return -v; }),
        true);
  check(at, "round", weft::round(x, 2), true);
  check(at, "round_0", weft::round(10.0 * x), true);
  check(at, "round_tens", weft::round(1000.0 * x, -2), true);
  check(at, "round_int", weft::round(i), true);
  check(at, "isclose", weft::isclose(x, x + 1e-6), true);
  check(at, "isclose_loose", weft::isclose(x, row, {.relative = 0, .absolute = 0.1}), true);
  check(at, "isclose_nan", weft::isclose(z, z, {.equal_nan = true}), true);
  const auto reciprocal = 1.0 / weft::where(x > 0.0, 0.0, z);
  check(at, "isfinite", weft::isfinite(reciprocal), true);
  check(at, "isinf", weft::isinf(reciprocal), true);
  check(at, "astype", weft::astype<std::int16_t>(x * 100.0), true);
  check(at, "negative", -i, true);
  check(at, "logical", ((x > 0.0) & (row < 0.2)) | ~b, true);
  check(at, "compare", (i == 7) || (i != i + 1), true);
  check(at, "compare_mixed", i < weft::astype<std::uint32_t>(weft::astype<std::uint8_t>(i)), true);
  check(at, "bits", (i & 12) ^ (i | 3), true);
  check(at, "float_scalar", f * 2.5 + 1, true);
  check(at, "float_int", f + i, true);
}
