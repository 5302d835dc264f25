// Files: the same behaviour from rings, from threads and from the simulated disk, and what goes wrong.
#include "weft/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "support/test_directory.hpp"
#include "weft/simulated_disk.hpp"
#include "weft/weft.hpp"

namespace {

using namespace std::chrono_literals;
using weft::access;
using weft::file;

std::span<const std::byte> bytes(const std::string& s) { return std::as_bytes(std::span(s)); }
std::string text(std::span<const std::byte> b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

/// Catch names what it checks twice, once unevaluated, and g++ evaluates a co_await there too.
template <class T, class U>
void check_equal(const T& got, const U& expected) {
  CHECK(static_cast<std::uint64_t>(got) == static_cast<std::uint64_t>(expected));
}

/// For tasks that run in parallel: Catch's own checks are for one thread at a time.
void require(bool right) {
  if (!right) throw std::logic_error("a check in a task failed");
}

/// Which service the pools made meanwhile use for their files.
struct files_through {
  explicit files_through(const char* what) { ::setenv("WEFT_FILES", what, 1); }
  ~files_through() { ::unsetenv("WEFT_FILES"); }
};

/// What every service must do, in the directory that `prefix` names.
weft::task<> round_trip(std::string prefix) {
  const std::string path = prefix + "a";
  {
    file f = co_await file::open(path, {.mode = access::read_write, .create = true, .exclusive = true});
    CHECK(f.is_open());
    check_equal(co_await f.size(), 0);
    const std::string hello = "hello, world";
    check_equal(co_await f.write_at(0, bytes(hello)), hello.size());
    check_equal(co_await f.size(), hello.size());
    std::array<std::byte, 64> buffer{};
    const std::size_t n = co_await f.read_at(7, buffer);
    CHECK(text(std::span(buffer).first(n)) == "world");
    check_equal(co_await f.read_at(1000, buffer), 0);

    std::string one = "ONE", two = "two!";
    const std::array<iovec, 2> out{iovec{one.data(), one.size()}, iovec{two.data(), two.size()}};
    check_equal(co_await f.write_at(20, std::span<const iovec>(out)), 7);
    std::array<char, 4> left{};
    std::array<char, 3> right{};
    const std::array<iovec, 2> in{iovec{left.data(), left.size()}, iovec{right.data(), right.size()}};
    check_equal(co_await f.read_at(20, std::span<const iovec>(in)), 7);
    CHECK(std::string(left.data(), 4) + std::string(right.data(), 3) == "ONEtwo!");

    co_await f.sync();
    co_await f.sync(true);
    co_await f.truncate(5);
    check_equal(co_await f.size(), 5);
    co_await f.allocate(0, 100);
    check_equal(co_await f.size(), 100);
    co_await f.close();
    CHECK_FALSE(f.is_open());
    co_await f.close();
  }
  file again = co_await file::open(path);
  std::vector<std::byte> whole(200);
  check_equal(co_await again.read_full_at(0, whole), 100);
  CHECK(text(std::span(whole).first(5)) == "hello");
  CHECK(std::all_of(whole.begin() + 5, whole.begin() + 100, [](std::byte b) { return b == std::byte{0}; }));
}

/// The message of the system_error that the task throws.
template <class T>
weft::task<std::pair<int, std::string>> error_of(weft::task<T> t) {
  auto r = co_await weft::as_result(std::move(t));
  if (r.ok()) co_return std::pair(0, std::string());
  try {
    std::rethrow_exception(r.error());
  } catch (const std::system_error& e) { co_return std::pair(e.code().value(), std::string(e.what())); }
}

weft::task<> errors(std::string prefix) {
  const std::string path = prefix + "e", missing = prefix + "missing";
  auto opens = [](std::string p, weft::file_options o) -> weft::task<> { co_await file::open(std::move(p), o); };
  auto [code, message] = co_await error_of(opens(missing, {}));
  CHECK(code == ENOENT);
  CHECK_THAT(message, Catch::Contains("cannot open") && Catch::Contains(missing));
  file f = co_await file::open(path, {.mode = access::write, .create = true});
  const weft::file_options fresh{.mode = access::write, .create = true, .exclusive = true};
  auto taken = co_await error_of(opens(path, fresh));
  CHECK(taken.first == EEXIST);
  auto reads = [](file& g) -> weft::task<std::size_t> {
    std::array<std::byte, 4> b{};
    co_return co_await g.read_at(0, b);
  };
  auto unreadable = co_await error_of(reads(f));
  CHECK(unreadable.first == EBADF);
  CHECK_THAT(unreadable.second, Catch::Contains("cannot read " + path));
  file closed;
  co_await closed.close();
  auto unopened = co_await error_of(reads(closed));
  CHECK(unopened.first == EBADF);
  CHECK_THAT(unopened.second, Catch::Contains("not open"));
  auto far = [](file& g) -> weft::task<> { co_await g.write_at(~std::uint64_t{0}, std::span<const std::byte>()); };
  auto nowhere = co_await error_of(far(f));
  CHECK(nowhere.first == EINVAL);
}

weft::task<> many_at_once(std::string path) {
  file f = co_await file::open(path, {.mode = access::read_write, .create = true});
  std::vector<int> numbers(500);
  for (int i = 0; i < 500; ++i) numbers[static_cast<std::size_t>(i)] = i;
  auto put = [&f](int i) -> weft::task<> {
    const auto b = std::as_bytes(std::span(&i, 1));
    co_await f.write_full_at(static_cast<std::uint64_t>(i) * sizeof i, b);
  };
  co_await weft::map(numbers, put, weft::in_flight(200));
  auto get = [&f](int i) -> weft::task<int> {
    int v = -1;
    const auto b = std::as_writable_bytes(std::span(&v, 1));
    require(co_await f.read_full_at(static_cast<std::uint64_t>(i) * sizeof i, b) == sizeof i);
    co_return v;
  };
  const std::vector<int> back = co_await weft::map(numbers, get, weft::in_flight(200));
  CHECK(back == numbers);
}

}  // namespace

TEST_CASE("a file is written, read and measured, through rings and through threads", "[file]") {
  for (const char* service : {"auto", "threads"}) {
    const files_through choice(service);
    const test_directory here(test_directory::beside());
    for (const unsigned threads : {1u, 3u}) {
      weft::pool pool({.threads = threads, .max_blocking = 3, .file_depth = 8});
      const std::string prefix = here / std::to_string(threads);
      pool.run(round_trip(prefix));
      pool.run(errors(prefix));
      pool.run(many_at_once(prefix + "many"));
    }
  }
}

TEST_CASE("the simulated disk does the same, in simulated time, in any order", "[file][simulation]") {
  std::uint64_t hashes[2]{};
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    weft::simulation sim(seed);
    weft::simulated_disk disk(sim);
    sim.run(round_trip(""));
    sim.run(errors(""));
    sim.run(many_at_once("many"));
    CHECK(sim.elapsed() > 100us);
    if (seed >= 99) hashes[seed - 99] = sim.hash();
  }
  CHECK(hashes[0] != hashes[1]);
}

TEST_CASE("the simulated disk is slow, short, faulty, full and forgetful", "[file][simulation]") {
  const std::string long_text(5000, 'x');
  auto copy = [](std::string from, std::string to) -> weft::task<> {
    file in = co_await file::open(from), out = co_await file::open(to, {.mode = access::write, .create = true});
    std::vector<std::byte> all(co_await in.size());
    require(co_await in.read_full_at(0, all) == all.size());
    co_await out.write_full_at(0, all);
    co_await out.sync();
  };
  int failed = 0, torn = 0, kept = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    weft::simulation sim(seed);
    weft::simulated_disk disk(sim, {.short_per_million = 700'000});
    disk.put("from", bytes(long_text));
    sim.run(copy("from", "to"));
    CHECK(text(disk.contents("to")) == long_text);

    disk.set({.errors_per_million = 200'000});
    failed += sim.run(error_of(copy("from", "to"))).first == EIO ? 1 : 0;

    disk.set({.capacity = 12'000});
    const auto full = sim.run(error_of(copy("from", "third")));
    CHECK(full.first == ENOSPC);
    CHECK_THAT(full.second, Catch::Contains("cannot write to third"));

    disk.set({});
    auto unsynced = [&long_text]() -> weft::task<> {
      file f = co_await file::open("unsynced", {.mode = access::write, .create = true});
      co_await f.write_at(0, bytes(long_text).first(10));
      co_await f.sync();
      co_await f.write_at(10, bytes(long_text).first(1000));
    };
    sim.run(unsynced());
    disk.crash();
    const std::size_t left = disk.contents("unsynced").size();
    CHECK(left >= 10);
    torn += left > 10 && left < 1010 ? 1 : 0;
    kept += left == 1010 ? 1 : 0;
    CHECK(disk.contents("from").size() == long_text.size());
  }
  CHECK(failed > 50);
  CHECK(torn > 20);
  CHECK(kept > 20);
}

TEST_CASE("a simulation without a disk says so", "[file][simulation]") {
  weft::simulation sim(1);
  CHECK_THROWS_WITH(sim.run(round_trip("")), Catch::Contains("simulated_disk"));
  weft::simulated_disk disk(sim);
  CHECK_THROWS_AS(weft::simulated_disk(sim), weft::misuse);
}

TEST_CASE("stops meet the simulated disk at every step", "[file][simulation]") {
  int over = 0, done = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    weft::simulation sim(seed, {.workers = 3});
    weft::simulated_disk disk(sim, {.latency = 50us});
    auto work = [](int i) -> weft::task<int> {
      file f = co_await file::open("shared", {.mode = access::read_write, .create = true});
      std::array<std::byte, 16> b{};
      for (int k = 0; k < 3; ++k) {
        co_await f.write_at(static_cast<std::uint64_t>(i) * 16, b);
        co_await f.read_at(0, b);
      }
      co_await f.close();
      co_return 1;
    };
    auto raced = [&](weft::simulation& s, int i) -> weft::task<int> {
      auto r = co_await weft::as_result(weft::timeout(std::chrono::microseconds(s.random() % 800), work(i)));
      co_return r.ok() ? 1 : 0;
    };
    auto whole = [&](weft::simulation& s) -> weft::task<int> {
      auto [a, b, c, d] = co_await weft::all(raced(s, 0), raced(s, 1), raced(s, 2), weft::any(work(3), work(4)));
      co_return a + b + c + (d.value - 1);
    };
    const int ended = sim.run(whole(sim));
    done += ended;
    over += 3 - ended;
  }
  CHECK(over > 100);
  CHECK(done > 100);
}

TEST_CASE("a closed file is closed, whatever stops its task", "[file]") {
  const test_directory here(test_directory::beside());
  for (const char* service : {"auto", "threads"}) {
    const files_through choice(service);
    weft::pool pool({.threads = 1});
    auto closes = [](std::string path, weft::event& opened, bool& closed) -> weft::task<> {
      file f = co_await file::open(path, {.mode = access::write, .create = true});
      opened.set();
      try {
        co_await weft::sleep_for(24h);
      } catch (const weft::cancelled&) { closed = true; }
      co_await f.close();
      closed = closed && !f.is_open();
    };
    auto stops = [](weft::event& opened, weft::stop_source source) -> weft::task<> {
      co_await opened.wait();
      source.request_stop();
    };
    bool closed = false;
    weft::event opened;
    weft::stop_source source;
    pool.run(weft::all(weft::with_stop(source, closes(here / service, opened, closed)), stops(opened, source)));
    CHECK(closed);
  }
}

TEST_CASE("what waits for a thread is stopped at once, what has begun is awaited", "[file]") {
  const files_through choice("threads");
  const test_directory here(test_directory::beside());
  weft::pool pool({.threads = 2, .max_blocking = 1});
  auto whole = [](std::string path) -> weft::task<int> {
    std::atomic<bool> begun{false}, open{false};
    auto hold = [](std::atomic<bool>& b, std::atomic<bool>& o) -> weft::task<int> {
      auto f = [&b, &o] {
        b = true;
        while (!o.load()) std::this_thread::yield();
        return 1;
      };
      co_return co_await weft::blocking(f);
    };
    auto waits = [](std::string p, std::atomic<bool>& b, std::atomic<bool>& o) -> weft::task<int> {
      int stopped = 0;
      while (!b.load()) co_await weft::yield();
      auto opens = [](std::string q) -> weft::task<> {
        co_await file::open(q, {.mode = access::write, .create = true});
      };
      auto calls = []() -> weft::task<> {
        auto f = [] {};
        co_await weft::blocking(f);
      };
      for (int i = 0; i < 2; ++i) {
        try {
          auto t = i == 0 ? opens(p) : calls();  // g++ 12 miscompiles the choice beside a co_await
          co_await weft::timeout(2ms, std::move(t));
        } catch (const weft::timed_out&) { ++stopped; }
      }
      o = true;
      co_return stopped;
    };
    auto [a, b] = co_await weft::all(hold(begun, open), waits(path, begun, open));
    co_return a + b;
  };
  for (int i = 0; i < 10; ++i) CHECK(pool.run(whole(here / "f")) == 3);
}

TEST_CASE("a full device is an error that names the file", "[file]") {
  for (const char* service : {"auto", "threads"}) {
    const files_through choice(service);
    weft::pool pool({.threads = 1});
    auto fill = []() -> weft::task<> {
      file f = co_await file::open("/dev/full", {.mode = access::write});
      const std::string s = "anything";
      co_await f.write_full_at(0, bytes(s));
    };
    const auto [code, message] = pool.run(error_of(fill()));
    CHECK(code == ENOSPC);
    CHECK_THAT(message, Catch::Contains("cannot write to /dev/full") && Catch::Contains("No space left"));
  }
}

TEST_CASE("direct and registered input and output", "[file]") {
  const test_directory here(test_directory::beside());
  for (const char* service : {"auto", "threads"}) {
    const files_through choice(service);
    weft::pool pool({.threads = 2});
    auto whole = [](std::string path) -> weft::task<int> {
      const weft::file_options options{
          .mode = access::read_write, .create = true, .truncate = true, .direct = true, .registered = true};
      auto opened = co_await weft::as_result(file::open(path, options));
      if (!opened) {
        try {
          std::rethrow_exception(opened.error());
        } catch (const std::system_error& e) {
          if (e.code() == std::errc::invalid_argument) co_return 1;  // a file system without O_DIRECT
          throw;
        }
      }
      file f = std::move(*opened);
      weft::aligned_buffer out(5000), in(1);
      CHECK(out.size() == 8192);
      CHECK(in.size() == 4096);
      CHECK(reinterpret_cast<std::uintptr_t>(out.data()) % weft::aligned_buffer::alignment == 0);
      std::memset(out.data(), 'a', out.size());
      check_equal(co_await f.write_at(0, out), out.size());
      check_equal(co_await f.read_at(4096, in), 4096);
      CHECK(in.data()[4095] == std::byte{'a'});
      auto shifted = [](file& g, weft::aligned_buffer& b) -> weft::task<> { co_await g.write_at(1, b); };
      auto unaligned = co_await error_of(shifted(f, out));
      CHECK(unaligned.first == EINVAL);

      for (int round = 0; round < 3; ++round) {  // slots are used again
        weft::registered_buffer fixed(4096);
        std::memset(fixed.data(), 'b' + round, fixed.size());
        check_equal(co_await f.write_at(4096, fixed, 0, 4096), 4096);
        weft::registered_buffer moved(std::move(fixed));
        std::memset(moved.data(), 0, moved.size());
        co_await weft::yield();
        check_equal(co_await f.read_at(4096, moved, 0, 4096), 4096);
        CHECK(moved.data()[17] == static_cast<std::byte>('b' + round));
      }
      co_return 0;
    };
    if (pool.run(whole(here / service)) == 1)
      WARN("not tested: " << here.path() << " has no direct input and output");
  }
}

TEST_CASE("more registered files and buffers than there are slots", "[file]") {
  const test_directory here(test_directory::beside());
  weft::pool pool({.threads = 2});
  auto many = [](std::string path) -> weft::task<> {
    std::vector<weft::registered_buffer> buffers;
    for (int i = 0; i < 300; ++i) buffers.emplace_back(4096);
    std::vector<file> files;
    for (int i = 0; i < 30; ++i)
      files.push_back(co_await file::open(path, {.mode = access::read_write, .create = true, .registered = true}));
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      std::memset(buffers[i].data(), static_cast<int>(i % 100), 4096);
      check_equal(co_await files[i % 30].write_at(i * 4096, buffers[i], 0, 4096), 4096);
    }
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      check_equal(co_await files[(i + 7) % 30].read_at(i * 4096, buffers[300 - 1 - i], 0, 4096), 4096);
      CHECK(buffers[300 - 1 - i].data()[4095] == static_cast<std::byte>(i % 100));
    }
  };
  pool.run(many(here / "slots"));
}

TEST_CASE("a registered file that is closed is closed in the kernel too", "[file]") {
  const test_directory here(test_directory::beside());
  const std::string path = here / "fifo";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  weft::pool pool({.threads = 2});
  auto write = [](std::string p) -> weft::task<> {
    file f = co_await file::open(p, {.mode = access::write, .registered = true});
    const std::string s = "x";
    co_await f.write_at(0, bytes(s));
  };
  // Through a thread pwrite on a pipe is refused: only rings write to what has no offset.
  const auto refused = pool.run(error_of(write(path)));
  if (refused.first == 0) {
    char c[2];
    CHECK(::read(reader, c, 2) == 1);
    ssize_t end = -1;
    while ((end = ::read(reader, c, 2)) < 0 && errno == EAGAIN)
      std::this_thread::yield();  // the kernel drops it later
    CHECK(end == 0);
  } else {
    CHECK(refused.first == ESPIPE);
  }
  ::close(reader);
}

TEST_CASE("a stop ends an operation that would wait for ever", "[file]") {
  const test_directory here(test_directory::beside());
  const std::string path = here / "fifo";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  weft::pool pool({.threads = 2});
  auto wait = [](std::string p) -> weft::task<std::size_t> {
    file f = co_await file::open(p, {.mode = access::read_write});  // on Linux this does not wait for the other end
    std::array<std::byte, 8> b{};
    co_return co_await f.read_at(0, b);
  };
  auto limited = [&](std::string p, std::chrono::microseconds t) -> weft::task<int> {
    auto r = co_await weft::as_result(
        [](weft::task<std::size_t> w, std::chrono::microseconds us) -> weft::task<std::size_t> {
          co_return co_await weft::timeout(us, std::move(w));
        }(wait(p), t));
    if (r.ok()) co_return 0;
    try {
      std::rethrow_exception(r.error());
    } catch (const weft::timed_out&) { co_return 1; } catch (const std::system_error& e) {
      co_return e.code().value() == ESPIPE ? 2 : 3;
    }
  };
  // On threads pread refuses a pipe, unless the stop comes before it begins.
  auto writes = [](std::string p) -> weft::task<> {
    file f = co_await file::open(p, {.mode = access::read_write});
    std::array<std::byte, 1> b{};
    co_await f.write_at(0, b);
  };
  const std::string other = here / "other";
  REQUIRE(::mkfifo(other.c_str(), 0600) == 0);
  // Where lockable memory is short one worker may have a ring and the other none.
  const bool rings = pool.run(error_of(writes(other))).first == 0 && !std::getenv("WEFT_RESTRICTED");
  for (int us = 0; us < 200; ++us) {
    const int kind = pool.run(limited(path, std::chrono::microseconds(us)));
    CHECK((kind == 1 || (kind == 2 && !rings)));
  }
}

TEST_CASE("reads that race with a stop lose nothing", "[file]") {
  const test_directory here(test_directory::beside());
  for (const char* service : {"auto", "threads"}) {
    const files_through choice(service);
    weft::pool pool({.threads = 2, .file_depth = 2});
    auto race = [](std::string path) -> weft::task<int> {
      file f = co_await file::open(path, {.mode = access::read_write, .create = true, .direct = false});
      int ended = 0;
      for (int i = 0; i < 300; ++i) {
        auto several = [](file& g) -> weft::task<> {
          std::vector<weft::task<>> all;
          auto one = [](file& h, std::uint64_t at) -> weft::task<> {
            std::array<std::byte, 512> b{};
            co_await h.write_at(at, b);
            co_await h.sync();
            co_await h.read_at(at, b);
          };
          for (std::uint64_t k = 0; k < 6; ++k) all.push_back(one(g, k * 512));
          co_await weft::all(std::move(all));
        };
        auto limited = [](weft::task<> t, int us) -> weft::task<> {
          co_await weft::timeout(std::chrono::microseconds(us), std::move(t));
        };
        try {
          co_await limited(several(f), i);
        } catch (const weft::timed_out&) {}  // anything else comes out
        ++ended;
      }
      co_return ended;
    };
    CHECK(pool.run(race(here / service)) == 300);
  }
}

TEST_CASE("a task that runs long does not hold up the input of others", "[file]") {
  const test_directory here(test_directory::beside());
  weft::pool pool({.threads = 2});
  auto whole = [](std::string path) -> weft::task<int> {
    std::atomic<bool> done{false};
    auto hog = [](std::atomic<bool>& d) -> weft::task<int> {
      while (!d.load()) std::this_thread::yield();
      co_return 1;
    };
    auto reads = [](std::string p, std::atomic<bool>& d) -> weft::task<int> {
      file f = co_await file::open(p, {.mode = access::read_write, .create = true});
      std::array<std::byte, 4096> b{};
      for (std::uint64_t i = 0; i < 50; ++i) {
        co_await f.write_at(i * 4096, b);
        co_await f.sync(true);
      }
      d = true;
      co_return 2;
    };
    auto [a, b] = co_await weft::all(reads(path, done), hog(done));
    co_return a + b;
  };
  CHECK(pool.run(whole(here / "hogged")) == 3);
}

TEST_CASE("a file of another pool is refused", "[file]") {
  const test_directory here(test_directory::beside());
  weft::pool one({.threads = 1}), two({.threads = 1});
  auto opens = [](std::string p) -> weft::task<file> {
    co_return co_await file::open(p, {.mode = access::read_write, .create = true});
  };
  file f = one.run(opens(here / "f"));
  auto touches = [](file& g) -> weft::task<> { co_await g.sync(); };
  one.run(touches(f));
  CHECK_THROWS_AS(two.run(touches(f)), weft::misuse);
  CHECK_THROWS_AS(weft::registered_buffer(1), weft::misuse);
}

TEST_CASE("a file of a pool that has ended is refused, even if another has taken its place", "[file]") {
  const test_directory here(test_directory::beside());
  auto opens = [](std::string p) -> weft::task<file> {
    co_return co_await file::open(p, {.mode = access::read_write, .create = true});
  };
  auto touches = [](file& g, std::string own) -> weft::task<> {
    if (!own.empty()) co_await file::open(own, {.mode = access::read_write, .create = true});  // a service of its own
    co_await g.sync();
  };
  for (const char* service : {"auto", "threads"}) {
    const files_through choice(service);
    for (int i = 0; i < 20; ++i) {
      file f = weft::run(opens(here / "f"));
      CHECK_THROWS_AS(weft::run(touches(f, i % 2 == 0 ? std::string() : here / "own")), weft::misuse);
    }
  }
}

TEST_CASE("a file may outlive its pool", "[file]") {
  const test_directory here(test_directory::beside());
  file f;
  {
    weft::pool pool({.threads = 1});
    auto opens = [](std::string p) -> weft::task<file> {
      file g = co_await file::open(p, {.mode = access::write, .create = true, .registered = true});
      const std::string s = "kept";
      co_await g.write_full_at(0, bytes(s));
      co_return g;
    };
    f = pool.run(opens(here / "late"));
  }
  f = file();
  CHECK(std::filesystem::file_size(here / "late") == 4);
}
