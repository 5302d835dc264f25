// Functions of whole chunks.
#include <atomic>
#include <catch2/catch.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "array/arrays.hpp"
#include "array/mapped.hpp"
#include "array/noise.hpp"
#include "weft/errors.hpp"

using arrays::list_of;
using arrays::noise_of;
using arrays::place;
using weft::slice;

namespace {

template <class A>
bool same(const A& a, const A& b) {
  return a.shape() == b.shape() && std::equal(a.begin(), a.end(), b.begin());
}

std::atomic<int> calls{0};
struct counted_copy {
  xt::xtensor<double, 2> operator()(const weft::chunk_view<double, 2>& a) const {
    ++calls;
    return a;
  }
};

/// The sum of each element and its neighbours, `depth` on each side of each axis.
struct window_sum {
  std::int64_t depth;
  template <class V>
  xt::xtensor<double, 2> operator()(const V& a) const {
    xt::xtensor<double, 2> sums = xt::zeros<double>(a.shape());
    const auto n = static_cast<std::int64_t>(a.shape()[0]), m = static_cast<std::int64_t>(a.shape()[1]);
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < m; ++j)
        for (std::int64_t k = std::max<std::int64_t>(0, i - depth); k <= std::min(n - 1, i + depth); ++k)
          for (std::int64_t l = std::max<std::int64_t>(0, j - depth); l <= std::min(m - 1, j + depth); ++l)
            sums(i, j) += a(k, l);
    return sums;
  }
};

}  // namespace

TEST_CASE("functions see chunks where they are") {
  place at;
  const auto x = noise_of(at.client, {50, 30}, {20, 11}).persist();
  const xt::xtensor<double, 2> whole = at(x);
  const auto doubled = at(weft::map_blocks([](const auto& a) { return a * 2.0; }, x));
  CHECK((doubled == whole * 2.0));
  // By the type that it has, and into another one.
  const auto counts = at(weft::map_blocks(
      [](const weft::chunk_view<double, 2>& a) {
        return xt::xtensor<std::int64_t, 2>(xt::ones<std::int64_t>({a.shape()[0], a.shape()[1]})) *
               static_cast<std::int64_t>(a.size());
      },
      x));
  CHECK(counts(0, 0) == 220);
  CHECK(counts(49, 29) == 80);
  // Several arrays, which broadcast; of views, and of other chunks.
  const auto row = weft::arange<double>(at.client, 0, 30, 1, {.chunk = {4}});
  const auto sums = at(
      weft::map_blocks([](const auto& a, const auto& b) { return a + b; }, weft::flip(x, 0)(slice(), slice()), row));
  for (std::size_t i = 0; i < 50; ++i)
    for (std::size_t j = 0; j < 30; ++j) REQUIRE(sums(i, j) == whole(49 - i, j) + static_cast<double>(j));
  // Chunks of another shape, and where they are.
  const auto means = at(weft::map_blocks([](const auto& a) { return xt::mean(a)(); }, weft::block_shape{{1, 1}}, x));
  REQUIRE(means.size() == 9);
  CHECK(means(2, 2) == Approx(xt::mean(xt::view(whole, xt::range(40, 50), xt::range(22, 30)))()));
  const auto places = at(weft::map_blocks(
      [](const weft::chunk_place& p, const auto& a) {
        return xt::xtensor<std::int64_t, 2>(xt::zeros<std::int64_t>(a.shape())) + p.first[0] * 100 + p.chunk[1];
      },
      x));
  CHECK(places(45, 29) == 4002);
  // A part computes its chunks alone.
  CHECK(weft::map_blocks([](const auto& a) { return a * 2.0; }, x)(slice(0, 5), 3).task_count() == 2);
  // Chunks of rank 0, and of a rank known when the program runs.
  CHECK(at(weft::map_blocks([](const auto& a) { return a() + 1.0; },
                            weft::sum(weft::ones<double, 1>(at.client, {4})))) == 5);
  const weft::array<double> any = x;
  CHECK((at(weft::map_blocks([](const auto& a) { return a * 2.0; }, any)) == whole * 2.0));
}

TEST_CASE("chunks overlap as boundaries say") {
  place at;
  for (const weft::shape& chunk : {weft::shape{5, 4}, weft::shape{1, 13}, weft::shape{17, 2}, weft::shape{17, 13}}) {
    const auto x = noise_of(at.client, {17, 13}, chunk);
    const xt::xtensor<double, 2> whole = at(x);
    for (const std::int64_t depth : {0, 1, 3}) {
      CAPTURE(weft::to_string(chunk), depth);
      const window_sum f{depth};
      const weft::padding wide{{depth, depth}, {depth, depth}};
      const auto inner = [&](weft::pad_mode mode, double value) {
        const xt::xtensor<double, 2> padded = f(at(weft::pad(x, wide, mode, value)));
        const auto d = static_cast<std::size_t>(depth);
        return xt::xtensor<double, 2>(xt::view(padded, xt::range(d, d + 17), xt::range(d, d + 13)));
      };
      using weft::boundary;
      const auto found = [&](boundary b, double value = 0) {
        return at(weft::map_overlap(f, x, {.depth = {depth}, .boundary = b, .constant = value}));
      };
      CHECK(xt::allclose(found(boundary::nothing), f(whole)));
      CHECK(xt::allclose(found(boundary::reflect), inner(weft::pad_mode::symmetric, 0)));
      CHECK(xt::allclose(found(boundary::nearest), inner(weft::pad_mode::edge, 0)));
      CHECK(xt::allclose(found(boundary::periodic), inner(weft::pad_mode::wrap, 0)));
      CHECK(xt::allclose(found(boundary::constant, 2.5), inner(weft::pad_mode::constant, 2.5)));
    }
    // Along one axis, by a function that cuts the halo off.
    const auto steps = weft::map_overlap(
        [](const auto& a) {
          return xt::xtensor<double, 2>(xt::view(a, xt::range(1, a.shape()[0] - 1)) -
                                        xt::view(a, xt::range(0, a.shape()[0] - 2)));
        },
        x, {.depth = {1, 0}, .boundary = weft::boundary::periodic, .trim = false});
    CHECK(same(at(steps), at(x - weft::roll(x, 1, 0))));
  }
}

TEST_CASE("chunks with their halos are an array, and without them again what they were") {
  place at;
  using weft::boundary;
  // Other numbers for other elements, and in another order.
  const auto sum = [](const auto& a) {
    double s = static_cast<double>(a.shape()[0]);
    std::size_t k = 0;
    for (const double e : a) s += e * static_cast<double>(++k * 31 % 101);
    return s;
  };
  const auto first = [](const auto& a) { return a(0, 0); };
  const weft::block_shape one{{1, 1}};
  const auto plain = noise_of(at.client, {17, 13}, {5, 4});
  for (const auto& x : {plain, noise_of(at.client, {17, 13}, {17, 3}).persist(),
                        weft::rechunk(plain, weft::chunk_sizes({2, 9, 1, 5}, {7, 1, 5}))})
    for (const boundary b :
         {boundary::nothing, boundary::reflect, boundary::nearest, boundary::periodic, boundary::constant}) {
      weft::overlap_options how{.depth = {2, 3}, .after = {1, 0}, .boundary = b, .constant = 2.5};
      const auto y = weft::overlap(x, how);
      CAPTURE(weft::to_string(x), weft::to_string(y), static_cast<int>(b));
      how.trim = false;
      const auto expected = weft::map_blocks(first, one, weft::map_overlap(sum, how, x));
      CHECK(same(at(weft::map_blocks(sum, one, y)), at(expected)));
      const auto back = weft::trim_overlap(y, how);
      CHECK(back.chunk_sizes() == x.chunk_sizes());
      CHECK(same(at(back), at(x)));
    }
  CHECK_THROWS_WITH(weft::overlap(plain, {.depth = {0, 2}}), Catch::Contains("and the last 1: rechunk it, or name"));
  CHECK_THROWS_WITH(weft::trim_overlap(plain, {.depth = {2, 0}, .boundary = boundary::nearest}),
                    Catch::Contains("halos of 2 and 2 elements cut off a chunk of 2"));
  // Where there is no element, there is none beyond either.
  const auto none = weft::overlap(plain(weft::slice(3, 3)), {.depth = {0, 1}, .boundary = boundary::reflect});
  CHECK(none.shape()[0] == 0);
  CHECK(at(weft::trim_overlap(none, {.depth = {0, 1}, .boundary = boundary::reflect})).size() == 0);
  CHECK(weft::overlap(plain(weft::slice(3, 3)), {.depth = {1, 0}}).shape()[0] == 0);
  CHECK_THROWS_WITH(weft::overlap(plain(weft::slice(3, 3)), {.depth = {1}, .boundary = boundary::reflect}),
                    Catch::Contains("axis 0 has no element to stand beyond its ends"));
  CHECK_THROWS_WITH(weft::overlap(plain, {.depth = {1, 1, 1}}), Catch::Contains("one depth, or one for each"));
}

TEST_CASE("a function of one item is called for each") {
  place at;
  const auto x = noise_of(at.client, {17, 13}, {5, 4});
  const auto y = noise_of(at.client, {17, 13}, {17, 3}) * 3.0;
  const auto dot = [](const auto& a, const auto& b) { return xt::sum(a * b)(); };
  const auto lines = weft::apply_gufunc<1>(weft::vectorize<1, 1>(dot), "(i),(i)->()", x, y);
  CHECK(xt::allclose(at(lines), at(weft::sum(x * y, 1))));
  CHECK(xt::allclose(at(weft::apply_gufunc<1>(weft::vectorize<1, 1>(dot), "(i),(i)->()", x, y(3))),
                     at(weft::sum(x * y(3), 1))));
  const auto product = [](const weft::chunk_view<double, 1>& a, const weft::chunk_view<double, 0>& b) {
    return xt::xtensor<double, 1>(a * b());
  };
  const auto scaled = weft::apply_gufunc<2>(weft::vectorize<1, 0>(product), "(i),()->(i)", x, y(weft::slice(), 2));
  CHECK(xt::allclose(at(scaled), at(x * y(weft::slice(), weft::slice(2, 3)))));
  const auto whole = weft::apply_gufunc<0>(weft::vectorize<2>([](const auto& a) { return a(1, 2); }), "(i,j)->()", x);
  CHECK(at(whole) == at(x(1, 2)));
  const auto unlike = [](const auto& a) {
    return xt::xtensor<double, 1>(xt::zeros<double>({a(0) > 0 ? std::size_t{1} : std::size_t{2}}));
  };
  CHECK_THROWS_WITH(at(weft::apply_gufunc<2>(weft::vectorize<1>(unlike), "(i)->(k)", weft::new_axes{{1}}, x)),
                    Catch::Contains("gave one of shape ("));
}

TEST_CASE("each axis has a boundary of its own") {
  place at;
  using weft::boundary;
  using weft::pad_mode;
  const auto mode_of = [](boundary b) {
    return b == boundary::reflect    ? pad_mode::symmetric
           : b == boundary::nearest  ? pad_mode::edge
           : b == boundary::periodic ? pad_mode::wrap
                                     : pad_mode::constant;
  };
  const boundary all[] = {boundary::nothing, boundary::reflect, boundary::nearest, boundary::periodic,
                          boundary::constant};
  for (const weft::shape& chunk : {weft::shape{5, 4}, weft::shape{17, 2}}) {
    const auto x = noise_of(at.client, {17, 13}, chunk);
    for (const boundary rows : all)
      for (const boundary columns : all) {
        CAPTURE(weft::to_string(chunk), static_cast<int>(rows), static_cast<int>(columns));
        // What is beyond an axis without a boundary is not in the sums; corners are constant where one axis is.
        const std::int64_t up = rows == boundary::nothing ? 0 : 2, left = columns == boundary::nothing ? 0 : 2;
        const window_sum f{2};
        auto padded = weft::pad(x, {{up, up}, {0, 0}}, mode_of(rows), 2.5);
        padded = weft::pad(padded, {{0, 0}, {left, left}}, mode_of(columns), 2.5);
        if (rows == boundary::constant) {
          padded = weft::pad(x, {{0, 0}, {left, left}}, mode_of(columns), 2.5);
          padded = weft::pad(padded, {{up, up}, {0, 0}}, mode_of(rows), 2.5);
        }
        const auto from = static_cast<std::size_t>(up), across = static_cast<std::size_t>(left);
        const xt::xtensor<double, 2> expected =
            xt::view(f(at(padded)), xt::range(from, from + 17), xt::range(across, across + 13));
        const auto found = weft::map_overlap(f, x, {.depth = {2}, .boundary = {rows, columns}, .constant = 2.5});
        CHECK(xt::allclose(at(found), expected));
      }
  }
}

namespace {

/// The sum of the elements from `before` places before each to `after` behind it, along both axes: of two arrays, the
/// second by its weight. What is beyond the ends of what it is given is 0.
struct uneven_sum {
  std::int64_t before, after;
  double weight;
  template <class V, class W>
  xt::xtensor<double, 2> operator()(const V& a, const W& b) const {
    xt::xtensor<double, 2> sums = xt::zeros<double>({a.shape()[0], a.shape()[1]});
    const auto rows = static_cast<std::int64_t>(a.shape()[0]), columns = static_cast<std::int64_t>(a.shape()[1]);
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < columns; ++j)
        for (std::int64_t k = std::max<std::int64_t>(i - before, 0); k < std::min(i + after + 1, rows); ++k)
          for (std::int64_t l = std::max<std::int64_t>(j - before, 0); l < std::min(j + after + 1, columns); ++l) {
            const std::int64_t in_b = b.dimension() == 2 && b.shape()[0] == 1 ? 0 : k;
            sums(i, j) += a(k, l) + weight * b(in_b, l);
          }
    return sums;
  }
};

}  // namespace

TEST_CASE("several arrays overlap, by more on one side than on the other") {
  place at;
  using weft::boundary;
  for (const weft::shape& chunk : {weft::shape{5, 4}, weft::shape{1, 13}, weft::shape{17, 13}}) {
    const auto x = noise_of(at.client, {17, 13}, chunk), y = noise_of(at.client, {17, 13}, {7, 3});
    const auto row = noise_of(at.client, {1, 13}, {1, 5});
    for (const auto& [before, after] : {std::pair<std::int64_t, std::int64_t>(0, 2), {3, 0}, {1, 2}, {0, 0}}) {
      CAPTURE(weft::to_string(chunk), before, after);
      const uneven_sum f{before, after, 0.5};
      const auto found = [&](const auto& second, boundary b) {
        return at(weft::map_overlap(f, {.depth = {before}, .after = {after, after}, .boundary = b, .constant = 2.5},
                                    x, second));
      };
      // A halo is what padding gives, and what the function makes of it is cut off again.
      const auto padded = [&](const auto& second, weft::pad_mode mode, bool rows) {
        const weft::pad_width wide{before, after};
        const weft::padding both{wide, wide}, columns{{0, 0}, wide};
        const xt::xtensor<double, 2> whole =
            f(at(weft::pad(x, both, mode, 2.5)), at(weft::pad(second, rows ? both : columns, mode, 2.5)));
        const auto from = static_cast<std::size_t>(before);
        return xt::xtensor<double, 2>(xt::view(whole, xt::range(from, from + 17), xt::range(from, from + 13)));
      };
      CHECK(xt::allclose(found(y, boundary::nothing), f(at(x), at(y))));
      CHECK(xt::allclose(found(row, boundary::nothing), f(at(x), at(row))));
      CHECK(xt::allclose(found(y, boundary::reflect), padded(y, weft::pad_mode::symmetric, true)));
      CHECK(xt::allclose(found(y, boundary::periodic), padded(y, weft::pad_mode::wrap, true)));
      CHECK(xt::allclose(found(row, boundary::nearest), padded(row, weft::pad_mode::edge, false)));
      CHECK(xt::allclose(found(y, boundary::constant), padded(y, weft::pad_mode::constant, true)));
      CHECK(xt::allclose(found(row, boundary::constant), padded(row, weft::pad_mode::constant, false)));
    }
  }
  // Of unlike elements, with a halo on one side, which the function leaves out itself.
  const auto x =
      weft::from_function<1>(at.client, {17}, [](std::int64_t k) { return arrays::noise(k); }, {.chunk = {5}});
  const auto i = weft::arange<std::int16_t>(at.client, 17);
  const auto steps = weft::map_overlap(
      [](const auto& a, const auto& b) {
        const std::size_t n = a.shape()[0];
        return xt::xtensor<double, 1>(xt::view(a, xt::range(1, n)) - xt::view(a, xt::range(0, n - 1)) +
                                      xt::view(b, xt::range(0, n - 1)));
      },
      {.after = {0}, .boundary = boundary::constant, .constant = -1, .trim = false}, x, i);
  const xt::xtensor<double, 1> whole = at(x), found = at(steps);
  CHECK(found(0) == whole(0) + 1 - 1);
  for (std::size_t k = 1; k < 17; ++k) CHECK(found(k) == whole(k) - whole(k - 1) + static_cast<double>(k - 1));
}

TEST_CASE("a part of a huge array of overlaps reads what is around it") {
  place at(1);
  const auto x = weft::ones<double, 2>(at.client, {200'000, 200'000}, {.chunk = {1000, 1000}});
  const auto y = weft::map_overlap(window_sum{1}, x, {.boundary = weft::boundary::reflect});
  CHECK(y.chunk_count() == 40'000);
  CHECK(y(slice(5500, 5510), slice(5500, 5510)).task_count() <= 11);
  CHECK(at(y(5500, 5500)) == 9);
}

TEST_CASE("chunks are paired by the names of their axes") {
  place at;
  const auto x = noise_of(at.client, {12, 20}, {5, 7}), y = noise_of(at.client, {20, 9}, {6, 4});
  const auto product = [](const auto& a, const auto& b) {
    xt::xtensor<double, 2> c = xt::zeros<double>({a.shape()[0], b.shape()[1]});
    for (std::size_t i = 0; i < c.shape()[0]; ++i)
      for (std::size_t j = 0; j < c.shape()[1]; ++j)
        for (std::size_t k = 0; k < a.shape()[1]; ++k) c(i, j) += a(i, k) * b(k, j);
    return c;
  };
  const xt::xtensor<double, 2> expected = product(at(x), at(y));
  const auto found = weft::blockwise<2>(product, "ik", "ij", x, "jk", y);
  CHECK(found.chunk_shape() == weft::shape{5, 4});
  CHECK(xt::allclose(at(found), expected));
  const auto outer = weft::blockwise<2>(
      [](const auto& a, const auto& b) { return xt::xtensor<double, 2>(xt::view(a, xt::all(), xt::newaxis()) * b); },
      "ij", "i", x(slice(), 3), "j", y(2, slice()));
  CHECK(at(outer)(11, 8) == at(x)(11, 3) * at(y)(2, 8));
}

TEST_CASE("generalized functions loop over the axes that they do not name") {
  place at;
  const auto x = weft::reshape<3>(noise_of(at.client, {6, 40}, {2, 13}), {6, 8, 5});
  const xt::xtensor<double, 3> whole = at(x);
  const auto sums = [](const auto& a) { return xt::sum(a, {a.dimension() - 1}); };
  const auto found = weft::apply_gufunc<2>(sums, "(i)->()", x);
  CHECK(xt::allclose(at(found), xt::sum(whole, {2})));
  const auto both = weft::apply_gufunc<3>(
      [](const auto& a, const auto& b) {
        return xt::xtensor<double, 3>(xt::view(a, xt::all(), xt::all(), xt::newaxis()) *
                                      xt::view(b, xt::newaxis(), xt::all()));
      },
      "(i),(k)->(i,k)", x(slice(), slice(), 2), weft::arange<double>(at.client, 0, 3, 1, {.chunk = {2}}));
  CHECK(both.shape() == weft::shape{6, 8, 3});
  CHECK(at(both)(5, 7, 2) == whole(5, 7, 2) * 2);
  const auto ends = weft::apply_gufunc<3>(
      [](const auto& a) {
        xt::xtensor<double, 3> e = xt::zeros<double>({a.shape()[0], a.shape()[1], std::size_t{2}});
        xt::view(e, xt::all(), xt::all(), 0) = xt::view(a, xt::all(), xt::all(), 0);
        xt::view(e, xt::all(), xt::all(), 1) = xt::view(a, xt::all(), xt::all(), 4);
        return e;
      },
      "(i)->(e)", weft::new_axes{{2}}, x);
  CHECK(at(ends)(3, 2, 1) == whole(3, 2, 4));
}

namespace {

std::atomic<int> splits{0};

/// Of each line: its sum, its least and largest element, and how many there are below 0.
struct split_line {
  template <class V>
  auto operator()(const V& a) const {
    ++splits;
    const std::size_t rows = a.shape()[0], columns = a.shape()[1];
    xt::xtensor<double, 1> sums = xt::zeros<double>({rows});
    xt::xtensor<double, 2> ends = xt::zeros<double>({rows, std::size_t{2}});
    xt::xtensor<std::int16_t, 1> below = xt::zeros<std::int16_t>({rows});
    for (std::size_t i = 0; i < rows; ++i) {
      ends(i, 0) = ends(i, 1) = a(i, 0);
      for (std::size_t j = 0; j < columns; ++j) {
        sums(i) += a(i, j);
        ends(i, 0) = std::min(ends(i, 0), a(i, j));
        ends(i, 1) = std::max(ends(i, 1), a(i, j));
        below(i) = static_cast<std::int16_t>(below(i) + (a(i, j) < 0));
      }
    }
    return std::tuple(sums, ends, below, 7.0F);
  }
};

}  // namespace

TEST_CASE("a generalized function of several results gives each as an array") {
  place at;
  const auto x = noise_of(at.client, {40, 23}, {7, 5});
  const xt::xtensor<double, 2> whole = at(x);
  splits = 0;
  const auto all = weft::apply_gufunc<1, 2, 1, 2>(split_line{}, "(i)->(),(e),(),(i)", weft::new_axes{{2}}, x);
  const auto& [sums, ends, below, sevens] = all;
  STATIC_REQUIRE(std::is_same_v<std::remove_cvref_t<decltype(sums)>, weft::array<double, 1>>);
  STATIC_REQUIRE(std::is_same_v<std::remove_cvref_t<decltype(ends)>, weft::array<double, 2>>);
  STATIC_REQUIRE(std::is_same_v<std::remove_cvref_t<decltype(below)>, weft::array<std::int16_t, 1>>);
  STATIC_REQUIRE(std::is_same_v<std::remove_cvref_t<decltype(sevens)>, weft::array<float, 2>>);
  CHECK(sums.chunk_shape() == weft::shape{7});
  CHECK(ends.chunk_shape() == weft::shape{7, 2});
  const auto [found, both_ends, negative, same_number] = at.pool.run(weft::compute(sums, ends, below, sevens));
  CHECK(splits == 6);  // once for each chunk of lines
  CHECK(xt::allclose(found, xt::sum(whole, {1})));
  CHECK(xt::allclose(xt::view(both_ends, xt::all(), 0), xt::amin(whole, {1})));
  CHECK(xt::allclose(xt::view(both_ends, xt::all(), 1), xt::amax(whole, {1})));
  CHECK(arrays::list_of(at(weft::sum(x < 0.0, 1))) == arrays::list_of(negative));
  CHECK(xt::all(xt::equal(same_number, 7.0F)));
  CHECK(same_number.shape()[1] == 23);

  // One of them alone, and a part of one: that part's chunks.
  splits = 0;
  CHECK(at(sums(slice(10, 13))).size() == 3);
  CHECK(splits == 1);
  CHECK(at(weft::sum(ends(slice(), 1) - ends(slice(), 0) + sums)) ==
        Approx(xt::sum(xt::amax(whole, {1}) - xt::amin(whole, {1}) + xt::sum(whole, {1}))()));
  CHECK(splits == 1 + 6);
  // Without loops, and of no line; ranks are dynamic where they are not given.
  const auto ends_of_all = weft::apply_gufunc(
      [](const auto& a) { return std::tuple(a(0), xt::xtensor<double, 1>(xt::view(a, xt::range(0, 2)))); },
      "(i)->(),(e)", weft::new_axes{{2}}, x(slice(), 3));
  CHECK(at(std::get<0>(ends_of_all))() == whole(0, 3));
  CHECK(at(std::get<1>(ends_of_all))(1) == whole(1, 3));
  const auto none =
      weft::apply_gufunc<1, 2, 1, 2>(split_line{}, "(i)->(),(e),(),(i)", weft::new_axes{{2}}, x(slice(3, 3)));
  CHECK(at(std::get<1>(none)).shape() == std::array<std::size_t, 2>{0, 2});
}

TEST_CASE("functions of chunks that do not fit are refused") {
  place at(1);
  using Catch::Contains;
  const auto x = weft::zeros<double, 2>(at.client, {6, 4}, {.chunk = {2, 4}});
  const auto y = weft::zeros<double, 2>(at.client, {6, 5}, {.chunk = {3, 5}});
  const auto first = [](const auto& a, const auto&...) { return a + 0.0; };
  CHECK_THROWS_WITH(weft::map_blocks(first, x, y), Contains("(6, 4) in chunks of (2, 4)") && Contains("(6, 5)"));
  CHECK_THROWS_WITH(weft::map_blocks(first, weft::block_shape{{1}}, x), Contains("one extent for each axis"));
  CHECK_THROWS_WITH(at(weft::map_blocks(first, weft::block_shape{{1, 1}}, x)),
                    Contains("gave one of shape (2, 4) where one of shape (1, 1)"));
  CHECK_THROWS_WITH(weft::map_overlap(first, x, {.depth = {1, 1, 1}}), Contains("one depth, or one for each"));
  CHECK_THROWS_WITH(weft::map_overlap(first, x, {.depth = {-1}}), Contains("0 or more"));
  using weft::boundary;
  CHECK_THROWS_WITH(
      weft::map_overlap(first, x, {.boundary = {boundary::nothing, boundary::nearest, boundary::reflect}}),
      "weft: 3 boundaries for an array of shape (6, 4) in chunks of (2, 4): give one, or one for each axis");
  CHECK_THROWS_WITH(weft::map_overlap(first, x, {.after = {1, -2}}), Contains("(1, -2)") && Contains("0 or more"));
  CHECK_THROWS_WITH(weft::map_overlap(first, x, {.after = {1, 1, 1}}), Contains("one depth, or one for each"));
  CHECK_THROWS_WITH(weft::map_overlap(first, {}, x, y), Contains("(6, 4) in chunks of (2, 4)") && Contains("(6, 5)"));
  const auto bytes = weft::zeros<std::int8_t, 2>(at.client, {6, 4});
  CHECK_THROWS_WITH(weft::map_overlap(first, {.boundary = weft::boundary::constant, .constant = 200}, x, bytes),
                    Contains("200") && Contains("int8"));
  CHECK_THROWS_WITH(weft::blockwise<2>(first, "ij", "ij", x, "ij", y), Contains("axis j has 4 and 5"));
  CHECK_THROWS_WITH(weft::blockwise<2>(first, "ik", "ij", x), Contains("axis k") && Contains("no array"));
  CHECK_THROWS_WITH(weft::blockwise<2>(first, "ij", "i", x), Contains("a letter for each"));
  for (const char* wrong : {"(i)", "(i->()", "i->()", "(i)->(),", "(i,)->()", "(i)(j)->()"})
    CHECK_THROWS_WITH(weft::apply_gufunc(first, wrong, x), Contains("no signature"));
  CHECK_THROWS_WITH(weft::apply_gufunc(first, "(i),(i)->()", x), Contains("of 2 arrays"));
  CHECK_THROWS_WITH(weft::apply_gufunc(first, "(i)->(),()", x), Contains("it has 2 results, and the function 1"));
  const auto pair = [](const auto& a) { return std::tuple(a + 1.0, 2.0); };
  CHECK_THROWS_WITH(weft::apply_gufunc(pair, "(i)->(i)", x), Contains("it has 1 results, and the function 2"));
  CHECK_THROWS_WITH(weft::apply_gufunc(pair, "(i)->(i),(n)", x), Contains("axis n is new"));
  CHECK_THROWS_WITH(weft::apply_gufunc(pair, "(i)->(i),(n)", weft::new_axes{{2, 3}}, x),
                    Contains("of which it has 1"));
  const auto [right, wrong_shape] = weft::apply_gufunc(pair, "(i)->(n),()", weft::new_axes{{2}}, x);
  CHECK_THROWS_WITH(at(right), Contains("gave one of shape (2, 4) where one of shape (2, 2)"));
  const auto wide = weft::zeros<double, 2>(at.client, {6, std::int64_t{1} << 27}, {.chunk = {1, -1}});
  CHECK_THROWS_WITH(weft::apply_gufunc(pair, "(i)->(i),(i)", wide), Contains("2 results") && Contains("2 GiB"));
  CHECK_THROWS_WITH(weft::apply_gufunc(first, "(i),(i)->()", x, y), Contains("axis i has 4 and 5"));
  CHECK_THROWS_WITH(weft::apply_gufunc(first, "(i)->(n)", x), Contains("axis n is new"));
  CHECK_THROWS_WITH(weft::apply_gufunc(first, "(i,j,k)->()", x), Contains("too few axes"));
}

TEST_CASE("a map that bytes have damaged is refused") {
  using namespace weft::detail::arrays;
  const auto f = [](const auto& a) { return a + 1.0; };
  using plain = block_code<std::remove_const_t<decltype(f)>, weft::array<double, 2>>;
  mapped_plan p{make_grid({6, 4}, {3, 4}, 1000, 8), {0, 0}, {2, 1}};
  p.chunks = p.tasks;
  p.what.push_back(reading_of(identity_map(2), p.tasks, 8, p.tasks));
  p.function = any_code<block_function>(std::make_shared<const plain>(f));
  p.of = element_of<double>;
  CHECK(weft::from_bytes<mapped_plan>(weft::to_bytes(p)).what.size() == 1);
  const auto refuses = [&](auto change) {
    mapped_plan bad = p;
    change(bad);
    CHECK_THROWS_AS(weft::from_bytes<mapped_plan>(weft::to_bytes(bad)), weft::codec_error);
  };
  refuses([](mapped_plan& b) { b.counts = {3, 1}; });
  refuses([](mapped_plan& b) { b.chunks.axes[0] = {6, 2, 2}; });
  refuses([](mapped_plan& b) { b.what[0].axes[1][0].count = 5; });
  refuses([](mapped_plan& b) { b.what[0].windows[0].axis = 2; });
  refuses([](mapped_plan& b) { b.fill.resize(2); });
  refuses([](mapped_plan& b) { b.fill = {std::vector<std::byte>(4)}; });
  refuses([](mapped_plan& b) {
    b.trim = true;
    b.what[0].windows[0].axis = 1;
  });
  // Several results are those of its tasks, and of its function.
  const auto pair = [](const auto& a) { return std::tuple(a + 1.0, std::int16_t{2}); };
  using several = block_code<std::remove_const_t<decltype(pair)>, weft::array<double, 2>>;
  mapped_plan split = p;
  split.function = any_code<block_function>(std::make_shared<const several>(pair));
  split.of = element_of<std::uint8_t>;
  split.parts = {{element_of<double>, p.tasks}, {element_of<std::int16_t>, p.tasks}};
  CHECK(weft::from_bytes<mapped_plan>(weft::to_bytes(split)).parts.size() == 2);
  const parts_plan second{p.tasks, p.first, p.counts, split.parts, 1};
  CHECK(weft::from_bytes<parts_plan>(weft::to_bytes(second)).which == 1);
  const auto refuses_parts = [&](auto change) {
    mapped_plan bad = split;
    parts_plan also_bad = second;
    change(bad.parts);
    change(also_bad.parts);
    CHECK_THROWS_AS(weft::from_bytes<mapped_plan>(weft::to_bytes(bad)), weft::codec_error);
    CHECK_THROWS_AS(weft::from_bytes<parts_plan>(weft::to_bytes(also_bad)), weft::codec_error);
  };
  refuses_parts([](auto& parts) { parts[1].chunks.axes[0] = {6, 2, 2}; });
  refuses_parts([](auto& parts) { parts[0].chunks.rank = 1; });
  refuses_parts([](auto& parts) { parts[0].of.item = 5; });
  refuses_parts([](auto& parts) { parts.pop_back(), parts.pop_back(); });
  split.parts[1].of = element_of<float>;
  CHECK_THROWS_AS(weft::from_bytes<mapped_plan>(weft::to_bytes(split)), weft::codec_error);
  parts_plan third = second;
  third.which = 2;
  CHECK_THROWS_AS(weft::from_bytes<parts_plan>(weft::to_bytes(third)), weft::codec_error);

  // Halos that are cut off are alike.
  const auto g = [](const auto& a, const auto& b) { return a + b; };
  using both = block_code<std::remove_const_t<decltype(g)>, weft::array<double, 2>, weft::array<double, 2>>;
  mapped_plan two = p;
  two.what.push_back(p.what[0]);
  two.function = any_code<block_function>(std::make_shared<const both>(g));
  two.trim = true;
  CHECK(weft::from_bytes<mapped_plan>(weft::to_bytes(two)).what.size() == 2);
  two.what[1].windows[0].before = 1;
  CHECK_THROWS_AS(weft::from_bytes<mapped_plan>(weft::to_bytes(two)), weft::codec_error);
}

TEST_CASE("what a diagonal does not read is not computed") {
  place at;
  const auto x = noise_of(at.client, {60, 60}, {10, 10});
  const xt::xtensor<double, 2> whole = at(x);
  for (const std::int64_t offset : {0, 10, -20}) {
    calls = 0;
    const auto trace = at(weft::sum(weft::diagonal(weft::map_blocks(counted_copy{}, x), offset)));
    CAPTURE(offset);
    CHECK(calls == 6 - std::abs(offset) / 10);
    double sum = 0;
    for (std::int64_t i = 0; i < 60; ++i)
      if (i + offset >= 0 && i + offset < 60) sum += whole(i, i + offset);
    CHECK(trace == Approx(sum));
  }
  // Chunks of unlike lengths: each 15 rows meet two chunks of columns.
  calls = 0;
  const auto uneven = noise_of(at.client, {60, 60}, {15, 10});
  const auto trace = at(weft::sum(weft::diagonal(weft::map_blocks(counted_copy{}, uneven))));
  CHECK(calls == 4 * 2);
  CHECK(trace == Approx(at(weft::sum(weft::diagonal(x)))));
}
