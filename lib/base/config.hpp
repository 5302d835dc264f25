#pragma once

#include <cstdint>
#include <string>

namespace weft::detail {

/// An environment variable, or what stands for it.
std::string setting(const char* name, const char* otherwise);

/// A number of bytes: `512M`, `1.5G`; K, M, G and T are powers of 1,024. Throws std::invalid_argument, and names
/// `what`.
std::uint64_t parse_bytes(const std::string& text, const std::string& what);

}  // namespace weft::detail
