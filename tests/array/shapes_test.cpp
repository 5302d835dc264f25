// Arrays in other shapes and chunks: properties over random ones, and what is refused.
#include <catch2/catch.hpp>
#include <cmath>
#include <complex>
#include <random>

#include "array/arrays.hpp"
#include "array/gather.hpp"
#include "array/reshape.hpp"
#include "weft/errors.hpp"

using arrays::list_of;
using arrays::place;
using weft::slice;

namespace {

struct choices {
  explicit choices(unsigned seed) : bits(seed) {}
  std::int64_t operator()(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(bits);
  }
  weft::shape shape(std::size_t rank, std::int64_t most) {
    weft::shape s = weft::shape::of_rank(rank);
    for (std::size_t a = 0; a < rank; ++a) s[a] = (*this)(1, most);
    return s;
  }
  std::mt19937 bits;
};

/// Each element is its number.
weft::array<std::int64_t> numbers(const weft::client& c, const weft::shape& extents, const weft::shape& chunk) {
  const auto whole = weft::reshape(weft::arange<std::int64_t>(c, extents.count()), extents);
  return weft::rechunk(whole, {.chunk = chunk});
}

bool counts_up(const xt::xarray<std::int64_t>& x) {
  for (std::size_t i = 0; i < x.size(); ++i)
    if (x.data()[i] != static_cast<std::int64_t>(i)) return false;
  return true;
}

}  // namespace

TEST_CASE("chunks and axes of any kind have the same elements in the same order") {
  choices some(7);
  place at;
  for (int round = 0; round < 150; ++round) {
    const auto rank = static_cast<std::size_t>(some(1, 4));
    const weft::shape extents = some.shape(rank, 9);
    const auto x = numbers(at.client, extents, some.shape(rank, 9));
    CAPTURE(round, weft::to_string(extents), weft::to_string(x.chunk_shape()));
    REQUIRE(counts_up(at(x)));
    const auto again = weft::rechunk(x, {.chunk = some.shape(rank, 9)});
    REQUIRE(counts_up(at(again)));
    // The same number of elements, as factors in another order.
    weft::shape other = weft::shape::of_rank(static_cast<std::size_t>(some(1, 4)));
    std::int64_t left = extents.count();
    for (std::size_t a = 0; a + 1 < other.size(); ++a) {
      std::int64_t factor = some(1, 12);
      while (left % factor != 0) --factor;
      other[a] = factor;
      left /= factor;
    }
    other[other.size() - 1] = left;
    const auto reshaped = weft::reshape(again, other);
    REQUIRE(reshaped.shape() == other);
    REQUIRE(counts_up(at(reshaped)));
    // A part of it is that part.
    const auto flat = weft::ravel(reshaped);
    const std::int64_t first = some(0, flat.shape()[0] - 1), last = some(first, flat.shape()[0]);
    const auto part = at(flat(slice(first, last)));
    REQUIRE(part.size() == static_cast<std::size_t>(last - first));
    for (std::size_t i = 0; i < part.size(); ++i) REQUIRE(part(i) == first + static_cast<std::int64_t>(i));
    // Rolled forth and back, padded and cut.
    const std::int64_t shift = some(-20, 20), axis = some(0, static_cast<std::int64_t>(rank) - 1);
    REQUIRE(counts_up(at(weft::roll(weft::roll(x, shift, axis), -shift, axis))));
  }
}

TEST_CASE("cutting an array and joining its parts gives it back") {
  choices some(11);
  place at;
  for (int round = 0; round < 60; ++round) {
    const weft::shape extents = some.shape(3, 9);
    const auto x = numbers(at.client, extents, some.shape(3, 5));
    const std::int64_t n = extents[1], i = some(0, n), j = some(i, n);
    const auto parts = weft::concatenate(1, x(slice(), slice(0, i)), x(slice(), slice(i, j)), x(slice(), slice(j)));
    REQUIRE(counts_up(at(parts)));
    std::vector<weft::array<std::int64_t>> rows;
    for (std::int64_t k = 0; k < extents[2]; ++k) rows.push_back(x(slice(), slice(), k));
    REQUIRE(counts_up(at(weft::stack(2, rows))));
    const auto written = weft::assign(x * std::int64_t{-1}, weft::region(slice()), x);
    REQUIRE(counts_up(at(written)));
  }
}

TEST_CASE("a rechunk through chunks in between gives the same array") {
  place at;
  const auto rows = weft::reshape<2>(weft::arange<std::int32_t>(at.client, 3000 * 3000), {3000, 3000});
  const auto thin = weft::rechunk(rows, {.chunk = {2, -1}});
  const auto across = weft::rechunk(thin, {.chunk = {-1, 2}});
  CHECK(across.chunk_shape() == weft::shape{3000, 2});
  const xt::xtensor<std::int32_t, 2> whole = at(across);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) wrong += whole.data()[i] != static_cast<std::int32_t>(i);
  CHECK(wrong == 0);
  CHECK(across.task_count() > thin.task_count() + 1500);  // there is a step in between
  CHECK(weft::rechunk(rows, {.chunk = rows.chunk_shape()}).node() == rows.node());
}

TEST_CASE("a rechunk is one pass where the budget has room for the array, and else goes through chunks in between") {
  weft::pool pool({.threads = 2});
  constexpr std::int64_t n = 1024, width = 64;  // 8 MiB
  for (const std::uint64_t mib : {64u, 8u}) {
    const weft::client c(pool, {.memory_budget = mib << 20});
    const auto columns = numbers(c, {n, n}, {n, width}).persist();
    const auto rows = weft::rechunk(columns, {.chunk = {width, n}});
    CHECK(rows.task_count() == static_cast<std::size_t>(mib == 64 ? n / width : 2 * n / width));
    CHECK(counts_up(pool.run(rows.compute())));
    CHECK((c.memory().spilled == 0) == (mib == 64));
  }
}

TEST_CASE("a part of what was joined, padded or reshaped computes that part alone") {
  place at(1);
  const auto huge = weft::ones<float, 2>(at.client, {1'000'000, 1'000'000}, {.chunk = {1000, 1000}});
  const auto joined = weft::concatenate(0, huge, huge + 1.0f, huge);
  CHECK(joined(slice(1'500'000, 1'500'010), slice(0, 10)).task_count() <= 4);
  CHECK(at(joined(1'500'000, 7)) == 2);
  const auto padded = weft::pad(weft::roll(huge, 12345, 0), {{5, 5}, {0, 7}}, weft::pad_mode::wrap);
  CHECK(at(padded(3, 1'000'003)) == 1);
  const auto flat = weft::ravel(weft::ones<float, 2>(at.client, {1'000'000, 1'000'000}, {.chunk = {10, 1000}}));
  CHECK(flat.shape()[0] == 1'000'000'000'000);
  CHECK(at(flat(123'456'789'012)) == 1);
  CHECK(flat(123'456'789'012).task_count() <= 1020);  // a row is in 1,000 chunks, gathered by some tasks
  CHECK(at(weft::take(huge, {999'999, 0}, 0)(1, 999'999)) == 1);
}

TEST_CASE("one number stands for all elements that are repeated, and for both sides of a padding") {
  place at(1);
  const auto x = weft::reshape<2>(weft::arange<double>(at.client, 0, 6, 1), {2, 3});
  const std::vector<double> twice{0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5};
  CHECK(list_of(at(weft::repeat(x, std::vector<std::int64_t>{2}, 1))) == twice);
  CHECK(list_of(at(weft::repeat(x, {2}, -1))) == twice);
  CHECK(list_of(at(weft::repeat(x(slice(), slice(0, 1)), {3}, 1))) == std::vector<double>{0, 0, 0, 3, 3, 3});
  const auto some = weft::pad(x, {{1}, {0, 2}});
  CHECK(some.shape() == weft::shape{4, 5});
  CHECK(at(some(1, slice()))(2) == 2);
  CHECK(weft::pad(x, {{1}, {2}}).shape() == weft::shape{4, 7});
  CHECK(weft::pad(x, {{1}}).shape() == weft::shape{4, 5});
  CHECK(weft::pad(x, {{1, 2}}).shape() == weft::shape{5, 6});
}

TEST_CASE("empty arrays have other shapes too") {
  place at(1);
  const auto none = weft::zeros<double, 2>(at.client, {0, 4});
  CHECK(at(weft::reshape<1>(none, {0})).size() == 0);
  CHECK(at(weft::reshape<3>(none, {3, 0, 5})).size() == 0);
  CHECK(at(weft::concatenate(0, none, none)).size() == 0);
  const auto some = at(weft::concatenate(0, none, weft::ones<double, 2>(at.client, {2, 4}), none));
  CHECK(some.size() == 8);
  CHECK(at(weft::sum(weft::pad(none, {{1, 1}, {1, 1}}, weft::pad_mode::constant, 2.0))) == 24);
  CHECK(at(weft::roll(none, 3, 0)).size() == 0);
  CHECK(at(weft::take(weft::ones<double, 2>(at.client, {2, 4}), {}, 1)).size() == 0);
  CHECK(at(weft::repeat(weft::ones<double, 2>(at.client, {2, 4}), 0, 1)).size() == 0);
  CHECK(at(weft::tile(none, {2, 2})).size() == 0);
  CHECK(at(weft::rechunk(none, {.chunk = {1, 1}})).size() == 0);
  const auto one = weft::sum(weft::ones<double, 1>(at.client, {3}));
  CHECK(at(weft::reshape<2>(one, {1, 1}))(0, 0) == 3);
  CHECK(at(weft::reshape<0>(weft::ones<double, 2>(at.client, {1, 1}), {})) == 1);
  CHECK(at(weft::stack(0, one, one)).size() == 2);
}

TEST_CASE("a mask takes elements row-major, of any size and however few") {
  place at;
  std::mt19937 random(11);
  for (int round = 0; round < 30; ++round) {
    const auto upto = [&](unsigned n) { return std::int64_t(1 + random() % n); };
    const weft::shape extents{upto(30), upto(30)}, chunk{upto(12), upto(12)};
    const auto x = weft::from_function<2>(
        at.client, extents, [](std::int64_t i, std::int64_t j) { return double(i * 100 + j); }, {.chunk = chunk});
    const double least = static_cast<double>(random() % 3200);
    const auto chosen = [&](double v) { return v >= least && std::fmod(v, 100) < 12; };  // in some chunks none
    const auto check = [&](const auto& a, auto from) {
      const auto other = weft::rechunk(x, {.chunk = {upto(12), upto(12)}});
      const auto some = at.pool.run(weft::compress(a, other >= least && other % 100.0 < 12.0));
      const auto found = at(some);
      std::size_t n = 0;
      bool right = true;
      for (std::int64_t i = 0; i < extents[0]; ++i)
        for (std::int64_t j = 0; j < extents[1]; ++j) {
          const double value = double(i * 100 + j);
          if (!chosen(value)) continue;
          right = right && n < found.size() && found(n) == from(value);
          ++n;
        }
      CHECK(right);
      CHECK(found.size() == n);
    };
    CAPTURE(weft::to_string(extents), weft::to_string(chunk), least);
    check(x, [](double v) { return v; });
    check(weft::astype<float>(x), [](double v) { return static_cast<float>(v); });
    check(weft::astype<std::int16_t>(x), [](double v) { return static_cast<std::int16_t>(v); });
    check(weft::astype<std::complex<double>>(x), [](double v) { return std::complex<double>(v); });
  }
}

TEST_CASE("shapes that do not fit are refused as the expression is built") {
  place at(1);
  const auto x = weft::zeros<double, 2>(at.client, {6, 4}, {.chunk = {2, 4}});
  const auto y = weft::zeros<double, 2>(at.client, {6, 5}, {.chunk = {3, 5}});
  using Catch::Contains;
  CHECK_THROWS_WITH(weft::concatenate(0, x, y),
                    "weft: arrays of shapes (6, 4) in chunks of (2, 4) and (6, 5) in chunks of (3, 5) cannot be "
                    "joined: axis 1 has 4 and 5 elements");
  CHECK_THROWS_WITH(weft::concatenate(2, x, x), Contains("axis 2"));
  CHECK_THROWS_WITH(weft::concatenate(0, x, weft::zeros<double, 1>(at.client, {4})), Contains("numbers of axes"));
  CHECK_THROWS_WITH(weft::stack(0, x, y), Contains("(6, 4)") && Contains("(6, 5)"));
  CHECK_THROWS_WITH((weft::concatenate(0, std::vector<weft::array<double, 2>>())), Contains("no array"));
  CHECK_THROWS_WITH(weft::reshape<2>(x, {5, 5}), Contains("(6, 4)") && Contains("(5, 5)"));
  CHECK_THROWS_WITH(weft::reshape<2>(x, {-1, 7}), Contains("(6, 4)") && Contains("(-1, 7)"));
  CHECK_THROWS_WITH(weft::reshape<2>(x, {-1, -1}), Contains("one extent may be -1"));
  CHECK_THROWS_WITH(weft::reshape<1>(x, {6, 4}), Contains("as one of 1 axis"));
  CHECK_THROWS_WITH(weft::rechunk(x, {.chunk = {3}}), Contains("one extent for each axis"));
  CHECK_THROWS_WITH(weft::roll(x, 1, -3), Contains("axis -3"));
  CHECK_THROWS_WITH(weft::pad(x, {{1, 1}, {-1, 0}}), Contains("-1 and 0 elements along axis 1"));
  CHECK_THROWS_WITH(weft::pad(x, {{2}, {-1}}), Contains("-1 and -1 elements along axis 1"));
  const weft::padding of_three{{1, 1}, {1, 1}, {1, 1}};
  CHECK_THROWS_WITH(weft::pad(x, of_three), Contains("3 widths of padding") && Contains("(6, 4)"));
  CHECK_THROWS_WITH(weft::pad(x, -1), Contains("-1 and -1 elements along axis 0"));
  const auto none = weft::zeros<double, 2>(at.client, {0, 4});
  CHECK_THROWS_WITH(weft::pad(none, {{1, 1}, {0, 0}}, weft::pad_mode::edge), Contains("no element"));
  CHECK_THROWS_WITH(weft::pad(none, {{1, 1}, {0, 0}}, weft::pad_by::maximum), Contains("no element"));
  CHECK_THROWS_WITH(weft::pad(none, {{1, 1}, {0, 0}}, weft::pad_by::linear_ramp{}), Contains("no element"));
  CHECK_THROWS_WITH(weft::pad(x, of_three, weft::pad_by::mean),
                    Contains("3 widths of padding") && Contains("(6, 4)"));
  const weft::pad_values<double> three{{0, 1}, {2, 3}, {4, 5}};
  CHECK_THROWS_WITH(weft::pad(x, {{1, 1}, {1, 1}}, weft::pad_mode::constant, three),
                    Contains("3 pairs of values") && Contains("(6, 4)"));
  CHECK_THROWS_WITH(weft::pad(x, {{1, 1}, {1, 1}}, weft::pad_by::linear_ramp{three}), Contains("3 pairs of values"));
  CHECK_THROWS_WITH(weft::pad(weft::astype<std::int8_t>(x), {{1, 1}, {1, 1}}, weft::pad_by::linear_ramp{300.0}),
                    Contains("300") && Contains("int8"));
  const auto two_long = [](const auto& a, std::int64_t) { return a(weft::slice(0, 2)); };
  CHECK_THROWS_WITH(weft::pad(x, {{1, 1}, {0, 0}}, two_long), Contains("does not broadcast"));
  CHECK_THROWS_WITH(weft::tile(x, {-1}), Contains("(-1)") && Contains("(6, 4)"));
  CHECK_THROWS_WITH(weft::repeat(x, -1, 0), Contains("-1 times"));
  CHECK_THROWS_WITH(weft::repeat(x, {1, 2, 3}, 1),
                    Contains("by 3 numbers along axis 1") && Contains("its 4 elements"));
  CHECK_THROWS_WITH(weft::repeat(x, {1, 2, -3, 0}, 1), Contains("one is -3"));
  CHECK_THROWS_WITH(weft::repeat(x, {}, 1), Contains("by 0 numbers along axis 1") && Contains("or one for all"));
  CHECK_THROWS_WITH(weft::repeat(x, std::vector<std::int64_t>{-2}, 1), Contains("-2 times"));
  CHECK_THROWS_WITH(weft::repeat(x, {1, 1 << 30, 0, 0}, 1), Contains("2^30"));
  const auto deep = weft::reshape<8>(x, {1, 6, 1, 1, 1, 1, 1, 4});
  CHECK_THROWS_WITH(weft::repeat(deep, 2, 0), Contains("repeat of an array of shape (1, 6, 1, 1, 1, 1, 1, 4)"));
  CHECK_THROWS_WITH(weft::stack(0, weft::array<double>(deep), weft::array<double>(deep)),
                    Contains("a stack of arrays of shape (1, 6, 1, 1, 1, 1, 1, 4)"));
  CHECK_THROWS_WITH(weft::take(x, {0, 6}, 0), Contains("index 6 along axis 0") && Contains("(6, 4)"));
  CHECK_THROWS_WITH(weft::assign(x, slice(0, 3), y),
                    Contains("a value of shape (6, 5) in chunks of (") &&
                        Contains("for a part of shape (3, 4) of an array of shape (6, 4) in chunks of ("));
  CHECK_THROWS_WITH(weft::assign(x, weft::region(7), 1.0), Contains("index 7"));
  CHECK_THROWS_WITH(weft::compress(x, y > 0.0), Contains("(6, 5)") && Contains("(6, 4)"));
  CHECK_THROWS_WITH(weft::compress(x, x > 0.0, 1), Contains("axis 1"));
  place other(1);
  CHECK_THROWS_WITH(weft::concatenate(0, x, weft::zeros<double, 2>(other.client, {6, 4})),
                    Contains("different clients"));
}

TEST_CASE("a gather or a reshape that bytes have damaged is refused, or reads its inputs alone") {
  using namespace weft::detail::arrays;
  const grid chunks = make_grid({6, 4}, {3, 4}, 1000, 8);
  gather_plan g{chunks, {0, 0}, {2, 1}, {reading_of(identity_map(2), chunks, 8, chunks)}, {}, element_of<double>};
  reshape_plan r{make_grid({24}, {5}, 1000, 8), {0}, {5}, {6, 4}, identity_map(2), chunks, element_of<double>};
  const auto damage = [](const auto& plan, auto run) {
    using plan_type = std::remove_cvref_t<decltype(plan)>;
    const std::vector<std::byte> good = weft::to_bytes(plan);
    std::size_t refused = 0, accepted = 0;
    for (std::size_t i = 8; i < good.size(); ++i)
      for (const unsigned bit : {0u, 3u, 7u}) {
        std::vector<std::byte> bad = good;
        bad[i] ^= std::byte{1} << bit;
        plan_type damaged;
        try {
          damaged = weft::from_bytes<plan_type>(bad);
        } catch (const weft::codec_error&) {
          ++refused;
          continue;
        }
        ++accepted;
        try {
          run(damaged);
        } catch (const std::logic_error&) {  // it has no chunks to read
        }
      }
    CHECK(refused > accepted);
  };
  damage(g, [](const gather_plan& p) { static_cast<void>(gather_chunk(p, 0, {})); });
  damage(r, [](const reshape_plan& p) { static_cast<void>(reshape_chunk(p, 0, {})); });
  const auto refuses = [](auto plan, auto change) {
    change(plan);
    CHECK_THROWS_AS(weft::from_bytes<decltype(plan)>(weft::to_bytes(plan)), weft::codec_error);
  };
  refuses(g, [](gather_plan& b) { b.what[0].axes[0][0].from = 1; });
  refuses(g, [](gather_plan& b) { b.what[0].axes[0][0].to_step = 0; });
  refuses(g, [](gather_plan& b) { b.what[0].windows[0].before = 1; });
  refuses(g, [](gather_plan& b) { b.what[0].item = 16; });
  refuses(g, [](gather_plan& b) { b.counts = {3, 1}; });
  refuses(r, [](reshape_plan& b) { b.shape = {6, 5}; });
  refuses(r, [](reshape_plan& b) { b.map.axes[0].start = 1; });
  refuses(r, [](reshape_plan& b) { b.chunks = make_grid({3, 8}, {2, 3}, 1000, 8); });
}
