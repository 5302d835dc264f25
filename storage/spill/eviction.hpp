#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace weft::detail {

/// What a value needs to be in an eviction_index.
struct evictable {
  static constexpr std::size_t nowhere = ~std::size_t{0};
  std::uint64_t next_use = 0;  // the rank of the task that needs it next; ~0: none is known
  std::uint64_t age = 0;       // a number for each value: breaks ties, the older first
  std::size_t place = nowhere;
};

/// Values that may be evicted, the one whose next use is furthest first: Belady's choice (1966), which is the best
/// there is for values of one size, as far as the next uses are known. A heap whose elements know their places, so
/// that one may leave from the middle: O(log n), no allocation beyond the heap's own.
class eviction_index {
 public:
  bool empty() const noexcept { return heap_.empty(); }
  std::size_t size() const noexcept { return heap_.size(); }
  evictable& first() const noexcept { return *heap_.front(); }

  void insert(evictable& v) {
    heap_.push_back(&v);
    v.place = heap_.size() - 1;
    up(v.place);
  }
  void remove(evictable& v) noexcept {
    const std::size_t at = std::exchange(v.place, evictable::nowhere);
    evictable* last = heap_.back();
    heap_.pop_back();
    if (at == heap_.size()) return;
    put(at, last);
    settle(at);
  }
  /// After its next use has changed.
  void update(evictable& v) noexcept { settle(v.place); }

 private:
  static bool before(const evictable& a, const evictable& b) noexcept {
    return a.next_use != b.next_use ? a.next_use > b.next_use : a.age < b.age;
  }
  void put(std::size_t at, evictable* v) noexcept {
    heap_[at] = v;
    v->place = at;
  }
  void settle(std::size_t at) noexcept {
    if (at > 0 && before(*heap_[at], *heap_[(at - 1) / 4]))
      up(at);
    else
      down(at);
  }
  void up(std::size_t at) noexcept {
    evictable* v = heap_[at];
    while (at > 0 && before(*v, *heap_[(at - 1) / 4])) {
      put(at, heap_[(at - 1) / 4]);
      at = (at - 1) / 4;
    }
    put(at, v);
  }
  void down(std::size_t at) noexcept {
    evictable* v = heap_[at];
    for (;;) {
      std::size_t best = 4 * at + 1;
      if (best >= heap_.size()) break;
      for (std::size_t c = best + 1; c < heap_.size() && c < 4 * at + 5; ++c)
        if (before(*heap_[c], *heap_[best])) best = c;
      if (!before(*heap_[best], *v)) break;
      put(at, heap_[best]);
      at = best;
    }
    put(at, v);
  }

  std::vector<evictable*> heap_;
};

}  // namespace weft::detail
