/// Greetings: what they carry, what they may not, and what two sides agree on.
#include "wire/handshake.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>

using namespace weft::net;
using Catch::Contains;

namespace {

const std::string long_text(5000, 'x');

hello good_hello() {
  static const std::byte id[20] = {std::byte{1}};
  static const std::string name = "worker-1", address = "tcp://10.0.0.1:4000", resources = "gpu=1";
  hello m{};
  m.lowest = 1, m.highest = 3;
  m.role = static_cast<std::uint8_t>(peer_role::worker);
  m.capabilities = capability::all;
  m.session = 7, m.received = 9, m.incarnation = 11, m.memory_limit = 13, m.slots = 17;
  m.build_id = id;
  m.name = name, m.address = address, m.resources = resources;
  m.token = id;
  return m;
}
welcome good_welcome() {
  welcome m{};
  m.version = 1, m.peer = 5, m.session = 7;
  return m;
}

template <class M>
std::vector<std::byte> unchecked(const M& m) {
  batch_writer w;
  w.add(m);
  return w.take();
}

/// Neither is sent, nor accepted.
template <class M>
void refused(M m, auto decode, auto change, const char* text) {
  change(m);
  CHECK_THROWS_AS(encode(m), std::invalid_argument);
  const auto bytes = unchecked(m);
  CHECK_THROWS_AS(decode(bytes), protocol_error);
  CHECK_THROWS_WITH(decode(bytes), Contains(text));
}

std::string text_of(std::span<const char> s) { return {s.begin(), s.end()}; }

}  // namespace

TEST_CASE("greetings arrive as they were sent") {
  const auto bytes = encode(good_hello());
  CHECK(bytes.size() <= frame_limits{}.greeting);
  const hello m = decode_hello(bytes);
  CHECK((m.lowest == 1 && m.highest == 3 && m.role == 2 && m.session == 7 && m.received == 9));
  CHECK((m.incarnation == 11 && m.memory_limit == 13 && m.slots == 17));
  CHECK(text_of(m.name) == "worker-1");
  CHECK(text_of(m.address) == "tcp://10.0.0.1:4000");
  CHECK(text_of(m.resources) == "gpu=1");
  CHECK(m.token.size() == 20);
  const auto welcomed = encode(good_welcome());
  CHECK(decode_welcome(welcomed).peer == 5);
  refuse r{};
  r.code = static_cast<std::uint32_t>(refusal::full);
  r.reason = std::span("no\nroom", 7);
  const auto no = encode(r);
  CHECK(text_of(decode_refuse(no).reason) == "no room");
  r.reason = long_text;
  CHECK(decode_refuse(encode(r)).reason.size() == greeting_limits::reason);
}

TEST_CASE("the longest hello fits into a frame") {
  static const std::byte most[2048] = {};
  hello m = good_hello();
  m.build_id = std::span(most).first(greeting_limits::build_id);
  m.token = std::span(most).first(greeting_limits::token);
  m.name = std::span(long_text).first(greeting_limits::name);
  m.address = std::span(long_text).first(greeting_limits::address);
  m.resources = std::span(long_text).first(greeting_limits::resources);
  CHECK(encode(m).size() <= frame_limits{}.greeting);
}

TEST_CASE("a greeting that is none is neither sent nor accepted") {
  const auto h = [](auto change, const char* text) {
    refused(good_hello(), [](auto& b) { return decode_hello(b); }, change, text);
  };
  h([](hello& m) { m.lowest = 0; }, "not a range");
  h([](hello& m) { m.lowest = 4; }, "versions are 4 to 3: not a range");
  h([](hello& m) { m.role = 5; }, "role is 5; roles are 0 to 4");
  h([](hello& m) { m.session = 0; }, "session is none, yet 9");
  h([](hello& m) { m.name = std::span(long_text).first(257); }, "name has 257 bytes; at most 256");
  h([](hello& m) { m.address = std::span("a\x1b[2J", 5); }, "address has the control character 27 at byte 1");
  h([](hello& m) { m.resources = long_text; }, "resources has 5000 bytes");
  h([](hello& m) { m.token = std::as_bytes(std::span(long_text)); }, "token has 5000 bytes");
  h([](hello& m) { m.build_id = std::as_bytes(std::span(long_text)).first(65); }, "build-id has 65 bytes");
  const auto w = [](auto change, const char* text) {
    refused(good_welcome(), [](auto& b) { return decode_welcome(b); }, change, text);
  };
  w([](welcome& m) { m.version = 0; }, "version is 0");
  w([](welcome& m) { m.peer = 1 << 24; }, "peer id is 16777216; it has 24 bits");
  w([](welcome& m) { m.session = 0; }, "a welcome names one");
  w([](welcome& m) { m.reserved = 1; }, "reserved field is 1");
  refuse r{};
  refused(r, [](auto& b) { return decode_refuse(b); }, [](refuse& m) { m.code = 8; }, "unknown code 8");

  CHECK_THROWS_WITH(decode_hello({}), Contains("a hello is empty"));
  CHECK_THROWS_WITH(decode_hello(encode(good_welcome())), Contains("holds a message of kind 1001, not 1000"));
  batch_writer two;
  two.add(good_hello());
  two.add(good_hello());
  CHECK_THROWS_WITH(decode_hello(two.bytes()), Contains("more than one message"));
}

TEST_CASE("a hello of a later version, which uses what is reserved, is understood") {
  hello m = good_hello();
  m.reserved[1] = 4, m.reserved2 = 5;
  CHECK_NOTHROW(decode_hello(unchecked(m)));
}

TEST_CASE("two sides agree on the highest common version, and what both can do") {
  const agreement a = negotiate({1, 4}, 0b1101, {3, 9}, 0b0111);
  CHECK(a.version == 4);
  CHECK(a.capabilities == 0b0101);
  CHECK(a.refused.empty());
  CHECK(negotiate({3, 9}, 0, {1, 4}, 0).version == 4);
  CHECK(negotiate({2, 2}, 0, {2, 2}, 0).version == 2);
  const agreement older = negotiate({1, 2}, ~0ull, {3, 4}, ~0ull);
  CHECK(older.version == 0);
  CHECK(older.capabilities == 0);
  CHECK(
      older.refused ==
      "weft: the side that listens speaks versions 1 to 2 of the protocol, the side that connects speaks versions 3 "
      "to 4: update weft on the first, or start both from the same program");
  CHECK_THAT(negotiate({5, 5}, 0, {3, 4}, 0).refused, Contains("speaks version 5 of") && Contains("on the second"));
}
