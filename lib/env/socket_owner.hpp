#pragma once

#include <cstdint>
#include <string>

namespace weft::detail {

/// Whether every TCP socket of this machine that has the port at a loopback address, connected or listening, belongs
/// to this process's user or to root, and there is one: by /proc/net/tcp and tcp6, which `proc` stands for.
bool is_port_of_own_user(std::uint16_t port, const std::string& proc = "/proc/net");

}  // namespace weft::detail
