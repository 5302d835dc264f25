// Chunks that are reshaped each by itself.
#include <algorithm>
#include <catch2/catch.hpp>

#include "array/arrays.hpp"
#include "array/irregular.hpp"
#include "weft/errors.hpp"
#include "weft/layer.hpp"

using arrays::choices;
using arrays::list_of;
using arrays::place;
using Catch::Contains;
using weft::array_chunk;
using weft::chunk_sizes;
using weft::slice;

namespace {

using sizes = std::vector<std::int64_t>;

weft::array<double> numbered(const weft::client& c, const weft::shape& extents) {
  return weft::reshape(weft::arange<double>(c, 0, static_cast<double>(extents.count()), 1), extents);
}

/// The elements of each chunk, as they lie in it.
template <class X>
std::vector<std::vector<double>> chunks_of(place& at, const X& x) {
  return at.pool.run(
      [](std::vector<weft::future<array_chunk>> parts) -> weft::task<std::vector<std::vector<double>>> {
        std::vector<std::vector<double>> all;
        for (weft::future<array_chunk>& f : parts) {
          const array_chunk& chunk = co_await f;
          all.push_back(list_of(weft::elements_of<double>(chunk)));
        }
        co_return all;
      }(weft::to_delayed(x)));
}

const std::byte* made_at[4];
array_chunk remembered(std::size_t i) {
  array_chunk made = weft::chunk_of(xt::xtensor<double, 2>({100, 100}, static_cast<double>(i)));
  made_at[i] = made.bytes().data();
  return made;
}

}  // namespace

TEST_CASE("chunks are reshaped as Dask reshapes them, and back") {
  place at;
  const auto x = weft::rechunk(numbered(at.client, {3, 3, 3}), chunk_sizes({3}, {2, 1}, {2, 1}));
  const auto y = weft::reshape_blockwise<2>(x, {3, 9});
  CHECK(y.chunk_sizes() == std::vector<sizes>{{3}, {4, 2, 2, 1}});
  CHECK(list_of(at(y)) == std::vector<double>{0,  1,  3,  4,  2,  5,  6,  7,  8,  9,  10, 12, 13, 11,
                                              14, 15, 16, 17, 18, 19, 21, 22, 20, 23, 24, 25, 26});
  const auto back = weft::reshape_blockwise<3>(y, chunk_sizes(x.chunk_sizes()));
  CHECK(back.chunk_sizes() == x.chunk_sizes());
  CHECK(list_of(at(back)) == list_of(at(x)));
  CHECK(at(weft::sum(weft::reshape_blockwise<1>(x, {-1}))) == 351);
}

TEST_CASE("chunk number n has the elements of chunk number n, whatever the shapes and the chunks") {
  place at;
  choices some(11);
  for (int round = 0; round < 60; ++round) {
    std::vector<sizes> cuts;
    weft::shape extents = weft::shape::of_rank(4);
    for (std::size_t a = 0; a < 4; ++a) {
      extents[a] = some(1, 6);
      cuts.push_back(arrays::some_sizes(extents[a], some));
    }
    const auto x = weft::rechunk(numbered(at.client, extents), chunk_sizes(cuts));
    // Neighbouring axes become one, here and there beside one of a single element.
    const auto first = static_cast<std::size_t>(some(0, 3)),
               last = static_cast<std::size_t>(some(std::int64_t(first), 3));
    std::vector<std::int64_t> to;
    for (std::size_t a = 0; a < 4; ++a) {
      if (a > first && a <= last)
        to.back() *= extents[a];
      else
        to.push_back(extents[a]);
    }
    if (some.coin()) to.insert(to.begin() + some(0, std::int64_t(to.size())), 1);
    weft::shape merged = weft::shape::of_rank(to.size());
    for (std::size_t a = 0; a < to.size(); ++a) merged[a] = to[a];
    CAPTURE(round, weft::to_string(extents), weft::to_string(merged), cuts);
    const auto y = weft::reshape_blockwise(x, merged);
    REQUIRE(y.shape() == merged);
    REQUIRE(y.chunk_count() == x.chunk_count());
    REQUIRE((chunks_of(at, y) == chunks_of(at, x)));
    const auto back = weft::reshape_blockwise<4>(y, chunk_sizes(cuts));
    REQUIRE((list_of(at(back)) == list_of(at(x))));
    // A part reads the chunks that it needs.
    const xt::xarray<double> whole = at(y);
    const std::int64_t begin = some(0, merged[0] - 1);
    const xt::xarray<double> part = at(weft::array<double>(y(slice(begin, begin + 1))));
    const auto each = static_cast<std::ptrdiff_t>(part.size());
    REQUIRE(std::equal(part.begin(), part.end(), whole.begin() + begin * each));
    const auto lines = weft::array<double>(back(weft::ellipsis, slice(extents[3] - 1, extents[3])));
    const xt::xarray<double> expected = at(weft::array<double>(x(weft::ellipsis, slice(extents[3] - 1, extents[3]))));
    REQUIRE((list_of(at(lines)) == list_of(expected)));
  }
}

TEST_CASE("a chunk that nobody else reads is not copied to be reshaped") {
  place at(1);
  const auto x =
      weft::from_delayed<double, 2>(at.client, weft::layer_of(4, remembered), chunk_sizes({100, 100}, {100, 100}));
  const auto y = weft::reshape_blockwise<1>(x, {-1});
  CHECK(y.chunk_sizes() == std::vector<sizes>{{10000, 10000, 10000, 10000}});
  at.pool.run([](std::vector<weft::future<array_chunk>> parts) -> weft::task<> {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const array_chunk& chunk = co_await parts[i];
      CHECK(chunk.bytes().data() == made_at[i]);
      CHECK(chunk.extents() == weft::shape{10000});
    }
  }(weft::to_delayed(y)));
  // What is kept stays as it is.
  const auto kept = x.persist();
  CHECK(at(weft::sum(weft::reshape_blockwise<1>(kept, {-1}))) == 60000);
  CHECK(at(weft::sum(kept)) == 60000);
}

TEST_CASE("what cannot be reshaped by its chunks is refused when it is described") {
  place at;
  const auto x = weft::rechunk(numbered(at.client, {3, 6}), chunk_sizes({2, 1}, {4, 2}));
  CHECK_THROWS_WITH(weft::reshape_blockwise(x, {3, 2, 3}),
                    Contains("how axes 1 to 2 are cut is not known: give chunk_sizes in place of the shape"));
  CHECK_THROWS_WITH(weft::reshape_blockwise(x, {4, 5}), Contains("both have the same number"));
  CHECK_THROWS_WITH(weft::reshape_blockwise(x, chunk_sizes({2, 1}, {2, 3}, {1})),
                    Contains("both have the same number"));
  CHECK_THROWS_WITH(weft::reshape_blockwise(x, chunk_sizes({2, 1}, {1, 1}, {3})),
                    Contains("axis 1 would have 3 elements in chunk 0 in place of 4: give chunks"));
  CHECK_THROWS_WITH(weft::reshape_blockwise(x, chunk_sizes({2, 1}, {2}, {3})),
                    Contains("axis 1 would have 1 chunks in place of 2"));
  // Of nothing there is nothing to be moved.
  const auto none = weft::zeros<double>(at.client, {0, 4});
  CHECK(weft::reshape_blockwise(none, {2, 0}).shape() == weft::shape{2, 0});
  CHECK(at(weft::sum(weft::reshape_blockwise<3>(none, chunk_sizes({0}, {2, 2}, {1})))) == 0);
}
