// array.tiles_to_rows, adjacent_groups and heal_oversplit: random numbers cut anew and added up, beside Dask's
// threads. The definitions are those of coiled/benchmarks.
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>

#include "dask.hpp"
#include "runs.hpp"

namespace bench {
namespace {

/// Adds up random doubles of this shape, made in some chunks and cut into others, whose sizes are said to Dask too.
template <std::size_t N>
sides rechunked_sum(const settings& s, const char* what, std::int64_t n, const weft::shape& extents,
                    const weft::shape& made, const weft::shape& cut) {
  auto here = std::make_shared<client_place>(s.threads);
  sides out;
  out.note = WEFT_BENCH_COMPILER;
  out.weft = [=] {
    return milliseconds([&] {
      const auto x = weft::random::uniform<double, N>(here->client, extents, {.seed = 7, .chunk = made});
      const double sum = here->pool.run(weft::sum(weft::rechunk(x, {.chunk = cut})).compute());
      double all = 1;
      for (const std::int64_t extent : extents) all *= static_cast<double>(extent);
      if (!(std::abs(sum / all - 0.5) < 5 / std::sqrt(12 * all)))
        throw wrong("a sum that random numbers cannot have");
    });
  };
  beside_dask(out, s, "dask_array.py " + std::string(what) + " " + std::to_string(n) + " 0");
  return out;
}

const registered tiles_to_rows_("array.tiles_to_rows", "ms", "the sum of random doubles, cut from squares into rows",
                                [](const settings& s) {
                                  const std::int64_t n = s.size(10'000, 3000);
                                  return rechunked_sum<2>(s, "tiles_to_rows", n, {n, n}, {n / 10, n / 10},
                                                          {n / 100, n});
                                });
const registered adjacent_groups_("array.adjacent_groups", "ms",
                                  "the sum of random doubles, of which neighbouring chunks of two axes are joined",
                                  [](const settings& s) {
                                    const std::int64_t n = s.size(1000, 100);
                                    return rechunked_sum<3>(s, "adjacent_groups", n, {n, 10, 10'000}, {100, 2, 5000},
                                                            {20, 5, 10'000});
                                  });
const registered heal_oversplit_("array.heal_oversplit", "ms",
                                 "the sum of random doubles, of which sixteen chunks each are joined",
                                 [](const settings& s) {
                                   const std::int64_t n = s.size(10'000, 2500);
                                   return rechunked_sum<2>(s, "heal_oversplit", n, {n, n}, {250, 250}, {1000, 1000});
                                 });

}  // namespace
}  // namespace bench
