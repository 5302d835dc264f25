#pragma once

#include <cmath>
#include <cstdlib>
#include <numbers>
#include <optional>
#include <type_traits>
#include <utility>

#include "weft/array/elementwise.hpp"
#include "weft/detail/array/functions.hpp"
#include "weft/detail/array/usual_trees.hpp"

/// Functions of elements, as NumPy has them: of arrays, expressions and scalars, which broadcast. Integers are given
/// as double to functions of real numbers. They are part of the kernel of the expression they stand in.
namespace weft {

#define WEFT_DETAIL_UNARY(name, op)                           \
  template <array_like X>                                     \
  auto name(const X& x) {                                     \
    return detail::arrays::apply_to(detail::arrays::op{}, x); \
  }
#define WEFT_DETAIL_BINARY(name, op)                             \
  template <class X, class Y>                                    \
    requires detail::arrays::operands<X, Y>                      \
  auto name(const X& x, const Y& y) {                            \
    return detail::arrays::apply_to(detail::arrays::op{}, x, y); \
  }

WEFT_DETAIL_UNARY(exp, exponential)
WEFT_DETAIL_UNARY(exp2, exponential2)
WEFT_DETAIL_UNARY(expm1, exponential_minus_1)
WEFT_DETAIL_UNARY(log, logarithm)
WEFT_DETAIL_UNARY(log2, logarithm2)
WEFT_DETAIL_UNARY(log10, logarithm10)
WEFT_DETAIL_UNARY(log1p, logarithm_of_1_plus)
WEFT_DETAIL_UNARY(sqrt, square_root)
WEFT_DETAIL_UNARY(cbrt, cube_root)
WEFT_DETAIL_UNARY(sin, sine)
WEFT_DETAIL_UNARY(cos, cosine)
WEFT_DETAIL_UNARY(tan, tangent)
WEFT_DETAIL_UNARY(asin, arc_sine)
WEFT_DETAIL_UNARY(acos, arc_cosine)
WEFT_DETAIL_UNARY(atan, arc_tangent)
WEFT_DETAIL_UNARY(sinh, hyperbolic_sine)
WEFT_DETAIL_UNARY(cosh, hyperbolic_cosine)
WEFT_DETAIL_UNARY(tanh, hyperbolic_tangent)
WEFT_DETAIL_UNARY(asinh, area_sine)
WEFT_DETAIL_UNARY(acosh, area_cosine)
WEFT_DETAIL_UNARY(atanh, area_tangent)
WEFT_DETAIL_UNARY(floor, round_down)
WEFT_DETAIL_UNARY(ceil, round_up)
WEFT_DETAIL_UNARY(trunc, round_to_zero)
/// Halves go to even numbers.
WEFT_DETAIL_UNARY(rint, round_to_even)
WEFT_DETAIL_UNARY(abs, absolute)
WEFT_DETAIL_UNARY(sign, sign)
WEFT_DETAIL_UNARY(square, square)
WEFT_DETAIL_UNARY(isnan, is_nan)
WEFT_DETAIL_UNARY(isinf, is_infinite)
WEFT_DETAIL_UNARY(isfinite, is_finite)
/// Whether it is below 0, or -0.
WEFT_DETAIL_UNARY(signbit, has_sign)
// Whether it is that infinity, of real numbers.
WEFT_DETAIL_UNARY(isposinf, is_positive_infinity)
WEFT_DETAIL_UNARY(isneginf, is_negative_infinity)
// Of complex numbers; real ones are such.
WEFT_DETAIL_UNARY(real, real_of)
WEFT_DETAIL_UNARY(imag, imaginary_of)
WEFT_DETAIL_UNARY(conj, conjugate)
WEFT_DETAIL_UNARY(angle, angle_of)
/// Whether the imaginary part is 0.
WEFT_DETAIL_UNARY(isreal, is_real)
/// As double of integers, where abs() leaves them what they are.
WEFT_DETAIL_UNARY(fabs, real_size)
/// 1 / x; of integers an integer, and 0 where x is 0.
WEFT_DETAIL_UNARY(reciprocal, reciprocal)
/// From x to the next number of its type away from 0, of x's sign. NaN of infinities.
WEFT_DETAIL_UNARY(spacing, spacing)
/// sin(pi x) / (pi x), and 1 at 0.
WEFT_DETAIL_UNARY(sinc, normalized_sinc)
/// The modified Bessel function of the first kind, of order 0.
WEFT_DETAIL_UNARY(i0, modified_bessel)
/// Towards 0.
WEFT_DETAIL_UNARY(fix, round_to_zero)
WEFT_DETAIL_BINARY(pow, power)
/// As pow, of real numbers in double and of complex ones in complex<double>, whatever types are given.
WEFT_DETAIL_BINARY(float_power, float_power)
WEFT_DETAIL_BINARY(atan2, arc_tangent2)
WEFT_DETAIL_BINARY(hypot, hypotenuse)
/// Towards minus infinity; of integers an integer, and 0 where the divisor is 0.
WEFT_DETAIL_BINARY(floor_divide, floor_divide)
/// What C's remainder is, of the sign of x, where that of x % y is y's; 0 where an integer is divided by 0.
WEFT_DETAIL_BINARY(fmod, truncated_remainder)
/// Of integers, of any sign: the largest number that divides both, and the smallest that both divide, which wraps.
WEFT_DETAIL_BINARY(gcd, greatest_divisor)
WEFT_DETAIL_BINARY(lcm, least_multiple)
/// NaN where either is.
WEFT_DETAIL_BINARY(minimum, minimum)
WEFT_DETAIL_BINARY(maximum, maximum)
/// The other one where one is NaN.
WEFT_DETAIL_BINARY(fmin, minimum_but_nan)
WEFT_DETAIL_BINARY(fmax, maximum_but_nan)
/// log(exp(x) + exp(y)), which does not overflow.
WEFT_DETAIL_BINARY(logaddexp, add_logarithms)
/// log2(2^x + 2^y), which does not overflow.
WEFT_DETAIL_BINARY(logaddexp2, add_logarithms2)
/// x with the sign of y.
WEFT_DETAIL_BINARY(copysign, copy_sign)
/// The number beside x that is nearest to it, towards y.
WEFT_DETAIL_BINARY(nextafter, next_after)
WEFT_DETAIL_BINARY(logical_xor, logical_xor)

#undef WEFT_DETAIL_UNARY
#undef WEFT_DETAIL_BINARY

namespace detail::arrays {

/// An operand whose type is its own, whatever the others' are.
template <class X>
consteval auto own_type_of() {
  if constexpr (array_like<X>)
    return std::type_identity<typename X::value_type>{};
  else
    return std::type_identity<X>{};
}
template <class X>
decltype(auto) as_it_is(const X& x) {
  if constexpr (array_like<X>)
    return expression_of(x);
  else
    return scalar_expression<X>{{x}};
}
/// A condition's own type is not that of what is chosen.
template <class C>
decltype(auto) condition_of(const C& c) {
  if constexpr (array_like<C>)
    return expression_of(c);
  else
    return scalar_expression<bool>{{c != C{}}};
}
/// The element type of the arrays among choices, which alternate with conditions.
template <class Choice, class... More>
struct chosen_element {
  using type = typename common_element<Choice>::type;
};
template <class C, class Choice, class... More>
  requires(sizeof...(More) != 0)
struct chosen_element<C, Choice, More...> {
  using type = promote_t<typename common_element<Choice>::type, typename chosen_element<More...>::type>;
};
template <class T, class X>
decltype(auto) chosen(const X& otherwise) {
  return part_of<T>(otherwise);
}
template <class T, class C, class X, class... More>
auto chosen(const C& condition, const X& x, const More&... more) {
  return arrays::join(where{}, condition_of(condition), part_of<T>(x), arrays::chosen<T>(more...));
}

}  // namespace detail::arrays

/// Elements of `x` where `condition` holds, else of `y`. The type is that of x and y, whatever the condition's is.
template <class C, class X, class Y>
  requires detail::arrays::operands<C, X, Y>
auto where(const C& condition, const X& x, const Y& y) {
  return detail::arrays::chosen<typename detail::arrays::chosen_element<C, X, Y>::type>(condition, x, y);
}
/// To so many decimals, tens with -1: halves go to even numbers. As numpy.round it multiplies, rounds and divides;
/// tens of integers are exact, and wrap where they do not fit into the type. Both parts of complex numbers.
template <array_like X>
auto round(const X& x, int decimals = 0) {
  const double scale = std::pow(10.0, std::abs(decimals));
  return detail::arrays::apply_to(detail::arrays::round_scaled{scale, decimals < 0}, x);
}
/// What isclose() allows, as numpy.isclose has it: |x - y| <= absolute + relative |y|.
struct tolerance {
  double relative = 1e-5, absolute = 1e-8;
  bool equal_nan = false;
};
template <class X, class Y>
  requires detail::arrays::operands<X, Y>
auto isclose(const X& x, const Y& y, const tolerance& t = {}) {
  return detail::arrays::apply_to(detail::arrays::is_close{t.relative, t.absolute, t.equal_nan}, x, y);
}
/// Whether the imaginary part is something else than 0.
template <array_like X>
auto iscomplex(const X& x) {
  return !isreal(x);
}
/// What nan_to_num() writes in the place of NaNs and infinities.
struct replacements {
  double nan = 0;
  std::optional<double> posinf = {}, neginf = {};  // none: the largest and the lowest number of the type
};
static_assert(std::is_trivially_destructible_v<replacements>, "g++ 12 destroys it twice in a co_await expression");
/// Numbers for NaNs and infinities, in both parts of complex numbers: `nan_to_num(x, {.posinf = 1e6})`.
template <array_like X>
auto nan_to_num(const X& x, const replacements& by = {}) {
  return detail::arrays::apply_to(detail::arrays::replace_nan{by.nan, by.posinf.value_or(0), by.neginf.value_or(0),
                                                              by.posinf.has_value(), by.neginf.has_value()},
                                  x);
}
/// floor_divide and %: `const auto [quotient, rest] = weft::divmod(x, y);`
template <class X, class Y>
  requires detail::arrays::operands<X, Y>
auto divmod(const X& x, const Y& y) {
  return std::pair(floor_divide(x, y), x % y);
}
/// What is behind the point, and the whole number before it, both of x's sign.
template <array_like X>
auto modf(const X& x) {
  using namespace detail::arrays;
  return std::pair(detail::arrays::apply_to(fraction_of{}, x), detail::arrays::apply_to(whole_part_of{}, x));
}
/// A fraction of 0.5 and more, below 1 (or as much below 0), and the power of two, an int32, that makes x of it. What
/// is not finite is its own fraction, and 0 the exponent.
template <array_like X>
auto frexp(const X& x) {
  using namespace detail::arrays;
  return std::pair(detail::arrays::apply_to(binary_fraction{}, x), detail::arrays::apply_to(binary_exponent{}, x));
}
/// Back from these: x times 2 to the power of `exponent`, of integers. The type is x's.
template <class X, class E>
  requires detail::arrays::operands<X, E>
auto ldexp(const X& x, const E& exponent) {
  using namespace detail::arrays;
  constexpr bool whole = std::is_integral_v<typename decltype(own_type_of<E>())::type>;
  static_assert(whole, "weft: the exponents of ldexp are integers");
  return detail::arrays::join(scale_by_power{}, as_it_is(x), as_it_is(exponent));
}
/// Between degrees and radians.
template <array_like X>
auto deg2rad(const X& x) {
  return x * (std::numbers::pi / 180);
}
template <array_like X>
auto rad2deg(const X& x) {
  return x * (180 / std::numbers::pi);
}
/// Not below `least`, and not above `most`.
template <array_like X, class A, class B>
  requires detail::arrays::operands<X, A, B>
auto clip(const X& x, const A& least, const B& most) {
  return minimum(maximum(x, least), most);
}
/// Elements as a T; complex numbers lose their imaginary part.
template <class T, array_like X>
auto astype(const X& x) {
  return detail::arrays::apply_to(detail::arrays::cast<T>{}, x);
}

namespace detail::arrays {

/// x with elements of T.
template <class T, array_like X>
array_ref elements_as(const X& x) {
  if constexpr (std::is_same_v<typename X::value_type, T>)
    return x.node();
  else
    return weft::astype<T>(x).node();
}

}  // namespace detail::arrays
}  // namespace weft
