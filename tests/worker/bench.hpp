#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "object/functions.hpp"
#include "object/modules.hpp"
#include "weft/detail/call.hpp"
#include "weft/weft.hpp"
#include "worker/exchange.hpp"
#include "worker/task_host.hpp"

namespace weft::net::test {

using numbers = std::vector<double>;

inline double total(const numbers& v) { return std::accumulate(v.begin(), v.end(), 0.0); }
inline numbers some(double first, std::size_t n = 10'000) {
  numbers v(n);
  std::iota(v.begin(), v.end(), first);
  return v;
}
/// Waits until it is stopped.
inline task<double> wait_for_ever(const numbers& v) {
  event never;
  co_await never.wait();
  co_return total(v);
}
/// The call of a function of numbers, as it travels.
template <class F, class Input>
function_ref encode_call_of(const client& c, F* what, const Input& input, encoder& into) {
  detail::node* const n = new detail::call_node_for<F*, Input>(*c.get_engine(), what, input);
  const detail::portable_call& how = *n->type->portable(*n);
  how.encode(*n, into);
  function_ref f{};
  f.offset = detail::name_of(*how.entry).offset;
  detail::abandon_node(*n);
  return f;
}
template <class F>
function_ref encode_call(const client& c, F* what, encoder& into) {
  return encode_call_of(c, what, c.scatter(numbers{1}), into);
}

/// A value on its way, by hand.
struct arriving {
  std::uint64_t request = 0;
  task_id id = 0;
  std::vector<std::vector<std::byte>> attachments;
  value_landing where;

  void write() const {
    for (std::size_t i = 0; i < attachments.size(); ++i)
      std::copy(attachments[i].begin(), attachments[i].end(), where.places.at(i).begin());
  }
};

/// A worker's core, engine and what is between them. The test is its scheduler, and the peers 2 to 4 that have
/// values: by hand, or with `links` by a real exchange. A value that is missing is said to be at peer 2.
class bench final : public worker_host, public exchange_host {
 public:
  bench() : core(1, *this, worker_limits()) {
    for (peer_id p = 2; p < 5; ++p) hear(peer_info{{p, static_cast<std::uint8_t>(peer_role::worker), {}}, {}, {}});
    function_ = encode_call(engine, &total, call_);
  }
  ~bench() {
    if (links) links->close();
    tasks.close("the test ends");
    threads.run(tasks.end_all(lock_));
    threads.drain();
  }

  // The scheduler.
  template <class M>
  void hear(const M& m) {
    std::lock_guard guard(lock_);
    deliver(m);
  }
  /// A task that adds the numbers of a value that peer 2 has.
  void run(task_id id, task_id of, std::size_t n = 10'000) {
    const input_ref from{of, 8 * n, 2, 0};
    hear(run_task{{id, function_, id, 0, 1, task_inline, 0, 0, 0}, {&from, 1}, call_.message(), {}});
  }
  /// One that waits for ever, for so long.
  void run_for(time_ns left, task_id id, task_id of, std::size_t n = 10'000) {
    const input_ref from{of, 8 * n, 2, 0};
    encoder call(encoder::buffers::copied);
    const function_ref waits = encode_call(engine, &wait_for_ever, call);
    hear(run_task{{id, waits, id, left, 1, task_inline, 0, 0, 0}, {&from, 1}, call.message(), {}});
  }
  void copy(task_id id) { hear(copy_value{{id, 80'000, 2, 0}}); }
  void stop_attempt(task_id id) {
    const attempt_ref one{id, 1, 0};
    hear(stop_tasks{{}, {&one, 1}});
  }
  void drop_value(task_id id) { hear(drop_values{{}, {&id, 1}}); }
  /// What a task has given, once it has ended.
  double result(task_id id) {
    REQUIRE(wait([&] { return results_.contains(id); }));
    return results_.at(id);
  }
  /// Why it has failed.
  std::string failure(task_id id) {
    REQUIRE(wait([&] { return failures_.contains(id); }));
    return failures_.at(id);
  }
  /// Whether a task came back, and whether a value is said to be here no more.
  bool was_given_back(task_id id) const { return given_back_.contains(id); }  // for wait()
  bool was_dropped(task_id id) const { return dropped_.contains(id); }        // the same
  void advance(time_ns by) {
    std::lock_guard guard(lock_);
    time_ += by;
  }
  /// Waits until the engine says something.
  void news() {
    told_ = false;
    REQUIRE(wait([&] { return told_; }));
  }
  /// How often a value was said to be missing.
  std::size_t missed() {
    std::lock_guard guard(lock_);
    return missed_;
  }
  std::size_t refused_copies() const { return refused_copies_; }  // for wait()
  std::size_t cut_offs() const { return cut_offs_; }              // the same

  // The peers, by hand.
  /// Waits until something is asked for.
  std::uint64_t request() {
    REQUIRE(wait([&] { return !requests_.empty(); }));
    const std::uint64_t r = requests_.front();
    requests_.erase(requests_.begin());
    return r;
  }
  arriving begin(std::uint64_t request, const numbers& what, task_id id,
                 std::uint64_t schema = schema_hash<numbers>()) {
    arriving a;
    a.request = request;
    a.id = id;
    encoder e;
    encode(e, what);
    std::vector<std::uint64_t> sizes;
    value_header h{};
    h.request = request;
    h.id = id;
    h.schema = schema;
    for (const auto& b : e.attachments()) {
      a.attachments.emplace_back(b.begin(), b.end());
      sizes.push_back(b.size());
      h.bytes += b.size();
    }
    h.attachments = sizes;
    h.message = e.message();
    a.where = land(h);
    return a;
  }
  void end(arriving a) { landed(a.request, a.id, std::move(a.where)); }
  /// All of it.
  void answer(std::uint64_t request, const numbers& what, task_id id) {
    arriving a = begin(request, what, id);
    REQUIRE(a.where.wanted);
    a.write();
    end(std::move(a));
  }

  /// Drives the worker whenever something has happened, until `f`.
  template <class F>
  bool wait(F f) {
    for (;;) {
      {
        std::lock_guard guard(lock_);
        told_ = tasks.pass_on(core) || told_;
        core.tick(time_ += 1'000'000'000);  // whoever was put off may be asked again
        read();
        if (f()) return true;
      }
      std::unique_lock guard(woken_lock_);
      if (!changed_.wait_for(guard, std::chrono::seconds(30), [&] { return woken_; })) return false;
      woken_ = false;
    }
  }

  /// Has wait() look at what no link tells.
  void look_again() { wake(); }

  /// What a link tells.
  template <class F>
  auto locked(F f) {
    struct at_end {
      ~at_end() { of.wake(); }
      bench& of;
    };
    const at_end always{*this};
    std::lock_guard guard(lock_);
    return f();
  }
  // worker_host
  void define(const define_module&) override {}
  void define(const define_options&) override {}
  void peer(const peer_info&) override {}
  void peer_left(peer_id) override {}
  void remote(task_id id, std::uint64_t bytes) override { tasks.remote(id, bytes); }
  void given(task_id id, std::uint64_t bytes, std::span<const std::byte> message) override {
    tasks.given(id, bytes, message);
  }
  void expect(const run_task& task) override { tasks.expect(task); }
  void await_giver(peer_id giver, std::uint64_t secret) override {
    if (links) links->await_giver(giver, secret);
  }
  void submit(const run_task& task) override { tasks.submit(task); }
  bool withdraw(task_id task) override { return tasks.withdraw(task); }
  void stop(task_id task) override { tasks.stop(task); }
  task_id hold(const run_task& task) override { return tasks.hold(task); }
  bool has(task_id id) override { return tasks.has(id); }
  void drop(task_id id) override { tasks.drop(id); }
  void fetch(peer_id from, std::uint64_t request, std::span<const task_id> values) override {
    if (on_ask) on_ask();
    if (links)
      links->ask(from, request, values);
    else
      requests_.push_back(request);
  }
  void give_up(peer_id from, std::uint64_t request) override {
    if (links) links->stop(from, request);
  }
  void will_push(peer_id) override {}
  void push(peer_id, task_id, std::uint64_t, std::span<const std::byte>) override {}

  // exchange_host
  outgoing_value find(task_id) override { return {}; }
  expected_value expected(std::uint64_t request, task_id value) override {
    return locked([&] { return expected_by(core.fetches(), request, value); });
  }
  void refuse(std::uint64_t request, task_id value, std::exception_ptr why) override {
    locked([&] { tasks.refuse(core, time_, request, value, std::move(why)); });
  }
  value_landing land(const value_header& header) override {
    if (on_land) on_land();
    value_landing where = locked([&] { return tasks.land(core, time_, header); });
    if (on_landing && where.wanted) on_landing();
    return where;
  }
  void landed(std::uint64_t request, task_id id, value_landing where) override {
    locked([&] { tasks.landed(core, time_, request, id, where); });
  }
  void cut_off(task_id id, value_landing where) override {
    locked([&] {
      ++cut_offs_;
      tasks.cut_off(id, where);
    });
  }
  void not_there(std::uint64_t request, task_id id, bool busy) override {
    locked([&] { core.not_there(time_, request, id, busy); });
  }
  void peer_interrupted(peer_id p) override {
    locked([&] { core.peer_interrupted(time_, p); });
  }
  void peer_resumed(peer_id p) override {
    locked([&] { core.peer_resumed(p); });
  }
  void peer_lost(peer_id p) override {
    locked([&] { core.peer_lost(time_, p); });
  }

 private:
  void wake() {
    std::lock_guard guard(woken_lock_);
    woken_ = true;
    changed_.notify_all();
  }
  template <class M>
  void deliver(const M& m) {
    batch_writer in;
    in.add(m);
    batch_reader reader(in.bytes());
    core.receive(time_, reader);
  }
  void read() {
    const std::vector<std::byte> bytes = core.out().take();
    batch_reader reader(bytes);
    std::uint16_t kind = 0;
    while (reader.next(kind)) {
      if (kind == static_cast<std::uint16_t>(message_kind::done_task)) {
        const auto m = reader.get<done_task>();
        decoder d(m.value);
        results_[m.id] = m.value.empty() ? 0 : decode<double>(d);  // others are not sent along
      } else if (kind == static_cast<std::uint16_t>(message_kind::retracted_task)) {
        const auto m = reader.get<retracted_task>();
        if (m.given_back) given_back_.insert(m.id);
      } else if (kind == static_cast<std::uint16_t>(message_kind::value_dropped)) {
        for (const task_id id : reader.get<value_dropped>().tasks) dropped_.insert(id);
      } else if (kind == static_cast<std::uint16_t>(message_kind::failed_task)) {
        const auto m = reader.get<failed_task>();
        failures_[m.id] = std::string(m.text.begin(), m.text.end());
      } else if (kind == static_cast<std::uint16_t>(message_kind::missing_value)) {
        const auto m = reader.get<missing_value>();
        if (m.flags & not_taken) {
          ++refused_copies_;
          continue;
        }
        ++missed_;
        deliver(value_at{{m.id, m.bytes, 2, 0}});
        wake();
      }
    }
  }

  std::mutex woken_lock_, lock_;
  std::condition_variable changed_;
  bool woken_ = false, told_ = false;

 public:
  pool threads{{.threads = 2}};
  client engine{threads, {.memory_budget = std::uint64_t{64} << 20}};
  task_host tasks{*engine.get_engine(), detail::program_module().key(), [this] { wake(); }, [this] { wake(); }};
  worker_core core;
  std::shared_ptr<exchange> links;
  std::function<void()> on_ask, on_land, on_landing;  // before a value lands, and when it has begun to

 private:
  time_ns time_ = 0;
  encoder call_{encoder::buffers::copied};
  function_ref function_{};
  std::vector<std::uint64_t> requests_;
  std::map<task_id, double> results_;
  std::map<task_id, std::string> failures_;
  std::set<task_id> given_back_, dropped_;
  std::size_t missed_ = 0, refused_copies_ = 0, cut_offs_ = 0;
};

}  // namespace weft::net::test
