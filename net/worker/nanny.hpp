#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "transport/link.hpp"
#include "transport/program_manifest.hpp"
#include "weft/pool.hpp"
#include "weft/stop.hpp"
#include "weft/sync.hpp"
#include "worker/program_store.hpp"
#include "worker/worker_process.hpp"

namespace weft::net {

struct nanny_options {
  address scheduler;
  security who;      // with the role nanny
  std::string name;  // empty: host and process
  link_options link;
  program_store::options store;
  program_limits limits;
  /// Programs whose workers run at the same time.
  unsigned programs = 2;
  /// A worker none of whose clients is there ends after so long; at once when another program waits for its place.
  std::chrono::nanoseconds idle = std::chrono::seconds(60);
  /// What all its workers have in common; `memory_limit` is that of one.
  worker_process_options worker;
  /// The command line of a worker of the program at this path.
  std::function<std::vector<std::string>(const std::string& program)> command;
};

/// Runs workers of the programs that clients bring: see docs/cluster.md, "Programs".
///
/// A session with the scheduler tells what programs there are, brings the files that the store lacks, and how many
/// clients each program has. A program is `offered`, then `ready` or refused; while it is ready and has clients it
/// has a worker, or waits for a place: there are `programs` places, first come, first served. A worker that has no
/// clients gives its place to who waits. When the session breaks workers go on, and the programs are offered anew on
/// the next one; when it ends in order all end.
///
/// All is called on one pool of one thread, but stop().
class nanny final : public std::enable_shared_from_this<nanny> {
 public:
  /// Throws bad_program or std::system_error when the store's directory cannot be.
  static std::shared_ptr<nanny> make(pool& p, nanny_options options);
  ~nanny();

  /// Serves until the scheduler ends, or end() is called. Gives why it ended; throws what kept it from beginning.
  static task<std::string> run(std::shared_ptr<nanny> self);
  /// Passes a signal on to the workers, and ends when they have. A second one kills them.
  void end(int signal);

 private:
  class session_handler;
  struct program;
  struct running {
    std::shared_ptr<worker_process> process;
    std::chrono::nanoseconds used{0};  // when clients were last there
    bool asked = false;                // to end
  };
  nanny(pool& p, nanny_options options);

  task<> serve();
  static task<> keep_time(std::shared_ptr<nanny> self);
  static task<> live(std::shared_ptr<nanny> self, digest whole, std::string assembled);
  void received(peer_link& from, std::span<const std::byte> messages);
  void offered(const program_offer& m);
  void came(const program_chunk& m);
  void clients(const program_clients& m);
  void drop(const program_failed& m);
  void refuse(std::uint64_t number, const std::string& why);
  bool in_use(const digest& whole) const;
  void make_end(running& worker);
  void place();
  void start(std::uint64_t number);
  void say(const std::string& sentence) const { options_.worker.say(sentence); }
  void tell(std::uint64_t number, worker_life life, int process);
  std::chrono::nanoseconds now() const noexcept;

  pool& pool_;
  const nanny_options options_;
  program_store store_;
  std::map<std::uint64_t, program> programs_;  // by the session's numbers
  std::map<digest, running> workers_;          // of programs by their digest
  std::uint64_t turns_ = 0;
  std::shared_ptr<peer_link> link_;
  std::string why_;
  bool session_over_ = false, in_order_ = false, ending_ = false;
  event session_end_, worker_end_;
  stop_source dialling_;  // by end()
};

}  // namespace weft::net
