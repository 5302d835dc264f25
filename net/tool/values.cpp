#include "tool/values.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

namespace weft::net {
namespace {

struct unit {
  std::string_view name;
  std::int64_t nanoseconds;
};
constexpr unit units[] = {{"d", 86'400'000'000'000},
                          {"h", 3'600'000'000'000},
                          {"min", 60'000'000'000},
                          {"s", 1'000'000'000},
                          {"ms", 1'000'000},
                          {"us", 1'000},
                          {"ns", 1}};

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::nanoseconds(0);
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto* const u =
      std::find_if(std::begin(units), std::end(units), [&](const unit& x) { return x.name == text.substr(digits); });
  if (digits == 0 || u == std::end(units)) return {};
  const char *begin = text.data(), *end = begin + digits;
  std::int64_t whole = 0;
  if (const auto [rest, error] = std::from_chars(begin, end, whole); error == std::errc() && rest == end) {
    if (whole > std::numeric_limits<std::int64_t>::max() / u->nanoseconds) return {};
    return std::chrono::nanoseconds(whole * u->nanoseconds);
  }
  double number = 0;
  const auto [rest, error] = std::from_chars(begin, end, number, std::chars_format::fixed);
  if (error != std::errc() || rest != end) return {};
  const double nanoseconds = number * static_cast<double>(u->nanoseconds);
  if (!(nanoseconds < 9.2e18)) return {};
  return std::chrono::nanoseconds(std::llround(nanoseconds));
}

std::string format_duration(std::chrono::nanoseconds d) {
  if (d.count() == 0) return "0s";
  const auto* const u = std::find_if(std::begin(units) + 1, std::end(units) - 1,
                                     [&](const unit& x) { return d.count() % x.nanoseconds == 0; });
  return std::to_string(d.count() / u->nanoseconds) += u->name;
}

std::string format_bytes(std::uint64_t bytes) {
  static constexpr char names[] = {'K', 'M', 'G', 'T'};
  std::string unit;
  for (const char name : names) {
    if (bytes == 0 || bytes % 1024 != 0) break;
    bytes /= 1024;
    unit = name;
  }
  return std::to_string(bytes) += unit;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t n = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, n);
  if (error != std::errc() || rest != end) return {};
  return n;
}

std::optional<double> parse_number(std::string_view text) {
  double n = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, n);
  if (error != std::errc() || rest != end || !std::isfinite(n)) return {};
  return n;
}

std::string format_number(double number) {
  char text[64];
  const auto [end, error] = std::to_chars(text, text + sizeof text, number);
  return error == std::errc() ? std::string(text, end) : std::to_string(number);
}

std::string toml_string(std::string_view text) {
  std::string s = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      (s += '\\') += c;
    } else if (static_cast<unsigned char>(c) < ' ' || c == 127) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04X", static_cast<unsigned>(static_cast<unsigned char>(c)));
      s += code;
    } else {
      s += c;
    }
  }
  return s += '"';
}

std::size_t letters_apart(std::string_view a, std::string_view b) {
  // Optimal string alignment: three rows of the table.
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1] ? 1u : 0u)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::string nearest(std::string_view typed, std::span<const std::string> words) {
  constexpr std::size_t longest = 64;  // of what is worth a comparison
  if (typed.empty() || typed.size() > longest) return {};
  const std::string* best = nullptr;
  // The dashes of a flag are no slips.
  const std::size_t letters = typed.size() - std::min(typed.find_first_not_of('-'), typed.size());
  std::size_t distance = std::min<std::size_t>(3, std::max<std::size_t>(1, letters / 3)) + 1;
  for (const std::string& word : words)
    if (const std::size_t d = letters_apart(typed, word); d < distance) {
      distance = d;
      best = &word;
    }
  if (!best && letters >= 3)
    for (const std::string& word : words)
      if (word.substr(0, typed.size()) == typed) best = best ? best : &word;
  return best ? *best : std::string();
}

std::string suggestion(std::string_view typed, std::span<const std::string> words, std::string_view otherwise) {
  const std::string meant = nearest(typed, words);
  return meant.empty() ? std::string(otherwise) : ": did you mean '" + meant + "'?";
}

std::string listed(std::span<const std::string> words, std::string_view last) {
  std::string s;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0 && i + 1 == words.size())
      ((s += ' ') += last) += ' ';
    else if (i > 0)
      s += ", ";
    s += words[i];
  }
  return s;
}

}  // namespace weft::net
