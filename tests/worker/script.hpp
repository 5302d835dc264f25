#pragma once

#include <cstdint>
#include <initializer_list>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "worker/core.hpp"

namespace weft::net::test {

/// A worker whose host writes down what it is asked for, one short sentence a call, and what it says to the
/// scheduler, one a message.
class script final : public worker_host {
 public:
  static constexpr peer_id self = 1;
  using strings = std::vector<std::string>;

  explicit script(const worker_limits& limits = {}) : core(self, *this, limits) {
    for (peer_id p = 2; p < 6; ++p) in.add(peer_info{{p, static_cast<std::uint8_t>(peer_role::worker), {}}, {}, {}});
    deliver();
    calls.clear();
  }

  worker_core core;
  batch_writer in;                  // from the scheduler
  strings calls;                    // of the host
  std::set<task_id> began_already;  // in the engine, though the core may not have heard of it
  std::set<task_id> given_away;     // values, by the engine; the same
  std::uint64_t last_request = 0;
  time_ns now = 0;

  // From the scheduler, at once.
  template <class M>
  void hear(const M& m) {
    in.add(m);
    deliver();
  }
  void deliver() {
    const std::vector<std::byte> bytes = in.take();
    batch_reader reader(bytes);
    core.receive(now, reader);
  }
  struct from {
    task_id id;
    peer_id worker = 0;
    std::uint32_t given = 0;  // bytes of its value, that come along
  };
  void run(task_id id, std::uint32_t attempt, std::initializer_list<from> inputs = {}, std::uint32_t flags = 0,
           time_ns left = 0) {
    std::vector<input_ref> refs;
    std::size_t given = 0;
    for (const from& f : inputs) {
      refs.push_back({f.id, 100, f.worker, f.given});
      if (f.given != promised_input) given += f.given;
    }
    hear(run_task{{id, {}, id, left, attempt, flags, 0, 0, 0}, refs, {}, std::vector<std::byte>(given)});
  }
  /// Of a value that its submitter offers.
  void run_offered(task_id id, std::uint32_t attempt, time_ns left = 0) {
    const offered_call call{100, 77};
    hear(run_task{{id, {}, id, left, attempt, task_constant | task_offered, 0, 0, 0},
                  {},
                  std::as_bytes(std::span(&call, 1)),
                  {}});
  }
  void drop_these(std::initializer_list<task_id> ids) { hear(drop_values{{}, {ids.begin(), ids.size()}}); }
  void stop_these(std::initializer_list<attempt_ref> tasks) { hear(stop_tasks{{}, {tasks.begin(), tasks.size()}}); }
  void retract(std::initializer_list<attempt_ref> tasks) { hear(retract_tasks{{}, {tasks.begin(), tasks.size()}}); }
  void order(worker_mode mode) { hear(set_mode{{static_cast<std::uint8_t>(mode), {}}}); }
  // From the engine.
  void begin(task_id id, std::uint32_t attempt) {
    began_already.insert(id);
    core.began(id, attempt);
  }
  void tick(time_ns at) { core.tick(now = at); }
  void finish(task_id id, std::uint32_t attempt) {
    began_already.insert(id);
    core.done(id, attempt, 100, 7);
  }
  void fail(task_id id, std::uint32_t attempt) {
    began_already.insert(id);
    const std::string text = "bad", path = "root";
    core.failed(failed_task{{id, attempt, 0}, {}, {}, text, path});
  }

  /// What the worker has said since the last time.
  strings said() {
    strings all;
    const std::vector<std::byte> bytes = core.out().take();
    batch_reader reader(bytes);
    std::uint16_t kind = 0;
    const auto number = [](std::uint64_t n) { return " " + std::to_string(n); };
    while (reader.next(kind)) switch (static_cast<message_kind>(kind)) {
        case message_kind::done_task: {
          const auto m = reader.get<done_task>();
          all.push_back("done" + number(m.id) + number(m.attempt) + (m.flags & has_value ? " with value" : ""));
          break;
        }
        case message_kind::failed_task: {
          const auto m = reader.get<failed_task>();
          all.push_back((m.flags & time_is_over ? "late" : "failed") + number(m.id) + number(m.attempt) + " " +
                        std::string(m.text.data(), m.text.size()) + " " + std::string(m.path.data(), m.path.size()));
          break;
        }
        case message_kind::cancelled_task:
          for (const attempt_ref& a : reader.get<cancelled_task>().tasks)
            all.push_back("cancelled" + number(a.id) + number(a.attempt));
          break;
        case message_kind::retracted_task: {
          const auto m = reader.get<retracted_task>();
          all.push_back((m.given_back ? "gives back" : "keeps") + number(m.id) + number(m.attempt));
          break;
        }
        case message_kind::missing_value: {
          const auto m = reader.get<missing_value>();
          all.push_back("missing" + number(m.id) + number(m.worker) + (m.flags & not_taken ? " not taken" : ""));
          break;
        }
        case message_kind::value_added:
          all.push_back("added" + number(reader.get<value_added>().id));
          break;
        case message_kind::value_dropped:
          for (const task_id id : reader.get<value_dropped>().tasks) all.push_back("dropped" + number(id));
          break;
        case message_kind::heartbeat: {
          const auto m = reader.get<heartbeat>();
          all.push_back("heartbeat" + number(m.running) + number(m.waiting) + number(m.mode) +
                        number(m.executing.size()));
          break;
        }
        default:
          all.push_back("nonsense");
      }
    return all;
  }
  strings called() {
    strings all;
    all.swap(calls);
    return all;
  }

 private:
  void define(const define_module& m) override { note("module", m.index); }
  void define(const define_options& m) override { note("options", m.index); }
  void peer(const peer_info& m) override { note("peer", m.peer); }
  void peer_left(peer_id p) override { note("left", p); }
  void remote(task_id id, std::uint64_t) override { note("remote", id); }
  void given(task_id id, std::uint64_t, std::span<const std::byte> message) override {
    calls.push_back("given " + std::to_string(message.size()) + " bytes of " + std::to_string(id));
  }
  void expect(const run_task& t) override { note("expect", t.id); }
  void await_giver(peer_id giver, std::uint64_t secret) override {
    calls.push_back("await " + std::to_string(submitter_of(make_task_id(giver, 0))) + " by " +
                    std::to_string(secret));
  }
  void submit(const run_task& t) override { note("submit", t.id); }
  bool withdraw(task_id id) override {
    note("withdraw", id);
    return !began_already.contains(id);
  }
  void stop(task_id id) override { note("stop", id); }
  task_id hold(const run_task& t) override {
    for (const input_ref& i : t.inputs)
      if (given_away.contains(i.id)) return i.id;
    return 0;
  }
  bool has(task_id id) override { return !given_away.contains(id); }
  void drop(task_id id) override {
    given_away.erase(id);
    note("drop", id);
  }
  void fetch(peer_id peer, std::uint64_t request, std::span<const task_id> ids) override {
    std::string text = "fetch from " + std::to_string(peer);
    for (const task_id id : ids) text += " " + std::to_string(id);
    calls.push_back(text);
    last_request = request;
  }
  void will_push(peer_id peer) override { note("will push to", peer); }
  void push(peer_id peer, task_id id, std::uint64_t, std::span<const std::byte>) override {
    calls.push_back("push " + std::to_string(id) + " to " + std::to_string(peer));
  }
  void give_up(peer_id peer, std::uint64_t) override { note("give up", peer); }
  void note(const char* what, std::uint64_t which) { calls.push_back(what + (" " + std::to_string(which))); }
};

}  // namespace weft::net::test
