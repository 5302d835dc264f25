#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace weft::detail {

/// What a placed_heap needs to know of its elements: where each is.
struct placed {
  static constexpr std::size_t nowhere = ~std::size_t{0};
  std::size_t place = nowhere;
};

/// Elements that belong to others, the first of them in front. A heap whose elements know their places, so that one
/// may leave from the middle: O(log n), no allocation beyond the heap's own. An element is in one heap at a time.
/// `Before` says of two elements whether one comes before another.
template <class T, class Before>
class placed_heap {
 public:
  bool empty() const noexcept { return heap_.empty(); }
  std::size_t size() const noexcept { return heap_.size(); }
  T& first() const noexcept { return *heap_.front(); }
  /// In no order but that the first comes first.
  T& at(std::size_t i) const noexcept { return *heap_[i]; }

  void insert(T& x) {
    heap_.push_back(&x);
    x.place = heap_.size() - 1;
    up(x.place);
  }
  void remove(T& x) noexcept {
    const std::size_t at = std::exchange(x.place, placed::nowhere);
    T* last = heap_.back();
    heap_.pop_back();
    if (at == heap_.size()) return;
    put(at, last);
    settle(at);
  }
  /// After what it is ordered by has changed.
  void update(T& x) noexcept { settle(x.place); }

 private:
  void put(std::size_t at, T* x) noexcept {
    heap_[at] = x;
    x->place = at;
  }
  void settle(std::size_t at) noexcept {
    if (at > 0 && Before{}(*heap_[at], *heap_[(at - 1) / 4]))
      up(at);
    else
      down(at);
  }
  void up(std::size_t at) noexcept {
    T* x = heap_[at];
    while (at > 0 && Before{}(*x, *heap_[(at - 1) / 4])) {
      put(at, heap_[(at - 1) / 4]);
      at = (at - 1) / 4;
    }
    put(at, x);
  }
  void down(std::size_t at) noexcept {
    T* x = heap_[at];
    for (;;) {
      std::size_t best = 4 * at + 1;
      if (best >= heap_.size()) break;
      for (std::size_t c = best + 1; c < heap_.size() && c < 4 * at + 5; ++c)
        if (Before{}(*heap_[c], *heap_[best])) best = c;
      if (!Before{}(*heap_[best], *x)) break;
      put(at, heap_[best]);
      at = best;
    }
    put(at, x);
  }

  std::vector<T*> heap_;
};

}  // namespace weft::detail
