#include "cluster/faults/strangers.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace faults {

using namespace weft::net;

bytes operator+(bytes a, const bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

bytes as_bytes(std::string_view text) {
  const auto* p = reinterpret_cast<const std::byte*>(text.data());
  return bytes(p, p + text.size());
}

bytes frame(frame_header h, const bytes& payload) {
  bytes all(sizeof h);
  std::memcpy(all.data(), &h, sizeof h);
  return std::move(all) + payload;
}

bytes frame(frame_kind kind, const bytes& payload) {
  frame_output out;
  frame_header h;
  h.kind = static_cast<std::uint8_t>(kind);
  out.add(h, payload, false);
  bytes all;
  for (const auto piece : out.pieces()) all.insert(all.end(), piece.begin(), piece.end());
  return all;
}

hello client_hello() {
  hello m{};
  m.lowest = known_versions.lowest;
  m.highest = known_versions.highest;
  m.role = static_cast<std::uint8_t>(peer_role::client);
  m.capabilities = capability::all;
  m.incarnation = 1;
  constexpr std::string_view name = "stranger";
  m.name = name;
  return m;
}

bytes batch(std::uint64_t number, const bytes& messages) {
  bytes all = frame(frame_kind::batch, messages);
  std::memcpy(all.data() + offsetof(frame_header, number), &number, sizeof number);
  return all;
}

stranger::stranger(const std::string& address) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + address.rfind(':') + 1)));
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(socket_ >= 0);
  REQUIRE(::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
}

stranger::stranger(stranger&& o) noexcept : socket_(std::exchange(o.socket_, -1)) {}
stranger::~stranger() {
  if (socket_ >= 0) ::close(socket_);
}

void stranger::say(const bytes& what) {
  for (std::size_t done = 0; done < what.size();) {
    const ssize_t n = ::send(socket_, what.data() + done, what.size() - done, MSG_NOSIGNAL);
    if (n <= 0) return;  // it has hung up, and said why
    done += static_cast<std::size_t>(n);
  }
}

void stranger::shut() { ::shutdown(socket_, SHUT_WR); }

void stranger::read(std::byte* to, std::size_t count) {
  while (count != 0) {
    pollfd ready{socket_, POLLIN, 0};
    REQUIRE(::poll(&ready, 1, 20'000) == 1);
    const ssize_t n = ::recv(socket_, to, count, 0);
    REQUIRE(n > 0);
    to += n;
    count -= static_cast<std::size_t>(n);
  }
}

frame_header stranger::hear(bytes& payload) {
  frame_header h;
  read(reinterpret_cast<std::byte*>(&h), sizeof h);
  REQUIRE(h.magic == frame_header::expected_magic);
  payload.resize(h.payload_bytes);
  read(payload.data(), payload.size());
  return h;
}

bytes stranger::hear(frame_kind kind) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  bytes payload;
  while (hear(payload).kind != static_cast<std::uint8_t>(kind)) REQUIRE(std::chrono::steady_clock::now() < end);
  return payload;
}

std::string stranger::hear_refusal() {
  const bytes payload = hear(frame_kind::refuse);
  const refuse r = decode_refuse(payload);
  return std::string(r.reason.begin(), r.reason.end());
}

void stranger::enter() {
  say(frame(frame_kind::hello, encode(client_hello())));
  hear(frame_kind::welcome);
}

bool stranger::is_hung_up(std::chrono::seconds within) {
  const auto end = std::chrono::steady_clock::now() + within;
  std::byte away[4096];
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd ready{socket_, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) != 1) return false;
    if (::recv(socket_, away, sizeof away, 0) <= 0) return true;
  }
}

}  // namespace faults
