#include "wire/frame.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weft::net {

namespace {

constexpr std::string_view names[] = {"none", "hello", "welcome", "refuse", "batch",
                                      "data", "ack",   "ping",    "pong",   "bye"};
constexpr std::uint8_t last_kind = static_cast<std::uint8_t>(frame_kind::bye);
constexpr std::size_t kept_payload = std::size_t{256} << 10;

[[noreturn]] void bad(const frame_header& h, const char* field, std::uint64_t value, const std::string& expected) {
  throw protocol_error("weft: the header of a frame of kind " + std::string(name_of(frame_kind{h.kind})) + " has " +
                       field + " " + std::to_string(value) + ": " + expected);
}
[[noreturn]] void too_much(const frame_header& h, const char* field, std::uint64_t value, std::size_t most,
                           const char* limit) {
  bad(h, field, value, "at most " + std::to_string(most) + " is accepted (frame_limits::" + limit + ")");
}

}  // namespace

std::string_view name_of(frame_kind k) noexcept {
  const auto n = static_cast<std::uint8_t>(k);
  return n <= last_kind ? names[n] : "unknown";
}

void check_header(const frame_header& h, frame_stage stage, const frame_limits& limits) {
  if (h.magic != frame_header::expected_magic)
    throw protocol_error("weft: a frame begins with " + std::to_string(h.magic) + " where " +
                         std::to_string(frame_header::expected_magic) +
                         " is expected: the other side does not speak weft's protocol, or not by this transport");
  if (h.version != frame_header::expected_version)
    throw protocol_error("weft: a frame has layout " + std::to_string(h.version) + ", this program knows layout " +
                         std::to_string(frame_header::expected_version) +
                         ": run the same version of weft on both sides");
  if (h.kind == 0 || h.kind > last_kind)
    throw protocol_error("weft: a frame has kind " + std::to_string(h.kind) + "; kinds are 1 to " +
                         std::to_string(last_kind));
  if (h.flags & ~(frame_checksummed | frame_compressed)) bad(h, "flags", h.flags, "only bits 0 and 1 have a meaning");
  const auto kind = static_cast<frame_kind>(h.kind);
  const bool greets = kind <= frame_kind::refuse;
  if (greets != (stage == frame_stage::greeting))
    throw protocol_error("weft: a frame of kind " + std::string(name_of(kind)) +
                         (greets ? " comes after the handshake" : " comes before the handshake is done"));
  const bool compressed = h.flags & frame_compressed;
  if (compressed && kind != frame_kind::batch && kind != frame_kind::data)
    bad(h, "flags", h.flags, "only batch and data may be compressed");
  if (!compressed && h.plain_bytes != h.payload_bytes)
    bad(h, "plain bytes", h.plain_bytes, "its payload, not compressed, has " + std::to_string(h.payload_bytes));
  if (compressed && h.plain_bytes > limits.plain) too_much(h, "plain bytes", h.plain_bytes, limits.plain, "plain");
  if (compressed && h.plain_bytes / limits.ratio > h.payload_bytes)
    bad(h, "plain bytes", h.plain_bytes,
        "from a payload of " + std::to_string(h.payload_bytes) + " at most " + std::to_string(limits.ratio) +
            " times as much is accepted (frame_limits::ratio)");
  if (!(h.flags & frame_checksummed) && h.checksum != 0) bad(h, "checksum", h.checksum, "its flag is not set");
  if (kind != frame_kind::batch && kind != frame_kind::data && h.number != 0)
    bad(h, "number", h.number, "only batch and data have one");
  if (kind != frame_kind::data && kind != frame_kind::bye && h.offset != 0)
    bad(h, "offset", h.offset, "only data and bye have one");
  if (greets && h.received != 0) bad(h, "received", h.received, "there is no session yet");
  switch (kind) {
    case frame_kind::hello:
    case frame_kind::welcome:
    case frame_kind::refuse:
      if (h.payload_bytes > limits.greeting)
        too_much(h, "payload bytes", h.payload_bytes, limits.greeting, "greeting");
      break;
    case frame_kind::bye:
      if (h.payload_bytes > limits.greeting)
        too_much(h, "payload bytes", h.payload_bytes, limits.greeting, "greeting");
      if (h.offset < 1 || h.offset > 2) bad(h, "offset", h.offset, "a bye_code is 1 or 2");
      break;
    case frame_kind::batch:
      if (h.number == 0) bad(h, "number", h.number, "batches are numbered from 1");
      if (h.payload_bytes > limits.message) too_much(h, "payload bytes", h.payload_bytes, limits.message, "message");
      if (h.plain_bytes > limits.message) too_much(h, "plain bytes", h.plain_bytes, limits.message, "message");
      if (h.plain_bytes == 0 || h.plain_bytes % 8 != 0)
        bad(h, "plain bytes", h.plain_bytes, "messages have a multiple of 8, and there is at least one");
      break;
    case frame_kind::data:
      if (h.payload_bytes > limits.chunk) too_much(h, "payload bytes", h.payload_bytes, limits.chunk, "chunk");
      if (h.plain_bytes > limits.chunk) too_much(h, "plain bytes", h.plain_bytes, limits.chunk, "chunk");
      if (h.plain_bytes == 0) bad(h, "plain bytes", h.plain_bytes, "a chunk is not empty");
      if (h.offset > ~std::uint64_t{0} - h.plain_bytes)
        bad(h, "offset", h.offset, "a stream has less than 2^64 bytes");
      break;
    case frame_kind::ack:
    case frame_kind::ping:
    case frame_kind::pong:
      if (h.payload_bytes != 0) bad(h, "payload bytes", h.payload_bytes, "it has no payload");
      break;
  }
}

std::uint64_t frame_checksum(const frame_header& h, std::span<const std::byte> payload) noexcept {
  const std::uint64_t seed = XXH3_64bits(&h, offsetof(frame_header, checksum));
  return payload.empty() ? seed : XXH3_64bits_withSeed(payload.data(), payload.size(), seed);
}

// ---- frame_parser ------------------------------------------------------------------------------------------------

void frame_parser::begin() noexcept {
  if (!complete_) return;
  complete_ = false;
  have_ = 0;
  payload_ = {};
  place_ = {};
  if (memory_bytes_ > kept_payload) {
    memory_.reset();
    memory_bytes_ = 0;
  }
}

frame_parser::step frame_parser::header_there() {
  check_header(header_, stage_, limits_);
  if (header_.payload_bytes == 0) return payload_there({});
  return header_.kind == static_cast<std::uint8_t>(frame_kind::data) ? step::header : step::more;
}

frame_parser::step frame_parser::payload_there(std::span<const std::byte> payload) {
  payload_ = payload;
  complete_ = true;
  if (header_.flags & frame_checksummed) {
    const std::uint64_t sum = frame_checksum(header_, payload);
    if (sum != header_.checksum)
      throw protocol_error("weft: a frame of kind " + std::string(name_of(frame_kind{header_.kind})) + " with " +
                           std::to_string(payload.size()) + " bytes has the checksum " + std::to_string(sum) +
                           ", its header says " + std::to_string(header_.checksum) + ": it was damaged on its way");
  }
  return step::frame;
}

std::span<std::byte> frame_parser::room() {
  begin();
  if (have_ < frame_header_bytes) return {reinterpret_cast<std::byte*>(&header_) + have_, frame_header_bytes - have_};
  if (place_.empty()) {
    if (memory_bytes_ < header_.payload_bytes) {
      constexpr std::size_t least = 4096;
      const std::size_t bytes = std::max(least, std::bit_ceil(std::size_t{header_.payload_bytes}));
      memory_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
      memory_bytes_ = bytes;
    }
    place_ = {memory_.get(), header_.payload_bytes};
  }
  return place_.subspan(have_ - frame_header_bytes);
}

frame_parser::step frame_parser::filled(std::size_t n) {
  have_ += n;
  if (have_ < frame_header_bytes || n == 0) return step::more;
  if (have_ == frame_header_bytes) return header_there();
  if (have_ < frame_header_bytes + header_.payload_bytes) return step::more;
  return payload_there(place_);
}

frame_parser::step frame_parser::feed(std::span<const std::byte>& in) {
  while (!in.empty()) {
    begin();
    if (have_ == frame_header_bytes && place_.empty() && in.size() >= header_.payload_bytes) {
      const auto payload = in.first(header_.payload_bytes);
      in = in.subspan(payload.size());
      have_ += payload.size();
      return payload_there(payload);
    }
    const std::span<std::byte> to = room();
    const std::size_t n = std::min(to.size(), in.size());
    std::memcpy(to.data(), in.data(), n);
    in = in.subspan(n);
    if (const step s = filled(n); s != step::more) return s;
  }
  return step::more;
}

// ---- frame_output ------------------------------------------------------------------------------------------------

void frame_output::add(frame_header h, std::span<const std::byte> payload, bool checksummed) noexcept {
  h.payload_bytes = static_cast<std::uint32_t>(payload.size());
  if (!(h.flags & frame_compressed)) h.plain_bytes = h.payload_bytes;
  if (checksummed) {
    h.flags |= frame_checksummed;
    h.checksum = frame_checksum(h, payload);
  }
  owns_ |= owned_[frames_] != nullptr;
  headers_[frames_] = h;
  pieces_[count_++] = std::as_bytes(std::span(&headers_[frames_], 1));
  if (!payload.empty()) pieces_[count_++] = payload;
  bytes_ += frame_header_bytes + payload.size();
  ++frames_;
}

void frame_output::clear() noexcept {
  if (owns_)
    for (auto& o : owned_) o.reset();
  frames_ = count_ = bytes_ = 0;
  owns_ = false;
}

}  // namespace weft::net
