#pragma once

#include <string>

namespace weft::net {

/// Of texts that others wrote: what must not reach a terminal or a log as it is.
constexpr bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
inline void replace_controls(std::string& text, char by) noexcept {
  for (char& c : text)
    if (is_control(c)) c = by;
}

}  // namespace weft::net
