#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "transport/connect.hpp"
#include "transport/greeting.hpp"
#include "weft/pool.hpp"
#include "weft/stop.hpp"
#include "weft/sync.hpp"
#include "wire/messages.hpp"
#include "wire/session.hpp"

namespace weft::net {

class peer_link;

/// Told what a link brings: on a worker of the pool, one call at a time, in order. It must not wait, and may send.
/// What it throws ends the session: protocol_error when the peer is to blame.
class link_handler {
 public:
  virtual ~link_handler() = default;

  /// A batch of messages, for batch_reader; valid during the call.
  virtual void received(peer_link& from, std::span<const std::byte> messages) = 0;
  /// All batches that have come are handled: what they make necessary to say is best said now, at once.
  virtual void caught_up(peer_link&) {}
  /// A chunk of a stream is on its way: where it belongs, of exactly `bytes` bytes, which stay until chunk() or
  /// interrupted(). Empty: into the link's own memory. See inbound_stream.
  virtual std::span<std::byte> place(peer_link&, std::uint64_t /*stream*/, std::uint64_t /*offset*/,
                                     std::size_t /*bytes*/) {
    return {};
  }
  /// The chunk is there; not always where place() said (it was compressed).
  virtual void chunk(peer_link&, std::uint64_t /*stream*/, std::uint64_t /*offset*/,
                     std::span<const std::byte> /*bytes*/) {}
  /// The connection is gone. No message is lost, but streams are, those too whose value_header has not come yet: ask
  /// again, by another number.
  virtual void interrupted(peer_link&) {}
  /// And back.
  virtual void resumed(peer_link&) {}
  /// The last call: the session is over. `in_order`: one of the two sides has closed it, and the other has heard all.
  virtual void ended(peer_link&, const std::string& reason, bool in_order) = 0;
};

/// Who the other side of a link is.
struct link_peer {
  greeting says;  // towards who listens; of who connected only build_id, name and incarnation are known
  std::optional<peer_certificate> certificate;
  std::string address, here;       // of the first connection: its end, and ours
  peer_id id = 0;                  // that the listening side has given to the connecting one
  std::uint64_t capabilities = 0;  // of both sides, when the session began
};

struct link_options {
  session_options session;
  /// A connection and its handshake.
  std::chrono::nanoseconds connect_within = std::chrono::seconds(10);
  /// How long who connects tries, at first.
  std::chrono::nanoseconds try_for = std::chrono::seconds(30);
  /// How long a session waits for a new connection.
  std::chrono::nanoseconds resume_for = std::chrono::seconds(30);
  /// Between tries: doubled from the first to the longest, and shortened by up to half at random.
  std::chrono::nanoseconds first_pause = std::chrono::milliseconds(20), longest_pause = std::chrono::seconds(2);
  /// For what was sent before close().
  std::chrono::nanoseconds close_within = std::chrono::seconds(5);
  /// Of who connects: the role that the other side's certificate is to have, where it has one.
  peer_role wanted = peer_role::scheduler;
  /// And what else is to hold of it, for each connection: gives a sentence why this is not believed, or nothing.
  std::function<std::string(const link_peer&)> believes;
  /// Of a chunk that goes along with messages; one without them has frame_limits::chunk.
  std::size_t shared_chunk = std::size_t{256} << 10;
};

/// One session with a peer, over whatever connection it has.
///
/// Sending. Messages are gathered in the session under a short lock. One thread at a time has the role of the writer:
/// who sends on a worker of the pool while nobody has it takes it, and tries to write at once, without waiting; what
/// does not fit is left to the link's own task. While somebody writes the others only gather: so batches form by
/// themselves. `writing_` tells that the role is taken, `stream_` that there is a connection: who clears it waits for
/// a sender that is just writing (`direct_`). Chunks of streams go behind the messages that are there, one chunk at a
/// time, so that a message waits for one chunk at most, and for what the kernel holds.
///
/// The pool outlives it; it lives as long as the session, and longer while somebody has it.
class peer_link : public std::enable_shared_from_this<peer_link> {
 public:
  /// Connects, says hello, and serves the session from then on: connections that break are made anew. Throws
  /// transport_error, bad_certificate, refused or protocol_error when the first cannot be made.
  static task<std::shared_ptr<peer_link>> dial(pool& p, address to, security who, greeting own, link_options options,
                                               std::shared_ptr<link_handler> handler);

  /// From any thread. False: the session is over, and nothing is sent.
  template <class M>
  bool send(const M& m) {
    std::unique_lock guard(mutex_);
    if (over_ || closing_) return false;
    session_.out().add(m);
    wake(guard);
    return true;
  }
  /// Several at once: `f(batch_writer&)` runs under the lock, and must be short.
  template <class F>
  bool send_with(F f) {
    std::unique_lock guard(mutex_);
    if (over_ || closing_) return false;
    f(session_.out());
    wake(guard);
    return true;
  }
  /// The same of what can wait: `f(batch_writer&, room)` is told how many bytes there is room for until the link is
  /// full, and keeps the rest. See wait_for_room().
  template <class F>
  bool send_in_room(F f) {
    std::unique_lock guard(mutex_);
    if (over_ || closing_) return false;
    f(session_.out(), session_.room());
    wake(guard);
    return true;
  }
  /// A value: its header, and then its attachments as the stream `header.request`, in chunks, each from offset 0 on.
  /// They are written from where they are; `keep` holds them until then. Values of one request go one after the
  /// other. When the connection breaks the rest of them is dropped, and the peer asks again.
  bool send_value(const value_header& header, std::vector<buffer> attachments, std::shared_ptr<const void> keep);
  /// Drops what has not gone of a stream, and sends `word` behind what has.
  template <class M>
  bool end_stream(std::uint64_t stream, const M& word) {
    std::unique_lock guard(mutex_);
    if (over_ || closing_) return false;
    drop_stream(stream);
    session_.out().add(word);
    wake(guard);
    return true;
  }

  /// Says bye, after all that was sent. The handler's ended() follows.
  void close(bye_code code, std::string sentence);
  /// Cuts the connection, as if it had broken.
  void cut() noexcept;

  /// Gathered or kept, and not yet handed to a connection: who sees it grow holds back.
  std::size_t unsent_bytes();
  /// So much is gathered (session_options::full_bytes) that what can wait should.
  bool full();
  /// Until it is not full, or the session is over. One caller at a time.
  task<> wait_for_room();
  bool connected();
  const link_peer& peer() const noexcept { return peer_; }
  pool& where() const noexcept { return pool_; }
  std::uint64_t id() const noexcept { return session_id_; }

 private:
  friend class hub;
  friend class hub_state;
  struct arrival;
  struct outbound;

  peer_link(pool& p, link_options options, std::shared_ptr<link_handler> handler);

 public:
  ~peer_link();

 private:
  void wake(std::unique_lock<std::mutex>& guard);
  void write_at_once(std::unique_lock<std::mutex>& guard);
  bool fill();
  void written(std::size_t bytes, time_ns waited);
  void look_at_time();
  void drop_stream(std::uint64_t stream);
  void tell_room() noexcept {
    if (!room_wanted_ || (session_.full() && !over_)) return;
    room_wanted_ = false;
    room_.set();
  }

  task<> read_loop(framed_stream& in);
  task<> write_loop(framed_stream& to);
  task<> tick_loop();
  bool take_frame(framed_stream& in);
  void take_header(framed_stream& in);
  void connection_gone();

  struct made {
    std::unique_ptr<framed_stream> connection;
    std::uint64_t received = 0, capabilities = 0;
  };
  task<> serve(made m, bool again);
  task<> tell_failure(stream& to, std::string why);
  task<made> make_connection();
  task<made> make_connection_within(std::chrono::nanoseconds limit);
  task<> run_connecting(std::shared_ptr<peer_link> self, made first);
  task<> run_listening(std::shared_ptr<peer_link> self);
  task<made> await_arrival();
  /// Of a listening link. Takes the connection, or leaves it when the session is over: then false.
  bool arrive(std::unique_ptr<arrival>& a);
  void end(const std::string& reason, bool in_order);
  time_ns now() const noexcept;

  pool& pool_;
  const link_options options_;
  const std::shared_ptr<link_handler> handler_;
  link_peer peer_;
  std::uint64_t session_id_ = 0;

  // Of who connects.
  address to_;
  security who_;
  greeting own_;
  // Of who listens: says where the session is no more.
  void (*forget_)(void*, std::uint64_t) = nullptr;
  std::shared_ptr<void> hub_;

  std::mutex mutex_;  // of all that follows
  session session_;
  frame_output output_;
  gather rest_;  // of output_, when a sender could not write it all
  std::list<outbound> streams_;
  std::vector<std::shared_ptr<const void>> owners_;  // of what output_ sends the last of
  stream* stream_ = nullptr;
  bool writing_ = false, direct_ = false, handed_ = false;
  bool room_wanted_ = false;  // wait_for_room() waits
  bool interrupted_ = false;  // since a connection has broken: no other yet
  bool closing_ = false, over_ = false, in_order_ = false;
  bye_code bye_ = bye_code::finished;
  std::exception_ptr failure_;  // of a sender that wrote: the link's own task throws it
  std::string why_;             // the last connection has ended, or close() was called
  time_ns tick_at_ = 0, close_by_ = session::never;
  std::unique_ptr<arrival> arrival_;
  event work_, tick_, room_, direct_done_, arrived_;
  stop_source ending_;  // of waiting for a connection
};

/// Puts the chunks of one value where they belong: for link_handler::place and chunk.
class inbound_stream {
 public:
  inbound_stream() = default;
  explicit inbound_stream(std::vector<std::span<std::byte>> to);
  /// Throws protocol_error unless the chunk is the next of the stream, and within it.
  std::span<std::byte> place(std::uint64_t offset, std::size_t bytes);
  void arrived(std::uint64_t offset, std::span<const std::byte> bytes);
  bool complete() const noexcept { return at_ == to_.size(); }

 private:
  void check(std::uint64_t offset, std::size_t bytes) const;
  std::vector<std::span<std::byte>> to_;
  std::size_t at_ = 0, done_ = 0;  // bytes of to_[at_]
  std::uint64_t received_ = 0, total_ = 0;
};

}  // namespace weft::net
