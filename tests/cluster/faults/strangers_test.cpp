// A running scheduler, and peers that do not know the protocol, or mean ill: each is refused with a sentence, or is
// hung up on, and an honest client is served meanwhile. What the scheduler takes in memory stays bounded.
#include <zstd.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "cluster/faults/processes.hpp"
#include "cluster/faults/strangers.hpp"
#include "env/machine_memory.hpp"
#include "wire/messages.hpp"

namespace {

using namespace faults;
using namespace weft::net;
using Catch::Contains;

constexpr std::uint64_t megabyte = 1'000'000;

struct victim : cluster {
  victim() : cluster(words{"--resume-timeout=2s"}), worker(start_worker("w")) { serves(); }
  /// An honest client is served.
  void serves() {
    const std::string name = "honest-" + std::to_string(++clients_);
    child_process client = start_client(name, {"graph", "10", "1000", "1"});
    CHECK(status_of(client, name, std::chrono::seconds(15)) == 0);
    CHECK(said(name) == "right\n");
  }
  std::uint64_t resident() const { return weft::detail::resident_memory_of(scheduler.id()); }
  child_process worker;

 private:
  int clients_ = 0;
};

/// A frame of compressed zeros that says it becomes `plain` bytes.
bytes bomb(std::uint64_t number, std::size_t zeros, std::uint32_t plain) {
  const bytes nothing(zeros);
  bytes small(ZSTD_compressBound(zeros));
  small.resize(ZSTD_compress(small.data(), small.size(), nothing.data(), zeros, 1));
  frame_header h;
  h.kind = static_cast<std::uint8_t>(frame_kind::batch);
  h.flags = frame_compressed;
  h.payload_bytes = static_cast<std::uint32_t>(small.size());
  h.plain_bytes = plain;
  h.number = number;
  return frame(h, small);
}

std::string text_of(const bytes& b) { return std::string(reinterpret_cast<const char*>(b.data()), b.size()); }

}  // namespace

TEST_CASE("who does not greet as it should is refused with a sentence", "[faults]") {
  victim v;
  SECTION("another version of the protocol") {
    hello m = client_hello();
    m.lowest = 7;
    m.highest = 9;
    stranger s(v.address());
    s.say(frame(frame_kind::hello, encode(m)));
    const std::string why = s.hear_refusal();
    CHECK_THAT(why, Contains("version") && Contains("7") && Contains("9"));
    CHECK(s.is_hung_up());
  }
  SECTION("another protocol") {
    stranger s(v.address());
    s.say(as_bytes("GET / HTTP/1.1\r\nHost: here\r\nAccept: everything that a browser would want\r\n\r\n"));
    CHECK_THAT(s.hear_refusal(), Contains("does not speak weft's protocol"));
    CHECK(s.is_hung_up());
  }
  SECTION("TLS where plain TCP is spoken") {
    stranger s(v.address());
    s.say(as_bytes(std::string("\x16\x03\x01\x02\x00\x01", 6) + std::string(200, 'x')));
    CHECK_THAT(s.hear_refusal(), Contains("TLS where plain"));
  }
  SECTION("a frame that says it is huge") {
    frame_header h;
    h.kind = static_cast<std::uint8_t>(frame_kind::hello);
    h.payload_bytes = h.plain_bytes = ~std::uint32_t{0};
    stranger s(v.address());
    s.say(frame(h, {}));
    CHECK_THAT(s.hear_refusal(), Contains("4294967295"));
  }
  SECTION("a checksum that is wrong") {
    bytes f = frame(frame_kind::hello, encode(client_hello()));
    f[offsetof(frame_header, flags)] = std::byte{frame_checksummed};
    f[offsetof(frame_header, checksum)] = std::byte{1};
    stranger s(v.address());
    s.say(f);
    CHECK_THAT(s.hear_refusal(), Contains("checksum"));
  }
  SECTION("half a greeting") {
    bytes f = frame(frame_kind::hello, encode(client_hello()));
    f.resize(f.size() / 2);
    stranger s(v.address());
    s.say(f);
    s.shut();
    CHECK(s.is_hung_up());
  }
  SECTION("a session that is none") {
    hello m = client_hello();
    m.session = 12345;
    stranger s(v.address());
    s.say(frame(frame_kind::hello, encode(m)));
    CHECK_THAT(s.hear_refusal(), Contains("not known"));
  }
  SECTION("a scheduler") {
    hello m = client_hello();
    m.role = static_cast<std::uint8_t>(peer_role::scheduler);
    stranger s(v.address());
    s.say(frame(frame_kind::hello, encode(m)));
    CHECK_THAT(s.hear_refusal(), Contains("a scheduler serves"));
  }
  SECTION("a worker without slots") {
    hello m = client_hello();
    m.role = static_cast<std::uint8_t>(peer_role::worker);
    stranger s(v.address());
    s.say(frame(frame_kind::hello, encode(m)));
    CHECK_THAT(s.hear_refusal(), Contains("0 slots"));
  }
  v.serves();
  CHECK(v.workers() == 1);
}

TEST_CASE("a session that breaks the protocol is ended with a sentence", "[faults]") {
  victim v;
  stranger s(v.address());
  s.enter();
  std::string expected;
  SECTION("a message of nobody's") {
    message_header h{999, 0, sizeof(message_header)};
    bytes m(sizeof h);
    std::memcpy(m.data(), &h, sizeof h);
    s.say(batch(1, m));
    expected = "999";
  }
  SECTION("a message of a worker's") {
    batch_writer w;
    w.add(heartbeat{});
    s.say(batch(1, bytes(w.bytes().begin(), w.bytes().end())));
    expected = std::to_string(static_cast<int>(message_kind::heartbeat));
  }
  SECTION("tasks of somebody else's") {
    batch_writer w;
    submit_task t{};
    t.id = make_task_id(77, 1);
    w.add(t);
    s.say(batch(1, bytes(w.bytes().begin(), w.bytes().end())));
    expected = "weft: ";
  }
  SECTION("an input that is none") {
    batch_writer w;
    submit_task t{};
    const task_id nobody[] = {make_task_id(77, 5)};
    t.id = make_task_id(3, 1);
    t.inputs = nobody;
    w.add(t);
    s.say(batch(1, bytes(w.bytes().begin(), w.bytes().end())));
    expected = "weft: ";
  }
  SECTION("a batch that skips") {
    s.say(batch(5, bytes(8)));
    expected = "5";
  }
  SECTION("a batch of rubbish") {
    s.say(batch(1, bytes(64, std::byte{0xa5})));
    expected = "weft: ";
  }
  SECTION("a frame in the middle of nowhere") {
    s.say(as_bytes(std::string(48, 'z')));
    expected = "weft: ";
  }
  SECTION("a batch that says it is huge") {
    frame_header h;
    h.kind = static_cast<std::uint8_t>(frame_kind::batch);
    h.payload_bytes = h.plain_bytes = ~std::uint32_t{0};
    h.number = 1;
    s.say(frame(h, {}));
    expected = "4294967295";
  }
  const std::string why = text_of(s.hear(frame_kind::bye));
  CHECK_THAT(why, Contains(expected));
  CHECK(s.is_hung_up());
  v.serves();
  v.wait_for("clients", [](long n) { return n == 0; });
  CHECK(v.workers() == 1);
}

TEST_CASE("a decompression bomb does not fill the scheduler's memory", "[faults]") {
  victim v;
  const std::uint64_t before = v.resident();
  std::uint64_t most = before;
  const auto explode = [&](const bytes& b) {
    stranger s(v.address());
    s.enter();
    s.say(b);
    const std::string why = text_of(s.hear(frame_kind::bye));
    CHECK_THAT(why, Contains("weft: "));
    most = std::max(most, v.resident());
  };
  // More than its size may become, more than it says, and as much as the limits allow.
  explode(bomb(1, 300 * megabyte, static_cast<std::uint32_t>(300 * megabyte)));
  explode(bomb(1, 300 * megabyte, 1000));
  for (int i = 0; i < 10; ++i) explode(bomb(1, 60 * megabyte, static_cast<std::uint32_t>(60 * megabyte)));
  WARN("the scheduler's memory: " << before / 1000 << " kB, at most " << most / 1000 << " kB");
  CHECK(most < before + 100 * megabyte);
  v.serves();
  CHECK(v.resident() < before + 100 * megabyte);
}

TEST_CASE("a thousand connections that say nothing hold nobody up", "[faults]") {
  victim v;
  const std::uint64_t before = v.resident();
  std::vector<stranger> silent;
  silent.reserve(1000);
  for (int i = 0; i < 1000; ++i) silent.emplace_back(v.address());
  v.serves();
  const std::uint64_t crowded = v.resident();
  WARN("the scheduler's memory: " << before / 1000 << " kB, and with 1,000 silent connections " << crowded / 1000
                                  << " kB");
  CHECK(crowded < before + 100 * megabyte);
  for (stranger& s : silent) REQUIRE(s.is_hung_up());
  v.serves();
}
