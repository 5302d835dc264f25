#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "wire/batch.hpp"

namespace weft::net {

/// What travels on a connection: frames, each a header of 48 bytes and a payload. docs/protocol.md has the table of
/// which kind uses which field. Numbers are part of the wire format.
enum class frame_kind : std::uint8_t {
  // the handshake: payload is a batch of one message (handshake.hpp)
  hello = 1,
  welcome = 2,
  refuse = 3,
  // the session: numbered messages, sent again after a break
  batch = 4,
  // a chunk of a stream of attachments: neither numbered nor sent again
  data = 5,
  ack = 6,
  ping = 7,
  pong = 8,
  // the end of the session; the payload is a sentence
  bye = 9,
};
std::string_view name_of(frame_kind k) noexcept;

enum frame_flags : std::uint8_t { frame_checksummed = 1, frame_compressed = 2 };

struct frame_header {
  std::uint32_t magic = expected_magic;
  std::uint16_t version = expected_version;  // of the frame's layout; the messages' is agreed on in the handshake
  std::uint8_t kind = 0;                     // frame_kind
  std::uint8_t flags = 0;                    // frame_flags
  std::uint32_t payload_bytes = 0;           // as they travel
  std::uint32_t plain_bytes = 0;             // once decompressed
  std::uint64_t number = 0;                  // batch: its number, from 1; data: the stream
  std::uint64_t received = 0;                // the highest number of a batch that the sender has received
  std::uint64_t offset = 0;                  // data: where in the stream; bye: bye_code
  std::uint64_t checksum = 0;

  static constexpr std::uint32_t expected_magic = 0x74666577;  // "weft"
  static constexpr std::uint16_t expected_version = 1;
};
static_assert(sizeof(frame_header) == 48 && std::endian::native == std::endian::little,
              "headers and records travel as they are in memory");
inline constexpr std::size_t frame_header_bytes = sizeof(frame_header);

/// Why a session ends in order.
enum class bye_code : std::uint8_t { finished = 1, failed = 2 };

/// What a peer may make us hold, or read at once. Both ends of a session use the same.
struct frame_limits {
  std::size_t greeting = std::size_t{4} << 10;  // payload of hello, welcome, refuse and bye
  std::size_t batch = std::size_t{16} << 20;    // payload of a batch of several messages
  std::size_t message = std::size_t{64} << 20;  // of a batch of one
  std::size_t chunk = std::size_t{1} << 20;     // payload of a data frame
  std::size_t plain = std::size_t{64} << 20;    // what a compressed payload says that it becomes
  std::size_t ratio = 1000;                     // and by how much it may grow
  unsigned window_log = 23;                     // of a Zstandard frame: 8 MiB
};

/// Before the handshake is done only its frames are accepted, after it only the others.
enum class frame_stage : std::uint8_t { greeting, session };

/// Throws protocol_error unless every field is one that a frame of its kind may have within the limits: what the
/// header says may be believed then, as far as memory goes.
void check_header(const frame_header& h, frame_stage stage, const frame_limits& limits);

/// XXH3, 64 bits: of the payload, seeded by that of the header before its checksum.
std::uint64_t frame_checksum(const frame_header& h, std::span<const std::byte> payload) noexcept;

/// Cuts a stream of bytes into frames. Memory for a payload is allocated only when its header has passed
/// check_header, and kept for the next one unless it is large; a checksum is checked before a frame is given out.
///
/// Two ways to fill it, which may be mixed. `feed` takes bytes that have been read already; a whole payload in them
/// is not copied. `room` and `filled` read from a socket straight into the parser's memory, or, for a data frame,
/// into the place that the header's stream and offset tell (`place`).
///
///     while (!in.empty())
///       if (parser.feed(in) == frame_parser::step::frame) use(parser.header(), parser.payload());
///
/// After protocol_error the stream is of no use any more, nor is the parser.
class frame_parser {
 public:
  enum class step : std::uint8_t {
    more,    // all bytes are consumed, no frame is complete
    header,  // a data frame's header is there: place() may be called now
    frame    // header() and payload() are a frame
  };

  explicit frame_parser(const frame_limits& limits = {}, frame_stage stage = frame_stage::greeting) noexcept
      : limits_(limits), stage_(stage) {}

  /// The handshake is done.
  void established() noexcept { stage_ = frame_stage::session; }

  /// Takes bytes from the front of `in`, and stops behind a frame or the header of a data frame.
  step feed(std::span<const std::byte>& in);

  /// Where the stream's next bytes belong; never empty.
  std::span<std::byte> room();
  /// `n` bytes of room() are there. `header` and `frame` as for feed; a frame without a payload is one at once.
  step filled(std::size_t n);

  /// Receives this payload into `to`, of header().payload_bytes bytes, instead of the parser's memory.
  void place(std::span<std::byte> to) noexcept { place_ = to; }

  const frame_header& header() const noexcept { return header_; }
  /// Aligned to 8 bytes only if fed so. Valid until the next call, and, if it was fed whole, as long as `in`'s bytes.
  std::span<const std::byte> payload() const noexcept { return payload_; }
  /// Whether the stream may end here: no frame has begun.
  bool between_frames() const noexcept { return have_ == 0 || complete_; }

 private:
  step header_there();
  step payload_there(std::span<const std::byte> payload);
  void begin() noexcept;

  frame_limits limits_;
  frame_header header_;
  frame_stage stage_;
  bool complete_ = false;
  std::size_t have_ = 0;  // bytes of header and payload
  std::span<std::byte> place_;
  std::span<const std::byte> payload_;
  std::unique_ptr<std::byte[]> memory_;
  std::size_t memory_bytes_ = 0;
};

/// Frames to write, as pieces of memory: headers here, payloads wherever they are. At most 32 frames, and so 64
/// pieces, which is what Asio hands to one system call.
class frame_output {
 public:
  static constexpr std::size_t most_frames = 32;

  frame_output() = default;
  frame_output(const frame_output&) = delete;  // pieces point into it
  frame_output& operator=(const frame_output&) = delete;

  bool full() const noexcept { return frames_ == most_frames; }
  std::size_t frames() const noexcept { return frames_; }
  std::size_t bytes() const noexcept { return bytes_; }
  std::span<const std::span<const std::byte>> pieces() const noexcept { return {pieces_.data(), count_}; }

  /// Appends a frame; its payload stays where it is. Sets the header's length, and its checksum if asked to.
  void add(frame_header h, std::span<const std::byte> payload, bool checksummed) noexcept;
  /// Memory for a payload that lives here until clear(): of the frame that is added next.
  std::unique_ptr<std::byte[]>& own() noexcept { return owned_[frames_]; }
  void clear() noexcept;

 private:
  std::array<frame_header, most_frames> headers_;
  std::array<std::span<const std::byte>, 2 * most_frames> pieces_;
  std::array<std::unique_ptr<std::byte[]>, most_frames> owned_;
  std::size_t frames_ = 0, count_ = 0, bytes_ = 0;
  bool owns_ = false;
};

}  // namespace weft::net
