#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/batch.hpp"
#include "wire/compression.hpp"
#include "wire/frame.hpp"
#include "wire/ids.hpp"

namespace weft::net {

struct session_options {
  frame_limits frames;
  compression_options compression;
  /// Sent and not acknowledged: what is gathered beyond it waits. One batch may exceed the bytes.
  std::size_t window_bytes = std::size_t{32} << 20;
  std::uint32_t window_batches = 1024;
  /// Gathered and not handed out: beyond it the session is full, and who sends what can wait holds back.
  std::size_t full_bytes = std::size_t{32} << 20;
  /// Sent, waiting and gathered: beyond it the session ends while there is no connection, or when the peer has
  /// acknowledged nothing for `unread_after` though there is one.
  std::size_t held_bytes = std::size_t{256} << 20;
  time_ns unread_after = 30'000'000'000;
  /// And beyond this it ends, however the peer reads.
  std::size_t most_bytes = std::size_t{2} << 30;
  /// An acknowledgement travels alone when so much was received, or so long ago, and nothing was sent.
  std::uint32_t ack_batches = 32;
  std::size_t ack_bytes = std::size_t{1} << 20;
  time_ns ack_after = 50'000'000;
  /// A peer that owes an acknowledgement and is silent so long is asked; one that owes nothing, so much later.
  time_ns ping_after = 200'000'000;
  time_ns idle_ping_after = 10'000'000'000;
  /// And one that is silent so long while it owes something is reported.
  time_ns silent_after = 2'000'000'000;
};

/// What a frame brought. Its bytes are valid as long as the frame's payload, and until the next read.
struct incoming {
  enum class what : std::uint8_t { nothing, batch, data, bye };
  what kind = what::nothing;
  std::span<const std::byte> bytes;  // batch: messages, aligned to 8; data: the chunk; bye: the sentence
  std::uint64_t stream = 0, offset = 0;
  bye_code code = bye_code::finished;
};

/// One ordered, numbered, acknowledged channel to one peer, over connections that come and go. Pure: no clock, no
/// socket, no thread; used by one thread at a time.
///
/// Sending. Messages are gathered in out(); write() makes one batch of all that is there, and hands out frames. A
/// batch is encoded once and kept until the peer says that it has it; after a break it is sent again from where the
/// peer says it is. Numbers of batches:
///
///     freed_ <= acknowledged_ < next_ <= last_ + 1
///
/// Invariants. Batches up to freed_ are gone, those behind it to last_ are held, those before next_ have been handed
/// out on this connection: each only after all before it. acknowledged_ is what the peer has said; freed_ is behind
/// it only as far as a write has not ended (written_): what it may still read is not freed, whatever the peer says.
/// At most window_batches and window_bytes (and one batch) are handed out and not acknowledged.
///
/// Receiving. received() grows by one with each batch delivered, and is told to the peer by every frame, and by the
/// handshake: so each batch is delivered once, in order. One that is older is dropped, one that skips is an error.
///
/// Time comes by tick(now) alone: between ticks only facts are noted. So deadline() may be early, and never late;
/// a tick that finds nothing to do costs nothing.
class session {
 public:
  static constexpr time_ns never = std::numeric_limits<time_ns>::max();

  explicit session(const session_options& options = {});
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  // ---- sending

  /// Messages for the peer. One that is larger than frame_limits::message ends the session: write() throws
  /// std::length_error.
  batch_writer& out() noexcept { return out_; }
  /// Gathered, and not yet handed out: who sees it grow holds back.
  std::size_t unsent_bytes() const noexcept { return out_.size() + unsent_; }
  bool full() const noexcept { return unsent_bytes() > options_.full_bytes; }
  /// Bytes that may be gathered before it is full, and 0 when it is: never 0 otherwise.
  std::size_t room() const noexcept {
    return full() ? 0 : std::max(std::size_t{1}, options_.full_bytes - unsent_bytes());
  }
  /// Handed out on this connection, and not acknowledged.
  std::size_t unacknowledged_bytes() const noexcept { return held_ - unsent_; }

  /// Whether write() has something to hand out now. False without a connection, during a write, when the window is
  /// full, and after the end.
  bool has_output() const noexcept {
    return connected_ && !writing_ && !over() &&
           (wants_ack_ || wants_ping_ || wants_pong_ || sendable() || bye_next());
  }
  /// Appends frames: batches, then what must be said without one. Nothing else may be written to the connection
  /// before them; chunks come behind (write_chunk). Their memory stays where it is until wrote() or disconnected().
  void write(frame_output& to);
  /// Appends one chunk of a stream. Throws std::length_error when it is larger than frame_limits::chunk. `chunk` is
  /// the caller's until the output is written, unless it was compressed.
  void write_chunk(frame_output& to, std::uint64_t stream, std::uint64_t offset, std::span<const std::byte> chunk);
  /// All that write() has appended is written. With the time that it took, if it had to wait for the link. Not for a
  /// write that the end of its connection cut off.
  void wrote(std::size_t bytes = 0, time_ns waited = 0) noexcept;

  // ---- receiving

  /// Takes a frame that frame_parser has checked. Throws protocol_error: the session is over then.
  incoming read(const frame_header& h, std::span<const std::byte> payload);
  /// The highest number of a batch delivered: for the handshake.
  std::uint64_t received() const noexcept { return received_; }

  // ---- connections

  bool connected() const noexcept { return connected_; }
  /// A handshake is done; the peer has received batches up to that number. Throws protocol_error when that cannot be.
  /// Nothing happens after the end.
  void connected(std::uint64_t peer_received, const link_traits& link);
  /// The connection is gone, and nobody reads what write() has handed out any more.
  void disconnected() noexcept;

  // ---- time

  /// Tells the time, which never goes back. Do so at deadline(), and after adding messages without a connection.
  void tick(time_ns now);
  time_ns deadline() const noexcept;
  /// Bytes of the peer have come, or it has taken some of ours, though no frame is whole yet.
  void heard() noexcept {
    heard_ = true;
    silent_ = false;
  }
  /// A part of a frame has come. Where the rest takes long the peer learns now and then that what it sends arrives:
  /// its question whether anybody is here waits behind that frame.
  void heard_part(time_ns now) noexcept {
    if (now - said_at_ < options_.ping_after) return;
    said_at_ = now;
    wants_ack_ = true;
  }
  /// The peer owes an acknowledgement, or an answer, and has said nothing for silent_after. Until it says something.
  bool silent() const noexcept { return silent_; }

  // ---- the end

  /// Says bye, after all that has been gathered. Nothing may be added any more.
  void close(bye_code code, std::string_view sentence);
  /// The bye is handed out.
  bool closed() const noexcept { return bye_ == bye_state::said; }
  /// Empty, or why there is no session any more: the peer's bye, a limit, an error. It stays.
  const std::string& ended() const noexcept { return ended_; }

 private:
  // A batch as it travels. Its payload is in `memory`, or in that of a later batch, which outlives this one
  // (acknowledgements go in order), or compressed in `packed`.
  struct held_batch {
    std::span<const std::byte> payload;
    std::uint32_t plain_bytes = 0;
    bool compressed = false;
    batch_writer memory;
    std::unique_ptr<std::byte[]> packed;
  };
  enum class bye_state : std::uint8_t { none, wanted, said };

  bool over() const noexcept { return !ended_.empty() || closed(); }
  bool in_window() const noexcept {
    return next_ - 1 - acknowledged_ < options_.window_batches && held_ - unsent_ < options_.window_bytes;
  }
  bool sendable() const noexcept { return (next_ <= last_ || !out_.empty()) && in_window(); }
  bool bye_next() const noexcept { return bye_ == bye_state::wanted && next_ > last_ && out_.empty(); }
  bool owed() const noexcept { return next_ - 1 != acknowledged_ || ping_out_; }
  held_batch& at(std::uint64_t number) noexcept { return ring_[number & (ring_.size() - 1)]; }

  void cut();
  void reserve(std::size_t more);
  held_batch& push(std::span<const std::byte> messages) noexcept;
  void acknowledge(std::uint64_t received) noexcept;
  void free_acknowledged() noexcept;
  void recycle(batch_writer& b) noexcept;
  void drop_all() noexcept;
  void trim() noexcept;
  std::size_t held_bytes() const noexcept { return held_ + out_.size(); }
  /// When the peer's silence is looked at next; when its not reading is.
  time_ns silence_due() const noexcept;
  time_ns unread_due() const noexcept;
  void check_held(time_ns now, time_ns slept);
  frame_header header(frame_kind kind) noexcept;
  std::span<const std::byte> plain(const frame_header& h, std::span<const std::byte> payload);
  incoming take(const frame_header& h, std::span<const std::byte> payload);
  incoming take_batch(const frame_header& h, std::span<const std::byte> payload);
  std::byte* plain_room(std::size_t bytes);

  session_options options_;
  link_compressor codec_;
  link_traits link_;
  bool compressed_agreed_ = false;  // on any connection: batches that are sent again stay as they are

  batch_writer out_;
  std::vector<held_batch> ring_;     // by number; a power of two
  std::vector<batch_writer> spare_;  // their memory is used again, the last first
  std::size_t spare_bytes_ = 0;
  std::uint64_t freed_ = 0, acknowledged_ = 0, written_ = 0, next_ = 1, last_ = 0;
  std::size_t held_ = 0, unsent_ = 0;  // payload bytes of acknowledged_ + 1 to last_, of next_ to last_

  std::uint64_t most_sent_ = 0;  // on any connection
  std::uint64_t received_ = 0;
  std::uint64_t new_batches_ = 0, new_bytes_ = 0;  // received, and not told the peer
  std::unique_ptr<std::byte[]> plain_;             // the last payload, decompressed or aligned
  std::size_t plain_bytes_ = 0;

  bool connected_ = false, writing_ = false;
  bool wants_ack_ = false, wants_ping_ = false, wants_pong_ = false, ping_out_ = false;
  bool heard_ = false, silent_ = false, read_ = false;  // read_: it has acknowledged something since the last tick
  bye_state bye_ = bye_state::none;
  bye_code bye_code_ = bye_code::finished;
  std::string bye_text_, ended_;
  // `never`: the fact has not been seen by a tick.
  time_ns now_ = 0, said_at_ = 0, heard_at_ = 0, owed_since_ = never, unsaid_since_ = never, pinged_at_ = never;
  time_ns unread_since_ = never;  // more than held_bytes wait
};

}  // namespace weft::net
