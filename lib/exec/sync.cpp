#include "weft/sync.hpp"

#include <mutex>

namespace weft {

using detail::wait_chain;
using detail::wait_node;

// ---- semaphore -----------------------------------------------------------------------------------------

bool semaphore::try_now(wait_node&, wait_node*&) noexcept {
  if (permits_ == 0 || !waiting_.empty()) return false;
  --permits_;
  return true;
}

bool semaphore::try_acquire() noexcept {
  std::lock_guard guard(lock_);
  if (permits_ == 0) return false;
  --permits_;
  return true;
}

void semaphore::release(std::size_t permits) noexcept {
  wait_chain granted;
  {
    std::lock_guard guard(lock_);
    for (; permits > 0 && !waiting_.empty(); --permits) granted.add(*waiting_.pop_front());
    permits_ += permits;
  }
  detail::waiting_operation<semaphore>::resume_all(granted.first());
}

// ---- shared_mutex --------------------------------------------------------------------------------------

bool shared_mutex::admits(const wait_node& n) const noexcept {
  return !writer_ && (n.mode == shared || readers_ == 0);
}

void shared_mutex::enter(const wait_node& n) noexcept {
  if (n.mode == exclusive)
    writer_ = true;
  else
    ++readers_;
}

bool shared_mutex::try_now(wait_node& n, wait_node*&) noexcept {
  if (!waiting_.empty() || !admits(n)) return false;
  enter(n);
  return true;
}

/// Under the lock: lets in whom the state now admits, in order.
wait_node* shared_mutex::let_in() noexcept {
  wait_chain granted;
  for (wait_node* n = waiting_.front(); n && admits(*n); n = waiting_.front()) {
    enter(*n);
    granted.add(*waiting_.pop_front());
  }
  return granted.first();
}

void shared_mutex::release(bool was_exclusive) noexcept {
  wait_node* granted = nullptr;
  {
    std::lock_guard held(lock_);
    if (was_exclusive)
      writer_ = false;
    else
      --readers_;
    granted = let_in();
  }
  operation::resume_all(granted);
}

// ---- event, latch, barrier -----------------------------------------------------------------------------

void event::set() noexcept {
  wait_node* granted = nullptr;
  {
    std::lock_guard guard(lock_);
    set_ = true;
    granted = waiting_.take_all();
  }
  detail::waiting_operation<event>::resume_all(granted);
}

void event::reset() noexcept {
  std::lock_guard guard(lock_);
  set_ = false;
}

bool event::is_set() noexcept {
  std::lock_guard guard(lock_);
  return set_;
}

void latch::count_down(std::size_t n) {
  wait_node* granted = nullptr;
  {
    std::lock_guard guard(lock_);
    if (n > left_) throw misuse("weft: a latch was counted down below zero");
    left_ -= n;
    if (left_ == 0) granted = waiting_.take_all();
  }
  detail::waiting_operation<latch>::resume_all(granted);
}

bool barrier::try_now(wait_node&, wait_node*& released) noexcept {
  if (++arrived_ < parties_) return false;
  arrived_ = 0;
  released = waiting_.take_all();
  return true;
}

}  // namespace weft
