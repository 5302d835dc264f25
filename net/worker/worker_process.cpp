#include "worker/worker_process.hpp"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "base/config.hpp"
#include "base/log.hpp"
#include "env/machine_memory.hpp"
#include "env/parent.hpp"
#include "env/scratch.hpp"
#include "exec/pool_core.hpp"
#include "spill/scratch.hpp"
#include "transport/readable.hpp"
#include "weft/blocking.hpp"
#include "weft/sleep.hpp"
#include "weft/timeout.hpp"

namespace weft::net {

namespace {

constexpr std::chrono::nanoseconds never = std::chrono::nanoseconds::max();

/// Of processes that are gone: that of `process`, and what others have left.
void remove_spilled(const std::string& under, int process) {
  const std::string prefix = "weft-spill-" + std::to_string(process) + "-";
  try {
    if (!detail::own_directories(under, prefix).empty()) detail::scratch_directory sweeps(under);
  } catch (const std::exception&) {}  // no such directory: nothing was spilled
}

std::string ended_with(int status) {
  return status > 128 && status <= 128 + SIGRTMAX ? "was killed by signal " + std::to_string(status - 128)
                                                  : "has ended with status " + std::to_string(status);
}

}  // namespace

worker_process::worker_process(pool& p, worker_process_options options)
    : pool_(p), options_(std::move(options)), kill_at_(never) {}

worker_process::~worker_process() = default;

std::chrono::nanoseconds worker_process::now() const noexcept {
  return std::chrono::nanoseconds(pool_.core().now_ns());
}

task<int> worker_process::run(std::shared_ptr<worker_process> self) {
  worker_process& w = *self;
  std::chrono::nanoseconds pause = w.options_.first_pause;
  for (;;) {
    const auto began = w.now();
    const int status = co_await w.live();
    w.options_.told(process_event::ended, status);
    if (w.ending_) co_return status == 128 + *w.ending_ ? 0 : status;  // it died of what asked it to end
    if (!w.too_large_ && (status == 0 || status == 2)) co_return status;
    if (!w.options_.restart) co_return status;
    pause = w.now() - began > w.options_.calm ? w.options_.first_pause : pause;
    w.options_.say("the worker " + (w.too_large_ ? "took too much memory" : ended_with(status)) +
                   ", and is started again");
    w.options_.told(process_event::restarting, status);
    try {
      co_await weft::timeout(pause, w.ended_.wait());
    } catch (const timed_out&) {}
    if (w.ending_) co_return 0;
    pause = std::min(pause * 2, w.options_.longest_pause);
  }
}

/// One life of the worker; gives its status.
task<int> worker_process::live() {
  too_large_ = false;
  kill_at_ = never;
  if (options_.own_group && (options_.memory_limit != 0 || options_.processors > 0)) {
    std::string why;
    detail::cgroup_limits::options group;
    group.name = "weft-worker-" + std::to_string(detail::process_id()) + "-" + std::to_string(++lives_) + "-" +
                 std::to_string(reinterpret_cast<std::uintptr_t>(this) >> 4);
    group.memory = options_.memory_limit;
    group.processors = options_.processors;
    limits_ = detail::cgroup_limits::make(group, why);
    if (!why.empty())
      detail::log_once("nanny cgroup", "workers are watched, but not limited by a cgroup of their own: " + why);
  }
  detail::child_process::options o;
  o.command = options_.command;
  o.environment = options_.environment;
  o.environment.push_back(detail::parent_setting());
  child_ = detail::child_process::start(o);
  const int process = child_.id();
  running_ = true;
  if (limits_)
    if (const std::error_code error = limits_->add(process); error && !child_.status())
      detail::log_once("nanny cgroup", "a worker could not be put into its cgroup: " + error.message());
  options_.told(process_event::started, process);
  if (ending_) child_.signal(*ending_);

  std::optional<int> status;
  while (!(status = child_.status())) {
    const auto t = now();
    look_at_memory(t);
    if (t >= kill_at_) child_.signal(SIGKILL);
    // Without a pidfd the end is looked for.
    const bool has_descriptor = child_.descriptor() >= 0;
    std::chrono::nanoseconds wait = options_.memory_limit || !has_descriptor ? options_.look_every : kill_at_ - t;
    wait = std::clamp<std::chrono::nanoseconds>(wait, std::chrono::milliseconds(1), std::chrono::seconds(1));
    if (!has_descriptor) {
      co_await sleep_for(wait);
      continue;
    }
    try {
      co_await weft::timeout(wait, wait_readable(pool_, child_.descriptor()));
    } catch (const timed_out&) {}
  }
  running_ = false;
  if (limits_ && limits_->killed() != 0) {
    options_.say("the worker has used up the " + std::to_string(options_.memory_limit) +
                 " bytes that worker.memory_limit allows, and the kernel has killed it");
    too_large_ = true;
  }
  co_await clean_up(process);
  co_return *status;
}

void worker_process::look_at_memory(std::chrono::nanoseconds t) {
  if (options_.memory_limit == 0) return;
  const auto limit = static_cast<double>(options_.memory_limit);
  const std::uint64_t taken = detail::resident_memory_of(child_.id());
  const auto part = static_cast<double>(taken) / limit;
  if (part > 1) {
    if (!too_large_)
      options_.say("the worker takes " + std::to_string(taken) + " bytes of the " +
                   std::to_string(options_.memory_limit) + " that worker.memory_limit allows, and is killed");
    too_large_ = true;
    child_.signal(SIGKILL);
  } else if (part > options_.terminate && !too_large_) {
    options_.say("the worker takes " + std::to_string(taken) + " bytes of the " +
                 std::to_string(options_.memory_limit) + " that worker.memory_limit allows, and is asked to end");
    too_large_ = true;
    kill_at_ = std::min(kill_at_, t + options_.end_within);
    child_.signal(SIGTERM);
  }
}

task<> worker_process::clean_up(int process) {
  limits_.reset();
  std::string under = options_.spill_directory;
  if (under.empty()) under = detail::setting("WEFT_SPILL", "/var/tmp");
  const auto remove = [&under, process] { remove_spilled(under, process); };
  co_await blocking(remove);
}

void worker_process::end(int signal) {
  const bool again = ending_.has_value();
  if (!again) ending_ = signal;
  ended_.set();
  if (!running_) return;
  child_.signal(again ? SIGKILL : signal);
  kill_at_ = std::min(kill_at_, now() + options_.end_within);
}

}  // namespace weft::net
