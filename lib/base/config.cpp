#include "base/config.hpp"

#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace weft::detail {

std::string setting(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? value : otherwise;
}

std::uint64_t parse_bytes(const std::string& text, const std::string& what) {
  const auto refuse = [&] {
    throw std::invalid_argument("weft: " + what + " is '" + text +
                                "': give it a number of bytes, such as 1073741824, 512M or 1.5G");
  };
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc{} || !(number >= 0)) refuse();
  double unit = 1;
  if (rest != end) {
    static constexpr std::string_view units = "KMGT";
    const std::size_t at = units.find(static_cast<char>(std::toupper(static_cast<unsigned char>(*rest))));
    if (at == std::string_view::npos || rest + 1 != end) refuse();
    unit = std::pow(1024.0, static_cast<double>(at + 1));
  }
  if (number * unit >= 9e18) refuse();
  return static_cast<std::uint64_t>(number * unit);
}

}  // namespace weft::detail
