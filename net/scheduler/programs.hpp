#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "transport/link.hpp"
#include "transport/program_manifest.hpp"

namespace weft::net {

/// Passes programs from clients to nannies: what travels, and to whom. Called under the server's lock.
///
/// A program is known by its build-id. While it has clients, and no worker that somebody else has started, and there
/// are nannies, a client that may is asked for its offer; each nanny is offered it, and says which files it lacks.
/// A file is asked from the client in chunks, a few ahead of what has come, and each chunk is passed to all nannies
/// that lacked the file when its transfer began: a nanny that comes later waits for the next transfer of the file.
/// Nothing of a file is kept here. What is asked for is limited by what nannies have not taken yet.
///
/// A transfer goes on with another client when its own is gone; without any it is given up, and the nannies are told.
/// When all nannies have refused a program, and it has no workers, its clients are told why. A nanny whose workers
/// die again and again before they come here counts as one that has refused: it cannot know whether they have come.
class program_router {
 public:
  using key = std::uint64_t;  // of a session
  struct surroundings {
    std::function<std::size_t(const std::string& build_id)> workers_of;  // that are there now
    std::function<std::size_t()> all_workers;
    std::function<void(const std::string&)> say;
  };
  program_router(program_limits limits, surroundings around);
  ~program_router();

  /// `refused`: why it may not send programs; empty: it may.
  void client_came(time_ns now, key id, std::string build_id, std::shared_ptr<peer_link> l, std::string refused);
  void client_left(time_ns now, key id);
  void nanny_came(time_ns now, key id, std::shared_ptr<peer_link> l);
  void nanny_left(time_ns now, key id);
  /// Of whichever nanny, or of none.
  void worker_came(const std::string& build_id);
  /// Whether the client was asked for something.
  bool expects(key id) const;
  /// A message of a kind that is_of_programs. Throw protocol_error.
  void from_client(time_ns now, key id, std::uint16_t kind, const batch_reader& message);
  void from_nanny(time_ns now, key id, std::uint16_t kind, const batch_reader& message);
  /// Whether tick() has something to do in a moment.
  bool busy() const noexcept { return busy_; }
  void tick(time_ns now);

  std::size_t nannies() const noexcept { return nannies_.size(); }
  /// A nanny, and what it has said last of the worker of a program.
  struct nanny_worker {
    std::string nanny;
    std::string program;  // the name of its file; empty: the nanny has no worker
    worker_life life = worker_life::waiting;
    int process = 0;  // its number; of one that has ended or starts again the exit status
  };
  std::vector<nanny_worker> nanny_workers() const;
  /// Bytes of programs that clients have sent.
  std::uint64_t received_bytes() const noexcept { return received_; }

 private:
  struct program;
  struct client {
    std::shared_ptr<peer_link> link;
    std::string refused;
    std::uint64_t program;
  };
  struct nanny {
    std::shared_ptr<peer_link> link;
  };

  program* of(key id);
  program* spoken_of(std::uint64_t number);
  void consider(std::uint64_t number, program& p);
  void tell_clients(std::uint64_t number, program& p);
  void offer(std::uint64_t number, program& p, key to);
  void next_transfer(std::uint64_t number, program& p);
  void pump(std::uint64_t number, program& p);
  void chunk(std::uint64_t number, program& p, const program_chunk& m);
  void give_up(std::uint64_t number, program& p, const std::string& why);
  void refuse(std::uint64_t number, program& p, key by, const std::string& why);
  void live(std::uint64_t number, program& p, key at, const worker_state& m);
  void look_at_refusals(program& p);
  void fail_clients(program& p, const std::string& why);
  key source_of(const program& p) const;

  const program_limits limits_;
  const surroundings around_;
  std::map<std::string, std::uint64_t> numbers_;  // by build-id
  std::map<std::uint64_t, program> programs_;
  std::map<key, client> clients_;
  std::map<key, nanny> nannies_;
  std::uint64_t next_ = 1, received_ = 0;
  bool busy_ = false;
};

}  // namespace weft::net
