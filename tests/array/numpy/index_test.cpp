// Indices of all kinds, beside NumPy's.
#include "array/numpy/reference.hpp"

using reference::check;
using weft::ellipsis;
using weft::newaxis;
using weft::none;
using weft::positions;
using weft::region;
using weft::slice;

namespace {

weft::shape chunks() {
  return GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{1, 17, 1}, weft::shape{4, 3, 5});
}
std::vector<std::int64_t> long_list(std::int64_t n, std::int64_t step, std::int64_t below) {
  std::vector<std::int64_t> list;
  for (std::int64_t i = 0; i < n; ++i) list.push_back(i * step % below);
  return list;
}

}  // namespace

TEST_CASE("lists, masks and ellipses among other indices are NumPy's, in all chunks") {
  arrays::place at;
  const reference::data d(at, chunks());
  const xt::xtensor<bool, 1> of_rows = at(d.row > 0.0), of_columns = at(d.plane(slice(), 0) > 0.0);
  const xt::xtensor<bool, 1> none_at_all = at(d.x(slice(), 0, 0) > 9.0);
  const std::vector<bool> columns(of_columns.begin(), of_columns.end());
  for (const bool kept : {false, true}) {
    const auto x = kept ? d.x.persist() : d.x;
    check(at, "list_ellipsis", x(ellipsis, positions(1, 3), slice(none, none, 2)), true);
    check(at, "list_ellipsis_last", x(slice(2, 9), ellipsis, positions(4, 0, -1, 0)), true);
    check(at, "list_first", x(positions(5, -2, 5, 0), slice(none, none, -1), slice(1)), true);
    check(at, "list_number", x(slice(), 3, positions(1, 2)), true);
    check(at, "list_apart", x(3, slice(), positions(1, 2, 0)), true);
    check(at, "list_apart_ellipsis", x(slice(), positions(1, 2), ellipsis, 4), true);
    check(at, "list_apart_newaxis", x(slice(), positions(1, 2, 16), newaxis, 4), true);
    check(at, "list_newaxis", x(newaxis, slice(none, none, 4), positions(16, 0), newaxis), true);
    check(at, "list_empty", x(slice(1), positions()), true);
    check(at, "list_long", x(slice(none, none, 5), long_list(500, 7919, 17), 2), true);
    check(at, "list_long", x(slice(none, none, 5), xt::xtensor<int, 1>(xt::arange(500) * 7919 % 17), 2), true);
    check(at, "mask_last", x(ellipsis, of_rows), true);
    check(at, "mask_middle", x(slice(none, none, -3), columns, 1), true);
    check(at, "mask_none", x(none_at_all), true);
    check(at, "ellipsis", x(ellipsis, 2), true);
    check(at, "ellipsis_middle", x(3, ellipsis, slice(1, 4)), true);
    check(at, "ellipsis_newaxis", x(ellipsis, newaxis, slice(1, 4)), true);
    check(at, "ellipsis_of_nothing", x(1, slice(2, 4), ellipsis, 3), true);
    const weft::array<double> any = x;  // its rank is known when the program runs
    check(at, "list_apart", any(3, slice(), positions(1, 2, 0)), true);
    check(at, "ellipsis_middle", any(3, ellipsis, slice(1, 4)), true);
  }
}

TEST_CASE("elements by arrays of indices are NumPy's, in all chunks") {
  arrays::place at;
  const reference::data d(at, chunks());
  const auto rows = d.i(5, slice(), 2) % 17;
  const auto few = weft::from_array(at.client, std::vector<int>{4, -5, 1, 4}, {.chunk = {3}});
  for (const bool kept : {false, true}) {
    const auto x = kept ? d.x.persist() : d.x;
    check(at, "by_order", x(weft::argsort(x(slice(), 2, 1))), true);
    check(at, "by_few", x(ellipsis, slice(none, none, -1), few), true);
    check(at, "by_apart", x(3, slice(), weft::from_array(at.client, std::vector<std::uint8_t>{1, 2, 0})), true);
    check(at, "by_axis", weft::take(x, rows, 1), true);
    check(at, "by_mod", weft::take(d.row, d.i(slice(), 0, 0) % 5, 0), true);
    check(at, "along_first", weft::take_along_axis(x, weft::argsort(x, 0), 0), true);
    const auto other = weft::take_along_axis(x, weft::argsort(d.z, 1), 1);
    check(at, "along_other", other(slice(), slice(3, 9)), true);
    check(at, "along_broadcast", weft::take_along_axis(x, d.i(slice(0, 1)) % 5 - 2, -1), true);
    check(at, "along_spread", weft::take_along_axis(x(slice(), slice(0, 1)), d.i % 23, 0), true);
  }
}

TEST_CASE("assignments to lists, masks and behind ellipses are NumPy's, in all chunks") {
  arrays::place at;
  const reference::data d(at, chunks());
  const xt::xtensor<bool, 1> columns = at(d.plane(slice(), 0) > 0.0);
  const auto numbers = weft::reshape<3>(weft::arange<double>(at.client, 40), {40, 1, 1});
  for (const bool kept : {false, true}) {
    const auto x = kept ? d.x.persist() : d.x;
    check(at, "assign_list_scalar", weft::assign(x, region(ellipsis, positions(3, 0)), 7), true);
    check(at, "assign_list",
          weft::assign(x, region(slice(none, none, 2), positions(5, -1, 3, 4, 16), slice(1)),
                       d.plane(slice(none, 5), slice(none, 4))),
          true);
    check(at, "assign_list_apart",
          weft::assign(x, region(2, slice(), positions(4, 1)), d.plane(slice(none, 2), slice(none, 1)) * 3.0), true);
    check(at, "assign_mask", weft::assign(x, region(slice(), columns), d.row), true);
    check(at, "assign_list_long", weft::assign(x, region(long_list(40, 7, 23)), numbers), true);
  }
}

TEST_CASE("assignments to arrays of indices and to masks that are arrays are NumPy's, in all chunks") {
  arrays::place at;
  const reference::data d(at, chunks());
  const auto rows = d.i(5, slice(), 2) % 17;
  const auto few = weft::from_array(at.client, std::vector<int>{4, -5, 1, 4}, {.chunk = {3}});
  const auto three = weft::from_array(at.client, std::vector<std::uint8_t>{1, 2, 0});
  for (const bool kept : {false, true}) {
    const auto x = kept ? d.x.persist() : d.x;
    check(at, "assign_by_scalar", weft::assign(x, region(ellipsis, few), 7), true);
    check(at, "assign_by", weft::assign(x, region(few), x(slice(10, 14)) * 2.0), true);
    check(at, "assign_by_other",
          weft::assign(x, region(slice(none, none, 2), rows, slice(1)), d.plane(slice(), slice(none, 4))), true);
    check(at, "assign_by_apart",
          weft::assign(x, region(2, slice(), three), d.plane(slice(none, 3), slice(none, 1)) * 3.0), true);
    check(at, "assign_by_mask", weft::assign(x, region(slice(), d.plane(slice(), 0) > 0.0), d.row), true);
    check(at, "assign_by_mask_apart", weft::assign(x, region(3, slice(none, none, -1), d.row > 0.0), 2.0f), true);
  }
  check(at, "assign_by_int", weft::assign(d.i, region(few), d.x(slice(10, 14)) * 1000.0), true);
  check(at, "assign_of_other_type",
        weft::assign(d.i, region(slice(), slice(3, 5)), d.x(slice(), slice(6, 8)) * 1000.0), true);
}

TEST_CASE("points by several lists are NumPy's, in all chunks") {
  arrays::place at;
  const reference::data d(at, chunks());
  const xt::xtensor<bool, 1> columns = at(d.plane(slice(), 0) > 0.0);
  std::vector<std::int64_t> squares = long_list(1000, 1, 1000);
  for (std::int64_t& i : squares) i = i * i % 5;
  const xt::xtensor<int, 2> rows{{1}, {22}};
  for (const bool kept : {false, true}) {
    const auto x = kept ? d.x.persist() : d.x;
    check(at, "vindex_two", weft::vindex(x, positions(5, -2, 5, 0), positions(0, 3, 16, 3)), true);
    const auto all = weft::vindex(x, long_list(1000, 7919, 23), long_list(1000, 31, 17), squares);
    STATIC_REQUIRE(std::is_same_v<decltype(all), const weft::array<double, 1>>);
    check(at, "vindex_all", all, true);
    const auto broadcast = weft::vindex(x, rows, slice(), positions(0, 4, 2));
    STATIC_REQUIRE(std::is_same_v<decltype(broadcast), const weft::array<double, 3>>);
    check(at, "vindex_broadcast", broadcast, true);
    check(at, "vindex_last", weft::vindex(x, slice(none, none, -2), positions(3, 4, 3), positions(1, 1, 4)), true);
    check(at, "vindex_number", weft::vindex(x, 3, positions(1, 16), positions(0, 4)), true);
    check(at, "vindex_one", weft::vindex(x, ellipsis, positions(1, 2, 3, 1)), true);
    const auto apart = weft::vindex(x, positions(20, 3, 20, 9), slice(2, 11, 3), positions(-1, 0, -1, 2));
    check(at, "vindex_apart", apart, true);
    CHECK(at(weft::sum(apart(slice(1, 3), 2))) == at(x(3, 8, 0)) + at(x(20, 8, -1)));
    check(at, "vindex_empty", weft::vindex(x, positions(), positions()), true);
    check(at, "vindex_empty_axis", weft::vindex(x, xt::xtensor<int, 2>(xt::zeros<int>({3, 0})), std::vector<int>{0}),
          true);
    check(at, "vindex_mask", weft::vindex(x, slice(), columns, positions(2)), true);
    const weft::array<double> any = x;  // its rank is known when the program runs
    check(at, "vindex_broadcast", weft::vindex(any, xt::xarray<int>(rows), slice(), positions(0, 4, 2)), true);
  }
  check(at, "vindex_int", weft::vindex(d.i, positions(22, 0, 22), positions(0, 16, 0), positions(4, 0, 4)), true);
}
