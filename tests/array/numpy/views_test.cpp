// Views, beside NumPy's.
#include "array/numpy/reference.hpp"

using reference::check;
using weft::none;
using weft::slice;

TEST_CASE("views are what NumPy's are, in all chunks") {
  const weft::shape chunk =
      GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{1, 17, 1}, weft::shape{4, 3, 5});
  arrays::place at;
  const reference::data d(at, chunk);
  // Of an expression that goes into the tasks, and of chunks that are there.
  for (const bool kept : {false, true}) {
    const auto x = kept ? d.x.persist() : d.x;
    check(at, "slice", x(slice(3, 20, 2), slice(none, none, -1), 1), true);
    check(at, "slice_negative", x(slice(-5, -20, -3), slice(4, -2), slice(none, none, 4)), true);
    check(at, "slice_of_slice", x(slice(2), slice(1))(slice(5, 9), slice(none, none, 3))(slice(none, none, -1)),
          true);
    check(at, "slice_empty", x(slice(5, 5)), true);
    check(at, "newaxis", x(slice(), weft::newaxis, 3), true);
    check(at, "transpose", weft::transpose(x), true);
    check(at, "transpose_order", weft::transpose(x, {1, 2, 0})(slice(none, none, 2)), true);
    check(at, "flip", weft::flip(x, 1)(slice(3)), true);
    check(at, "expand", weft::expand_dims(x, -1)(2, 3), true);
    check(at, "squeeze", weft::squeeze(x(slice(), slice(3, 4)), 1), true);
    check(at, "difference", x(slice(1), slice(1)) - x(slice(none, -1), slice(none, -1)), true);
    const auto square = x(slice(none, 17), slice(), 0);
    check(at, "symmetric", square + weft::transpose(square), true);
  }
  check(at, "broadcast", weft::broadcast_to<3>(d.row, {4, 3, 5}), true);
  const auto column = d.plane(slice(), slice(none, 1));
  check(at, "broadcast_slice", weft::broadcast_to<3>(column, {6, 17, 8})(slice(none, none, 2), slice(3), 5), true);
}
