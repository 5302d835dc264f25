// Elements put in and taken out, and blocks, beside NumPy's.
#include "array/numpy/reference.hpp"

using reference::check;
using weft::ellipsis;
using weft::newaxis;
using weft::none;
using weft::positions;
using weft::slice;

namespace {

weft::shape chunks() {
  return GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{1, 17, 1}, weft::shape{4, 3, 5});
}

}  // namespace

TEST_CASE("elements are inserted and erased as NumPy does it, in all chunks") {
  arrays::place at;
  const reference::data d(at, chunks());
  std::vector<std::int64_t> places;
  for (std::int64_t i = 0; i < 100; ++i) places.push_back(i * 7 % 24);
  const auto numbers = weft::reshape<3>(weft::arange<double>(at.client, 100), {100, 1, 1});
  const xt::xtensor<bool, 1> columns = at(d.plane(slice(), 0) > 0.0);
  for (const bool kept : {false, true}) {
    const auto x = kept ? d.x.persist() : d.x;
    check(at, "insert_scalar", weft::insert(x, 2, 7.5, 1), true);
    check(at, "insert_slice", weft::insert(x, -1, d.plane(slice(), slice(1, 2)), 0), true);
    check(at, "insert_slice_middle", weft::insert(x, 17, weft::array<double, 2>(x(slice(), 0) * 2.0), 1), true);
    check(at, "insert_several", weft::insert(x, 3, x(slice(none, 4)), 0), true);
    check(at, "insert_one_place", weft::insert(x, positions(4), x(ellipsis, slice(none, 3)), 2), true);
    check(at, "insert_list", weft::insert(x, positions(5, 0, -1, 5), d.plane(slice(none, 4), newaxis), 0), true);
    check(at, "insert_list_scalar", weft::insert(x, positions(17, 3, 17, 0), 7, 1), true);
    check(at, "insert_steps", weft::insert(x, slice(none, none, 4), d.row, 1), true);
    check(at, "insert_long", weft::insert(x, places, numbers, 0), true);
    check(at, "insert_none", weft::insert(x, positions(), 1.0, 0), true);
    check(at, "erase_one", weft::erase(x, -2, 1), true);
    check(at, "erase_list", weft::erase(x, positions(5, 0, -1, 5, 6, 7), 0), true);
    check(at, "erase_slice", weft::erase(x, slice(3, 20), 0), true);
    check(at, "erase_steps", weft::erase(x, slice(none, none, -3), 1), true);
    check(at, "erase_mask", weft::erase(x, columns, 1), true);
    check(at, "erase_all", weft::erase(x, slice(), 2), true);
    check(at, "erase_none", weft::erase(x, slice(5, 5), 0), true);
    check(at, "append", weft::append(x, x(ellipsis, slice(none, 2)) * 2.0, 2), true);
  }
  const auto three = weft::from_array(at.client, std::vector<double>{1, 2, 3});
  check(at, "insert_flat", weft::insert(d.plane, positions(0, 85, 7), three), true);
  check(at, "erase_flat", weft::erase(d.plane, positions(84, 3)), true);
  check(at, "append_flat", weft::append(d.plane, d.row), true);
  check(at, "append_scalar", weft::append(d.i(0), 2.5), true);
}

TEST_CASE("blocks are put together as NumPy does it, in all chunks") {
  arrays::place at;
  const reference::data d(at, chunks());
  const auto part = d.plane(slice(), slice(none, 2)), below = d.row(newaxis, slice(none, 3));
  const auto ones = weft::ones<double, 2>(at.client, {1, 4});
  check(at, "block", weft::block({{d.plane, part}, {below, ones}}), true);
  check(at, "block_row", weft::block(std::vector{d.row, d.row(slice(1))}), true);
  using row = std::vector<weft::array<double, 3>>;
  const std::vector<std::vector<row>> deep{{{d.x}, {d.x(slice(), slice(none, 2))}},
                                           {{d.x(slice(none, 4))}, {d.x(slice(none, 4), slice(3, 5))}}};
  check(at, "block_deep", weft::block(deep), true);
  const weft::array<double> plane = d.plane, line = d.row;  // ranks that are known when the program runs
  check(at, "block_ranks", weft::block({{plane}, {line}}), true);
}
