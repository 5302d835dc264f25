// array.anom_mean, climatic_mean, quadratic_mean and vorticity: what climate's models and weather's are asked, of
// random numbers that are made as they are needed; beside Dask's threads and NumPy. The definitions are those of
// coiled/benchmarks.
#include <cmath>
#include <cstdint>
#include <memory>

#include "dask.hpp"
#include "runs.hpp"

namespace bench {
namespace {

using weft::newaxis;
using weft::slice;

constexpr std::int64_t years = 100, days = 2;

const registered_twice anom_mean_(
    "anom_mean", "the mean over time of what is left without the mean of each day of the year",
    [](const settings& s, const numbers& kind) {
      auto here = std::make_shared<client_place>(s.threads);
      const std::int64_t places = s.size(655'360, 65'536);
      return beside_python(s, kind.measurement, places, days, [=] {
        return milliseconds([&] {
          const auto x = kind.make<2>(here->client, {years * days, places}, {.seed = 7, .chunk = {1, -1}});
          const weft::array<double, 3> by_day = weft::reshape<3>(x, {years, days, places});
          const weft::array<double, 3> climate = weft::mean(by_day, 0, weft::keep_axes);
          const auto rest = here->pool.run(weft::mean(by_day - climate, weft::axes(0, 1)).compute());
          if (rest.size() != static_cast<std::size_t>(places) || !(std::abs(rest(7)) < 1e-12))
            throw wrong("array.anom_mean: anomalies do not add up to 0");
        });
      });
    });

const registered_twice climatic_mean_(
    "climatic_mean", "the mean over the years of forecasts from each of ten days, its chunks let go",
    [](const settings& s, const numbers& kind) {
      auto here = std::make_shared<client_place>(s.threads);
      const std::int64_t members = s.size(28, 3), of_day = 4, starts = 10;
      const auto x = kind.make<6>(here->client, {members, of_day * starts, 48, 7, 30, 48},
                                  {.seed = 7, .chunk = {1, 1, -1, -1, -1, -1}});
      const weft::array<double, 6> climate =
          weft::mean(weft::reshape<7>(x, {members, of_day, starts, 48, 7, 30, 48}), 1);
      double expected = 0;
      for (std::int64_t year = 0; year < of_day; ++year)
        expected += here->pool.run(x(0, year * starts + 3, 5, 2, 7, 1).compute()) / of_day;
      if (!(std::abs(here->pool.run(climate(0, 3, 5, 2, 7, 1).compute()) - expected) < 1e-12))
        throw wrong("array.climatic_mean: an element is wrong");
      return beside_python(s, kind.measurement, members, starts,
                           [=] { return milliseconds([&] { here->pool.run(to_nowhere(climate)); }); });
    });

const registered quadratic_mean_(
    "array.quadratic_mean", "ms", "the means over time of u * u, v * v and u * v, together", [](const settings& s) {
      auto here = std::make_shared<client_place>(s.threads);
      const std::int64_t times = s.size(560, 60), chunk = 10;
      return beside_python(s, "quadratic_mean", times, chunk, [=] {
        return milliseconds([&] {
          const auto wind = [&](std::uint32_t which) {
            return weft::random::uniform<double, 4>(here->client, {times, 1, 494, 960},
                                                    {.seed = 7, .stream = which, .chunk = {chunk, 1, -1, -1}});
          };
          const auto u = wind(0), v = wind(1);
          const auto [uu, vv, uv] =
              here->pool.run(weft::compute(weft::mean(u * u, 0), weft::mean(v * v, 0), weft::mean(u * v, 0)));
          // The standard deviations of these means are below 0.3 / sqrt(times).
          const double far = 2 / std::sqrt(static_cast<double>(times));
          const auto at = [](const xt::xtensor<double, 3>& x) { return x(0, 3, 5); };
          if (std::abs(at(uu) - 1. / 3) > far || std::abs(at(vv) - 1. / 3) > far || std::abs(at(uv) - 0.25) > far)
            throw wrong("array.quadratic_mean: a mean that random numbers cannot have");
        });
      });
    });

const registered_twice vorticity_(
    "vorticity", "dx * u - dy * v of fields that are wrapped by an element, its chunks made and let go",
    [](const settings& s, const numbers& kind) {
      auto here = std::make_shared<client_place>(s.threads);
      const std::int64_t n = s.size(2000, 1000), levels = s.size(57, 24);
      const auto field = [&](std::uint32_t which) {
        const auto x = kind.make<3>(here->client, {n, n, levels}, {.seed = 7, .stream = which, .chunk = {n, n, 1}});
        return weft::rechunk(weft::pad(x, {{0, 1}, {0, 0}, {0, 0}}, weft::pad_mode::wrap), {.chunk = {n + 1, n, 1}});
      };
      const auto distance = [&](std::uint32_t which) {
        return kind.make<2>(here->client, {n + 1, n}, {.seed = 7, .stream = which, .chunk = {n + 1, n}});
      };
      const auto u = field(0), v = field(1);
      const auto dx = distance(2), dy = distance(3);
      const weft::array<double, 3> turning = dx(slice(), slice(), newaxis) * u - dy(slice(), slice(), newaxis) * v;
      const auto at = [&](const auto& x, auto... where) { return here->pool.run(x(where...).compute()); };
      const double expected = at(dx, n, 3) * at(u, 0, 3, 1) - at(dy, n, 3) * at(v, 0, 3, 1);
      if (!(std::abs(at(turning, n, 3, 1) - expected) < 1e-12)) throw wrong("array.vorticity: an element is wrong");
      return beside_python(s, kind.measurement, n, levels,
                           [=] { return milliseconds([&] { here->pool.run(to_nowhere(turning)); }); });
    });

}  // namespace
}  // namespace bench
