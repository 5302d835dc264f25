#include "exec/blocking_threads.hpp"

#include <algorithm>

#include "exec/pool_core.hpp"
#include "weft/blocking.hpp"

namespace weft::detail {

blocking_threads::~blocking_threads() {
  {
    std::lock_guard guard(lock_);
    ending_ = true;
  }
  queued_.notify_all();
  for (auto& t : threads_) t->join();
}

bool blocking_threads::submit(work_item* item, blocking_place& place) {
  std::unique_lock guard(lock_);
  if (place == blocking_place::withdrawn) return false;
  if (inline_) {
    place = blocking_place::begun;
    guard.unlock();
    item->resume(item);
    return true;
  }
  queue_.push_back({item, &place});
  place = blocking_place::queued;
  if (queue_.size() > idle_ && threads_.size() < most_) {
    try {
      threads_.push_back(env_.start_thread({name_ + "/blocking", -1}, [this] { run(); }));
    } catch (...) {
      if (threads_.empty()) {  // with no thread at all the call would wait for ever
        queue_.pop_back();
        place = blocking_place::nowhere;
        throw;
      }
    }
  }
  queued_.notify_one();  // under the lock: once the item is taken the pool may end, and this with it
  return true;
}

bool blocking_threads::withdraw(work_item* item, blocking_place& place) noexcept {
  std::lock_guard guard(lock_);
  const bool waits = place == blocking_place::queued;
  if (place == blocking_place::begun) return false;
  place = blocking_place::withdrawn;
  if (waits) queue_.erase(std::find_if(queue_.begin(), queue_.end(), [=](const call& c) { return c.item == item; }));
  return waits;
}

void blocking_threads::run() {
  std::unique_lock guard(lock_);
  for (;;) {
    ++idle_;
    queued_.wait(guard, [this] { return ending_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    work_item* const item = queue_.front().item;
    *queue_.front().place = blocking_place::begun;
    queue_.pop_front();
    guard.unlock();
    item->resume(item);
    guard.lock();
  }
}

bool run_blocking(pool_core& pool, work_item* item, blocking_place& place) {
  return pool.blocking().submit(item, place);
}
bool withdraw_blocking(pool_core& pool, work_item* item, blocking_place& place) noexcept {
  return pool.blocking().withdraw(item, place);
}

}  // namespace weft::detail
