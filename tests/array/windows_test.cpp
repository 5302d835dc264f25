// Windows, and functions along axes: what is computed for them, and what is refused.
#include <catch2/catch.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "array/arrays.hpp"
#include "weft/errors.hpp"

using arrays::place;
using Catch::Contains;
using weft::axes;
using weft::slice;

namespace {

struct first_two {
  xt::xtensor<double, 1> operator()(const weft::chunk_view<double, 1>& a) const {
    return xt::view(a, xt::range(0, 2));
  }
};
const auto most = [](const auto& a, const auto& within) { return xt::amax(a, within); };

}  // namespace

TEST_CASE("windows over large arrays are in chunks as weft makes them, and a part computes that part alone") {
  place at(1);
  const auto x = weft::ones<double, 2>(at.client, {100'000, 100'000}, {.chunk = {1000, 1000}}) * 3.0;  // 8 MB
  const auto slid = weft::sliding_window_view(x, {100, 100}, axes(0, 1));
  CHECK(slid.shape() == weft::shape{99'901, 99'901, 100, 100});
  CHECK(slid.chunk_shape().count() * 8 <= std::int64_t{8} << 20);
  CHECK(slid.chunk_shape()[2] == 100);
  CHECK(slid.chunk_shape()[3] == 100);
  CHECK(at(slid(99'900, 50'000, 99, 7)) == 3);
  CHECK(slid(99'900, 50'000).task_count() <= 6);
  // Few windows leave the chunks as they are.
  const auto pairs = weft::sliding_window_view(weft::zeros<float, 1>(at.client, {1000}, {.chunk = {100}}), 2, 0);
  CHECK(pairs.chunk_shape() == weft::shape{100, 2});
  const auto small = weft::coarsen(most, x, {10, 1000});
  CHECK(small.chunk_shape() == weft::shape{100, 1});
  CHECK(at(small(9'999, 99)) == 3);
  CHECK(small(9'999, 99).task_count() <= 3);
  // Chunks that are no whole windows are cut so.
  CHECK(weft::coarsen(most, x, {300, 10'000}, true).chunk_shape() == weft::shape{3, 1});
}

TEST_CASE("empty arrays have windows and lines too") {
  place at(1);
  const auto none = weft::zeros<double, 2>(at.client, {0, 4});
  CHECK(at(weft::sliding_window_view(none, 3, 1)).shape() == (std::array<std::size_t, 3>{0, 2, 3}));
  CHECK(at(weft::coarsen(most, none, {2, 2})).shape() == (std::array<std::size_t, 2>{0, 2}));
  CHECK(at(weft::coarsen(most, weft::ones<double, 1>(at.client, {3}), {5}, true)).size() == 0);
  const auto last = [](const auto& a) { return a(a.size() - 1); };
  CHECK(at(weft::apply_along_axis(last, 1, none)).size() == 0);
  CHECK(at(weft::apply_along_axis(first_two{}, 1, weft::new_axes{{2}}, none)).shape() ==
        (std::array<std::size_t, 2>{0, 2}));
}

TEST_CASE("windows and functions of axes that do not fit are refused") {
  place at(1);
  const auto x = weft::zeros<double, 2>(at.client, {6, 4}, {.chunk = {2, 4}});
  CHECK_THROWS_WITH(weft::sliding_window_view(x, 5, 1),
                    "weft: windows of (5) elements over an array of shape (6, 4): along axis 1 they have 1 to 4");
  CHECK_THROWS_WITH(weft::sliding_window_view(x, 0, 0), Contains("axis 0 they have 1 to 6"));
  CHECK_THROWS_WITH(weft::sliding_window_view(x, {4, 4}, axes(0, 0)), Contains("axis 0 they have 1 to 3"));
  CHECK_THROWS_WITH(weft::sliding_window_view(x, {2}, axes(0, 1)), Contains("along 2 axes: give an extent for each"));
  CHECK_THROWS_WITH(weft::sliding_window_view(x, 2, 2), Contains("axis 2"));
  const auto deep = weft::zeros<double>(at.client, {2, 2, 2, 2, 2, 2, 2, 2});
  CHECK_THROWS_WITH(weft::sliding_window_view(deep, 2, 0), Contains("more than 8 axes"));
  const auto most_of = [&](const weft::shape& windows) { return weft::coarsen(most, x, windows); };
  CHECK_THROWS_WITH(most_of({2, 3}),
                    "weft: windows of (2, 3) elements side by side in an array of shape (6, 4): axis 1 has 1 element "
                    "more than whole windows; set trim to leave them out");
  CHECK_THROWS_WITH(most_of({2}), Contains("an extent for each axis"));
  CHECK_THROWS_WITH(most_of({0, 1}), Contains("1 element or more"));
  const auto one = [](const auto& a) { return a(0); };
  CHECK_THROWS_WITH(weft::apply_along_axis(one, 2, x), Contains("axis 2"));
  CHECK_THROWS_WITH(weft::apply_along_axis(first_two{}, 0, weft::new_axes{{2, 2}}, x), Contains("one extent"));
  CHECK_THROWS_WITH(
      weft::apply_over_axes([](const auto& a, std::int64_t axis) { return weft::sum(a, axis); }, x, axes(0, 2)),
      Contains("axis 2"));
  using weft::detail::arrays::check_windows;
  CHECK_NOTHROW(check_windows({6, 4}, {3, 4}));
  for (const weft::shape& windows : {weft::shape{6, 3}, weft::shape{0, 4}, weft::shape{6}, weft::shape{6, 4, 1}})
    CHECK_THROWS_AS(check_windows({6, 4}, windows), std::logic_error);
  // What a function gives is known when it is called.
  CHECK_THROWS_WITH(at(weft::apply_along_axis(first_two{}, 0, x)), Contains("(2)") && Contains("(6)"));
}
