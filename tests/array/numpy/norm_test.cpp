// Norms of vectors and of matrices, beside NumPy's.
#include <complex>
#include <limits>

#include "array/numpy/reference.hpp"

using reference::check;
using weft::axes;
using weft::keep_axes;
using weft::ord;

TEST_CASE("norms are NumPy's, in all chunks") {
  const weft::shape chunk = GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5});
  arrays::place at;
  const reference::data d(at, chunk);
  const weft::array<std::complex<double>, 3> waving(d.x + weft::flip(d.x, 0) * std::complex<double>(0, 1));
  const std::pair<std::string, ord> of_vectors[] = {{"inf", ord::infinity}, {"-inf", ord::minus_infinity},
                                                    {"0", ord{0}},          {"1", ord{1}},
                                                    {"2", ord{2}},          {"-1", ord{-1}},
                                                    {"2.5", ord{2.5}}};
  for (const auto& [name, how] : of_vectors) {
    for (int axis = 0; axis < 3; ++axis) {
      const std::string end = name + "_" + std::to_string(axis);
      check(at, "norm_vector_" + end, weft::norm(d.x, how, axis));
      check(at, "norm_vector_complex_" + end, weft::norm(waving, how, axis - 3));
    }
    check(at, "norm_vector_float_" + name, weft::norm(d.f, how, 1, keep_axes));
    check(at, "norm_vector_int_" + name, weft::norm(d.i, how, keep_axes, -1));
    check(at, "norm_line_" + name, weft::norm(d.row, how));
  }
  const std::pair<std::string, ord> of_matrices[] = {
      {"fro", ord::frobenius}, {"inf", ord::infinity}, {"-inf", ord::minus_infinity}, {"1", ord{1}}, {"-1", ord{-1}}};
  for (const auto& [name, how] : of_matrices) {
    check(at, "norm_matrix_" + name + "_01", weft::norm(d.x, how, axes(0, 1)));
    check(at, "norm_matrix_" + name + "_20", weft::norm(d.x, how, axes(-1, 0)));
    check(at, "norm_matrix_complex_keep_" + name + "_01", weft::norm(waving, how, 0, 1, keep_axes));
    check(at, "norm_matrix_complex_keep_" + name + "_20", weft::norm(waving, how, axes(2, 0), keep_axes));
  }
  const std::pair<std::string, ord> of_planes[] = {{"fro", ord::frobenius}, {"inf", ord::infinity},
                                                   {"1", ord{1}},
#ifndef WEFT_WITHOUT_BLAS
                                                   {"nuc", ord::nuclear},   {"2", ord{2}},
                                                   {"-2", ord{-2}}
#endif
  };
  for (const auto& [name, how] : of_planes) {
    check(at, "norm_plane_" + name, weft::norm(d.plane, how));
    check(at, "norm_plane_keep_" + name, weft::norm(d.plane, how, axes(1, 0), keep_axes));
    check(at, "norm_plane_int_" + name, weft::norm(d.i(0), how));
  }
}
