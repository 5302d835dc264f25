// Functions of chunks that give others than they take: of other axes and extents, and of no array.
#include <catch2/catch.hpp>
#include <cmath>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "array/arrays.hpp"
#include "array/noise.hpp"
#include "weft/errors.hpp"

using arrays::list_of;
using arrays::noise_of;
using arrays::place;
using Catch::Contains;
using weft::axes;
using weft::block_shape;
using weft::chunk_sizes;
using weft::slice;

namespace {

const auto row_sums = [](const auto& a) { return xt::sum(a, {1}); };

/// Each chunk says its own place, by `of`: 0 its number, 1 its first element, 2 its extents, 3 those of the array, 4
/// the number of chunks. Row r of the result is axis r.
struct told {
  int of;
  template <class... V>
  xt::xtensor<std::int64_t, 2> operator()(const weft::chunk_place& p, const V&...) const {
    const weft::shape* const all[] = {&p.chunk, &p.first, &p.extents, &p.whole, &p.chunks};
    xt::xtensor<std::int64_t, 2> said = xt::zeros<std::int64_t>({std::size_t{2}, std::size_t{1}});
    for (std::size_t a = 0; a < all[of]->size(); ++a) said(a, 0) = (*all[of])[a];
    return said;
  }
};

/// Element (i, j) of the whole is 100 i + j.
struct numbered {
  xt::xtensor<double, 2> operator()(const weft::chunk_place& p) const {
    xt::xtensor<double, 2> a = xt::zeros<double>({p.extents[0], p.extents[1]});
    for (std::size_t i = 0; i < a.shape()[0]; ++i)
      for (std::size_t j = 0; j < a.shape()[1]; ++j)
        a(i, j) = static_cast<double>(100 * (p.first[0] + static_cast<std::int64_t>(i)) + p.first[1]) +
                  static_cast<double>(j);
    return a;
  }
};

}  // namespace

TEST_CASE("functions of chunks leave axes out, and make new ones") {
  place at;
  const auto x = noise_of(at.client, {17, 6}, {5, 6});
  const xt::xtensor<double, 2> whole = at(x);
  const auto sums = weft::map_blocks(row_sums, block_shape{.drop = axes(1)}, x);
  STATIC_REQUIRE(std::is_same_v<std::remove_cvref_t<decltype(sums)>, weft::array<double, 1>>);
  CHECK(sums.chunk_sizes() == std::vector<std::vector<std::int64_t>>{{5, 5, 5, 2}});
  CHECK(xt::allclose(at(sums), xt::sum(whole, {1})));
  // A part reads its chunks alone.
  CHECK(sums(slice(7, 9)).task_count() == 3);  // of x, of the sums, and a copy of the part

  // A new axis in front, in the middle, and at the end, in one chunk of its extent; of 1 where none is given.
  const auto front = weft::map_blocks(
      [](const auto& a) {
        return xt::xtensor<double, 3>(
            xt::view(a, xt::newaxis(), xt::all(), xt::all()) *
            xt::view(xt::xtensor<double, 1>{1, 2, 3}, xt::all(), xt::newaxis(), xt::newaxis()));
      },
      block_shape{.extents = {3, 0, 0}, .add = axes(0)}, x);
  STATIC_REQUIRE(std::is_same_v<std::remove_cvref_t<decltype(front)>, weft::array<double, 3>>);
  CHECK(front.shape() == weft::shape{3, 17, 6});
  CHECK(front.chunk_shape() == weft::shape{3, 5, 6});
  CHECK(xt::allclose(at(front)(2, 16, 5), whole(16, 5) * 3));
  const auto ends = weft::map_blocks(
      [](const auto& a) { return xt::xtensor<double, 3>(xt::view(a, xt::all(), xt::newaxis(), xt::all())); },
      block_shape{.add = axes(-2)}, x);
  CHECK(ends.shape() == weft::shape{17, 1, 6});
  CHECK(xt::allclose(xt::view(at(ends), xt::all(), 0), whole));
  // One for another; and the axes of all arrays that broadcast.
  const auto column = weft::arange<double>(at.client, 0, 17, 1, {.chunk = {4}})(slice(), weft::newaxis);
  const auto extremes = weft::map_blocks(
      [](const auto& a, const auto& b) {
        xt::xtensor<double, 3> e = xt::zeros<double>({std::size_t{2}, a.shape()[0], std::size_t{1}});
        xt::view(e, 0, xt::all(), 0) = xt::amin(a, {1}) + xt::view(b, xt::all(), 0);
        xt::view(e, 1, xt::all(), 0) = xt::amax(a, {1}) + xt::view(b, xt::all(), 0);
        return e;
      },
      block_shape{.extents = {2, 0, 1}, .drop = axes(-1), .add = axes(2, 0)}, x, column);
  CHECK(extremes.chunk_shape() == weft::shape{2, 4, 1});
  const auto found = at(extremes);
  for (std::size_t i = 0; i < 17; ++i) {
    REQUIRE(found(0, i, 0) == Approx(xt::amin(xt::view(whole, i))() + static_cast<double>(i)));
    REQUIRE(found(1, i, 0) == Approx(xt::amax(xt::view(whole, i))() + static_cast<double>(i)));
  }
  // Down to no axis, and up from none.
  const auto one = weft::map_blocks([](const auto& a) { return xt::sum(a)(); }, block_shape{.drop = axes(0, 1)},
                                    weft::rechunk(x, {.chunk = {-1, -1}}));
  CHECK(at(one) == Approx(xt::sum(whole)()));
  const auto line = weft::map_blocks([](const auto& a) { return xt::xtensor<double, 1>({a(), 2 * a()}); },
                                     block_shape{.extents = {2}, .add = axes(0)}, one);
  CHECK(at(line)(1) == Approx(2 * xt::sum(whole)()));
  // Ranks that the compiler does not know.
  const weft::array<double> any = x;
  const auto sums_of_any = weft::map_blocks(row_sums, block_shape{.drop = axes(1)}, any);
  STATIC_REQUIRE(std::is_same_v<std::remove_cvref_t<decltype(sums_of_any)>, weft::array<double>>);
  CHECK(xt::allclose(at(sums_of_any), xt::sum(whole, {1})));
  // Of no element.
  CHECK(at(weft::map_blocks(row_sums, block_shape{.drop = axes(1)}, x(slice(3, 3)))).size() == 0);
}

TEST_CASE("each chunk of a result has the extent that is given for it") {
  place at;
  const auto x = noise_of(at.client, {6, 4}, {3, 4});
  const xt::xtensor<double, 2> whole = at(x);
  // The first of two chunks gives two of its rows, the second all three.
  const auto some = weft::map_blocks(
      [](const weft::chunk_place& p, const auto& a) {
        return xt::xtensor<double, 2>(xt::view(a, xt::range(p.chunk[0] == 0 ? 1 : 0, 3)));
      },
      chunk_sizes({2, 3}, {4}), x);
  CHECK(some.shape() == weft::shape{5, 4});
  CHECK(some.chunk_sizes() == std::vector<std::vector<std::int64_t>>{{2, 3}, {4}});
  CHECK((at(some) == xt::view(whole, xt::range(1, 6))));
  CHECK(at(some(4, 2)) == whole(5, 2));
  CHECK(some(slice(2, 5)).task_count() == 3);
  // With an axis that goes, and one that is as it was.
  const auto thirds = weft::map_blocks(
      [](const weft::chunk_place& p, const auto& a) {
        return xt::xtensor<double, 1>(xt::view(a, xt::range(0, 1 + 2 * p.chunk[0]), 2));
      },
      block_shape{.drop = axes(1)}, chunk_sizes({1, 3}), x);
  CHECK(list_of(at(thirds)) == std::vector<double>{whole(0, 2), whole(3, 2), whole(4, 2), whole(5, 2)});
  CHECK(weft::map_blocks([](const auto&) { return 1.0; }, chunk_sizes({}, {7}), x).shape() == weft::shape{6, 7});
  // A new axis has its one chunk by either.
  CHECK(weft::map_blocks([](const auto&) { return 1.0; }, block_shape{.add = axes(0)}, chunk_sizes({9}), x).shape() ==
        weft::shape{9, 6, 4});
}

TEST_CASE("chunks are made by their places alone") {
  place at;
  const auto x = weft::from_blocks<2>(at.client, {12, 7}, numbered{}, {.chunk = {5, 4}});
  STATIC_REQUIRE(std::is_same_v<std::remove_cvref_t<decltype(x)>, weft::array<double, 2>>);
  CHECK(x.chunk_sizes() == std::vector<std::vector<std::int64_t>>{{5, 5, 2}, {4, 3}});
  const auto rows = weft::arange<double>(at.client, 12), columns = weft::arange<double>(at.client, 7);
  CHECK(at(weft::all(x == rows(slice(), weft::newaxis) * 100.0 + columns)));
  CHECK(x(slice(10, 12), 6).task_count() == 2);  // the chunk, and a copy of its part
  CHECK(at(x(11, 6)) == 1106);
  CHECK(at(weft::sum(weft::from_blocks(at.client, chunk_sizes({1, 5, 2}, {3, 2}), numbered{}))) == 28.0 * 500 + 80);
  // By any type: each is of its own chunk, a scalar is all of it.
  const auto ones = weft::from_blocks<1>(at.client, chunk_sizes({2, 1, 3}),
                                         [](const weft::chunk_place& p) { return static_cast<float>(p.chunk[0]); });
  STATIC_REQUIRE(std::is_same_v<decltype(ones)::value_type, float>);
  CHECK(list_of(at(ones)) == std::vector<double>{0, 0, 1, 2, 2, 2});
  CHECK(at(weft::from_blocks<0>(
            at.client, {}, [](const weft::chunk_place& p) { return static_cast<double>(p.chunk.size()); })) == 0);
  CHECK(at(weft::from_blocks<2>(at.client, {0, 3}, numbered{})).size() == 0);
}

TEST_CASE("chunks that are paired by names have axes of no array, and other extents") {
  place at;
  const auto x = noise_of(at.client, {12, 20}, {5, 7}), y = noise_of(at.client, {12, 9}, {4, 9});
  const xt::xtensor<double, 2> whole = at(x), other = at(y);
  // The least and the largest of each row: an axis that neither has, of two elements.
  const auto ends_of = [](const auto& a, const auto& b) {
    xt::xtensor<double, 2> e = xt::zeros<double>({a.shape()[0], std::size_t{2}});
    xt::view(e, xt::all(), 0) = xt::amin(a, {1}) + xt::amin(b, {1});
    xt::view(e, xt::all(), 1) = xt::amax(a, {1}) + xt::amax(b, {1});
    return e;
  };
  const auto ends = weft::blockwise<2>(ends_of, block_shape{{0, 2}}, "ie", "ij", x, "ik", y);
  CHECK(ends.chunk_sizes() == std::vector<std::vector<std::int64_t>>{{5, 5, 2}, {2}});
  const xt::xtensor<double, 2> found = at(ends);
  CHECK(xt::allclose(xt::view(found, xt::all(), 0), xt::amin(whole, {1}) + xt::amin(other, {1})));
  CHECK(xt::allclose(xt::view(found, xt::all(), 1), xt::amax(whole, {1}) + xt::amax(other, {1})));
  // A sum of each chunk, and as a function is told where it is along an axis of its own.
  const auto sums =
      weft::blockwise<2>([](const auto& a) { return xt::sum(a)(); }, block_shape{{1, 1}}, "ji", "ij", x);
  CHECK(sums.shape() == weft::shape{3, 3});
  CHECK(at(sums)(2, 1) == Approx(xt::sum(xt::view(whole, xt::range(5, 10), xt::range(14, 20)))()));
  const auto powers = weft::blockwise<2>(
      [](const weft::chunk_place& p, const auto& a) {
        xt::xtensor<double, 2> r = xt::zeros<double>({static_cast<std::size_t>(p.extents[0]), a.shape()[0]});
        for (std::size_t k = 0; k < r.shape()[0]; ++k)
          xt::view(r, k) =
              xt::pow(xt::view(a, xt::all(), 3), static_cast<double>(p.first[0]) + static_cast<double>(k));
        return r;
      },
      chunk_sizes({1, 2}), "ki", "ij", x);
  CHECK(powers.chunk_sizes() == std::vector<std::vector<std::int64_t>>{{1, 2}, {5, 5, 2}});
  const xt::xtensor<double, 2> raised = at(powers);
  for (std::size_t k = 0; k < 3; ++k)
    for (std::size_t i = 0; i < 12; ++i)
      REQUIRE(raised(k, i) == Approx(std::pow(whole(i, 3), static_cast<double>(k))));
  CHECK(weft::blockwise([](const auto&) { return 1.0; }, chunk_sizes({2, 2, 9}), "i", "ij", x).shape() ==
        weft::shape{13});
}

TEST_CASE("a function is told where its chunk is") {
  place at;
  const auto told_of = [&](int what, const auto& x) {
    return at(weft::map_blocks(told{what}, chunk_sizes({2, 2, 2}, {1, 1}), x));
  };
  const auto x = noise_of(at.client, {13, 6}, {5, 4});
  CHECK(list_of(told_of(0, x)) == std::vector<double>{0, 0, 0, 1, 1, 1, 0, 1, 2, 2, 0, 1});
  CHECK(list_of(told_of(1, x)) == std::vector<double>{0, 0, 0, 4, 5, 5, 0, 4, 10, 10, 0, 4});
  CHECK(list_of(told_of(2, x)) == std::vector<double>{5, 5, 4, 2, 5, 5, 4, 2, 3, 3, 4, 2});
  CHECK(list_of(told_of(3, x)) == std::vector<double>{13, 13, 6, 6, 13, 13, 6, 6, 13, 13, 6, 6});
  CHECK(list_of(told_of(4, x)) == std::vector<double>{3, 3, 2, 2, 3, 3, 2, 2, 3, 3, 2, 2});
  // Of a part: as in the whole.
  const auto last = weft::map_blocks(told{4}, chunk_sizes({2, 2, 2}, {1, 1}), x)(slice(4, 6), 1);
  CHECK(list_of(at(last)) == std::vector<double>{3, 2});
  // Without a halo, and without the axis that goes.
  const auto beside = weft::map_overlap(
      [](const weft::chunk_place& p, const auto& a) {
        return xt::xtensor<std::int64_t, 2>(xt::zeros<std::int64_t>(a.shape())) + 100 * p.extents[0] + p.first[0];
      },
      x, {.depth = {2}});
  CHECK(at(beside)(12, 0) == 310);
  const auto without = weft::map_blocks(
      [](const weft::chunk_place& p, const auto&) {
        return static_cast<double>(static_cast<std::int64_t>(p.chunk.size()) * 100 + p.whole[0]);
      },
      block_shape{.drop = axes(0)}, weft::rechunk(x, {.chunk = {-1, 2}}));
  CHECK(list_of(at(without)) == std::vector<double>(6, 106));
}

TEST_CASE("chunks of other axes and extents that do not fit are refused") {
  place at(1);
  const auto x = weft::zeros<double, 2>(at.client, {6, 4}, {.chunk = {2, 4}});
  const auto one = [](const auto&) { return 1.0; };
  CHECK_THROWS_WITH(weft::map_blocks(one, block_shape{.drop = axes(0)}, x),
                    "weft: chunks from those of an array of shape (6, 4) in chunks of (2, 4): axis 0 goes, and has 3 "
                    "chunks: rechunk it to one, or name it in a blockwise, which gives the whole of it");
  CHECK_THROWS_WITH(weft::map_blocks(one, block_shape{.drop = axes(2)}, x), Contains("axis 2") && Contains("(6, 4)"));
  CHECK_THROWS_WITH(weft::map_blocks(one, block_shape{.drop = axes(1, -1)}, x), Contains("axis 1 goes twice"));
  CHECK_THROWS_WITH(weft::map_blocks(one, block_shape{.add = axes(3)}, x),
                    Contains("new axis 3 of a result of 3 axes") && Contains("(2, 4)"));
  CHECK_THROWS_WITH(weft::map_blocks(one, block_shape{.add = axes(-4)}, x), Contains("new axis -4"));
  CHECK_THROWS_WITH(weft::map_blocks(one, block_shape{.add = axes(0, -4)}, x),
                    Contains("new axis -4 is named twice"));
  const auto deep = weft::zeros<double>(at.client, {1, 1, 1, 1, 1, 1, 1, 1});
  CHECK_THROWS_WITH(weft::map_blocks(one, block_shape{.add = axes(0)}, deep), Contains("more than 8"));
  CHECK_THROWS_WITH(weft::map_blocks(one, block_shape{.extents = {1, 1}, .drop = axes(1)}, x),
                    Contains("chunks of (1, 1)") && Contains("(6, 4) in chunks of (2, 4)") &&
                        Contains("one extent for each axis of a result of 1 axis"));
  CHECK_THROWS_WITH(weft::map_blocks(one, block_shape{{-1, 0}}, x), Contains("give 1 or more, or 0"));
  CHECK_THROWS_WITH(weft::map_blocks(one, block_shape{{std::int64_t{1} << 62, 0}}, x), Contains("more than 2^63"));
  CHECK_THROWS_WITH(
      weft::map_blocks(one, chunk_sizes({2, 3}, {4}), x),
      "weft: chunks of (2, 3), (4) from those of an array of shape (6, 4) in chunks of (2, 4): axis 0 of "
      "the result has 3 chunks, and there are sizes for 2");
  CHECK_THROWS_WITH(weft::map_blocks(one, chunk_sizes({2, 0, 3}), x), Contains("axis 0 one has 0 elements"));
  CHECK_THROWS_WITH(weft::map_blocks(one, chunk_sizes({}, {}, {2}), x), Contains("a list for each axis of a result"));
  const std::int64_t huge = std::int64_t{1} << 62;
  CHECK_THROWS_WITH(weft::map_blocks(one, chunk_sizes({huge, huge, huge}), x), Contains("more than 2^63"));
  CHECK_THROWS_WITH(weft::from_blocks<2>(at.client, chunk_sizes({2, 3}), numbered{}), Contains("axis 1 has none"));
  CHECK_THROWS_WITH(weft::from_blocks(at.client, chunk_sizes({2, 3}, {}, {1}), numbered{}),
                    Contains("axis 1 has none"));
  CHECK_THROWS_WITH(weft::from_blocks<2>(at.client, {2, 3, 4}, numbered{}), Contains("as one of 2 axes"));
  CHECK_THROWS_WITH(weft::from_blocks<2>(at.client, {3, 3}, numbered{}, {.chunk = {1}}),
                    Contains("one extent for each axis"));
  const auto named = [&](const auto& chunk, const char* out) { return weft::blockwise(one, chunk, out, "ij", x); };
  CHECK_THROWS_WITH(
      named(block_shape{}, "ik"),
      "weft: axis k of the result of a blockwise, \"ik\", of arrays of shapes (6, 4) in chunks of (2, 4), "
      "is that of no array: give its extent in a weft::block_shape");
  CHECK_THROWS_WITH(named(block_shape{{2, 0}}, "ik"), Contains("axis k") && Contains("no array"));
  CHECK_THROWS_WITH(named(block_shape{{0, 2}}, "ii"), Contains("axis i") && Contains("named twice"));
  CHECK_THROWS_WITH(named(block_shape{{2}}, "ij"), Contains("of a result of 2 axes") && Contains("(6, 4) in chunks"));
  CHECK_THROWS_WITH(named(block_shape{{0, -2}}, "ik"), Contains("give 1 or more, or 0"));
  CHECK_THROWS_WITH(named(chunk_sizes({1, 1}), "i"), Contains("has 3 chunks, and there are sizes for 2"));
  CHECK_THROWS_WITH(named(chunk_sizes({}, {2, 0}), "ik"), Contains("axis k") && Contains("0 elements"));
  // What a function gives is known when it is called.
  const auto wrong = [](const auto& a) { return xt::xarray<double>(xt::sum(a, {0})); };
  CHECK_THROWS_WITH(at(weft::map_blocks(wrong, block_shape{.drop = axes(1)}, x)),
                    Contains("gave one of shape (4) where one of shape (2)"));
}

TEST_CASE("the axes of a generalized function may be any, and stay") {
  place at;
  using weft::core_axes;
  const auto x = weft::rechunk(weft::reshape<3>(noise_of(at.client, {6, 40}, {2, 13}), {6, 8, 5}),
                               weft::chunk_sizes({1, 3, 2}, {5, 3}, {2, 3}));
  const xt::xtensor<double, 3> whole = at(x);
  const auto sum = weft::vectorize<1>([](const auto& a) { return xt::sum(a)(); });
  const auto sum_along = [&](std::size_t axis) { return xt::xtensor<double, 2>(xt::sum(whole, {axis})); };
  CHECK(xt::allclose(at(weft::apply_gufunc<2>(sum, "(i)->()", core_axes(1), x)), sum_along(1)));
  CHECK(xt::allclose(at(weft::apply_gufunc<2>(sum, "(i)->()", core_axes{{-3}}, x)), sum_along(0)));
  for (const std::int64_t axis : {0, 1, 2, -2}) {
    const auto kept = weft::apply_gufunc<3>(sum, "(i)->()", weft::keep_axes, core_axes(axis), x);
    CHECK(kept.shape() == weft::sum(x, axis, weft::keep_axes).shape());
    CHECK(xt::allclose(at(kept), at(weft::sum(x, axis, weft::keep_axes))));
  }
  const auto last = weft::apply_gufunc<3>(sum, "(i)->()", weft::keep_axes, x);
  CHECK(last.shape() == weft::shape{6, 8, 1});
  const auto elsewhere = weft::apply_gufunc<3>(sum, "(i)->()", core_axes{{2}, {0}}, weft::keep_axes, x);
  CHECK(elsewhere.shape() == weft::shape{1, 6, 8});
  CHECK(xt::allclose(at(elsewhere), at(weft::expand_dims(weft::sum(x, 2), 0))));

  // Two axes, which change their order, and one of another array; the result's go first. One row of y for each row of
  // x.
  const auto y = noise_of(at.client, {5, 6}, {3, 4});
  const auto product =
      weft::vectorize<2, 1>([](const auto& a, const auto& b) { return xt::xtensor<double, 1>(xt::sum(a * b, {1})); });
  const auto by_row = weft::apply_gufunc<2>(product, "(i,j),(j)->(i)", core_axes{{1, 2}, {0}, {0}}, x, y);
  CHECK(by_row.shape() == weft::shape{8, 6});
  CHECK(xt::allclose(at(by_row), at(weft::transpose(weft::sum(x * weft::expand_dims(weft::transpose(y), 1), 2)))));
  // Several results, and an axis that is new.
  const auto split = weft::vectorize<1>([](const auto& a) { return xt::xtensor<double, 1>{a(0), a(a.size() - 1)}; });
  const auto ends = weft::apply_gufunc<3>(split, "(i)->(e)", core_axes{{1}, {1}}, weft::new_axes{{2}}, x);
  CHECK(ends.shape() == weft::shape{6, 2, 5});
  CHECK(at(ends)(4, 1, 3) == whole(4, 7, 3));
  const auto pair = [](const auto& a) {
    return std::tuple(xt::xtensor<double, 2>(xt::amin(a, {2})), xt::xtensor<double, 2>(xt::amax(a, {2})));
  };
  const auto [low, high] =
      weft::apply_gufunc<3, 3>(pair, "(i)->(),()", core_axes{{0}, {0}, {-1}}, weft::keep_axes, x);
  CHECK(xt::all(xt::equal(at(low), at(weft::min(x, 0, weft::keep_axes)))));
  CHECK(xt::all(xt::equal(at(high), at(weft::expand_dims(weft::max(x, 0), 2)))));

  const auto fails = [&](const char* signature, const core_axes& axes, const char* why) {
    CHECK_THROWS_WITH(weft::apply_gufunc(product, signature, axes, x, y), Contains(why) && Contains("(6, 8, 5)"));
  };
  fails("(i,j),(j)->(i)", core_axes(0), "one number is for a signature that names one axis");
  fails("(i,j),(j)->(i)", {{0, 1}}, "core_axes of 1 list");
  fails("(i,j),(j)->(i)", {{0, 1}, {0}}, "core_axes of 2 lists");
  fails("(i,j),(j)->(i)", {{0, 1}, {0, 1}, {0}}, "array 1 has 1 axis there, and a list of 2");
  fails("(i,j),(j)->(i)", {{0, 3}, {0}, {0}}, "axis 3 of array 0, which has 3");
  fails("(i,j),(j)->(i)", {{0, -3}, {0}, {0}}, "axis -3 of array 0, which has 3, is there twice");
  fails("(i,j),(j)->(i)", {{1, 2}, {0}, {2}}, "axis 2 of result 0, which has 2");
  fails("(i,j),(j)->(i)", {{0, 1}, {0}, {0}}, "axis j has 8 and 5");
  CHECK_THROWS_WITH(weft::apply_gufunc(product, "(i,j),(j)->(i)", weft::keep_axes, x, y),
                    Contains("keep_axes for") && Contains("and none for a result"));
  const auto huge = weft::zeros<double, 2>(at.client, {1 << 15, 1 << 15}, {.chunk = {-1, 64}});
  CHECK_THROWS_WITH(weft::apply_gufunc(sum, "(i)->()", huge), Contains("(32768, 32768) elements of array 0"));
}
