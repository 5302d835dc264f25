// Axes in other orders, and arrays joined as matrices are, beside NumPy's.
#include <complex>

#include "array/numpy/reference.hpp"
#include "weft/errors.hpp"

using reference::check;
using weft::slice;

TEST_CASE("axes are moved, and elements along all of them, as NumPy does it") {
  arrays::place at;
  const reference::data d(at, {7, 6, 2});
  check(at, "swapaxes", weft::swapaxes(d.x, 0, -1), true);
  check(at, "moveaxis", weft::moveaxis(d.x, 0, 2), true);
  check(at, "moveaxis_back", weft::moveaxis(d.x, -1, 0), true);
  using weft::axes;
  check(at, "moveaxis_two", weft::moveaxis(d.x, axes(0, 1), axes(-1, 0)), true);
  check(at, "flip_two", weft::flip(d.x, axes(0, -1)), true);
  check(at, "roll_two", weft::roll(d.x, {5, -40, 3}, axes(0, 1, 0)), true);
  check(at, "roll_one", weft::roll(d.x, -3, axes(2, 0)), true);
  const auto expanded = weft::expand_dims(d.plane, axes(-1, 0));
  check(at, "expand_two", expanded, true);
  CHECK(weft::squeeze(expanded, axes(3, 0)).shape() == weft::shape{17, 5});
  const weft::array<double, 2> squeezed = weft::squeeze<2>(expanded);
  const weft::array<double, 2> said(weft::squeeze(expanded) * 1.0);  // an expression whose rank is dynamic
  CHECK(said.shape() == squeezed.shape());
  CHECK_THROWS_WITH((weft::array<double, 3>(weft::squeeze(expanded) * 1.0)), Catch::Contains("(17, 5)"));
  check(at, "flip_all", weft::flip(d.x), true);
  check(at, "roll_all", weft::roll(d.x, 1234), true);
  check(at, "roll_all_back", weft::roll(d.plane, -7), true);
  CHECK_THROWS_WITH(weft::swapaxes(d.x, 0, 3), Catch::Contains("axis 3 of an array of shape (23, 17, 5)"));
  CHECK_THROWS_AS(weft::moveaxis(d.x, -4, 0), weft::misuse);
  CHECK_THROWS_WITH(weft::moveaxis(d.x, axes(0, 1), axes(2, -1)),
                    Catch::Contains("axis -1 twice in the places of axes"));
  CHECK_THROWS_WITH(weft::flip(d.x, axes(1, 1)), Catch::Contains("axis 1 twice in a flip of an array of shape (23,"));
  CHECK_THROWS_WITH(weft::expand_dims(d.plane, axes(0, 4)), Catch::Contains("which has 4 axes with the new ones"));
  CHECK_THROWS_WITH(weft::roll(d.x, {1, 2}, axes(0, 1, 2)),
                    Catch::Contains("one shift for all axes, or one for each"));
}

TEST_CASE("arrays of unlike types are joined as NumPy joins them") {
  arrays::place at;
  const reference::data d(at, {7, 6, 2});
  const auto& [x, f, i, b, z, row, plane] = d;
  const auto bytes = weft::astype<std::int8_t>(i);
  check(at, "hstack", weft::hstack(x, i(slice(), slice(0, 3))), true);
  check(at, "hstack_vectors", weft::hstack(row, bytes(0, 0), 2.0 * row), true);
  check(at, "hstack_numbers", weft::hstack(row(0), row(1)), true);
  check(at, "vstack", weft::vstack(f, i), true);
  check(at, "vstack_vectors", weft::vstack(weft::array<double>(row), plane, b(0, 0)), true);
  const auto deep = weft::broadcast_to<3>(weft::expand_dims(x(slice(0, 17), 0), -1), {17, 5, 3});
  check(at, "dstack", weft::dstack(weft::array<double>(plane), 2.0 * plane, deep), true);
  check(at, "dstack_vectors", weft::dstack(row, i(0, 0)), true);
  check(at, "concatenate_types", weft::concatenate(1, b, bytes, weft::astype<std::uint8_t>(i)), true);
  check(at, "stack_types", weft::stack(0, i, f), true);
  CHECK_THROWS_AS(weft::hstack(x, plane), weft::misuse);
  CHECK_THROWS_AS(weft::vstack(plane, x), weft::misuse);
}

TEST_CASE("whether arrays are alike, element by element") {
  arrays::place at;
  const reference::data d(at, {7, 6, 2});
  check(at, "allclose", weft::allclose(d.x, d.x + 1e-9), true);
  check(at, "allclose_not", weft::allclose(d.x, d.row), true);
}
