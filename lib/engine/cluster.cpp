// What a client says and asks of its cluster, beside its tasks.
#include <algorithm>
#include <string>
#include <utility>

#include "base/words.hpp"
#include "engine/engine.hpp"
#include "engine/failure.hpp"
#include "weft/client.hpp"
#include "weft/errors.hpp"

namespace weft {

namespace {

task<cluster_info> nothing_there() { co_return cluster_info(); }

/// Throws misuse when a name is none of a worker's.
void check_names(std::string_view named, const cluster_info& there) {
  for (const std::string_view word : detail::words(named)) {
    if (std::any_of(there.workers.begin(), there.workers.end(),
                    [&](const worker_info& w) { return w.name == word || w.address == word; }))
      continue;
    std::string names;
    for (const worker_info& w : there.workers) (names += names.empty() ? "" : ", ") += w.name;
    throw misuse("weft: retire_workers: there is no worker '" + std::string(word) + "'; " +
                 (names.empty() ? "there is none at all" : "there are " + names));
  }
}

task<cluster_info> retire(task<cluster_info> asked, std::string names) {
  cluster_info there = co_await std::move(asked);
  check_names(names, there);
  co_return there;
}

}  // namespace

task<cluster_info> client::cluster() const {
  if (detail::remote_home* at = engine_->cluster()) return at->look({});
  return nothing_there();
}

/// No coroutine: what the names refer to may be gone when the task begins.
task<cluster_info> client::retire_workers(std::string_view workers) const {
  detail::check_list("retire_workers", workers);
  std::string names(workers);
  detail::remote_home* const at = engine_->cluster();
  task<cluster_info> asked = at && !detail::words(names).empty() ? at->look(names) : cluster();
  return retire(std::move(asked), std::move(names));
}

void client::rebalance() const {
  if (detail::remote_home* at = engine_->cluster()) at->rebalance();
}

void client::replicate_node(detail::node& n, unsigned copies) const {
  if (copies == 0) throw misuse("weft: replicate: there is no value without a copy: copies must be 1 or more");
  if (n.home != engine_.get())
    throw misuse("weft: replicate: " + detail::key_of(n) +
                 " is a task of another client: let that one replicate its value");
  if (n.is(detail::node_state::failed) || n.is(detail::node_state::cancelled)) return;  // perhaps never submitted
  // What stands for the end of many tasks is none of the cluster's.
  if (detail::remote_home* at = engine_->cluster(); at && n.number != 0) at->replicate(n.number, copies);
}

}  // namespace weft
