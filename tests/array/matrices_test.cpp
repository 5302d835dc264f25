// Diagonals, differences, and reductions of one's own.
#include <catch2/catch.hpp>
#include <cmath>
#include <optional>

#include "array/arrays.hpp"
#include "weft/errors.hpp"

using arrays::list_of;
using arrays::noise;
using arrays::place;
using weft::slice;

namespace {

/// The two largest.
struct two_largest {
  using result = double;
  struct accumulator {
    double first, second;
  };
  double least = -1e300;
  accumulator start() const { return {least, least}; }
  void add(accumulator& a, double x) const {
    a.second = std::max(a.second, std::min(a.first, x));
    a.first = std::max(a.first, x);
  }
  void merge(accumulator& a, const accumulator& b) const {
    add(a, b.first);
    add(a, b.second);
  }
  double finish(const accumulator& a) const { return a.first + a.second; }
};

}  // namespace

TEST_CASE("a reduction of one's own has the order of all reductions") {
  place one(1), many(3);
  for (std::int64_t i = 0; i < 20; ++i) {
    const arrays::some_chunks s(2, i, 40);
    CAPTURE(weft::to_string(s.extents), weft::to_string(s.chunk));
    const std::int64_t n = s.extents[1];
    const auto numbers = [&](const weft::client& c) {
      return weft::map_elements([](std::int64_t k) { return noise(k); },
                                weft::indices<2>(c, s.extents, 0, {.chunk = s.chunk}) * n +
                                    weft::indices<2>(c, s.extents, 1, {.chunk = s.chunk}));
    };
    const auto found = one(weft::reduce(numbers(one.client), two_largest{}, 1));
    const auto top = one(weft::topk(numbers(one.client), std::min<std::int64_t>(n, 2), 1));
    if (n > 1)
      for (std::size_t r = 0; r < found.size(); ++r) CHECK(found(r) == top(r, 0) + top(r, 1));
    CHECK((list_of(many(weft::reduce(numbers(many.client), two_largest{}, 1))) == list_of(found)));
    CHECK(one(weft::reduce(numbers(one.client), two_largest{}, weft::axes(0, 1), weft::keep_axes)).size() == 1);
  }
}

TEST_CASE("arrays like others have their shape and their chunks") {
  place at;
  const auto x = weft::zeros<float, 2>(at.client, {6, 5}, {.chunk = {4, 2}});
  const auto sevens = weft::full_like(x + 1.0f, 7);
  CHECK(sevens.chunk_shape() == weft::shape{4, 2});
  CHECK(at(weft::sum(sevens)) == 210);
  CHECK(at(weft::sum(weft::ones_like(x))) == 30);
  CHECK(at(weft::sum(weft::zeros_like(sevens))) == 0);
  const weft::array<std::int8_t, 2> bytes = weft::full_like<std::int8_t>(x, 3) - weft::ones_like<std::int8_t>(x);
  CHECK(bytes.chunk_sizes() == x.chunk_sizes());
  CHECK(at(weft::sum(bytes + weft::empty_like<std::int8_t>(x))) == 60);
  CHECK(weft::zeros_like<double>(x).shape() == weft::empty<float>(at.client, x.shape()).shape());
}

TEST_CASE("a diagonal is a view, and a diagonal matrix has it") {
  place at(1);
  const auto huge =
      weft::from_function<2>(at.client, {1'000'000, 1'000'000}, [](std::int64_t i, std::int64_t j) { return i - j; },
                             {.chunk = {1000, 1000}});
  const auto d = weft::diagonal(huge, 5);
  CHECK(d.shape() == weft::shape{999'995});
  CHECK(d(slice(10, 20)).task_count() <= 2);
  CHECK((list_of(at(d(slice(0, 3)))) == std::vector<double>{-5, -5, -5}));
  const auto x = weft::arange<double>(at.client, 1, 40, 1, {.chunk = {7}});
  for (const std::int64_t k : {-9, -1, 0, 1, 30}) {
    CHECK((list_of(at(weft::diagonal(weft::diag(x, k), k))) == list_of(at(x))));
    CHECK(at(weft::sum(weft::diag(x, k))) == 780);
  }
  CHECK(at(weft::tril(weft::ones<double, 2>(at.client, {0, 3}))).size() == 0);
  CHECK_THROWS_WITH(weft::diagonal(x), Catch::Contains("two axes or more"));
  CHECK_THROWS_AS(weft::tril(x), weft::misuse);
  CHECK_THROWS_AS(weft::rot90(x), weft::misuse);
}

TEST_CASE("differences that cannot be are refused") {
  place at(1);
  const auto x = weft::arange<double>(at.client, 0, 10, 1, {.chunk = {3}});
  CHECK(at(weft::diff(x, 0, 0)).size() == 10);
  CHECK(at(weft::diff(x, 0, 0, x)).size() == 10);
  CHECK(at(weft::diff(x, 0, 0, x, 1.0)).size() == 10);
  CHECK(at(weft::diff(x, 0, 1, std::nullopt)).size() == 9);
  CHECK_THROWS_WITH(weft::diff(x, 0, 1, weft::none, 1.0),
                    Catch::Contains("`none`") && Catch::Contains("std::nullopt"));
  CHECK_THROWS_WITH(weft::ediff1d(x, std::nullopt, weft::none), Catch::Contains("std::nullopt"));
  CHECK_THROWS_WITH(weft::diff(x, 0, -1, weft::ones<double, 2>(at.client, {1, 1})), Catch::Contains("order -1"));
  CHECK(at(weft::diff(x, 0, 10)).size() == 0);
  CHECK(at(weft::diff(x, 0, 12)).size() == 0);
  CHECK(at(weft::diff(weft::astype<std::uint8_t>(x)))(0) == 1);
  CHECK_THROWS_WITH(weft::diff(x, 0, -1), Catch::Contains("order -1"));
  CHECK_THROWS_AS(weft::diff(x, 1), weft::misuse);
  CHECK_THROWS_WITH(weft::gradient(x(slice(0, 2)), 0, 1, 2), Catch::Contains("(2)") && Catch::Contains("3 elements"));
  CHECK_THROWS_AS(weft::gradient(x, 0, 1, 3), weft::misuse);
  CHECK_THROWS_WITH(weft::average(x, x(slice(1))), Catch::Contains("does not broadcast"));
  CHECK_THROWS_WITH(weft::gradient(x, 0, x(slice(1))), Catch::Contains("of shape (10), by places of shape (9)"));
  CHECK_THROWS_AS(
      weft::diff(x, 0, 1, weft::ones<double, 1>(at.client, {2}), weft::ones<double, 2>(at.client, {1, 1})),
      weft::misuse);
  CHECK_THROWS_AS(weft::linspace(at.client, 0, 1, 0, weft::without_end), weft::misuse);
  CHECK_THROWS_AS(weft::rollaxis(x, 0, 2), weft::misuse);
}

TEST_CASE("Kronecker's product of a long array has few tasks, and says itself what it cannot be") {
  place at(1);
  const auto x = weft::arange<double>(at.client, 1, 30'001, 1, {.chunk = {7'000}});
  const auto y = weft::arange<double>(at.client, 0, 7, 1, {.chunk = {3}});
  const weft::array<double, 1> long_first = weft::kron(x, y), long_last = weft::kron(y, x);
  CHECK(long_first.task_count() < 40);
  // Of matrices each chunk is made of one of the product, however both are cut: none waits for all.
  const auto square = weft::ones<double, 2>(at.client, {100, 100});
  CHECK(weft::kron(square, square)(50, 5000).task_count() <= 4);
  const xt::xtensor<double, 1> a = at(long_first), b = at(long_last);
  std::size_t wrong = a.size() == 210'000 && b.size() == 210'000 ? 0 : 1;
  for (std::size_t i = 0; i < 30'000; ++i)
    for (std::size_t j = 0; j < 7; ++j) {
      const double wanted = static_cast<double>((i + 1) * j);
      wrong += (a(i * 7 + j) != wanted) + (b(j * 30'000 + i) != wanted);
    }
  CHECK(wrong == 0);
  CHECK(at(weft::kron(x(slice(0, 0)), y)).size() == 0);
  const auto wide = weft::zeros<double, 1>(at.client, {std::int64_t{1} << 40});
  CHECK_THROWS_WITH(weft::kron(wide, wide), Catch::Contains("kron of arrays") && Catch::Contains("2^63 elements"));
  const auto axes = weft::ones<double, 5>(at.client, {2, 2, 2, 2, 2});
  CHECK_THROWS_WITH(weft::kron(axes, axes), Catch::Contains("kron of arrays") && Catch::Contains("of at most 8"));
}

TEST_CASE("what is cut alike is read by whole chunks, in its own shape") {
  place at(1);
  const auto x = weft::ones<float, 2>(at.client, {12, 30}, {.chunk = {4, 30}});
  const auto row = weft::arange<double>(at.client, 0, 30, 1, {.chunk = {8}});
  const auto column = weft::ones<double, 2>(at.client, {12, 1}, {.chunk = {12, 1}});
  const auto [a, b, c] = weft::unify_chunks(x, row, column);
  CHECK(a.chunk_sizes() == std::vector<std::vector<std::int64_t>>{{4, 4, 4}, {8, 8, 8, 6}});
  CHECK(b.chunk_sizes() == std::vector<std::vector<std::int64_t>>{{8, 8, 8, 6}});
  CHECK(c.chunk_sizes() == std::vector<std::vector<std::int64_t>>{{4, 4, 4}, {1}});
  CHECK(list_of(at(b)) == list_of(at(row)));
  CHECK(a.nbytes() == 12 * 30 * 4);
  CHECK(b.itemsize() == 8);
  CHECK_THROWS_AS(weft::unify_chunks(x, weft::ones<float, 1>(at.client, {12})), weft::misuse);
  CHECK_THROWS_AS(weft::broadcast_arrays(x, weft::ones<float, 1>(at.client, {12})), weft::misuse);
}

TEST_CASE("averages of small integers are weighed as doubles") {
  place at(1);
  const auto x = weft::full<std::int8_t, 1>(at.client, {1}, 100),
             weights = weft::full<std::int8_t, 1>(at.client, {1}, 2);
  CHECK(at(weft::average(x, weights)) == 100);
  const auto bytes = weft::from_array(at.client, xt::xtensor<std::uint8_t, 1>{200, 100, 250});
  const auto by = weft::from_array(at.client, xt::xtensor<std::uint8_t, 1>{250, 0, 250});
  CHECK(at(weft::average(bytes, by)) == 225);
  const auto large = weft::full<std::int64_t, 1>(at.client, {2}, std::int64_t{1} << 62);
  CHECK(at(weft::average(large, weft::full<std::int64_t, 1>(at.client, {2}, 4))) == 0x1p62);
}

TEST_CASE("weights of one axis lie along the axis that is reduced, however it and they are named") {
  place at(1);
  const auto x = weft::from_array(at.client, xt::xtensor<double, 2>{{1, 2}, {3, 5}});
  const auto weights = weft::from_array(at.client, xt::xtensor<double, 1>{3, 1});
  const auto any_rank = weft::array<double, weft::dynamic_rank>(weights.node());
  const auto any_matrix = weft::array<double, weft::dynamic_rank>(x.node());
  const std::vector<double> down{1.5, 2.75}, across{1.25, 3.5};
  CHECK(list_of(at(weft::average(x, weights, 0))) == down);
  CHECK(list_of(at(weft::average(x, weights, 1))) == across);
  CHECK(list_of(at(weft::average(x, weights, weft::axes(0)))) == down);
  CHECK(list_of(at(weft::average(x, any_rank, 0))) == down);
  CHECK(list_of(at(weft::average(x, any_rank, -1))) == across);
  CHECK(list_of(at(weft::average(x, any_rank, weft::axes(0), weft::keep_axes))) == down);
  CHECK(list_of(at(weft::average(any_matrix, weights, 0))) == down);
  CHECK(list_of(at(weft::average(any_matrix, any_rank, 0))) == down);
  // Without weights their sums are how many elements there are.
  const auto [means, counts] = weft::average(any_matrix, weft::returned, 0, weft::keep_axes);
  CHECK(list_of(at(means)) == std::vector<double>{2, 3.5});
  CHECK(list_of(at(counts)) == std::vector<double>{2, 2});
  CHECK(counts.shape() == weft::shape{1, 2});
  const auto [of_all, count] = weft::average(weft::astype<int>(x), weft::returned);
  CHECK(at(of_all) == 2.75);
  CHECK(at(count) == 4.0);
  // Over several axes they broadcast, as all others do.
  CHECK(at(weft::average(x, any_rank, weft::axes(0, 1))) == (3 * 4 + 7) / 8.0);
  CHECK(list_of(at(weft::average(x, weft::array<double, weft::dynamic_rank>((x * 0 + 1).node()), 0))) ==
        std::vector<double>{2, 3.5});
  CHECK_THROWS_AS(weft::average(x, any_rank, 2), weft::misuse);
}

TEST_CASE("matrices that are made of long axes have chunks that fit into memory") {
  place at(1);
  const std::int64_t n = 100'000, most = (std::int64_t{8} << 20) / 8;
  const auto x = weft::arange<double>(at.client, 0, n, 1, {.chunk = {n}});
  for (const std::int64_t k : {0, 7, -7}) {
    const auto matrix = weft::diag(x, k);
    CHECK(matrix.shape() == weft::shape{n + std::abs(k), n + std::abs(k)});
    CHECK(matrix.chunk_shape().count() <= most);
    CHECK((list_of(at(weft::diagonal(matrix, k)(slice(n - 2, n)))) == std::vector<double>{n - 2, n - 1}));
  }
  const auto [a, b] = weft::meshgrid(x, weft::astype<float>(x));
  CHECK(a.chunk_shape() == b.chunk_shape());
  CHECK(a.chunk_shape().count() <= most);
  const auto both = a - b;
  CHECK(both.chunk_shape() == a.chunk_shape());
  CHECK((list_of(at(both(70'000, slice(0, 2)))) == std::vector<double>{-70'000, -69'999}));
  // Short ones are as they were cut.
  const auto [c, d] =
      weft::meshgrid(weft::indexing::ij, x(slice(0, 10)), weft::zeros<double, 1>(at.client, {6}, {.chunk = {2}}));
  CHECK(c.chunk_shape() == weft::shape{10, 2});
  CHECK(d.chunk_shape() == weft::shape{10, 2});
}
