// A process that is a scheduler.
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "env/process.hpp"
#include "env/scratch.hpp"
#include "scheduler/server.hpp"
#include "tool/identity.hpp"
#include "tool/programs.hpp"
#include "transport/readable.hpp"
#include "weft/scope.hpp"

namespace weft::net {

namespace {

/// At once: who waits for the file finds all of them in it.
void write_addresses(const std::string& file, const std::string& addresses) {
  const std::string made = file + ".new" + std::to_string(detail::process_id());
  std::ofstream out(made);
  out << addresses;
  out.close();
  if (!out || std::rename(made.c_str(), file.c_str()) != 0) {
    std::remove(made.c_str());
    throw std::runtime_error("weft: cannot write scheduler.address_file " + file);
  }
}

task<> stop_on_signal(pool& p, std::shared_ptr<scheduler_server> s) {
  constexpr int signals[] = {SIGINT, SIGTERM};
  const int signal = co_await wait_signal(p, signals);
  s->stop(signal == SIGINT ? "interrupted" : "asked to end");
}

task<std::string> serve(nursery& beside, pool* p, std::shared_ptr<scheduler_server> s) {
  beside.spawn(stop_on_signal(*p, s));
  std::string why = co_await scheduler_server::run(s);
  beside.request_stop();
  co_return why;
}

}  // namespace

int run_scheduler(const scheduler_settings& s) {
  try {
    detail::raise_file_limit();
    server_options o;
    o.who = identity_of(s.security, peer_role::scheduler);
    for (const std::string& a : s.listen) o.listen.push_back(parse_address(a, o.who.bare()));
    o.core.saturation = s.saturation;
    o.core.allowed_losses = s.allowed_failures;
    o.core.no_worker_limit = s.no_worker_limit.count();
    o.core.worker_ttl = s.worker_ttl.count();
    o.link.resume_for = s.resume_timeout;
    o.core.idle_timeout = s.idle_timeout.count();
    pool p({.threads = 1});
    auto server = scheduler_server::make(p, std::move(o));
    std::string addresses;
    for (const address& a : server->start()) addresses += to_string(a) + '\n';
    std::cout << addresses << std::flush;
    if (!s.address_file.empty()) write_addresses(s.address_file, addresses);
    const std::string why = p.run(scope(serve, &p, server));
    p.drain_for(std::chrono::seconds(5));  // peers are told
    std::cerr << "weft scheduler: " + why + '\n';
    return 0;
  } catch (const cancelled&) { return 130; } catch (const std::exception& e) {
    std::cerr << "weft scheduler: " << e.what() << '\n';
    return 1;
  }
}

}  // namespace weft::net
