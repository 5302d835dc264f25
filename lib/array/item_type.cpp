#include "array/item_type.hpp"

#include <algorithm>
#include <bit>
#include <charconv>

namespace weft::detail::arrays {

namespace {

bool is_size(item_type::kind k, std::size_t n) {
  if (!std::has_single_bit(n)) return false;
  switch (k) {
    case item_type::kind::boolean:
      return n == 1;
    case item_type::kind::integer:
    case item_type::kind::natural:
      return n <= 8;
    case item_type::kind::real:
      return n >= 2 && n <= 16;
    case item_type::kind::complex:
      return n >= 8 && n <= 32;
  }
  return false;
}

constexpr bool little = std::endian::native == std::endian::little;

}  // namespace

std::optional<item_type> parse_item_type(std::string_view text) {
  if (text.size() < 3) return std::nullopt;
  item_type t;
  const char order = text[0];
  if (std::string_view("<>=|").find(order) == std::string_view::npos) return std::nullopt;
  if (std::string_view("biufc").find(text[1]) == std::string_view::npos) return std::nullopt;
  t.of = static_cast<item_type::kind>(text[1]);
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + 2, end, t.size);
  if (parsed.ec != std::errc{} || parsed.ptr != end || !is_size(t.of, t.size)) return std::nullopt;
  if (order == '|' && t.size != 1) return std::nullopt;
  t.swapped = t.size != 1 && order == (little ? '>' : '<');
  return t;
}

std::string to_string(const item_type& t) {
  const char order = t.size == 1 ? '|' : t.swapped == little ? '>' : '<';
  return std::string{order, static_cast<char>(t.of)} + std::to_string(t.size);
}

void swap_if_needed(std::span<std::byte> memory, const item_type& t) noexcept {
  if (!t.swapped) return;
  const std::size_t part =
      t.of == item_type::kind::complex ? t.size / 2 : t.size;  // the real, then the imaginary one
  for (std::size_t i = 0; i + part <= memory.size(); i += part)
    std::reverse(memory.data() + i, memory.data() + i + part);
}

void make_native(std::span<std::byte> memory, const item_type& t) noexcept {
  swap_if_needed(memory, t);
  if (t.of != item_type::kind::boolean) return;
  for (std::byte& b : memory) b = static_cast<std::byte>(b != std::byte{0});
}

std::optional<std::uint64_t> bytes_of(std::span<const std::size_t> extents, std::size_t item) noexcept {
  constexpr std::uint64_t most = std::uint64_t{1} << 62;
  std::uint64_t bytes = item, real = item;
  for (const std::size_t n : extents) {
    if (__builtin_mul_overflow(bytes, std::max<std::uint64_t>(n, 1), &bytes) || bytes > most) return std::nullopt;
    real *= n;
  }
  return real;
}

}  // namespace weft::detail::arrays
