#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/remote.hpp"
#include "transport/link.hpp"
#include "weft/client.hpp"
#include "weft/pool.hpp"
#include "weft/sync.hpp"
#include "wire/lease_messages.hpp"

namespace weft::net {

class held_lease;

struct held_lease_limits {
  /// Of the function and its arguments, encoded.
  std::size_t call_bytes = std::size_t{32} << 20;
  /// Of all calls that have not ended, and of what the link has not sent: fewer than session_options::held_bytes, so
  /// that a worker that takes them slowly is no link lost.
  std::size_t kept_bytes = std::size_t{128} << 20;
  /// Workers that cannot be reached, or break off, one after the other, with no call between that ended.
  unsigned lost = 8;
};

/// The leases of one client, by their numbers: who asks the scheduler for them, and is told of them.
class lease_desk : public std::enable_shared_from_this<lease_desk> {
 public:
  struct place {
    pool& threads;
    security who;
    greeting own;
    link_options link;
    std::shared_ptr<peer_link> scheduler;
    peer_id self;
    client_options memory;
    held_lease_limits limits;
  };
  explicit lease_desk(place where) : where_(std::move(where)) {}

  /// Waits until a worker can be called. Gives a client whose tasks are calls of the lease.
  static task<client> lease(std::shared_ptr<lease_desk> self, detail::lease_terms terms);
  /// Messages of the scheduler, of which those about leases are taken.
  void received(std::span<const std::byte> messages);
  /// The client or its cluster is gone.
  void close(const std::string& why);

 private:
  friend class held_lease;
  void request(const std::shared_ptr<held_lease>& by);
  void release(lease_id id);
  std::shared_ptr<held_lease> find(lease_id id);

  const place where_;
  std::mutex lock_;
  std::uint64_t last_ = 0;
  std::unordered_map<lease_id, std::weak_ptr<held_lease>> leases_;
  std::string closed_;  // why; empty: it is not
};

/// A lease that a client holds, or waits for, and its calls.
///
/// A call is kept, encoded, from its submission until its end is told. While there is a worker it is sent at once;
/// when the worker is lost all that have not ended wait for the next, and are sent again in their order. Each time
/// that a worker is named or lost begins a new `turn_`: what is still said by or of an older one is passed over.
///
/// Beyond held_lease_limits::kept_bytes check() throws weft::overloaded: of calls that are kept, or of what lies in
/// the link, calls among it that have been cancelled since. What the link has not sent is at most kept_bytes_ +
/// cancelled_bytes_: where these are few it is not asked.
///
/// Locks. `lock_` is for the calls and the link, and is held for short: the engine is told of ends without it.
class held_lease final : public std::enable_shared_from_this<held_lease> {
 public:
  held_lease(std::shared_ptr<lease_desk> desk, detail::lease_terms terms, const held_lease_limits& limits);
  void attach(detail::engine& e) noexcept { engine_ = &e; }
  void ask();

  /// Set when it can be used, or never will: then check() throws.
  event& ready() noexcept { return ready_; }
  void check() const;

  // From the desk.
  void granted(const lease_granted& m);
  void lost(const std::string& why);
  void over(const std::string& why);

  // From the engine.
  void submit(detail::node& n);
  /// Nobody waits for the call any more.
  void drop(std::uint64_t request, const detail::node* of) noexcept;
  void close() noexcept;

  const detail::lease_terms terms;

 private:
  friend class lease_desk;
  class worker_link;
  struct call {
    detail::node* node;
    std::uint64_t module, offset;
    std::vector<std::byte> bytes;
    bool sent = false;
  };

  static task<> dial(std::shared_ptr<held_lease> self, std::string address, std::uint64_t turn);
  void connected(std::uint64_t turn, std::shared_ptr<peer_link> made);
  void broken(std::uint64_t turn, const std::string& why);
  void received(std::uint64_t turn, std::span<const std::byte> messages);
  void ended(const lease_result& m);
  struct departure;
  departure leave_worker(const std::string& why);
  void depart(departure d) noexcept;
  void fail(const std::vector<detail::node*>& all, const std::string& type, const std::string& why) noexcept;
  void write(batch_writer& to, std::uint64_t request, const call& c);
  /// What a call takes in a session, about; and no more than it takes here.
  static std::size_t size_of(const call& c) noexcept { return c.bytes.size() + 64; }
  std::map<std::uint64_t, call>::iterator erase(std::map<std::uint64_t, call>::iterator at) {
    kept_bytes_ -= size_of(at->second);
    return calls_.erase(at);
  }

  const std::shared_ptr<lease_desk> desk_;
  const held_lease_limits limits_;
  detail::engine* engine_ = nullptr;
  event ready_;
  mutable std::mutex lock_;
  lease_id id_ = 0;
  std::uint64_t secret_ = 0;
  std::uint64_t last_ = 0, turn_ = 0;
  unsigned lost_in_a_row_ = 0;
  std::string worker_;
  std::shared_ptr<peer_link> link_;
  std::vector<std::uint64_t> modules_;       // keys, by the link's numbers
  std::map<std::uint64_t, call> calls_;      // by request
  std::size_t kept_bytes_ = 0;               // of them
  mutable std::size_t cancelled_bytes_ = 0;  // of others, that the link may not have sent
  std::string over_;                         // why; empty: it is not
};

}  // namespace weft::net
