// Functions of chunks, and of what surrounds them.
#include <atomic>
#include <catch2/catch.hpp>

#include "array/arrays.hpp"
#include "weft/errors.hpp"

using arrays::list_of;
using arrays::noise;
using arrays::place;
using weft::slice;

namespace {

std::atomic<int> chunks_made{0};

/// The mean of an element and its four neighbours; those beyond the edge are left out.
struct smooth {
  template <class X>
  xt::xtensor<double, 2> operator()(const X& x) const {
    ++chunks_made;
    xt::xtensor<double, 2> y = xt::xtensor<double, 2>::from_shape({x.shape()[0], x.shape()[1]});
    const auto n = static_cast<std::ptrdiff_t>(x.shape()[0]), m = static_cast<std::ptrdiff_t>(x.shape()[1]);
    for (std::ptrdiff_t i = 0; i < n; ++i)
      for (std::ptrdiff_t j = 0; j < m; ++j) {
        double sum = 0, count = 0;
        for (const auto& [a, b] : {std::pair(i, j), {i - 1, j}, {i + 1, j}, {i, j - 1}, {i, j + 1}}) {
          if (a < 0 || b < 0 || a >= n || b >= m) continue;
          sum += x(a, b);
          ++count;
        }
        y(i, j) = sum / count;
      }
    return y;
  }
};
struct identity {
  template <class X>
  xt::xtensor<double, 2> operator()(const X& x) const {
    ++chunks_made;
    return x;
  }
};

auto field(const weft::client& c, weft::shape extents, weft::shape chunk) {
  return weft::from_function<2>(c, extents, [](std::int64_t i, std::int64_t j) { return noise(1000 * i + j); },
                                {.chunk = chunk});
}

}  // namespace

TEST_CASE("a stencil over chunks that overlap is that of the whole array") {
  place at;
  const xt::xtensor<double, 2> whole = at(weft::map_blocks(smooth{}, field(at.client, {40, 33}, {40, 33})));
  for (const weft::shape& chunk : {weft::shape{7, 5}, weft::shape{1, 33}, weft::shape{3, 1}, weft::shape{40, 8}}) {
    const auto x = field(at.client, {40, 33}, chunk);
    CHECK(list_of(at(weft::map_overlap(smooth{}, x, {1, 1}))) == list_of(whole));
    CHECK(list_of(at(weft::map_overlap(smooth{}, x.persist(), {3, 2}))) == list_of(whole));
    // Of an expression and a view, and as a part of others.
    const auto part = weft::map_overlap(smooth{}, x + 1.0, {1, 1})(slice(3, 17), slice(30, 2, -3)) - 1.0;
    const xt::xtensor<double, 2> found = at(part);
    for (std::size_t i = 0; i < found.shape()[0]; ++i)
      for (std::size_t j = 0; j < found.shape()[1]; ++j) CHECK(found(i, j) == Approx(whole(3 + i, 30 - 3 * j)));
  }
}

TEST_CASE("functions of chunks see these, and may change the type") {
  place at;
  const auto x = field(at.client, {10, 9}, {4, 3});
  const auto sizes = weft::map_blocks(
      [](const auto& chunk) {
        return xt::xtensor<int, 2>(xt::ones<int>(chunk.shape()) * static_cast<int>(chunk.size()));
      },
      x);
  const auto found = at(sizes);
  CHECK(found(0, 0) == 12);
  CHECK(found(9, 8) == 6);
  const auto doubled = at(weft::map_blocks([](const weft::chunk_view<double, 2>& chunk) { return chunk * 2.0; }, x));
  CHECK(doubled(7, 5) == 2 * noise(7005));
}

TEST_CASE("a part of an overlapping array of 40,000 chunks touches few of them") {
  place at;
  const auto x = field(at.client, {10'000, 10'000}, {50, 50});
  const auto part = weft::map_overlap(identity{}, x, {1, 1})(slice(5000, 5010), slice(5000, 5010));
  chunks_made = 0;
  CHECK(at(part)(3, 4) == noise(5'003'000 + 5004));
  CHECK(chunks_made == 1);
  CHECK(part.task_count() == 2);
}

TEST_CASE("functions of chunks that do not keep the shape are refused") {
  place at(1);
  const auto x = field(at.client, {10, 9}, {4, 3});
  CHECK_THROWS_WITH(weft::map_overlap(identity{}, x, {1}), Catch::Contains("an overlap of (1)"));
  CHECK_THROWS_WITH(weft::map_overlap(identity{}, x, {1, -1}), Catch::Contains("0 or more"));
  const auto smaller =
      weft::map_blocks([](const auto&) { return xt::xtensor<double, 2>(xt::zeros<double>({1, 2})); }, x);
  CHECK_THROWS_WITH(at(smaller), Catch::Contains("a chunk of shape (1, 2) of one of shape (4, 3)"));
}
