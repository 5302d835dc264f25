// Arrays of some chunks of others.
#include <atomic>
#include <catch2/catch.hpp>
#include <xtensor/xview.hpp>

#include "array/arrays.hpp"
#include "weft/errors.hpp"

using arrays::list_of;
using arrays::place;
using Catch::Contains;
using weft::chunks;
using weft::positions;
using weft::slice;

namespace {

using sizes = std::vector<std::vector<std::int64_t>>;

std::atomic<int> calls{0};
struct counted {
  xt::xtensor<std::int64_t, 2> operator()(const weft::chunk_view<std::int64_t, 2>& a) const {
    ++calls;
    return a;
  }
};

/// Element (i, j) is 100 i + j.
weft::array<std::int64_t, 2> numbered(const weft::client& c, const weft::chunk_sizes& cut) {
  const auto x = weft::from_function<2>(c, {19, 9}, [](std::int64_t i, std::int64_t j) { return 100 * i + j; });
  return weft::rechunk(x, cut);
}
std::vector<double> elements(const std::vector<std::int64_t>& rows, const std::vector<std::int64_t>& columns) {
  std::vector<double> all;
  for (const std::int64_t i : rows)
    for (const std::int64_t j : columns) all.push_back(static_cast<double>(100 * i + j));
  return all;
}

}  // namespace

TEST_CASE("chunks are chosen by their numbers") {
  place at;
  const auto x = numbered(at.client, weft::chunk_sizes({5, 5, 5, 4}, {4, 4, 1}));
  // Neighbours are a slice; a number takes no axis away.
  const auto some = chunks(x, slice(1, 3), 0);
  STATIC_REQUIRE(std::is_same_v<std::remove_cvref_t<decltype(some)>, weft::array<std::int64_t, 2>>);
  CHECK(some.chunk_sizes() == sizes{{5, 5}, {4}});
  CHECK(list_of(at(some)) == elements({5, 6, 7, 8, 9, 10, 11, 12, 13, 14}, {0, 1, 2, 3}));
  CHECK(chunks(x, -1).chunk_sizes() == sizes{{4}, {4, 4, 1}});
  CHECK(list_of(at(chunks(x, weft::ellipsis, -1))) == list_of(at(x(slice(), slice(8, 9)))));
  CHECK((chunks(x).chunk_sizes() == x.chunk_sizes() && list_of(at(chunks(x))) == list_of(at(x))));
  CHECK(at(chunks(x, slice(2, 2))).size() == 0);
  CHECK(chunks(x, slice(2, 2)).shape() == weft::shape{0, 9});
  // Others are copied: by steps, backwards, in any order, twice, by a mask; along several axes.
  const auto others = chunks(x, slice(weft::none, weft::none, 3), positions(2, 0, 0));
  CHECK(others.chunk_sizes() == sizes{{5, 4}, {1, 4, 4}});
  CHECK(list_of(at(others)) == elements({0, 1, 2, 3, 4, 15, 16, 17, 18}, {8, 0, 1, 2, 3, 0, 1, 2, 3}));
  CHECK(list_of(at(chunks(x, slice(weft::none, weft::none, -1), 2))) ==
        elements({15, 16, 17, 18, 10, 11, 12, 13, 14, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4}, {8}));
  CHECK(list_of(at(chunks(x, std::vector<bool>{false, true, false, true}, -1))) ==
        elements({5, 6, 7, 8, 9, 15, 16, 17, 18}, {8}));
  CHECK(list_of(at(chunks(x, positions(0, 1, 3), 2))) ==
        elements({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 18}, {8}));

  // Of views, and of chunks of any sizes; ranks may be dynamic.
  const weft::array<std::int64_t> any = numbered(at.client, weft::chunk_sizes({2, 9, 1, 7}, {9}));
  const auto turned = weft::transpose(any);
  CHECK(chunks(turned, 0, slice(1, 3)).chunk_sizes() == sizes{{9}, {9, 1}});
  const auto two = chunks(turned, weft::ellipsis, positions(3, 0));
  CHECK(two.chunk_sizes() == sizes{{9}, {7, 2}});
  CHECK(at(two)(8, 7) == 8);
  CHECK(at(two)(8, 6) == 1808);
}

TEST_CASE("no chunk but those that are chosen is computed") {
  place at;
  const auto x = weft::map_blocks(counted{}, numbered(at.client, weft::chunk_sizes({5, 5, 5, 4}, {4, 4, 1})));
  const auto calls_of = [&](const auto& y) {
    calls = 0;
    at(y);
    return calls.load();
  };
  CHECK(calls_of(chunks(x, slice(1, 3), 0)) == 2);
  CHECK(calls_of(chunks(x, slice(weft::none, weft::none, 3), positions(2, 0, 0))) == 4);
  CHECK(calls_of(weft::sum(chunks(x, positions(3, 0), 1))) == 2);
  CHECK(calls_of(chunks(x, slice(2, 2))) == 0);
  const auto huge = weft::ones<double, 2>(at.client, {1'000'000, 1'000'000}, {.chunk = {1000, 1000}});
  CHECK(at(weft::sum(chunks(huge, positions(999, 3), -1))) == 2e6);
}

TEST_CASE("chunks that are not there are refused") {
  place at(1);
  const auto x = numbered(at.client, weft::chunk_sizes({5, 5, 5, 4}, {4, 4, 1}));
  CHECK_THROWS_WITH(chunks(x, 4),
                    "weft: chunk 4 along axis 0 of an array of shape (19, 9) in chunks of (5, 4), which "
                    "has 4 chunks there");
  CHECK_THROWS_WITH(chunks(x, 0, positions(0, -4)), Contains("chunk -4 along axis 1") && Contains("3 chunks there"));
  CHECK_THROWS_WITH(chunks(x, std::vector<bool>{true, false}), Contains("a mask of 2 chunks along axis 0"));
  CHECK_THROWS_WITH(chunks(x, slice(0, 3, 0)), Contains("step 0"));
  const weft::array<std::int64_t> any = x;
  CHECK_THROWS_WITH(chunks(any, 0, 0, 0), Contains("chunks by 3 numbers") && Contains("(19, 9) in chunks of (5, 4)"));
}
