// Buffers that are kept for blocks to come.
#include "array/depot.hpp"

#include <catch2/catch.hpp>

#include "array/arrays.hpp"
#include "env/machine_memory.hpp"

using weft::detail::arrays::depot;

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

std::byte* made(std::size_t size) { return static_cast<std::byte*>(::operator new(size, depot::alignment)); }

}  // namespace

TEST_CASE("buffers are kept for others of their size, up to a limit") {
  depot d(64 * mib);
  CHECK(d.take(mib) == nullptr);
  std::byte *const first = made(mib), *const second = made(mib), *const other = made(2 * mib);
  d.give(first, mib);
  d.give(other, 2 * mib);
  d.give(second, mib);
  CHECK(d.bytes() == 4 * mib);
  CHECK(d.take(3 * mib) == nullptr);
  std::byte* const last = d.take(mib);  // that which was let go last
  CHECK(last == second);
  d.give(last, mib);
  for (int i = 0; i < 100; ++i) d.give(made(mib), mib);
  CHECK(d.bytes() == 64 * mib);
  d.give(made(64 * mib + 1), 64 * mib + 1);  // too large: it goes at once
  CHECK(d.bytes() == 64 * mib);
}

TEST_CASE("buffers go when the process has too much, and few are kept until many have come") {
  depot d(64 * mib);
  for (int i = 0; i < 10; ++i) d.give(made(mib), mib);
  d.give_back();
  CHECK(d.bytes() == 0);
  CHECK(d.take(mib) == nullptr);
  for (int i = 0; i < 15; ++i) d.give(made(mib), mib);
  CHECK(d.bytes() == 0);
  for (int i = 0; i < 17; ++i) d.give(made(mib), mib);
  CHECK(d.bytes() == 2 * mib);
  for (int i = 0; i < 1000; ++i) d.give(made(mib), mib);
  CHECK(d.bytes() > 60 * mib);
}

TEST_CASE("few buffers are kept from when a process is told that it may take little") {
  depot d(64 * mib);
  for (int i = 0; i < 10; ++i) d.give(made(mib), mib);
  d.keep_at_most(4 * mib);
  CHECK(d.bytes() == 4 * mib);
  d.keep_at_most(8 * mib);
  for (int i = 0; i < 100; ++i) d.give(made(mib), mib);
  CHECK(d.bytes() == 4 * mib);
}

TEST_CASE("the buffers of blocks are given back when memory is trimmed") {
  using namespace weft::detail::arrays;
  { const block b(element_of<std::uint8_t>, {5 << 20}); }
  CHECK(bytes_kept_for_blocks() >= 5 * mib);
  static std::size_t asked = 0;
  static weft::detail::memory_keeper keeper{[]() noexcept { ++asked; }};
  weft::detail::add_keeper(keeper);
  weft::real_environment().trim_memory();
  CHECK(asked == 1);
  CHECK(bytes_kept_for_blocks() == 0);
}
