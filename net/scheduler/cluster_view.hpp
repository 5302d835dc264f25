#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scheduler/core.hpp"
#include "scheduler/programs.hpp"

namespace weft::net {

/// What `weft info` shows: of all programs together.
struct cluster_view {
  scheduler_statistics counts;
  std::vector<worker_statistics> workers;
  std::uint32_t target = 0;  // workers that the work asks for: scheduler_core::target()
  std::vector<std::string> waiting;
  std::vector<program_router::nanny_worker> nannies;
};

/// As JSON, or as a table for people.
std::string describe(const cluster_view& all, bool as_json);

}  // namespace weft::net
