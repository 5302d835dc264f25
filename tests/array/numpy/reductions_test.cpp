// Reductions, beside NumPy's.
#include <complex>

#include "array/numpy/reference.hpp"

using reference::check;
using weft::keep_axes;
using weft::none;
using weft::slice;

namespace {

/// Reductions over the axes `where`, which NumPy's results name so.
template <class... W>
void check_reductions(arrays::place& at, const reference::data& d, const std::string& name, const W&... where) {
  const auto& [x, f, i, b, z, row, plane] = d;
  check(at, "sum_" + name, weft::sum(x, where...));
  check(at, "sum_float_" + name, weft::sum(f, where...), true);
  check(at, "sum_int_" + name, weft::sum(i, where...), true);
  check(at, "prod_" + name, weft::prod(1.0 + x / 100.0, where...));
  check(at, "mean_" + name, weft::mean(x, where...));
  check(at, "mean_int_" + name, weft::mean(i, where...));
  check(at, "var_" + name, weft::var(x, where...));
  check(at, "std_ddof_" + name, weft::std(x, weft::ddof{1}, where...));
  check(at, "min_" + name, weft::min(x, where...), true);
  check(at, "max_int_" + name, weft::max(i, where...), true);
  check(at, "max_nan_" + name, weft::max(z, where...), true);
  check(at, "any_" + name, weft::any(b, where...), true);
  check(at, "all_" + name, weft::all(!b, where...), true);
  check(at, "count_" + name, weft::count_nonzero(b, where...), true);
  check(at, "nansum_" + name, weft::nansum(z, where...));
  check(at, "nanprod_" + name, weft::nanprod(1.0 + z / 100.0, where...));
  check(at, "nanmean_" + name, weft::nanmean(z, where...));
  check(at, "nanvar_" + name, weft::nanvar(z, where...));
  check(at, "nanstd_" + name, weft::nanstd(z, where...));
  check(at, "nanmin_" + name, weft::nanmin(z, where...), true);
  check(at, "nanmax_" + name, weft::nanmax(z, where...), true);
  check(at, "norm_" + name, weft::norm(x, where...));
  check(at, "moment_" + name, weft::moment(x, 3, where...));
}
/// Of other types, from other beginnings, and of some elements.
template <class... W>
void check_options(arrays::place& at, const reference::data& d, const std::string& name, const W&... where) {
  using weft::initial;
  using weft::only;
  const auto& [x, f, i, b, z, row, plane] = d;
  check(at, "sum_as_float_" + name, weft::sum<float>(i, where...));
  check(at, "sum_as_int8_" + name, weft::sum<std::int8_t>(i, where...), true);
  check(at, "sum_as_bool_" + name, weft::sum<bool>(b, where...), true);
  check(at, "sum_as_complex_" + name, weft::sum<std::complex<double>>(x, where...));
  check(at, "prod_as_int32_" + name, weft::prod<std::int32_t>(i % 3 + 1, where...), true);
  check(at, "max_as_double_" + name, weft::max<double>(i, where...), true);
  check(at, "sum_initial_" + name, weft::sum(x, initial{2.5}, where...));
  check(at, "sum_int_initial_" + name, weft::sum(i, where..., initial{7}), true);
  check(at, "prod_initial_" + name, weft::prod(1.0 + x / 100.0, initial{-3}, where...));
  check(at, "max_initial_" + name, weft::max(x, initial{0.45}, where...), true);
  check(at, "min_nan_initial_" + name, weft::min(z, initial{-1}, where...), true);
  check(at, "min_int_initial_" + name, weft::min(i, initial{-450}, where...), true);
  const weft::array<bool, 3> mask(b || plane > 0.1);
  check(at, "sum_where_" + name, weft::sum(x, only{mask}, where...));
  check(at, "sum_where_plane_" + name, weft::sum(i, where..., only{plane > 0.0}), true);
  check(at, "prod_where_" + name, weft::prod(1.0 + x / 100.0, only{mask}, initial{2}, where...));
  check(at, "max_where_" + name, weft::max(x, only{mask}, initial{-9}, where...), true);
  check(at, "min_where_" + name, weft::min(i, where..., initial{100}, only{mask}), true);
  const auto turned = weft::flip(x, 0) * std::complex<double>(0, 1);
  check(at, "var_complex_" + name, weft::var(x + turned, where...));
  check(at, "std_complex_" + name, weft::std(weft::astype<std::complex<float>>(x + turned), weft::ddof{1}, where...));
  check(at, "nanvar_complex_" + name, weft::nanvar(z + turned, where...));
}
template <class... W>
void check_averages(arrays::place& at, const reference::data& d, const std::string& name, const W&... where) {
  using weft::only;
  const auto& [x, f, i, b, z, row, plane] = d;
  const weft::array<bool, 3> mask(b || plane > 0.1);
  check(at, "mean_where_" + name, weft::mean(x, only{mask}, where...));
  check(at, "mean_where_plane_" + name, weft::mean(i, where..., only{plane > 0.0}));
  check(at, "mean_as_float_" + name, weft::mean<float>(i, where...));
  check(at, "mean_as_complex_" + name, weft::mean<std::complex<double>>(x, only{mask}, where...));
  check(at, "var_where_" + name, weft::var(x, only{mask}, where...));
  check(at, "std_where_plane_" + name, weft::std(i, weft::ddof{1}, where..., only{plane > 0.0}));
  check(at, "var_as_float_" + name, weft::var<float>(i, only{mask}, where...));
  check(at, "nanmean_where_" + name, weft::nanmean(z, only{mask}, where...));
  check(at, "nanstd_where_" + name, weft::nanstd(z, where..., only{mask}));
}
template <class... W>
void check_places(arrays::place& at, const reference::data& d, const std::string& name, const W&... where) {
  check(at, "argmin_" + name, weft::argmin(d.x, where...), true);
  check(at, "argmax_int_" + name, weft::argmax(weft::floor_divide(d.i, 100), where...), true);
  check(at, "argmin_nan_" + name, weft::argmin(d.z, where...), true);
  check(at, "nanargmax_" + name, weft::nanargmax(d.z, where...), true);
  check(at, "nanargmin_" + name, weft::nanargmin(d.z, where...), true);
}

}  // namespace

TEST_CASE("reductions are what NumPy's are, in all chunks") {
  const weft::shape chunk =
      GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{1, 17, 1}, weft::shape{2, 1, 5});
  arrays::place at;
  const reference::data d(at, chunk);
  check_reductions(at, d, "all");
  check_reductions(at, d, "0", 0);
  check_reductions(at, d, "1", -2);
  check_reductions(at, d, "2", 2);
  check_reductions(at, d, "02", weft::axes(0, 2));
  check_reductions(at, d, "12", weft::axes(-1, 1));
  check_places(at, d, "all");
  check_places(at, d, "0", 0);
  check_places(at, d, "1", 1);
  check_places(at, d, "2", -1);
  check(at, "keep", d.x - weft::mean(d.x, weft::axes(0, 2), keep_axes));
  check(at, "residuals", weft::sum(d.x - weft::mean(d.x, 0)) + 1.0 - 1.0);
  check(at, "filter_mean", weft::sum(weft::where(d.x > 0.1, d.x, 0.0)) / weft::count_nonzero(d.x > 0.1));
  check(at, "sum_of_view", weft::sum(weft::transpose(d.x(slice(1), slice(none, none, 1), slice(none, none, -2))), 1));
  check(at, "only_nan", weft::nanmax(weft::full<double, 1>(at.client, {3}, std::nan(""))), true);
}

TEST_CASE("reductions to other types, from other beginnings and of some elements are NumPy's") {
  const weft::shape chunk = GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5});
  arrays::place at;
  const reference::data d(at, chunk);
  check_options(at, d, "all");
  check_options(at, d, "0", 0);
  check_options(at, d, "1", -2);
  check_options(at, d, "2", 2);
  check_options(at, d, "02", weft::axes(0, 2));
  check_options(at, d, "12", weft::axes(-1, 1));
  check_averages(at, d, "all");
  check_averages(at, d, "1", -2);
  check_averages(at, d, "02", weft::axes(0, 2));
  const auto kept =
      weft::sum<float>(d.x, weft::axes(0, 2), weft::initial{1}, keep_axes, weft::only{d.b || d.plane > 0.1});
  check(at, "sum_keep", kept);
  check(at, "mean_keep", weft::mean(d.x, weft::axes(0, 2), keep_axes, weft::only{d.b || d.plane > 0.1}));
  const auto positive = d.x(slice(), slice(0, 1)) > 0.0;
  check(at, "mean_where_none", weft::mean(d.x, weft::only{positive}, 1));
  check(at, "var_where_none", weft::var(d.x, weft::ddof{1}, weft::only{positive}, 1));
  check(at, "max_none_initial", weft::max(weft::zeros<double, 2>(at.client, {3, 0}), 1, weft::initial{7}), true);
}
