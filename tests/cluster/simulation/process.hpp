#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "transport/simulated_network.hpp"
#include "wire/frame.hpp"
#include "wire/handshake.hpp"
#include "wire/session.hpp"

namespace weft::net::simulation {

/// What must not happen has happened.
class violation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
inline void must(bool holds, const std::string& what) {
  if (!holds) throw violation(what);
}
inline void must(bool holds, const char* what) {
  if (!holds) throw violation(what);
}
std::string name_of(task_id id);

/// A session, and the messages that wait for room in it.
struct conversation {
  explicit conversation(const session_options& o) : talk(o) {}
  session talk;
  std::deque<batch_writer> waiting;

  /// Takes all messages of a core.
  void send(batch_writer& from);
  void refill();
  /// All that was said has come to the peer.
  bool at_rest() const noexcept {
    return waiting.empty() && talk.unsent_bytes() == 0 && talk.unacknowledged_bytes() == 0;
  }
};

enum class purpose : std::uint8_t { unknown, scheduler, member, fetching, serving };

/// A connection, from its beginning to its end.
struct link {
  enum class state : std::uint8_t { connecting, greeting, established, gone };
  std::uint64_t key = 0;
  simulated_end end = 0;
  state at = state::connecting;
  purpose is = purpose::unknown;
  peer_id peer = 0;  // fetching, member
  bool readable = false, broken = false, dirty = false;
  bool writing = false;
  std::size_t sent = 0;  // of the output
  time_ns armed = session::never;
  frame_parser parser;
  frame_output output;
  std::vector<std::byte> greeting;  // to be said, or being said
  frame_kind greets = frame_kind::hello;
  conversation* with = nullptr;
};

/// What the processes of a world share.
struct surroundings {
  simulated_time time;
  simulated_network net;
  simulated_random random;
  session_options sessions;
  bool between_hosts = false;
  bool hashed = true;  // contents of batches are part of the digest
  time_ns turn_cost = 20'000;
  time_ns resume = 2'000'000'000;
  simulated_node scheduler = 0;
  bool traced = false;  // every batch is written to standard error

  surroundings(std::uint64_t seed, const simulated_network_options& o) : net(time, seed, o), random(seed ^ 0x5eed) {}
};

/// A process of the simulation: connections, and turns. In a turn all that has come is read, then the process does
/// what its core wants, and writes. A turn takes time, in which the next one's input gathers: that makes batches as
/// it does in a real process. A pause is a turn that takes long.
class process : public simulated_host, public simulated_time::target {
 public:
  process(surroundings& world, simulated_node node) : world_(world), node_(node) {}
  virtual ~process() = default;
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  simulated_node node() const noexcept { return node_; }
  /// Nothing happens in it for so long.
  void pause(time_ns for_so_long);
  bool paused() const noexcept { return now() < paused_until_; }
  /// All connections and turns are gone.
  void die(bool silent);
  bool quiet() const noexcept { return readable_.empty() && broken_.empty() && dirty_.empty(); }

 protected:
  enum : std::uint8_t { turn_now, link_timer, greeting_timer, alarm_now, first_own_event };
  /// Who has not said who it is by then is not worth waiting for.
  static constexpr time_ns greeting_limit = 3'000'000'000;

  time_ns now() const noexcept { return world_.time.now(); }
  void wake();
  void alarm(time_ns when);
  link& dial(simulated_node to, purpose is);
  link* look(std::uint64_t key) noexcept;
  void say(link& l, frame_kind kind, std::vector<std::byte> greeting);
  void establish(link& l, conversation& c, std::uint64_t peer_received);
  void touch(link& l);
  /// Closes it; down() is not called.
  void drop(link& l);
  std::size_t links() const noexcept { return links_.size() - free_.size(); }

  virtual void work() = 0;
  virtual void happened(std::uint8_t what, std::uint64_t argument);
  /// A connection that was dialed is there.
  virtual void made(link& l) = 0;
  virtual void said_hello(link& l, const hello& m) = 0;
  virtual void welcomed(link& l, const welcome& m) = 0;
  virtual void batch(link& l, std::span<const std::byte> messages) = 0;
  virtual void chunk(link& l, std::uint64_t stream, std::uint64_t offset, std::span<const std::byte> bytes);
  virtual void bye(link& l) = 0;
  /// It broke, could not be made, or the peer is silent. The link goes behind this.
  virtual void down(link& l) = 0;
  /// For people.
  virtual std::string who() const = 0;
  /// The session of a link has nothing to say: chunks may follow.
  virtual void write_more(link& l);

  surroundings& world_;

 private:
  void fire(std::uint8_t what, std::uint64_t argument) final;
  void accepted(simulated_end end, simulated_node from) final;
  void connected(simulated_end end) final;
  void readable(simulated_end end) final;
  void writable(simulated_end end) final;
  void broken(simulated_end end) final;

  void turn();
  link& make(simulated_end end);
  void read(link& l);
  void handle(link& l);
  void pump(link& l);
  void fail(link& l);
  void sweep();

  simulated_node node_;
  std::vector<std::unique_ptr<link>> links_;
  std::vector<std::uint32_t> generations_, free_;
  std::vector<std::uint64_t> readable_, broken_, dirty_, gone_, taken_;
  time_ns busy_until_ = 0, paused_until_ = 0, alarm_at_ = session::never;
  std::uint64_t life_ = 0;
  bool turn_is_due_ = false;
  bool before_writing_ = false, in_turn_ = false;  // what is to be done is done in this turn
};

}  // namespace weft::net::simulation
