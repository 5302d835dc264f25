#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "env/pages.hpp"
#include "spill/compressor.hpp"
#include "spill/segments.hpp"
#include "spill/space.hpp"
#include "weft/errors.hpp"
#include "weft/file.hpp"
#include "weft/sync.hpp"

/// What the two halves of the segment store share: segments_write.cpp and segments_read.cpp.
namespace weft::detail {

constexpr int most_idle_transfers = 100;  // in a row, each less than a block, before the device counts as broken

/// Rounds up to a multiple.
constexpr std::uint64_t up(std::uint64_t n, std::uint64_t unit) noexcept { return (n + unit - 1) / unit * unit; }

/// One part of a record, or one small record.
struct part {
  std::uint64_t offset = 0;  // in the segment
  std::uint64_t begin = 0;   // in the record
  std::uint64_t checksum = 0;
  std::uint32_t stored = 0;
  std::uint32_t raw = 0;
  std::uint32_t segment = 0;
  spill_encoding encoding = spill_encoding::plain;
};
static_assert(sizeof(part) == 40);

/// The blocks that stored bytes touch.
inline block_run blocks_at(std::uint64_t offset, std::uint64_t stored) noexcept {
  const std::uint64_t first = offset / block_bytes;
  return {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(blocks_of(offset + stored) - first)};
}

struct part_list {
  std::uint64_t raw;
  std::uint64_t checksum;
  std::vector<part> parts;  // in the order of the record
};

/// The staging buffers of a store, in huge pages: with these the device writes 1.5 times as fast as from registered
/// buffers in small ones. Mapped when the first is needed.
class staging_memory {
 public:
  staging_memory(std::size_t buffer, std::size_t count) noexcept : buffer_(buffer), count_(count) {}
  staging_memory(const staging_memory&) = delete;
  staging_memory& operator=(const staging_memory&) = delete;
  ~staging_memory() {
    if (pages_) unmap_pages(pages_, buffer_ * count_);
  }
  std::span<std::byte> next_buffer() {
    std::lock_guard guard(lock_);
    if (made_ == count_) throw misuse("weft: more staging buffers in use than there are permits");
    if (!pages_) pages_ = map_pages(buffer_ * count_);
    return {pages_ + buffer_ * made_++, buffer_};
  }

 private:
  const std::size_t buffer_, count_;
  std::mutex lock_;
  std::byte* pages_ = nullptr;
  std::size_t made_ = 0;
};

class staging_buffer {
 public:
  explicit staging_buffer(staging_memory& of) : memory_(of.next_buffer()) {}
  std::byte* data() const noexcept { return memory_.data(); }
  std::size_t size() const noexcept { return memory_.size(); }
  std::span<std::byte> first(std::size_t n) const noexcept { return memory_.first(n); }

 private:
  std::span<std::byte> memory_;
};

struct segment_store::state {
  explicit state(spill_file_options o) : options(std::move(o)), writing(options.depth), reading(options.depth) {
    // Twice the depth: who reads compressed parts needs buffers too. Reserved, since what gives back cannot fail.
    buffers.reserve(2 * std::size_t{options.depth});
    compressors.reserve(2 * std::size_t{options.depth});
  }

  spill_file_options options;
  segment_space space{options};
  semaphore writing, reading;  // a permit for each chunk that may be under way

  std::mutex lock;
  std::vector<std::shared_ptr<const part_list>> lists;
  std::vector<std::uint32_t> free_lists;  // has room for all of them
  /// A chunk, and a little more, so that a value of a chunk with its header is one operation and not two.
  const std::size_t most_at_once = most_of(options);
  static std::size_t most_of(const spill_file_options& o) noexcept {
    const std::size_t more = o.chunk_bytes / 16 / block_bytes * block_bytes;
    return o.chunk_bytes + more <= o.segment_bytes ? o.chunk_bytes + more : o.chunk_bytes;
  }
  staging_memory staging{most_at_once, 2 * std::size_t{options.depth}};
  std::vector<std::unique_ptr<staging_buffer>> buffers;
  std::vector<std::unique_ptr<compressor>> compressors;
  spill_counters counters;

  std::shared_ptr<const part_list> list_of(const extent& e) {
    std::lock_guard guard(lock);
    if (e.parts >= lists.size()) return nullptr;
    auto l = lists[e.parts];
    return l && l->raw == e.raw && l->checksum == e.checksum ? l : nullptr;
  }
};

/// A thing of the store's that is used by one at a time, and kept for the next one.
template <class T>
class lent {
 public:
  lent(segment_store::state& s, std::vector<std::unique_ptr<T>>& from) : state_(s), from_(from) {
    std::lock_guard guard(state_.lock);
    if (from_.empty()) return;
    thing_ = std::move(from_.back());
    from_.pop_back();
  }
  lent(const lent&) = delete;
  lent& operator=(const lent&) = delete;
  ~lent() {
    std::lock_guard guard(state_.lock);
    if (thing_ && from_.size() < from_.capacity()) from_.push_back(std::move(thing_));
  }
  template <class... A>
  T& get(A&... a) {
    if (!thing_) thing_ = std::make_unique<T>(a...);
    return *thing_;
  }

 private:
  segment_store::state& state_;
  std::vector<std::unique_ptr<T>>& from_;
  std::unique_ptr<T> thing_;
};

class permit {
 public:
  explicit permit(semaphore& taken) noexcept : of_(taken) {}
  permit(const permit&) = delete;
  permit& operator=(const permit&) = delete;
  ~permit() { of_.release(); }

 private:
  semaphore& of_;
};

/// After a transfer of `n` bytes at `done` of `size`: how far it is now. Direct files go on at a block only.
inline std::uint64_t advance(std::uint64_t done, std::uint64_t n, std::uint64_t size, int& idle) {
  const std::uint64_t now = done + n >= size ? size : (done + n) / block_bytes * block_bytes;
  idle = now == done ? idle + 1 : 0;
  return now;
}

task<> write_records(segment_store::state& s, std::span<spill_record> records);
task<spilled> read_record(segment_store::state& s, extent where);

}  // namespace weft::detail
