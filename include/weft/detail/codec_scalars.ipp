#pragma once

#include <bitset>
#include <chrono>
#include <memory>

// Part of codec_kinds.hpp.

/// The codecs of what owns no memory: numbers, enums, empty types, durations, bits.
namespace weft::detail {

template <class T>
inline constexpr bool is_character =
    std::is_same_v<T, char> || std::is_same_v<T, wchar_t> || std::is_same_v<T, char8_t> ||
    std::is_same_v<T, char16_t> || std::is_same_v<T, char32_t>;

template <class T>
  requires std::is_arithmetic_v<T>
struct codec<T> : codec_base {
  // The 80-bit long double of x86 has six bytes of padding.
  static constexpr std::size_t size =
      std::is_same_v<T, long double> && LDBL_MANT_DIG == 64 ? std::size_t(10) : sizeof(T);
  static constexpr bool bulk() { return !std::is_same_v<T, long double>; }
  static constexpr std::size_t least() { return size; }
  static constexpr std::uint64_t schema(schema_walk&) {
    return schema_of_kind(std::is_floating_point_v<T> ? kind::floating
                          : is_character<T>           ? kind::character
                          : std::is_signed_v<T>       ? kind::signed_integer
                                                      : kind::unsigned_integer,
                          size);
  }
  static void encode(encoder& e, T x) { e.put(&x, size); }
  static T decode(decoder& d) {
    T x = 0;
    d.get(&x, size, "a number");
    return x;
  }
};

template <>
struct codec<bool> : codec_base {
  static constexpr std::size_t least() { return 1; }
  static constexpr std::uint64_t schema(schema_walk&) { return schema_of_kind(kind::boolean); }
  static void encode(encoder& e, bool x) {
    const auto b = static_cast<unsigned char>(x ? 1 : 0);
    e.put(&b, 1);
  }
  static bool decode(decoder& d) {
    unsigned char b = 0;
    d.get(&b, 1, "a bool");
    if (b > 1) codec_access::fail_value(d, "a bool", b);
    return b == 1;
  }
};

/// Without a fixed underlying type, an enum has the values of as many bits as its largest enumerator needs, and any
/// other is undefined behaviour. No portable code can tell how many, so such enums are refused.
template <class T>
  requires std::is_enum_v<T>
struct codec<T> : codec_base {
  using number = std::underlying_type_t<T>;
  static constexpr bool check(seen_types&) {
    return requires { T{number(0)}; };
  }
  static constexpr bool bulk() { return codec<number>::bulk(); }
  static constexpr std::size_t least() { return sizeof(T); }
  static constexpr std::uint64_t schema(schema_walk& w) {
    return schema_of_kind(kind::enumeration, codec<number>::schema(w));
  }
  static void encode(encoder& e, T x) { codec<number>::encode(e, static_cast<number>(x)); }
  static T decode(decoder& d) { return static_cast<T>(codec<number>::decode(d)); }
};

template <class T>
concept empty_value = std::is_class_v<T> && std::is_empty_v<T> && std::is_trivially_copyable_v<T>;
template <empty_value T>
struct codec<T> : codec_base {
  static constexpr std::size_t least() { return 0; }
  static constexpr std::uint64_t schema(schema_walk&) { return schema_of_kind(kind::nothing); }
  static void encode(encoder&, const T&) {}
  static T decode(decoder&) {
    struct nothing {};
    if constexpr (requires { T{}; })
      return T{};
    else
      return std::bit_cast<T>(nothing{});  // a lambda [=] or [&] that captured nothing
  }
};

template <class Rep, class Period>
struct codec<std::chrono::duration<Rep, Period>> : codec_base {
  using type = std::chrono::duration<Rep, Period>;
  static constexpr bool check(seen_types& s) { return check_at<Rep>(s); }
  static constexpr bool bulk() { return bulk_of<Rep>(); }
  static constexpr std::size_t least() { return least_of<Rep>(); }
  static constexpr std::uint64_t schema(schema_walk& w) {
    return schema_of_kind(kind::duration, schema_at<Rep>(w), Period::num, Period::den);
  }
  static void encode(encoder& e, const type& x) { encode_value<Rep>(e, x.count()); }
  static type decode(decoder& d) { return type(decode_value<Rep>(d)); }
};
template <class Clock, class Duration>
struct codec<std::chrono::time_point<Clock, Duration>> : codec_base {
  using type = std::chrono::time_point<Clock, Duration>;
  static constexpr bool check(seen_types& s) { return check_at<Duration>(s); }
  static constexpr bool bulk() { return bulk_of<Duration>(); }
  static constexpr std::size_t least() { return least_of<Duration>(); }
  static constexpr std::uint64_t schema(schema_walk& w) {
    return schema_of_kind(kind::instant, schema_at<Duration>(w));
  }
  static void encode(encoder& e, const type& x) { encode_value<Duration>(e, x.time_since_epoch()); }
  static type decode(decoder& d) { return type(decode_value<Duration>(d)); }
};

/// std::complex, told by its shape: <complex> is a large header.
template <template <class> class Complex, class F>
  requires std::is_floating_point_v<F> && std::is_same_v<typename Complex<F>::value_type, F> &&
           (sizeof(Complex<F>) == 2 * sizeof(F)) && std::is_trivially_copyable_v<Complex<F>> &&
           requires(Complex<F> x, F f) {
             { x.real() } -> std::same_as<F>;
             { x.imag() } -> std::same_as<F>;
             Complex<F>(f, f);
             x *= x;
           }
struct codec<Complex<F>> : codec_base {
  static constexpr bool bulk() { return bulk_of<F>(); }
  static constexpr std::size_t least() { return 2 * least_of<F>(); }
  static constexpr std::uint64_t schema(schema_walk& w) { return schema_of_kind(kind::complex, schema_at<F>(w)); }
  static void encode(encoder& e, const Complex<F>& x) {
    encode_value<F>(e, x.real());
    encode_value<F>(e, x.imag());
  }
  static Complex<F> decode(decoder& d) {
    const F real = decode_value<F>(d);
    return Complex<F>(real, decode_value<F>(d));
  }
};

/// Bits, eight a byte, the first the lowest; those of the last byte that are not used are 0.
template <class Bits>
void put_bits(encoder& e, const Bits& x, std::size_t n) {
  for (std::size_t i = 0; i < n; i += 8) {
    unsigned byte = 0;
    for (std::size_t j = i; j < n && j < i + 8; ++j) byte |= (x[j] ? 1u : 0u) << (j - i);
    const auto b = static_cast<unsigned char>(byte);
    e.put(&b, 1);
  }
}
template <class Bits>
void get_bits(decoder& d, Bits& x, std::size_t n, const char* what) {
  for (std::size_t i = 0; i < n; i += 8) {
    unsigned char b = 0;
    d.get(&b, 1, what);
    if (n - i < 8 && b >> (n - i)) codec_access::fail_value(d, what, b);
    for (std::size_t j = i; j < n && j < i + 8; ++j) x[j] = (b >> (j - i) & 1) != 0;
  }
}
template <std::size_t N>
struct codec<std::bitset<N>> : codec_base {
  static constexpr std::size_t least() { return (N + 7) / 8; }
  static constexpr std::uint64_t schema(schema_walk&) { return schema_of_kind(kind::bitset, N); }
  static void encode(encoder& e, const std::bitset<N>& x) { put_bits(e, x, N); }
  static std::bitset<N> decode(decoder& d) {
    std::bitset<N> x;
    get_bits(d, x, N, "a bitset");
    return x;
  }
};

}  // namespace weft::detail
