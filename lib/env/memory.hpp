#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace weft::detail {

/// Asks the kernel for membarrier. False where it refuses: then every fence is paid for by both sides. To be
/// called before threads share lock-free state.
bool enable_asymmetric_fences() noexcept;

/// Like real_memory::futex_wait; false when the deadline (CLOCK_MONOTONIC) passed.
bool futex_wait_until(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                      std::chrono::steady_clock::time_point deadline) noexcept;

}  // namespace weft::detail
