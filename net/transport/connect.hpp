#pragma once

#include <chrono>
#include <memory>

#include "transport/stream.hpp"
#include "weft/pool.hpp"

namespace weft::net {

/// A connection to who listens at `a`, its handshake done, within `limit`. Throws transport_error or bad_certificate.
///
/// An address that other machines reach (no loopback, no Unix socket; names are resolved first) is refused without
/// TLS, unless `who.insecure`. A name is resolved by the system, which no limit interrupts.
task<std::unique_ptr<stream>> connect_to(pool& p, address a, security who, std::chrono::nanoseconds limit);

/// Listens on `p`. The same rule holds; 0.0.0.0 and [::] are reached by other machines. Of a Unix socket whose
/// process is gone the file is replaced; only processes of the same user, or of root, are let in. Blocks while a name
/// is resolved. Throws transport_error.
std::unique_ptr<listener> listen_on(pool& p, const address& a, const security& who);

}  // namespace weft::net
