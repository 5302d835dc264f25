// Weighted means, differences, diagonals and grids, beside NumPy's.
#include <complex>
#include <optional>

#include "array/numpy/reference.hpp"

using reference::check;

namespace {

weft::shape chunks() {
  return GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{1, 17, 1}, weft::shape{4, 3, 5});
}

}  // namespace

TEST_CASE("differences and weighted means are what NumPy's are, in all chunks") {
  arrays::place at;
  const reference::data d(at, chunks());
  const auto& [x, f, i, b, z, row, plane] = d;
  const auto p = weft::abs(x) + 0.1;
  check(at, "ptp_all", weft::ptp(x), true);
  check(at, "ptp_1", weft::ptp(i, 1), true);
  check(at, "average_all", weft::average(x, weft::abs(plane)));
  check(at, "average_1", weft::average(x, weft::abs(plane(weft::slice(), 0)), 1));
  check(at, "average_0", weft::average(x, p, 0));
  check(at, "mean_1", weft::average(x, 1));
  check(at, "average_2", weft::average(i, weft::arange<std::int32_t>(at.client, 5), -1));
  check(at, "diff", weft::diff(x), true);
  check(at, "diff_0", weft::diff(i, 0), true);
  check(at, "diff_third", weft::diff(x, 1, 3));
  check(at, "diff_bool", weft::diff(b, 1), true);
  check(at, "ediff1d", weft::ediff1d(i), true);
  for (std::int64_t axis = 0; axis < 3; ++axis) {
    check(at, "gradient_" + std::to_string(axis), weft::gradient(x, axis, 0.5));
    check(at, "gradient_int_" + std::to_string(axis), weft::gradient(i, axis - 3, 1, 2));
  }
}

TEST_CASE("differences by places, with ends, and arrangements of axes are what NumPy's are, in all chunks") {
  using weft::slice;
  arrays::place at;
  const reference::data d(at, chunks());
  const auto& [x, f, i, b, z, row, plane] = d;
  const weft::array<double, 3> p = weft::abs(x) + 0.1;
  const auto check_places = [&](std::int64_t axis, const weft::array<double, 1>& places) {
    for (const int order : {1, 2})
      check(at, "gradient_places_" + std::to_string(axis) + "_" + std::to_string(order),
            weft::gradient(x, axis, places, order));
  };
  check_places(0, weft::cumsum(p(slice(), 0, 0), 0));
  check_places(1, weft::cumsum(p(0, slice(), 0), 0));
  check_places(2, weft::cumsum(p(0, 0), 0));
  const auto slopes = weft::gradient(x, weft::axes(2, 0), {0.5, 2});
  for (std::size_t k = 0; k < 2; ++k) check(at, "gradient_several_" + std::to_string(k), slopes[k]);
  check(at, "diff_prepend", weft::diff(x, 1, 1, 3.5), true);
  check(at, "diff_both", weft::diff(i, 0, 2, i(slice(0, 1)), 7), true);
  check(at, "diff_append", weft::diff(x, 1, 2, std::nullopt, x(slice(), slice(0, 2))), true);
  check(at, "ediff1d_begin", weft::ediff1d(row, -99), true);
  check(at, "ediff1d_end", weft::ediff1d(row, std::nullopt, 88), true);
  check(at, "ediff1d_ends", weft::ediff1d(row, -99, weft::from_array(at.client, std::vector<double>{88, 77})), true);
  const auto [means, sums] = weft::average(x, p, weft::returned, 0);
  check(at, "average_0", means);
  check(at, "average_returned", sums);
  check(at, "linspace_open", weft::linspace(at.client, -3, 11, 23, weft::without_end, {.chunk = {5}}));
  check(at, "atleast_1d", weft::atleast_1d(row(2)), true);
  check(at, "atleast_1d_row", weft::atleast_1d(row), true);
  check(at, "atleast_2d", weft::atleast_2d(row), true);
  check(at, "atleast_3d", weft::atleast_3d(row), true);
  check(at, "atleast_3d_plane", weft::atleast_3d(plane), true);
  check(at, "rollaxis", weft::rollaxis(x, 2), true);
  check(at, "rollaxis_1", weft::rollaxis(x, 0, -1), true);
  check(at, "rollaxis_end", weft::rollaxis(x, 0, 3), true);
  check(at, "fliplr", weft::fliplr(x), true);
  check(at, "flipud", weft::flipud(x), true);
  const auto [plane_of, row_of, all] = weft::broadcast_arrays(plane, row, x(slice(), slice(0, 1)));
  check(at, "broadcast_arrays_0", plane_of, true);
  check(at, "broadcast_arrays_1", row_of, true);
  check(at, "broadcast_arrays_2", all, true);
  check(at, "diagonal_axes", weft::diagonal(x, -2, 2, 0), true);
  check(at, "rot90_axes", weft::rot90(x, 3, weft::axes(2, 1)), true);
  const weft::array<double, 2> twice = plane * 2.0;
  const weft::array<double, 1> row_twice = row * 2.0;
  check(at, "hstack_list", weft::hstack(std::vector{plane, twice}), true);
  check(at, "vstack_list", weft::vstack(std::vector{row, row_twice}), true);
  check(at, "dstack_list", weft::dstack(std::vector{row, row_twice}), true);
}

TEST_CASE("diagonals, triangles and grids are what NumPy's are, in all chunks") {
  arrays::place at;
  const reference::data d(at, chunks());
  const auto& [x, f, i, b, z, row, plane] = d;
  check(at, "eye", weft::eye<double>(at.client, 7, 11, -2, {.chunk = {3, 4}}), true);
  check(at, "tri", weft::tri<std::int16_t>(at.client, 9, 5, 1, {.chunk = {2, 5}}), true);
  for (const std::int64_t k : {-20, -3, 0, 2, 9}) {
    const std::string name = std::to_string(k);
    check(at, "tril_" + name, weft::tril(x, k), true);
    check(at, "triu_" + name, weft::triu(x, k), true);
    check(at, "diagonal_" + name, weft::diagonal(x, k), true);
    check(at, "diagonal_" + name, weft::diagonal(x.persist(), k), true);
    check(at, "trace_" + name, weft::sum(weft::diagonal(plane, k), -1));
    check(at, "diag_" + name, weft::diag(x(0, weft::slice(), 1), k), true);
  }
  const auto all = weft::slice();
  check(at, "kron",
        weft::kron(plane(weft::slice(0, 4), weft::slice(0, 3)), x(weft::slice(0, 3), weft::slice(0, 2), 0)), true);
  check(at, "kron_ranks",
        weft::kron(x(weft::slice(0, 3), weft::slice(0, 2)), i(weft::slice(0, 2), 0, weft::slice(0, 3))), true);
  check(at, "kron_vectors", weft::kron(row, plane(3)), true);
  check(at, "cross", weft::cross(x(weft::ellipsis, weft::slice(0, 3)), plane(all, weft::slice(2, 5))), true);
  check(at, "cross_axis", weft::cross(i(all, weft::slice(0, 3)), i(all, weft::slice(3, 6)), 1), true);
  check(at, "vecdot", weft::vecdot(x, plane));
  const weft::array<std::complex<double>, 3> turned =
      x + x(weft::slice(weft::none, weft::none, -1)) * std::complex<double>(0, 1);
  check(at, "vecdot_complex", weft::vecdot(turned, x, 0));
  check(at, "vander", weft::vander(row));
  check(at, "vander_columns", weft::vander(plane(all, 1), 4, true));
  check(at, "vander_int", weft::vander(i(all, 0, 0), 3), true);
  check(at, "matrix_transpose", weft::matrix_transpose(x), true);
  const auto [wide, also_wide] = weft::broadcast_arrays(x(all, weft::slice(0, 1)), plane);
  check(at, "broadcast_arrays_a", wide, true);
  check(at, "broadcast_arrays_b", also_wide, true);
  const auto parts = weft::unstack(x, 1);
  CHECK(parts.size() == 17);
  CHECK(at(weft::all(parts[3] == x(all, 3))));
  for (int k = -1; k < 4; ++k) check(at, "rot90_" + std::to_string(k), weft::rot90(x, k), true);
  const auto check_grid = [&](const std::string& name, weft::indexing how) {
    const auto [a, first, second] = weft::meshgrid(how, row, x(weft::slice(), 0, 0), plane(weft::slice(), 0));
    check(at, name + "a", a, true);
    check(at, name + "b", first, true);
    check(at, name + "c", second, true);
  };
  check_grid("meshgrid_", weft::indexing::xy);
  check_grid("meshgrid_ij_", weft::indexing::ij);
}
