#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

/// Random numbers by counting: element i of a stream is a function of (seed, stream, i) and of nothing else, so they
/// do not depend on chunks, workers or the machine. The generator is Philox4x32-10: Salmon, Moraes, Dror and Shaw,
/// "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3.
namespace weft::detail::arrays {

using philox_counter = std::array<std::uint32_t, 4>;
using philox_key = std::array<std::uint32_t, 2>;

/// Ten rounds: 128 bits that look random for each counter and key.
constexpr philox_counter philox4x32(philox_counter c, philox_key k) noexcept {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p = std::uint64_t{0xD2511F53} * c[0], q = std::uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<std::uint32_t>(q >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(q),
         static_cast<std::uint32_t>(p >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(p)};
    k[0] += 0x9E3779B9;
    k[1] += 0xBB67AE85;
  }
  return c;
}

/// Which random numbers. Numbers of unlike distributions from one stream are made of the same bits: take another
/// stream where they must be independent.
struct random_stream {
  std::uint64_t seed = 0;
  std::uint32_t number = 0;
};

/// Which elements of a stream: `first`, `first` + 1, ..., or where `each` is not null, each[0], each[1], ...
struct element_numbers {
  element_numbers(std::uint64_t f) noexcept : first(f) {}  // NOLINT(google-explicit-constructor)
  explicit element_numbers(const std::int64_t* e) noexcept : each(e) {}
  element_numbers after(std::size_t n) const noexcept {
    return each ? element_numbers(each + n) : element_numbers(first + n);
  }
  std::uint64_t first = 0;
  const std::int64_t* each = nullptr;
};

/// So many blocks are made at once: word w of block b is at [w][b].
inline constexpr std::size_t philox_batch = 64;  // enough for vectors, and all of it stays in L1
using philox_words = std::uint32_t[4][philox_batch];

namespace philox {

/// Those of blocks that follow each other, of an attempt: see below.
void blocks(random_stream s, std::uint64_t first, std::uint32_t attempt, philox_words& out) noexcept;

/// Each writes elements of a stream: 64 blocks at once, which are those that follow each other, or those of the
/// elements that are named one by one (up to two or four times as slow, where no two share a block). In the counter
/// are the number of the block that gives the element (64 bits), the attempt (32, where numbers are rejected) and the
/// stream (32); the seed is the key. Measured an element on one core of an EPYC, float and double: uniform 0.35 and
/// 0.75 ns, normal 1.3 and 1.6, exponential 1.2 and 1.6 (with SSE2 alone 1.0 and 2.2, 4.4 and 5.6, 4.2 and 5.5),
/// whole numbers of 32 bits 1.0.
///
/// Uniform in [0, 1): multiples of 2^-24 (float) or 2^-53 (double). Four floats or two doubles a block.
void uniform(random_stream s, element_numbers which, std::span<float> out) noexcept;
void uniform(random_stream s, element_numbers which, std::span<double> out) noexcept;

/// Normal with mean 0 and deviation 1, by Box and Muller (1958), within one block: elements 2i and 2i + 1 are a pair.
/// The logarithm, sine and cosine are our own, for results that do not depend on the machine's library; they are
/// within 2 units in the last place. Floats are made from 32 bits each (none is beyond 6.7 deviations), and rounded
/// from double.
void normal(random_stream s, element_numbers which, std::span<float> out) noexcept;
void normal(random_stream s, element_numbers which, std::span<double> out) noexcept;

/// Exponential with mean 1, by inversion.
void exponential(random_stream s, element_numbers which, std::span<float> out) noexcept;
void exponential(random_stream s, element_numbers which, std::span<double> out) noexcept;

/// Whole numbers from 0 to `most`, inclusive, all alike: Lemire, "Fast random integer generation in an interval", ACM
/// TOMACS 29 (2019), algorithm 5. What is rejected is drawn again with the next attempt in its own counter. 32 bits a
/// number where `most` is below 2^32, else 64.
void integers(random_stream s, element_numbers which, std::uint64_t most, std::span<std::uint64_t> out) noexcept;

}  // namespace philox
}  // namespace weft::detail::arrays
