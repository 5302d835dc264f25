// Sorting, beside NumPy's.
#include "array/numpy/reference.hpp"

using reference::check;

TEST_CASE("arrays are sorted as NumPy sorts them, in all chunks") {
  const weft::shape chunk =
      GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{1, 17, 1}, weft::shape{2, 1, 5});
  arrays::place at;
  const reference::data d(at, chunk);
  const auto& [x, f, i, b, z, row, plane] = d;
  const auto few = weft::floor_divide(i, 100);  // some are equal
  for (std::int64_t axis = 0; axis < 3; ++axis) {
    const std::string name = std::to_string(axis);
    check(at, "sort_" + name, weft::sort(x, axis), true);
    check(at, "sort_float_" + name, weft::sort(f, axis - 3), true);
    check(at, "sort_int_" + name, weft::sort(few, axis), true);
    check(at, "sort_bool_" + name, weft::sort(b, axis), true);
    check(at, "sort_nan_" + name, weft::sort(z, axis), true);
    check(at, "argsort_" + name, weft::argsort(x, axis), true);
    check(at, "argsort_int_" + name, weft::argsort(few, axis), true);
    check(at, "argsort_nan_" + name, weft::argsort(z, axis), true);
    for (const std::int64_t k : {1, 3, 5, -1, -4}) {
      const std::string which = std::to_string(k) + "_" + name;
      check(at, "topk_" + which, weft::topk(x, k, axis), true);
      check(at, "topk_nan_" + which, weft::topk(z, k, axis), true);
      check(at, "argtopk_int_" + which, weft::argtopk(few, k, axis), true);
    }
  }
  // One axis keeps its chunks.
  check(at, "sort_flat", weft::sort(weft::ravel(x)), true);
  check(at, "argsort_flat", weft::argsort(weft::ravel(few)), true);
  check(at, "topk_flat", weft::topk(weft::ravel(z), 7), true);
}
