#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "spill/blocks.hpp"
#include "spill/segments.hpp"
#include "weft/file.hpp"
#include "weft/sync.hpp"

namespace weft::detail {

/// A file and which of its blocks are taken. Exists as long as the space; its file may be empty meanwhile.
struct segment {
  explicit segment(std::uint32_t i) noexcept : index(i) {}

  const std::uint32_t index;
  file data;
  std::uint64_t bytes = 0;  // of the file, allocated or to be
  block_table blocks{0};
  bool ready = false;  // room may be taken; else it is empty, or being allocated or emptied
};

/// Room in segments: takes it, gives it back, makes segments when there is none, empties what is too many.
class segment_space {
 public:
  /// Blocks that a writer holds. Its end gives them back, and no operation may be writing them then.
  class room {
   public:
    room(segment_space& of, segment& in, block_run run) noexcept : of_(&of), in_(&in), run_(run) {}
    room(room&& o) noexcept : of_(std::exchange(o.of_, nullptr)), in_(o.in_), run_(o.run_) {}
    room& operator=(room&& o) noexcept {
      std::swap(of_, o.of_);
      std::swap(in_, o.in_);
      std::swap(run_, o.run_);
      return *this;
    }
    ~room() {
      if (of_) of_->give_back(in_->index, run_);
    }
    segment& in() const noexcept { return *in_; }
    std::uint64_t offset() const noexcept { return run_.first * block_bytes; }
    std::uint64_t bytes() const noexcept { return run_.count * block_bytes; }
    /// Hands the blocks over to records, each with a hold on those it touches; the rest is given back.
    void hand_over(std::span<const block_run> records) noexcept {
      std::exchange(of_, nullptr)->hand_over(in_->index, run_, records);
    }

   private:
    segment_space* of_;
    segment* in_;
    block_run run_;
  };

  struct counts {
    std::uint64_t used = 0, on_disk = 0, segments = 0, free_segments = 0;
  };

  explicit segment_space(const spill_file_options& options) : options_(options) {}
  segment_space(const segment_space&) = delete;
  segment_space& operator=(const segment_space&) = delete;

  /// Room for `want` blocks that lie together. When the disk or its capacity is full it may be less, but `least`;
  /// nothing when there is not even that. Throws std::system_error of the file.
  task<std::optional<room>> take(std::uint32_t want, std::uint32_t least);
  /// Takes one hold off each block; false for what is not held.
  bool give_back(std::uint32_t index, block_run run) noexcept;
  /// The segment of something held; null when it cannot be.
  segment* of(std::uint32_t index, block_run run) const noexcept;
  /// Empties the files of free segments, but as many as the options keep.
  task<> trim();
  bool too_many_free() const noexcept { return count().free_segments > options_.free_segments; }
  counts count() const noexcept;
  std::string full_message() const;

 private:
  void hand_over(std::uint32_t index, block_run run, std::span<const block_run> records) noexcept;
  std::optional<room> take_from(segment& s, std::uint32_t want, std::uint32_t least) noexcept;
  std::optional<room> take_ready(std::uint32_t want) noexcept;
  std::optional<room> take_hole(std::uint32_t want, std::uint32_t least) noexcept;
  std::uint64_t next_segment_bytes(std::uint32_t least) const noexcept;
  bool runs_low(std::uint32_t want) const noexcept;
  task<> grow_ahead();
  task<bool> grow(std::uint64_t bytes);
  task<file> open_next();

  const spill_file_options& options_;
  mutable std::mutex lock_;
  std::vector<std::unique_ptr<segment>> segments_;  // only grows: a segment's address stays
  segment* current_ = nullptr;                      // where records go
  std::uint64_t used_blocks_ = 0;
  std::uint64_t on_disk_ = 0;
  bool disk_full_ = false;
  bool ahead_ = true;  // segments are made before they are needed: until that fails

  // Of the one task that makes or empties segments.
  mutex changing_;
  std::uint64_t names_ = 0;
  bool direct_ = options_.direct;
  bool preallocate_ = true;
};

/// Whether an error of a file says that the disk, or the user's share of it, is full.
bool no_space(const std::system_error& e) noexcept;

}  // namespace weft::detail
