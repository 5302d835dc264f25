#include "weft/detail/memory.hpp"

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "env/memory.hpp"

namespace weft::detail {

namespace {
constinit thread_local char token;
}

bool enable_asymmetric_fences() noexcept {
  if (asymmetric_fences.load(std::memory_order_relaxed)) return true;
  if (::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0) return false;
  asymmetric_fences.store(true, std::memory_order_seq_cst);
  return true;
}

void real_memory::heavy_barrier() noexcept {
  if (asymmetric_fences.load(std::memory_order_relaxed))
    ::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
  else
    full_fence();
}

void real_memory::relax(int round) noexcept {
  if (round < 64)
    pause();
  else
    ::sched_yield();
}

void real_memory::futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void real_memory::futex_wake(std::atomic<std::uint32_t>& word, int count) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

[[gnu::noinline]] const void* real_memory::thread_token() noexcept { return &token; }

bool futex_wait_until(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                      std::chrono::steady_clock::time_point deadline) noexcept {
  const auto since = deadline.time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
  const timespec until{static_cast<time_t>(seconds.count()),
                       static_cast<long>(std::chrono::nanoseconds(since - seconds).count())};
  return ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, expected, &until, nullptr, FUTEX_BITSET_MATCH_ANY) ==
             0 ||
         errno != ETIMEDOUT;
}

}  // namespace weft::detail
