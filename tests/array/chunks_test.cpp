// Chunks of any sizes: how axes are cut, and arrays that are cut so.
#include <algorithm>
#include <catch2/catch.hpp>

#include "array/arrays.hpp"
#include "array/files.hpp"
#include "array/irregular.hpp"
#include "array/noise.hpp"
#include "weft/errors.hpp"

using arrays::choices;
using arrays::place;
using weft::chunk_sizes;
using weft::none;
using weft::slice;
using weft::detail::arrays::cut;
using weft::detail::arrays::cut_into_sizes;
using weft::detail::arrays::part_of;

namespace {

using sizes = std::vector<std::int64_t>;

sizes sizes_along(const cut& c) {
  sizes found;
  for (std::int64_t i = 0; i < c.count(); ++i) found.push_back(c.size(i));
  return found;
}

}  // namespace

TEST_CASE("a table is had where three numbers do not say how an axis is cut") {
  for (const sizes& plain : {sizes{5}, {5, 3}, {3, 5}, {5, 5, 5}, {2, 5, 5, 1}, {1, 1, 1}}) {
    const cut c = cut_into_sizes(plain);
    CHECK(!c.table);
    CHECK(sizes_along(c) == plain);
  }
  CHECK(cut_into_sizes({}) == weft::detail::arrays::one_chunk(0));
  for (const sizes& other : {sizes{5, 3, 3}, {3, 3, 5}, {1, 5, 2, 5}, {5, 1, 5}}) {
    const cut c = cut_into_sizes(other);
    REQUIRE(c.table);
    CHECK(sizes_along(c) == other);
    CHECK(c.chunk == 5);
    CHECK(c.lead == other.front());
    CHECK(c == cut_into_sizes(other));
    CHECK(c != cut_into_sizes(sizes{c.extent}));
    CHECK(weft::from_bytes<cut>(weft::to_bytes(c)) == c);
  }
  CHECK(cut_into_sizes(sizes{5, 1, 5, 2, 5}) != cut_into_sizes(sizes{5, 2, 5, 1, 5}));
}

TEST_CASE("chunks of any sizes are found, and their parts are cut where they are") {
  choices some(3);
  for (int round = 0; round < 300; ++round) {
    const std::int64_t n = some(1, 40);
    const sizes all = arrays::some_sizes(n, some);
    const cut c = cut_into_sizes(all);
    CAPTURE(round, n, all);
    std::vector<std::int64_t> chunk_of;
    for (std::size_t i = 0; i < all.size(); ++i)
      for (std::int64_t k = 0; k < all[i]; ++k) chunk_of.push_back(static_cast<std::int64_t>(i));
    for (std::int64_t x = 0; x < n; ++x) {
      const std::int64_t i = c.of(x);
      REQUIRE(i == chunk_of[static_cast<std::size_t>(x)]);
      REQUIRE((c.first(i) <= x && x < c.end(i)));
    }
    const std::int64_t step = some(1, 5) * (some.coin() ? 1 : -1), first = some(0, n - 1);
    const std::int64_t most = step > 0 ? (n - 1 - first) / step + 1 : first / -step + 1, count = some(1, most);
    sizes expected;
    for (std::int64_t k = 0, last = -1; k < count; ++k) {
      const std::int64_t i = chunk_of[static_cast<std::size_t>(first + step * k)];
      if (i != last) expected.push_back(0);
      ++expected.back();
      last = i;
    }
    CAPTURE(first, step, count);
    const cut part = part_of(c, first, step, count);
    REQUIRE(part.extent == count);
    // Without a table some chunks may be a little longer or shorter than the pieces that the axis has.
    if (c.table) REQUIRE(sizes_along(part) == expected);
  }
}

TEST_CASE("arrays are cut into the chunks that they are told") {
  place at;
  const auto x = weft::reshape<2>(weft::arange<std::int64_t>(at.client, 600), {20, 30});
  const auto y = weft::rechunk(x, chunk_sizes({3, 10, 2, 5}, {7, 1, 22}));
  CHECK(y.chunk_sizes() == std::vector<sizes>{{3, 10, 2, 5}, {7, 1, 22}});
  CHECK(y.chunk_shape() == weft::shape{10, 22});
  CHECK(y.chunk_count() == 12);
  const auto expected = arrays::list_of(at(x));
  CHECK(arrays::list_of(at(y)) == expected);
  CHECK(arrays::list_of(at(y.persist())) == expected);
  // An axis without a list stays; so does an array that is cut so.
  CHECK(weft::rechunk(y, chunk_sizes({}, {30})).chunk_sizes() == std::vector<sizes>{{3, 10, 2, 5}, {30}});
  CHECK(weft::rechunk(y, chunk_sizes({3, 10, 2, 5})).node() == y.node());
  CHECK(weft::rechunk(y, chunk_sizes(y.chunk_sizes())).node() == y.node());
  // Parts are in pieces of these chunks, and arrays beside it are read as they are cut.
  CHECK(y(slice(2, 16), slice(none, none, -2)).chunk_sizes() == std::vector<sizes>{{1, 10, 2, 1}, {11, 1, 3}});
  CHECK(weft::transpose(y)(8).chunk_sizes() == std::vector<sizes>{{3, 10, 2, 5}});
  CHECK((x + y).chunk_sizes() == y.chunk_sizes());
  CHECK(at(weft::sum(x + y)) == 599 * 600);
  CHECK(at(weft::sum(y - x)) == 0);
  const auto part = y(slice(12, 14), 7);
  CHECK(part.task_count() <= 6);
  CHECK(at(part)(1) == 13 * 30 + 7);
  // And back, through chunks in between where that pays.
  const auto back = weft::rechunk(y, {.chunk = {20, 1}});
  CHECK(arrays::list_of(at(back)) == expected);
}

TEST_CASE("what is put together of others is so at once in other chunks, where a task needs little for it") {
  place at(1);
  const auto x = arrays::noise_of(at.client, {40, 30}, {10, 30}).persist();
  using matrix = weft::array<double, 2>;
  const std::vector<matrix> all{matrix(weft::pad(x, {{2, 1}, {0, 3}}, weft::pad_mode::wrap)),
                                matrix(weft::concatenate(0, x, weft::flip(x, 0)(slice(3)), x)),
                                matrix(weft::roll(x, 7, 0))};
  for (const matrix& y : all) {
    const auto whole = weft::rechunk(y, {.chunk = {-1, -1}}), some = weft::rechunk(y, {.chunk = {13, 11}});
    CHECK(whole.task_count() == 1);
    CHECK(some.task_count() == some.chunk_count());
    const std::vector<double> expected = arrays::list_of(at(y));
    CHECK(arrays::list_of(at(whole)) == expected);
    CHECK(arrays::list_of(at(some)) == expected);
  }
  // Not of very many chunks, nor of large ones of which it takes little, nor of what would be made once more.
  const auto rows = weft::rechunk(x, {.chunk = {1, 10}}).persist();
  CHECK(weft::rechunk(weft::roll(rows, 1, 0), {.chunk = {-1, -1}}).task_count() == 120 + 1);
  std::vector<weft::array<double, 1>> parts;
  for (std::uint32_t i = 0; i < 7; ++i) {
    const auto large = weft::random::uniform<double, 1>(at.client, {40'000}, {.stream = i, .chunk = {-1}});
    parts.emplace_back(weft::cumsum(large, 0)(slice(0, 10)));
  }
  const auto first_ones = weft::concatenate(0, parts);
  CHECK(weft::rechunk(first_ones, {.chunk = {-1}}).task_count() == first_ones.task_count() + 1);
  const auto again = weft::roll(weft::recomputed(x + 1.0), 7, 0);
  CHECK(weft::rechunk(again, {.chunk = {-1, -1}}).task_count() == again.task_count() + 1);
}

TEST_CASE("chunks are merged as a whole, and balanced, and axes stay as they are") {
  place at(1);
  const auto x = weft::rechunk(weft::reshape<2>(weft::arange<std::int64_t>(at.client, 600), {20, 30}),
                               chunk_sizes({3, 10, 2, 5}, {7, 1, 22}));
  CHECK(weft::rechunk(x, {.chunk = {weft::unchanged, 8}}).chunk_sizes() ==
        std::vector<sizes>{{3, 10, 2, 5}, {8, 8, 8, 6}});
  // What weft chooses goes with what stays: 10 rows, so that 400 bytes are five elements of each.
  CHECK(weft::rechunk(x, {.chunk = {weft::unchanged, 0}, .bytes = 400}).chunk_shape() == weft::shape{10, 5});
  const std::vector<sizes> merged_rows{{3, 12, 5}, {30}};
  CHECK(weft::rechunk(x, weft::merged{.chunk = {0, -1}, .bytes = 12 * 30 * 8}).chunk_sizes() == merged_rows);
  CHECK(weft::rechunk(x, weft::merged{.chunk = {weft::unchanged, 0}, .bytes = 10 * 29 * 8}).chunk_sizes() ==
        std::vector<sizes>{{3, 10, 2, 5}, {8, 22}});
  CHECK(weft::rechunk(x, weft::merged{}).chunk_count() == 1);
  CHECK(weft::rechunk(x, weft::merged{.bytes = 10}).node() == x.node());  // they are larger already
  CHECK(weft::rechunk(x, weft::balanced{}).chunk_sizes() == std::vector<sizes>{{5, 5, 5, 5}, {10, 10, 10}});
  CHECK(weft::rechunk(x, weft::balanced{{weft::unchanged, 14}}).chunk_sizes() ==
        std::vector<sizes>{{3, 10, 2, 5}, {10, 10, 10}});
  CHECK_THROWS_WITH(weft::rechunk(x, weft::merged{.chunk = {-3, 0}}), Catch::Contains("an extent is 1 or more"));
  CHECK_THROWS_WITH(weft::rechunk(x, weft::balanced{{5}}), Catch::Contains("one extent for each axis"));
  CHECK_THROWS_WITH(weft::zeros<double>(at.client, {9}, {.chunk = {weft::unchanged}}),
                    Catch::Contains("chunks of (-2)"));
  choices some(5);
  for (int round = 0; round < 200; ++round) {
    const std::int64_t n = some(1, 40), m = some(1, 40), bytes = some(8, 16'000);
    const auto y = weft::rechunk(weft::zeros<double, 2>(at.client, {n, m}),
                                 chunk_sizes(arrays::some_sizes(n, some), arrays::some_sizes(m, some)));
    const auto z = weft::rechunk(y, weft::merged{.bytes = bytes});
    CAPTURE(y.chunk_sizes(), z.chunk_sizes(), bytes);
    const std::int64_t before = y.chunk_shape().count() * 8, after = z.chunk_shape().count() * 8;
    REQUIRE(after <= std::max(bytes, before));
    // Whole chunks: each border is one that was there. And no two neighbours would have had room together.
    for (std::size_t a = 0; a < 2; ++a) {
      const cut &was = y.grid().axes[a], &is = z.grid().axes[a];
      for (std::int64_t i = 0; i < is.count(); ++i) REQUIRE(was.first(was.of(is.first(i))) == is.first(i));
      std::int64_t least = n + m;
      for (std::int64_t i = 0; i + 1 < is.count(); ++i) least = std::min(least, is.end(i + 1) - is.first(i));
      if (is.count() > 1 && before <= bytes) REQUIRE(least * z.chunk_shape()[1 - a] * 8 > bytes);
    }
  }
}

TEST_CASE("what is computed of an array does not depend on its chunks") {
  choices some(11);
  place at;
  for (int round = 0; round < 60; ++round) {
    const auto n = static_cast<std::size_t>(some(1, 30)), m = static_cast<std::size_t>(some(1, 20));
    const xt::xtensor<std::int64_t, 2> whole = arrays::some_numbers<std::int64_t, 2>({n, m}, some);
    const auto one = arrays::in_one_chunk(at.client, whole);
    const auto cut_so = weft::rechunk(one, chunk_sizes(arrays::some_sizes(static_cast<std::int64_t>(n), some),
                                                       arrays::some_sizes(static_cast<std::int64_t>(m), some)));
    const auto x = some.coin() ? cut_so.persist() : cut_so;
    CAPTURE(round, n, m, x.chunk_sizes());
    const auto same = [&](const auto& a, const auto& b) { return arrays::same_array(at(a), at(b)); };
    REQUIRE(same(x, one));
    REQUIRE(same(weft::sum(x, 0), weft::sum(one, 0)));
    REQUIRE(same(weft::cumsum(x, 1), weft::cumsum(one, 1)));
    REQUIRE(same(weft::argmax(x, 0), weft::argmax(one, 0)));
    REQUIRE(same(weft::sort(x, 1), weft::sort(one, 1)));
    REQUIRE(same(weft::ravel(weft::transpose(x)), weft::ravel(weft::transpose(one))));
    REQUIRE(same(weft::concatenate(0, x, weft::flip(x, 0)), weft::concatenate(0, one, weft::flip(one, 0))));
    REQUIRE(same(weft::roll(x, 3, 1), weft::roll(one, 3, 1)));
    REQUIRE(same(weft::pad(x, {{2, 1}, {0, 3}}, weft::pad_mode::wrap),
                 weft::pad(one, {{2, 1}, {0, 3}}, weft::pad_mode::wrap)));
    REQUIRE(same(weft::take(x, {0, -1, 0}, 1), weft::take(one, {0, -1, 0}, 1)));
    REQUIRE(same(weft::diagonal(x) * weft::diagonal(x), weft::diagonal(one) * weft::diagonal(one)));
    const std::int64_t window = some(1, static_cast<std::int64_t>(n));
    REQUIRE(same(weft::sliding_window_view(x, window, 0), weft::sliding_window_view(one, window, 0)));
  }
}

TEST_CASE("arrays in chunks of any sizes are written to files") {
  const test_directory folder(test_directory::beside());
  place at;
  const auto x = weft::reshape<2>(weft::arange<std::int64_t>(at.client, 600), {20, 30});
  const auto expected = arrays::list_of(at(x));
  // Cut where the store's chunks end, and elsewhere.
  for (const chunk_sizes& how : {chunk_sizes({10, 5, 5}, {30}), chunk_sizes({3, 10, 2, 5}, {7, 1, 22})}) {
    const auto y = weft::rechunk(x, how);
    at.pool.run(weft::to_zarr(y, folder / "y.zarr", {.chunk = {5, 10}, .overwrite = true}));
    const auto z = at.pool.run(weft::from_zarr<std::int64_t, 2>(at.client, folder / "y.zarr"));
    CHECK(arrays::list_of(at(z)) == expected);
    at.pool.run(weft::to_npy(y, folder / "y.npy"));
    const auto w = at.pool.run(weft::from_npy<std::int64_t, 2>(at.client, folder / "y.npy"));
    CHECK(arrays::list_of(at(w)) == expected);
  }
}

TEST_CASE("chunks that cannot be are refused") {
  place at(1);
  const auto x = weft::zeros<double, 2>(at.client, {10, 4}, {.chunk = {3, 4}});
  CHECK_THROWS_WITH(weft::rechunk(x, chunk_sizes({3, 3, 3})),
                    "weft: chunks along axis 0 that come to 9 of the 10 elements that it has, of an array of shape "
                    "(10, 4) in chunks of (3, 4)");
  CHECK_THROWS_WITH(weft::rechunk(x, chunk_sizes({}, {3, 3})),
                    Catch::Contains("along axis 1 that come to more than the 4 elements"));
  CHECK_THROWS_WITH(weft::rechunk(x, chunk_sizes({10, 0})), Catch::Contains("a chunk of 0 elements along axis 0"));
  CHECK_THROWS_WITH(weft::rechunk(x, chunk_sizes({11, -1})), Catch::Contains("along axis 0"));
  CHECK_THROWS_WITH(weft::rechunk(x, chunk_sizes({10}, {4}, {1})),
                    Catch::Contains("along 3 axes for an array of shape (10, 4)"));
  const auto large = weft::zeros<double, 1>(at.client, {std::int64_t{1} << 40});
  CHECK_THROWS_WITH(weft::rechunk(large, chunk_sizes({1, (std::int64_t{1} << 40) - 2, 1})),
                    Catch::Contains("more than 2 GiB"));
}

TEST_CASE("an axis that bytes have damaged is refused, or is one") {
  const cut good = cut_into_sizes(sizes{5, 3, 7, 1, 7});
  const std::vector<std::byte> bytes = weft::to_bytes(good);
  std::size_t refused = 0;
  for (std::size_t i = 8; i < bytes.size(); ++i)
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::vector<std::byte> bad = bytes;
      bad[i] ^= std::byte{1} << bit;
      cut c;
      try {
        c = weft::from_bytes<cut>(bad);
      } catch (const weft::codec_error&) {
        ++refused;
        continue;
      }
      std::int64_t at = 0;
      for (std::int64_t k = 0; k < std::min<std::int64_t>(c.count(), 100); ++k) {
        REQUIRE(c.first(k) == at);
        at = c.end(k);
      }
    }
  CHECK(refused > 0);
}
