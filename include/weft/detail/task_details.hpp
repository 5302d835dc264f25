#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

namespace weft::detail {

/// What few tasks have: a name, and limits. Shared by the tasks that were submitted with the same options.
struct task_details {
  std::atomic<std::uint32_t> references{1};
  std::string name;
};

inline void drop_details(task_details* d) noexcept {
  if (d && d->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete d;
}

}  // namespace weft::detail
