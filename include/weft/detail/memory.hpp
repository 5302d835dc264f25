#pragma once

#include <atomic>
#include <cstdint>

namespace weft::detail {

/// True once the kernel has agreed to fence on our behalf (membarrier); see lib/env/memory.cpp. Until then,
/// and where it refuses, both sides of an asymmetric fence pay for a full one.
inline constinit std::atomic<bool> asymmetric_fences{false};

/// What lock-free code here is written against: std::atomic, fences and futexes. The interleaving tests
/// replace it by a model in which a seeded scheduler runs every step (tests/support/interleave.hpp).
struct real_memory {
  template <class T>
  using atomic = std::atomic<T>;

  /// The cheap side of an asymmetric fence: a store before it and a load after it may still be reordered by
  /// this processor, but not across a heavy_barrier() of another thread.
  static void light_barrier() noexcept {
    if (asymmetric_fences.load(std::memory_order_relaxed)) [[likely]]
      std::atomic_signal_fence(std::memory_order_seq_cst);
    else
      full_fence();
  }

  /// The dear side: every running thread of the process passes a full fence before this returns.
  static void heavy_barrier() noexcept;

  static void full_fence() noexcept {
#if defined(__x86_64__)
    asm volatile("lock; orl $0, (%%rsp)" ::: "memory", "cc");  // clang's mfence is slower: LLVM 91731
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
  }

  static void pause() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  /// One step of a spin loop; from the 64th round on it lets another thread of this processor run.
  static void relax(int round) noexcept;

  /// Sleeps while `word` is `expected`; may return early.
  static void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept;
  static void futex_wake(std::atomic<std::uint32_t>& word, int count) noexcept;

  /// The same for each call from one thread, and different for each thread. Never inlined: a compiler may
  /// keep the address of a thread-local variable across a suspension (clang 47179).
  static const void* thread_token() noexcept;
};

/// A mutual exclusion lock of four bytes for short critical sections: Drepper, "Futexes are tricky", mutex 2.
template <class Memory>
class basic_lock {
 public:
  void lock() noexcept {
    std::uint32_t state = 0;
    if (state_.compare_exchange_strong(state, 1, std::memory_order_acquire, std::memory_order_relaxed)) return;
    for (int spin = 0; spin < 64; ++spin) {
      Memory::relax(spin);
      state = 0;
      if (state_.compare_exchange_strong(state, 1, std::memory_order_acquire, std::memory_order_relaxed)) return;
    }
    while (state_.exchange(2, std::memory_order_acquire) != 0) Memory::futex_wait(state_, 2);
  }
  bool try_lock() noexcept {
    std::uint32_t state = 0;
    return state_.compare_exchange_strong(state, 1, std::memory_order_acquire, std::memory_order_relaxed);
  }
  void unlock() noexcept {
    if (state_.exchange(0, std::memory_order_release) == 2) Memory::futex_wake(state_, 1);
  }

 private:
  typename Memory::template atomic<std::uint32_t> state_{0};
};

using short_lock = basic_lock<real_memory>;

}  // namespace weft::detail
