// weft::trace: rings for a pool's workers, and their export.
#include "weft/trace.hpp"

#include <cerrno>
#include <fstream>
#include <ostream>
#include <system_error>

#include "env/ticks.hpp"
#include "exec/pool_core.hpp"
#include "trace/chrome.hpp"
#include "weft/errors.hpp"

namespace weft {

namespace detail {

std::uint64_t worker::trace_time() noexcept {
  return pool.stepped() ? static_cast<std::uint64_t>(pool.now_ns()) : ticks();
}

}  // namespace detail

struct trace::state {
  state(detail::pool_core& p, std::size_t events) : pool(p) {
    for (unsigned i = 0; i < pool.size(); ++i) {
      detail::worker& w = pool.worker_at(i);
      if (w.trace.load(std::memory_order_relaxed)) throw misuse("weft: this pool is traced already");
      if (w.trace_rings.empty() || w.trace_rings.back()->capacity() < events)
        w.trace_rings.push_back(std::make_unique<detail::trace_ring>(events));
      rings.push_back(w.trace_rings.back().get());
      first.push_back(rings.back()->recorded());
    }
    for (unsigned i = 0; i < pool.size(); ++i) pool.worker_at(i).trace.store(rings[i], std::memory_order_release);
  }
  ~state() {
    for (unsigned i = 0; i < pool.size(); ++i) pool.worker_at(i).trace.store(nullptr, std::memory_order_release);
  }

  detail::pool_core& pool;
  std::vector<detail::trace_ring*> rings;
  std::vector<std::uint64_t> first;  // what was recorded before
};

trace::trace(pool& p, std::size_t events_per_worker) : trace(p.core(), events_per_worker) {}
trace::trace(detail::pool_core& p, std::size_t events_per_worker)
    : state_(std::make_unique<state>(p, events_per_worker)) {}
trace::~trace() = default;

void trace::write(std::ostream& out) const {
  std::vector<detail::thread_trace> threads;
  for (std::size_t i = 0; i < state_->rings.size(); ++i)
    threads.push_back(
        {state_->pool.options().name + "/" + std::to_string(i), state_->rings[i]->read(state_->first[i])});
  const double rate = state_->pool.stepped() ? 1000.0 : static_cast<double>(state_->pool.ticks_per_us());
  detail::write_chrome_trace(out, threads, rate);
}

void trace::save(const std::string& path) const {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  if (out) write(out);
  out.close();
  if (!out) throw std::system_error(errno, std::system_category(), "weft: cannot write the trace to " + path);
}

std::uint64_t trace::recorded() const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < state_->rings.size(); ++i) sum += state_->rings[i]->recorded() - state_->first[i];
  return sum;
}

}  // namespace weft
