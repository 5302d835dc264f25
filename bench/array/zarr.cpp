// array.filter_then_average, access_slices and select_scalar: of what is in a Zarr store, beside Dask's threads.
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>

#include "../spill_place.hpp"
#include "dask.hpp"
#include "runs.hpp"

namespace bench {
namespace {

/// A store of the array that `make` makes with a client.
template <class T, std::size_t N>
struct store_of {
  template <class F>
  store_of(unsigned threads, F make) : here(threads), at(place.path() + "/numbers.zarr") {
    here.pool.run(weft::to_zarr(make(here.client), at));
  }
  weft::array<T, N> open() { return here.pool.run(weft::from_zarr<T, N>(here.client, at)); }

  spill_place place;
  client_place here;
  const std::string at;
};

/// n x n x n integers from 0 to 255, in chunks of a fifth of each axis.
std::shared_ptr<store_of<std::int64_t, 3>> stored_integers(unsigned threads, std::int64_t n) {
  const auto make = [n](const weft::client& c) {
    return weft::random::integers<std::int64_t, 3>(c, {n, n, n}, 0, 256, {.seed = 7, .chunk = {n / 5, n / 5, n / 5}});
  };
  return std::make_shared<store_of<std::int64_t, 3>>(threads, make);
}

std::string dask_call(const char* what, const std::string& store, std::int64_t n) {
  return "dask_zarr.py " + std::string(what) + " '" + store + "' " + std::to_string(n);
}

const registered filter_then_average_(
    "array.filter_then_average", "ms", "the mean of those integers of a Zarr store that are above 100",
    [](const settings& s) {
      auto stored = stored_integers(s.threads, s.size(400, 200));
      sides out;
      out.note = WEFT_BENCH_COMPILER;
      out.weft = [=] {
        return milliseconds([&] {
          const auto x = stored->open();
          const auto some = stored->here.pool.run(weft::compress(x, x > 100));
          if (!(std::abs(stored->here.pool.run(weft::mean(some).compute()) - 178) < 0.5))
            throw wrong("array.filter_then_average: a mean that such integers cannot have");
        });
      };
      beside_dask(out, s, dask_call("filter_then_average", stored->at, 100), "dask.array, zarr");
      return out;
    });

const registered access_slices_(
    "array.access_slices", "ms", "a corner of a third of each axis of a Zarr store", [](const settings& s) {
      const std::int64_t n = s.size(400, 200), part = n * 7 / 20;
      auto stored = stored_integers(s.threads, n);
      sides out;
      out.note = WEFT_BENCH_COMPILER;
      out.weft = [=] {
        return milliseconds([&] {
          const weft::slice some(0, part);
          const auto found = stored->here.pool.run(stored->open()(some, some, some).compute());
          if (found.size() != static_cast<std::size_t>(part * part * part) || found(1, 2, 3) > 255)
            throw wrong("array.access_slices: not what is in the store");
        });
      };
      beside_dask(out, s, dask_call("access_slices", stored->at, part), "dask.array, zarr");
      return out;
    });

const registered select_scalar_(
    "array.select_scalar", "ms", "an element of a Zarr store of floats by month, level, latitude and longitude",
    [](const settings& s) {
      const std::int64_t months = s.size(240, 60), month = months / 2 + 4;
      const auto make = [months](const weft::client& c) {
        return weft::random::uniform<float, 4>(c, {months, 19, 96, 144}, {.seed = 7, .chunk = {12, -1, -1, -1}});
      };
      auto stored = std::make_shared<store_of<float, 4>>(s.threads, make);
      const float expected = stored->here.pool.run(make(stored->here.client)(month, 5, 20, 40).compute());
      sides out;
      out.note = WEFT_BENCH_COMPILER;
      out.weft = [=] {
        return milliseconds([&] {
          if (stored->here.pool.run(stored->open()(month, 5, 20, 40).compute()) != expected)
            throw wrong("array.select_scalar: not what is in the store");
        });
      };
      beside_dask(out, s, dask_call("select_scalar", stored->at, month), "dask.array, zarr");
      return out;
    });

}  // namespace
}  // namespace bench
