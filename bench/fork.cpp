// fork.*: what it costs to fork and join.
#include "fork.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include "harness.hpp"
#include "weft/algorithm.hpp"
#include "weft/all.hpp"
#include "weft/pool.hpp"

namespace bench {
namespace {

weft::task<std::uint64_t> fib(unsigned n) {
  if (n < 2) co_return n;
  auto [a, b] = co_await weft::all(fib(n - 1), fib(n - 2));
  co_return a + b;
}

weft::task<std::uint64_t> skynet(std::uint64_t base, unsigned depth) {
  if (depth == 0) co_return base;
  std::uint64_t width = 1;
  for (unsigned i = 1; i < depth; ++i) width *= 10;
  std::vector<weft::task<std::uint64_t>> children;
  children.reserve(10);
  for (std::uint64_t i = 0; i < 10; ++i) children.push_back(skynet(base + i * width, depth - 1));
  std::uint64_t sum = 0;
  for (const std::uint64_t part : co_await weft::all(std::move(children))) sum += part;
  co_return sum;
}

struct board {
  signed char columns[most_queens];
};

weft::task<std::uint64_t> queens(board above, int row, int n) {
  if (row == n) co_return 1;
  std::vector<weft::task<std::uint64_t>> children;
  children.reserve(static_cast<std::size_t>(n));
  for (int at = 0; at < n; ++at)
    if (queen_fits(above.columns, row, at)) {
      above.columns[row] = static_cast<signed char>(at);
      children.push_back(queens(above, row + 1, n));
    }
  std::uint64_t sum = 0;
  for (const std::uint64_t count : co_await weft::all(std::move(children))) sum += count;
  co_return sum;
}

weft::task<> multiply(const float* a, const float* b, float* c, std::size_t n, std::size_t stride) {
  if (n <= multiply_leaf) {
    multiply_block(a, b, c, n, stride);
    co_return;
  }
  const std::size_t h = n / 2;
  const auto at = [h, stride](auto* m, int row, int column) { return m + (row ? h * stride : 0) + (column ? h : 0); };
  for (int k = 0; k < 2; ++k)
    co_await weft::all(multiply(at(a, 0, k), at(b, k, 0), at(c, 0, 0), h, stride),
                       multiply(at(a, 0, k), at(b, k, 1), at(c, 0, 1), h, stride),
                       multiply(at(a, 1, k), at(b, k, 0), at(c, 1, 0), h, stride),
                       multiply(at(a, 1, k), at(b, k, 1), at(c, 1, 1), h, stride));
}

struct contestants {
  explicit contestants(const settings& s) : pool({.threads = s.threads}) {
    if (fork_peer::available() && s.peers) peer = std::make_unique<fork_peer>(s.threads);
  }
  weft::pool pool;
  std::unique_ptr<fork_peer> peer;
};

void check(bool right, const char* what) {
  if (!right) throw wrong(std::string(what) + " gave a wrong result");
}

/// `run` calls the side's function and returns what it took in seconds; this divides it into `units` of work.
template <class Weft, class Peer>
sides compare(const settings& s, double units, double scale, Weft weft, Peer peer) {
  auto both = std::make_shared<contestants>(s);
  sides out;
  out.weft = [both, units, scale, weft] {
    const double begin = seconds_now();
    weft(both->pool);
    return (seconds_now() - begin) * scale / units;
  };
  out.note = WEFT_BENCH_COMPILER;
  if (both->peer) {
    out.peer_name = fork_peer::name();
    out.peer = [both, units, scale, peer] {
      const double begin = seconds_now();
      peer(*both->peer);
      return (seconds_now() - begin) * scale / units;
    };
  } else if (!fork_peer::available()) {
    out.note += "; oneTBB is not installed (sh bench/peers.sh)";
  }
  return out;
}

const registered fib_("fork.fib", "ns/call", "naive fib: two forks a call of it", [](const settings& s) {
  const unsigned n = s.size(34u, 29u);
  const std::uint64_t right = fib_value(n);
  return compare(
      s, static_cast<double>(fib_calls(n)), 1e9, [=](weft::pool& p) { check(p.run(fib(n)) == right, "weft"); },
      [=](fork_peer& p) { check(p.fib(n) == right, "the peer"); });
});

const registered skynet_("fork.skynet", "ns/task", "a tree of ten children a node, a million leaves",
                         [](const settings& s) {
                           const unsigned depth = s.size(6u, 5u);
                           std::uint64_t leaves = 1;
                           for (unsigned i = 0; i < depth; ++i) leaves *= 10;
                           const std::uint64_t right = leaves * (leaves - 1) / 2;
                           return compare(
                               s, static_cast<double>(skynet_tasks(depth)), 1e9,
                               [=](weft::pool& p) { check(p.run(skynet(0, depth)) == right, "weft"); },
                               [=](fork_peer& p) { check(p.skynet(depth) == right, "the peer"); });
                         });

const registered nqueens_("fork.nqueens", "ms", "all ways to place n queens: as many children as places",
                          [](const settings& s) {
                            const int n = s.size(12, 10);
                            const std::uint64_t right = queens_solutions(n);
                            return compare(
                                s, 1, 1e3,
                                [=](weft::pool& p) { check(p.run(queens(board{}, 0, n)) == right, "weft"); },
                                [=](fork_peer& p) { check(p.nqueens(n) == right, "the peer"); });
                          });

struct matrices {
  explicit matrices(std::size_t size) : n(size), a(n * n), b(n * n), c(n * n) {
    for (std::size_t i = 0; i < n * n; ++i) {
      a[i] = static_cast<float>(i % 7);
      b[i] = static_cast<float>(i % 5);
    }
  }
  void check_product(const char* who) const {
    for (std::size_t i : {std::size_t{0}, n / 3, n - 1})
      for (std::size_t j : {std::size_t{0}, n / 2, n - 1}) {
        double sum = 0;
        for (std::size_t k = 0; k < n; ++k)
          sum += static_cast<double>(a[i * n + k]) * static_cast<double>(b[k * n + j]);
        check(sum == static_cast<double>(c[i * n + j]), who);
      }
  }
  std::size_t n;
  std::vector<float> a, b, c;
};

const registered matmul_("fork.matmul", "ms", "1024 x 1024 floats by halving, leaves of 64", [](const settings& s) {
  auto m = std::make_shared<matrices>(s.size(std::size_t{1024}, std::size_t{512}));
  const auto clear = [m] { std::fill(m->c.begin(), m->c.end(), 0.0f); };
  return compare(
      s, 1, 1e3,
      [=](weft::pool& p) {
        clear();
        p.run(multiply(m->a.data(), m->b.data(), m->c.data(), m->n, m->n));
        m->check_product("weft");
      },
      [=](fork_peer& p) {
        clear();
        p.matmul(m->a.data(), m->b.data(), m->c.data(), m->n);
        m->check_product("the peer");
      });
});

struct numbers {
  explicit numbers(std::size_t n) : source(random_numbers(n)), data(n) {}
  void refill() { std::copy(source.begin(), source.end(), data.begin()); }
  std::vector<std::uint64_t> source, data;
};

const registered sort_("fork.sort", "ms", "four million 64-bit numbers, weft::sort", [](const settings& s) {
  auto v = std::make_shared<numbers>(s.size(std::size_t{4'000'000}, std::size_t{400'000}));
  return compare(
      s, 1, 1e3,
      [=](weft::pool& p) {
        v->refill();
        p.run(weft::sort(std::span<std::uint64_t>(v->data)));
        check(std::is_sorted(v->data.begin(), v->data.end()), "weft");
      },
      [=](fork_peer& p) {
        v->refill();
        p.sort(v->data);
        check(std::is_sorted(v->data.begin(), v->data.end()), "the peer");
      });
});

}  // namespace
}  // namespace bench
