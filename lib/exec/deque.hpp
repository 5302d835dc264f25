#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "weft/detail/memory.hpp"

namespace weft::detail {

/// The work-stealing deque of Chase and Lev (SPAA 2005), with the orderings of Lê, Pop, Cohen and Zappa
/// Nardelli (PPoPP 2013), and the owner's fence moved to the thief.
///
/// The owner pushes and pops at the bottom, thieves take from the top. An item at index i is the owner's
/// without an atomic operation when pop() reads top < i after it wrote bottom = i. A thief takes index t when
/// it reads top = t, then bottom > t, then moves top by compare-and-swap. Both could take the same item only
/// if the owner read a top from before the thief's swap and the thief read a bottom from before the owner's
/// write. pop() has only a light barrier between its write and its read, steal() a heavy one between its
/// reads: when the heavy barrier comes first, the owner's read sees top >= t and it goes on to compete by
/// compare-and-swap; when it comes second, the thief's read sees the lowered bottom and it goes away empty.
///
/// The buffer grows by doubling and never shrinks; old buffers are kept, since a thief may be reading one:
/// together they are smaller than the current one.
template <class Memory>
class basic_deque {
 public:
  explicit basic_deque(std::size_t capacity = 256) { adopt(std::make_unique<buffer>(capacity)); }
  basic_deque(const basic_deque&) = delete;
  basic_deque& operator=(const basic_deque&) = delete;

  /// Owner only.
  void push(void* item) {
    const std::int64_t b = bottom_.load(std::memory_order_relaxed);
    if (b - top_seen_ >= owner_buffer_->capacity) [[unlikely]]
      return push_after_making_room(item, b);
    owner_buffer_->at(b).store(item, std::memory_order_relaxed);
    bottom_.store(b + 1, std::memory_order_release);
  }

  /// Owner only: the item pushed last, or null.
  void* pop() noexcept {
    const std::int64_t b = bottom_.load(std::memory_order_relaxed) - 1;
    buffer* buf = owner_buffer_;
    bottom_.store(b, std::memory_order_release);
    Memory::light_barrier();
    std::int64_t t = top_.load(std::memory_order_relaxed);
    void* item = nullptr;
    if (t <= b) {
      item = buf->at(b).load(std::memory_order_relaxed);
      if (t < b) return item;
      if (!top_.compare_exchange_strong(t, t + 1, std::memory_order_seq_cst, std::memory_order_relaxed))
        item = nullptr;
    }
    bottom_.store(b + 1, std::memory_order_release);
    return item;
  }

  /// Owner only: up to `most` of the oldest items, in order; returns how many, 0 also when a thief was faster. Needs
  /// no barrier, since nobody else moves the bottom: a thief that reads an index below the moved top fails to move
  /// it.
  std::size_t pop_oldest(void** out, std::size_t most) noexcept {
    std::int64_t t = top_.load(std::memory_order_acquire);
    const std::int64_t there = bottom_.load(std::memory_order_relaxed) - t;
    if (there <= 0) return 0;
    const std::int64_t n = there < static_cast<std::int64_t>(most) ? there : static_cast<std::int64_t>(most);
    for (std::int64_t i = 0; i < n; ++i) out[i] = owner_buffer_->at(t + i).load(std::memory_order_relaxed);
    const bool ours = top_.compare_exchange_strong(t, t + n, std::memory_order_seq_cst, std::memory_order_relaxed);
    return ours ? static_cast<std::size_t>(n) : 0;
  }
  void* pop_oldest() noexcept {
    void* item = nullptr;
    return pop_oldest(&item, 1) == 1 ? item : nullptr;
  }

  /// Anyone: the oldest item, or null; `lost` is set when another took it first, so that trying again may help.
  void* steal(bool& lost) noexcept {
    if (looks_empty()) return nullptr;  // spares the barrier
    std::int64_t t = top_.load(std::memory_order_acquire);
    Memory::heavy_barrier();
    const std::int64_t b = bottom_.load(std::memory_order_acquire);
    if (t >= b) return nullptr;
    void* item = buffer_.load(std::memory_order_acquire)->at(t).load(std::memory_order_relaxed);
    if (top_.compare_exchange_strong(t, t + 1, std::memory_order_seq_cst, std::memory_order_relaxed)) return item;
    lost = true;
    return nullptr;
  }

  /// Anyone; exact for the owner, but for what thieves take meanwhile.
  std::size_t size() const noexcept {
    const std::int64_t t = top_.load(std::memory_order_relaxed), b = bottom_.load(std::memory_order_relaxed);
    return b > t ? static_cast<std::size_t>(b - t) : 0;
  }
  bool looks_empty() const noexcept {
    return top_.load(std::memory_order_relaxed) >= bottom_.load(std::memory_order_relaxed);
  }

 private:
  struct buffer {
    explicit buffer(std::size_t n)
        : capacity(static_cast<std::int64_t>(n)), slots(new typename Memory::template atomic<void*>[n]) {}
    typename Memory::template atomic<void*>& at(std::int64_t i) noexcept {
      return slots[static_cast<std::size_t>(i & (capacity - 1))];
    }
    std::int64_t capacity;  // a power of two
    std::unique_ptr<typename Memory::template atomic<void*>[]> slots;
  };

  void adopt(std::unique_ptr<buffer> b) {
    owner_buffer_ = b.get();
    buffer_.store(b.get(), std::memory_order_release);
    buffers_.push_back(std::move(b));
  }

  [[gnu::noinline]] void push_after_making_room(void* item, std::int64_t b) {
    top_seen_ = top_.load(std::memory_order_acquire);
    if (b - top_seen_ >= owner_buffer_->capacity) {
      auto bigger = std::make_unique<buffer>(static_cast<std::size_t>(owner_buffer_->capacity) * 2);
      for (std::int64_t i = top_seen_; i < b; ++i)
        bigger->at(i).store(owner_buffer_->at(i).load(std::memory_order_relaxed), std::memory_order_relaxed);
      adopt(std::move(bigger));
    }
    owner_buffer_->at(b).store(item, std::memory_order_relaxed);
    bottom_.store(b + 1, std::memory_order_release);
  }

  alignas(64) typename Memory::template atomic<std::int64_t> top_{0};
  alignas(64) typename Memory::template atomic<std::int64_t> bottom_{0};
  buffer* owner_buffer_ = nullptr;
  std::int64_t top_seen_ = 0;  // a bound from below for top_, so that push() need not read the thieves' line
  alignas(64) typename Memory::template atomic<buffer*> buffer_{nullptr};
  std::vector<std::unique_ptr<buffer>> buffers_;
};

using deque = basic_deque<real_memory>;

}  // namespace weft::detail
