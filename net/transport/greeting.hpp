#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "transport/stream.hpp"
#include "wire/compression.hpp"
#include "wire/frame.hpp"
#include "wire/handshake.hpp"

namespace weft::net {

/// What a process says of itself when a session begins.
struct greeting {
  peer_role role = peer_role::tool;
  std::string name;       // for people
  std::string address;    // of its own listener; empty: it has none
  std::string resources;  // `gpu=1 licence=0.5`
  std::vector<std::byte> build_id, token;
  std::uint64_t incarnation = 0;  // another number in each life of the process
  std::uint64_t memory_limit = 0;
  std::uint32_t slots = 0;
};

/// The peer refuses us: in its words.
class refused : public transport_error {
 public:
  refused(refusal code, const std::string& sentence)
      : transport_error(sentence, std::make_error_code(std::errc::connection_refused)), why_(code) {}
  refusal why() const noexcept { return why_; }
  /// Another try may fare better.
  bool passes() const noexcept {
    return why_ == refusal::full || why_ == refusal::closing || why_ == refusal::duplicate;
  }

 private:
  refusal why_;
};

/// A stream that is read by frames. Small ones are read many at a time; the payload of a large one is read straight
/// to where it belongs.
class framed_stream {
 public:
  framed_stream(std::unique_ptr<stream> s, const frame_limits& limits);

  net::stream& bytes() noexcept { return *stream_; }
  frame_parser& parser() noexcept { return parser_; }
  /// Goes on in what has been read; `more`: try_fill() is next.
  frame_parser::step next();
  /// Reads without waiting, once; what parser() has come to is in `step`. Zero bytes, no error: the end.
  attempt try_fill(frame_parser::step& step);
  /// The same, waiting, until there is a step. Throws transport_error at the end.
  task<frame_parser::step> wait_for_step();
  [[noreturn]] void ended() const;

  link_traits traits(std::uint64_t capabilities) const noexcept;

 private:
  static constexpr std::size_t buffer_bytes = std::size_t{64} << 10;
  // A payload of which less than this is missing is read with what follows it.
  static constexpr std::size_t straight_bytes = std::size_t{16} << 10;
  // Read for the header behind a large chunk, with a message or two if they follow.
  static constexpr std::size_t header_bytes = std::size_t{4} << 10;

  std::unique_ptr<stream> stream_;
  frame_parser parser_;
  std::unique_ptr<std::uint64_t[]> buffer_;  // aligned to 8
  std::span<const std::byte> rest_;          // read, and not parsed
  bool fresh_ = true;                        // no part of a frame in the parser
};

/// One frame of the handshake, as it travels.
task<> send_greeting(stream& to, frame_kind kind, std::vector<std::byte> payload);
/// Says hello to who was connected to, and gives the payload of its welcome, aligned. Throws refused.
task<std::vector<std::byte>> say_hello(framed_stream& to, const greeting& own, std::uint64_t session,
                                       std::uint64_t received);
/// The payload of the hello of who has connected, aligned.
task<std::vector<std::byte>> hear_hello(framed_stream& from);

}  // namespace weft::net
