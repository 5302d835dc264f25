// How values travel: between workers, and to clients.
#include <catch2/catch.hpp>
#include <chrono>
#include <numeric>
#include <string>
#include <vector>

#include "cluster/in_process.hpp"

namespace {

using namespace weft;
using net::address_kind;
using numbers = std::vector<double>;

constexpr std::chrono::seconds limit(60);
constexpr std::size_t large = 500'000;  // 4 MB, of which no socket holds two

numbers count_from(double first, std::size_t n) {
  numbers v(n);
  std::iota(v.begin(), v.end(), first);
  return v;
}
/// The first of each: they must not be taken for each other.
numbers firsts(const numbers& a, const numbers& b, const numbers& c, const numbers& d, const numbers& e,
               const numbers& f, const numbers& g, const numbers& h) {
  return {a.front(), b.front(), c.front(), d.front(), e.front(), f.front(), g.front(), h.front()};
}
/// What is wrong with one of these values; 0: nothing.
double wrong(const numbers& v, double first) {
  double d = 0;
  for (std::size_t i = 0; i < v.size(); ++i) d += std::abs(v[i] - first - static_cast<double>(i));
  return d;
}

}  // namespace

TEST_CASE("several large values come by one request") {
  const auto kind = GENERATE(address_kind::unix_socket, address_kind::tcp);
  in_process_cluster cluster(0, kind);
  cluster.add_worker(1, {}, "there=8");
  cluster.add_worker(1, {}, "here=8");
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    std::vector<future<numbers>> v;
    for (int i = 0; i < 8; ++i) v.push_back(c.with({.resources = "there=1"}).submit(count_from, double(i), large));
    auto all = c.with({.resources = "here=1"}).submit(firsts, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]);
    const numbers first = co_await std::move(all);
    CHECK(first == numbers{0, 1, 2, 3, 4, 5, 6, 7});
    for (int i = 0; i < 8; ++i) {
      const double bad = co_await c.with({.resources = "here=1"}).submit(wrong, v[std::size_t(i)], double(i));
      CHECK(bad == 0);
    }
  };
  p.run(weft::timeout(limit, test()));
  CHECK(cluster.scheduler->statistics().restarted == 0);
}

TEST_CASE("a client reads several large values of one worker at once") {
  const auto kind = GENERATE(address_kind::unix_socket, address_kind::tcp);
  in_process_cluster cluster(1, kind);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto read = [&](future<numbers>& f, double first) -> task<> {
    const numbers& v = co_await f;
    CHECK(v.size() == large);
    CHECK(wrong(v, first) == 0);
  };
  const auto test = [&]() -> task<> {
    auto a = c.submit(count_from, 1.0, large), b = c.submit(count_from, 2.0, large),
         d = c.submit(count_from, 3.0, large);
    co_await weft::all(read(a, 1), read(b, 2), read(d, 3));
  };
  p.run(weft::timeout(limit, test()));
  CHECK(cluster.scheduler->statistics().restarted == 0);
}
