#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "trace/ring.hpp"

namespace weft::detail {

struct thread_trace {
  std::string name;
  std::vector<trace_event> events;
};

/// Writes the events in the JSON format that Perfetto and chrome://tracing open ("Trace Event Format"): a track a
/// thread, a slice for each run of a task and for each sleep, marks for steals and completions, and an asynchronous
/// slice for each operation on a file. Times are relative to the earliest event.
void write_chrome_trace(std::ostream& out, const std::vector<thread_trace>& threads, double ticks_per_us);

}  // namespace weft::detail
