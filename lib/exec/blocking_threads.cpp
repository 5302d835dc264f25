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

void blocking_threads::submit(work_item* item) {
  if (inline_) return item->resume(item);
  std::lock_guard guard(lock_);
  queue_.push_back(item);
  if (queue_.size() > idle_ && threads_.size() < most_) {
    try {
      threads_.push_back(env_.start_thread({name_ + "/blocking", -1}, [this] { run(); }));
    } catch (...) {
      if (threads_.empty()) {  // with no thread at all the call would wait for ever
        queue_.pop_back();
        throw;
      }
    }
  }
  queued_.notify_one();  // under the lock: once the item is taken the pool may end, and this with it
}

bool blocking_threads::withdraw(work_item* item) noexcept {
  std::lock_guard guard(lock_);
  const auto at = std::find(queue_.begin(), queue_.end(), item);
  if (at == queue_.end()) return false;
  queue_.erase(at);
  return true;
}

void blocking_threads::run() {
  std::unique_lock guard(lock_);
  for (;;) {
    ++idle_;
    queued_.wait(guard, [this] { return ending_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    work_item* item = queue_.front();
    queue_.pop_front();
    guard.unlock();
    item->resume(item);
    guard.lock();
  }
}

void run_blocking(pool_core& pool, work_item* item) { pool.blocking().submit(item); }
bool withdraw_blocking(pool_core& pool, work_item* item) noexcept { return pool.blocking().withdraw(item); }

}  // namespace weft::detail
