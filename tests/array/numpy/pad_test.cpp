// What stands beside arrays, beside NumPy's.
#include <complex>

#include "array/numpy/reference.hpp"

using reference::check;

TEST_CASE("constants, statistics and ramps stand beside arrays as in NumPy") {
  arrays::place at;
  const weft::shape chunk = GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5});
  const reference::data d(at, chunk);
  const auto& [x, f, i, b, z, row, plane] = d;
  using weft::pad;
  using weft::pad_mode;
  namespace by = weft::pad_by;
  const weft::padding widths{{2, 3}, {0, 4}, {6, 1}}, of_bools{{1, 0}, {2, 2}, {0, 3}};
  check(at, "pad_constants", pad(x, widths, pad_mode::constant, {{1, 2}, {3, 4}, {5, 6}}), true);
  check(at, "pad_constants_of_all", pad(i, widths, pad_mode::constant, {{7, -7}}), true);
  check(at, "pad_maximum", pad(x, widths, by::maximum), true);
  check(at, "pad_minimum", pad(x, widths, by::minimum), true);
  check(at, "pad_mean", pad(x, widths, by::mean));
  check(at, "pad_int_maximum", pad(i, widths, by::maximum), true);
  check(at, "pad_int_minimum", pad(i, widths, by::minimum), true);
  check(at, "pad_int_mean", pad(i, widths, by::mean), true);
  const auto bools = b(weft::slice(), weft::slice(0, 3));
  check(at, "pad_bool_maximum", pad(bools, of_bools, by::maximum), true);
  check(at, "pad_bool_minimum", pad(bools, of_bools, by::minimum), true);
  check(at, "pad_bool_mean", pad(bools, of_bools, by::mean), true);
  const auto middle = [](const auto& a, std::int64_t axis) { return weft::median(a, axis, weft::keep_axes); };
  check(at, "pad_function", pad(plane, {{0, 0}, {0, 3}}, middle), true);
  const auto writes = [](xt::xtensor<double, 1>& line, const weft::pad_width& w, std::int64_t axis) {
    const auto before = static_cast<std::size_t>(w.before), after = static_cast<std::size_t>(w.after);
    for (std::size_t k = 0; k < before; ++k) line(k) = line(before) + static_cast<double>(10 * axis + w.before);
    for (std::size_t k = line.size() - after; k < line.size(); ++k) line(k) = line(before + 1) * 2;
  };
  check(at, "pad_line", pad(x, widths, writes), true);
  check(at, "pad_line_of_all", pad(x, 2, writes), true);
  check(at, "pad_all", pad(x, 1), true);
  check(at, "pad_all_reflect", pad(x, {{1, 2}}, pad_mode::reflect), true);
  check(at, "pad_all_mean", pad(x, 1, by::mean));
  check(at, "pad_ramp", pad(x, widths, by::linear_ramp{}));
  check(at, "pad_ramp_ends", pad(x, widths, by::linear_ramp{{{1, 2}, {-3, 4}, {5, 0.25}}}));
  check(at, "pad_ramp_int", pad(i, widths, by::linear_ramp{{{100, -1000}}}), true);
  check(at, "pad_ramp_float", pad(f, widths, by::linear_ramp{1.0}));
  using complex = std::complex<double>;
  const weft::array<complex, 3> turned = x + x(weft::slice(weft::none, weft::none, -1)) * complex(0, 1);
  check(at, "pad_complex_mean", pad(turned, widths, by::mean));
  check(at, "pad_ramp_complex", pad(turned, widths, by::linear_ramp{2.0}));
}
