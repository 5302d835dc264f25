#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

#include "worker/core.hpp"

namespace weft::net::test {

inline constexpr peer_id self = 1, first_peer = 2, peers = 4;

inline void must(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

class dice {
 public:
  explicit dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  std::uint64_t operator()(std::uint64_t n) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return (state_ >> 11) % n;
  }
  bool one_in(std::uint64_t n) { return (*this)(n) == 0; }

 private:
  std::uint64_t state_;
};

enum class node_state { remote, waiting, running, value, failed, gone };
struct node {
  task_id id = 0;
  std::uint32_t attempt = 0;
  node_state state = node_state::waiting;
  bool stopped = false, needed = false;
  bool lent = false, may_take = false, taken = false;
  std::vector<std::shared_ptr<node>> inputs;
};

struct event {
  enum { began, done, failed, cancelled, need, need_not, dropped, taken } kind;
  task_id id;
  std::uint32_t attempt;
};

/// An engine and the links to peers, which check what they are asked for, and take steps at random.
struct engine final : worker_host {
  engine(dice& d, const fetch_limits& l) : roll(d), limits(l) {}

  void define(const define_module&) override {}
  void define(const define_options&) override {}
  void peer(const peer_info&) override {}
  void peer_left(peer_id p) override { requests.erase(p); }
  void remote(task_id id, std::uint64_t bytes) override {
    note(1, id, bytes);
    must(!known.contains(id), "remote() of what is known");
    auto n = std::make_shared<node>();
    n->id = id;
    n->state = node_state::remote;
    known[id] = n;
    sizes[id] = bytes;
  }
  void given(task_id id, std::uint64_t bytes, std::span<const std::byte> message) override {
    note(9, id, bytes);
    must(!known.contains(id), "given() of what is known");
    must(!message.empty(), "given() of nothing");
    auto n = std::make_shared<node>();
    n->id = id;
    n->state = node_state::value;
    known[id] = n;
    sizes[id] = bytes;
  }
  void expect(const run_task&) override { must(false, "nothing is offered here"); }
  void await_giver(peer_id, std::uint64_t) override { must(false, "nobody offers anything here"); }
  void submit(const run_task& t) override {
    note(2, t.id, t.attempt);
    must(!known.contains(t.id), "submit() of what is known");
    auto n = std::make_shared<node>();
    n->id = t.id;
    n->attempt = t.attempt;
    for (const input_ref& i : t.inputs) {
      must(known.contains(i.id), "submit() with an input that nobody has told of");
      n->inputs.push_back(known[i.id]);
      must(!n->inputs.back()->taken, "submit() with an input that was given away");
    }
    for (std::size_t i = 0; i < n->inputs.size() && i < 16; ++i)
      if ((t.last_uses >> i & 1) != 0) n->inputs[i]->lent = n->may_take = true;
    known[t.id] = n;
    alive.push_back(n);
  }
  bool withdraw(task_id id) override {
    note(3, id, 0);
    must(known.contains(id), "withdraw() of what is not known");
    const auto n = known[id];
    must(n->attempt != 0, "withdraw() of what is no task");
    if (n->state != node_state::waiting) return false;
    n->state = node_state::gone;
    known.erase(id);
    return true;
  }
  void stop(task_id id) override {
    note(4, id, 0);
    must(known.contains(id), "stop() of what is not known");
    must(!known[id]->stopped, "stop() twice");
    known[id]->stopped = true;
  }
  task_id hold(const run_task& t) override {
    for (const input_ref& i : t.inputs) {
      must(known.contains(i.id), "hold() of an input that nobody has told of");
      if (known[i.id]->taken) return i.id;
    }
    return 0;
  }
  bool has(task_id id) override {
    must(known.contains(id), "has() of what is not known");
    return !known[id]->taken;
  }
  void drop(task_id id) override {
    note(5, id, 0);
    must(known.contains(id), "drop() of what is not known");
    if (known[id]->state == node_state::remote) known[id]->state = node_state::gone;
    known.erase(id);
  }
  void fetch(peer_id p, std::uint64_t request, std::span<const task_id> ids) override {
    note(6, p, request);
    must(!requests.contains(p), "two requests to one peer");
    must(requests.size() < limits.peers, "too many peers at once");
    must(ids.size() <= limits.batch_values, "too many values in a request");
    std::uint64_t bytes = 0, before = 0;
    for (const auto& [other, r] : requests)
      for (const task_id id : r.ids) before += sizes[id];
    for (const task_id id : ids) {
      must(known.contains(id) && known[id]->state == node_state::remote, "fetch of what is not remote");
      for (const auto& [other, r] : requests)
        must(std::find(r.ids.begin(), r.ids.end(), id) == r.ids.end(), "fetched from two peers at once");
      bytes += sizes[id];
    }
    must(ids.size() == 1 || bytes <= limits.batch_bytes, "a request that is too large");
    must(bytes + before <= limits.bytes || (ids.size() == 1 && requests.empty()), "too much on its way");
    if (paused)
      for (const task_id id : ids) must(frees(id), "a fetch in a pause");
    requests[p] = {request, {ids.begin(), ids.end()}};
  }
  void give_up(peer_id p, std::uint64_t request) override {
    note(7, p, request);
    must(requests.contains(p) && requests[p].number == request, "give_up() of no request");
    requests.erase(p);
  }
  void will_push(peer_id) override {}
  void push(peer_id, task_id, std::uint64_t, std::span<const std::byte>) override {}
  static bool frees(task_id id) { return id % 3 == 0; }

  void end(const std::shared_ptr<node>& n, node_state s, decltype(event::kind) kind) {
    n->state = s;
    events.push_back({kind, n->id, n->attempt});
  }
  /// One task goes a step. `only_forward`: tasks end, and nothing is lost.
  bool step(bool only_forward) {
    std::erase_if(alive, [](const auto& n) { return n->state > node_state::running; });
    bool moved = false;
    if (!only_forward && roll.one_in(8) && !known.empty()) {
      auto it = known.begin();
      std::advance(it, static_cast<std::ptrdiff_t>(roll(known.size())));
      if (it->second->state == node_state::value && !it->second->taken)
        end(it->second, node_state::gone, event::dropped);
      if (it->second->state == node_state::remote && it->second->needed) {
        it->second->needed = false;
        events.push_back({event::need_not, it->first, 0});
      }
    }
    if (alive.empty()) return moved;
    const std::size_t at = roll(alive.size());
    for (std::size_t i = 0; i < alive.size() && !moved; ++i) moved = advance(alive[(at + i) % alive.size()]);
    return moved;
  }
  bool advance(const std::shared_ptr<node>& n) {
    if (n->state == node_state::running) {
      take_inputs(*n);
      const std::uint64_t luck = roll(8);
      if (n->stopped && luck < 5)
        end(n, node_state::failed, event::cancelled);
      else if (luck == 7)
        end(n, node_state::failed, event::failed);
      else
        end(n, node_state::value, event::done);
      return true;
    }
    bool ready = true, moved = false;
    for (const auto& i : n->inputs) {
      if (i->state == node_state::failed || i->state == node_state::gone) {
        end(n, node_state::failed, roll.one_in(2) ? event::failed : event::cancelled);
        return true;
      }
      if (i->state != node_state::value) ready = false;
      if (i->state == node_state::remote && !i->needed && known.contains(i->id) && known[i->id] == i) {
        i->needed = moved = true;
        events.push_back({event::need, i->id, 0});
      }
    }
    if (!ready) return moved;
    n->state = node_state::running;
    events.push_back({event::began, n->id, n->attempt});
    return true;
  }

  /// What is lent to it, as far as it is here and nobody else has it.
  void take_inputs(const node& n) {
    if (!n.may_take || roll.one_in(2)) return;
    for (const auto& i : n.inputs) {
      if (!i->lent || i->taken || i->state != node_state::value) continue;
      if (const auto at = known.find(i->id); at == known.end() || at->second != i) continue;
      std::ptrdiff_t users = 0;
      for (const auto& other : alive)
        if (other->state <= node_state::running) users += std::ranges::count(other->inputs, i);
      if (users != 1) continue;
      i->taken = true;
      ++given_away;
      events.push_back({event::taken, i->id, 0});
    }
  }

  void note(std::uint64_t what, std::uint64_t a, std::uint64_t b) {
    for (const std::uint64_t x : {what, a, b}) hash = (hash ^ x) * 0x100000001b3u;
  }

  dice& roll;
  fetch_limits limits;
  std::map<task_id, std::shared_ptr<node>> known;
  std::map<task_id, std::uint64_t> sizes;
  std::vector<std::shared_ptr<node>> alive;
  std::deque<event> events;
  struct asked_of {
    std::uint64_t number = 0;
    std::vector<task_id> ids;
  };
  std::map<peer_id, asked_of> requests;
  bool paused = false;
  std::uint64_t given_away = 0;
  std::uint64_t hash = 0xcbf29ce484222325u;
};

}  // namespace weft::net::test
