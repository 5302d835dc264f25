#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace weft::net {

// What the programs of a cluster are told: by files, the environment and flags, in the order that docs/cluster.md
// gives. Names of members are those of the settings, `scheduler.idle_timeout` and so on.

/// Who we are, and whom we believe.
struct security_settings {
  std::string certificates;  // a directory that `weft certs` has made; empty: none
  bool insecure = false;     // allow addresses that others can reach without TLS
};

struct scheduler_settings {
  std::vector<std::string> listen = {"127.0.0.1:8786"};
  security_settings security;
  std::string address_file;  // where the addresses that it listens on are written, one a line, once it does
  std::chrono::nanoseconds idle_timeout{0};        // without tasks and clients: ends; 0: never
  std::chrono::nanoseconds worker_ttl{60'000'000'000};  // a worker that is silent so long is lost
  std::chrono::nanoseconds resume_timeout{30'000'000'000};  // a peer without a connection is lost after so long
  double saturation = 1.1;
  unsigned allowed_failures = 3;
  std::chrono::nanoseconds no_worker_limit{0};  // tasks that no worker may run fail after so long; 0: they wait
};

struct worker_settings {
  std::string scheduler = "127.0.0.1:8786";
  security_settings security;
  std::string name;                  // empty: host and process
  std::string listen;                // where peers fetch values; empty: where the scheduler reaches this machine
  unsigned threads = 0;              // 0: as many as there are processors
  unsigned nice = 5;                 // of the process, as nice(1) has it
  std::uint64_t memory_limit = 0;    // bytes; 0: the machine's, or the cgroup's
  std::string resources;             // `gpu=1 licence=0.5`
  std::string spill_directory;
  std::uint64_t spill_capacity = 0;
  std::chrono::nanoseconds lifetime{0};       // retires after so long; 0: never
  std::chrono::nanoseconds death_timeout{60'000'000'000};  // without the scheduler: ends
  bool nanny = true;                 // a parent process that restarts it
  bool library = false;              // for clients of the library's kernels alone
  // Of a nanny without a program of its own, which runs those that clients bring.
  std::string program_cache;  // empty: in the user's cache directory
  std::uint64_t program_cache_limit = std::uint64_t{4} << 30;
  std::uint64_t program_limit = std::uint64_t{1} << 30;
  unsigned programs = 2;                                  // that run at the same time
  std::chrono::nanoseconds program_idle{60'000'000'000};  // without clients: its worker ends
};

struct client_settings {
  std::string scheduler;  // empty: no cluster
  security_settings security;
  std::chrono::nanoseconds connect_timeout{30'000'000'000};
  bool library = false;  // asks for the library's kernels alone
};

}  // namespace weft::net
