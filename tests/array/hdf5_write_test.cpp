// Datasets in chunks, compressed, and parts of datasets that are there.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <complex>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <xtensor/xview.hpp>

#include "array/arrays.hpp"
#include "array/files.hpp"
#include "array/hdf5_pieces.hpp"
#include "array/hdf5_room.hpp"
#include "array/irregular.hpp"
#include "array/unfinished.hpp"
#include "weft/errors.hpp"

using arrays::noise;
using arrays::place;
using arrays::some;
using Catch::Contains;
using weft::slice;
using weft::storing;
using weft::test::file_limit;

namespace {

namespace fs = std::filesystem;
using weft::detail::arrays::item_type;

weft::array<double, 2> failing(const weft::array<double, 2>& x) {
  return weft::map_blocks(
      [](const weft::chunk_place& p, const auto& a) {
        if (p.chunk[0] == 3) throw std::runtime_error("chunk 3 fails");
        return a * 1.0;
      },
      x);
}

std::vector<char> bytes_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
std::size_t names_in(const test_directory& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()));
}

/// A copy of special.h5, which hdf5_reference.py has made; empty when there is none.
std::string copied_special(const std::string& to) {
  const char* from = std::getenv("WEFT_ARRAY_HDF5");
  if (!from || !fs::exists(std::string(from) + "/special.h5")) {
    WARN("left out: there are no files made by h5py. Install python3-h5py, and run this test by ctest.");
    return {};
  }
  fs::copy_file(std::string(from) + "/special.h5", to, fs::copy_options::overwrite_existing);
  return to;
}

xt::xtensor<double, 2> read_all(place& at, const std::string& path, const std::string& dataset) {
  return at(at.pool.run(weft::from_hdf5<double, 2>(at.client, path, dataset)));
}

}  // namespace

TEST_CASE("a dataset in chunks, shuffled and deflated, has what was written") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const std::string path = folder / "x.h5";
  const auto x = some(c, {13, 20});
  const auto irregular = weft::rechunk(x, weft::chunk_sizes({1, 30, 29}, {2, 40, 5}));
  const xt::xtensor<double, 2> whole = at(x);
  struct written {
    weft::array<double, 2> x;
    weft::hdf5_options how;
    weft::shape chunk;
  };
  const std::vector<written> all{
      {x, {.chunk = {8, 16}}, {8, 16}},
      {x, {.chunk = {70, -1}, .deflate = 9, .shuffle = true}, {60, 47}},
      {x, {.deflate = 4}, {13, 20}},
      {x, {.shuffle = true}, {13, 20}},
      {irregular, {.deflate = 1, .shuffle = true}, {60, 47}},
      {irregular, {.chunk = {1, 9}, .deflate = 1}, {1, 9}},
      {x(slice(4, 60), slice(3, 47)), {.chunk = {10, 10}, .shuffle = true}, {10, 10}},
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    INFO("dataset " << i);
    const std::string name = "/of/" + std::to_string(i);
    const auto stored = at.pool.run(weft::stored(all[i].x, weft::hdf5_dataset(path, name, all[i].how)));
    CHECK((at(stored) == at(all[i].x)));
    const weft::array_contents there = at.pool.run(weft::contents_of_hdf5(path, name));
    CHECK(there.chunk == all[i].chunk);
    CHECK((read_all(at, path, name) == at(all[i].x)));
  }
  CHECK(names_in(folder) == 1);

  const auto again = [&](const auto& array, const std::string& name, const weft::hdf5_options& how) {
    using type = std::remove_cvref_t<decltype(array)>;
    at.pool.run(weft::to_hdf5(array, path, name, how));
    return at.pool.run(weft::from_hdf5<typename type::value_type, type::rank>(c, path, name));
  };
  CHECK((at(again(x > 0.0, "truths", {.deflate = 1, .shuffle = true})) == (whole > 0.0)));
  const auto complex =
      weft::array<std::complex<float>, 1>(weft::astype<std::complex<float>>(weft::arange<float>(c, 9)));
  CHECK((at(again(complex, "complex", {.chunk = {4}, .deflate = 1, .shuffle = true})) == at(complex)));
  CHECK(at(again(weft::zeros<float, 2>(c, {0, 3}), "nothing", {.deflate = 1})).shape()[1] == 3);
  const auto before = fs::file_size(path);
  CHECK((at(weft::sum(again(weft::ones<double, 2>(c, {500, 500}), "small", {.deflate = 6}))) == 250'000));
  CHECK(fs::file_size(path) < before + 100'000);
}

TEST_CASE("several datasets of one file are stored in one pass, or none of them") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const std::string path = folder / "x.h5";
  const auto x = some(c, {7, 20});
  const weft::hdf5_options small{.chunk = {10, 10}, .deflate = 3, .shuffle = true};
  const auto both = [&](const auto& one, const auto& two) {
    return weft::store(storing(one, weft::hdf5_dataset(path, "/a/b/x", small)),
                       storing(two, weft::hdf5_dataset(path, "/a/y", {.shuffle = true})),
                       storing(weft::sum(one), weft::hdf5_dataset(path, "sum")));
  };
  CHECK_THROWS_WITH(at.pool.run(both(x, failing(x))), Contains("chunk 3 fails"));
  CHECK(names_in(folder) == 0);
  at.pool.run(both(x, x * 2.0));
  CHECK((read_all(at, path, "a/b/x") == at(x)));
  CHECK((read_all(at, path, "a/y") == at(x) * 2.0));
  CHECK(names_in(folder) == 1);
  // To a file that is there: what it has is kept, until it is replaced by all that is new.
  const auto replaced = [&](const auto& y) {
    return weft::to_hdf5(y, path, "a/y", {.deflate = 1, .overwrite = true});
  };
  CHECK_THROWS_WITH(at.pool.run(weft::to_hdf5(x, path, "a/y", small)), Contains("is there already"));
  CHECK_THROWS_WITH(at.pool.run(replaced(failing(x))), Contains("chunk 3 fails"));
  CHECK((read_all(at, path, "a/y") == at(x) * 2.0));
  // From itself.
  at.pool.run(replaced(at.pool.run(weft::from_hdf5<double, 2>(c, path, "a/y")) + 1.0));
  CHECK((read_all(at, path, "a/y") == at(x) * 2.0 + 1.0));
  CHECK((read_all(at, path, "a/b/x") == at(x)));
  CHECK(names_in(folder) == 1);
  const auto at_once = [&]() -> weft::task<> {
    auto one = weft::to_hdf5(x, path, "one", small);
    auto two = weft::to_hdf5(x + 1.0, path, "two", {.deflate = 1});
    co_await weft::all(std::move(one), std::move(two));
  };
  at.pool.run(at_once());
  CHECK((read_all(at, path, "one") == at(x)));
  CHECK((read_all(at, path, "two") == at(x) + 1.0));
}

TEST_CASE("options that HDF5 cannot follow are refused when the expression is built") {
  place at(1);
  const weft::client& c = at.client;
  const auto x = some(c, {13, 20});
  CHECK_THROWS_WITH(weft::to_hdf5(x, "x.h5", "x", {.deflate = 10}),
                    Contains("dataset x of ") && Contains("level 10") && Contains("1 (fast) to 9"));
  CHECK_THROWS_AS(weft::to_hdf5(x, "x.h5", "x", {.chunk = {5}}), weft::misuse);
  CHECK_THROWS_AS(weft::to_hdf5(x, "x.h5", "x", {.chunk = {5, -3}}), weft::misuse);
  CHECK_THROWS_WITH(weft::to_hdf5(weft::sum(x), "x.h5", "x", {.deflate = 1}), Contains("arrays with axes alone"));
}

TEST_CASE("names that a dataset cannot have are refused before anything is computed") {
  const test_directory folder(test_directory::beside());
  place at(1);
  const weft::client& c = at.client;
  const std::string path = folder / "x.h5";
  const auto x = some(c, {60, 47});
  at.pool.run(weft::to_hdf5(x, path, "a/x"));
  const std::vector<char> before = bytes_of_file(path);
  const auto never = weft::map_blocks(
      [](const auto& a) {
        if (a.size() != 0) throw std::logic_error("a chunk is computed");
        return a * 1.0;
      },
      x);
  for (const char* name : {"a/x/y", "a//x/b/y", "/./a/x/y"})
    CHECK_THROWS_WITH(at.pool.run(weft::to_hdf5(never, path, name)),
                      Contains("a") && Contains("is no group of this"));
  CHECK_THROWS_WITH(at.pool.run(weft::to_hdf5(never, path, "a")), Contains("is no dataset"));
  CHECK_THROWS_AS(weft::to_hdf5(never, path, "b/."), weft::misuse);
  CHECK_THROWS_WITH(weft::store(storing(never, weft::hdf5_dataset(path, "/b/y")),
                                storing(never, weft::hdf5_dataset(path, "b//y/z", {.deflate = 1}))),
                    Contains("dataset /b/y of") && Contains("one cannot be in the other"));
  CHECK(bytes_of_file(path) == before);
  at.pool.run(weft::to_hdf5(x, path, "./a/./b//y"));
  CHECK((read_all(at, path, "a/b/y") == at(x)));
  const std::string special = copied_special(folder / "special.h5");
  if (special.empty()) return;
  for (const char* name : {"to_nothing", "to_nothing/y", "other_root/y"})
    CHECK_THROWS_AS(at.pool.run(weft::to_hdf5(never, special, name, {.overwrite = true})), std::runtime_error);
  for (const std::string name : {"marked", "marked_small"})
    CHECK_THROWS_WITH(at.pool.run(weft::to_hdf5(never, special, name)),
                      Contains(name + ".unfinished of " + special + " is there") && Contains("rename what is there"));
}

TEST_CASE("regions of datasets of any layout are written over what is there, and nothing else") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const std::string path = folder / "x.h5";
  arrays::choices some_of(7);
  for (int round = 0; round < 12; ++round) {
    INFO("round " << round);
    const auto rows = some_of(1, 30), columns = some_of(1, 20);
    const auto x = weft::from_function<2>(
        c, {rows, columns}, [](std::int64_t i, std::int64_t j) { return noise(i * 20 + j); }, {.chunk = {9, 7}});
    weft::hdf5_options how{.overwrite = true};
    if (round % 4 != 0) how.chunk = {some_of(1, rows), some_of(1, columns)};
    how.shuffle = round % 4 == 2;
    how.deflate = round % 4 == 3 ? 2 : 0;
    if (round % 4 == 0) how.shuffle = false;
    at.pool.run(weft::to_hdf5(x, path, "x", how));
    const auto i = some_of(0, rows - 1), j = some_of(0, columns - 1);
    const auto to_i = some_of(i, rows), to_j = some_of(j + 1, columns);
    const xt::xtensor<double, 2> part =
        xt::ones<double>({static_cast<std::size_t>(to_i - i), static_cast<std::size_t>(to_j - j)}) * (round + 2.0) +
        xt::view(at(x), xt::range(i, to_i), xt::range(j, to_j));
    const auto y = arrays::in_irregular_chunks<double, 2>(c, part, some_of);
    const auto there =
        at.pool.run(weft::stored(y, weft::hdf5_dataset(path, "x").region(slice(i, to_i), slice(j, to_j))));
    CHECK((at(there) == part));
    xt::xtensor<double, 2> wanted = at(x);
    xt::view(wanted, xt::range(i, to_i), xt::range(j, to_j)) = part;
    CHECK((read_all(at, path, "x") == wanted));
  }
  // Two that share chunks, in one call and at the same time; and one without an axis.
  const auto x = some(c, {13, 20});
  xt::xtensor<double, 2> wanted = at(x);
  at.pool.run(weft::to_hdf5(x, path, "x", {.chunk = {8, 9}, .deflate = 1, .shuffle = true, .overwrite = true}));
  const auto target = weft::hdf5_dataset(path, "x");
  const auto ones = weft::ones<double, 2>(c, {5, 47});
  at.pool.run(
      weft::store(storing(ones, target.region(slice(0, 5))), storing(ones * 2.0, target.region(slice(5, 10)))));
  const auto at_once = [&]() -> weft::task<> {
    auto one = weft::store(ones * 3.0, target.region(slice(10, 15)));
    auto two = weft::store(ones * 4.0, target.region(slice(15, 20)));
    co_await weft::all(std::move(one), std::move(two));
  };
  at.pool.run(at_once());
  at.pool.run(weft::store(weft::full<double, 1>(c, {60}, 5.0), target.region(weft::ellipsis, -1)));
  for (std::size_t k = 0; k < 4; ++k) xt::view(wanted, xt::range(5 * k, 5 * k + 5)) = static_cast<double>(k + 1);
  xt::view(wanted, xt::all(), 46) = 5.0;
  CHECK((read_all(at, path, "x") == wanted));
  CHECK(names_in(folder) == 1);
}

TEST_CASE("regions that do not fit are refused, and one that fails leaves a dataset in chunks as it was") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const std::string path = folder / "x.h5";
  const auto x = some(c, {13, 20});
  at.pool.run(weft::to_hdf5(x, path, "x", {.chunk = {8, 9}, .deflate = 1}));
  const std::vector<char> before = bytes_of_file(path);
  const auto target = weft::hdf5_dataset(path, "x");
  CHECK_THROWS_WITH(at.pool.run(weft::store(x, target.region(slice(0, 10)))),
                    Contains("shape (60, 47)") && Contains("region (0:10, 0:47) of dataset x of " + path) &&
                        Contains("the shape (10, 47)"));
  CHECK_THROWS_WITH(at.pool.run(weft::store(weft::astype<float>(x), target.region(slice(0, 60)))),
                    Contains("<f8") && Contains("float32"));
  CHECK_THROWS_WITH(at.pool.run(weft::store(x, weft::hdf5_dataset(path, "a/y").region(slice(0, 60)))),
                    Contains(path + " has no dataset a/y"));
  CHECK_THROWS_AS(at.pool.run(weft::store(x, weft::hdf5_dataset(folder / "y.h5", "x").region(slice(0, 60)))),
                  std::system_error);
  CHECK_THROWS_WITH(weft::store(at.pool.run(weft::from_hdf5<double, 2>(c, path, "x")), target.region(weft::ellipsis)),
                    Contains("reads that array itself"));
  CHECK_THROWS_WITH(at.pool.run(weft::store(failing(x), target.region(weft::ellipsis))), Contains("chunk 3 fails"));
  CHECK(bytes_of_file(path) == before);
  CHECK(names_in(folder) == 1);
  if (::geteuid() != 0) {  // who may write what he likes
    fs::permissions(path, fs::perms::owner_read);
    const auto never = weft::map_blocks(
        [](const auto& a) {
          if (a.size() != 0) throw std::logic_error("a chunk is computed");
          return a * 1.0;
        },
        x);
    CHECK_THROWS_WITH(at.pool.run(weft::store(never, target.region(weft::ellipsis))), Contains("cannot be opened"));
    fs::permissions(path, fs::perms::owner_all);
  }
  // Written anew while it is written to: as it was, in other chunks, and in one piece.
  static std::string written_anew;
  static weft::hdf5_options how_anew;
  written_anew = path;
  const weft::hdf5_options chunks{.chunk = {8, 9}, .deflate = 1, .overwrite = true};
  for (const auto& [how, anew] : {std::pair{chunks, chunks},
                                  {chunks, {.chunk = {9, 9}, .overwrite = true}},
                                  {{.overwrite = true}, {.overwrite = true}}}) {
    at.pool.run(weft::to_hdf5(x, path, "x", how));
    how_anew = anew;
    const auto changing = weft::map_blocks(
        [](const weft::chunk_place& p, const auto& a) {
          if (p.chunk[0] == 0 && p.chunk[1] == 0) {
            place other;
            const auto y = some(other.client, {60, 47});
            other.pool.run(weft::to_hdf5(y + 1.0, written_anew, "x", how_anew));
          }
          return a * 3.0;
        },
        x);
    CHECK_THROWS_WITH(at.pool.run(weft::store(changing, target.region(weft::ellipsis))),
                      Contains("dataset x of " + path) && Contains("written anew"));
    CHECK((read_all(at, path, "x") == at(x) + 1.0));
  }
  CHECK(names_in(folder) == 1);
}

TEST_CASE("regions of datasets that h5py has made in other ways are written by the library") {
  const test_directory folder(test_directory::beside());
  const std::string path = copied_special(folder / "x.h5");
  if (path.empty()) return;
  place at;
  const weft::client& c = at.client;
  const auto write = [&](const std::string& name, const auto& x, const auto& index) {
    at.pool.run(weft::store(x, weft::hdf5_dataset(path, name).region(index)));
  };
  // Nobody has written to it: 7 everywhere.
  write("unwritten", weft::full<double, 2>(c, {2, 7}, 1.0), slice(1, 3));
  CHECK(at(weft::sum(at.pool.run(weft::from_hdf5<double, 2>(c, path, "unwritten")))) == 14 + 3 * 7 * 7);
  write("compact", weft::full<double, 1>(c, {2}, 9.0), slice(1, 3));
  CHECK(at(weft::sum(at.pool.run(weft::from_hdf5<double, 1>(c, path, "compact")))) == 0 + 18 + 3);
  // Filters in an order that is not decoded here.
  write("shuffled_last", weft::full<double, 1>(c, {700}, 2.0, {.chunk = {90}}), slice(250, 950));
  const xt::xtensor<double, 1> last = at(at.pool.run(weft::from_hdf5<double, 1>(c, path, "shuffled_last")));
  CHECK((last(249) == 249 % 7 && last(250) == 2 && last(949) == 2 && last(950) == 950 % 7));
  // Which has other names, too.
  const auto ones = weft::ones<double, 1>(c, {5});
  const auto own = weft::hdf5_dataset(path, "shuffled_last").region(slice(0, 5));
  const auto read = at.pool.run(weft::from_hdf5<double, 1>(c, path, "shuffled_last"));
  for (const char* link : {"hard_link", "soft_link"}) {
    const auto other = weft::hdf5_dataset(path, link);
    CHECK_THROWS_WITH(at.pool.run(weft::store(storing(ones, own), storing(ones, other.region(slice(4, 9))))),
                      Contains(link) && Contains("overlap"));
    CHECK_THROWS_WITH(at.pool.run(weft::store(read(slice(9, 14)), other.region(slice(0, 5)))),
                      Contains(link) && Contains("reads that array itself"));
  }
  const auto stored =
      at.pool.run(weft::stored(ones, weft::hdf5_dataset(path, "shuffled_last", {.chunk = {2}, .overwrite = true})));
  CHECK_THROWS_WITH(
      at.pool.run(weft::store(stored(slice(0, 4)), weft::hdf5_dataset(path, "soft_link").region(slice(1, 5)))),
      Contains("reads that array itself"));
  // Chunks that have not been through their filter, of the length of those that have: whole ones, and in part.
  write("skipped", weft::full<std::int32_t, 1>(c, {180}, 70'000), slice(0, 180));
  const xt::xtensor<std::int32_t, 1> skipped = at(at.pool.run(weft::from_hdf5<std::int32_t, 1>(c, path, "skipped")));
  xt::xtensor<std::int32_t, 1> through = xt::arange<std::int32_t>(300);
  xt::view(through, xt::range(0, 180)) = 70'000;
  CHECK((skipped == through));
  // Through one of two filters, or none: the upper chunks in part, the lower ones as wholes.
  xt::xtensor<std::int32_t, 2> some = xt::reshape_view(xt::arange<std::int32_t>(600), {20, 30});
  CHECK((at(at.pool.run(weft::from_hdf5<std::int32_t, 2>(c, path, "skipped_some"))) == some));
  write("skipped_some", weft::full<std::int32_t, 2>(c, {16, 30}, 70'000, {.chunk = {7, 9}}), slice(4, 20));
  xt::view(some, xt::range(4, 20)) = 70'000;
  CHECK((at(at.pool.run(weft::from_hdf5<std::int32_t, 2>(c, path, "skipped_some"))) == some));
  write("skipped_some", weft::full<std::int32_t, 2>(c, {3, 30}, -5), slice(9, 12));  // which have been through both
  xt::view(some, xt::range(9, 12)) = -5;
  CHECK((at(at.pool.run(weft::from_hdf5<std::int32_t, 2>(c, path, "skipped_some"))) == some));
  // By filters that are not undone here. HDF5 notes no other filters of a chunk of the same length.
  write("only_checked", weft::full<std::int32_t, 1>(c, {90}, 5), slice(10, 100));
  CHECK(at(weft::sum(at.pool.run(weft::from_hdf5<std::int32_t, 1>(c, path, "only_checked")))) == 45 + 450);
  const std::vector<char> before = bytes_of_file(path);
  CHECK_THROWS_WITH(write("checked_unshuffled", weft::full<std::int32_t, 1>(c, {90}, 5), slice(10, 100)),
                    Contains("checked_unshuffled of " + path) && Contains("not been through all filters"));
  CHECK((bytes_of_file(path) == before));
  // Swapped, with chunks that nobody has written, and those at the end.
  write("some_chunks", weft::full<std::int32_t, 2>(c, {5, 10}, 8), slice(5, 10));
  const xt::xtensor<std::int32_t, 2> chunks =
      at(at.pool.run(weft::from_hdf5<std::int32_t, 2>(c, path, "some_chunks")));
  xt::xtensor<std::int32_t, 2> wanted = -3 * xt::ones<std::int32_t>({10, 10});
  xt::view(wanted, xt::range(4, 8), xt::range(4, 8)) = 1;
  xt::view(wanted, xt::range(5, 10)) = 8;
  CHECK((chunks == wanted));
  at.pool.run(weft::store(weft::full<double, 0>(c, {}, 4.5), weft::hdf5_dataset(path, "scalar").region()));
  CHECK(at(at.pool.run(weft::from_hdf5<double, 0>(c, path, "scalar"))) == 4.5);
  const auto refused = [&](const std::string& name, const auto& x, const std::string& why) {
    CHECK_THROWS_WITH(at.pool.run(weft::store(x, weft::hdf5_dataset(path, name).region(weft::ellipsis))),
                      Contains("dataset " + name + " of " + path) && Contains(why));
  };
  refused("virtual", weft::zeros<std::int32_t, 3>(c, {2, 10, 10}), "put together of other datasets");
  refused("elsewhere", weft::zeros<std::int32_t>(c, {6}), "in other files");
  refused("lzf", weft::zeros<double, 2>(c, {10, 10}), "filter 32000 (lzf)");
  fs::copy_file(fs::path(std::getenv("WEFT_ARRAY_HDF5")) / "other.h5", folder / "other.h5");
  refused("linked", weft::zeros<double>(c, {12}), "a link to another file");
  CHECK(names_in(folder) == 2);
}

TEST_CASE("datasets of all layouts that h5py writes are written in part, in files of all its formats") {
  const test_directory folder(test_directory::beside());
  const char* from = std::getenv("WEFT_ARRAY_HDF5");
  if (!from || !fs::exists(std::string(from) + "/special.h5")) {
    WARN("left out: there are no files made by h5py. Install python3-h5py, and run this test by ctest.");
    return;
  }
  place at;
  for (const char* file : {"/old.h5", "/new.h5", "/block.h5"}) {
    const std::string path = folder / "x.h5";
    fs::copy_file(std::string(from) + file, path, fs::copy_options::overwrite_existing);
    const auto unwritten = at.pool.run(weft::from_hdf5<double, 2>(at.client, path, "unwritten"));
    CHECK(at(weft::sum(unwritten)) == 7 * 5 * 7);
    at.pool.run(weft::store(weft::ones<double, 2>(at.client, {2, 7}),
                            weft::hdf5_dataset(path, "unwritten").region(slice(1, 3))));
    CHECK(at(weft::sum(unwritten)) == 14 + 3 * 7 * 7);
    for (const char* stored : {"whole", "both", "checked", "growing"}) {
      const std::string name = std::string("f8/big/") + stored;
      INFO(file << " " << name);
      const auto x = at.pool.run(weft::from_hdf5<double, 3>(at.client, path, name));
      xt::xtensor<double, 3> wanted = at(x);
      const xt::xtensor<double, 3> part = 1000.0 + xt::view(wanted, xt::range(7, 30), xt::range(0, 39), xt::all());
      const auto y = weft::from_array(at.client, part, {.chunk = {10, 20, 2}});
      at.pool.run(weft::store(y, weft::hdf5_dataset(path, name).region(slice(7, 30), slice(0, 39))));
      xt::view(wanted, xt::range(7, 30), xt::range(0, 39), xt::all()) = part;
      CHECK((at(x) == wanted));
      at.pool.run(weft::to_hdf5(y, path, name + "_part", {.deflate = 1, .shuffle = true}));
      CHECK((at(at.pool.run(weft::from_hdf5<double, 3>(at.client, path, name + "_part"))) == part));
    }
  }
}

TEST_CASE("no task writes to a file that keeps what is free in it") {
  const test_directory folder(test_directory::beside());
  const std::string path = copied_special(folder / "x.h5");
  if (path.empty()) return;
  fs::copy_file(fs::path(std::getenv("WEFT_ARRAY_HDF5")) / "persistent.h5", path,
                fs::copy_options::overwrite_existing);
  place at;
  CHECK_FALSE(weft::detail::arrays::look_up_hdf5(path, "x").written_in_place);
  const auto ones = weft::ones<double, 1>(at.client, {500}, {.chunk = {90}});
  at.pool.run(weft::store(ones, weft::hdf5_dataset(path, "x").region(slice(0, 500))));
  at.pool.run(weft::to_hdf5(ones, path, "z", {.chunk = {100}}));
  const auto one_piece = at.pool.run(weft::stored(ones * 2.0, weft::hdf5_dataset(path, "in/one")));
  CHECK(at(weft::sum(one_piece)) == 1000);
  CHECK(at.pool.run(weft::contents_of_hdf5(path, "in/one")).chunk.size() == 0);
  at.pool.run(weft::to_hdf5(weft::sum(ones) > 2.0, path, "scalar"));
  CHECK(at(at.pool.run(weft::from_hdf5<bool, 0>(at.client, path, "scalar"))));
  CHECK_THROWS_WITH(at.pool.run(weft::to_hdf5(one_piece, path, "x")), Contains("is there already"));
  CHECK(names_in(folder) == 1);
  for (const auto& [name, sum] : {std::pair<const char*, double>{"x", 500 + 374'750}, {"y", 499'500}, {"z", 500}})
    CHECK(at(weft::sum(at.pool.run(weft::from_hdf5<double, 1>(at.client, path, name)))) == sum);
}

TEST_CASE("pieces of chunks that the dataset has not got any more, or that are damaged, are not taken in") {
  using namespace weft::detail::arrays;
  const test_directory folder(test_directory::beside());
  const char* from = std::getenv("WEFT_ARRAY_HDF5");
  if (!from || !fs::exists(std::string(from) + "/old.h5")) {
    WARN("left out: there are no files made by h5py. Install python3-h5py, and run this test by ctest.");
    return;
  }
  const std::string path = folder / "x.h5";
  fs::copy_file(std::string(from) + "/old.h5", path);
  const std::vector<char> before = bytes_of_file(path);
  hdf5_pieces p{
      folder / "pieces", make_grid({30, 41, 3}, {30, 41, 3}, 1 << 20, 8), {0, 0, 0}, {1, 1, 1}, element_of<double>};
  p.whole = {30, 41, 3};
  p.begin = {0, 0, 0};
  p.stored = {8, 20, 3};
  fs::create_directory(p.folder);
  std::ofstream(p.folder + "/0") << std::string(1 << 20, 'x');
  // Its chunks have sums behind them.
  hdf5_goal to{path, "f8/big/checked", {item_type::kind::real, 8, true}};
  const auto found = [&](const std::string& name) {
    to.dataset = name;
    to.there = look_up_hdf5(path, name);
  };
  found("f8/big/checked");
  CHECK_THROWS_WITH(take_in_hdf5_pieces(to, p, 0), Contains("has other chunks"));
  found("f8/big/chunks");
  CHECK_THROWS_WITH(take_in_hdf5_pieces(to, p, 0), Contains("is damaged"));
  p.filters = {hdf5_filter::shuffle};
  CHECK_THROWS_WITH(take_in_hdf5_pieces(to, p, 0), Contains("has other chunks"));
  CHECK(bytes_of_file(path) == before);
  // The first chunk is whole, and its dataset grows.
  p.filters = {hdf5_filter::shuffle, hdf5_filter::deflate};
  found("f8/big/both");
  const std::uint64_t bytes = 3840;
  std::ofstream(p.folder + "/0").write(reinterpret_cast<const char*>(&bytes), sizeof bytes)
      << std::string(1 << 20, 'x');
  CHECK_THROWS_WITH(take_in_hdf5_pieces(to, p, 0), Contains("is damaged"));
  CHECK(fs::file_size(path) < before.size() + (8 << 10));
}

TEST_CASE("what a program that was ended has left of a dataset in chunks is removed") {
  using namespace weft::detail::arrays;
  const test_directory folder(test_directory::beside());
  place at;
  const std::string path = folder / "x.h5";
  const std::size_t extents[] = {60, 47};
  make_hdf5_room(path, "x", item_type{item_type::kind::real, 8}, extents, false, 7, {.chunk = {13, 20}});
  fs::create_directory(unfinished_beside(path, 7));
  std::ofstream(unfinished_beside(path, 7) + "/0") << "left";
  fs::create_directory(unfinished_beside(path, 8));  // of another dataset
  const auto x = some(at.client, {13, 20});
  at.pool.run(weft::to_hdf5(x, path, "x", {.deflate = 1}));
  CHECK((read_all(at, path, "x") == at(x)));
  CHECK_FALSE(fs::exists(unfinished_beside(path, 7)));
  CHECK(fs::exists(unfinished_beside(path, 8)));
  CHECK(names_in(folder) == 2);
}

TEST_CASE("a dataset in chunks goes, with its folder, where there is no room for it") {
  const auto on_limit = std::signal(SIGXFSZ, SIG_IGN);
  const test_directory folder(test_directory::beside());
  place at(1);
  const weft::client& c = at.client;
  const std::string path = folder / "x.h5";
  const auto x = weft::arange<double>(c, 0, 1 << 18, 1, {.chunk = {1 << 16}});
  at.pool.run(weft::to_hdf5(weft::ones<double, 2>(c, {3, 4}), path, "before"));
  for (const rlim_t limit : {rlim_t{1} << 20, rlim_t{1} << 18}) {  // for the file; for the pieces of a task
    const file_limit full(limit);
    CHECK_THROWS_AS(at.pool.run(weft::to_hdf5(x, path, "x", {.shuffle = true})), std::runtime_error);
    CHECK_THROWS_AS(at.pool.run(weft::to_hdf5(x, folder / "y.h5", "x", {.shuffle = true})), std::runtime_error);
    CHECK(names_in(folder) == 1);
  }
  CHECK_THROWS_WITH(at.pool.run(weft::from_hdf5<double>(c, path, "x.unfinished")), Contains("has no dataset"));
  at.pool.run(weft::to_hdf5(x, path, "x", {.shuffle = true}));
  CHECK(at(weft::sum(at.pool.run(weft::from_hdf5<double, 1>(c, path, "x")) - x)) == 0);
  CHECK(at(weft::sum(at.pool.run(weft::from_hdf5<double, 2>(c, path, "before")))) == 12);
  std::signal(SIGXFSZ, on_limit);
}

TEST_CASE("a dataset that cannot be given its name, since the disk is full, is as it was") {
  using namespace weft::detail::arrays;
  const auto on_limit = std::signal(SIGXFSZ, SIG_IGN);
  const test_directory folder(test_directory::beside());
  place at(1);
  const std::string path = folder / "x.h5", name = "many/groups/that/are/not/there/x";
  at.pool.run(weft::to_hdf5(weft::ones<double, 2>(at.client, {3, 4}), path, "before"));
  const std::size_t extents[] = {3};
  const hdf5_room room = make_hdf5_room(path, name, item_type{item_type::kind::real, 8}, extents, false, 7);
  const auto size = fs::file_size(path);
  {
    const file_limit full(size);
    CHECK_THROWS_AS(put_hdf5_in_place(path, name, room, false), std::system_error);
    CHECK_THROWS_AS(leave_hdf5_room(path, name, room), std::system_error);
  }
  CHECK(fs::file_size(path) == size);
  put_hdf5_in_place(path, name, room, false);
  CHECK(fs::file_size(path) < size + (64 << 10));
  CHECK(at.pool.run(weft::from_hdf5<double>(at.client, path, name)).shape() == weft::shape{3});
  CHECK(at(weft::sum(at.pool.run(weft::from_hdf5<double, 2>(at.client, path, "before")))) == 12);
  std::signal(SIGXFSZ, on_limit);
}

TEST_CASE("the pieces of a dataset are looked at when they have travelled") {
  using namespace weft::detail::arrays;
  hdf5_pieces p{"/x", make_grid({10, 4}, {3, 4}, 1000, 8), {0, 0}, {4, 1}, element_of<double>};
  p.begin = {2, 0};
  p.whole = {12, 4};
  p.stored = {5, 5};
  p.filters = {hdf5_filter::shuffle, hdf5_filter::deflate};
  p.level = 4;
  const std::vector<std::byte> good = weft::to_bytes(p);
  const auto again = weft::from_bytes<hdf5_pieces>(good);
  CHECK((again.folder == p.folder && again.filters == p.filters && again.level == 4 && again.stored == p.stored));
  const auto fails = [&](auto change) {
    hdf5_pieces bad = p;
    change(bad);
    CHECK_THROWS_AS(weft::from_bytes<hdf5_pieces>(weft::to_bytes(bad)), weft::codec_error);
  };
  fails([](hdf5_pieces& b) { b.counts = {5, 1}; });
  fails([](hdf5_pieces& b) { b.of.type = weft::dtype::other; });
  fails([](hdf5_pieces& b) { b.begin = {3, 0}; });
  fails([](hdf5_pieces& b) { b.begin = {}; });
  fails([](hdf5_pieces& b) { b.stored = {5}; });
  fails([](hdf5_pieces& b) { b.stored = {5, 0}; });
  fails([](hdf5_pieces& b) { b.stored = {1 << 20, 1 << 20}; });
  fails([](hdf5_pieces& b) { b.filters.push_back(static_cast<hdf5_filter>(2)); });
  fails([](hdf5_pieces& b) { b.level = 10; });
  CHECK_THROWS_AS(weft::from_bytes<hdf5_pieces>(std::span(good).first(good.size() - 1)), weft::codec_error);
}

TEST_CASE("datasets in chunks, and regions, are written for h5py to read") {
  const char* to = std::getenv("WEFT_ARRAY_HDF5_WRITTEN");
  if (!to) {
    WARN("left out: ctest says where to write, and has h5py read it");
    return;
  }
  const std::string path = copied_special(std::string(to) + ".chunks.h5");
  if (path.empty()) return;
  place at;
  const auto x = weft::from_function<3>(
      at.client, {30, 41, 3},
      [](std::int64_t i, std::int64_t j, std::int64_t k) { return ((i * 41 + j) * 3 + k) % 251; },
      {.chunk = {11, 20, 3}});
  const auto b1 = x % 2 == 1;
  const auto f8 = weft::astype<double>(x);
  at.pool.run(weft::store(
      storing(b1, weft::hdf5_dataset(path, "/in/chunks/b1", {.deflate = 9, .shuffle = true})),
      storing(x, weft::hdf5_dataset(path, "in/chunks/i8", {.chunk = {8, 20, 3}, .deflate = 4, .shuffle = true})),
      storing(f8, weft::hdf5_dataset(path, "in/chunks/f8", {.chunk = {7, 41, 1}}))));
  // A dataset that grows, and is filled with -3 there: what is behind its end stays that.
  const auto y = weft::from_function<2>(
      at.client, {10, 7}, [](std::int64_t i, std::int64_t j) { return static_cast<std::int32_t>(i * 7 + j); },
      {.chunk = {3, 3}});
  at.pool.run(weft::store(y, weft::hdf5_dataset(path, "growing").region(weft::ellipsis)));
}
