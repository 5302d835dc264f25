// The channel's state and its lock: elements are neither lost nor doubled nor reordered, whoever waits, closes or is
// stopped.
#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "support/interleave.hpp"
#include "weft/channel.hpp"

using namespace weft::test::interleave;
using weft::detail::wait_node;

namespace {

using word = memory::atomic<std::uint32_t>;
using core = weft::detail::basic_channel<int, memory>;

/// A waiting operation of a thread: it sleeps on a word until somebody resumes it.
struct sender : core::send_node {
  using core::send_node::send_node;
  word resumed{0};
};
struct receiver : core::receive_node {
  word resumed{0};
};

template <class Node>
void resume(Node& n) {
  n.resumed.store(1);
  memory::futex_wake(n.resumed, 1);
}
template <class Node>
void sleep(Node& n) {
  while (n.resumed.load() == 0) memory::futex_wait(n.resumed, 0);
}

/// Sends; false when the channel was closed.
bool send(core& c, int v) {
  sender n(v);
  wait_node* peer = nullptr;
  const auto step = c.send(n, peer);
  if (peer) resume(*static_cast<receiver*>(peer));
  if (step == core::step::wait) sleep(n);
  return n.accepted;
}

std::optional<int> receive(core& c) {
  receiver n;
  wait_node* peer = nullptr;
  const auto step = c.receive(n, peer);
  if (peer) resume(*static_cast<sender*>(peer));
  if (step == core::step::wait) sleep(n);
  return n.element;
}

void close(core& c) {
  bool senders = false;
  wait_node* n = c.close(senders);
  while (n) {
    wait_node* next = n->next;
    if (senders)
      resume(*static_cast<sender*>(n));
    else
      resume(*static_cast<receiver*>(n));
    n = next;
  }
}

}  // namespace

TEST_CASE("channel: two senders and two receivers lose nothing and keep each sender's order", "[interleave]") {
  for (const std::size_t capacity : {0u, 1u, 2u})
    explore({.seeds = 2500}, [capacity](run& r) {
      core c(capacity);
      word sending{2};
      std::vector<int> got[2];
      for (int s = 0; s < 2; ++s)
        r.thread([&, s] {
          for (int i = 0; i < 3; ++i) r.require(send(c, 10 * s + i), "an open channel refused an element");
          if (sending.fetch_sub(1) == 1) close(c);
        });
      for (auto& mine : got)
        r.thread([&] {
          while (auto v = receive(c)) mine.push_back(*v);
        });
      r.go();
      int seen[20] = {};
      for (const auto& mine : got) {
        int last[2] = {-1, -1};
        for (const int v : mine) {
          r.require(++seen[v] == 1, "an element was received twice");
          r.require(v % 10 > last[v / 10], "a sender's elements came out of order");
          last[v / 10] = v % 10;
        }
      }
      r.require(got[0].size() + got[1].size() == 6, "an element was lost");
    });
}

TEST_CASE("channel: what is accepted before the close is received, and nothing else", "[interleave]") {
  explore({.seeds = 5000}, [](run& r) {
    core c(1);
    int accepted = 0;
    std::vector<int> got;
    r.thread([&] {
      for (int i = 0; i < 4; ++i) accepted += send(c, i) ? 1 : 0;
    });
    r.thread([&] {
      while (auto v = receive(c)) got.push_back(*v);
    });
    r.thread([&] { close(c); });
    r.go();
    r.require(static_cast<int>(got.size()) == accepted, "accepted and received differ");
    for (int i = 0; i < accepted; ++i) r.require(got[static_cast<std::size_t>(i)] == i, "wrong element");
  });
}

TEST_CASE("channel: a stop takes a waiting operation out, or comes too late", "[interleave]") {
  explore({.seeds = 6000}, [](run& r) {
    core c(0);
    sender waits(7);
    std::optional<int> got;
    bool cancelled = false;
    r.thread([&] {
      wait_node* peer = nullptr;
      const auto step = c.send(waits, peer);
      if (peer) resume(*static_cast<receiver*>(peer));
      if (step == core::step::wait) sleep(waits);
      if (waits.state == wait_node::status::cancelled) close(c);
    });
    r.thread([&] {
      cancelled = c.cancel(waits);
      if (cancelled) resume(waits);
    });
    r.thread([&] { got = receive(c); });
    r.go();
    const bool stopped = waits.state == wait_node::status::cancelled;
    r.require(!cancelled || stopped, "a cancelled operation was not marked");
    r.require(stopped == !got.has_value(), "an element was both cancelled and received, or neither");
    r.require(!got || *got == 7, "wrong element");
  });
}

TEST_CASE("lock: it excludes, and wakes whom it let wait", "[interleave]") {
  explore({.seeds = 5000}, [](run& r) {
    weft::detail::basic_lock<memory> lock;
    word inside{0};
    int plain = 0;
    for (int t = 0; t < 3; ++t)
      r.thread([&] {
        for (int i = 0; i < 2; ++i) {
          lock.lock();
          r.require(inside.fetch_add(1) == 0, "two hold the lock");
          ++plain;
          inside.fetch_sub(1);
          lock.unlock();
        }
      });
    r.go();
    r.require(plain == 6, "an increment was lost");
  });
}
