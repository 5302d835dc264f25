// Cumulative sums, sorting, counting and quantiles, on the engine and on a cluster: the same bits.
#include <catch2/catch.hpp>

#include "array/arrays.hpp"
#include "cluster/in_process.hpp"

using arrays::list_of;
using arrays::noise;

namespace {

using results = std::vector<std::vector<double>>;

weft::task<results> statistics(weft::client& c) {
  results all;
  const auto x = weft::from_function<2>(c, {60, 47}, [](std::int64_t i, std::int64_t j) { return noise(i * 47 + j); },
                                        {.chunk = {13, 20}});
  const auto flat = weft::ravel(x);
  const xt::xtensor<double, 2> sums = co_await weft::cumsum(x, 1).compute();
  all.push_back(list_of(sums));
  const xt::xtensor<double, 1> products = co_await weft::cumprod(1.0 + flat / 10.0).compute();
  all.push_back(list_of(products));
  const xt::xtensor<double, 1> sorted = co_await weft::sort(flat).compute();
  all.push_back(list_of(sorted));
  const xt::xtensor<std::int64_t, 1> places = co_await weft::argsort(weft::floor(flat * 20.0)).compute();
  all.push_back(list_of(places));
  const xt::xtensor<std::int64_t, 2> largest = co_await weft::argtopk(x, 3, 0).compute();
  all.push_back(list_of(largest));
  const auto h = weft::histogram(x, {.count = 30, .first = -0.4, .last = 0.5}, x * x);
  const xt::xtensor<double, 1> weights = co_await h.counts.compute();
  all.push_back(list_of(weights));
  const auto u = co_await weft::unique(weft::floor(x * 20.0));
  all.push_back(list_of(u.counts));
  const xt::xtensor<std::int64_t, 2> inverse = co_await weft::searchsorted(u.values, weft::floor(x * 20.0)).compute();
  all.push_back(list_of(inverse));
  const std::vector<double> some{0.1, 0.5, 0.9};
  const xt::xtensor<double, 2> quantiles = co_await weft::nanquantile(x, some, 0).compute();
  all.push_back(list_of(quantiles));
  const xt::xtensor<double, 1> near = co_await weft::approximate_quantile(x, some).compute();
  all.push_back(list_of(near));
  const xt::xtensor<double, 2> slopes = co_await weft::gradient(weft::tril(x), 1).compute();
  all.push_back(list_of(slopes));
  co_return all;
}

results on_engine(unsigned threads) {
  weft::pool p({.threads = threads});
  weft::client c(p);
  return p.run(statistics(c));
}

}  // namespace

TEST_CASE("statistics of arrays are the same on a cluster") {
  const results one = on_engine(1);
  REQUIRE(one.size() == 11);
  CHECK(one[2].size() == 60 * 47);
  CHECK(std::is_sorted(one[2].begin(), one[2].end()));
  CHECK((on_engine(3) == one));
  const auto kind = GENERATE(weft::net::address_kind::in_process, weft::net::address_kind::unix_socket);
  in_process_cluster cluster(2, kind);
  weft::pool p({.threads = 1});
  weft::client c = cluster.connect(p);
  const results far = p.run(statistics(c));
  for (std::size_t i = 0; i < one.size(); ++i) {
    CAPTURE(i);
    CHECK((far[i] == one[i]));
  }
}
