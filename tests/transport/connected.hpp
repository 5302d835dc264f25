#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "support/test_directory.hpp"
#include "transport/connect.hpp"
#include "weft/weft.hpp"

/// Two connected streams over each of the transports: what the tests share.
namespace connected {

using namespace weft::net;
using namespace std::chrono_literals;

inline constexpr auto limit = 60s;
inline constexpr const char* transports[] = {"tcp", "tls", "unix", "inproc"};

inline const security& cluster() {
  static const security s = security::temporary();
  return s;
}
inline security as(peer_role role) { return cluster().for_role(role); }

/// Where to listen: port 0, or a name of its own.
inline address place(const std::string& transport, const test_directory& dir) {
  if (transport == "unix") return parse_address("unix:" + (dir.path() / "s").string());
  if (transport == "inproc") return parse_address("inproc://" + dir.path().filename().string());
  return parse_address(transport + "://127.0.0.1:0");
}

struct two {
  std::unique_ptr<stream> left, right;  // who connected, who accepted
};

inline weft::task<> accept_one(listener& from, std::unique_ptr<stream>& to) {
  to = co_await from.accept();
  co_await to->handshake();
}
inline weft::task<> connect_one(weft::pool& p, const address& a, const security& who, std::unique_ptr<stream>& to) {
  to = co_await connect_to(p, a, who, limit);
}

inline two make(weft::pool& p, const std::string& transport) {
  const test_directory dir;
  const auto l = listen_on(p, place(transport, dir), as(peer_role::scheduler));
  const security who = as(peer_role::worker);
  two t;
  p.run(weft::all(accept_one(*l, t.right), connect_one(p, l->local(), who, t.left)));
  return t;
}

}  // namespace connected
