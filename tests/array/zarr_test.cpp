// Zarr: metadata of both versions, chunks in every codec, what zarr-python wrote, and what nobody should have
// written.
#include "array/zarr.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <random>
#include <string>
#include <system_error>
#include <vector>

#include "array/files.hpp"
#include "support/seeds.hpp"
#include "weft/errors.hpp"
#include "weft/weft.hpp"

namespace {

using namespace weft::detail::arrays;
using Catch::Contains;

using extents = std::vector<std::size_t>;
using steps = std::vector<std::ptrdiff_t>;

std::size_t volume(const extents& e) {
  return std::accumulate(e.begin(), e.end(), std::size_t{1}, std::multiplies<>());
}

template <class T>
std::vector<std::byte> bytes(T value) {
  std::vector<std::byte> b(sizeof(T));
  std::memcpy(b.data(), &value, sizeof(T));
  return b;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

// The example of the specification of version 2, with Blosc's members as zarr-python writes them.
const std::string version_2 = R"({
    "chunks": [1000, 1000],
    "compressor": {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0},
    "dtype": "<f8",
    "fill_value": "NaN",
    "filters": null,
    "order": "F",
    "shape": [10000, 10000],
    "zarr_format": 2
})";

// Of version 3.
const std::string version_3 = R"({
    "zarr_format": 3,
    "node_type": "array",
    "shape": [10000, 1000],
    "dimension_names": ["rows", "columns"],
    "data_type": "float64",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1000, 100]}},
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    "codecs": [
        {"name": "transpose", "configuration": {"order": [1, 0]}},
        {"name": "bytes", "configuration": {"endian": "big"}},
        {"name": "zstd", "configuration": {"level": 3, "checksum": true}}
    ],
    "fill_value": "0x7ff8000000000001",
    "attributes": {"foo": 42, "bar": "apples", "baz": [1, 2, 3, 4]}
})";

TEST_CASE("metadata of version 2 are read") {
  const zarr_array z = parse_zarr(version_2, "a");
  CHECK(z.version == 2);
  CHECK(z.shape == extents{10000, 10000});
  CHECK(z.chunk == extents{1000, 1000});
  CHECK(z.order == extents{1, 0});
  CHECK(to_string(z.type) == "<f8");
  CHECK(z.codec.of == zarr_codec::kind::blosc);
  CHECK(z.codec.inner == "lz4");
  CHECK(z.codec.level == 5);
  CHECK(z.codec.mix == zarr_codec::shuffle::bytes);
  REQUIRE(z.fill);
  double fill = 0;
  std::memcpy(&fill, z.fill->data(), 8);
  CHECK(fill != fill);
  CHECK(zarr_key(z, extents{3, 0}) == "3.0");
  CHECK(zarr_metadata_name(z) == ".zarray");
  CHECK(zarr_key(parse_zarr(replaced(version_2, "\"order\"", "\"dimension_separator\": \"/\", \"order\""), "a"),
                 extents{3, 0}) == "3/0");
}

TEST_CASE("metadata of version 3 are read") {
  const zarr_array z = parse_zarr(version_3, "a");
  CHECK(z.version == 3);
  CHECK(z.shape == extents{10000, 1000});
  CHECK(z.chunk == extents{1000, 100});
  CHECK(z.order == extents{1, 0});
  CHECK(to_string(z.type) == ">f8");
  CHECK(z.codec.of == zarr_codec::kind::zstd);
  CHECK(z.codec.level == 3);
  CHECK(z.codec.checksum);
  REQUIRE(z.fill);
  CHECK(*z.fill == bytes(std::uint64_t{0x7ff8000000000001}));
  CHECK(zarr_key(z, extents{3, 0}) == "c/3/0");
  CHECK(zarr_metadata_name(z) == "zarr.json");
  CHECK(zarr_chunks(z, 0) == 10);
  const std::string keys = R"({"name": "default", "configuration": {"separator": "/"}})";
  CHECK(zarr_key(parse_zarr(replaced(version_3, keys, R"("v2")"), "a"), extents{3, 0}) == "3.0");
  CHECK(zarr_key(parse_zarr(replaced(version_3, keys, R"({"name": "default"})"), "a"), extents{3, 0}) == "c/3/0");
  zarr_array scalar = z;
  CHECK(zarr_key(scalar, {}) == "c");
  scalar.prefixed = false;
  CHECK(zarr_key(scalar, {}) == "0");
  // Two transposes of three axes, one after the other.
  std::string three = replaced(version_3, "[10000, 1000]", "[2, 3, 4]");
  three = replaced(three, "[1000, 100]", "[2, 3, 4]");
  three = replaced(three, R"({"name": "transpose", "configuration": {"order": [1, 0]}})",
                   R"({"name": "transpose", "configuration": {"order": [1, 2, 0]}},
                      {"name": "transpose", "configuration": {"order": [0, 2, 1]}})");
  CHECK(parse_zarr(three, "a").order == extents{1, 0, 2});
  // What need not be understood may be there.
  CHECK(parse_zarr(replaced(version_3, "\"attributes\"", R"("x": {"must_understand": false}, "attributes")"), "a")
            .shape == z.shape);
}

TEST_CASE("metadata that cannot be used are refused by a sentence") {
  const auto error = [](const std::string& text) -> std::string {
    try {
      parse_zarr(text, "some/.zarray");
    } catch (const std::runtime_error& e) { return e.what(); }
    return "";
  };
  CHECK_THAT(error("{"), Contains("some/.zarray is no JSON"));
  CHECK_THAT(error(""), Contains("no JSON"));
  CHECK_THAT(error("[1]"), Contains("is no object"));
  CHECK_THAT(error("{\"shape\": []}"), Contains("'zarr_format' is missing"));
  CHECK_THAT(error(std::string(2000, '[')), Contains("no JSON"));
  CHECK_THAT(error(std::string(most_zarr_metadata + 1, ' ')), Contains("no JSON"));
  const auto with_2 = [&](const std::string& what, const std::string& by) {
    return error(replaced(version_2, what, by));
  };
  CHECK_THAT(with_2("\"zarr_format\": 2", "\"zarr_format\": 1"), Contains("zarr_format 1"));
  CHECK_THAT(with_2("[10000, 10000]", "[10000]"), Contains("1 axes, and its chunks 2"));
  CHECK_THAT(with_2("[10000, 10000]", "10000"), Contains("'shape' is not a list"));
  CHECK_THAT(with_2("[10000, 10000]", "[-1, 10000]"), Contains("'shape' is not a whole number"));
  CHECK_THAT(with_2("[10000, 10000]", "[1.5, 10000]"), Contains("'shape' is not a whole number"));
  CHECK_THAT(with_2("[10000, 10000]", "[18446744073709551615, 2]"), Contains("too large for any memory"));
  CHECK_THAT(with_2("[10000, 10000]", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"), Contains("more than 16 axes"));
  CHECK_THAT(with_2("[1000, 1000]", "[1000, 0]"), Contains("no elements along axis 1"));
  CHECK_THAT(with_2("[1000, 1000]", "[1000000, 1000]"), Contains("8000000000 bytes: at most"));
  CHECK_THAT(with_2("[1000, 1000]", "[4294967296, 4294967296]"), Contains("more than 2^62 bytes"));
  CHECK_THAT(with_2("\"<f8\"", "\"<U3\""), Contains("type '<U3'"));
  CHECK_THAT(with_2("\"<f8\"", "[[\"x\", \"<f8\"]]"), Contains("records"));
  CHECK_THAT(with_2("\"<f8\"", "8"), Contains("'dtype' is not a text"));
  CHECK_THAT(with_2("\"F\"", "\"A\""), Contains("neither C nor F"));
  CHECK_THAT(with_2("\"filters\": null", "\"filters\": [{\"id\": \"delta\"}]"), Contains("has filters"));
  CHECK(with_2("\"filters\": null", "\"filters\": []").empty());
  CHECK_THAT(with_2("\"id\": \"blosc\"", "\"id\": \"lzma\""), Contains("encoded by 'lzma'"));
  CHECK_THAT(with_2("\"lz4\"", "\"lz5\""), Contains("no compressor 'lz5'"));
  CHECK_THAT(with_2("\"clevel\": 5", "\"clevel\": 10"), Contains("'clevel' is not a whole number from 0 to 9"));
  CHECK_THAT(with_2("\"shuffle\": 1", "\"shuffle\": 3"), Contains("'shuffle'"));
  CHECK_THAT(with_2("\"NaN\"", "\"nan\""), Contains("'fill_value' is no element of type <f8"));
  CHECK_THAT(with_2("\"NaN\"", "[1, 2]"), Contains("a list, and no element"));
  CHECK_THAT(with_2("\"NaN\"", "{}"), Contains("'fill_value' is no element"));
  const auto with_3 = [&](const std::string& what, const std::string& by) {
    return error(replaced(version_3, what, by));
  };
  CHECK_THAT(with_3("\"array\"", "\"group\""), Contains("a group"));
  CHECK_THAT(with_3("\"float64\"", "\"string\""), Contains("type 'string'"));
  CHECK_THAT(with_3("\"regular\"", "\"rectilinear\""), Contains("chunk grid is 'rectilinear'"));
  CHECK_THAT(with_3("{\"chunk_shape\": [1000, 100]}", "{}"), Contains("no 'chunk_shape' in its configuration"));
  CHECK_THAT(with_3("\"default\"", "\"other\""), Contains("keys are encoded as 'other'"));
  CHECK_THAT(with_3("\"separator\": \"/\"", "\"separator\": \"../\""), Contains("neither . nor /"));
  CHECK_THAT(with_3("\"zstd\"", "\"sharding_indexed\""), Contains("encoded by 'sharding_indexed'"));
  CHECK_THAT(with_3("\"zstd\"", "\"transpose\""), Contains("'transpose' comes after"));
  CHECK_THAT(with_3("[1, 0]", "[1, 1]"), Contains("no permutation"));
  CHECK_THAT(with_3("[1, 0]", "[0, 1, 2]"), Contains("no permutation"));
  CHECK_THAT(with_3("\"big\"", "\"middle\""), Contains("neither little nor big"));
  CHECK_THAT(with_3("{\"name\": \"bytes\", \"configuration\": {\"endian\": \"big\"}},", ""),
             Contains("'zstd' comes before 'bytes'"));
  CHECK_THAT(with_3("\"level\": 3", "\"level\": 23"), Contains("'level'"));
  CHECK_THAT(with_3("{\"name\": \"zstd\"", "\"crc32c\", {\"name\": \"zstd\""),
             Contains("checksum comes before 'zstd'"));
  CHECK_THAT(with_3("{\"name\": \"bytes\"", "\"crc32c\", {\"name\": \"bytes\""), Contains("'crc32c' comes before"));
  CHECK_THAT(with_3("\"attributes\"", "\"extension\""), Contains("needs the extension 'extension'"));
  CHECK_THAT(with_3("\"attributes\"", "\"storage_transformers\": [{\"name\": \"x\"}], \"attributes\""),
             Contains("storage transformers"));
  CHECK_THAT(with_3("\"0x7ff8000000000001\"", "\"0x7ff8\""), Contains("'fill_value' is no element"));
  CHECK_THAT(with_3("\"0x7ff8000000000001\"", "null"), Contains("'fill_value' is no element"));
}

TEST_CASE("metadata that were written are read again") {
  for (const unsigned version : {2U, 3U})
    for (const char* type : {"|b1", "|i1", ">i2", "<u4", "<i8", ">u8", "<f4", ">f8", "<c8", ">c16", "<f2"})
      for (const auto of :
           {zarr_codec::kind::none, zarr_codec::kind::zstd, zarr_codec::kind::blosc, zarr_codec::kind::gzip})
        for (const bool falling : {false, true}) {
          zarr_array z{.version = version, .type = *parse_item_type(type), .shape = {100, 0, 7}, .chunk = {10, 1, 7}};
          z.order = falling ? extents{2, 1, 0} : version == 3 ? extents{0, 2, 1} : extents{0, 1, 2};
          z.fill = std::vector<std::byte>(z.type.size);
          if (z.type.size > 1 && std::string(type) != "<f2") z.fill->back() = std::byte{0x3f};
          z.codec.of = of;
          if (of == zarr_codec::kind::zstd) z.codec = {.of = of, .level = -7, .checksum = version == 3};
          if (of == zarr_codec::kind::blosc)
            z.codec = {.of = of, .level = 9, .inner = "zstd", .mix = zarr_codec::shuffle::bits, .block_size = 4096};
          if (of == zarr_codec::kind::gzip) {
            z.codec = {.of = version == 2 && falling ? zarr_codec::kind::zlib : of, .level = 9};
            z.codec.crc = version == 3 && falling;
          }
          z.separator = falling ? '.' : '/';
          z.prefixed = version == 3 && !falling;
          zarr_array again = parse_zarr(make_zarr(z), "a");
          if (of == zarr_codec::kind::none) again.codec = z.codec;
          INFO(make_zarr(z));
          CHECK(again == z);
        }
  zarr_array z{.version = 2, .type = *parse_item_type("<f4"), .shape = {4}, .chunk = {2}, .order = {0}};
  z.prefixed = false;
  CHECK(!parse_zarr(make_zarr(z), "a").fill);
  for (const float x : {0.1F, -1e-45F, 3.4e38F, -std::numeric_limits<float>::infinity(), 7.0F}) {
    z.fill = bytes(x);
    CHECK(parse_zarr(make_zarr(z), "a").fill == z.fill);
  }
}

TEST_CASE("attributes and names of axes are written beside, and come back") {
  zarr_array z{.version = 3, .type = *parse_item_type("<f4"), .shape = {4, 4}, .chunk = {2, 2}, .order = {0, 1}};
  const zarr_notes read = parse_zarr_notes(version_3, "a");
  CHECK(read.attributes == R"({"foo":42,"bar":"apples","baz":[1,2,3,4]})");
  CHECK(read.names == std::vector<std::optional<std::string>>{"rows", "columns"});
  const zarr_notes some{R"( {"unit": "\u00b5m", "scale": 0.1} )", {std::nullopt, "a \"b\"\\\n"}};
  const zarr_notes checked = checked_notes(z, some);
  CHECK(checked.attributes == "{\"unit\":\"\u00b5m\",\"scale\":0.1}");
  const std::string text = make_zarr(z, checked);
  CHECK(parse_zarr(text, "a") == parse_zarr(make_zarr(z), "a"));
  CHECK(parse_zarr_notes(text, "a").attributes == checked.attributes);
  CHECK(parse_zarr_notes(text, "a").names == some.names);
  CHECK(parse_zarr_notes(make_zarr(z), "a").attributes.empty());
  CHECK(parse_zarr_notes(R"({"attributes": 3, "dimension_names": {}})", "a").names.empty());
  CHECK_THROWS_WITH(checked_notes(z, {"[1]", {}}), Contains("no object of JSON"));
  CHECK_THROWS_WITH(checked_notes(z, {"{\"a\": }", {}}), Contains("these attributes is no JSON"));
  CHECK(checked_notes(z, {"", {"x"}}).names == std::vector<std::optional<std::string>>{"x", std::nullopt});
  CHECK_THROWS_WITH(checked_notes(z, {"", {"x", "y", "z"}}), Contains("3 names of axes for a Zarr store of 2"));
  CHECK(parse_zarr_notes(R"({"shape": [4, 4], "dimension_names": ["x"]})", "a").names.empty());
  // What Python writes, and JSON has not, is not read, and hinders nobody.
  for (const std::string lost :
       {R"({"a, }": NaN})", "{\"n\": [18446744073709551616, {}]}", R"({"x": 1e400, "\\": "]"})"}) {
    const std::string python = "{ \"attributes\" : " + lost + "\n, " + make_zarr(z, {"", {"x", "y"}}).substr(1);
    INFO(python);
    const std::string own = ",\n  \"attributes\": {}";
    const std::string once = std::string(python).erase(python.find(own), own.size());
    CHECK(parse_zarr(once, "a") == parse_zarr(make_zarr(z), "a"));
    CHECK(parse_zarr_notes(once, "a").attributes == lost);
    CHECK(parse_zarr_notes(once, "a").names.size() == 2);
    CHECK(is_zarr_array(once));
    CHECK(read_zarr_attributes(lost + "\n").attributes == lost);
  }
  CHECK_THROWS_WITH(parse_zarr(R"({"attributes": {}, "shape": NaN})", "a"), Contains("a is no JSON"));
  z.version = 2;
  CHECK_THROWS_WITH(checked_notes(z, {"", {"x", "y"}}), Contains("version 2, which has none"));
}

TEST_CASE("metadata that would be refused are not written") {
  zarr_array good{.version = 3, .type = *parse_item_type("<f4"), .shape = {4, 4}, .chunk = {2, 2}, .order = {0, 1}};
  CHECK_NOTHROW(make_zarr(good));
  zarr_array other = good;  // a level that nothing uses
  other.codec.level = 1;
  CHECK_NOTHROW(make_zarr(other));
  const auto refused = [&](auto change) {
    zarr_array z = good;
    change(z);
    CHECK_THROWS_AS(make_zarr(z), weft::misuse);
  };
  refused([](zarr_array& z) { z.version = 4; });
  refused([](zarr_array& z) { z.chunk = {2}; });
  refused([](zarr_array& z) { z.chunk = {0, 2}; });
  refused([](zarr_array& z) { z.order = {}; });
  refused([](zarr_array& z) { z.fill = std::vector<std::byte>(3); });
  refused([](zarr_array& z) { z.version = 2; });  // its keys have no prefix
  refused([](zarr_array& z) { z.codec = {.of = zarr_codec::kind::blosc, .inner = "none\", \"x"}; });
  refused([](zarr_array& z) { z.separator = '_'; });
  zarr_array falling{.version = 2, .type = good.type, .shape = {1, 1, 1}, .chunk = {1, 1, 1}, .order = {1, 0, 2}};
  falling.prefixed = false;
  CHECK_THROWS_WITH(make_zarr(falling), Contains("order of axes"));
  falling.order = {2, 1, 0};
  CHECK_NOTHROW(make_zarr(falling));
  falling.codec.crc = true;
  CHECK_THROWS_WITH(make_zarr(falling), Contains("checksum"));
  good.codec.of = zarr_codec::kind::zlib;
  CHECK_THROWS_WITH(make_zarr(good), Contains("version 3 has gzip, and not zlib"));
  falling.codec = {.of = zarr_codec::kind::zstd, .checksum = true};
  CHECK_THROWS_WITH(make_zarr(falling), Contains("checksum"));
}

TEST_CASE("whatever the metadata, they are read or refused") {
  std::size_t read = 0, refused = 0;
  const weft::test::seed_range seeds(20000);
  for (const std::uint64_t seed : seeds) {
    std::mt19937_64 random(seed);
    std::string text = random() % 2 == 0 ? version_2 : version_3;
    for (std::size_t n = 1 + random() % 3; n-- > 0;) {
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, 1 + random() % 5);
          break;
        case 2:
          text.insert(at, 1 + random() % 3, "0123456789,[]{}\"-:e."[random() % 20]);
          break;
        default:  // a digit, so that many stay JSON
          for (std::size_t i = at; i < text.size(); ++i)
            if (text[i] >= '0' && text[i] <= '9') {
              text[i] = "0123456789"[random() % 10];
              break;
            }
      }
    }
    try {
      const zarr_array z = parse_zarr(text, "a");
      REQUIRE(z.chunk.size() == z.shape.size());
      REQUIRE(z.order.size() == z.shape.size());
      REQUIRE(bytes_of(z.chunk, z.type.size).value() <= most_zarr_chunk);
      REQUIRE(bytes_of(z.shape, z.type.size));
      REQUIRE((!z.fill || z.fill->size() == z.type.size));
      ++read;
    } catch (const std::runtime_error&) { ++refused; }
  }
  if (weft::test::number_in_environment("WEFT_SEED", "a seed") == std::nullopt) {
    CHECK(read > seeds.last / 20);
    CHECK(refused > seeds.last / 20);
  }
}

zarr_codec codec_number(std::size_t i) {
  using mix = zarr_codec::shuffle;
  const zarr_codec all[] = {{},
                            {.of = zarr_codec::kind::zstd, .level = 1, .checksum = true},
                            {.of = zarr_codec::kind::zstd, .level = 3},
                            {.of = zarr_codec::kind::blosc, .level = 5, .inner = "lz4", .mix = mix::bytes},
                            {.of = zarr_codec::kind::blosc, .level = 1, .inner = "zstd", .mix = mix::bits},
                            {.of = zarr_codec::kind::blosc, .level = 0, .inner = "blosclz", .mix = mix::none},
                            {.of = zarr_codec::kind::gzip, .level = 6},
                            {.of = zarr_codec::kind::zlib, .level = 1}};
  return all[i % std::size(all)];
}
constexpr std::size_t codecs = 8;

TEST_CASE("chunks are compressed and come back; damaged ones are refused or come back whole") {
  zarr_array z{.version = 3, .type = *parse_item_type("<f8"), .shape = {5000}, .chunk = {5000}, .order = {0}};
  std::vector<std::byte> chunk(40000);
  for (std::size_t i = 0; i < 5000; ++i) {
    const double x = static_cast<double>(i % 100) * 0.25;
    std::memcpy(&chunk[8 * i], &x, 8);
  }
  for (std::size_t c = 0; c < 2 * codecs; ++c) {
    z.codec = codec_number(c);
    z.codec.crc = c >= codecs;
    const std::vector<std::byte> data = encode_zarr_chunk(z, chunk);
    if (z.codec.of != zarr_codec::kind::none && z.codec.level != 0) CHECK(data.size() < chunk.size() / 4);
    std::vector<std::byte> back(chunk.size());
    decode_zarr_chunk(z, data, back, "a");
    CHECK((back == chunk));
    std::vector<std::byte> shorter(chunk.size() - 8), longer(chunk.size() + 8);
    CHECK_THROWS_WITH(decode_zarr_chunk(z, data, shorter, "c/0"), Contains("c/0 is no chunk of 39992 bytes"));
    CHECK_THROWS_WITH(decode_zarr_chunk(z, data, longer, "c/0"), Contains("c/0 is no chunk of 40008 bytes"));
    CHECK_THROWS_AS(decode_zarr_chunk(z, {}, back, "a"), std::runtime_error);
    if (z.codec.of == zarr_codec::kind::gzip && !z.codec.crc) {  // two members are one chunk, and no more than it
      const std::span<const std::byte> all(chunk);
      std::vector<std::byte> two = encode_zarr_chunk(z, all.first(12'000));
      const std::vector<std::byte> rest = encode_zarr_chunk(z, all.subspan(12'000));
      two.insert(two.end(), rest.begin(), rest.end());
      std::ranges::fill(back, std::byte{});
      decode_zarr_chunk(z, two, back, "a");
      CHECK((back == chunk));
      two.insert(two.end(), rest.begin(), rest.end());
      CHECK_THROWS_WITH(decode_zarr_chunk(z, two, back, "a"), Contains("zlib finds other data"));
    }
    if (z.codec.crc)
      for (const std::size_t bit : {std::size_t{0}, data.size() * 3, data.size() * 8 - 1}) {  // any of them
        std::vector<std::byte> damaged = data;
        damaged[bit / 8] ^= std::byte{1} << bit % 8;
        CHECK_THROWS_WITH(decode_zarr_chunk(z, damaged, back, "c/0"), Contains("its checksum is another one"));
      }
    for (const std::uint64_t seed : weft::test::seed_range(z.codec.crc ? 20 : 500)) {
      std::mt19937_64 random(seed);
      std::vector<std::byte> damaged = data;
      for (std::size_t n = 1 + random() % 3; n-- > 0;)
        damaged[random() % (random() % 2 == 0 ? 32 : damaged.size())] = static_cast<std::byte>(random());
      if (random() % 3 == 0) damaged.resize(random() % damaged.size());
      try {
        decode_zarr_chunk(z, damaged, back, "a");
      } catch (const std::runtime_error& e) { REQUIRE(std::string(e.what()).starts_with("weft: a is no chunk")); }
    }
  }
}

TEST_CASE("the checksums behind chunks are those of the polynomial's publication") {
  // RFC 3720, B.4: 32 bytes of zeros, of ones, and the numbers from 0 on.
  zarr_array z{.version = 3, .type = *parse_item_type("|u1"), .shape = {32}, .chunk = {32}, .order = {0}};
  z.codec.crc = true;
  const auto checksum = [&](auto byte) {
    std::vector<std::byte> chunk(32);
    for (std::size_t i = 0; i < 32; ++i) chunk[i] = static_cast<std::byte>(byte(i));
    std::uint32_t crc = 0;
    std::memcpy(&crc, encode_zarr_chunk(z, chunk).data() + 32, 4);
    return crc;
  };
  CHECK(checksum([](std::size_t) { return 0; }) == 0x8a9136aa);
  CHECK(checksum([](std::size_t) { return 255; }) == 0x62a8ab43);
  CHECK(checksum([](std::size_t i) { return i; }) == 0x46dd794e);
}

/// An array in memory, row-major, whose element k is as in the reference files.
std::vector<std::byte> reference_array(const extents& shape, const item_type& t) {
  std::vector<std::byte> all;
  for (std::size_t k = 0; k < volume(shape); ++k) {
    const std::vector<std::byte> element = weft::test::reference_element(k, t);
    all.insert(all.end(), element.begin(), element.end());
  }
  return all;
}
steps dense(const extents& shape, std::size_t item) {
  steps by(shape.size());
  row_major_steps(shape, item, by);
  return by;
}

/// Writes all chunks of an array.
weft::task<> write_all(std::string folder, const zarr_array& z, const std::vector<std::byte>& all) {
  co_await create_zarr(folder, z);
  const steps by = dense(z.shape, z.type.size);
  extents place(z.shape.size(), 0);
  if (volume(z.shape) == 0) co_return;
  for (;;) {
    const std::byte* from = all.data();
    for (std::size_t a = 0; a < place.size(); ++a) from += static_cast<std::ptrdiff_t>(place[a] * z.chunk[a]) * by[a];
    co_await write_zarr_chunk(folder, z, place, from, by);
    std::size_t a = place.size();
    while (a-- > 0) {
      if (++place[a] < zarr_chunks(z, a)) break;
      place[a] = 0;
    }
    if (a == std::size_t(-1)) co_return;
  }
}

weft::task<zarr_array> read_box(std::string folder, const extents& first, const extents& box, std::byte* to,
                                const steps& by) {
  zarr_array z = co_await open_zarr(folder);
  co_await read_zarr_box(folder, z, first, box, to, by);
  co_return z;
}
weft::task<std::vector<std::byte>> read_whole(std::string folder, zarr_array& z) {
  z = co_await open_zarr(folder);
  std::vector<std::byte> all(volume(z.shape) * z.type.size);
  const extents origin(z.shape.size(), 0);
  const steps by = dense(z.shape, z.type.size);
  co_await read_zarr_box(folder, z, origin, z.shape, all.data(), by);
  co_return all;
}

TEST_CASE("arrays are written by chunks and read by boxes") {
  test_directory folder(test_directory::beside());
  weft::pool pool({.threads = 2});
  for (const std::uint64_t seed : weft::test::seed_range(100)) {
    std::mt19937_64 random(seed);
    zarr_array z{.version = static_cast<unsigned>(2 + random() % 2)};
    const char* types[] = {"|b1", "|u1", ">i2", "<f4", ">f8", "<c16"};
    z.type = *parse_item_type(types[random() % std::size(types)]);
    const std::size_t rank = random() % 4;
    for (std::size_t a = 0; a < rank; ++a) {
      z.shape.push_back(1 + random() % 20);
      z.chunk.push_back(1 + random() % 24);
      z.order.push_back(a);
    }
    if (random() % 2 == 0) std::reverse(z.order.begin(), z.order.end());
    if (z.version == 3) std::shuffle(z.order.begin(), z.order.end(), random);
    z.prefixed = z.version == 3;
    z.separator = random() % 2 == 0 ? '.' : '/';
    z.codec = codec_number(random());
    if (z.version == 2) z.codec.checksum = false;
    if (z.version == 3 && z.codec.of == zarr_codec::kind::zlib) z.codec.of = zarr_codec::kind::gzip;
    z.codec.crc = z.version == 3 && random() % 2 == 0;
    if (z.version == 3 || random() % 2 == 0) z.fill = weft::test::reference_element(1, z.type);
    INFO("seed " << seed);
    const std::string path = folder / std::to_string(seed);
    const std::vector<std::byte> all = reference_array(z.shape, z.type);
    pool.run(write_all(path, z, all));

    extents first, box;
    for (std::size_t a = 0; a < rank; ++a) {
      first.push_back(random() % (z.shape[a] + 1));
      box.push_back(random() % (z.shape[a] - first[a] + 1));
    }
    std::vector<std::byte> got(volume(box) * z.type.size), expected(got.size());
    const steps by = dense(box, z.type.size), whole = dense(z.shape, z.type.size);
    zarr_array again = pool.run(read_box(path, first, box, got.data(), by));
    REQUIRE(again.codec.crc == z.codec.crc);
    if (z.codec.of == zarr_codec::kind::none) again.codec = z.codec;
    REQUIRE(again.shape == z.shape);
    REQUIRE(again.order == z.order);
    REQUIRE(again.codec == z.codec);
    const std::byte* from = all.data();
    for (std::size_t a = 0; a < rank; ++a) from += static_cast<std::ptrdiff_t>(first[a]) * whole[a];
    copy_box(expected.data(), by, from, whole, box, z.type.size);
    REQUIRE((got == expected));
    zarr_array ignored;
    REQUIRE((pool.run(read_whole(path, ignored)) == all));
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
      REQUIRE(entry.path().string().find(".new") == std::string::npos);
  }
}

TEST_CASE("chunks that are not there are filled, and what stands over is filled too") {
  test_directory folder(test_directory::beside());
  weft::pool pool({.threads = 1});
  zarr_array z{.version = 3, .type = *parse_item_type(">i4"), .shape = {5}, .chunk = {4}, .order = {0}};
  z.fill = bytes(std::int32_t{-3});
  const std::string path = folder / "a";
  const std::vector<std::int32_t> values{10, 11, 12, 13, 14};
  const auto write = [](std::string name, const zarr_array& array, const std::int32_t* from) -> weft::task<> {
    co_await create_zarr(name, array);
    const extents last{1};
    const steps by{4};
    co_await write_zarr_chunk(name, array, last, reinterpret_cast<const std::byte*>(from), by);
  };
  pool.run(write(path, z, &values[4]));
  zarr_array again;
  const std::vector<std::byte> all = pool.run(read_whole(path, again));
  std::vector<std::int32_t> got(5);
  std::memcpy(got.data(), all.data(), 20);
  CHECK(got == std::vector<std::int32_t>{-3, -3, -3, -3, 14});
  CHECK(again == z);
  std::ifstream file(path + "/c/1", std::ios::binary);
  const std::string chunk((std::istreambuf_iterator<char>(file)), {});
  CHECK(chunk == std::string("\0\0\0\x0e\xff\xff\xff\xfd\xff\xff\xff\xfd\xff\xff\xff\xfd", 16));
}

TEST_CASE("a chunk is written to a store that is there, and makes none") {
  test_directory folder(test_directory::beside());
  weft::pool pool({.threads = 1});
  const std::vector<std::byte> one(4);
  const steps by{4, 4, 4};
  const extents origin{0, 0, 0};
  for (const char separator : {'.', '/'}) {
    zarr_array z{.type = *parse_item_type("<i4"), .shape = {1, 1, 1}, .chunk = {1, 1, 1}, .order = {0, 1, 2}};
    z.separator = separator;
    const std::string path = folder / (separator == '/' ? "deep" : "flat"), key = zarr_key(z, origin);
    CHECK_THROWS_AS(pool.run(write_zarr_chunk(path, z, origin, one.data(), by)), std::system_error);
    CHECK_FALSE(std::filesystem::exists(path));
    pool.run(create_zarr(path, z));
    pool.run(write_zarr_chunk(path, z, origin, one.data(), by));
    CHECK(std::filesystem::file_size(path + "/" + key) == 4);
    // What cannot get its name leaves nothing under the other.
    std::filesystem::remove(path + "/" + key);
    std::filesystem::create_directory(path + "/" + key);
    CHECK_THROWS_AS(pool.run(write_zarr_chunk(path, z, origin, one.data(), by)), std::system_error);
    CHECK_FALSE(std::filesystem::exists(path + "/" + key + ".new0"));
  }
}

TEST_CASE("bytes that are no bool's are true, in every codec") {
  test_directory folder(test_directory::beside());
  weft::pool pool({.threads = 1});
  zarr_array z{.version = 3, .type = *parse_item_type("|b1"), .shape = {5}, .chunk = {5}, .order = {0}};
  z.fill = bytes(false);
  const auto elements = [](std::initializer_list<int> values) {
    std::vector<std::byte> all;
    for (const int v : values) all.push_back(static_cast<std::byte>(v));
    return all;
  };
  for (std::size_t c = 0; c + 1 < codecs; ++c) {  // but zlib's, of version 2
    z.codec = codec_number(c);
    const std::string path = folder / std::to_string(c);
    pool.run(write_all(path, z, elements({0, 1, 2, 255, 128})));
    zarr_array again;
    CHECK(pool.run(read_whole(path, again)) == elements({0, 1, 1, 1, 1}));
  }
  // Elements of one byte that are numbers keep theirs.
  z.type = *parse_item_type("|u1");
  pool.run(write_all(folder / "numbers", z, elements({0, 1, 2, 255, 128})));
  zarr_array again;
  CHECK(pool.run(read_whole(folder / "numbers", again)) == elements({0, 1, 2, 255, 128}));
}

TEST_CASE("boxes and chunks that are not, and files of the wrong size, are refused") {
  test_directory folder(test_directory::beside());
  weft::pool pool({.threads = 1});
  zarr_array z{.version = 3, .type = *parse_item_type("<i4"), .shape = {5, 5}, .chunk = {4, 4}, .order = {0, 1}};
  const std::string path = folder / "a";
  pool.run(write_all(path, z, reference_array(z.shape, z.type)));
  std::vector<std::byte> memory(100);
  const auto read = [&](const extents& first, const extents& box, const steps& by) {
    pool.run(read_box(path, first, box, memory.data(), by));
  };
  const steps by{20, 4};
  CHECK_THROWS_WITH(read({0, 3}, {5, 3}, by), Contains("axis 1") && Contains("3 from 3 on"));
  CHECK_THROWS_AS(read({0}, {5}, {4}), weft::misuse);
  const auto write = [&](const extents& place, const steps& s) {
    pool.run(write_zarr_chunk(path, z, place, memory.data(), s));
  };
  CHECK_THROWS_WITH(write({0, 2}, by), Contains("2 chunks along axis 1") && Contains("no chunk 2"));
  CHECK_THROWS_AS(write({0}, {4}), weft::misuse);
  read({0, 0}, {5, 5}, by);
  std::filesystem::resize_file(path + "/c/1/1", 63);
  CHECK_THROWS_WITH(read({0, 0}, {5, 5}, by), Contains("/c/1/1 is no chunk of 64 bytes: it has 63"));

  z.codec = codec_number(1);
  pool.run(write_all(path, z, reference_array(z.shape, z.type)));
  std::filesystem::resize_file(path + "/c/0/1", 1 << 20);
  CHECK_THROWS_WITH(read({0, 0}, {5, 5}, by), Contains("/c/0/1 has 1048576 bytes") && Contains("at most"));
  CHECK_THROWS_AS(pool.run(open_zarr(folder / "nowhere")), std::system_error);
  std::filesystem::resize_file(path + "/zarr.json", most_zarr_metadata + 1);
  CHECK_THROWS_WITH(read({0, 0}, {5, 5}, by), Contains("metadata may have at most"));
}

TEST_CASE("arrays that zarr-python wrote are read") {
  const std::string folder = weft::test::reference_folder();
  if (folder.empty() || !std::filesystem::exists(folder + "/scalar.zarr")) {
    WARN(weft::test::no_reference << " For these python3-zarr is needed too.");
    return;
  }
  weft::pool pool({.threads = 1});
  zarr_array z;
  std::size_t arrays = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() != ".zarr" || (!name.ends_with("_dot") && !name.ends_with("_slash"))) continue;
    INFO(name);
    const std::vector<std::byte> all = pool.run(read_whole(entry.path().string(), z));
    CHECK(z.shape == extents{30, 41, 3});
    CHECK((all == reference_array(z.shape, z.type)));
    CHECK(z.type.swapped == (name.find("_big_") != std::string::npos));
    CHECK(z.order == (name.find("_F_") != std::string::npos ? extents{2, 1, 0} : extents{0, 1, 2}));
    ++arrays;
  }
  CHECK(arrays == 8 * 6 * 2 * 2);

  const auto filled = [&](const std::string& name) {
    const std::vector<std::byte> all = pool.run(read_whole(folder + "/fill_" + name + ".zarr", z));
    return std::vector<std::byte>(all.end() - static_cast<std::ptrdiff_t>(z.type.size), all.end());
  };
  CHECK(filled("nan") == bytes(std::numeric_limits<double>::quiet_NaN()));
  CHECK(filled("infinity") == bytes(-std::numeric_limits<float>::infinity()));
  CHECK(filled("seven") == bytes(std::int16_t{7}));
  CHECK(filled("large") == bytes(std::numeric_limits<std::uint64_t>::max()));
  CHECK(filled("complex") == bytes(std::array<float, 2>{1, -2}));
  CHECK(filled("true") == bytes(true));
  CHECK(filled("null") == bytes(0.0F));
  CHECK(filled("tenth") == bytes(0.1));
  CHECK(pool.run(read_whole(folder + "/scalar.zarr", z)) == bytes(2.5));
  CHECK_THROWS_WITH(pool.run(open_zarr(folder + "/filtered.zarr")), Contains("filters"));
  CHECK_THROWS_WITH(pool.run(open_zarr(folder + "/lz4.zarr")), Contains("'lz4'"));
  CHECK_THROWS_WITH(pool.run(open_zarr(folder + "/text.zarr")), Contains("'<U3'"));
}

/// What numpy_check.py reads afterwards.
TEST_CASE("arrays are written for zarr-python to read") {
  const char* folder = std::getenv("WEFT_ARRAY_WRITTEN");
  if (!folder) {
    WARN("left out: ctest says where to write, and has zarr-python read it");
    return;
  }
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  weft::pool pool({.threads = 1});
  for (std::size_t c = 0; c < codecs; ++c)
    for (const char* type : {"|b1", ">i4", "<f8", "<c16"})
      for (const bool falling : {false, true}) {
        zarr_array z{.version = 2, .type = *parse_item_type(type), .shape = {30, 41, 3}, .chunk = {8, 20, 3}};
        z.order = falling ? extents{2, 1, 0} : extents{0, 1, 2};
        z.codec = codec_number(c);
        z.codec.checksum = false;
        z.prefixed = false;
        z.separator = falling ? '/' : '.';
        z.fill = weft::test::reference_element(1, z.type);
        const std::string path = std::string(folder) + "/" + std::to_string(c) + type[1] + (falling ? "F" : "C");
        pool.run(write_all(path + ".zarr", z, reference_array(z.shape, z.type)));
      }
}

}  // namespace
