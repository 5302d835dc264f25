// spill.write, read, small: the segment store against fio on the same file system.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "fio.hpp"
#include "harness.hpp"
#include "spill/segments.hpp"
#include "spill_place.hpp"
#include "weft/all.hpp"
#include "weft/pool.hpp"

namespace bench {
namespace {

using weft::detail::extent;
using weft::detail::segment_store;
using weft::detail::spill_compression;
using weft::detail::spill_file_options;
using weft::detail::spill_record;
using weft::detail::spilled;
using bytes = std::span<const std::byte>;

constexpr std::size_t at_once = 2;  // as many batches as weft::detail::store keeps under way

std::vector<std::uint64_t> noise(std::size_t size) {
  std::vector<std::uint64_t> words(size / sizeof(std::uint64_t));
  std::uint64_t state = 88172645463325252u;
  for (std::uint64_t& w : words) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    w = state;
  }
  return words;
}

spill_file_options file_options(const spill_place& place, spill_compression compression) {
  spill_file_options o;
  o.directory = place.path();
  o.compression = compression;
  o.free_segments = 1024;  // a run writes where the one before has written
  return o;
}

// ---- large records -----------------------------------------------------------------------------------------

/// Records of 64 MiB: a number of its own, and bytes that it shares with some others.
struct large_records {
  large_records(unsigned threads, std::size_t n)
      : pool({.threads = threads}),
        store(file_options(place, spill_compression::off)),
        source(noise(std::min<std::size_t>(n, 4) * size)),
        numbers(n),
        pieces(n),
        records(n) {
    const bytes all = std::as_bytes(std::span(source));
    for (std::size_t i = 0; i < n; ++i) {
      numbers[i] = i;
      pieces[i] = {std::as_bytes(std::span(&numbers[i], 1)), body(all, i)};
      records[i].pieces = pieces[i];
    }
  }
  static bytes body(bytes all, std::size_t i) {
    return all.subspan(i * size % all.size() + sizeof(std::uint64_t), size - sizeof(std::uint64_t));
  }
  double total() const { return static_cast<double>(records.size() * size); }
  void release() {
    for (spill_record& r : records) store.release(std::exchange(r.where, extent{}));
  }

  static constexpr std::size_t size = std::size_t{64} << 20;
  spill_place place;
  weft::pool pool;
  segment_store store;
  std::vector<std::uint64_t> source, numbers;
  std::vector<std::array<bytes, 2>> pieces;
  std::vector<spill_record> records;
};

weft::task<> write_lane(large_records& d, std::size_t first) {
  for (std::size_t i = first; i < d.records.size(); i += at_once)
    co_await d.store.write(std::span(d.records).subspan(i, 1));
}

weft::task<> read_lane(large_records& d, std::size_t first) {
  const bytes all = std::as_bytes(std::span(d.source));
  for (std::size_t i = first; i < d.records.size(); i += at_once) {
    const spilled read = co_await d.store.read(d.records[i].where);
    const bytes got = read.bytes(), sent = large_records::body(all, i);
    if (got.size() != large_records::size || std::memcmp(got.data(), &i, sizeof i) != 0 ||
        std::memcmp(got.data() + got.size() - 64, sent.data() + sent.size() - 64, 64) != 0)
      throw wrong("a record that was read is not the one that was written");
  }
}

weft::task<> lanes(large_records& d, weft::task<> (*lane)(large_records&, std::size_t)) {
  std::vector<weft::task<>> all;
  for (std::size_t i = 0; i < at_once; ++i) all.push_back(lane(d, i));
  co_await weft::all(std::move(all));
}

sides large_sides(const settings& s, bool writes) {
  auto d = std::make_shared<large_records>(s.threads, s.size(std::size_t{32}, std::size_t{4}));
  if (!writes) d->pool.run(lanes(*d, write_lane));
  sides out;
  out.weft = [d, writes] {
    if (writes) d->release();
    const double begin = seconds_now();
    d->pool.run(lanes(*d, writes ? write_lane : read_lane));
    return (seconds_now() - begin) * 1e9 / d->total();
  };
  out.note = "records of 64 MiB, two at once, checksums, no compression";
  limit_by_fio(out, s, d->place, writes, static_cast<std::size_t>(d->total()));
  return out;
}

const registered write_("spill.write", "ns/byte", "records of 64 MiB written to spill files, against fio",
                        [](const settings& s) { return large_sides(s, true); });
const registered read_("spill.read", "ns/byte", "the same read back into fresh memory, and checked",
                       [](const settings& s) { return large_sides(s, false); });

// ---- small records -----------------------------------------------------------------------------------------

/// Values of 4 KiB, and what comes of the batches in which the store of values writes them.
struct small_records {
  small_records(unsigned threads, std::size_t n)
      : pool({.threads = threads}),
        store(file_options(place, spill_compression::automatic)),
        source(noise(n * size)),
        where(n) {}
  double total() const { return static_cast<double>(where.size() * size); }
  bytes value(std::size_t i) const { return std::as_bytes(std::span(source)).subspan(i * size, size); }

  static constexpr std::size_t size = 4096;
  static constexpr std::size_t batch = 1024;
  spill_place place;
  weft::pool pool;
  segment_store store;
  std::vector<std::uint64_t> source;
  std::vector<extent> where;
};

/// With the header that the store of values puts before each.
weft::task<> write_batches(small_records& d, std::size_t first) {
  struct laid_out {
    std::array<std::uint64_t, 3> header;
    std::array<bytes, 3> pieces;
  };
  std::vector<laid_out> all(small_records::batch);
  std::vector<spill_record> records(small_records::batch);
  for (std::size_t at = first * all.size(); at < d.where.size(); at += at_once * all.size()) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].header = {sizeof(std::uint64_t), 1, small_records::size};
      const bytes header = std::as_bytes(std::span(all[i].header));
      all[i].pieces = {header, header.last(sizeof(std::uint64_t)), d.value(at + i)};
      records[i].pieces = all[i].pieces;
    }
    co_await d.store.write(records);
    for (std::size_t i = 0; i < all.size(); ++i) d.where[at + i] = records[i].where;
  }
}

weft::task<> write_small(small_records& d) {
  std::vector<weft::task<>> all;
  for (std::size_t i = 0; i < at_once; ++i) all.push_back(write_batches(d, i));
  co_await weft::all(std::move(all));
}

weft::task<> check_small(small_records& d) {
  for (std::size_t i = 0; i < d.where.size(); i += 97) {
    const spilled read = co_await d.store.read(d.where[i]);
    const bytes got = read.bytes(), sent = d.value(i);
    if (got.size() < sent.size() || std::memcmp(got.data() + got.size() - sent.size(), sent.data(), sent.size()) != 0)
      throw wrong("a small record that was read is not the one that was written");
  }
}

const registered small_("spill.small", "ns/byte", "values of 4 KiB written in batches, against fio's large blocks",
                        [](const settings& s) {
                          const std::size_t n = s.size(std::size_t{128}, std::size_t{16}) * small_records::batch;
                          auto d = std::make_shared<small_records>(s.threads, n);
                          sides out;
                          out.weft = [d] {
                            for (extent& e : d->where) d->store.release(std::exchange(e, extent{}));
                            const double begin = seconds_now();
                            d->pool.run(write_small(*d));
                            const double took = seconds_now() - begin;
                            d->pool.run(check_small(*d));
                            return took * 1e9 / d->total();
                          };
                          out.note = "batches of 1024, two at once, checksums, compression where it pays";
                          limit_by_fio(out, s, d->place, true, static_cast<std::size_t>(d->total()));
                          return out;
                        });

}  // namespace
}  // namespace bench
