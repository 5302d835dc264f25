#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft::detail {

struct node;

/// A node that may run, and its rank: the smaller, the sooner.
struct ready_node {
  std::uint64_t rank;
  node* what;
};

/// Nodes that may run, by rank. Not safe across threads: its owner has a lock.
///
/// Most are pushed in the order of their ranks, by whoever submits a graph, or before all others, by a task that
/// submits tasks of its own. So a ring holds a sorted run, which grows at both ends in constant time, and only what
/// fits at neither end goes to a heap. Of equal ranks the one that was pushed last comes first, as in a depth-first
/// walk.
class ready_queue {
 public:
  static constexpr std::uint64_t none = ~std::uint64_t{0};

  bool empty() const noexcept { return count_ == 0 && heap_.empty(); }
  std::size_t size() const noexcept { return count_ + heap_.size(); }

  /// The smallest rank; `none` when it is empty.
  std::uint64_t best() const noexcept {
    const std::uint64_t run = count_ ? front().rank : none;
    const std::uint64_t heap = heap_.empty() ? none : heap_.front().rank;
    return std::min(run, heap);
  }

  void push(ready_node n) {
    if (count_ == 0 || n.rank <= front().rank) {
      make_room();
      --head_;
      at(0) = n;
      ++count_;
    } else if (n.rank > back().rank) {
      make_room();
      at(count_) = n;
      ++count_;
    } else {
      heap_.push_back(n);
      std::push_heap(heap_.begin(), heap_.end(), later);
    }
  }

  /// Takes one of the smallest rank; it is not empty.
  ready_node pop() noexcept {
    if (count_ == 0 || (!heap_.empty() && heap_.front().rank < front().rank)) {
      std::pop_heap(heap_.begin(), heap_.end(), later);
      const ready_node n = heap_.back();
      heap_.pop_back();
      return n;
    }
    const ready_node n = front();
    ++head_;
    --count_;
    return n;
  }

 private:
  static bool later(const ready_node& a, const ready_node& b) noexcept { return a.rank > b.rank; }
  ready_node& at(std::size_t i) noexcept { return ring_[(head_ + i) & (ring_.size() - 1)]; }
  const ready_node& front() const noexcept { return ring_[head_ & (ring_.size() - 1)]; }
  const ready_node& back() const noexcept { return ring_[(head_ + count_ - 1) & (ring_.size() - 1)]; }
  void make_room() {
    if (count_ < ring_.size()) return;
    std::vector<ready_node> bigger(ring_.empty() ? 64 : 2 * ring_.size());
    for (std::size_t i = 0; i < count_; ++i) bigger[i] = at(i);
    ring_.swap(bigger);
    head_ = 0;
  }

  std::vector<ready_node> ring_;  // a power of two
  std::size_t head_ = 0, count_ = 0;
  std::vector<ready_node> heap_;
};

}  // namespace weft::detail
