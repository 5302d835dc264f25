#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "weft/array/array.hpp"
#include "weft/array/create.hpp"

namespace weft {

namespace detail::arrays {

enum class distribution : std::uint8_t { uniform, normal, exponential, integers };
struct random_numbers {
  distribution of = distribution::uniform;
  std::uint64_t seed = 0;
  std::uint32_t stream = 0;
  std::int64_t least = 0;  // of integers
  std::uint64_t most = 0;  // above it
};
/// lib/array/random.cpp.
array_ref make_random(const client& c, element e, const grid& chunks, const random_numbers& which);
/// Throws misuse when there is none.
random_numbers integers_between(std::int64_t least, std::int64_t end, element e);

}  // namespace detail::arrays

/// Random numbers. Each is a function of the seed, the stream and its place in the array, row-major: they depend
/// neither on chunks nor on who computes them, and a part of an array computes that part alone. They are computed
/// wherever they are read, as part of the tasks that read them; persist() keeps them. The generator is Philox4x32-10
/// (Salmon, Moraes, Dror and Shaw, SC 2011).
namespace random {

struct options {
  /// Another seed gives other numbers, and so does another stream. Arrays of one seed and one stream are made of the
  /// same bits: give each its own where they must be independent.
  std::uint64_t seed = 0;
  std::uint32_t stream = 0;
  /// As in weft::creation.
  weft::shape chunk = {};
  std::int64_t bytes = std::int64_t{8} << 20;
};
static_assert(std::is_trivially_destructible_v<options>, "g++ 12 destroys it twice in a co_await expression");

#define WEFT_DETAIL_DISTRIBUTION(name)                                                                           \
  template <class T = double, std::size_t N = dynamic_rank>                                                      \
  array<T, N> name(const client& c, const weft::shape& extents, options how = {}) {                              \
    using namespace detail::arrays;                                                                              \
    constexpr bool real = std::is_same_v<T, float> || std::is_same_v<T, double>;                                 \
    static_assert(real, "weft: these random numbers are of float or of double");                                 \
    const grid chunks = make_grid(extents, how.chunk, how.bytes, sizeof(T));                                     \
    return array<T, N>(make_random(c, element_of<T>, chunks, {distribution::name, how.seed, how.stream, 0, 0})); \
  }
/// From 0 up to but without 1.
WEFT_DETAIL_DISTRIBUTION(uniform)
/// Of mean 0 and standard deviation 1.
WEFT_DETAIL_DISTRIBUTION(normal)
/// Of mean 1.
WEFT_DETAIL_DISTRIBUTION(exponential)
#undef WEFT_DETAIL_DISTRIBUTION

/// Whole numbers from `least` up to but without `end`, all alike. Throws misuse when there is none, or T cannot hold
/// them.
template <class T = std::int64_t, std::size_t N = dynamic_rank>
array<T, N> integers(const client& c, const weft::shape& extents, std::int64_t least, std::int64_t end,
                     options how = {}) {
  using namespace detail::arrays;
  constexpr bool whole = std::is_integral_v<T> && !std::is_same_v<T, bool>;
  static_assert(whole, "weft: random integers are of an integer type");
  random_numbers which = integers_between(least, end, element_of<T>);
  which.seed = how.seed;
  which.stream = how.stream;
  return array<T, N>(make_random(c, element_of<T>, make_grid(extents, how.chunk, how.bytes, sizeof(T)), which));
}

}  // namespace random
}  // namespace weft
