#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "client/held_lease.hpp"
#include "client/home.hpp"
#include "transport/link.hpp"
#include "weft/client.hpp"
#include "weft/pool.hpp"
#include "weft/sync.hpp"
#include "worker/exchange.hpp"
#include "worker/submitter.hpp"

namespace weft::net {

struct client_session_options {
  address scheduler;
  security who;  // with the role client, or worker for the tasks of a worker
  std::string name;
  link_options link;
  client_options memory;
  held_lease_limits leases;
  /// Values that are scattered and have so many bytes, encoded, go straight to their worker. It costs three messages
  /// more, and for the first of them a link; what is smaller goes to the scheduler along with one.
  std::uint64_t offered_bytes = std::uint64_t{64} << 10;
  /// A worker that is to have such values is dialled so often, for ten seconds each time, before another is to.
  std::uint32_t offer_tries = 3;
  bool library = false;  // connect_options::library
};

/// The client of a worker's tasks: a submitter like others, by the worker's own session.
std::unique_ptr<submitter> make_nested_client(submitter_place where);

/// Connects to a scheduler, and gives a client whose tasks run on its workers. Throws transport_error and its like.
task<client> connect_client(pool& p, client_session_options options);

}  // namespace weft::net
