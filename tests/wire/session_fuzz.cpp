/// A session whose peer sends arbitrary bytes as frames, while it writes, is cut off, comes back and time passes. It
/// throws protocol_error or goes on; it never touches memory that is not its own, nor breaks its limits. The bytes
/// are a program: each step is a byte that says what, and what it needs. For libFuzzer.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "wire/every_message.hpp"
#include "wire/session.hpp"

using namespace weft;
using namespace weft::net;

namespace {

struct program {
  std::span<const std::byte> rest;
  std::uint8_t byte() noexcept {
    if (rest.empty()) return 0;
    const auto b = std::to_integer<std::uint8_t>(rest[0]);
    rest = rest.subspan(1);
    return b;
  }
  std::span<const std::byte> bytes(std::size_t n) noexcept {
    const auto b = rest.first(std::min(n, rest.size()));
    rest = rest.subspan(b.size());
    return b;
  }
};

session_options small_options() {
  session_options o;
  o.frames = {.greeting = 64, .batch = 256, .message = 1024, .chunk = 128, .plain = 2048};
  o.compression.policy = compression_policy::always;
  o.compression.least_bytes = 32;
  o.window_bytes = 500;
  o.window_batches = 4;
  o.held_bytes = 4000;
  o.full_bytes = 2000;
  o.most_bytes = 20'000;
  o.unread_after = 3'000'000'000;
  o.ack_batches = 2;
  return o;
}

void require(bool b) {
  if (!b) std::abort();
}

/// All bytes of a write are looked at: they are there until it has ended.
std::uint64_t sum_of(const frame_output& o) noexcept {
  std::uint64_t sum = 0;
  for (const auto& p : o.pieces())
    for (const auto b : p) sum += std::to_integer<std::uint64_t>(b);
  return sum;
}

void run(program p) {
  static const session_options options = small_options();
  session s(options);
  frame_output o;
  time_ns now = 0;
  std::uint64_t before = 0;
  bool writing = false;
  const std::vector<std::byte> content(1200, std::byte{7});
  while (!p.rest.empty()) {
    const std::uint8_t what = p.byte();
    switch (what % 8) {
      case 0: {  // a frame, as the parser would let it through
        frame_header h;
        const std::uint8_t fields = p.byte();
        h.kind = static_cast<std::uint8_t>(4 + fields % 6);
        h.flags = fields & 0x80 ? frame_compressed : 0;
        h.number = fields & 0x40 ? s.received() + 1 : p.byte();
        h.received = fields & 0x20 ? p.byte() : 0;
        if (h.kind != static_cast<std::uint8_t>(frame_kind::batch) &&
            h.kind != static_cast<std::uint8_t>(frame_kind::data))
          h.number = 0;
        if (h.kind == static_cast<std::uint8_t>(frame_kind::data)) h.offset = p.byte();
        if (h.kind == static_cast<std::uint8_t>(frame_kind::bye)) h.offset = 1;
        const std::size_t plain = std::size_t{p.byte()} * 8;
        const auto given = p.bytes(h.kind > 5 && h.kind != 9 ? 0 : h.flags ? p.byte() : plain);
        const std::vector<std::byte> payload(given.begin(), given.end());
        h.payload_bytes = static_cast<std::uint32_t>(payload.size());
        h.plain_bytes = h.flags ? static_cast<std::uint32_t>(plain) : h.payload_bytes;
        check_header(h, frame_stage::session, options.frames);
        const incoming got = s.read(h, payload);
        require(got.bytes.size() <= options.frames.plain);
        if (got.kind == incoming::what::batch) test::read_all(got.bytes);
        break;
      }
      case 1: {  // a message
        get_values m{};
        const auto more = std::span(content).first(what / 8 == 31 ? 1000 : what);
        value_header v{};
        v.message = more;
        s.out().add(m);
        s.out().add(v);
        break;
      }
      case 2:
        if (writing) break;
        o.clear();
        s.write(o);
        if (s.connected() && s.ended().empty() && !s.closed() && !o.full() && what & 0x80)
          s.write_chunk(o, what, 0, std::span(content).first(100));
        writing = o.bytes() != 0;
        before = sum_of(o);
        break;
      case 3:
        if (!writing) break;
        require(sum_of(o) == before);
        writing = false;
        s.wrote(o.bytes(), what);
        break;
      case 4:
        writing = false;
        s.disconnected();
        break;
      case 5:
        if (writing) break;
        s.connected(p.byte(), {.between_hosts = (what & 0x80) != 0, .compresses = (what & 0x40) != 0});
        break;
      case 6:
        now += std::int64_t{what} * 10'000'000;
        s.tick(now);
        require(s.deadline() > now);
        break;
      case 7:
        if (what == 255) s.close(bye_code::finished, "enough");
        break;
    }
    require(s.unacknowledged_bytes() <= options.window_bytes + options.frames.message);
    if (s.out().size() > 8000) return;  // the application holds back
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  try {
    run({std::as_bytes(std::span(data, size))});
  } catch (const protocol_error&) {
  } catch (const std::length_error&) {}
  return 0;
}
