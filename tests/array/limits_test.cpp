// Chunks that are too large to be, and extents at the ends of what there is.
#include <catch2/catch.hpp>
#include <limits>
#include <string>

#include "array/arrays.hpp"
#include "weft/errors.hpp"

using arrays::list_of;
using arrays::place;
using Catch::Contains;
using weft::newaxis;
using weft::slice;

namespace {

constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min(),
                       highest = std::numeric_limits<std::int64_t>::max();

template <class X>
double bytes_of_chunk(const X& x) {
  double bytes = sizeof(typename X::value_type);
  for (const std::int64_t n : x.chunk_shape()) bytes *= static_cast<double>(n);
  return bytes;
}

}  // namespace

TEST_CASE("what broadcasts to chunks that are too large is cut finer") {
  place at(1);
  const auto x = weft::arange<double>(at.client, 0, 1e6, 1, {.chunk = {-1}});
  const auto product = x(slice(), newaxis) * x(newaxis, slice());
  CHECK(product.shape() == weft::shape{1'000'000, 1'000'000});
  CHECK(bytes_of_chunk(product) <= 8 << 20);
  const weft::array<double, 2> named = product;
  CHECK(list_of(at(named(999'999, slice(999'998)))) == std::vector<double>{999'999.0 * 999'998, 999'999.0 * 999'999});
  // Elements that become larger, too.
  const auto flags = weft::zeros<bool, 1>(at.client, {std::int64_t{1} << 30}, {.chunk = {-1}});
  CHECK(flags.chunk_count() == 1);
  CHECK(bytes_of_chunk(weft::astype<double>(flags)) <= 8 << 20);
  CHECK(weft::astype<std::int8_t>(flags).chunk_count() == 1);
}

TEST_CASE("chunks of more than 2 GiB are refused as they are described") {
  place at(1);
  const auto x = weft::zeros<double, 2>(at.client, {1 << 16, 1 << 16}, {.chunk = {1 << 12, 1 << 12}});
  CHECK_THROWS_WITH(weft::fft(x, 1), Contains("(65536, 65536) in chunks of (4096, 65536)") &&
                                         Contains("4 GiB, which is more than 2 GiB") && Contains("rechunk"));
  const auto flags = weft::zeros<bool, 1>(at.client, {std::int64_t{1} << 30}, {.chunk = {-1}});
  CHECK_THROWS_WITH(weft::cumsum(flags, 0), Contains("a chunk has 8 GiB"));
  CHECK_THROWS_WITH((weft::zeros<double, 1>(at.client, {std::int64_t{1} << 40}, {.chunk = {-1}})),
                    Contains("choose smaller chunks"));
}

TEST_CASE("arrays of more than 2^63 bytes are refused wherever they come from") {
  place at(1);
  const weft::array<std::int8_t, 1> line =
      weft::zeros<std::int8_t, 1>(at.client, {std::int64_t{1} << 40}, {.chunk = {1 << 10}});
  CHECK_THROWS_WITH(line(slice(), newaxis) + line, Contains("(1099511627776, 1099511627776)") && Contains("2^63"));
  CHECK_THROWS_WITH(weft::broadcast_to(line, {std::int64_t{1} << 30, std::int64_t{1} << 40}), Contains("2^63"));
  STATIC_REQUIRE(weft::shape(std::int64_t{1} << 40, std::int64_t{1} << 40, 0).count() == 0);
}

TEST_CASE("slices of steps as large as there are") {
  place at(1);
  const auto x = weft::arange<std::int64_t>(at.client, 0, 10, 1, {.chunk = {3}});
  CHECK(list_of(at(x(slice(2, weft::none, highest)))) == std::vector<double>{2});
  CHECK(list_of(at(x(slice(7, weft::none, -highest)))) == std::vector<double>{7});
  CHECK(list_of(at(x(slice(7, weft::none, lowest)))) == std::vector<double>{7});
  CHECK(list_of(at(x(slice(weft::none, weft::none, lowest)))) == std::vector<double>{9});
  CHECK(list_of(at(x(slice(0, weft::none, 9)))) == std::vector<double>{0, 9});
  CHECK(at(x(slice(8, 2, highest))).size() == 0);
  const auto changed = weft::assign(x, weft::region(slice(7, weft::none, lowest)), 70);
  CHECK(at(changed)(7) == 70);
  const auto view = x(slice(9, weft::none, -8))(slice(weft::none, weft::none, highest));
  CHECK(list_of(at(view)) == std::vector<double>{9});
}

TEST_CASE("a scalar that does not fit is not assigned") {
  place at(1);
  const auto x = weft::zeros<std::uint8_t, 1>(at.client, {3});
  CHECK_THROWS_WITH(weft::assign(x, slice(0, 1), 300), Contains("300 does not fit in an element of uint8"));
  CHECK_THROWS_WITH(weft::assign(x, slice(0, 1), -1), Contains("-1 does not fit"));
  CHECK_THROWS_WITH(weft::assign(x, slice(0, 1), 256.0), Contains("does not fit"));
  CHECK_THROWS_WITH(weft::assign(x, slice(0, 1), std::numeric_limits<double>::quiet_NaN()), Contains("nan"));
  CHECK(list_of(at(weft::assign(x, slice(0, 1), 255.9))) == std::vector<double>{255, 0, 0});
  CHECK(list_of(at(weft::assign(x, slice(0, 1), -0.5))) == std::vector<double>{0, 0, 0});
  const auto wide = weft::zeros<std::int64_t, 1>(at.client, {1});
  CHECK_THROWS_AS(weft::assign(wide, slice(), 0x1p63), weft::misuse);
  CHECK_THROWS_AS(weft::assign(wide, slice(), ~std::uint64_t{0}), weft::misuse);
  CHECK(at(weft::assign(wide, slice(), -0x1p63))(0) == lowest);
  CHECK(at(weft::assign(weft::zeros<bool, 1>(at.client, {1}), slice(), 7))(0));
  CHECK(at(weft::assign(weft::zeros<float, 1>(at.client, {1}), slice(), 16777217))(0) == 16777216.0f);
}

TEST_CASE("an axis that there is not is named with the array's shape") {
  place at(1);
  const auto x = weft::zeros<double, 2>(at.client, {6, 4}, {.chunk = {2, 4}});
  const std::string says =
      "weft: axis 2 of an array of shape (6, 4) in chunks of (2, 4), which has 2 axes: give one from -2 to 1";
  CHECK_THROWS_WITH(weft::sum(x, 2), says);
  CHECK_THROWS_WITH(weft::take(x, {0}, 2), says);
  CHECK_THROWS_WITH(weft::roll(x, 1, 2), says);
  CHECK_THROWS_WITH(weft::expand_dims(x, 3), Contains("a new axis 3 of an array of shape (6, 4)") &&
                                                 Contains("which has 3 axes with the new one"));
  CHECK_THROWS_WITH(weft::sum(x, weft::axes(0, -2)), Contains("twice") && Contains("(6, 4)"));
  CHECK_THROWS_WITH(weft::average(x, weft::zeros<double, 1>(at.client, {5}), 1),
                    Contains("(5)") && Contains("(6, 4)"));
}

TEST_CASE("aranges of integers have as many elements as they are far") {
  place at(1);
  const weft::client& c = at.client;
  const auto count = [](const auto& x) { return x.shape()[0]; };
  constexpr std::int64_t most = highest, many = std::int64_t{1} << 60;
  CHECK(count(weft::arange<std::int64_t>(c, 0, (std::int64_t{1} << 53) + 1, 1, {.chunk = {1 << 20}})) ==
        (std::int64_t{1} << 53) + 1);
  CHECK(count(weft::arange<std::int64_t>(c, -most, most, many)) == 16);
  CHECK(count(weft::arange<std::int64_t>(c, most, -most - 1, -many)) == 16);
  CHECK(count(weft::arange<std::uint64_t>(c, 0, ~std::uint64_t{0}, std::uint64_t{1} << 63)) == 2);
  CHECK(count(weft::arange<std::int8_t>(c, 100, -128, -128)) == 2);
  CHECK(count(weft::arange<std::int32_t>(c, 5, 5)) == 0);
  CHECK(count(weft::arange<std::uint8_t>(c, 9, 3)) == 0);
  CHECK_THROWS_AS(weft::arange<std::uint64_t>(c, 0, ~std::uint64_t{0}), weft::misuse);
}
