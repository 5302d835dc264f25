#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "client/core.hpp"
#include "client/number_table.hpp"
#include "client/question.hpp"
#include "engine/engine.hpp"
#include "engine/remote.hpp"
#include "weft/codec.hpp"
#include "weft/sync.hpp"
#include "wire/batch.hpp"
#include "wire/ids.hpp"
#include "wire/messages.hpp"
#include "worker/exchange.hpp"

namespace weft::net {

/// What a client's home needs of the world around it. Called under the home's lock, but for close(): it must not call
/// back.
class client_links {
 public:
  virtual ~client_links() = default;
  /// There are messages for the scheduler: they are sent when the task that runs here goes on or ends.
  virtual void has_output() = 0;
  /// There is much: it is sent by the calling thread. Not under the home's lock.
  virtual void send_now() = 0;
  virtual void peer(const peer_info& p) = 0;
  virtual void peer_left(peer_id p) = 0;
  /// Not under the home's lock.
  virtual task<client> lease(detail::lease_terms terms) = 0;
  /// The same.
  virtual task<cluster_info> look(std::string retire) = 0;
  virtual void fetch(peer_id peer, std::uint64_t request, std::span<const task_id> values) = 0;
  /// Nobody wants what is still to come of it.
  virtual void stop_fetching(peer_id /*peer*/, std::uint64_t /*request*/) {}
  /// Lets a worker ask for what the client offers. When that link ends the home is told that the peer is lost.
  virtual void offer(peer_id worker) = 0;
  /// It is not reached, and tried no longer.
  virtual void unreached(peer_id /*worker*/) {}
  /// The client is over. Nothing is called any more, and nothing may be told to the home any more when it returns.
  virtual void close() noexcept = 0;
};

/// A client's tasks on a cluster: the client's core, and a node of the client's engine for each task that it knows.
///
/// A node is in the table from its submission until its memory goes; the engine holds a reference until it has ended.
/// What the scheduler says of a node may cross with its release: then the node is not in the table any more, or has
/// no references left, and nothing happens.
///
/// A large value that is scattered is offered: it stays here, where the engine has counted it, and is given as often
/// as it is wanted, since what is made of it may have to be made again. So the home keeps a handle of its node from
/// its submission on. When that is the last one (only_kept) the scheduler is told that the future is gone, and says
/// when nothing that was made of the value can be wanted again. The node is marked as one that has given up its
/// value: who moves the value away and who takes a handle anew see each other (detail::take_handle). Handles are let
/// go of without the lock, like references.
///
/// What the link to the scheduler has no room for waits here, in its order, messages of control among it: a
/// submission never waits for the link, and the link's own limits are not reached. Beyond
/// client_limits::waiting_bytes of it check() throws weft::overloaded; a graph that was begun goes in whole.
///
/// Locks. `lock_` is for the table and the output, and is held for short. What the engine is told (ends, restarts) it
/// is told without it, by the one thread that handles the scheduler's messages, since a node's end may release
/// others.
class client_home final : public detail::remote_home, private client_host {
 public:
  client_home(peer_id self, std::unique_ptr<client_links> links, const client_limits& limits = {});
  ~client_home() override;
  void attach(detail::engine& e) noexcept { engine_ = &e; }

  // From the links, one at a time.
  /// Messages of the scheduler. Throws protocol_error.
  void receive(time_ns now, batch_reader& batch);
  /// The cluster is gone: whatever has not ended fails, and so does what is submitted from now on.
  void lost(const std::string& why);
  /// Moves the messages for the scheduler to where they are sent from, as far as there is room, in bytes; a little
  /// more may come. True: others wait.
  bool take_output(time_ns now, batch_writer& into, std::size_t room);
  /// How many bytes may wait before nothing more is accepted.
  void limit_waiting(std::uint64_t bytes);

  // Values from workers.
  expected_value expected(std::uint64_t request, task_id value) const;
  /// It is not taken: who waits for it fails. A tick is due, as when a value does not land.
  void refuse(time_ns now, std::uint64_t request, task_id value, std::exception_ptr why);
  value_landing land(time_ns now, const value_header& header);
  void landed(std::uint64_t request, task_id value, value_landing where);
  void cut_off(value_landing where);
  void not_there(time_ns now, std::uint64_t request, task_id value, bool busy);
  void peer_interrupted(time_ns now, peer_id peer);
  void peer_resumed(peer_id peer);
  void peer_lost(time_ns now, peer_id peer);
  /// A value that is offered, for a worker that asks for it.
  outgoing_value find(task_id value);
  /// That cannot be sent.
  void cannot_send(task_id value);
  void tick(time_ns now);
  time_ns deadline() const;

  /// Asks: see client_core::ask. Throws when the cluster is gone.
  std::shared_ptr<question> ask(std::string_view retire);

  // From the engine.
  void check() const override;
  std::uint64_t only_module() const noexcept override { return only_; }
  void submit(detail::node& n) override { submit(n, false); }
  bool scatter(detail::node& n) override { return submit(n, true); }
  std::unique_ptr<detail::remote_graph> begin_graph(const detail::remote_layers& all) override;
  void cancel(std::uint64_t number) noexcept override;
  void retry(std::uint64_t number) override;
  task<client> lease(detail::lease_terms terms) override { return links_->lease(std::move(terms)); }
  void replicate(std::uint64_t number, std::uint32_t copies) override;
  void rebalance() override;
  task<cluster_info> look(std::string retire) override { return links_->look(std::move(retire)); }
  void release(detail::node& n) noexcept override;
  void only_kept(detail::node& n) noexcept override;
  task<> fetch(detail::node& n) override;
  void close() noexcept override;

 private:
  friend class home_graph;
  struct entry {
    detail::node* node = nullptr;
    value_arrival* awaited = nullptr;
    bool landing = false;
    bool kept = false;    // it was offered, and the home has a handle
    bool let_go = false;  // and nobody else has
    explicit operator bool() const noexcept { return node != nullptr; }
  };
  task_id id_of(std::uint64_t number) const noexcept { return make_task_id(self_, number); }
  std::size_t most_call(std::size_t inputs) const noexcept;
  void check_size(const detail::node& n) const;
  std::uint64_t offered_bytes(const detail::node& n, const detail::portable_call& how) const;
  bool submit(detail::node& n, bool may_offer);
  void name_inputs(detail::node& n);
  std::uint32_t module_index(std::uint64_t key);
  std::uint32_t options_index(const detail::task_details* d);
  void check_lost() const;
  bool too_much_waits() const noexcept { return waiting_bytes_ > most_waiting_; }
  void note_trouble() noexcept { trouble_.store(!lost_.empty() || too_much_waits(), std::memory_order_release); }

  // What is told to the engine, without the lock.
  struct news {
    enum class what : std::uint8_t { done, failed, timed_out, cancelled, restarted, over } kind;
    detail::node* node;  // a reference
    std::uint64_t bytes;
    bool has_value;
    std::span<const std::byte> value;
    std::unique_ptr<detail::remote_failure> why;  // of failed
    bool kept = false;                            // the home's handle, which goes
  };
  static void let_go(const news& n) noexcept;  // without the lock too: with it a node may go, and be released
  void add_news(std::uint64_t number, news n);
  void add_news(std::uint64_t number, news::what kind) { add_news(number, {kind, nullptr, 0, false, {}, nullptr}); }
  void tell(std::vector<news>& all);
  bool give_reading(const news& n);
  void fail_reading(const detail::node& n, std::exception_ptr why);
  void bring_back(const detail::node& n);

  // client_host: called by the core, under the lock.
  void peer(const peer_info& p) override { links_->peer(p); }
  void peer_left(peer_id p) override { links_->peer_left(p); }
  void finished(task_id task, std::uint64_t bytes, std::span<const std::byte> value) override;
  void failed(const task_failed& failure) override;
  void cancelled(task_id task) override;
  void restarted(task_id task) override;
  void answered(const cluster_state& what) override;
  bool gives(task_id task) override;
  void offer(peer_id worker) override { links_->offer(worker); }
  void unreached(peer_id worker) override { links_->unreached(worker); }
  void offer_over(task_id task) override { add_news(number_of(task), news::what::over); }
  void fetch(peer_id peer, std::uint64_t request, std::span<const task_id> values) override;
  void give_up(peer_id peer, std::uint64_t request) override { links_->stop_fetching(peer, request); }

  const peer_id self_;
  const std::unique_ptr<client_links> links_;
  const std::size_t most_message_;
  const bool graphs_;
  const std::uint64_t offered_bytes_, secret_;
  const std::uint64_t only_;  // the module whose code alone workers have; 0: they have the program
  detail::engine* engine_ = nullptr;
  std::mutex submit_lock_;                  // of those that submit, before lock_
  encoder call_{encoder::buffers::copied};  // of what is being submitted
  mutable std::mutex lock_;
  number_table<entry> entries_;
  client_core core_;
  std::vector<task_id> inputs_;
  std::vector<std::uint64_t> modules_;  // keys, by the session's numbers
  std::unordered_map<std::string, std::uint32_t> options_;
  std::vector<std::string> options_of_;  // what each number stands for
  std::uint32_t next_options_ = 1;
  std::uint64_t fetches_ = 0;  // their order
  bool closed_ = false;
  std::string lost_;                  // why the cluster is gone; empty: it is there
  std::deque<batch_writer> waiting_;  // for room in the link
  std::uint64_t waiting_bytes_ = 0, most_waiting_;
  std::atomic<bool> trouble_{false};                            // it is lost, or too much waits: without the lock
  std::unordered_map<std::uint64_t, std::exception_ptr> gone_;  // values that there were, and why there are no more
  std::vector<news> news_;
  std::unordered_map<std::uint64_t, std::shared_ptr<question>> questions_;
  std::vector<std::shared_ptr<question>> answered_;  // and not told yet
};

}  // namespace weft::net
