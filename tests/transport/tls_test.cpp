#include <catch2/catch.hpp>
#include <string>

#include "transport/connected.hpp"

using namespace weft::net;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

security signed_by(const certificate_authority& ca, int days = 30) {
  certificate_options o;
  o.role = peer_role::worker;
  o.name = "worker-17";
  o.days = days;
  return security::from_credentials(ca.issue(o));
}

weft::task<> greet(listener& from, std::string& say) {
  auto s = co_await from.accept();
  try {
    co_await s->handshake();
  } catch (const std::exception& e) { say = e.what(); }
}
weft::task<> knock(weft::pool& p, address a, security who, std::string& say, std::string text = {}) {
  try {
    auto s = co_await connect_to(p, a, who, connected::limit);
    if (!text.empty()) {
      const buffer one(std::as_bytes(std::span(text)));
      co_await s->write(std::span(&one, 1));
    }
    std::byte answer[64];  // TLS 1.3 tells the client of a refusal here
    const std::size_t n = co_await s->read_some(answer);
    if (n == 0) say = "the end";
  } catch (const std::exception& e) { say = e.what(); }
}

struct said {
  std::string by_listener, by_client;
};
said meet(weft::pool& p, listener& l, const address& to, const security& who, const std::string& text = {}) {
  said s;
  p.run(weft::all(greet(l, s.by_listener), knock(p, to, who, s.by_client, text)));
  return s;
}

/// The listener goes on to serve whom it should.
void check_unharmed(weft::pool& p, listener& l, const security& good) {
  connected::two t;
  CHECK_NOTHROW(
      p.run(weft::all(connected::accept_one(l, t.right), connected::connect_one(p, l.local(), good, t.left))));
  REQUIRE(t.right);
  CHECK(t.right->authenticated());
}

}  // namespace

TEST_CASE("certificates that are not good are refused, each with its sentence", "[transport][tls]") {
  weft::pool p({.threads = 2});
  const auto ca = certificate_authority::make("cluster A", 30), other = certificate_authority::make("cluster B", 30);
  const security good = signed_by(ca);
  const auto l = listen_on(p, parse_address("tls://127.0.0.1:0"), good);

  SECTION("another authority") {
    const said s = meet(p, *l, l->local(), signed_by(other));
    // The client sees the listener's certificate first, and refuses it.
    CHECK_THAT(s.by_client, Contains("'worker-17'") && Contains("another authority than 'cluster B'"));
    CHECK_THAT(s.by_listener, Contains("refuses our certificate"));
  }
  SECTION("expired") {
    const said s = meet(p, *l, l->local(), signed_by(ca, -1));
    CHECK_THAT(s.by_listener, Contains("'worker-17' has expired") && Contains("weft certs"));
    CHECK_THAT(s.by_client, Contains("refuses our certificate: it has expired"));
  }
  SECTION("another authority, and a client that believes both") {
    credentials mixed = other.issue({});
    CHECK_THROWS_AS(([&] {
                      mixed.authority = ca.certificate();
                      static_cast<void>(security::from_credentials(mixed));
                    }()),
                    bad_certificate);
  }
  check_unharmed(p, *l, good);
}

TEST_CASE("TLS meets plain TCP", "[transport][tls]") {
  weft::pool p({.threads = 2});
  const security good = connected::cluster();
  SECTION("a plain client at a TLS listener") {
    const auto l = listen_on(p, parse_address("tls://127.0.0.1:0"), good);
    address plain = l->local();
    plain.kind = address_kind::tcp;
    for (const char* text : {"GET / HTTP/1.0\r\n\r\n", "weft\1\0\0\0\0\0\0\0\0\0", "\x16\x03\x01\xff\xff"}) {
      const said s = meet(p, *l, plain, good, text);
      CHECK_THAT(s.by_listener, Contains("tcp://127") || Contains("tls://127"));
      CHECK_THAT(s.by_listener, Contains("does not speak TLS"));
    }
    check_unharmed(p, *l, good);
  }
  SECTION("a TLS client at a plain listener that hangs up") {
    const auto l = listen_on(p, parse_address("tcp://127.0.0.1:0"), {});
    address tls = l->local();
    tls.kind = address_kind::tls;
    said s;
    struct hang_up {
      static weft::task<> on(listener& from) {
        auto a = co_await from.accept();
        std::byte first[1];
        const std::size_t n = co_await a->read_some(first);
        if (n != 1 || first[0] != std::byte{0x16}) throw std::runtime_error("no TLS came");
        const std::string answer = "this is no TLS at all";
        const buffer one(std::as_bytes(std::span(answer)));
        co_await a->write(std::span(&one, 1));
        co_await a->shutdown();
        std::byte rest[4096];
        while (co_await a->read_some(rest) != 0) {}
      }
    };
    p.run(weft::all(hang_up::on(*l), knock(p, tls, good, s.by_client)));
    CHECK_THAT(s.by_client, Contains("does not speak TLS"));
  }
  SECTION("a peer that says nothing") {
    const auto l = listen_on(p, parse_address("tls://127.0.0.1:0"), good);
    address plain = l->local();
    plain.kind = address_kind::tcp;
    struct silent {
      static weft::task<> limited(listener& from, bool& timed_out) {
        auto s = co_await from.accept();
        try {
          co_await weft::timeout(1ms, s->handshake());
        } catch (const weft::timed_out&) { timed_out = true; }
      }
    };
    bool timed_out = false;
    std::string say;
    p.run(weft::all(silent::limited(*l, timed_out), knock(p, plain, good, say)));
    CHECK(timed_out);
    check_unharmed(p, *l, good);
  }
}

TEST_CASE("a connection that is not answered ends in time", "[transport][tls]") {
  weft::pool p({.threads = 2});
  const auto l = listen_on(p, parse_address("tcp://127.0.0.1:0"), {});
  address tls = l->local();
  tls.kind = address_kind::tls;
  CHECK_THROWS_WITH(p.run(connect_to(p, tls, connected::cluster(), 1ms)), Contains("within 0.001 s"));
}

TEST_CASE("certificates are read again when their files change", "[transport][tls]") {
  weft::pool p({.threads = 2});
  const test_directory dir;
  certificates_options options;
  write_certificates(dir.path(), options);
  const security worker = security::from_directory(dir.path(), peer_role::worker);
  const security scheduler = security::from_directory(dir.path(), peer_role::scheduler);
  const auto l = listen_on(p, parse_address("tls://127.0.0.1:0"), scheduler);
  const auto shown = [&] {
    connected::two t;
    p.run(weft::all(connected::accept_one(*l, t.right), connected::connect_one(p, l->local(), worker, t.left)));
    return t.left->certificate()->fingerprint;
  };
  const auto age = [&] {  // the clock of a file system may tick seldom
    namespace fs = std::filesystem;
    for (const auto& f : fs::directory_iterator(dir.path()))
      fs::last_write_time(f, fs::last_write_time(f) - std::chrono::hours(1));
  };
  age();
  const std::string first = shown();
  write_certificates(dir.path(), options);
  const std::string second = shown();
  CHECK(first != second);
  age();
  CHECK(shown() == second);
  write_pem(dir.path() / "scheduler.pem", "half a file", false);
  CHECK(shown() == second);
}
