// Counting, beside NumPy's.
#include "array/numpy/reference.hpp"

using reference::check;

namespace {

template <class H>
void check_histogram(arrays::place& at, const std::string& name, const H& h, bool exactly = true) {
  check(at, "histogram_" + name, h.counts, exactly);
  check(at, "edges_" + name, weft::from_array(at.client, h.edges), true);
}

template <class X>
void check_unique(arrays::place& at, const std::string& name, const X& x) {
  const auto u = at.pool.run(weft::unique(x));
  check(at, "unique_" + name, weft::from_array(at.client, u.values), true);
  check(at, "unique_counts_" + name, weft::from_array(at.client, u.counts), true);
  const auto all = at.pool.run(weft::unique_all(x));
  check(at, "unique_inverse_" + name, all.inverse, true);
  check(at, "unique_index_" + name, weft::from_array(at.client, all.indices), true);
  CHECK((all.counts == u.counts));
}

}  // namespace

TEST_CASE("elements are counted as NumPy counts them, in all chunks") {
  const weft::shape chunk =
      GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{1, 17, 1}, weft::shape{2, 1, 5});
  arrays::place at;
  const reference::data d(at, chunk);
  const auto& [x, f, i, b, z, row, plane] = d;
  const std::vector<double> edges{-0.4, -0.1, 0.0, 0.05, 0.3};
  const std::vector<double> ends(edges.begin() + 1, edges.end());
  check_histogram(at, "bins", weft::histogram(x, {.count = 10, .first = -0.5, .last = 0.5}));
  check_histogram(at, "many_bins", weft::histogram(x, {.count = 1000, .first = -0.3, .last = 0.31}));
  check_histogram(at, "nan", weft::histogram(z, {.count = 7, .first = -0.2, .last = 0.2}));
  check_histogram(at, "edges", weft::histogram(x, edges));
  check_histogram(at, "int", weft::histogram(i, {.count = 25, .first = -500, .last = 500}));
  check_histogram(at, "int_edges", weft::histogram(i % 10, std::vector<int>{0, 1, 2, 5, 9}));
  check(at, "histogram_density", weft::density(weft::histogram(x, {.count = 10, .first = -0.3, .last = 0.5})));
  check(at, "histogram_density_edges", weft::density(weft::histogram(x, edges)));
  check_histogram(at, "weights", weft::histogram(x, {.count = 10, .first = -0.5, .last = 0.5}, plane), false);
  check(at, "histogram_weights_density", weft::density(weft::histogram(x, edges, x * x)));
  check(at, "histogram2d",
        weft::histogram2d(x, x * x, {.count = 5, .first = -0.5, .last = 0.5}, {.count = 8, .first = 0, .last = 0.2})
            .counts,
        true);
  check(at, "histogram2d_weights", weft::histogram2d(x, z, edges, ends, x).counts);
  check(at, "histogram2d_density", weft::density(weft::histogram2d(x, z, edges, ends)));
  const weft::array<double, 2> points = weft::reshape<2>(x, {23 * 17, 5})(weft::slice(), weft::slice(0, 3));
  const auto h = weft::histogramdd(points, std::vector<weft::bins>{{4, -0.5, 0.5}, {3, -0.4, 0.3}, {5, 0, 0.4}});
  check(at, "histogramdd", h.counts, true);
  for (std::size_t axis = 0; axis < 3; ++axis)
    check(at, "histogramdd_edges_" + std::to_string(axis), weft::from_array(at.client, h.edges[axis]), true);
  const std::vector<std::vector<double>> each{edges, ends, edges};
  const weft::array<double, 1> first = points(weft::slice(), 0);
  check(at, "histogramdd_weights", weft::histogramdd(points, each, first * first).counts);
  check(at, "histogramdd_density", weft::density(weft::histogramdd(points, each)));
  const weft::array<double, 3> planes = weft::broadcast_to<3>(plane, {23, 17, 5});
  check(at, "histogramdd_arrays",
        weft::histogramdd(std::vector{x, planes}, std::vector<std::vector<double>>{edges, edges}).counts, true);
  check(at, "bincount", weft::bincount(i % 40, 50), true);
  check(at, "bincount_weights", weft::bincount(i % 40, 50, x));
}

TEST_CASE("elements are looked up as NumPy does it") {
  arrays::place at;
  const reference::data d(at, {7, 6, 2});
  const auto& [x, f, i, b, z, row, plane] = d;
  const std::vector<double> edges{-0.4, -0.1, 0.0, 0.05, 0.3};
  const auto few = weft::floor_divide(i, 100);
  const auto check_digits = [&](const std::string& name, const auto& v) {
    check(at, "digitize_" + name, weft::digitize(v, edges), true);
    check(at, "digitize_right_" + name, weft::digitize(v, edges, true), true);
  };
  check_digits("x", x);
  check_digits("nan", z);
  check_digits("int", few);
  const std::vector<std::int32_t> list{-3, -1, -1, 2, 4};
  check(at, "searchsorted", weft::searchsorted(list, few), true);
  check(at, "searchsorted_right", weft::searchsorted(list, few, weft::side::right), true);
  check(at, "isin", weft::isin(i, std::vector<std::int64_t>{7, -3, 400, -3}), true);
  check(at, "isin_real", weft::isin(i, std::vector<double>{7.5, -3.0}), true);
}

TEST_CASE("different elements are those that NumPy finds, in all chunks") {
  const weft::shape chunk = GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{1, 3, 1});
  arrays::place at;
  const reference::data d(at, chunk);
  const auto& [x, f, i, b, z, row, plane] = d;
  check_unique(at, "int", weft::floor_divide(i, 100));
  check_unique(at, "nan", weft::floor(z * 10.0));
  check_unique(at, "x", x);
  check_unique(at, "bool", b);
  const auto both = at.pool.run(weft::union1d(weft::rint(x * 10.0), weft::rint(row * 10.0)));
  check(at, "union1d", weft::from_array(at.client, both), true);
  const auto mixed = at.pool.run(weft::union1d(weft::floor_divide(i, 100), weft::rint(plane * 10.0)));
  check(at, "union1d_int", weft::from_array(at.client, mixed), true);
}
