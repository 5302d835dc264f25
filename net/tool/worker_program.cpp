// A process that is a worker.
#include <signal.h>

#include <algorithm>
#include <exception>
#include <iostream>
#include <memory>
#include <utility>

#include "client/session.hpp"
#include "env/machine_memory.hpp"
#include "env/parent.hpp"
#include "env/process.hpp"
#include "env/scratch.hpp"
#include "tool/identity.hpp"
#include "tool/programs.hpp"
#include "transport/own_host.hpp"
#include "transport/readable.hpp"
#include "weft/scope.hpp"
#include "weft/sleep.hpp"
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

/// A free port of this machine, by the interface that leads to the scheduler: whoever reaches the scheduler from its
/// network reaches this too.
address beside(const address& scheduler) {
  address here = scheduler;
  here.port = 0;
  if (scheduler.has_port()) here.host = own_host_towards(scheduler);
  if (here.host.empty()) here.host = "127.0.0.1";  // nobody is reached: the scheduler's address will say why
  return here;
}

}  // namespace

int run_worker(const worker_settings& s) {
  try {
    detail::end_with_parent();
    detail::be_nice(static_cast<int>(s.nice));
    worker_options o;
    o.who = identity_of(s.security, peer_role::worker);
    o.scheduler = parse_address(s.scheduler, o.who.bare());
    o.listen = s.listen.empty() ? beside(o.scheduler) : parse_address(s.listen, o.who.bare());
    if (o.scheduler.kind == address_kind::unix_socket && (s.listen.empty() || o.listen.has_port())) {
      o.listen = {address_kind::unix_socket, "@weft-worker-" + std::to_string(detail::process_id()), 0};
    } else if (o.listen.has_port() && (o.listen.host == "0.0.0.0" || o.listen.host == "::")) {
      o.announce = own_host_towards(o.scheduler);
    }
    o.name = s.name;
    o.submit_by = make_nested_client;
    o.resources = s.resources;
    o.library = s.library;
    const std::uint64_t machine = detail::usable_memory();
    o.memory_limit = s.memory_limit ? s.memory_limit : machine;
    o.memory.memory_limit = o.memory_limit;
    // Not what a client would take from WEFT_MEMORY: here that is the limit.
    o.memory.memory_budget = detail::part_of(o.memory_limit, memory_thresholds().target);
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

}  // namespace weft::net
