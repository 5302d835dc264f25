// Stacks of npy files, as Dask has them.
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "array/arrays.hpp"
#include "array/files.hpp"
#include "array/held_writes.hpp"
#include "array/stack_info.hpp"
#include "array/unfinished.hpp"
#include "weft/checkpoint.hpp"
#include "weft/errors.hpp"

using arrays::list_of;
using arrays::noise;
using arrays::place;
using Catch::Contains;
using weft::chunk_sizes;
using weft::slice;
using weft::detail::arrays::make_stack_info;
using weft::detail::arrays::parse_stack_info;
using weft::detail::arrays::stack_info;

namespace {

namespace fs = std::filesystem;
using sizes = std::vector<std::int64_t>;

weft::array<double, 2> some(const weft::client& c) {
  return weft::from_function<2>(c, {60, 47}, [](std::int64_t i, std::int64_t j) { return noise(i * 47 + j); },
                                {.chunk = {13, 20}});
}
/// The elements of numpy_reference.py.
template <class T>
weft::array<T, 3> reference_values(const weft::client& c) {
  const auto value = [](std::int64_t i, std::int64_t j, std::int64_t k) {
    const std::int64_t n = ((i * 41 + j) * 3 + k) % 251;
    if constexpr (weft::detail::is_complex<T>)
      return T(static_cast<typename T::value_type>(n), static_cast<typename T::value_type>(-n));
    else if constexpr (std::is_same_v<T, bool>)
      return n % 2 == 1;
    else
      return static_cast<T>(n);
  };
  return weft::from_function<3>(c, {30, 41, 3}, value, {.chunk = {8, 20, 3}});
}
template <class T>
void check_stack(place& at, const std::string& path, std::int64_t axis) {
  CAPTURE(path);
  const auto x = at.pool.run(weft::from_npy_stack<T, 3>(at.client, path));
  const auto expected = reference_values<T>(at.client);
  weft::shape chunk{30, 41, 3};
  chunk[static_cast<std::size_t>(axis)] = expected.chunk_shape()[static_cast<std::size_t>(axis)];
  CHECK(x.chunk_shape() == chunk);
  CHECK((at(x) == at(expected)));
}
std::vector<std::byte> bytes_of(const std::string& s) {
  const auto b = std::as_bytes(std::span(s));
  return {b.begin(), b.end()};
}
void write_file(const std::string& path, const std::vector<std::byte>& content) {
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(content.data()), std::ssize(content));
}
stack_info parse(const std::string& pickle) { return parse_stack_info(bytes_of(pickle), "info"); }

}  // namespace

TEST_CASE("what is written to a stack of files is read from it, along any axis") {
  const test_directory folder(test_directory::beside());
  place at;
  const auto x = some(at.client);
  const xt::xtensor<double, 2> whole = at(x);
  const std::string rows = folder / "rows", columns = folder / "columns";
  at.pool.run(weft::to_npy_stack(x, rows));
  at.pool.run(weft::to_npy_stack(weft::rechunk(x, chunk_sizes({}, {30, 7, 10})), columns, -1));
  CHECK(weft::detail::arrays::all_unfinished_beside(rows).empty());
  const auto by_rows = at.pool.run(weft::from_npy_stack<double, 2>(at.client, rows));
  CHECK(by_rows.chunk_sizes() == std::vector<sizes>{{13, 13, 13, 13, 8}, {47}});
  CHECK((at(by_rows) == whole));
  const auto by_columns = at.pool.run(weft::from_npy_stack<double>(at.client, columns));
  CHECK(by_columns.chunk_sizes() == std::vector<sizes>{{60}, {30, 7, 10}});
  CHECK((at(by_columns) == whole));
  // A file is one of NumPy's, and a part reads its own alone.
  const auto third = at.pool.run(weft::from_npy<double, 2>(at.client, rows + "/2.npy"));
  CHECK((at(third) == at(x(slice(26, 39)))));
  fs::remove(rows + "/3.npy");
  CHECK(at(by_rows(38, 46)) == whole(38, 46));
  CHECK_THROWS_WITH(at(by_rows(39, 46)), Contains("3.npy"));
  // In a file of what is read.
  CHECK_THROWS_WITH(
      at.pool.run(weft::store(by_rows(slice(0, 5)), weft::npy_file(rows + "/1.npy").region(slice(3, 8)))),
      Contains("1.npy") && Contains("reads that array itself"));
  // An axis of nothing.
  at.pool.run(weft::to_npy_stack(weft::zeros<float, 2>(at.client, {0, 3}), folder / "none/"));
  CHECK(at.pool.run(weft::from_npy_stack<float, 2>(at.client, folder / "none")).shape() == weft::shape{0, 3});
}

TEST_CASE("a stack comes where nothing is, and leaves nothing when it fails") {
  const test_directory folder(test_directory::beside());
  place at;
  const std::string path = folder / "x";
  fs::create_directory(path);
  at.pool.run(weft::to_npy_stack(some(at.client), path));  // in the place of an empty folder
  CHECK_THROWS_WITH(at.pool.run(weft::to_npy_stack(some(at.client), path)), Contains("is there already"));
  CHECK(at.pool.run(weft::from_npy_stack<double, 2>(at.client, path)).chunk_count() == 5);
  const auto refuses = [](double v) {
    if (v > 0.49) throw std::domain_error("too large");
    return v;
  };
  const std::string other = folder / "y";
  CHECK_THROWS_WITH(at.pool.run(weft::to_npy_stack(weft::map_elements(refuses, some(at.client)), other)),
                    Contains("too large"));
  CHECK(!fs::exists(other));
  CHECK(weft::detail::arrays::all_unfinished_beside(other).empty());
  CHECK_THROWS_AS(at.pool.run(weft::to_npy_stack(some(at.client), other, 2)), weft::misuse);
}

TEST_CASE("a chunk has its name when it is whole, and what a task that was given up has written goes") {
  const test_directory folder(test_directory::beside());
  place at;
  const std::string path = folder / "x";
  const auto x = weft::from_function<2>(
      at.client, {60, 47}, [](std::int64_t i, std::int64_t j) { return noise(i * 47 + j); }, {.chunk = {12, 47}});
  const auto writes = weft::test::held_writes::in(at.pool, 12 * 47 * sizeof(double));
  std::atomic<bool> ended{false};
  const auto call = [&]() -> weft::task<> {
    co_await weft::to_npy_stack(x, path);
    ended = true;
  };
  const auto around = [&]() -> weft::task<> {
    co_await writes->begun.wait();
    const fs::path unfinished = weft::detail::arrays::all_unfinished_beside(path).at(0);
    for (const fs::directory_entry& e : fs::directory_iterator(unfinished)) CHECK(e.path().extension() != ".npy");
    std::ofstream(unfinished / "1.npy.00f1e2d3c4b5a697") << "half of a chunk";
    while (!ended) {
      writes->let_go();
      co_await weft::yield();
    }
  };
  const auto both = [&]() -> weft::task<> { co_await weft::all(call(), around()); };
  at.pool.run(both());
  CHECK(std::distance(fs::directory_iterator(path), fs::directory_iterator()) == 5 + 1);
  CHECK((at(at.pool.run(weft::from_npy_stack<double, 2>(at.client, path))) == at(x)));
}

TEST_CASE("what is not what info says is refused by name") {
  const test_directory folder(test_directory::beside());
  place at;
  const std::string path = folder / "x";
  at.pool.run(weft::to_npy_stack(some(at.client), path));
  CHECK_THROWS_WITH((at.pool.run(weft::from_npy_stack<float, 2>(at.client, path))),
                    Contains("<f8") && Contains("float32"));
  CHECK_THROWS_WITH((at.pool.run(weft::from_npy_stack<double, 3>(at.client, path + "/"))),
                    Contains("has an array of 2 axes, and is read as one of 3"));
  CHECK_THROWS_AS((at.pool.run(weft::from_npy_stack<double, 2>(at.client, folder / "none"))), std::system_error);
  const auto x = at.pool.run(weft::from_npy_stack<double, 2>(at.client, path));
  at.pool.run(weft::to_npy(weft::zeros<double, 2>(at.client, {13, 46}), path + "/1.npy"));
  CHECK_THROWS_WITH(at(x), Contains("1.npy has <f8 of shape (13, 46), where info says float64 of shape (13, 47)"));
  write_file(path + "/info", bytes_of("numbers"));
  CHECK_THROWS_WITH((at.pool.run(weft::from_npy_stack<double, 2>(at.client, path))),
                    Contains("info does not describe a stack of npy files"));
}

TEST_CASE("Dask's stacks are read, and Dask reads ours") {
  const std::string folder = weft::test::reference_folder();
  place at;
  if (folder.empty() || !fs::exists(folder + "/stack_lf8_0")) {
    WARN("left out: there are no stacks made by Dask. Install python3-dask, and run this test by ctest.");
  } else {
    for (const std::int64_t axis : {0, 1, 2}) {
      const auto path = [&](const std::string& type) {
        return folder + "/stack_" + type + "_" + std::to_string(axis);
      };
      check_stack<bool>(at, path("nb1"), axis);
      check_stack<std::int32_t>(at, path("li4"), axis);
      check_stack<double>(at, path("lf8"), axis);
      check_stack<double>(at, path("bf8"), axis);
      check_stack<std::complex<float>>(at, path("lc8"), axis);
    }
  }
  if (const char* written = std::getenv("WEFT_ARRAY_STACKS")) {
    fs::remove_all(written);
    fs::create_directories(written);
    for (const std::int64_t axis : {0, 1, 2}) {
      const auto path = [&](const std::string& type) {
        return std::string(written) + "/" + type + std::to_string(axis);
      };
      at.pool.run(weft::to_npy_stack(reference_values<bool>(at.client), path("b"), axis));
      at.pool.run(weft::to_npy_stack(reference_values<std::int16_t>(at.client), path("i"), axis));
      at.pool.run(weft::to_npy_stack(reference_values<float>(at.client), path("f"), axis));
      at.pool.run(weft::to_npy_stack(reference_values<std::complex<double>>(at.client), path("c"), axis));
    }
  }
}

TEST_CASE("info is a pickle of one kind, and nothing that it asks for is run") {
  stack_info info;
  info.chunks = {{3, 3, 1}, {7}, {std::int64_t{1} << 40}};
  info.type = *weft::detail::arrays::parse_item_type(">f8");
  info.axis = 1;
  const std::vector<std::byte> pickle = make_stack_info(info);
  const stack_info back = parse_stack_info(pickle, "info");
  CHECK(back.chunks == info.chunks);
  CHECK(back.type == info.type);
  CHECK(back.axis == 1);
  for (std::size_t n = 0; n < pickle.size(); ++n)
    CHECK_THROWS_AS(parse_stack_info(std::span(pickle).first(n), "info"), std::runtime_error);
  // What is turned somewhere is refused, or says something else.
  for (std::size_t i = 0; i < pickle.size(); ++i)
    for (const unsigned turn : {1u, 0x80u, 0xffu}) {
      std::vector<std::byte> other = pickle;
      other[i] ^= static_cast<std::byte>(turn);
      try {
        static_cast<void>(parse_stack_info(other, "info"));
      } catch (const std::runtime_error&) {}
    }
  CHECK_THROWS_WITH(parse("\x80\x02"
                          "cos\nsystem\nX\x02\x00\x00\x00"
                          "id\x85R."),
                    Contains("it asks for os.system"));
  CHECK_THROWS_WITH(parse("\x80\x02"
                          "cnumpy\ndtype\nK\x01\x85R."),
                    Contains("it calls what is not numpy.dtype"));
  CHECK_THROWS_WITH(parse("\x80\x06"
                          "N."),
                    Contains("protocol 6 of pickle is not known"));
  CHECK_THROWS_WITH(parse("\x80\x02"
                          "N."),
                    Contains("it is no dict"));
  CHECK_THROWS_WITH(parse("\x80\x02}."), Contains("it has no proper \"chunks\""));
  CHECK_THROWS_WITH(parse("\x80\x02h\x05."), Contains("there is no object of that number"));
  CHECK_THROWS_WITH(parse("\x80\x02)" + std::string(100000, '\x85') + "."), Contains("nested too deep"));
  CHECK_THROWS_WITH(parse("\x80\x02R."), Contains("an object is missing"));
  CHECK_THROWS_WITH(parse("\x80\x02t."), Contains("a mark is missing"));
}
