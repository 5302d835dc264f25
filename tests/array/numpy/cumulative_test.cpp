// Cumulative sums and products, beside NumPy's.
#include "array/numpy/reference.hpp"

using reference::check;

namespace {

template <class... W>
void check_cumulative(arrays::place& at, const reference::data& d, const std::string& name, const W&... axis) {
  const auto& [x, f, i, b, z, row, plane] = d;
  check(at, "cumsum_" + name, weft::cumsum(x, axis...));
  check(at, "cumsum_float_" + name, weft::cumsum(f, axis...), true);
  check(at, "cumsum_int_" + name, weft::cumsum(i, axis...), true);
  check(at, "cumsum_bool_" + name, weft::cumsum(b, axis...), true);
  check(at, "cumsum_nan_" + name, weft::cumsum(z, axis...));
  check(at, "cumprod_" + name, weft::cumprod(1.0 + x / 100.0, axis...));
  check(at, "cumprod_int_" + name, weft::cumprod(i * 2 + 1, axis...) % 1000, true);
  check(at, "nancumsum_" + name, weft::nancumsum(z, axis...));
  check(at, "nancumprod_" + name, weft::nancumprod(1.0 + z / 100.0, axis...));
}

}  // namespace

TEST_CASE("cumulative sums and products are what NumPy's are, in all chunks") {
  const weft::shape chunk =
      GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{1, 17, 1}, weft::shape{2, 1, 5});
  arrays::place at;
  const reference::data d(at, chunk);
  check_cumulative(at, d, "all");
  check_cumulative(at, d, "0", 0);
  check_cumulative(at, d, "1", -2);
  check_cumulative(at, d, "2", 2);
}

TEST_CASE("elements are pushed over NaNs as far as they may be, in all chunks") {
  const weft::shape chunk = GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{1, 17, 1},
                                     weft::shape{2, 1, 5}, weft::shape{4, 2, 3});
  arrays::place at;
  const reference::data d(at, chunk);
  const auto gaps = weft::where(weft::abs(d.x) > 0.2, std::nan(""), d.x);
  for (const std::int64_t axis : {0, 1, 2}) {
    check(at, "push_" + std::to_string(axis), weft::push(gaps, axis), true);
    check(at, "push_float_" + std::to_string(axis), weft::push(weft::astype<float>(gaps), axis - 3), true);
    for (const std::int64_t most : {0, 1, 3})
      check(at, "push_" + std::to_string(most) + "_" + std::to_string(axis), weft::push(gaps, axis, most), true);
  }
}
