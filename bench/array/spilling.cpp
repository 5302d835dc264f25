// array.spilling, dot_product_spill and swap_axes_spill: arrays beyond the memory budget, beside the same within it.
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>

#include "runs.hpp"

namespace bench {
namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

weft::client_options bounded(std::uint64_t budget) {
  weft::client_options o;
  o.memory_budget = budget;
  return o;
}

/// Runs it on a client with this budget and, as its peer, on one whose memory is that of the machine.
template <class F>
sides within(std::uint64_t budget, const settings& s, F run) {
  auto tight = std::make_shared<client_place>(s.threads, false, bounded(budget));
  sides out;
  out.weft = [=] { return milliseconds([&] { run(*tight); }); };
  out.late_note = [=] {
    const weft::memory_use used = tight->client.memory();
    return std::string(WEFT_BENCH_COMPILER) + "; budget " + std::to_string(budget / mib) + " MiB; all runs wrote " +
           std::to_string(used.written / mib) + " MiB and read " + std::to_string(used.reloaded / mib);
  };
  if (!s.peers) return out;
  auto wide = std::make_shared<client_place>(s.threads);
  out.peer_name = "the same in memory";
  out.peer = [=] { return milliseconds([&] { run(*wide); }); };
  return out;
}

weft::array<double, 2> matrix(client_place& here, std::int64_t n, std::int64_t rows, std::int64_t columns) {
  return weft::random::uniform<double, 2>(here.client, {n, n}, {.seed = 7, .chunk = {rows, columns}});
}

void check_mean(double sum, std::int64_t n, double mean) {
  const double found = sum / static_cast<double>(n) / static_cast<double>(n);
  if (!(std::abs(found / mean - 1) < 0.01)) throw wrong("a sum that random numbers cannot have");
}

const registered spilling_("array.spilling", "ms", "1.8 times the memory of random doubles kept, then added up",
                           [](const settings& s) {
                             const std::int64_t n = s.size(7750, 2740);
                             const auto bytes = static_cast<std::uint64_t>(n * n) * sizeof(double);
                             return within(bytes * 5 / 9, s, [=](client_place& here) {
                               const auto x = matrix(here, n, 500, 500).persist();
                               check_mean(here.pool.run(weft::sum(x).compute()), n, 0.5);
                             });
                           });

#ifdef WEFT_BENCH_BLAS
const registered dot_product_spill_("array.dot_product_spill", "ms",
                                    "the sum of x times its transpose, x of 1.5 times the memory, of random doubles",
                                    [](const settings& s) {
                                      const std::int64_t n = s.size(6000, 2000);
                                      const auto bytes = static_cast<std::uint64_t>(n * n) * sizeof(double);
                                      return within(bytes * 2 / 3, s, [=](client_place& here) {
                                        weft::blas_threads(1);
                                        const auto x = matrix(here, n, 500, 500).persist();
                                        check_mean(
                                            here.pool.run(weft::sum(weft::matmul(x, weft::transpose(x))).compute()),
                                            n, 0.25 * static_cast<double>(n));
                                      });
                                    });
#endif

const registered swap_axes_spill_("array.swap_axes_spill", "ms",
                                  "1.5 times the memory of random doubles kept in columns, then added up in rows",
                                  [](const settings& s) {
                                    const std::int64_t n = s.size(8000, 2500), width = n / 50;
                                    const auto bytes = static_cast<std::uint64_t>(n * n) * sizeof(double);
                                    return within(bytes * 2 / 3, s, [=](client_place& here) {
                                      const auto x = matrix(here, n, n, width).persist();
                                      check_mean(
                                          here.pool.run(weft::sum(weft::rechunk(x, {.chunk = {width, n}})).compute()),
                                          n, 0.5);
                                    });
                                  });

}  // namespace
}  // namespace bench
