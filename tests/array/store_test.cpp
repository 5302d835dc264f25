// Arrays that are stored together, in parts of what is there, and in functions.
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <vector>
#include <xtensor/xview.hpp>

#include "array/arrays.hpp"
#include "array/files.hpp"
#include "weft/errors.hpp"
#include "weft/progress.hpp"

using arrays::noise;
using arrays::place;
using Catch::Contains;
using weft::slice;
using weft::storing;

namespace {

namespace fs = std::filesystem;

std::atomic<int> calls{0};

weft::array<double, 2> some(const weft::client& c) {
  return weft::from_function<2>(c, {30, 21}, [](std::int64_t i, std::int64_t j) { return noise(i * 21 + j); },
                                {.chunk = {7, 10}});
}
/// Counts how often a chunk is made.
weft::array<double, 2> counted(const weft::array<double, 2>& x) {
  return weft::map_blocks(
      [](const auto& a) {
        ++calls;
        return a * 2.0;
      },
      x);
}
weft::array<double, 2> failing(const weft::array<double, 2>& x) {
  return weft::map_blocks(
      [](const weft::chunk_place& p, const auto& a) {
        if (p.chunk[0] == 2) throw std::runtime_error("chunk 2 fails");
        return a * 2.0;
      },
      x);
}
std::size_t names_in(const test_directory& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("arrays that are stored together are computed once") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const auto x = counted(some(c));
  const weft::array<float, 1> means = weft::astype<float>(weft::mean(x, weft::axes(1)));
  calls = 0;
  at.pool.run(weft::show_progress(
      c, "storing",
      weft::store(storing(x, weft::npy_file(folder / "x.npy")), storing(means, weft::raw_file(folder / "m.bin")),
                  storing(x, weft::zarr_store(folder / "x.zarr", {.chunk = {14, 10}})),
                  storing(weft::transpose(x), weft::npy_stack(folder / "stack", 1))),
      weft::progress_bar::style::silent));
  CHECK(calls == 15);
  CHECK(names_in(folder) == 4);
  const xt::xtensor<double, 2> whole = at(x);
  CHECK((at(at.pool.run(weft::from_npy<double, 2>(c, folder / "x.npy"))) == whole));
  CHECK((at(at.pool.run(weft::from_raw<float, 1>(c, folder / "m.bin", {30}))) == at(means)));
  const auto zarr = at.pool.run(weft::from_zarr<double, 2>(c, folder / "x.zarr", {.bytes = 1}));
  CHECK(zarr.chunk_shape() == weft::shape{14, 10});
  CHECK(zarr.chunk_shape() == weft::shape{14, 10});
  CHECK((at(zarr) == whole));
  CHECK((at(at.pool.run(weft::from_npy_stack<double, 2>(c, folder / "stack"))) == xt::transpose(whole)));
  // More than a task has inputs, and kept chunks.
  const auto kept = x.persist();
  std::vector<storing> many;
  for (int i = 0; i < 10; ++i)
    many.emplace_back(kept, weft::npy_file(folder / ("many" + std::to_string(i) + ".npy")));
  at.pool.run(weft::store(many));
  CHECK((at(at.pool.run(weft::from_npy<double, 2>(c, folder / "many9.npy"))) == whole));
  at.pool.run(weft::store(std::vector<storing>()));
}

TEST_CASE("of arrays that are stored together none is there where one fails") {
  const test_directory folder(test_directory::beside());
  place at;
  const auto x = some(at.client);
  std::ofstream(folder / "y.npy") << "before";
  CHECK_THROWS_WITH(at.pool.run(weft::store(storing(x, weft::npy_file(folder / "x.npy")),
                                            storing(failing(x), weft::npy_file(folder / "y.npy")),
                                            storing(x, weft::zarr_store(folder / "x.zarr")))),
                    Contains("chunk 2 fails"));
  CHECK(names_in(folder) == 1);
  CHECK(fs::file_size(folder / "y.npy") == 6);
  // A place that is taken is found before anything is written.
  CHECK_THROWS_WITH(at.pool.run(weft::store(storing(x, weft::npy_file(folder / "x.npy")),
                                            storing(x, weft::npy_file(folder / "none/y.npy")))),
                    Contains("none/y.npy"));
  CHECK(names_in(folder) == 1);
  // One that is taken in the meantime, by a folder.
  const auto takes = [&](const weft::chunk_place&, const auto&) { fs::create_directory(folder / "z.npy"); };
  CHECK_THROWS_WITH(at.pool.run(weft::store(storing(weft::sum(x), weft::npy_file(folder / "x.npy")),
                                            storing(weft::sum(x), weft::sink_here(takes)),
                                            storing(x, weft::npy_file(folder / "z.npy")))),
                    Contains("z.npy") && Contains("in their places already: ") && Contains("x.npy"));
  CHECK(names_in(folder) == 3);
  CHECK_THROWS_WITH(
      weft::store(storing(x, weft::npy_file(folder / "w.npy")), storing(x, weft::npy_file(folder / "w.npy"))),
      Contains("two arrays of one call") && Contains("w.npy"));
  place other;
  CHECK_THROWS_AS(weft::store(storing(x, weft::npy_file("a")), storing(some(other.client), weft::npy_file("b"))),
                  weft::misuse);
}

TEST_CASE("a region is written over what is there, and nothing else") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const auto x = weft::from_function<3>(
      c, {12, 9, 8}, [](std::int64_t i, std::int64_t j, std::int64_t k) { return noise((i * 9 + j) * 8 + k); },
      {.chunk = {5, 4, 3}});
  const auto y = weft::rechunk(
      weft::from_function<2>(c, {6, 4}, [](std::int64_t i, std::int64_t j) { return 10.0 + noise(i * 4 + j); }),
      weft::chunk_sizes({1, 5}, {3, 1}));
  xt::xtensor<double, 3> wanted = at(x);
  xt::view(wanted, xt::range(3, 9), 7, xt::range(4, 8)) = at(y);
  const weft::raw_layout layout{.offset = 24, .order = std::endian::big, .first_axis_fastest = true};
  at.pool.run(weft::store(storing(x, weft::npy_file(folder / "x.npy")),
                          storing(x, weft::raw_file(folder / "x.bin", layout)),
                          storing(x, weft::zarr_store(folder / "x.zarr", {.version = 3, .chunk = {3, 1, 4}}))));
  const auto part = [](const weft::target& t) { return t.region(slice(3, 9), -2, slice(4)); };
  at.pool.run(weft::store(storing(y, part(weft::npy_file(folder / "x.npy"))),
                          storing(y, part(weft::raw_file(folder / "x.bin", layout, {12, 9, 8})))));
  const auto stored = at.pool.run(weft::stored(y, part(weft::zarr_store(folder / "x.zarr"))));
  CHECK((at(stored) == at(y)));
  CHECK((at(at.pool.run(weft::from_npy<double, 3>(c, folder / "x.npy"))) == wanted));
  CHECK((at(at.pool.run(weft::from_raw<double, 3>(c, folder / "x.bin", {12, 9, 8}, layout))) == wanted));
  CHECK((at(at.pool.run(weft::from_zarr<double, 3>(c, folder / "x.zarr"))) == wanted));
#ifndef WEFT_WITHOUT_HDF5
  at.pool.run(weft::to_hdf5(x, folder / "x.h5", "a/x"));
  const auto in_h5 = at.pool.run(weft::stored(y, part(weft::hdf5_dataset(folder / "x.h5", "a/x"))));
  CHECK((at(in_h5) == at(y)));
  CHECK((at(at.pool.run(weft::from_hdf5<double, 3>(c, folder / "x.h5", "a/x"))) == wanted));
#endif
  // Two that do not overlap, in one call.
  const auto rows = weft::zarr_store(folder / "x.zarr");
  const auto zeros = weft::zeros<double, 3>(c, {3, 9, 8});
  at.pool.run(weft::store(storing(zeros, rows.region(slice(0, 3))), storing(zeros + 1.0, rows.region(slice(9)))));
  xt::view(wanted, xt::range(0, 3)) = 0.0;
  xt::view(wanted, xt::range(9, 12)) = 1.0;
  CHECK((at(at.pool.run(weft::from_zarr<double, 3>(c, folder / "x.zarr"))) == wanted));
  CHECK_THROWS_WITH(
      at.pool.run(weft::store(storing(zeros, rows.region(slice(0, 3))), storing(zeros, rows.region(slice(0, 3))))),
      Contains("overlap") && Contains("(0:3, 0:9, 0:8)"));
  CHECK_THROWS_WITH(at.pool.run(weft::store(zeros, rows.region(slice(1, 4)))),
                    Contains("(1:4, 0:9, 0:8)") && Contains("within chunks of (3, 1, 4)") &&
                        Contains("store the region (0:6, 0:9, 0:8)"));
  CHECK_THROWS_WITH(at.pool.run(weft::store(zeros, rows.region(slice(0, 6)))),
                    Contains("shape (3, 9, 8)") && Contains("shape (6, 9, 8)"));
  CHECK_THROWS_WITH(at.pool.run(weft::store(weft::zeros<float, 3>(c, {3, 9, 8}), rows.region(slice(0, 3)))),
                    Contains("<f8") && Contains("float32"));
  CHECK_THROWS_WITH(rows.region(slice(0, 6, 2)), Contains("step 2"));
  CHECK_THROWS_WITH(weft::raw_file(folder / "x.bin").region(slice(1)), Contains("does not say its shape"));
  CHECK_THROWS_WITH(weft::npy_stack(folder / "x").region(slice(1)), Contains("a stack of files"));
  CHECK((at(at.pool.run(weft::from_zarr<double, 3>(c, folder / "x.zarr"))) == wanted));
}

TEST_CASE("a region fails whose place is written anew meanwhile") {
  const test_directory folder(test_directory::beside());
  place at(1);
  const weft::client& c = at.client;
  const auto x = weft::rechunk(some(c), {.chunk = {-1, -1}});
  static void (*replace)(const std::string&);
  static std::string path;
  const auto replacing = weft::map_blocks(
      [](const auto& a) {
        if (a.size() != 0) replace(path);
        return a * 2.0;
      },
      x);
  const auto with_copy = [](const std::string& there) {
    fs::rename(there, there + ".before");
    fs::copy(there + ".before", there, fs::copy_options::recursive);
  };
  const auto with_new = [](const std::string& there) {  // to which the file system may give the same number
    fs::copy(there, there + ".copy", fs::copy_options::recursive);
    fs::remove_all(there);
    fs::copy(there + ".copy", there, fs::copy_options::recursive);
    fs::remove_all(there + ".copy");
  };
  const auto with_other_text = [](const std::string& there) {  // the file stays, and says something else
    std::fstream file(fs::is_directory(there) ? there + "/.zarray" : there, std::ios::in | std::ios::out);
    std::string text(128, ' ');
    file.read(text.data(), 128);
    file.seekp(0);
    file << text.replace(text.find("30, 21"), 6, "21, 30");
  };
  at.pool.run(weft::store(storing(x, weft::npy_file(folder / "x.npy")), storing(x, weft::raw_file(folder / "x.bin")),
                          storing(x, weft::zarr_store(folder / "x.zarr")),
                          storing(x, weft::npy_file(folder / "y.npy"))));
  const auto fails = [&](void (*how)(const std::string&), const std::string& name, const weft::target& where) {
    replace = how;
    path = folder / name;
    CHECK_THROWS_WITH(at.pool.run(weft::store(replacing, where.region(weft::ellipsis))),
                      Contains(path) && Contains(" was written anew") && Contains("store the region again"));
  };
  fails(with_copy, "x.npy", weft::npy_file(folder / "x.npy"));
  fails(with_copy, "x.bin", weft::raw_file(folder / "x.bin", {}, {30, 21}));
  fails(with_copy, "x.zarr", weft::zarr_store(folder / "x.zarr"));
  fails(with_new, "x.npy", weft::npy_file(folder / "x.npy"));
  fails(with_new, "x.bin", weft::raw_file(folder / "x.bin", {}, {30, 21}));
  fails(with_new, "x.zarr", weft::zarr_store(folder / "x.zarr"));
  fails(with_other_text, "y.npy", weft::npy_file(folder / "y.npy"));
  // Whose elements are what they were.
  CHECK((at(at.pool.run(weft::from_raw<double, 2>(c, folder / "y.npy", {30, 21}, {.offset = 128}))) == at(x)));
  fails(with_other_text, "x.zarr", weft::zarr_store(folder / "x.zarr"));
#ifndef WEFT_WITHOUT_HDF5
  at.pool.run(weft::to_hdf5(x, folder / "x.h5", "in/one/piece"));
  fails(with_new, "x.h5", weft::hdf5_dataset(folder / "x.h5", "in/one/piece"));
  at.pool.run(weft::to_hdf5(x, folder / "x.h5", "in/chunks", {.chunk = {8, 8}}));
  fails(with_new, "x.h5", weft::hdf5_dataset(folder / "x.h5", "in/chunks"));
#endif
}

TEST_CASE("two arrays of one call do not meet in one place, however it is spelled") {
  const test_directory folder(test_directory::beside());
  place at;
  const auto x = some(at.client);
  fs::create_directory_symlink(folder.path(), folder / "link");
  at.pool.run(weft::to_npy(x, folder / "x.npy"));
  const auto apart = Contains("two arrays of one call");
  for (const std::string other : {"./x.npy", "link/x.npy"})
    CHECK_THROWS_WITH(
        weft::store(storing(x, weft::npy_file(folder / "x.npy")), storing(x + 1.0, weft::npy_file(folder / other))),
        apart && Contains("x.npy"));
  const auto rows = x(slice(0, 5));
  CHECK_THROWS_WITH(
      at.pool.run(weft::store(storing(rows, weft::npy_file(folder / "x.npy").region(slice(0, 5))),
                              storing(rows, weft::npy_file(folder / "link/x.npy").region(slice(4, 9))))),
      Contains("overlap"));
#ifndef WEFT_WITHOUT_HDF5
  CHECK_THROWS_WITH(weft::store(storing(x, weft::hdf5_dataset(folder / "x.h5", "a")),
                                storing(x + 1.0, weft::hdf5_dataset(folder / "link/x.h5", "/./a"))),
                    apart);
#endif
  // A region of what is read in the same call, in place too.
  const auto there = at.pool.run(weft::from_npy<double, 2>(at.client, folder / "x.npy"));
  const auto moved = weft::exp(there)(slice(0, 5));
  const weft::target lower = weft::npy_file(folder / "link/x.npy").region(slice(1, 6));
  CHECK_THROWS_WITH(weft::store(moved, lower), Contains("x.npy") && Contains("persist()"));
  fs::create_hard_link(folder / "x.npy", folder / "y.npy");
  const weft::target linked = weft::npy_file(folder / "y.npy").region(slice(1, 6));
  CHECK_THROWS_WITH(at.pool.run(weft::store(moved, linked)), Contains("y.npy") && Contains("persist()"));
  CHECK_THROWS_WITH(at.pool.run(weft::store(storing(rows, lower), storing(rows, linked))), Contains("overlap"));
  // In one file that is two arrays, and in one that is taken for another.
  const std::string raw = folder / "x.bin";
  at.pool.run(weft::to_raw(weft::zeros<double, 2>(at.client, {60, 21}), raw));
  const auto of_raw = [&](std::uint64_t from, const weft::shape& whole) {
    return weft::raw_file(raw, {.offset = from}, whole);
  };
  at.pool.run(weft::store(storing(x, of_raw(0, {30, 21}).region(weft::ellipsis)),
                          storing(x + 1.0, of_raw(30 * 21 * 8, {30, 21}).region(weft::ellipsis))));
  const auto both = at.pool.run(weft::from_raw<double, 2>(at.client, raw, {60, 21}));
  CHECK((at(both(slice(0, 30))) == at(x)));
  CHECK((at(both(slice(30))) == at(x) + 1.0));
  const auto flat = [&](std::int64_t from) {
    return weft::store(
        storing(rows, of_raw(0, {30, 21}).region(slice(0, 5))),
        storing(weft::ones<double, 1>(at.client, {10}), of_raw(0, {630}).region(slice(from, from + 10))));
  };
  CHECK_THROWS_WITH(at.pool.run(flat(5 * 21 - 1)), Contains("(104:114,)") && Contains("overlap"));
  at.pool.run(flat(5 * 21));
  CHECK(at(both(5, 0)) == 1.0);
  const xt::xtensor<double, 2> wanted = at(moved);
  const auto kept = moved.persist();
  at(kept);
  CHECK((at(at.pool.run(weft::stored(kept, lower))) == wanted));
  // Regions without elements, and without axes.
  const auto none = x(slice(3, 3));
  at.pool.run(weft::store(storing(rows, weft::npy_file(folder / "x.npy").region(slice(0, 5))),
                          storing(none, weft::npy_file(folder / "x.npy").region(slice(3, 3)))));
  const auto one = weft::sum(x);
  at.pool.run(weft::to_npy(one, folder / "one.npy"));
  const auto whole = weft::npy_file(folder / "one.npy").region();
  CHECK_THROWS_WITH(at.pool.run(weft::store(storing(one, whole), storing(one, whole))), Contains("overlap"));
}

TEST_CASE("a place is refused that is no place for the array") {
  const test_directory folder(test_directory::beside());
  place at;
  const auto x = some(at.client);
  // More axes than an array has.
  std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1), }";
  header.resize(117, ' ');
  std::ofstream(folder / "axes.npy") << std::string("\x93NUMPY\x01\x00\x76\x00", 10) << header << '\n'
                                     << std::string(8, '\0');
  CHECK_THROWS_WITH(at.pool.run(weft::store(x, weft::npy_file(folder / "axes.npy").region(0))),
                    Contains("9 axes, of at most 8"));
  // A part, where nothing says which.
  CHECK_THROWS_WITH(weft::store(x, weft::raw_file(folder / "x.bin", {}, {60, 21})),
                    Contains("(30, 21)") && Contains("(60, 21)") && Contains("region"));
  // Another array than the one that a sink was made for.
  const auto count = [](const weft::chunk_place&, const auto&) { ++calls; };
  calls = 0;
  CHECK_THROWS_WITH(weft::store(weft::astype<float>(x), weft::sink(count).for_array(x)),
                    Contains("float64 with 2 axes") && Contains("float32 with 2 axes"));
  CHECK_THROWS_WITH(weft::store(weft::sum(x), weft::sink_here(count).for_array(x)), Contains("with 0 axes"));
  CHECK_THROWS_WITH(at.pool.run(weft::stored(x, weft::sink(count).for_array(x))), Contains("cannot be read"));
  CHECK(calls == 0);
#ifndef WEFT_WITHOUT_HDF5
  CHECK_THROWS_WITH(at.pool.run(weft::contents_of_hdf5(folder / "none.h5", "x")), Contains("none.h5"));
#endif
}

TEST_CASE("a file says what is in it, and is read as that") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const auto x = weft::astype<float>(some(c));
  at.pool.run(weft::store(storing(x, weft::npy_file(folder / "x.npy")),
                          storing(x > 0.0f, weft::zarr_store(folder / "x.zarr", {.chunk = {7, 21}}))));
  const weft::array_contents there = at.pool.run(weft::contents_of_npy(folder / "x.npy"));
  CHECK(there.type == weft::dtype::f32);
  CHECK(there.extents == weft::shape{30, 21});
  CHECK(there.chunk.size() == 0);
  CHECK(there.stored_as == "<f4");
  const auto in_store = at.pool.run(weft::contents_of_zarr(folder / "x.zarr"));
  CHECK(in_store.type == weft::dtype::boolean);
  CHECK(in_store.chunk == weft::shape{7, 21});
#ifndef WEFT_WITHOUT_HDF5
  at.pool.run(weft::to_hdf5(x, folder / "x.h5", "x"));
  const auto in_h5 = at.pool.run(weft::contents_of_hdf5(folder / "x.h5", "x"));
  CHECK(in_h5.type == weft::dtype::f32);
  CHECK(in_h5.extents == weft::shape{30, 21});
#endif
  const auto total = [&]<class T>(std::type_identity<T>) -> weft::task<double> {
    const auto y = co_await weft::from_npy<T>(c, folder / "x.npy");
    const double sum = co_await weft::sum(weft::astype<double>(y)).compute();
    co_return sum;
  };
  CHECK(at.pool.run(weft::with_type<double, float>(there.type, total)) ==
        Approx(at(weft::sum(weft::astype<double>(x)))));
  CHECK_THROWS_WITH((weft::with_type<double, float>(in_store.type, total)),
                    Contains("an array of bool") && Contains("float64 or float32"));
}

TEST_CASE("a function of one's own is given each chunk with its place") {
  const test_directory folder(test_directory::beside());
  place at;
  const auto x = some(at.client);
  xt::xtensor<double, 2> copy = xt::zeros<double>(std::array<std::size_t, 2>{30, 21});
  std::mutex lock;
  std::size_t chunks = 0;
  const auto put = [&](const weft::chunk_place& p, const weft::chunk_view<double, 2>& chunk) {
    std::lock_guard guard(lock);
    ++chunks;
    const auto end = [&](std::size_t a) { return p.first[a] + p.extents[a]; };
    xt::view(copy, xt::range(p.first[0], end(0)), xt::range(p.first[1], end(1))) = chunk;
  };
  at.pool.run(weft::store(storing(x, weft::sink_here(put)), storing(x, weft::npy_file(folder / "x.npy"))));
  CHECK(chunks == 15);
  CHECK((copy == at(x)));
  calls = 0;
  at.pool.run(weft::store(x, weft::sink([](const weft::chunk_place& p, const auto& chunk) {
                            calls += static_cast<int>(chunk.size()) * (p.whole == weft::shape{30, 21});
                          })));
  CHECK(calls == 30 * 21);
  const auto fails = [](const weft::chunk_place& p, const auto&) {
    if (p.chunk[1] == 2) throw std::runtime_error("the sink is full");
  };
  CHECK_THROWS_WITH(at.pool.run(weft::store(x, weft::sink_here(fails))),
                    Contains("the sink is full") && Contains("for sink"));
  const weft::target lost = weft::sink([](const weft::chunk_place&, const auto&) {}).for_array(x);
  CHECK_THROWS_WITH(at.pool.run(weft::stored(x, lost)), Contains("cannot be read"));
  CHECK_THROWS_WITH(lost.region(3), Contains("region of a sink"));
}
