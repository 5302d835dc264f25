// Datasets of HDF5 files as arrays, and arrays as datasets.
#include <catch2/catch.hpp>
#include <complex>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "array/arrays.hpp"
#include "array/files.hpp"
#include "array/hdf5_array.hpp"
#include "array/hdf5_file.hpp"
#include "array/hdf5_room.hpp"
#include "env/scratch.hpp"
#include "weft/blocking.hpp"
#include "weft/errors.hpp"
#include "weft/progress.hpp"

using arrays::place;
using arrays::some;
using Catch::Contains;
using weft::slice;
using weft::test::file_limit;

namespace {

namespace fs = std::filesystem;
using weft::detail::arrays::item_type;

/// Where hdf5_reference.py has put its files; empty when there are none.
std::string reference() {
  const char* folder = std::getenv("WEFT_ARRAY_HDF5");
  return folder && fs::exists(std::string(folder) + "/special.h5") ? folder : "";
}
constexpr const char* no_reference =
    "left out: there are no files made by h5py. Install python3-h5py, and run this test by ctest.";

template <class T>
void check_element(place& at, const std::string& path, const std::string& dataset, const item_type& type) {
  INFO(path << " " << dataset);
  const auto x = at.pool.run(weft::from_hdf5<T, 3>(at.client, path, dataset));
  const xt::xtensor<T, 3> whole = at(x);
  REQUIRE(whole.size() == 30 * 41 * 3);
  bool same = true;
  for (std::size_t k = 0; same && k < whole.size(); ++k)
    same = std::memcmp(&whole.flat(k), weft::test::reference_element(k, type).data(), sizeof(T)) == 0;
  CHECK(same);
  CHECK(at(x(29, 40, 2)) == whole(29, 40, 2));
  const auto part = at(x(slice(28, 5, -7), slice(10, 41, 9), 1));
  bool part_same = part.shape()[0] == 4 && part.shape()[1] == 4;
  for (std::size_t i = 0; part_same && i < 4; ++i)
    for (std::size_t j = 0; part_same && j < 4; ++j) part_same = part(i, j) == whole(28 - 7 * i, 10 + 9 * j, 1);
  CHECK(part_same);
}

std::vector<char> bytes_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("what is written to an HDF5 file is read from it, in any chunks") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const std::string path = folder / "x.h5";
  const auto x = some(c, {13, 20});
  const xt::xtensor<double, 2> whole = at(x);
  at.pool.run(weft::to_hdf5(x, path, "/run/7/x"));
  for (const weft::shape& chunk : {weft::shape{60, 47}, weft::shape{7, 47}, weft::shape{60, 5}, weft::shape{1, 1}}) {
    const auto y = at.pool.run(weft::from_hdf5<double, 2>(c, path, "run/7/x", {.chunk = chunk}));
    CHECK(y.chunk_shape() == chunk);
    CHECK((at(y) == whole));
    CHECK(at(y(slice(59, 20, -3), 46))(2) == whole(53, 46));
  }
  // More datasets in the same file, one of them made from the first.
  const auto y = at.pool.run(weft::from_hdf5<double, 2>(c, path, "run/7/x"));
  at.pool.run(weft::show_progress(c, "writing", weft::to_hdf5(weft::transpose(y) * 2.0, path, "doubled"),
                                  weft::progress_bar::style::silent));
  const auto z = at.pool.run(weft::from_hdf5<double>(c, path, "doubled"));
  CHECK(z.shape() == weft::shape{47, 60});
  CHECK((at(z) == xt::transpose(whole) * 2.0));
  CHECK((at(y) == whole));
  // Other types and shapes.
  const auto again = [&](const auto& array, const std::string& name) {
    using type = std::remove_cvref_t<decltype(array)>;
    at.pool.run(weft::to_hdf5(array, path, name));
    return at.pool.run(weft::from_hdf5<typename type::value_type, type::rank>(c, path, name));
  };
  const auto kept = weft::astype<std::int16_t>(x * 1000.0).persist();
  CHECK((at(again(kept, "kept")) == at(kept)));
  CHECK((at(again(x > 0.0, "truths")) == (whole > 0.0)));
  CHECK(at(again(weft::sum(x), "one")) == at(weft::sum(x)));
  CHECK(at(again(weft::zeros<float, 2>(c, {0, 3}), "nothing")).shape()[1] == 3);
  const auto complex =
      weft::array<std::complex<float>, 1>(weft::astype<std::complex<float>>(weft::arange<float>(c, 9)));
  CHECK((at(again(complex, "run/complex")) == at(complex)));
  CHECK_THROWS_WITH((at.pool.run(weft::from_hdf5<double, 2>(c, path, "run%2F7%2Fx.unfinished"))),
                    Contains("has no dataset"));
}

TEST_CASE("a dataset that is there is kept, unless it is to be replaced") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const std::string path = folder / "x.h5";
  at.pool.run(weft::to_hdf5(weft::arange<std::int32_t>(c, 20), path, "a/x"));
  at.pool.run(weft::to_hdf5(weft::arange<float>(c, 5), path, "a/y"));
  const std::vector<char> before = bytes_of_file(path);
  CHECK_THROWS_WITH(at.pool.run(weft::to_hdf5(weft::ones<double>(c, {3}), path, "a/x")),
                    Contains("dataset a/x of " + path) && Contains("is there already") && Contains(".overwrite"));
  CHECK_THROWS_WITH(at.pool.run(weft::to_hdf5(weft::ones<double>(c, {3}), path, "a", {.overwrite = true})),
                    Contains("is no dataset"));
  CHECK_THROWS_AS(at.pool.run(weft::to_hdf5(weft::ones<double>(c, {3}), path, "a/")), weft::misuse);
  CHECK_THROWS_AS(at.pool.run(weft::to_hdf5(weft::ones<double>(c, {3}), path, "")), weft::misuse);
  CHECK(bytes_of_file(path) == before);
  // From itself.
  const auto x = at.pool.run(weft::from_hdf5<std::int32_t, 1>(c, path, "a/x", {.chunk = {6}}));
  at.pool.run(weft::to_hdf5(weft::flip(x, 0) * 2, path, "a/x", {.overwrite = true}));
  const auto y = at.pool.run(weft::from_hdf5<std::int32_t, 1>(c, path, "a/x"));
  CHECK(at(y)(0) == 38);
  CHECK(at(y)(19) == 0);
  const auto other = at.pool.run(weft::from_hdf5<float, 1>(c, path, "a/y"));
  CHECK(at(weft::sum(other)) == 10);
  // A file that is something else stays it.
  std::ofstream(folder / "text") << "no HDF5";
  CHECK_THROWS_WITH(at.pool.run(weft::to_hdf5(x, folder / "text", "x")),
                    Contains("text cannot be opened as an HDF5 file"));
  CHECK(fs::file_size(folder / "text") == 7);
}

TEST_CASE("what fails leaves no dataset, and no file of its own") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const auto fails = weft::map_blocks(
      [](const weft::chunk_place& p, const auto& a) {
        if (p.chunk[0] == 3) throw std::runtime_error("chunk 3 fails");
        return a * 1.0;
      },
      weft::arange<double>(c, 0, 50, 1, {.chunk = {10}}));
  const std::string path = folder / "x.h5";
  CHECK_THROWS_WITH(at.pool.run(weft::to_hdf5(fails, path, "a/x")), Contains("chunk 3 fails"));
  CHECK_FALSE(fs::exists(path));
  at.pool.run(weft::to_hdf5(weft::ones<double>(c, {3}), path, "x"));
  CHECK_THROWS_WITH(at.pool.run(weft::to_hdf5(fails, path, "x", {.overwrite = true})), Contains("chunk 3 fails"));
  const auto x = at.pool.run(weft::from_hdf5<double, 1>(c, path, "x"));
  CHECK(at(weft::sum(x)) == 3);
  CHECK_THROWS_WITH((at.pool.run(weft::from_hdf5<double, 1>(c, path, "x.unfinished"))), Contains("has no dataset"));
  // What a program that was ended has left is no hindrance.
  using namespace weft::detail::arrays;
  const std::size_t extents[] = {1000};
  make_hdf5_room(path, "y", item_type{item_type::kind::real, 8}, extents, false, 7);
  at.pool.run(weft::to_hdf5(weft::ones<double>(c, {4}), path, "y"));
  const auto y = at.pool.run(weft::from_hdf5<double, 1>(c, path, "y"));
  CHECK(at(weft::sum(y)) == 4);
  struct pair {
    double a, b;
  };
  const auto pairs = weft::map_elements([](double e) { return pair{e, e}; }, x);
  CHECK_THROWS_WITH(at.pool.run(weft::to_hdf5(pairs, path, "pairs")), Contains("no numbers"));
  CHECK_THROWS_AS(at.pool.run(weft::to_hdf5(x, folder / "none" + "/x.h5", "x")), std::runtime_error);
}

TEST_CASE("datasets of one file may be written at the same time") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const std::string path = folder / "x.h5";
  const auto both = [&]() -> weft::task<> {
    auto one = weft::to_hdf5(some(c, {7, 20}), path, "one");
    auto two = weft::to_hdf5(some(c, {9, 9}) + 1.0, path, "two");
    co_await weft::all(std::move(one), std::move(two));
  };
  at.pool.run(both());
  const auto one = at.pool.run(weft::from_hdf5<double, 2>(c, path, "one"));
  const auto two = at.pool.run(weft::from_hdf5<double, 2>(c, path, "two"));
  CHECK((at(one) == at(some(c, {60, 47}))));
  CHECK((at(two) == at(some(c, {60, 47}) + 1.0)));
}

TEST_CASE("calls that extend one file at the same time do not cut off what others add") {
  const test_directory folder(test_directory::beside());
  place at(4);
  const weft::client& c = at.client;
  const std::string path = folder / "x.h5";
  constexpr int rounds = 5, calls = 8;
  const auto extent = [](int i) -> std::int64_t { return i % 2 == 0 ? 200'000 : 3; };
  const auto write = [&](int round, int i) -> weft::task<> {
    const auto x = weft::full<double, 1>(c, {extent(i)}, 10.0 * round + i, {.chunk = {50'000}});
    co_await weft::to_hdf5(x, path, std::to_string(round) + "/" + std::to_string(i));
  };
  for (int round = 0; round < rounds; ++round) {
    const auto all = [&]() -> weft::task<> {
      std::vector<weft::task<>> writes;
      for (int i = 0; i < calls; ++i) writes.push_back(write(round, i));
      co_await weft::all(std::move(writes));
    };
    at.pool.run(all());
  }
  for (int round = 0; round < rounds; ++round)
    for (int i = 0; i < calls; ++i) {
      const auto x = at.pool.run(
          weft::from_hdf5<double, 1>(c, path, std::to_string(round) + "/" + std::to_string(i), {.chunk = {50'000}}));
      CHECK(at(weft::sum(x)) == static_cast<double>(extent(i)) * (10.0 * round + i));
    }
}

TEST_CASE("what finds no room in a file leaves it as it was") {
  const test_directory folder(test_directory::beside());
  using namespace weft::detail::arrays;
  place at(1);
  const std::string path = folder / "x.h5";
  const item_type real{item_type::kind::real, 8};
  const std::size_t few[] = {10}, many[] = {std::size_t{1} << 52};
  const hdf5_room first = make_hdf5_room(path, "a", real, few, false, 7);
  CHECK(first.new_file);
  const std::vector<char> before = bytes_of_file(path);
  CHECK_THROWS_WITH(make_hdf5_room(path, "b", real, many, false, 8), Contains("no room") && Contains(path));
  CHECK(bytes_of_file(path) == before);
  CHECK_THROWS_AS(make_hdf5_room(folder / "new.h5", "b", real, many, false, 8), std::system_error);
  CHECK_FALSE(fs::exists(folder / "new.h5"));
  // A file that is not one's own alone any more stays.
  const hdf5_room second = make_hdf5_room(path, "b", real, few, false, 9);
  CHECK_FALSE(second.new_file);
  give_up_hdf5_room(path, "a", first);
  put_hdf5_in_place(path, "b", second, false);
  CHECK_NOTHROW(look_up_hdf5(path, "b"));
  CHECK_THROWS_WITH(look_up_hdf5(path, "a.unfinished"), Contains("has no dataset"));
}

TEST_CASE("the room of a dataset that somebody may still write is nobody else's") {
  const test_directory folder(test_directory::beside());
  using namespace weft::detail::arrays;
  const std::string path = folder / "x.h5";
  const item_type real{item_type::kind::real, 8};
  const std::size_t extents[] = {1000};
  const auto apart = [](const hdf5_room& a, const hdf5_room& b) {
    return a.offset + 8000 <= b.offset || b.offset + 8000 <= a.offset;
  };
  // Left by a program that was ended, whose writes may come yet.
  const hdf5_room first = make_hdf5_room(path, "x", real, extents, false, 7);
  const hdf5_room second = make_hdf5_room(path, "x", real, extents, false, 8);
  CHECK(apart(first, second));
  // Left since a worker did not answer.
  leave_hdf5_room(path, "x", second);
  const hdf5_room third = make_hdf5_room(path, "x", real, extents, false, 9);
  CHECK(apart(second, third));
  leave_hdf5_room(path, "x", second);  // which is the third's now
  put_hdf5_in_place(path, "x", third, false);
  CHECK(look_up_hdf5(path, "x").offset == third.offset);
  CHECK(look_up_hdf5(path, "x.0000000000000008.unfinished").offset == second.offset);
  CHECK(left_name("a/x", 8) == "a%2Fx.0000000000000008.unfinished");
}

TEST_CASE("a file that another program has open is waited for") {
  const test_directory folder(test_directory::beside());
  using namespace weft::detail::arrays;
  place at;
  const weft::client& c = at.client;
  const std::string path = folder / "x.h5";
  at.pool.run(weft::to_hdf5(weft::full<double, 1>(c, {50}, 1.0), path, "x"));
  const auto x = at.pool.run(weft::from_hdf5<double, 1>(c, path, "x", {.chunk = {10}}));
  // As HDF5 locks a file elsewhere.
  std::optional<weft::detail::file_lock> elsewhere = weft::detail::file_lock::try_now(path);
  REQUIRE(elsewhere);
  CHECK_THROWS_AS(look_up_hdf5(path, "x"), hdf5_in_use);
  CHECK_THROWS_WITH(look_up_hdf5(path, "x"), Contains(path + " is open in another program") && Contains("close it"));
  CHECK(at(weft::sum(x)) == 50);
  const auto let_go = [&]() -> weft::task<> {
    // A call that does not wait fails meanwhile: HDF5 serves one after the other.
    const auto is_locked = [&] {
      try {
        look_up_hdf5(path, "x");
      } catch (const hdf5_in_use&) { return true; }
      return false;
    };
    for (int i = 0; i < 100; ++i) {
      const bool locked = co_await weft::blocking(is_locked);
      if (!locked) FAIL("the lock has gone");
    }
    elsewhere.reset();
  };
  const auto write = [&]() -> weft::task<> {
    auto writing = weft::to_hdf5(weft::full<double, 1>(c, {70}, 2.0), path, "other");
    co_await weft::all(std::move(writing), let_go());
  };
  at.pool.run(write());
  elsewhere = weft::detail::file_lock::try_now(path);
  REQUIRE(elsewhere);
  const auto read = [&]() -> weft::task<> {
    auto reading = weft::sum(x).compute();  // looks first where it is now
    co_await weft::all(std::move(reading), let_go());
  };
  at.pool.run(read());
  // Which was once for all, until the file is written to again.
  elsewhere = weft::detail::file_lock::try_now(path);
  REQUIRE(elsewhere);
  CHECK(at(weft::sum(x)) == 50);
}

TEST_CASE("datasets of all layouts that h5py writes are read") {
  const std::string from = reference();
  if (from.empty()) {
    WARN(no_reference);
    return;
  }
  place at;
  using kind = item_type::kind;
  for (const char* file : {"/old.h5", "/new.h5", "/block.h5"})
    for (const char* stored : {"whole", "chunks", "deflate", "shuffle", "both", "checked", "growing"}) {
      const auto check = [&]<class T>(std::type_identity<T>, const std::string& name, kind k) {
        check_element<T>(at, from + file, name + "/" + stored, item_type{k, sizeof(T)});
      };
      check(std::type_identity<bool>(), "b1/little", kind::boolean);
      check(std::type_identity<std::int8_t>(), "i1/little", kind::integer);
      check(std::type_identity<std::uint8_t>(), "u1/little", kind::natural);
      check(std::type_identity<std::int16_t>(), "i2/little", kind::integer);
      check(std::type_identity<std::int16_t>(), "i2/big", kind::integer);
      check(std::type_identity<std::uint32_t>(), "u4/little", kind::natural);
      check(std::type_identity<std::int32_t>(), "i4/big", kind::integer);
      check(std::type_identity<std::int64_t>(), "i8/little", kind::integer);
      check(std::type_identity<std::uint64_t>(), "u8/big", kind::natural);
      check(std::type_identity<float>(), "f4/little", kind::real);
      check(std::type_identity<float>(), "f4/big", kind::real);
      check(std::type_identity<double>(), "f8/little", kind::real);
      check(std::type_identity<double>(), "f8/big", kind::real);
      check(std::type_identity<std::complex<float>>(), "c8/little", kind::complex);
      check(std::type_identity<std::complex<double>>(), "c16/big", kind::complex);
    }
}

TEST_CASE("an array has the chunks of its dataset, or multiples of them") {
  const std::string from = reference();
  if (from.empty()) {
    WARN(no_reference);
    return;
  }
  place at;
  const weft::client& c = at.client;
  const std::string path = from + "/special.h5";
  const auto chunk_of = [&](const weft::creation& how) {
    const auto x = at.pool.run(weft::from_hdf5<float, 2>(c, path, "tiny_chunks", how));
    CHECK(at(x(999, 998)) == 999998);
    return x.chunk_shape();
  };
  CHECK(chunk_of({}) == weft::shape{1000, 1000});
  CHECK(chunk_of({.bytes = 100'000}) == weft::shape{20, 1000});
  CHECK(chunk_of({.bytes = 1}) == weft::shape{10, 10});
  CHECK(chunk_of({.chunk = {0, -1}}) == weft::shape{10, 1000});
  CHECK(chunk_of({.chunk = {300, 2000}}) == weft::shape{300, 1000});
  CHECK_THROWS_WITH(chunk_of({.chunk = {15, 10}}), Contains("dataset tiny_chunks of " + path) &&
                                                       Contains("in chunks of (10, 10)") &&
                                                       Contains("in chunks of (15, 10)"));
  const auto x = at.pool.run(weft::from_hdf5<float, 2>(c, path, "tiny_chunks", {.chunk = {100, 100}}));
  CHECK(x(slice(250, 350), 3).task_count() == 4);
  bool same = true;
  const xt::xtensor<float, 2> whole = at(x);
  for (std::size_t k = 0; same && k < whole.size(); ++k) same = whole.flat(k) == static_cast<float>(k);
  CHECK(same);
}

TEST_CASE("datasets that are nowhere, elsewhere or scattered are read by the library") {
  const std::string from = reference();
  if (from.empty()) {
    WARN(no_reference);
    return;
  }
  place at;
  const weft::client& c = at.client;
  const std::string path = from + "/special.h5";
  const auto scalar = at.pool.run(weft::from_hdf5<double, 0>(c, path, "scalar"));
  CHECK(at(scalar) == 2.5);
  for (const char* name : {"nothing", "nothing_yet"}) {
    const auto nothing = at.pool.run(weft::from_hdf5<float, 2>(c, path, name));
    CHECK(at(nothing).shape()[1] == 3);
  }
  const auto unwritten = at.pool.run(weft::from_hdf5<double, 2>(c, path, "unwritten", {.chunk = {2, 3}}));
  CHECK(at(weft::sum(unwritten)) == 5 * 7 * 7);
  const auto compact = at.pool.run(weft::from_hdf5<double, 1>(c, path, "compact", {.chunk = {3}}));
  CHECK((at(compact) == xt::arange<double>(4)));
  const auto elsewhere = at.pool.run(weft::from_hdf5<std::int32_t, 1>(c, path, "elsewhere", {.chunk = {4}}));
  CHECK((at(elsewhere) == xt::arange<std::int32_t>(6)));
  const auto linked = at.pool.run(weft::from_hdf5<double, 1>(c, path, "linked", {.chunk = {5}}));
  CHECK((at(linked) == xt::arange<double>(12)));
  const auto shuffled_last = at.pool.run(weft::from_hdf5<double, 1>(c, path, "shuffled_last"));
  CHECK(at(shuffled_last(999)) == 999 % 7);
  // Chunks that nobody has written are filled.
  const auto some_chunks = at.pool.run(weft::from_hdf5<std::int32_t, 2>(c, path, "some_chunks", {.chunk = {4, 8}}));
  xt::xtensor<std::int32_t, 2> expected = -3 * xt::ones<std::int32_t>({10, 10});
  for (std::size_t i = 4; i < 8; ++i)
    for (std::size_t j = 4; j < 8; ++j) expected(i, j) = 1;
  expected(9, 9) = 2;
  CHECK((at(some_chunks) == expected));
  const auto twice = at.pool.run(weft::from_hdf5<std::int32_t, 3>(c, path, "virtual"));
  CHECK((at(twice(0)) == expected));
  CHECK((at(twice(1)) == expected));
}

TEST_CASE("datasets that are no arrays of numbers, and files that are no HDF5 files, are refused") {
  const test_directory folder(test_directory::beside());
  place at(1);
  const weft::client& c = at.client;
  CHECK_THROWS_AS(at.pool.run(weft::from_hdf5<double>(c, folder / "none.h5", "x")), std::system_error);
  std::ofstream(folder / "text.h5") << "no numbers";
  CHECK_THROWS_WITH(at.pool.run(weft::from_hdf5<double>(c, folder / "text.h5", "x")),
                    Contains("text.h5 cannot be opened as an HDF5 file"));
  const std::string own = folder / "own.h5";
  at.pool.run(weft::to_hdf5(weft::arange<std::int32_t>(c, 20), own, "x"));
  CHECK_THROWS_WITH(at.pool.run(weft::from_hdf5<double>(c, own, "x")),
                    Contains("dataset x of " + own) && Contains("<i4") && Contains("float64"));
  CHECK_THROWS_WITH((at.pool.run(weft::from_hdf5<std::int32_t, 2>(c, own, "x"))),
                    Contains("has 1 axes, of shape (20)") && Contains("as an array of 2"));
  CHECK_THROWS_WITH((at.pool.run(weft::from_hdf5<std::int32_t, 1>(c, own, "x", {.chunk = {2, 2}}))),
                    Contains("one extent for each axis"));
  CHECK_THROWS_WITH(at.pool.run(weft::from_hdf5<double>(c, own, "y/z")), Contains(own + " has no dataset y/z"));
  CHECK_THROWS_AS(at.pool.run(weft::from_hdf5<double>(c, own, "/")), weft::misuse);
  const std::string from = reference();
  if (from.empty()) {
    WARN(no_reference);
    return;
  }
  const auto refused = [&](const std::string& dataset, const std::string& why) {
    CHECK_THROWS_WITH(at.pool.run(weft::from_hdf5<double>(c, from + "/special.h5", dataset)),
                      Contains(dataset) && Contains("special.h5") && Contains(why));
  };
  refused("text", "but strings");
  refused("texts", "but strings");
  refused("records", "but records");
  refused("half", "floating-point numbers of 2 bytes");
  refused("colours", "but an enumeration");
  refused("empty", "no shape");
  refused("group", "is no dataset");
  refused("lzf", "filter 32000 (lzf)");
  refused("many_axes", "has 9 axes, of at most 8");
  CHECK_THROWS_WITH(at.pool.run(weft::from_hdf5<double>(c, from + "/damaged.h5", "overflowing")),
                    Contains("overflowing of ") && Contains("damaged.h5 has chunks of more than 4 GiB"));
}

TEST_CASE("damaged files and chunks are refused by those who read them") {
  const std::string from = reference();
  if (from.empty()) {
    WARN(no_reference);
    return;
  }
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const std::string path = folder / "x.h5";
  const std::vector<char> good = bytes_of_file(from + "/special.h5");
  std::ofstream(path, std::ios::binary).write(good.data(), static_cast<std::streamsize>(good.size()));
  const auto x = at.pool.run(weft::from_hdf5<float, 2>(c, path, "tiny_chunks", {.chunk = {100, 1000}}));
  for (const std::size_t length : {good.size() - 1, good.size() / 2, std::size_t{100}, std::size_t{0}}) {
    fs::resize_file(path, length);
    CHECK_THROWS_WITH(at(x), Contains("x.h5"));
    CHECK_THROWS_WITH((at.pool.run(weft::from_hdf5<float, 2>(c, path, "tiny_chunks"))), Contains("x.h5"));
  }
  // Within a compressed chunk.
  using namespace weft::detail::arrays;
  hdf5_dataset d{.type = {item_type::kind::integer, 4, true}, .shape = {4, 4}, .chunk = {4, 4}, .plain_chunks = true};
  d.filters = {hdf5_filter::shuffle, hdf5_filter::deflate};
  hdf5_decoder decoder(d, "x");
  hdf5_chunk chunk;
  chunk.begin = chunk.place = {0, 0};
  chunk.extents = {4, 4};
  std::vector<std::byte> to(64);
  for (const std::size_t n : {0u, 1u, 63u, 64u, 65u, 1000u}) {
    chunk.stored.assign(n, std::byte{1});
    CHECK_THROWS_WITH(decoder.decode(chunk, chunk.extents, to.data()), Contains("chunk of x is damaged"));
    chunk.skipped = 2;  // not deflated
    if (n == 64)
      CHECK_NOTHROW(decoder.decode(chunk, chunk.extents, to.data()));
    else
      CHECK_THROWS_WITH(decoder.decode(chunk, chunk.extents, to.data()), Contains("damaged"));
    chunk.skipped = 0;
  }
  CHECK(to[0] == std::byte{1});
}

TEST_CASE("a dataset that was written anew after it was opened is not taken for the old one") {
  const std::string from = reference();
  if (from.empty()) {
    WARN(no_reference);
    return;
  }
  const test_directory folder(test_directory::beside());
  place at(1);
  const weft::client& c = at.client;
  const std::string path = folder / "x.h5";
  fs::copy_file(from + "/special.h5", path);
  const auto x = at.pool.run(weft::from_hdf5<std::int32_t, 2>(c, path, "some_chunks"));
  at.pool.run(weft::to_hdf5(weft::ones<std::int32_t, 2>(c, {3, 3}), path, "some_chunks", {.overwrite = true}));
  CHECK_THROWS_WITH(at(x), Contains("some_chunks") && Contains("written anew"));
}

TEST_CASE("a dataset in one piece is found again where its file was written to after it was opened") {
  const test_directory folder(test_directory::beside());
  place at(1);
  const weft::client& c = at.client;
  const std::string path = folder / "x.h5";
  at.pool.run(weft::to_hdf5(weft::full<double, 1>(c, {50}, 1.0), path, "x"));
  const auto x = at.pool.run(weft::from_hdf5<double, 1>(c, path, "x", {.chunk = {10}}));
  at.pool.run(weft::to_hdf5(weft::full<double, 1>(c, {70}, 2.0), path, "other"));
  CHECK(at(weft::sum(x)) == 50);
  // In another place of the file.
  at.pool.run(weft::to_hdf5(weft::full<double, 1>(c, {50}, 3.0), path, "x", {.overwrite = true}));
  CHECK(at(weft::sum(x)) == 150);
  // Another one, and a file that is another one.
  at.pool.run(weft::to_hdf5(weft::full<double, 1>(c, {51}, 3.0), path, "x", {.overwrite = true}));
  CHECK_THROWS_WITH(at(x), Contains("dataset x of " + path) && Contains("written anew"));
  fs::remove(path);
  CHECK_THROWS_WITH(at(x), Contains("x.h5"));
  at.pool.run(weft::to_hdf5(weft::full<double, 1>(c, {60}, 3.0), path, "y"));
  CHECK_THROWS_WITH(at(x), Contains(path + " has no dataset x"));
}

TEST_CASE("datasets have unfinished names of their own, and nothing of a user's is taken for one") {
  using namespace weft::detail::arrays;
  CHECK(unfinished_name("a/b") == "a%2Fb.unfinished");
  CHECK(unfinished_name("/a//./b") == unfinished_name("a/b"));
  for (const char* other : {"a.b", "a%2Fb", "ab", "a/b.", "a/b/c", "a/.b", "a%252Fb"})
    CHECK(unfinished_name(other) != unfinished_name("a/b"));
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const std::string path = folder / "x.h5";
  // Both at once, while the tasks of both write.
  const auto both = [&]() -> weft::task<> {
    auto one = weft::to_hdf5(some(c, {7, 20}), path, "a/b");
    auto two = weft::to_hdf5(some(c, {9, 9}) + 1.0, path, "a.b");
    co_await weft::all(std::move(one), std::move(two));
  };
  at.pool.run(both());
  const auto one = at.pool.run(weft::from_hdf5<double, 2>(c, path, "a/b"));
  const auto two = at.pool.run(weft::from_hdf5<double, 2>(c, path, "a.b"));
  CHECK((at(one) == at(some(c, {60, 47}))));
  CHECK((at(two) == at(some(c, {60, 47}) + 1.0)));
  // A user's own.
  at.pool.run(weft::to_hdf5(weft::ones<double>(c, {3}), path, "x.unfinished"));
  CHECK_THROWS_WITH(at.pool.run(weft::to_hdf5(weft::ones<double>(c, {4}), path, "x")),
                    Contains("x.unfinished of " + path) && Contains("rename"));
  const auto own = at.pool.run(weft::from_hdf5<double, 1>(c, path, "x.unfinished"));
  CHECK(at(weft::sum(own)) == 3);
  // Somebody else's, who has taken the place of one's own.
  const std::size_t extents[] = {10};
  const item_type real{item_type::kind::real, 8};
  const hdf5_room first = make_hdf5_room(path, "z", real, extents, false, 7);
  const hdf5_room second = make_hdf5_room(path, "z", real, extents, false, 8);
  CHECK_THROWS_WITH(put_hdf5_in_place(path, "z", first, false), Contains("was removed or written anew"));
  give_up_hdf5_room(path, "z", first);
  put_hdf5_in_place(path, "z", second, false);
  CHECK_NOTHROW(at.pool.run(weft::from_hdf5<double, 1>(c, path, "z")));
}

TEST_CASE("a new file goes where there is no room for it") {
  const auto on_limit = std::signal(SIGXFSZ, SIG_IGN);
  const test_directory folder(test_directory::beside());
  place at(1);
  const weft::client& c = at.client;
  const std::string path = folder / "x.h5";
  static constexpr rlim_t limit = 4 << 20;
  {
    const file_limit full(limit);
    CHECK_THROWS_AS(at.pool.run(weft::to_hdf5(weft::ones<double>(c, {1 << 20}), path, "x")), std::runtime_error);
    CHECK_FALSE(fs::exists(path));
  }
  // It is full when the chunks are written.
  static std::optional<file_limit> full;
  const auto fills = weft::map_blocks(
      [](const weft::chunk_place&, const auto& a) {
        if (!full) full.emplace(limit);
        return a * 1.0;
      },
      weft::arange<double>(c, 0, 1 << 20, 1, {.chunk = {1 << 17}}));
  CHECK_THROWS_AS(at.pool.run(weft::to_hdf5(fills, path, "x")), std::runtime_error);
  CHECK_FALSE(fs::exists(path));
  full.reset();
  at.pool.run(weft::to_hdf5(weft::ones<double>(c, {1 << 20}), path, "x"));
  const auto x = at.pool.run(weft::from_hdf5<double, 1>(c, path, "x"));
  CHECK(at(weft::sum(x)) == 1 << 20);
  std::signal(SIGXFSZ, on_limit);
}

TEST_CASE("where an array is in an HDF5 file is looked at when it has travelled") {
  using namespace weft::detail::arrays;
  hdf5_place p{"/x.h5", "x", make_grid({10, 4}, {3, 4}, 1000, 8), {0, 0}, {4, 1}, element_of<double>, true};
  const std::vector<std::byte> good = weft::to_bytes(p);
  const auto again = weft::from_bytes<hdf5_place>(good);
  CHECK(again.path == "/x.h5");
  CHECK(again.dataset == "x");
  CHECK(again.swapped);
  const auto fails = [&](auto change) {
    hdf5_place bad = p;
    change(bad);
    CHECK_THROWS_AS(weft::from_bytes<hdf5_place>(weft::to_bytes(bad)), weft::codec_error);
  };
  fails([](hdf5_place& b) { b.counts = {5, 1}; });
  fails([](hdf5_place& b) { b.first = {-1, 0}; });
  fails([](hdf5_place& b) { b.of.item = 4; });
  fails([](hdf5_place& b) { b.of.type = weft::dtype::other; });
  fails([](hdf5_place& b) { b.chunks.axes[0].extent = std::int64_t{1} << 60; });
  CHECK_THROWS_AS(weft::from_bytes<hdf5_place>(std::span(good).first(good.size() - 1)), weft::codec_error);
}

TEST_CASE("datasets are written for h5py to read") {
  const char* to = std::getenv("WEFT_ARRAY_HDF5_WRITTEN");
  if (!to) {
    WARN("left out: ctest says where to write, and has h5py read it");
    return;
  }
  fs::remove(to);
  place at;
  const auto x = weft::from_function<3>(
      at.client, {30, 41, 3},
      [](std::int64_t i, std::int64_t j, std::int64_t k) { return ((i * 41 + j) * 3 + k) % 251; },
      {.chunk = {11, 20, 3}});
  const auto write = [&](const auto& array, const std::string& name) {
    at.pool.run(weft::to_hdf5(array, to, "types/" + name));
  };
  const auto complex = weft::map_elements(
      [](std::int64_t k) { return std::complex<double>(static_cast<double>(k), -static_cast<double>(k)); }, x);
  write(x % 2 == 1, "b1");
  write(weft::astype<std::int16_t>(x), "i2");
  write(weft::astype<std::uint64_t>(x), "u8");
  write(weft::astype<float>(x), "f4");
  write(weft::astype<double>(x), "f8");
  write(weft::astype<std::complex<float>>(complex), "c8");
  write(complex, "c16");
  at.pool.run(weft::to_hdf5(weft::full<double, 0>(at.client, {}, 1.5), to, "scalar"));
}
