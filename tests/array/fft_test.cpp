// Fourier transforms, beside the sums that define them.
#include <catch2/catch.hpp>
#include <complex>
#include <numbers>
#include <stdexcept>

#include "array/arrays.hpp"
#include "array/fft_plan.hpp"
#include "weft/errors.hpp"

using arrays::noise;
using arrays::place;
using number = std::complex<double>;

namespace {

std::vector<number> some_numbers(std::size_t n) {
  std::vector<number> x;
  for (std::size_t i = 0; i < n; ++i) {
    const auto k = static_cast<std::int64_t>(i);
    x.emplace_back(noise(2 * k), noise(2 * k + 1));
  }
  return x;
}
std::vector<number> by_definition(const std::vector<number>& x) {
  const std::size_t n = x.size();
  std::vector<number> sums;
  for (std::size_t k = 0; k < n; ++k) {
    number sum = 0;
    for (std::size_t j = 0; j < n; ++j)
      sum += x[j] * std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(j * k % n) / static_cast<double>(n));
    sums.push_back(sum);
  }
  return sums;
}
double distance(const std::vector<number>& a, const std::vector<number>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

}  // namespace

TEST_CASE("a transform of any length is the sum that defines it, and has an inverse") {
  for (std::size_t n = 1; n <= 130; ++n) {
    CAPTURE(n);
    const std::vector<number> x = some_numbers(n);
    std::vector<number> found = x;
    weft::detail::arrays::fft_plan plan(n);
    plan.forward(found);
    CHECK(distance(found, by_definition(x)) < 1e-12);
    plan.inverse(found);
    CHECK(distance(found, x) < 1e-13);
  }
  for (const std::size_t n : {1000u, 1001u, 1009u, 1024u, 1155u, 2018u}) {
    CAPTURE(n);
    const std::vector<number> x = some_numbers(n);
    std::vector<number> found = x;
    weft::detail::arrays::fft_plan(n).forward(found);
    CHECK(distance(found, by_definition(x)) < 2e-11);
  }
}

TEST_CASE("transforms along axes of arrays in chunks") {
  place at;
  const auto x = weft::from_function<3>(
      at.client, {6, 20, 5},
      [](std::int64_t i, std::int64_t j, std::int64_t k) { return noise((i * 20 + j) * 5 + k); },
      {.chunk = {4, 7, 2}});
  const auto f = weft::fft(x, 1);
  STATIC_REQUIRE(std::is_same_v<decltype(f), const weft::array<number, 3>>);
  CHECK(f.chunk_shape() == weft::shape{4, 20, 2});
  const xt::xtensor<double, 3> whole = at(x);
  const xt::xtensor<number, 3> found = at(f);
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t k = 0; k < 5; ++k) {
      std::vector<number> line, expected;
      for (std::size_t j = 0; j < 20; ++j) {
        line.emplace_back(whole(i, j, k));
        expected.push_back(found(i, j, k));
      }
      CHECK(distance(by_definition(line), expected) < 1e-13);
    }
  const xt::xtensor<double, 3> back = at(weft::irfft(weft::rfft(x, 1), 1));
  for (std::size_t i = 0; i < whole.size(); ++i) CHECK(std::abs(back.data()[i] - whole.data()[i]) < 1e-14);
  const xt::xtensor<double, 3> odd = at(weft::irfft(weft::rfft(x, 2), 2, {.n = 5}));
  for (std::size_t i = 0; i < whole.size(); ++i) CHECK(std::abs(odd.data()[i] - whole.data()[i]) < 1e-14);
  const xt::xtensor<number, 3> all = at(weft::ifftn(weft::fftn(x)));
  for (std::size_t i = 0; i < whole.size(); ++i) CHECK(std::abs(all.data()[i] - whole.data()[i]) < 1e-14);
  const xt::xtensor<number, 3> half = at(weft::rfft(x, 1));
  REQUIRE(half.shape()[1] == 11);
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 11; ++j)
      for (std::size_t k = 0; k < 5; ++k) CHECK(std::abs(half(i, j, k) - found(i, j, k)) < 1e-14);
  const auto floats = weft::fft(weft::astype<float>(x));
  STATIC_REQUIRE(std::is_same_v<decltype(floats), const weft::array<std::complex<float>, 3>>);
  const xt::xtensor<std::complex<float>, 3> near = at(weft::ifft(floats));
  for (std::size_t i = 0; i < whole.size(); ++i)
    CHECK(std::abs(near.data()[i] - std::complex<float>(float(whole.data()[i]))) < 1e-6);
}

TEST_CASE("a shorter transform reads no more than it needs") {
  place at(1);
  const auto x = weft::from_function<1>(at.client, {1000},
                                        [](std::int64_t i) {
                                          if (i >= 20) throw std::runtime_error("too far");
                                          return noise(i);
                                        },
                                        {.chunk = {10}});
  CHECK_THROWS_WITH(at(weft::fft(x)), Catch::Contains("too far"));
  CHECK(at(weft::fft(x, 0, {.n = 15})).size() == 15);
  CHECK(at(weft::irfft(x, 0, {.n = 38})).size() == 38);  // of the first 20
}

TEST_CASE("transforms of what is not there are refused") {
  place at(1);
  const auto x = weft::zeros<double, 2>(at.client, {4, 0});
  const auto y = weft::zeros<double, 2>(at.client, {4, 3});
  CHECK_THROWS_WITH(weft::fft(x),
                    "weft: fft along axis 1 of an array of shape (4, 0): there is nothing to transform");
  CHECK_THROWS_WITH(weft::fft(x, 2), Catch::Contains("axis 2"));
  CHECK_THROWS_WITH(weft::irfft(y, 0, {.n = -1}),
                    "weft: irfft to -1 numbers: give 1 or more, or 0 for as many as there are");
  CHECK_THROWS_WITH(weft::irfft(weft::zeros<double, 1>(at.client, {1})), Catch::Contains("of shape (1)"));
  CHECK_THROWS_WITH(weft::hfft(weft::zeros<double, 1>(at.client, {1})), Catch::Contains("weft: hfft along axis 0"));
  CHECK_THROWS_WITH(weft::rfftn(x), Catch::Contains("weft: rfftn along axis 1") && Catch::Contains("(4, 0)"));
  CHECK_THROWS_WITH(weft::fftn(y, weft::axes(0, 2)), Catch::Contains("axis 2"));
  CHECK_THROWS_WITH(weft::fftn(y, weft::axes(0, 1), {.n = {3}}),
                    "weft: fftn along 2 axes with lengths (3): give one for each, or none");
  CHECK_THROWS_WITH(weft::ifftn(y, {.n = {3, 3, 3}}), Catch::Contains("axis -3"));
  CHECK_THROWS_WITH(weft::irfft2(y, {.n = {3, -2}}), Catch::Contains("irfft2 to -2 numbers"));
  CHECK_THROWS_WITH(weft::fft2(weft::zeros<double, 1>(at.client, {3})), Catch::Contains("axis -2"));
  CHECK_THROWS_WITH(weft::fftn(weft::sum(y)), "weft: fftn along no axis: give one at least");
  CHECK_THROWS_WITH(weft::fftfreq(at.client, 0), "weft: fftfreq of 0 numbers: give 1 or more");
  CHECK_THROWS_WITH(weft::rfftfreq(at.client, 4, 0), Catch::Contains("rfftfreq of numbers that are 0 apart"));
  CHECK_THROWS_WITH(weft::fftshift(y, 2), Catch::Contains("axis 2"));
  CHECK_THROWS_AS(weft::ifftshift(y, weft::axes(0, 0)), weft::misuse);
}
