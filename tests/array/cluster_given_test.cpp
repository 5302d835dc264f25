// Chunks of a user's own tasks, on the engine and on a cluster: the same elements.
#include <catch2/catch.hpp>

#include "array/arrays.hpp"
#include "cluster/in_process.hpp"
#include "weft/layer.hpp"

using arrays::list_of;
using weft::array_chunk;
using weft::chunk_sizes;

namespace {

/// Of 1,200 to 20,000 elements: within the message, and beside it.
constexpr std::size_t columns = 400;
xt::xtensor<float, 2> some_rows(std::size_t i) {
  xt::xtensor<float, 2> made({i == 0 ? 3u : 50u, columns});
  for (std::size_t k = 0; k < made.size(); ++k) made.data()[k] = static_cast<float>(k % 1000) + static_cast<float>(i);
  return made;
}
array_chunk as_chunk(std::size_t i) { return weft::chunk_of(some_rows(i)); }
xt::xtensor<float, 2> twice(const xt::xtensor<float, 2>& x) { return x * 2.0f; }
xt::xtensor<float, 1> sums(const array_chunk& x) { return xt::sum(weft::elements_of<float, 2>(x), {1}); }

using results = std::vector<std::vector<double>>;

weft::task<results> job(weft::client& c) {
  results all;
  const chunk_sizes sizes({3, 50, 50}, {columns});
  std::vector<weft::future<xt::xtensor<float, 2>>> parts;
  for (std::size_t i = 0; i < 3; ++i) parts.push_back(c.submit(twice, c.submit(some_rows, i)));
  parts[1] = c.submit(twice, c.scatter(some_rows(1)));  // of a value that goes there from here
  const auto x = weft::from_delayed<float, 2>(c, std::move(parts), sizes);
  const xt::xtensor<double, 1> means = co_await weft::mean(x, 0).compute();
  all.push_back(list_of(means));
  const auto y = weft::from_delayed<float, 2>(c, weft::layer_of(3, as_chunk), sizes);
  const xt::xtensor<float, 2> part = co_await (x - y)(weft::slice(40, 60), weft::slice(390, 10, -7)).compute();
  all.push_back(list_of(part));
  const auto z = weft::from_delayed<float, 2>(c, c.compute(weft::layer_of(3, as_chunk)), sizes);
  for (weft::future<array_chunk>& f : weft::to_delayed(z + x)) {
    const xt::xtensor<float, 1> found = co_await c.submit(sums, std::move(f));
    all.push_back(list_of(found));
  }
  const auto wrong = weft::from_delayed<float, 2>(c, weft::layer_of(2, as_chunk), chunk_sizes({3, 40}, {columns}));
  std::string what;
  try {
    static_cast<void>(co_await weft::sum(wrong).compute());
  } catch (const std::exception& e) { what = e.what(); }
  all.push_back(
      {double(what.find("chunk (1, 0) of an array of shape (43, 400) was given one of shape (50, 400), where "
                        "one of shape (40, 400) is needed") != std::string::npos)});
  co_return all;
}

results on_engine() {
  weft::pool p({.threads = 2});
  weft::client c(p);
  return p.run(job(c));
}

}  // namespace

TEST_CASE("chunks that tasks make on workers are those that they make here") {
  const results here = on_engine();
  REQUIRE(here.size() == 6);
  CHECK(here[0].size() == columns);
  CHECK(here[1].size() == 20 * 55);
  CHECK(here[4].size() == 50);
  CHECK(here[5] == std::vector<double>{1});
  const auto kind = GENERATE(weft::net::address_kind::in_process, weft::net::address_kind::unix_socket);
  in_process_cluster cluster(2, kind);
  weft::pool p({.threads = 1});
  weft::client c = cluster.connect(p);
  CHECK((p.run(job(c)) == here));
}
