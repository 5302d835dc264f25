// Sorting, and the largest.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "array/arrays.hpp"
#include "array/damage.hpp"
#include "array/halves.hpp"
#include "weft/errors.hpp"

using arrays::list_of;
using arrays::noise;
using arrays::place;
using arrays::some_number;
using weft::slice;

namespace {

/// Some of `values` different numbers, and NaNs among them.
weft::array<double, 1> numbers(const weft::client& c, std::int64_t seed, std::int64_t n, std::int64_t chunk,
                               double values) {
  const auto i = weft::arange<std::int64_t>(c, seed * 100'000, seed * 100'000 + n, 1, {.chunk = {chunk}});
  struct number {
    double values;
    double operator()(std::int64_t k) const {
      const double x = noise(k);
      return x > 0.45 ? std::nan("") : std::floor(x * values);
    }
  };
  return weft::map_elements(number{values}, i);
}

bool less(double a, double b) { return a < b || (std::isnan(b) && !std::isnan(a)); }
bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

struct merge_halves {
  weft::detail::arrays::half_task task;
  weft::detail::arrays::block operator()(weft::values<weft::detail::arrays::block> chunks) const {
    return task(0, {}, chunks);
  }
};

}  // namespace

TEST_CASE("lines of any number of chunks are sorted, and stay so on many threads") {
  place one(1), many(3);
  for (std::int64_t i = 0; i < 60; ++i) {
    const std::int64_t n = some_number(i, 1, 400), chunk = some_number(i + 1000, 1, i % 4 == 0 ? n : 20);
    const double values = i % 3 == 0 ? 10 : 1e9;
    CAPTURE(n, chunk, values);
    // A slice begins with a shorter chunk.
    const std::int64_t from = some_number(i + 2000, 0, std::min<std::int64_t>(chunk, n) - 1);
    const auto x = numbers(one.client, i, n, chunk, values)(slice(from));
    const std::vector<double> whole = list_of(one(x));
    const auto s = weft::sort(x);
    REQUIRE(s.chunk_count() == x.chunk_count());
    const std::vector<double> found = list_of(one(s));
    std::vector<std::size_t> places(whole.size());
    std::iota(places.begin(), places.end(), std::size_t{0});
    std::sort(places.begin(), places.end(),
              [&](auto a, auto b) { return less(whole[a], whole[b]) || (!less(whole[b], whole[a]) && a < b); });
    const std::vector<double> order = list_of(one(weft::argsort(x)));
    REQUIRE(found.size() == whole.size());
    std::size_t wrong = 0;
    for (std::size_t k = 0; k < places.size(); ++k)
      wrong += !same(found[k], whole[places[k]]) || order[k] != static_cast<double>(places[k]);
    CHECK(wrong == 0);
    const std::vector<double> again =
        list_of(many(weft::sort(numbers(many.client, i, n, chunk, values)(slice(from)))));
    CHECK(std::equal(again.begin(), again.end(), found.begin(), found.end(),
                     [](double a, double b) { return arrays::bits_of(a) == arrays::bits_of(b); }));
    // A part of it, and the ends.
    const auto middle = static_cast<std::int64_t>(whole.size()) / 2;
    CHECK(same(one(s(middle)), found[static_cast<std::size_t>(middle)]));
    const std::int64_t k = some_number(i + 3000, 1, static_cast<std::int64_t>(whole.size()));
    const std::vector<double> largest = list_of(one(weft::topk(x, k))), smallest = list_of(one(weft::topk(x, -k)));
    CHECK(std::equal(largest.begin(), largest.end(), found.rbegin(), same));
    CHECK(std::equal(smallest.begin(), smallest.end(), found.begin(), same));
    const std::vector<double> at = list_of(one(weft::argtopk(x, k)));
    CHECK(std::equal(at.begin(), at.end(), order.rbegin()));
  }
}

TEST_CASE("lines that are too long for one chunk stay in theirs, along any axis") {
  place at;
  constexpr std::int64_t n = 1'200'000;
  const auto x = weft::from_function<2>(
      at.client, {n, 2}, [](std::int64_t i, std::int64_t j) { return noise(2 * i + j); }, {.chunk = {250'000, 1}});
  const weft::array<double, 2> s = weft::sort(x, 0);
  CHECK(s.chunk_shape() == weft::shape{250'000, 1});
  CHECK(at(weft::all(s(slice(1), slice()) >= s(slice(0, -1), slice()))));
  CHECK(at(weft::sum(s)) == Approx(at(weft::sum(x))).margin(1e-6));
  // Shorter ones come in one, where there are others beside them.
  const weft::array<double, 2> short_ones = x(slice(0, 10'000), slice());
  CHECK(weft::sort(weft::rechunk(short_ones, {.chunk = {100, 2}}), 0).chunk_shape()[0] == 10'000);
}

TEST_CASE("a slice of what is sorted sorts its lines alone, and a tree finds the largest") {
  place at(1);
  const auto huge = weft::from_function<2>(at.client, {100'000, 1'000'000},
                                           [](std::int64_t i, std::int64_t j) { return (i * 7919 + j) % 100'000; },
                                           {.chunk = {1000, 1000}});
  const auto one_line = weft::sort(huge, 0)(slice(), slice(5, 6));
  CHECK(one_line.task_count() < 1000);
  const auto top = weft::topk(huge, 3, 0)(slice(), slice(5, 8));
  CHECK(top.task_count() <= 2 * 100 + 13 + 2 + 1 + 1);
  CHECK((list_of(at(top)) ==
         std::vector<double>{99'999, 99'999, 99'999, 99'998, 99'998, 99'998, 99'997, 99'997, 99'997}));
  const auto x = weft::arange<double>(at.client, 0, 1'000, 1, {.chunk = {10}});
  CHECK(weft::sort(x).task_count() <= 100 + 100 + 100 * 28);
}

TEST_CASE("infinities, signed zeros and integers of all sizes are sorted") {
  place at;
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  const auto x = weft::from_array(at.client, std::vector<double>{nan, 3, infinity, -infinity, -0.0, nan, 0.0, -1},
                                  {.chunk = {3}});
  const std::vector<double> found = list_of(at(weft::sort(x)));
  CHECK(std::vector<double>(found.begin(), found.begin() + 6) ==
        std::vector<double>{-infinity, -1, 0, 0, 3, infinity});
  CHECK(std::isnan(found[6]));
  CHECK((list_of(at(weft::argsort(x))) == std::vector<double>{3, 7, 4, 6, 1, 2, 0, 5}));
  CHECK(std::isnan(at(weft::topk(x, 3))(1)));
  CHECK(at(weft::topk(x, 3))(2) == infinity);
  const auto bytes = weft::from_array(at.client, std::vector<std::int8_t>{5, -128, 127, 0, -1}, {.chunk = {2}});
  CHECK((list_of(at(weft::sort(bytes))) == std::vector<double>{-128, -1, 0, 5, 127}));
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const auto large = weft::from_array(at.client, std::vector<std::uint64_t>{most, 0, most - 1}, {.chunk = {1}});
  CHECK(at(weft::sort(large))(1) == most - 1);
  const weft::array<double> any = x;
  CHECK(at(weft::sort(any))(2) == 0);
}

TEST_CASE("sorting nothing, and what cannot be sorted") {
  place at(1);
  const auto none = weft::zeros<double, 2>(at.client, {0, 4}, {.chunk = {1, 1}});
  CHECK(at(weft::sort(none, 0)).size() == 0);
  CHECK(at(weft::argsort(none, 1)).size() == 0);
  CHECK(at(weft::topk(none, 2, 1)).size() == 0);
  const auto x = weft::zeros<double, 2>(at.client, {6, 4}, {.chunk = {2, 4}});
  CHECK_THROWS_WITH(weft::sort(x, 2),
                    "weft: axis 2 of an array of shape (6, 4) in chunks of (2, 4), which has 2 axes: give one from "
                    "-2 to 1");
  CHECK_THROWS_WITH(weft::topk(x, 5, 1),
                    Catch::Contains("topk of 5 elements along axis 1") && Catch::Contains("(6, 4)"));
  for (const std::int64_t k : {0, 7, -7}) CHECK_THROWS_AS(weft::argtopk(x, k, 0), weft::misuse);
  const auto many = weft::arange<double>(at.client, 0, 1e9, 1);
  CHECK(weft::topk(many, 1'000'000, 0).chunk_shape() == weft::shape{1'000'000});
  for (const std::int64_t k : {500'000'000, -500'000'000})
    CHECK_THROWS_WITH(weft::topk(many, k, 0), Catch::Contains("more than 2 GiB"));
  CHECK_THROWS_AS(weft::sort(weft::sum(x)), weft::misuse);
}

TEST_CASE("a damaged task that merges two chunks fails, and merges nothing") {
  using namespace weft::detail::arrays;
  place at(1);
  const auto task = [](std::vector<half> halves) {
    return half_task{order_of<double>(), {1, {cut{2, 1, 1}}}, shared<std::vector<half>>(std::move(halves))};
  };
  const auto merged = [&](const half_task& t, auto... blocks) {
    return arrays::count_made(at, merge_halves{t}, std::move(blocks)...);
  };
  using arrays::block_of;
  CHECK(merged(task({{1, true}}), block_of(2.0), block_of(1.0)) == 1);
  CHECK_THROWS_WITH(merged(task({}), block_of(2.0), block_of(1.0)), Catch::Contains("std::logic_error"));
  for (const std::int64_t chunk : {-1, 2})
    CHECK_THROWS_WITH(merged(task({{chunk, true}}), block_of(2.0), block_of(1.0)),
                      Catch::Contains("std::logic_error"));
  CHECK_THROWS_WITH(merged(task({{1, true}}), block_of(2.0)), Catch::Contains("std::logic_error"));
  CHECK_THROWS_WITH(merged(task({{1, true}}), block_of(2.0), block_of(1.0f)), Catch::Contains("std::logic_error"));
  CHECK_THROWS_WITH(merged(task({{1, true}}), block_of(2.0), block(element_of<double>, {})),
                    Catch::Contains("std::logic_error"));
  half_task wrong = task({{1, true}});
  wrong.line.axes[0].chunk = 0;
  CHECK_THROWS_AS(weft::from_bytes<half_task>(weft::to_bytes(wrong)), weft::codec_error);
}
