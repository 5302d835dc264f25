#include "array/philox.hpp"

#include <algorithm>
#include <cmath>

#include "array/clones.hpp"
#include "array/elementary.hpp"

namespace weft::detail::arrays {

namespace {

constexpr std::size_t batch = philox_batch;

/// The words of `batch` blocks.
using batch_words = philox_words;
/// And the blocks' numbers.
using batch_blocks = std::uint64_t[batch];

WEFT_CLONES void make_words(batch_words& out, const batch_blocks& blocks, std::uint64_t seed, std::uint32_t stream,
                            std::uint32_t attempt = 0) {
  for (std::size_t b = 0; b < batch; ++b) {
    out[0][b] = static_cast<std::uint32_t>(blocks[b]);
    out[1][b] = static_cast<std::uint32_t>(blocks[b] >> 32);
    out[2][b] = attempt;
    out[3][b] = stream;
  }
  auto k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (std::size_t b = 0; b < batch; ++b) {
      const std::uint64_t p = std::uint64_t{0xD2511F53} * out[0][b], q = std::uint64_t{0xCD9E8D57} * out[2][b];
      out[0][b] = static_cast<std::uint32_t>(q >> 32) ^ out[1][b] ^ k0;
      out[1][b] = static_cast<std::uint32_t>(q);
      out[2][b] = static_cast<std::uint32_t>(p >> 32) ^ out[3][b] ^ k1;
      out[3][b] = static_cast<std::uint32_t>(p);
    }
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
}

/// The upper 53 bits of two words, in [0, 1).
WEFT_INLINE double unit(std::uint32_t low, std::uint32_t high) noexcept {
  return (whole(high) * 0x1p21 + whole(low >> 11)) * 0x1p-53;
}
/// In (0, 1], for logarithms.
WEFT_INLINE double unit_above_zero(std::uint32_t low, std::uint32_t high) noexcept {
  return unit(low, high) + 0x1p-53;  // exact: multiples of 2^-53
}
/// 32 bits, in (0, 1].
WEFT_INLINE double unit_above_zero(std::uint32_t word) noexcept { return (whole(word) + 1) * 0x1p-32; }

// ---- from the words of a batch to its elements, in their order ----

WEFT_CLONES void uniform_of(const batch_words& w, float* out) {
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t i = 0; i < 4; ++i) out[4 * b + i] = static_cast<float>(w[i][b] >> 8) * 0x1p-24F;
}
WEFT_CLONES void uniform_of(const batch_words& w, double* out) {
  for (std::size_t b = 0; b < batch; ++b) {
    out[2 * b] = unit(w[0][b], w[1][b]);
    out[2 * b + 1] = unit(w[2][b], w[3][b]);
  }
}
WEFT_CLONES void normal_of(const batch_words& w, double* out) {
  for (std::size_t b = 0; b < batch; ++b) {
    const double radius = std::sqrt(-2 * logarithm(unit_above_zero(w[0][b], w[1][b])));
    const sine_cosine angle = turn(unit(w[2][b], w[3][b]));
    out[2 * b] = radius * angle.cosine;
    out[2 * b + 1] = radius * angle.sine;
  }
}
WEFT_CLONES void normal_of(const batch_words& w, float* out) {
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t i = 0; i < 4; i += 2) {
      const double radius = std::sqrt(-2 * logarithm(unit_above_zero(w[i][b])));
      const sine_cosine angle = turn(whole(w[i + 1][b]) * 0x1p-32);
      out[4 * b + i] = static_cast<float>(radius * angle.cosine);
      out[4 * b + i + 1] = static_cast<float>(radius * angle.sine);
    }
}
WEFT_CLONES void exponential_of(const batch_words& w, double* out) {
  for (std::size_t b = 0; b < batch; ++b) {
    out[2 * b] = -logarithm(unit_above_zero(w[0][b], w[1][b]));
    out[2 * b + 1] = -logarithm(unit_above_zero(w[2][b], w[3][b]));
  }
}
WEFT_CLONES void exponential_of(const batch_words& w, float* out) {
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t i = 0; i < 4; ++i) out[4 * b + i] = static_cast<float>(-logarithm(unit_above_zero(w[i][b])));
}

/// Batch by batch, of blocks that follow each other, of `Each` elements. Whole batches go to their place, the others
/// through a buffer.
template <std::size_t Each, class T, class Of>
void generate_run(random_stream s, std::uint64_t first, std::span<T> out, Of of) noexcept {
  constexpr std::size_t elements = batch * Each;
  alignas(64) batch_blocks blocks;
  alignas(64) batch_words words;
  alignas(64) T some[elements];
  std::uint64_t block = first / Each;
  std::size_t skip = first % Each;
  while (!out.empty()) {
    for (std::size_t b = 0; b < batch; ++b) blocks[b] = block + b;
    make_words(words, blocks, s.seed, s.number);
    std::size_t n = elements;
    if (skip == 0 && out.size() >= elements) {
      of(words, out.data(), blocks);
    } else {
      of(words, some, blocks);
      n = std::min(out.size(), elements - skip);
      std::copy_n(some + skip, n, out.data());
      skip = 0;
    }
    out = out.subspan(n);
    block += batch;
  }
}

/// The elements of these numbers: those that come one after the other and share a block are made by one.
template <std::size_t Each, class T, class Of>
void generate_each(random_stream s, const std::int64_t* numbers, std::span<T> out, Of of) noexcept {
  constexpr std::size_t elements = batch * Each;
  alignas(64) batch_blocks blocks = {};
  alignas(64) batch_words words;
  alignas(64) T some[elements];
  std::uint16_t place[elements];
  for (std::size_t done = 0; done < out.size();) {
    std::size_t n = 0, used = 0;
    for (; done + n < out.size() && n < elements; ++n) {
      const auto number = static_cast<std::uint64_t>(numbers[done + n]);
      if (used == 0 || blocks[used - 1] != number / Each) {
        if (used == batch) break;
        blocks[used++] = number / Each;
      }
      place[n] = static_cast<std::uint16_t>((used - 1) * Each + number % Each);
    }
    make_words(words, blocks, s.seed, s.number);
    of(words, some, blocks);
    for (std::size_t i = 0; i < n; ++i) out[done + i] = some[place[i]];
    done += n;
  }
}

template <std::size_t Each, class T, class Of>
void generate(random_stream s, element_numbers which, std::span<T> out, Of of) noexcept {
  if (which.each)
    generate_each<Each>(s, which.each, out, of);
  else
    generate_run<Each>(s, which.first, out, of);
}

/// A block by itself, for attempts after the first.
philox_counter draw_again(random_stream s, std::uint64_t block, std::uint32_t attempt) noexcept {
  return philox4x32({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), attempt, s.number},
                    {static_cast<std::uint32_t>(s.seed), static_cast<std::uint32_t>(s.seed >> 32)});
}

std::uint64_t two_words(std::uint32_t low, std::uint32_t high) noexcept { return std::uint64_t{high} << 32 | low; }

}  // namespace

namespace philox {

void blocks(random_stream s, std::uint64_t first, std::uint32_t attempt, philox_words& out) noexcept {
  alignas(64) batch_blocks numbers;
  for (std::size_t b = 0; b < batch; ++b) numbers[b] = first + b;
  make_words(out, numbers, s.seed, s.number, attempt);
}

void uniform(random_stream s, element_numbers which, std::span<float> out) noexcept {
  generate<4>(s, which, out, [](const batch_words& w, float* to, const batch_blocks&) { uniform_of(w, to); });
}
void uniform(random_stream s, element_numbers which, std::span<double> out) noexcept {
  generate<2>(s, which, out, [](const batch_words& w, double* to, const batch_blocks&) { uniform_of(w, to); });
}
void normal(random_stream s, element_numbers which, std::span<float> out) noexcept {
  generate<4>(s, which, out, [](const batch_words& w, float* to, const batch_blocks&) { normal_of(w, to); });
}
void normal(random_stream s, element_numbers which, std::span<double> out) noexcept {
  generate<2>(s, which, out, [](const batch_words& w, double* to, const batch_blocks&) { normal_of(w, to); });
}
void exponential(random_stream s, element_numbers which, std::span<float> out) noexcept {
  generate<4>(s, which, out, [](const batch_words& w, float* to, const batch_blocks&) { exponential_of(w, to); });
}
void exponential(random_stream s, element_numbers which, std::span<double> out) noexcept {
  generate<2>(s, which, out, [](const batch_words& w, double* to, const batch_blocks&) { exponential_of(w, to); });
}

// x * range / 2^bits is in [0, range); of the x that give one value there are floor or ceil of 2^bits / range, and
// leaving out those whose remainder is below 2^bits mod range makes them equally many.
void integers(random_stream s, element_numbers which, std::uint64_t most, std::span<std::uint64_t> out) noexcept {
  const std::uint64_t range = most + 1;
  if (most <= 0xffff'ffff) {
    const auto left_out = static_cast<std::uint32_t>((std::uint64_t{1} << 32) % range);
    generate<4>(s, which, out, [=](const batch_words& w, std::uint64_t* to, const batch_blocks& blocks) {
      for (std::size_t b = 0; b < batch; ++b)
        for (std::size_t i = 0; i < 4; ++i) {
          std::uint64_t product = range * w[i][b];
          for (std::uint32_t attempt = 1; static_cast<std::uint32_t>(product) < left_out; ++attempt) [[unlikely]]
            product = range * draw_again(s, blocks[b], attempt)[i];
          to[4 * b + i] = product >> 32;
        }
    });
  } else {
    const std::uint64_t left_out = range == 0 ? 0 : (0 - range) % range;
    __extension__ typedef unsigned __int128 wide;
    generate<2>(s, which, out, [=](const batch_words& w, std::uint64_t* to, const batch_blocks& blocks) {
      for (std::size_t b = 0; b < batch; ++b)
        for (std::size_t i = 0; i < 2; ++i) {
          std::uint64_t x = two_words(w[2 * i][b], w[2 * i + 1][b]);
          if (range != 0) {
            wide product = wide{range} * x;
            for (std::uint32_t attempt = 1; static_cast<std::uint64_t>(product) < left_out; ++attempt) [[unlikely]] {
              const philox_counter again = draw_again(s, blocks[b], attempt);
              product = wide{range} * two_words(again[2 * i], again[2 * i + 1]);
            }
            x = static_cast<std::uint64_t>(product >> 64);
          }
          to[2 * b + i] = x;
        }
    });
  }
}

}  // namespace philox
}  // namespace weft::detail::arrays
