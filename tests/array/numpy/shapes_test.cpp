// Arrays in other shapes, beside NumPy's.
#include "array/numpy/reference.hpp"

using reference::check;
using weft::none;
using weft::region;
using weft::slice;

namespace {

std::vector<std::int64_t> long_list() {
  std::vector<std::int64_t> list;
  for (std::int64_t i = 0; i < 500; ++i) list.push_back(i * 7919 % 17);
  return list;
}

weft::shape chunks() {
  return GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{1, 17, 1}, weft::shape{4, 3, 5});
}

}  // namespace

TEST_CASE("arrays are joined as NumPy joins them, in all chunks") {
  arrays::place at;
  const reference::data d(at, chunks());
  for (const bool kept : {false, true}) {
    const auto x = kept ? d.x.persist() : d.x;
    check(at, "concatenate_0", weft::concatenate(0, x, weft::flip(x, 0), x(slice(none, 4))), true);
    check(at, "concatenate_1", weft::concatenate(1, x, x(slice(), slice(3, 9))), true);
    std::vector<weft::array<double, 2>> many;
    for (std::int64_t k = 0; k < 20; ++k) many.push_back(x(slice(k, k + 2), 1));
    check(at, "concatenate_many", weft::concatenate(1, many), true);
  }
  check(at, "stack_0", weft::stack(0, d.plane, d.plane + 1.0, weft::flip(d.plane, 0)), true);
  check(at, "stack_last", weft::stack(-1, d.plane, d.plane + 1.0), true);
}

TEST_CASE("arrays are given other axes as NumPy does it, in all chunks") {
  arrays::place at;
  const reference::data d(at, chunks());
  for (const bool kept : {false, true}) {
    const auto x = kept ? d.x.persist() : d.x;
    check(at, "reshape_merge", weft::reshape<2>(x, {23 * 17, 5}), true);
    check(at, "reshape_ravel", weft::ravel(x), true);
    check(at, "reshape_split", weft::reshape<4>(weft::reshape<2>(x, {23, 85})(slice(3)), {4, 5, 5, 17}), true);
    check(at, "reshape_other", weft::reshape<3>(x(slice(none, 20)), {17, 20, -1}), true);
    check(at, "reshape_transposed", weft::reshape(weft::transpose(x), {5, -1}), true);
    check(at, "reshape_part", weft::reshape<3>(x, {17, 23, 5})(slice(3, 9), slice(20), 1), true);
    check(at, "reshape_ones", weft::reshape(x, {1, 23, 1, 17, 5, 1}), true);
    check(at, "repeat_0", weft::repeat(x, 3, 0), true);
    const std::vector<std::int64_t> times{0, 1, 3, 0, 2, 1, 1, 0, 0, 5, 1, 2, 3, 0, 1, 1, 0};
    check(at, "repeat_by", weft::repeat(x, times, -2), true);
    check(at, "repeat_2", weft::repeat(x, 2, -1), true);
    check(at, "transpose", weft::contiguous(weft::transpose(x)), true);
  }
}

TEST_CASE("arrays are rolled, tiled and padded as NumPy does it, in all chunks") {
  arrays::place at;
  const reference::data d(at, chunks());
  for (const bool kept : {false, true}) {
    const auto x = kept ? d.x.persist() : d.x;
    check(at, "roll", weft::roll(x, 5, 0), true);
    check(at, "roll_back", weft::roll(x, -31, 1)(slice(2, 7)), true);
    check(at, "tile", weft::tile(d.plane, {2, 3, 1}), true);
    check(at, "tile_last", weft::tile<3>(x, {2}), true);
    using weft::pad_mode;
    for (const auto& [name, mode] : {std::pair("pad_edge", pad_mode::edge),
                                     {"pad_reflect", pad_mode::reflect},
                                     {"pad_symmetric", pad_mode::symmetric},
                                     {"pad_wrap", pad_mode::wrap}})
      check(at, name, weft::pad(x, {{2, 3}, {0, 40}, {6, 1}}, mode), true);
    check(at, "pad_constant", weft::pad(x, {{2, 3}, {0, 4}, {6, 1}}, pad_mode::constant, 7.5)(slice(1, -1)), true);
  }
}

TEST_CASE("elements are taken and assigned as NumPy does it, in all chunks") {
  arrays::place at;
  const reference::data d(at, chunks());
  for (const bool kept : {false, true}) {
    const auto x = kept ? d.x.persist() : d.x;
    check(at, "take_0", weft::take(x, {5, 0, -1, 5, 22, 7}, 0), true);
    check(at, "take_1", weft::take(x, long_list(), 1), true);
    check(at, "take_part", weft::take(x, long_list(), 1)(slice(4), slice(100, 130, 3)), true);
    check(at, "take_transposed", weft::take(weft::transpose(x), {1, 1, 4}, 0), true);
    check(at, "compress", at.pool.run(weft::compress(x, x > 0.2)), true);
    check(at, "compress_axis", at.pool.run(weft::compress(x, d.plane(slice(), 0) > 0.0, 1)), true);
    check(at, "assign_scalar", weft::assign(x, region(slice(3, 9), slice(none, none, -2), 1), -1), true);
    check(at, "assign_array",
          weft::assign(x, region(slice(none, none, 2), slice(4, 6)), d.plane(slice(none, 2)) * 2.0), true);
    check(at, "assign_row", weft::assign(x, region(-3, slice(), slice(1)), d.row(slice(none, 4))), true);
    check(at, "assign_backwards", weft::assign(x, slice(20, 1, -3), d.plane)(slice(2), slice(), slice(none, none, 2)),
          true);
  }
}
