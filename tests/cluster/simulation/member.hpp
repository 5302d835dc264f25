#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cluster/simulation/process.hpp"
#include "worker/givers.hpp"

namespace weft::net::simulation {

/// A process that has a session with the scheduler, and fetches values from workers: what clients and workers share.
///
/// It connects, and connects again with growing delays; within the resume time the session goes on, behind it, or
/// when the scheduler does not know it any more, life ends and another begins with another number.
class member : public process {
 public:
  member(surroundings& world, simulated_node node, peer_role role, std::uint32_t number);

  /// Connects to the scheduler, for the first time or in a new incarnation.
  void start();
  /// All that it knows is gone, and it does nothing until start().
  void stop(bool silent);
  bool alive() const noexcept { return alive_; }
  bool in_session() const noexcept { return self_ != 0; }
  peer_id self() const noexcept { return self_; }
  std::uint32_t lives() const noexcept { return lives_; }
  /// Nothing that was said to or by the scheduler is on its way.
  bool at_rest() const noexcept { return talk_ && talk_->at_rest() && !paused() && !fetching_anything(); }
  std::string role_name() const;

 protected:
  static constexpr std::uint8_t redial = first_own_event, first_member_event = first_own_event + 1;

  virtual void fill(hello& m) = 0;
  virtual void begin_life() = 0;
  virtual void end_life(const std::string& why) = 0;
  virtual void told(std::span<const std::byte> messages) = 0;
  /// A value that was asked for: whole, or not to be had.
  virtual void value_came(std::uint64_t request, task_id id, std::uint64_t bytes, std::uint64_t hash) = 0;
  virtual void value_not_there(std::uint64_t request, task_id id, bool busy) = 0;
  virtual void holder_lost(peer_id peer) = 0;
  virtual void value_pushed(task_id, std::uint64_t, std::span<const std::byte>) {
    throw violation("a value was pushed to who is no worker");
  }

  void say_to_scheduler(batch_writer& from);
  void meet(const peer_info& peer);
  void part_from(peer_id peer);
  void ask_for(peer_id peer, std::uint64_t request, std::span<const task_id> values);
  void stop_asking(peer_id peer, std::uint64_t request);
  struct landing {
    task_id id;
    std::uint64_t hash, bytes, begin;
  };
  /// Values from one worker, over a connection of their own.
  struct source {
    simulated_node at = 0;
    std::uint64_t link = 0;
    std::shared_ptr<conversation> with;
    std::optional<giver_record> claim;  // of ours, and whether it was said on this link
    bool claimed = false;
    std::uint64_t request = 0;  // 0: none is under way
    std::vector<task_id> asked;
    bool said = false;
    std::size_t answered = 0;
    std::deque<landing> coming;
    std::uint64_t expected = 0, received = 0;  // bytes of the stream
  };
  /// Dials, if there is no link.
  source& reach(peer_id peer);
  /// Offers values to a worker.
  void offer_to(peer_id worker, std::uint64_t secret);
  /// Values are to come from who shows that secret.
  void await_from(peer_id giver, std::uint64_t secret);
  virtual void giver_came(peer_id) { throw violation("values were offered to who awaits none"); }
  virtual void giver_away(peer_id) {}
  void push_to(peer_id peer, task_id id, std::uint64_t bytes, std::span<const std::byte> message);
  bool fetching_anything() const noexcept;

  void made(link& l) override;
  void said_hello(link& l, const hello& m) override;
  void welcomed(link& l, const welcome& m) override;
  void batch(link& l, std::span<const std::byte> messages) override;
  void chunk(link& l, std::uint64_t stream, std::uint64_t offset, std::span<const std::byte> bytes) override;
  void bye(link& l) override;
  void down(link& l) override;
  std::string who() const override { return name_ + " (peer " + std::to_string(self_) + ")"; }
  void write_more(link& l) override;
  void happened(std::uint8_t what, std::uint64_t argument) override;

  /// For workers: serves a request on a link.
  struct served {
    std::uint64_t request;
    task_id id;
    bool there;
    bool busy;
    std::uint64_t hash, bytes;
  };
  virtual served serve(std::uint64_t request, task_id id);

 private:
  /// Values to one peer.
  struct sink {
    std::shared_ptr<conversation> with;
    std::deque<served> queue;
    std::map<std::uint64_t, std::uint64_t> offsets;  // of streams, by request
    std::optional<served> sending;
    std::uint64_t sent = 0, offset = 0;
    std::vector<std::uint64_t> chunk;
    explicit sink(std::shared_ptr<conversation> c) : with(std::move(c)) {}
  };

  void connect();
  void retry_later();
  void stop_serving(link& l, sink& to, std::uint64_t request);
  void lose_life(const std::string& why);
  void lose_source(peer_id peer, source& s, bool tell);
  void ask(peer_id peer, source& s);
  void say_claim(source& s);
  void hear_claim(link& l, const claim_offers& m);
  void tell_of_givers();
  void leave_giver(peer_id giver);
  source* source_of(const link& l);
  void land(peer_id peer, source& s);
  void answered_one(source& s);

  peer_role role_;
  std::uint32_t number_;
  std::string name_;
  bool alive_ = false;
  std::unique_ptr<conversation> talk_;
  std::uint64_t session_ = 0, incarnation_ = 0;
  peer_id self_ = 0;
  std::uint32_t lives_ = 0;
  std::uint64_t link_ = 0;  // to the scheduler
  time_ns down_since_ = 0, delay_ = 0;
  std::map<peer_id, source> sources_;
  std::map<std::uint64_t, std::unique_ptr<sink>> sinks_;  // by link
  givers giving_;
  std::map<std::uint64_t, givers::claim_number> claims_;  // by link
};

}  // namespace weft::net::simulation
