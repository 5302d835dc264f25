#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace weft::net {

// How values are written: in files, in the environment, behind flags, and in what `weft config` prints. What is read
// can be printed and read again, and is the same.

/// A command line, a variable or a file says what cannot be: one sentence a line, each with where it stands.
class wrong_use : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// `250ms`, `10s`, `1.5min`, `1h`: a number and one of ns, us, ms, s, min, h, d; 0 needs none. Empty for anything
/// else, and for more than 292 years.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);
/// In the largest unit of which it is a whole number, hours at most.
std::string format_duration(std::chrono::nanoseconds d);
/// In the largest of T, G, M and K of which it is a whole number. The inverse of parse_bytes.
std::string format_bytes(std::uint64_t bytes);
/// All of the text is a whole number that is not negative.
std::optional<std::uint64_t> parse_count(std::string_view text);
/// All of the text is a number, finite.
std::optional<double> parse_number(std::string_view text);
/// The shortest decimal form.
std::string format_number(double number);
/// A basic string of TOML, with its quotes.
std::string toml_string(std::string_view text);

/// What was probably meant: a word that `typed` begins, or that differs by few letters (one for each three, at least
/// one, three at most; two that changed places count once). Empty if there is none.
std::string nearest(std::string_view typed, std::span<const std::string> words);
/// `: did you mean 'x'?`, or `otherwise`.
std::string suggestion(std::string_view typed, std::span<const std::string> words, std::string_view otherwise);
/// How many letters differ; two neighbours that changed places count once. O(length of both, multiplied).
std::size_t letters_apart(std::string_view a, std::string_view b);

/// `a, b and c`.
std::string listed(std::span<const std::string> words, std::string_view last = "and");

}  // namespace weft::net
