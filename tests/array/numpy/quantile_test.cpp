// Quantiles, beside NumPy's.
#include "array/numpy/reference.hpp"

using reference::check;

namespace {

template <class... W>
void check_quantiles(arrays::place& at, const reference::data& d, const std::string& name, const W&... axis) {
  using weft::between;
  const auto& [x, f, i, b, z, row, plane] = d;
  const std::vector<double> some{0, 0.1, 0.25, 0.5, 0.77, 1};
  check(at, "median_" + name, weft::median(x, axis...));
  check(at, "median_int_" + name, weft::median(i, axis...), true);
  check(at, "median_nan_" + name, weft::median(z, axis...));
  check(at, "nanmedian_" + name, weft::nanmedian(z, axis...));
  check(at, "quantile_" + name, weft::quantile(x, some, axis...));
  check(at, "percentile_" + name, weft::percentile(x, 30, axis...));
  check(at, "nanpercentile_" + name, weft::nanpercentile(z, {10, 30}, axis...));
  const std::pair<const char*, between> all[] = {{"lower", between::lower},
                                                 {"higher", between::higher},
                                                 {"nearest", between::nearest},
                                                 {"midpoint", between::midpoint}};
  for (const auto& [how_name, how] : all) {
    check(at, std::string("quantile_") + how_name + "_" + name, weft::quantile(i, some, axis..., how), true);
    check(at, std::string("nanquantile_") + how_name + "_" + name, weft::nanquantile(z, 0.3, axis..., how));
  }
}

}  // namespace

TEST_CASE("quantiles are what NumPy's are, in all chunks") {
  const weft::shape chunk = GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{2, 1, 5});
  arrays::place at;
  const reference::data d(at, chunk);
  check_quantiles(at, d, "all");
  check_quantiles(at, d, "0", 0);
  check_quantiles(at, d, "1", -2);
  check_quantiles(at, d, "2", 2);
}
