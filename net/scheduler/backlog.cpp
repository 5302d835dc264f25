#include "scheduler/backlog.hpp"

#include <cstring>
#include <iterator>
#include <utility>

namespace weft::net {

const backlog::range* backlog::range_of(std::uint64_t number) const noexcept {
  const auto behind = ranges_.upper_bound(number);
  if (behind == ranges_.begin()) return nullptr;
  const range& r = std::prev(behind)->second;
  return number < r.end ? &r : nullptr;
}

bool backlog::pending(std::uint64_t number) const noexcept {
  const range* r = range_of(number);
  return r && (!r->graph || (number >= r->graph->entered.next() && number < r->graph->end));
}

bool backlog::of_graph(std::uint64_t number) const noexcept {
  const range* r = range_of(number);
  return r && r->graph;
}

std::uint64_t backlog::tasks() const noexcept {
  std::uint64_t n = 0;
  for (const auto& [first, r] : ranges_) n += r.graph ? r.graph->end - r.graph->entered.next() : 1;
  return n;
}

pending_graph* backlog::open_graph(std::uint64_t first) noexcept {
  const auto at = ranges_.find(first);
  if (at == ranges_.end() || !at->second.graph || at->second.graph->complete()) return nullptr;
  return at->second.graph;
}

pending_graph& backlog::add(std::unique_ptr<pending_graph> graph) {
  pending_graph& g = *graph;
  ranges_.emplace(g.first(), range{g.end, &g});
  for (const task_id id : g.others) ++pins_[id];
  entries_.emplace_back().graph = std::move(graph);
  return g;
}

backlog::entry& backlog::add(std::span<const std::byte> message, bool hurried) {
  entry& e = entries_.emplace_back();
  e.message.resize(message.size() / sizeof(std::uint64_t));  // which messages fill
  std::memcpy(e.message.data(), message.data(), message.size());
  e.hurried = hurried;
  hurried_ += hurried;
  return e;
}

void backlog::submits(task_id id, std::span<const task_id> inputs) {
  entries_.back().submits = id;
  ranges_.emplace(number_of(id), range{number_of(id) + 1, nullptr});
  for (const task_id i : inputs) ++pins_[i];
}

void backlog::pop(std::span<const task_id> inputs) {
  const entry& e = entries_.front();
  hurried_ -= e.hurried;
  if (e.graph) {
    ranges_.erase(e.graph->first());
    unpin(e.graph->others);
  } else if (e.submits != 0) {
    ranges_.erase(number_of(e.submits));
    unpin(inputs);
  }
  entries_.pop_front();
}

void backlog::unpin(std::span<const task_id> ids) {
  for (const task_id id : ids)
    if (const auto at = pins_.find(id); --at->second == 0) pins_.erase(at);
}

}  // namespace weft::net
