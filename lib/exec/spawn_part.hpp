#pragma once

#include "exec/pool_core.hpp"
#include "weft/task.hpp"

namespace weft::detail {

/// Starts a task that owns itself, and belongs to what the pool has taken: however much waits there, and while it is
/// being ended. Throws std::bad_alloc alone.
void spawn_part(pool_core& pool, task<> t, priority band);

}  // namespace weft::detail
