#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "transport/link.hpp"
#include "weft/client.hpp"
#include "weft/pool.hpp"
#include "wire/lease_messages.hpp"
#include "worker/outstanding.hpp"

namespace weft::net {

struct lease_limits {
  /// Calls of a lease that have not ended; what is beyond fails.
  std::size_t calls = 1u << 16;
  /// Modules that a client may define on a link.
  std::uint32_t modules = 1u << 12;
  /// Of a result, encoded.
  std::size_t result_bytes = std::size_t{32} << 20;
  /// Functions that are counted apart between two reports.
  std::size_t functions = 1u << 10;
};

/// The leases that clients hold on this worker, and their calls.
///
/// Each lease has an engine of its own, in the interactive band of the worker's pool, that runs as many calls at a
/// time as the lease has slots; the worker's tasks are kept to the threads that are left. A call is decoded by
/// whoever reads the link, and its result is encoded and sent by whoever ran it: nobody else has a part in it.
///
/// Memory. Calls go on where the worker's tasks are held back (memory_thresholds::pause): somebody waits for them,
/// and they leave nothing here. Above `terminate` they are refused, as weft::overloaded.
///
/// Locks. Whoever owns this calls told(), report() and close() under a lock of his own; links and engines call from
/// elsewhere, and take none but those here.
class lease_server : public std::enable_shared_from_this<lease_server> {
 public:
  /// `module`: the key of what clients and this process have in common.
  lease_server(pool& p, detail::engine& of_tasks, std::uint64_t module, client_options memory,
               const lease_limits& limits = {});
  ~lease_server();

  /// A message of the scheduler about leases; answers are added to `out`. Throws protocol_error.
  void told(std::uint16_t kind, const batch_reader& batch, batch_writer& out);
  /// Says which calls have ended since the last report.
  void report(batch_writer& out);
  /// For a link that a peer has dialled: if it begins by a claim it is served here, and otherwise by `other`.
  std::shared_ptr<link_handler> serve(std::shared_ptr<link_handler> other);
  /// Cancels all calls, and takes no more.
  void close();
  /// Waits, behind close(), until they have ended.
  static task<> end_all(std::shared_ptr<lease_server> self);

  std::uint32_t slots() const;

 private:
  class lease;
  class claimed_link;
  struct function_count {
    std::uint64_t done = 0, failed = 0, cancelled = 0, nanoseconds = 0, bytes = 0;
  };

  void begin(const open_lease& m, batch_writer& out);
  std::shared_ptr<lease> claim(const lease_claim& m, std::shared_ptr<peer_link> by);
  void share_threads();
  function_count& count_of(std::uint64_t module, std::uint64_t offset);

  pool& pool_;
  detail::engine& tasks_;
  const std::uint64_t module_;
  const client_options memory_;
  const lease_limits limits_;
  const std::shared_ptr<outstanding> calls_ = std::make_shared<outstanding>();
  mutable std::mutex lock_;
  bool closed_ = false;
  std::unordered_map<lease_id, std::shared_ptr<lease>> leases_;
  std::mutex counts_lock_;
  std::unordered_map<std::uint64_t, std::unordered_map<std::uint64_t, function_count>> counts_;  // by module, offset
  std::size_t counted_ = 0;
};

}  // namespace weft::net
