#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace weft {

/// The seam between weft and the world: what gives time and randomness, and starts threads. A pool is given
/// one in its options; the real one is the default. The simulated one is behind weft::simulation.
class environment {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// A started thread; join() before it is destroyed.
  class thread {
   public:
    virtual ~thread() = default;
    virtual void join() = 0;
  };
  struct thread_options {
    std::string name;  // at most 15 characters are shown by the system
    int cpu = -1;      // the processor it is pinned to; -1: any
  };

  virtual ~environment() = default;
  virtual time_point now() noexcept = 0;
  /// 64 random bits; for spreading load, not for secrets.
  virtual std::uint64_t random() noexcept = 0;
  /// Bytes of memory that the process takes at present; 0: nobody knows.
  virtual std::uint64_t resident_memory() noexcept { return 0; }
  /// Gives memory that was freed back to the system, as far as that is easy.
  virtual void trim_memory() noexcept {}
  virtual std::unique_ptr<thread> start_thread(thread_options options, std::function<void()> body) = 0;
};

/// The environment of this machine.
environment& real_environment() noexcept;

}  // namespace weft
