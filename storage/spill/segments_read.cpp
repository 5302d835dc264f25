// Reading: straight to where the record will be, where that is possible, by lanes for the parts of a large one.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include "spill/checksum.hpp"
#include "spill/segments_state.hpp"
#include "weft/all.hpp"
#include "weft/checkpoint.hpp"
#include "weft/errors.hpp"

namespace weft::detail {

namespace {

using state = segment_store::state;

part part_of(const extent& e) noexcept {
  return {e.offset,  0,         e.checksum, static_cast<std::uint32_t>(e.stored), static_cast<std::uint32_t>(e.raw),
          e.segment, e.encoding};
}

std::string damage(const segment& s, const part& p, const char* what) {
  return "weft: spill file " + s.data.path() + " is damaged at offset " + std::to_string(p.offset) + " (" +
         std::to_string(p.stored) + " bytes): " + what + "; check the disk, and compute the data again";
}

/// Fills what is left of the part's blocks; `into` is a whole number of them.
task<> read_blocks(segment& from, const part& p, std::span<std::byte> into) {
  const std::uint64_t offset = p.offset / block_bytes * block_bytes;
  int idle = 0;
  for (std::uint64_t done = 0; done < into.size();) {
    const std::uint64_t n = co_await from.data.read_at(offset + done, into.subspan(done));
    if (n == 0) throw spill_corrupt(damage(from, p, "the file ends before"));
    done = advance(done, n, into.size(), idle);
    if (idle == most_idle_transfers)
      throw std::system_error(EIO, std::system_category(), "weft: cannot read " + from.data.path());
  }
}

segment& segment_of(state& s, const part& p) {
  segment* in = s.space.of(p.segment, blocks_at(p.offset, p.stored));
  if (!in) throw misuse("weft: read of a spilled record that this store does not hold, or that was released");
  return *in;
}

void check(const segment& in, const part& p, std::span<const std::byte> stored) {
  if (checksum(stored) != p.checksum) throw spill_corrupt(damage(in, p, "the checksum does not match"));
}

void decompress(state& s, const segment& in, const part& p, std::span<const std::byte> stored,
                std::span<std::byte> to) {
  lent<compressor> c(s, s.compressors);
  if (!c.get().decompress(stored, to)) throw spill_corrupt(damage(in, p, "it cannot be decompressed"));
}

void count_read(state& s, std::uint64_t raw, std::uint64_t stored) {
  std::lock_guard guard(s.lock);
  ++s.counters.records_read;
  s.counters.bytes_read += raw;
  s.counters.stored_read += stored;
}

/// A record in one part. What was not compressed stays where it was read to, unless that wastes memory.
task<spilled> read_whole(state& s, part p) {
  segment& in = segment_of(s, p);
  const std::size_t size = blocks_at(p.offset, p.stored).count * block_bytes;
  const std::size_t begin = p.offset % block_bytes;
  spilled blocks(size, std::align_val_t{block_bytes});
  const std::span<std::byte> memory(blocks.memory(), size);
  co_await read_blocks(in, p, memory);
  const std::span<const std::byte> stored = memory.subspan(begin, p.stored);
  check(in, p, stored);
  count_read(s, p.raw, size);
  if (p.encoding == spill_encoding::plain && size <= p.raw + p.raw / 4) {
    blocks.show(begin, p.raw);
    co_return blocks;
  }
  spilled exact(p.raw, spilled::inner_alignment);
  if (p.encoding == spill_encoding::plain)
    std::memcpy(exact.memory(), stored.data(), p.raw);
  else
    decompress(s, in, p, stored, {exact.memory(), p.raw});
  exact.show(0, p.raw);
  co_return exact;
}

/// The parts of a record, read by several lanes. Uncompressed ones begin at whole blocks of the record, and go
/// straight to their places; behind the last there is memory for the rest of its block.
struct parts_read {
  parts_read(state& of, const part_list& from, std::byte* memory) noexcept : s(of), list(from), to(memory) {}
  state& s;
  const part_list& list;
  std::byte* to;
  std::atomic<std::size_t> next{0};
  std::atomic<std::uint64_t> stored{0};
};

task<> read_part(parts_read& r, const part& p) {
  co_await r.s.reading.acquire();
  const permit held(r.s.reading);
  segment& in = segment_of(r.s, p);
  const std::size_t size = up(p.stored, block_bytes);
  r.stored.fetch_add(size, std::memory_order_relaxed);
  if (p.encoding == spill_encoding::plain) {
    const std::span<std::byte> memory(r.to + p.begin, size);
    co_await read_blocks(in, p, memory);
    check(in, p, memory.first(p.stored));
    co_return;
  }
  lent<staging_buffer> buffer(r.s, r.s.buffers);
  staging_buffer& memory = buffer.get(r.s.staging);
  co_await read_blocks(in, p, memory.first(size));
  check(in, p, memory.first(p.stored));
  decompress(r.s, in, p, memory.first(p.stored), {r.to + p.begin, p.raw});
}

task<> read_lane(parts_read& r) {
  for (;;) {
    const std::size_t i = r.next.fetch_add(1, std::memory_order_relaxed);
    if (i >= r.list.parts.size()) co_return;
    co_await read_part(r, r.list.parts[i]);
    co_await checkpoint();
  }
}

}  // namespace

task<spilled> read_record(segment_store::state& s, extent where) {
  if (where.encoding == spill_encoding::nothing) co_return spilled();
  if (where.encoding != spill_encoding::parts) co_return co_await read_whole(s, part_of(where));
  const std::shared_ptr<const part_list> list = s.list_of(where);
  if (!list) throw misuse("weft: read of a spilled record that this store does not hold, or that was released");
  const std::size_t size = up(list->raw, block_bytes);
  spilled whole(size, std::align_val_t{block_bytes});
  parts_read r(s, *list, whole.memory());
  std::vector<task<>> lanes;
  for (std::size_t i = 0; i < std::min<std::size_t>(s.options.depth, list->parts.size()); ++i)
    lanes.push_back(read_lane(r));
  co_await all(std::move(lanes));
  count_read(s, list->raw, r.stored.load(std::memory_order_relaxed));
  whole.show(0, list->raw);
  co_return whole;
}

}  // namespace weft::detail
