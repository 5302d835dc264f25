// Places of elements, beside NumPy's.
#include <complex>

#include "array/numpy/reference.hpp"

using reference::check;
using weft::slice;

TEST_CASE("the elements of triangles are where NumPy has them") {
  arrays::place at;
  for (const auto& [n, m] : {std::pair(6, 6), {7, 3}, {3, 7}, {1, 4}, {5, 0}})
    for (const int k : {-9, -3, -1, 0, 1, 2, 9}) {
      const std::string name = "_" + std::to_string(n) + "_" + std::to_string(m) + "_" + std::to_string(k);
      const auto [i, j] = weft::tril_indices(at.client, n, m, k, {.chunk = {5}});
      check(at, "tril" + name, weft::stack(0, i, j));
      const auto [p, q] = weft::triu_indices(at.client, n, m, k, {.chunk = {5}});
      check(at, "triu" + name, weft::stack(0, p, q));
    }
  const auto x = weft::zeros<float, 2>(at.client, {7, 3});
  const auto [i, j] = weft::tril_indices_from(x, -1);
  check(at, "tril_7_3_-1", weft::stack(0, i, j));
  const auto [p, q] = weft::triu_indices_from(x);
  check(at, "triu_7_3_0", weft::stack(0, p, q));
}

TEST_CASE("numbers and places of elements are NumPy's, in all chunks") {
  arrays::place at;
  const weft::shape chunk = GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{4, 3, 5});
  const reference::data d(at, chunk);
  const weft::array<std::int32_t, 3> numbers = weft::abs(d.i) % (23 * 17 * 5);
  const auto [i, j, k] = weft::unravel_index<3>(numbers, d.x.shape());
  check(at, "unravel_0", i);
  check(at, "unravel_1", j);
  check(at, "unravel_2", k);
  check(at, "ravel", weft::ravel_multi_index(d.x.shape(), i, j, k));
  const auto first = d.i(slice(), slice(), 0), second = d.i(slice(), slice(), 1);
  using weft::outside;
  check(at, "ravel_wrap", weft::ravel_multi_index({23, 17}, outside::wrap, first, weft::floor_divide(second, 9)));
  check(
      at, "ravel_clip",
      weft::ravel_multi_index({23, 17}, outside::clip, weft::floor_divide(first, 20), weft::floor_divide(second, 9)));
}

namespace {

template <class X>
weft::task<> check_nonzero(std::string name, X x) {
  const auto numbers = co_await weft::flatnonzero(x);
  const auto rows = co_await weft::argwhere(x);
  const auto each = co_await weft::nonzero(x);
  STATIC_REQUIRE(std::is_same_v<decltype(rows), const weft::array<std::int64_t, 2>>);
  const xt::xtensor<std::int64_t, 1> found = co_await numbers.compute();
  reference::check_elements("flatnonzero_" + name, found.data(), found.size(), true);
  const xt::xtensor<std::int64_t, 2> of_rows = co_await rows.compute();
  CHECK(of_rows.shape()[1] == x.shape().size());
  reference::check_elements("argwhere_" + name, of_rows.data(), of_rows.size(), true);
  const auto stacked = weft::stack(0, std::vector<weft::array<std::int64_t, 1>>(each.begin(), each.end()));
  const xt::xtensor<std::int64_t, 2> places = co_await stacked.compute();
  reference::check_elements("nonzero_" + name, places.data(), places.size(), true);
}

}  // namespace

TEST_CASE("elements that are not 0 are where NumPy has them, in all chunks") {
  arrays::place at;
  const weft::shape chunk = GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{4, 3, 5});
  const reference::data d(at, chunk);
  const auto check_all = [&](const char* name, const auto& x) { at.pool.run(check_nonzero(name, x)); };
  check_all("some", weft::array<double, 3>(weft::floor(4.0 * d.x)));
  check_all("some", weft::array<double>(weft::floor(4.0 * d.x)));  // its rank is known when the program runs
  check_all("bool", d.b);
  check_all("nan", weft::array<double, 3>(weft::where(d.x > 0.4, std::nan(""), 0.0)));
  check_all("row", weft::array<bool, 1>(d.row > 0.0));
  check_all("none", weft::array<bool, 3>(d.i > 5000));
  check_all("int", weft::array<std::int32_t, 3>(weft::floor_divide(d.i, 900)));
  using complex = std::complex<double>;
  check_all("complex", weft::array<complex, 3>(weft::where(d.b, complex(0), complex(0, 1))));
}
