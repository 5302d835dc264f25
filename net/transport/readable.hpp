#pragma once

#include <span>

#include "weft/pool.hpp"
#include "weft/task.hpp"

namespace weft::net {

/// Waits until a descriptor can be read: a pidfd, when its process has ended. The descriptor stays the caller's.
task<> wait_readable(pool& p, int descriptor);

/// Waits for one of the signals, and gives its number. While this waits they do nothing else to the process.
task<int> wait_signal(pool& p, std::span<const int> signals);

}  // namespace weft::net
