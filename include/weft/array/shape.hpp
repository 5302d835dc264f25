#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "weft/codec.hpp"

namespace weft {

/// Arrays have up to eight axes.
inline constexpr std::size_t most_axes = 8;
/// The rank of an array whose number of axes is known when the program runs.
inline constexpr std::size_t dynamic_rank = ~std::size_t{0};

/// Extents, one for each axis: `{1000, 200}`. None: rank 0, one element.
class shape {
 public:
  constexpr shape() noexcept = default;
  template <class... I>
    requires(sizeof...(I) > 0 && sizeof...(I) <= most_axes && (std::is_integral_v<I> && ...))
  constexpr shape(I... extents) noexcept  // NOLINT: `zeros<double, 2>(c, {1000, 200})`
      : rank_(static_cast<std::uint32_t>(sizeof...(I))), extents_{{static_cast<std::int64_t>(extents)...}} {}
  /// All extents are 0; `rank` is at most most_axes.
  static constexpr shape of_rank(std::size_t rank) noexcept {
    shape s;
    s.rank_ = static_cast<std::uint32_t>(rank);
    return s;
  }

  constexpr std::size_t size() const noexcept { return rank_; }
  constexpr std::int64_t& operator[](std::size_t a) noexcept { return extents_[a]; }
  constexpr std::int64_t operator[](std::size_t a) const noexcept { return extents_[a]; }
  constexpr const std::int64_t* begin() const noexcept { return extents_.data(); }
  constexpr const std::int64_t* end() const noexcept { return extents_.data() + rank_; }
  /// The number of elements, of an array that there can be: it has less than 2^63 bytes.
  constexpr std::int64_t count() const noexcept {
    std::uint64_t n = 1;
    for (const std::int64_t x : *this) n *= static_cast<std::uint64_t>(x);
    return static_cast<std::int64_t>(n);
  }
  friend constexpr bool operator==(const shape& a, const shape& b) noexcept {
    if (a.rank_ != b.rank_) return false;
    for (std::size_t i = 0; i < a.rank_; ++i)
      if (a.extents_[i] != b.extents_[i]) return false;
    return true;
  }

 private:
  std::uint32_t rank_ = 0;
  std::array<std::int64_t, most_axes> extents_{};
};
static_assert(std::is_trivially_destructible_v<shape>, "options that hold one are written in co_await expressions");

/// `(1000, 200)`
std::string to_string(const shape& s);

void weft_encode(encoder& e, const shape& s);
shape weft_decode(decoder& d, std::type_identity<shape>);
constexpr std::string_view weft_schema(std::type_identity<shape>) { return "weft shape 1"; }

}  // namespace weft
