// array.*: expressions of arrays that are in memory, beside a loop written by hand and beside Dask's threads.
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dask.hpp"
#include "runs.hpp"

namespace bench {
namespace {

using weft::slice;

/// Some number of element i, without a pattern, and exact in sums of some millions.
struct element {
  double operator()(std::int64_t i) const {
    return static_cast<double>((static_cast<std::uint64_t>(i) * 0x9e3779b97f4a7c15u) >> 40) * 0x1.0p-24;
  }
  double operator()(std::int64_t i, std::int64_t j) const { return (*this)(i * 65'537 + j); }
  std::int64_t operator()(std::int64_t i, std::int64_t j, std::int64_t k) const {
    return static_cast<std::int64_t>((*this)(i * 65'537 + j * 257 + k) * 1000);
  }
};

/// (a - b) * (a - b) + c / 2, into memory that was used before.
void chain_by_hand(const std::vector<double>& a, const std::vector<double>& b, const std::vector<double>& c,
                   std::vector<double>& out, unsigned threads) {
  const auto part = [&](std::size_t from, std::size_t to) {
    const double *x = a.data(), *y = b.data(), *z = c.data();
    double* __restrict o = out.data();
    for (std::size_t i = from; i < to; ++i) o[i] = (x[i] - y[i]) * (x[i] - y[i]) + z[i] / 2;
  };
  std::vector<std::jthread> all;
  for (unsigned t = 0; t < threads; ++t) all.emplace_back(part, a.size() * t / threads, a.size() * (t + 1) / threads);
}

const registered fused_chain_(
    "array.fused_chain", "ms", "(a - b) * (a - b) + c / 2 over arrays in memory, its chunks made and let go",
    [](const settings& s) {
      auto here = std::make_shared<client_place>(s.threads);
      const std::int64_t n = s.size(std::int64_t{1} << 25, std::int64_t{1} << 22);
      const auto make = [&](int seed) {
        return kept(*here,
                    weft::array<double, 1>(weft::from_function<1>(here->client, {n}, element{}) + double(seed)));
      };
      const auto a = make(1), b = make(2), c = make(3);
      sides out;
      out.note = WEFT_BENCH_COMPILER;
      out.weft = [=] { return milliseconds([&] { here->pool.run(to_nowhere((a - b) * (a - b) + c / 2.0)); }); };
      if (!s.peers) return out;
      struct memory {
        std::vector<double> a, b, c, out;
      };
      auto by_hand = std::make_shared<memory>();
      for (std::vector<double>* v : {&by_hand->a, &by_hand->b, &by_hand->c}) {
        v->resize(static_cast<std::size_t>(n));
        for (std::size_t i = 0; i < v->size(); ++i) (*v)[i] = element{}(static_cast<std::int64_t>(i));
      }
      by_hand->out.resize(static_cast<std::size_t>(n));
      out.peer_name = "a loop by hand";
      out.peer = [by_hand, threads = s.threads] {
        const double ms =
            milliseconds([&] { chain_by_hand(by_hand->a, by_hand->b, by_hand->c, by_hand->out, threads); });
        keep(by_hand->out[1]);
        return ms;
      };
      note_numpy(out, s, "numpy_array.py fused_chain " + std::to_string(n) + " 0");
      return out;
    });

const registered unfused_chain_(
    "array.unfused_chain", "ms",
    "six times rolled by an element, halved and increased: copies and expressions in turn", [](const settings& s) {
      auto here = std::make_shared<client_place>(s.threads);
      const std::int64_t n = s.size(std::int64_t{1} << 25, std::int64_t{1} << 22);
      weft::array<double, 1> x = kept(*here, weft::from_function<1>(here->client, {n}, element{}));
      for (int k = 0; k < 6; ++k) x = weft::array<double, 1>(weft::roll(x, 1, 0) * 0.5 + 1.0);
      double expected = element{}(7 - 6);
      for (int k = 0; k < 6; ++k) expected = expected * 0.5 + 1.0;
      if (here->pool.run(x(7).compute()) != expected) throw wrong("array.unfused_chain: an element is wrong");
      sides out;
      out.note = WEFT_BENCH_COMPILER;
      out.weft = [=] { return milliseconds([&] { here->pool.run(to_nowhere(x)); }); };
      return out;
    });

struct slow_copy {
  xt::xtensor<double, 2> operator()(const weft::chunk_view<double, 2>& chunk) const {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return chunk;
  }
};
/// Zeros in chunks of 10 MiB, a column or some whole rows.
sides basic_sum(const settings& s, const char* measurement, bool slow, bool square) {
  auto here = std::make_shared<client_place>(s.threads);
  const std::int64_t rows = s.size(1'310'720, 327'680), columns = s.size(256, 64);
  return beside_python(s, measurement, rows, columns, [=] {
    return milliseconds([&] {
      const weft::shape chunk = square ? weft::shape{rows / columns, -1} : weft::shape{-1, 1};
      weft::array<double, 2> x = weft::zeros<double, 2>(here->client, {rows, columns}, {.chunk = chunk});
      if (slow) x = weft::map_blocks(slow_copy{}, x);
      const auto sums = here->pool.run(weft::sum(x, 1).compute());
      if (sums.size() != static_cast<std::size_t>(rows) || sums(7) != 0)
        throw wrong("array.basic_sum: a sum of zeros is not 0");
    });
  });
}
const registered basic_sum_("array.basic_sum", "ms", "zeros in chunks of a column, summed along their rows",
                            [](const settings& s) { return basic_sum(s, "basic_sum", false, false); });
const registered basic_sum_slow_thin_("array.basic_sum_slow_thin", "ms",
                                      "the same through a function that takes 5 ms for each chunk",
                                      [](const settings& s) {
                                        return basic_sum(s, "basic_sum_slow_thin", true, false);
                                      });
const registered basic_sum_slow_square_("array.basic_sum_slow_square", "ms", "the same in chunks of whole rows",
                                        [](const settings& s) {
                                          return basic_sum(s, "basic_sum_slow_square", true, true);
                                        });

const registered double_diff_(
    "array.double_diff", "ms", "a[1:, 1:] - b[:-1, :-1] of arrays in memory, its chunks made and let go",
    [](const settings& s) {
      auto here = std::make_shared<client_place>(s.threads);
      const std::int64_t n = s.size(8'000, 2'000), chunk = n / 5;
      const auto make = [&] {
        return kept(*here, weft::from_function<2>(here->client, {n, n}, element{}, {.chunk = {chunk, chunk}}));
      };
      const auto a = make(), b = make();
      const weft::array<double, 2> difference = a(slice(1), slice(1)) - b(slice(0, -1), slice(0, -1));
      const double corner = here->pool.run(difference(5, 7).compute());
      if (corner != element{}(6, 8) - element{}(5, 7)) throw wrong("array.double_diff: an element is wrong");
      return beside_python(s, "double_diff", n, chunk,
                           [=] { return milliseconds([&] { here->pool.run(to_nowhere(difference)); }); });
    });

const registered_twice double_diff_random_(
    "double_diff_random", "a[1:, 1:] - b[:-1, :-1] of random doubles, its chunks made and let go",
    [](const settings& s, const numbers& kind) {
      auto here = std::make_shared<client_place>(s.threads);
      const std::int64_t n = s.size(16'000, 4'800), chunk = 1600;
      const auto make = [&](std::uint32_t which) {
        return kind.make<2>(here->client, {n, n}, {.seed = 7, .stream = which, .chunk = {chunk, chunk}});
      };
      const auto a = make(0), b = make(1);
      const weft::array<double, 2> difference = a(slice(1), slice(1)) - b(slice(0, -1), slice(0, -1));
      const auto at = [&](const auto& x, auto... where) { return here->pool.run(x(where...).compute()); };
      if (at(difference, chunk - 1, 7) != at(a, chunk, 8) - at(b, chunk - 1, 7))
        throw wrong("array.double_diff_random: an element is wrong");
      return beside_python(s, kind.measurement, n, chunk,
                           [=] { return milliseconds([&] { here->pool.run(to_nowhere(difference)); }); });
    });

const registered sum_residuals_("array.sum_residuals", "ms", "sum(a - mean(a, 0)) of integers in memory, three axes",
                                [](const settings& s) {
                                  auto here = std::make_shared<client_place>(s.threads);
                                  const std::int64_t n = s.size(500, 200), chunk = n / 5;
                                  const auto a =
                                      kept(*here, weft::from_function<3>(here->client, {n, n, n}, element{},
                                                                         {.chunk = {chunk, chunk, chunk}}));
                                  return beside_python(s, "sum_residuals", n, chunk, [=] {
                                    return milliseconds([&] {
                                      const double sum = here->pool.run(weft::sum(a - weft::mean(a, 0)).compute());
                                      if (!(std::abs(sum) < 1e-2))
                                        throw wrong("array.sum_residuals: residuals do not add up to 0");
                                    });
                                  });
                                });

struct identity {
  template <class X>
  xt::xtensor<double, 2> operator()(const X& chunk) const {
    return chunk;
  }
};

const registered map_overlap_sample_(
    "array.map_overlap_sample", "ms", "ten by ten elements of a function of 40,000 chunks that overlap",
    [](const settings& s) {
      auto here = std::make_shared<client_place>(s.threads);
      const std::int64_t n = s.size(10'000, 2'000), chunk = 50;
      return beside_python(s, "map_overlap_sample", n, chunk, [=] {
        return milliseconds([&] {
          const auto x = weft::random::uniform<double, 2>(here->client, {n, n}, {.seed = 7, .chunk = {chunk, chunk}});
          const slice some(n / 2, n / 2 + 10);
          const auto part = weft::map_overlap(identity{}, x, {.depth = {1, 1}})(some, some);
          if (here->pool.run(part.compute()) != here->pool.run(x(some, some).compute()))
            throw wrong("array.map_overlap_sample: a wrong element");
        });
      });
    });

}  // namespace
}  // namespace bench
