#include "transport/greeting.hpp"

#include <algorithm>

namespace weft::net {

framed_stream::framed_stream(std::unique_ptr<stream> s, const frame_limits& limits)
    : stream_(std::move(s)), parser_(limits), buffer_(new std::uint64_t[buffer_bytes / sizeof(std::uint64_t)]) {}

frame_parser::step framed_stream::next() {
  if (rest_.empty()) return frame_parser::step::more;
  const frame_parser::step s = parser_.feed(rest_);
  fresh_ = s == frame_parser::step::frame;
  return s;
}

attempt framed_stream::try_fill(frame_parser::step& step) {
  step = frame_parser::step::more;
  if (!fresh_) {
    const std::span<std::byte> room = parser_.room();
    if (room.size() >= straight_bytes) {
      const attempt a = stream_->try_read(room);
      if (a.bytes) step = parser_.filled(a.bytes);
      fresh_ = step == frame_parser::step::frame;
      return a;
    }
  }
  // Behind a chunk the next one is likely, which is read straight but for what comes along with its header.
  const bool within_stream = fresh_ && parser_.header().kind == static_cast<std::uint8_t>(frame_kind::data) &&
                             parser_.header().payload_bytes >= buffer_bytes;
  const std::span<std::byte> into(reinterpret_cast<std::byte*>(buffer_.get()),
                                  within_stream ? header_bytes : buffer_bytes);
  const attempt a = stream_->try_read(into);
  rest_ = into.first(a.bytes);
  if (a.bytes) step = next();
  return a;
}

void framed_stream::ended() const {
  throw transport_error("connection with " + stream_->peer() + " ended: the peer closed it",
                        std::make_error_code(std::errc::connection_reset));
}

task<frame_parser::step> framed_stream::wait_for_step() {
  frame_parser::step s = next();
  while (s == frame_parser::step::more) {
    const attempt a = try_fill(s);
    if (a.error) stream_->fail(a.error, "reading");
    if (a.would_block)
      co_await stream_->readable();
    else if (a.bytes == 0)
      ended();
  }
  co_return s;
}

link_traits framed_stream::traits(std::uint64_t capabilities) const noexcept {
  link_traits t;
  t.between_hosts = !stream_->on_this_host();
  t.encrypted = stream_->authenticated();
  t.compresses = (capabilities & capability::zstd) != 0;
  return t;
}

task<> send_greeting(stream& to, frame_kind kind, std::vector<std::byte> payload) {
  frame_output out;
  frame_header h;
  h.kind = static_cast<std::uint8_t>(kind);
  out.add(h, payload, !to.on_this_host() && !to.authenticated());
  co_await to.write(out.pieces());
}

namespace {

/// A frame of the handshake; its payload copied, and so aligned.
task<frame_kind> hear(framed_stream& from, std::vector<std::byte>& payload) {
  const frame_parser::step s = co_await from.wait_for_step();
  if (s != frame_parser::step::frame) throw protocol_error("weft: a data frame came before the handshake was done");
  const auto bytes = from.parser().payload();
  payload.assign(bytes.begin(), bytes.end());
  co_return frame_kind{from.parser().header().kind};
}

[[noreturn]] void out_of_place(frame_kind kind) {
  throw protocol_error("weft: a frame of kind " + std::string(name_of(kind)) + " came where the handshake begins");
}

hello hello_of(const greeting& own, std::uint64_t session, std::uint64_t received) {
  hello m{};
  m.lowest = known_versions.lowest;
  m.highest = known_versions.highest;
  m.role = static_cast<std::uint8_t>(own.role);
  m.capabilities = capability::all;
  m.session = session;
  m.received = received;
  m.incarnation = own.incarnation;
  m.memory_limit = own.memory_limit;
  m.slots = own.slots;
  m.build_id = own.build_id;
  m.name = own.name;
  m.address = own.address;
  m.resources = own.resources;
  m.token = own.token;
  return m;
}

}  // namespace

task<std::vector<std::byte>> say_hello(framed_stream& to, const greeting& own, std::uint64_t session,
                                       std::uint64_t received) {
  std::vector<std::byte> payload = encode(hello_of(own, session, received));
  co_await send_greeting(to.bytes(), frame_kind::hello, std::move(payload));
  std::vector<std::byte> answer;
  const frame_kind kind = co_await hear(to, answer);
  if (kind == frame_kind::refuse) {
    const refuse r = decode_refuse(answer);
    throw net::refused(refusal{r.code},
                       to.bytes().peer() + " refuses us: " + std::string(r.reason.begin(), r.reason.end()));
  }
  if (kind != frame_kind::welcome) out_of_place(kind);
  to.parser().established();
  co_return answer;
}

task<std::vector<std::byte>> hear_hello(framed_stream& from) {
  std::vector<std::byte> payload;
  const frame_kind kind = co_await hear(from, payload);
  if (kind != frame_kind::hello) out_of_place(kind);
  from.parser().established();
  co_return payload;
}

}  // namespace weft::net
