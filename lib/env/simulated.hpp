#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "weft/environment.hpp"

namespace weft::detail {

/// An environment of one thread: its clock moves only when it is told to, its randomness comes from a seed.
class simulated_environment final : public environment {
 public:
  explicit simulated_environment(std::uint64_t seed) noexcept : state_(seed) {}

  time_point now() noexcept override { return time_point(origin) + elapsed_; }
  std::uint64_t random() noexcept override;
  /// Throws misuse: there are no threads in a simulation.
  std::unique_ptr<thread> start_thread(thread_options, std::function<void()>) override;

  std::uint64_t resident_memory() noexcept override { return gauge ? gauge() : 0; }
  std::function<std::uint64_t()> gauge;  // throws nothing

  std::chrono::nanoseconds elapsed() const noexcept { return elapsed_; }
  std::int64_t now_ns() const noexcept { return (origin + elapsed_).count(); }
  /// To a time in nanoseconds of this clock; the past is ignored.
  void advance_to(std::int64_t ns) noexcept;
  void pass(std::int64_t ns) noexcept { elapsed_ += std::chrono::nanoseconds(ns); }

 private:
  static constexpr std::chrono::hours origin{1};  // so that times before the beginning are representable
  std::chrono::nanoseconds elapsed_{0};
  std::uint64_t state_;
};

}  // namespace weft::detail
