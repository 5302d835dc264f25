#include "wire/session.hpp"
#include "wire/text.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace weft::net {

namespace {

constexpr std::size_t most_spare = 32, most_spare_bytes = std::size_t{4} << 20;
constexpr std::size_t kept_plain = std::size_t{256} << 10;

}  // namespace

session::session(const session_options& options) : options_(options), codec_(options.compression, options.frames) {
  options_.frames.batch = std::min(options_.frames.batch, options_.frames.message);
  options_.window_batches = std::max(options_.window_batches, std::uint32_t{1});
  options_.window_bytes = std::max(options_.window_bytes, std::size_t{1});
  spare_.reserve(most_spare);
}

// ---- what is held ------------------------------------------------------------------------------------------------

/// Room for `more` batches, so that push cannot fail.
void session::reserve(std::size_t more) {
  const std::size_t held = static_cast<std::size_t>(last_ - freed_);
  if (held + more <= ring_.size()) return;
  std::vector<held_batch> larger(std::bit_ceil(std::max(std::size_t{8}, held + more)));
  for (std::uint64_t n = freed_ + 1; n <= last_; ++n) larger[n & (larger.size() - 1)] = std::move(at(n));
  ring_ = std::move(larger);
}

session::held_batch& session::push(std::span<const std::byte> messages) noexcept {
  held_batch& b = at(++last_);
  std::span<const std::byte> small;
  try {
    small = codec_.compress(messages, b.packed);
  } catch (const std::bad_alloc&) {  // it can go as it is
  }
  b.compressed = !small.empty();
  b.payload = b.compressed ? small : messages;
  b.plain_bytes = static_cast<std::uint32_t>(messages.size());
  held_ += b.payload.size();
  unsent_ += b.payload.size();
  return b;
}

/// Makes batches of what is gathered: one, unless that is too large.
void session::cut() {
  const std::span<const std::byte> all = out_.bytes();
  std::vector<std::size_t> borders;
  if (all.size() > options_.frames.batch) {
    std::size_t begin = 0;
    for (std::size_t i = 0; i < all.size();) {
      message_header head{};
      std::memcpy(&head, all.data() + i, sizeof head);
      if (head.bytes > options_.frames.message) {
        ended_ = "weft: a message of kind " + std::to_string(head.kind) + " has " + std::to_string(head.bytes) +
                 " bytes; at most " + std::to_string(options_.frames.message) +
                 " can be sent as one (frame_limits::message): send the large part of it as a value";
        throw std::length_error(ended_);
      }
      if (i != begin && i + head.bytes - begin > options_.frames.batch) borders.push_back(begin = i);
      i += head.bytes;
    }
  }
  reserve(borders.size() + 1);
  batch_writer full;
  if (!spare_.empty()) {
    full = std::move(spare_.back());
    spare_.pop_back();
    spare_bytes_ -= full.capacity();
  }
  std::swap(out_, full);
  std::size_t begin = 0;
  for (const std::size_t border : borders) {
    push(all.subspan(begin, border - begin));
    begin = border;
  }
  held_batch& b = push(all.subspan(begin));
  if (b.compressed && borders.empty())
    recycle(full);
  else
    b.memory = std::move(full);
}

void session::recycle(batch_writer& b) noexcept {
  const std::size_t bytes = b.capacity();
  if (bytes == 0) return;
  if (spare_.size() < most_spare && spare_bytes_ + bytes <= most_spare_bytes) {
    b.clear();
    spare_bytes_ += bytes;
    spare_.push_back(std::move(b));
  }
  b = batch_writer();
}

void session::free_acknowledged() noexcept {
  const std::uint64_t to = writing_ ? std::min(acknowledged_, written_) : acknowledged_;
  while (freed_ < to) {
    held_batch& b = at(++freed_);
    recycle(b.memory);
    if (b.packed) b.packed.reset();
  }
}

void session::acknowledge(std::uint64_t received) noexcept {
  for (std::uint64_t n = acknowledged_ + 1; n <= received; ++n) held_ -= at(n).payload.size();
  read_ = read_ || received != acknowledged_;
  acknowledged_ = received;
  if (acknowledged_ == next_ - 1) owed_since_ = never;
  free_acknowledged();
}

void session::drop_all() noexcept {
  std::vector<held_batch>().swap(ring_);
  spare_.clear();
  out_ = batch_writer();
  plain_.reset();
  spare_bytes_ = plain_bytes_ = held_ = unsent_ = 0;
  freed_ = acknowledged_ = written_ = last_;
  next_ = last_ + 1;
}

/// An idle session keeps no memory for the next burst.
void session::trim() noexcept {
  spare_.clear();
  spare_bytes_ = 0;
  plain_.reset();
  plain_bytes_ = 0;
}

/// No connection, or a peer that does not read, or not quickly enough: what is held does not grow without end. What
/// may be under way on a connection is freed when that is gone.
void session::check_held(time_ns now, time_ns slept) {
  const std::size_t held = held_bytes();
  const bool read = std::exchange(read_, false);
  if (over()) return;
  if (held <= options_.held_bytes) {
    unread_since_ = never;
    return;
  }
  const std::string what = "weft: " + std::to_string(held) + " bytes wait for a peer that ";
  const auto at_most = [](std::size_t limit, const char* name) {
    return std::to_string(limit) + " are held (session_options::" + name + "): the session has ended";
  };
  if (!connected_) {
    ended_ = what + "is not connected; at most " + at_most(options_.held_bytes, "held_bytes");
    return drop_all();
  }
  if (held > options_.most_bytes) {
    ended_ = what + "reads more slowly than it is written to; at most " + at_most(options_.most_bytes, "most_bytes");
    return;
  }
  if (read || unread_since_ == never) {
    unread_since_ = now;
    return;
  }
  // What it has read while this process did not run may be said in what has not been looked at yet.
  const time_ns late = std::max(slept, now - unread_since_ - options_.unread_after);
  unread_since_ = std::min(now, unread_since_ + slept);
  if (late >= options_.ping_after)
    unread_since_ = std::max(unread_since_, now - options_.unread_after + options_.ping_after);
  if (now - unread_since_ < options_.unread_after) return;
  ended_ = what + "has read nothing for " + std::to_string((now - unread_since_) / 1'000'000) + " ms; then at most " +
           at_most(options_.held_bytes, "held_bytes");
}

// ---- sending -----------------------------------------------------------------------------------------------------

/// Whatever is sent tells the peer what was received, and that somebody is there.
frame_header session::header(frame_kind kind) noexcept {
  frame_header h;
  h.kind = static_cast<std::uint8_t>(kind);
  h.received = received_;
  new_batches_ = new_bytes_ = 0;
  unsaid_since_ = never;
  said_at_ = std::max(said_at_, now_);
  wants_ack_ = wants_pong_ = false;
  return h;
}

void session::write(frame_output& to) {
  if (!has_output()) return;
  const bool checksums = link_.checksums();
  bool said = false;
  for (; !to.full() && sendable(); said = true) {
    if (next_ > last_) cut();
    const held_batch& b = at(next_);
    frame_header h = header(frame_kind::batch);
    h.number = next_++;
    h.plain_bytes = b.plain_bytes;
    if (b.compressed) h.flags |= frame_compressed;
    to.add(h, b.payload, checksums);
    unsent_ -= b.payload.size();
  }
  most_sent_ = std::max(most_sent_, next_ - 1);
  const auto say = [&](frame_kind kind) {
    to.add(header(kind), {}, checksums);
    said = true;
  };
  if (wants_ping_ && !to.full()) {
    wants_ping_ = false;
    say(frame_kind::ping);
  }
  if (bye_next() && !to.full()) {
    frame_header h = header(frame_kind::bye);
    h.offset = static_cast<std::uint64_t>(bye_code_);
    to.add(h, std::as_bytes(std::span(bye_text_)), checksums);
    bye_ = bye_state::said;
    said = true;
  }
  if ((wants_pong_ || wants_ack_) && !to.full()) say(wants_pong_ ? frame_kind::pong : frame_kind::ack);
  writing_ |= said;
}

void session::write_chunk(frame_output& to, std::uint64_t stream, std::uint64_t offset,
                          std::span<const std::byte> chunk) {
  if (chunk.empty() || chunk.size() > options_.frames.chunk)
    throw std::length_error("weft: a chunk of stream " + std::to_string(stream) + " has " +
                            std::to_string(chunk.size()) + " bytes; 1 to " + std::to_string(options_.frames.chunk) +
                            " can be sent as one (frame_limits::chunk)");
  if (!connected_ || over() || to.full())
    throw std::logic_error("weft: a chunk was written to a session without a connection, or to a full output");
  frame_header h = header(frame_kind::data);
  h.number = stream;
  h.offset = offset;
  std::span<const std::byte> payload = codec_.compress(chunk, to.own());
  if (payload.empty()) {
    payload = chunk;
  } else {
    h.flags |= frame_compressed;
    h.plain_bytes = static_cast<std::uint32_t>(chunk.size());
  }
  to.add(h, payload, link_.checksums());
}

void session::wrote(std::size_t bytes, time_ns waited) noexcept {
  codec_.wrote(bytes, waited);
  if (!writing_) return;
  writing_ = false;
  written_ = next_ - 1;
  free_acknowledged();
}

// ---- receiving ---------------------------------------------------------------------------------------------------

std::byte* session::plain_room(std::size_t bytes) {
  if (plain_bytes_ < bytes || (plain_bytes_ > kept_plain && bytes <= kept_plain)) {
    plain_.reset();
    plain_bytes_ = 0;
    const std::size_t room = bytes <= kept_plain ? std::bit_ceil(bytes) : bytes;
    plain_ = std::make_unique_for_overwrite<std::byte[]>(room);
    plain_bytes_ = room;
  }
  return plain_.get();
}

/// The payload decompressed; of a batch also aligned.
std::span<const std::byte> session::plain(const frame_header& h, std::span<const std::byte> payload) {
  if (h.flags & frame_compressed) {
    if (!compressed_agreed_)
      throw protocol_error("weft: the peer sent a compressed frame, which was not agreed on in the handshake");
    const std::span<std::byte> to(plain_room(h.plain_bytes), h.plain_bytes);
    codec_.decompress(payload, to);
    return to;
  }
  if (h.kind == static_cast<std::uint8_t>(frame_kind::data) ||
      reinterpret_cast<std::uintptr_t>(payload.data()) % 8 == 0)
    return payload;
  std::byte* const to = plain_room(payload.size());
  std::memcpy(to, payload.data(), payload.size());
  return {to, payload.size()};
}

incoming session::take_batch(const frame_header& h, std::span<const std::byte> payload) {
  if (h.number <= received_) return {};
  if (h.number != received_ + 1)
    throw protocol_error("weft: the peer sent batch " + std::to_string(h.number) + " after batch " +
                         std::to_string(received_) + ": what is between is lost");
  const std::span<const std::byte> messages = plain(h, payload);
  if (messages.size() > options_.frames.batch) {
    message_header head{};
    std::memcpy(&head, messages.data(), sizeof head);
    if (head.bytes != messages.size())
      throw protocol_error("weft: a batch of several messages has " + std::to_string(messages.size()) +
                           " bytes; at most " + std::to_string(options_.frames.batch) +
                           " are accepted (frame_limits::batch)");
  }
  ++received_;
  new_bytes_ += payload.size();
  if (++new_batches_ >= options_.ack_batches || new_bytes_ >= options_.ack_bytes) wants_ack_ = true;
  return {incoming::what::batch, messages};
}

incoming session::take(const frame_header& h, std::span<const std::byte> payload) {
  if (h.received > acknowledged_) {
    if (h.received >= next_)
      throw protocol_error("weft: the peer says that it has received batch " + std::to_string(h.received) +
                           "; the last that was sent to it is " + std::to_string(next_ - 1));
    acknowledge(h.received);
  }
  switch (static_cast<frame_kind>(h.kind)) {
    case frame_kind::batch:
      return take_batch(h, payload);
    case frame_kind::data:
      return {incoming::what::data, plain(h, payload), h.number, h.offset};
    case frame_kind::ack:
    case frame_kind::pong:
      return {};
    case frame_kind::ping:
      wants_pong_ = true;
      return {};
    case frame_kind::bye: {
      std::string sentence(reinterpret_cast<const char*>(payload.data()), payload.size());
      replace_controls(sentence, ' ');  // it goes to logs
      ended_ = "weft: the peer has ended the session: " + sentence;
      return {incoming::what::bye, payload, 0, 0, static_cast<bye_code>(h.offset)};
    }
    case frame_kind::hello:
    case frame_kind::welcome:
    case frame_kind::refuse:
      break;
  }
  throw protocol_error("weft: a frame of kind " + std::string(name_of(frame_kind{h.kind})) +
                       " is no part of a session");
}

incoming session::read(const frame_header& h, std::span<const std::byte> payload) {
  if (!connected_ || over()) return {};
  heard_ = true;
  silent_ = false;
  try {
    return take(h, payload);
  } catch (const protocol_error& e) {
    ended_ = e.what();
    throw;
  }
}

// ---- connections -------------------------------------------------------------------------------------------------

void session::connected(std::uint64_t peer_received, const link_traits& link) {
  if (connected_) disconnected();
  if (over()) return;
  if (peer_received < acknowledged_ || peer_received > most_sent_) {
    ended_ = "weft: the peer says in its greeting that it has received batch " + std::to_string(peer_received) +
             "; it has acknowledged batch " + std::to_string(acknowledged_) + ", and batch " +
             std::to_string(most_sent_) + " is the last that was sent: it is another life of that peer";
    throw protocol_error(ended_);
  }
  acknowledge(peer_received);
  written_ = peer_received;
  next_ = peer_received + 1;
  unsent_ = held_;
  link_ = link;
  compressed_agreed_ |= link.compresses;
  codec_.connected(link);
  connected_ = heard_ = true;
  heard_at_ = now_;
  owed_since_ = unsaid_since_ = pinged_at_ = never;
  new_batches_ = new_bytes_ = 0;
}

void session::disconnected() noexcept {
  connected_ = writing_ = false;
  wants_ack_ = wants_ping_ = wants_pong_ = ping_out_ = silent_ = heard_ = false;
  unread_since_ = never;
  if (over()) return drop_all();
  free_acknowledged();
  next_ = acknowledged_ + 1;
  unsent_ = held_;
}

// ---- time --------------------------------------------------------------------------------------------------------

time_ns session::deadline() const noexcept {
  if (!connected_ || over()) return never;
  return std::min(silence_due(), unread_due());
}

time_ns session::unread_due() const noexcept {
  const std::size_t held = held_bytes();
  if (held <= options_.held_bytes) return never;
  return held > options_.most_bytes || unread_since_ == never ? now_ : unread_since_ + options_.unread_after;
}

time_ns session::silence_due() const noexcept {
  time_ns d = never;
  if (new_batches_ != 0 && !wants_ack_) d = (unsaid_since_ == never ? now_ : unsaid_since_) + options_.ack_after;
  if (silent_) return d;
  if (!owed()) return std::min(d, heard_at_ + options_.idle_ping_after);
  const time_ns since = std::max(owed_since_ == never ? now_ : owed_since_, heard_at_);
  const time_ns ping = pinged_at_ == never || pinged_at_ < since ? since : pinged_at_;
  return std::min({d, ping + options_.ping_after, since + options_.silent_after});
}

void session::tick(time_ns now) {
  // Time in which nobody looked is not the peer's silence: a process that was stopped must not blame its peers.
  time_ns slept = 0;
  if (connected_ && !over())
    if (const time_ns due = silence_due(); now > due && owed_since_ != never) slept = now - due;
  check_held(now, slept);
  if (!connected_ || over()) {
    now_ = now;
    return;
  }
  if (slept != 0) owed_since_ = std::min(now, std::max(owed_since_, heard_at_) + slept);
  now_ = now;
  if (std::exchange(heard_, false)) {
    heard_at_ = now;
    ping_out_ = false;
    pinged_at_ = never;
  }
  if (new_batches_ == 0)
    unsaid_since_ = never;
  else if (unsaid_since_ == never)
    unsaid_since_ = now;
  else if (now - unsaid_since_ >= options_.ack_after)
    wants_ack_ = true;

  if (!owed()) {
    owed_since_ = never;
    const time_ns quiet = now - heard_at_;
    if (quiet >= options_.ping_after && out_.empty() && last_ == freed_) trim();
    if (quiet < options_.idle_ping_after) return;
    wants_ping_ = ping_out_ = true;
    pinged_at_ = owed_since_ = now;
    return;
  }
  if (owed_since_ == never) owed_since_ = now;
  const time_ns since = std::max(owed_since_, heard_at_);
  if (now - since >= options_.silent_after) {
    silent_ = true;
  } else if (now - std::max(since, pinged_at_ == never ? since : pinged_at_) >= options_.ping_after) {
    wants_ping_ = true;
    pinged_at_ = now;
  }
}

// ---- the end -----------------------------------------------------------------------------------------------------

void session::close(bye_code code, std::string_view sentence) {
  if (over()) return;
  bye_ = bye_state::wanted;
  bye_code_ = code;
  bye_text_ = sentence.substr(0, options_.frames.greeting);
}

}  // namespace weft::net
