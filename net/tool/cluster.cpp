// What include/weft/cluster.hpp declares: clients of clusters, clusters on this machine, and whole programs.
#include "weft/cluster.hpp"

#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "base/config.hpp"
#include "client/session.hpp"
#include "env/child.hpp"
#include "env/machine_memory.hpp"
#include "env/parent.hpp"
#include "env/scratch.hpp"
#include "exec/pool_core.hpp"
#include "scheduler/server.hpp"
#include "tool/identity.hpp"
#include "tool/program_flags.hpp"
#include "tool/programs.hpp"
#include "transport/readable.hpp"
#include "weft/sleep.hpp"
#include "weft/timeout.hpp"
#include "worker/worker.hpp"

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

// ---- a cluster on this machine -----------------------------------------------------------------------------------

namespace {

/// A directory of certificates for the processes of one cluster; removed at the end.
class certificate_directory {
 public:
  certificate_directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weft-cluster-XXXXXX").string();
    if (!::mkdtemp(pattern.data()))
      throw std::system_error(errno, std::generic_category(), "weft: cannot make a directory " + pattern);
    path_ = pattern;
    net::write_certificates(path_, {});
  }
  certificate_directory(const certificate_directory&) = delete;
  certificate_directory& operator=(const certificate_directory&) = delete;
  ~certificate_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

task<> run_server(std::shared_ptr<net::scheduler_server> s) { co_await net::scheduler_server::run(std::move(s)); }

task<> run_in_process(std::shared_ptr<net::worker> w) {
  try {
    co_await net::worker::run(w);
  } catch (const std::exception& e) { std::cerr << "weft: a worker of a local cluster: " << e.what() << '\n'; }
}

std::string unique_name(const std::string& what) {
  static std::atomic<int> number{0};
  return "@weft-" + what + "-" + std::to_string(detail::process_id()) + "-" + std::to_string(++number);
}

}  // namespace

struct local_cluster::parts {
  explicit parts(local_cluster_options o) : options(std::move(o)), workers(options.workers) {}

  void start();
  void start_process(std::size_t i);
  static task<> watch(parts* self, std::size_t i);

  struct one {
    detail::child_process process;
    std::unique_ptr<pool> threads;
    std::shared_ptr<net::worker> here;
  };

  const local_cluster_options options;
  std::optional<certificate_directory> certificates;
  pool scheduler_pool{{.threads = 1}};
  std::shared_ptr<net::scheduler_server> scheduler;
  net::worker_settings settings;
  std::mutex lock;  // of what follows
  std::vector<one> workers;
  bool ending = false;
};

void local_cluster::parts::start() {
  using namespace net;
  server_options o;
  address a;
  if (options.tls) {
    certificates.emplace();
    o.who = security::from_directory(certificates->path(), peer_role::scheduler);
    a = {address_kind::tls, "127.0.0.1", 0};
  } else {
    a = {address_kind::unix_socket, unique_name("scheduler"), 0};
  }
  o.listen.push_back(a);
  scheduler = scheduler_server::make(scheduler_pool, std::move(o));
  settings.scheduler = to_string(scheduler->start().front());
  scheduler_pool.spawn(run_server(scheduler));

  const unsigned processors = std::max(1u, pool({.threads = 0}).size());
  settings.threads = options.threads ? options.threads : std::max(1u, processors / std::max(1u, options.workers));
  settings.memory_limit = options.memory ? options.memory : detail::usable_memory() / std::max(1u, options.workers);
  settings.resources = options.resources;
  settings.death_timeout = std::chrono::seconds(10);
  settings.nanny = false;
  settings.listen = "127.0.0.1:0";
  if (certificates) settings.security.certificates = certificates->path();
  for (std::size_t i = 0; i < workers.size(); ++i) {
    if (options.processes) {
      start_process(i);
      continue;
    }
    worker_options w;
    w.scheduler = parse_address(settings.scheduler);
    if (certificates) {
      w.who = security::from_directory(certificates->path(), peer_role::worker);
      w.listen = {address_kind::tls, "127.0.0.1", 0};
    } else {
      w.listen = {address_kind::unix_socket, unique_name("worker"), 0};
    }
    w.name = "worker-" + std::to_string(i);
    w.submit_by = make_nested_client;
    w.resources = options.resources;
    w.memory_limit = settings.memory_limit;
    w.memory.memory_budget = settings.memory_limit / 10 * 6;
    workers[i].threads = std::make_unique<pool>(pool_options{.threads = settings.threads});
    workers[i].here = worker::make(*workers[i].threads, std::move(w));
    workers[i].threads->spawn(run_in_process(workers[i].here));
  }
}

void local_cluster::parts::start_process(std::size_t i) {
  net::worker_settings s = settings;
  s.name = "worker-" + std::to_string(i);
  workers[i].process =
      detail::child_process::start({.command = net::worker_command(std::vector{detail::own_program()}, s),
                                    .environment = {detail::parent_setting()},
                                    .output = {},
                                    .with_terminal = false});
  scheduler_pool.spawn(watch(this, i));
}

/// Starts a worker again that has died.
task<> local_cluster::parts::watch(parts* self, std::size_t i) {
  int descriptor = -1;
  {
    std::lock_guard guard(self->lock);
    descriptor = self->workers[i].process.descriptor();
  }
  co_await net::wait_readable(self->scheduler_pool, descriptor);
  std::lock_guard guard(self->lock);
  if (self->ending || !self->options.restart) co_return;
  self->start_process(i);
}

local_cluster::local_cluster(local_cluster_options options) : parts_(std::make_unique<parts>(std::move(options))) {
  {
    std::lock_guard guard(parts_->lock);
    parts_->start();
  }
  const auto wait = [](std::shared_ptr<net::scheduler_server> s, std::size_t count) -> task<> {
    co_await weft::timeout(std::chrono::seconds(30), net::scheduler_server::wait_for_workers(std::move(s), count));
  };
  try {
    parts_->scheduler_pool.run(wait(parts_->scheduler, parts_->workers.size()));
  } catch (const timed_out&) {
    throw std::runtime_error(
        "weft: the workers of a local cluster have not come within 30 s; the program's main must "
        "call weft::main or weft::init first, or local_cluster_options.processes must be false");
  }
}

local_cluster::~local_cluster() {
  parts& p = *parts_;
  {
    std::lock_guard guard(p.lock);
    p.ending = true;
  }
  p.scheduler->stop("the program ends");
  for (parts::one& w : p.workers) {
    if (w.here) w.here->stop("the program ends");
    if (w.process.id() != 0) {
      w.process.signal(SIGTERM);
      w.process.wait();
    }
    if (w.threads) w.threads->drain_for(std::chrono::seconds(10));
  }
  p.scheduler_pool.drain_for(std::chrono::seconds(10));
}

connect_options local_cluster::where() const {
  connect_options where;
  where.address = parts_->settings.scheduler;
  where.certificates = parts_->settings.security.certificates;
  return where;
}

std::vector<int> local_cluster::worker_processes() const {
  std::lock_guard guard(parts_->lock);
  std::vector<int> all;
  for (const parts::one& w : parts_->workers)
    if (w.process.id() != 0) all.push_back(w.process.id());
  return all;
}

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
