#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/core.hpp"
#include "transport/hub.hpp"
#include "weft/pool.hpp"
#include "weft/sync.hpp"

namespace weft::net {

struct server_options {
  std::vector<address> listen;
  security who;  // with the role scheduler
  std::string name;
  scheduler_options core;
  link_options link;
};

/// A scheduler: its core, and the sessions of those that it serves. One thread is enough for it, and best.
///
/// Locks. `lock_` is for the core and the table of sessions; whoever has it may send on links, and is not called by
/// them.
class scheduler_server : public std::enable_shared_from_this<scheduler_server> {
 public:
  static std::shared_ptr<scheduler_server> make(pool& p, server_options options);
  ~scheduler_server();

  /// Listens. Throws transport_error.
  std::vector<address> start();
  /// Serves until stop(), or until it has been idle for too long. Gives why it ended.
  static task<std::string> run(std::shared_ptr<scheduler_server> self);
  /// From any thread: workers are told to end.
  void stop(const std::string& why);

  /// Waits until so many workers are there.
  static task<> wait_for_workers(std::shared_ptr<scheduler_server> self, std::size_t count);
  /// What it knows, as JSON or as a table for people.
  std::string describe(bool as_json) const;
  scheduler_statistics statistics() const;
  std::vector<worker_statistics> workers() const;
  void retire(peer_id worker);

 private:
  class peer_session;
  class tool_session;
  class gate;
  scheduler_server(pool& p, server_options options);

  admission admit(std::shared_ptr<scheduler_server> self, const link_peer& peer);
  void begun(peer_id id, std::shared_ptr<peer_link> l);
  void received(peer_id id, std::span<const std::byte> messages);
  void interrupted(peer_id id);
  static task<> probe(std::shared_ptr<scheduler_server> self, peer_id id, std::string where);
  void ended(peer_id id, const std::string& reason, bool in_order);
  void flush();
  time_ns now() const noexcept;

  pool& pool_;
  const server_options options_;
  mutable std::mutex lock_;
  scheduler_core core_;
  std::unordered_map<peer_id, std::shared_ptr<peer_link>> links_;
  std::unordered_map<peer_id, std::string> listeners_;  // of workers
  std::optional<hub> hub_;
  event time_, changed_;
  time_ns planned_ = 0;
  std::string why_;
  bool over_ = false;
};

}  // namespace weft::net
