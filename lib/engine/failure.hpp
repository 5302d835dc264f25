#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "engine/remote.hpp"
#include "weft/detail/node.hpp"

namespace weft::detail {

/// Why a node has no value. A node whose input failed refers to its input's.
struct failure {
  std::atomic<std::uint32_t> references{1};
  failure* cause = nullptr;         // counted: the input's; null for the one that threw
  std::exception_ptr error;         // what was thrown, in the end
  std::string key, function;        // of this node
  std::vector<std::string> before;  // keys of tasks through which it came to this one by awaits
};

void drop_failure(failure* f) noexcept;

/// In words that travel; of a node that has failed.
remote_failure describe_failure(const node& n);

}  // namespace weft::detail
