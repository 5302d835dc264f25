// array.spilling, spilling_release, dot_product_spill and swap_axes_spill: arrays beyond the memory budget, beside
// the same within it.
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "dask.hpp"
#include "runs.hpp"

namespace bench {
namespace {

weft::client_options bounded(std::uint64_t budget) {
  weft::client_options o;
  o.memory_budget = budget;
  return o;
}

/// Runs it on a client with this budget and, as its peer, on one whose memory is that of the machine; in the note, on
/// a worker of Dask's whose values have as much: 0.6 of its memory, of which 256 MiB more are for Python itself.
/// `side` and `chunk` are for dask_array.py.
template <class F>
sides within(std::uint64_t budget, const settings& s, const numbers& kind, std::int64_t side, std::int64_t chunk,
             F run) {
  auto tight = std::make_shared<client_place>(s.threads, false, bounded(budget));
  sides out;
  out.weft = [=] { return milliseconds([&] { run(*tight); }); };
  out.late_note = [=] {
    const weft::memory_use used = tight->client.memory();
    return std::string(WEFT_BENCH_COMPILER) + "; budget " + std::to_string(budget >> 20) + " MiB; all runs wrote " +
           std::to_string(used.written >> 20) + " MiB and read " + std::to_string(used.reloaded >> 20);
  };
  if (!s.peers) return out;
  auto wide = std::make_shared<client_place>(s.threads);
  out.peer_name = "the same in memory";
  out.peer = [=] { return milliseconds([&] { run(*wide); }); };
  note_dask_worker(out, s,
                   "dask_array.py " + kind.measurement + " " + std::to_string(side) + " " + std::to_string(chunk),
                   budget / 6 * 10 + (std::uint64_t{256} << 20));
  return out;
}

weft::array<double, 2> matrix(client_place& here, const numbers& kind, std::int64_t n, std::int64_t rows,
                              std::int64_t columns) {
  return kind.make<2>(here.client, {n, n}, {.seed = 7, .chunk = {rows, columns}});
}

void check_mean(double sum, std::int64_t n, double mean) {
  const double found = sum / static_cast<double>(n) / static_cast<double>(n);
  if (!(std::abs(found / mean - 1) < 0.01)) throw wrong("a sum that random numbers cannot have");
}

sides spilling(const settings& s, const numbers& kind, bool release) {
  const std::int64_t n = s.size(15'500, 4900), chunk = 1000;
  const auto bytes = static_cast<std::uint64_t>(n * n) * sizeof(double);
  return within(bytes * 100 / 179, s, kind, n, chunk, [=](client_place& here) {
    std::optional x = kept(here, matrix(here, kind, n, chunk, chunk));
    const auto sum = weft::sum(*x).persist();
    if (release) x.reset();
    check_mean(here.pool.run(sum.compute()), n, kind.mean());
  });
}
const registered_twice spilling_("spilling", "1.79 times the memory of random doubles kept, then added up",
                                 [](const settings& s, const numbers& kind) { return spilling(s, kind, false); });
const registered_twice spilling_release_(
    "spilling_release", "1.79 times the memory of random doubles kept, then let go as they are added up",
    [](const settings& s, const numbers& kind) { return spilling(s, kind, true); });

#ifdef WEFT_BENCH_BLAS
const registered_twice dot_product_spill_(
    "dot_product_spill", "the sum of x times its transpose, x of 1.5 times the memory, of random doubles",
    [](const settings& s, const numbers& kind) {
      const std::int64_t n = s.size(6000, 2000), chunk = 500;
      const auto bytes = static_cast<std::uint64_t>(n * n) * sizeof(double);
      return within(bytes * 2 / 3, s, kind, n, chunk, [=](client_place& here) {
        weft::blas_threads(1);
        const auto x = matrix(here, kind, n, chunk, chunk).persist();
        check_mean(here.pool.run(weft::sum(weft::matmul(x, weft::transpose(x))).compute()), n,
                   kind.mean() / 2 * static_cast<double>(n));
      });
    });
#endif

const registered swap_axes_spill_("array.swap_axes_spill", "ms",
                                  "1.5 times the memory of random doubles kept in columns, then added up in rows",
                                  [](const settings& s) {
                                    const numbers kind{"swap_axes_spill", false};
                                    const std::int64_t n = s.size(8000, 2500), width = n / 50;
                                    const auto bytes = static_cast<std::uint64_t>(n * n) * sizeof(double);
                                    return within(bytes * 2 / 3, s, kind, n, width, [=](client_place& here) {
                                      const auto x = matrix(here, kind, n, n, width).persist();
                                      const auto rows = weft::rechunk(x, {.chunk = {width, n}});
                                      check_mean(here.pool.run(weft::sum(rows).compute()), n, kind.mean());
                                    });
                                  });

}  // namespace
}  // namespace bench
