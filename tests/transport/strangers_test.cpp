// Who is believed: by those who connect as much as by those who listen.
#include <sys/syscall.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "transport/linked.hpp"

using namespace weft::net;
using Catch::Matchers::Contains;

namespace {

template <class F>
std::string failure_of(F f) {
  try {
    f();
  } catch (const std::exception& e) { return e.what(); }
  return {};
}

/// Answers one hello by hand, whatever session it is about.
weft::task<> welcome_one(listener& from, std::uint64_t incarnation, std::unique_ptr<framed_stream>& held) {
  std::unique_ptr<stream> s = co_await from.accept();
  co_await s->handshake();
  held = std::make_unique<framed_stream>(std::move(s), frame_limits());
  const std::vector<std::byte> heard = co_await hear_hello(*held);
  const hello h = decode_hello(heard);
  welcome w{};
  w.version = known_versions.highest;
  w.peer = 1;
  w.session = h.session != 0 ? h.session : 4711;
  w.incarnation = incarnation;
  std::vector<std::byte> payload = encode(w);
  co_await send_greeting(held->bytes(), frame_kind::welcome, std::move(payload));
}

weft::task<> connect(weft::pool& p, address to, link_options o, std::shared_ptr<linked::notes> near,
                     std::shared_ptr<peer_link>& made) {
  made = co_await peer_link::dial(p, std::move(to), {}, linked::says(peer_role::worker, "worker-1"), std::move(o),
                                  std::move(near));
}

/// Sockets that the pool's only thread makes are this user's; its other rights stay.
weft::task<> become(long user) {
  ::syscall(SYS_setfsuid, user);
  co_return;
}
constexpr long nobody = 65534;

/// Of a hub whose sessions the other side leaves.
hub_options brief() {
  hub_options o;
  o.link.resume_for = std::chrono::milliseconds(100);
  return o;
}

bool can_be_others() {
  if (::geteuid() == 0) return true;
  WARN("left out: only root can make sockets of other users");
  return false;
}

}  // namespace

TEST_CASE("a session goes on only with who it was begun with", "[transport][link]") {
  const std::uint64_t second = GENERATE(std::uint64_t{1}, std::uint64_t{2});
  weft::pool p({.threads = 2});
  const auto door = listen_on(p, parse_address("tcp://127.0.0.1:0"), {});
  const auto near = std::make_shared<linked::notes>();
  std::shared_ptr<peer_link> made;
  std::unique_ptr<framed_stream> first_held, second_held;
  p.run(weft::all(welcome_one(*door, 1, first_held), connect(p, door->local(), {}, near, made)));
  made->cut();
  p.run(welcome_one(*door, second, second_held));
  if (second == 1) {
    CHECK(near->wait([&] { return near->resumptions == 1; }));
    made->close(bye_code::finished, "the test is over");
    second_held->bytes().close();
    made->cut();
  }
  REQUIRE(near->wait_for_end());
  if (second != 1) {
    CHECK_THAT(near->end, Contains("is not who the session was begun with"));
    CHECK(near->resumptions == 0);
  }
}

TEST_CASE("who connects says whom it wants, and why it does not believe", "[transport][link]") {
  weft::pool p({.threads = 2});
  const auto door = std::make_shared<linked::doorman>();
  const auto near = std::make_shared<linked::notes>();
  const auto dial = [&](address to, link_options o) {
    return failure_of([&] {
      p.run(peer_link::dial(p, to, connected::as(peer_role::client), linked::says(peer_role::client, "c"), o, near));
    });
  };
  hub other(p, connected::as(peer_role::worker), linked::says(peer_role::worker, "w"), brief(), door);
  const address at = other.listen(parse_address("tls://127.0.0.1:0"));
  CHECK_THAT(dial(at, {}), Contains("is that of a worker") && Contains("wanted that of a scheduler"));
  link_options o;
  o.wanted = peer_role::worker;
  o.believes = [](const link_peer& there) { return there.certificate->name + " has a strange look"; };
  CHECK_THAT(dial(at, o), Contains("worker has a strange look"));
}

TEST_CASE("on one machine, without certificates, other users are strangers", "[transport][link]") {
  if (!can_be_others()) return;
  weft::pool ours({.threads = 1}), theirs({.threads = 1});
  const auto door = std::make_shared<linked::doorman>();
  const auto near = std::make_shared<linked::notes>();
  link_options o;
  o.try_for = std::chrono::milliseconds(1);
  const auto dial = [&](weft::pool& p, const address& to) {
    return failure_of([&] {
      p.run(peer_link::dial(p, to, {}, linked::says(peer_role::worker, "w"), o, near))
          ->close(bye_code::finished, "the test is over");
    });
  };
  SECTION("one that connects") {
    hub here(ours, {}, linked::says(peer_role::scheduler, "s"), brief(), door);
    const address at = here.listen(parse_address("tcp://127.0.0.1:0"));
    theirs.run(become(nobody));
    CHECK_THAT(dial(theirs, at), Contains("is another user's of this machine"));
    theirs.run(become(0));
    CHECK(dial(theirs, at) == "");
  }
  SECTION("one that listens") {
    hub there(theirs, {}, linked::says(peer_role::scheduler, "s"), brief(), door);
    const address at = there.listen(parse_address("tcp://127.0.0.1:0"));
    theirs.run(become(nobody));
    CHECK_THAT(dial(ours, at), Contains("is another user's of this machine"));
    theirs.run(become(0));
  }
  SECTION("one that listens at a name of a Unix socket") {
    const address at = parse_address("unix:@weft-test-strangers-" + std::to_string(::getpid()));
    std::unique_ptr<listener> l;
    ::syscall(SYS_setresuid, -1, nobody, -1);  // of this thread alone
    l = listen_on(theirs, at, {});
    ::syscall(SYS_setresuid, -1, 0, -1);
    CHECK_THAT(dial(ours, at), Contains("is another user's"));
  }
}
