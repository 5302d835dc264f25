#include "spill/segments.hpp"

#include <algorithm>
#include <limits>
#include <mutex>
#include <system_error>

#include "base/log.hpp"
#include "env/pages.hpp"
#include "spill/segments_state.hpp"
#include "weft/errors.hpp"

namespace weft::detail {

namespace {
[[noreturn]] void released_twice() { throw misuse("weft: a spilled record was released twice"); }
}  // namespace

spilled::spilled(std::size_t memory, std::align_val_t alignment)
    : memory_(memory >= huge_page ? map_pages(memory) : static_cast<std::byte*>(::operator new(memory, alignment)),
              free_memory{memory >= huge_page ? memory : 0, alignment}),
      memory_size_(memory) {}

void spilled::free_memory::operator()(std::byte* p) const noexcept {
  if (mapped != 0)
    unmap_pages(p, mapped);
  else
    ::operator delete(p, alignment);
}

segment_store::segment_store(spill_file_options o) {
  constexpr std::uint64_t most_chunk = std::uint64_t{1} << 30, most_segment = std::uint64_t{1} << 33;
  if (o.directory.empty()) throw misuse("weft: the spill directory has no name: set client_options.spill_directory");
  if (o.capacity != 0 && o.capacity < block_bytes)
    throw misuse("weft: spill.capacity is " + std::to_string(o.capacity) + " bytes: it must be 4096 at least, or 0");
  if (o.segment_bytes < block_bytes || o.segment_bytes > most_segment)
    throw misuse("weft: a spill segment has 4 KiB to 8 GiB, not " + std::to_string(o.segment_bytes) + " bytes");
  if (o.chunk_bytes < block_bytes || o.chunk_bytes > most_chunk)
    throw misuse("weft: a spill chunk has 4 KiB to 1 GiB, not " + std::to_string(o.chunk_bytes) + " bytes");
  if (o.depth == 0 || o.depth > 128)
    throw misuse("weft: the depth of spilling is 1 to 128 chunks, not " + std::to_string(o.depth));
  std::uint64_t chunk = std::min<std::uint64_t>(o.chunk_bytes, o.segment_bytes);
  if (o.capacity != 0) chunk = std::min(chunk, o.capacity);
  o.chunk_bytes = static_cast<std::size_t>(chunk / block_bytes * block_bytes);
  state_ = std::make_unique<state>(std::move(o));
}

segment_store::~segment_store() = default;

task<> segment_store::write(std::span<spill_record> records) {
  state& s = *state_;
  if (records.size() > std::numeric_limits<std::uint32_t>::max())
    throw misuse("weft: too many records in one spill batch");
  if (s.space.too_many_free()) {
    try {
      co_await s.space.trim();
    } catch (const std::system_error& e) {
      log_once("spill trim " + s.options.directory,
               std::string(e.what()) + ": segments without records keep their room");
    }
  }
  co_await write_records(s, records);
}

task<spilled> segment_store::read(extent where) { return read_record(*state_, where); }

/// What it throws ends the process: two records would hold the same room.
void segment_store::release(const extent& where) noexcept {
  state& s = *state_;
  std::shared_ptr<const part_list> list;
  {
    std::lock_guard guard(s.lock);
    --s.counters.live_records;
    s.counters.live_bytes -= where.raw;
    if (where.encoding == spill_encoding::nothing) return;
    if (where.encoding == spill_encoding::parts) {
      list = std::exchange(s.lists.at(where.parts), nullptr);
      if (!list || list->raw != where.raw || list->checksum != where.checksum) released_twice();
      s.free_lists.push_back(where.parts);  // there is room: see commit
    }
  }
  const auto give_back = [&s](const auto& p) {
    if (!s.space.give_back(p.segment, blocks_at(p.offset, p.stored))) released_twice();
  };
  if (!list) return give_back(where);
  for (const part& p : list->parts) give_back(p);
}

task<> segment_store::trim() { return state_->space.trim(); }

spill_counters segment_store::counters() const {
  const segment_space::counts room = state_->space.count();
  std::lock_guard guard(state_->lock);
  spill_counters c = state_->counters;
  c.used = room.used;
  c.on_disk = room.on_disk;
  c.segments = room.segments;
  c.free_segments = room.free_segments;
  return c;
}

}  // namespace weft::detail
