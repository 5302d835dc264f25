#pragma once

#include <atomic>
#include <cstddef>

#include "weft/sync.hpp"

namespace weft::net {

/// Counts what an engine still has of somebody, who may end when `none` is set: after close(), and the last leave().
/// Shared, since whoever leaves last may be the last who knows it.
struct outstanding {
  std::atomic<std::size_t> tasks{1};
  weft::event none;
  void enter() noexcept { tasks.fetch_add(1, std::memory_order_relaxed); }
  void leave() noexcept {
    if (tasks.fetch_sub(1, std::memory_order_acq_rel) == 1) none.set();
  }
  void close() noexcept { leave(); }
};

}  // namespace weft::net
