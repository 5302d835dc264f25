#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace weft::net {

/// What should be an address is none: says the text, and what would be right.
class bad_address : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

enum class address_kind : std::uint8_t { tcp, tls, unix_socket, in_process };

/// Where a process listens.
///
///     tcp://host:port    tls://host:port    unix:/path    unix:@name (abstract)    inproc://name
///
/// IPv6 hosts stand in brackets; port 0 lets the system choose, for listeners.
struct address {
  address_kind kind = address_kind::tcp;
  std::string host;  // a name or a number without brackets; the path, @name or name of the other kinds
  std::uint16_t port = 0;

  bool has_port() const noexcept { return kind == address_kind::tcp || kind == address_kind::tls; }
  friend bool operator==(const address&, const address&) = default;
};

/// A bare `host:port` is of the kind `bare`: tls where an identity is set up, else tcp. Throws bad_address.
address parse_address(std::string_view text, address_kind bare = address_kind::tcp);
std::string to_string(const address& a);

}  // namespace weft::net
