// What include/weft/cluster.hpp declares of clients of clusters and of whole programs.
#include "weft/cluster.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "base/config.hpp"
#include "client/session.hpp"
#include "tool/identity.hpp"
#include "tool/program_flags.hpp"
#include "tool/programs.hpp"

namespace weft {

task<client> connect(pool& p, connect_options where, client_options options) {
  if (where.address.empty()) where.address = detail::setting("WEFT_CLUSTER", "");
  if (where.certificates.empty()) where.certificates = detail::setting("WEFT_CERTIFICATES", "");
  if (where.address.empty())
    throw misuse("weft: connect needs the scheduler's address: connect_options.address, or WEFT_CLUSTER");
  net::client_session_options o;
  o.who = net::identity_of({where.certificates, where.insecure}, net::peer_role::client);
  o.scheduler = net::parse_address(where.address, o.who.bare());
  o.name = std::move(where.name);
  o.link.try_for = where.timeout;
  o.link.resume_for = std::min(where.timeout, o.link.resume_for);
  o.memory = std::move(options);
  return net::connect_client(p, std::move(o));
}

// No default arguments: g++ 12 would destroy them twice where the call is awaited.
task<client> connect(pool& p, connect_options where) { return connect(p, std::move(where), client_options()); }
task<client> connect(pool& p) { return connect(p, connect_options()); }

// ---- programs ----------------------------------------------------------------------------------------------------

namespace {

net::configuration load_configuration(const net::program_flags& flags) {
  net::configuration_places places;
  places.environment = net::process_environment();
  net::configuration c = net::configuration::load(places);
  flags.apply(c);
  return c;
}

task<int> run_on(pool& p, connect_options where, const detail::main_program& f, std::span<char*> arguments) {
  client c = co_await connect(p, std::move(where));
  co_return co_await f(c, arguments);
}

task<int> run_here(client& c, const detail::main_program& f, std::span<char*> arguments) {
  co_return co_await f(c, arguments);
}

}  // namespace

void init(int argc, char** argv) {
  const auto says_worker = [](const char* word) {
    return std::string_view(word) == "--worker" || std::string_view(word).starts_with("--worker=");
  };
  if (std::none_of(argv, argv + argc, says_worker)) return;
  int status = 2;
  try {
    const net::program_flags flags = net::parse_program_flags({argv, static_cast<std::size_t>(argc)});
    if (!flags.worker) return;
    status = net::run_worker(load_configuration(flags).worker());
  } catch (const std::exception& e) { std::cerr << argv[0] << ": " << e.what() << '\n'; }
  std::exit(status);
}

/// For the ends of a client's sessions.
constexpr std::chrono::seconds say_goodbye_within{5};

int detail::run_main(int argc, char** argv, const main_program& f) {
  try {
    net::program_flags flags = net::parse_program_flags({argv, static_cast<std::size_t>(argc)});
    const net::configuration how = load_configuration(flags);
    if (flags.worker) return net::run_worker(how.worker());
    const net::client_settings settings = how.client();
    pool_options workers;
    workers.threads = how.worker().threads;
    pool p(detail::options_of_program(workers));
    stop_on_interrupt guard(p);
    if (flags.local_cluster) {
      local_cluster_options o;
      if (*flags.local_cluster != 0) o.workers = *flags.local_cluster;
      o.tls = true;
      local_cluster cluster(o);
      const int status = p.run(run_on(p, cluster.where(), f, flags.rest));
      p.drain_for(say_goodbye_within);
      return status;
    }
    if (!settings.scheduler.empty()) {
      connect_options where;
      where.address = settings.scheduler;
      where.certificates = settings.security.certificates;
      where.insecure = settings.security.insecure;
      where.timeout = settings.connect_timeout;
      const int status = p.run(run_on(p, std::move(where), f, flags.rest));
      p.drain_for(say_goodbye_within);
      return status;
    }
    client c(p);
    return p.run(run_here(c, f, flags.rest));
  } catch (const net::wrong_use& e) {
    std::cerr << argv[0] << ": " << e.what() << '\n';
    return 2;
  } catch (...) { return detail::say_end(argv[0], std::current_exception()); }
}

}  // namespace weft
