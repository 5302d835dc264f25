#include "scheduler/backlog.hpp"

#include <algorithm>
#include <iterator>

namespace weft::net {

pending_graph* backlog::graph_of(std::uint64_t number) const noexcept {
  const auto behind = graphs_.upper_bound(number);
  if (behind == graphs_.begin()) return nullptr;
  pending_graph* const g = std::prev(behind)->second.get();
  return number < g->end ? g : nullptr;
}

bool backlog::pending(std::uint64_t number) const noexcept {
  const pending_graph* const g = graph_of(number);
  return g ? number >= g->entered.next() : submitted_.contains(number);
}

pending_graph* backlog::open_graph(std::uint64_t first) const noexcept {
  const auto at = graphs_.find(first);
  return at == graphs_.end() || at->second->complete() ? nullptr : at->second.get();
}

pending_graph* backlog::graph_from(std::uint64_t number) const noexcept {
  const auto at = graphs_.lower_bound(number);
  return at == graphs_.end() ? nullptr : at->second.get();
}

std::uint64_t backlog::lowest() const noexcept {
  constexpr auto none = ~std::uint64_t{0};
  return std::min(graphs_.empty() ? none : graphs_.begin()->first, submitted_.empty() ? none : *submitted_.begin());
}

std::uint64_t backlog::tasks() const noexcept {
  std::uint64_t n = submitted_.size();
  for (const auto& [first, g] : graphs_) n += g->arrived.next() - g->entered.next();
  return n;
}

void backlog::add(std::unique_ptr<pending_graph> graph) {
  pin(graph->others);
  const std::uint64_t first = graph->first;
  graphs_.emplace(first, std::move(graph));
}

void backlog::remove(pending_graph& graph) { graphs_.erase(graph.first); }

std::vector<backlog::entry> backlog::take(std::uint64_t number) {
  std::vector<entry> all;
  const auto [first, last] = waiting_.equal_range(number);
  for (auto e = first; e != last; ++e) all.push_back(std::move(e->second));
  waiting_.erase(first, last);
  return all;
}

std::uint64_t backlog::waited_from(std::uint64_t number) const noexcept {
  const auto at = waiting_.lower_bound(number);
  return at == waiting_.end() ? ~std::uint64_t{0} : at->first;
}

void backlog::pin(std::span<const task_id> ids) {
  for (const task_id id : ids) ++pins_[id].count;
}

bool backlog::release_later(task_id id) noexcept {
  const auto at = pins_.find(id);
  if (at == pins_.end()) return false;
  at->second.released = true;
  return true;
}

std::vector<task_id> backlog::unpin(std::span<const task_id> ids) {
  std::vector<task_id> free;
  for (const task_id id : ids) {
    const auto at = pins_.find(id);
    if (--at->second.count != 0) continue;
    if (at->second.released) free.push_back(id);
    pins_.erase(at);
  }
  return free;
}

}  // namespace weft::net
