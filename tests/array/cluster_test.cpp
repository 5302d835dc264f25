// The same arrays on the engine and on a cluster: the same bits.
#include <catch2/catch.hpp>

#include "array/arrays.hpp"
#include "cluster/in_process.hpp"

using arrays::bits_of;
using arrays::noise;

namespace {

/// What a user writes in his own program: his kernel travels with it.
struct shifted_square {
  double by;
  double operator()(double x) const { return (x - by) * (x - by); }
};

struct results {
  std::uint64_t sum_bits = 0;
  std::vector<double> rows;
  std::vector<std::int64_t> places;
  std::vector<double> part;
  std::uint64_t mean_bits = 0, deviation_bits = 0;
  bool operator==(const results&) const = default;
};

weft::task<results> job(weft::client& c) {
  const auto x = weft::from_function<2>(
      c, {300, 170}, [](std::int64_t i, std::int64_t j) { return noise(i * 170 + j); }, {.chunk = {70, 64}});
  const weft::array<double, 2> y = weft::map_elements(shifted_square{0.25}, x) + weft::exp(x) / 3.0;
  results r;
  const double sum = co_await weft::sum(y).compute();
  r.sum_bits = bits_of(sum);
  const xt::xtensor<double, 1> rows = co_await weft::std(y - weft::mean(y, 0, weft::keep_axes), 1).compute();
  r.rows = arrays::list_of(rows);
  const xt::xtensor<std::int64_t, 1> places = co_await weft::argmax(x, 0).compute();
  r.places.assign(places.begin(), places.end());
  const weft::array<double, 2> kept = y.persist();
  co_await weft::wait(kept);
  co_await weft::wait(kept * 2.0);
  const auto differences = kept(weft::slice(1), weft::slice(1)) - kept(weft::slice(0, -1), weft::slice(0, -1));
  const xt::xtensor<double, 2> part = co_await differences(weft::slice(60, 80), weft::slice(100, 10, -30)).compute();
  r.part = arrays::list_of(part);
  const auto both = co_await weft::compute(weft::mean(y), weft::std(y));
  r.mean_bits = bits_of(both.first);
  r.deviation_bits = bits_of(both.second);
  co_return r;
}

results on_engine(unsigned threads) {
  weft::pool p({.threads = threads});
  weft::client c(p);
  return p.run(job(c));
}

}  // namespace

namespace {

struct refuses {
  double operator()(double x) const {
    if (x > 100) throw std::domain_error("too large");
    return x;
  }
};
weft::detail::arrays::block some_bools(std::size_t n) {
  weft::detail::arrays::block b(weft::detail::arrays::element_of<bool>, {n});
  for (std::size_t i = 0; i < n; ++i) b.bytes()[i] = static_cast<std::byte>(i % 4);
  return b;
}

}  // namespace

TEST_CASE("a task that fails on a worker is named as it is here") {
  in_process_cluster cluster(2);
  weft::pool p({.threads = 1});
  weft::client c = cluster.connect(p);
  const auto x = weft::map_elements(refuses{}, weft::arange<double>(c, 0, 120, 1, {.chunk = {40}}));
  CHECK_THROWS_WITH(p.run(weft::sum(x).compute()), Catch::Contains("refuses-sum-") &&
                                                       Catch::Contains(" of chunk (2) failed") &&
                                                       Catch::Contains("too large"));
}

TEST_CASE("bools that come from a worker are bools, whatever their bytes were") {
  in_process_cluster cluster(1);
  weft::pool p({.threads = 1});
  weft::client c = cluster.connect(p);
  for (const std::size_t n : {std::size_t{10}, std::size_t{1} << 20}) {  // within the message, and beside it
    const auto count = [&]() -> weft::task<std::size_t> {
      const weft::future<weft::detail::arrays::block> made = c.submit(some_bools, n);
      const weft::detail::arrays::block& b = co_await made;
      std::size_t ones = 0, others = 0;
      for (const std::byte e : b.bytes()) {
        ones += e == std::byte{1};
        others += e > std::byte{1};
      }
      CHECK(others == 0);
      co_return ones;
    };
    CHECK(p.run(count()) == n - (n + 3) / 4);
  }
}

TEST_CASE("one thread, many, and a cluster give the same bits") {
  const results one = on_engine(1);
  CHECK(one.rows.size() == 300);
  CHECK(one.places.size() == 170);
  CHECK(one.part.size() == 60);
  CHECK(one.mean_bits != one.deviation_bits);
  for (const unsigned threads : {2u, 3u}) CHECK((on_engine(threads) == one));
  const auto kind = GENERATE(weft::net::address_kind::in_process, weft::net::address_kind::unix_socket);
  in_process_cluster cluster(2, kind);
  weft::pool p({.threads = 1});
  weft::client c = cluster.connect(p);
  const results far = p.run(job(c));
  CHECK((far == one));
}
