#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "weft/detail/memory.hpp"
#include "weft/future.hpp"
#include "weft/stream.hpp"
#include "weft/sync.hpp"

namespace weft {

namespace detail {

/// Tells which of some nodes have ended, in the order in which they do. Made in the heap: the nodes refer to it until
/// they have ended, or its owner has let go.
class arrivals {
 public:
  struct let_go {
    void operator()(arrivals* a) const noexcept { a->leave(); }
  };
  using owner = std::unique_ptr<arrivals, let_go>;

  static owner watch(std::vector<node*> nodes);
  /// The place of the next one that has ended.
  task<std::size_t> next();

 private:
  struct watcher : waiter {
    watcher(arrivals& a, std::size_t i) noexcept : waiter(&arrivals::on_end), of(a), place(i) {}
    arrivals& of;
    std::size_t place;
  };
  explicit arrivals(std::vector<node*> nodes)
      : nodes_(std::move(nodes)), engines_(nodes_.empty() ? nullptr : state_around(*nodes_.front())), ended_(0) {}
  static void on_end(waiter& w) noexcept;
  void arrived(std::size_t place) noexcept;
  void leave() noexcept;
  void drop(std::size_t references) noexcept {
    if (references_.fetch_sub(references, std::memory_order_acq_rel) == references) delete this;
  }

  std::vector<node*> nodes_;
  const stop_state* const engines_;  // around what may have submitted the first
  std::vector<std::unique_ptr<watcher>> watchers_;
  short_lock lock_;
  std::vector<std::size_t> order_;  // places, as they ended; room for all is reserved
  std::size_t told_ = 0;
  semaphore ended_;
  std::atomic<std::size_t> references_{1};  // the owner, and nodes that have not ended
};

}  // namespace detail

/// The futures, each when its task has ended, in whatever way: `while (auto f = co_await s.next()) use(co_await *f);`
/// Letting go of the stream does nothing to the tasks but let go of their futures.
template <class T>
stream<future<T>> as_completed(std::vector<future<T>> futures) {
  std::vector<detail::node*> nodes;
  for (const future<T>& f : futures) nodes.push_back(&f.need());
  const std::size_t count = nodes.size();
  auto coming = detail::arrivals::watch(std::move(nodes));
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t place = co_await coming->next();
    co_yield std::move(futures[place]);
  }
}

}  // namespace weft
