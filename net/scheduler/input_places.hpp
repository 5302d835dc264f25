#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "scheduler/task_table.hpp"

namespace weft::net {

/// Workers that have inputs of a task, and how many bytes of them: the first sixteen.
class input_places {
 public:
  void add(worker_index w, std::uint64_t bytes) noexcept {
    for (std::size_t k = 0; k < count_; ++k)
      if (all_[k].w == w) {
        all_[k].bytes += bytes;
        return;
      }
    if (count_ < all_.size()) all_[count_++] = {w, bytes};
  }
  std::uint64_t bytes_at(worker_index w) const noexcept {
    for (std::size_t k = 0; k < count_; ++k)
      if (all_[k].w == w) return all_[k].bytes;
    return 0;
  }
  /// Who has most, of those that can; `before` is asked about equals.
  template <class Can, class Before>
  worker_index best(Can can, Before before) const {
    const candidate* found = nullptr;
    for (std::size_t k = 0; k < count_; ++k) {
      const candidate& x = all_[k];
      if (!can(x.w)) continue;
      if (!found || (x.bytes != found->bytes ? x.bytes > found->bytes : before(x.w, found->w))) found = &x;
    }
    return found ? found->w : no_worker_index;
  }

 private:
  struct candidate {
    worker_index w;
    std::uint64_t bytes;
  };
  std::array<candidate, 16> all_;
  std::size_t count_ = 0;
};

}  // namespace weft::net
