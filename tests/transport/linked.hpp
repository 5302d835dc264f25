#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "transport/connected.hpp"
#include "transport/hub.hpp"

/// A hub and links to it, and handlers that write down what they are told.
namespace linked {

using namespace weft::net;

/// The one message of these tests: retract_tasks and so on would do as well.
inline release_tasks numbers(std::span<const task_id> ids) {
  release_tasks m{};
  m.tasks = ids;
  return m;
}

class notes : public link_handler {
 public:
  void received(peer_link& from, std::span<const std::byte> messages) override {
    batch_reader r(messages);
    std::uint16_t kind = 0;
    std::unique_lock guard(mutex);
    while (r.next(kind)) {
      if (kind == static_cast<std::uint16_t>(message_kind::release_tasks)) {
        const auto m = r.get<release_tasks>();
        got.insert(got.end(), m.tasks.begin(), m.tasks.end());
        if (on_numbers) on_numbers(from, m.tasks);
      } else if (kind == static_cast<std::uint16_t>(message_kind::value_header)) {
        const auto m = r.get<value_header>();
        inbound in;
        for (const std::uint64_t n : m.attachments) in.memory.emplace_back(n);
        std::vector<std::span<std::byte>> to;
        for (auto& v : in.memory) to.emplace_back(v);
        in.to = inbound_stream(std::move(to));
        in.chunks_before = chunks;
        if (values_wanted) values[m.request] = std::move(in);
      } else {
        throw protocol_error("an unknown message");
      }
    }
    changed.notify_all();
  }
  void caught_up(peer_link&) override {
    std::lock_guard guard(mutex);
    handled = got.size();
    changed.notify_all();
  }
  std::span<std::byte> place(peer_link&, std::uint64_t stream, std::uint64_t offset, std::size_t bytes) override {
    std::lock_guard guard(mutex);
    const auto at = values.find(stream);
    return at == values.end() ? std::span<std::byte>() : at->second.to.place(offset, bytes);
  }
  void chunk(peer_link&, std::uint64_t stream, std::uint64_t offset, std::span<const std::byte> bytes) override {
    std::lock_guard guard(mutex);
    ++chunks;
    const auto at = values.find(stream);
    if (at != values.end()) at->second.to.arrived(offset, bytes);
    if (on_chunk) on_chunk();
    changed.notify_all();
  }
  void interrupted(peer_link&) override {
    std::lock_guard guard(mutex);
    ++interruptions;
    for (auto at = values.begin(); at != values.end();)
      at = at->second.to.complete() ? std::next(at) : values.erase(at);
    changed.notify_all();
  }
  void resumed(peer_link&) override {
    std::lock_guard guard(mutex);
    ++resumptions;
    changed.notify_all();
  }
  void ended(peer_link&, const std::string& reason, bool in_order) override {
    std::lock_guard guard(mutex);
    end = reason;
    ended_in_order = in_order;
    is_over = true;
    changed.notify_all();
  }

  template <class F>
  bool wait(F f) {
    std::unique_lock guard(mutex);
    return changed.wait_for(guard, connected::limit, f);
  }
  bool wait_for_end() {
    return wait([this] { return is_over; });
  }

  struct inbound {
    std::vector<std::vector<std::byte>> memory;
    inbound_stream to;
    std::size_t chunks_before = 0;
  };
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<task_id> got;
  std::map<std::uint64_t, inbound> values;
  std::function<void(peer_link&, std::span<const task_id>)> on_numbers;
  std::function<void()> on_chunk;
  bool values_wanted = true;
  std::size_t handled = 0;  // of `got`, when it had caught up
  std::size_t chunks = 0, interruptions = 0, resumptions = 0;
  bool is_over = false, ended_in_order = false;
  std::string end;
};

class doorman : public hub_handler {
 public:
  admission admit(const link_peer& peer) override {
    std::lock_guard guard(mutex);
    admission a;
    if (refuse_by) {
      a.code = *refuse_by;
      a.reason = "no " + std::string(to_string(peer.says.role)) + " is wanted here";
      return a;
    }
    a.handler = handler;
    a.peer = ++peers;
    return a;
  }
  void begun(std::shared_ptr<peer_link> l) override {
    std::lock_guard guard(mutex);
    links.push_back(std::move(l));
    changed.notify_all();
  }
  std::shared_ptr<peer_link> wait_for_link(std::size_t n = 1) {
    std::unique_lock guard(mutex);
    changed.wait_for(guard, connected::limit, [&] { return links.size() >= n; });
    return links.at(n - 1);
  }

  std::shared_ptr<notes> handler = std::make_shared<notes>();
  std::optional<refusal> refuse_by;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::shared_ptr<peer_link>> links;
  peer_id peers = 0;
};

inline greeting says(peer_role role, std::string name) {
  greeting g;
  g.role = role;
  g.name = std::move(name);
  g.incarnation = 77;
  return g;
}

/// A pool, a hub on it, and a link to that.
struct meeting {
  explicit meeting(const std::string& transport, link_options o = {}, unsigned threads = 2)
      : pool({.threads = threads}), options(o), secure(transport == "tls") {
    hub_options h;
    h.link = o;
    listening.emplace(pool, secure ? connected::as(peer_role::scheduler) : security(),
                      says(peer_role::scheduler, "the scheduler"), h, door);
    at = listening->listen(connected::place(transport, dir));
  }
  ~meeting() {
    if (left) left->close(bye_code::finished, "the test is over");
    listening.reset();
    if (left) near->wait_for_end();
    for (const auto& l : door->links) l->close(bye_code::finished, "the test is over");
    door->links.clear();
    left.reset();
    pool.drain();
  }
  void meet() {
    left = dial(near);
    right = door->wait_for_link();
  }
  std::shared_ptr<peer_link> dial(std::shared_ptr<notes> handler, peer_role role = peer_role::worker) {
    const security who = secure ? connected::as(peer_role::worker) : security();
    return pool.run(peer_link::dial(pool, at, who, says(role, "worker-1"), options, handler));
  }

  test_directory dir;
  weft::pool pool;
  link_options options;
  bool secure;
  std::shared_ptr<doorman> door = std::make_shared<doorman>();
  std::shared_ptr<notes> near = std::make_shared<notes>();
  std::shared_ptr<notes>& far = door->handler;
  std::optional<hub> listening;
  address at;
  std::shared_ptr<peer_link> left, right;
};

}  // namespace linked
