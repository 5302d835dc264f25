#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "weft/array/array.hpp"
#include "weft/array/create.hpp"
#include "weft/detail/array/distributions.hpp"

namespace weft {

namespace detail::arrays {

/// lib/array/random.cpp.
array_ref make_random(const client& c, element e, const grid& chunks, const random_numbers& which);
/// Throws misuse when there is none.
random_numbers integers_between(std::int64_t least, std::int64_t end, element e);
/// A bound of random integers. Throws misuse for one that no int64 holds.
template <std::integral B>
std::int64_t bound_of(B bound) {
  if constexpr (std::is_unsigned_v<B> && sizeof(B) >= sizeof(std::int64_t)) check_bound(bound);
  return static_cast<std::int64_t>(bound);
}

}  // namespace detail::arrays

/// Random numbers. Each is a function of the seed, the stream and its place in the array, row-major: they depend
/// neither on chunks nor on who computes them, and a part of an array computes that part alone. They are computed
/// wherever they are read, as part of the tasks that read them, and by tasks of their own where they broadcast;
/// persist() keeps them. Two arrays of one seed and one stream, as `normal(c, {1000})` written twice, are the same
/// array: a generator gives each its own. They are made by Philox4x32-10 (Salmon, Moraes, Dror and Shaw, SC 2011).
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

/// Options for one array after the other, each with a stream of its own, so that their numbers are independent:
///
///     weft::random::generator numbers(42);
///     const auto x = weft::random::normal(c, {1000}, numbers);
///     const auto y = weft::random::normal(c, {1000}, 5.0, 2.0, numbers.next({.chunk = {100}}));   // other numbers
///
/// Streams are handed out from 0 on, in the order of the calls. So a program that makes its arrays in one order has
/// the same numbers whenever it begins with the same seed; of calls within one expression the compiler chooses the
/// order: `normal(c, s, numbers) - normal(c, s, numbers)` is one of two arrays. One thread at a time may ask for
/// them.
class generator {
 public:
  /// Of a seed from the system's random bits, another one for each generator. Throws std::system_error where it gives
  /// none.
  generator();
  /// `stream` is the first one that is handed out: generator(g.seed(), g.stream()) goes on where g is.
  explicit generator(std::uint64_t seed, std::uint64_t stream = 0) noexcept : seed_(seed), stream_(stream) {}
  /// Not copied: both would hand out the same streams.
  generator(generator&&) noexcept = default;
  generator& operator=(generator&&) noexcept = default;

  /// To be kept beside what is made of the numbers: it makes them again.
  std::uint64_t seed() const noexcept { return seed_; }
  /// That of the next array.
  std::uint64_t stream() const noexcept { return stream_; }
  /// For one array: `how` with this seed and the next stream. Throws misuse after 2^32 of them.
  options next(options how = {});
  operator options() { return next(); }  // NOLINT: `normal(c, {1000}, numbers)`

 private:
  std::uint64_t seed_;
  std::uint64_t stream_ = 0;
};

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

/// Whole numbers from `least` up to but without `end`, all alike. Throws misuse when there is none, T cannot hold
/// them, or a bound is above those of int64.
template <class T = std::int64_t, std::size_t N = dynamic_rank, std::integral L, std::integral E>
array<T, N> integers(const client& c, const weft::shape& extents, L least, E end, options how = {}) {
  using namespace detail::arrays;
  constexpr bool whole = std::is_integral_v<T> && !std::is_same_v<T, bool>;
  static_assert(whole, "weft: random integers are of an integer type");
  random_numbers which = integers_between(bound_of(least), bound_of(end), element_of<T>);
  which.seed = how.seed;
  which.stream = how.stream;
  return array<T, N>(make_random(c, element_of<T>, make_grid(extents, how.chunk, how.bytes, sizeof(T)), which));
}

}  // namespace random
}  // namespace weft
