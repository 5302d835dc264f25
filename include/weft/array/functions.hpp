#pragma once

#include "weft/array/elementwise.hpp"

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
WEFT_DETAIL_BINARY(pow, power)
WEFT_DETAIL_BINARY(atan2, arc_tangent2)
WEFT_DETAIL_BINARY(hypot, hypotenuse)
/// Towards minus infinity; of integers an integer, and 0 where the divisor is 0.
WEFT_DETAIL_BINARY(floor_divide, floor_divide)
/// NaN where either is.
WEFT_DETAIL_BINARY(minimum, minimum)
WEFT_DETAIL_BINARY(maximum, maximum)

#undef WEFT_DETAIL_UNARY
#undef WEFT_DETAIL_BINARY

/// Elements of `x` where `condition` holds, else of `y`.
template <class C, class X, class Y>
  requires detail::arrays::operands<C, X, Y>
auto where(const C& condition, const X& x, const Y& y) {
  return detail::arrays::apply_to(detail::arrays::where{}, condition, x, y);
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

}  // namespace weft
