// array.random: random numbers that are made and added up, beside Dask's threads.
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>

#include "dask.hpp"
#include "runs.hpp"

namespace bench {
namespace {

const registered random_("array.random", "ms", "the sum of a square matrix of normal doubles and one of uniform ones",
                         [](const settings& s) {
                           auto here = std::make_shared<client_place>(s.threads);
                           const std::int64_t n = s.size(10'000, 3'000), chunk = n / 10;
                           sides out;
                           out.note = WEFT_BENCH_COMPILER;
                           out.weft = [=] {
                             return milliseconds([&] {
                               const weft::random::options how{.seed = 7, .chunk = {chunk, chunk}};
                               weft::random::options another = how;
                               another.stream = 1;
                               const auto x = weft::random::normal<double, 2>(here->client, {n, n}, how);
                               const auto y = weft::random::uniform<double, 2>(here->client, {n, n}, another);
                               const double sum = here->pool.run(weft::sum(x + y).compute());
                               // Its variance is that of n * n terms of 1 + 1/12; it is fixed by the seed.
                               const double all = static_cast<double>(n) * static_cast<double>(n);
                               if (!(std::abs(sum - all / 2) < 5 * std::sqrt(all * 13 / 12)))
                                 throw wrong("array.random: a sum that random numbers cannot have");
                             });
                           };
                           beside_dask(out, s,
                                       "dask_array.py random " + std::to_string(n) + " " + std::to_string(chunk));
                           note_numpy(out, s, "numpy_array.py random " + std::to_string(n) + " 0");
                           return out;
                         });

}  // namespace
}  // namespace bench
