/// Arbitrary bytes as a stream of frames, fed in steps of a size that the second byte tells, whole and straight into
/// the parser's memory: both ways give the same frames. Compressed payloads are decompressed. For libFuzzer.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "wire/compression.hpp"
#include "wire/frame.hpp"

using namespace weft::net;

namespace {

constexpr frame_limits limits{.greeting = 256, .batch = 512, .message = 2048, .chunk = 1024, .plain = 2048};

struct seen {
  std::vector<std::byte> bytes;  // of headers and payloads
  bool failed = false;
  bool operator==(const seen&) const = default;
};

void note(seen& s, const frame_parser& p) {
  const auto head = std::as_bytes(std::span(&p.header(), 1));
  s.bytes.insert(s.bytes.end(), head.begin(), head.end());
  s.bytes.insert(s.bytes.end(), p.payload().begin(), p.payload().end());
  if (p.payload().size() != p.header().payload_bytes || p.payload().size() > limits.message) std::abort();
  if (!(p.header().flags & frame_compressed)) return;
  static link_compressor codec({}, limits);
  std::vector<std::byte> plain(p.header().plain_bytes);
  if (plain.size() > limits.plain) std::abort();
  codec.decompress(p.payload(), plain);
}

seen parse(std::span<const std::byte> all, std::size_t step, frame_stage stage, bool direct) {
  seen s;
  frame_parser p(limits, stage);
  std::vector<std::byte> place(limits.chunk);
  try {
    while (!all.empty()) {
      frame_parser::step what;
      if (direct) {
        const auto room = p.room();
        if (room.empty()) std::abort();
        const std::size_t n = std::min({room.size(), step, all.size()});
        std::memcpy(room.data(), all.data(), n);
        all = all.subspan(n);
        what = p.filled(n);
        if (what == frame_parser::step::header) p.place(std::span(place).first(p.header().payload_bytes));
      } else {
        // Memory that ends where it ends, so that reading on is seen.
        const std::vector<std::byte> part(all.begin(), all.begin() + static_cast<long>(std::min(step, all.size())));
        std::span<const std::byte> in = part;
        what = p.feed(in);
        all = all.subspan(part.size() - in.size());
        if (what == frame_parser::step::frame) note(s, p);
        continue;
      }
      if (what == frame_parser::step::frame) note(s, p);
    }
  } catch (const protocol_error&) { s.failed = true; }
  return s;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 2) return 0;
  const auto all = std::as_bytes(std::span(data, size)).subspan(2);
  const auto stage = data[0] & 1 ? frame_stage::session : frame_stage::greeting;
  const std::size_t step = 1 + data[1];
  const seen s = parse(all, step, stage, false);
  if (s != parse(all, step, stage, true) || s != parse(all, all.size() + 1, stage, false)) std::abort();
  return 0;
}
