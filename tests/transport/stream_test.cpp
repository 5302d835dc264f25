#include "transport/stream.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "transport/connected.hpp"

using namespace weft::net;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

std::vector<std::byte> pattern(std::size_t n, unsigned seed) {
  std::vector<std::byte> v(n);
  std::uint32_t x = seed * 2654435761u + 1;
  for (std::byte& b : v) b = static_cast<std::byte>((x = x * 1664525u + 1013904223u) >> 24);
  return v;
}

weft::task<> send(stream& s, const std::vector<std::byte>& bytes, std::size_t piece) {
  std::vector<buffer> list;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    list.push_back({});  // empty ones are passed over
    list.push_back(buffer(bytes).subspan(at, std::min(piece, bytes.size() - at)));
  }
  co_await s.write(list);
  co_await s.shutdown();
}
weft::task<> expect(stream& s, const std::vector<std::byte>& bytes) {
  std::vector<std::byte> got(bytes.size());
  co_await s.read_all(got);
  if (got != bytes) throw std::runtime_error("other bytes have come");
  std::byte more[16];
  const std::size_t n = co_await s.read_some(more);
  if (n != 0) throw std::runtime_error("more bytes have come");
}
weft::task<std::size_t> read_one(stream& s) {
  std::byte b[1];
  co_return co_await s.read_some(b);
}
weft::task<> write_for_ever(stream& s) {
  const std::vector<std::byte> some(1 << 20);
  const buffer one(some);
  for (;;) co_await s.write(std::span(&one, 1));
}
weft::task<> close_it(stream& s) {
  co_await weft::yield();
  s.close();
}

template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const weft::cancelled&) { return "cancelled"; } catch (const std::exception& e) {
    return e.what();
  }
  return {};
}

}  // namespace

TEST_CASE("bytes go both ways at once, in order, in pieces of any size", "[transport][stream]") {
  weft::pool p({.threads = 2});
  for (const std::string transport : connected::transports)
    for (const std::size_t piece : {std::size_t{1}, std::size_t{48}, std::size_t{4000}, std::size_t{1} << 20}) {
      CAPTURE(transport, piece);
      auto [a, b] = connected::make(p, transport);
      const std::size_t n = piece == 1 ? 3000 : piece == 48 ? 100'000 : 5'000'000;
      const auto there = pattern(n, 1), back = pattern(n + 7, 2);
      CHECK_NOTHROW(
          p.run(weft::all(send(*a, there, piece), expect(*b, there), send(*b, back, piece), expect(*a, back))));
    }
}

TEST_CASE("a stream says what it is", "[transport][stream]") {
  weft::pool p({.threads = 2});
  for (const std::string transport : connected::transports) {
    CAPTURE(transport);
    auto [a, b] = connected::make(p, transport);
    CHECK(a->on_this_host());
    CHECK(b->on_this_host());
    CHECK(a->authenticated() == (transport == "tls" || transport == "inproc"));
    CHECK(a->peer().substr(0, transport.size()) == transport);
    CHECK(a->peer() == b->local());
    REQUIRE((a->certificate() != nullptr) == (transport == "tls"));
    if (transport == "tls") {
      CHECK(a->certificate()->role == peer_role::scheduler);
      CHECK(b->certificate()->role == peer_role::worker);
      CHECK(b->certificate()->name == "worker");
    }
  }
}

TEST_CASE("an operation that waits ends by a stop, by close, and by the peer's end", "[transport][stream]") {
  weft::pool p({.threads = 2});
  for (const std::string transport : connected::transports) {
    CAPTURE(transport);
    {
      auto [a, b] = connected::make(p, transport);
      CHECK_THROWS_AS(p.run(weft::timeout(1ms, read_one(*a))), weft::timed_out);
      // Nothing is lost by it: what comes later is read.
      const auto bytes = pattern(100, 3);
      CHECK_NOTHROW(p.run(weft::all(send(*b, bytes, 10), expect(*a, bytes))));
    }
    {
      auto [a, b] = connected::make(p, transport);
      CHECK_THROWS_AS(p.run(weft::timeout(1ms, write_for_ever(*a))), weft::timed_out);
    }
    {
      auto [a, b] = connected::make(p, transport);
      const std::string say = refusal([&, s = a.get()] { p.run(weft::all(write_for_ever(*s), close_it(*s))); });
      CHECK_THAT(say, Contains("broke while writing"));
    }
    {
      auto [a, b] = connected::make(p, transport);
      b.reset();
      const std::string say = refusal([&, s = a.get()] { p.run(write_for_ever(*s)); });
      CHECK_THAT(say, Contains("broke while writing"));
    }
    {
      auto [a, b] = connected::make(p, transport);
      const std::string say = refusal([&, to = a.get(), from = b.get()] {
        std::vector<std::byte> wanted(2);
        auto half = pattern(1, 1);
        p.run(weft::all(send(*from, half, 1), to->read_all(wanted)));
      });
      CHECK_THAT(say, Contains("ended in the middle"));
    }
  }
}

TEST_CASE("who writes to a peer that has ended its own side waits for room, and holds up nobody",
          "[transport][stream]") {
  const std::string transport = GENERATE("tcp", "tls", "unix");
  weft::pool p({.threads = 1});
  connected::two t = connected::make(p, transport);
  const auto test = [&]() -> weft::task<bool> {
    co_await t.left->shutdown();
    std::byte end[16];
    const std::size_t n = co_await t.right->read_some(end);
    CHECK(n == 0);
    const std::vector<std::byte> much(std::size_t{64} << 20);
    const buffer one(much);
    try {
      co_await weft::timeout(100ms, t.right->write(std::span(&one, 1)));
    } catch (const weft::timed_out&) { co_return true; }
    co_return false;
  };
  CHECK(p.run(test()));
}

TEST_CASE("a plain address that other machines reach is refused, and the flag is named", "[transport][stream]") {
  weft::pool p({.threads = 1});
  const security none;
  const auto listen_refusal = [&](const char* a, const security& who) {
    return refusal([&] { static_cast<void>(listen_on(p, parse_address(a), who)); });
  };
  const auto connect_refusal = [&](const char* a, const security& who) {
    return refusal([&] { static_cast<void>(p.run(connect_to(p, parse_address(a), who, connected::limit))); });
  };
  for (const char* a : {"tcp://0.0.0.0:0", "tcp://[::]:0"}) {
    CAPTURE(a);
    CHECK_THAT(listen_refusal(a, none), Contains(a) && Contains("--insecure") && Contains("option `insecure`"));
    CHECK_THAT(listen_refusal(a, connected::cluster()), Contains("--insecure"));
  }
  // Documentation addresses (RFC 5737, 3849): nothing is sent to them.
  for (const char* a : {"tcp://192.0.2.1:80", "tcp://[2001:db8::1]:80"})
    CHECK_THAT(connect_refusal(a, none), Contains(a) && Contains("--insecure"));
  CHECK_THAT(connect_refusal("tls://127.0.0.1:80", none), Contains("weft certs"));
  CHECK_THAT(listen_refusal("tls://127.0.0.1:0", none), Contains("weft certs"));
  CHECK_THAT(connect_refusal("tcp://127.0.0.1:0", none), Contains("port 0"));
  security bold;
  bold.insecure = true;
  CHECK(listen_refusal("tcp://0.0.0.0:0", bold) == "");
}

TEST_CASE("a name is resolved before it is judged", "[transport][stream]") {
  weft::pool p({.threads = 2});
  const auto l = listen_on(p, parse_address("tcp://localhost:0"), {});
  CHECK(l->local().host == "localhost");
  CHECK(l->local().port != 0);
  connected::two t;
  const security none;
  CHECK_NOTHROW(
      p.run(weft::all(connected::accept_one(*l, t.right), connected::connect_one(p, l->local(), none, t.left))));
}

TEST_CASE("where nobody listens is said", "[transport][stream]") {
  weft::pool p({.threads = 1});
  const test_directory dir;
  for (const std::string transport : connected::transports) {
    CAPTURE(transport);
    address free = connected::place(transport, dir);
    if (free.has_port()) free = listen_on(p, free, connected::cluster())->local();  // and closed again
    const std::string say =
        refusal([&] { static_cast<void>(p.run(connect_to(p, free, connected::cluster(), connected::limit))); });
    CHECK_THAT(say, Contains(to_string(free)) && (Contains("nobody answers") || Contains("nobody listens")));
  }
}

TEST_CASE("a listener that is closed says so, and lets its place go", "[transport][stream]") {
  weft::pool p({.threads = 2});
  const test_directory dir;
  for (const std::string transport : connected::transports) {
    CAPTURE(transport);
    const auto l = listen_on(p, connected::place(transport, dir), connected::cluster());
    struct both {
      static weft::task<> close(listener& of) {
        co_await weft::yield();
        of.close();
      }
      static weft::task<> accept(listener& of) { static_cast<void>(co_await of.accept()); }
    };
    CHECK_THAT(refusal([&] { p.run(weft::all(both::accept(*l), both::close(*l))); }), Contains("is closed"));
    CHECK_THAT(refusal([&] { p.run(both::accept(*l)); }), Contains("is closed"));
    if (!l->local().has_port()) CHECK_NOTHROW(listen_on(p, l->local(), connected::cluster()));
  }
}

TEST_CASE("the file of a Unix socket is private, replaced when it was left behind, and else respected",
          "[transport][stream]") {
  weft::pool p({.threads = 1});
  const test_directory dir;
  const address a = connected::place("unix", dir);
  {
    const auto l = listen_on(p, a, {});
    struct stat s{};
    REQUIRE(::stat(a.host.c_str(), &s) == 0);
    CHECK((s.st_mode & 077) == 0);
    CHECK_THAT(refusal([&] { static_cast<void>(listen_on(p, a, {})); }), Contains("in use"));
    CHECK(::stat(a.host.c_str(), &s) == 0);
    // As a process leaves it that is killed.
    REQUIRE(std::rename(a.host.c_str(), (a.host + "2").c_str()) == 0);
  }
  REQUIRE(std::rename((a.host + "2").c_str(), a.host.c_str()) == 0);
  CHECK_NOTHROW(listen_on(p, a, {}));
  std::ofstream(a.host) << "somebody's file";
  CHECK_THROWS_AS(listen_on(p, a, {}), transport_error);
  CHECK(std::filesystem::exists(a.host));
  CHECK_NOTHROW(listen_on(p, parse_address("unix:@" + dir.path().filename().string()), {}));
}
