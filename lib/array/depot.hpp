#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <new>
#include <vector>

#include "weft/detail/array/block.hpp"

namespace weft::detail::arrays {

/// Buffers that blocks have let go, for new ones of the same size. New memory of some megabytes comes from the kernel
/// page by page, zeroed, which takes longer than to compute with it; and the chunks of an expression are of one size.
///
/// What is here is not counted as anybody's: so many bytes at most. That is much where the process may take little,
/// so all of it goes when the process has too much, and then little is kept until many buffers have been let go
/// again: a sixteenth of their bytes.
class depot {
 public:
  static constexpr std::align_val_t alignment{64};

  explicit depot(std::size_t most_bytes) : most_bytes_(most_bytes) { kept_.reserve(most_bytes / least_kept_buffer); }
  depot(const depot&) = delete;
  depot& operator=(const depot&) = delete;
  ~depot() { give_back(); }

  /// Null when there is none of that size; the one that was let go last, since it may be in the cache.
  std::byte* take(std::size_t size) noexcept {
    std::lock_guard guard(lock_);
    for (std::size_t i = kept_.size(); i-- > 0;) {
      if (kept_[i].size != size) continue;
      std::byte* const found = kept_[i].buffer;
      kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(i));
      bytes_ -= size;
      return found;
    }
    return nullptr;
  }
  /// Has `buffer`, of `alignment`, from here on.
  void give(std::byte* buffer, std::size_t size) noexcept {
    std::unique_lock guard(lock_);
    limit_ = std::min(most_bytes_, limit_ + size / 16);
    if (size > limit_) {
      guard.unlock();
      ::operator delete(buffer, alignment);
      return;
    }
    while (bytes_ + size > limit_ || kept_.size() == kept_.capacity()) drop_first();
    kept_.push_back({buffer, size});
    bytes_ += size;
  }
  /// Keeps no more than so many bytes from here on.
  void keep_at_most(std::size_t bytes) noexcept {
    std::lock_guard guard(lock_);
    most_bytes_ = std::min(most_bytes_, bytes);
    limit_ = std::min(limit_, most_bytes_);
    while (bytes_ > limit_) drop_first();
  }
  /// Lets go of all.
  void give_back() noexcept {
    std::lock_guard guard(lock_);
    while (!kept_.empty()) drop_first();
    limit_ = 0;
  }
  std::size_t bytes() const noexcept {
    std::lock_guard guard(lock_);
    return bytes_;
  }

 private:
  struct entry {
    std::byte* buffer;
    std::size_t size;
  };
  void drop_first() noexcept {
    ::operator delete(kept_.front().buffer, alignment);
    bytes_ -= kept_.front().size;
    kept_.erase(kept_.begin());
  }
  mutable std::mutex lock_;
  std::vector<entry> kept_;
  std::size_t most_bytes_;
  std::size_t bytes_ = 0, limit_ = most_bytes_;
};

/// What the process's blocks have there.
std::size_t bytes_kept_for_blocks() noexcept;

}  // namespace weft::detail::arrays
