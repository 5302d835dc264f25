#pragma once

#include <cmath>
#include <cstdlib>
#include <numbers>
#include <tuple>
#include <type_traits>
#include <utility>

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
/// 0 for NaNs, and the largest and the lowest number for infinities; in both parts of complex numbers.
WEFT_DETAIL_UNARY(nan_to_num, replace_nan)
// Of complex numbers; real ones are such.
WEFT_DETAIL_UNARY(real, real_of)
WEFT_DETAIL_UNARY(imag, imaginary_of)
WEFT_DETAIL_UNARY(conj, conjugate)
WEFT_DETAIL_UNARY(angle, angle_of)
WEFT_DETAIL_BINARY(pow, power)
WEFT_DETAIL_BINARY(atan2, arc_tangent2)
WEFT_DETAIL_BINARY(hypot, hypotenuse)
/// Towards minus infinity; of integers an integer, and 0 where the divisor is 0.
WEFT_DETAIL_BINARY(floor_divide, floor_divide)
/// NaN where either is.
WEFT_DETAIL_BINARY(minimum, minimum)
WEFT_DETAIL_BINARY(maximum, maximum)
/// The other one where one is NaN.
WEFT_DETAIL_BINARY(fmin, minimum_but_nan)
WEFT_DETAIL_BINARY(fmax, maximum_but_nan)
/// log(exp(x) + exp(y)), which does not overflow.
WEFT_DETAIL_BINARY(logaddexp, add_logarithms)
/// x with the sign of y.
WEFT_DETAIL_BINARY(copysign, copy_sign)
WEFT_DETAIL_BINARY(logical_xor, logical_xor)

#undef WEFT_DETAIL_UNARY
#undef WEFT_DETAIL_BINARY

namespace detail::arrays {

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
decltype(auto) choose(const X& otherwise) {
  return part_of<T>(otherwise);
}
template <class T, class C, class X, class... More>
auto choose(const C& condition, const X& x, const More&... more) {
  return arrays::join(where{}, condition_of(condition), part_of<T>(x), arrays::choose<T>(more...));
}

/// What piecewise() is somewhere: a value, or a function's.
template <class T, class F>
struct piece {
  F f;
  constexpr T operator()(T x) const {
    if constexpr (std::is_same_v<F, T>)
      return f;
    else
      return cast<T>{}(f(x));
  }
};
template <class T, class F>
auto piece_of(const F& f) {
  if constexpr (array_scalar<F>) {
    return piece<T, T>{fitting<T>(f)};
  } else {
    static_assert(detail::checked_function<F>());
    constexpr bool takes_elements = std::is_invocable_v<const F&, T>;
    static_assert(takes_elements, "weft: behind a condition of piecewise is a scalar, or a function of one element");
    return piece<T, F>{f};
  }
}
/// That of the last condition that holds. One more: where none does.
template <class T, class... P>
struct pick_piece {
  static constexpr const char* name = "piecewise";
  std::tuple<P...> each;
  template <class... C>
  constexpr T operator()(T x, C... conditions) const {
    const bool holds[] = {(conditions != C{})...};
    return last_of<sizeof...(C)>(x, holds);
  }
  template <std::size_t K>
  constexpr T last_of(T x, const bool* holds) const {
    if constexpr (K == 0)
      return std::get<sizeof...(P) - 1>(each)(x);
    else
      return holds[K - 1] ? std::get<K - 1>(each)(x) : last_of<K - 1>(x, holds);
  }
};
template <class T, class... P>
pick_piece<T, P...> picked(const P&... each) {
  return {{each...}};
}

}  // namespace detail::arrays

/// Elements of `x` where `condition` holds, else of `y`. The type is that of x and y, whatever the condition's is.
template <class C, class X, class Y>
  requires detail::arrays::operands<C, X, Y>
auto where(const C& condition, const X& x, const Y& y) {
  return detail::arrays::choose<typename detail::arrays::chosen_element<C, X, Y>::type>(condition, x, y);
}
/// The first of several choices whose condition holds: `select(a, x, b, y, otherwise)` is x where a holds, else y
/// where b holds. The type is that of the choices.
template <class C, class X, class... More>
  requires(sizeof...(More) % 2 == 1 && array_like<C>)
auto select(const C& condition, const X& x, const More&... more) {
  return detail::arrays::choose<typename detail::arrays::chosen_element<C, X, More...>::type>(condition, x, more...);
}
/// Values by the last of several conditions that holds, as numpy.piecewise has it: `piecewise(x, x < 0.0, -1.0, x >
/// 1.0, [](double v) { return v * v; }, otherwise)`. What stands behind a condition is a scalar or a function of one
/// element, as in map_elements(), and is called for those elements alone. Without the last one it is 0 where none
/// holds. x and the conditions broadcast to one another. The type is x's: results of functions are converted, and
/// scalars too. Throws misuse for a scalar that does not fit in it, and for shapes that do not broadcast.
template <array_like X, array_like C, class F, class... More>
auto piecewise(const X& x, const C& condition, const F& f, const More&... more) {
  using namespace detail::arrays;
  using T = typename X::value_type;
  const std::tuple<const C&, const F&, const More&...> all(condition, f, more...);
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto by = [&](const auto& otherwise) {
      return detail::arrays::join(picked<T>(piece_of<T>(std::get<2 * I + 1>(all))..., piece_of<T>(otherwise)),
                                  expression_of(x), expression_of(std::get<2 * I>(all))...);
    };
    if constexpr (sizeof...(More) % 2 == 0)
      return by(T{});
    else
      return by(std::get<sizeof...(More) + 1>(all));
  }(std::make_index_sequence<sizeof...(More) / 2 + 1>{});
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
