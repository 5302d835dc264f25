#include "spill/blocks.hpp"

#include <algorithm>

namespace weft::detail {

std::optional<block_run> block_table::take(std::uint32_t want, std::uint32_t least) noexcept {
  if (want == 0 || longest_ < std::min(want, least)) return std::nullopt;
  block_run best;
  const auto mark = [&](block_run r) {
    for (std::uint32_t i = 0; i < r.count; ++i) holders_[r.first + i] = 1;
    used_ += r.count;
    cursor_ = r.first + r.count;
    longest_ = std::min(longest_, size() - used_);
    return r;
  };
  const auto search = [&](std::uint32_t at, std::uint32_t end) {  // true: best has what is wanted
    while (at < end) {
      if (holders_[at] != 0) {
        ++at;
        continue;
      }
      std::uint32_t stop = at + 1;
      while (stop < size() && stop - at < want && holders_[stop] == 0) ++stop;
      if (stop - at > best.count) best = {at, stop - at};
      if (best.count == want) return true;
      at = stop;
    }
    return false;
  };
  if (search(cursor_, size()) || search(0, cursor_)) return mark(best);
  longest_ = best.count;  // all was seen
  if (best.count == 0 || best.count < least) return std::nullopt;
  return mark(best);
}

void block_table::hold(block_run r) noexcept {
  for (std::uint32_t i = 0; i < r.count; ++i) ++holders_[r.first + i];
}

bool block_table::held(block_run r) const noexcept {
  if (r.first > size() || r.count > size() - r.first) return false;
  for (std::uint32_t i = 0; i < r.count; ++i)
    if (holders_[r.first + i] == 0) return false;
  return true;
}

bool block_table::give_back(block_run r) noexcept {
  if (!held(r)) return false;
  for (std::uint32_t i = 0; i < r.count; ++i)
    if (--holders_[r.first + i] == 0) --used_;
  longest_ = size() - used_;
  return true;
}

}  // namespace weft::detail
