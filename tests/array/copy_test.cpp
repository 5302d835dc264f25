// Strided copies against a loop over indices.
#include "array/copy.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "support/seeds.hpp"
#include "weft/errors.hpp"

namespace {

using namespace weft::detail::arrays;

using extents = std::vector<std::size_t>;
using steps = std::vector<std::ptrdiff_t>;

std::size_t volume(const extents& e) {
  return std::accumulate(e.begin(), e.end(), std::size_t{1}, std::multiplies<>());
}

/// Calls visit(index) for all indices of a box, the last axis the fastest.
template <class F>
void each_index(const extents& box, F visit) {
  extents at(box.size(), 0);
  for (std::size_t n = volume(box); n-- > 0;) {
    visit(at);
    for (std::size_t i = box.size(); i-- > 0;) {
      if (++at[i] < box[i]) break;
      at[i] = 0;
    }
  }
}

std::ptrdiff_t offset(const extents& at, const steps& by) {
  std::ptrdiff_t sum = 0;
  for (std::size_t i = 0; i < at.size(); ++i) sum += static_cast<std::ptrdiff_t>(at[i]) * by[i];
  return sum;
}

/// The copy as its definition says it.
void copy_simply(std::byte* to, const steps& to_steps, const std::byte* from, const steps& from_steps,
                 const extents& box, std::size_t item) {
  each_index(box,
             [&](const extents& at) { std::memcpy(to + offset(at, to_steps), from + offset(at, from_steps), item); });
}

/// A box somewhere in memory of its own: axes in any order, with gaps, some backwards, and, where it is only read,
/// some with a step of 0.
struct layout {
  std::vector<std::byte> memory;
  std::ptrdiff_t begin = 0;
  steps by;

  template <class Random>
  layout(const extents& box, std::size_t item, bool broadcasts, Random& random) : by(box.size()) {
    std::vector<std::size_t> order(box.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (random() % 3 != 0)
      std::shuffle(order.begin(), order.end(), random);
    else
      std::reverse(order.begin(), order.end());
    auto step = static_cast<std::ptrdiff_t>(item);
    std::ptrdiff_t size = step;
    begin = static_cast<std::ptrdiff_t>(random() % 70);
    size += begin;
    for (const std::size_t i : order) {
      const auto n = static_cast<std::ptrdiff_t>(box[i]);
      if (random() % 4 == 0) step += static_cast<std::ptrdiff_t>(random() % 3 * (random() % 2 == 0 ? item : 1));
      if (broadcasts && random() % 5 == 0) continue;
      by[i] = step;
      if (random() % 4 == 0) {
        by[i] = -step;
        begin += (std::max<std::ptrdiff_t>(n, 1) - 1) * step;
      }
      size += (std::max<std::ptrdiff_t>(n, 1) - 1) * step;
      step *= std::max<std::ptrdiff_t>(n, 1);
    }
    memory.resize(static_cast<std::size_t>(size));
    for (std::byte& b : memory) b = static_cast<std::byte>(random());
  }
  std::byte* first() { return memory.data() + begin; }
};

extents random_box(std::mt19937_64& random) {
  extents box(random() % 6);
  // Two axes long enough for blocks, now and then, and the others short.
  for (std::size_t& n : box) n = random() % 20 == 0 ? 0 : 1 + random() % 6;
  if (box.size() >= 2 && random() % 2 == 0)
    for (int k = 0; k < 2; ++k) box[random() % box.size()] = 1 + random() % (box.size() == 2 ? 400 : 90);
  return box;
}

constexpr std::size_t items[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32};

TEST_CASE("a copy writes each element of its box and nothing else") {
  for (const std::uint64_t seed : weft::test::seed_range(3000)) {
    std::mt19937_64 random(seed);
    const extents box = random_box(random);
    const std::size_t item = items[random() % std::size(items)];
    layout from(box, item, true, random), to(box, item, false, random);
    std::vector<std::byte> expected = to.memory;
    copy_simply(expected.data() + to.begin, to.by, from.first(), from.by, box, item);
    copy_box(to.first(), to.by, from.first(), from.by, box, item);
    INFO("seed " << seed << ", items of " << item << " bytes, box " << Catch::Detail::stringify(box) << ", to steps "
                 << Catch::Detail::stringify(to.by) << ", from steps " << Catch::Detail::stringify(from.by));
    REQUIRE(to.memory == expected);
  }
}

TEST_CASE("a fill writes one element everywhere in its box") {
  for (const std::uint64_t seed : weft::test::seed_range(500)) {
    std::mt19937_64 random(seed);
    const extents box = random_box(random);
    std::vector<std::byte> element(items[random() % std::size(items)]);
    for (std::byte& b : element) b = static_cast<std::byte>(random());
    layout to(box, element.size(), false, random);
    std::vector<std::byte> expected = to.memory;
    copy_simply(expected.data() + to.begin, to.by, element.data(), steps(box.size(), 0), box, element.size());
    fill_box(to.first(), to.by, box, element);
    INFO("seed " << seed);
    REQUIRE(to.memory == expected);
  }
}

TEST_CASE("large transposes are written past the cache, with the same result") {
  // Rows that are whole lines, rows that are not, and a destination that begins within a line.
  struct shape {
    std::size_t rows, columns, item, begin;
  };
  for (const shape s :
       {shape{1024, 2050, 8, 0}, shape{1027, 2050, 8, 8}, shape{1024, 2050, 8, 8}, shape{2048, 4100, 2, 6},
        shape{4160, 4101, 1, 3}, shape{1024, 1030, 16, 16}, shape{1024, 4110, 4, 2}, shape{2049, 4111, 2, 0},
        shape{4161, 4101, 1, 0}, shape{1027, 1030, 16, 0}}) {
    std::vector<std::byte> from(s.rows * s.columns * s.item), to(from.size() + 128), expected(to.size());
    std::uint32_t x = 1;
    for (std::byte& b : from) b = static_cast<std::byte>((x = x * 1664525 + 1013904223) >> 24);
    const auto item = static_cast<std::ptrdiff_t>(s.item);
    const steps to_steps{static_cast<std::ptrdiff_t>(s.rows) * item, item};
    const steps from_steps{item, static_cast<std::ptrdiff_t>(s.columns) * item};
    const std::size_t begin = (64 - reinterpret_cast<std::uintptr_t>(to.data()) % 64) % 64 + s.begin;
    std::size_t out = begin;
    for (std::size_t c = 0; c < s.columns; ++c)
      for (std::size_t r = 0; r < s.rows; ++r, out += s.item)
        std::memcpy(&expected[out], &from[(r * s.columns + c) * s.item], s.item);
    copy_box(to.data() + begin, to_steps, from.data(), from_steps, extents{s.columns, s.rows}, s.item);
    INFO(s.rows << " x " << s.columns << " of " << s.item << " bytes");
    CHECK((to == expected));
  }
}

TEST_CASE("a box is put together from pieces") {
  // A 4 x 6 array of bytes in four pieces, in which a later piece covers an earlier one in part.
  std::vector<std::byte> to(24, std::byte{9});
  const steps row{6, 1};
  std::vector<std::byte> a(24, std::byte{1}), b(24, std::byte{2});
  b[0] = std::byte{7};
  const steps transposed{1, 4}, narrow{2, 1};
  const extents origin{0, 0}, corner{2, 3}, whole{3, 4}, small{2, 2}, none{0, 2};
  const box_piece pieces[] = {
      {a.data(), row, origin, whole}, {b.data(), transposed, corner, small}, {b.data(), narrow, corner, none}};
  gather_boxes(to.data(), row, pieces, 1);
  const char* expected =
      "111199"
      "111199"
      "111729"
      "999229";
  for (std::size_t i = 0; i < 24; ++i) CHECK(static_cast<char>('0' + static_cast<int>(to[i])) == expected[i]);
}

TEST_CASE("steps of an array without gaps") {
  steps by(3);
  row_major_steps(extents{4, 5, 6}, 8, by);
  CHECK(by == steps{240, 48, 8});
  row_major_steps(extents{4, 0, 6}, 8, by);
  CHECK(by == steps{0, 48, 8});
}

TEST_CASE("copies that cannot be are refused") {
  std::byte memory[64]{};
  CHECK_THROWS_WITH(copy_box(memory, steps{8}, memory + 32, steps{8, 1}, extents{2}, 8),
                    Catch::Contains("steps of 1 and 2"));
  CHECK_THROWS_WITH(copy_box(memory, steps{0, 8}, memory + 32, steps{8, 1}, extents{2, 2}, 8),
                    Catch::Contains("axis 0") && Catch::Contains("step of 0 in the destination"));
  const extents many(most_copied_axes + 1, 1);
  const steps by(most_copied_axes + 1, 1);
  CHECK_THROWS_AS(copy_box(memory, by, memory + 32, by, many, 8), weft::misuse);
  CHECK_THROWS_AS(fill_box(memory, steps{8}, extents{2, 2}, std::span<const std::byte>(memory, 8)), weft::misuse);
  const steps by_one{1};
  const extents two{0, 0}, one{1};
  const box_piece wrong[] = {{memory + 32, by_one, two, one}};
  CHECK_THROWS_AS(gather_boxes(memory, by_one, wrong, 1), weft::misuse);
  const steps zero{0};
  copy_box(memory, zero, memory + 32, zero, extents{1}, 8);  // one element needs no step
}

}  // namespace
