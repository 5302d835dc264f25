/// Frames: what a header may say, checksums, cutting a stream, and compressed payloads that lie.
#include "wire/frame.hpp"

#include <zstd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <functional>

#include "wire/compression.hpp"
#include "wire/random.hpp"

using namespace weft::net;
using Catch::Contains;
using weft::test::random_numbers;

namespace {

frame_header header(frame_kind kind, std::uint32_t bytes) {
  frame_header h;
  h.kind = static_cast<std::uint8_t>(kind);
  h.payload_bytes = h.plain_bytes = bytes;
  if (kind == frame_kind::batch) h.number = 1;
  if (kind == frame_kind::bye) h.offset = 1;
  return h;
}

std::vector<std::byte> flat(const frame_output& o) {
  std::vector<std::byte> all;
  for (const auto& p : o.pieces()) all.insert(all.end(), p.begin(), p.end());
  CHECK(all.size() == o.bytes());
  return all;
}

void refused(frame_kind kind, const std::function<void(frame_header&)>& change, const char* text) {
  frame_header h = header(kind, kind == frame_kind::ack ? 0 : 64);
  const auto stage = kind <= frame_kind::refuse ? frame_stage::greeting : frame_stage::session;
  check_header(h, stage, {});
  change(h);
  CHECK_THROWS_WITH(check_header(h, stage, {}), Contains(text));
}

}  // namespace

TEST_CASE("a header says nothing that it may not") {
  using h = frame_header;
  refused(frame_kind::batch, [](h& x) { x.magic ^= 1; }, "does not speak weft's protocol");
  refused(frame_kind::batch, [](h& x) { x.version = 2; }, "a frame has layout 2, this program knows layout 1");
  refused(frame_kind::batch, [](h& x) { x.kind = 0; }, "a frame has kind 0; kinds are 1 to 9");
  refused(frame_kind::batch, [](h& x) { x.kind = 10; }, "a frame has kind 10");
  refused(frame_kind::batch, [](h& x) { x.flags = 4; }, "flags 4");
  refused(frame_kind::batch, [](h& x) { x.plain_bytes = 72; }, "plain bytes 72: its payload, not compressed, has 64");
  refused(frame_kind::batch, [](h& x) { x.checksum = 5; }, "checksum 5");
  refused(frame_kind::batch, [](h& x) { x.number = 0; }, "batches are numbered from 1");
  refused(frame_kind::batch, [](h& x) { x.offset = 9; }, "offset 9");
  refused(frame_kind::batch, [](h& x) { x.payload_bytes = x.plain_bytes = 60; }, "a multiple of 8");
  refused(frame_kind::batch, [](h& x) { x.payload_bytes = x.plain_bytes = 0; }, "there is at least one");
  refused(
      frame_kind::batch, [](h& x) { x.payload_bytes = x.plain_bytes = 0x04000008; },
      "payload bytes 67108872: at most 67108864 is accepted (frame_limits::message)");
  refused(
      frame_kind::data, [](h& x) { x.payload_bytes = x.plain_bytes = (1 << 20) + 1; },
      "at most 1048576 is accepted (frame_limits::chunk)");
  refused(frame_kind::data, [](h& x) { x.payload_bytes = x.plain_bytes = 0; }, "a chunk is not empty");
  refused(frame_kind::data, [](h& x) { x.offset = ~0ull - 62; }, "less than 2^64 bytes");
  refused(
      frame_kind::hello, [](h& x) { x.payload_bytes = x.plain_bytes = 4097; },
      "at most 4096 is accepted (frame_limits::greeting)");
  refused(frame_kind::hello, [](h& x) { x.received = 1; }, "there is no session yet");
  refused(frame_kind::hello, [](h& x) { x.flags = frame_compressed; }, "only batch and data may be compressed");
  refused(frame_kind::bye, [](h& x) { x.offset = 3; }, "a bye_code is 1 or 2");
  refused(frame_kind::bye, [](h& x) { x.payload_bytes = x.plain_bytes = 4097; }, "frame_limits::greeting");
  refused(frame_kind::ack, [](h& x) { x.payload_bytes = x.plain_bytes = 8; }, "it has no payload");
  refused(frame_kind::ack, [](h& x) { x.number = 8; }, "number 8");
  refused(
      frame_kind::batch, [](h& x) { x.flags = frame_compressed, x.plain_bytes = 0x04000008; },
      "(frame_limits::plain)");
  refused(
      frame_kind::batch, [](h& x) { x.flags = frame_compressed, x.plain_bytes = 65000; },
      "at most 1000 times as much is accepted (frame_limits::ratio)");
  CHECK_THROWS_WITH(check_header(header(frame_kind::batch, 8), frame_stage::greeting, {}),
                    Contains("batch comes before the handshake is done"));
  CHECK_THROWS_WITH(check_header(header(frame_kind::hello, 8), frame_stage::session, {}),
                    Contains("hello comes after the handshake"));
}

TEST_CASE("a header is checked before memory is asked for, and every bit of it is") {
  frame_output o;
  const auto payload = random_numbers(1).bytes(64);
  frame_header h = header(frame_kind::batch, 0);
  o.add(h, payload, true);
  const auto good = flat(o);
  std::size_t found = 0;
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    frame_parser p({}, frame_stage::session);
    std::span<const std::byte> in = bad;
    try {
      // A longer payload than comes is one that is waited for.
      if (p.feed(in) == frame_parser::step::more) CHECK(p.header().payload_bytes > payload.size());
    } catch (const protocol_error&) { ++found; }
  }
  CHECK(found > good.size() * 8 - 64);
}

TEST_CASE("a stream is cut into its frames, wherever reads end") {
  random_numbers r(7);
  frame_output o;
  std::vector<std::vector<std::byte>> payloads;
  for (int i = 0; i < 12; ++i) payloads.push_back(r.bytes(i % 4 == 3 ? 0 : 8 * (1 + r.below(40))));
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    frame_header h = header(payloads[i].empty() ? frame_kind::ping
                            : i % 4 == 1        ? frame_kind::data
                                                : frame_kind::batch,
                            0);
    if (h.kind == static_cast<std::uint8_t>(frame_kind::batch)) h.number = i + 1;
    o.add(h, payloads[i], i % 2 == 0);
  }
  const auto all = flat(o);
  for (const bool direct : {false, true})
    for (std::size_t step = 1; step < all.size(); step += step < 100 ? 1 : 97) {
      frame_parser p({}, frame_stage::session);
      std::vector<std::byte> place(1024);
      std::size_t seen = 0;
      const auto take = [&](frame_parser::step s) {
        if (s == frame_parser::step::header) p.place(std::span(place).first(p.header().payload_bytes));
        if (s != frame_parser::step::frame) return;
        CHECK(std::equal(p.payload().begin(), p.payload().end(), payloads[seen].begin(), payloads[seen].end()));
        if (p.header().kind == static_cast<std::uint8_t>(frame_kind::data)) CHECK(p.payload().data() == place.data());
        ++seen;
      };
      for (std::size_t at = 0; at < all.size();) {
        if (direct) {
          const auto room = p.room();
          const std::size_t n = std::min({room.size(), step, all.size() - at});
          std::memcpy(room.data(), all.data() + at, n);
          at += n;
          take(p.filled(n));
        } else {
          auto in = std::span<const std::byte>(all).subspan(at, std::min(step, all.size() - at));
          at += in.size();
          while (!in.empty()) take(p.feed(in));
        }
      }
      CHECK(seen == payloads.size());
      CHECK(p.between_frames());
    }
}

TEST_CASE("a payload that was fed whole is not copied") {
  frame_output o;
  const auto payload = random_numbers(2).bytes(4096);
  o.add(header(frame_kind::batch, 0), payload, true);
  const auto all = flat(o);
  frame_parser p({}, frame_stage::session);
  std::span<const std::byte> in = all;
  REQUIRE(p.feed(in) == frame_parser::step::frame);
  CHECK(p.payload().data() == all.data() + frame_header_bytes);
}

TEST_CASE("an output keeps payloads where they are, and takes 32 frames") {
  frame_output o;
  const auto payload = random_numbers(2).bytes(64);
  while (!o.full()) o.add(header(frame_kind::batch, 0), payload, false);
  CHECK(o.frames() == 32);
  CHECK(o.pieces().size() == 64);
  CHECK(o.pieces()[1].data() == payload.data());
  o.clear();
  CHECK(o.pieces().empty());
  CHECK(o.bytes() == 0);
}

// ---- compression -------------------------------------------------------------------------------------------------

namespace {

constexpr link_traits far{.between_hosts = true, .encrypted = false, .compresses = true};

std::vector<std::byte> text(std::size_t n, std::uint64_t seed) {
  random_numbers r(seed);
  std::vector<std::byte> b(n);
  for (auto& x : b) x = static_cast<std::byte>('a' + r.below(4));
  return b;
}

std::size_t sent(compression_policy policy, link_traits link, std::span<const std::byte> payload, double rate = 0) {
  link_compressor c({.policy = policy}, {});
  c.connected(link);
  if (rate != 0) c.wrote(static_cast<std::size_t>(rate), 1'000'000'000);
  std::unique_ptr<std::byte[]> memory;
  const auto small = c.compress(payload, memory);
  if (small.empty()) return payload.size();
  std::vector<std::byte> again(payload.size());
  c.decompress(small, again);
  CHECK(std::equal(again.begin(), again.end(), payload.begin()));
  frame_header h = header(frame_kind::data, 0);
  h.flags = frame_compressed;
  h.payload_bytes = static_cast<std::uint32_t>(small.size());
  h.plain_bytes = static_cast<std::uint32_t>(payload.size());
  if (payload.size() <= frame_limits{}.chunk) check_header(h, frame_stage::session, {});
  return small.size();
}

std::string failure(std::span<const std::byte> from, std::size_t declared) {
  link_compressor c({}, {});
  std::vector<std::byte> to(declared);
  try {
    c.decompress(from, to);
  } catch (const protocol_error& e) { return e.what(); }
  return "";
}

}  // namespace

TEST_CASE("payloads are compressed where that pays") {
  using enum compression_policy;
  const auto good = text(100'000, 1), noise = random_numbers(1).bytes(100'000), small = text(4095, 1);
  CHECK(sent(automatic, far, good) < good.size() / 3);
  CHECK(sent(automatic, far, noise) == noise.size());
  CHECK(sent(automatic, far, small) == small.size());
  CHECK(sent(always, far, noise) == noise.size());
  CHECK(sent(always, far, small) == small.size());
  CHECK(sent(off, far, good) == good.size());
  for (const auto policy : {automatic, always}) {
    CHECK(sent(policy, {.between_hosts = false, .compresses = true}, good) == good.size());
    CHECK(sent(policy, {.between_hosts = true, .compresses = false}, good) == good.size());
  }
  CHECK(sent(automatic, far, good, 100e6) < good.size() / 3);  // the link takes 100 MB a second
  CHECK(sent(automatic, far, good, 1e9) == good.size());
  CHECK(sent(always, far, good, 1e9) < good.size() / 3);
}

TEST_CASE("zeros are compressed as far as the ratio allows") {
  for (const std::size_t n : {std::size_t{4096}, std::size_t{1} << 20, std::size_t{16} << 20}) {
    const std::vector<std::byte> zeros(n);
    const std::size_t small = sent(compression_policy::automatic, far, zeros);
    CHECK(small > n / 1000);
    CHECK(small < n / 1000 + 64);
  }
}

TEST_CASE("the link's rate is an average of what had to wait") {
  link_compressor c({}, {});
  c.connected(far);
  c.wrote(1000, 0);
  CHECK(c.rate() == 0);
  c.wrote(1000, 1000);
  CHECK(c.rate() == Approx(1e9));
  for (int i = 0; i < 100; ++i) c.wrote(1000, 10'000);
  CHECK(c.rate() == Approx(1e8).epsilon(0.01));
  c.connected(far);
  CHECK(c.rate() == 0);
}

TEST_CASE("a compressed payload that lies is an error") {
  const auto plain = text(10'000, 3);
  std::vector<std::byte> packed(ZSTD_compressBound(plain.size()));
  packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 1));
  CHECK(failure(packed, plain.size()).empty());
  CHECK_THAT(failure(packed, plain.size() + 8), Contains("holds 10000; its frame says 10008"));
  CHECK_THAT(failure(packed, plain.size() - 8), Contains("holds 10000; its frame says 9992"));
  CHECK_THAT(failure(plain, plain.size()), Contains("is not Zstandard's"));
  CHECK_THAT(failure({}, 8), Contains("is not Zstandard's"));
  for (std::size_t n = 0; n < packed.size(); n += n < 64 ? 1 : 61)
    CHECK_FALSE(failure(std::span(packed).first(n), plain.size()).empty());
  for (std::size_t i = 0; i < packed.size(); i += i < 64 ? 1 : 7) {  // damage is an error, or other text
    auto bad = packed;
    bad[i] ^= std::byte{0x10};
    failure(bad, plain.size());
  }
  // Two frames, of which the first has the size that is declared: a bomb behind a fuse.
  auto twice = packed;
  twice.insert(twice.end(), packed.begin(), packed.end());
  CHECK_THAT(failure(twice, plain.size()), Contains("does not decompress"));

  // No size; and a window of 128 MiB, which would be allocated by who decodes in steps.
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> c(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(c.get(), ZSTD_c_contentSizeFlag, 0);
  std::vector<std::byte> other(ZSTD_compressBound(plain.size()));
  other.resize(ZSTD_compress2(c.get(), other.data(), other.size(), plain.data(), plain.size()));
  CHECK_THAT(failure(other, plain.size()), Contains("does not say its size"));
  std::vector<std::byte> wide = {std::byte{0x28}, std::byte{0xb5},   std::byte{0x2f}, std::byte{0xfd},
                                 std::byte{0x80}, std::byte{17 << 3}};  // 4 bytes of size, no single segment
  for (const int b : {0x10, 0x27, 0, 0, 1, 0, 0}) wide.push_back(static_cast<std::byte>(b));
  CHECK_THAT(failure(wide, plain.size()), Contains("a window of 2^27 bytes; at most 2^23"));
}
