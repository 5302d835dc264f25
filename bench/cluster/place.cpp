#include "place.hpp"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "tool/program_flags.hpp"
#include "tool/settings.hpp"
#include "transport/certificates.hpp"
#include "weft/cluster.hpp"
#include "weft/timeout.hpp"

namespace bench {
namespace {

using namespace weft::net;

weft::task<> serve(std::shared_ptr<scheduler_server> s) { co_await scheduler_server::run(std::move(s)); }

weft::task<> wait_for(std::shared_ptr<scheduler_server> s, std::size_t count) {
  co_await weft::timeout(std::chrono::seconds(30), scheduler_server::wait_for_workers(std::move(s), count));
}

std::string unique_socket() {
  static std::atomic<int> number{0};
  return "@weft-bench-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
}

weft::client connect_to(weft::pool& pool, const cluster_servers& servers) {
  weft::connect_options where;
  where.address = servers.address();
  where.certificates = servers.certificates();
  return pool.run(weft::connect(pool, std::move(where)));
}

constexpr std::array resources{"worker0=1", "worker1=1", "worker2=1", "worker3=1"};

}  // namespace

const char* on(unsigned worker) { return resources.at(worker); }

scratch_directory::scratch_directory() {
  path_ = (std::filesystem::temp_directory_path() / "weft-bench-XXXXXX").string();
  if (!::mkdtemp(path_.data())) throw std::system_error(errno, std::generic_category(), "cannot make " + path_);
}

scratch_directory::~scratch_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

cluster_servers::cluster_servers(transport by, unsigned workers) : by_(by) {
  server_options o;
  switch (by) {
    case transport::unix_socket:
      o.listen.push_back({address_kind::unix_socket, unique_socket(), 0});
      break;
    case transport::tcp:
      o.listen.push_back({address_kind::tcp, "127.0.0.1", 0});
      break;
    case transport::tls:
      write_certificates(certificates(), {});
      o.who = security::from_directory(certificates(), peer_role::scheduler);
      o.listen.push_back({address_kind::tls, "127.0.0.1", 0});
      break;
  }
  scheduler_ = scheduler_server::make(pool_, std::move(o));
  address_ = to_string(scheduler_->start().front());
  pool_.spawn(serve(scheduler_));
  for (unsigned i = 0; i < workers; ++i) add_worker();
}

cluster_servers::~cluster_servers() {
  scheduler_->stop("the measurement is over");
  for (weft::detail::child_process& w : workers_) {
    if (w.id() == 0) continue;
    w.signal(SIGTERM);
    w.signal(SIGCONT);
    w.wait();
  }
  pool_.drain_for(std::chrono::seconds(10));
}

void cluster_servers::add_worker() {
  worker_settings s;
  s.scheduler = address_;
  s.security.certificates = certificates();
  s.name = "worker-" + std::to_string(workers_.size());
  s.threads = 1;
  s.memory_limit = std::uint64_t{4} << 30;
  if (workers_.size() < resources.size()) s.resources = on(static_cast<unsigned>(workers_.size()));
  const std::size_t before = statistics().workers;
  workers_.push_back(
      weft::detail::child_process::start({.command = worker_command(std::vector{weft::detail::own_program()}, s),
                                          .environment = {},
                                          .output = scratch_.path() + "/workers.log",
                                          .with_terminal = false}));
  wait_for_workers(before + 1);
}

void cluster_servers::kill(std::size_t worker, int signal) { workers_.at(worker).signal(signal); }

void cluster_servers::wait_for_workers(std::size_t count) {
  try {
    pool_.run(wait_for(scheduler_, count));
  } catch (const weft::timed_out&) {
    std::ifstream log(scratch_.path() + "/workers.log");
    const std::string said{std::istreambuf_iterator<char>(log), {}};
    throw std::runtime_error("the workers have not come within 30 s; they say: " + said);
  }
}

std::string cluster_servers::certificates() const {
  return by_ == transport::tls ? scratch_.path() + "/certificates" : std::string();
}

cluster_place::cluster_place(transport by, unsigned workers)
    : cluster_servers(by, workers), client(connect_to(pool, *this)) {}

}  // namespace bench
