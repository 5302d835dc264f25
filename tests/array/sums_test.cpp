// The loops of sums, of every length around their lanes.
#include <catch2/catch.hpp>
#include <cstdint>
#include <limits>
#include <vector>

#include "weft/detail/array/sums.hpp"

using weft::detail::arrays::sum_each;
using weft::detail::arrays::sum_row;

TEMPLATE_TEST_CASE("sums of rows have each element once, and added in the order that is written down", "",
                   (std::pair<double, double>), (std::pair<double, float>), (std::pair<double, std::int32_t>),
                   (std::pair<double, std::int64_t>), (std::pair<std::int64_t, std::int32_t>),
                   (std::pair<std::int64_t, std::int64_t>)) {
  using A = typename TestType::first_type;
  using T = typename TestType::second_type;
  for (std::size_t n = 0; n < 150; ++n) {
    std::vector<T> x;
    for (std::size_t i = 0; i < n; ++i) x.push_back(static_cast<T>((i * 7919) % 1009) - T(500));
    A whole{};
    for (const T e : x) whole += static_cast<A>(e);
    CAPTURE(n);
    CHECK(sum_row(x.data(), n, A{}) == whole);
    std::vector<A> sums(n + 1, A(3));
    sum_each(sums.data(), x.data(), n);
    bool right = sums[n] == A(3);
    for (std::size_t i = 0; i < n; ++i) right = right && sums[i] == A(3) + static_cast<A>(x[i]);
    CHECK(right);
  }
}

TEST_CASE("the order of a row's sum is the same whichever instructions are chosen") {
  // 16 lanes, then 8, 4, 2 and 1 of the rest, and a tree: written down once more, one number at a time.
  std::vector<double> x;
  for (int i = 0; i < 1000; ++i) x.push_back(1.0 / (i + 1));
  for (std::size_t n = 0; n < 1000; n += 37) {
    double lane[16] = {};
    std::size_t at = 0;
    for (std::size_t i = 0; i < n / 16 * 16; ++i) lane[i % 16] += x[at++];
    for (const std::size_t some : {8u, 4u, 2u, 1u})
      if (n & some)
        for (std::size_t k = 0; k < some; ++k) lane[k] += x[at++];
    for (std::size_t half = 8; half != 0; half /= 2)
      for (std::size_t k = 0; k < half; ++k) lane[k] += lane[k + half];
    CHECK(sum_row(x.data(), n, 0.0) == lane[0]);
  }
}

TEST_CASE("sums of integers wrap, in the lanes, where these are added up, and each by itself") {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max(),
                         least = std::numeric_limits<std::int64_t>::min();
  // The two are 16 elements apart in one lane, and next to each other in two.
  for (const std::size_t apart : {std::size_t{1}, std::size_t{16}}) {
    std::vector<std::int64_t> x(40, 0);
    x[0] = most;
    x[apart] = 1;
    CHECK(sum_row(x.data(), x.size(), std::int64_t{}) == least);
    x[0] = least;
    x[apart] = -1;
    CHECK(sum_row(x.data(), x.size(), std::int64_t{}) == most);
  }
  std::int64_t sums[2] = {most, least};
  const std::int64_t x[2] = {1, -1};
  sum_each(sums, x, 2);
  CHECK(sums[0] == least);
  CHECK(sums[1] == most);
  const std::int32_t small[2] = {-1, 1};
  sum_each(sums, small, 2);
  CHECK(sums[0] == most);
  CHECK(sums[1] == least);
}
