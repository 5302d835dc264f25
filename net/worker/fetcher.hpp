#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "wire/ids.hpp"
#include "worker/id_table.hpp"

namespace weft::net {

/// Of workers, together. Each giver has an allowance of its own, since the link of a client may be slow, and what it
/// brings large: it keeps neither what workers have from coming nor what others give.
struct fetch_limits {
  std::uint32_t peers = 50;                             // that are asked at once
  std::uint64_t bytes = std::uint64_t{1} << 30;         // on their way; a worker's: at most what its values may take
  std::uint64_t batch_bytes = std::uint64_t{50} << 20;  // of one request
  std::uint32_t batch_values = 4096;                    // of one request
  time_ns first_retry = 20'000'000;  // of a peer that is busy or cannot be reached; doubled each time
  time_ns longest_retry = 1'000'000'000;
  time_ns slow = 1'000'000'000;  // a giver that needs longer keeps others from coming no more, in a pause
  std::uint64_t slow_bytes = std::uint64_t{4} << 30;  // then: of all givers; a worker's: twice what values may take
};

/// What a fetcher has done. It calls from within its own functions: nothing here may call it back.
class fetch_host {
 public:
  /// Sends get_values to a peer.
  virtual void fetch(peer_id peer, std::uint64_t request, std::span<const task_id> values) = 0;
  /// Nobody wants what is still to come of a request: it is over, whatever arrives.
  virtual void give_up(peer_id peer, std::uint64_t request) = 0;
  /// Nobody is known any more who has a value; `last` is who was asked last, or 0. Told once until a new holder
  /// comes.
  virtual void missing(task_id value, std::uint64_t bytes, peer_id last) = 0;

 protected:
  ~fetch_host() = default;
};

/// Gets values from the peers that have them, the smallest rank first.
///
/// A value is known with its holders, and wanted or not. Invariants:
/// - A value that is wanted, not on its way, not missing and not held back by the pause stands in the queue of every
///   peer that holds it, and in no other; any other value stands in none.
/// - A peer has at most one request under way, a value is in at most one, and `bytes` of all that workers bring do
///   not exceed the limit, nor those of one giver, except that a request of one value may when nothing else is under
///   way (it would never come otherwise). In a pause requests of givers are of one value, and one is under way;
///   others begin when each of those that are has taken `slow`, within `slow_bytes` for all of them: the clients that
///   give may be slow, or send nothing, and what another gives may be what frees memory.
/// - The queue whose head has the smallest rank goes first, and where it does not fit nobody overtakes it, but for
///   givers in a pause: a large value is not starved by small ones. Only peers that are busy, asked already, put off
///   or away are passed by.
/// - A value that is forgotten while it is on its way is kept as abandoned until its answer comes, so that a peer's
///   answers are always matched with what it was asked for; a request of which all is abandoned is given up.
///
/// Requests begin in tick() alone: what became wanted since the last tick travels together. No clock: time comes as
/// an argument, and deadline() says when to come back. Every call costs the logarithm of a queue, times the holders.
class fetcher {
 public:
  fetcher(fetch_host& host, const fetch_limits& limits);

  /// A peer that may be named as a holder, until it is gone. peer_interrupted: the connection with it broke; what was
  /// asked of it is asked for again, of others or, when peer_resumed has said that it is back, of it. peer_lost: its
  /// link has ended or could not be made; what was asked of it goes elsewhere or is missing, and it is not asked
  /// again at once. One that is added `away` is not asked before peer_resumed.
  void add_peer(peer_id peer, bool away = false);
  bool knows_peer(peer_id id) const noexcept { return peer_places_.find(id) != id_table::none; }
  void peer_interrupted(time_ns now, peer_id peer);
  void peer_resumed(peer_id peer);
  void peer_lost(time_ns now, peer_id peer);
  /// False: it was not known.
  bool peer_gone(peer_id peer);

  void know(task_id value, std::uint64_t bytes);
  bool knows(task_id value) const noexcept;
  /// One more peer, which is known, has it; a value that was missing is asked for again.
  void add_holder(task_id value, peer_id holder);
  /// Wants it, or wants it with another rank. `frees`: for a task that frees memory: it comes even in a pause.
  void want(task_id value, std::uint64_t rank, bool frees = false);
  void unwant(task_id value);
  void forget(task_id value);
  /// In a pause nothing is asked for but what frees memory, and of givers one value at a time.
  void pause(bool paused);

  /// Whether something of a request is still awaited. Numbers never come twice: what is over stays so.
  bool under_way(std::uint64_t request) const noexcept;
  /// Whether that value is. Each answer must be told, of abandoned values too: by arrived(), refused() or
  /// not_taken().
  bool expects(std::uint64_t request, task_id value) const noexcept;
  /// Of a value that is known: what it is said to take.
  std::uint64_t bytes_of(task_id value) const noexcept;
  /// A value has come: true if it is still known (it is forgotten from here on: the caller has it).
  bool arrived(std::uint64_t request, task_id value);
  /// The peer does not have it, or (busy) does not send it now. One that is abandoned is forgotten.
  void refused(time_ns now, std::uint64_t request, task_id value, bool busy);
  /// It came, and is none that can be taken. It is wanted no longer; who wants it all the same gets it from another
  /// holder, if there is one. Gives who sent it, or 0 if the value is not expected.
  peer_id not_taken(std::uint64_t request, task_id value);

  void tick(time_ns now);
  /// When to tick: 0 when something has changed since, `never` when nothing waits for time to pass.
  static constexpr time_ns never = INT64_MAX;
  time_ns deadline() const noexcept;

  std::size_t values() const noexcept { return value_places_.size(); }
  std::size_t requests() const noexcept { return requests_.size(); }
  std::uint64_t bytes_in_flight() const noexcept { return under_way_[0].bytes + under_way_[1].bytes; }

 private:
  struct value {
    task_id id = 0;
    std::uint64_t bytes = 0, rank = 0;
    std::uint64_t request = 0;  // that it is in
    std::vector<peer_id> holders;
    peer_id last = 0;
    bool wanted = false, frees = false, queued = false, missing = false, abandoned = false;
  };
  struct ticket {  // of a value in a queue
    std::uint64_t rank;
    task_id id;
    std::uint32_t place;
    bool operator<(const ticket& o) const noexcept { return rank != o.rank ? rank < o.rank : id < o.id; }
  };
  struct peer {
    peer_id id = 0;
    bool asked = false, away = false;
    time_ns retry_at = 0, retry_after = 0;
    std::set<ticket> queue;
    std::uint32_t waiting = id_table::none;  // where it stands in waiting_
  };
  struct request {
    std::uint64_t number;
    time_ns begun;
    std::uint32_t peer;
    std::uint32_t left;    // unanswered
    std::uint32_t wanted;  // of these not abandoned
    std::vector<std::uint32_t> values;
  };

  void queue(std::uint32_t place);
  void unqueue(std::uint32_t place);
  void strike(std::uint32_t place, peer_id holder);
  void put_off(peer& p, time_ns now);
  struct allowance {
    std::uint64_t bytes = 0;
    std::uint32_t requests = 0;
  };
  allowance& of(std::uint32_t peer_place) noexcept { return under_way_[is_giver(peers_[peer_place].id)]; }
  void begin_all(time_ns now, bool givers);
  bool has_room(std::uint32_t peer_place) const noexcept;
  /// When givers may be asked in a pause, beside those that are.
  time_ns free_at() const noexcept;
  void begin(std::uint32_t peer_place);
  request* find_request(std::uint64_t number) noexcept;
  /// The value's part of the request is over; the last wanted one ends the request, and `r` is dangling.
  void answered(request& r, value& v);
  void end_if_over(request& r);
  void end_request(request& r);
  std::vector<std::uint32_t> take_back(std::uint32_t peer_place);
  void lose(std::uint32_t peer_place);
  void erase(std::uint32_t place);

  fetch_host& host_;
  fetch_limits limits_;
  std::vector<value> values_;
  std::vector<peer> peers_;
  std::vector<std::uint32_t> free_values_, free_peers_;
  std::vector<std::uint32_t> waiting_;  // peers with a queue
  std::vector<request> requests_;       // under way: at most limits_.peers, and one of each giver
  std::vector<task_id> batch_;
  id_table value_places_, peer_places_;
  allowance under_way_[2];  // of workers, of givers
  std::uint64_t next_request_ = 1;
  bool paused_ = false, changed_ = false;
  time_ns ticked_ = 0;
};

}  // namespace weft::net
