// The disk's side of spilling: what was written is what is read, or a clear error; room is never lost.
#include "spill/segments.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "spill/blocks.hpp"
#include "spill/checksum.hpp"
#include "spill/compressor.hpp"
#include "spill/scratch.hpp"
#include "support/seeds.hpp"
#include "support/test_directory.hpp"
#include "weft/simulated_disk.hpp"
#include "weft/weft.hpp"

namespace {

using namespace std::chrono_literals;
using weft::detail::extent;
using weft::detail::segment_store;
using weft::detail::spill_compression;
using weft::detail::spill_corrupt;
using weft::detail::spill_encoding;
using weft::detail::spill_file_options;
using weft::detail::spill_full;
using weft::detail::spill_record;
using weft::detail::spilled;
using bytes = std::vector<std::byte>;

constexpr std::uint64_t up_to_blocks(std::uint64_t n) { return (n + 4095) / 4096 * 4096; }
constexpr std::size_t kib = 1024, mib = 1024 * kib;

void require(bool right, const char* what) {
  if (!right) throw std::logic_error(what);
}

bytes noise(std::size_t n, std::uint64_t seed) {
  bytes b(n);
  std::mt19937_64 random(seed * 7919 + n);
  for (std::size_t i = 0; i < n; i += 8) {
    const std::uint64_t r = random();
    std::memcpy(b.data() + i, &r, std::min<std::size_t>(8, n - i));
  }
  return b;
}

/// Shrinks to less than half.
bytes prose(std::size_t n, std::uint64_t seed) {
  bytes b = noise(n, seed);
  for (std::size_t i = 0; i < n; ++i) b[i] = i % 4 == 0 ? b[i] & std::byte{7} : std::byte{'x'};
  return b;
}

/// Records of which each is in up to three pieces, some of them empty.
class batch {
 public:
  void add(bytes b, std::size_t cut = 0) {
    contents_.push_back(std::move(b));
    const std::span<const std::byte> whole(contents_.back());
    cut = std::min(cut, whole.size());
    pieces_.push_back({whole.first(cut), std::span<const std::byte>(), whole.subspan(cut)});
    records_.push_back({pieces_.back(), {}});
  }
  std::span<spill_record> records() { return records_; }
  const bytes& content(std::size_t i) const { return contents_[i]; }
  const extent& where(std::size_t i) const { return records_[i].where; }
  std::size_t size() const { return records_.size(); }
  void release(segment_store& s) {
    for (const spill_record& r : records_) s.release(r.where);
  }

 private:
  std::deque<bytes> contents_;
  std::deque<std::array<std::span<const std::byte>, 3>> pieces_;
  std::vector<spill_record> records_;
};

bool same(const spilled& got, const bytes& expected) {
  // In one call: under a sanitizer a loop over bytes takes most of the test.
  return got.bytes().size() == expected.size() &&
         (expected.empty() || std::memcmp(expected.data(), got.bytes().data(), expected.size()) == 0);
}

weft::task<> check_all(segment_store& s, const batch& b) {
  for (std::size_t i = 0; i < b.size(); ++i) {
    const spilled got = co_await s.read(b.where(i));
    require(same(got, b.content(i)), "a record came back different");
    require(reinterpret_cast<std::uintptr_t>(got.bytes().data()) % 64 == 0, "it is not aligned");
    require(got.memory_size() <= std::max(got.bytes().size() + got.bytes().size() / 4, got.bytes().size() + 4096),
            "it takes too much memory");
  }
}

weft::task<> write_and_check(segment_store& s, batch& b) {
  co_await s.write(b.records());
  co_await check_all(s, b);
}

weft::task<bool> is_full(segment_store& s, batch& b) {
  bool full = false;
  try {
    co_await s.write(b.records());
  } catch (const spill_full&) { full = true; }
  co_return full;
}

weft::task<std::string> corruption(segment_store& s, extent e) {
  std::string message;
  try {
    const spilled got = co_await s.read(e);
  } catch (const spill_corrupt& c) { message = c.what(); }
  co_return message;
}

weft::task<> overwrite(std::string path, std::uint64_t offset, bytes with) {
  weft::file f = co_await weft::file::open(path, {.mode = weft::access::write});
  co_await f.write_full_at(offset, with);
}

std::vector<bytes> of_all_sizes(bytes (*make)(std::size_t, std::uint64_t)) {
  std::vector<bytes> all;
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{65},
                              std::size_t{4095}, std::size_t{4096}, std::size_t{4097}, 64 * kib, mib - 1, mib,
                              mib + 1, 3 * mib + 4095, std::size_t{0}, 5 * mib + 17, std::size_t{300}})
    all.push_back(make(n, all.size() + 1));
  return all;
}
void fill(batch& b, bool compressible) {
  static const std::vector<bytes> plain = of_all_sizes(noise), squeezed = of_all_sizes(prose);
  for (const bytes& x : compressible ? squeezed : plain) b.add(x, x.size() / 3);
}

}  // namespace

TEST_CASE("records of all sizes come back, from rings, threads and memory file systems", "[spill]") {
  for (const char* service : {"auto", "threads"}) {
    ::setenv("WEFT_FILES", service, 1);
    for (const char* where : {"", "/dev/shm"}) {
      if (*where && !std::filesystem::exists(where)) continue;
      for (const auto compression :
           {spill_compression::off, spill_compression::automatic, spill_compression::always}) {
        for (const bool direct : {true, false}) {
          const test_directory here(*where ? where : test_directory::beside());
          weft::pool pool({.threads = 2});
          segment_store s({.directory = here.path(), .compression = compression, .direct = direct});
          batch plain, squeezed;
          fill(plain, false);
          fill(squeezed, true);
          pool.run(write_and_check(s, plain));
          pool.run(write_and_check(s, squeezed));
          pool.run(check_all(s, plain));
          const auto c = s.counters();
          CHECK(c.records_written == plain.size() + squeezed.size());
          CHECK(c.live_records == c.records_written);
          CHECK(c.live_bytes == c.bytes_written);
          CHECK(c.bytes_read > c.bytes_written);
          if (compression == spill_compression::off) CHECK(c.stored_written >= c.bytes_written);
          if (compression != spill_compression::off) CHECK(c.stored_written < c.bytes_written * 8 / 10);
          plain.release(s);
          squeezed.release(s);
          CHECK(s.counters().used == 0);
          CHECK(s.counters().live_bytes == 0);
        }
      }
    }
    ::unsetenv("WEFT_FILES");
  }
}

TEST_CASE("a record may be larger than a segment", "[spill]") {
  const test_directory here(test_directory::beside());
  weft::pool pool({.threads = 2});
  segment_store s({.directory = here.path(), .free_segments = 0});
  batch b;
  b.add(noise(70 * mib, 1), 33 * mib + 5);
  pool.run(write_and_check(s, b));
  CHECK(b.where(0).encoding == spill_encoding::parts);
  CHECK(s.counters().segments == 2);
  CHECK(s.counters().used == 70 * mib);
  b.release(s);
  pool.run(s.trim());
  CHECK(s.counters().on_disk == 64 * mib);  // where records go next
}

TEST_CASE("small records lie side by side, and a batch begins at a block", "[spill]") {
  const test_directory here(test_directory::beside());
  weft::pool pool({.threads = 1});
  segment_store s({.directory = here.path(), .segment_bytes = mib, .compression = spill_compression::off});
  std::set<std::pair<std::uint32_t, std::uint64_t>> blocks;
  for (int round = 0; round < 3; ++round) {
    batch b;
    for (std::size_t i = 0; i < 1000; ++i) b.add(noise(100, i));
    pool.run(write_and_check(s, b));
    for (std::size_t i = 0; i < b.size(); ++i) {
      CHECK(b.where(i).offset % 64 == 0);
      if (i == 0) CHECK(b.where(i).offset % 4096 == 0);
    }
    for (std::size_t i = 0; i < b.size(); ++i) {
      const std::uint64_t block = b.where(i).offset / 4096;
      if (i == 0 || block != b.where(i - 1).offset / 4096) CHECK(blocks.emplace(b.where(i).segment, block).second);
    }
  }
  CHECK(s.counters().used <= 3 * (up_to_blocks(1000 * 128) + 8192));
}

TEST_CASE("released room is used again, whole segments and holes", "[spill]") {
  const test_directory here(test_directory::beside());
  weft::pool pool({.threads = 2});
  segment_store s({.directory = here.path(),
                   .segment_bytes = mib,
                   .chunk_bytes = 64 * kib,
                   .compression = spill_compression::off,
                   .free_segments = 1});
  std::vector<batch> rounds(40);
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    batch& b = rounds[i];
    for (std::size_t k = 0; k < 12; ++k) b.add(noise(100 * kib + k, i));
    pool.run(write_and_check(s, b));
    for (std::size_t k = 1; k < b.size(); ++k) s.release(b.where(k));
  }
  CHECK(s.counters().used == 40 * up_to_blocks(100 * kib));  // one that stays in each round
  CHECK(s.counters().on_disk <= 12 * mib);                   // 4 MiB live, and never more than half free for long
  for (const batch& b : rounds) {
    const extent e = b.where(0);
    const spilled got = pool.run(s.read(e));
    CHECK(same(got, b.content(0)));
    s.release(e);
  }
  CHECK(s.counters().used == 0);
  batch little;
  little.add(noise(10, 1));
  pool.run(write_and_check(s, little));  // which empties what is too many
  CHECK(s.counters().on_disk <= 3 * mib);
  little.release(s);
  pool.run(s.trim());
  CHECK(s.counters().on_disk <= 2 * mib);
  std::uintmax_t in_files = 0;
  for (const auto& f : std::filesystem::directory_iterator(here.path())) in_files += f.file_size();
  CHECK(in_files == s.counters().on_disk);
  batch again;
  for (std::size_t k = 0; k < 50; ++k) again.add(noise(100 * kib, k));
  pool.run(write_and_check(s, again));
}

TEST_CASE("the capacity holds, and a batch that does not fit leaves nothing", "[spill]") {
  const test_directory here(test_directory::beside());
  weft::pool pool({.threads = 2});
  segment_store s({.directory = here.path(),
                   .capacity = 3 * mib + 5 * 4096 + 100,
                   .segment_bytes = mib,
                   .chunk_bytes = 64 * kib,
                   .compression = spill_compression::off});
  std::vector<batch> kept(48);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    kept[i].add(noise(64 * kib, i));
    pool.run(write_and_check(s, kept[i]));
  }
  CHECK(s.counters().used == 3 * mib);
  batch large, small;
  large.add(noise(mib, 1));
  for (std::size_t i = 0; i < 100; ++i) small.add(noise(3000, i));
  CHECK(pool.run(is_full(s, large)));
  CHECK(pool.run(is_full(s, small)));
  CHECK(s.counters().used == 3 * mib);
  CHECK(s.counters().on_disk <= 3 * mib + 5 * 4096);
  CHECK(s.counters().live_records == kept.size());
  CHECK_THROWS_WITH(
      pool.run(s.write(large.records())),
      Catch::Contains("spill directory " + here.path().string() + " is full (") && Catch::Contains("spill_capacity"));

  // Every other record: a large one goes into the holes, in parts, and so do small ones.
  for (std::size_t i = 0; i < kept.size(); i += 2) s.release(kept[i].where(0));
  batch holes;
  holes.add(noise(mib, 2), 12345);
  holes.add(noise(100, 2));
  holes.add(noise(60 * kib, 3));
  pool.run(write_and_check(s, holes));
  CHECK(holes.where(0).encoding == spill_encoding::parts);
  for (std::size_t i = 1; i < kept.size(); i += 2) pool.run(check_all(s, kept[i]));
  CHECK(pool.run(is_full(s, large)));
  holes.release(s);
  for (std::size_t i = 1; i < kept.size(); i += 2) s.release(kept[i].where(0));
  pool.run(write_and_check(s, large));
}

TEST_CASE("where no hole is as large as a record it is taken apart", "[spill]") {
  weft::pool pool({.threads = 1});
  for (const auto compression : {spill_compression::off, spill_compression::always}) {
    const test_directory here(test_directory::beside());
    segment_store s({.directory = here.path(), .capacity = 64 * 4096, .compression = compression});
    std::vector<batch> singles(64);
    for (std::size_t i = 0; i < singles.size(); ++i) {
      singles[i].add(noise(4096, i));
      pool.run(write_and_check(s, singles[i]));
    }
    for (std::size_t i = 0; i < singles.size(); i += 2) s.release(singles[i].where(0));
    batch b;
    b.add(noise(5 * 4096 - 7, 1));
    b.add(noise(4000, 2));
    b.add(prose(20000, 3));
    pool.run(write_and_check(s, b));
    CHECK(b.where(0).encoding == spill_encoding::parts);
    b.release(s);
    CHECK(s.counters().used == 32 * 4096);
  }
}

TEST_CASE("a full disk is told as such, and the store goes on", "[spill][simulation]") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    weft::simulation sim(seed);
    weft::simulated_disk disk(sim, {.capacity = 300 * kib});
    segment_store s({.directory = "spill",
                     .segment_bytes = 128 * kib,
                     .chunk_bytes = 16 * kib,
                     .compression = spill_compression::off});
    batch first, much, again;
    first.add(noise(100 * kib, seed));
    much.add(noise(250 * kib, seed));
    again.add(noise(120 * kib, seed));
    sim.run(write_and_check(s, first));
    const std::uint64_t used = s.counters().used;
    CHECK(sim.run(is_full(s, much)));
    CHECK(s.counters().used == used);
    sim.run(write_and_check(s, again));
    sim.run(check_all(s, first));
    first.release(s);
    again.release(s);
    CHECK(s.counters().used == 0);
  }
}

TEST_CASE("faults of the disk give right answers or clear errors, and lose no room", "[spill][simulation]") {
  const weft::test::seed_range seeds(400);
  std::uint64_t failed = 0, done = 0;
  for (const std::uint64_t seed : seeds) {
    weft::simulation sim(seed);
    weft::simulated_disk disk(
        sim, {.short_per_million = 300'000, .errors_per_million = static_cast<std::uint32_t>(seed % 4) * 20'000});
    segment_store s({.directory = "spill",
                     .capacity = seed % 3 == 0 ? 400 * kib : 0,
                     .segment_bytes = 128 * kib,
                     .chunk_bytes = 16 * kib,
                     .depth = 3,
                     .compression = seed % 2 ? spill_compression::automatic : spill_compression::off,
                     .free_segments = 1});
    auto works = [&](std::uint64_t id) -> weft::task<> {
      for (std::uint64_t round = 0; round < 3; ++round) {
        batch b;
        for (std::uint64_t k = 0; k < 6; ++k) {
          const std::size_t n = sim.random() % (k == 0 ? 90 * kib : 6 * kib);
          b.add(sim.random() % 2 ? noise(n, id) : prose(n, id), n / 2);
        }
        bool written = false;
        try {
          co_await s.write(b.records());
          written = true;
        } catch (const std::system_error&) {
        } catch (const spill_full&) {}
        (written ? done : failed) += 1;
        if (!written) continue;
        for (std::size_t i = 0; i < b.size(); ++i) {
          try {
            const spilled got = co_await s.read(b.where(i));
            require(same(got, b.content(i)), "a record came back different");
          } catch (const std::system_error&) {}
        }
        b.release(s);
        try {
          co_await s.trim();
        } catch (const std::system_error&) {}
      }
    };
    auto all = [&]() -> weft::task<> { co_await weft::all(works(1), works(2), works(3)); };
    sim.run(all());
    CHECK(s.counters().used == 0);
    CHECK(s.counters().live_records == 0);
    disk.set({});
    batch last;
    last.add(noise(200 * kib, seed));
    last.add(prose(1000, seed));
    sim.run(write_and_check(s, last));
  }
  const std::uint64_t all = seeds.last - seeds.first + 1;
  if (all >= 40) CHECK(failed > all / 2);
  if (all >= 40) CHECK(done > all * 5 / 2);
}

TEST_CASE("a stop at any step leaves the store as it was", "[spill][simulation]") {
  const weft::test::seed_range seeds(400);
  std::uint64_t stopped = 0, done = 0;
  for (const std::uint64_t seed : seeds) {
    weft::simulation sim(seed);
    weft::simulated_disk disk(sim, {.latency = 50us});
    segment_store s({.directory = "spill",
                     .capacity = seed % 2 ? 500 * kib : 0,
                     .segment_bytes = 128 * kib,
                     .chunk_bytes = 16 * kib,
                     .depth = 2});
    batch resident;
    resident.add(noise(70 * kib, seed));
    resident.add(prose(70 * kib, seed));
    sim.run(write_and_check(s, resident));
    const std::uint64_t used = s.counters().used;
    auto works = [&](std::uint64_t id) -> weft::task<> {
      batch b;
      b.add(noise(60 * kib, id));
      b.add(noise(700, id));
      bool written = false;
      try {
        co_await weft::timeout(std::chrono::microseconds(sim.random() % 1000), s.write(b.records()));
        written = true;
      } catch (const weft::timed_out&) {}
      (written ? done : stopped) += 1;
      if (written) {
        co_await check_all(s, b);
        b.release(s);
      }
      try {
        const spilled got =
            co_await weft::timeout(std::chrono::microseconds(sim.random() % 600), s.read(resident.where(id % 2)));
        require(same(got, resident.content(id % 2)), "a record came back different");
      } catch (const weft::timed_out&) {}
    };
    auto all = [&]() -> weft::task<> { co_await weft::all(works(1), works(2), works(3)); };
    sim.run(all());
    CHECK(s.counters().used == used);
    sim.run(check_all(s, resident));
  }
  const std::uint64_t all = seeds.last - seeds.first + 1;
  if (all >= 40) CHECK(stopped > all / 2);
  if (all >= 40) CHECK(done > all / 2);
}

TEST_CASE("damage on the disk is found, and named", "[spill][simulation]") {
  weft::simulation sim(1);
  weft::simulated_disk disk(sim);
  segment_store s({.directory = "spill", .segment_bytes = mib, .chunk_bytes = 64 * kib});
  batch b;
  b.add(noise(5000, 1));
  b.add(prose(50'000, 2));
  b.add(noise(200'000, 3));
  b.add(prose(200'000, 4));
  sim.run(write_and_check(s, b));
  CHECK(b.where(1).encoding == spill_encoding::zstd);
  CHECK(b.where(2).encoding == spill_encoding::parts);
  const bytes before = disk.contents("spill/segment-1");
  for (std::size_t i = 0; i < b.size(); ++i) {
    for (const std::uint64_t at : {std::uint64_t{0}, std::uint64_t{100}, std::uint64_t{4000}}) {
      const std::uint64_t offset = b.where(i).offset + at;
      sim.run(overwrite("spill/segment-1", offset, bytes{before[offset] ^ std::byte{1}}));
      const std::string message = sim.run(corruption(s, b.where(i)));
      CHECK_THAT(message,
                 Catch::Contains("spill/segment-1 is damaged at offset " + std::to_string(b.where(i).offset) + " ("));
      sim.run(overwrite("spill/segment-1", offset, bytes{before[offset]}));
    }
  }
  sim.run(check_all(s, b));

  // What the checksum cannot find: another size, which the decompression is held to.
  for (const std::uint64_t raw : {std::uint64_t{49'999}, std::uint64_t{50'001}, std::uint64_t{1}}) {
    extent wrong = b.where(1);
    wrong.raw = raw;
    CHECK_THAT(sim.run(corruption(s, wrong)), Catch::Contains("cannot be decompressed"));
  }
  auto cut = []() -> weft::task<> {
    weft::file f = co_await weft::file::open("spill/segment-1", {.mode = weft::access::write});
    co_await f.truncate(4096);
  };
  sim.run(cut());
  CHECK_THAT(sim.run(corruption(s, b.where(2))), Catch::Contains("the file ends before"));
}

TEST_CASE("what a crash of the machine tears is found", "[spill][simulation]") {
  int lost = 0, kept = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    weft::simulation sim(seed);
    weft::simulated_disk disk(sim);
    segment_store s({.directory = "spill", .segment_bytes = mib, .chunk_bytes = 16 * kib});
    batch b;
    for (std::uint64_t i = 0; i < 8; ++i) b.add(i % 2 ? noise(12'000, seed + i) : prose(40'000, seed + i));
    sim.run(write_and_check(s, b));
    disk.crash();
    for (std::size_t i = 0; i < b.size(); ++i) {
      const extent e = b.where(i);
      if (!sim.run(corruption(s, e)).empty()) {
        ++lost;
        continue;
      }
      CHECK(same(sim.run(s.read(e)), b.content(i)));
      ++kept;
    }
  }
  CHECK(lost > 50);
  CHECK(kept > 50);
}

TEST_CASE("many tasks write, read and release at once", "[spill]") {
  const test_directory here(test_directory::beside());
  weft::pool pool({.threads = 3});
  segment_store s({.directory = here.path(), .segment_bytes = 4 * mib, .chunk_bytes = 256 * kib, .free_segments = 1});
  auto works = [&s](std::uint64_t id) -> weft::task<> {
    std::mt19937_64 random(id);
    std::vector<batch> held;
    for (int round = 0; round < 20; ++round) {
      batch& b = held.emplace_back();
      for (int k = 0; k < 20; ++k) {
        const std::size_t n = random() % (k == 0 ? mib : 5000);
        b.add(random() % 2 ? noise(n, id) : prose(n, id), n / 2);
      }
      co_await s.write(b.records());
      const std::size_t which = random() % held.size();
      co_await check_all(s, held[which]);
      if (random() % 2) {
        held[which].release(s);
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(which));
      }
      if (random() % 4 == 0) co_await s.trim();
    }
    for (batch& b : held) {
      co_await check_all(s, b);
      b.release(s);
    }
  };
  auto all = [&]() -> weft::task<> {
    std::vector<weft::task<>> tasks;
    for (std::uint64_t i = 0; i < 8; ++i) tasks.push_back(works(i));
    co_await weft::all(std::move(tasks));
  };
  pool.run(all());
  CHECK(s.counters().used == 0);
  CHECK(s.counters().live_bytes == 0);
}

TEST_CASE("stops meet real files", "[spill]") {
  for (const char* service : {"auto", "threads"}) {
    ::setenv("WEFT_FILES", service, 1);
    const test_directory here(test_directory::beside());
    weft::pool pool({.threads = 2});
    segment_store s({.directory = here.path(), .segment_bytes = 4 * mib, .chunk_bytes = 256 * kib});
    auto works = [&s](std::uint64_t id) -> weft::task<> {
      batch b;
      b.add(noise(3 * mib, id));
      for (int round = 0; round < 10; ++round) {
        auto written =
            co_await weft::as_result(weft::timeout(std::chrono::microseconds(round * 300), s.write(b.records())));
        if (!written.ok()) continue;
        auto read =
            co_await weft::as_result(weft::timeout(std::chrono::microseconds(round * 300), s.read(b.where(0))));
        if (read.ok()) require(same(*read, b.content(0)), "a record came back different");
        co_await check_all(s, b);
        b.release(s);
      }
    };
    auto all = [&]() -> weft::task<> { co_await weft::all(works(1), works(2), works(3)); };
    pool.run(all());
    CHECK(s.counters().used == 0);
    ::unsetenv("WEFT_FILES");
  }
}

TEST_CASE("a store refuses what it does not hold, and options that cannot be", "[spill]") {
  const test_directory here(test_directory::beside());
  weft::pool pool({.threads = 1});
  segment_store s({.directory = here.path(), .chunk_bytes = 64 * kib});
  batch b;
  b.add(noise(1000, 1));
  b.add(noise(mib, 1));
  pool.run(write_and_check(s, b));
  b.release(s);
  for (std::size_t i = 0; i < b.size(); ++i) {
    const extent e = b.where(i);
    CHECK_THROWS_AS(pool.run(s.read(e)), weft::misuse);
  }
  extent nowhere = b.where(0);
  nowhere.segment = 99;
  CHECK_THROWS_AS(pool.run(s.read(nowhere)), weft::misuse);
  nowhere = b.where(0);
  nowhere.offset = std::uint64_t{1} << 60;
  CHECK_THROWS_AS(pool.run(s.read(nowhere)), weft::misuse);
  CHECK_THROWS_AS(segment_store({.directory = ""}), weft::misuse);
  CHECK_THROWS_AS(segment_store({.directory = "x", .capacity = 100}), weft::misuse);
  CHECK_THROWS_AS(segment_store({.directory = "x", .segment_bytes = 100}), weft::misuse);
  CHECK_THROWS_AS(segment_store({.directory = "x", .chunk_bytes = 0}), weft::misuse);
  CHECK_THROWS_AS(segment_store({.directory = "x", .depth = 0}), weft::misuse);
  segment_store missing({.directory = here / "missing"});
  CHECK_THROWS_WITH(pool.run(missing.write(b.records())),
                    Catch::Contains("cannot open") && Catch::Contains("missing"));
}

TEST_CASE("a table of blocks agrees with a simple one", "[spill]") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    std::mt19937_64 random(seed);
    constexpr std::uint32_t size = 200;
    weft::detail::block_table t(size);
    std::vector<int> holders(size);
    std::vector<weft::detail::block_run> held;
    for (int step = 0; step < 2000; ++step) {
      const std::uint64_t what = random() % 5;
      if (what < 2) {
        const auto want = static_cast<std::uint32_t>(1 + random() % 30), least = 1 + want / 3;
        std::uint32_t longest = 0, run = 0;
        for (const int h : holders) longest = std::max(longest, run = h ? 0 : run + 1);
        CHECK(t.longest() >= longest);
        const auto got = t.take(want, least);
        REQUIRE(got.has_value() == (longest >= least));
        if (!got) continue;
        REQUIRE(got->count == std::min(want, longest));
        for (std::uint32_t i = 0; i < got->count; ++i) REQUIRE(holders[got->first + i]++ == 0);
        held.push_back(*got);
      } else if (!held.empty()) {
        const std::size_t which = random() % held.size();
        if (what == 2) {
          t.hold(held[which]);
          held.push_back(held[which]);
          for (std::uint32_t i = 0; i < held[which].count; ++i) ++holders[held[which].first + i];
        } else {
          REQUIRE(t.give_back(held[which]));
          for (std::uint32_t i = 0; i < held[which].count; ++i) --holders[held[which].first + i];
          held.erase(held.begin() + static_cast<std::ptrdiff_t>(which));
        }
        if (held.size() > 60) break;
      }
      REQUIRE(t.used() == size - static_cast<std::uint32_t>(std::count(holders.begin(), holders.end(), 0)));
    }
    CHECK_FALSE(t.held({size - 1, 2}));
    CHECK_FALSE(t.held({~std::uint32_t{0}, 2}));
  }
}

TEST_CASE("copying and checking gives the checksum of the copy, whatever the pieces", "[spill]") {
  for (const std::size_t n : {std::size_t{1}, std::size_t{1000}, 16 * kib, 16 * kib + 1, 300 * kib}) {
    const bytes from = noise(n, 1);
    const std::span<const std::byte> whole(from);
    const std::array<std::span<const std::byte>, 3> pieces{whole.first(n / 5), std::span<const std::byte>(),
                                                           whole.subspan(n / 5)};
    for (const std::size_t begin : {std::size_t{0}, n / 7, n - 1}) {
      bytes to(n - begin);
      weft::detail::piece_cursor cursor(pieces, begin);
      const std::uint64_t sum = weft::detail::copy_and_checksum(cursor, n - begin, to.data());
      CHECK(std::equal(to.begin(), to.end(), from.begin() + static_cast<std::ptrdiff_t>(begin)));
      CHECK(sum == weft::detail::checksum(whole.subspan(begin)));
    }
  }
}

TEST_CASE("decompression is held to the declared size, whatever it is given", "[spill]") {
  weft::detail::compressor c;
  const bytes from = prose(10'000, 1);
  const std::array<std::span<const std::byte>, 1> pieces{from};
  bytes packed(20'000), out(10'000);
  packed.resize(c.compress(weft::detail::piece_cursor(pieces, 0), from.size(), packed));
  REQUIRE(c.decompress(packed, out));
  CHECK(out == from);
  std::mt19937_64 random(1);
  for (int i = 0; i < 3000; ++i) {
    bytes bad = packed;
    for (std::uint64_t k = 0; k <= random() % 4; ++k)
      bad[random() % std::min<std::size_t>(bad.size(), 1 + random() % bad.size())] = static_cast<std::byte>(random());
    bad.resize(random() % 2 ? bad.size() : random() % bad.size());
    bytes into(random() % 12'000);  // asan sees what goes beyond
    c.decompress(bad, into);
  }
}

TEST_CASE("what a dead process has left is removed, what a live one has is not", "[spill]") {
  const test_directory here(test_directory::beside());
  using weft::detail::scratch_directory;
  std::array<int, 2> ready{}, go{};
  REQUIRE((::pipe(ready.data()) == 0 && ::pipe(go.data()) == 0));
  const auto child = [&](bool lives) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    char c = 'x';
    try {
      auto* mine = new scratch_directory(here.path());  // never destroyed: as if it was killed
      const std::string inner = mine->path() + "/inner";
      std::filesystem::create_directory(inner);
      std::filesystem::create_symlink(here.path(), inner + "/link");
    } catch (...) { c = 'f'; }
    if (::write(ready[1], &c, 1) != 1 || (lives && ::read(go[0], &c, 1) != 1)) ::_exit(1);
    ::_exit(0);
  };
  char c = 0;
  const pid_t live = child(true);
  REQUIRE((::read(ready[0], &c, 1) == 1 && c == 'x'));
  const pid_t dead = child(false);
  REQUIRE((::read(ready[0], &c, 1) == 1 && c == 'x'));
  REQUIRE(::waitpid(dead, nullptr, 0) == dead);
  std::filesystem::create_directory(here / "weft-spill-1-unlock");  // died before it had made its lock
  std::filesystem::create_directory(here / "other");
  const auto of = [&](pid_t pid) {
    int n = 0;
    for (const auto& e : std::filesystem::directory_iterator(here.path()))
      n += e.path().filename().string().rfind("weft-spill-" + std::to_string(pid) + "-", 0) == 0 ? 1 : 0;
    return n;
  };
  CHECK(of(live) == 1);
  CHECK(of(dead) == 1);
  {
    const scratch_directory first(here.path()), second(here.path());  // two of one process do not harm each other
    CHECK(first.removed() == 2);
    CHECK(second.removed() == 0);
    CHECK(of(live) == 1);
    CHECK(of(dead) == 0);
    CHECK(of(::getpid()) == 2);
    CHECK(std::filesystem::exists(here / "other"));
  }
  CHECK(of(::getpid()) == 0);
  REQUIRE(::write(go[1], "x", 1) == 1);
  REQUIRE(::waitpid(live, nullptr, 0) == live);
  CHECK(scratch_directory(here.path()).removed() == 1);
  for (const int fd : {ready[0], ready[1], go[0], go[1]}) ::close(fd);
}

TEST_CASE("processes that start at once neither meet nor harm each other", "[spill]") {
  const test_directory here(test_directory::beside());
  std::vector<pid_t> children;
  for (int i = 0; i < 12; ++i) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      bool right = true;
      try {
        for (int round = 0; round < 10; ++round) {
          auto* mine = new weft::detail::scratch_directory(here.path());
          const std::string file = mine->path() + "/file";
          std::filesystem::create_directory(file);
          for (int k = 0; k < 3; ++k) weft::detail::scratch_directory other(here.path());
          right = right && std::filesystem::exists(file);
          if (round < 9) delete mine;
        }
      } catch (...) { right = false; }
      ::_exit(right ? 0 : 1);
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = -1;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
  }
  { const weft::detail::scratch_directory last(here.path()); }
  for (const auto& e : std::filesystem::directory_iterator(here.path()))
    CHECK(e.path().filename().string().rfind(".lock") != std::string::npos);
}
