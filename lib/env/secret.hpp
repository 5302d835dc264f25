#pragma once

#include <cstdint>

#include "weft/environment.hpp"

namespace weft::detail {

/// 64 random bits that cannot be computed from any others: the kernel's. In a simulation they are of its seed, so
/// that a run can be repeated; an environment that is neither has no say. Costs a system call. Throws
/// std::system_error where the system gives none.
std::uint64_t secret(environment& env);

}  // namespace weft::detail
