#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "wire/ids.hpp"

namespace weft::net {

/// A network in one thread and in virtual time: the simulated half of the seam whose real half is `stream` and
/// `listener`. Nodes stand for processes, connections for what TCP gives: bytes in order within a connection, none
/// between connections, delivered in pieces that have nothing to do with how they were sent. What the same seed and
/// the same calls bring is the same: no clock, no thread, no order of addresses.

/// Numbers from a seed (xoroshiro128+): the only source of chance of a simulation.
class simulated_random {
 public:
  explicit simulated_random(std::uint64_t seed) noexcept;
  std::uint64_t operator()() noexcept;
  /// Below n, which is not 0.
  std::uint64_t below(std::uint64_t n) noexcept { return (*this)() % n; }
  /// From low to high, both included.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) noexcept { return low + below(high - low + 1); }
  bool one_in(std::uint64_t n) noexcept { return below(n) == 0; }
  bool chance(double p) noexcept { return unit() < p; }
  double unit() noexcept { return static_cast<double>((*this)() >> 11) * 0x1p-53; }

 private:
  std::uint64_t a_, b_;
};

/// Mixes one number into a hash.
constexpr std::uint64_t mix(std::uint64_t hash, std::uint64_t n) noexcept {
  hash = (hash ^ n) * 0x9fb21c651e98df25u;
  return hash ^ (hash >> 32);
}

/// What happens, in the order of its time; what is due at the same time, in the order in which it was asked for.
class simulated_time {
 public:
  class target {
   public:
    virtual void fire(std::uint8_t what, std::uint64_t argument) = 0;

   protected:
    ~target() = default;
  };

  /// `to` must live until then, or until the simulation takes no more steps. The past is now.
  void at(time_ns when, target& to, std::uint8_t what, std::uint64_t argument = 0);
  /// Goes to the next event; false if there is none.
  bool step();
  /// For who has a clock besides: it is so late by now, and what was due has been stepped.
  void pass_to(time_ns when) noexcept { now_ = std::max(now_, when); }
  time_ns now() const noexcept { return now_; }
  /// When the next event is due; `never` if there is none.
  static constexpr time_ns never = INT64_MAX;
  time_ns next() const noexcept { return heap_.empty() ? never : heap_.front().at; }
  std::uint64_t steps() const noexcept { return steps_; }
  /// A hash of all that has happened, which others may add to.
  std::uint64_t digest() const noexcept { return digest_; }
  void note(std::uint64_t n) noexcept { digest_ = mix(digest_, n); }

 private:
  struct event {
    time_ns at;
    std::uint64_t order;  // and, in the lowest byte, what
    target* to;
    std::uint64_t argument;
    bool before(const event& o) const noexcept { return at != o.at ? at < o.at : order < o.order; }
  };
  void sink() noexcept;

  std::vector<event> heap_;  // of four children
  time_ns now_ = 0;
  std::uint64_t order_ = 0, steps_ = 0, digest_ = 0;
};

using simulated_node = std::uint32_t;
/// One end of a connection; never given twice. 0: none.
using simulated_end = std::uint64_t;

/// A process, as the network sees it. It is called from events, never from within a call of the network.
class simulated_host {
 public:
  virtual void accepted(simulated_end end, simulated_node from) = 0;
  virtual void connected(simulated_end end) = 0;
  /// There are bytes: see available(). Said once until some were consumed or more have come.
  virtual void readable(simulated_end end) = 0;
  /// send() has not taken everything, and now takes some.
  virtual void writable(simulated_end end) = 0;
  /// The connection could not be made (see refused()), has broken, or the peer has closed it (after all that was sent
  /// has come). What is available() still is; close() it then.
  virtual void broken(simulated_end end) = 0;

 protected:
  ~simulated_host() = default;
};

struct simulated_network_options {
  /// Of one direction; each pair of nodes has a factor of its own for good, between 0.5 and 2.
  time_ns latency = 100'000;
  /// Each segment is later by up to so much; never before one that was sent before it on the same connection.
  time_ns jitter = 50'000;
  double bytes_per_second = 1e9;
  /// Bytes of a direction that are on their way, or there and not consumed.
  std::size_t send_buffer = std::size_t{256} << 10;
  /// How likely a segment comes in two pieces, cut at any of its bytes.
  double split = 0.2;
  /// What cannot come through is tried again so much later, then twice as late, up to ten times; then it breaks.
  time_ns retry = 200'000'000;
  time_ns longest_retry = 3'000'000'000;
  time_ns connect_timeout = 3'000'000'000;
};

/// Invariants. Of each direction exactly one delivery is armed while a segment is on its way; bytes on their way and
/// not consumed never exceed send_buffer; an end is told of its break once, and lives until its owner closes it.
class simulated_network final : simulated_time::target {
 public:
  simulated_network(simulated_time& time, std::uint64_t seed, const simulated_network_options& options = {});

  simulated_node add_node();
  /// Who connects to the node is accepted by this host; null: is refused.
  void listen(simulated_node node, simulated_host* host);

  /// connected() or broken() comes later.
  simulated_end connect(simulated_node from, simulated_host& host, simulated_node to);
  /// Takes a part of the buffers behind their first `skip` bytes, as one segment; tells how much. When it is not all,
  /// writable() comes.
  std::size_t send(simulated_end end, std::span<const std::span<const std::byte>> buffers, std::size_t skip = 0);
  /// What is there, aligned as it was sent.
  std::span<const std::byte> available(simulated_end end);
  void consume(simulated_end end, std::size_t bytes);
  /// The peer reads all that was sent, and then the end. Nothing of this end is told any more.
  void close(simulated_end end);
  /// Anything of the owner's. 0 before.
  void set_tag(simulated_end end, std::uint64_t tag);
  std::uint64_t tag(simulated_end end) const;
  bool knows(simulated_end end) const noexcept;
  /// Of an end that broke before it was connected: the other process was reached, and does not listen.
  bool refused(simulated_end end) const noexcept;

  // ---- faults ----
  /// A process has died: its connections are gone, and it hears nothing of them. `silent`: so has its host; the peers
  /// do not learn of it.
  void crash(simulated_node node, bool silent);
  /// Cuts a connection of those between two nodes, `which` picks; false if there is none. What is on its way is lost.
  /// Who is not told sends into the void and hears nothing (half-open).
  bool cut(simulated_node a, simulated_node b, std::uint64_t which, bool tell_a, bool tell_b);
  /// Nothing gets from the nodes with side[n] != 0 to the others, nor, with `both`, back. Gives its number.
  std::uint32_t partition(std::vector<std::uint8_t> side, bool both);
  void heal(std::uint32_t partition);
  /// What is sent between two nodes arrives at that time, not before.
  void clog(simulated_node a, simulated_node b, time_ns until);
  /// The node reads at most so many bytes at a time, and then nothing for `pause`, of each connection. 0 bytes: it
  /// reads as it likes.
  void slow_reader(simulated_node node, std::size_t bytes, time_ns pause);
  void refuse(simulated_node node, bool refuses);
  /// What `from` dials is as if nobody listened at the node: an address that it cannot reach.
  void hide(simulated_node node, simulated_node from, bool hides);

  // ---- looking in ----
  std::size_t connections() const noexcept { return open_ / 2; }
  std::uint64_t bytes_sent() const noexcept { return bytes_sent_; }
  /// Throws std::logic_error that names the first invariant that does not hold.
  void check_invariants() const;

 private:
  enum occasion : std::uint8_t { arrive, establish, deliver, tell_writable, tell_broken, tell_readable };
  enum class state : std::uint8_t { free, connecting, open, broken, closed };
  struct segment {
    std::size_t bytes;  // 0: the end
    time_ns at;
  };
  struct half {
    state at = state::free;
    bool hole = false;  // nothing gets in or out any more
    bool refused = false;
    bool told = false;   // broken, or about to be
    bool waits = false;  // for writable()
    bool armed = false;  // a delivery to this end is
    bool reading_put_off = false;
    std::uint32_t generation = 0;
    simulated_node node = 0;
    simulated_host* host = nullptr;
    std::uint64_t tag = 0;
    // What comes to this end.
    std::vector<std::byte> bytes;  // from head: `arrived` that are there, then those on their way
    std::size_t head = 0, arrived = 0;
    std::vector<segment> segments;  // from first_segment
    std::size_t first_segment = 0;
    time_ns link_free = 0, last_arrival = 0, retry_after = 0, next_read = 0;
    std::uint32_t retries = 0;
    std::size_t in_void = 0;  // of a hole: bytes that it has sent
  };
  struct node {
    simulated_host* listens = nullptr;
    bool refuses = false;
    std::size_t read_bytes = 0;
    time_ns read_pause = 0;
  };
  struct wall {
    std::vector<std::uint8_t> side;
    bool both = false, stands = false;
  };
  struct clogged {
    simulated_node a, b;
    time_ns until;
  };

  void fire(std::uint8_t what, std::uint64_t argument) override;
  half* look(simulated_end end) noexcept;
  const half* look(simulated_end end) const noexcept;
  simulated_end id_of(std::size_t index) const noexcept;
  std::size_t index_of(simulated_end end) const noexcept { return static_cast<std::uint32_t>(end) - 1; }
  void push(std::size_t to, std::size_t bytes);
  void arm(std::size_t to, time_ns when);
  void deliver_to(std::size_t to);
  void arrive_at(std::size_t from);
  void lose(std::size_t index, bool tell);
  void free_pair(std::size_t index);
  bool blocked(simulated_node from, simulated_node to) const noexcept;
  time_ns clogged_until(simulated_node a, simulated_node b) noexcept;
  time_ns latency(simulated_node a, simulated_node b) noexcept;
  std::size_t room(const half& to) const noexcept;

  simulated_time& time_;
  simulated_network_options options_;
  std::uint64_t seed_;
  simulated_random random_;
  std::vector<node> nodes_;
  std::vector<half> halves_;  // the two of a connection are side by side
  std::vector<std::size_t> free_;
  std::vector<wall> walls_;
  std::vector<clogged> clogs_;
  std::vector<std::pair<simulated_node, simulated_node>> hidden_;  // from the second
  std::size_t open_ = 0;
  std::uint64_t bytes_sent_ = 0;
};

}  // namespace weft::net
