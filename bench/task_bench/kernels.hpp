#pragma once

/// What the tasks of Task Bench compute, after core/core_kernel.cc. There is no io_bound: Task Bench names that
/// kernel, but its body is assert(false), so there is nothing to compare with.
#include <cstddef>
#include <span>

#include "spec.hpp"

namespace bench {

/// Runs the kernel of the task (step, point). `scratch` is the point's own, kernel.scratch_bytes long.
///   empty           nothing
///   busy_wait       a chain of 64-bit multiplications and remainders
///   compute_bound   128 FLOP an iteration, fused multiply-adds where the processor has AVX2, and 64 at the end
///   memory_bound    copies one half of a sample of the scratch to its other half, an iteration; the working set is
///                   all of the scratch, whatever the iterations
///   load_imbalance  compute_bound with iterations_of() iterations
/// Throws wrong when the kernel needs a scratch, and this is another size.
void execute(const graph_spec& graph, long step, long point, std::span<std::byte> scratch);

/// Of drivers whose points have no scratch, since their tasks share nothing: checks the graph, and throws wrong when
/// the kernel needs one.
void check_without_scratch(const graph_spec& graph);

/// The iterations of one task: with load_imbalance `iterations` times a number in 1 +- imbalance / 2, always the
/// same one for the same seed, step and point.
long iterations_of(const graph_spec& graph, long step, long point);

/// The floating-point operations of all tasks; 0 for kernels that have none.
double flops(const graph_spec& graph);

/// compute_bound by itself: 128 * iterations + 64 FLOP.
double compute(long iterations);

}  // namespace bench
