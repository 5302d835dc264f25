#pragma once

#include <string>

#include "cluster/processes/plan.hpp"

namespace weft::net::processes {

/// The smallest plan near this one that still fails: see test::shrink.
plan shrink(const plan& failing);

/// The plan of a seed, as the environment changes it: WEFT_FAULTS (numbers, or `none`), WEFT_TASKS, WEFT_CALLS,
/// WEFT_SLOTS, WEFT_WORKERS, WEFT_CLIENTS, WEFT_CHANCE, WEFT_WITHOUT (letters, as replay_command writes them),
/// WEFT_TRACE.
plan plan_from_environment(std::uint64_t seed);
/// Whether it says more than which seeds to run.
bool environment_has_plan();
/// What to type to run it again; `shrunk` is of the plan of that seed.
std::string replay_command(const plan& whole, const plan& shrunk);

}  // namespace weft::net::processes
