// What arrays send: programs and chunks.
#include <catch2/catch.hpp>
#include <stdexcept>

#include "array/arrays.hpp"
#include "array/program.hpp"
#include "array/tasks.hpp"

TEST_CASE("a program that bytes have damaged is refused, or reads its inputs alone") {
  using namespace weft::detail::arrays;
  program p;
  p.domain = make_grid({6, 4}, {3, 4}, 1000, 8);
  p.first = {0, 0};
  p.counts = {2, 1};
  p.loads.push_back({0, element_of<double>, {}, p.domain});
  p.loads[0].map.rank = 2;
  p.loads[0].map.axes[0] = {0, 5, -1};
  p.loads[0].map.axes[1] = {1, 0, 1};
  p.of = element_of<double>;
  const std::vector<std::byte> good = weft::to_bytes(p);
  CHECK(weft::from_bytes<program>(good).loads.size() == 1);
  std::size_t refused = 0, accepted = 0;
  for (std::size_t i = 8; i < good.size(); ++i)
    for (const unsigned bit : {0u, 3u, 7u}) {
      std::vector<std::byte> bad = good;
      bad[i] ^= std::byte{1} << bit;
      program damaged;
      try {
        damaged = weft::from_bytes<program>(bad);
      } catch (const weft::codec_error&) {
        ++refused;
        continue;
      }
      ++accepted;
      CHECK_THROWS_AS(evaluate_chunk(damaged, 0, {}), std::logic_error);  // it has no chunks to read
    }
  CHECK(refused > accepted);
  const auto fails = [&](auto change) {
    program bad = p;
    change(bad);
    CHECK_THROWS_AS(weft::from_bytes<program>(weft::to_bytes(bad)), weft::codec_error);
  };
  fails([](program& b) { b.loads[0].map.axes[0].start = 6; });
  fails([](program& b) { b.loads[0].map.axes[0].step = -2; });
  fails([](program& b) { b.loads[0].map.axes[1].axis = 2; });
  fails([](program& b) { b.loads[0].input = 1; });
  fails([](program& b) { b.result = 1; });
  fails([](program& b) { b.result = -1; });
  fails([](program& b) { b.counts = {3, 1}; });
  fails([](program& b) { b.of.item = 4; });
}

TEST_CASE("chunks travel, and damaged ones are refused") {
  using namespace weft::detail::arrays;
  block b(element_of<float>, {3, 2});
  for (std::size_t i = 0; i < 6; ++i) b.data<float>()[i] = static_cast<float>(i);
  const std::vector<std::byte> bytes = weft::to_bytes(b);
  const block again = weft::from_bytes<block>(bytes);
  CHECK((again.extents() == weft::shape{3, 2}));
  CHECK(again.of().type == weft::dtype::f32);
  CHECK(again.data<float>()[5] == 5);
  for (std::size_t i = 8; i < 13; ++i) {
    std::vector<std::byte> bad = bytes;
    bad[i] = std::byte{0xff};
    CHECK_THROWS_AS(weft::from_bytes<block>(bad), weft::codec_error);
  }
  CHECK_THROWS_AS(weft::from_bytes<block>(std::span(bytes).first(bytes.size() - 1)), weft::codec_error);
}
