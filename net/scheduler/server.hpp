#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/cluster_view.hpp"
#include "scheduler/core.hpp"
#include "scheduler/programs.hpp"
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
  program_limits programs;
};

/// A scheduler: its cores, and the sessions of those that it serves. One thread is enough for it, and best.
///
/// Clients and workers of one program meet in a core of their own: its part. Others cannot run their functions, and
/// have no use for their values. Parts without peers go when there are many.
///
/// Locks. `lock_` is for the parts, their cores and sessions, and the router of programs; whoever has it may send on
/// links, and is not called by them.
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
  /// All that there is to show.
  cluster_view look() const;
  scheduler_statistics statistics() const;
  std::vector<worker_statistics> workers() const;
  /// Lets the workers of these names or addresses go in order. What there is then to show.
  cluster_view retire(const std::vector<std::string_view>& workers);
  /// Of programs that clients have sent.
  std::uint64_t program_bytes() const;
  /// That are there now.
  std::size_t nannies() const;
  /// Of all cores: throws std::logic_error. Costs a look at everything; for tests.
  void check_invariants() const;

 private:
  class peer_session;
  class tool_session;
  class nanny_session;
  class gate;
  /// The peers of one program.
  struct part {
    explicit part(const scheduler_options& o) : core(o) {}
    scheduler_core core;
    std::unordered_map<peer_id, std::shared_ptr<peer_link>> links;
    std::unordered_map<peer_id, std::string> listeners;  // of workers
    std::unordered_map<peer_id, std::uint64_t> clients;  // their keys at the router
  };
  scheduler_server(pool& p, server_options options);

  admission admit(std::shared_ptr<scheduler_server> self, const link_peer& peer);
  void begun(std::shared_ptr<peer_link> l);
  void received(part& p, peer_id id, std::span<const std::byte> messages);
  void interrupted(const std::shared_ptr<part>& p, peer_id id);
  static task<> probe(std::shared_ptr<scheduler_server> self, std::shared_ptr<part> p, peer_id id, std::string where);
  void ended(part& p, peer_id id, const std::string& reason, bool in_order);
  std::shared_ptr<part> part_of(const std::string& program);
  void flush(part& p);
  void look_at_programs();
  cluster_view look_inside() const;
  time_ns now() const noexcept;

  pool& pool_;
  const server_options options_;
  mutable std::mutex lock_;
  std::map<std::string, std::shared_ptr<part>> parts_;  // by build-id
  program_router router_;
  std::map<std::uint64_t, std::shared_ptr<peer_link>> nannies_;  // by their keys at the router
  std::uint64_t next_key_ = 1;
  std::optional<hub> hub_;
  event time_, changed_;
  time_ns planned_ = 0, began_ = 0;
  std::string why_;
  bool over_ = false;
};

}  // namespace weft::net
