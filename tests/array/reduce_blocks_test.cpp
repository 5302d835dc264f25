// Reductions by whole chunks.
#include <atomic>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <string>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "array/arrays.hpp"
#include "array/noise.hpp"
#include "weft/errors.hpp"

using arrays::list_of;
using arrays::noise_of;
using arrays::place;
using Catch::Contains;
using weft::keep_axes;
using weft::slice;

namespace {

/// The mean of each column, by sums of a container.
struct column_means {
  struct accumulator {
    xt::xtensor<double, 1> sums;
    std::size_t rows;
  };
  template <class V>
  accumulator chunk(const V& a) const {
    return {xt::sum(a, {0}), a.shape()[0]};
  }
  void merge(accumulator& a, const accumulator& after) const {
    a.sums += after.sums;
    a.rows += after.rows;
  }
  auto finish(const accumulator& a) const { return a.sums / static_cast<double>(a.rows); }
};

/// How often each first digit is there, and which one is most often.
struct first_digits {
  int base;
  using accumulator = std::map<std::int64_t, std::int64_t>;
  template <class V>
  accumulator chunk(const V& a) const {
    accumulator found;
    for (const double x : a) ++found[static_cast<std::int64_t>(std::abs(x) * base)];
    return found;
  }
  void merge(accumulator& a, const accumulator& after) const {
    for (const auto& [digit, n] : after) a[digit] += n;
  }
  std::int64_t finish(const accumulator& a) const {
    std::int64_t digit = -1, most = 0;
    for (const auto& [d, n] : a)
      if (n > most) {
        digit = d;
        most = n;
      }
    return digit;
  }
};

std::atomic<int> chunks_seen{0};
/// The first element of each chunk, one behind the other.
struct first_elements {
  std::vector<double> chunk(const weft::chunk_view<double, 2>& a) const {
    ++chunks_seen;
    return {a(0, 0)};
  }
  void merge(std::vector<double>& a, const std::vector<double>& after) const {
    a.insert(a.end(), after.begin(), after.end());
  }
  xt::xtensor<double, 2> finish(const std::vector<double>& a) const {
    return xt::reshape_view(xt::adapt(a), std::vector<std::size_t>{a.size(), 1});
  }
};

/// The least and the largest element, as two rows.
struct ends {
  using accumulator = std::pair<double, double>;
  template <class V>
  accumulator chunk(const V& a) const {
    return {xt::amin(a)(), xt::amax(a)()};
  }
  void merge(accumulator& a, const accumulator& after) const {
    a = {std::min(a.first, after.first), std::max(a.second, after.second)};
  }
  xt::xarray<double> finish(const accumulator& a) const {
    xt::xarray<double> rows = xt::zeros<double>({2, 1});
    rows(0, 0) = a.first;
    rows(1, 0) = a.second;
    return rows;
  }
};

struct nothing_much {
  int chunk(const weft::chunk_view<double, 2>&) const { return 1; }
  void merge(int& a, int after) const { a += after; }
  xt::xarray<double> finish(int a) const { return xt::xarray<double>({1.0 * a, 2.0}); }
};

}  // namespace

TEST_CASE("reductions by chunks gather in containers of any kind") {
  place at;
  const auto x = noise_of(at.client, {100, 21}, {3, 8});
  const xt::xtensor<double, 2> whole = at(x);
  const auto means = weft::reduce_blocks(x, column_means{}, 0);
  STATIC_REQUIRE(std::is_same_v<std::remove_cvref_t<decltype(means)>, weft::array<double, 1>>);
  CHECK(means.chunk_sizes() == std::vector<std::vector<std::int64_t>>{{8, 8, 5}});
  CHECK(xt::allclose(at(means), xt::mean(whole, {0})));
  // As a part of others, of a part, and in chunks of other sizes.
  CHECK(xt::allclose(at(x - means), whole - xt::mean(whole, {0})));
  CHECK(xt::allclose(at(means(slice(9, 17))), xt::view(xt::eval(xt::mean(whole, {0})), xt::range(9, 17))));
  const auto uneven = weft::rechunk(x, weft::chunk_sizes({1, 50, 49}, {20, 1}));
  CHECK(xt::allclose(at(weft::reduce_blocks(uneven, column_means{}, 0)), xt::mean(whole, {0})));
  CHECK(xt::allclose(at(weft::reduce_blocks(weft::transpose(x), column_means{}, -2)), xt::mean(whole, {1})));

  // Over all axes, to an element of another type.
  const auto digit = weft::reduce_blocks(x, first_digits{7});
  STATIC_REQUIRE(std::is_same_v<std::remove_cvref_t<decltype(digit)>, weft::array<std::int64_t, 0>>);
  CHECK(at(digit) == first_digits{7}.finish(first_digits{7}.chunk(whole)));
  const auto kept = weft::reduce_blocks(x, first_digits{7}, keep_axes);
  CHECK(kept.shape() == weft::shape{1, 1});
  CHECK(at(kept)(0, 0) == at(digit));
  // Scalars are all elements of a chunk; ranks may be dynamic.
  const weft::array<double> any = x;
  const auto digits = weft::reduce_blocks(any, first_digits{3}, 1);
  CHECK(digits.shape() == weft::shape{100});
  const auto found = at(digits);
  for (std::size_t first = 0; first < 100; first += 3)
    REQUIRE(found(first) ==
            first_digits{3}.finish(first_digits{3}.chunk(xt::eval(xt::view(whole, xt::range(first, first + 3))))));
}

TEST_CASE("chunks are reduced in their order, and those alone that are needed") {
  place at;
  const auto x = noise_of(at.client, {100, 21}, {1, 7}).persist();
  const xt::xtensor<double, 2> whole = at(x);
  // As many elements as chunks along the axis: extents that the caller gives.
  const auto firsts = weft::reduce_blocks(x, first_elements{}, weft::block_shape{{100, 0}}, 0);
  CHECK_THROWS_WITH(at(firsts), Contains("gave one of shape (100, 1) where one of shape (100, 7)"));
  const auto column =
      weft::reduce_blocks(x(slice(), slice(14, 15)), first_elements{}, weft::block_shape{{100, 0}}, 0);
  CHECK((at(column) == xt::view(whole, xt::all(), xt::range(14, 15))));
  chunks_seen = 0;
  const auto one =
      weft::reduce_blocks(weft::rechunk(x, {.chunk = {1, 1}}), first_elements{}, weft::block_shape{{100, 0}}, 0);
  CHECK((at(one(slice(), slice(5, 7))) == xt::view(whole, xt::all(), xt::range(5, 7))));
  CHECK(chunks_seen == 200);
  // What a function counts, or looks at, is its own: two are never one.
  chunks_seen = 0;
  const auto part = x(slice(), slice(14, 15));
  const auto again = [&] { return weft::reduce_blocks(part, first_elements{}, weft::block_shape{{100, 0}}, 0); };
  const auto both = at.pool.run(weft::compute(again(), again()));
  CHECK((both.first == both.second));
  CHECK(chunks_seen == 200);
  // Over both axes.
  const auto range = weft::reduce_blocks(x, ends{}, weft::block_shape{{2, 1}});
  CHECK(list_of(at(range)) == std::vector<double>{xt::amin(whole)(), xt::amax(whole)()});
  // The same bits on more threads.
  place more(4);
  CHECK((at(weft::reduce_blocks(noise_of(at.client, {100, 21}, {3, 8}), column_means{}, 0)) ==
         more(weft::reduce_blocks(noise_of(more.client, {100, 21}, {3, 8}), column_means{}, 0))));
}

TEST_CASE("reductions by chunks that do not fit are refused") {
  place at(1);
  const auto x = weft::zeros<double, 2>(at.client, {6, 4}, {.chunk = {2, 4}});
  CHECK_THROWS_WITH(weft::reduce_blocks(x, column_means{}, 2), Contains("axis 2") && Contains("(6, 4)"));
  CHECK_THROWS_WITH(
      weft::reduce_blocks(x, ends{}, weft::block_shape{{2, 3}}, 0),
      "weft: chunks of (2, 3) from those of an array of shape (6, 4) in chunks of (2, 4): give 1 or more, "
      "or 0, and for axis 1, which is not reduced, 0");
  CHECK_THROWS_WITH(weft::reduce_blocks(x, ends{}, weft::block_shape{{-2, 0}}, 0), Contains("1 or more, or 0"));
  CHECK_THROWS_WITH(weft::reduce_blocks(x, ends{}, weft::block_shape{{2}}, 0),
                    Contains("one extent for each axis") && Contains("(6, 4) in chunks of (2, 4)"));
  CHECK_THROWS_WITH(at(weft::reduce_blocks(x, nothing_much{}, 0)), Contains("of shape (2) where one of shape (4)"));
  // What a task is given is looked at before it is read.
  using namespace weft::detail::arrays;
  const chunk_digest<nothing_much, double, 2> d({}, 1, false, {});
  CHECK_THROWS_AS(d.of_chunk(block(element_of<float>, {2, 2})), std::logic_error);
  CHECK_THROWS_AS(d.of_chunk(block(element_of<double>, {4})), std::logic_error);
  CHECK_THROWS_AS(d.finish(block(element_of<std::uint8_t>, {3})), weft::codec_error);
}
