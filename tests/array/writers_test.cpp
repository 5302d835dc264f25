// Calls that write arrays, and are stopped while their tasks write.
#include "array/writers.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "array/arrays.hpp"
#include "array/files.hpp"
#include "array/hdf5_pieces.hpp"
#include "array/hdf5_room.hpp"
#include "array/held_writes.hpp"
#include "array/unfinished.hpp"
#include "weft/checkpoint.hpp"
#include "weft/errors.hpp"

using arrays::place;

namespace {

namespace fs = std::filesystem;
constexpr std::int64_t chunk = 10;
constexpr std::uint64_t chunk_bytes = chunk * sizeof(double);

weft::array<double, 1> some(const weft::client& c) {
  return weft::arange<double>(c, 0, 4 * chunk, 1, {.chunk = {chunk}});
}

/// Stops the call when a task of its writes, and lets that write end later.
template <class Write>
void check_stopped(weft::pool& p, const weft::client& c, weft::test::held_writes& writes, Write write) {
  weft::test::stopped_call call;
  const auto around = [&]() -> weft::task<> {
    co_await writes.begun.wait();
    call.stop.request_stop();
    while (c.totals().cancelled == 0) co_await weft::yield();
    for (int i = 0; i < 1000; ++i) co_await weft::yield();  // a call that does not wait has time to end
    call.let_go = true;
    while (!call.ended) {
      writes.let_go();
      co_await weft::yield();
    }
  };
  const auto both = [&]() -> weft::task<> { co_await weft::all(call.run(write(some(c))), around()); };
  p.run(both());
  CHECK_FALSE(call.too_early.load());
}

template <class Write>
void check_stopped_here(Write write, std::uint64_t bytes = chunk_bytes) {
  place at;
  const auto writes = weft::test::held_writes::in(at.pool, bytes);
  check_stopped(at.pool, at.client, *writes, write);
}

}  // namespace

TEST_CASE("a call that is stopped ends when none of its tasks writes any more") {
  const test_directory folder(test_directory::beside());
  check_stopped_here([&](const auto& x) { return weft::to_npy(x, folder / "x.npy"); });
  check_stopped_here([&](const auto& x) { return weft::to_raw(x, folder / "x.bin"); });
  check_stopped_here([&](const auto& x) {
    return weft::to_zarr(x, folder / "x.zarr", {.compression = weft::zarr_compression::off});
  });
  check_stopped_here([&](const auto& x) { return weft::to_npy_stack(x, folder / "x"); });
  CHECK(fs::is_empty(folder.path()));
}

namespace {

/// While a task of one call writes another call writes to the same place; the first one's write ends later.
template <class Write>
void check_late(Write write, std::uint64_t bytes = chunk_bytes) {
  place slow, at;
  const auto writes = weft::test::held_writes::in(slow.pool, bytes);
  std::atomic<bool> ended{false};
  const auto call = [&]() -> weft::task<> {
    try {
      co_await write(some(slow.client) + 100.0);
      FAIL("its place was another's");
    } catch (const std::exception& e) { CHECK_THAT(e.what(), Catch::Contains("unfinished")); }
    ended = true;
  };
  slow.pool.spawn(call());
  const auto wait = [&]() -> weft::task<> { co_await writes->begun.wait(); };
  slow.pool.run(wait());
  at.pool.run(write(some(at.client)));
  const auto let_go = [&]() -> weft::task<> {
    while (!ended) {
      writes->let_go();
      co_await weft::yield();
    }
  };
  slow.pool.run(let_go());
}

}  // namespace

TEST_CASE("a late task of one call does not write to what another call has made") {
  const test_directory folder(test_directory::beside());
  const auto expected = xt::arange<double>(4 * chunk);
  place at;
  check_late([&](const auto& x) { return weft::to_npy(x, folder / "x.npy"); });
  const auto npy = at.pool.run(weft::from_npy<double, 1>(at.client, folder / "x.npy"));
  CHECK((at(npy) == expected));
  check_late([&](const auto& x) { return weft::to_raw(x, folder / "x.bin"); });
  const auto raw = at.pool.run(weft::from_raw<double, 1>(at.client, folder / "x.bin", {4 * chunk}));
  CHECK((at(raw) == expected));
  check_late([&](const auto& x) {
    return weft::to_zarr(x, folder / "x.zarr", {.compression = weft::zarr_compression::off, .overwrite = true});
  });
  const auto zarr = at.pool.run(weft::from_zarr<double, 1>(at.client, folder / "x.zarr"));
  CHECK((at(zarr) == expected));
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 3);
}

TEST_CASE("unfinished files have the number of their call, and others are not taken for them") {
  using namespace weft::detail::arrays;
  const test_directory folder(test_directory::beside());
  const std::string path = folder / "x.npy";
  CHECK(unfinished_beside(path, 0xf1e2) == path + ".000000000000f1e2.unfinished");
  for (const std::string& other :
       {path, path + ".unfinished", path + ".f1e2.unfinished", path + ".000000000000F1E2.unfinished",
        path + "y.000000000000f1e2.unfinished", path + ".000000000000f1e2.unfinished.gz"})
    std::ofstream(other) << "kept";
  CHECK(all_unfinished_beside(path).empty());
  std::ofstream(unfinished_beside(path, 1)) << "left";
  CHECK(all_unfinished_beside(path) == std::vector<fs::path>{unfinished_beside(path, 1)});
  CHECK(all_unfinished_beside(folder / "none" + "/x.npy").empty());
  place at;
  at.pool.run(weft::to_npy(some(at.client), path));
  CHECK(all_unfinished_beside(path).empty());
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 6);
}

#ifndef WEFT_WITHOUT_HDF5
TEST_CASE("a dataset whose writing is stopped is taken away when none of its tasks writes any more") {
  const test_directory folder(test_directory::beside());
  const std::string path = folder / "x.h5";
  check_stopped_here([&](const auto& x) { return weft::to_hdf5(x, path, "a/x"); });
  CHECK_FALSE(fs::exists(path));
  place at;
  at.pool.run(weft::to_hdf5(some(at.client) + 1.0, path, "before"));
  check_stopped_here([&](const auto& x) { return weft::to_hdf5(x, path, "a/x"); });
  at.pool.run(weft::to_hdf5(some(at.client) + 2.0, path, "a/x"));  // perhaps in the same room
  for (const auto& [name, first] : {std::pair<const char*, double>{"before", 1.0}, {"a/x", 2.0}}) {
    const auto x = at.pool.run(weft::from_hdf5<double, 1>(at.client, path, name));
    CHECK((at(x) == xt::arange<double>(4 * chunk) + first));
  }
}

TEST_CASE("the folder of a dataset in chunks goes when none of its tasks writes any more") {
  const test_directory folder(test_directory::beside());
  const std::string path = folder / "x.h5";
  constexpr std::uint64_t with_header = chunk_bytes + 8;
  const auto write = [&](const auto& x) {
    return weft::to_hdf5(x, path, "x", {.chunk = {chunk}, .overwrite = true});
  };
  check_stopped_here(write, with_header);
  CHECK(fs::is_empty(folder.path()));
  place at;
  check_late(write, with_header);
  const auto x = at.pool.run(weft::from_hdf5<double, 1>(at.client, path, "x"));
  CHECK((at(x) == xt::arange<double>(4 * chunk)));
  const auto region = [&](const auto& y) {
    return weft::store(y * 2.0, weft::hdf5_dataset(path, "x").region(weft::ellipsis));
  };
  check_stopped_here(region, with_header);
  CHECK((at(x) == xt::arange<double>(4 * chunk)));
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
}

namespace {

std::string watched;
std::atomic<int> open_files{0}, inherited_files{0};

/// Comes while a file is open that may not grow: whether programs that are started then would have it.
void look_at_watched(int) {
  const int before = errno;
  struct stat named{}, opened{};
  const bool there = ::stat(watched.c_str(), &named) == 0;
  for (int fd = 3; there && fd < 1024; ++fd) {
    if (::fstat(fd, &opened) != 0 || opened.st_dev != named.st_dev || opened.st_ino != named.st_ino) continue;
    ++open_files;
    if ((::fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0) ++inherited_files;
  }
  errno = before;
}

}  // namespace

TEST_CASE("programs that are started while an HDF5 file is open have not got it, nor its lock") {
  using namespace weft::detail::arrays;
  const test_directory folder(test_directory::beside());
  const std::size_t extents[] = {1 << 20};
  const item_type real{item_type::kind::real, 8};
  const auto before = std::signal(SIGXFSZ, &look_at_watched);
  place at(1);
  at.pool.run(weft::to_hdf5(some(at.client), folder / "there.h5", "x"));
  for (const char* name : {"there.h5", "new.h5"}) {
    watched = folder / name;
    const weft::test::file_limit full(1 << 16);
    CHECK_THROWS_AS(make_hdf5_room(watched, "y", real, extents, false, 7), std::system_error);
  }
  std::signal(SIGXFSZ, before);
  CHECK(open_files == 2);
  CHECK(inherited_files == 0);
}

TEST_CASE("what is noted of tiny chunks counts in how many are taken in at a time") {
  using namespace weft::detail::arrays;
  const auto on_limit = std::signal(SIGXFSZ, SIG_IGN);
  const test_directory folder(test_directory::beside());
  const std::string path = folder / "x.h5";
  const item_type real{item_type::kind::real, 8};
  const std::size_t extents[] = {300'000};
  const hdf5_goal to{path, "x", real, make_hdf5_room(path, "x", real, extents, false, 7, {.chunk = {1}})};
  hdf5_pieces p{folder / "pieces", make_grid({300'000}, {150'000}, 1 << 20, 8), {0}, {2}, element_of<double>};
  p.begin = {0};
  p.whole = {300'000};
  p.stored = {1};
  fs::create_directory(p.folder);
  for (const char* task : {"/0", "/1"}) std::ofstream(p.folder + task) << "";
  {
    const weft::test::file_limit full(1 << 20);  // what there is no room for is that of one task
    CHECK_THROWS_WITH(
        take_in_hdf5_pieces(to, p, 0),
        Catch::Contains("no room for " + std::to_string(150'000 * (8 + 512)) + " bytes more in " + path));
  }
  std::signal(SIGXFSZ, on_limit);
}

TEST_CASE("an attempt that finds no room for its pieces leaves none of them") {
  using namespace weft::detail::arrays;
  const auto on_limit = std::signal(SIGXFSZ, SIG_IGN);
  const test_directory folder(test_directory::beside());
  place at(1);
  hdf5_pieces p{folder.path(), make_grid({1 << 14}, {1 << 14}, 1 << 20, 8), {0}, {1}, element_of<double>};
  p.begin = {0};
  p.whole = {1 << 14};
  const block elements(element_of<double>, {1 << 14});
  const auto leave = [&] { at.pool.run(leave_hdf5_pieces(shared<hdf5_pieces>(p), 0, elements)); };
  {
    const weft::test::file_limit full(1 << 12);
    CHECK_THROWS_AS(leave(), std::system_error);
    CHECK(fs::is_empty(folder.path()));
  }
  leave();
  CHECK(fs::file_size(folder / "0") == (1 << 17) + 8);
  std::signal(SIGXFSZ, on_limit);
}

namespace {

/// By all system calls of this process, from pages in memory too.
std::uint64_t bytes_read() {
  std::ifstream counts("/proc/self/io");
  std::string name;
  std::uint64_t bytes = 0;
  counts >> name >> bytes;
  return bytes;
}

}  // namespace

TEST_CASE("chunks that the library alone writes are read once more where somebody has written to the file") {
  const test_directory folder(test_directory::beside());
  const char* from = std::getenv("WEFT_ARRAY_HDF5");
  if (!from || !fs::exists(std::string(from) + "/special.h5")) {
    WARN("left out: there are no files made by h5py. Install python3-h5py, and run this test by ctest.");
    return;
  }
  const std::string path = folder / "x.h5";
  fs::copy_file(std::string(from) + "/special.h5", path);
  place at;
  const auto ones = weft::ones<double, 1>(at.client, {1 << 17}, {.chunk = {1 << 14}});
  const auto all = weft::hdf5_dataset(path, "much_checked").region(weft::ellipsis);
  const auto read_by = [&](const auto& x) {  // in times of all elements
    const std::uint64_t before = bytes_read();
    at.pool.run(weft::store(x, all));
    return static_cast<double>(bytes_read() - before) / (1 << 20);
  };
  CHECK(read_by(ones) < 2.5);  // what is there, and what tasks have left
  static std::string written;
  written = path;
  const auto writing = weft::map_blocks(
      [](const weft::chunk_place& p, const auto& a) {
        if (p.chunk[0] == 3) {
          place other(1);
          other.pool.run(weft::to_hdf5(weft::ones<double, 1>(other.client, {3}), written, "more"));
        }
        return a * 2.0;
      },
      ones);
  CHECK(read_by(writing) > 2.5);
  CHECK(at(weft::sum(at.pool.run(weft::from_hdf5<double, 1>(at.client, path, "much_checked")))) == 1 << 18);
  // Somebody takes the file away.
  const auto removing = weft::map_blocks(
      [](const auto& a) {
        if (a.size() != 0) fs::remove(written);
        return a * 3.0;
      },
      ones);
  CHECK_THROWS_WITH(at.pool.run(weft::store(removing, all)), Catch::Contains("cannot look at " + path));
  CHECK(fs::is_empty(folder.path()));
}
#endif

TEST_CASE("a task that comes when its call has ended does not write") {
  using namespace weft::detail::arrays;
  place at(1);
  const std::uint64_t number = number_of_writing(), other = number_of_writing();
  CHECK(number != other);
  { const writing before(number); }
  at.pool.run(end_writing_here(number));
  CHECK_THROWS_AS(writing(number), weft::cancelled);
  CHECK_NOTHROW(writing(other));
}
