#pragma once

#include <string>

#include "cluster/simulation/plan.hpp"

namespace weft::net::simulation {

/// The smallest plan near this one that still fails: see test::shrink.
plan shrink(const plan& failing);

/// The plan of a seed, as the environment changes it: WEFT_FAULTS (numbers, or `none`), WEFT_TASKS, WEFT_WORKERS,
/// WEFT_CLIENTS, WEFT_WITHOUT (letters, as replay_command writes them), WEFT_TRACE.
plan plan_from_environment(std::uint64_t seed, world_size size);
/// What to type to run it again; `shrunk` is of the plan of that seed.
std::string replay_command(const plan& whole, const plan& shrunk, world_size size);

}  // namespace weft::net::simulation
