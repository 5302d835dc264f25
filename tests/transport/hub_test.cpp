#include "transport/hub.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "transport/linked.hpp"

using namespace weft::net;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using linked::numbers;

namespace {

template <class F>
std::string refusal_of(F f) {
  try {
    f();
  } catch (const std::exception& e) { return e.what(); }
  return {};
}

weft::task<> say(weft::pool& p, address a, std::string text, bool end) {
  auto s = co_await connect_to(p, a, {}, connected::limit);
  if (!text.empty()) {
    const buffer one(std::as_bytes(std::span(text)));
    co_await s->write(std::span(&one, 1));
  }
  if (end) co_await s->shutdown();
  std::byte answer[4096];
  try {
    while (co_await s->read_some(answer) != 0) {}
  } catch (const transport_error&) {}
}

void check_unharmed(linked::meeting& m) {
  m.meet();
  const task_id one = 1;
  m.left->send(numbers(std::span(&one, 1)));
  CHECK(m.far->wait([&] { return m.far->got.size() == 1; }));
}

}  // namespace

TEST_CASE("who speaks something else fails alone", "[transport][hub]") {
  linked::meeting m("tcp");
  const std::string texts[] = {std::string("GET / HTTP/1.0\r\n\r\n").append(200, 'x'), std::string(64, '\0'),
                               "\x16\x03\x01" + std::string(500, 'y'), "weft", ""};
  std::size_t n = 0;
  for (const std::string& text : texts) {
    m.pool.run(say(m.pool, m.at, text, true));
    ++n;
    while (m.listening->failures() < n) std::this_thread::yield();
    CHECK_THAT(m.listening->last_failure(), Contains("tcp://127.0.0.1"));
  }
  check_unharmed(m);
}

TEST_CASE("a peer that never speaks is let go, and holds up nobody", "[transport][hub]") {
  hub_options h;
  h.greet_within = 5ms;
  h.most_greeting = 2;
  weft::pool p({.threads = 2});
  const auto door = std::make_shared<linked::doorman>();
  hub listening(p, {}, linked::says(peer_role::scheduler, "s"), h, door);
  const address at = listening.listen(parse_address("tcp://127.0.0.1:0"));
  p.run(weft::all(say(p, at, "", false), say(p, at, "", false), say(p, at, "", false), say(p, at, "we", false)));
  while (listening.failures() < 4) std::this_thread::yield();
  CHECK_THAT(listening.last_failure(), Contains("has not said hello in time"));
  const auto near = std::make_shared<linked::notes>();
  {
    const auto l = p.run(peer_link::dial(p, at, {}, linked::says(peer_role::worker, "w"), {}, near));
    l->close(bye_code::finished, "done");
    REQUIRE(near->wait_for_end());
    REQUIRE(door->handler->wait_for_end());
  }
  door->links.clear();
}

TEST_CASE("who is refused reads why, and does not try again", "[transport][hub]") {
  linked::meeting m("tcp");
  m.door->refuse_by = refusal::role;
  CHECK_THAT(refusal_of([&] { m.dial(m.near); }), Contains("refuses us") && Contains("no worker is wanted here"));
  m.door->refuse_by.reset();
  check_unharmed(m);
}

TEST_CASE("who is refused for a time tries until its own is over", "[transport][hub]") {
  link_options o;
  o.try_for = 30ms;
  linked::meeting m("tcp", o);
  m.door->refuse_by = refusal::full;
  CHECK_THAT(refusal_of([&] { m.dial(m.near); }), Contains("no worker is wanted here"));
  CHECK(m.listening->failures() >= 1);
  m.door->refuse_by.reset();
  check_unharmed(m);
}

TEST_CASE("a certificate of another role than the greeting's is refused", "[transport][hub]") {
  linked::meeting m("tls");
  CHECK_THAT(refusal_of([&] { m.dial(m.near, peer_role::client); }),
             Contains("'worker' is that of a worker") && Contains("wanted that of a client"));
  check_unharmed(m);
}

TEST_CASE("certificates of another cluster, and expired ones, are refused", "[transport][hub]") {
  linked::meeting m("tls");
  const auto dial = [&](const security& who) {
    return refusal_of([&] {
      static_cast<void>(
          m.pool.run(peer_link::dial(m.pool, m.at, who, linked::says(peer_role::worker, "w"), m.options, m.near)));
    });
  };
  CHECK_THAT(dial(security::temporary().for_role(peer_role::worker)), Contains("another authority"));
  address plain = m.at;
  plain.kind = address_kind::tcp;
  m.pool.run(say(m.pool, plain, std::string(100, 'x'), true));
  CHECK(dial({}) != "");
  check_unharmed(m);
}

TEST_CASE("a limit on sessions is kept", "[transport][hub]") {
  hub_options h;
  h.most_sessions = 1;
  h.link.try_for = 1ms;
  weft::pool p({.threads = 2});
  const auto door = std::make_shared<linked::doorman>();
  hub listening(p, {}, linked::says(peer_role::scheduler, "s"), h, door);
  const address at = listening.listen(parse_address("inproc://limit-on-sessions"));
  const auto near = std::make_shared<linked::notes>();
  const auto dial = [&] {
    return p.run(peer_link::dial(p, at, {}, linked::says(peer_role::worker, "w"), h.link, near));
  };
  auto first = dial();
  CHECK_THAT(refusal_of(dial), Contains("there are 1 sessions already"));
  first->close(bye_code::finished, "done");
  REQUIRE(door->handler->wait_for_end());
  REQUIRE(near->wait_for_end());
  first.reset();
  door->links.clear();
  auto second = dial();
  second->close(bye_code::finished, "done");
  REQUIRE(near->wait_for_end());
  door->links.clear();
}

TEST_CASE("a session is not resumed by somebody else", "[transport][hub]") {
  linked::meeting m("tcp");
  m.meet();
  const auto steal = [&](std::uint64_t session, std::uint64_t incarnation) {
    struct thief {
      static weft::task<> comes(weft::pool& p, address a, greeting says, std::uint64_t of) {
        framed_stream s(co_await connect_to(p, a, {}, connected::limit), {});
        static_cast<void>(co_await say_hello(s, says, of, 0));
      }
    };
    greeting g = linked::says(peer_role::worker, "worker-1");
    g.incarnation = incarnation;
    return refusal_of([&] { m.pool.run(thief::comes(m.pool, m.at, g, session)); });
  };
  CHECK_THAT(steal(m.left->id() + 1, 77), Contains("not known here"));
  CHECK_THAT(steal(m.left->id(), 78), Contains("not known here"));
  const task_id one = 1;
  m.left->send(numbers(std::span(&one, 1)));
  CHECK(m.far->wait([&] { return m.far->got.size() == 1; }));
  CHECK(m.near->interruptions == 0);
}

TEST_CASE("a session that is being closed is not resumed, and who tries reads so", "[transport][hub]") {
  const auto transport = GENERATE("inproc", "tcp");
  linked::meeting m(transport);
  struct peer {
    static weft::task<std::unique_ptr<framed_stream>> greets(weft::pool& p, address a, std::uint64_t of) {
      const greeting says = linked::says(peer_role::worker, "worker-1");
      auto s = std::make_unique<framed_stream>(co_await connect_to(p, a, {}, connected::limit), frame_limits());
      static_cast<void>(co_await say_hello(*s, says, of, 0));
      co_return s;
    }
  };
  // It is told bye, and does not hang up.
  const auto first = m.pool.run(peer::greets(m.pool, m.at, 0));
  const auto there = m.door->wait_for_link();
  there->close(bye_code::finished, "done");
  CHECK_THAT(refusal_of([&] { m.pool.run(peer::greets(m.pool, m.at, there->id())); }), Contains("not known here"));
}
