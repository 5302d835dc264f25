// Linear algebra on the engine and on a cluster: the same bits.
#include <catch2/catch.hpp>
#include <complex>

#include "array/matrices.hpp"
#include "cluster/in_process.hpp"

namespace {

using list = std::vector<double>;

weft::task<std::vector<list>> job(weft::client& c) {
  const auto a = weft::from_function<2>(
      c, {300, 40}, [](std::int64_t i, std::int64_t j) { return arrays::noise(i * 40 + j); }, {.chunk = {70, 16}});
  const weft::array<double, 2> square = weft::matmul(weft::transpose(a), a);
  const auto b = weft::linspace(c, -1, 1, 40);
  std::vector<list> found;
  const xt::xtensor<double, 2> products = co_await square.compute();
  found.push_back(arrays::list_of(products));
  const xt::xtensor<double, 1> summed = co_await weft::einsum<1>("ij,ik,k->j", a, a, b).compute();
  found.push_back(arrays::list_of(summed));
  const auto factors = weft::qr(a);
  const xt::xtensor<double, 2> q = co_await factors.q.compute();
  found.push_back(arrays::list_of(q));
  const auto compressed = weft::svd_compressed(a, 5, {.power_iterations = 1});
  const xt::xtensor<double, 2> vt = co_await compressed.vt.compute();
  found.push_back(arrays::list_of(vt));
  const xt::xtensor<double, 2> l = co_await weft::cholesky(square).compute();
  found.push_back(arrays::list_of(l));
  const xt::xtensor<double, 1> x = co_await weft::solve(square, b).compute();
  found.push_back(arrays::list_of(x));
  const xt::xtensor<double, 2> spectrum = co_await weft::irfft(weft::rfft(a, 0), 0).compute();
  found.push_back(arrays::list_of(spectrum));
  // Of complex numbers, and of one column less than there are.
  const weft::array<std::complex<double>, 2> waves = a * std::complex<double>(0, 2) + weft::roll(a, 1, 1);
  const weft::array<std::complex<double>, 2> low = waves - weft::mean(waves, 1, weft::keep_axes);
  const auto least = weft::lstsq(low, waves);
  const weft::array<double, 2> lengths = weft::abs(least.solution);
  const xt::xtensor<double, 2> solution = co_await lengths.compute();
  found.push_back(arrays::list_of(solution));
  const auto rank = co_await least.rank.compute();
  found.push_back({static_cast<double>(rank)});
  const weft::array<double, 2> inverse = weft::abs(weft::pinv(low));
  const xt::xtensor<double, 2> inverses = co_await inverse.compute();
  found.push_back(arrays::list_of(inverses));
  const double determinant = co_await weft::det(square).compute();
  const double condition = co_await weft::cond(waves).compute();
  found.push_back({determinant, condition});
  co_return found;
}

std::vector<list> on_engine(unsigned threads) {
  weft::pool p({.threads = threads});
  weft::client c(p);
  return p.run(job(c));
}

}  // namespace

TEST_CASE("linear algebra gives the same bits on one thread, many, and a cluster") {
  weft::blas_threads(1);
  const std::vector<list> one = on_engine(1);
  REQUIRE(one.size() == 11);
  CHECK(one[2].size() == 300 * 40);
  CHECK(one[8][0] == 39);
  CHECK((on_engine(3) == one));
  in_process_cluster cluster(2, weft::net::address_kind::in_process);
  weft::pool p({.threads = 1});
  weft::client c = cluster.connect(p);
  const std::vector<list> far = p.run(job(c));
  for (std::size_t i = 0; i < one.size(); ++i) {
    CAPTURE(i);
    CHECK((far[i] == one[i]));
  }
}
