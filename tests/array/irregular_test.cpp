// All operations on arrays in irregular chunks: what they give in one chunk.
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <string>

#include "array/files.hpp"
#include "array/irregular.hpp"
#include "weft/errors.hpp"

using arrays::choices;
using arrays::place;
using arrays::same_array;
using weft::slice;

namespace {

using matrix = weft::array<double, 2>;
using whole_matrix = weft::array<std::int64_t, 2>;

/// A matrix of reals and one of integers of the same shape, another one of that shape in other chunks, and a row.
struct given {
  matrix x, y;
  whole_matrix k;
  weft::array<double, 1> row;
  weft::array<bool, 2> truths;
};

struct both_ways {
  explicit both_ways(unsigned seed)
      : some(seed), rows(static_cast<std::size_t>(some(1, 17))), columns(static_cast<std::size_t>(some(1, 17))) {
    const std::array<std::size_t, 2> extents{rows, columns};
    const std::array<std::size_t, 1> width{columns};
    const auto x = arrays::some_numbers<double, 2>(extents, some), y = arrays::some_numbers<double, 2>(extents, some);
    const auto k = arrays::some_numbers<std::int64_t, 2>(extents, some);
    const auto row = arrays::some_numbers<double, 1>(width, some);
    const auto truths = arrays::some_numbers<bool, 2>(extents, some);
    const auto cut = [&](const auto& whole) { return arrays::in_irregular_chunks(at.client, whole, some); };
    const auto one = [&](const auto& whole) { return arrays::in_one_chunk(at.client, whole); };
    irregular = std::make_unique<given>(given{cut(x), cut(y), cut(k), cut(row), cut(truths)});
    plain = std::make_unique<given>(given{one(x), one(y), one(k), one(row), one(truths)});
  }
  /// f of both are the same numbers.
  template <class F>
  void operator()(const char* what, F f) {
    INFO(what << " of " << weft::to_string(irregular->x) << ", " << weft::to_string(irregular->y));
    const auto is = at(f(*irregular)), expected = at(f(*plain));
    CHECK(same_array(is, expected));
  }

  place at;
  choices some;
  std::size_t rows, columns;
  std::unique_ptr<given> irregular, plain;
};

constexpr unsigned rounds = 40;

bool is_irregular(const weft::detail::arrays::cut& c) { return c.count() > 2 && c.lead != c.chunk; }

}  // namespace

TEST_CASE("irregular chunks are what these tests have") {
  unsigned many = 0;
  for (unsigned seed = 0; seed < rounds; ++seed) {
    const both_ways all(seed);
    many += is_irregular(all.irregular->x.grid().axes[0]) && is_irregular(all.irregular->y.grid().axes[1]);
    CHECK(all.plain->x.chunk_count() == 1);
  }
  CHECK(many >= 3);
}

TEST_CASE("elements and reductions of irregular chunks are those of one chunk") {
  for (unsigned seed = 0; seed < rounds; ++seed) {
    both_ways same(seed);
    CAPTURE(seed);
    same("itself", [](const given& g) { return g.x; });
    same("sums of elements", [](const given& g) { return g.x + g.y * 2.0 - g.row; });
    same("where", [](const given& g) { return weft::where(g.truths && g.x > g.y, g.x, weft::exp(g.row)); });
    same("a transposed operand", [](const given& g) { return weft::transpose(g.x) - weft::transpose(g.y); });
    for (const std::int64_t axis : {0, 1}) {
      same("sum", [=](const given& g) { return weft::sum(g.x + g.y, axis); });
      same("prod", [=](const given& g) { return weft::prod(g.k, axis); });
      same("mean", [=](const given& g) { return weft::mean(g.x, axis); });
      same("var", [=](const given& g) { return weft::var(g.x - g.y, axis); });
      same("nanstd", [=](const given& g) { return weft::nanstd(weft::where(g.truths, g.x, 0.5), axis); });
      same("min", [=](const given& g) { return weft::min(g.k, axis); });
      same("nanmax", [=](const given& g) { return weft::nanmax(weft::sqrt(g.x), axis); });
      same("any", [=](const given& g) { return weft::any(g.truths, axis); });
      same("all", [=](const given& g) { return weft::all(g.truths, axis); });
      same("max of bools", [=](const given& g) { return weft::max(g.truths, axis); });
      same("argmin", [=](const given& g) { return weft::argmin(g.k, axis); });
      same("argmax", [=](const given& g) { return weft::argmax(g.x, axis); });
      same("norm", [=](const given& g) { return weft::norm(g.x, axis); });
      same("moment", [=](const given& g) { return weft::moment(g.x, 3, axis); });
      same("cumsum", [=](const given& g) { return weft::cumsum(g.k, axis); });
      same("cumprod", [=](const given& g) { return weft::cumprod(g.x + 1.0, axis); });
    }
    same("sum of all", [](const given& g) { return weft::sum(g.k); });
    same("std of all", [](const given& g) { return weft::std(g.x * g.y); });
    same("argmax of all", [](const given& g) { return weft::argmax(g.k); });
    same("count", [](const given& g) { return weft::count_nonzero(g.k); });
    same("cumsum of all", [](const given& g) { return weft::cumsum(g.k); });
    if (same.rows < 2 || same.columns < 2) continue;
    same("diff", [](const given& g) { return weft::diff(g.x, 0); });
    same("diff along rows", [](const given& g) { return weft::diff(g.k, 1, 1); });
    same("gradient", [](const given& g) { return weft::gradient(g.x, 0, 0.5); });
    same("cov", [](const given& g) { return weft::cov(g.x); });
  }
}

TEST_CASE("parts, shapes and joins of irregular chunks are those of one chunk") {
  for (unsigned seed = 0; seed < rounds; ++seed) {
    both_ways same(seed);
    CAPTURE(seed);
    choices& some = same.some;
    const auto m = static_cast<std::int64_t>(same.rows), n = static_cast<std::int64_t>(same.columns);
    const std::int64_t i = some(0, m - 1), j = some(i, m), down = -some(1, 3), step = some(1, 4);
    same("a part", [=](const given& g) { return g.x(slice(i, j), slice(weft::none, weft::none, step)); });
    same("a part backwards", [=](const given& g) { return g.x(slice(weft::none, weft::none, down), slice(0, n)); });
    same("a row", [=](const given& g) { return g.x(i); });
    std::vector<std::int64_t> places;
    for (int e = 0; e < 9; ++e) places.push_back(some(-n, n - 1));
    same("take", [=](const given& g) { return weft::take(g.x, places, 1); });
    same("take by an array", [=](const given& g) { return weft::take(g.x, g.k(i) % n, 1); });
    same("in order", [](const given& g) { return g.x(weft::argsort(g.y(slice(), 0))); });
    same("lines in order", [](const given& g) { return weft::take_along_axis(g.x, weft::argsort(g.y, 1), 1); });
    same("assign", [=](const given& g) { return weft::assign(g.x, weft::region(slice(i, j), slice()), g.row); });
    same("assign by an array",
         [=](const given& g) { return weft::assign(g.x, weft::region(slice(i, j), g.k(i) % n), g.row); });
    same("assign in steps", [=](const given& g) { return weft::assign(g.x, weft::region(slice(i, m, step)), 3.0); });
    same("rechunk", [=](const given& g) { return weft::rechunk(g.x, {.chunk = {j - i + 1, step}}); });
    same("rechunk of integers", [=](const given& g) { return weft::rechunk(g.k, {.chunk = {step, -1}}); });
    same("merged", [=](const given& g) { return weft::rechunk(g.x, weft::merged{.bytes = 100 * step}); });
    same("overlap", [=](const given& g) {
      const weft::overlap_options how{.depth = {step, 1}, .after = {0, 2}, .boundary = weft::boundary::reflect};
      return weft::trim_overlap(weft::overlap(g.x, how), how);
    });
    same("ravel", [](const given& g) { return weft::ravel(g.k); });
    same("reshape", [=](const given& g) { return weft::reshape<3>(g.x, {n, 1, m}); });
    same("reshape in part", [=](const given& g) { return weft::reshape<3>(g.x, {m, 1, n}); });
    same("concatenate", [](const given& g) { return weft::concatenate(0, g.x, g.y, g.x); });
    same("concatenate parts", [=](const given& g) {
      return weft::concatenate(1, g.x(slice(), slice(0, n / 2)), g.y(slice(), slice(n / 3, n)), g.x);
    });
    same("stack", [](const given& g) { return weft::stack(1, g.x, g.y); });
    same("roll", [=](const given& g) { return weft::roll(g.x, i + step, 0); });
    same("roll along rows", [=](const given& g) { return weft::roll(g.x, -step, 1); });
    same("flip", [](const given& g) { return weft::flip(g.k, 1) + g.k; });
    same("tile", [](const given& g) { return weft::tile(g.x, {2, 3}); });
    same("repeat", [=](const given& g) { return weft::repeat(g.x, step, 1); });
    for (const weft::pad_mode how : {weft::pad_mode::constant, weft::pad_mode::edge, weft::pad_mode::wrap})
      same("pad", [=](const given& g) { return weft::pad(g.x, {{1, 2}, {3, 0}}, how, 4.0); });
    same("broadcast_to", [=](const given& g) { return weft::broadcast_to<3>(g.x, {3, m, n}) + g.y; });
    same("expand_dims", [](const given& g) { return weft::expand_dims(g.x, 1) * g.row; });
    same("tril", [](const given& g) { return weft::tril(g.x, 1); });
    same("diagonal", [](const given& g) { return weft::diagonal(g.x); });
    same("rot90", [](const given& g) { return weft::rot90(g.x); });
    same("ones_like", [](const given& g) { return weft::ones_like(g.x) + g.x; });
    const auto chosen = [&](const given& g) {
      return same.at.pool.run(weft::compress(g.x, weft::array<bool, 2>(g.truths || g.y > 0.0)));
    };
    same("compress", chosen);
  }
}

TEST_CASE("functions of irregular chunks see what belongs together") {
  for (unsigned seed = 0; seed < rounds; ++seed) {
    both_ways same(seed);
    CAPTURE(seed);
    same("map_blocks", [](const given& g) {
      return weft::map_blocks([](const auto& a, const auto& b) { return xt::eval(a * 2.0 - b); }, g.x, g.y);
    });
    using weft::boundary;
    for (const boundary how :
         {boundary::nothing, boundary::reflect, boundary::periodic, boundary::nearest, boundary::constant}) {
      if (same.rows < 3 || same.columns < 3) continue;
      // Means of neighbours, of which those that are cut off do not count.
      const auto around = [=](const given& g) {
        const auto neighbours = [](const auto& a) {
          xt::xtensor<double, 2> out = xt::zeros<double>({a.shape()[0], a.shape()[1]});
          for (std::size_t i = 1; i + 1 < a.shape()[0]; ++i)
            for (std::size_t j = 2; j + 2 < a.shape()[1]; ++j)
              out(i, j) = a(i - 1, j) + 2 * a(i + 1, j) + 3 * a(i, j - 2) + 4 * a(i, j + 1);
          return out;
        };
        return weft::map_overlap(neighbours, g.x, {.depth = {1, 2}, .boundary = how, .constant = 2.5});
      };
      const auto inside = [=](const given& g) {
        const auto all = weft::array<double, 2>(around(g));
        return how == boundary::nothing ? all(slice(1, -1), slice(2, -2)) : all(slice(), slice());
      };
      same("map_overlap", inside);
    }
    same("blockwise", [](const given& g) {
      const auto add = [](const auto& a, const auto& b) {
        xt::xtensor<double, 1> out = xt::sum(a, {1});
        return xt::eval(out + xt::sum(b, {1}));
      };
      return weft::blockwise<1>(add, "i", "ij", g.x, "ij", g.y);
    });
    same("apply_gufunc", [](const given& g) {
      return weft::apply_gufunc<1>([](const auto& a) { return xt::eval(xt::amax(a, {1})); }, "(i)->()", g.x);
    });
  }
}

TEST_CASE("orders, counts and transforms of irregular chunks are those of one chunk") {
  for (unsigned seed = 0; seed < rounds; ++seed) {
    both_ways same(seed);
    CAPTURE(seed);
    for (const std::int64_t axis : {0, 1}) {
      const auto length = static_cast<std::int64_t>(axis == 0 ? same.rows : same.columns);
      same("sort", [=](const given& g) { return weft::sort(g.x, axis); });
      same("argsort", [=](const given& g) { return weft::argsort(g.k, axis); });
      same("topk", [=](const given& g) { return weft::topk(g.x, (length + 1) / 2, axis); });
      same("percentile", [=](const given& g) { return weft::percentile(g.x, 37.5, axis); });
      same("median", [=](const given& g) { return weft::median(g.k, axis); });
      same("fft", [=](const given& g) { return weft::fft(g.x, axis); });
      same("rfft", [=](const given& g) { return weft::rfft(g.x, axis); });
      same("irfft", [=](const given& g) { return weft::irfft(weft::rfft(g.x, axis), axis, {.n = length}); });
    }
    same("sort of a line", [](const given& g) { return weft::sort(g.row); });
    same("sort of chunks in a line", [](const given& g) { return weft::sort(weft::ravel(g.k)); });
    same("quantiles of all", [](const given& g) { return weft::quantile(g.x, {0.1, 0.5, 0.9}); });
    same("fftn", [](const given& g) { return weft::fftn(g.x); });
    same("histogram", [](const given& g) {
      return weft::histogram(g.x, weft::bins{.count = 7, .first = -0.5, .last = 0.5}).counts;
    });
    same("weighted histogram", [](const given& g) {
      return weft::histogram(g.x, weft::bins{.count = 7, .first = -0.5, .last = 0.5}, g.y).counts;
    });
    same("bincount", [](const given& g) { return weft::bincount(g.k + std::int64_t{8}, 16); });
    same("searchsorted", [](const given& g) { return weft::searchsorted(std::vector<double>{-0.2, 0.0, 0.3}, g.x); });
    const auto unique_of = [&](const given& g) { return same.at.pool.run(weft::unique(g.k)); };
    const auto found = unique_of(*same.irregular), expected = unique_of(*same.plain);
    CHECK(same_array(found.values, expected.values));
    CHECK(same_array(found.counts, expected.counts));
  }
}

TEST_CASE("arrays in irregular chunks are written to files, and read again") {
  for (unsigned seed = 0; seed < rounds / 4; ++seed) {
    const test_directory folder(test_directory::beside());
    both_ways same(seed);
    CAPTURE(seed);
    weft::pool& p = same.at.pool;
    const weft::client& c = same.at.client;
    const matrix& x = same.irregular->x;
    const xt::xtensor<double, 2> expected = same.at(same.plain->x);
    p.run(weft::to_npy(x, folder / "x.npy"));
    const auto from_npy = p.run(weft::from_npy<double, 2>(c, folder / "x.npy", {.chunk = {3, 2}}));
    CHECK(same_array(same.at(from_npy), expected));
    p.run(weft::to_raw(x, folder / "x.bin", {.offset = 5, .first_axis_fastest = true}));
    const auto from_raw =
        p.run(weft::from_raw<double, 2>(c, folder / "x.bin", x.shape(), {.offset = 5, .first_axis_fastest = true}));
    CHECK(same_array(same.at(from_raw), expected));
    p.run(weft::to_zarr(x, folder / "x.zarr"));
    const auto from_zarr = p.run(weft::from_zarr<double, 2>(c, folder / "x.zarr"));
    CHECK(same_array(same.at(from_zarr), expected));
#ifndef WEFT_WITHOUT_HDF5
    p.run(weft::to_hdf5(x, folder / "x.h5", "a/x"));
    const auto from_hdf5 = p.run(weft::from_hdf5<double, 2>(c, folder / "x.h5", "a/x", {.chunk = {2, 5}}));
    CHECK(same_array(same.at(from_hdf5), expected));
#endif
  }
}
