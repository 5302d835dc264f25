// Arrays in files without a header.
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "array/arrays.hpp"
#include "array/files.hpp"
#include "array/unfinished.hpp"
#include "weft/errors.hpp"

using arrays::place;
using Catch::Contains;

namespace {

constexpr std::endian other = std::endian::native == std::endian::little ? std::endian::big : std::endian::little;

std::vector<unsigned char> bytes_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("bytes are written and read as they are laid out") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const std::string path = folder / "x.bin";
  // 256 * i + j of 2 x 3.
  const auto x = weft::from_function<2>(
      c, {2, 3}, [](std::int64_t i, std::int64_t j) { return static_cast<std::uint16_t>(256 * i + j); },
      {.chunk = {1, 2}});
  at.pool.run(weft::to_raw(x, path, {.offset = 3, .order = std::endian::big}));
  CHECK(bytes_of_file(path) == std::vector<unsigned char>{0, 0, 0, 0, 0, 0, 1, 0, 2, 1, 0, 1, 1, 1, 2});
  CHECK(weft::detail::arrays::all_unfinished_beside(path).empty());
  at.pool.run(weft::to_raw(x, path, {.order = std::endian::little, .first_axis_fastest = true}));
  CHECK(bytes_of_file(path) == std::vector<unsigned char>{0, 0, 0, 1, 1, 0, 1, 1, 2, 0, 2, 1});
  // The same bytes as something else.
  const auto swapped =
      at.pool.run(weft::from_raw<std::uint16_t, 1>(c, path, {5}, {.offset = 1, .order = std::endian::big}));
  CHECK((at(swapped) == xt::xtensor<std::uint16_t, 1>{0, 0x0101, 0x0001, 0x0102, 0x0002}));
  const auto one = at.pool.run(weft::from_raw<std::uint8_t, 0>(c, path, {}, {.offset = 11}));
  CHECK(at(one) == 1);
}

TEST_CASE("what is written to a raw file is read from it, in any chunks and layout") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const std::string path = folder / "x.bin";
  const auto x = weft::from_function<3>(
      c, {20, 31, 7},
      [](std::int64_t i, std::int64_t j, std::int64_t k) { return arrays::noise((i * 31 + j) * 7 + k); },
      {.chunk = {6, 10, 7}});
  const xt::xtensor<double, 3> whole = at(x);
  for (const weft::raw_layout layout : {weft::raw_layout{}, weft::raw_layout{.offset = 100, .order = other},
                                        weft::raw_layout{.offset = 8, .first_axis_fastest = true},
                                        weft::raw_layout{.order = other, .first_axis_fastest = true}}) {
    at.pool.run(weft::to_raw(x, path, layout));
    CHECK(std::filesystem::file_size(path) == layout.offset + whole.size() * 8);
    const auto y = at.pool.run(weft::from_raw<double, 3>(c, path, {20, 31, 7}, layout, {.chunk = {9, -1, 2}}));
    CHECK(y.chunk_shape() == weft::shape{9, 31, 2});
    CHECK((at(y) == whole));
    CHECK(at(y(19, 30, 6)) == whole(19, 30, 6));
  }
  const auto nothing = weft::zeros<float, 2>(c, {0, 3});
  at.pool.run(weft::to_raw(nothing, path));
  CHECK(std::filesystem::file_size(path) == 0);
  const auto again = at.pool.run(weft::from_raw<float, 2>(c, path, {0, 3}));
  CHECK(at(again).shape()[1] == 3);
}

TEST_CASE("bytes that are no bool's are true") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const std::string path = folder / "x.bin";
  const std::vector<unsigned char> bytes{0, 1, 2, 0, 128, 255};
  const auto holds = [&](const weft::array<bool, 2>& x, const std::vector<unsigned char>& expected) {
    const xt::xtensor<bool, 2> got = at(x);
    REQUIRE(got.size() == expected.size());
    std::vector<unsigned char> in_memory(got.size());
    std::memcpy(in_memory.data(), got.data(), got.size());
    CHECK(in_memory == expected);
  };
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), 6);
  holds(at.pool.run(weft::from_raw<bool, 2>(c, path, {2, 3})), {0, 1, 1, 0, 1, 1});
  holds(at.pool.run(weft::from_raw<bool, 2>(c, path, {2, 3}, {.first_axis_fastest = true})), {0, 1, 1, 1, 0, 1});
  holds(at.pool.run(weft::from_raw<bool, 2>(c, path, {2, 3}, {}, {.chunk = {2, 1}})), {0, 1, 1, 0, 1, 1});
  // The same bytes behind a header.
  const auto x = at.pool.run(weft::from_raw<std::uint8_t, 2>(c, path, {2, 3}));
  at.pool.run(weft::to_npy(x > 0, folder / "x.npy"));
  {
    std::fstream file(folder / "x.npy", std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(-6, std::ios::end);
    file.write(reinterpret_cast<const char*>(bytes.data()), 6);
  }
  holds(at.pool.run(weft::from_npy<bool, 2>(c, folder / "x.npy")), {0, 1, 1, 0, 1, 1});
}

TEST_CASE("raw files that are too short, and arrays that are impossible, are refused") {
  const test_directory folder(test_directory::beside());
  place at(1);
  const weft::client& c = at.client;
  const std::string path = folder / "x.bin";
  at.pool.run(weft::to_raw(weft::arange<float>(c, 25), path));
  const auto enough = at.pool.run(weft::from_raw<float, 2>(c, path, {4, 6}, {.offset = 4}));
  CHECK(at(weft::sum(enough)) == 300);
  CHECK_THROWS_WITH((at.pool.run(weft::from_raw<float, 2>(c, path, {4, 6}, {.offset = 5}))),
                    Contains("x.bin has 100 bytes") && Contains("float32 of shape (4, 6) from byte 5") &&
                        Contains("ends at byte 101"));
  CHECK_THROWS_WITH((at.pool.run(weft::from_raw<float, 1>(c, path, {4, 6}))), Contains("as one of 1 axis"));
  CHECK_THROWS_AS((at.pool.run(weft::from_raw<float, 1>(c, path, {-1}))), weft::misuse);
  CHECK_THROWS_WITH((at.pool.run(weft::from_raw<float, 1>(c, path, {1}, {.offset = ~std::uint64_t{0}}))),
                    Contains("more than 2^62 bytes"));
  CHECK_THROWS_AS((at.pool.run(weft::from_raw<float, 1>(c, folder / "none.bin", {1}))), std::system_error);
  struct pair {
    float a, b;
  };
  CHECK_THROWS_WITH((at.pool.run(weft::from_raw<pair, 1>(c, path, {1}))), Contains("no numbers"));
  const auto pairs = weft::map_elements([](float e) { return pair{e, e}; }, enough);
  CHECK_THROWS_WITH(at.pool.run(weft::to_raw(pairs, folder / "pairs.bin")), Contains("no numbers"));
  CHECK_FALSE(std::filesystem::exists(folder / "pairs.bin"));
}
