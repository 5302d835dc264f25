// Products, beside NumPy's.
#include <complex>
#include <string>

#include "array/numpy/reference.hpp"

using reference::check;

TEST_CASE("products are what NumPy's are, in all chunks") {
  using weft::slice;
  weft::blas_threads(1);
  const weft::shape chunk = GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{5, 1, 5});
  arrays::place at;
  const reference::data d(at, chunk);
  const auto& [x, f, i, b, z, row, plane] = d;
  const auto turned = weft::transpose(x, {0, 2, 1});
  check(at, "matmul", weft::matmul(plane, weft::transpose(plane)));
  check(at, "matmul_batch", weft::matmul(x, turned));
  check(at, "matmul_batch_right", weft::matmul(x, weft::transpose(plane)));
  check(at, "matmul_batch_left", weft::matmul(plane, turned));
  check(at, "matmul_broadcast", weft::matmul(x(weft::slice(0, 1)), turned));
  check(at, "matmul_vector", weft::matmul(x, row));
  check(at, "matmul_vector_left", weft::matmul(row, turned));
  check(at, "matmul_int", weft::matmul(i, weft::transpose(i, {0, 2, 1})), true);
  check(at, "dot", weft::dot(row, row));
  check(at, "dot_of_three", weft::dot(plane, turned));
  check(at, "dot_of_three_and_vector", weft::dot(x, row));
  CHECK_THROWS_AS(weft::dot(x, plane), weft::misuse);
  const auto whole = weft::astype<std::complex<double>>(x) +
                     weft::astype<std::complex<double>>(weft::flip(x, 0)) * std::complex(0.0, 1.0);
  check(at, "vdot", weft::vdot(whole, x));
  check(at, "vdot_int", weft::vdot(d.i(0), plane));
  CHECK_THROWS_AS(weft::vdot(x, plane), weft::misuse);
  check(at, "tensordot", weft::tensordot(x, plane, {1, 2}, {0, 1}));
  check(at, "tensordot_order", weft::tensordot(x, plane, {2}, {-1}));
  check(at, "tensordot_2", weft::tensordot<1>(x, plane, 2));
  CHECK_THROWS_AS(weft::tensordot<2>(x, plane, 2), weft::misuse);
  check(at, "outer", weft::outer(row, plane(3)));
  check(at, "outer_of_matrices", weft::outer(plane, x(slice(0, 2), 3)), true);
  check(at, "outer_of_number", weft::outer(x(1, 2, 3), row), true);
  check(at, "einsum_product", weft::einsum<2>("aij,kj->ik", x, plane));
  check(at, "einsum_implicit", weft::einsum("aij,kj", x, plane));
  check(at, "einsum_batch", weft::einsum("aij, akj -> aik", x, x));
  check(at, "einsum_order", weft::einsum("aij,bij->jba", x, x));
  check(at, "einsum_four",
        weft::einsum("aij,bj,b,kk->ia", x, plane, x(slice(0, 17), 0, 0), x(slice(0, 5), slice(0, 5), 0)));
  check(at, "einsum_order_of_ones",
        weft::einsum("ij,...j,kj->...k", x(slice(0, 1), 0), x(slice(), slice(0, 1)), plane));
  check(at, "einsum_nine",
        weft::einsum("ij,ij,ij,ij,ij,ij,ij,ij,j->i", plane, plane, plane, plane, plane, plane, plane, plane, row));
  check(at, "einsum_three", weft::einsum("aij,ij,j->ia", x, plane, row));
  check(at, "einsum_sum", weft::einsum("aij->j", x));
  check(at, "einsum_transpose", weft::einsum("aij->jai", x), true);
  check(at, "einsum_trace", weft::einsum("ii", x(weft::slice(0, 17), weft::slice(), 0)));
  check(at, "einsum_diagonal", weft::einsum("ii->i", x(weft::slice(0, 17), weft::slice(), 0)), true);
  check(at, "einsum_rest", weft::einsum("...j,j->...", x, row));
  check(at, "einsum_rest_broadcast", weft::einsum("a...,...->...a", x, plane));
  check(at, "einsum_one",
        weft::einsum("aij,aj->ai", x(weft::slice(), weft::slice(), weft::slice(0, 1)), x(weft::slice(), 2)));
  check(at, "einsum_all", weft::einsum("aij,aij->", x, x));
  check(at, "einsum_float", weft::einsum("ij,ij->i", i(2), i(3)), true);
}

TEST_CASE("covariances are what NumPy's are, in all chunks") {
  weft::blas_threads(1);
  const weft::shape chunk = GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{5, 1, 5});
  arrays::place at;
  const reference::data d(at, chunk);
  const auto& [x, f, i, b, z, row, plane] = d;
  check(at, "cov", weft::cov(plane));
  check(at, "cov_columns", weft::cov(plane, {.by_columns = true}));
  check(at, "cov_all", weft::cov(plane, {.lessened = 0}));
  check(at, "cov_int", weft::cov(i(0)));
  check(at, "cov_float", weft::cov(f(weft::slice(), 1)));
  check(at, "cov_both", weft::cov(plane, weft::square(weft::flip(plane, 0))));
  check(at, "cov_both_columns", weft::cov(plane, weft::square(plane(weft::slice(), 0)), {.by_columns = true}));
  const auto one = x(weft::slice(), 1, 2);
  const auto two = weft::square(x(weft::slice(), 2, 2));
  check(at, "cov_vector", weft::cov(one));
  check(at, "cov_vector", weft::cov(one, {.by_columns = true}));
  check(at, "cov_vectors", weft::cov(one, two));
  check(at, "cov_vectors", weft::cov(one, two, {.by_columns = true}));
  check(at, "corrcoef", weft::corrcoef(plane));
  check(at, "corrcoef", weft::corrcoef(plane, {.lessened = 0}));
  check(at, "corrcoef_columns", weft::corrcoef(plane, {.by_columns = true}));
  check(at, "corrcoef_both", weft::corrcoef(plane, x(0)));
  check(at, "corrcoef_vector", weft::corrcoef(row));
  check(at, "corrcoef_still", weft::corrcoef(weft::stack(0, row, row * 0.0 + 1.0, row)));
  const auto waves = weft::map_elements([](double re, double im) { return std::complex<double>(re, im); },
                                        x(weft::slice(), weft::slice(), 0), x(weft::slice(), weft::slice(), 1));
  check(at, "cov_complex_real", weft::real(weft::cov(waves)));
  check(at, "cov_complex_imaginary", weft::imag(weft::cov(waves)));
  check(at, "corrcoef_complex_real", weft::real(weft::corrcoef(waves)));
  check(at, "corrcoef_complex_imaginary", weft::imag(weft::corrcoef(waves)));
}

TEST_CASE("factorisations are what NumPy's are, in all chunks") {
  weft::blas_threads(1);
  const weft::shape chunk = GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{5, 1, 5});
  arrays::place at;
  const reference::data d(at, chunk);
  const weft::array<double, 2> tall = d.x(weft::slice(), weft::slice(), 1);  // 23 x 17
  const weft::array<double, 2> positive = weft::matmul(weft::transpose(tall), tall);
  check(at, "qr_r", weft::abs(weft::qr(tall).r));
  check(at, "svd_s", weft::svd(tall).s);
  check(at, "svd_s_wide", weft::svd(weft::transpose(tall)).s);
  check(at, "svd_vt", weft::abs(weft::svd(tall).vt));
  check(at, "cholesky", weft::cholesky(positive));
  check(at, "solve", weft::solve(positive, weft::transpose(tall)));
  check(at, "solve_vector", weft::solve(positive, tall(3)));
  check(at, "inv", weft::inv(positive));
  check(at, "solve_triangular", weft::solve_triangular(positive, tall(3), weft::triangle::upper));
  check(at, "lstsq", weft::lstsq(tall, d.x(weft::slice(), 2, 0)).solution);
  check(at, "lstsq_residuals", weft::lstsq(tall, d.x(weft::slice(), weft::slice(0, 3), 0)).residuals);
}

TEST_CASE("factorisations of complex numbers, and of any rank, are what NumPy's are, in all chunks") {
  weft::blas_threads(1);
  const weft::shape chunk = GENERATE(weft::shape{7, 6, 2}, weft::shape{5, 1, 5});
  arrays::place at;
  const reference::data d(at, chunk);
  const weft::array<double, 2> tall = d.x(weft::slice(), weft::slice(), 1), turned = weft::transpose(tall);
  const weft::array<std::complex<double>, 2> waving =
      tall + d.x(weft::slice(), weft::slice(), 2) * std::complex<double>(0, 1);
  const weft::array<std::complex<double>, 2> positive = weft::matmul(weft::conj(weft::transpose(waving)), waving);
  check(at, "complex_qr_r", weft::abs(weft::qr(waving).r));
  check(at, "complex_svd_s", weft::svd(waving).s);
  check(at, "complex_cholesky", weft::cholesky(positive));
  const auto right = weft::transpose(waving(weft::slice(0, 3)));
  check(at, "complex_solve", weft::solve(positive, right));
  check(at, "complex_solve", weft::solve(positive, right, weft::assume::positive_definite));
  check(at, "complex_inv", weft::inv(positive));
  const auto three = d.x(weft::slice(), weft::slice(0, 3), 0);
  const auto least = weft::lstsq(waving, weft::astype<std::complex<double>>(three));
  check(at, "complex_lstsq", least.solution);
  check(at, "complex_lstsq_residuals", least.residuals);
  check(at, "complex_norm_nuclear", weft::norm(waving, weft::ord::nuclear));
  check(at, "pinv_complex", weft::pinv(waving));
  const weft::array<double, 2> few = tall(weft::slice(0, 5));
  const weft::array<double, 2> low = weft::multi_dot(tall, weft::transpose(few), few),
                               low_wide = weft::transpose(low);
  const auto of = [&](const std::string& name, const weft::array<double, 2>& x) {
    const auto b = d.x(weft::slice(0, x.shape()[0]), 1, 3);
    const auto parts = weft::lstsq(x, b);
    check(at, "lstsq_solution_" + name, parts.solution);
    check(at, "lstsq_rank_" + name, parts.rank);
    check(at, "matrix_rank_" + name, weft::matrix_rank(x));
    check(at, "pinv_" + name, weft::pinv(x, 1e-12));
  };
  of("tall", tall);
  of("wide", turned);
  of("low", low);
  of("low_wide", low_wide);
  check(at, "lstsq_values", weft::lstsq(tall, d.x(weft::slice(), 2, 0)).singular_values);
}

TEST_CASE("determinants, conditions, powers and chains are what NumPy's are, in all chunks") {
  weft::blas_threads(1);
  const weft::shape chunk = GENERATE(weft::shape{7, 6, 2}, weft::shape{5, 1, 5});
  arrays::place at;
  const reference::data d(at, chunk);
  const weft::array<double, 2> tall = d.x(weft::slice(), weft::slice(), 1), turned = weft::transpose(tall);
  const weft::array<std::complex<double>, 2> waving =
      tall + d.x(weft::slice(), weft::slice(), 2) * std::complex<double>(0, 1);
  const weft::array<double, 2> square = tall(weft::slice(0, 17));
  const auto determinant = [&](const std::string& name, const auto& x) {
    const auto [sign, logarithm] = weft::slogdet(x);
    check(at, "det_" + name, weft::det(x));
    check(at, "slogdet_sign_" + name, sign);
    check(at, "slogdet_log_" + name, logarithm);
  };
  determinant("real", square);
  determinant("complex", waving(weft::slice(0, 17)));
  check(at, "cond_2", weft::cond(square));
  check(at, "cond_minus_2", weft::cond(square, weft::ord{-2}));
  check(at, "cond_1", weft::cond(square, weft::ord{1}));
  check(at, "cond_inf", weft::cond(square, weft::ord::infinity));
  check(at, "cond_fro", weft::cond(square, weft::ord::frobenius));
  check(at, "cond_tall", weft::cond(tall));
  check(at, "cond_complex", weft::cond(waving));
  for (const int n : {0, 1, 2, 7, -2}) check(at, "matrix_power_" + std::to_string(n), weft::matrix_power(square, n));
  check(at, "matrix_power_int",
        weft::matrix_power(weft::astype<std::int64_t>(d.i(weft::slice(0, 17), weft::slice(), 1)), 3), true);
  check(at, "multi_dot", weft::multi_dot(tall, turned, tall, tall(2)));
  check(at, "inner", weft::inner(d.x, d.plane));
  check(at, "inner_vectors", weft::inner(d.row, d.plane(2)));
  check(at, "svdvals", weft::svdvals(tall));
  const auto some = weft::ravel(d.x(weft::slice(0, 4), weft::slice(0, 9)))(weft::slice(0, 144));
  const auto corner = weft::reshape<3>(d.x(weft::slice(0, 6), weft::slice(0, 4), 0), {2, 3, 4});
  check(at, "tensorinv", weft::tensorinv(weft::reshape<3>(corner(weft::slice(), weft::slice(0, 2)), {4, 2, 2}), 1));
  check(at, "tensorinv_2", weft::tensorinv(weft::reshape<3>(some, {3, 4, 12})));
  const auto right = d.plane(weft::slice(0, 3), weft::slice(0, 4));
  check(at, "tensorsolve", weft::tensorsolve(weft::reshape<4>(some, {3, 4, 6, 2}), right));
  check(at, "tensorsolve_axes", weft::tensorsolve(weft::reshape<4>(some, {3, 6, 2, 4}), right, weft::axes(1, 2)));
  check(at, "multi_dot_number", weft::multi_dot(tall(1), turned, tall, tall(2)));
}
