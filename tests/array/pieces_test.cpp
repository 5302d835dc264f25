// The chunks of what is padded, tiled, taken and reshaped, and how much of others they read.
#include <catch2/catch.hpp>

#include "array/arrays.hpp"
#include "array/pad.hpp"
#include "weft/errors.hpp"

using arrays::list_of;
using arrays::place;

namespace {

/// As numpy.pad says: the element beside an axis of n.
std::int64_t beside(std::int64_t x, std::int64_t n, weft::pad_mode how) {
  while (x < 0 || x >= n) {
    if (how == weft::pad_mode::edge) return x < 0 ? 0 : n - 1;
    if (how == weft::pad_mode::wrap)
      x += x < 0 ? n : -n;
    else if (n == 1)
      return 0;
    else if (how == weft::pad_mode::reflect)
      x = x < 0 ? -x : 2 * (n - 1) - x;
    else
      x = x < 0 ? -1 - x : 2 * n - 1 - x;
  }
  return x;
}

}  // namespace

TEST_CASE("padding is a few lines of elements, whatever its width") {
  using weft::pad_mode;
  for (const pad_mode how : {pad_mode::edge, pad_mode::reflect, pad_mode::symmetric, pad_mode::wrap})
    for (const std::int64_t n : {1, 2, 3, 7})
      for (const std::int64_t before : {0, 1, 2, 5, 16})
        for (const std::int64_t after : {0, 1, 3, 6, 15}) {
          CAPTURE(static_cast<int>(how), n, before, after);
          const auto all = weft::detail::arrays::padded_axis(n, before, after, how);
          std::vector<std::int64_t> found, expected;
          for (const auto& s : all) {
            CHECK(s.to == static_cast<std::int64_t>(found.size()));
            for (std::int64_t k = 0; k < s.count; ++k) found.push_back(s.from + k * s.from_step);
          }
          for (std::int64_t x = -before; x < n + after; ++x) expected.push_back(beside(x, n, how));
          CHECK(found == expected);
          CHECK(static_cast<std::int64_t>(all.size()) <= 5 + (before + after) / std::max<std::int64_t>(n - 1, 1));
        }
  constexpr std::int64_t many = std::int64_t{1} << 40;
  CHECK(weft::detail::arrays::padded_axis(5, many, many, pad_mode::edge).size() == 3);
  CHECK(weft::detail::arrays::padded_axis(1, many, many, pad_mode::wrap).size() == 3);
}

TEST_CASE("many elements of few are in chunks that weft chooses") {
  place at(1);
  const auto one = weft::full<double, 1>(at.client, {1}, 3.0);
  const auto tiled = weft::tile(one, {1'000'000});
  CHECK(tiled.chunk_count() == 1);
  CHECK(at(weft::sum(tiled)) == 3e6);
  const auto padded = weft::pad(one, {{100'000'000, 0}}, weft::pad_mode::edge);
  CHECK(padded.chunk_shape() == weft::shape{1 << 20});
  CHECK(at(padded(99'999'999)) == 3.0);
  const auto ten = weft::arange<double>(at.client, 10);
  const weft::array<double, 1> taken = weft::take(ten, std::vector<std::int64_t>(100'000, 7), 0);
  CHECK(taken.chunk_count() == 1);
  CHECK(at(weft::sum(taken)) == 7e5);
  // Those that are there stay where that is not many times as many.
  const auto cut = weft::arange<double>(at.client, 0, 100, 1, {.chunk = {10}});
  CHECK(weft::tile(cut, {3}).chunk_shape() == weft::shape{10});
  CHECK(weft::pad(cut, {{1, 1}}).chunk_shape() == weft::shape{10});
  CHECK(weft::take(cut, {5, 50}, 0).chunk_shape() == weft::shape{2});
}

TEST_CASE("a reshape of columns goes through rows where these would be in very many pieces") {
  place at;
  const auto x = weft::from_function<2>(
      at.client, {500, 1000}, [](std::int64_t i, std::int64_t j) { return i * 1000 + j; }, {.chunk = {500, 1}});
  const auto line = weft::ravel(x);
  // At once each of 1,000 tasks would read all 1,000 columns.
  CHECK(line.chunk_count() == 1000);
  CHECK(weft::to_dot(line).find("rechunk") != std::string::npos);
  CHECK(list_of(at(line(weft::slice(123'456, 123'460)))) == std::vector<double>{123456, 123457, 123458, 123459});
  CHECK(at(weft::sum(weft::astype<std::int64_t>(line != weft::arange<std::int64_t>(at.client, 500'000)))) == 0);
  const auto folded = weft::reshape<3>(x, {250, 2, 1000});
  CHECK(at(folded(249, 1, 7)) == 499'007);
  // Rows are ranges of elements as they are, and few large pieces are read from where they are.
  const auto rows = weft::rechunk(x, {.chunk = {1, -1}});
  CHECK(weft::ravel(rows).task_count() == rows.task_count() + 500);
  const auto squares = weft::zeros<double, 2>(at.client, {4000, 4000}, {.chunk = {1000, 1000}});
  CHECK(weft::to_dot(weft::ravel(squares)).find("rechunk") == std::string::npos);
}
