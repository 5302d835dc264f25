#pragma once

#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "client/session.hpp"
#include "scheduler/server.hpp"
#include "weft/weft.hpp"
#include "worker/worker.hpp"

/// A scheduler, workers and a client in one process, each on a pool of its own, over real links.
class in_process_cluster {
 public:
  explicit in_process_cluster(unsigned count, weft::net::address_kind kind = weft::net::address_kind::in_process,
                              unsigned threads = 1)
      : kind_(kind) {
    using namespace weft::net;
    server_options o;
    if (kind_ == address_kind::tls) who_ = security::temporary();
    o.listen.push_back(place("scheduler"));
    o.who = as(peer_role::scheduler);
    scheduler = scheduler_server::make(scheduler_pool, std::move(o));
    where = scheduler->start().front();
    scheduler_pool.spawn(run_scheduler(scheduler));
    for (unsigned i = 0; i < count; ++i) add_worker(threads);
  }
  ~in_process_cluster() {
    for (auto& w : workers) w.it->stop("the test ends");
    for (auto& w : workers) w.pool->drain();
    scheduler->stop("the test ends");
    scheduler_pool.drain();
  }
  in_process_cluster(const in_process_cluster&) = delete;
  in_process_cluster& operator=(const in_process_cluster&) = delete;

  void add_worker(unsigned threads = 1, weft::client_options memory = {}, std::string resources = {},
                  weft::environment* env = nullptr, std::string announce = {}) {
    using namespace weft::net;
    auto p = std::make_unique<weft::pool>(weft::pool_options{.threads = threads, .env = env});
    worker_options o;
    o.scheduler = where;
    o.listen = place("worker" + std::to_string(workers.size()));
    o.who = as(peer_role::worker);
    o.name = "worker-" + std::to_string(workers.size());
    o.submit_by = make_nested_client;
    o.memory = std::move(memory);
    o.resources = std::move(resources);
    o.announce = std::move(announce);
    if (o.memory.memory_budget == 0) o.memory.memory_budget = std::uint64_t{256} << 20;
    auto w = worker::make(*p, std::move(o));
    p->spawn(run_worker(w));
    const auto wait = [](std::shared_ptr<worker> of) -> weft::task<> { co_await of->ready().wait(); };
    p->run(wait(w));
    workers.push_back({std::move(p), std::move(w)});
  }

  weft::client connect(weft::pool& p) { return connect(p, weft::net::client_session_options()); }
  weft::client connect(weft::pool& p, weft::net::client_session_options o) {
    o.scheduler = where;
    o.who = as(weft::net::peer_role::client);
    return p.run(weft::net::connect_client(p, std::move(o)));
  }

  weft::pool scheduler_pool{{.threads = 1}};
  std::shared_ptr<weft::net::scheduler_server> scheduler;
  weft::net::address where;
  struct a_worker {
    std::unique_ptr<weft::pool> pool;
    std::shared_ptr<weft::net::worker> it;
  };
  std::vector<a_worker> workers;

 private:
  static weft::task<> run_scheduler(std::shared_ptr<weft::net::scheduler_server> s) {
    co_await weft::net::scheduler_server::run(std::move(s));
  }
  static weft::task<> run_worker(std::shared_ptr<weft::net::worker> w) {
    co_await weft::net::worker::run(std::move(w));
  }
  weft::net::address place(const std::string& name) const {
    using weft::net::address_kind;
    weft::net::address a;
    a.kind = kind_;
    static std::atomic<int> number{0};
    const std::string unique = name + std::to_string(++number) + "-" + std::to_string(::getpid());
    if (kind_ == address_kind::tcp || kind_ == address_kind::tls)
      a.host = "127.0.0.1";
    else
      a.host = kind_ == address_kind::unix_socket ? "@weft-test-" + unique : unique;
    return a;
  }
  weft::net::security as(weft::net::peer_role role) const {
    return who_.has_identity() ? who_.for_role(role) : weft::net::security();
  }

  weft::net::address_kind kind_;
  weft::net::security who_;
};
