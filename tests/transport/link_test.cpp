#include "transport/link.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <latch>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "support/comes.hpp"
#include "transport/linked.hpp"

using namespace weft::net;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using linked::numbers;

namespace {

std::vector<task_id> up_to(task_id n) {
  std::vector<task_id> v(n);
  std::iota(v.begin(), v.end(), task_id{1});
  return v;
}

weft::task<> send_range(peer_link& l, task_id first, task_id last) {
  for (task_id i = first; i < last; ++i) {
    if (!l.send(numbers(std::span(&i, 1)))) throw std::runtime_error("the link is over");
    co_await weft::checkpoint();
  }
}

std::shared_ptr<std::vector<std::byte>> filled(std::size_t n, unsigned seed) {
  auto v = std::make_shared<std::vector<std::byte>>(n);
  for (std::size_t i = 0; i < n; ++i) (*v)[i] = static_cast<std::byte>((i * 31 + seed) >> (i % 5));
  return v;
}

bool send_value(peer_link& from, std::uint64_t request, std::vector<std::shared_ptr<std::vector<std::byte>>> pieces) {
  std::vector<buffer> list;
  std::vector<std::uint64_t> sizes;
  for (const auto& p : pieces) {
    list.emplace_back(*p);
    sizes.push_back(p->size());
  }
  value_header h{};
  h.request = request;
  h.attachments = sizes;
  auto keep = std::make_shared<std::vector<std::shared_ptr<std::vector<std::byte>>>>(std::move(pieces));
  return from.send_value(h, std::move(list), keep);
}

}  // namespace

TEST_CASE("messages go both ways, in order, from workers and from other threads", "[transport][link]") {
  for (const std::string transport : connected::transports) {
    CAPTURE(transport);
    linked::meeting m(transport);
    m.meet();
    CHECK(m.left->peer().says.name == "the scheduler");
    CHECK(m.left->peer().id == 1);
    CHECK(m.right->peer().says.name == "worker-1");
    CHECK(m.right->peer().says.incarnation == 77);
    CHECK(m.right->peer().certificate.has_value() == (transport == "tls"));
    constexpr task_id n = 3000;
    std::thread outside([&] {
      for (task_id i = 1; i <= n; ++i) m.right->send(numbers(std::span(&i, 1)));
    });
    m.pool.run(send_range(*m.left, 1, n + 1));
    outside.join();
    CHECK(m.far->wait([&] { return m.far->got.size() >= n; }));
    CHECK(m.near->wait([&] { return m.near->got.size() >= n; }));
    CHECK(m.far->got == up_to(n));
    CHECK(m.near->got == up_to(n));
  }
}

TEST_CASE("who closes a link has sent everything before, and both hear of it", "[transport][link]") {
  for (const std::string transport : connected::transports) {
    CAPTURE(transport);
    linked::meeting m(transport);
    m.meet();
    m.pool.run(send_range(*m.left, 1, 2001));
    send_value(*m.left, 1, {filled(3'000'000, 1)});
    m.left->close(bye_code::finished, "all is done");
    const task_id late = 9999;
    CHECK_FALSE(m.left->send(numbers(std::span(&late, 1))));
    REQUIRE(m.far->wait_for_end());
    REQUIRE(m.near->wait_for_end());
    CHECK(m.far->got == up_to(2000));
    CHECK(m.far->values[1].to.complete());
    CHECK(m.far->end == "all is done");
    CHECK(m.far->ended_in_order);
    CHECK(m.near->ended_in_order);
    CHECK(m.far->interruptions == 0);
  }
}

TEST_CASE("large values go both ways beside messages, and arrive in their place", "[transport][link]") {
  for (const std::string transport : connected::transports) {
    CAPTURE(transport);
    linked::meeting m(transport);
    m.meet();
    const auto a = filled(5'000'001, 1), b = filled(1, 2), none = filled(0, 3), c = filled(3'500'000, 4);
    CHECK(send_value(*m.left, 1, {a, none, b}));
    CHECK(send_value(*m.left, 2, {c}));
    CHECK(send_value(*m.left, 3, {none}));
    CHECK(send_value(*m.left, 4, {}));
    CHECK(send_value(*m.right, 1, {c, a}));
    m.pool.run(weft::all(send_range(*m.left, 1, 1001), send_range(*m.right, 1, 1001)));
    const auto complete = [](linked::notes& n, std::uint64_t request) {
      return n.values.count(request) && n.values[request].to.complete();
    };
    REQUIRE(m.far->wait([&] {
      return complete(*m.far, 1) && complete(*m.far, 2) && complete(*m.far, 3) && complete(*m.far, 4) &&
             m.far->got.size() == 1000;
    }));
    REQUIRE(m.near->wait([&] { return complete(*m.near, 1) && m.near->got.size() == 1000; }));
    CHECK(m.far->values[1].memory[0] == *a);
    CHECK(m.far->values[1].memory[2] == *b);
    CHECK(m.far->values[2].memory[0] == *c);
    CHECK(m.near->values[1].memory[0] == *c);
    CHECK(m.near->values[1].memory[1] == *a);
    // What was sent is let go.
    m.left->close(bye_code::finished, "done");
    REQUIRE(m.far->wait_for_end());
    REQUIRE(m.near->wait_for_end());
    CHECK(a.use_count() == 1);
    CHECK(c.use_count() == 1);
  }
}

TEST_CASE("what has been sent is let go at once, however it fills the chunks", "[transport][link]") {
  link_options quiet;
  quiet.session.idle_ping_after = 3'600'000'000'000;  // nothing else is sent by itself
  const std::size_t first = quiet.shared_chunk, chunk = quiet.session.frames.chunk;
  for (const std::string transport : connected::transports) {
    linked::meeting m(transport, quiet);
    m.meet();
    std::uint64_t request = 0;
    for (const std::size_t bytes : {first - 1, first, first + 1, first + chunk, first + 2 * chunk - 1}) {
      CAPTURE(transport, bytes);
      const auto whole = filled(bytes, 1), half = filled(bytes / 2, 2), rest = filled(bytes - bytes / 2, 3);
      CHECK(send_value(*m.left, ++request, {whole}));
      CHECK(comes([&] { return whole.use_count() == 1; }));
      CHECK(send_value(*m.left, ++request, {half, rest}));
      CHECK(comes([&] { return half.use_count() == 1 && rest.use_count() == 1; }));
      REQUIRE(m.far->wait([&] { return m.far->values[request].to.complete(); }));
    }
    // Streams that end together with a chunk, among others, and a value behind another of its stream.
    const auto a = filled(first, 1), b = filled(chunk, 2), c = filled(3 * chunk, 3), d = filled(first + chunk, 4);
    CHECK(send_value(*m.left, 101, {a}));
    CHECK(send_value(*m.left, 102, {b}));
    CHECK(send_value(*m.left, 103, {c}));
    CHECK(send_value(*m.left, 104, {d}));
    CHECK(
        comes([&] { return a.use_count() == 1 && b.use_count() == 1 && c.use_count() == 1 && d.use_count() == 1; }));
    REQUIRE(m.far->wait([&] {
      return std::all_of(m.far->values.begin(), m.far->values.end(),
                         [](auto& v) { return v.second.to.complete(); }) &&
             m.far->values.count(101) && m.far->values.count(102) && m.far->values.count(103) &&
             m.far->values.count(104);
    }));
    CHECK(m.far->values[103].memory[0] == *c);
  }
}

TEST_CASE("a message overtakes a value of 1 GiB", "[transport][link]") {
  // The same 8 MiB again and again. What is in the kernel's buffers goes before; in memory there are none.
  for (const std::string transport : {"inproc", "unix"}) {
    CAPTURE(transport);
    linked::meeting m(transport);
    m.meet();
    const auto piece = filled(8 << 20, 1);
    m.far->values_wanted = false;  // chunks are dropped, and counted
    send_value(*m.left, 1, std::vector<std::shared_ptr<std::vector<std::byte>>>(128, piece));
    std::size_t before = 0, after = 0;
    m.far->on_numbers = [&](peer_link&, std::span<const task_id>) { after = m.far->chunks; };
    REQUIRE(m.far->wait([&] { return m.far->chunks > 0; }));
    {
      std::unique_lock guard(m.far->mutex);  // the receiver stands still meanwhile
      before = m.far->chunks;
      const task_id one = 1;
      m.left->send(numbers(std::span(&one, 1)));
    }
    REQUIRE(m.far->wait([&] { return !m.far->got.empty(); }));
    CHECK(before < 1024);
    // One that is being written, one that is being read, and one more in the kernel.
    CHECK(after - before <= 4);
    m.left->cut();
    REQUIRE(m.near->wait([&] { return m.near->interruptions > 0; }));
  }
}

TEST_CASE("a connection that is cut is made anew, and nothing is lost or doubled", "[transport][link]") {
  for (const std::string transport : connected::transports) {
    CAPTURE(transport);
    linked::meeting m(transport);
    m.meet();
    constexpr task_id n = 6000;
    std::thread cutter([&] {
      // Each side cuts, while messages fly in both directions.
      for (std::size_t i = 1; i <= 4; ++i) {
        peer_link& who = i % 2 ? *m.left : *m.right;
        if (!m.far->wait([&] { return m.far->got.size() >= i * 1000; })) return;
        while (!who.connected()) std::this_thread::yield();
        who.cut();
        m.near->wait([&] { return m.near->resumptions >= i; });
      }
    });
    m.pool.run(weft::all(send_range(*m.left, 1, n + 1), send_range(*m.right, 1, n + 1)));
    CHECK(m.far->wait([&] { return m.far->got.size() >= n; }));
    CHECK(m.near->wait([&] { return m.near->got.size() >= n; }));
    cutter.join();
    CHECK(m.far->got == up_to(n));
    CHECK(m.near->got == up_to(n));
    CHECK(m.near->interruptions == 4);
    CHECK_FALSE(m.near->is_over);
    CHECK_FALSE(m.far->is_over);
  }
}

TEST_CASE("a value that is cut off is dropped, and comes when it is asked for again", "[transport][link]") {
  for (const std::string transport : connected::transports) {
    CAPTURE(transport);
    linked::meeting m(transport);
    m.meet();
    const auto v = filled(64 << 20, 1);
    bool cut = false;
    m.far->on_chunk = [&] {
      if (m.far->chunks == 3 && !std::exchange(cut, true)) m.left->cut();
    };
    send_value(*m.left, 1, {v});
    REQUIRE(m.far->wait([&] { return m.far->interruptions == 1; }));
    CHECK(m.far->values.empty());
    REQUIRE(m.near->wait([&] { return m.near->resumptions == 1; }));
    REQUIRE(m.near->wait([&] { return v.use_count() == 1; }));
    send_value(*m.left, 2, {v});
    REQUIRE(m.far->wait([&] { return m.far->values.count(2) && m.far->values[2].to.complete(); }));
    CHECK(m.far->values[2].memory[0] == *v);
  }
}

TEST_CASE("a session whose peer does not come back is lost, on both sides, with why", "[transport][link]") {
  link_options o;
  o.resume_for = 20ms;
  linked::meeting m("tcp", o);
  m.meet();
  while (!m.left->connected() || !m.right->connected()) std::this_thread::yield();
  m.listening->close();  // nobody answers any more
  m.left->cut();
  REQUIRE(m.near->wait_for_end());
  REQUIRE(m.far->wait_for_end());
  CHECK_FALSE(m.near->ended_in_order);
  CHECK_THAT(m.near->end, Contains("the session is lost") && Contains("nobody answers at tcp://"));
  CHECK_THAT(m.far->end, Contains("has not come back within 0.02 s"));
  const task_id one = 1;
  CHECK_FALSE(m.left->send(numbers(std::span(&one, 1))));
}

namespace {

/// A reader that stands still from its first message on, until it is told to go on. It outlives the links.
struct standing_still {
  void stand_in_for(linked::notes& who) {
    who.on_numbers = [this](peer_link&, std::span<const task_id>) {
      if (!std::exchange(stood, true)) stands.count_down();
      go_on.wait();
    };
  }
  /// Nothing is read any more when it returns.
  void begin(peer_link& from) {
    const task_id one = 1;
    from.send(numbers(std::span(&one, 1)));
    stands.wait();
  }
  bool stood = false;
  std::latch stands{1}, go_on{1};
};

}  // namespace

TEST_CASE("a peer that does not read is lost, before its messages take all memory", "[transport][link]") {
  const std::vector<task_id> many = up_to(10'000);
  for (const std::string transport : connected::transports)
    for (const bool without_end : {false, true}) {
      CAPTURE(transport, without_end);
      link_options o;
      o.session.held_bytes = std::size_t{32} << 20;
      o.session.unread_after = 50ms / 1ns;
      o.session.most_bytes = std::size_t{64} << 20;
      o.session.silent_after = 600s / 1ns;  // not what this is about
      standing_still reader;
      linked::meeting m(transport, o);
      reader.stand_in_for(*m.far);
      m.meet();
      reader.begin(*m.left);
      bool taken = true;
      const std::size_t most = (without_end ? std::size_t{1024} : std::size_t{48}) << 20;
      for (std::size_t sent = 0; taken && sent < most; sent += many.size() * sizeof many[0])
        taken = m.left->send(numbers(many));
      if (without_end) CHECK_FALSE(taken);
      CHECK(m.near->wait_for_end());
      reader.go_on.count_down();
      CHECK_FALSE(m.near->ended_in_order);
      CHECK_THAT(m.near->end, Contains(without_end ? "bytes wait for a peer that" : "has read nothing for"));
      CHECK_FALSE(m.left->send(numbers(many)));
    }
}

TEST_CASE("a peer that stands still for a while has all messages in the end", "[transport][link]") {
  const std::vector<task_id> many = up_to(10'000);
  link_options o;
  o.session.full_bytes = std::size_t{1} << 20;
  standing_still reader;
  linked::meeting m("tcp", o);
  reader.stand_in_for(*m.far);
  m.meet();
  reader.begin(*m.left);
  std::size_t sent = 1;
  // More than the kernel holds.
  while (!m.left->full()) {
    REQUIRE(m.left->send(numbers(many)));
    sent += many.size();
    REQUIRE(sent < (std::size_t{1} << 28));
  }
  // What cannot wait goes on being taken.
  for (int i = 0; i < 10; ++i, sent += many.size()) REQUIRE(m.left->send(numbers(many)));
  const task_id one = 1;
  CHECK(m.right->send(numbers(std::span(&one, 1))));
  CHECK(m.near->wait([&] { return m.near->got.size() == 1; }));  // and the other way it goes on too
  reader.go_on.count_down();
  CHECK(m.far->wait([&] { return m.far->got.size() == sent; }));
  CHECK_FALSE(m.left->full());
}

TEST_CASE("who waits for room goes on when the peer has read, or is gone", "[transport][link]") {
  const bool gone = GENERATE(false, true);
  const std::vector<task_id> many = up_to(10'000);
  link_options o;
  o.session.full_bytes = std::size_t{1} << 20;
  standing_still reader;
  linked::meeting m("tcp", o);
  reader.stand_in_for(*m.far);
  m.meet();
  reader.begin(*m.left);
  std::size_t sent = 1;
  bool took = true;
  while (took) {
    REQUIRE(m.left->send_in_room([&](batch_writer& to, std::size_t room) {
      CHECK(room <= o.session.full_bytes);
      took = room != 0;
      if (took) to.add(numbers(many));
    }));
    sent += took ? many.size() : 0;
    REQUIRE(sent < (std::size_t{1} << 28));
  }
  CHECK(m.left->full());
  std::latch has_room{1};
  const auto wait = [](std::shared_ptr<peer_link> l, std::latch& there) -> weft::task<> {
    co_await l->wait_for_room();
    there.count_down();
  };
  m.pool.spawn(wait(m.left, has_room));
  CHECK_FALSE(has_room.try_wait());
  if (gone) m.right->close(bye_code::failed, "the test wants so");
  if (!gone) reader.go_on.count_down();
  has_room.wait();
  if (gone) {
    CHECK(m.near->wait_for_end());  // the peer takes what is on its way before it goes: then there may be room
    CHECK_FALSE(m.left->send_in_room([](batch_writer&, std::size_t) {}));
    reader.go_on.count_down();
  } else {
    CHECK_FALSE(m.left->full());
    CHECK(m.far->wait([&] { return m.far->got.size() == sent; }));
  }
  // Where there is room nobody waits.
  std::latch at_once{1};
  m.pool.spawn(wait(m.left, at_once));
  at_once.wait();
}

TEST_CASE("a handler that throws ends the session, and the reason is told", "[transport][link]") {
  linked::meeting m("tcp");
  m.meet();
  get_values unknown{};
  m.left->send(unknown);
  REQUIRE(m.far->wait_for_end());
  CHECK_THAT(m.far->end, Contains("an unknown message"));
  REQUIRE(m.near->wait_for_end());
  CHECK_FALSE(m.near->ended_in_order);
  CHECK(m.near->end == m.far->end);
}

TEST_CASE("a message that is too large ends the session, whoever sends it", "[transport][link]") {
  for (const bool from_a_worker : {false, true}) {
    CAPTURE(from_a_worker);
    link_options o;
    o.session.frames.message = o.session.frames.batch = 1000;
    linked::meeting m("unix", o);
    m.meet();
    const auto ids = up_to(1000);
    struct sender {
      static weft::task<> send(peer_link& l, const std::vector<task_id>& all) {
        l.send(numbers(all));
        co_return;
      }
    };
    if (from_a_worker)
      m.pool.run(sender::send(*m.left, ids));
    else
      m.left->send(numbers(ids));
    REQUIRE(m.near->wait_for_end());
    CHECK_FALSE(m.near->ended_in_order);
    CHECK_THAT(m.near->end, Contains("limit"));
    REQUIRE(m.far->wait_for_end());
    CHECK(m.far->got.empty());
    CHECK(m.far->end == m.near->end);
  }
}

TEST_CASE("a handler that answers at once does so in order", "[transport][link]") {
  linked::meeting m("unix");
  m.far->on_numbers = [](peer_link& l, std::span<const task_id> ids) { l.send(numbers(ids)); };
  m.meet();
  m.pool.run(send_range(*m.left, 1, 5001));
  REQUIRE(m.near->wait([&] { return m.near->got.size() >= 5000; }));
  CHECK(m.near->got == up_to(5000));
}

TEST_CASE("a handler hears when all that has come is handled", "[transport][link]") {
  linked::meeting m("tcp");
  m.meet();
  m.pool.run(send_range(*m.left, 1, 3001));
  CHECK(m.far->wait([&] { return m.far->handled == 3000; }));
  const task_id one = 3001;
  m.left->send(numbers(std::span(&one, 1)));
  CHECK(m.far->wait([&] { return m.far->handled == 3001; }));
}

namespace {

/// Sends more than a socket takes, and then little by little, and never lets anybody else on its thread.
weft::task<> send_without_rest(peer_link& to, linked::notes& far) {
  const std::vector<task_id> many = up_to(10'000);
  constexpr std::size_t rounds = 200;
  for (std::size_t i = 0; i < rounds; ++i) to.send(numbers(many));
  const auto arrived = [&] { return far.got.size() >= rounds * many.size(); };
  const task_id one = 1;
  for (int i = 0; i < 20'000; ++i) {
    to.send(numbers(std::span(&one, 1)));
    std::unique_lock guard(far.mutex);
    if (far.changed.wait_for(guard, 1ms, arrived)) co_return;
  }
  throw std::runtime_error("what was sent does not arrive");
}

}  // namespace

TEST_CASE("who leaves the link no turn sends all the same", "[transport][link]") {
  linked::meeting m("tcp");
  weft::pool alone({.threads = 1});
  auto near = std::make_shared<linked::notes>();
  auto from = alone.run(
      peer_link::dial(alone, m.at, security(), linked::says(peer_role::worker, "worker-1"), m.options, near));
  CHECK_NOTHROW(alone.run(send_without_rest(*from, *m.far)));
  from->close(bye_code::finished, "all is done");
  CHECK(near->wait_for_end());
  from.reset();
  alone.drain();
}

TEST_CASE("chunks that are not the next of their stream are refused", "[transport][link]") {
  std::vector<std::byte> a(10), b(5);
  inbound_stream in({std::span(a), std::span(b).first(0), std::span(b)});
  CHECK_THROWS_AS(in.place(1, 2), protocol_error);
  CHECK_THROWS_AS(in.place(0, 16), protocol_error);
  CHECK(in.place(0, 4).data() == a.data());
  in.arrived(0, filled(4, 1).get()[0]);
  CHECK(in.place(4, 8).empty());  // over the border: copied
  const auto rest = filled(11, 2);
  in.arrived(4, *rest);
  CHECK(in.complete());
  CHECK(b.back() == rest->back());
  CHECK_THROWS_AS(in.place(15, 1), protocol_error);
  CHECK_THROWS_AS(in.arrived(0, *rest), protocol_error);
  CHECK(inbound_stream({std::span(b).first(0)}).complete());
}
