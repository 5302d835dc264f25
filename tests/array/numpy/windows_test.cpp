// Windows, and functions along axes, beside NumPy's.
#include <xtensor/xmath.hpp>
#include <xtensor/xsort.hpp>
#include <xtensor/xview.hpp>

#include "array/numpy/reference.hpp"

using reference::check;
using weft::axes;
using weft::none;
using weft::slice;

namespace {

weft::shape chunks() {
  return GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{1, 17, 1}, weft::shape{4, 3, 5});
}

struct doubled_backwards {
  xt::xtensor<double, 1> operator()(const weft::chunk_view<double, 1>& a) const {
    return 2.0 * xt::view(a, xt::range(xt::placeholders::_, xt::placeholders::_, -1));
  }
};
struct two_more {
  xt::xtensor<double, 1> operator()(const weft::chunk_view<double, 1>& a) const {
    xt::xtensor<double, 1> longer = xt::zeros<double>({a.size() + 2});
    for (std::size_t i = 0; i < longer.size(); ++i) longer(i) = a(i % a.size());
    return longer;
  }
};

}  // namespace

TEST_CASE("windows slide as NumPy's do, in all chunks") {
  arrays::place at;
  const reference::data d(at, chunks());
  for (const bool kept : {false, true}) {
    const auto x = kept ? d.x.persist() : d.x;
    check(at, "windows", weft::sliding_window_view(x, 4, 1), true);
    check(at, "windows_last", weft::sliding_window_view(x, 5, -1)(slice(none, none, 3)), true);
    check(at, "windows_several", weft::sliding_window_view(x, {3, 2}, axes(1, 0)), true);
    check(at, "windows_twice", weft::sliding_window_view(x, {3, 2}, axes(0, 0)), true);
    check(at, "windows_mean", weft::mean(weft::sliding_window_view(x, 7, 0), -1));
    check(at, "windows_part", weft::sliding_window_view(x, 6, 0)(slice(9, 12), 4, slice(), slice(2)), true);
    const auto turned = weft::transpose(weft::transpose(x), {2, 1, 0});
    check(at, "windows_several", weft::sliding_window_view(turned, {3, 2}, axes(1, 0)), true);
    const weft::array<double> any = x;
    check(at, "windows", weft::sliding_window_view(any, 4, 1), true);
  }
  check(at, "windows_all", weft::sliding_window_view(d.plane, {17, 2}, axes(0, 1)), true);
  check(at, "windows_int", weft::sliding_window_view(d.i, 3, 2), true);
}

TEST_CASE("windows side by side become one element as NumPy's do, in all chunks") {
  arrays::place at;
  const reference::data d(at, chunks());
  const auto mean = [](const auto& a, const auto& within) { return xt::mean(a, within); };
  const auto most = [](const auto& a, const auto& within) { return xt::amax(a, within); };
  const auto least = [](const auto& a, const auto& within) { return xt::amin(a, within); };
  for (const bool kept : {false, true}) {
    const auto x = kept ? d.x.persist() : d.x;
    check(at, "coarsen", weft::coarsen(mean, x, {2, 3, 1}, true));
    check(at, "coarsen_max", weft::coarsen(most, x, {1, 1, 5}), true);
    check(at, "coarsen_wide", weft::coarsen(most, x, {20, 1, 1}, true), true);
    check(at, "coarsen_wide", weft::coarsen(most, x(slice(none, 20)), {20, 1, 1}), true);
    const weft::array<double> any = weft::flip(weft::flip(x, 1), 1);
    check(at, "coarsen", weft::coarsen(mean, any, {2, 3, 1}, true));
  }
  check(at, "coarsen_int", weft::coarsen(least, d.i, {7, 4, 1}, true));
}

TEST_CASE("functions of lines and of axes give what NumPy's give, in all chunks") {
  arrays::place at;
  const reference::data d(at, chunks());
  for (const bool kept : {false, true}) {
    const auto x = kept ? d.x.persist() : d.x;
    check(at, "along_scalar", weft::apply_along_axis([](const auto& a) { return a(0) - a(a.size() - 1); }, 1, x),
          true);
    check(at, "along_line", weft::apply_along_axis(doubled_backwards{}, 0, x), true);
    check(at, "along_line", weft::apply_along_axis(doubled_backwards{}, -3, weft::array<double>(x)), true);
    check(at, "along_longer", weft::apply_along_axis(two_more{}, 1, weft::new_axes{{19}}, x), true);
    check(at, "along_type",
          weft::apply_along_axis(
              [](const auto& a) {
                return static_cast<std::int64_t>(std::count_if(a.begin(), a.end(), [](double e) { return e > 0; }));
              },
              -1, x),
          true);
    const auto sum = [](const auto& a, std::int64_t axis) { return weft::sum(a, axis); };
    check(at, "over_axes", weft::apply_over_axes(sum, x, axes(0, 2)));
    check(
        at, "over_axes_same",
        weft::apply_over_axes([](const auto& a, std::int64_t axis) { return weft::cumsum(a, axis); }, x, axes(0, 1)));
    check(at, "over_axes_int", weft::apply_over_axes(sum, d.i, axes(-1, 1)));
  }
  check(at, "along_vector", weft::apply_along_axis([](const auto& a) { return a(3) * 2.0; }, 0, d.row), true);
}
