#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/detail/wait_list.hpp"

namespace weft {

namespace detail {

/// The state of a channel, without the waiting itself: what the interleaving tests drive.
///
/// Invariants, under the lock: senders wait only while the buffer is full and the channel open, receivers only
/// while it is empty and open; so never both. An element goes from the sender to a waiting receiver straight,
/// or through the buffer, in order: a receiver takes the buffer's oldest, and the first waiting sender's element
/// goes to the buffer's end.
///
/// An element whose move throws is its sender's failure: it comes out of the send, the others go on, and the channel
/// is as if nothing had been sent. Only where a receiver takes the buffer's oldest it is the receiver's, and that
/// stays.
template <class T, class Memory>
class basic_channel {
 public:
  struct send_node : wait_node {
    explicit send_node(T v) : element(std::move(v)) {}
    std::optional<T> element;
    bool accepted = false;      // false at the end: the channel was closed
    std::exception_ptr failed;  // while it waited: what its element's move threw
  };
  struct receive_node : wait_node {
    std::optional<T> element;  // none at the end: closed, and empty
  };
  enum class step { done, wait };

  explicit basic_channel(std::size_t capacity) : ring_(capacity ? capacity : 1), rendezvous_(capacity == 0) {}

  /// `peer` is set to a receiver that has got its element and must be resumed.
  step send(send_node& n, wait_node*& peer) {
    std::lock_guard guard(lock_);
    if (n.state == wait_node::status::cancelled) return step::done;
    if (closed_) return n.state = wait_node::status::granted, step::done;
    if (wait_node* r = receivers_.front()) {
      static_cast<receive_node*>(r)->element = std::move(n.element);  // before it is let go: this may throw
      peer = receivers_.pop_front();
    } else if (!rendezvous_ && count_ < ring_.size()) {
      put(n.element);
    } else {
      senders_.push_back(n);
      return step::wait;
    }
    n.accepted = true;
    n.state = wait_node::status::granted;
    return step::done;
  }

  /// `peers` is set to a chain, linked by `next`, of senders who must be resumed: one whose element was accepted, and
  /// before it those whose elements could not be moved.
  step receive(receive_node& n, wait_node*& peers) {
    std::lock_guard guard(lock_);
    if (n.state == wait_node::status::cancelled) return step::done;
    if (count_ > 0) {
      take(n.element);
      let_one_send(peers, [this](std::optional<T>& element) { put(element); });
    } else {
      const bool sent = let_one_send(peers, [&n](std::optional<T>& element) { n.element = std::move(element); });
      if (!sent && !closed_) {
        receivers_.push_back(n);
        return step::wait;
      }
    }
    n.state = wait_node::status::granted;
    return step::done;
  }

  /// A chain, linked by `next`, of all who waited and must be resumed; `senders` tells which kind they are.
  wait_node* close(bool& senders) {
    std::lock_guard guard(lock_);
    closed_ = true;
    senders = !senders_.empty();
    wait_list& list = senders ? senders_ : receivers_;
    return list.take_all();
  }

  bool cancel(send_node& n) {
    std::lock_guard guard(lock_);
    return senders_.cancel(n);
  }
  bool cancel(receive_node& n) {
    std::lock_guard guard(lock_);
    return receivers_.cancel(n);
  }
  bool closed() {
    std::lock_guard guard(lock_);
    return closed_;
  }

 private:
  // Both move the element before they change anything else: where that throws, nothing has happened.
  void put(std::optional<T>& from) {
    ring_[(head_ + count_) % ring_.size()] = std::move(from);
    ++count_;
  }
  void take(std::optional<T>& into) {
    into = std::move(ring_[head_]);
    ring_[head_].reset();
    head_ = (head_ + 1) % ring_.size();
    --count_;
  }
  /// Moves the first element that waits to where `move` says; false when none was there, or none could be moved.
  template <class Move>
  bool let_one_send(wait_node*& peers, Move move) {
    wait_chain let_go;
    bool sent = false;
    while (!sent && !senders_.empty()) {
      auto& s = static_cast<send_node&>(*senders_.pop_front());
      let_go.add(s);
      try {
        move(s.element);
        s.accepted = sent = true;
      } catch (...) { s.failed = std::current_exception(); }
    }
    peers = let_go.first();
    return sent;
  }

  basic_lock<Memory> lock_;
  std::vector<std::optional<T>> ring_;
  const bool rendezvous_;  // a capacity of 0: the sender waits until its element is received
  std::size_t head_ = 0, count_ = 0;
  bool closed_ = false;
  wait_list senders_, receivers_;
};

}  // namespace detail

/// A bounded queue between tasks, many to many, first in first out; it can be closed.
///
/// A full channel makes senders wait (back-pressure), an empty one receivers; a capacity of 0 makes each sender
/// wait for its receiver. What was sent before the channel was closed is still received. Cost: tens of
/// nanoseconds an element when nobody waits; the buffer is allocated once. It must outlive those who wait in it.
template <class T>
class channel {
  using core = detail::basic_channel<T, detail::real_memory>;

 public:
  explicit channel(std::size_t capacity) : core_(capacity) {}
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;

  class send_operation : public detail::leaf<send_operation>, public core::send_node {
   public:
    send_operation(channel& c, T v) : core::send_node(std::move(v)), channel_(c) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
      return this->begin(h, [this] {
        detail::wait_node* peer = nullptr;
        const auto step = channel_.core_.send(*this, peer);
        if (peer) static_cast<receive_operation*>(peer)->resume();
        return step == core::step::wait;
      });
    }
    bool await_resume() {
      this->deafen();
      if (this->stopped() || this->state == detail::wait_node::status::cancelled) detail::throw_cancelled();
      if (this->failed) std::rethrow_exception(std::move(this->failed));
      return this->accepted;
    }
    void on_stop() noexcept {
      if (channel_.core_.cancel(*this)) this->resume();
    }

   private:
    channel& channel_;
  };

  class receive_operation : public detail::leaf<receive_operation>, public core::receive_node {
   public:
    explicit receive_operation(channel& c) : channel_(c) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
      return this->begin(h, [this] {
        detail::wait_node* peers = nullptr;
        const auto step = channel_.core_.receive(*this, peers);
        while (peers) {
          detail::wait_node* next = peers->next;  // who is resumed may be gone
          static_cast<send_operation*>(peers)->resume();
          peers = next;
        }
        return step == core::step::wait;
      });
    }
    std::optional<T> await_resume() {
      this->deafen();
      if (this->stopped() || this->state == detail::wait_node::status::cancelled) detail::throw_cancelled();
      return std::move(this->element);
    }
    void on_stop() noexcept {
      if (channel_.core_.cancel(*this)) this->resume();
    }

   private:
    channel& channel_;
  };

  /// `bool accepted = co_await c.send(v);` false when the channel is closed; the value is gone then.
  /// What a move of the value throws comes out of this await; the channel goes on without the value.
  [[nodiscard("weft: co_await it")]] send_operation send(T value) { return send_operation(*this, std::move(value)); }

  /// `while (std::optional<T> v = co_await c.receive()) ...` none when the channel is closed and empty.
  [[nodiscard("weft: co_await it")]] receive_operation receive() { return receive_operation(*this); }

  /// Sends that wait give false; receives go on until the channel is empty. May be called again.
  void close() {
    bool senders = false;
    detail::wait_node* n = core_.close(senders);
    while (n) {
      detail::wait_node* next = n->next;
      if (senders)
        static_cast<send_operation*>(n)->resume();
      else
        static_cast<receive_operation*>(n)->resume();
      n = next;
    }
  }
  bool closed() { return core_.closed(); }

 private:
  core core_;
};

}  // namespace weft
