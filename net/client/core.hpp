#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "client/number_table.hpp"
#include "wire/batch.hpp"
#include "wire/cluster_messages.hpp"
#include "wire/graph.hpp"
#include "wire/ids.hpp"
#include "wire/messages.hpp"
#include "worker/fetcher.hpp"

namespace weft::net {

/// Futures and links, as a client's core sees them. It is called from within the core's functions and must not call
/// the core back.
class client_host {
 public:
  virtual void peer(const peer_info& peer) = 0;
  virtual void peer_left(peer_id peer) = 0;

  /// The ends of tasks that are held. A task may end more than once: behind restarted() another end comes, and a
  /// value that is lost for good is a failure behind finished(). `value` is it, encoded, or empty: then read() brings
  /// it.
  virtual void finished(task_id task, std::uint64_t bytes, std::span<const std::byte> value) = 0;
  virtual void failed(const task_failed& failure) = 0;
  virtual void cancelled(task_id task) = 0;
  /// Its value is lost and made again, or it runs again by retry(). A value that has come already stays good.
  virtual void restarted(task_id task) = 0;

  /// The answer to ask(). May throw protocol_error.
  virtual void answered(const cluster_state& what) = 0;

  /// Whether a value that was offered is still there.
  virtual bool gives(task_id task) = 0;
  /// That worker asks for such values when it is reached: makes a link, and says so on it. When the link ends, or
  /// cannot be made, peer_lost() tells.
  virtual void offer(peer_id worker) = 0;
  /// It has been tried often enough, and others are to have the values.
  virtual void unreached(peer_id /*worker*/) {}
  /// It need not be kept any more, of which let_go() was told.
  virtual void offer_over(task_id task) = 0;

  virtual void fetch(peer_id peer, std::uint64_t request, std::span<const task_id> values) = 0;
  virtual void give_up(peer_id peer, std::uint64_t request) = 0;

 protected:
  ~client_host() = default;
};

struct client_limits {
  fetch_limits fetch;
  std::uint32_t batch = 1u << 16;  // releases, or cancellations, that are gathered before they are written
  std::size_t message = std::size_t{64} << 20;  // of bytes: what the session takes as one (frame_limits::message)
  std::uint64_t waiting_bytes = std::uint64_t{1} << 30;  // of messages that the link has no room for
  /// Encoded values that are scattered, and have so many bytes, are offered. 0: none are, since the scheduler does
  /// not know of it.
  std::uint64_t offered_bytes = 0;
  bool graphs = false;       // the scheduler knows of graphs that come whole
  std::uint64_t module = 0;  // the key of what this process and the workers have in common; 0: the program
  std::uint64_t secret = 0;  // by which workers know who offers them
  /// So often in a row a worker is tried, which is to have offers, and is not reached, or asks for none; then the
  /// scheduler is told. 0: for as long as it is to have them.
  std::uint32_t offer_tries = 0;
};

/// What a client knows of its tasks, and what it says to the scheduler. Pure: events come in, calls of the host and
/// messages come out.
///
/// A task is known from its submission, if a future of it is held (task_wanted), until release(). What the scheduler
/// says of a task that is not known any more has crossed with its release, and is passed over; what it says of a task
/// that was never submitted is a protocol_error.
///
/// A value is known to the fetcher only while its task is finished; once it has come, alone or along with the end, it
/// is forgotten there, and if it is read again the scheduler is asked where it is. When the last holder turns out not
/// to have it the scheduler is asked by locate_tasks, once until it answers: with task_finished again, which names a
/// place and is not told to the host a second time; or with task_restarted, and then the reading begins again at the
/// next end. So a reading ends by the value's coming, by a failure or cancellation, by unread() or by release().
///
/// A value that it has offered (task_offered) goes to the worker that the scheduler names, which is tried again as
/// long as it is wanted there: until the task has ended, or another worker is named, or that one has left; or until
/// it was tried `offer_tries` times, and then the scheduler is asked for another (unreached_offers). One that is not
/// there any more is withdrawn, and the task fails.
///
/// A release is written behind the submissions that came after it: who held the future then held it for them too. So
/// is a cancellation, since what takes the value of a task that is cancelled is cancelled with it, before or after.
class client_core final : private fetch_host {
 public:
  client_core(peer_id self, client_host& host, const client_limits& limits);

  /// Submits a task under the next number, which it gives to `task.id` and returns. Its modules and options have been
  /// defined by out(); its inputs are known.
  task_id submit(submit_task task);
  /// Begins a graph, whose tasks have the next numbers; gives the first, and sets it in `graph`.
  task_id begin(begin_graph& graph);
  /// Tasks of it, of which these numbers are held. What it throws has changed nothing.
  void add(const graph_part& part, std::span<const std::uint64_t> held);
  /// The last future of a task is gone.
  void release(task_id task);
  /// The same of a value that was offered: it is kept until offer_over(), since what is made of it may have to be
  /// made again, and then it is asked for like others.
  void let_go(task_id task);
  void cancel(std::span<const task_id> tasks);
  void retry(std::span<const task_id> tasks);
  /// Wants values on so many workers, now or when they are there.
  void replicate(std::span<const task_id> tasks, std::uint32_t copies);
  void rebalance();
  /// Asks what the cluster is like, when workers of these names or addresses (blanks between) were told to go. Gives
  /// the number by which it is answered.
  std::uint64_t ask(std::string_view retire);
  /// Wants a value here, when there is one; the smaller the rank the sooner.
  void read(task_id task, std::uint64_t rank);
  void unread(task_id task);

  /// Messages of the scheduler, in order. Throws protocol_error; the session cannot go on then.
  void receive(batch_reader& batch);

  // From the links to workers.
  /// A value has come: true if it is to be kept.
  bool fetched(std::uint64_t request, task_id value);
  void not_there(time_ns now, std::uint64_t request, task_id value, bool busy) {
    fetcher_.refused(now, request, value, busy);
  }
  void peer_interrupted(time_ns now, peer_id peer) { fetcher_.peer_interrupted(now, peer); }
  void peer_resumed(peer_id peer) { fetcher_.peer_resumed(peer); }
  void peer_lost(time_ns now, peer_id peer);
  /// A worker has asked for a value that was offered.
  void asked_for(task_id task);
  /// A value that was offered cannot be given after all.
  void cannot_give(task_id task) { withdrawn_.push_back(task); }

  /// After each round of events: writes what was gathered, begins what is to be fetched.
  void tick(time_ns now);
  /// When to tick at the latest; 0: now.
  time_ns deadline() const noexcept;

  /// What is to be sent to the scheduler.
  batch_writer& out() noexcept { return out_; }
  std::size_t tasks() const noexcept { return entries_.size(); }
  /// Let go of, and not over.
  std::size_t kept_offers() const noexcept { return kept_.size(); }
  std::uint64_t submitted() const noexcept { return next_ - 1; }
  const fetcher& fetches() const noexcept { return fetcher_; }

 private:
  enum class state : std::uint8_t { pending, finished, failed, cancelled };
  struct entry {
    task_id id = 0;
    std::uint64_t bytes = 0, rank = 0;
    state at = state::pending;
    bool reading = false;
    explicit operator bool() const noexcept { return id != 0; }
  };

  void missing(task_id value, std::uint64_t bytes, peer_id last) override;
  void fetch(peer_id peer, std::uint64_t request, std::span<const task_id> values) override;
  void give_up(peer_id peer, std::uint64_t request) override;

  void forget(task_id task);
  void want(const want_offer& m);
  void unwant_offer(task_id task);
  void give_up_offers(peer_id worker);
  void end_offer(task_id task);
  bool wants_any(peer_id worker) const noexcept;
  void offer_again(time_ns now);
  void meet(const peer_info& peer);
  void finished(const task_finished& m);
  /// The entry of a task of this client, or null if it was released.
  entry* told_of(task_id id);
  entry* look(task_id id) noexcept { return submitter_of(id) == self_ ? entries_.find(number_of(id)) : nullptr; }
  void ended_otherwise(entry& e, state to);
  void write_cancellations();
  void write_releases();

  peer_id self_;
  client_host& host_;
  client_limits limits_;
  fetcher fetcher_;
  batch_writer out_;
  number_table<entry> entries_;
  std::vector<task_id> cancellations_, releases_, lost_, withdrawn_;
  std::map<task_id, peer_id> wanted_;  // offers, and by which workers
  std::set<task_id> kept_;             // those whose futures are gone
  struct attempt {
    time_ns at, pause;  // fetcher::never: the link has not been lost since
    std::uint32_t tries = 0;
  };
  std::map<peer_id, attempt> unreached_;              // of these workers, those that were lost once
  std::map<peer_id, std::vector<task_id>> given_up_;  // offers that these have not been reached for: to be told
  std::uint64_t next_ = 1, asked_ = 0;
};

}  // namespace weft::net
