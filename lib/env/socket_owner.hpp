#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace weft::detail {

/// One end of a TCP connection. IPv4 addresses are mapped into IPv6.
struct socket_end {
  std::array<std::uint8_t, 16> address{};
  std::uint16_t port = 0;
};

/// Who has the end `there` of the connection between `there` and `here`, both of this machine: a user's number.
/// Nothing when there is no such connection, or one of its ends is closed, or the system does not say. One look-up of
/// the kernel (sock_diag(7)); where that is not to be had, /proc/net/tcp and tcp6 are read, for which `proc` stands.
std::optional<unsigned> user_of_socket(const socket_end& there, const socket_end& here);
std::optional<unsigned> user_of_socket_in(const std::string& proc, const socket_end& there, const socket_end& here);

}  // namespace weft::detail
