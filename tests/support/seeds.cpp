#include "support/seeds.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "support/sanitized.hpp"

namespace weft::test {

std::optional<std::uint64_t> number_in_environment(const char* name, const char* what) {
  const char* text = std::getenv(name);
  if (!text) return std::nullopt;
  std::uint64_t n = 0;
  const char* end = text + std::strlen(text);
  const auto parsed = std::from_chars(text, end, n);
  if (parsed.ec != std::errc{} || parsed.ptr != end)
    throw std::invalid_argument(std::string(name) + " is " + text + ": set it to " + what + ", a decimal number");
  return n;
}

seed_range::seed_range(std::uint64_t count) : first(1), last(count) {
  if (thread_sanitized) count = std::max<std::uint64_t>(count / 10, 1);
  if (const auto only = number_in_environment("WEFT_SEED", "a seed"))
    first = last = *only;
  else
    last = number_in_environment("WEFT_SEEDS", "how many seeds to run").value_or(count);
}

}  // namespace weft::test
