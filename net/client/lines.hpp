#pragma once

#include <span>
#include <string>
#include <vector>

namespace weft::net {

/// Texts of messages.
inline std::string text_of(std::span<const char> s) { return {s.data(), s.size()}; }
std::vector<std::string> lines_of(std::span<const char> s);

}  // namespace weft::net
