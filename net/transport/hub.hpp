#pragma once

#include <memory>
#include <string>

#include "transport/link.hpp"

namespace weft::net {

/// What a hub answers a peer that wants to begin a session.
struct admission {
  /// Who serves it; null: it is refused, by what follows.
  std::shared_ptr<link_handler> handler;
  peer_id peer = 0;
  refusal code = refusal::role;
  std::string reason;
};

/// Asked about new sessions, on workers of the pool, several at a time.
class hub_handler {
 public:
  virtual ~hub_handler() = default;
  /// The certificate's role is that of the greeting, where there is one.
  virtual admission admit(const link_peer& peer) = 0;
  /// The session begins: before anything is received on it.
  virtual void begun(std::shared_ptr<peer_link> l) = 0;
};

struct hub_options {
  link_options link;
  /// TLS and hello.
  std::chrono::nanoseconds greet_within = std::chrono::seconds(10);
  std::size_t most_sessions = 20'000;
  /// Connections whose hello has not come yet; more wait in the kernel.
  std::size_t most_greeting = 256;
  /// TLS and hello when more wait: so who says nothing keeps others waiting for a moment only.
  std::chrono::nanoseconds greet_crowded = std::chrono::milliseconds(500);
};

class hub_state;

/// Listens at any number of addresses, greets who comes, begins sessions, and gives connections of those that exist
/// to their links. What goes wrong with one connection is told to that peer, where it can be, and harms nobody else.
///
/// A session is resumed by who knows its number, 64 secret random bits, and shows the incarnation and the certificate
/// that it began with.
class hub {
 public:
  hub(pool& p, security who, greeting own, hub_options options, std::shared_ptr<hub_handler> handler);
  /// Closes. What was begun ends on the pool, which outlives it.
  ~hub();
  hub(const hub&) = delete;
  hub& operator=(const hub&) = delete;

  /// Gives the address with the port that the system chose. Throws transport_error.
  address listen(const address& a);
  /// Stops listening, and refuses who is greeting. Sessions go on, and can be resumed no more: close the links first.
  void close();
  /// How many connections have failed before a session began, and why the last did.
  std::size_t failures() const;
  std::string last_failure() const;

 private:
  const std::shared_ptr<hub_state> state_;
};

}  // namespace weft::net
