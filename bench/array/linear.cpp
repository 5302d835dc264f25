// array.matmul, dot_product, ols, qr and svd_compressed, beside OpenBLAS alone and Dask's threads.
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "array/blas.hpp"
#include "dask.hpp"
#include "runs.hpp"

namespace bench {
namespace {

/// Some number of element (i, j), without a pattern.
struct scattered {
  float operator()(std::int64_t i, std::int64_t j) const {
    auto n = static_cast<std::uint64_t>(i * 65'537 + j) * 0x9e3779b97f4a7c15u;
    n = (n ^ n >> 32) * 0xd6e8feb86659fd93u;
    return static_cast<float>(static_cast<double>(n >> 40) * 0x1.0p-24 - 0.5);
  }
};

const registered matmul_(
    "array.matmul", "ms",
    "two square matrices of floats, in chunks in memory, multiplied, beside one call of OpenBLAS",
    [](const settings& s) {
      auto here = std::make_shared<client_place>(s.threads);
      const std::int64_t n = s.size(8000, 3000);
      const weft::creation how{.chunk = {1000, 1000}};
      const auto a =
          kept(*here, weft::array<float, 2>(weft::from_function<2>(here->client, {n, n}, scattered{}, how)));
      sides out;
      out.weft = [=] {
        weft::blas_threads(1);
        std::vector<weft::array<float, 2>> product;
        const double ms = milliseconds([&] {
          product.push_back(weft::matmul(a, a).persist());
          // What waits for all chunks reads them once: a thousandth of the work.
          here->pool.run(weft::sum(product.front()).compute());
        });
        const float found = here->pool.run(product.front()(1, 2).compute());
        double expected = 0;
        for (std::int64_t k = 0; k < n; ++k)
          expected += static_cast<double>(scattered{}(1, k)) * static_cast<double>(scattered{}(k, 2));
        if (!(std::abs(static_cast<double>(found) - expected) < 0.05)) throw wrong("element (1, 2) of the product");
        return ms;
      };
      if (!s.peers) return out;
      struct memory {
        std::vector<float> a, c;
      };
      auto plain = std::make_shared<memory>();
      const auto side = static_cast<std::size_t>(n);
      plain->a.resize(side * side);
      plain->c.resize(side * side);
      for (std::size_t i = 0; i < side; ++i)
        for (std::size_t j = 0; j < side; ++j)
          plain->a[i * side + j] = scattered{}(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j));
      out.peer_name = "openblas";
      out.peer = [plain, n, threads = s.threads] {
        weft::blas_threads(static_cast<int>(threads));
        const auto m = static_cast<int>(n);
        const double ms = milliseconds([&] {
          using weft::detail::arrays::blas::form;
          weft::detail::arrays::blas::multiply<float>(form::plain, form::plain, m, m, m, 1.0f, plain->a.data(), m,
                                                      plain->a.data(), m, 0.0f, plain->c.data(), m);
        });
        keep(plain->c[1]);
        return ms;
      };
      note_numpy(out, s, "numpy_array.py matmul " + std::to_string(n) + " 0");
      return out;
    });

const registered_twice dot_product_(
    "dot_product", "the sum of x times its transpose, of random doubles that are made for it",
    [](const settings& s, const numbers& kind) {
      auto here = std::make_shared<client_place>(s.threads);
      const std::int64_t n = s.size(3990, 1400), chunk = n / 7;
      return beside_python(s, kind.measurement, n, chunk, [=] {
        weft::blas_threads(1);
        return milliseconds([&] {
          const auto x = kind.make<2>(here->client, {n, n}, {.seed = 7, .chunk = {chunk, chunk}});
          const double sum = here->pool.run(weft::sum(weft::matmul(x, weft::transpose(x))).compute());
          const auto side = static_cast<double>(n);
          if (!(std::abs(sum / (kind.mean() / 2 * side * side * side) - 1) < 0.01))
            throw wrong("array.dot_product: a sum that random numbers cannot have");
        });
      });
    });

const registered ols_(
    "array.ols", "ms", "a hundred coefficients by least squares, from the normal equations of random doubles",
    [](const settings& s) {
      auto here = std::make_shared<client_place>(s.threads);
      const std::int64_t rows = s.size(1'340'000, 134'000), columns = 100, chunk = 10'000;
      sides out;
      out.weft = [=] {
        weft::blas_threads(1);
        return milliseconds([&] {
          const weft::client& c = here->client;
          const auto x = weft::random::normal<double, 2>(c, {rows, columns}, {.seed = 7, .chunk = {chunk, columns}});
          const auto noise = weft::random::normal<double, 1>(c, {rows}, {.seed = 8, .chunk = {chunk}});
          const auto sought = weft::linspace(c, -1, 1, columns);
          const weft::array<double, 1> y = weft::matmul(x, sought) + noise;
          const auto turned = weft::transpose(x);
          const auto found = weft::solve(weft::matmul(turned, x), weft::matmul(turned, y));
          // Each is off by a normal number whose deviation is 1 / sqrt(rows).
          const double off = here->pool.run(weft::max(weft::abs(found - sought)).compute());
          if (!(off * std::sqrt(static_cast<double>(rows)) < 6))
            throw wrong("array.ols: a coefficient that cannot be");
        });
      };
      const std::string call = "_array.py ols " + std::to_string(rows) + " " + std::to_string(chunk);
      beside_dask(out, s, "dask" + call, "dask.array, scipy.linalg");  // with which Dask factors
      note_numpy(out, s, "numpy" + call);
      return out;
    });

const registered qr_(
    "array.qr", "ms", "q and r of a square matrix of random doubles in memory", [](const settings& s) {
      auto here = std::make_shared<client_place>(s.threads);
      const std::int64_t n = s.size(3000, 1000), chunk = n / 10;
      const weft::array<double, 2> made =
          weft::astype<double>(weft::from_function<2>(here->client, {n, n}, scattered{}, {.chunk = {chunk, chunk}}));
      const auto x = kept(*here, made);
      sides out;
      out.weft = [=] {
        weft::blas_threads(1);
        return milliseconds([&] {
          const auto [q, r] = weft::qr(x);
          const auto [qs, rs] = weft::persist(q, r);
          // What waits for all of both reads them once. The columns of q have length 1.
          const auto [length, diagonal] =
              here->pool.run(weft::compute(weft::sum(qs * qs), weft::sum(weft::abs(weft::diagonal(rs)))));
          if (!(std::abs(length / static_cast<double>(n) - 1) < 1e-12 && diagonal > 0))
            throw wrong("array.qr: q's columns have another length than 1");
        });
      };
      beside_dask(out, s,
                  "dask_linear.py qr " + std::to_string(n) + " " + std::to_string(n) + " " + std::to_string(n),
                  "dask.array");
      note_numpy(out, s, "numpy_array.py qr " + std::to_string(n) + " 0");
      return out;
    });

const registered svd_compressed_(
    "array.svd_compressed", "ms", "five singular values of a tall matrix of random doubles, made as they are needed",
    [](const settings& s) {
      auto here = std::make_shared<client_place>(s.threads);
      const std::int64_t n = s.size(200'000, 20'000), width = 1000, chunk = 10'000;
      sides out;
      out.weft = [=] {
        weft::blas_threads(1);
        return milliseconds([&] {
          const weft::array<double, 2> x = weft::astype<double>(
              weft::from_function<2>(here->client, {n, width}, scattered{}, {.chunk = {chunk, width}}));
          const xt::xtensor<double, 1> values = here->pool.run(weft::svd_compressed(x, 5).s.compute());
          // The largest singular value of such a matrix is near sqrt(n / 12) +
          // sqrt(width / 12).
          const double most = std::sqrt(static_cast<double>(n) / 12) + std::sqrt(static_cast<double>(width) / 12);
          if (!(values(0) > most / 2 && values(0) < most * 1.01)) throw wrong("a singular value that cannot be");
        });
      };
      beside_dask(out, s,
                  "dask_linear.py svd_compressed " + std::to_string(n) + " " + std::to_string(width) + " " +
                      std::to_string(chunk));
      note_numpy(out, s, "numpy_array.py svd_compressed " + std::to_string(n) + " " + std::to_string(width));
      return out;
    });

}  // namespace
}  // namespace bench
