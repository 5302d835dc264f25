// A process that is a worker, and one that watches over such processes.
#include <signal.h>

#include <algorithm>
#include <exception>
#include <iostream>
#include <memory>
#include <utility>

#include "client/session.hpp"
#include "env/child.hpp"
#include "env/machine_memory.hpp"
#include "env/scratch.hpp"
#include "exec/pool_core.hpp"
#include "tool/identity.hpp"
#include "tool/program_flags.hpp"
#include "tool/programs.hpp"
#include "transport/own_host.hpp"
#include "transport/readable.hpp"
#include "weft/scope.hpp"
#include "weft/sleep.hpp"
#include "weft/timeout.hpp"
#include "worker/worker.hpp"

namespace weft::net {

namespace {

constexpr int ending_signals[] = {SIGINT, SIGTERM};

task<> stop_on_signal(pool& p, std::shared_ptr<worker> w) {
  const int signal = co_await wait_signal(p, ending_signals);
  w->stop(signal == SIGINT ? "interrupted" : "asked to end");
}

task<> retire_after(std::shared_ptr<worker> w, std::chrono::nanoseconds lifetime) {
  co_await sleep_for(lifetime);
  w->retire();
}

/// The end of a worker's session that is nobody's fault gives 0.
task<int> serve(nursery& beside, pool* p, std::shared_ptr<worker> w, std::chrono::nanoseconds lifetime) {
  beside.spawn(stop_on_signal(*p, w));
  if (lifetime.count() != 0) beside.spawn(retire_after(w, lifetime));
  const std::string why = co_await worker::run(w);
  std::cerr << "weft worker: " << why << '\n';
  beside.request_stop();
  co_return w->in_order() ? 0 : 1;
}

}  // namespace

int run_worker(const worker_settings& s) {
  try {
    worker_options o;
    o.who = identity_of(s.security, peer_role::worker);
    o.scheduler = parse_address(s.scheduler, o.who.bare());
    o.listen = parse_address(s.listen, o.who.bare());
    if (o.scheduler.kind == address_kind::unix_socket && o.listen.has_port()) {
      o.listen = {address_kind::unix_socket, "@weft-worker-" + std::to_string(detail::process_id()), 0};
    } else if (o.listen.has_port() && (o.listen.host == "0.0.0.0" || o.listen.host == "::")) {
      o.announce = own_host_towards(o.scheduler);
    }
    o.name = s.name;
    o.submit_by = make_nested_client;
    o.resources = s.resources;
    const std::uint64_t machine = detail::usable_memory();
    o.memory_limit = s.memory_limit ? s.memory_limit : machine;
    o.memory.memory_limit = s.memory_limit;
    o.memory.spill_directory = s.spill_directory;
    o.memory.spill_capacity = s.spill_capacity;
    o.link.try_for = s.death_timeout;
    o.link.resume_for = std::min<std::chrono::nanoseconds>(s.death_timeout, o.link.resume_for);
    pool p({.threads = s.threads});
    auto w = worker::make(p, std::move(o));
    return p.run(scope(serve, &p, w, s.lifetime));
  } catch (const cancelled&) { return 130; } catch (const std::exception& e) {
    std::cerr << "weft worker: " << e.what() << '\n';
    return 1;
  }
}

// ---- the nanny ---------------------------------------------------------------------------------------------------

namespace {

/// Starts a worker process again and again, until it ends in order or we are asked to end. One that dies at once is
/// waited for longer each time.
class nanny {
 public:
  nanny(pool& p, const worker_settings& s, std::vector<std::string> command)
      : pool_(p), settings_(s), command_(std::move(command)) {}

  task<int> run() {
    std::chrono::nanoseconds pause = first_pause;
    for (;;) {
      const auto began = std::chrono::nanoseconds(pool_.core().now_ns());
      child_ = detail::child_process::start(
          {.command = command_, .environment = {}, .output = {}, .with_terminal = false});
      const int status = co_await watch();
      if (status == 0 || ending_ || !settings_.nanny) co_return status;
      const auto lived = std::chrono::nanoseconds(pool_.core().now_ns()) - began;
      pause = lived > calm ? first_pause : std::min<std::chrono::nanoseconds>(pause * 2, longest_pause);
      std::cerr << "weft nanny: the worker has ended with status " << status << ", and is started again\n";
      co_await sleep_for(pause);
    }
  }
  void end(int signal) {
    ending_ = true;
    child_.signal(signal);
  }

 private:
  static constexpr std::chrono::milliseconds first_pause{100};
  static constexpr std::chrono::seconds longest_pause{30}, calm{60};
  static constexpr double terminate = 0.95;  // of worker.memory_limit: then it is killed

  /// Its end; kills it when it takes more memory than it may.
  task<int> watch() {
    const std::uint64_t limit = settings_.memory_limit;
    for (;;) {
      if (const auto status = child_.status()) co_return *status;
      if (limit != 0) {
        const std::uint64_t taken = detail::resident_memory_of(child_.id());
        if (static_cast<double>(taken) > terminate * static_cast<double>(limit)) {
          std::cerr << "weft nanny: the worker takes " << taken << " bytes of the " << limit
                    << " that worker.memory_limit allows, and is killed\n";
          child_.signal(SIGKILL);
        }
      }
      try {
        co_await weft::timeout(std::chrono::milliseconds(limit ? 100 : 10'000),
                               wait_readable(pool_, child_.descriptor()));
      } catch (const timed_out&) {}
    }
  }

  pool& pool_;
  const worker_settings settings_;
  const std::vector<std::string> command_;
  detail::child_process child_;
  bool ending_ = false;
};

task<> pass_signals(pool& p, nanny& n) {
  for (;;) n.end(co_await wait_signal(p, ending_signals));
}

task<int> watch_over(nursery& beside, pool* p, nanny* n) {
  beside.spawn(pass_signals(*p, *n));
  const int status = co_await n->run();
  beside.request_stop();
  co_return status;
}

}  // namespace

int run_nanny(const worker_settings& s, const std::vector<std::string>& command) {
  try {
    pool p({.threads = 1});
    nanny n(p, s, worker_command(command, s));
    return p.run(scope(watch_over, &p, &n));
  } catch (const std::exception& e) {
    std::cerr << "weft nanny: " << e.what() << '\n';
    return 1;
  }
}

}  // namespace weft::net
