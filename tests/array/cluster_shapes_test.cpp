// What copies boxes of chunks, on the engine and on a cluster: the same elements.
#include <algorithm>
#include <catch2/catch.hpp>
#include <tuple>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "array/arrays.hpp"
#include "array/files.hpp"
#include "cluster/in_process.hpp"

using arrays::noise;
using weft::none;
using weft::slice;

namespace {

using results = std::vector<std::vector<double>>;

weft::task<results> shapes(weft::client& c) {
  results all;
  const auto x = weft::from_function<2>(c, {60, 47}, [](std::int64_t i, std::int64_t j) { return noise(i * 47 + j); },
                                        {.chunk = {13, 20}});
  const auto joined = weft::concatenate(0, x, weft::roll(x, 5, 1), weft::flip(x, 0));
  const auto cut = weft::rechunk(joined, {.chunk = {50, 7}});
  const xt::xtensor<double, 2> padded =
      co_await weft::pad(cut, {{2, 1}, {0, 3}}, weft::pad_mode::reflect)(slice(50, 100), slice()).compute();
  all.push_back(arrays::list_of(padded));
  const xt::xtensor<double, 2> reshaped = co_await weft::reshape<2>(weft::transpose(cut), {36, -1}).compute();
  all.push_back(arrays::list_of(reshaped));
  std::vector<std::int64_t> list;
  for (std::int64_t i = 0; i < 300; ++i) list.push_back(i * 7919 % 180);
  const xt::xtensor<double, 2> taken = co_await weft::take(joined, list, 0).compute();
  all.push_back(arrays::list_of(taken));
  const weft::array<double, 1> positive = co_await weft::compress(x, x > 0.0);
  const xt::xtensor<double, 1> some = co_await weft::assign(positive, slice(5, 50, 3), -1.0).compute();
  all.push_back(arrays::list_of(some));
  const auto listed = x(slice(none, none, 2), weft::positions(40, 3, -1, 3));
  const auto longer = weft::insert(weft::erase(joined, slice(3, 160, 2), 0), weft::positions(9, 0, 9), 2.0, 0);
  const xt::xtensor<double, 2> written =
      co_await weft::assign(longer, weft::region(slice(none, 30), weft::positions(5, 1, 5, 46)), listed).compute();
  all.push_back(arrays::list_of(written));
  const auto [i, j] = weft::tril_indices(c, 30, 40, -2, {.chunk = {100}});
  const xt::xtensor<std::int64_t, 1> numbers = co_await weft::ravel_multi_index({30, 40}, i, j).compute();
  all.push_back(arrays::list_of(numbers));
  const weft::array<std::int64_t, 2> large = co_await weft::argwhere(weft::clip(x, 0.3, 0.5) - 0.3);
  const xt::xtensor<std::int64_t, 2> of_large = co_await large.compute();
  all.push_back(arrays::list_of(of_large));
  const auto points = weft::vindex(joined, list, slice(none, none, 9)) * 2.0;
  const xt::xtensor<double, 1> pairs =
      co_await weft::vindex(points, weft::positions(299, 0, 7, 299), weft::positions(5, 0, 1, 5)).compute();
  all.push_back(arrays::list_of(pairs));
  const auto steps = weft::piecewise(x, x < 0.0, -1.0, x > 0.25, [](double v) { return 4 * v; });
  const xt::xtensor<double, 2> of_steps = co_await steps(slice(none, none, 9)).compute();
  all.push_back(arrays::list_of(of_steps));
  const auto ramps =
      weft::pad(weft::pad(x, {{2, 0}, {0, 3}}, weft::pad_by::linear_ramp{2.0}), {{1, 1}, {0, 0}}, weft::pad_by::mean);
  const auto places = weft::searchsorted(weft::sort(x(7)), ramps);
  const xt::xtensor<double, 2> chosen =
      co_await weft::choose(places % 5, weft::outside::clip, ramps, -1.0, weft::ldexp(ramps, 3)).compute();
  all.push_back(arrays::list_of(chosen));
  const auto lines = weft::take_along_axis(joined, weft::argsort(cut, 0), 0);
  const xt::xtensor<double, 2> ordered = co_await lines(slice(none, none, 3), weft::argsort(x(7))).compute();
  all.push_back(arrays::list_of(ordered));
  const weft::overlap_options halo{.depth = {2, 0}, .boundary = weft::boundary::periodic};
  const auto dot = weft::vectorize<1, 1>([](const auto& a, const auto& b) { return xt::sum(a * b)(); });
  const weft::array<double, 2> around = weft::trim_overlap(weft::overlap(x, halo) * 2.0, halo);
  const xt::xtensor<double, 1> lines_of = co_await weft::apply_gufunc<1>(dot, "(i),(i)->()", around, x).compute();
  all.push_back(arrays::list_of(lines_of));
  const auto different = co_await weft::unique_all(weft::floor(x * 4.0));
  const xt::xtensor<std::int64_t, 2> inverse = co_await different.inverse.compute();
  all.push_back(arrays::list_of(inverse));
  std::vector<weft::array<double, 1>> rows;
  for (std::int64_t k = 0; k < 10; ++k) rows.push_back(joined(k * 17));
  for (const xt::xtensor<double, 1>& row : co_await weft::compute(rows)) all.push_back(arrays::list_of(row));
  const weft::array<std::int64_t, 1> order = weft::argsort(x(7));
  const xt::xtensor<double, 2> put_in_order =
      co_await weft::assign(joined, weft::region(slice(none, none, 2), order), x(3)).compute();
  all.push_back(arrays::list_of(put_in_order));
  co_return all;
}

/// What a user writes in his own program: it travels with it.
struct power_mean {
  double power;
  template <class V, class A>
  xt::xtensor<double, 2> operator()(const V& a, const A& within) const {
    return xt::mean(xt::pow(a, power), within);
  }
};
struct backwards {
  template <class V>
  xt::xtensor<double, 1> operator()(const V& a) const {
    xt::xtensor<double, 1> r = a;
    std::reverse(r.begin(), r.end());
    return r;
  }
};
struct smooth {
  double weight;
  template <class V>
  xt::xtensor<double, 2> operator()(const V& a) const {
    xt::xtensor<double, 2> s = a;
    for (std::size_t i = 1; i + 1 < a.shape()[0]; ++i)
      for (std::size_t j = 0; j < a.shape()[1]; ++j) s(i, j) += weight * (a(i - 1, j) + a(i + 1, j));
    return s;
  }
};

/// Where each chunk lies, in two numbers: a line of a result whose chunks are made by their places alone.
struct place_in_file {
  double per_row;
  xt::xtensor<double, 1> operator()(const weft::chunk_place& p) const {
    xt::xtensor<double, 1> a = xt::zeros<double>({p.extents[0]});
    for (std::size_t k = 0; k < a.size(); ++k)
      a(k) = per_row * static_cast<double>(p.first[0]) + static_cast<double>(p.chunks[0] * p.whole[0]);
    return a;
  }
};

/// Sums of columns, and how many elements are in them.
struct column_sums {
  double less;
  struct accumulator {
    xt::xtensor<double, 1> sums;
    std::vector<std::size_t> rows;
  };
  template <class V>
  accumulator chunk(const V& a) const {
    return {xt::sum(a - less, {0}), {a.shape()[0]}};
  }
  void merge(accumulator& a, const accumulator& after) const {
    a.sums += after.sums;
    a.rows.insert(a.rows.end(), after.rows.begin(), after.rows.end());
  }
  auto finish(const accumulator& a) const { return a.sums * static_cast<double>(a.rows.front() - a.rows.back()); }
};

struct ends_of_line {
  template <class V>
  auto operator()(const V& a) const {
    const std::size_t n = a.shape()[1];
    return std::tuple(xt::xtensor<double, 1>(xt::view(a, xt::all(), 0)),
                      xt::xtensor<double, 2>(xt::view(a, xt::all(), xt::range(n - 3, n))));
  }
};

weft::task<results> maps(weft::client& c) {
  results all;
  const auto x = weft::from_function<2>(c, {60, 47}, [](std::int64_t i, std::int64_t j) { return noise(i * 47 + j); },
                                        {.chunk = {13, 20}});
  const xt::xtensor<double, 2> smoothed =
      co_await weft::map_overlap(smooth{0.25}, x, {.depth = {2, 0}, .boundary = weft::boundary::periodic}).compute();
  all.push_back(arrays::list_of(smoothed));
  const auto [first, last] = weft::apply_gufunc<1, 2>(ends_of_line{}, "(i)->(),(e)", weft::new_axes{{3}}, x);
  const xt::xtensor<double, 1> both = co_await (first - weft::sum(last, 1)).compute();
  all.push_back(arrays::list_of(both));
  const auto scaled =
      weft::map_blocks([](const auto& a, const auto& b) { return a * b(); }, weft::transpose(x), weft::sum(x));
  const xt::xtensor<double, 2> part = co_await scaled(slice(10, 30), slice(none, none, 7)).compute();
  all.push_back(arrays::list_of(part));
  const xt::xtensor<double, 2> coarse = co_await weft::coarsen(power_mean{2}, x, {7, 4}, true).compute();
  all.push_back(arrays::list_of(coarse));
  const xt::xtensor<double, 3> windows = co_await weft::sliding_window_view(x, 5, 0)(slice(10, 20)).compute();
  all.push_back(arrays::list_of(windows));
  const xt::xtensor<double, 2> turned = co_await weft::apply_along_axis(backwards{}, 0, x).compute();
  all.push_back(arrays::list_of(turned));
  const auto places = weft::from_blocks<1>(c, weft::chunk_sizes({13, 40, 7}), place_in_file{0.5});
  const auto sums = weft::map_blocks([](const auto& a) { return xt::sum(a, {1}); },
                                     weft::block_shape{.drop = weft::axes(1)}, weft::rechunk(x, {.chunk = {13, -1}}));
  const xt::xtensor<double, 1> placed = co_await (sums + places).compute();
  all.push_back(arrays::list_of(placed));
  const xt::xtensor<double, 1> reduced = co_await weft::reduce_blocks(x, column_sums{0.5}, 0).compute();
  all.push_back(arrays::list_of(reduced));
  co_return all;
}

weft::task<results> random_numbers(weft::client& c) {
  results all;
  const auto x = weft::random::normal<float, 2>(c, {300, 170}, {.seed = 9, .chunk = {70, 64}});
  const auto n =
      weft::random::integers<std::uint8_t, 2>(c, {300, 170}, 1, 7, {.seed = 9, .stream = 1, .chunk = {50, 100}});
  const xt::xtensor<double, 1> rows = co_await weft::sum(weft::astype<double>(x) * n, 1).compute();
  all.push_back(arrays::list_of(rows));
  const auto g = weft::random::gamma<double, 2>(c, {300, 170}, 0.7, 2, {.seed = 9, .chunk = {70, 64}});
  const auto b = weft::random::binomial<std::uint8_t, 2>(c, {300, 170}, 200, 0.3, {.seed = 9, .chunk = {70, 64}});
  const xt::xtensor<double, 1> drawn = co_await weft::sum(g * b, 1).compute();
  all.push_back(arrays::list_of(drawn));
  const auto by_array = weft::random::normal<double, 2>(
      c, {300, 170}, g, weft::random::poisson<std::int64_t, 2>(c, {300, 170}, g, {.seed = 3}), {.seed = 9});
  const auto ends =
      weft::random::integers<std::int64_t, 1>(c, {170}, 0, weft::arange<std::int64_t>(c, 1, 171, 1), {.seed = 9});
  const xt::xtensor<double, 1> by_arrays = co_await weft::sum(by_array * ends, 1).compute();
  all.push_back(arrays::list_of(by_arrays));
  const std::vector<double> p{0.2, 0.5, 0.3};
  const std::vector<float> values{1.5F, -2, 7};
  const auto chosen = weft::random::choice<1>(c, {300}, values, p, {.seed = 9, .chunk = {70}});
  const auto fallen = weft::random::multinomial<2>(c, {300}, 20, p, {.seed = 9, .chunk = {70, 2}});
  const auto mixed = weft::random::permutation(fallen * weft::expand_dims(chosen, 1), 0, {.seed = 9});
  const xt::xtensor<double, 2> last = co_await mixed.compute();
  all.push_back(arrays::list_of(last));
  const auto shares = weft::random::dirichlet<double, 2>(c, {100}, p, {.seed = 9, .chunk = {70, 2}});
  const auto once = weft::random::choice<2>(c, {50, 3}, 1000, weft::random::without_replacement,
                                            {.seed = 9, .chunk = {20, 3}, .bytes = 1600});
  const xt::xtensor<double, 2> half = xt::eye<double>(3) * 0.5;
  const std::vector<double> mean{1, 2, 3};
  const auto vectors =
      weft::random::multivariate_normal<double, 2>(c, {100}, mean, half, {.seed = 9, .chunk = {70, 2}});
  const xt::xtensor<double, 1> longest = co_await weft::max(vectors, 1).compute();
  all.push_back(arrays::list_of(longest));
  const xt::xtensor<double, 2> weighed = co_await (shares(weft::slice(50)) * once).compute();
  all.push_back(arrays::list_of(weighed));
  co_return all;
}

weft::task<results> files(weft::client& c) {
  const test_directory folder(test_directory::beside());
  const std::string path = folder / "x.npy";
  const auto x = weft::random::uniform<double, 2>(c, {60, 47}, {.chunk = {13, 20}});
  co_await weft::to_npy(x * 2.0, path);
  const auto y = co_await weft::from_npy<double, 2>(c, path, {.chunk = {17, 47}});
  results all;
  const xt::xtensor<double, 2> whole = co_await weft::transpose(y).compute();
  all.push_back(arrays::list_of(whole));
  const std::string store = folder / "x.zarr";
  co_await weft::to_zarr(x * 2.0, store, {.version = 3, .chunk = {10, 15}});
  const auto z = co_await weft::from_zarr<double, 2>(c, store, {.chunk = {20, 30}});
  const xt::xtensor<double, 2> stored = co_await weft::transpose(z).compute();
  all.push_back(arrays::list_of(stored));
  const weft::array<double, 1> sums = weft::sum(y * 3.0, 0);  // in the tasks that read the file
  const xt::xtensor<double, 1> of_columns = co_await sums.compute();
  all.push_back(arrays::list_of(of_columns));
  co_return all;
}

template <class Job>
results on_engine(unsigned threads, Job job) {
  weft::pool p({.threads = threads});
  weft::client c(p);
  return p.run(job(c));
}
template <class Job>
results on_cluster(weft::net::address_kind kind, Job job) {
  in_process_cluster cluster(2, kind);
  weft::pool p({.threads = 1});
  weft::client c = cluster.connect(p);
  return p.run(job(c));
}

}  // namespace

TEST_CASE("arrays in other shapes are the same on a cluster") {
  const results one = on_engine(1, shapes);
  CHECK(one[0].size() == 50 * 50);
  CHECK(one[2].size() == 300 * 47);
  CHECK(one[4].size() == (180 - 79 + 3) * 47);
  CHECK(one[5].back() == 29 * 40 + 27);
  CHECK(one[7][0] == one[7][3]);
  CHECK(one.back().size() == 180 * 47);
  CHECK((on_engine(3, shapes) == one));
  const auto kind = GENERATE(weft::net::address_kind::in_process, weft::net::address_kind::unix_socket);
  CHECK((on_cluster(kind, shapes) == one));
}

TEST_CASE("functions of chunks travel with their program") {
  const results one = on_engine(1, maps);
  CHECK(one[0].size() == 60 * 47);
  CHECK(one[1].size() == 60);
  CHECK(one[2].size() == 20 * 9);
  CHECK(one[3].size() == 8 * 11);
  CHECK(one[4].size() == 10 * 47 * 5);
  CHECK(one[5].size() == 60 * 47);
  CHECK(one[6].size() == 60);
  CHECK(one[7].size() == 47);
  CHECK((on_engine(3, maps) == one));
  const auto kind = GENERATE(weft::net::address_kind::in_process, weft::net::address_kind::unix_socket);
  CHECK((on_cluster(kind, maps) == one));
}

TEST_CASE("random arrays are the same on a cluster") {
  const results one = on_engine(1, random_numbers);
  CHECK(one[0].size() == 300);
  CHECK((on_engine(3, random_numbers) == one));
  const auto kind = GENERATE(weft::net::address_kind::in_process, weft::net::address_kind::unix_socket);
  CHECK((on_cluster(kind, random_numbers) == one));
}

TEST_CASE("workers of a cluster read and write files") {
  const results one = on_engine(1, files);
  CHECK(one[0].size() == 60 * 47);
  CHECK(one[1] == one[0]);
  const auto kind = GENERATE(weft::net::address_kind::in_process, weft::net::address_kind::unix_socket);
  CHECK((on_cluster(kind, files) == one));
}
