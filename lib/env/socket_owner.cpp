#include "env/socket_owner.hpp"

#include <unistd.h>

#include <fstream>
#include <sstream>

namespace weft::detail {

namespace {

/// As the kernel prints them: words of 32 bits in the machine's order.
bool is_local(const std::string& host) {
  if (host.size() == 8) return host.substr(6) == "7F" || host == "00000000";
  if (host.size() != 32) return false;
  const std::string first = host.substr(0, 24), last = host.substr(24);
  if (first == "0000000000000000FFFF0000") return is_local(last);
  return first == std::string(24, '0') && (last == "01000000" || last == "00000000");
}

}  // namespace

bool is_port_of_own_user(std::uint16_t port, const std::string& proc) {
  bool found = false;
  for (const char* table : {"/tcp", "/tcp6"}) {
    std::ifstream in(proc + table);
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
      std::istringstream words(line);
      std::string number, local, peer, state, queues, timer, again;
      unsigned long user = 0;
      if (!(words >> number >> local >> peer >> state >> queues >> timer >> again >> user)) continue;
      const auto colon = local.find(':');
      if (colon == std::string::npos || !is_local(local.substr(0, colon))) continue;
      if (std::strtoul(local.c_str() + colon + 1, nullptr, 16) != port) continue;
      if (state != "01" && state != "0A") continue;  // established, listening
      if (user != 0 && user != ::geteuid()) return false;
      found = true;
    }
  }
  return found;
}

}  // namespace weft::detail
