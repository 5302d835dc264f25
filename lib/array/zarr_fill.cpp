#include "array/zarr_fill.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

namespace weft::detail::arrays {

namespace {

using bytes = std::vector<std::byte>;

template <class T>
void append(bytes& to, T value) {
  const auto* first = reinterpret_cast<const std::byte*>(&value);
  to.insert(to.end(), first, first + sizeof(T));
}

template <class T>
bool append_integer(bytes& to, const json_scalar& v) {
  // 3.0 is a whole number too: some writers know floats only.
  if (const double* d = std::get_if<double>(&v)) {
    if (*d != std::floor(*d) || std::abs(*d) > 0x1p53) return false;
    return append_integer<T>(to, json_scalar(static_cast<std::int64_t>(*d)));
  }
  if (const auto* i = std::get_if<std::int64_t>(&v)) {
    if (!std::in_range<T>(*i)) return false;
    append(to, static_cast<T>(*i));
    return true;
  }
  const auto* u = std::get_if<std::uint64_t>(&v);
  if (!u || !std::in_range<T>(*u)) return false;
  append(to, static_cast<T>(*u));
  return true;
}

template <class T, class Bits>
bool append_real(bytes& to, const json_scalar& v) {
  if (const auto* s = std::get_if<std::string_view>(&v)) {
    if (*s == "NaN") {
      append(to, std::numeric_limits<T>::quiet_NaN());
    } else if (*s == "Infinity" || *s == "-Infinity") {
      append(to, s->front() == '-' ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity());
    } else {
      Bits bits = 0;
      if (s->size() != 2 + 2 * sizeof(T) || !s->starts_with("0x")) return false;
      const char* const end = s->data() + s->size();
      const auto parsed = std::from_chars(s->data() + 2, end, bits, 16);
      if (parsed.ec != std::errc{} || parsed.ptr != end) return false;
      append(to, std::bit_cast<T>(bits));
    }
    return true;
  }
  if (const double* d = std::get_if<double>(&v))
    append(to, static_cast<T>(*d));
  else if (const auto* i = std::get_if<std::int64_t>(&v))
    append(to, static_cast<T>(*i));
  else if (const auto* u = std::get_if<std::uint64_t>(&v))
    append(to, static_cast<T>(*u));
  else
    return false;
  return true;
}

bool is_zero(const json_scalar& v) {
  if (const double* d = std::get_if<double>(&v)) return *d == 0;
  if (const auto* i = std::get_if<std::int64_t>(&v)) return *i == 0;
  return false;
}

bool append_part(bytes& to, const json_scalar& v, item_type::kind of, std::size_t size) {
  switch (of) {
    case item_type::kind::boolean:
      if (const bool* b = std::get_if<bool>(&v)) {
        append(to, *b);
        return true;
      }
      return append_integer<std::uint8_t>(to, v) && to.back() <= std::byte{1};
    case item_type::kind::integer:
      return size == 1   ? append_integer<std::int8_t>(to, v)
             : size == 2 ? append_integer<std::int16_t>(to, v)
             : size == 4 ? append_integer<std::int32_t>(to, v)
                         : append_integer<std::int64_t>(to, v);
    case item_type::kind::natural:
      return size == 1   ? append_integer<std::uint8_t>(to, v)
             : size == 2 ? append_integer<std::uint16_t>(to, v)
             : size == 4 ? append_integer<std::uint32_t>(to, v)
                         : append_integer<std::uint64_t>(to, v);
    default:
      if (size == 4) return append_real<float, std::uint32_t>(to, v);
      if (size == 8) return append_real<double, std::uint64_t>(to, v);
      if (!is_zero(v)) return false;
      to.resize(to.size() + size);
      return true;
  }
}

template <class T>
T part_of(const bytes& fill, std::size_t at) {
  T value;
  std::memcpy(&value, fill.data() + at, sizeof(T));
  return value;
}

template <class T>
std::string real_text(T x) {
  if (std::isnan(x)) return "\"NaN\"";
  if (std::isinf(x)) return x < 0 ? "\"-Infinity\"" : "\"Infinity\"";
  char digits[64];
  std::string s(digits, std::to_chars(digits, std::end(digits), x).ptr);
  return s.find_first_of(".e") == std::string::npos ? s + ".0" : s;
}

std::optional<std::string> part_text(const bytes& fill, std::size_t at, item_type::kind of, std::size_t size) {
  switch (of) {
    case item_type::kind::boolean:
      return fill[at] == std::byte{0} ? "false" : "true";
    case item_type::kind::integer:
      return std::to_string(size == 1   ? part_of<std::int8_t>(fill, at)
                            : size == 2 ? part_of<std::int16_t>(fill, at)
                            : size == 4 ? part_of<std::int32_t>(fill, at)
                                        : part_of<std::int64_t>(fill, at));
    case item_type::kind::natural:
      return std::to_string(size == 1   ? part_of<std::uint8_t>(fill, at)
                            : size == 2 ? part_of<std::uint16_t>(fill, at)
                            : size == 4 ? part_of<std::uint32_t>(fill, at)
                                        : part_of<std::uint64_t>(fill, at));
    default:
      if (size == 4) return real_text(part_of<float>(fill, at));
      if (size == 8) return real_text(part_of<double>(fill, at));
      for (std::size_t i = 0; i < size; ++i)
        if (fill[at + i] != std::byte{0}) return std::nullopt;
      return "0.0";
  }
}

}  // namespace

std::optional<bytes> fill_of(const std::vector<json_scalar>& parts, const item_type& t) {
  const bool complex = t.of == item_type::kind::complex;
  bytes fill;
  for (const json_scalar& v : parts)
    if (!append_part(fill, v, t.of, complex ? t.size / 2 : t.size)) return std::nullopt;
  if (complex && parts.size() == 1) fill.resize(t.size);  // a real number
  if (fill.size() != t.size) return std::nullopt;
  return fill;
}

std::optional<std::string> fill_text(const bytes& fill, const item_type& t) {
  if (fill.size() != t.size) return std::nullopt;
  if (t.of != item_type::kind::complex) return part_text(fill, 0, t.of, t.size);
  const auto real = part_text(fill, 0, t.of, t.size / 2), imaginary = part_text(fill, t.size / 2, t.of, t.size / 2);
  if (!real || !imaginary) return std::nullopt;
  return "[" + *real + ", " + *imaginary + "]";
}

}  // namespace weft::detail::arrays
