#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "transport/link.hpp"
#include "weft/client.hpp"
#include "wire/messages.hpp"

namespace weft::net {

/// By what a worker's tasks submit tasks: a client of the same cluster, on the worker's own session. It stands above
/// the worker, which is handed one.
class submitter {
 public:
  virtual ~submitter() = default;
  virtual detail::engine& engine() = 0;
  /// Messages of the scheduler that are for a client. Throws protocol_error.
  virtual void received(std::span<const std::byte> messages) = 0;
  /// The session is over: what tasks have submitted and await is cancelled. The engine stays for those that run.
  virtual void close() = 0;
};

struct submitter_place {
  pool& threads;
  const security& who;
  const greeting& own;
  const link_options& link;
  client_options memory;
  std::shared_ptr<peer_link> scheduler;
  peer_id self;
};
using submitter_maker = std::function<std::unique_ptr<submitter>(submitter_place)>;

constexpr bool is_for_client(std::uint16_t kind) noexcept {
  switch (static_cast<message_kind>(kind)) {
    case message_kind::task_finished:
    case message_kind::task_failed:
    case message_kind::task_cancelled:
    case message_kind::task_restarted:
    case message_kind::want_offer:
    case message_kind::drop_offers:
    case message_kind::lease_granted:
    case message_kind::lease_lost:
    case message_kind::cluster_state:
      return true;
    default:
      return false;
  }
}

constexpr bool is_for_both(std::uint16_t kind) noexcept {
  return kind == static_cast<std::uint16_t>(message_kind::peer_info) ||
         kind == static_cast<std::uint16_t>(message_kind::peer_gone);
}

}  // namespace weft::net
