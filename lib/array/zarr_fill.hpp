#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "array/item_type.hpp"

namespace weft::detail::arrays {

/// A value of JSON that may stand for an element or a part of one. Whole numbers keep their 64 bits.
using json_scalar = std::variant<bool, std::int64_t, std::uint64_t, double, std::string_view>;

/// The bytes of an element whose value is this, in the machine's order; complex ones have two parts. Floats may be
/// "NaN", "Infinity", "-Infinity", or their bits as "0x7fc00000". Nothing where the value does not fit the type. Of
/// floats of 2 and 16 bytes only 0 is known.
std::optional<std::vector<std::byte>> fill_of(const std::vector<json_scalar>& parts, const item_type& t);

/// The JSON of an element; the reverse of fill_of, bit for bit except for the bits of a NaN. Nothing where
/// it cannot be said.
std::optional<std::string> fill_text(const std::vector<std::byte>& fill, const item_type& t);

}  // namespace weft::detail::arrays
