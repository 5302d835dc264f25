#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../harness.hpp"
#include "raw.hpp"

namespace bench {

/// Dask's LocalCluster, two processes of one thread, driven by dask_cluster.py in a process of its own.
class dask_cluster {
 public:
  /// Dask hands a worker so many tasks for each thread: "1.1", its default, or "inf".
  explicit dask_cluster(const std::string& saturation);
  ~dask_cluster();
  dask_cluster(const dask_cluster&) = delete;
  dask_cluster& operator=(const dask_cluster&) = delete;
  static bool installed();
  /// Microseconds a task (a link, a round trip) of `what n`, for what the script knows.
  double microseconds(const std::string& what, long n);

 private:
  socket_pair talk_;
  std::unique_ptr<forked_process> process_;
};

/// Both settings, in the same run: `peer` is the faster one of them, the note tells the other.
sides beside_dask(sides out, const settings& s, const std::string& what, long n);

}  // namespace bench
