#include "transport/link.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "exec/pool_core.hpp"
#include "transport/link_state.hpp"
#include "transport/own_user.hpp"
#include "transport/socket.hpp"
#include "weft/all.hpp"
#include "weft/checkpoint.hpp"
#include "weft/environment.hpp"
#include "weft/errors.hpp"
#include "weft/sleep.hpp"
#include "weft/timeout.hpp"

namespace weft::net {
namespace {

std::string text_of(std::span<const std::byte> bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::string seconds(std::chrono::nanoseconds t) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g s", std::chrono::duration<double>(t).count());
  return text;
}

task<> wait_for(event& e) { co_await e.wait(); }

}  // namespace

peer_link::peer_link(pool& p, link_options options, std::shared_ptr<link_handler> handler)
    : pool_(p), options_(std::move(options)), handler_(std::move(handler)), session_(options_.session) {}
peer_link::~peer_link() = default;

time_ns peer_link::now() const noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(weft::detail::now(pool_.core()).time_since_epoch())
      .count();
}

std::size_t peer_link::unsent_bytes() {
  std::lock_guard guard(mutex_);
  return session_.unsent_bytes();
}

bool peer_link::full() {
  std::lock_guard guard(mutex_);
  return session_.full();
}

task<> peer_link::wait_for_room() {
  {
    std::lock_guard guard(mutex_);
    if (over_ || !session_.full()) co_return;
    room_wanted_ = true;
    room_.reset();
  }
  co_await room_.wait();
}

bool peer_link::connected() {
  std::lock_guard guard(mutex_);
  return stream_ != nullptr;
}

void peer_link::close(bye_code code, std::string sentence) {
  std::unique_lock guard(mutex_);
  if (over_ || closing_) return;
  closing_ = true;
  why_ = sentence;
  in_order_ = true;
  bye_ = code;
  close_by_ = now() + options_.close_within.count();
  if (!stream_) {
    guard.unlock();
    ending_.request_stop();
    return;
  }
  wake(guard);
}

void peer_link::cut() noexcept {
  std::lock_guard guard(mutex_);
  if (stream_) stream_->close();
}

// ---- reading -----------------------------------------------------------------------------------------------------

void peer_link::take_header(framed_stream& in) {
  const frame_header& h = in.parser().header();
  if (h.flags & frame_compressed) return;  // it becomes something else first
  const std::span<std::byte> to = handler_->place(*this, h.number, h.offset, h.payload_bytes);
  if (to.size() == h.payload_bytes) in.parser().place(to);
}

/// True: it was a batch.
bool peer_link::take_frame(framed_stream& in) {
  incoming i;
  {
    std::lock_guard guard(mutex_);
    i = session_.read(in.parser().header(), in.parser().payload());
  }
  switch (i.kind) {
    case incoming::what::nothing:
      break;
    case incoming::what::batch:
      handler_->received(*this, i.bytes);
      return true;
    case incoming::what::data:
      handler_->chunk(*this, i.stream, i.offset, i.bytes);
      break;
    case incoming::what::bye:
      throw session_over{text_of(i.bytes), i.code == bye_code::finished};
  }
  return false;
}

task<> peer_link::read_loop(framed_stream& in) {
  bool came = false, batches = false, whole = false;
  for (;;) {
    frame_parser::step s = in.next();
    if (s == frame_parser::step::more) {
      if (std::exchange(batches, false)) handler_->caught_up(*this);
      {
        // All that has been read is done: now is the time to acknowledge.
        std::unique_lock guard(mutex_);
        if (std::exchange(came, false)) {
          session_.heard();
          if (!std::exchange(whole, false)) session_.heard_part(now());
        }
        if (session_.has_output())
          wake(guard);
        else
          look_at_time();
      }
      co_await checkpoint();  // a peer that never falls silent is not the only one
      const attempt a = in.try_fill(s);
      if (a.error) in.bytes().fail(a.error, "reading");
      if (a.would_block)
        co_await in.bytes().readable();
      else if (a.bytes == 0)
        in.ended();
      came = a.bytes != 0;
      if (s == frame_parser::step::more) continue;
    }
    if (s == frame_parser::step::header) {
      take_header(in);
    } else {
      whole = true;
      batches = take_frame(in) || batches;
    }
  }
}

task<> peer_link::tick_loop() {
  for (;;) {
    time_ns wait = 0;
    {
      std::unique_lock guard(mutex_);
      const time_ns t = now();
      session_.tick(t);
      if (session_.silent())
        throw transport_error("connection with " + peer_.address + " is silent: the peer has not answered",
                              std::make_error_code(std::errc::timed_out));
      if (!session_.ended().empty()) throw session_over{session_.ended(), false};
      if (t >= close_by_) throw session_over{why_ + " (the peer did not take all that was sent before)", false};
      tick_at_ = std::min(session_.deadline(), close_by_);
      tick_.reset();
      if (session_.has_output()) work_.set();
      constexpr time_ns longest = 3'600'000'000'000;
      wait = std::clamp<time_ns>(tick_at_ - t, 0, longest);
    }
    try {
      co_await timeout(std::chrono::nanoseconds(wait), wait_for(tick_));
    } catch (const timed_out&) {}
  }
}

// ---- one connection ----------------------------------------------------------------------------------------------

/// Returns when the connection is gone, with why in why_, or throws when the session is over.
task<> peer_link::serve(made m, bool again) {
  framed_stream& c = *m.connection;
  {
    std::lock_guard guard(mutex_);
    session_.connected(m.received, c.traits(m.capabilities));
    session_.tick(now());
    tell_room();  // the other side may have had it all
    stream_ = &c.bytes();
    writing_ = direct_ = handed_ = interrupted_ = false;
    failure_ = nullptr;
    direct_done_.reset();
    tick_.reset();
    work_.set();
  }
  std::exception_ptr over;
  std::string failure;  // ours, which the peer is told
  try {
    if (again) handler_->resumed(*this);
    co_await weft::all(read_loop(c), write_loop(c), tick_loop());
  } catch (const transport_error& e) {
    std::lock_guard guard(mutex_);
    if (!closing_) why_ = e.what();
    // The peer hangs up once it has heard our bye.
    if (session_.closed()) over = std::make_exception_ptr(session_over{why_, in_order_});
  } catch (const protocol_error& e) {
    failure = "weft: what " + c.bytes().peer() + " sent: " + e.what();
  } catch (const session_over&) { over = std::current_exception(); } catch (const cancelled&) {
    over = std::make_exception_ptr(session_over{"the pool is being ended", false});
  } catch (const std::exception& e) { failure = e.what(); }
  bool wait = false;
  {
    std::lock_guard guard(mutex_);
    stream_ = nullptr;
    wait = direct_;
  }
  if (wait) co_await shield(wait_for(direct_done_));
  if (!failure.empty()) {
    over = std::make_exception_ptr(session_over{failure, false});
    bool between_frames = false;
    {
      std::lock_guard guard(mutex_);
      between_frames = !writing_;
    }
    if (between_frames) co_await tell_failure(c.bytes(), failure);
  }
  connection_gone();
  m.connection.reset();
  if (over) std::rethrow_exception(over);
  handler_->interrupted(*this);
}

/// A bye that the session itself cannot say any more. The peer hangs up when it has read it.
task<> peer_link::tell_failure(stream& to, std::string why) {
  frame_header h;
  h.kind = static_cast<std::uint8_t>(frame_kind::bye);
  h.offset = static_cast<std::uint64_t>(bye_code::failed);
  h.received = session_.received();
  why.resize(std::min(why.size(), options_.session.frames.greeting));
  frame_output out;
  out.add(h, std::as_bytes(std::span(why)), !to.on_this_host() && !to.authenticated());
  struct saying {
    static task<> bye(stream& s, const frame_output& f) {
      co_await s.write(f.pieces());
      co_await s.shutdown();
      std::vector<std::byte> away(std::size_t{64} << 10);
      while (co_await s.read_some(away) != 0) {}
    }
  };
  try {
    co_await timeout(std::chrono::seconds(1), saying::bye(to, out));
  } catch (const transport_error&) {  // it is gone already
  } catch (const timed_out&) {}
}

void peer_link::connection_gone() {
  std::list<outbound> streams;
  std::vector<std::shared_ptr<const void>> owners;
  std::lock_guard guard(mutex_);
  session_.disconnected();
  writing_ = handed_ = false;
  interrupted_ = true;
  output_.clear();
  std::swap(streams, streams_);
  std::swap(owners, owners_);
  if (closing_) ending_.request_stop();  // no other connection is waited for
}

void peer_link::end(const std::string& reason, bool in_order) {
  {
    std::lock_guard guard(mutex_);
    if (std::exchange(over_, true)) return;
    tell_room();
    arrival_.reset();
  }
  if (forget_) forget_(hub_.get(), session_id_);
  hub_.reset();
  handler_->ended(*this, reason, in_order);
}

// ---- connecting --------------------------------------------------------------------------------------------------

bool is_same_peer(const link_peer& was, const link_peer& now) noexcept {
  if (was.says.incarnation != now.says.incarnation || was.says.role != now.says.role) return false;
  if (was.certificate.has_value() != now.certificate.has_value()) return false;
  return !was.certificate ||
         (was.certificate->name == now.certificate->name && was.certificate->role == now.certificate->role);
}

std::string belongs_to_another(const stream& s, const security& who) {
  if (s.certificate() || who.insecure || owner_of_end(s.peer(), s.local()) != end_owner::other) return {};
  return "the other end, " + s.peer() +
         ", is another user's of this machine, who would read everything and run programs as this one: use "
         "certificates (weft certs), or a Unix socket, or pass --insecure (option `insecure`) to do without";
}

task<peer_link::made> peer_link::make_connection() {
  made m;
  std::unique_ptr<stream> s = co_await connect_to(pool_, to_, who_, options_.connect_within);
  m.connection = std::make_unique<framed_stream>(std::move(s), options_.session.frames);
  const std::vector<std::byte> answer =
      co_await timeout(options_.connect_within, say_hello(*m.connection, own_, session_id_, session_.received()));
  const welcome w = decode_welcome(answer);
  if (session_id_ != 0 && w.session != session_id_)
    throw protocol_error("weft: " + m.connection->bytes().peer() + " does not know the session any more");
  if (w.version < known_versions.lowest || w.version > known_versions.highest)
    throw protocol_error("weft: " + m.connection->bytes().peer() + " answers by version " +
                         std::to_string(w.version));
  m.received = w.received;
  m.capabilities = w.capabilities & capability::all;
  const stream& made_to = m.connection->bytes();
  link_peer there;
  there.address = made_to.peer();
  there.here = made_to.local();
  there.id = w.peer;
  there.capabilities = m.capabilities;
  there.says.incarnation = w.incarnation;
  there.says.build_id.assign(w.build_id.begin(), w.build_id.end());
  there.says.name.assign(w.name.begin(), w.name.end());
  if (const peer_certificate* c = made_to.certificate()) there.certificate = *c;
  // Each connection is looked at anew: a number that we have told it makes nobody the peer of a session.
  if (there.certificate) expect_role(*there.certificate, {&options_.wanted, 1});
  std::string why = belongs_to_another(made_to, who_);
  if (why.empty() && options_.believes) why = options_.believes(there);
  if (why.empty() && session_id_ != 0 && !is_same_peer(peer_, there))
    why = made_to.peer() + " is not who the session was begun with";
  if (!why.empty()) throw transport_error(why, std::make_error_code(std::errc::permission_denied));
  if (session_id_ != 0) co_return m;
  session_id_ = w.session;
  peer_ = std::move(there);
  co_return m;
}

task<peer_link::made> peer_link::make_connection_within(std::chrono::nanoseconds limit) {
  const time_ns give_up = now() + limit.count();
  std::chrono::nanoseconds pause = options_.first_pause;
  for (;;) {
    std::exception_ptr failure;
    try {
      co_return co_await make_connection();
    } catch (const refused& e) {
      if (!e.passes()) throw;
      failure = std::current_exception();
    } catch (const transport_error& e) {
      // What is no matter of time.
      if (e.code() == std::errc::permission_denied || e.code() == std::errc::invalid_argument ||
          e.code().category() == tls_category())
        throw;
      failure = std::current_exception();
    } catch (const timed_out&) {
      failure = std::make_exception_ptr(
          transport_error(to_string(to_) + " has not said welcome within " + seconds(options_.connect_within),
                          std::make_error_code(std::errc::timed_out)));
    }
    const auto shorter = static_cast<std::uint64_t>(std::max<std::int64_t>(1, pause.count() / 2));
    const std::chrono::nanoseconds rest =
        pause - std::chrono::nanoseconds(static_cast<std::int64_t>(pool_.core().env().random() % shorter));
    if (now() + rest.count() >= give_up) std::rethrow_exception(failure);
    co_await sleep_for(rest);
    pause = std::min(2 * pause, options_.longest_pause);
  }
}

task<std::shared_ptr<peer_link>> peer_link::dial(pool& p, address to, security who, greeting own,
                                                 link_options options, std::shared_ptr<link_handler> handler) {
  std::shared_ptr<peer_link> l(new peer_link(p, std::move(options), std::move(handler)));
  l->to_ = std::move(to);
  l->who_ = std::move(who);
  l->own_ = std::move(own);
  made first = co_await l->make_connection_within(l->options_.try_for);
  p.spawn(l->run_connecting(l, std::move(first)), priority::interactive);
  co_return l;
}

task<> peer_link::run_connecting([[maybe_unused]] std::shared_ptr<peer_link> self, made first) {
  made m = std::move(first);
  std::string reason;
  bool in_order = false, again = false;
  try {
    for (;;) {
      co_await serve(std::move(m), again);
      m = co_await with_stop(ending_, make_connection_within(options_.resume_for));
      again = true;
    }
  } catch (const session_over& e) {
    reason = e.reason;
    in_order = e.in_order;
  } catch (const cancelled&) {
    std::lock_guard guard(mutex_);
    reason = closing_ ? why_ : "the pool is being ended";
  } catch (const std::exception& e) {
    std::lock_guard guard(mutex_);
    reason = "the session is lost: " + why_ + "; then: " + e.what();
  }
  end(reason, in_order);
}

// ---- being connected to ------------------------------------------------------------------------------------------

bool peer_link::arrive(std::unique_ptr<arrival>& a) {
  std::lock_guard guard(mutex_);
  if (over_ || closing_) return false;
  arrival_ = std::move(a);
  if (stream_) stream_->close();  // the peer knows better that it is gone
  arrived_.set();
  return true;
}

task<peer_link::made> peer_link::await_arrival() {
  for (;;) {
    co_await arrived_.wait();
    std::unique_ptr<arrival> a;
    {
      std::lock_guard guard(mutex_);
      arrived_.reset();
      a = std::move(arrival_);
    }
    if (!a) continue;
    welcome w{};
    w.version = a->agreed.version;
    w.capabilities = a->agreed.capabilities;
    w.peer = peer_.id;
    w.session = session_id_;
    w.received = session_.received();
    w.incarnation = own_.incarnation;
    w.build_id = own_.build_id;
    w.name = own_.name;
    try {
      std::vector<std::byte> payload = encode(w);
      co_await timeout(options_.connect_within,
                       send_greeting(a->connection->bytes(), frame_kind::welcome, std::move(payload)));
    } catch (const timed_out&) { continue; } catch (const transport_error&) {
      continue;  // it comes again, or the time to resume is over
    }
    made m;
    m.connection = std::move(a->connection);
    m.received = a->received;
    m.capabilities = a->agreed.capabilities;
    co_return m;
  }
}

task<> peer_link::run_listening([[maybe_unused]] std::shared_ptr<peer_link> self) {
  std::string reason;
  bool in_order = false, again = false;
  try {
    for (;;) {
      made m = co_await with_stop(ending_, timeout(options_.resume_for, await_arrival()));
      co_await serve(std::move(m), std::exchange(again, true));
    }
  } catch (const session_over& e) {
    reason = e.reason;
    in_order = e.in_order;
  } catch (const timed_out&) {
    std::lock_guard guard(mutex_);
    reason = why_ + "; it has not come back within " + seconds(options_.resume_for);
  } catch (const cancelled&) {
    std::lock_guard guard(mutex_);
    reason = closing_ ? why_ : "the pool is being ended";
  } catch (const std::exception& e) { reason = e.what(); }
  end(reason, in_order);
}

// ---- inbound_stream ----------------------------------------------------------------------------------------------

inbound_stream::inbound_stream(std::vector<std::span<std::byte>> to) : to_(std::move(to)) {
  for (const auto& s : to_) total_ += s.size();
  while (at_ < to_.size() && to_[at_].empty()) ++at_;
}

void inbound_stream::check(std::uint64_t offset, std::size_t bytes) const {
  if (offset != received_)
    throw protocol_error("weft: a chunk at byte " + std::to_string(offset) + " of a stream came where byte " +
                         std::to_string(received_) + " is the next");
  if (bytes > total_ - received_)
    throw protocol_error("weft: a chunk of " + std::to_string(bytes) + " bytes came where " +
                         std::to_string(total_ - received_) + " are missing");
}

std::span<std::byte> inbound_stream::place(std::uint64_t offset, std::size_t bytes) {
  check(offset, bytes);
  if (complete()) return {};
  const std::span<std::byte> rest = to_[at_].subspan(done_);
  return rest.size() >= bytes ? rest.first(bytes) : std::span<std::byte>();
}

void inbound_stream::arrived(std::uint64_t offset, std::span<const std::byte> bytes) {
  check(offset, bytes.size());
  received_ += bytes.size();
  while (!bytes.empty()) {
    const std::span<std::byte> rest = to_[at_].subspan(done_);
    const std::size_t n = std::min(rest.size(), bytes.size());
    if (rest.data() != bytes.data()) std::memcpy(rest.data(), bytes.data(), n);
    bytes = bytes.subspan(n);
    done_ += n;
    while (at_ < to_.size() && done_ == to_[at_].size()) ++at_, done_ = 0;
  }
}

}  // namespace weft::net
