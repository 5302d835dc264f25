// The workers that may be given tasks, by their fill: a heap, whose first has least to do for its slots.
#include "scheduler/core.hpp"

namespace weft::net {

void scheduler_core::touch(worker_index w) {
  if (workers_[w].touched) return;
  workers_[w].touched = true;
  touched_.push_back(w);
}

bool scheduler_core::heap_before(worker_index a, worker_index b) const noexcept {
  const std::uint64_t ka = workers_[a].heap_key, kb = workers_[b].heap_key;
  return ka != kb ? ka < kb : a < b;
}

void scheduler_core::heap_add(worker_index w) {
  workers_[w].heap_at = static_cast<std::uint32_t>(heap_.size());
  heap_.push_back(w);
  heap_update(w);
}

void scheduler_core::heap_remove(worker_index w) {
  const std::uint32_t at = workers_[w].heap_at;
  const worker_index last = heap_.back();
  heap_.pop_back();
  workers_[w].heap_at = nowhere;
  if (last == w) return;
  heap_[at] = last;
  workers_[last].heap_at = at;
  heap_up(at);
  heap_down(workers_[last].heap_at);
}

void scheduler_core::heap_update(worker_index index) {
  worker& w = workers_[index];
  w.heap_key = (w.filled << 10) / w.slots;
  heap_up(w.heap_at);
  heap_down(w.heap_at);
}

void scheduler_core::heap_up(std::uint32_t at) {
  const worker_index w = heap_[at];
  while (at > 0 && heap_before(w, heap_[(at - 1) / 2])) {
    heap_[at] = heap_[(at - 1) / 2];
    workers_[heap_[at]].heap_at = at;
    at = (at - 1) / 2;
  }
  heap_[at] = w;
  workers_[w].heap_at = at;
}

void scheduler_core::heap_down(std::uint32_t at) {
  const worker_index w = heap_[at];
  const auto n = static_cast<std::uint32_t>(heap_.size());
  while (2 * at + 1 < n) {
    std::uint32_t child = 2 * at + 1;
    if (child + 1 < n && heap_before(heap_[child + 1], heap_[child])) ++child;
    if (!heap_before(heap_[child], w)) break;
    heap_[at] = heap_[child];
    workers_[heap_[at]].heap_at = at;
    at = child;
  }
  heap_[at] = w;
  workers_[w].heap_at = at;
}

}  // namespace weft::net
