#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "spill/pieces.hpp"
#include "weft/task.hpp"

/// Records on the disk, for what is spilled from memory: written in batches, read back whole, released. What is
/// written and when stands above this. It is scratch: nothing is synced, and nothing survives the process.
namespace weft::detail {

/// There is no room for what was to be written. Nothing of it was kept.
class spill_full : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What was read is not what was written.
class spill_corrupt : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class spill_compression : std::uint8_t {
  off,
  automatic,  // where a sample shrinks by 1.3 or more
  always,     // wherever it saves an eighth
};

struct spill_file_options {
  /// The store's own, and there already: see scratch.hpp. Its files stay in it when the store ends.
  std::string directory;
  /// The most bytes on the disk; 0: what the disk has.
  std::uint64_t capacity = 0;
  /// Of each of the first 128 files; each 128 further ones are twice as large, for there is a limit to open files.
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;
  /// What is written or read by one operation, and checked and compressed as one; a multiple of 4 KiB.
  std::size_t chunk_bytes = std::size_t{1} << 20;
  /// Chunks that are being written at once, and chunks of large records that are being read. Each takes a staging
  /// buffer of a chunk.
  unsigned depth = 8;
  spill_compression compression = spill_compression::automatic;
  /// Past the page cache (O_DIRECT). Where the file system refuses it, through it, and the log says so once.
  bool direct = true;
  /// Segments without records that are kept for later writes: into blocks that were written once the system writes
  /// faster. The files of what is beyond are emptied by the next write, or trim().
  unsigned free_segments = 16;
};

enum class spill_encoding : std::uint8_t { nothing, plain, zstd, parts };

/// Where a record is. To be kept by the caller, and given back by release().
struct extent {
  std::uint64_t offset = 0;    // in the segment; of a record in parts: of the first
  std::uint64_t stored = 0;    // bytes on the disk
  std::uint64_t raw = 0;       // bytes of the record
  std::uint64_t checksum = 0;  // XXH3 of the stored bytes; of a record in parts: of their checksums
  std::uint32_t segment = 0;
  std::uint32_t parts = 0;  // which list of parts
  spill_encoding encoding = spill_encoding::nothing;
};
static_assert(std::is_trivially_copyable_v<extent> && sizeof(extent) == 48);

struct spill_record {
  piece_list pieces;  // must live until the write returns
  extent where;       // out
};

/// A record that was read: owns its memory, aligned to 64 bytes at least.
class spilled {
 public:
  spilled() noexcept : memory_(nullptr, free_memory{0, inner_alignment}) {}
  /// So much memory, of which it shows nothing yet; in huge pages where it is large.
  spilled(std::size_t memory, std::align_val_t alignment);
  void show(std::size_t begin, std::size_t size) noexcept {
    begin_ = begin;
    size_ = size;
  }

  std::span<const std::byte> bytes() const noexcept {
    if (!memory_) return {};
    return {memory_.get() + begin_, size_};
  }
  std::byte* memory() const noexcept { return memory_.get(); }
  /// What it takes: at most a quarter more than the record, or 4 KiB.
  std::size_t memory_size() const noexcept { return memory_size_; }

  static constexpr std::align_val_t inner_alignment{64};

 private:
  struct free_memory {
    std::size_t mapped;  // 0: of the heap
    std::align_val_t alignment;
    void operator()(std::byte* p) const noexcept;
  };

  std::unique_ptr<std::byte, free_memory> memory_;
  std::size_t memory_size_ = 0;
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
};

struct spill_counters {
  std::uint64_t records_written = 0, records_read = 0;
  std::uint64_t bytes_written = 0, bytes_read = 0;    // of records, as they are in memory
  std::uint64_t stored_written = 0, stored_read = 0;  // by the disk, whole blocks
  std::uint64_t live_records = 0, live_bytes = 0;     // written and not released, as they were in memory
  std::uint64_t used = 0;                             // bytes of blocks that hold records
  std::uint64_t on_disk = 0;                          // bytes of the segments' files
  std::uint64_t segments = 0, free_segments = 0;      // with a file that has room; of these without a record
};

/// A log of segments: files of some 64 MiB, allocated before they are written, in which records lie in whole blocks
/// of 4 KiB, small ones side by side. Blocks are given back by release(), and a segment without records is used
/// again as a whole. When the disk, or its capacity, is full, or more than half of what is on the disk is free, the
/// holes between records are filled too.
///
/// A record of more than a chunk is in parts of at most a chunk, each wherever there is room, in any segment: so a
/// record may be larger than a segment. The list of its parts is kept in memory, 40 bytes for each.
///
/// Everything is checked: each part has its checksum, which is verified when it is read, before it is decompressed
/// into memory of the size that was written.
///
/// All members may be called by many tasks of one pool at once, on any of its workers; release() and counters() from
/// any thread. A stop, or an error, leaves the store as it was before the call. It must outlive what is awaited of
/// it, and end before its pool does.
class segment_store {
 public:
  /// Throws weft::misuse for options that cannot be. The files are made when they are needed.
  explicit segment_store(spill_file_options options);
  segment_store(const segment_store&) = delete;
  segment_store& operator=(const segment_store&) = delete;
  ~segment_store();

  /// Writes all records, and then says in each where it is; all or nothing. Returns when the system has them, which
  /// for a direct file is on the disk. Throws spill_full, or std::system_error of the file.
  task<> write(std::span<spill_record> records);
  /// Throws spill_corrupt, std::system_error, or weft::misuse for what is no extent of a record here.
  task<spilled> read(extent where);
  /// The record is no longer needed. Its room may be written again at once: no read of it may be under way.
  void release(const extent& where) noexcept;
  /// Empties the files of segments without records, but options.free_segments of them. write() does it too.
  task<> trim();

  spill_counters counters() const;

  struct state;

 private:
  std::unique_ptr<state> state_;
};

}  // namespace weft::detail
