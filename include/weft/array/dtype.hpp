#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

namespace weft {

/// Element types, as files and printed forms name them. `other`: trivially copyable, known by its size only.
enum class dtype : std::uint8_t { boolean, i8, i16, i32, i64, u8, u16, u32, u64, f32, f64, c64, c128, other };

/// `float64`, as NumPy has it.
std::string to_string(dtype t);

namespace detail {

template <class T>
inline constexpr bool is_complex = false;
template <class T>
inline constexpr bool is_complex<std::complex<T>> = true;

template <class T>
struct real_part {
  using type = T;
};
template <class T>
struct real_part<std::complex<T>> {
  using type = T;
};

template <class T>
consteval dtype dtype_for() {
  if constexpr (std::is_same_v<T, bool>)
    return dtype::boolean;
  else if constexpr (std::is_same_v<T, std::complex<float>>)
    return dtype::c64;
  else if constexpr (std::is_same_v<T, std::complex<double>>)
    return dtype::c128;
  else if constexpr (std::is_floating_point_v<T> && sizeof(T) <= 8)
    return sizeof(T) == 4 ? dtype::f32 : dtype::f64;
  else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>)
    return sizeof(T) == 1 ? dtype::i8 : sizeof(T) == 2 ? dtype::i16 : sizeof(T) == 4 ? dtype::i32 : dtype::i64;
  else if constexpr (std::is_integral_v<T>)
    return sizeof(T) == 1 ? dtype::u8 : sizeof(T) == 2 ? dtype::u16 : sizeof(T) == 4 ? dtype::u32 : dtype::u64;
  else
    return dtype::other;
}

template <class A, class B>
consteval auto promoted() {
  using larger = std::conditional_t<(sizeof(A) >= sizeof(B)), A, B>;
  if constexpr (is_complex<A> || is_complex<B>) {
    using part = typename decltype(promoted<typename real_part<A>::type, typename real_part<B>::type>())::type;
    return std::type_identity<std::complex<std::conditional_t<std::is_same_v<part, float>, float, double>>>{};
  } else if constexpr (std::is_same_v<A, B> || std::is_same_v<B, bool>) {
    return std::type_identity<A>{};
  } else if constexpr (std::is_same_v<A, bool>) {
    return std::type_identity<B>{};
  } else if constexpr (std::is_floating_point_v<A> && std::is_floating_point_v<B>) {
    return std::type_identity<larger>{};
  } else if constexpr (std::is_floating_point_v<A>) {
    return std::type_identity<std::conditional_t<(sizeof(B) > 2 && sizeof(A) < 8), double, A>>{};
  } else if constexpr (std::is_floating_point_v<B>) {
    return promoted<B, A>();
  } else if constexpr (std::is_signed_v<A> == std::is_signed_v<B>) {
    return std::type_identity<larger>{};
  } else if constexpr (std::is_signed_v<B>) {
    return promoted<B, A>();
  } else if constexpr (sizeof(A) > sizeof(B)) {  // A signed, B not: a signed type that holds both, or double
    return std::type_identity<A>{};
  } else if constexpr (sizeof(B) == 1) {
    return std::type_identity<std::int16_t>{};
  } else if constexpr (sizeof(B) == 2) {
    return std::type_identity<std::int32_t>{};
  } else if constexpr (sizeof(B) == 4) {
    return std::type_identity<std::int64_t>{};
  } else {
    return std::type_identity<double>{};
  }
}

/// What NumPy calls a kind: scalars below an array's or at it take the array's type.
template <class T>
inline constexpr int kind_of = std::is_same_v<T, bool>       ? 0
                               : std::is_integral_v<T>       ? 1
                               : std::is_floating_point_v<T> ? 2
                                                             : 3;

template <class T, class S>
consteval auto weak() {
  if constexpr (kind_of<S> <= kind_of<T>)
    return std::type_identity<T>{};
  else if constexpr (is_complex<S>)
    return std::type_identity<std::complex<std::conditional_t<std::is_same_v<T, float>, float, double>>>{};
  else if constexpr (kind_of<S> == 2)
    return std::type_identity<double>{};
  else
    return std::type_identity<std::int64_t>{};
}

}  // namespace detail

template <class T>
inline constexpr dtype dtype_of = detail::dtype_for<T>();

/// The element type of an operation on arrays of A and B, by NumPy's rules: int32 and float32 give double, uint8 and
/// int8 give int16, and two int8 stay int8.
template <class A, class B>
using promote_t = typename decltype(detail::promoted<A, B>())::type;
/// What a scalar S becomes beside an array of T: T, unless its kind is a higher one (NumPy's NEP 50), so that
/// `floats * 2.0` are floats.
template <class T, class S>
using weak_t = typename decltype(detail::weak<T, S>())::type;

}  // namespace weft
