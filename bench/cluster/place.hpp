#pragma once

/// A cluster of this machine, to be measured.
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/child.hpp"
#include "scheduler/server.hpp"
#include "weft/client.hpp"
#include "weft/pool.hpp"

namespace bench {

enum class transport { unix_socket, tcp, tls };

/// A directory of this process's own; removed at the end.
class scratch_directory {
 public:
  scratch_directory();
  ~scratch_directory();
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

/// A scheduler on a thread of this process, and workers that are processes of this program with one thread each.
class cluster_servers {
 public:
  explicit cluster_servers(transport by, unsigned workers = 2);
  ~cluster_servers();
  cluster_servers(const cluster_servers&) = delete;
  cluster_servers& operator=(const cluster_servers&) = delete;

  /// Starts worker number size(), of the first four with the resource of on(). Returns when the scheduler knows it.
  void add_worker();
  /// Sends a worker a signal.
  void kill(std::size_t worker, int signal);
  std::size_t size() const noexcept { return workers_.size(); }

  const std::string& address() const noexcept { return address_; }
  /// A directory of certificates; empty without TLS.
  std::string certificates() const;
  weft::net::scheduler_statistics statistics() const { return scheduler_->statistics(); }
  /// Waits until the scheduler knows so many. Throws, with what the workers have said.
  void wait_for_workers(std::size_t count);

 private:
  const transport by_;
  scratch_directory scratch_;
  weft::pool pool_{{.threads = 1}};
  std::shared_ptr<weft::net::scheduler_server> scheduler_;
  std::string address_;
  std::vector<weft::detail::child_process> workers_;
};

/// Where a task must run: `client.with({.resources = on(0)})`.
const char* on(unsigned worker);

/// Servers, and a client on one thread.
struct cluster_place : cluster_servers {
  explicit cluster_place(transport by, unsigned workers = 2);
  weft::pool pool{{.threads = 1}};
  weft::client client;
};

}  // namespace bench
