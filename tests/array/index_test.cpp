// Lists, masks and ellipses as indices: what they compute, and what is refused.
#include <catch2/catch.hpp>

#include "array/arrays.hpp"
#include "weft/errors.hpp"

using arrays::list_of;
using arrays::place;
using weft::ellipsis;
using weft::positions;
using weft::region;
using weft::slice;

TEST_CASE("a list among indices of a huge array computes the chunks in which its elements are") {
  place at(1);
  const auto huge = weft::ones<float, 3>(at.client, {10, 1'000'000, 1'000'000}, {.chunk = {1, 1000, 1000}}) * 2.0f;
  const auto part = huge(3, slice(999'000), positions(7, 1500, 5));
  CHECK(part.shape() == weft::shape{3, 1000});  // the number stands apart from the list
  CHECK(part.task_count() <= 4);
  CHECK(at(weft::sum(part)) == 6000);
  const auto written = weft::assign(huge, region(3, ellipsis, positions(999'999, 0)), 5.0f);
  CHECK(at(written(3, 10, -1)) == 5);
  CHECK(at(written(3, 10, 1)) == 2);
  CHECK(at(written(2, 10, 0)) == 2);
}

TEST_CASE("lists and masks that do not fit are refused, by the array's own axes") {
  place at(1);
  const auto x = weft::zeros<double, 3>(at.client, {10, 4, 6});
  CHECK_THROWS_WITH(x(3, slice(0, 2), positions(0, 6)), "weft: index 6 along axis 2 of an array of shape (10, 4, 6)");
  CHECK_THROWS_WITH(x(ellipsis, positions(-5), 0), "weft: index -5 along axis 1 of an array of shape (10, 4, 6)");
  CHECK_THROWS_WITH(x(0, ellipsis, 6), "weft: index 6 along axis 2 of an array of shape (10, 4, 6)");
  CHECK_THROWS_WITH(x(std::vector<bool>(9, true)),
                    "weft: a mask of 9 elements for axis 0 of an array of shape (10, 4, 6): give one of as many as "
                    "it has");
  CHECK_THROWS_WITH(x(0, std::vector<bool>()), Catch::Contains("a mask of 0 elements for axis 1"));
  const xt::xtensor<bool, 2> mask = xt::ones<bool>({10, 4});
  CHECK_THROWS_WITH(
      x(mask),
      "weft: a list or a mask of 2 axes as an index: give one of one axis. By a mask of the "
      "array's shape, there is compress to take elements, and to assign where(mask, value, x); point by "
      "point there is vindex");
  const weft::array<double> any = x;
  CHECK_THROWS_WITH(any(0, ellipsis, 0, positions(1), 0),
                    "weft: more indices than axes, for an array of shape (10, 4, 6)");
  CHECK_THROWS_WITH(any(0, 0, 0, ellipsis, 0), Catch::Contains("more indices than axes"));
  CHECK_THROWS_WITH(weft::assign(x, region(ellipsis, positions(1, 6)), 1.0), Catch::Contains("index 6 along axis 2"));
  CHECK_THROWS_WITH(weft::assign(x, region(positions(1, 2), weft::newaxis), 1.0), Catch::Contains("no new axes"));
  CHECK_THROWS_WITH(
      weft::assign(x, region(positions(1, 2)), weft::zeros<double, 3>(at.client, {3, 4, 6})),
      Catch::Contains("a value of shape (3, 4, 6) in chunks of (3, 4, 6) for a part of shape (2, 4, 6) of "
                      "an array of shape (10, 4, 6) in chunks of ("));
  CHECK_THROWS_AS(x(10), weft::misuse);
}

TEST_CASE("an index that is beyond all signed numbers is refused, rather than counted from the end") {
  place at(1);
  const auto x = weft::zeros<double, 2>(at.client, {10, 4});
  constexpr std::uint64_t large = ~std::uint64_t{0};  // -1, as a signed number
  const char* const said =
      "weft: index 18446744073709551615: no axis is so long; one that counts from the end is a negative number of a "
      "signed type";
  const std::vector<std::uint64_t> list{0, large};
  CHECK_THROWS_WITH(x(large), said);
  CHECK_THROWS_WITH(x(list), said);
  CHECK_THROWS_WITH(positions(0, large), said);
  CHECK_THROWS_WITH(region(0, large), said);
  CHECK_THROWS_WITH(weft::vindex(x, list), said);
  const xt::xtensor<std::uint64_t, 2> points{{0, large}};
  CHECK_THROWS_WITH(weft::vindex(x, points), said);
  const std::vector<unsigned char> small{9};
  CHECK(at(weft::vindex(x, small, 3U))(0) == 0);
}

TEST_CASE("indices of an array are checked when they are found, in the array's own axes, and its shape before") {
  place at(1);
  const auto x = weft::full<double, 3>(at.client, {10, 4, 6}, 2, {.chunk = {3, 4, 2}});
  const auto list = weft::from_array(at.client, std::vector<int>{3, -11, 10}, {.chunk = {1}});
  CHECK(at(x(list)(0, 0, 0)) == 2);  // others are not computed
  CHECK_THROWS_WITH(at(x(list)), Catch::Contains("index -11 along axis 0 of an array of shape (10, 4, 6)"));
  CHECK_THROWS_WITH(at(x(0, slice(), list)(2, 2)),
                    Catch::Contains("index 10 along axis 2 of an array of shape (10, 4, 6)"));
  const auto across = list(slice(0, 1), weft::newaxis, weft::newaxis) * 4;
  CHECK_THROWS_WITH(at(weft::take_along_axis(x, across, 1)), Catch::Contains("index 12 along axis 1 of"));
  const auto large = weft::full<std::uint64_t, 1>(at.client, {1}, ~std::uint64_t{0});
  CHECK_THROWS_WITH(at(x(large)), Catch::Contains("index 18446744073709551615: no axis is so long"));
  const weft::array<int> two = list(slice(), weft::newaxis);
  CHECK_THROWS_WITH(
      x(slice(), two),
      "weft: indices of shape (3, 1) in chunks of (1, 1) along axis 1 of an array of shape (10, 4, 6) in "
      "chunks of (3, 4, 2): give an array of one axis; for one of the array's axes there is "
      "take_along_axis");
  CHECK_THROWS_WITH(weft::take_along_axis(x, two, 0),
                    Catch::Contains("give such as have as many axes, and broadcast"));
  const auto nothing = weft::zeros<double, 2>(at.client, {0, 3});
  CHECK_THROWS_WITH(nothing(list), Catch::Contains("which has no element there"));
  CHECK(at(nothing(list(slice(0, 0)))).size() == 0);
}

TEST_CASE("an assignment to indices of an array computes what is needed, and refuses what does not fit") {
  place at(1);
  const auto huge = weft::ones<float, 3>(at.client, {10, 1'000'000, 1'000'000}, {.chunk = {1, 1000, 1000}}) * 2.0f;
  const auto ends = weft::from_array(at.client, std::vector<std::int64_t>{999'999, 0, -1});
  const auto values = weft::from_array(at.client, std::vector<double>{5, 6, 7});
  const auto written = weft::assign(huge, region(3, ellipsis, ends), values(slice(), weft::newaxis));
  CHECK(at(written(3, 10, -1)) == 7);  // the last of two
  CHECK(at(written(3, 10, 0)) == 6);
  CHECK(at(written(3, 10, 1)) == 2);
  CHECK(at(written(2, 10, 0)) == 2);

  const auto x = weft::full<std::int16_t, 3>(at.client, {10, 4, 6}, 2, {.chunk = {3, 4, 2}});
  const auto list = weft::from_array(at.client, std::vector<int>{3, 10, -11}, {.chunk = {1}});
  CHECK(at(weft::assign(x, region(list(slice(0, 1))), 9)(3, 3, 5)) == 9);
  CHECK_THROWS_WITH(at(weft::assign(x, region(list(slice(0, 2))), 9)),
                    Catch::Contains("index 10 along axis 0 of an array of shape (10, 4, 6)"));
  CHECK_THROWS_WITH(at(weft::assign(x, region(0, slice(), list(slice(2))), 9)),
                    Catch::Contains("index -11 along axis 2 of an array of shape (10, 4, 6)"));
  const weft::array<int, 2> two = list(slice(), weft::newaxis);
  CHECK_THROWS_WITH(
      weft::assign(x, region(slice(), two), 9),
      "weft: indices of shape (3, 1) in chunks of (1, 1) along axis 1 of an array of shape (10, 4, 6) in "
      "chunks of (3, 4, 2): an assignment takes an array of one axis");
  CHECK_THROWS_WITH(weft::assign(x, region(list), x),
                    Catch::Contains("a value of shape (10, 4, 6) in chunks of (3, 4, 2) for a part of shape "
                                    "(3, 4, 6) of an array of shape (10, 4, 6)"));
  CHECK_THROWS_WITH(weft::assign(x, region(weft::newaxis, list), 9), Catch::Contains("no new axes"));
  CHECK_THROWS_WITH(weft::assign(x, region(slice(), list > 0), 9),
                    Catch::Contains("a mask of shape (3) in chunks of (1) for axis 1 of an array of shape"));
  const auto mask = x(0, 0) > std::int16_t{0};
  CHECK_THROWS_WITH(weft::assign(x, region(ellipsis, mask), x(0, 0)),
                    Catch::Contains("for what a mask takes along axis 2 of an array of shape (10, 4, 6)"));
  CHECK(at(weft::sum(weft::assign(x, region(ellipsis, mask), x(0, slice(), slice(0, 1)) * std::int16_t{2}))) == 960);
  CHECK(at(weft::sum(weft::assign(x, region(list(slice(0, 0))), x(slice(0, 0))))) == 480);
  const auto nothing = weft::zeros<double, 2>(at.client, {0, 3});
  CHECK_THROWS_WITH(weft::assign(nothing, region(list), 1.0), Catch::Contains("which has no element there"));
}

TEST_CASE("an assignment to indices of an array finds the last of them among those of all its chunks") {
  place at;
  const auto x = weft::rechunk(weft::arange<double>(at.client, 0, 500, 1), weft::chunk_sizes({7, 193, 100, 1, 199}));
  std::vector<std::int64_t> list;
  for (std::int64_t i = 0; i < 700; ++i) list.push_back(i * i * 31 % 800 - 400);
  std::vector<double> expected = list_of(at(x)), of_one = expected;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto to = static_cast<std::size_t>(list[i] < 0 ? list[i] + 500 : list[i]);
    expected[to] = -1.0 - static_cast<double>(i);
    of_one[to] = -1;
  }
  const auto indices = weft::rechunk(weft::from_array(at.client, list), weft::chunk_sizes({90, 300, 1, 250, 59}));
  const auto values = weft::arange<double>(at.client, -1, -701, -1, {.chunk = {111}});
  const auto written = weft::assign(x, region(indices), values);
  CHECK(list_of(at(written)) == expected);
  CHECK(list_of(at(weft::assign(x, region(indices), -1))) == of_one);
  CHECK(list_of(at(written(slice(205, 310)))) == std::vector(expected.begin() + 205, expected.begin() + 310));
  // Parts of the chunks of indices are between them and the chunks of x.
  CHECK(weft::assign(x, region(indices), -1)(slice(205, 310)).task_count() >= 5 + 3 * 5 + 3);
  const auto fine = weft::zeros<float, 1>(at.client, {1 << 20}, {.chunk = {8}});
  CHECK_THROWS_WITH(
      weft::assign(fine, region(weft::arange<std::int64_t>(at.client, 0, 1 << 20, 1, {.chunk = {8}})), 1),
      Catch::Contains("along axis 0 of an array of shape (1048576)") && Catch::Contains("2^32 tasks or more"));
}

TEST_CASE("indices that broadcast against an array make no larger chunks than weft chooses", "[array][index]") {
  place at;
  const auto column =
      weft::from_function<2>(at.client, {5000, 1}, [](std::int64_t i, std::int64_t) { return 3 * i; });
  const auto across =
      weft::from_function<2>(at.client, {1, 1'000'000}, [](std::int64_t, std::int64_t j) { return j * 7919 % 5000; });
  const auto found = weft::take_along_axis(column, across, 0);
  CHECK(found.shape() == weft::shape{1, 1'000'000});
  const xt::xtensor<std::int64_t, 2> some = at(found(slice(), slice(0, 3)));
  CHECK(some(0, 0) == 0);
  CHECK(some(0, 1) == 3 * 2919);
  CHECK(some(0, 2) == 3 * 838);
}

TEST_CASE("points of a huge array compute the chunks in which they are") {
  place at(1);
  const auto huge = weft::from_function<2>(at.client, {1'000'000, 1'000'000},
                                           [](std::int64_t i, std::int64_t j) { return i * 1'000'000 + j; },
                                           {.chunk = {1000, 1000}});
  const auto some = weft::vindex(huge, positions(5, 999'999, 5, 3000), positions(7, 999'000, 7, 500'000));
  CHECK(list_of(at(some)) == std::vector<double>{5'000'007, 999'999'999'000, 5'000'007, 3'000'500'000});
  const auto rows = weft::vindex(huge, positions(-1, 0), slice(2000, 4000));
  CHECK(at(rows(0, -1)) == 999'999'003'999);
  // Of a part of them, and where another array reads other chunks of the same.
  CHECK(at(some(2)) == 5'000'007);
  const weft::array<std::int64_t, 2> whole = huge(slice(0, 3000), slice(0, 5000)) + std::int64_t{1};
  const auto both = weft::vindex(whole, positions(2999, 0), slice(2500, 3500))(slice(), slice(600)) +
                    whole(slice(0, 4, 3), slice(3000, 3400));
  CHECK(at(both(0, 0)) == 2'999'003'101 + 3001);
}

TEST_CASE("more points than a chunk of the result has are taken in pieces") {
  place at;
  const auto x = weft::from_function<2>(at.client, {40, 1000},
                                        [](std::int64_t i, std::int64_t j) { return arrays::noise(i * 1000 + j); },
                                        {.chunk = {17, 300}});
  std::vector<std::int64_t> list;
  for (std::int64_t i = 0; i < 9000; ++i) list.push_back(i * i % 40);
  const auto found = weft::vindex(x, list);  // 4,194,304 of them are in a chunk
  CHECK(found.chunk_sizes()[0].size() == 3);
  CHECK(found.chunk_count() == 12);
  const xt::xtensor<double, 2> all = at(found), whole = at(x);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < 9000; ++i)
    for (std::size_t j = 0; j < 1000; ++j) wrong += all(i, j) != whole(static_cast<std::size_t>(list[i]), j);
  CHECK(wrong == 0);
}

TEST_CASE("points in a random order are put together from pieces that have few of other chunks") {
  place at;
  constexpr std::int64_t rows = 64, columns = 1000, n = 20'000;
  const auto x = weft::from_function<2>(at.client, {rows, columns},
                                        [](std::int64_t i, std::int64_t j) { return arrays::noise(i * 1000 + j); },
                                        {.chunk = {2, -1}});
  std::vector<std::int64_t> list;
  for (std::int64_t i = 0; i < n; ++i) list.push_back(arrays::some_number(i, 0, rows - 1));
  const auto found = weft::vindex(x, list);
  const auto chunks = static_cast<std::size_t>(found.chunk_count());
  CHECK(chunks == 20);
  // 32 chunks of x, and of the points of each a piece for one or two chunks of the result: each has some 33 there of
  // its 625, and two are more than a 16th of 1,048.
  CHECK(found.task_count() >= 32 + 32 * chunks / 2 + chunks);
  CHECK(found.task_count() <= 32 + 32 * chunks + chunks);
  const xt::xtensor<double, 2> all = at(found), whole = at(x);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i)
    for (std::size_t j = 0; j < static_cast<std::size_t>(columns); ++j)
      wrong += all(i, j) != whole(static_cast<std::size_t>(list[i]), j);
  CHECK(wrong == 0);
}

TEST_CASE("of an axis that has no element there are no points") {
  place at(1);
  const auto x = weft::ones<double, 2>(at.client, {0, 3});
  const auto rows = weft::vindex(x, std::vector<std::int64_t>{});
  CHECK(rows.shape() == weft::shape{0, 3});
  CHECK(at(rows).size() == 0);
  const auto none_at_all = weft::vindex(x, weft::slice(), positions(2, 0));
  CHECK(none_at_all.shape() == weft::shape{2, 0});
  CHECK(at(none_at_all).size() == 0);
  CHECK(at(weft::vindex(x, std::vector<std::int64_t>{}, positions(1))).size() == 0);
  CHECK_THROWS_WITH(weft::vindex(x, positions(0)), "weft: index 0 along axis 0 of an array of shape (0, 3)");
}

TEST_CASE("points that are not there are refused, and lists that do not broadcast") {
  place at(1);
  const auto x = weft::zeros<double, 3>(at.client, {10, 4, 6});
  CHECK_THROWS_WITH(weft::vindex(x, positions(0, 9), positions(0, 4)),
                    "weft: index 4 along axis 1 of an array of shape (10, 4, 6)");
  CHECK_THROWS_WITH(weft::vindex(x, positions(0, 9), positions(0, 1, 2)),
                    "weft: lists of shapes (2) and (3) as indices: give such as broadcast to one another");
  CHECK_THROWS_WITH(weft::vindex(x, std::vector<bool>(9, true)), Catch::Contains("a mask of 9 elements for axis 0"));
  const xt::xtensor<bool, 2> mask = xt::ones<bool>({10, 4});
  CHECK_THROWS_WITH(weft::vindex(x, mask),
                    "weft: a mask of 2 axes as an index of vindex: give one of one axis for each axis; by a mask of "
                    "the array's shape, there is compress");
  const xt::xarray<int> seven_axes = xt::zeros<int>(std::vector<std::size_t>(7, 1));
  CHECK_THROWS_WITH(weft::vindex(x, seven_axes),
                    "weft: points of 7 axes, and 2 axes without lists: an array has up to 8");
  const xt::xarray<int> many_axes = xt::zeros<int>(std::vector<std::size_t>(9, 1));
  CHECK_THROWS_WITH(weft::vindex(x, many_axes), "weft: a list of 9 axes as an index: an array has up to 8");
  const weft::array<double> any = x;
  CHECK_THROWS_WITH(weft::vindex(any, 0, positions(1), 0, 0), Catch::Contains("more indices than axes"));
}
