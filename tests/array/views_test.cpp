// Views: only what is needed is computed, and random ones give what a walk over indices gives.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <random>

#include "array/arrays.hpp"
#include "support/seeds.hpp"
#include "weft/errors.hpp"

using arrays::list_of;
using arrays::noise;
using arrays::place;
using weft::none;
using weft::slice;

namespace {

std::atomic<std::int64_t> computed{0};
struct counting {
  double operator()(std::int64_t i, std::int64_t j) const {
    ++computed;
    return static_cast<double>(10'000 * i + j);
  }
};

/// An array as a list, and what views make of it, element by element.
struct listed {
  std::vector<std::int64_t> extents;
  std::vector<double> elements;

  template <class F>
  listed rearranged(std::vector<std::int64_t> to, F source_of) const {
    listed made{std::move(to), {}};
    std::size_t n = 1;
    for (const std::int64_t e : made.extents) n *= static_cast<std::size_t>(e);
    std::vector<std::int64_t> at(made.extents.size());
    for (std::size_t i = 0; i < n; ++i) {
      const std::vector<std::int64_t> from = source_of(at);
      std::int64_t number = 0;
      for (std::size_t a = 0; a < extents.size(); ++a) number = number * extents[a] + from[a];
      made.elements.push_back(elements[static_cast<std::size_t>(number)]);
      for (std::size_t a = at.size(); a-- > 0 && ++at[a] == made.extents[a];) at[a] = 0;
    }
    return made;
  }
};

}  // namespace

TEST_CASE("slices of a large array compute the chunks that they touch, and elements that they read") {
  place at;
  const auto x = weft::from_function<2>(at.client, {10'000, 10'000}, counting{}, {.chunk = {50, 50}});
  computed = 0;
  // Nobody else reads x: the slice is computed as it is.
  CHECK(at(x(slice(5000, 5010), slice(5000, 5010)))(3, 4) == 50'035'004.0);
  CHECK(computed == 100);
  // Two read it: it has tasks of its own, for two chunks of 40,000.
  const auto row = x(70);
  const auto part = row(slice(95, 105));
  const auto both = part + weft::flip(x(71, slice(95, 105)), 0);
  CHECK(both.task_count() == 2 + 2);
  computed = 0;
  const auto found = at(both);
  CHECK(found(0) == 700'095.0 + 710'104.0);
  CHECK(computed == 2 * 2500);
  CHECK(at(x(-1, -1)) == 99'999'999.0);
}

TEST_CASE("views that do not fit are refused as they are made") {
  place at(1);
  const auto x = weft::zeros<double, 2>(at.client, {10, 4});
  CHECK_THROWS_WITH(x(10), "weft: index 10 along axis 0 of an array of shape (10, 4)");
  CHECK_THROWS_WITH(x(0, -5), Catch::Contains("index -5 along axis 1"));
  CHECK_THROWS_WITH(x(slice(0, 5, 0)), Catch::Contains("step 0"));
  CHECK_THROWS_WITH(weft::transpose(x, {0, 0}), Catch::Contains("axis 0 twice"));
  CHECK_THROWS_WITH(weft::transpose(x, {0, 2}), Catch::Contains("axis 2"));
  CHECK_THROWS_WITH(weft::flip(x, 2), Catch::Contains("axis 2 of an array of shape") &&
                                          Catch::Contains("which has 2 axes: give one from -2 to 1"));
  CHECK_THROWS_WITH(weft::broadcast_to(x, {10, 5}), Catch::Contains("(10, 4) does not broadcast to (10, 5)"));
  CHECK_THROWS_WITH(weft::broadcast_to(x, {4}), Catch::Contains("does not broadcast to (4)"));
  CHECK_THROWS_WITH(weft::squeeze(weft::expand_dims(x, 0), weft::axes(0, 1)),
                    Catch::Contains("shape (1, ") && Catch::Contains("a squeeze takes axes of one"));
  CHECK_THROWS_WITH(weft::squeeze(x, 0), Catch::Contains("more than one element"));
  CHECK_THROWS_WITH(weft::sum(x, 2), Catch::Contains("axis 2"));
  CHECK_THROWS_WITH(weft::sum(x, weft::axes(1, -1)), Catch::Contains("twice in a reduction"));
  CHECK_THROWS_WITH(weft::max(x(slice(4, 4)), 0), Catch::Contains("max over axis 0") && Catch::Contains("(0, 4)"));
  CHECK_NOTHROW(weft::max(x(slice(4, 4)), 1));
  weft::array<double> deep = x;
  for (int i = 0; i < 6; ++i) deep = weft::expand_dims(deep, 0);
  CHECK_THROWS_WITH(weft::expand_dims(deep, 0), Catch::Contains("more than 8 axes"));
}

TEST_CASE("random views of views are what a walk over indices gives") {
  place at;
  for (const std::uint64_t seed : weft::test::seed_range(150)) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto pick = [&](std::int64_t from, std::int64_t to) {
      return from + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(to - from + 1));
    };
    weft::shape extents = weft::shape::of_rank(3), chunk = weft::shape::of_rank(3);
    listed expected;
    for (std::size_t a = 0; a < 3; ++a) {
      extents[a] = pick(1, 12);
      chunk[a] = pick(1, 13);
      expected.extents.push_back(extents[a]);
    }
    for (std::int64_t i = 0; i < extents.count(); ++i) expected.elements.push_back(noise(i));
    xt::xarray<double> whole =
        xt::xarray<double>::from_shape({std::size_t(extents[0]), std::size_t(extents[1]), std::size_t(extents[2])});
    std::copy(expected.elements.begin(), expected.elements.end(), whole.begin());
    weft::array<double> x = weft::from_array(at.client, whole, {.chunk = chunk});
    for (std::int64_t views = pick(1, 5); views > 0; --views) {
      const auto rank = static_cast<std::int64_t>(expected.extents.size());
      const std::int64_t what = pick(0, 4);
      if (what <= 1 && rank > 0) {  // a slice of the first axis, and then the axes in reverse order
        const std::int64_t n = expected.extents[0], step = pick(1, 3) * (pick(0, 1) == 0 ? 1 : -1);
        std::vector<std::int64_t> of;
        const std::int64_t first = pick(0, n), last = pick(0, n);
        for (std::int64_t i = first; step > 0 ? i < std::min(last, n) : i > last; i += step)
          if (i < n) of.push_back(i);
        x = x(slice(first, last, step));
        std::vector<std::int64_t> to = expected.extents;
        if (step < 0 && first == n) {  // Python begins at the last element
          of.clear();
          for (std::int64_t i = n - 1; i > last; i += step) of.push_back(i);
        }
        to[0] = static_cast<std::int64_t>(of.size());
        expected = expected.rearranged(to, [&](std::vector<std::int64_t> i) {
          i[0] = of[static_cast<std::size_t>(i[0])];
          return i;
        });
        x = weft::transpose(x);
        to.assign(expected.extents.rbegin(), expected.extents.rend());
        expected = expected.rearranged(to, [](std::vector<std::int64_t> i) {
          std::reverse(i.begin(), i.end());
          return i;
        });
      } else if (what == 2 && rank > 0) {
        const std::int64_t axis = pick(0, rank - 1), n = expected.extents[static_cast<std::size_t>(axis)];
        x = weft::flip(x, axis - rank);
        expected = expected.rearranged(expected.extents, [&](std::vector<std::int64_t> i) {
          auto& own = i[static_cast<std::size_t>(axis)];
          own = n - 1 - own;
          return i;
        });
      } else if (what == 3 && rank > 1 && expected.extents[0] > 0) {
        const std::int64_t index = pick(0, expected.extents[0] - 1);
        x = x(index);
        expected = expected.rearranged({expected.extents.begin() + 1, expected.extents.end()},
                                       [&](std::vector<std::int64_t> i) {
                                         i.insert(i.begin(), index);
                                         return i;
                                       });
      } else if (what == 4 && rank < 4) {
        x = weft::broadcast_to(x, [&] {
          weft::shape to = weft::shape::of_rank(static_cast<std::size_t>(rank) + 1);
          to[0] = 3;
          for (std::size_t a = 0; a < expected.extents.size(); ++a) to[a + 1] = expected.extents[a];
          return to;
        }());
        std::vector<std::int64_t> to = expected.extents;
        to.insert(to.begin(), 3);
        expected = expected.rearranged(to, [](std::vector<std::int64_t> i) {
          i.erase(i.begin());
          return i;
        });
      }
    }
    std::vector<std::int64_t> found_extents;
    for (const std::int64_t e : x.shape()) found_extents.push_back(e);
    CHECK(found_extents == expected.extents);
    CHECK(list_of(at(x)) == expected.elements);
    // As a part of an expression, whose other arrays have other chunks.
    std::vector<double> twice = expected.elements;
    for (double& e : twice) e += 0.5 * e;
    CHECK(list_of(at(x + 0.5 * weft::array<double>(x + 0.0))) == twice);
    double sum = 0;
    for (const double e : expected.elements) sum += e;
    CHECK(at(weft::sum(x)) == Approx(sum).margin(1e-9));
  }
}
