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

namespace {

net::configuration load_configuration() {
  net::configuration_places places;
  places.environment = net::process_environment();
  return net::configuration::load(places);
}

/// By these settings and no others.
task<client> connect_by(pool& p, const net::client_settings& s, std::string name, client_options options) {
  net::client_session_options o;
  o.who = net::identity_of(s.security, net::peer_role::client);
  o.scheduler = net::parse_address(s.scheduler, o.who.bare());
  o.name = std::move(name);
  o.library = s.library;
  o.link.try_for = s.connect_timeout;
  o.link.resume_for = std::min<std::chrono::nanoseconds>(s.connect_timeout, o.link.resume_for);
  o.memory = std::move(options);
  return net::connect_client(p, std::move(o));
}

}  // namespace

task<client> connect(pool& p, connect_options where, client_options options) {
  net::client_settings s = load_configuration().client();
  if (!where.address.empty()) {
    s.scheduler = where.address;
    s.security.insecure = false;
  }
  if (!where.certificates.empty()) s.security.certificates = where.certificates;
  s.security.insecure = s.security.insecure || where.insecure;
  s.library = s.library || where.library;
  if (where.timeout.count() != 0) s.connect_timeout = where.timeout;
  if (s.scheduler.empty())
    throw misuse(
        "weft: connect needs the scheduler's address: connect_options.address, WEFT_CLUSTER, or client.scheduler in "
        "a "
        "file");
  return connect_by(p, s, std::move(where.name), std::move(options));
}

// No default arguments: g++ 12 would destroy them twice where the call is awaited.
task<client> connect(pool& p, connect_options where) { return connect(p, std::move(where), client_options()); }
task<client> connect(pool& p) { return connect(p, connect_options()); }

// ---- programs ----------------------------------------------------------------------------------------------------

namespace {

net::configuration load_configuration(const net::program_flags& flags) {
  net::configuration c = load_configuration();
  flags.apply(c);
  return c;
}

task<int> run_on(pool& p, net::client_settings where, const detail::main_program& f, std::span<char*> arguments) {
  auto connecting = connect_by(p, where, {}, {});
  client c = co_await std::move(connecting);
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
    net::client_settings settings = how.client();
    pool_options workers;
    workers.threads = how.worker().threads;
    pool p(detail::options_of_program(workers));
    stop_on_interrupt guard(p);
    if (flags.local_cluster) {
      const net::worker_settings each = how.worker();
      local_cluster_options o;
      if (*flags.local_cluster != 0) o.workers = *flags.local_cluster;
      o.threads = each.threads;
      o.memory = each.memory_limit;
      o.resources = each.resources;
      o.spill_directory = each.spill_directory;
      o.spill_capacity = each.spill_capacity;
      o.nice = each.nice;
      o.tls = true;
      local_cluster cluster(o);
      settings.scheduler = cluster.where().address;
      settings.security = {cluster.where().certificates, false};
      settings.library = false;  // its workers run this program
      const int status = detail::run_to_end(p, argv[0], run_on(p, settings, f, flags.rest));
      p.drain_for(say_goodbye_within);
      return status;
    }
    if (!settings.scheduler.empty()) {
      const int status = detail::run_to_end(p, argv[0], run_on(p, settings, f, flags.rest));
      p.drain_for(say_goodbye_within);
      return status;
    }
    client c(p);
    return detail::run_to_end(p, argv[0], run_here(c, f, flags.rest));
  } catch (const net::wrong_use& e) {
    std::cerr << argv[0] << ": " << e.what() << '\n';
    return 2;
  } catch (...) { return detail::say_end(argv[0], std::current_exception()); }
}

}  // namespace weft
