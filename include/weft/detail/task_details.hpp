#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::detail {

/// Names of abstract resources, and how much of each,
/// in millionths, so that sums are exact.
using resource_amounts = std::vector<std::pair<std::string, std::int64_t>>;
/// `gpu=1 licence=0.5`: names and amounts; an amount that is left out is 1. Throws misuse, and says what is wrong.
resource_amounts parse_resources(std::string_view text);
/// As it is written: 1 or 0.25.
std::string amount_text(std::int64_t millionths);

/// What few tasks have: a name, and limits. Shared by the tasks that were submitted with the same options.
struct task_details {
  std::atomic<std::uint32_t> references{1};
  std::string name;
  std::chrono::nanoseconds time_limit{0};  // 0: none
  std::uint64_t memory = 0;                // bytes of the result; 0: as those of its function were
  resource_amounts resources;
  std::string workers, hosts;  // that may run it, with a blank between two; both empty: all
  bool allow_other_workers = false;

  /// Whether there is anything but a name, which is for one task alone.
  bool has_limits() const noexcept {
    return time_limit.count() != 0 || memory != 0 || !resources.empty() || !workers.empty() || !hosts.empty();
  }
};

inline void drop_details(task_details* d) noexcept {
  if (d && d->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete d;
}

}  // namespace weft::detail
