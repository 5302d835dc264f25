#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/remote.hpp"
#include "weft/codec.hpp"
#include "wire/ids.hpp"
#include "wire/messages.hpp"
#include "worker/core.hpp"
#include "worker/exchange.hpp"
#include "worker/id_table.hpp"
#include "worker/outstanding.hpp"

namespace weft::net {

/// What a worker's core has done by its engine: calls become nodes, values of peers become values that the store
/// fetches, and the ends of nodes become events for the core.
///
/// Two kinds of callers. Whoever drives the core holds the worker's lock, and calls what is above `began`; what the
/// engine tells (began, ended, fetch) comes on any thread, is noted under a lock of its own, and is told to the core
/// by pass_on(), in order: a node's end before those of the nodes that take its value, since the engine tells so.
///
/// When who drives is woken. What a task needs, and what keeps one from running, is passed on at once. So are ends,
/// unless those before were of short tasks, so that the next end is near: these gather for as long as it takes to
/// send them, until a runner of the engine rests, or until one begins another function than the last short one: that
/// may be long, and they do not wait for it. Beginnings wait for whatever comes next.
class task_host final : public detail::node_tracker, public detail::value_source {
 public:
  /// `wake` is called, on any thread, when there is something to pass on that was not before; `now`, by a thread that
  /// holds no lock, when it is to be passed on before that thread goes on.
  /// `module`: the key of what the scheduler's peers have in common, number 0 of its session.
  task_host(detail::engine& e, std::uint64_t module, std::function<void()> wake, std::function<void()> now);
  ~task_host();
  task_host(const task_host&) = delete;
  task_host& operator=(const task_host&) = delete;

  // For worker_host.
  void define(const define_module& m);
  void define(const define_options& o);
  void remote(task_id value, std::uint64_t bytes);
  void given(task_id value, std::uint64_t bytes, std::span<const std::byte> message);
  void expect(const run_task& task);
  void submit(const run_task& task);
  bool withdraw(task_id task);
  void stop(task_id task);
  task_id hold(const run_task& task);
  bool has(task_id value);
  void drop(task_id id);

  /// Tells the core what has happened since. True when there was anything.
  bool pass_on(worker_core& core);

  // Values that come from peers.
  /// Where the attachments of a value go. When they are there, landed() is called, or else cut_off(). What the core
  /// awaits, and cannot go anywhere, is told to it as refused.
  value_landing land(worker_core& core, time_ns now, const value_header& header);
  /// It is not taken: who waits for it fails. Where it was to be a copy, for nobody who waits, it is logged.
  void refuse(worker_core& core, time_ns now, std::uint64_t request, task_id value, std::exception_ptr why);
  /// Tells the core. A value that was dropped while it came is thrown away; if it is wanted again it is asked for
  /// again.
  void landed(worker_core& core, time_ns now, std::uint64_t request, task_id value, const value_landing& where);
  /// It has begun to come, and the rest never will: whoever waits for it goes on waiting.
  void cut_off(task_id value, const value_landing& where);

  /// What there is of a value, to be sent to a peer.
  outgoing_value find(task_id value);

  /// Nothing comes any more: whoever waits for a value is told so.
  void close(const std::string& why);
  /// Cancels all tasks, waits until they have ended, those too that run and cannot be stopped, and lets go of all
  /// values. Then the engine calls this no more. `driver` is the lock of who drives the core. After close().
  task<> end_all(std::mutex& driver);

  // From the engine.
  void began(detail::node& n) noexcept override;
  void ended(detail::node& n, std::uint64_t ran) noexcept override;
  bool lost(detail::node& n) noexcept override;
  void taken(detail::node& n) noexcept override;
  void rests() noexcept override;
  task<> fetch(detail::node& n) override;

 private:
  struct record {
    task_id id = 0;
    std::uint32_t attempt = 0;         // 0: a value of a peer
    std::uint64_t bytes = 0;           // of such a value, and of one that is offered
    detail::node* node = nullptr;      // a handle; null: a copy that no task has asked for
    value_arrival* awaited = nullptr;  // the store waits for it
    const void* landing = nullptr;     // its attachments are on their way: what keeps their place
    bool here = false;                 // a value of a peer that has come
    bool coming = false;               // offered by its submitter: the node is there for what is to come
    bool lent = false;                 // the last task that takes it may have it
    // A copy that no task has asked for has no type here: its message, then its attachments.
    std::shared_ptr<std::vector<std::vector<std::byte>>> copy;
    std::uint64_t schema = 0;  // of the copy; 0: it has come along with a task, which knows
  };
  class inputs_of;
  struct event {
    enum class what : std::uint8_t { began, ended, failed, needed, lost, taken } kind;
    detail::node* node;  // a reference; null for failed
    task_id id;
    std::uint64_t ran, bytes;        // ended: ticks, and what its value takes in the store
    value_arrival* waits = nullptr;  // needed: who waits
  };
  struct failure_before {
    task_id id;
    std::uint32_t attempt;
    std::string text;
  };

  record& make(task_id id);
  record* look(task_id id) noexcept {
    const std::uint32_t place = places_.find(id);
    return place == id_table::none ? nullptr : &records_[place];
  }
  void erase(task_id id);
  void lend_inputs(const run_task& task, detail::node& n);
  void end_loan(record& r, detail::node& n) noexcept;
  void let_held_go() noexcept;
  const detail::portable_entry& entry_of(const function_ref& function) const;
  void describe(detail::node& n, const run_task& task) const;
  void fail_unmade(task_id id, std::uint32_t attempt, std::string why);
  void note(event e) noexcept;
  void tell(worker_core& core, const event& e);
  void tell_end(worker_core& core, const record& r, detail::node& n, std::uint64_t ran, std::uint64_t bytes);
  /// The record that the landing is of; null: it has been erased, though there may be another of that value.
  record* look(task_id value, const value_landing& where) noexcept {
    record* r = look(value);
    return r && where.keep && r->landing == where.keep.get() ? r : nullptr;
  }
  void arrived(record& r);
  void take_offered(worker_core& core, record& r);
  void decode_copy(record& r);
  void take_given(record& r);

  detail::engine& engine_;
  const std::function<void()> wake_, now_;
  std::vector<std::uint64_t> modules_;  // keys, by the session's numbers
  std::vector<std::string> module_names_;
  std::vector<std::shared_ptr<detail::task_details>> options_;
  std::vector<record> records_;
  std::vector<std::uint32_t> free_;
  id_table places_;
  encoder result_{encoder::buffers::copied};  // one after the other
  std::size_t lent_ = 0;                      // records
  std::vector<detail::node*> held_;           // handles, of inputs of the task that is submitted next
  std::vector<failure_before> unmade_;        // calls that could not become nodes
  bool closed_ = false;
  const std::shared_ptr<outstanding> work_ = std::make_shared<outstanding>();

  const std::uint64_t gather_ticks_;

  std::mutex events_lock_;  // of what follows, but for passing_ and fetches_
  std::vector<event> events_;
  bool untold_ = false;                   // there are others than beginnings
  bool woken_ = false;                    // and who drives knows
  std::uint32_t short_ends_ = 0;          // one after the other
  const void* short_function_ = nullptr;  // of the last of them
  std::uint64_t passed_at_ = 0;
  std::vector<event> passing_;
  std::uint64_t fetches_ = 0;  // their order
};

}  // namespace weft::net
