// Task Bench with coroutines alone: each has a block of neighbouring points, goes through the steps with them, and
// waits until other blocks have come as far as it needs them. A task is a piece of such a coroutine, as it is a piece
// of a process in Task Bench's own driver for MPI.
#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <vector>

#include "drivers.hpp"
#include "kernels.hpp"
#include "weft/all.hpp"
#include "weft/pool.hpp"
#include "weft/sync.hpp"

namespace bench {
namespace {

/// How many outputs of a point are kept: it may be nearly so many steps ahead of who reads them.
constexpr long ring = 4;
static_assert(ring >= 2, "who reads step t is at step t + 1 while the next output is written");

inline void relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Looks whether another block is there before the coroutine is suspended, where every block has a worker to itself,
/// so that there is nothing else to do. A look that is answered in vain halves the next ones: the other may have no
/// processor.
class patience {
 public:
  explicit patience(bool any) noexcept : most_(any ? 1024 : 0), looks_(most_) {}  // some 30 us
  template <class Condition>
  bool until(Condition reached) noexcept {
    for (int i = looks_; i > 0; --i) {
      relax();
      if (reached()) {
        looks_ = most_;
        return true;
      }
    }
    if (looks_ > 1) looks_ /= 2;
    return false;
  }

 private:
  const int most_;
  int looks_;
};

/// How far a block of points has come, and who waits for it. A line of its own, since others keep looking at it.
///
/// Invariant: whoever has announced itself at a block and sees that this has not come far enough is woken when it
/// gets on. It announces itself and looks again; the block gets on and then looks for announcements. All four are
/// sequentially consistent, so one of the two sees the other, and takes the list. An announcement is taken off the
/// list once, which releases one permit, so each is followed by one acquire, and no permit is left over.
struct alignas(128) block {
  /// Whether all its points have run all steps before `step`.
  bool reached(long step) const noexcept { return finished.load(std::memory_order_acquire) >= step; }
  bool soon_reached(long step, patience& p) const noexcept {
    return reached(step) || p.until([=, this] { return reached(step); });
  }
  /// `who` is woken when this has gone on, or now if it has reached `step`.
  void announce(block& who, long step) noexcept {
    who.next = waiting.load(std::memory_order_relaxed);
    while (!waiting.compare_exchange_weak(who.next, &who, std::memory_order_seq_cst, std::memory_order_relaxed)) {}
    if (finished.load(std::memory_order_seq_cst) >= step) wake_all();
  }
  void go_on_to(long step) noexcept {
    finished.store(step, std::memory_order_seq_cst);
    if (waiting.load(std::memory_order_seq_cst)) wake_all();
  }
  void wake_all() noexcept {
    block* who = waiting.exchange(nullptr, std::memory_order_acq_rel);
    while (who) {
      block* const after = who->next;  // first: once awake, it may announce itself elsewhere
      who->wake.release();
      who = after;
    }
  }

  std::atomic<long> finished{0};
  std::atomic<block*> waiting{nullptr};
  block* next = nullptr;  // in the list of the block that this one waits for
  weft::semaphore wake{0};
  interval points{0, -1};
};

/// Outputs start at lines of their own, two lines apart since processors fetch lines in pairs.
struct alignas(128) output_line {
  std::byte bytes[128];
};

struct graph_run {
  graph_run(const graph_spec& g, long count, unsigned threads)
      : graph(g),
        spin(count <= static_cast<long>(threads)),
        blocks(static_cast<std::size_t>(count)),
        owners(static_cast<std::size_t>(g.width)),
        lines_((g.output_bytes + sizeof(output_line) - 1) / sizeof(output_line)),
        outputs_(static_cast<std::size_t>(g.width * ring) * lines_) {
    for (long b = 0; b < count; ++b) {
      const interval points{b * g.width / count, (b + 1) * g.width / count - 1};
      blocks[static_cast<std::size_t>(b)].points = points;
      for (long p = points.first; p <= points.last; ++p)
        owners[static_cast<std::size_t>(p)] = &blocks[static_cast<std::size_t>(b)];
    }
    if (g.kernel.kind == kernel_kind::memory_bound)
      scratch_.resize(static_cast<std::size_t>(g.width) * g.kernel.scratch_bytes);
  }
  /// The blocks that have the first and the last point; those between lie between.
  block* first_owner(interval i) const noexcept { return owners[static_cast<std::size_t>(i.first)]; }
  block* last_owner(interval i) const noexcept { return owners[static_cast<std::size_t>(i.last)]; }
  std::span<stamp> output(long step, long point) noexcept {
    output_line* const at = outputs_.data() + static_cast<std::size_t>(step % ring * graph.width + point) * lines_;
    return {reinterpret_cast<stamp*>(at), graph.stamps()};
  }
  std::span<std::byte> scratch(long point) noexcept {
    if (scratch_.empty()) return {};
    return {scratch_.data() + static_cast<std::size_t>(point) * graph.kernel.scratch_bytes,
            graph.kernel.scratch_bytes};
  }

  const graph_spec graph;
  const bool spin;
  std::vector<block> blocks;
  std::vector<block*> owners;  // of the points

 private:
  const std::size_t lines_;  // of an output
  std::vector<output_line> outputs_;
  std::vector<std::byte> scratch_;
};

weft::task<> live(graph_run& run, block& self) {
  const graph_spec& graph = run.graph;
  patience looks(run.spin);
  std::vector<std::span<const stamp>> inputs;
  inputs.reserve(static_cast<std::size_t>(graph.width));
  for (long step = 0; step < graph.steps; ++step) {
    const interval here = graph.window(step);
    const long first = std::max(here.first, self.points.first), last = std::min(here.last, self.points.last);
    for (long point = first; point <= last; ++point) {
      const interval_list from = graph.dependencies(step, point);
      for (const interval& i : from)
        for (block *b = run.first_owner(i), *end = run.last_owner(i) + 1; b != end; ++b)
          while (b != &self && !b->soon_reached(step, looks)) {
            b->announce(self, step);
            co_await self.wake.acquire();
          }
      // Who read the output that this one replaces must have run, at step - ring + 1.
      for (const interval& i : graph.dependents(step - ring, point))
        for (block *b = run.first_owner(i), *end = run.last_owner(i) + 1; b != end; ++b)
          while (b != &self && !b->soon_reached(step - ring + 2, looks)) {
            b->announce(self, step - ring + 2);
            co_await self.wake.acquire();
          }
      inputs.clear();
      for (const interval& i : from)
        for (long p = i.first; p <= i.last; ++p) inputs.push_back(run.output(step - 1, p));
      graph.validate(step, point, from, inputs);
      graph.fill(step, point, run.output(step, point));
      execute(graph, step, point, run.scratch(point));
    }
    if (first <= last) self.go_on_to(step + 1);
  }
}

weft::task<> compute_for_a_while() {
  keep(compute(1L << 16));  // some 200 us
  co_return;
}

/// Gives the seconds from when all workers are up, as programs of MPI take the time after a barrier.
weft::task<double> timed(graph_run& run, unsigned threads) {
  std::vector<weft::task<>> wakers, lives;
  for (unsigned i = 0; i < threads; ++i) wakers.push_back(compute_for_a_while());
  co_await weft::all(std::move(wakers));
  const double begin = seconds_now();
  for (block& b : run.blocks) lives.push_back(live(run, b));
  co_await weft::all(std::move(lives));
  co_return seconds_now() - begin;
}

/// With so many blocks, or as many as there are points.
driver blocks_driver(unsigned threads, long most_blocks) {
  // Pinned, as Task Bench is run everywhere: else the system may leave both workers on one processor for long.
  auto pool = std::make_shared<weft::pool>(
      weft::pool_options{.threads = threads, .idle = weft::idle_mode::latency, .pin = true});
  return [pool, threads, most_blocks](const graph_spec& graph) {
    graph.check();
    graph_run run(graph, std::min(graph.width, most_blocks), threads);
    return pool->run(timed(run, threads));
  };
}

}  // namespace

driver coroutines_driver(unsigned threads) { return blocks_driver(threads, static_cast<long>(threads)); }

driver point_coroutines_driver(unsigned threads) { return blocks_driver(threads, std::numeric_limits<long>::max()); }

}  // namespace bench
