// Zarr stores as arrays, and arrays as Zarr stores.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "array/arrays.hpp"
#include "array/file_chunks.hpp"
#include "array/files.hpp"
#include "array/unfinished.hpp"
#include "array/zarr_store.hpp"
#include "weft/errors.hpp"
#include "weft/progress.hpp"

using arrays::noise;
using arrays::place;
using arrays::some;
using Catch::Contains;
using weft::slice;
using weft::zarr_compression;

namespace {

namespace fs = std::filesystem;

/// With spaces and ends of lines left out.
std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::string text, word;
  while (file >> word) text += word;
  return text;
}
std::size_t files_in(const std::string& folder) {
  std::size_t n = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) n += entry.is_regular_file();
  return n;
}
using weft::detail::arrays::all_unfinished_beside;
using weft::detail::arrays::unfinished_beside;

/// Twice its chunk; beside it the files are made that are there when a task was given to a second worker, and the
/// first is still at it.
struct late_writer {
  std::string store;
  template <class A>
  auto operator()(const weft::chunk_place& p, const A& a) const {
    const std::string late = all_unfinished_beside(store).at(0).string() + "/c/" + std::to_string(p.chunk[0]);
    fs::create_directories(fs::path(late).parent_path());
    std::ofstream(late + ".new0") << "half";
    std::ofstream(late + ".new17") << "of it";
    return a * 2.0;
  }
};
void nothing_is_left(const std::string& path) {
  CHECK(all_unfinished_beside(path).empty());
  CHECK_FALSE(fs::exists(path + ".replaced"));
}

}  // namespace

TEST_CASE("what is written to a Zarr store is read from it, in either version and every compression") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const auto x = some(c, {13, 20});
  const xt::xtensor<double, 2> whole = at(x);
  for (const unsigned version : {2u, 3u})
    for (const auto compression : {zarr_compression::off, zarr_compression::zstd, zarr_compression::blosc_lz4,
                                   zarr_compression::blosc_zstd, zarr_compression::gzip}) {
      const std::string path = folder / (std::to_string(version) + std::to_string(static_cast<int>(compression)));
      at.pool.run(weft::to_zarr(x, path, {.version = version, .compression = compression, .level = 3}));
      nothing_is_left(path);
      const auto y = at.pool.run(weft::from_zarr<double, 2>(c, path + "/", {.chunk = {0, 0}}));
      CHECK(y.chunk_shape() == weft::shape{13, 20});
      CHECK(y.task_count() == 15);
      CHECK((at(y) == whole));
      CHECK(fs::exists(path + (version == 2 ? "/.zarray" : "/zarr.json")));
      CHECK(files_in(path) == 16);
    }
  CHECK_THAT(text_of(folder / "32/zarr.json"), Contains("\"cname\":\"lz4\",\"clevel\":3,\"shuffle\":\"shuffle\""));
  CHECK_THAT(text_of(folder / "21/.zarray"), Contains("{\"id\":\"zstd\",\"level\":3}"));
  // Other elements, ranks and shapes; arrays that are kept, and views.
  const auto again = [&](const auto& array, const std::string& name) {
    using type = std::remove_cvref_t<decltype(array)>;
    at.pool.run(weft::to_zarr(array, folder / name));
    return at.pool.run(weft::from_zarr<typename type::value_type, type::rank>(c, folder / name));
  };
  const auto kept = weft::astype<std::int16_t>(x * 1000.0).persist();
  CHECK((at(again(kept, "kept")) == at(kept)));
  CHECK((at(again(x > 0.0, "truths")) == (whole > 0.0)));
  const auto part = weft::transpose(x)(slice(3, 40), slice(50, 5, -1));
  CHECK((at(again(part, "part")) == at(part)));
  CHECK(at(again(weft::sum(x), "one")) == at(weft::sum(x)));
  CHECK(at(again(weft::zeros<float, 2>(c, {0, 3}), "nothing")).shape()[1] == 3);
  const auto indices = weft::array<std::int64_t>(weft::arange<std::int64_t>(c, 100));
  CHECK((at(again(indices, "dynamic")) == at(indices)));
}

TEST_CASE("a store has the chunks that are asked for, each written by one task") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  std::size_t number = 0;
  const auto written = [&](const weft::array<double, 2>& x, const weft::shape& chunk, const std::string& as) {
    const std::string path = folder / std::to_string(number++);
    at.pool.run(weft::to_zarr(x, path, {.chunk = chunk}));
    CHECK_THAT(text_of(path + "/.zarray"), Contains("\"chunks\":" + as));
    const auto y = at.pool.run(weft::from_zarr<double, 2>(c, path));
    CHECK((at(y) == at(x)));
    return files_in(path) - 1;
  };
  const auto x = some(c, {20, 20});
  CHECK(written(x, {20, 20}, "[20,20]") == 9);
  CHECK(written(x, {10, 4}, "[10,4]") == 6 * 12);  // several in one task
  CHECK(written(x, {7, 33}, "[7,33]") == 9 * 2);   // rechunked
  CHECK(written(x, {-1, 1}, "[60,1]") == 47);      // rechunked along one axis
  CHECK(written(x, {1000, 0}, "[60,47]") == 1);    // what weft chooses
  CHECK(written(some(c, {60, 47}), {60, 47}, "[60,47]") == 1);
  // Slices begin with a shorter chunk: 13, 20, 20.
  const weft::array<double, 2> part = x(slice(7, 60), slice(0, 45));
  CHECK(written(part, {}, "[20,20]") == 9);
  CHECK(written(x(slice(10, 60), slice(0, 45)), {10, 5}, "[10,5]") == 5 * 9);
  for (std::int64_t i = 0; i < 20; ++i) {
    const arrays::some_chunks from(2, 2 * i, 30), to(2, 2 * i + 1, 30);
    const auto a = weft::from_function<2>(
        c, from.extents, [](std::int64_t k, std::int64_t l) { return noise(k * 31 + l); }, {.chunk = from.chunk});
    const std::string path = folder / ("some" + std::to_string(i));
    at.pool.run(weft::to_zarr(a, path, {.version = 3, .chunk = to.chunk}));
    const auto b = at.pool.run(weft::from_zarr<double, 2>(c, path));
    CHECK((at(b) == at(a)));
  }
}

TEST_CASE("an array that one task cannot hold is rechunked for a store, and written by several") {
  const test_directory folder(test_directory::beside());
  place at;
  const auto columns = weft::from_function<2>(  // 12 MB
      at.client, {1000, 1500}, [](std::int64_t i, std::int64_t j) { return noise(i * 1500 + j); },
      {.chunk = {1000, 100}});
  const std::string path = folder / "x.zarr";
  at.pool.run(weft::to_zarr(columns, path, {.chunk = {130, 1500}}));
  CHECK(files_in(path) == 1 + 8);
  const auto rows = at.pool.run(weft::from_zarr<double, 2>(at.client, path));
  CHECK((at(rows) == at(columns)));
}

TEST_CASE("what is rechunked for a store is no larger than its chunks were, the store's, or 8 MiB") {
  using namespace weft::detail::arrays;
  using weft::shape;
  const auto chunk = [](const shape& whole, const shape& from, const shape& stored) {
    return chunk_to_write(make_grid(whole, from, 1, 8), stored, 8);
  };
  // Columns to rows: their product would be all of it, 80 GB.
  CHECK(chunk({100000, 100000}, {100000, 1}, {1, 100000}) == shape{10, 100000});
  CHECK(chunk({100000, 100000}, {1, 100000}, {100000, 1}) == shape{100000, 10});
  CHECK(chunk({100000, 100000}, {2000, 2000}, {300, 300}) == shape{300, 13200});  // 32 MB
  CHECK(chunk({2000, 2000}, {2000, 2000}, {300, 300}) == shape{1800, 2000});      // a whole axis is no multiple
  CHECK(chunk({100000, 100000}, {10, 10}, {3000, 3000}) == shape{3000, 3000});    // 72 MB
  CHECK(chunk({60, 47}, {20, 20}, {7, 33}) == shape{60, 47});
  CHECK(chunk({0, 47}, {1, 20}, {1, 33}) == shape{1, 47});
  CHECK(chunk({}, {}, {}) == shape{});
  for (std::int64_t i = 0; i < 1000; ++i) {
    const arrays::some_chunks from(3, 2 * i, 400), to(3, 2 * i + 1, 400);
    const grid g = make_grid(from.extents, from.chunk, 1, 8);
    const shape stored = make_grid(from.extents, to.chunk, 1, 8).largest(), got = chunk_to_write(g, stored, 8);
    std::int64_t bytes = 8, before = 8, least = 8;
    for (std::size_t a = 0; a < 3; ++a) {
      REQUIRE((got[a] % stored[a] == 0 || got[a] == from.extents[a]));
      bytes *= got[a], before *= g.largest()[a], least *= stored[a];
    }
    REQUIRE(bytes <= std::max({before, least, std::int64_t{8} << 20}));
  }
}

TEST_CASE("a store is read in multiples of its chunks, and a part reads its own alone") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const std::string path = folder / "x.zarr";
  const auto x = some(c, {10, 10});
  const xt::xtensor<double, 2> whole = at(x);
  at.pool.run(weft::to_zarr(x, path));
  for (const auto& [chunk, got] :
       {std::pair(weft::shape{20, 30}, weft::shape{20, 30}), std::pair(weft::shape{-1, 0}, weft::shape{60, 10}),
        std::pair(weft::shape{0, 100}, weft::shape{10, 47})}) {
    const auto y = at.pool.run(weft::from_zarr<double, 2>(c, path, {.chunk = chunk}));
    CHECK(y.chunk_shape() == got);
    CHECK((at(y) == whole));
  }
  const auto of_bytes = [&](std::int64_t bytes) {
    return at.pool.run(weft::from_zarr<double, 2>(c, path, {.bytes = bytes})).chunk_shape();
  };
  CHECK(of_bytes(1) == weft::shape{10, 10});
  CHECK(of_bytes(1700) == weft::shape{10, 20});  // two of 800 bytes
  CHECK(of_bytes(8000) == weft::shape{20, 47});
  CHECK(at.pool.run(weft::from_zarr<double, 2>(c, path)).chunk_shape() == weft::shape{60, 47});
  CHECK_THROWS_WITH((at.pool.run(weft::from_zarr<double, 2>(c, path, {.chunk = {15, 10}}))),
                    Contains("in chunks of (10, 10)") && Contains("in chunks of (15, 10)"));
  CHECK_THROWS_WITH((at.pool.run(weft::from_zarr<double, 2>(c, path, {.chunk = {10}}))),
                    Contains("one extent for each axis"));
  // A damaged chunk disturbs those alone who read it.
  fs::resize_file(path + "/1.0", 7);
  const auto y = at.pool.run(weft::from_zarr<double, 2>(c, path, {.bytes = 1}));
  CHECK(y(slice(25, 35), 3).task_count() == 4);
  CHECK(at(y(slice(25, 35), slice(0, 47)))(3, 46) == whole(28, 46));
  CHECK(at(y(19, 10)) == whole(19, 10));
  CHECK_THROWS_WITH(at(y(19, 9)), Contains("/1.0"));
}

TEST_CASE("chunks that are not there have the fill value") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const std::string path = folder / "x.zarr";
  at.pool.run(weft::to_zarr(some(c, {20, 20}), path));
  fs::remove(path + "/0.1");
  const auto x = at.pool.run(weft::from_zarr<double, 2>(c, path));
  CHECK(at(weft::sum(x(slice(0, 20), slice(20, 40)))) == 0);
  CHECK(at(x(0, 19)) == noise(19));
  std::string text;
  {
    std::ifstream file(path + "/.zarray");
    std::ostringstream all;
    all << file.rdbuf();
    text = all.str();
  }
  const std::size_t fill = text.find("\"fill_value\": ");
  REQUIRE(fill != std::string::npos);
  text.replace(fill, text.find(',', fill) - fill, "\"fill_value\": -2.5");
  std::ofstream(path + "/.zarray") << text;
  const auto y = at.pool.run(weft::from_zarr<double, 2>(c, path));
  CHECK(at(weft::sum(y(slice(0, 20), slice(20, 40)))) == -2.5 * 400);
}

TEST_CASE("a store that is no longer there is not read as its fill value") {
  const test_directory folder(test_directory::beside());
  place at;
  for (const unsigned version : {2u, 3u}) {
    const std::string path = folder / std::to_string(version);
    at.pool.run(weft::to_zarr(some(at.client, {20, 20}), path, {.version = version}));
    const auto x = at.pool.run(weft::from_zarr<double, 2>(at.client, path));
    const std::string metadata = path + (version == 2 ? "/.zarray" : "/zarr.json");
    fs::remove(metadata);
    CHECK(at(x(0, 1)) == noise(1));  // a chunk that is there needs no more
    fs::rename(path, path + ".moved");
    CHECK_THROWS_WITH(at(x(0, 1)), Contains(metadata + " is not there") && Contains("moved or removed"));
    std::ofstream(path) << "a file in its place";
    CHECK_THROWS_WITH(at(x(0, 1)), Contains(metadata + " is not there"));
  }
}

TEST_CASE("stores that hold something else are refused, with both named") {
  const test_directory folder(test_directory::beside());
  place at(1);
  const weft::client& c = at.client;
  const std::string path = folder / "x.zarr";
  at.pool.run(weft::to_zarr(weft::arange<std::int32_t>(c, 20), path));
  CHECK_THROWS_WITH(at.pool.run(weft::from_zarr<double>(c, path)),
                    Contains("x.zarr") && Contains("<i4") && Contains("float64"));
  CHECK_THROWS_WITH((at.pool.run(weft::from_zarr<std::int32_t, 2>(c, path))),
                    Contains("x.zarr") && Contains("1 axes, of shape (20)") && Contains("one of 2"));
  CHECK_THROWS_AS(at.pool.run(weft::from_zarr<double>(c, folder / "none.zarr")), std::system_error);
  std::ofstream(path + "/.zarray") << "no numbers";
  CHECK_THROWS_WITH(at.pool.run(weft::from_zarr<std::int32_t>(c, path)), Contains("x.zarr/.zarray"));
}

TEST_CASE("a store that is there is kept, unless it is to be overwritten") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const std::string path = folder / "x.zarr";
  const auto x = weft::arange<double>(c, 0, 50, 1, {.chunk = {10}});
  at.pool.run(weft::to_zarr(x, path));
  CHECK_THROWS_WITH(at.pool.run(weft::to_zarr(x * 2.0, path)), Contains("x.zarr is there already"));
  const auto old = at.pool.run(weft::from_zarr<double, 1>(c, path));
  CHECK(at(weft::sum(old)) == 1225);
  // Over the store that is read, in fewer chunks.
  at.pool.run(weft::show_progress(c, "writing", weft::to_zarr(old * 2.0, path, {.chunk = {25}, .overwrite = true}),
                                  weft::progress_bar::style::silent));
  nothing_is_left(path);
  CHECK(files_in(path) == 3);
  const auto twice = at.pool.run(weft::from_zarr<double, 1>(c, path));
  CHECK(at(weft::sum(twice)) == 2450);
  // What fails leaves the store that was there, and nothing beside it.
  const auto fails = weft::map_blocks(
      [](const weft::chunk_place& p, const auto& a) {
        if (p.chunk[0] == 3) throw std::runtime_error("chunk 3 fails");
        return a * 1.0;
      },
      x);
  CHECK_THROWS_WITH(at.pool.run(weft::to_zarr(fails, path, {.overwrite = true})), Contains("chunk 3 fails"));
  nothing_is_left(path);
  CHECK(at(weft::sum(twice)) == 2450);
  CHECK_THROWS_WITH(at.pool.run(weft::to_zarr(fails, folder / "new.zarr")), Contains("chunk 3 fails"));
  CHECK_FALSE(fs::exists(folder / "new.zarr"));
  nothing_is_left(folder / "new.zarr");
  // Nothing is replaced but a store; what an ended program left is.
  fs::create_directory(folder / "papers");
  std::ofstream(folder / "papers/one.txt") << "kept";
  CHECK_THROWS_WITH(at.pool.run(weft::to_zarr(x, folder / "papers", {.overwrite = true})),
                    Contains("papers is there, and is no Zarr array"));
  CHECK(files_in(folder / "papers") == 1);
  const std::string rest = folder / "rest.zarr";
  for (const char* metadata : {".zarray", ".zarray.new0"}) {
    fs::remove_all(rest);
    const std::string left = unfinished_beside(rest, 7);
    fs::create_directory(left);
    std::ofstream(left + "/" + metadata) << "";
    if (std::string(metadata) == ".zarray") std::ofstream(left + "/9.9") << "of another array";
    at.pool.run(weft::to_zarr(x, rest));
    CHECK(files_in(rest) == 6);
    nothing_is_left(rest);
  }
  fs::rename(rest, rest + ".replaced");
  at.pool.run(weft::to_zarr(x * 2.0, rest));  // where the old one may yet be wanted
  CHECK(at(weft::sum(at.pool.run(weft::from_zarr<double, 1>(c, rest + ".replaced")))) == 1225);
  at.pool.run(weft::to_zarr(x, rest, {.overwrite = true}));
  nothing_is_left(rest);
}

TEST_CASE("what is no Zarr array is neither overwritten nor removed") {
  const test_directory folder(test_directory::beside());
  place at(1);
  const auto x = weft::arange<double>(at.client, 0, 50, 1, {.chunk = {10}});
  const auto refused = [&](const std::string& path, const std::string& why) {
    CHECK_THROWS_WITH(at.pool.run(weft::to_zarr(x, path, {.overwrite = true})), Contains(why));
  };
  const auto put = [](const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << text;
  };
  // A group of version 3 has metadata of the same name, and arrays in it.
  put(folder / "group/zarr.json", R"({"zarr_format": 3, "node_type": "group", "attributes": {}})");
  at.pool.run(weft::to_zarr(x, folder / "group/x", {.version = 3}));
  put(folder / "text/zarr.json", R"({"zarr_format": 3, "node_type": "array")");
  put(folder / "list/zarr.json", R"(["node_type", "array"])");
  put(folder / "old_group/.zgroup", R"({"zarr_format": 2})");
  put(folder / "file", "");
  fs::create_directories(folder / "odd/.zarray");
  for (const char* name : {"group", "text", "list", "old_group", "file", "odd"})
    refused(folder / name, std::string(name) + " is there, and is no Zarr array");
  CHECK(files_in(folder / "group") == 7);
  // An array that weft cannot read is one.
  put(folder / "shards/zarr.json", R"({"zarr_format": 3, "node_type": "array", "codecs": []})");
  at.pool.run(weft::to_zarr(x, folder / "shards", {.overwrite = true}));
  CHECK(files_in(folder / "shards") == 6);
  // The folders beside the store.
  const std::string path = folder / "x.zarr";
  at.pool.run(weft::to_zarr(x, path));
  put(path + ".replaced/notes.txt", "kept");
  refused(path, "x.zarr.replaced is there, and is no Zarr array");
  CHECK(fs::exists(path + ".replaced/notes.txt"));
  fs::remove_all(path + ".replaced");
  fs::create_directory_symlink(folder / "shards", path + ".replaced");
  refused(path, "x.zarr.replaced is there, and is no Zarr array");
  CHECK(files_in(folder / "shards") == 6);
  fs::remove(path + ".replaced");
  // What is called as an unfinished store is, and is none, stays.
  const std::string notes = unfinished_beside(path, 1), link = unfinished_beside(path, 2);
  put(notes + "/notes.txt", "kept");
  fs::create_directory_symlink(folder / "shards", link);
  at.pool.run(weft::to_zarr(x, path, {.overwrite = true}));
  CHECK(fs::exists(notes + "/notes.txt"));
  CHECK(fs::is_symlink(link));
  CHECK(files_in(folder / "shards") == 6);
  CHECK(files_in(path) == 6);
}

TEST_CASE("the store that a link leads to is read and replaced, and the link stays") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const auto x = weft::arange<double>(c, 0, 50, 1, {.chunk = {10}});
  fs::create_directories(folder / "far/deep");
  fs::create_directory_symlink("far/deep", folder / "near");
  const std::string path = folder / "x.zarr";
  at.pool.run(weft::to_zarr(x, folder / "far/x.zarr"));
  fs::create_directory_symlink("far/x.zarr", path);
  CHECK_THROWS_WITH(at.pool.run(weft::to_zarr(x, path)), Contains("is there already"));
  const auto read = at.pool.run(weft::from_zarr<double, 1>(c, path));
  at.pool.run(weft::to_zarr(read * 2.0, path + "//", {.overwrite = true}));
  CHECK(fs::is_symlink(path));
  CHECK_FALSE(fs::is_symlink(folder / "far/x.zarr"));
  nothing_is_left(path);
  nothing_is_left(folder / "far/x.zarr");
  // ".." leads out of the folder that the link leads to: near/.. is far.
  const auto twice = at.pool.run(weft::from_zarr<double, 1>(c, folder / "near/../x.zarr/"));
  CHECK(at(weft::sum(twice)) == 2450);
  at.pool.run(weft::to_zarr(x, folder / "near/../y.zarr"));
  CHECK(files_in(folder / "far/y.zarr") == 6);
  fs::create_directory_symlink("nowhere", folder / "lost");
  CHECK_THROWS_WITH(at.pool.run(weft::to_zarr(x, folder / "lost", {.overwrite = true})), Contains("no Zarr array"));
}

TEST_CASE("what a late writer has not renamed does not come into the store") {
  const test_directory folder(test_directory::beside());
  place at;
  const std::string path = folder / "x.zarr";
  const auto x = weft::map_blocks(late_writer{path}, weft::arange<double>(at.client, 0, 50, 1, {.chunk = {10}}));
  at.pool.run(weft::to_zarr(x, path, {.version = 3}));
  CHECK(files_in(path) == 6);
  const auto y = at.pool.run(weft::from_zarr<double, 1>(at.client, path));
  CHECK(at(weft::sum(y)) == 2450);
}

TEST_CASE("attributes and names of axes are a store's, which one that replaces it does not keep") {
  const test_directory folder(test_directory::beside());
  place at;
  const auto x = some(at.client, {20, 20});
  for (const unsigned version : {2u, 3u}) {
    const std::string path = folder / std::to_string(version);
    weft::zarr_options how{.version = version, .checksum = version == 3, .attributes = R"({"units": [ "mm" ]})"};
    if (version == 3) how.dimension_names = {"rows"};
    at.pool.run(weft::to_zarr(x, path, how));
    const weft::array_contents there = at.pool.run(weft::contents_of_zarr(path));
    CHECK(there.attributes == R"({"units":["mm"]})");
    if (version == 3) CHECK(there.dimension_names == std::vector<std::optional<std::string>>{"rows", std::nullopt});
    if (version == 2) CHECK(there.dimension_names.empty());
    // A region leaves them, what replaces the store has its own.
    at.pool.run(weft::store(x(slice(0, 20)) * 2.0, weft::zarr_store(path).region(slice(0, 20), slice())));
    CHECK(at.pool.run(weft::contents_of_zarr(path)).attributes == there.attributes);
    const weft::array<double, 2> y = at.pool.run(weft::from_zarr<double, 2>(at.client, path));
    CHECK(at(y(0, 1)) == 2 * noise(1));
    at.pool.run(weft::to_zarr(y, path, {.version = version, .attributes = there.attributes, .overwrite = true}));
    CHECK(at.pool.run(weft::contents_of_zarr(path)).attributes == there.attributes);
    at.pool.run(weft::to_zarr(x, path, {.version = version, .overwrite = true}));
    CHECK(at.pool.run(weft::contents_of_zarr(path)).attributes.empty());
    if (version == 2) {  // what Python writes is no JSON, and hinders nobody
      std::ofstream(path + "/.zattrs") << "{\"scale\": NaN}\n";
      CHECK(at(at.pool.run(weft::from_zarr<double, 2>(at.client, path)))(0, 1) == noise(1));
      at.pool.run(weft::store(x(slice(0, 20)) * 2.0, weft::zarr_store(path).region(slice(0, 20), slice())));
      CHECK(at.pool.run(weft::contents_of_zarr(path)).attributes == "{\"scale\": NaN}");
    }
  }
}

TEST_CASE("stores that cannot be are refused before anything is written") {
  const test_directory folder(test_directory::beside());
  place at(1);
  const auto x = weft::ones<double, 2>(at.client, {4, 4});
  const auto refused = [&](weft::zarr_options how, const std::string& why) {
    CHECK_THROWS_WITH(at.pool.run(weft::to_zarr(x, folder / "x", how)), Contains(why));
    CHECK_THROWS_AS(at.pool.run(weft::to_zarr(x, folder / "x", how)), weft::misuse);
  };
  refused({.version = 4}, "versions 2 and 3 can be written");
  refused({.compression = zarr_compression::zstd, .level = 30}, "'level' is not a whole number");
  refused({.level = 10}, "'clevel' is not a whole number from 0 to 9");
  refused({.version = 3, .compression = zarr_compression::zlib}, "version 3 has gzip");
  refused({.checksum = true}, "version 2 has no");
  refused({.attributes = "units"}, "these attributes is no JSON");
  const std::string many = "{\"a\": \"" + std::string(std::size_t{4} << 20, 'x') + "\"}";
  refused({.version = 3, .attributes = many}, "4 MiB");
  refused({.attributes = many}, "4 MiB");
  CHECK_THROWS_AS(weft::to_zarr(x, folder / "x", {.version = 3, .attributes = many}), weft::misuse);
  refused({.dimension_names = {"x", "y"}}, "version 2, which has none");
  refused({.version = 3, .dimension_names = {"x", "y", "z"}}, "3 names of axes for a Zarr store of 2");
  refused({.chunk = {2}}, "one extent for each axis");
  refused({.chunk = {2, -2}}, "an extent is 1 or more");
  struct pair {
    double a, b;
  };
  const auto pairs = weft::map_elements([](double e) { return pair{e, e}; }, x);
  CHECK_THROWS_WITH(at.pool.run(weft::to_zarr(pairs, folder / "x")), Contains("no numbers"));
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("what the tasks of a store are sent is checked") {
  using namespace weft::detail::arrays;
  const double odd = std::numeric_limits<double>::signaling_NaN();
  zarr_place p{"/a", {.version = 3, .shape = {60, 47}, .chunk = {10, 10}, .order = {0, 1}}};
  p.store.fill = std::vector<std::byte>(8);
  std::memcpy(p.store.fill->data(), &odd, 8);
  p.chunks = make_grid({60, 47}, {20, -1}, 1, 8);
  p.first = {1, 0};
  p.counts = {2, 1};
  p.of = element_of<double>;
  const auto again = weft::from_bytes<zarr_place>(weft::to_bytes(p));
  CHECK(again.path == p.path);
  CHECK(again.store == p.store);  // with the bits of the NaN
  CHECK(again.chunks == p.chunks);
  CHECK(again.counts == p.counts);
  const auto refused = [&](const std::string& why, auto change) {
    zarr_place bad = p;
    change(bad);
    CHECK_THROWS_AS(weft::from_bytes<zarr_place>(weft::to_bytes(bad)), weft::codec_error);
    CHECK_THROWS_WITH(weft::from_bytes<zarr_place>(weft::to_bytes(bad)), Contains(why));
  };
  refused("those of another array", [](zarr_place& b) { b.of = element_of<float>; });
  refused("those of another array", [](zarr_place& b) { b.store.shape = {60, 48}; });
  refused("its box is not in its chunks", [](zarr_place& b) { b.counts = {3, 1}; });
}

TEST_CASE("stores that zarr-python wrote are arrays") {
  const std::string from = weft::test::reference_folder();
  if (from.empty() || !fs::exists(from + "/scalar.zarr")) {
    WARN(weft::test::no_reference << " For these python3-zarr is needed too.");
    return;
  }
  place at;
  const weft::client& c = at.client;
  for (const char* name : {"none_f8_little_C_dot", "lz4_f8_big_F_slash", "zstd_f8_little_F_dot",
                           "zlib_f8_big_C_slash", "blosczstd_f8_little_C_slash", "auto_f8_big_F_dot"}) {
    INFO(name);
    const auto x = at.pool.run(weft::from_zarr<double, 3>(c, from + "/" + name + ".zarr", {.bytes = 1}));
    CHECK(x.chunk_shape() == weft::shape{8, 20, 3});
    const xt::xtensor<double, 3> whole = at(x);
    bool same = whole.size() == 30 * 41 * 3;
    for (std::size_t k = 0; same && k < whole.size(); ++k) same = whole.flat(k) == static_cast<double>(k % 251);
    CHECK(same);
    CHECK(at(x(29, 40, 2)) == (30 * 41 * 3 - 1) % 251);
  }
  const auto nans = at.pool.run(weft::from_zarr<double, 1>(c, from + "/fill_nan.zarr"));
  CHECK(at(weft::count_nonzero(weft::isnan(nans))) == 5);
  const auto large = at.pool.run(weft::from_zarr<std::uint64_t, 1>(c, from + "/fill_large.zarr"));
  CHECK(at(large(4)) == std::numeric_limits<std::uint64_t>::max());
  const auto scalar = at.pool.run(weft::from_zarr<double, 0>(c, from + "/scalar.zarr"));
  CHECK(at(scalar) == 2.5);
}

/// What numpy_check.py reads afterwards; parts of the name are what it expects.
TEST_CASE("stores are written for zarr-python to read") {
  const char* to = std::getenv("WEFT_ARRAY_STORES");
  if (!to) {
    WARN("left out: ctest says where to write, and has zarr-python read it");
    return;
  }
  fs::remove_all(to);
  place at;
  const auto x = weft::from_function<3>(
      at.client, {30, 41, 3},
      [](std::int64_t i, std::int64_t j, std::int64_t k) { return ((i * 41 + j) * 3 + k) % 251; },
      {.chunk = {11, 20, 3}});
  const auto write = [&](const auto& array, const std::string& name) {
    for (const auto compression : {zarr_compression::off, zarr_compression::zstd, zarr_compression::blosc_lz4,
                                   zarr_compression::blosc_zstd, zarr_compression::gzip, zarr_compression::zlib})
      at.pool.run(weft::to_zarr(array, std::string(to) + "/" + name + std::to_string(static_cast<int>(compression)),
                                {.compression = compression,
                                 .level = 2,
                                 .chunk = {8, 20, 3},
                                 .attributes = R"({"units": "mm", "of": [1, 2.5]})"}));
  };
  write(x, "i");
  write(weft::astype<float>(x), "f");
  write(x % 2 == 1, "b");
}
