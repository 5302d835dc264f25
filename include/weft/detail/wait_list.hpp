#pragma once

#include <coroutine>
#include <cstdint>
#include <mutex>

#include "weft/detail/leaf.hpp"
#include "weft/detail/memory.hpp"

namespace weft::detail {

/// An operation that waits in somebody's list. Under the lock of the list's owner it is, in this order: new;
/// waiting; then granted or cancelled, exactly one of them, by whoever takes it off the list.
struct wait_node {
  enum class status : std::uint8_t { fresh, waiting, granted, cancelled };
  wait_node* next = nullptr;
  wait_node* previous = nullptr;
  status state = status::fresh;
  std::uint8_t mode = 0;  // the owner's: what is waited for
};

/// Operations that were granted together and are to be resumed once the lock is released, linked by `next`.
class wait_chain {
 public:
  void add(wait_node& n) noexcept {
    n.next = nullptr;
    *end_ = &n;
    end_ = &n.next;
  }
  wait_node* first() const noexcept { return first_; }

 private:
  wait_node* first_ = nullptr;
  wait_node** end_ = &first_;
};

/// First in, first out; the owner's lock guards it.
class wait_list {
 public:
  bool empty() const noexcept { return !first_; }
  wait_node* front() const noexcept { return first_; }
  void push_back(wait_node& n) noexcept {
    n.state = wait_node::status::waiting;
    n.next = nullptr;
    n.previous = last_;
    (last_ ? last_->next : first_) = &n;
    last_ = &n;
  }
  void remove(wait_node& n, wait_node::status outcome) noexcept {
    (n.previous ? n.previous->next : first_) = n.next;
    (n.next ? n.next->previous : last_) = n.previous;
    n.state = outcome;
  }
  wait_node* pop_front() noexcept {
    wait_node* n = first_;
    if (n) remove(*n, wait_node::status::granted);
    return n;
  }
  wait_node* take_all() noexcept {
    wait_chain chain;
    while (wait_node* n = pop_front()) chain.add(*n);
    return chain.first();
  }
  /// For a stop: true when the node was waiting, and the caller must resume its operation. A node that is
  /// fresh is marked, so that it will not wait.
  bool cancel(wait_node& n) noexcept {
    if (n.state == wait_node::status::waiting) {
      remove(n, wait_node::status::cancelled);
      return true;
    }
    if (n.state == wait_node::status::fresh) n.state = wait_node::status::cancelled;
    return false;
  }

 private:
  wait_node* first_ = nullptr;
  wait_node* last_ = nullptr;
};

/// An awaitable operation of an owner that has a lock (`lock_`), a wait_list of its choice, and says whether
/// the operation can be done at once:
///   bool try_now(wait_node&, wait_node*&) - under the lock: done, no need to wait; the second gives the chain of
///                                           those who are let go by that
///   wait_list& list_for(wait_node&)       - where it waits otherwise
///   wait_node* abandoned(wait_node&)      - under the lock: a waiting operation was cancelled; gives the chain
///                                           of those who are let in because of that
template <class Owner>
class waiting_operation : public leaf<waiting_operation<Owner>>, public wait_node {
 public:
  waiting_operation(Owner& owner, std::uint8_t what) noexcept : owner_(owner) { mode = what; }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) noexcept {
    if (!this->listen(h)) {
      state = status::cancelled;
      return false;
    }
    wait_node* released = nullptr;
    {
      std::lock_guard guard(owner_.lock_);
      if (state == status::cancelled) return false;
      if (!owner_.try_now(*this, released)) {
        owner_.list_for(*this).push_back(*this);
        return true;
      }
      state = status::granted;
    }
    resume_all(released);
    return false;
  }
  void await_resume() {
    this->deafen();
    if (state == status::cancelled) throw_cancelled();
  }
  void on_stop() noexcept {
    wait_node* granted = nullptr;
    {
      std::lock_guard guard(owner_.lock_);
      if (!owner_.list_for(*this).cancel(*this)) return;
      granted = owner_.abandoned(*this);
    }
    resume_all(granted);
    this->resume();
  }

  /// Resumes a chain of granted operations, linked by `next`; to be called without the lock. An operation may
  /// end as soon as it is resumed, and with it the owner.
  static void resume_all(wait_node* n) noexcept {
    while (n) {
      wait_node* next = n->next;
      static_cast<waiting_operation*>(n)->resume();
      n = next;
    }
  }

 protected:
  Owner& owner_;
};

}  // namespace weft::detail
