#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/client.hpp"
#include "weft/pool.hpp"
#include "weft/run.hpp"

/// The same program on many machines. Needs weft::net.
namespace weft {

struct connect_options {
  /// The scheduler's: `host:port`, `tcp://host:port`, `tls://host:port`, `unix:/path`. Empty: the setting
  /// client.scheduler, by WEFT_CLUSTER or a file (docs/cluster.md).
  std::string address = {};
  /// A directory that `weft certs` has made. Empty: security.certificates, by WEFT_CERTIFICATES or a file; when that
  /// is empty too, there are none.
  std::string certificates = {};
  /// Allow an address that others can reach without TLS. With an empty address security.insecure does so too.
  bool insecure = false;
  /// What the scheduler calls this client.
  std::string name = {};
  /// Ask for the kernels that the library has itself, and nothing else: any worker does that was started with
  /// `--library`, whatever its program, and needs none of this one's. weft is to be a shared library then
  /// (weft::shared), the same in all of them. What is submitted of this program's own code throws codec_error.
  bool library = false;
  /// How long to wait for the scheduler; 0: client.connect_timeout, which is 30 s unless somebody sets it.
  std::chrono::nanoseconds timeout{0};
};

/// A client of a cluster: what is submitted to it runs there. The workers must run this program, but for
/// connect_options::library. Throws
/// std::runtime_error, and says what is wrong: nobody there, no right to connect, another version, no certificate;
/// and std::invalid_argument for settings that cannot be.
///
/// With g++ 12 give the options a name first: in an expression that awaits, it destroys them twice.
task<client> connect(pool& p, connect_options where, client_options options);
task<client> connect(pool& p, connect_options where);
task<client> connect(pool& p);

struct local_cluster_options {
  unsigned workers = 2;
  /// Of each worker; 0: the processors, shared out.
  unsigned threads = 0;
  /// Workers are processes of this program, whose main must call weft::main or weft::init; else they are in this one.
  bool processes = true;
  /// TLS between them all, by certificates made for this cluster. Otherwise Unix sockets.
  bool tls = false;
  /// Bytes that each worker may use; 0: this machine's, shared out. The thresholds of memory_thresholds are fractions
  /// of it: a worker process that takes more than `terminate` of it is ended, and started again. Workers in this
  /// process take memory together: they are held back where it has taken 0.8 of what they may all use, beside what it
  /// had taken when the cluster began and 64 MiB; and never end for it.
  std::uint64_t memory = 0;
  /// Abstract resources of each worker: `gpu=1`.
  std::string resources = {};
  /// Where values go that memory has no room for (empty: /var/tmp), and the bytes of it that each worker may use (0:
  /// all).
  std::string spill_directory = {};
  std::uint64_t spill_capacity = 0;
  /// Of worker processes: lets others go first, as nice(1) does.
  unsigned nice = 5;
  /// Workers that die are started again, after 0.1 s at first, and after longer when they do so at once.
  bool restart = true;
  /// For all workers to come.
  std::chrono::nanoseconds start_within = std::chrono::seconds(30);
  /// For what they are doing when the cluster ends: then processes are killed.
  std::chrono::nanoseconds end_within = std::chrono::seconds(10);
};

/// A scheduler in this process, and workers on this machine.
class local_cluster {
 public:
  /// Starts it, and waits until the workers are there. Throws std::runtime_error when they do not come within
  /// `start_within`, or end before; then nothing is left of it.
  explicit local_cluster(local_cluster_options options = {});
  /// Ends the workers, and waits for them. Clients must be gone.
  ~local_cluster();
  local_cluster(const local_cluster&) = delete;
  local_cluster& operator=(const local_cluster&) = delete;

  /// What connect() takes to come here.
  connect_options where() const;
  /// The process ids of the workers, of those that are processes and run just now: for tests that kill them.
  std::vector<int> worker_processes() const;

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

/// For programs that have a main of their own: first in it. In a process that was started to be a worker (`program
/// --worker ADDRESS`) it is the worker, and does not return.
void init(int argc, char** argv);

namespace detail {

/// What weft::main runs: with the client, and the arguments that are the program's own.
using main_program = std::function<task<int>(client&, std::span<char*>)>;
int run_main(int argc, char** argv, const main_program& program);

}  // namespace detail

/// A whole program, on one machine or on many: `int main(int argc, char** argv) { return weft::main(argc, argv, f);
/// }` with `weft::task<> f(weft::client& c)`, which may also take the arguments (`std::span<char*>`, the program's
/// name first, without those below) and give an exit status (`task<int>`).
///
/// It runs on this process's own pool, unless WEFT_CLUSTER or `--cluster ADDRESS` names a scheduler, or
/// `--local-cluster[=N]` asks for N workers here. With `--worker ADDRESS` it is a worker instead.
template <class F>
int main(int argc, char** argv, F f) {
  constexpr bool takes_arguments = std::is_invocable_v<F&, client&, std::span<char*>>;
  constexpr bool fits = takes_arguments || std::is_invocable_v<F&, client&>;
  static_assert(fits,
                "weft: weft::main takes a function of (weft::client&), or of (weft::client&, std::span<char*>), that "
                "gives a weft::task<> or a weft::task<int>");
  if constexpr (fits) {
    return detail::run_main(argc, argv,
                            [f = std::move(f)](client& c, std::span<char*> arguments) mutable -> task<int> {
                              const auto start = [&] {
                                if constexpr (takes_arguments)
                                  return f(c, arguments);
                                else
                                  return f(c);
                              };
                              auto program = start();
                              if constexpr (std::is_same_v<decltype(program), task<int>>) {
                                co_return co_await std::move(program);
                              } else {
                                co_await std::move(program);
                                co_return 0;
                              }
                            });
  } else {
    return 2;
  }
}

}  // namespace weft
