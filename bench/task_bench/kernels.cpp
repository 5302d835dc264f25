#include "kernels.hpp"

#include <cmath>
#include <cstring>
#include <string>
#include <utility>

namespace bench {
namespace {

typedef double four __attribute__((vector_size(32)));  // 4 doubles: one register of AVX, two of SSE

/// Sixteen chains, to hide the latency of an addition: the kernel's 64 numbers.
template <std::size_t... I>
[[gnu::always_inline]] inline void iterate(four (&a)[16], std::index_sequence<I...>) {
  ((a[I] = a[I] * a[I] + a[I]), ...);
}

/// The product of all, by halves: Task Bench multiplies in order, a chain of 64 that takes as long as thirty
/// iterations.
[[gnu::always_inline]] inline double product(four (&a)[16]) {
  for (std::size_t n = 8; n > 0; n /= 2)
    for (std::size_t i = 0; i < n; ++i) a[i] *= a[i + n];
  return (a[0][0] * a[0][1]) * (a[0][2] * a[0][3]);
}

[[gnu::always_inline]] inline double compute_here(long iterations) {
  four a[16];
  for (four& v : a) v = four{1.0, 2.0, 3.0, 4.0};
  for (long i = 0; i < iterations; ++i) iterate(a, std::make_index_sequence<16>());
  return product(a);
}

double compute_anywhere(long iterations) { return compute_here(iterations); }
#if defined(__x86_64__)
[[gnu::target("avx2,fma")]] double compute_avx2(long iterations) { return compute_here(iterations); }
#endif

using compute_function = double (*)(long);
compute_function best_compute() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return compute_avx2;
#endif
  return compute_anywhere;
}

long long busy_wait(long iterations) {
  long long v = 113;
  for (long i = 0; i < iterations; ++i) v = v * 139 % 2147483647;
  return v;
}

/// The samples are taken in turn, over the iterations of all steps.
void copy_samples(const kernel_spec& k, long step, std::span<std::byte> scratch) {
  const std::size_t half = scratch.size() / static_cast<std::size_t>(k.samples) / 2;
  for (long i = 0; i < k.iterations; ++i) {
    const auto sample = static_cast<std::size_t>((step * k.iterations + i) % k.samples);
    std::byte* const at = scratch.data() + sample * 2 * half;
    std::memcpy(at + half, at, half);
  }
  keep(scratch);
}

}  // namespace

double compute(long iterations) {
  static const compute_function best = best_compute();
  return best(iterations);
}

long iterations_of(const graph_spec& graph, long step, long point) {
  const kernel_spec& k = graph.kernel;
  if (k.kind != kernel_kind::load_imbalance) return k.iterations;
  const double drawn = uniform_of({graph.seed, step, point});
  return std::lround((1 + (drawn - 0.5) * k.imbalance) * static_cast<double>(k.iterations));
}

void execute(const graph_spec& graph, long step, long point, std::span<std::byte> scratch) {
  switch (graph.kernel.kind) {
    case kernel_kind::empty:
      break;
    case kernel_kind::busy_wait:
      keep(busy_wait(graph.kernel.iterations));
      break;
    case kernel_kind::compute_bound:
      keep(compute(graph.kernel.iterations));
      break;
    case kernel_kind::memory_bound:
      if (scratch.size() != graph.kernel.scratch_bytes)
        throw wrong("Task Bench: a point has a scratch of " + std::to_string(scratch.size()) +
                    " bytes, and memory_bound was to have " + std::to_string(graph.kernel.scratch_bytes));
      copy_samples(graph.kernel, step, scratch);
      break;
    case kernel_kind::load_imbalance:
      keep(compute(iterations_of(graph, step, point)));
      break;
  }
}

void check_without_scratch(const graph_spec& graph) {
  graph.check();
  if (graph.kernel.kind == kernel_kind::memory_bound)
    throw wrong(
        "Task Bench: memory_bound needs memory that a point keeps from step to step, and the tasks of a graph share "
        "none: run it with a driver of coroutines");
}

double flops(const graph_spec& graph) {
  const auto of = [](long iterations) { return 128.0 * static_cast<double>(iterations) + 64; };
  if (graph.kernel.kind == kernel_kind::compute_bound)
    return of(graph.kernel.iterations) * static_cast<double>(graph.tasks());
  double sum = 0;
  if (graph.kernel.kind == kernel_kind::load_imbalance)
    for (long step = 0; step < graph.steps; ++step)
      for (long p = graph.window(step).first; p <= graph.window(step).last; ++p)
        sum += of(iterations_of(graph, step, p));
  return sum;
}

}  // namespace bench
