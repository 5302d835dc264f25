#pragma once

#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <numbers>
#include <type_traits>
#include <utility>

#include "weft/detail/array/ops.hpp"

/// Functions of one element of each argument, as the operations of ops.hpp.
namespace weft::detail::arrays {

/// Of the standard library, on real numbers (and complex ones, where it has them).
#define WEFT_DETAIL_FUNCTION(type, function, ...)                              \
  struct type {                                                                \
    static constexpr const char* name = #function;                             \
    template <class A>                                                         \
    auto operator()(A a) const {                                               \
      static_assert(__VA_ARGS__);                                              \
      return static_cast<real_t<A>>(std::function(static_cast<real_t<A>>(a))); \
    }                                                                          \
  };
WEFT_DETAIL_FUNCTION(exponential, exp, true)
WEFT_DETAIL_FUNCTION(exponential2, exp2, real_numbers<A>())
WEFT_DETAIL_FUNCTION(exponential_minus_1, expm1, real_numbers<A>())
WEFT_DETAIL_FUNCTION(logarithm, log, true)
WEFT_DETAIL_FUNCTION(logarithm2, log2, real_numbers<A>())
WEFT_DETAIL_FUNCTION(logarithm10, log10, true)
WEFT_DETAIL_FUNCTION(logarithm_of_1_plus, log1p, real_numbers<A>())
WEFT_DETAIL_FUNCTION(square_root, sqrt, true)
WEFT_DETAIL_FUNCTION(cube_root, cbrt, real_numbers<A>())
WEFT_DETAIL_FUNCTION(sine, sin, true)
WEFT_DETAIL_FUNCTION(cosine, cos, true)
WEFT_DETAIL_FUNCTION(tangent, tan, true)
WEFT_DETAIL_FUNCTION(arc_sine, asin, true)
WEFT_DETAIL_FUNCTION(arc_cosine, acos, true)
WEFT_DETAIL_FUNCTION(arc_tangent, atan, true)
WEFT_DETAIL_FUNCTION(hyperbolic_sine, sinh, true)
WEFT_DETAIL_FUNCTION(hyperbolic_cosine, cosh, true)
WEFT_DETAIL_FUNCTION(hyperbolic_tangent, tanh, true)
WEFT_DETAIL_FUNCTION(area_sine, asinh, true)
WEFT_DETAIL_FUNCTION(area_cosine, acosh, true)
WEFT_DETAIL_FUNCTION(area_tangent, atanh, true)
#undef WEFT_DETAIL_FUNCTION

/// To whole numbers; integers are ones. Of complex numbers, which have no order, only the nearest ones are.
#define WEFT_DETAIL_ROUNDING(type, function)                                                                \
  struct type {                                                                                             \
    static constexpr const char* name = #function;                                                          \
    template <class A>                                                                                      \
    constexpr A operator()(A a) const {                                                                     \
      constexpr bool real = !is_complex<A>;                                                                 \
      static_assert(real, "weft: floor, ceil and trunc are of real numbers; round is of complex ones too"); \
      if constexpr (std::is_floating_point_v<A>)                                                            \
        return std::function(a);                                                                            \
      else                                                                                                  \
        return a;                                                                                           \
    }                                                                                                       \
  };
WEFT_DETAIL_ROUNDING(round_down, floor)
WEFT_DETAIL_ROUNDING(round_up, ceil)
WEFT_DETAIL_ROUNDING(round_to_zero, trunc)
#undef WEFT_DETAIL_ROUNDING
struct round_to_even {
  template <class A>
  constexpr A operator()(A a) const {
    if constexpr (is_complex<A>)
      return {std::nearbyint(a.real()), std::nearbyint(a.imag())};
    else if constexpr (std::is_floating_point_v<A>)
      return std::nearbyint(a);
    else
      return a;
  }
};

struct arc_tangent2 {
  template <class A, class B>
  auto operator()(A a, B b) const {
    using P = real_t<promote_t<A, B>>;
    static_assert(real_numbers<P>());
    return static_cast<P>(std::atan2(static_cast<P>(a), static_cast<P>(b)));
  }
};
struct hypotenuse {
  template <class A, class B>
  auto operator()(A a, B b) const {
    using P = real_t<promote_t<A, B>>;
    static_assert(real_numbers<P>());
    return static_cast<P>(std::hypot(static_cast<P>(a), static_cast<P>(b)));
  }
};

/// The logarithm of the sum of the exponentials, without computing these: log(exp(a) + exp(b)).
struct add_logarithms {
  template <class A, class B>
  auto operator()(A a, B b) const {
    using P = real_t<promote_t<A, B>>;
    static_assert(real_numbers<P>());
    const P x = static_cast<P>(a), y = static_cast<P>(b);
    if (x == y) return static_cast<P>(x + static_cast<P>(0.693147180559945309417232121458));  // infinities too
    return static_cast<P>(x > y ? x + std::log1p(std::exp(y - x)) : y + std::log1p(std::exp(x - y)));
  }
};
/// The same of powers of two.
struct add_logarithms2 {
  static constexpr const char* name = "logaddexp2";
  template <class A, class B>
  auto operator()(A a, B b) const {
    using P = real_t<promote_t<A, B>>;
    static_assert(real_numbers<P>());
    const P x = static_cast<P>(a), y = static_cast<P>(b);
    if (x == y) return static_cast<P>(x + P(1));
    const P rest = std::log1p(std::exp2(x > y ? y - x : x - y)) * std::numbers::log2e_v<P>;
    return static_cast<P>((x > y ? x : y) + rest);
  }
};
/// As double, or complex<double>.
struct float_power {
  template <class A, class B>
  auto operator()(A a, B b) const {
    using P = std::conditional_t<is_complex<promote_t<A, B>>, std::complex<double>, double>;
    return std::pow(cast<P>{}(a), cast<P>{}(b));
  }
};
// The other one where one is NaN, as NumPy's.
struct minimum_but_nan {
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    using P = promote_t<A, B>;
    static_assert(ordered_numbers<P>());
    const P x = static_cast<P>(a), y = static_cast<P>(b);
    return (x < y || y != y) ? x : y;
  }
};
struct maximum_but_nan {
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    using P = promote_t<A, B>;
    static_assert(ordered_numbers<P>());
    const P x = static_cast<P>(a), y = static_cast<P>(b);
    return (x > y || y != y) ? x : y;
  }
};
struct copy_sign {
  template <class A, class B>
  auto operator()(A a, B b) const {
    using P = real_t<promote_t<A, B>>;
    static_assert(real_numbers<P>());
    return static_cast<P>(std::copysign(static_cast<P>(a), static_cast<P>(b)));
  }
};
struct has_sign {
  template <class A>
  constexpr bool operator()(A a) const {
    static_assert(ordered_numbers<A>());
    if constexpr (std::is_floating_point_v<A>)
      return std::signbit(a);
    else
      return a < A{};
  }
};
/// In units of 1 / scale: halves go to even numbers. Integers are whole, and their tens exact; where these do not fit
/// into the type they wrap. Both parts of complex numbers.
struct round_scaled {
  double scale = 1;
  bool divide = false;  // by the scale, which is of tens
  template <class A>
  A operator()(A a) const {
    if constexpr (is_complex<A>) {
      return {(*this)(a.real()), (*this)(a.imag())};
    } else if constexpr (std::is_floating_point_v<A>) {
      const A by = static_cast<A>(scale);
      return divide ? std::nearbyint(a / by) * by : std::nearbyint(a * by) / by;
    } else if constexpr (!std::is_same_v<A, bool>) {
      if (!divide) return a;
      if (!(scale >= 1 && scale < 0x1p64)) return 0;
      const auto by = static_cast<std::uint64_t>(scale), x = static_cast<std::uint64_t>(a);
      const std::uint64_t size = a < A{} ? 0 - x : x, rest = size % by, whole = size / by;
      const bool up = rest > by - rest || (rest == by - rest && whole % 2 != 0);
      const std::uint64_t rounded = (whole + (up ? 1 : 0)) * by;
      return static_cast<A>(a < A{} ? 0 - rounded : rounded);
    } else {
      return a;
    }
  }
};
/// |a - b| <= absolute + relative |b|.
struct is_close {
  double relative = 1e-5, absolute = 1e-8;
  bool equal_nan = false;
  template <class A, class B>
  bool operator()(A a, B b) const {
    using P = std::conditional_t<is_complex<A> || is_complex<B>, std::complex<double>, double>;
    const P x = cast<P>{}(a), y = cast<P>{}(b);
    if (x == y) return true;
    if (equal_nan && x != x && y != y) return true;
    return is_finite{}(x) && is_finite{}(y) && std::abs(x - y) <= absolute + relative * std::abs(y);
  }
};
/// What stands for what is no finite number; the ends of a type's own range where none is named for infinities.
struct replace_nan {
  double nan = 0, above = 0, below = 0;
  bool names_above = false, names_below = false;
  template <class A>
  constexpr A operator()(A a) const {
    if constexpr (is_complex<A>) {
      return {(*this)(a.real()), (*this)(a.imag())};
    } else if constexpr (std::is_floating_point_v<A>) {
      using ends = std::numeric_limits<A>;
      if (a != a) return static_cast<A>(nan);
      if (a > ends::max()) return names_above ? static_cast<A>(above) : ends::max();
      return a >= ends::lowest() ? a : names_below ? static_cast<A>(below) : ends::lowest();
    } else {
      return a;
    }
  }
};
struct real_of {
  template <class A>
  constexpr auto operator()(A a) const {
    if constexpr (is_complex<A>)
      return a.real();
    else
      return a;
  }
};
struct imaginary_of {
  template <class A>
  constexpr auto operator()(A a) const {
    if constexpr (is_complex<A>)
      return a.imag();
    else
      return A{};
  }
};
struct conjugate {
  template <class A>
  constexpr A operator()(A a) const {
    if constexpr (is_complex<A>)
      return std::conj(a);
    else
      return a;
  }
};
struct angle_of {
  template <class A>
  auto operator()(A a) const {
    if constexpr (is_complex<A>)
      return std::arg(a);
    else
      return static_cast<real_t<A>>(std::atan2(real_t<A>(0), static_cast<real_t<A>>(a)));
  }
};
struct is_positive_infinity {
  static constexpr const char* name = "isposinf";
  template <class A>
  constexpr bool operator()(A a) const {
    static_assert(real_numbers<A>());
    return is_infinite{}(a) && a > A{};
  }
};
struct is_negative_infinity {
  static constexpr const char* name = "isneginf";
  template <class A>
  constexpr bool operator()(A a) const {
    static_assert(real_numbers<A>());
    return is_infinite{}(a) && a < A{};
  }
};
/// Whether the imaginary part is 0.
struct is_real {
  template <class A>
  constexpr bool operator()(A a) const {
    return imaginary_of{}(a) == decltype(imaginary_of{}(a)){};
  }
};

/// The size of a real number, as one: of integers as double.
struct real_size {
  static constexpr const char* name = "fabs";
  template <class A>
  auto operator()(A a) const {
    static_assert(real_numbers<A>());
    return std::abs(static_cast<real_t<A>>(a));
  }
};
/// The number of the type beside a that is nearest to it, towards b.
struct next_after {
  static constexpr const char* name = "nextafter";
  template <class A, class B>
  auto operator()(A a, B b) const {
    using P = real_t<promote_t<A, B>>;
    static_assert(real_numbers<P>());
    return std::nextafter(static_cast<P>(a), static_cast<P>(b));
  }
};
/// How far the next one is, away from 0, with the sign of a; of -0 as of 0, as NumPy has it.
struct spacing {
  template <class A>
  auto operator()(A a) const {
    static_assert(real_numbers<A>());
    using P = real_t<A>;
    const P x = static_cast<P>(a);
    constexpr P end = std::numeric_limits<P>::infinity();
    return static_cast<P>(std::nextafter(x, x < 0 ? -end : end) - x);
  }
};
/// a times 2 to the power of b; an exponent beyond those of the type is as good as the last of them.
struct scale_by_power {
  static constexpr const char* name = "ldexp";
  template <class A, class B>
  auto operator()(A a, B b) const {
    static_assert(real_numbers<A>());
    const auto exponent = static_cast<number_t<B, B>>(b);
    constexpr int most = 9999;
    const int by = std::cmp_greater(exponent, most) ? most
                   : std::cmp_less(exponent, -most) ? -most
                                                    : static_cast<int>(exponent);
    return std::ldexp(static_cast<real_t<A>>(a), by);
  }
};
// The two that frexp makes of a number, and the two of modf.
struct binary_fraction {
  static constexpr const char* name = "frexp";
  template <class A>
  auto operator()(A a) const {
    static_assert(real_numbers<A>());
    int exponent = 0;
    return std::frexp(static_cast<real_t<A>>(a), &exponent);
  }
};
struct binary_exponent {
  static constexpr const char* name = "frexp";
  template <class A>
  std::int32_t operator()(A a) const {
    static_assert(real_numbers<A>());
    int exponent = 0;
    const auto x = static_cast<real_t<A>>(a);
    if (std::isfinite(x)) std::frexp(x, &exponent);
    return exponent;
  }
};
struct fraction_of {
  static constexpr const char* name = "modf";
  template <class A>
  auto operator()(A a) const {
    static_assert(real_numbers<A>());
    real_t<A> whole = 0;
    return std::modf(static_cast<real_t<A>>(a), &whole);
  }
};
struct whole_part_of {
  static constexpr const char* name = "modf";
  template <class A>
  auto operator()(A a) const {
    static_assert(real_numbers<A>());
    return std::trunc(static_cast<real_t<A>>(a));
  }
};
/// sin(pi a) / (pi a).
struct normalized_sinc {
  static constexpr const char* name = "sinc";
  template <class A>
  auto operator()(A a) const {
    using P = real_t<A>;
    const P x = static_cast<P>(a) * std::numbers::pi_v<typename real_part<P>::type>;
    return x == P{} ? P(1) : static_cast<P>(std::sin(x) / x);
  }
};
/// lib/array/bessel.cpp.
double bessel_i0(double x) noexcept;
struct modified_bessel {
  static constexpr const char* name = "i0";
  template <class A>
  auto operator()(A a) const {
    static_assert(real_numbers<A>());
    return static_cast<real_t<A>>(bessel_i0(static_cast<double>(a)));
  }
};

}  // namespace weft::detail::arrays
