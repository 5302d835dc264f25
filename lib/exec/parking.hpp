#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "weft/detail/memory.hpp"

namespace weft::detail {

/// Decides who sleeps and who is woken, without losing a wake-up. The sleep itself is the caller's.
///
/// A worker is working, searching or parked; one word counts the last two. Invariant (Lin, Huang and Wong,
/// "An efficient work-stealing scheduler for task dependency graphs", ICPADS 2020): while an item is queued,
/// somebody searches, or everybody works, or a wake-up is under way.
///
///   - A producer queues its item, then reads the word. Somebody searches: he will see the item, or see to it
///     (below). Nobody searches and somebody is parked: the producer wakes one, who counts as searching from
///     then on.
///   - A searcher that finds nothing counts itself as parked (prepare), then looks at every queue once more,
///     and only then sleeps. The producer's barrier between its write and its read is light; prepare() ends
///     with the heavy one. So either the producer reads the new count and wakes, or the second look sees the
///     item.
///   - A searcher that finds something stops searching (found). Was it the last, then producers relied on it
///     for what they queued meanwhile: it passes the heavy barrier, and its caller looks whether anything is
///     left, and wakes one more if so. Wake-ups spread one at a time.
///
/// A slot is woken once for each time it was parked: notify() takes it off the list, and who takes it off is
/// who wakes it.
template <class Memory>
class basic_parking {
 public:
  struct slot {
    typename Memory::template atomic<std::uint32_t> signal{0};  // set by who wakes
    bool listed = false;                                        // under the lock
  };

  bool anyone_parked() const noexcept { return parked(word_.load(std::memory_order_relaxed)) != 0; }
  /// In order with the caller's write before it: see basic_watch, where a keeper lets the watch go and then asks.
  std::uint32_t parked_count() const noexcept { return parked(word_.load(std::memory_order_seq_cst)); }
  std::uint32_t searching_count() const noexcept { return searching(word_.load(std::memory_order_relaxed)); }

  /// For producers, after the item is queued: whether notify() is due. One relaxed load.
  bool should_notify() const noexcept {
    Memory::light_barrier();
    const std::uint32_t w = word_.load(std::memory_order_relaxed);
    return parked(w) != 0 && searching(w) == 0;
  }

  /// A working worker starts to search.
  void search() noexcept { word_.fetch_add(one_searching, std::memory_order_seq_cst); }

  /// A searching worker has found an item. True when it was the last: look what else is queued.
  bool found() noexcept {
    const std::uint32_t before = word_.fetch_sub(one_searching, std::memory_order_seq_cst);
    if (searching(before) != 1 || parked(before) == 0) return false;
    Memory::heavy_barrier();
    return true;
  }

  /// A searching worker counts itself as parked. It must look at the queues again, and then either sleep until
  /// s.signal is set, or cancel().
  void prepare(slot& s) {
    {
      std::lock_guard guard(lock_);
      s.signal.store(0, std::memory_order_relaxed);
      s.listed = true;
      list_.push_back(&s);
      word_.fetch_add(one_parked - one_searching, std::memory_order_seq_cst);
    }
    Memory::heavy_barrier();
  }

  /// Back from parked to searching, of one's own accord. False when a notify() was faster: then it is
  /// searching already, and the signal was meant for it.
  bool cancel(slot& s) noexcept {
    std::lock_guard guard(lock_);
    if (!s.listed) return false;
    unlist(s);
    return true;
  }

  /// A worker that is parked, and stays so; null when there is none. It may have been woken by now.
  slot* peek() noexcept {
    std::lock_guard guard(lock_);
    return list_.empty() ? nullptr : list_.front();
  }

  /// Takes one parked worker off the list, the one that slept last, and counts it as searching. Null when
  /// somebody searches already (unless `insist`), or nobody is parked. The caller sets its signal and wakes it.
  slot* notify(bool insist = false) noexcept {
    std::lock_guard guard(lock_);
    if (list_.empty()) return nullptr;
    if (!insist && searching(word_.load(std::memory_order_seq_cst)) != 0) return nullptr;
    slot* s = list_.back();
    unlist(*s);
    return s;
  }

 private:
  static constexpr std::uint32_t one_parked = 1, one_searching = 1u << 16;
  static std::uint32_t parked(std::uint32_t w) noexcept { return w & 0xffff; }
  static std::uint32_t searching(std::uint32_t w) noexcept { return w >> 16; }

  void unlist(slot& s) noexcept {
    s.listed = false;
    for (std::size_t i = list_.size(); i-- > 0;)
      if (list_[i] == &s) {
        list_.erase(list_.begin() + static_cast<std::ptrdiff_t>(i));
        break;
      }
    word_.fetch_add(one_searching - one_parked, std::memory_order_seq_cst);
  }

  alignas(64) typename Memory::template atomic<std::uint32_t> word_{0};
  alignas(64) basic_lock<Memory> lock_;
  std::vector<slot*> list_;
};

using parking = basic_parking<real_memory>;

}  // namespace weft::detail
