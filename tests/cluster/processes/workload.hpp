#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/processes/plan.hpp"
#include "weft/weft.hpp"

namespace weft::net::processes {

/// What a client's program has found.
struct findings {
  std::string wrong;  // the first that was not as it should be; empty: all is well
  std::uint64_t values = 0, failures = 0, cancelled = 0, late = 0, calls = 0, lost_calls = 0;
  bool cluster_lost = false;  // it was said so: what had not ended then has failed
};
/// Whether that is the sentence by which a client is told.
bool is_loss_of_cluster(std::string_view what) noexcept;

/// A client's program: random graphs of tasks, each of which gives a hash of what it takes, so that there is one
/// right answer; calls under a lease beside them. Ends when all that it has kept has ended, and was looked at; or
/// when the cluster is lost.
task<> run_program(const client& c, const plan& p, std::uint64_t seed, findings& found);

/// Where the tasks of all programs compute, as long as this lives: one at a time.
class computing {
 public:
  explicit computing(simulation& where) noexcept;
  ~computing();
  computing(const computing&) = delete;
  computing& operator=(const computing&) = delete;
};

}  // namespace weft::net::processes
