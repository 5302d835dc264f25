// What include/weft/cluster.hpp declares of clusters on this machine.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>

#include "base/config.hpp"
#include "client/session.hpp"
#include "env/child.hpp"
#include "env/machine_memory.hpp"
#include "env/parent.hpp"
#include "env/scratch.hpp"
#include "exec/pool_core.hpp"
#include "scheduler/server.hpp"
#include "tool/program_flags.hpp"
#include "transport/certificates.hpp"
#include "weft/cluster.hpp"
#include "weft/stop.hpp"
#include "weft/sync.hpp"
#include "weft/timeout.hpp"
#include "worker/worker.hpp"
#include "worker/worker_process.hpp"

namespace weft {

namespace {

/// A directory of certificates for the processes of one cluster; removed at the end.
class certificate_directory {
 public:
  certificate_directory()
      : path_(detail::make_unique_directory(detail::setting("TMPDIR", "/tmp") + "/weft-cluster-")) {
    try {
      net::certificates_options all;
      all.authority_key = false;
      net::write_certificates(path_, all);
    } catch (...) {
      detail::remove_tree(path_);
      throw;
    }
  }
  certificate_directory(const certificate_directory&) = delete;
  certificate_directory& operator=(const certificate_directory&) = delete;
  ~certificate_directory() { detail::remove_tree(path_); }
  const std::string& path() const noexcept { return path_; }

 private:
  const std::string path_;
};

/// A worker that dies so often before all have come would do so again.
constexpr unsigned most_deaths = 3;
/// What a process takes beside the values of its workers, when they are in this one.
constexpr std::uint64_t beside_values = std::uint64_t{64} << 20;
/// For what is in this process, when the cluster ends.
constexpr std::chrono::seconds drain_within{10};

task<> run_server(std::shared_ptr<net::scheduler_server> s) { co_await net::scheduler_server::run(std::move(s)); }

void say(const std::string& sentence) { std::cerr << "weft: a local cluster: " + sentence + "\n" << std::flush; }

task<> run_in_process(std::shared_ptr<net::worker> w) {
  try {
    co_await net::worker::run(w);
  } catch (const std::exception& e) { say(std::string("a worker ends: ") + e.what()); }
}

std::string unique_name(const std::string& what) {
  static std::atomic<int> number{0};
  return "@weft-" + what + "-" + std::to_string(detail::process_id()) + "-" + std::to_string(++number);
}

}  // namespace

/// The scheduler, and all worker processes, belong to `scheduler_pool`, which has one thread: what is below its line
/// is touched there only, but `ids`. Workers in this process have pools of their own.
struct local_cluster::parts {
  explicit parts(local_cluster_options o) : options(std::move(o)) {}

  void start();
  void start_process(std::size_t i);
  void start_here(std::size_t i);
  client_options memory_here();
  static task<> watch(parts* self, std::shared_ptr<net::worker_process> process);
  static task<> wait_for_workers(parts* self);
  static task<> end_processes(parts* self);
  void give_up(const std::string& why);
  void end() noexcept;

  struct worker_here {
    std::unique_ptr<pool> threads;
    std::shared_ptr<net::worker> worker;
  };

  const local_cluster_options options;
  std::optional<certificate_directory> certificates;
  net::worker_settings settings;
  std::vector<worker_here> here;
  client_options here_memory;
  pool scheduler_pool{{.threads = 1}};
  std::shared_ptr<net::scheduler_server> scheduler;

  std::vector<std::shared_ptr<net::worker_process>> processes;
  std::size_t watched = 0;  // of them, those that have not ended
  event one_ended;
  bool all_came = false;
  std::string failure;  // of a worker, before all have come
  stop_source failed;

  std::mutex lock;
  std::vector<int> ids;  // of processes; 0: there is none just now
};

void local_cluster::parts::start() {
  using namespace net;
  if (options.processes && detail::is_to_end_with_parent())
    throw misuse(
        "weft: this process was started to be a worker, and makes a local cluster: the program's main must call "
        "weft::main or weft::init first");
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
  settings.spill_directory = options.spill_directory;
  settings.spill_capacity = options.spill_capacity;
  settings.nice = options.nice;
  settings.death_timeout = std::chrono::seconds(10);
  settings.nanny = false;
  settings.listen = "127.0.0.1:0";
  if (certificates) settings.security.certificates = certificates->path();
  ids.resize(options.processes ? options.workers : 0);
  const auto start_all = [](parts* self) -> task<> {
    for (std::size_t i = 0; i < self->options.workers; ++i) self->start_process(i);
    co_return;
  };
  if (options.processes) return scheduler_pool.run(start_all(this));
  here_memory = memory_here();
  for (std::size_t i = 0; i < options.workers; ++i) start_here(i);
}

void local_cluster::parts::start_process(std::size_t i) {
  net::worker_settings s = settings;
  s.name = "worker-" + std::to_string(i);
  net::worker_process_options o;
  o.command = net::worker_command(std::vector{detail::own_program()}, s);
  o.restart = options.restart;
  o.memory_limit = settings.memory_limit;
  o.own_group = false;
  o.spill_directory = settings.spill_directory;
  o.end_within = options.end_within;
  o.say = say;
  o.told = [this, i, deaths = 0u](net::process_event e, int value) mutable {
    {
      std::lock_guard guard(lock);
      ids[i] = e == net::process_event::started ? value : 0;
    }
    if (e == net::process_event::restarting && ++deaths >= most_deaths)
      give_up("a worker has ended " + std::to_string(deaths) + " times, the last time with status " +
              std::to_string(value));
  };
  auto process = std::make_shared<net::worker_process>(scheduler_pool, std::move(o));
  processes.push_back(process);
  ++watched;
  scheduler_pool.spawn(watch(this, std::move(process)));
}

/// Of each worker in this process. How far the process may go is looked at for all of them together: what it has
/// taken when the cluster begins, and takes beside, is not the workers'; but it is never more than the machine has.
client_options local_cluster::parts::memory_here() {
  client_options o;
  memory_thresholds at;
  o.memory_budget = detail::part_of(settings.memory_limit, at.target);
  o.spill_directory = options.spill_directory;
  o.spill_capacity = options.spill_capacity;
  const std::uint64_t machine = detail::usable_memory();
  const std::uint64_t before = scheduler_pool.core().env().resident_memory() + beside_values;
  const std::uint64_t workers = settings.memory_limit * options.workers;
  o.memory_limit = std::min(machine, before + workers);
  if (options.memory != 0 && o.memory_limit < machine)
    for (double* const part : {&at.target, &at.spill, &at.pause, &at.terminate})
      *part =
          (static_cast<double>(before) + *part * static_cast<double>(workers)) / static_cast<double>(o.memory_limit);
  else
    o.memory_limit = machine;
  o.thresholds = at;
  return o;
}

void local_cluster::parts::start_here(std::size_t i) {
  using namespace net;
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
  w.memory = here_memory;
  worker_here one;
  one.threads = std::make_unique<pool>(pool_options{.threads = settings.threads});
  one.worker = worker::make(*one.threads, std::move(w));
  one.threads->spawn(run_in_process(one.worker));
  here.push_back(std::move(one));
}

/// Until the worker is not started any more.
task<> local_cluster::parts::watch(parts* self, std::shared_ptr<net::worker_process> process) {
  try {
    const int status = co_await net::worker_process::run(process);
    self->give_up("a worker has ended with status " + std::to_string(status));
  } catch (const std::exception& e) { self->give_up(e.what()); }
  --self->watched;
  self->one_ended.set();
}

/// Nothing, once all workers were there.
void local_cluster::parts::give_up(const std::string& why) {
  if (all_came || !failure.empty()) return;
  failure = why;
  failed.request_stop();
}

task<> local_cluster::parts::wait_for_workers(parts* self) {
  std::string why;
  try {
    auto all = net::scheduler_server::wait_for_workers(self->scheduler, self->options.workers);
    co_await weft::timeout(self->options.start_within, with_stop(self->failed, std::move(all)));
    self->all_came = true;
  } catch (const cancelled&) {
    if (self->failure.empty()) throw;
    why = self->failure;
  } catch (const timed_out&) {
    why = "they have not come within " + std::to_string(self->options.start_within / std::chrono::milliseconds(1)) +
          " ms";
  }
  if (!why.empty())
    throw std::runtime_error("weft: the workers of a local cluster do not come (" + why +
                             "): the program's main must call weft::main or weft::init first, or "
                             "local_cluster_options.processes must be false");
}

task<> local_cluster::parts::end_processes(parts* self) {
  self->all_came = true;  // their ends are no failures from here on
  for (const auto& process : self->processes) process->end(SIGTERM);
  while (self->watched != 0) {
    self->one_ended.reset();
    co_await self->one_ended.wait();
  }
}

/// Ends what start() has begun, however far it has come.
void local_cluster::parts::end() noexcept {
  if (scheduler) scheduler->stop("the program ends");
  for (const worker_here& w : here) w.worker->stop("the program ends");
  scheduler_pool.run(end_processes(this));
  for (const worker_here& w : here) w.threads->drain_for(drain_within);
  scheduler_pool.drain_for(drain_within);
}

local_cluster::local_cluster(local_cluster_options options) : parts_(std::make_unique<parts>(std::move(options))) {
  try {
    parts_->start();
    parts_->scheduler_pool.run(parts::wait_for_workers(parts_.get()));
  } catch (...) {
    parts_->end();
    throw;
  }
}

local_cluster::~local_cluster() { parts_->end(); }

connect_options local_cluster::where() const {
  connect_options where;
  where.address = parts_->settings.scheduler;
  where.certificates = parts_->settings.security.certificates;
  return where;
}

std::vector<int> local_cluster::worker_processes() const {
  std::lock_guard guard(parts_->lock);
  std::vector<int> all;
  std::copy_if(parts_->ids.begin(), parts_->ids.end(), std::back_inserter(all), [](int id) { return id != 0; });
  return all;
}

}  // namespace weft
