#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weft::detail::arrays {

/// What the elements of an array in a file are, as NumPy's type strings say it ("<f8"): a kind, bytes an element, and
/// whether its bytes are in the other order than this machine's.
struct item_type {
  enum class kind : char { boolean = 'b', integer = 'i', natural = 'u', real = 'f', complex = 'c' };
  kind of = kind::real;
  std::size_t size = 8;
  bool swapped = false;
  friend bool operator==(const item_type&, const item_type&) = default;
};

/// From a type string: '<', '>', '=' or '|', a kind and a number of bytes: b1, i1 to i8, u1 to u8, f2 to f16, c8 to
/// c32 (powers of two). Nothing for another one: text, dates, objects, records.
std::optional<item_type> parse_item_type(std::string_view text);
/// The type string; '|' where there is only one byte.
std::string to_string(const item_type& t);

/// Brings elements from the other order of bytes to the machine's, or back; nothing where t.swapped is false.
/// `memory` is a whole number of elements.
void swap_if_needed(std::span<std::byte> memory, const item_type& t) noexcept;

/// Makes what was read from a file elements of this machine: in its order of bytes, and each boolean that is not 0 a
/// 1, since a bool of C++ has no other values and files may hold any. `memory` is a whole number of elements.
void make_native(std::span<std::byte> memory, const item_type& t) noexcept;

/// The bytes of an array of these extents, or nothing when that is more than 2^62, so that neither it nor a position
/// in the array overflows. An axis of no elements counts as one of one, for the same reason.
std::optional<std::uint64_t> bytes_of(std::span<const std::size_t> extents, std::size_t item) noexcept;

}  // namespace weft::detail::arrays
