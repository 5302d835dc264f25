#pragma once

#include <cstdint>
#include <optional>

namespace weft::test {

/// A number from the environment; throws std::invalid_argument, and says what it should be, when it is none.
std::optional<std::uint64_t> number_in_environment(const char* name, const char* what);

/// The seeds that a test runs: 1 to `count`, or as many as WEFT_SEEDS says, or only WEFT_SEED. Under the thread
/// sanitizer a tenth of `count`: a seed is run by one thread, so that there is no race to be found.
struct seed_range {
  explicit seed_range(std::uint64_t count);
  struct iterator {
    std::uint64_t seed;
    std::uint64_t operator*() const noexcept { return seed; }
    iterator& operator++() noexcept {
      ++seed;
      return *this;
    }
    bool operator==(const iterator&) const noexcept = default;
  };
  iterator begin() const noexcept { return {first}; }
  iterator end() const noexcept { return {last + 1}; }
  std::uint64_t first, last;
};

}  // namespace weft::test
