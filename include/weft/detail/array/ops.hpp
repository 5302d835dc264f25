#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include "weft/array/dtype.hpp"

/// Operations on one element of each argument: empty types, so that they travel as part of a kernel's type.
namespace weft::detail::arrays {

/// Integers are divided, and given to functions of real numbers, as double.
template <class T>
using real_t = std::conditional_t<std::is_integral_v<T>, double, T>;

/// Where integers are computed with: they wrap, as NumPy's do, and are not undefined.
template <class P>
struct wrapping {
  using type = P;
};
template <class P>
  requires(std::is_integral_v<P> && !std::is_same_v<P, bool>)
struct wrapping<P> {
  using type = std::common_type_t<std::make_unsigned_t<P>, unsigned>;
};
template <class P>
using wrapping_t = typename wrapping<P>::type;

// Numbers that an operation has, whichever it is: what the compiler says otherwise.
template <class... A>
consteval bool real_numbers() {
  constexpr bool real = (!is_complex<A> && ...);
  static_assert(real, "weft: this function is of real numbers: give it real(z), imag(z) or abs(z) of complex ones");
  return real;
}
template <class... A>
consteval bool ordered_numbers() {
  constexpr bool ordered = (!is_complex<A> && ...);
  static_assert(ordered, "weft: complex numbers have no order: compare real(z), imag(z) or abs(z)");
  return ordered;
}
/// P: what they are promoted to.
template <class P>
consteval bool whole_numbers() {
  constexpr bool whole = std::is_integral_v<P>;
  static_assert(
      whole,
      "weft: bits, shifts and divisors are those of integers, and of a type that has both (int64 and uint64 "
      "have none): use astype<> on others, and && or || for conditions");
  return whole;
}

struct add {
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    using P = promote_t<A, B>;
    if constexpr (std::is_same_v<P, bool>)
      return a || b;
    else
      return static_cast<P>(static_cast<wrapping_t<P>>(a) + static_cast<wrapping_t<P>>(b));
  }
};
struct subtract {
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    using P = promote_t<A, B>;
    constexpr bool booleans = std::is_same_v<P, bool>;
    static_assert(!booleans, "weft: arrays of bool are not subtracted; use !=");
    return static_cast<P>(static_cast<wrapping_t<P>>(a) - static_cast<wrapping_t<P>>(b));
  }
};
struct multiply {
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    using P = promote_t<A, B>;
    if constexpr (std::is_same_v<P, bool>)
      return a && b;
    else
      return static_cast<P>(static_cast<wrapping_t<P>>(a) * static_cast<wrapping_t<P>>(b));
  }
};
struct divide {
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    using P = real_t<promote_t<A, B>>;
    return static_cast<P>(static_cast<P>(a) / static_cast<P>(b));
  }
};
/// Of the operations on integers that bools have too: they are numbers then.
template <class A, class B>
using number_t = std::conditional_t<std::is_same_v<promote_t<A, B>, bool>, std::int8_t, promote_t<A, B>>;
/// x / y towards minus infinity, of reals. x less its remainder is a multiple of y, by which it is divided almost
/// exactly: x / y itself is rounded, so that 1 / 0.1 is 10, where 0.1, which is a little more than a tenth, is in 1
/// nine times. As Python and NumPy define it: NaN for infinities by numbers, and zeros have the sign of x / y.
template <class P>
P floored_quotient(P x, P y) {
  if (y == 0) return x / y;
  const P rest = std::fmod(x, y);
  P q = (x - rest) / y;
  if (rest != 0 && (rest < 0) != (y < 0)) q -= 1;
  if (q == 0) return std::copysign(P{0}, x / y);
  const P below = std::floor(q);
  return q - below > P(0.5) ? below + 1 : below;
}
/// What that leaves: of the sign of y, zeros too.
template <class P>
P floored_remainder(P x, P y) {
  const P rest = std::fmod(x, y);
  if (y == 0) return rest;
  if (rest == 0) return std::copysign(P{0}, y);
  return (rest < 0) != (y < 0) ? rest + y : rest;
}
/// Towards minus infinity; 0 where an integer is divided by 0, as NumPy has it.
struct floor_divide {
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    using P = number_t<A, B>;
    static_assert(real_numbers<P>());
    const P x = static_cast<P>(a), y = static_cast<P>(b);
    if constexpr (std::is_floating_point_v<P>) {
      return floored_quotient(x, y);
    } else if constexpr (std::is_signed_v<P>) {
      if (y == 0) return P{0};
      if (y == -1) return static_cast<P>(wrapping_t<P>{0} - static_cast<wrapping_t<P>>(x));
      const P q = static_cast<P>(x / y);
      return static_cast<P>(q - ((x % y != 0) && ((x < 0) != (y < 0))));
    } else {
      return y == 0 ? P{0} : static_cast<P>(x / y);
    }
  }
};
/// Of the sign of the divisor, as in Python.
struct remainder {
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    using P = number_t<A, B>;
    static_assert(real_numbers<P>());
    const P x = static_cast<P>(a), y = static_cast<P>(b);
    if constexpr (std::is_floating_point_v<P>) {
      return floored_remainder(x, y);
    } else if constexpr (std::is_signed_v<P>) {
      if (y == 0 || y == -1) return P{0};
      const P r = static_cast<P>(x % y);
      return r != 0 && (r < 0) != (y < 0) ? static_cast<P>(r + y) : r;
    } else {
      return y == 0 ? P{0} : static_cast<P>(x % y);
    }
  }
};
/// What C's % leaves: of the sign of x; 0 where an integer is divided by 0.
struct truncated_remainder {
  static constexpr const char* name = "fmod";
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    using P = number_t<A, B>;
    static_assert(real_numbers<P>());
    const P x = static_cast<P>(a), y = static_cast<P>(b);
    if constexpr (std::is_floating_point_v<P>)
      return std::fmod(x, y);
    else if constexpr (std::is_signed_v<P>)
      return y == 0 || y == -1 ? P{0} : static_cast<P>(x % y);
    else
      return y == 0 ? P{0} : static_cast<P>(x % y);
  }
};
/// Of integers an integer: 0 but for 1 and -1.
struct reciprocal {
  template <class A>
  constexpr auto operator()(A a) const {
    using P = number_t<A, A>;
    const P x = static_cast<P>(a);
    if constexpr (std::is_integral_v<P>)
      return x == 0 ? P{0} : static_cast<P>(1 / x);
    else
      return static_cast<P>(P(1) / x);
  }
};
/// The largest number that divides both, 0 of zeros, by Euclid's algorithm: of the sizes of integers, as unsigned.
template <class P>
constexpr wrapping_t<P> size_of_integer(P x) {
  return x < 0 ? wrapping_t<P>{0} - static_cast<wrapping_t<P>>(x) : static_cast<wrapping_t<P>>(x);
}
template <class U>
constexpr U common_divisor(U x, U y) {
  while (y != 0) x = std::exchange(y, x % y);
  return x;
}
struct greatest_divisor {
  static constexpr const char* name = "gcd";
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    using P = number_t<A, B>;
    static_assert(whole_numbers<P>());
    return static_cast<P>(
        common_divisor(size_of_integer<P>(static_cast<P>(a)), size_of_integer<P>(static_cast<P>(b))));
  }
};
struct least_multiple {
  static constexpr const char* name = "lcm";
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    using P = number_t<A, B>;
    static_assert(whole_numbers<P>());
    const auto x = size_of_integer<P>(static_cast<P>(a)), y = size_of_integer<P>(static_cast<P>(b));
    const auto divisor = common_divisor(x, y);
    return divisor == 0 ? P{0} : static_cast<P>(x / divisor * y);
  }
};
struct power {
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    using P = number_t<A, B>;
    if constexpr (std::is_integral_v<P>) {
      // By squaring, wrapping; a negative exponent gives 0, but for 1 and -1.
      auto x = static_cast<wrapping_t<P>>(a);
      P n = static_cast<P>(b);
      if constexpr (std::is_signed_v<P>)
        if (n < 0)
          return static_cast<P>(static_cast<P>(a) == 1 ? 1 : static_cast<P>(a) == -1 ? (n % 2 != 0 ? -1 : 1) : 0);
      wrapping_t<P> r = 1;
      for (; n != 0; n = static_cast<P>(n / 2), x *= x)
        if (n % 2 != 0) r *= x;
      return static_cast<P>(r);
    } else {
      return static_cast<P>(std::pow(static_cast<P>(a), static_cast<P>(b)));
    }
  }
};

template <class A, class B>
inline constexpr bool compares_integers =
    std::is_integral_v<A> && std::is_integral_v<B> && !std::is_same_v<A, bool> && !std::is_same_v<B, bool>;

struct less {
  template <class A, class B>
  constexpr bool operator()(A a, B b) const {
    static_assert(ordered_numbers<A, B>());
    if constexpr (compares_integers<A, B>)
      return std::cmp_less(a, b);
    else
      return static_cast<promote_t<A, B>>(a) < static_cast<promote_t<A, B>>(b);
  }
};
struct less_equal {
  template <class A, class B>
  constexpr bool operator()(A a, B b) const {
    static_assert(ordered_numbers<A, B>());
    if constexpr (compares_integers<A, B>)
      return std::cmp_less_equal(a, b);
    else
      return static_cast<promote_t<A, B>>(a) <= static_cast<promote_t<A, B>>(b);
  }
};
struct greater {
  template <class A, class B>
  constexpr bool operator()(A a, B b) const {
    return less{}(b, a);
  }
};
struct greater_equal {
  template <class A, class B>
  constexpr bool operator()(A a, B b) const {
    return less_equal{}(b, a);
  }
};
struct equal {
  template <class A, class B>
  constexpr bool operator()(A a, B b) const {
    if constexpr (compares_integers<A, B>)
      return std::cmp_equal(a, b);
    else
      return static_cast<promote_t<A, B>>(a) == static_cast<promote_t<A, B>>(b);
  }
};
struct not_equal {
  template <class A, class B>
  constexpr bool operator()(A a, B b) const {
    return !equal{}(a, b);
  }
};

struct logical_and {
  template <class A, class B>
  constexpr bool operator()(A a, B b) const {
    return (a != A{}) & (b != B{});
  }
};
struct logical_or {
  template <class A, class B>
  constexpr bool operator()(A a, B b) const {
    return (a != A{}) | (b != B{});
  }
};
struct logical_xor {
  template <class A, class B>
  constexpr bool operator()(A a, B b) const {
    return (a != A{}) != (b != B{});
  }
};
struct logical_not {
  template <class A>
  constexpr bool operator()(A a) const {
    return a == A{};
  }
};
struct bit_and {
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    using P = promote_t<A, B>;
    static_assert(whole_numbers<P>());
    return static_cast<P>(static_cast<P>(a) & static_cast<P>(b));
  }
};
struct bit_or {
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    using P = promote_t<A, B>;
    static_assert(whole_numbers<P>());
    return static_cast<P>(static_cast<P>(a) | static_cast<P>(b));
  }
};
struct bit_xor {
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    using P = promote_t<A, B>;
    static_assert(whole_numbers<P>());
    return static_cast<P>(static_cast<P>(a) ^ static_cast<P>(b));
  }
};
struct bit_not {
  template <class A>
  constexpr auto operator()(A a) const {
    static_assert(whole_numbers<A>());
    if constexpr (std::is_same_v<A, bool>)
      return !a;
    else
      return static_cast<A>(~a);
  }
};
/// By as many bits as there are, or more, or by fewer than none: nothing is left but the sign, to the right.
struct shift_left {
  static constexpr const char* name = "left_shift";
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    using P = number_t<A, B>;
    static_assert(whole_numbers<P>());
    using U = wrapping_t<P>;
    const U by = static_cast<U>(static_cast<P>(b));
    return by < 8 * sizeof(P) ? static_cast<P>(static_cast<U>(static_cast<P>(a)) << by) : P{0};
  }
};
struct shift_right {
  static constexpr const char* name = "right_shift";
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    using P = number_t<A, B>;
    static_assert(whole_numbers<P>());
    using U = wrapping_t<P>;
    const P x = static_cast<P>(a);
    const U by = static_cast<U>(static_cast<P>(b));
    return by < 8 * sizeof(P) ? static_cast<P>(x >> by) : static_cast<P>(x < 0 ? -1 : 0);
  }
};

struct negate {
  template <class A>
  constexpr A operator()(A a) const {
    constexpr bool booleans = std::is_same_v<A, bool>;
    static_assert(!booleans, "weft: arrays of bool have no sign; use !");
    if constexpr (std::is_integral_v<A>)
      return static_cast<A>(wrapping_t<A>{0} - static_cast<wrapping_t<A>>(a));
    else
      return -a;
  }
};
struct absolute {
  template <class A>
  constexpr auto operator()(A a) const {
    if constexpr (std::is_unsigned_v<A>)
      return a;
    else if constexpr (std::is_integral_v<A>)
      return a < 0 ? negate{}(a) : a;
    else
      return std::abs(a);
  }
};
struct sign {
  template <class A>
  constexpr A operator()(A a) const {
    static_assert(ordered_numbers<A>());
    if constexpr (std::is_unsigned_v<A>)
      return static_cast<A>(a != 0);
    else if constexpr (std::is_floating_point_v<A>)
      return a != a ? a : static_cast<A>((a > 0) - (a < 0));
    else
      return static_cast<A>((a > 0) - (a < 0));
  }
};

// NaN where either is, as NumPy's.
struct minimum {
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    using P = promote_t<A, B>;
    static_assert(ordered_numbers<P>());
    const P x = static_cast<P>(a), y = static_cast<P>(b);
    return (x < y || x != x) ? x : y;
  }
};
struct maximum {
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    using P = promote_t<A, B>;
    static_assert(ordered_numbers<P>());
    const P x = static_cast<P>(a), y = static_cast<P>(b);
    return (x > y || x != x) ? x : y;
  }
};
struct where {
  template <class C, class A, class B>
  constexpr auto operator()(C c, A a, B b) const {
    using P = promote_t<A, B>;
    return c != C{} ? static_cast<P>(a) : static_cast<P>(b);
  }
};
template <class T>
struct cast {
  template <class A>
  constexpr T operator()(A a) const {
    if constexpr (std::is_same_v<T, bool>)
      return a != A{};
    else if constexpr (is_complex<A> && !is_complex<T>)
      return static_cast<T>(a.real());
    else if constexpr (is_complex<T> && !is_complex<A>)
      return T(static_cast<typename T::value_type>(a));
    else
      return static_cast<T>(a);
  }
};
struct square {
  template <class A>
  constexpr auto operator()(A a) const {
    const auto x = static_cast<number_t<A, A>>(a);
    return multiply{}(x, x);
  }
};
/// |a| squared, as a real number.
struct squared_length {
  template <class A>
  constexpr auto operator()(A a) const {
    if constexpr (is_complex<A>)
      return std::norm(a);
    else
      return static_cast<real_t<A>>(a) * static_cast<real_t<A>>(a);
  }
};

struct is_nan {
  template <class A>
  constexpr bool operator()(A a) const {
    return a != a;
  }
};
struct is_infinite {
  template <class A>
  constexpr bool operator()(A a) const {
    if constexpr (is_complex<A>)
      return std::isinf(a.real()) || std::isinf(a.imag());
    else if constexpr (std::is_floating_point_v<A>)
      return std::isinf(a);
    else
      return false;
  }
};
struct is_finite {
  template <class A>
  constexpr bool operator()(A a) const {
    if constexpr (is_complex<A>)
      return std::isfinite(a.real()) && std::isfinite(a.imag());
    else if constexpr (std::is_floating_point_v<A>)
      return std::isfinite(a);
    else
      return true;
  }
};

}  // namespace weft::detail::arrays
