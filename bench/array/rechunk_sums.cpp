// array.tiles_to_rows, swap_axes_in_memory and _out_of_core, adjacent_groups and heal_oversplit: random numbers cut
// anew and added up, beside Dask's threads. The definitions are those of coiled/benchmarks.
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>

#include "dask.hpp"
#include "runs.hpp"

namespace bench {
namespace {

std::string with_commas(const weft::shape& a, const weft::shape& b = {}) {
  std::string text;
  for (const weft::shape& extents : {a, b})
    for (const std::int64_t extent : extents) text += (text.empty() ? "" : ",") + std::to_string(extent);
  return text;
}

struct cuts {
  weft::shape extents, made, cut;  // with `made` chunks of 8 MB or of 128, `cut` of 128
  bool out_of_core = false;        // weft's values may take two thirds of what the array does; Dask's all
};

/// Adds up doubles of this shape, made in some chunks and cut into others.
template <std::size_t N>
sides rechunked_sum(const settings& s, const numbers& kind, const cuts& how) {
  double all = 1;
  for (const std::int64_t extent : how.extents) all *= static_cast<double>(extent);
  weft::client_options options;
  if (how.out_of_core) options.memory_budget = static_cast<std::uint64_t>(all * sizeof(double) * 2 / 3);
  auto here = std::make_shared<client_place>(s.threads, false, options);
  sides out;
  out.note = WEFT_BENCH_COMPILER;
  out.weft = [=] {
    return milliseconds([&] {
      const auto x = kind.make<N>(here->client, how.extents, {.seed = 7, .chunk = how.made});
      const double sum = here->pool.run(weft::sum(weft::rechunk(x, {.chunk = how.cut})).compute());
      if (!(std::abs(sum / all - kind.mean()) < 5 / std::sqrt(12 * all)))
        throw wrong("a sum that random numbers cannot have");
    });
  };
  if (how.out_of_core)
    out.late_note = [=, note = out.note] {
      return note + "; all runs wrote " + std::to_string(here->client.memory().written >> 20) + " MiB";
    };
  const char* const suffix = kind.compressible ? "_compressible " : " ";
  beside_dask(
      out, s,
      "dask_array.py rechunked_sum" + (suffix + with_commas(how.extents)) + " " + with_commas(how.made, how.cut));
  note_numpy(out, s, "numpy_array.py random_sum" + (suffix + std::to_string(static_cast<std::int64_t>(all))) + " 0");
  return out;
}

template <std::size_t N, class F>
registered_twice rechunking(const std::string& name, const std::string& what, F cuts_of) {
  return {name, "the sum of random doubles, " + what,
          [=](const settings& s, const numbers& kind) { return rechunked_sum<N>(s, kind, cuts_of(s)); }};
}

const auto tiles_to_rows_ =
    rechunking<2>("tiles_to_rows", "1.5 times the memory, cut from squares of 8 MB into rows", [](const settings& s) {
      const std::int64_t n = s.size(20'000, 6000);
      return cuts{{n, n}, {1000, 1000}, {n / 25, n}, true};
    });
const auto tiles_to_rows_auto_ = rechunking<2>(
    "tiles_to_rows_auto", "1.5 times the memory, cut from squares of 128 MB into rows", [](const settings& s) {
      const std::int64_t n = s.size(20'000, 6000);
      return cuts{{n, n}, {n / 5, n / 5}, {n / 25, n}, true};
    });

cuts swapped(std::int64_t n, std::int64_t width, std::int64_t rows, bool out_of_core) {
  return {{n, n}, {n, width}, {rows, n}, out_of_core};
}
const auto swap_axes_in_memory_ =
    rechunking<2>("swap_axes_in_memory", "cut from columns of 9 MB into rows", [](const settings& s) {
      const std::int64_t n = s.size(11'600, 3600);
      return swapped(n, s.size(100, 50), n / 8, false);
    });
const auto swap_axes_in_memory_auto_ =
    rechunking<2>("swap_axes_in_memory_auto", "cut from columns of 128 MB into rows", [](const settings& s) {
      const std::int64_t n = s.size(11'600, 3600);
      return swapped(n, n / 8, n / 8, false);
    });
const auto swap_axes_out_of_core_ = rechunking<2>(
    "swap_axes_out_of_core", "1.5 times the memory, cut from columns of 8 MB into rows", [](const settings& s) {
      const std::int64_t n = s.size(20'000, 6000);
      return swapped(n, s.size(50, 100), n / 25, true);
    });
const auto swap_axes_out_of_core_auto_ =
    rechunking<2>("swap_axes_out_of_core_auto", "1.5 times the memory, cut from columns of 128 MB into rows",
                  [](const settings& s) {
                    const std::int64_t n = s.size(20'000, 6000);
                    return swapped(n, n / 25, n / 25, true);
                  });

const auto adjacent_groups_ = rechunking<3>(
    "adjacent_groups", "of which neighbouring chunks of two axes are joined",
    [](const settings& s) { return cuts{{s.size(2560, 320), 10, 10'000}, {100, 2, 5000}, {320, 5, 10'000}}; });
const auto adjacent_groups_auto_ =
    rechunking<3>("adjacent_groups_auto", "of which neighbouring chunks of 128 MB are joined", [](const settings& s) {
      return cuts{{s.size(2560, 320), 10, 10'000}, {s.size(1600, 320), 2, 5000}, {320, 5, 10'000}};
    });
const auto heal_oversplit_ =
    rechunking<2>("heal_oversplit", "of which sixteen chunks of 8 MB each are joined", [](const settings& s) {
      const std::int64_t n = s.size(16'000, 4000);
      return cuts{{n, n}, {1000, 1000}, {4000, 4000}};
    });

}  // namespace
}  // namespace bench
