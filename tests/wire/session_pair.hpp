#pragma once

#include <catch2/catch.hpp>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "wire/messages.hpp"
#include "wire/random.hpp"
#include "wire/session.hpp"

namespace weft::test {

/// What sessions of the tests say: a number, from 1, and bytes that follow from it.
struct numbered_record {
  std::uint64_t number;
};
struct numbered : numbered_record {
  using record = numbered_record;
  static constexpr std::uint16_t kind = 7;
  std::span<const std::byte> bytes;
  static auto parts(auto& m) noexcept { return std::tie(m.bytes); }
};

inline std::byte byte_at(std::uint64_t number, std::uint64_t i) noexcept {
  return static_cast<std::byte>((number * 7 + i / 5) % 253);
}

/// One side: a session, what it writes piece by piece as a socket would, and what it has received.
struct side {
  explicit side(const net::session_options& o, bool chunks_wanted = true)
      : session(o), limits(o.frames), checks_chunks(chunks_wanted) {}

  void say(std::size_t bytes) {
    const std::uint64_t n = ++said;
    std::vector<std::byte> content(bytes);
    for (std::size_t i = 0; i < bytes; ++i) content[i] = byte_at(n, i);
    numbered m{};
    m.number = n;
    m.bytes = content;
    session.out().add(m);
  }

  /// Begins a write if there is something and none is under way.
  bool begin_write(bool with_chunk = false) {
    if (!session.connected() || left != 0) return false;
    output.clear();
    session.write(output);
    if (with_chunk && !output.full() && session.ended().empty() && !session.closed()) {
      chunk.resize(1 + limits.chunk / 2);
      for (std::size_t i = 0; i < chunk.size(); ++i) chunk[i] = byte_at(stream, i);
      session.write_chunk(output, stream, stream * 3, chunk);
      ++stream;
    }
    left = output.bytes();
    return left != 0;
  }
  /// Moves up to n bytes of the write from where they are to the wire.
  void push(std::size_t n, std::deque<std::byte>& wire) {
    std::size_t skip = output.bytes() - left;
    for (const auto& p : output.pieces()) {
      if (skip >= p.size()) {
        skip -= p.size();
        continue;
      }
      const auto part = p.subspan(skip, std::min(n, p.size() - skip));
      skip = 0;
      wire.insert(wire.end(), part.begin(), part.end());
      n -= part.size();
      left -= part.size();
      if (n == 0) break;
    }
    if (left == 0) session.wrote();
  }
  /// Receives up to n bytes from the wire.
  void pull(std::size_t n, std::deque<std::byte>& wire) {
    n = std::min(n, wire.size());
    const std::vector<std::byte> bytes(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(n));
    wire.erase(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(n));
    std::span<const std::byte> in = bytes;
    while (!in.empty())
      if (parser->feed(in) == net::frame_parser::step::frame) {
        kinds.push_back(static_cast<net::frame_kind>(parser->header().kind));
        take(session.read(parser->header(), parser->payload()));
      }
  }
  void take(const net::incoming& got) {
    if (got.kind == net::incoming::what::batch) {
      ++batches;
      net::batch_reader reader(got.bytes);
      std::uint16_t kind = 0;
      while (reader.next(kind)) {
        REQUIRE(kind == numbered::kind);
        const auto m = reader.get<numbered>();
        REQUIRE(m.number == heard + 1);  // once, and in order
        heard = m.number;
        for (std::size_t i = 0; i < m.bytes.size(); ++i) REQUIRE(m.bytes[i] == byte_at(m.number, i));
      }
    } else if (got.kind == net::incoming::what::data && checks_chunks) {
      REQUIRE(got.offset == got.stream * 3);
      REQUIRE(got.bytes.size() == 1 + limits.chunk / 2);
      for (std::size_t i = 0; i < got.bytes.size(); ++i) REQUIRE(got.bytes[i] == byte_at(got.stream, i));
      REQUIRE(got.stream >= last_stream);
      last_stream = got.stream;
    }
  }
  void connect(std::uint64_t peer_received, const net::link_traits& link) {
    parser.emplace(limits, net::frame_stage::session);
    left = 0;
    session.connected(peer_received, link);
  }
  void disconnect() {
    session.disconnected();
    output.clear();
    left = 0;
  }

  net::session session;
  net::frame_limits limits;
  bool checks_chunks;
  std::optional<net::frame_parser> parser;
  net::frame_output output;
  std::vector<std::byte> chunk;
  std::size_t left = 0;  // of the write under way
  std::uint64_t said = 0, heard = 0, stream = 0, last_stream = 0, batches = 0;
  std::vector<net::frame_kind> kinds;  // received
};

/// Two sides, and what is on its way between them.
struct pair {
  explicit pair(const net::session_options& o) : a(o), b(o) {}

  void connect(const net::link_traits& link = {}) {
    to_a.clear();
    to_b.clear();
    const std::uint64_t of_a = a.session.received(), of_b = b.session.received();
    a.connect(of_b, link);
    b.connect(of_a, link);
  }
  void cut() {
    a.disconnect();
    b.disconnect();
  }
  /// Until neither has anything to write, and nothing is on its way.
  void settle() {
    for (bool more = true; more;) {
      more = false;
      for (auto* s : {&a, &b}) {
        auto& wire = s == &a ? to_b : to_a;
        while (s->left != 0 || s->begin_write()) {
          s->push(~std::size_t{0}, wire);
          more = true;
        }
      }
      more |= !to_a.empty() || !to_b.empty();
      b.pull(to_b.size(), to_b);
      a.pull(to_a.size(), to_a);
    }
  }

  side a, b;
  std::deque<std::byte> to_a, to_b;
};

}  // namespace weft::test
