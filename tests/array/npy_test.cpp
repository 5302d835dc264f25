// Files of NumPy: those it wrote itself, those we write, and those that nobody should have written.
#include "array/npy.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "array/file_box.hpp"
#include "array/files.hpp"
#include "support/seeds.hpp"
#include "weft/errors.hpp"
#include "weft/weft.hpp"

namespace {

using namespace weft::detail::arrays;

using extents = std::vector<std::size_t>;
using steps = std::vector<std::ptrdiff_t>;

std::size_t volume(const extents& e) {
  return std::accumulate(e.begin(), e.end(), std::size_t{1}, std::multiplies<>());
}

std::span<const std::byte> bytes(const std::string& s) { return std::as_bytes(std::span(s)); }

/// A file's bytes before its elements, for a header's text.
std::string file_of(const std::string& text, char version = 1) {
  std::string s = "\x93NUMPY";
  s += version;
  s += '\0';
  for (std::size_t i = 0; i < (version == 1 ? 2U : 4U); ++i) s += static_cast<char>(text.size() >> 8 * i & 255);
  return s + text;
}
npy_header parsed(const std::string& file, std::uint64_t more = 1 << 20) {
  return parse_npy_header(bytes(file), file.size() + more, "a.npy");
}

TEST_CASE("headers say type, order and shape") {
  const std::string file = file_of("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }      \n");
  const npy_header h = parsed(file);
  CHECK(to_string(h.type) == "<f8");
  CHECK(!h.fortran_order);
  CHECK(h.shape == extents{3, 4});
  CHECK(h.data_offset == file.size());
  // Any order of keys, either quotes, no spaces, Python 2's long numbers, version 2 and 3.
  for (const char version : {'\1', '\2', '\3'}) {
    const npy_header other = parsed(file_of("{\"shape\":(7L,),\"fortran_order\":True,\"descr\":\">c16\"}", version));
    CHECK(other.type == item_type{item_type::kind::complex, 16, true});
    CHECK(other.fortran_order);
    CHECK(other.shape == extents{7});
  }
  CHECK(parsed(file_of("{'descr': '|b1', 'fortran_order': False, 'shape': ()}")).shape.empty());
}

TEST_CASE("types of elements are read and written as NumPy names them") {
  for (const char* name :
       {"|b1", "|i1", "|u1", "<i2", ">i2", "<u4", ">i8", "<f2", ">f4", "<f8", "<f16", "<c8", ">c32"}) {
    const auto t = parse_item_type(name);
    REQUIRE(t);
    CHECK(to_string(*t) == name);
  }
  CHECK(to_string(*parse_item_type("=f8")) == "<f8");
  for (const char* name : {"", "f8", "<f", "<f3", "<b2", "|f8", "<i16", "<c4", "<c64", "<U5", "|O", "|S3", "<f8 ",
                           "<f-8", "<f99999999999999999999", "<M8"})
    CHECK(!parse_item_type(name));
}

TEST_CASE("written headers are read again, and the elements begin at a line") {
  for (const unsigned version : {1U, 2U, 3U})
    for (const extents& shape : {extents{}, extents{5}, extents{0, 3}, extents(16, 1), extents{1234567, 3, 1}}) {
      npy_header h{.type = *parse_item_type(">i4"), .fortran_order = version == 2, .shape = shape};
      const std::vector<std::byte> head = make_npy_header(h, version);
      CHECK(h.data_offset == head.size());
      CHECK(h.data_offset % 64 == 0);
      CHECK(head.back() == std::byte{'\n'});
      CHECK(npy_header_size(head, "a") == head.size());
      const npy_header again = parse_npy_header(head, std::uint64_t{1} << 40, "a");
      CHECK(again.shape == shape);
      CHECK(again.type == h.type);
      CHECK(again.fortran_order == h.fortran_order);
      CHECK(again.data_offset == h.data_offset);
    }
  npy_header h;
  CHECK_THROWS_AS(make_npy_header(h, 4), weft::misuse);
}

TEST_CASE("headers that are damaged or lie are refused by a sentence") {
  const auto error = [](const std::string& file, std::uint64_t more = 1000) -> std::string {
    try {
      parsed(file, more);
    } catch (const std::runtime_error& e) { return e.what(); }
    return "";
  };
  const std::string good = "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4)}";
  CHECK(error(file_of(good)).empty());
  using Catch::Contains;
  CHECK_THAT(error("PK\3\4 no such file"), Contains("a.npy is no npy file"));
  CHECK_THAT(error("\x93NUMPY"), Contains("no npy file"));
  CHECK_THAT(error(file_of(good, 4)), Contains("version 4"));
  CHECK_THAT(error(file_of(good).substr(0, 40)), Contains("cut short within its header"));
  CHECK_THAT(error(file_of(std::string(most_npy_header + 1, ' '), 2)), Contains("header of 65537 bytes"));
  CHECK_THAT(error(file_of(good), 95),
             Contains("cut short: an array of shape (3, 4) and type <f8 has 96 bytes") && Contains("there are 95"));
  const auto with = [&](const std::string& descr, const std::string& order, const std::string& shape) {
    return error(file_of("{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + "}"));
  };
  CHECK_THAT(with("'<U5'", "False", "(3,)"), Contains("elements of type '<U5'"));
  CHECK_THAT(with("'|O'", "False", "(3,)"), Contains("'|O'"));
  CHECK_THAT(with("[('x', '<f8')]", "False", "(3,)"), Contains("records"));
  CHECK_THAT(with("'<f8'", "0", "(3,)"), Contains("neither True nor False"));
  CHECK_THAT(with("'<f8'", "False", "(3)"), Contains("no tuple"));
  CHECK_THAT(with("'<f8'", "False", "3"), Contains("'(' is missing"));
  CHECK_THAT(with("'<f8'", "False", "(-3,)"), Contains("no number"));
  CHECK_THAT(with("'<f8'", "False", "(3, 4"), Contains("')' is missing"));
  CHECK_THAT(with("'<f8'", "False", "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)"), Contains("more than 16 axes"));
  // Sizes whose product overflows, to a small number or to 0, or hides behind an axis of no elements.
  CHECK_THAT(with("'<f8'", "False", "(4294967296, 4294967296)"), Contains("more bytes than any file"));
  CHECK_THAT(with("'<f8'", "False", "(2305843009213693953,)"), Contains("more bytes than any file"));
  CHECK_THAT(with("'<f8'", "False", "(99999999999999999999,)"), Contains("no number"));
  CHECK_THAT(with("'<f8'", "False", "(0, 4294967296, 4294967296)"), Contains("more bytes than any file"));
  CHECK_THAT(error(file_of("{'descr': '<f8', 'shape': (3,)}")), Contains("'fortran_order' is missing"));
  CHECK_THAT(error(file_of("{'descr': '<f8', 'descr': '<f8'}")), Contains("'descr' is unknown or there twice"));
  CHECK_THAT(error(file_of("{'des\ncr': '<f8'}")), Contains("'des?cr' is unknown"));
  CHECK_THAT(error(file_of(good + "x")), Contains("something follows"));
  CHECK_THAT(error(file_of("{'descr")), Contains("no end"));
  CHECK_THAT(error(file_of("")), Contains("'{' is missing"));
}

TEST_CASE("whatever the bytes are, a header is read or refused") {
  const std::string good = file_of("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4, 11), }\n");
  std::size_t read = 0, refused = 0;
  for (const std::uint64_t seed : weft::test::seed_range(20000)) {
    std::mt19937_64 random(seed);
    std::string file = good;
    for (std::size_t n = 1 + random() % 4; n-- > 0;) {
      const std::size_t at = random() % file.size();
      switch (random() % 4) {
        case 0:
          file[at] = static_cast<char>(random());
          break;
        case 1:
          file.erase(at, 1 + random() % 5);
          break;
        case 2:
          file.insert(at, 1 + random() % 3, "0123456789,() {}'L-"[random() % 19]);
          break;
        default:
          file.resize(at);
      }
      if (file.empty()) break;
    }
    const std::uint64_t size = file.size() + random() % 2000;
    try {
      const npy_header h = parse_npy_header(bytes(file), size, "a.npy");
      const auto needed = bytes_of(h.shape, h.type.size);
      REQUIRE(needed);
      REQUIRE(h.data_offset + *needed <= size);
      ++read;
    } catch (const std::runtime_error& e) {
      REQUIRE(std::string(e.what()).starts_with("weft: a.npy "));
      ++refused;
    }
  }
  if (weft::test::number_in_environment("WEFT_SEED", "a seed") == std::nullopt) {
    CHECK(read > 0);
    CHECK(refused > 0);
  }
}

/// The units of a box cover it once, and straight ones only where memory is as the file.
TEST_CASE("units keep their limits") {
  const file_layout c{.offset = 128, .item = 8, .shape = {1000, 1000, 10}, .steps = {80000, 80, 8}};
  const steps dense{80000, 80, 8}, transposed{8, 8000, 8000000};
  box_units u = plan_units(c, extents{1000, 1000, 10}, dense, most_gap, false);
  CHECK(u.straight);
  CHECK(u.span == 80'000'000);
  u = plan_units(c, extents{1000, 1000, 10}, transposed, most_gap, false);
  CHECK(!u.straight);
  CHECK(u.span <= most_buffered);
  CHECK(u.axis == 0);
  CHECK(u.count == most_buffered / 80000);
  // A column: each element has a gap of 72 bytes behind it, and is not read by itself.
  u = plan_units(c, extents{1000, 1000, 1}, transposed, most_gap, false);
  CHECK(u.span > most_buffered / 2);
  CHECK(plan_units(c, extents{1000, 1000, 1}, transposed, 0, false).span == 8);
  // Gaps of 79,920 bytes are not read.
  u = plan_units(c, extents{1000, 1, 10}, steps{80, 80, 8}, most_gap, false);
  CHECK(u.span == 80);
  // A run longer than a buffer is cut where bytes change on the way.
  const file_layout line{.offset = 0, .item = 8, .shape = {1 << 24}, .steps = {8}};
  CHECK(plan_units(line, extents{1 << 24}, steps{8}, 0, true).span == most_buffered);
}

/// An array in memory whose element k, in C's order, has k's bytes, the lowest first; in the machine's order.
std::vector<std::byte> numbered(const extents& shape, std::size_t item) {
  std::vector<std::byte> all(volume(shape) * item);
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i] = static_cast<std::byte>(i / item >> 8 * std::min<std::size_t>(i % item, 7) & 255);
  return all;
}

struct random_case {
  npy_header h;
  extents first, box;
  steps by;                       // of the box's memory
  std::vector<std::byte> memory;  // to hold it
};

random_case make_case(std::mt19937_64& random) {
  random_case c;
  const char* types[] = {"|u1", "<i2", ">i2", "<f4", ">f8", "<f8", "<c16", ">c16"};
  c.h.type = *parse_item_type(types[random() % std::size(types)]);
  c.h.fortran_order = random() % 2 == 0;
  const std::size_t rank = random() % 5;
  for (std::size_t a = 0; a < rank; ++a) {
    c.h.shape.push_back(1 + random() % (rank < 3 ? 300 : 20));
    const bool whole = random() % 3 == 0;
    c.first.push_back(whole ? 0 : random() % c.h.shape[a]);
    c.box.push_back(whole ? c.h.shape[a] : random() % (c.h.shape[a] - c.first[a] + 1));
  }
  c.by.resize(rank);
  row_major_steps(c.box, c.h.type.size, c.by);
  if (random() % 3 == 0 && rank > 1) {  // Fortran's order in memory
    auto step = static_cast<std::ptrdiff_t>(c.h.type.size);
    for (std::size_t a = 0; a < rank; ++a) {
      c.by[a] = step;
      step *= static_cast<std::ptrdiff_t>(c.box[a]);
    }
  }
  c.memory.assign(volume(c.box) * c.h.type.size, std::byte{0xee});
  return c;
}

/// The box of an array that is row-major in memory, as it should come to c.memory.
std::vector<std::byte> expected_box(const random_case& c, const std::vector<std::byte>& all) {
  std::vector<std::byte> box = c.memory;
  steps by(c.h.shape.size());
  row_major_steps(c.h.shape, c.h.type.size, by);
  const std::byte* from = all.data();
  for (std::size_t a = 0; a < by.size(); ++a) from += static_cast<std::ptrdiff_t>(c.first[a]) * by[a];
  copy_box(box.data(), c.by, from, by, c.box, c.h.type.size);
  return box;
}

weft::task<> write_whole(std::string path, npy_header& h, const std::vector<std::byte>& all) {
  weft::file f = co_await create_npy(path, h);
  const extents origin(h.shape.size(), 0);
  steps by(h.shape.size());
  row_major_steps(h.shape, h.type.size, by);
  co_await write_npy_box(f, h, origin, h.shape, all.data(), by);
  co_await f.close();
}

TEST_CASE("boxes of a file are read and written in their place, in any order of axes and bytes") {
  test_directory folder(test_directory::beside());
  weft::pool pool({.threads = 2});
  for (const std::uint64_t seed : weft::test::seed_range(150)) {
    std::mt19937_64 random(seed);
    random_case c = make_case(random);
    INFO("seed " << seed);
    const std::string path = folder / "a.npy";
    std::vector<std::byte> all = numbered(c.h.shape, c.h.type.size);
    pool.run(write_whole(path, c.h, all));

    const auto read = [](const std::string& name, random_case& r) -> weft::task<npy_header> {
      weft::file f = co_await weft::file::open(name);
      const npy_header h = co_await read_npy_header(f);
      co_await read_npy_box(f, h, r.first, r.box, r.memory.data(), r.by);
      co_return h;
    };
    const npy_header h = pool.run(read(path, c));
    REQUIRE(h.shape == c.h.shape);
    REQUIRE(h.type == c.h.type);
    REQUIRE((c.memory == expected_box(c, all)));

    // Written back with every bit turned, it changes its own elements and no others.
    for (std::byte& b : c.memory) b = ~b;
    const auto write = [](const std::string& name, const random_case& r) -> weft::task<> {
      weft::file f = co_await weft::file::open(name, {.mode = weft::access::read_write});
      co_await write_npy_box(f, r.h, r.first, r.box, r.memory.data(), r.by);
    };
    pool.run(write(path, c));
    steps by(c.h.shape.size());
    row_major_steps(c.h.shape, c.h.type.size, by);
    std::byte* place = all.data();
    for (std::size_t a = 0; a < by.size(); ++a) place += static_cast<std::ptrdiff_t>(c.first[a]) * by[a];
    copy_box(place, by, c.memory.data(), c.by, c.box, c.h.type.size);
    random_case whole = c;
    whole.first.assign(c.h.shape.size(), 0);
    whole.box = c.h.shape;
    whole.by = by;
    whole.memory.assign(all.size(), std::byte{});
    pool.run(read(path, whole));
    REQUIRE((whole.memory == all));
  }
}

TEST_CASE("a large array goes through a bounded buffer, and chunks are written at the same time") {
  test_directory folder(test_directory::beside());
  weft::pool pool({.threads = 2});
  npy_header h{.type = *parse_item_type("<i4"), .fortran_order = true, .shape = {1500, 1100}};
  const std::vector<std::byte> all = numbered(h.shape, 4);
  const auto program = [](const std::string& path, npy_header& head, const std::vector<std::byte>& from,
                          std::vector<std::byte>& back) -> weft::task<> {
    weft::file f = co_await create_npy(path, head);
    steps by{4400, 4};
    std::vector<weft::task<>> writes;
    for (std::size_t row = 0; row < 1500; row += 500)
      for (std::size_t column = 0; column < 1100; column += 550)
        writes.push_back([](weft::file& to, const npy_header& hd, const std::byte* begin, std::size_t r,
                            std::size_t c, const steps& s) -> weft::task<> {
          const extents first{r, c}, box{500, 550};
          co_await write_npy_box(to, hd, first, box, begin + r * 4400 + c * 4, s);
        }(f, head, from.data(), row, column, by));
    co_await weft::all(std::move(writes));
    const extents origin{0, 0};
    co_await read_npy_box(f, head, origin, head.shape, back.data(), by);
  };
  std::vector<std::byte> back(all.size());
  pool.run(program(folder / "large.npy", h, all, back));
  CHECK((back == all));
}

TEST_CASE("boxes outside of the array, and files cut short later, are refused") {
  test_directory folder(test_directory::beside());
  weft::pool pool({.threads = 1});
  npy_header h{.type = *parse_item_type("<f8"), .shape = {10, 10}};
  const std::string path = folder / "a.npy";
  pool.run(write_whole(path, h, numbered(h.shape, 8)));
  std::vector<std::byte> memory(800);
  const auto read = [&](extents first, extents box, steps by, std::uint64_t size) {
    const auto program = [](const std::string& name, const npy_header& hd, std::byte* to, const extents& at,
                            const extents& e, const steps& s, std::uint64_t length) -> weft::task<> {
      weft::file f = co_await weft::file::open(name, {.mode = weft::access::read_write});
      co_await f.truncate(length);
      co_await read_npy_box(f, hd, at, e, to, s);
    };
    pool.run(program(path, h, memory.data(), first, box, by, size));
  };
  const std::uint64_t whole = h.data_offset + 800;
  const steps by{80, 8};
  read({0, 0}, {10, 10}, by, whole);
  CHECK_THROWS_WITH(read({0, 5}, {10, 6}, by, whole), Catch::Contains("axis 1") && Catch::Contains("6 from 5 on"));
  CHECK_THROWS_AS(read({11, 0}, {0, 1}, by, whole), weft::misuse);
  CHECK_THROWS_AS(read({1, 0}, {std::size_t(-1), 1}, by, whole), weft::misuse);
  CHECK_THROWS_WITH(read({0}, {10}, {8}, whole), Catch::Contains("has 2 axes, and the box 1"));
  CHECK_THROWS_WITH(read({0, 0}, {10, 10}, by, whole - 1), Catch::Contains("cut short after its header was read"));
}

TEST_CASE("files that NumPy wrote are read") {
  const std::string folder = weft::test::reference_folder();
  if (folder.empty()) {
    WARN(weft::test::no_reference);
    return;
  }
  weft::pool pool({.threads = 1});
  const auto read = [](const std::string& path, npy_header& h) -> weft::task<std::vector<std::byte>> {
    weft::file f = co_await weft::file::open(path);
    h = co_await read_npy_header(f);
    std::vector<std::byte> all(volume(h.shape) * h.type.size);
    const extents origin(h.shape.size(), 0);
    steps by(h.shape.size());
    row_major_steps(h.shape, h.type.size, by);
    co_await read_npy_box(f, h, origin, h.shape, all.data(), by);
    co_return all;
  };
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".npy") continue;
    const std::string name = entry.path().stem().string();
    INFO(name);
    npy_header h;
    if (name == "text" || name == "records" || name == "objects") {
      CHECK_THROWS_WITH(pool.run(read(entry.path().string(), h)), Catch::Contains("holds"));
      continue;
    }
    const std::vector<std::byte> all = pool.run(read(entry.path().string(), h));
    for (std::size_t k = 0; k < volume(h.shape); ++k) {
      const std::vector<std::byte> expected = weft::test::reference_element(k, h.type);
      if (std::memcmp(all.data() + k * h.type.size, expected.data(), expected.size()) != 0) FAIL("element " << k);
    }
    if (name.starts_with("version")) continue;
    // "lf8_C_30_41": the name says type, order and shape.
    std::istringstream words(name);
    std::string word, type, order;
    std::getline(words, type, '_');
    std::getline(words, order, '_');
    extents shape;
    while (std::getline(words, word, '_')) shape.push_back(std::stoul(word));
    type[0] = type[0] == 'l' ? '<' : type[0] == 'b' ? '>' : '|';
    CHECK(to_string(h.type) == type);
    CHECK(h.shape == shape);
    if (volume(shape) > 1 && shape.size() > 1) CHECK(h.fortran_order == (order == "F"));
    ++files;
  }
  CHECK(files == 14 * 5 * 2);
}

}  // namespace
