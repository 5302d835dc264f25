// Rechunks: the pieces of new chunks, and the chunkings gone through, by properties and by moving real data.
#include "array/rechunk_plan.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "array/copy.hpp"
#include "support/seeds.hpp"
#include "weft/errors.hpp"

namespace {

using namespace weft::detail::arrays;

axis_chunks even(std::size_t n, std::size_t width) {
  axis_chunks sizes;
  for (std::size_t i = 0; i < n; i += width) sizes.push_back(std::min(width, n - i));
  return sizes;
}

axis_chunks random_sizes(std::size_t n, std::mt19937_64& random) {
  if (n == 0) return axis_chunks(1 + random() % 2, 0);
  if (random() % 2 == 0) return even(n, 1 + random() % n);
  axis_chunks sizes;
  while (n != 0) {
    sizes.push_back(std::min<std::size_t>(n, random() % (1 + random() % 20)));  // 0 now and then
    n -= sizes.back();
  }
  return sizes;
}

std::size_t sum(const axis_chunks& sizes) { return std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}); }
std::size_t largest(const axis_chunks& sizes) { return *std::max_element(sizes.begin(), sizes.end()); }

TEST_CASE("an axis's new chunks are made of pieces of old ones, each element once") {
  for (const std::uint64_t seed : weft::test::seed_range(500)) {
    std::mt19937_64 random(seed);
    const std::size_t n = random() % 60;
    const axis_chunks old_sizes = random_sizes(n, random), new_sizes = random_sizes(n, random);
    const axis_crossing crossing(old_sizes, new_sizes);
    INFO("seed " << seed);
    REQUIRE(crossing.chunks() == new_sizes.size());
    std::vector<std::size_t> begins(old_sizes.size());
    std::exclusive_scan(old_sizes.begin(), old_sizes.end(), begins.begin(), std::size_t{0});
    std::size_t element = 0, pieces = 0;
    for (std::size_t c = 0; c < new_sizes.size(); ++c) {
      std::size_t into = 0;
      for (const axis_piece& p : crossing[c]) {
        REQUIRE(p.count > 0);
        REQUIRE(p.into == into);
        REQUIRE(p.first + p.count <= old_sizes[p.chunk]);
        REQUIRE(begins[p.chunk] + p.first == element);
        into += p.count;
        element += p.count;
        ++pieces;
      }
      REQUIRE(into == new_sizes[c]);
    }
    REQUIRE(element == n);
    REQUIRE(crossing.pieces() == pieces);
  }
}

/// An array of 32-bit numbers in chunks, each without gaps.
struct chunked {
  chunking chunks;
  std::vector<std::vector<std::uint32_t>> values;  // by the chunk's number, row-major

  std::vector<std::size_t> extents(const std::vector<std::size_t>& place) const {
    std::vector<std::size_t> e;
    for (std::size_t a = 0; a < place.size(); ++a) e.push_back(chunks[a][place[a]]);
    return e;
  }
  std::size_t number(const std::vector<std::size_t>& place) const {
    std::size_t n = 0;
    for (std::size_t a = 0; a < place.size(); ++a) n = n * chunks[a].size() + place[a];
    return n;
  }
};

std::size_t volume(const std::vector<std::size_t>& e) {
  return std::accumulate(e.begin(), e.end(), std::size_t{1}, std::multiplies<>());
}

/// Calls visit(place) for the chunks in their order.
template <class F>
void each_chunk(const chunking& chunks, F visit) {
  std::vector<std::size_t> place(chunks.size(), 0), counts;
  for (const axis_chunks& a : chunks) counts.push_back(a.size());
  for (std::size_t n = volume(counts); n-- > 0;) {
    visit(place);
    for (std::size_t a = chunks.size(); a-- > 0;) {
      if (++place[a] < counts[a]) break;
      place[a] = 0;
    }
  }
}

chunked rechunk(const chunked& from, const chunking& to) {
  chunked result{to, {}};
  const std::vector<axis_crossing> crossings = cross(from.chunks, to);
  const std::size_t rank = to.size();
  each_chunk(to, [&](const std::vector<std::size_t>& place) {
    const std::vector<std::size_t> extents = result.extents(place);
    std::vector<std::uint32_t> chunk(volume(extents), 0);
    std::vector<std::ptrdiff_t> by(rank);
    row_major_steps(extents, 4, by);
    const std::vector<axis_piece> pieces = pieces_of(crossings, place);
    for (std::size_t i = 0; rank != 0 && i < pieces.size() / rank; ++i) {
      std::vector<std::size_t> old_place(rank), into(rank), counts(rank);
      for (std::size_t a = 0; a < rank; ++a) {
        old_place[a] = pieces[i * rank + a].chunk;
        into[a] = pieces[i * rank + a].into;
        counts[a] = pieces[i * rank + a].count;
      }
      const std::vector<std::uint32_t>& old_chunk = from.values[from.number(old_place)];
      std::vector<std::ptrdiff_t> old_by(rank);
      row_major_steps(from.extents(old_place), 4, old_by);
      const auto* first = reinterpret_cast<const std::byte*>(old_chunk.data());
      for (std::size_t a = 0; a < rank; ++a)
        first += static_cast<std::ptrdiff_t>(pieces[i * rank + a].first) * old_by[a];
      const box_piece piece[] = {{first, old_by, into, counts}};
      gather_boxes(reinterpret_cast<std::byte*>(chunk.data()), by, piece, 4);
    }
    result.values.push_back(std::move(chunk));
  });
  return result;
}

double bytes_of_largest(const chunking& chunks, std::size_t item) {
  auto bytes = static_cast<double>(item);
  for (const axis_chunks& a : chunks) bytes *= static_cast<double>(largest(a));
  return bytes;
}

TEST_CASE("plans end at the new chunks, keep their limits, and move every element to its place") {
  std::size_t cut = 0;
  const weft::test::seed_range seeds(300);
  for (const std::uint64_t seed : seeds) {
    std::mt19937_64 random(seed);
    const std::size_t rank = 1 + random() % 4;
    chunked from;
    chunking to;
    std::vector<std::size_t> whole;
    for (std::size_t a = 0; a < rank; ++a) {
      const std::size_t n = random() % 30 == 0 ? 0 : 1 + random() % (rank == 1 ? 400 : rank == 2 ? 40 : 9);
      whole.push_back(n);
      from.chunks.push_back(random_sizes(n, random));
      to.push_back(random() % 4 == 0 ? from.chunks.back() : random_sizes(n, random));
    }
    const rechunk_limits limits{.piece_bytes = std::size_t{4} << random() % 12,
                                .chunk_bytes = std::size_t{4} << random() % 12,
                                .least_chunks = 1 + random() % 64,
                                .input_bytes = std::size_t{4} << random() % 14};
    const std::vector<chunking> plan = plan_rechunk(from.chunks, to, 4, limits);
    INFO("seed " << seed);
    if (from.chunks == to) {
      REQUIRE(plan.empty());
      continue;
    }
    REQUIRE(!plan.empty());
    REQUIRE(plan.size() <= 8);
    REQUIRE(plan.back() == to);
    const double most = std::max(
        {static_cast<double>(limits.chunk_bytes), bytes_of_largest(from.chunks, 4), bytes_of_largest(to, 4)});
    const rechunk_cost direct = cost_of_rechunk(from.chunks, to, 4);
    rechunk_cost dearest;
    const chunking* before = &from.chunks;
    for (const chunking& step : plan) {
      REQUIRE(step.size() == rank);
      for (std::size_t a = 0; a < rank; ++a) REQUIRE(sum(step[a]) == whole[a]);
      REQUIRE(bytes_of_largest(step, 4) <= most);
      const rechunk_cost c = cost_of_rechunk(*before, step, 4);
      dearest.pieces = std::max(dearest.pieces, c.pieces);
      dearest.input_bytes = std::max(dearest.input_bytes, c.input_bytes);
      before = &step;
    }
    if (plan.size() > 1) {
      ++cut;
      REQUIRE((dearest.pieces < direct.pieces || dearest.input_bytes < direct.input_bytes));
    }

    // The data: element k of the array in C's order is k.
    chunked one{{}, {}};
    for (const std::size_t n : whole) one.chunks.push_back({n});
    one.values.emplace_back(volume(whole));
    std::iota(one.values[0].begin(), one.values[0].end(), 0U);
    chunked moved = rechunk(one, from.chunks);
    for (const chunking& step : plan) moved = rechunk(moved, step);
    REQUIRE(moved.values == rechunk(one, to).values);
    REQUIRE(rechunk(moved, one.chunks).values == one.values);
  }
  if (weft::test::number_in_environment("WEFT_SEED", "a seed") == std::nullopt) CHECK(cut > seeds.last / 15);
}

TEST_CASE("rows become columns through tiles") {
  // 80 GB: a column needs a part of every row, and so the whole array in memory, if it is done at once.
  const chunking rows{even(100'000, 100), even(100'000, 100'000)},
      columns{even(100'000, 100'000), even(100'000, 100)};
  const std::vector<chunking> plan = plan_rechunk(rows, columns, 8);
  REQUIRE(plan.size() == 2);
  CHECK(cost_of_rechunk(rows, columns, 8).input_bytes == 8e10);
  CHECK(cost_of_rechunk(rows, plan[0], 8).input_bytes <= 512.0 * (1 << 20));
  CHECK(cost_of_rechunk(plan[0], columns, 8).input_bytes <= 512.0 * (1 << 20));

  // A hundred million pieces of 8 bytes.
  const chunking thin{even(10'000, 1), {10'000}}, thin_columns{{10'000}, even(10'000, 1)};
  const std::vector<chunking> thin_plan = plan_rechunk(thin, thin_columns, 8);
  CHECK(cost_of_rechunk(thin, thin_columns, 8).pieces == 1e8);
  double pieces = 0;
  const chunking* before = &thin;
  for (const chunking& step : thin_plan) {
    pieces += cost_of_rechunk(*before, step, 8).pieces;
    before = &step;
  }
  CHECK(pieces < 1e6);
  CHECK(thin_plan.size() == 2);
}

TEST_CASE("what is cheap is done at once") {
  const chunking small{even(20'000, 1000), even(20'000, 1000)}, large{even(20'000, 4000), even(20'000, 4000)};
  CHECK(plan_rechunk(small, large, 8) == std::vector<chunking>{large});
  CHECK(plan_rechunk(large, small, 8) == std::vector<chunking>{small});
  CHECK(plan_rechunk(large, large, 8).empty());
  CHECK(plan_rechunk({}, {}, 8).empty());
  const rechunk_cost cost = cost_of_rechunk(small, large, 8);
  CHECK(cost.pieces == 400);
  CHECK(cost.chunks == 425);
  CHECK(cost.input_bytes == 16 * 8e6);
  CHECK(cost.piece_bytes == 8e6);
}

TEST_CASE("pieces of a chunk are all combinations, the last axis the fastest") {
  const std::vector<axis_crossing> crossings = cross({{2, 2}, {3, 3}}, {{4}, {1, 4, 1}});
  const std::vector<std::size_t> place{0, 1};
  const std::vector<axis_piece> expected{{0, 0, 0, 2}, {0, 1, 0, 2}, {0, 0, 0, 2}, {1, 0, 2, 2},
                                         {1, 0, 2, 2}, {0, 1, 0, 2}, {1, 0, 2, 2}, {1, 0, 2, 2}};
  CHECK(pieces_of(crossings, place) == expected);
}

TEST_CASE("chunks that do not fit the array are refused, and both are named") {
  CHECK_THROWS_WITH(cross({{5}, {10, 10}}, {{5}, {10, 9}}),
                    Catch::Contains("axis 1 has 20 elements") && Catch::Contains("19"));
  CHECK_THROWS_WITH(plan_rechunk({{5}}, {{5}, {1}}, 8), Catch::Contains("1 axes") && Catch::Contains("chunks of 2"));
  CHECK_THROWS_AS(cross({{}}, {{}}), weft::misuse);
  const axis_chunks five{5}, six{6};
  CHECK_THROWS_WITH(axis_crossing(five, six), Catch::Contains("5 elements") && Catch::Contains("6 in all"));
}

}  // namespace
