// Random numbers by counting: published vectors, independence of chunks, bits that no machine changes, and statistics
// (of fixed seeds, so that they hold always or never).
#include "array/philox.hpp"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

namespace {

using namespace weft::detail::arrays;
using namespace weft::detail::arrays::philox;

TEST_CASE("Philox gives the vectors that its authors published") {
  // Random123, kat_vectors, lines "philox4x32 10".
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == philox_counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        philox_counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        philox_counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

template <class T>
using generator = void (*)(random_stream, element_numbers, std::span<T>) noexcept;

void small_integers(random_stream s, element_numbers which, std::span<std::uint64_t> out) noexcept {
  integers(s, which, 999, out);
}
/// Of the numbers drawn, a quarter is rejected.
void large_integers(random_stream s, element_numbers which, std::span<std::uint64_t> out) noexcept {
  integers(s, which, (std::uint64_t{3} << 62) - 1, out);
}
/// Nearly a third is rejected.
void middle_integers(random_stream s, element_numbers which, std::span<std::uint64_t> out) noexcept {
  integers(s, which, 0xaaaaaaaa, out);
}

template <class T>
std::vector<T> take(generator<T> make, random_stream s, std::uint64_t first, std::size_t n) {
  std::vector<T> v(n);
  make(s, first, v);
  return v;
}

template <class T>
void check_chunks(generator<T> make) {
  const random_stream s{99, 3};
  const std::uint64_t far = (std::uint64_t{1} << 34) - 500;  // the block's number passes 32 bits
  for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{1}, far}) {
    const std::vector<T> whole = take(make, s, first, 3000);
    for (const std::size_t chunk : {1U, 2U, 3U, 5U, 64U, 255U, 256U, 257U, 1000U}) {
      std::vector<T> parts(whole.size());
      for (std::size_t i = 0; i < parts.size(); i += chunk)
        make(s, first + i, std::span(parts).subspan(i, std::min(chunk, parts.size() - i)));
      CHECK((parts == whole));
    }
  }
  const std::vector<T> one = take(make, s, 0, 1000);
  // By their numbers: alone, in pairs and runs, from the end, and twice.
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 0; i < 1000; i += 7) numbers.push_back(i);
  for (std::int64_t i = 0; i < 990; i += 9) numbers.insert(numbers.end(), {i, i + 1, i + 2, i + 3, i});
  for (std::int64_t i = 999; i > 500; --i) numbers.push_back(i);
  for (const std::size_t n : {std::size_t{1}, std::size_t{63}, std::size_t{65}, std::size_t{300}, numbers.size()}) {
    std::vector<T> some(n);
    make(s, element_numbers(numbers.data()), some);
    bool right = true;
    for (std::size_t i = 0; i < n; ++i) right &= some[i] == one[static_cast<std::size_t>(numbers[i])];
    CHECK(right);
  }
  CHECK((take(make, {99, 4}, 0, 1000) != one));
  CHECK((take(make, {100, 3}, 0, 1000) != one));
  CHECK((take(make, {99 + (std::uint64_t{1} << 32), 3}, 0, 1000) != one));
  make(s, 0, {});
}

TEST_CASE("an element does not depend on the chunk that it is made with") {
  check_chunks<float>(uniform);
  check_chunks<double>(uniform);
  check_chunks<float>(normal);
  check_chunks<double>(normal);
  check_chunks<float>(exponential);
  check_chunks<double>(exponential);
  check_chunks<std::uint64_t>(small_integers);
  check_chunks<std::uint64_t>(middle_integers);
  check_chunks<std::uint64_t>(large_integers);
}

TEST_CASE("the bits are the same on every machine and with every compiler") {
  const random_stream s{0x0123456789abcdef, 7};
  const std::uint64_t first = (std::uint64_t{1} << 40) + 3;
  CHECK(take<float>(uniform, s, first, 4) ==
        std::vector<float>{0x1.86e9b6p-1F, 0x1.ae6d08p-3F, 0x1.c1ae04p-2F, 0x1.19c2f4p-1F});
  CHECK(take<double>(uniform, s, first, 4) ==
        std::vector<double>{0x1.e21380480ecp-3, 0x1.2e97b19f49a5ap-2, 0x1.9d43c1d8b0cp-6, 0x1.c4c4fc50bd69p-4});
  CHECK(take<float>(normal, s, first, 4) ==
        std::vector<float>{-0x1.0da176p+1F, -0x1.a3818p+0F, 0x1.517102p-1F, 0x1.09f6fep-2F});
  CHECK(take<double>(normal, s, first, 4) ==
        std::vector<double>{0x1.5e75edb93eb3ap+0, 0x1.8ab99ddb616f1p+0, 0x1.f8b25d9277d13p-3, 0x1.04c7e6ab2c3a4p-4});
  CHECK(take<float>(exponential, s, first, 4) ==
        std::vector<float>{0x1.1450ep-2F, 0x1.8f51ecp+0F, 0x1.a557e2p-1F, 0x1.31cc86p-1F});
  CHECK(take<double>(exponential, s, first, 4) ==
        std::vector<double>{0x1.724eed84b91bbp+0, 0x1.3815edd7d61d2p+0, 0x1.d70954e14154ep+1, 0x1.19e7b01f33e29p+1});
  CHECK(take<std::uint64_t>(small_integers, s, first, 4) == std::vector<std::uint64_t>{763, 210, 439, 550});
  CHECK(take<std::uint64_t>(large_integers, s, first, 4) ==
        std::vector<std::uint64_t>{3130420594257203131u, 4088267140993323012u, 6054172235385642874u,
                                   7427588220078362420u});
}

TEST_CASE("numbers are made of a block's bits as they should be") {
  // Element 5 of uniform floats is word 1 of block 1; element 5 of doubles the upper half of block 2.
  const random_stream s{7, 2};
  const auto block = [&](std::uint32_t b) { return philox4x32({b, 0, 0, 2}, {7, 0}); };
  CHECK(take<float>(uniform, s, 5, 1)[0] == static_cast<float>(block(1)[1] >> 8) / 0x1p24F);
  const philox_counter b = block(2);
  const std::uint64_t bits = std::uint64_t{b[3]} << 32 | b[2];
  CHECK(take<double>(uniform, s, 5, 1)[0] == static_cast<double>(bits >> 11) * 0x1p-53);
  CHECK(take<std::uint64_t>(small_integers, s, 5, 1)[0] == std::uint64_t{block(1)[1]} * 1000 >> 32);
  std::vector<std::uint64_t> all(6);
  integers(s, 0, std::numeric_limits<std::uint64_t>::max(), all);
  CHECK(all[5] == bits);
}

TEST_CASE("logarithm, sine and cosine are exact to some units in the last place") {
  const random_stream s{1, 0};
  constexpr std::size_t n = 200'000;
  const std::vector<double> z = take<double>(normal, s, 0, n), e = take<double>(exponential, s, 0, n);
  double worst_normal = 0, worst_exponential = 0;
  for (std::uint32_t i = 0; i < n / 2; ++i) {
    const philox_counter b = philox4x32({i, 0, 0, 0}, {1, 0});
    const auto unit = [&](int k) {
      const std::uint64_t bits =
          std::uint64_t{b[static_cast<std::size_t>(k) + 1]} << 32 | b[static_cast<std::size_t>(k)];
      return static_cast<long double>(bits >> 11) * 0x1p-53L;
    };
    const long double pi = 3.14159265358979323846264338327950288L;
    const long double u = unit(0) + 0x1p-53L, radius = std::sqrt(-2 * std::log(u)), angle = 2 * pi * unit(2);
    const auto error = [](double got, long double right, long double scale) {
      return static_cast<double>(std::abs(got - right) / (scale * 0x1p-53L));
    };
    worst_normal = std::max({worst_normal, error(z[2 * i], radius * std::cos(angle), radius),
                             error(z[2 * i + 1], radius * std::sin(angle), radius)});
    const long double right = -std::log(u);
    worst_exponential = std::max(worst_exponential, error(e[2 * i], right, right));
  }
  CHECK(worst_normal < 4);
  CHECK(worst_exponential < 3);
}

/// The largest distance of a sample from a distribution, times the root of its size (Kolmogorov and Smirnov): above 2
/// once in 1,500 seeds.
template <class T, class Distribution>
double distance(std::vector<T> sample, Distribution below) {
  std::sort(sample.begin(), sample.end());
  const auto n = static_cast<double>(sample.size());
  double most = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double p = below(static_cast<double>(sample[i]));
    most = std::max({most, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
  }
  return most * std::sqrt(n);
}

struct moments {
  double mean = 0, variance = 0, skewness = 0, kurtosis = 0;
};
template <class T>
moments moments_of(const std::vector<T>& sample) {
  const auto n = static_cast<double>(sample.size());
  moments m;
  for (const T x : sample) m.mean += static_cast<double>(x) / n;
  double third = 0, fourth = 0;
  for (const T x : sample) {
    const double d = static_cast<double>(x) - m.mean;
    m.variance += d * d / n;
    third += d * d * d / n;
    fourth += d * d * d * d / n;
  }
  m.skewness = third / std::pow(m.variance, 1.5);
  m.kurtosis = fourth / (m.variance * m.variance);
  return m;
}
template <class T>
double correlation(const std::vector<T>& sample, std::size_t lag) {
  const moments m = moments_of(sample);
  double sum = 0;
  for (std::size_t i = 0; i + lag < sample.size(); ++i)
    sum += (static_cast<double>(sample[i]) - m.mean) * (static_cast<double>(sample[i + lag]) - m.mean);
  return sum / (static_cast<double>(sample.size()) * m.variance);
}

constexpr std::size_t many = 200'000;

template <class T>
void check_distributions() {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const std::vector<T> u = take<T>(uniform, {seed, 0}, 0, many);
    CHECK(distance(u, [](double x) { return x; }) < 2);
    CHECK(*std::min_element(u.begin(), u.end()) >= 0);
    CHECK(*std::max_element(u.begin(), u.end()) < 1);

    const std::vector<T> z = take<T>(normal, {seed, 0}, 0, many);
    CHECK(distance(z, [](double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }) < 2);
    const moments m = moments_of(z);
    CHECK(std::abs(m.mean) < 0.01);
    CHECK(m.variance == Approx(1).epsilon(0.02));
    CHECK(std::abs(m.skewness) < 0.03);
    CHECK(m.kurtosis == Approx(3).epsilon(0.03));

    const std::vector<T> e = take<T>(exponential, {seed, 0}, 0, many);
    CHECK(distance(e, [](double x) { return 1 - std::exp(-x); }) < 2);
    CHECK(*std::min_element(e.begin(), e.end()) >= 0);
    CHECK(moments_of(e).mean == Approx(1).epsilon(0.02));
    CHECK(moments_of(e).variance == Approx(1).epsilon(0.04));

    for (const std::size_t lag : {1U, 2U, 3U, 4U, 64U}) {
      CHECK(std::abs(correlation(u, lag)) < 0.01);  // four deviations are 0.009
      CHECK(std::abs(correlation(z, lag)) < 0.01);
    }
  }
}

TEST_CASE("floats have the distributions that they are said to have") { check_distributions<float>(); }
TEST_CASE("doubles have the distributions that they are said to have") { check_distributions<double>(); }

TEST_CASE("seeds and streams next to each other are independent") {
  const std::vector<double> a = take<double>(uniform, {5, 0}, 0, many);
  for (const random_stream other : {random_stream{6, 0}, random_stream{5, 1}}) {
    const std::vector<double> b = take<double>(uniform, other, 0, many);
    double sum = 0;
    for (std::size_t i = 0; i < many; ++i) sum += (a[i] - 0.5) * (b[i] - 0.5) * 12;
    CHECK(std::abs(sum / many) < 0.01);
  }
}

TEST_CASE("whole numbers are alike in number, whatever their range") {
  for (const std::uint64_t most : {0ULL, 1ULL, 2ULL, 6ULL, 9ULL, 99ULL}) {
    std::vector<std::uint64_t> v(many);
    integers({11, 0}, 0, most, v);
    std::vector<double> counts(most + 1);
    REQUIRE(*std::max_element(v.begin(), v.end()) <= most);
    for (const std::uint64_t x : v) ++counts[x];
    const double expected = static_cast<double>(many) / static_cast<double>(most + 1);
    double chi_squared = 0;
    for (const double c : counts) chi_squared += (c - expected) * (c - expected) / expected;
    // Its mean is `most`, its variance 2 * most.
    CHECK(chi_squared <= static_cast<double>(most) + 4 * std::sqrt(2 * static_cast<double>(most)));
  }
  // Ranges in which most multiples are not whole numbers of draws: thirds of them are alike.
  for (const std::uint64_t most : {0xaaaaaaaaULL, (3ULL << 62) - 1, 0xffffffffULL, 0x100000000ULL, ~0ULL}) {
    std::vector<std::uint64_t> v(many);
    integers({12, 0}, 0, most, v);
    std::vector<double> part(v.size());
    REQUIRE(*std::max_element(v.begin(), v.end()) <= most);
    for (std::size_t i = 0; i < v.size(); ++i) part[i] = static_cast<double>(v[i]) / (static_cast<double>(most) + 1);
    CHECK(distance(part, [](double x) { return x; }) < 2);
  }
}

}  // namespace
