#include "weft/as_completed.hpp"

#include <mutex>

#include "weft/detail/node_stop.hpp"
#include "weft/detail/run_under.hpp"

namespace weft::detail {

arrivals::owner arrivals::watch(std::vector<node*> nodes) {
  owner a(new arrivals(std::move(nodes)));
  const std::size_t n = a->nodes_.size();
  a->order_.reserve(n);
  for (std::size_t i = 0; i < n; ++i) a->watchers_.push_back(std::make_unique<watcher>(*a, i));
  a->references_.store(n + 1, std::memory_order_relaxed);
  std::size_t over = 0;
  for (std::size_t i = 0; i < n; ++i)
    if (!add_waiter(*a->nodes_[i], *a->watchers_[i])) {
      a->arrived(i);
      ++over;
    }
  a->references_.fetch_sub(over, std::memory_order_relaxed);  // the owner's is left
  return a;
}

/// Gives up the node's reference: the object may be gone afterwards.
void arrivals::on_end(waiter& w) noexcept {
  const auto& self = static_cast<watcher&>(w);
  arrivals& a = self.of;
  a.arrived(self.place);
  a.drop(1);
}

void arrivals::arrived(std::size_t place) noexcept {
  {
    std::lock_guard guard(lock_);
    order_.push_back(place);
  }
  ended_.release();
}

task<std::size_t> arrivals::next() {
  const surroundings::values around = co_await surroundings{};
  node_wait_mark mark;
  mark.set(engines_, around.stop);
  co_await ended_.acquire();
  mark.clear();
  std::lock_guard guard(lock_);
  const std::size_t place = order_[told_++];
  nodes_[place] = nullptr;  // whoever is told may let go of it
  co_return place;
}

/// The owner goes. What is being told at this moment finds the object there still.
void arrivals::leave() noexcept {
  std::size_t references = 1;
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (nodes_[i] && withdraw_waiter(*nodes_[i], *watchers_[i])) ++references;
  drop(references);
}

}  // namespace weft::detail
