#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace weft::detail {

/// The pieces of a record, as spans of spans.
using piece_list = std::span<const std::span<const std::byte>>;

inline std::size_t total_bytes(piece_list pieces) noexcept {
  std::size_t sum = 0;
  for (const auto& p : pieces) sum += p.size();
  return sum;
}

/// Goes through pieces as if they lay end to end.
class piece_cursor {
 public:
  /// Begins at byte `at`, which is at most the sum of the pieces.
  piece_cursor(piece_list pieces, std::size_t at) noexcept : pieces_(pieces), at_(at) {}

  /// The next bytes that lie together, at most `most`; not empty while there are any.
  std::span<const std::byte> next(std::size_t most) noexcept {
    while (!pieces_.empty() && at_ >= pieces_.front().size()) {
      at_ -= pieces_.front().size();
      pieces_ = pieces_.subspan(1);
    }
    if (pieces_.empty()) return {};
    const auto rest = pieces_.front().subspan(at_);
    const auto found = rest.first(std::min(rest.size(), most));
    at_ += found.size();
    return found;
  }

 private:
  piece_list pieces_;
  std::size_t at_;  // in the first of pieces_
};

}  // namespace weft::detail
