#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "transport/link.hpp"
#include "weft/detail/node.hpp"
#include "weft/sync.hpp"
#include "wire/messages.hpp"
#include "worker/asked.hpp"
#include "worker/fetcher.hpp"
#include "worker/givers.hpp"

namespace weft::net {

struct handle_end {
  void operator()(detail::node* n) const noexcept { detail::drop_handle(*n); }
};
/// A handle of a node, which goes with it. Not under a lock that the node's release takes.
using node_handle = std::unique_ptr<detail::node, handle_end>;

/// A value that is to be sent to a peer: a node that has it, or bytes as they came. Neither: it is not there.
struct outgoing_value {
  node_handle node;
  std::shared_ptr<const std::vector<std::vector<std::byte>>> copy;  // the message, then the attachments
  std::uint64_t schema = 0;
};

/// Where a value goes that comes from a peer. Who waits for it may go before its last byte has come.
struct value_landing {
  bool wanted = false;
  bool over = false;                         // not wanted, nor is anything that its request may still bring
  std::vector<std::span<std::byte>> places;  // of its attachments
  std::shared_ptr<const void> keep;          // holds these, and tells this landing from others of the same value
  detail::node* node = nullptr;              // that it goes into, of which `keep` is a reference; null: into bytes
};

/// What is known, where it is asked for, of a value that begins to come.
struct expected_value {
  bool request = false;     // something of its request is still awaited
  bool value = false;       // it is
  std::uint64_t bytes = 0;  // that it is said to take; of one that is awaited
};

/// As the asker's fetcher knows it.
expected_value expected_by(const fetcher& f, std::uint64_t request, task_id value) noexcept;

/// Somebody waits for a value of a peer.
struct value_arrival {
  event done;
  std::exception_ptr error;
  /// It will not come.
  void fail(std::exception_ptr why) {
    error = std::move(why);
    done.set();
  }
};
/// Decodes a value's message into a node that has none, of which the caller has a reference, and gives where its
/// attachments go: until these are there it must not be looked at. Throws codec_error, and leaves the node without a
/// value.
value_landing begin_value(detail::node& n, const value_header& header);
/// All attachments are there. The caller knows that the value has not been abandoned.
void complete_value(detail::node& n) noexcept;
/// The rest will not come.
void abandon_value(detail::node& n) noexcept;

/// Whose values are exchanged. Called on workers of the pool, by several links at a time.
class exchange_host {
 public:
  virtual outgoing_value find(task_id value) = 0;
  virtual expected_value expected(std::uint64_t request, task_id value) = 0;
  /// A value that is awaited is not taken: who waits for it fails with that.
  virtual void refuse(std::uint64_t request, task_id value, std::exception_ptr why) = 0;
  /// A value begins to come, in answer to its request, which may be over. If it does not land that counts as a
  /// refusal, also where nobody awaits it any more, and must be seen to by the host: no other answer follows.
  virtual value_landing land(const value_header& header) = 0;
  /// All of it is there. The landing is that of land().
  virtual void landed(std::uint64_t request, task_id value, value_landing where) = 0;
  /// The rest of it will not come.
  virtual void cut_off(task_id value, value_landing where) = 0;
  /// The peer does not have it, or (busy) it does not come by this request: it can be asked for again.
  virtual void not_there(std::uint64_t request, task_id value, bool busy) = 0;
  /// A value that find() has given cannot be read or encoded, and was not sent.
  virtual void cannot_send(task_id /*value*/) {}
  /// A worker has sent a small value that nobody here has asked for.
  virtual void pushed(task_id /*value*/, std::uint64_t /*bytes*/, std::span<const std::byte> /*message*/) {}
  /// What was asked of the peer, and has not come, will not, though it may have it: the connection has broken.
  virtual void peer_interrupted(peer_id peer) = 0;
  /// It can be asked again.
  virtual void peer_resumed(peer_id peer) = 0;
  /// The link has ended, or could not be made: whoever asks the peer again dials it.
  virtual void peer_lost(peer_id peer) = 0;

 protected:
  ~exchange_host() = default;
};

struct exchange_limits {
  /// Of values that are on their way out; who asks for more is told that this peer is busy. So is who does not read
  /// what was sent before (session_options::full_bytes).
  std::uint64_t outgoing_bytes = std::uint64_t{256} << 20;
  /// The encoded message of a value that is longer travels as its attachments do, in chunks.
  std::size_t header_message = std::size_t{1} << 20;
  /// A value may take twice the bytes that it is said to have, encoded and with its attachments, and so many more:
  /// for types that do not count what they own (weft_owned_bytes). What is larger is refused before it has come.
  std::uint64_t surplus_bytes = std::uint64_t{64} << 20;
  /// Values of one request whose chunks have not come. More than anybody asks for at a time.
  std::size_t coming_values = std::size_t{1} << 16;
};

/// Values between this process and the others: asks peers for them, over links that it dials when they are first
/// needed, and sends them what they ask for.
///
/// Those that a submitter offers travel the other way. It may not be reachable, so it dials the worker that is to
/// have them, says who it is (offer), and is asked on that link. For the worker it is a peer like others, a giver,
/// but one that is never dialled: it is away until it has come (peer_resumed), and when its link breaks or ends
/// (peer_interrupted) until it comes again.
///
/// Who owns it may call it under locks of his: it calls the host from elsewhere, later.
class exchange : public std::enable_shared_from_this<exchange> {
 public:
  exchange(pool& p, security who, greeting own, link_options options, exchange_host& host,
           const exchange_limits& limits = {});
  ~exchange();

  /// Where a peer listens.
  void know(peer_id peer, const std::string& address);
  std::string address_of(peer_id peer);
  void forget(peer_id peer);
  void ask(peer_id peer, std::uint64_t request, std::span<const task_id> values);
  /// The request is given up: the peer need not send what has not gone yet. It may not know of that, or not hear of
  /// it in time: what comes all the same is not wanted by land().
  void stop(peer_id peer, std::uint64_t request);
  /// Makes a link to the peer, if there is none.
  void reach(peer_id peer);
  /// Lets a worker ask for what `submitter` offers, on a link that is made if there is none. Once for each link: when
  /// peer_lost() has told that it has ended, this may be called again.
  void offer(peer_id worker, peer_id submitter, std::uint64_t secret);
  /// Values are to be asked of who dials, and claims to be that giver, by that secret: until forget().
  void await_giver(peer_id giver, std::uint64_t secret);
  /// Sends a small value, encoded, if there is a link that has room.
  void push(peer_id peer, task_id value, std::uint64_t bytes, std::span<const std::byte> message);
  /// The handler of a link that a peer has dialled, to ask for values here.
  std::shared_ptr<link_handler> serve();
  /// Ends all links; the host is called no more when it returns.
  void close();

 private:
  class client_link;
  class server_link;
  struct peer {
    std::string address;
    std::shared_ptr<peer_link> connection;
    std::shared_ptr<client_link> handler;
    bool dialling = false;
    std::optional<giver_record> claim;  // what it may ask for here, and is told on each link
    std::vector<std::pair<std::uint64_t, std::vector<task_id>>> waiting;  // requests
  };

  void answer(peer_link& to, asked_requests& asked, const get_values& m);
  void answer(peer_link& to, const std::shared_ptr<asked_request>& of, std::uint64_t request, task_id id);
  void stop_answering(peer_link& to, const asked_requests& asked, const stop_values& m);
  bool may_ask(peer_id worker);
  void ask_giver(peer_id giver, const get_values& m);
  void tell_of_givers();
  static task<> tell_of_givers(std::shared_ptr<exchange> self);
  static task<> dial(std::shared_ptr<exchange> self, peer_id id, address to);
  static task<> send(std::shared_ptr<exchange> self, std::shared_ptr<peer_link> to, std::shared_ptr<asked_request> of,
                     std::uint64_t request, task_id id, outgoing_value value);
  void dial(peer_id id, peer& to);
  void failed(peer_id id);
  template <class F>
  void with_host(F f) {
    std::shared_lock guard(open_lock_);
    if (open_) f(host_);
  }

  pool& pool_;
  const security who_;
  const greeting own_;
  const link_options options_;
  exchange_host& host_;
  const exchange_limits limits_;
  std::shared_mutex open_lock_;
  bool open_ = true;
  std::mutex lock_;
  std::map<peer_id, peer> peers_;
  std::vector<std::weak_ptr<peer_link>> serving_;
  givers givers_;
  std::map<givers::claim_number, std::weak_ptr<peer_link>> claims_;  // those of these that give
  bool telling_ = false;                                             // of givers
  std::shared_ptr<std::atomic<std::uint64_t>> outgoing_ = std::make_shared<std::atomic<std::uint64_t>>(0);
};

}  // namespace weft::net
