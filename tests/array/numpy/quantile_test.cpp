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
  const std::pair<const char*, between> definitions[] = {
      {"inverted_cdf", between::inverted_cdf},
      {"averaged_inverted_cdf", between::averaged_inverted_cdf},
      {"closest_observation", between::closest_observation},
      {"interpolated_inverted_cdf", between::interpolated_inverted_cdf},
      {"hazen", between::hazen},
      {"weibull", between::weibull},
      {"median_unbiased", between::median_unbiased},
      {"normal_unbiased", between::normal_unbiased},
      {"linear", between::linear}};
  const std::vector<double> q{0, 0.02, 0.11, 0.21, 0.31, 0.77, 0.99, 1};
  for (const auto& [how_name, how] : definitions) {
    const std::string end = std::string(how_name) + "_" + name;
    check(at, "quantile_" + end, weft::quantile(x, q, axis..., weft::keep_axes, how));
    check(at, "nanquantile_one_" + end, weft::nanquantile(x, 0.31, how, weft::keep_axes, axis...));
  }
  check(at, "median_keep_" + name, weft::median(i, axis..., weft::keep_axes), true);
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
  const auto over = [&](const std::string& name, const auto& axes) {
    const std::vector<double> some{0, 0.1, 0.25, 0.5, 0.77, 1};
    check(at, "median_" + name, weft::median(d.x, axes));
    check(at, "nanmedian_" + name, weft::nanmedian(d.z, axes, weft::keep_axes));
    check(at, "quantile_" + name, weft::quantile(d.i, some, weft::keep_axes, weft::between::hazen, axes));
  };
  over("two", weft::axes(2, 0));
  over("three", weft::axes(0, 1, 2));
}
