// Writing: a batch is planned as chunks and packs, which lanes fill and write; then it is committed as a whole.
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <system_error>
#include <vector>

#include "spill/checksum.hpp"
#include "spill/segments_state.hpp"
#include "weft/all.hpp"
#include "weft/checkpoint.hpp"

namespace weft::detail {

namespace {

using state = segment_store::state;

constexpr auto inner_alignment = static_cast<std::size_t>(spilled::inner_alignment);  // in a block
constexpr std::size_t sample_piece = 4096, sample_pieces = 4;
constexpr std::size_t least_to_compress = 256;
constexpr std::uint64_t least_pack = std::uint64_t{64} << 10;

/// What one lane does at a time: a chunk of a large record, or small records that share blocks.
struct job {
  std::uint64_t begin = 0;   // of the chunk in the record
  std::uint32_t length = 0;  // of the chunk
  std::uint32_t first = 0;   // the record, or the first in batch.small
  std::uint32_t count = 0;   // of small records; 0: a chunk
  bool squeeze = false;
};

/// A write under way. Its end gives back all room, unless it was committed.
struct batch {
  batch(state& of, std::span<spill_record> all) : s(of), records(all), extents(all.size()) {}
  batch(const batch&) = delete;
  batch& operator=(const batch&) = delete;
  ~batch() {
    if (committed) return;
    for (const extent& e : extents)
      if (e.stored) s.space.give_back(e.segment, blocks_at(e.offset, e.stored));
    for (const auto& [record, p] : parts) s.space.give_back(p.segment, blocks_at(p.offset, p.stored));
  }

  void plan();
  void keep(segment_space::room& room, std::uint32_t record, const part& p);
  void commit();

  state& s;
  std::span<spill_record> records;
  std::vector<extent> extents;       // of small records: each is of one job
  std::vector<std::uint32_t> small;  // records of at most a chunk, in the order of the packs
  std::vector<job> jobs;
  std::atomic<std::size_t> next{0};
  std::mutex lock;
  std::vector<std::pair<std::uint32_t, part>> parts;  // of large records, under the lock
  std::atomic<std::uint64_t> blocks{0};               // written
  bool committed = false;
};

/// Whether four places, spread over records that are `length` bytes together, shrink enough.
bool sample_pays(state& s, std::span<const spill_record> records, std::span<const std::uint32_t> which,
                 std::uint64_t length) {
  std::array<std::byte, sample_piece * sample_pieces> sample;
  std::size_t filled = 0;
  std::uint64_t before = 0, next = 0;
  for (const std::uint32_t i : which) {
    const std::uint64_t size = total_bytes(records[i].pieces);
    while (next < before + size && filled < sample.size()) {
      const std::uint64_t at = std::max(next, before) - before;
      piece_cursor from(records[i].pieces, at);
      const std::size_t n = std::min({size - at, std::uint64_t{sample_piece}, sample.size() - filled});
      for (std::size_t done = 0; done < n;) {
        const auto piece = from.next(n - done);
        std::memcpy(sample.data() + filled + done, piece.data(), piece.size());
        done += piece.size();
      }
      filled += n;
      next = before + at + std::max<std::uint64_t>(n, length / sample_pieces);
    }
    before += size;
  }
  lent<compressor> c(s, s.compressors);
  return c.get().pays(std::span(sample).first(filled));
}

void batch::plan() {
  const std::uint64_t chunk = s.options.chunk_bytes;
  std::uint64_t small_bytes = 0;
  for (std::uint32_t i = 0; i < records.size(); ++i) {
    const std::uint64_t size = total_bytes(records[i].pieces);
    extents[i].raw = size;
    if (size == 0) continue;
    if (size <= chunk) {
      small.push_back(i);
      small_bytes += up(size, inner_alignment);
      continue;
    }
    bool squeeze = s.options.compression == spill_compression::always;
    if (s.options.compression == spill_compression::automatic)
      squeeze = sample_pays(s, records, std::span(&i, 1), size);
    for (std::uint64_t at = 0; at < size;) {
      const std::uint64_t length = size - at <= s.most_at_once ? size - at : chunk;
      jobs.push_back({at, static_cast<std::uint32_t>(length), i, 0, squeeze});
      at += length;
    }
  }
  // Packs of at most a chunk, and so many that one is filled while another is written.
  const std::uint64_t pack = std::min(chunk, up(std::max(small_bytes / s.options.depth, least_pack), block_bytes));
  for (std::uint32_t at = 0; at < small.size();) {
    job j{0, 0, at, 0, s.options.compression == spill_compression::always};
    std::uint64_t bytes = 0, raw = 0;
    while (at < small.size()) {
      const std::uint64_t size = up(extents[small[at]].raw, inner_alignment);
      if (bytes != 0 && bytes + size > pack) break;
      bytes += size;
      raw += extents[small[at]].raw;
      ++at;
    }
    j.count = at - j.first;
    if (s.options.compression == spill_compression::automatic)
      j.squeeze = sample_pays(s, records, std::span(small).subspan(j.first, j.count), raw);
    jobs.push_back(j);
  }
}

/// A part is written: its blocks are the record's now.
void batch::keep(segment_space::room& room, std::uint32_t record, const part& p) {
  {
    std::lock_guard guard(lock);
    parts.emplace_back(record, p);
  }
  const block_run run = blocks_at(p.offset, p.stored);
  room.hand_over(std::span(&run, 1));
}

void batch::commit() {
  std::sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second.begin < b.second.begin;
  });
  std::vector<std::pair<std::uint32_t, std::shared_ptr<part_list>>> lists;
  std::vector<std::uint64_t> sums;
  for (std::size_t i = 0; i < parts.size();) {
    const std::uint32_t record = parts[i].first;
    auto l = std::make_shared<part_list>();
    sums.clear();
    for (; i < parts.size() && parts[i].first == record; ++i) {
      l->parts.push_back(parts[i].second);
      sums.push_back(parts[i].second.checksum);
    }
    l->raw = extents[record].raw;
    l->checksum = checksum(std::as_bytes(std::span(sums)));
    lists.emplace_back(record, std::move(l));
  }

  std::lock_guard guard(s.lock);
  const std::size_t fresh = lists.size() > s.free_lists.size() ? lists.size() - s.free_lists.size() : 0;
  if (s.lists.size() + fresh > s.free_lists.capacity()) {
    const std::size_t room = 2 * (s.lists.size() + fresh);
    s.lists.reserve(room);
    s.free_lists.reserve(room);
  }
  // From here on nothing fails.
  committed = true;
  for (auto& [record, l] : lists) {
    extent& e = extents[record];
    e.offset = l->parts.front().offset;
    e.segment = l->parts.front().segment;
    e.checksum = l->checksum;
    e.encoding = spill_encoding::parts;
    for (const part& p : l->parts) e.stored += p.stored;
    if (s.free_lists.empty()) {
      e.parts = static_cast<std::uint32_t>(s.lists.size());
      s.lists.push_back(std::move(l));
    } else {
      e.parts = s.free_lists.back();
      s.free_lists.pop_back();
      s.lists[e.parts] = std::move(l);
    }
  }
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].where = extents[i];
    s.counters.bytes_written += extents[i].raw;
    s.counters.live_bytes += extents[i].raw;
  }
  s.counters.records_written += records.size();
  s.counters.live_records += records.size();
  s.counters.stored_written += blocks.load(std::memory_order_relaxed) * block_bytes;
}

/// Into the beginning of the room.
task<> write_blocks(batch& b, const segment_space::room& room, staging_buffer& from, std::size_t begin,
                    std::size_t size) {
  segment& to = room.in();
  b.blocks.fetch_add(blocks_of(size), std::memory_order_relaxed);
  int idle = 0;
  for (std::uint64_t done = 0; done < size;) {
    const std::uint64_t n =
        co_await to.data.write_at(room.offset() + done, from.first(begin + size).subspan(begin + done));
    done = advance(done, n, size, idle);
    if (idle == most_idle_transfers)
      throw std::system_error(EIO, std::system_category(), "weft: cannot write to " + to.data.path());
  }
}

std::uint32_t block_count(std::uint64_t bytes) noexcept { return static_cast<std::uint32_t>(blocks_of(bytes)); }

/// Writes a chunk of a record as one part, or, where the holes are small, as several.
task<> write_chunk(batch& b, std::uint32_t record, std::uint64_t begin, std::uint32_t length, bool squeeze,
                   staging_buffer& buffer) {
  state& s = b.s;
  const piece_cursor from(b.records[record].pieces, begin);
  if (squeeze) {
    std::size_t stored = 0;
    {
      lent<compressor> c(s, s.compressors);
      stored = c.get().compress(from, length, buffer.first(length - length / 8));
    }
    if (stored != 0) {
      std::optional<segment_space::room> room = co_await s.space.take(block_count(stored), block_count(stored));
      if (room) {
        const std::size_t whole = up(stored, block_bytes);
        std::memset(buffer.data() + stored, 0, whole - stored);
        co_await write_blocks(b, *room, buffer, 0, whole);
        const part p{room->offset(),
                     begin,
                     checksum(buffer.first(stored)),
                     static_cast<std::uint32_t>(stored),
                     length,
                     room->in().index,
                     spill_encoding::zstd};
        b.keep(*room, record, p);
        co_return;
      }  // else in several parts, which is possible with what is not compressed only
    }
  }
  piece_cursor copying = from;
  std::uint64_t sum = copy_and_checksum(copying, length, buffer.data());
  std::memset(buffer.data() + length, 0, up(length, block_bytes) - length);
  for (std::uint32_t at = 0; at < length;) {
    std::optional<segment_space::room> room = co_await s.space.take(block_count(length - at), 1);
    if (!room) throw spill_full(s.space.full_message());
    const auto n = static_cast<std::uint32_t>(std::min<std::uint64_t>(length - at, room->bytes()));
    co_await write_blocks(b, *room, buffer, at, up(n, block_bytes));
    if (n != length) sum = checksum({buffer.data() + at, n});
    const part p{room->offset(), begin + at, sum, n, n, room->in().index, spill_encoding::plain};
    b.keep(*room, record, p);
    at += n;
  }
}

/// A small record in the buffer of a pack.
struct placed {
  std::uint32_t record;
  part p;  // its offset is in the buffer
};

/// Puts records side by side into the buffer, as many as there are or fit; gives the end of the last.
std::uint64_t fill_pack(batch& b, std::span<const std::uint32_t> which, bool squeeze, staging_buffer& buffer,
                        std::vector<placed>& into) {
  into.clear();
  std::optional<lent<compressor>> c;
  if (squeeze) c.emplace(b.s, b.s.compressors);
  std::uint64_t end = 0;
  for (const std::uint32_t record : which) {
    const auto raw = static_cast<std::uint32_t>(b.extents[record].raw);
    const std::uint64_t at = up(end, inner_alignment);
    if (at + raw > buffer.size()) break;
    std::memset(buffer.data() + end, 0, at - end);
    piece_cursor from(b.records[record].pieces, 0);
    std::byte* const to = buffer.data() + at;
    placed one{record, {at, 0, 0, raw, raw, 0, spill_encoding::plain}};
    std::size_t stored = 0;
    if (c && raw >= least_to_compress) stored = c->get().compress(from, raw, {to, raw - raw / 8});
    if (stored != 0) {
      one.p.stored = static_cast<std::uint32_t>(stored);
      one.p.encoding = spill_encoding::zstd;
      one.p.checksum = checksum({to, stored});
    } else {
      one.p.checksum = copy_and_checksum(from, raw, to);
    }
    into.push_back(one);
    end = at + one.p.stored;
  }
  std::memset(buffer.data() + end, 0, up(end, block_bytes) - end);
  return end;
}

/// Small records, in one piece if there is room for that, else in as many as it takes.
task<> write_pack(batch& b, std::span<const std::uint32_t> which, bool squeeze, staging_buffer& buffer) {
  std::vector<placed> filled;
  std::vector<block_run> runs;
  while (!which.empty()) {
    const std::uint64_t end = fill_pack(b, which, squeeze, buffer, filled);
    std::optional<segment_space::room> room = co_await b.s.space.take(block_count(end), 1);
    if (!room) throw spill_full(b.s.space.full_message());
    while (!filled.empty() && filled.back().p.offset + filled.back().p.stored > room->bytes()) filled.pop_back();
    if (filled.empty()) {
      room.reset();
      const std::uint32_t record = which.front();
      co_await write_chunk(b, record, 0, static_cast<std::uint32_t>(b.extents[record].raw), squeeze, buffer);
      which = which.subspan(1);
      continue;
    }
    const std::uint64_t size = up(filled.back().p.offset + filled.back().p.stored, block_bytes);
    co_await write_blocks(b, *room, buffer, 0, size);
    runs.clear();
    for (const placed& one : filled) runs.push_back(blocks_at(room->offset() + one.p.offset, one.p.stored));
    for (const placed& one : filled) {
      extent& e = b.extents[one.record];
      e.offset = room->offset() + one.p.offset;
      e.stored = one.p.stored;
      e.checksum = one.p.checksum;
      e.segment = room->in().index;
      e.encoding = one.p.encoding;
    }
    room->hand_over(runs);
    which = which.subspan(filled.size());
  }
}

task<> write_job(batch& b, const job& j) {
  state& s = b.s;
  co_await s.writing.acquire();
  const permit p(s.writing);
  lent<staging_buffer> buffer(s, s.buffers);
  staging_buffer& memory = buffer.get(s.staging);
  if (j.count == 0)
    co_await write_chunk(b, j.first, j.begin, j.length, j.squeeze, memory);
  else
    co_await write_pack(b, std::span(b.small).subspan(j.first, j.count), j.squeeze, memory);
}

task<> write_lane(batch& b) {
  for (;;) {
    const std::size_t i = b.next.fetch_add(1, std::memory_order_relaxed);
    if (i >= b.jobs.size()) co_return;
    co_await write_job(b, b.jobs[i]);
    co_await checkpoint();
  }
}

task<> write_all(batch& b) {
  if (b.jobs.size() == 1) {
    co_await write_job(b, b.jobs.front());
  } else if (!b.jobs.empty()) {
    std::vector<task<>> lanes;
    for (std::size_t i = 0; i < std::min<std::size_t>(b.s.options.depth, b.jobs.size()); ++i)
      lanes.push_back(write_lane(b));
    co_await all(std::move(lanes));
  }
}

}  // namespace

task<> write_records(segment_store::state& s, std::span<spill_record> records) {
  batch b(s, records);
  b.plan();
  try {
    co_await write_all(b);
  } catch (const std::system_error& e) {
    if (!no_space(e)) throw;
    throw spill_full(s.space.full_message());  // what was allocated has no room after all
  }
  b.commit();
}

}  // namespace weft::detail
