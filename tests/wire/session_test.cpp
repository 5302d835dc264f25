/// Sessions, step by step: batches, windows, acknowledgements, keepalive, limits and ends.
#include "wire/session.hpp"

#include <stdexcept>

#include "wire/session_pair.hpp"

using namespace weft::net;
using Catch::Contains;
using weft::test::pair;

namespace {

constexpr time_ns ms = 1'000'000;

/// A frame as the peer might send it.
incoming feed(session& s, frame_kind kind, std::uint64_t number, std::uint64_t received,
              std::span<const std::byte> payload = {}) {
  frame_header h;
  h.kind = static_cast<std::uint8_t>(kind);
  h.number = number;
  h.received = received;
  h.payload_bytes = h.plain_bytes = static_cast<std::uint32_t>(payload.size());
  return s.read(h, payload);
}

std::vector<std::byte> batch_of(std::size_t bytes) {
  batch_writer w;
  const std::vector<std::byte> content(bytes);
  weft::test::numbered m{};
  m.bytes = content;
  w.add(m);
  return w.take();
}

std::vector<frame_kind> kinds(const frame_output& o) {
  std::vector<frame_kind> k;
  for (const auto& p : o.pieces())
    if (p.size() == frame_header_bytes) {
      frame_header h;
      std::memcpy(&h, p.data(), sizeof h);
      if (h.magic == frame_header::expected_magic) k.push_back(static_cast<frame_kind>(h.kind));
    }
  return k;
}

}  // namespace

TEST_CASE("what is gathered is one batch, and it is not copied") {
  pair p({});
  p.connect();
  p.a.say(10);
  p.a.say(20);
  const std::byte* const at = p.a.session.out().bytes().data();
  CHECK(p.a.session.unsent_bytes() == p.a.session.out().size());
  frame_output o;
  p.a.session.write(o);
  CHECK(kinds(o) == std::vector{frame_kind::batch});
  CHECK(o.pieces()[1].data() == at);
  CHECK(p.a.session.unsent_bytes() == 0);
  CHECK(p.a.session.unacknowledged_bytes() == o.bytes() - frame_header_bytes);
  CHECK_FALSE(p.a.session.has_output());
}

TEST_CASE("messages that are gathered during a write are the next batch") {
  pair p({});
  p.connect();
  p.a.say(1);
  REQUIRE(p.a.begin_write());
  for (int i = 0; i < 100; ++i) p.a.say(1);
  CHECK_FALSE(p.a.session.has_output());
  p.settle();
  CHECK(p.b.batches == 2);
  CHECK(p.b.heard == 101);
}

TEST_CASE("a batch that is too large is cut at borders of messages, and a large message goes alone") {
  session_options o;
  o.frames.batch = 1000;
  o.frames.message = 4000;
  pair p(o);
  p.connect();
  for (const std::size_t n : std::initializer_list<std::size_t>{400, 400, 400, 3000, 10, 10, 960, 8}) p.a.say(n);
  p.settle();
  CHECK(p.b.heard == 8);
  CHECK(p.b.batches == 6);  // two, one, the large one, two, one, one
  CHECK_THROWS_AS((p.a.say(4000), p.settle()), std::length_error);
  CHECK_THAT(p.a.session.ended(), Contains("a message of kind 7 has 4024 bytes; at most 4000"));
  CHECK_FALSE(p.a.session.has_output());
}

TEST_CASE("the window holds back, and opens with acknowledgements") {
  session_options o;
  o.window_batches = 3;
  o.ack_batches = 1;
  pair p(o);
  p.connect();
  for (int i = 0; i < 3; ++i) {
    p.a.say(8);
    REQUIRE(p.a.begin_write());
    p.a.push(1000, p.to_b);
  }
  p.a.say(8);
  p.a.say(8);
  CHECK_FALSE(p.a.session.has_output());
  CHECK(p.a.session.unsent_bytes() > 0);
  p.settle();
  CHECK(p.b.heard == 5);
  CHECK(p.b.batches == 4);
  CHECK(p.a.session.unacknowledged_bytes() == 0);

  session_options small;
  small.window_bytes = 100;
  session s(small);
  s.connected(0, {});
  const auto large = batch_of(1000);
  weft::test::numbered m{};
  m.bytes = large;
  s.out().add(m);
  CHECK(s.has_output());  // one batch may exceed it
  frame_output out;
  s.write(out);
  s.wrote();
  s.out().add(m);
  CHECK_FALSE(s.has_output());
  feed(s, frame_kind::ack, 0, 1);
  CHECK(s.has_output());
}

TEST_CASE("acknowledgements ride along, and go alone when much has come or time has passed") {
  session_options o;
  o.ack_batches = 4;
  o.ack_bytes = 1000;
  session s(o);
  s.connected(0, {});
  s.tick(0);
  const auto small = batch_of(8), large = batch_of(1000);
  for (std::uint64_t n = 1; n <= 3; ++n) CHECK(feed(s, frame_kind::batch, n, 0, small).kind == incoming::what::batch);
  CHECK_FALSE(s.has_output());
  feed(s, frame_kind::batch, 4, 0, small);
  CHECK(s.has_output());
  frame_output out;
  s.write(out);
  s.wrote();
  CHECK(kinds(out) == std::vector{frame_kind::ack});
  CHECK_FALSE(s.has_output());
  feed(s, frame_kind::batch, 5, 0, large);
  CHECK(s.has_output());
  s.out().add(weft::test::numbered{});
  out.clear();
  s.write(out);
  s.wrote();
  CHECK(kinds(out) == std::vector{frame_kind::batch});  // which says it too

  feed(s, frame_kind::batch, 6, 1, small);
  CHECK(s.deadline() == 50 * ms);
  s.tick(20 * ms);
  CHECK_FALSE(s.has_output());
  CHECK(s.deadline() == 70 * ms);
  s.tick(70 * ms);
  CHECK(s.has_output());
  frame_output chunks;
  const auto chunk = batch_of(8);
  s.write_chunk(chunks, 1, 0, chunk);
  CHECK_FALSE(s.has_output());  // a chunk has said it
}

TEST_CASE("a batch comes once, an old one is dropped, one that skips is an error") {
  session s;
  s.connected(0, {});
  const auto b = batch_of(8);
  CHECK(feed(s, frame_kind::batch, 1, 0, b).kind == incoming::what::batch);
  CHECK(feed(s, frame_kind::batch, 1, 0, b).kind == incoming::what::nothing);
  CHECK(feed(s, frame_kind::batch, 2, 0, b).kind == incoming::what::batch);
  CHECK_THROWS_WITH(feed(s, frame_kind::batch, 4, 0, b), Contains("sent batch 4 after batch 2"));
  CHECK_THAT(s.ended(), Contains("what is between is lost"));
  CHECK(feed(s, frame_kind::batch, 3, 0, b).kind == incoming::what::nothing);
}

TEST_CASE("a peer cannot acknowledge what was not sent, nor free what is being written") {
  session s;
  s.connected(0, {});
  const auto large = batch_of(std::size_t{5} << 20);  // more than is kept to be used again
  weft::test::numbered m{};
  m.bytes = large;
  s.out().add(m);
  frame_output out;
  s.write(out);
  const std::vector<std::byte> before(out.pieces()[1].begin(), out.pieces()[1].end());
  feed(s, frame_kind::ack, 0, 1);  // before the write has ended
  CHECK(std::equal(before.begin(), before.end(), out.pieces()[1].begin()));
  s.wrote();
  CHECK_THROWS_WITH(feed(s, frame_kind::ack, 0, 2),
                    Contains("has received batch 2; the last that was sent to it is 1"));
}

TEST_CASE("after a break the rest is sent again, from where the peer is") {
  pair p({});
  p.connect();
  for (int i = 0; i < 5; ++i) {
    p.a.say(8);
    p.a.begin_write();
    p.a.push(1000, p.to_b);
  }
  p.b.pull(2 * (frame_header_bytes + 40) + 60, p.to_b);  // two, and a part of the third
  CHECK(p.b.heard == 2);
  p.cut();
  CHECK(p.a.session.unacknowledged_bytes() == 0);
  p.a.say(8);
  p.connect();
  p.settle();
  CHECK(p.b.heard == 6);
  CHECK(p.b.batches == 6);
}

TEST_CASE("a peer that says it has received what cannot be is not believed") {
  {
    session s;
    CHECK_THROWS_WITH(s.connected(1, {}), Contains("it is another life of that peer"));
    CHECK_FALSE(s.connected());
  }
  pair p({});
  p.connect();
  p.a.say(8);
  p.settle();
  p.b.session.tick(0), p.b.session.tick(50 * ms);
  p.settle();
  CHECK(p.a.session.unacknowledged_bytes() == 0);
  p.cut();
  CHECK_THROWS_WITH(p.a.session.connected(0, {}), Contains("it has acknowledged batch 1"));
}

TEST_CASE("a peer that owes something is asked, and reported when it stays silent") {
  session s;
  s.connected(0, {});
  s.tick(1000 * ms);
  CHECK(s.deadline() == 11'000 * ms);  // nothing is owed
  s.out().add(weft::test::numbered{});
  frame_output out;
  s.write(out);
  s.wrote();
  CHECK(s.deadline() == 1200 * ms);
  s.tick(1100 * ms);
  CHECK(s.deadline() == 1300 * ms);
  s.tick(1300 * ms);
  CHECK(s.has_output());
  out.clear();
  s.write(out);
  s.wrote();
  CHECK(kinds(out) == std::vector{frame_kind::ping});
  time_ns pings = 0;
  while (!s.silent()) {
    const time_ns next = s.deadline();
    REQUIRE(next <= 3100 * ms);
    s.tick(next);
    out.clear();
    s.write(out);
    s.wrote();
    pings += static_cast<time_ns>(out.frames());
  }
  CHECK(pings == 8);
  CHECK(s.deadline() == session::never);
  feed(s, frame_kind::pong, 0, 0);
  CHECK_FALSE(s.silent());
  s.tick(5000 * ms);
  CHECK(s.deadline() == 5200 * ms);  // it still owes the acknowledgement
  feed(s, frame_kind::ack, 0, 1);
  s.tick(5001 * ms);
  CHECK(s.deadline() == 15'001 * ms);
}

TEST_CASE("who receives a long frame says now and then that it arrives") {
  const session_options o;
  session s(o);
  s.connected(0, {});
  s.tick(0);
  const auto says = [&](time_ns at) {
    s.heard_part(at);
    if (!s.has_output()) return false;
    frame_output out;
    s.write(out);
    s.wrote(out.bytes());
    CHECK(out.frames() == 1);
    return true;
  };
  CHECK_FALSE(says(o.ping_after - 1));
  CHECK(says(o.ping_after));
  CHECK_FALSE(says(2 * o.ping_after - 1));
  CHECK(says(2 * o.ping_after));
  CHECK(2 * o.ping_after < o.silent_after);
}

TEST_CASE("a peer that owes nothing is asked now and then") {
  session s, t;
  s.connected(0, {});
  t.connected(0, {});
  s.tick(0);
  s.tick(s.deadline());
  frame_output out;
  s.write(out);
  s.wrote();
  CHECK(kinds(out) == std::vector{frame_kind::ping});
  CHECK(s.deadline() == 10'200 * ms);  // an answer is owed
  feed(t, frame_kind::ping, 0, 0);
  CHECK(t.has_output());
  out.clear();
  t.write(out);
  CHECK(kinds(out) == std::vector{frame_kind::pong});
  feed(s, frame_kind::pong, 0, 0);
  s.tick(10'100 * ms);
  CHECK(s.deadline() == 20'100 * ms);
}

TEST_CASE("a process that slept does not blame its peer") {
  session s;
  s.connected(0, {});
  s.tick(0);
  s.out().add(weft::test::numbered{});
  frame_output out;
  s.write(out);
  s.wrote();
  s.tick(1 * ms);
  s.tick(60'000 * ms);
  CHECK_FALSE(s.silent());
  CHECK(s.has_output());  // but it asks
  s.tick(62'000 * ms);
  CHECK_FALSE(s.silent());
  while (!s.silent()) {
    REQUIRE(s.deadline() < 70'000 * ms);
    s.tick(s.deadline());
  }
}

TEST_CASE("deadlines are never missed by an endless loop") {
  session s;
  s.connected(0, {});
  s.tick(0);
  const auto b = batch_of(8);
  feed(s, frame_kind::batch, 1, 0, b);
  s.out().add(weft::test::numbered{});
  frame_output out;
  s.write(out);
  for (int i = 0; i < 100 && s.deadline() != session::never; ++i) {
    const time_ns next = s.deadline();
    s.tick(next);
    CHECK(s.deadline() > next);
  }
  CHECK(s.silent());
}

TEST_CASE("what is held without a connection has a limit, at which the session ends") {
  session_options o;
  o.held_bytes = 10'000;
  session s(o);
  s.connected(0, {});
  const auto content = batch_of(1000);
  weft::test::numbered m{};
  m.bytes = content;
  for (int i = 0; i < 20; ++i) s.out().add(m);
  s.tick(1);
  CHECK(s.ended().empty());  // with a connection the peer has time to read
  frame_output out;
  s.write(out);
  s.wrote();
  s.disconnected();
  s.tick(2);
  CHECK_THAT(s.ended(), Contains("bytes wait for a peer that is not connected; at most 10000 are held"));
  CHECK(s.unsent_bytes() == 0);
  s.connected(0, {});
  CHECK_FALSE(s.connected());
  CHECK_FALSE(s.has_output());
  CHECK(s.deadline() == session::never);
}

namespace {

/// What a session held back has to say, so much.
void gather(session& s, std::size_t bytes) {
  const std::vector<std::byte> content(bytes);
  weft::test::numbered m{};
  m.bytes = content;
  s.out().add(m);
}

/// Hands out what the window allows.
void write_all(session& s) {
  frame_output out;
  s.write(out);
  s.wrote();
}

}  // namespace

TEST_CASE("a session is full when much waits, and not any more when it has gone") {
  session_options o;
  o.full_bytes = 10'000;
  session s(o);
  s.connected(0, {});
  CHECK(s.room() == 10'000);
  gather(s, 9'000);
  CHECK_FALSE(s.full());
  CHECK(s.room() == 10'000 - s.unsent_bytes());
  gather(s, 9'000);
  CHECK(s.full());
  CHECK(s.room() == 0);
  write_all(s);
  CHECK_FALSE(s.full());

  // Who waits until there is room must find some, down to the last byte.
  session_options narrow;
  narrow.full_bytes = 0;
  session one(narrow);
  one.connected(0, {});
  CHECK(one.room() == 1);
  gather(one, 100);
  CHECK(one.room() == 0);
  narrow.full_bytes = one.unsent_bytes();
  session exact(narrow);
  exact.connected(0, {});
  gather(exact, 100);
  CHECK_FALSE(exact.full());
  CHECK(exact.room() == 1);
}

TEST_CASE("a peer that speaks and does not read is lost, once too much waits for it") {
  session_options o;
  o.held_bytes = 10'000;
  o.unread_after = 1'000 * ms;
  session s(o);
  s.connected(0, {});
  s.tick(0);
  const auto speak_until = [&](time_ns from, time_ns to) {
    for (time_ns t = from; t < to; t += 100 * ms) {
      feed(s, frame_kind::ping, 0, s.received());
      s.tick(t);
    }
  };
  gather(s, 5'000);
  write_all(s);
  speak_until(0, 5'000 * ms);
  CHECK(s.ended().empty());  // there is room for more
  gather(s, 6'000);
  CHECK(s.deadline() <= 5'000 * ms);  // who sends has it looked at
  speak_until(5'000 * ms, 6'000 * ms);
  CHECK_FALSE(s.silent());
  CHECK(s.ended().empty());

  SECTION("it reads nothing") {
    CHECK(s.deadline() <= 6'000 * ms);
    s.tick(6'000 * ms);
    CHECK_THAT(s.ended(), Contains("bytes wait for a peer that has read nothing for 1000 ms") &&
                              Contains("at most 10000 are held (session_options::held_bytes)"));
    CHECK(s.deadline() == session::never);
    CHECK_FALSE(s.has_output());
  }
  SECTION("it reads a little, and has as much time again") {
    write_all(s);
    feed(s, frame_kind::ack, 0, 1);
    gather(s, 6'000);
    speak_until(6'000 * ms, 7'000 * ms);
    CHECK(s.ended().empty());
    speak_until(7'000 * ms, 7'100 * ms);
    CHECK_THAT(s.ended(), Contains("has read nothing for 1000 ms"));
  }
  SECTION("it reads all, and may then be slow again") {
    write_all(s);
    feed(s, frame_kind::ack, 0, 2);
    speak_until(6'000 * ms, 20'000 * ms);
    CHECK(s.ended().empty());
  }
  SECTION("this process did not run meanwhile, which is not the peer's silence") {
    s.tick(60'000 * ms);
    CHECK(s.ended().empty());
  }
  SECTION("the connection breaks, and then nothing of it counts") {
    s.disconnected();
    s.tick(6'000 * ms);
    CHECK_THAT(s.ended(), Contains("is not connected"));
  }
}

TEST_CASE("what is held for a peer that reads slowly has a limit too") {
  session_options o;
  o.held_bytes = 10'000;
  o.most_bytes = 20'000;
  session s(o);
  s.connected(0, {});
  s.tick(0);
  for (std::uint64_t i = 1; s.ended().empty(); ++i) {
    REQUIRE(i < 30);
    gather(s, 2'000);
    write_all(s);
    feed(s, frame_kind::ack, 0, i / 2);
    s.tick(static_cast<time_ns>(i) * ms);
  }
  CHECK_THAT(s.ended(), Contains("reads more slowly than it is written to; at most 20000 are held "
                                 "(session_options::most_bytes)"));
}

TEST_CASE("a bye comes after all else, and ends both") {
  pair p({});
  p.connect();
  p.a.say(8);
  p.a.session.close(bye_code::finished, "done\nhere");
  CHECK_FALSE(p.a.session.closed());
  p.settle();
  CHECK(p.b.heard == 1);
  CHECK(p.b.kinds == std::vector{frame_kind::batch, frame_kind::bye});
  CHECK(p.a.session.closed());
  CHECK(p.b.session.ended() == "weft: the peer has ended the session: done here");
  p.b.say(8);
  CHECK_FALSE(p.b.session.has_output());
}

TEST_CASE("chunks go behind what control has to say, and a wrong one is refused") {
  pair p({});
  p.connect();
  p.a.say(8);
  REQUIRE(p.a.begin_write(true));
  CHECK(kinds(p.a.output) == std::vector{frame_kind::batch, frame_kind::data});
  p.settle();
  CHECK(p.b.kinds == std::vector{frame_kind::batch, frame_kind::data});
  frame_output o;
  const std::vector<std::byte> large(frame_limits{}.chunk + 1);
  CHECK_THROWS_AS(p.a.session.write_chunk(o, 1, 0, large), std::length_error);
  CHECK_THROWS_AS(p.a.session.write_chunk(o, 1, 0, {}), std::length_error);
  p.cut();
  CHECK_THROWS_AS(p.a.session.write_chunk(o, 1, 0, std::span(large).first(1)), std::logic_error);
}

TEST_CASE("a receiver takes payloads that are not aligned, and none that break its limits") {
  session_options o;
  o.frames.batch = 100;
  session s(o);
  s.connected(0, {});
  auto shifted = batch_of(8);
  const auto good = shifted;
  shifted.insert(shifted.begin(), std::byte{0});
  const auto got = feed(s, frame_kind::batch, 1, 0, std::span<const std::byte>(shifted).subspan(1));
  CHECK(reinterpret_cast<std::uintptr_t>(got.bytes.data()) % 8 == 0);
  CHECK(std::equal(got.bytes.begin(), got.bytes.end(), good.begin(), good.end()));
  CHECK(feed(s, frame_kind::batch, 2, 0, batch_of(1000)).kind == incoming::what::batch);  // a message alone
  auto many = good;
  while (many.size() <= 100) many.insert(many.end(), good.begin(), good.end());
  CHECK_THROWS_WITH(feed(s, frame_kind::batch, 3, 0, many), Contains("frame_limits::batch"));
}

TEST_CASE("a compressed frame that was not agreed on is an error") {
  session s;
  s.connected(0, {.between_hosts = true});
  frame_header h;
  h.kind = static_cast<std::uint8_t>(frame_kind::batch);
  h.number = 1;
  h.flags = frame_compressed;
  h.plain_bytes = 64;
  const auto payload = batch_of(8);
  h.payload_bytes = static_cast<std::uint32_t>(payload.size());
  CHECK_THROWS_WITH(s.read(h, payload), Contains("not agreed on"));
}

TEST_CASE("between hosts batches and chunks are compressed, and arrive as they were") {
  pair p({});
  p.connect({.between_hosts = true, .compresses = true});
  for (int i = 0; i < 3; ++i) {
    p.a.say(100'000);
    REQUIRE(p.a.begin_write(true));
    CHECK(p.a.output.bytes() < 100'000);
    p.settle();
  }
  CHECK(p.b.heard == 3);
  p.cut();
  p.a.say(50'000);
  p.connect();
  p.settle();
  CHECK(p.b.heard == 4);
}
