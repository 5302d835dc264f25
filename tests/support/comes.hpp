#pragma once

#include <chrono>
#include <thread>

/// Whether `f()` is true, now or within a minute: of what other threads may have to finish still.
template <class F>
bool comes(F f) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!f()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::yield();
  }
  return true;
}
