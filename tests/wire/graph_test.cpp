// Graphs as they travel: what is written is read again.
#include "wire/graph.hpp"

#include <catch2/catch.hpp>
#include <cstdint>
#include <vector>

#include "support/seeds.hpp"
#include "wire/random.hpp"

namespace {

using namespace weft::net;

TEST_CASE("a graph that was written is read the same, from part to part", "[graph]") {
  for (const std::uint64_t seed : weft::test::seed_range(200)) {
    weft::test::random_numbers r(seed);
    const std::uint64_t first = 1 + r.below(std::size_t{1} << 39);
    std::vector<std::uint32_t> links;
    for (std::size_t k = 1 + r.below(4); k > 0; --k) links.push_back(static_cast<std::uint32_t>(r.below(3)));
    graph_writer out(first, links.size());
    std::vector<graph_task> tasks;
    std::vector<std::vector<std::byte>> parts;
    std::uint32_t said = 0;
    for (std::size_t n = 1 + r.below(60); n > 0; --n) {
      graph_task t;
      t.layer = static_cast<std::uint32_t>(r.below(links.size()));
      t.index = r.below(8) == 0 ? 0xfffffffe : static_cast<std::uint32_t>(r.below(1000));
      t.wanted = r.below(2) == 0;
      t.taken = r.below(2) == 0;
      t.rank = r.below(4) == 0 ? ~std::uint64_t{0} - r.below(9) : r.below(1'000'000);
      out.task(t.layer, t.index, t.wanted, t.taken, t.rank);
      for (std::uint32_t k = 0; k < links[t.layer]; ++k) {
        t.counts.push_back(static_cast<std::uint32_t>(r.below(4)));
        out.link(t.counts.back());
        for (std::uint32_t i = 0; i < t.counts.back(); ++i) {
          if (tasks.empty() || r.below(4) == 0) {
            t.inputs.push_back({0, static_cast<std::uint32_t>(r.below(5)), false});
            out.other(t.inputs.back().other);
          } else {
            t.inputs.push_back({first + r.below(tasks.size()), 0, r.below(2) == 0});
            out.input(t.inputs.back().number, t.inputs.back().last);
          }
        }
      }
      tasks.push_back(std::move(t));
      if (n == 1 || r.below(5) == 0) {
        said += out.tasks();
        parts.emplace_back(out.bytes().begin(), out.bytes().end());
        out.clear();
      }
    }
    CHECK(said == tasks.size());
    graph_reader in(first, links, 5);
    std::size_t at = 0;
    graph_task t;
    for (const auto& part : parts)
      for (std::span<const std::byte> rest(part); !rest.empty(); ++at) {
        REQUIRE(in.next() == first + at);
        in.read(rest, t, 8);
        const graph_task& was = tasks.at(at);
        REQUIRE((t.layer == was.layer && t.index == was.index && t.wanted == was.wanted && t.taken == was.taken &&
                 t.rank == was.rank && t.counts == was.counts && t.inputs == was.inputs));
      }
    CHECK(at == tasks.size());
  }
}

TEST_CASE("a task of a stencil travels in a few bytes", "[graph]") {
  constexpr std::uint64_t width = 1000;
  graph_writer out(1, 2);
  for (std::uint32_t i = 0; i < width; ++i) out.task(0, i, false, true, i);
  const std::size_t roots = out.bytes().size();
  for (std::uint32_t i = 1; i + 1 < width; ++i) {
    out.task(1, i, true, false, width + i);
    out.link(3);
    for (std::uint64_t k = 0; k < 3; ++k) out.input(i + k, k == 0);
  }
  CHECK(roots <= 4 * width);
  CHECK(out.bytes().size() - roots <= 10 * width);
}

}  // namespace
