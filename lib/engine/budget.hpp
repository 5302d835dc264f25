#pragma once

#include <cstdint>

namespace weft::detail {

class engine;

/// What the values of an engine may take in memory, in bytes, if its tasks run in this process; 0 where they run on a
/// cluster, whose workers have budgets of their own.
std::uint64_t budget_here(engine& e) noexcept;

}  // namespace weft::detail
