#include "env/socket_owner.hpp"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "env/owned_descriptor.hpp"

namespace weft::detail {

namespace {

constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_mapped(const socket_end& e) noexcept { return std::equal(mapped.begin(), mapped.end(), e.address.begin()); }

/// As the kernel prints them: words of 32 bits in the machine's order.
std::string printed(const socket_end& e, bool as_six) {
  std::string text;
  char word[12];
  for (std::size_t at = as_six ? 0 : 12; at < 16; at += 4) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &e.address[at], sizeof bits);
    std::snprintf(word, sizeof word, "%08X", bits);
    text += word;
  }
  std::snprintf(word, sizeof word, ":%04X", unsigned{e.port});
  return text + word;
}

/// What the kernel answers about one connection; nothing when it does not.
std::optional<unsigned> by_diagnosis(const socket_end& there, const socket_end& here) {
  const owned_descriptor s(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!s) return std::nullopt;
  struct {
    nlmsghdr header;
    inet_diag_req_v2 what;
  } ask{};
  const bool four = is_mapped(there) && is_mapped(here);
  ask.header.nlmsg_len = sizeof ask;
  ask.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  ask.header.nlmsg_flags = NLM_F_REQUEST;
  ask.what.sdiag_family = four ? AF_INET : AF_INET6;
  ask.what.sdiag_protocol = IPPROTO_TCP;
  ask.what.idiag_states = ~std::uint32_t{0};
  ask.what.id.idiag_sport = htons(there.port);
  ask.what.id.idiag_dport = htons(here.port);
  ask.what.id.idiag_cookie[0] = ask.what.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  const std::size_t from = four ? 12 : 0;
  std::memcpy(ask.what.id.idiag_src, &there.address[from], 16 - from);
  std::memcpy(ask.what.id.idiag_dst, &here.address[from], 16 - from);
  if (::send(s.get(), &ask, sizeof ask, 0) != static_cast<ssize_t>(sizeof ask)) return std::nullopt;
  alignas(nlmsghdr) char answer[8192];
  const ssize_t size = ::recv(s.get(), answer, sizeof answer, MSG_DONTWAIT);  // it is there when send() returns
  if (size < static_cast<ssize_t>(sizeof(nlmsghdr))) return std::nullopt;
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer);
  if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || header->nlmsg_len > static_cast<std::size_t>(size) ||
      header->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg)))
    return std::nullopt;
  inet_diag_msg found;
  std::memcpy(&found, answer + NLMSG_LENGTH(0), sizeof found);
  if (found.idiag_state != TCP_ESTABLISHED) return std::nullopt;
  return found.idiag_uid;
}

}  // namespace

std::optional<unsigned> user_of_socket_in(const std::string& proc, const socket_end& there, const socket_end& here) {
  for (const bool six : {false, true}) {
    if (!six && !(is_mapped(there) && is_mapped(here))) continue;
    const std::string own = printed(there, six), other = printed(here, six);
    std::ifstream in(proc + (six ? "/tcp6" : "/tcp"));
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
      std::istringstream words(line);
      std::string number, local, peer, state, queues, timer, again;
      unsigned user = 0;
      if (!(words >> number >> local >> peer >> state >> queues >> timer >> again >> user)) continue;
      if (local == own && peer == other && state == "01") return user;
    }
  }
  return std::nullopt;
}

std::optional<unsigned> user_of_socket(const socket_end& there, const socket_end& here) {
  if (const std::optional<unsigned> user = by_diagnosis(there, here)) return user;
  return user_of_socket_in("/proc/net", there, here);
}

}  // namespace weft::detail
