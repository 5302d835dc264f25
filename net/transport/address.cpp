#include "transport/address.hpp"

#include <sys/un.h>

#include <algorithm>
#include <charconv>

namespace weft::net {
namespace {

constexpr std::string_view forms =
    "an address is tcp://host:port, tls://host:port, unix:/path, unix:@name or inproc://name";
constexpr std::size_t longest_host = 253;  // RFC 1035
constexpr std::size_t longest_name = 200;

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  constexpr std::size_t shown = 300;
  std::string say = "address '";
  say += text.substr(0, shown);
  if (text.size() > shown) say += "...";
  say += "' ";
  say += why;
  throw bad_address(say);
}

bool starts(std::string_view text, std::string_view with) { return text.substr(0, with.size()) == with; }

bool plain(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](unsigned char c) { return c > ' ' && c != 127; });
}

void read_host_and_port(std::string_view text, std::string_view rest, address& into) {
  std::string_view host, port;
  if (starts(rest, "[")) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) refuse(text, "opens a bracket and does not close it: tcp://[::1]:8786");
    host = rest.substr(1, end - 1);
    if (host.find(':') == std::string_view::npos)
      refuse(text, "has in brackets what is no IPv6 address: only those stand in brackets, as in tcp://[::1]:8786");
    port = rest.substr(end + 1);
    if (port.empty()) refuse(text, "has no port: write host:port; port 0 lets a listener choose");
    if (port[0] != ':') refuse(text, "has something between the bracket and the port: tcp://[::1]:8786");
    port.remove_prefix(1);
  } else {
    const std::size_t colon = rest.rfind(':');
    if (colon == std::string_view::npos) refuse(text, "has no port: write host:port; port 0 lets a listener choose");
    host = rest.substr(0, colon);
    port = rest.substr(colon + 1);
    if (host.find(':') != std::string_view::npos) refuse(text, "has an IPv6 host without brackets: tcp://[::1]:8786");
  }
  if (host.empty())
    refuse(text, "has no host: write host:port; 127.0.0.1 is this machine, 0.0.0.0 all its addresses");
  if (host.size() > longest_host || !plain(host) || host.find_first_of("/@?#[]") != std::string_view::npos)
    refuse(text, "has a host that is no name: a name such as node7, or a number such as 10.0.0.7 or [fd00::7]");
  unsigned value = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), value);
  if (error != std::errc() || end != port.data() + port.size() || value > 65535)
    refuse(text, "has a port that is none: a number from 0 to 65535");
  into.host = host;
  into.port = static_cast<std::uint16_t>(value);
}

}  // namespace

address parse_address(std::string_view text, address_kind bare) {
  address a;
  const auto scheme_ends = text.find("://");
  if (starts(text, "unix:")) {
    a.kind = address_kind::unix_socket;
    std::string_view path = text.substr(5);
    if (starts(path, "//")) path.remove_prefix(2);
    if (path.size() < 2 || (path[0] != '/' && path[0] != '@'))
      refuse(text, "has no path: unix:/run/weft.sock, or unix:@name for one without a file");
    if (path.size() >= sizeof(sockaddr_un::sun_path) || path.find('\0') != std::string_view::npos)
      refuse(text, "has a path that is too long for a Unix socket: 107 characters are allowed");
    a.host = path;
  } else if (starts(text, "inproc://")) {
    a.kind = address_kind::in_process;
    a.host = text.substr(9);
    if (a.host.empty() || a.host.size() > longest_name || !plain(a.host))
      refuse(text, "has no name: inproc://name, up to 200 characters without blanks");
  } else if (scheme_ends == std::string_view::npos) {
    if (text.empty()) refuse(text, std::string("is empty: ") += forms);
    a.kind = bare;
    read_host_and_port(text, text, a);
  } else {
    const std::string_view scheme = text.substr(0, scheme_ends);
    if (scheme != "tcp" && scheme != "tls")
      refuse(text, (std::string("begins with '") += scheme.substr(0, 20)) +=
                   std::string("://', which is unknown: ") += forms);
    a.kind = scheme == "tls" ? address_kind::tls : address_kind::tcp;
    read_host_and_port(text, text.substr(scheme_ends + 3), a);
  }
  return a;
}

std::string to_string(const address& a) {
  switch (a.kind) {
    case address_kind::unix_socket:
      return "unix:" + a.host;
    case address_kind::in_process:
      return "inproc://" + a.host;
    default:
      break;
  }
  std::string s = a.kind == address_kind::tls ? "tls://" : "tcp://";
  if (a.host.find(':') != std::string::npos)
    s += '[' + a.host + ']';
  else
    s += a.host;
  return s + ':' + std::to_string(a.port);
}

}  // namespace weft::net
