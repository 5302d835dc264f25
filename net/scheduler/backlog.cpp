#include "scheduler/backlog.hpp"

#include <algorithm>
#include <cassert>
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
  return (g ? number >= g->entered.next() : submitted_.contains(number)) || due_.contains(number);
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
  return std::min(graphs_.empty() ? none : graphs_.begin()->first,
                  submitted_.empty() ? none : submitted_.begin()->first);
}

std::uint64_t backlog::tasks() const noexcept {
  std::uint64_t n = submitted_.size();
  for (const auto& [first, g] : graphs_) n += g->here - g->entered.next();
  return n;
}

std::uint64_t backlog::promised() const noexcept {
  std::uint64_t n = 0;
  for (const auto& [first, g] : graphs_) n += g->end - g->here + g->weight();
  return n;
}

void backlog::add(std::unique_ptr<pending_graph> graph) {
  pin(graph->others);
  const std::uint64_t first = graph->first;
  graphs_.emplace(first, std::move(graph));
}

void backlog::remove(pending_graph& graph) { graphs_.erase(graph.first); }

bool backlog::waits_longer(std::uint64_t number, std::uint64_t waits_for) {
  waiting_task& t = submitted_[number];
  t.waits_for = waits_for;
  return t.hurried;
}

void backlog::hurry(std::uint64_t number) {
  std::vector<std::uint64_t> numbers{number};
  while (!numbers.empty()) {
    const std::uint64_t n = numbers.back();
    numbers.pop_back();
    if (pending_graph* const g = graph_of(n)) {
      g->hurry_to = std::max(g->hurry_to, n + 1);
      if (others_there(*g) || std::exchange(g->others_hurried, true)) continue;
      for (std::size_t k = g->others_there; k < g->others.size(); ++k)
        if (const std::uint64_t other = number_of(g->others[k]); pending(other)) numbers.push_back(other);
    } else if (const auto t = submitted_.find(n); t != submitted_.end()) {
      if (!std::exchange(t->second.hurried, true)) numbers.push_back(t->second.waits_for);
    }
  }
}

bool backlog::others_there(pending_graph& g) const noexcept {
  while (g.others_there < g.others.size() && !pending(number_of(g.others[g.others_there]))) ++g.others_there;
  return g.others_there == g.others.size();
}

void backlog::due(std::uint64_t number) {
  if (waiting_.contains(number)) due_.insert(number);
}

void backlog::due(std::uint64_t first, std::uint64_t end) {
  for (auto e = waiting_.lower_bound(first); e != waiting_.end() && e->first < end;
       e = waiting_.upper_bound(e->first))
    due_.insert(e->first);
}

std::pair<std::uint64_t, backlog::entry> backlog::take_due() {
  const std::uint64_t number = *due_.begin();
  const auto e = waiting_.lower_bound(number);
  std::pair<std::uint64_t, entry> first(number, std::move(e->second));
  waiting_.erase(e);
  if (!waiting_.contains(number)) due_.erase(number);
  return first;
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
    assert(at != pins_.end());
    if (--at->second.count != 0) continue;
    if (at->second.released) free.push_back(id);
    pins_.erase(at);
  }
  return free;
}

}  // namespace weft::net
