// array.filter_then_average, access_slices, sum_residuals_zarr and select_scalar: of what is in a Zarr store, beside
// Dask's threads, and zarr-python with NumPy. The definitions are those of coiled/benchmarks.
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "../spill_place.hpp"
#include "dask.hpp"
#include "runs.hpp"

namespace bench {
namespace {

/// A store of the array that `make` makes with a client.
struct written_store {
  template <class F>
  written_store(unsigned threads, F make) : at(place.path() + "/numbers.zarr") {
    client_place here(threads);
    here.pool.run(weft::to_zarr(make(here.client), at));
  }
  spill_place place;
  const std::string at;
};

/// Measures `run`, with a client and the path of the store.
template <class F>
sides of_store(const settings& s, const written_store& store, const std::string& what, std::int64_t n, F run) {
  auto here = std::make_shared<client_place>(s.threads);
  sides out;
  out.note = WEFT_BENCH_COMPILER;
  out.weft = [=, at = store.at] { return milliseconds([&] { run(*here, at); }); };
  const std::string call = "_zarr.py " + what + " '" + store.at + "' " + std::to_string(n);
  beside_dask(out, s, "dask" + call, "dask.array, zarr");
  note_numpy(out, s, "numpy" + call, "numpy, zarr");
  return out;
}

/// n x n x n integers from 0 to 255, in chunks of a tenth of each axis.
weft::array<std::int64_t, 3> integers(const weft::client& c, std::int64_t n) {
  return weft::random::integers<std::int64_t, 3>(c, {n, n, n}, 0, 256,
                                                 {.seed = 7, .chunk = {n / 10, n / 10, n / 10}});
}
std::int64_t side_of_integers(const settings& s) { return s.size(600, 300); }

/// A store of them, which all measurements of a run of this program read.
const written_store& stored_integers(const settings& s) {
  static const written_store store(s.threads,
                                   [&](const weft::client& c) { return integers(c, side_of_integers(s)); });
  return store;
}
weft::array<std::int64_t, 3> open_integers(client_place& here, const std::string& at) {
  return here.pool.run(weft::from_zarr<std::int64_t, 3>(here.client, at));
}

registered filter_then_average(std::int64_t above) {
  const std::string number = std::to_string(above);
  return {"array.filter_then_average_" + number, "ms",
          "the mean of those integers of a Zarr store that are above " + number, [=](const settings& s) {
            const auto run = [=](client_place& here, const std::string& at) {
              const auto x = open_integers(here, at);
              const auto some = here.pool.run(weft::compress(x, x > above));
              const double mean = here.pool.run(weft::mean(some).compute());
              if (above == 255 ? !std::isnan(mean) : !(std::abs(mean - static_cast<double>(above + 256) / 2) < 0.5))
                throw wrong("a mean that such integers cannot have");
            };
            return of_store(s, stored_integers(s), "filter_then_average", above, run);
          }};
}
const registered filter_50 = filter_then_average(50), filter_100 = filter_then_average(100),
                 filter_200 = filter_then_average(200), filter_255 = filter_then_average(255);

/// A corner of `part` of 2,000 elements of each axis.
registered access_slices(std::int64_t part) {
  const std::string number = std::to_string(part);
  return {
      "array.access_slices_" + number, "ms",
      "a corner of a Zarr store, " + number + " of 2,000 elements of each axis", [=](const settings& s) {
        const std::int64_t n = side_of_integers(s), side = (part * n + 1999) / 2000;
        client_place aside(s.threads);
        const std::int64_t last = aside.pool.run(integers(aside.client, n)(side - 1, side - 1, side - 1).compute());
        const auto run = [=](client_place& here, const std::string& at) {
          const weft::slice some(0, side);
          const auto found = here.pool.run(open_integers(here, at)(some, some, some).compute());
          if (found.size() != static_cast<std::size_t>(side * side * side) || found.flat(found.size() - 1) != last)
            throw wrong("not what is in the store");
        };
        return of_store(s, stored_integers(s), "access_slices", side, run);
      }};
}
const registered slices_700 = access_slices(700), slices_75 = access_slices(75), slices_1 = access_slices(1);

const registered sum_residuals_zarr_("array.sum_residuals_zarr", "ms",
                                     "sum(a - mean(a, 0)) of the integers of a Zarr store", [](const settings& s) {
                                       const auto run = [](client_place& here, const std::string& at) {
                                         const auto a = open_integers(here, at);
                                         const double sum = here.pool.run(weft::sum(a - weft::mean(a, 0)).compute());
                                         if (!(std::abs(sum) < 1)) throw wrong("residuals do not add up to 0");
                                       };
                                       return of_store(s, stored_integers(s), "sum_residuals", 0, run);
                                     });

const registered select_scalar_("array.select_scalar", "ms",
                                "an element of a Zarr store of floats by month, level, latitude and longitude",
                                [](const settings& s) {
                                  const std::int64_t months = s.size(240, 60), month = months / 2 + 4;
                                  const auto make = [months](const weft::client& c) {
                                    return weft::random::uniform<float, 4>(c, {months, 19, 96, 144},
                                                                           {.seed = 7, .chunk = {12, -1, -1, -1}});
                                  };
                                  auto store = std::make_shared<written_store>(s.threads, make);
                                  client_place aside(s.threads);
                                  const float expected =
                                      aside.pool.run(make(aside.client)(month, 5, 20, 40).compute());
                                  const auto run = [=](client_place& here, const std::string&) {
                                    const auto x = here.pool.run(weft::from_zarr<float, 4>(here.client, store->at));
                                    if (here.pool.run(x(month, 5, 20, 40).compute()) != expected)
                                      throw wrong("array.select_scalar: not what is in the store");
                                  };
                                  return of_store(s, *store, "select_scalar", month, run);
                                });

}  // namespace
}  // namespace bench
