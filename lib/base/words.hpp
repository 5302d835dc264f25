#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace weft::detail {

/// What stands between the words of a list.
constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// The words of a list as people write it, `alice bob`: in its order, with blanks before, between and behind them.
std::vector<std::string_view> words(std::string_view text);

/// What a list of names may have, in characters.
inline constexpr std::size_t most_list = std::size_t{16} << 10;
/// Throws misuse when a list of names is longer; `what` is what was given it.
void check_list(const char* what, std::string_view names);

}  // namespace weft::detail
