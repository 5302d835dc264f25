#include "env/simulated.hpp"

#include "weft/errors.hpp"

namespace weft::detail {

std::uint64_t simulated_environment::random() noexcept {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;  // splitmix64: see real.cpp
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

std::unique_ptr<environment::thread> simulated_environment::start_thread(thread_options, std::function<void()>) {
  throw misuse("weft: a simulation has one thread, and cannot start another");
}

void simulated_environment::advance_to(std::int64_t ns) noexcept {
  const auto to = std::chrono::nanoseconds(ns) - origin;
  if (to > elapsed_) elapsed_ = to;
}

}  // namespace weft::detail
