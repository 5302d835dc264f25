#pragma once

/// METG, the minimum effective task granularity of Task Bench: how small tasks may be, on average, until a runtime
/// gets only 50 % (or 95 %) of the floating-point operations a second that the same kernel reaches on the same
/// threads without any runtime. Granularity is wall time * threads / tasks, so waiting counts as well as overhead.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "spec.hpp"

namespace bench {

/// Runs a graph to its end, on as many threads as it was made for, every task's inputs validated, and gives the
/// seconds it took from when its workers are up. It is called many times.
using driver = std::function<double(const graph_spec&)>;

/// Takes a sample of what the threads compute without a runtime, in FLOP/s.
using reference = std::function<double()>;

/// The same kernel on `threads` plain threads, for a few milliseconds.
reference bare_threads(unsigned threads);

struct metg_request {
  graph_spec graph;  // its kernel's iterations are what varies
  unsigned threads = 2;
  int repetitions = 7;  // of each point, of which the best counts; fewer where the time does not suffice
  double seconds = 3;   // the whole search takes about so long; METG(50 %) may take twice that
  long most_iterations = 1L << 24;
};

struct sweep_point {
  long iterations = 0;
  double seconds = 0;      // of a run
  double granularity = 0;  // seconds
  double efficiency = 0;
};

struct metg_result {
  double metg_50 = 0;              // seconds
  std::optional<double> metg_95;   // none: not reached in the time there was
  double floor = 0;                // granularity at 0 iterations, seconds
  double peak = 0;                 // FLOP/s of all threads
  std::vector<sweep_point> curve;  // by iterations
};

/// Bisects over powers of two of the iterations for a point below the wanted efficiency and one at or above it, then
/// between the two until they lie within a factor of 1.2, and interpolates the granularity linearly, as Task Bench
/// does. Task Bench sweeps all powers of two, five times each, and takes means on machines of its own. Here the best
/// repetition counts, since the processors are shared: what others take is no cost of the runtime. The reference is
/// sampled before each repetition, and the best sample is the peak that all points are measured against.
///
/// Throws `wrong` when 50 % is not reached, when no point is below it, or when a point has more than 150 %.
metg_result find_metg(const metg_request& what, const driver& run, const reference& bare);

/// The curve as CSV, with a line of names: iterations, seconds, granularity_us, efficiency.
std::string to_csv(const metg_result& found);

}  // namespace bench
