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
using words = std::vector<std::string>;

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

numbers plus_one(numbers v) {
  for (double& x : v) ++x;
  return v;
}

struct book {
  words text;
  numbers pages;
  bool operator==(const book&) const = default;
};
/// Its words are encoded one by one, and its pages attached.
book write_book(int n, int seed) {
  book b;
  for (int i = 0; i < n; ++i) b.text.push_back("word " + std::to_string(i * 31 + seed));
  b.pages = count_from(seed, std::size_t(n));
  return b;
}
std::size_t letters(const book& b, const book& other) {
  std::size_t n = b.pages.size() + other.pages.size();
  for (const std::string& w : b.text) n += w.size();
  for (const std::string& w : other.text) n += w.size();
  return n;
}

}  // namespace

TEST_CASE("a value whose encoded message is long comes in chunks too") {
  const auto kind = GENERATE(address_kind::unix_socket, address_kind::tcp);
  in_process_cluster cluster(0, kind);
  cluster.add_worker(1, {}, "there=8");
  cluster.add_worker(1, {}, "here=8");
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    // The first fits the header, the others do not; several come by one request.
    for (const int n : {100, 20'000, 400'000}) {
      auto a = c.with({.resources = "there=1"}).submit(write_book, n, 1);
      auto b = c.with({.resources = "there=1"}).submit(write_book, n + 1, 2);
      const std::size_t found = co_await c.with({.resources = "here=1"}).submit(letters, a, b);
      CHECK(found == letters(write_book(n, 1), write_book(n + 1, 2)));
      const book here = co_await std::move(a);
      CHECK(here == write_book(n, 1));
    }
  };
  p.run(weft::timeout(limit, test()));
  CHECK(cluster.scheduler->statistics().restarted == 0);
}

TEST_CASE("what is too large to travel with a task is told of, and harms nothing else") {
  in_process_cluster cluster(1, address_kind::unix_socket);
  pool p({.threads = 1});
  client c = cluster.connect(p);
  const auto test = [&]() -> task<> {
    constexpr std::size_t beyond = 9 << 20;  // 72 MiB
    auto before = c.submit(count_from, 1.0, std::size_t{3});
    std::string of_arguments;
    try {
      const double sum = co_await c.submit(wrong, numbers(beyond), 0.0);
      CHECK(sum == 0);
    } catch (const std::exception& e) { of_arguments = e.what(); }
    CHECK_THAT(of_arguments, Catch::Contains("75497") && Catch::Contains("the arguments of"));
    const double bad = co_await c.submit(wrong, std::move(before), 1.0);
    CHECK(bad == 0);
    // What takes such a value fails as it does; it has no number of the cluster, which another task has.
    auto refused = c.submit(plus_one, numbers(beyond));
    auto between = c.submit(count_from, 7.0, std::size_t{3});
    std::string of_user;
    try {
      const numbers sum = co_await c.submit(plus_one, refused);
      CHECK(sum.empty());
    } catch (const task_failed& e) { of_user = e.what(); }
    CHECK_THAT(of_user, Catch::Contains("75497"));
    CHECK_THROWS_AS(c.retry(refused), misuse);
    const numbers sum = co_await c.submit(plus_one, between);
    CHECK(sum == numbers{8, 9, 10});
  };
  p.run(weft::timeout(limit, test()));
}

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
