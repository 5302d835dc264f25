#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "transport/connected.hpp"
#include "transport/linked.hpp"
#include "transport/tls_identity.hpp"

// Prints what the transports cost beside blocking sockets and two threads: `transport_test [.times]`.

using namespace weft::net;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {

constexpr std::size_t ping_bytes = 64, bulk_bytes = std::size_t{1} << 30, chunk = std::size_t{1} << 20;
constexpr int pings = 20'000;

double seconds_since(steady::time_point t) { return std::chrono::duration<double>(steady::now() - t).count(); }

struct raw_pair {
  int a = -1, b = -1;
  explicit raw_pair(bool unix_sockets) {
    if (unix_sockets) {
      int both[2];
      REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, both) == 0);
      a = both[0], b = both[1];
      const int size = 1 << 20;
      for (const int s : both) {
        ::setsockopt(s, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        ::setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
      }
      return;
    }
    const int l = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t n = sizeof at;
    REQUIRE(::bind(l, reinterpret_cast<sockaddr*>(&at), n) == 0);
    REQUIRE(::listen(l, 1) == 0);
    REQUIRE(::getsockname(l, reinterpret_cast<sockaddr*>(&at), &n) == 0);
    a = ::socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(::connect(a, reinterpret_cast<sockaddr*>(&at), n) == 0);
    b = ::accept(l, nullptr, nullptr);
    ::close(l);
    const int on = 1;
    for (const int s : {a, b}) ::setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~raw_pair() {
    ::close(a);
    ::close(b);
  }
};

template <class Read, class Write>
double raw_ping(Read read, Write write, int a, int b) {
  std::thread echo([&] {
    char m[ping_bytes];
    for (int i = 0; i < pings; ++i) read(b, m, sizeof m), write(b, m, sizeof m);
  });
  const auto begin = steady::now();
  char m[ping_bytes] = {};
  for (int i = 0; i < pings; ++i) write(a, m, sizeof m), read(a, m, sizeof m);
  const double t = seconds_since(begin);
  echo.join();
  return t / pings;
}
template <class Read, class Write>
double raw_bulk(Read read, Write write, int a, int b) {
  const auto begin = steady::now();
  std::thread sender([&] {
    std::vector<char> m(chunk, 'x');
    for (std::size_t n = 0; n < bulk_bytes; n += chunk) write(a, m.data(), chunk);
  });
  std::vector<char> m(chunk);
  for (std::size_t n = 0; n < bulk_bytes; n += chunk) read(b, m.data(), chunk);
  sender.join();
  return seconds_since(begin);
}
void read_socket(int s, char* to, std::size_t n) {
  while (n) {
    const ssize_t r = ::recv(s, to, n, 0);
    if (r <= 0) std::abort();
    to += r, n -= static_cast<std::size_t>(r);
  }
}
void write_socket(int s, const char* from, std::size_t n) {
  while (n) {
    const ssize_t r = ::send(s, from, n, MSG_NOSIGNAL);
    if (r <= 0) std::abort();
    from += r, n -= static_cast<std::size_t>(r);
  }
}

struct bare_tls {
  raw_pair sockets{false};
  ssl_ptr a, b;
  bare_tls() {
    a = connected::as(peer_role::worker).identity()->begin(true);
    b = connected::as(peer_role::scheduler).identity()->begin(false);
    for (SSL* s : {a.get(), b.get()}) SSL_clear_mode(s, SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_set_fd(a.get(), sockets.a);
    SSL_set_fd(b.get(), sockets.b);
    std::thread other([&] { SSL_do_handshake(b.get()); });
    SSL_do_handshake(a.get());
    other.join();
  }
  SSL* of(int s) const { return s == sockets.a ? a.get() : b.get(); }
  void read(int s, char* to, std::size_t n) const {
    while (n) {
      std::size_t r = 0;
      if (SSL_read_ex(of(s), to, n, &r) != 1) std::abort();
      to += r, n -= r;
    }
  }
  void write(int s, const char* from, std::size_t n) const {
    std::size_t w = 0;
    if (SSL_write_ex(of(s), from, n, &w) != 1 || w != n) std::abort();
  }
};

struct figures {
  double ping = 0, bulk = 0;
};
figures raw(const std::string& transport) {
  figures f;
  if (transport == "tls") {
    const bare_tls t;
    const auto r = [&](int s, char* to, std::size_t n) { t.read(s, to, n); };
    const auto w = [&](int s, const char* from, std::size_t n) { t.write(s, from, n); };
    f.ping = raw_ping(r, w, t.sockets.a, t.sockets.b);
    f.bulk = raw_bulk(r, w, t.sockets.a, t.sockets.b);
  } else {
    const raw_pair s(transport == "unix");
    f.ping = raw_ping(read_socket, write_socket, s.a, s.b);
    f.bulk = raw_bulk(read_socket, write_socket, s.a, s.b);
  }
  return f;
}

weft::task<> echo(stream& s) {
  std::byte m[ping_bytes];
  for (int i = 0; i < pings; ++i) {
    co_await s.read_all(m);
    const buffer one(m);
    co_await s.write(std::span(&one, 1));
  }
}
weft::task<> ping(stream& s) {
  std::byte m[ping_bytes] = {};
  for (int i = 0; i < pings; ++i) {
    const buffer one(m);
    co_await s.write(std::span(&one, 1));
    co_await s.read_all(m);
  }
}
weft::task<> pour(stream& s) {
  const std::vector<std::byte> m(chunk);
  for (std::size_t n = 0; n < bulk_bytes; n += chunk) {
    const buffer one(m);
    co_await s.write(std::span(&one, 1));
  }
}
weft::task<> drink(stream& s) {
  std::vector<std::byte> m(chunk);
  for (std::size_t n = 0; n < bulk_bytes; n += chunk) co_await s.read_all(m);
}

/// The two ends on a pool of one worker each, as two processes would have.
connected::two make_apart(weft::pool& p, weft::pool& q, const std::string& transport) {
  const test_directory dir;
  const auto l = listen_on(q, connected::place(transport, dir), connected::as(peer_role::scheduler));
  const security who = connected::as(peer_role::worker);
  connected::two t;
  std::thread other([&] { q.run(connected::accept_one(*l, t.right)); });
  p.run(connected::connect_one(p, l->local(), who, t.left));
  other.join();
  return t;
}

figures ours(const std::string& transport, weft::idle_mode mode) {
  weft::pool p({.threads = 1, .idle = mode}), q({.threads = 1, .idle = mode});
  auto [a, b] = make_apart(p, q, transport);
  figures f;
  {
    std::thread other([&, s = b.get()] { q.run(echo(*s)); });
    const auto begin = steady::now();
    p.run(ping(*a));
    f.ping = seconds_since(begin) / pings;
    other.join();
  }
  {
    const auto begin = steady::now();
    std::thread other([&, s = a.get()] { p.run(pour(*s)); });
    q.run(drink(*b));
    f.bulk = seconds_since(begin);
    other.join();
  }
  return f;
}

}  // namespace

TEST_CASE("what the transports cost beside blocking sockets", "[.times]") {
  std::printf("%-8s %31s   %31s\n", "", "64 bytes there and back, us", "1 GiB, s");
  for (const std::string transport : connected::transports) {
    figures best, base;
    for (int round = 0; round < 5; ++round) {
      const figures f = ours(transport, weft::idle_mode::polite);
      const figures r = transport == "inproc" ? f : raw(transport);
      const auto keep = [](double& kept, double t) { kept = kept == 0 ? t : std::min(kept, t); };
      keep(best.ping, f.ping), keep(best.bulk, f.bulk), keep(base.ping, r.ping), keep(base.bulk, r.bulk);
    }
    std::printf("%-8s weft %6.2f, bare %6.2f: %5.2f   weft %6.3f, bare %6.3f: %5.2f\n", transport.c_str(),
                best.ping * 1e6, base.ping * 1e6, best.ping / base.ping, best.bulk, base.bulk, best.bulk / base.bulk);
  }
}

namespace {

/// Both ends on one pool.
figures over_link(const std::string& transport) {
  linked::meeting m(transport);
  m.meet();
  figures f;
  constexpr task_id n = pings;
  m.far->on_numbers = [](peer_link& l, std::span<const task_id> ids) { l.send(linked::numbers(ids)); };
  m.near->on_numbers = [&](peer_link& l, std::span<const task_id> ids) {
    const task_id next = ids.back() + 1;
    if (next <= n) l.send(linked::numbers(std::span(&next, 1)));
  };
  {
    const auto begin = steady::now();
    const task_id one = 1;
    m.left->send(linked::numbers(std::span(&one, 1)));
    REQUIRE(m.near->wait([&] { return m.near->got.size() == n; }));
    f.ping = seconds_since(begin) / pings;
  }
  const auto piece = std::make_shared<std::vector<std::byte>>(bulk_bytes / 8);
  const std::uint64_t sizes[1] = {piece->size()};
  const auto begin = steady::now();
  for (std::uint64_t i = 1; i <= 8; ++i) {
    value_header h{};
    h.request = i;
    h.attachments = sizes;
    m.left->send_value(h, {buffer(*piece)}, piece);
    REQUIRE(m.far->wait([&] { return m.far->values.count(i) && m.far->values[i].to.complete(); }));
    m.far->values.clear();
  }
  f.bulk = seconds_since(begin);
  return f;
}

}  // namespace

TEST_CASE("what links cost", "[.times]") {
  for (const std::string transport : connected::transports) {
    figures best;
    for (int round = 0; round < 3; ++round) {
      const figures f = over_link(transport);
      best.ping = best.ping == 0 ? f.ping : std::min(best.ping, f.ping);
      best.bulk = best.bulk == 0 ? f.bulk : std::min(best.bulk, f.bulk);
    }
    std::printf("%-8s a message there and back %6.2f us   8 values of 128 MiB into fresh memory %6.3f s\n",
                transport.c_str(), best.ping * 1e6, best.bulk);
  }
}
