#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "spill/store.hpp"
#include "weft/detail/memory.hpp"
#include "weft/detail/node.hpp"

namespace weft::detail {

/// What a node has asked of the store before it runs.
struct node_request final : memory_request {
  explicit node_request(node& n) noexcept : of(n) {}
  node& of;
  std::vector<stored_value*> values;
};

/// How large the results of a function are, learnt from those that have been there: the mean of the last few.
class output_sizes {
 public:
  /// `function` is whatever tells functions apart.
  std::uint64_t expected(const void* function) {
    std::lock_guard guard(lock_);
    const auto at = known_.find(function);
    return at == known_.end() ? 0 : at->second;
  }
  void learn(const void* function, std::uint64_t bytes) {
    std::lock_guard guard(lock_);
    const auto [at, fresh] = known_.try_emplace(function, bytes);
    if (!fresh) at->second = (3 * at->second + bytes) / 4;
  }

 private:
  short_lock lock_;
  std::unordered_map<const void*, std::uint64_t> known_;
};

}  // namespace weft::detail
