#include "scheduler/server.hpp"

#include <algorithm>
#include <utility>

#include "exec/pool_core.hpp"
#include "object/modules.hpp"
#include "weft/sleep.hpp"
#include "weft/timeout.hpp"

namespace weft::net {

/// The session of one peer, from its admission on: should it never begin, the peer is removed all the same.
class scheduler_server::peer_session final : public link_handler {
 public:
  peer_session(std::weak_ptr<scheduler_server> of, peer_id id) : of_(std::move(of)), id_(id) {}
  ~peer_session() override {
    if (!over_) end("the session did not begin", false);
  }
  void received(peer_link&, std::span<const std::byte> messages) override {
    if (const auto s = of_.lock()) s->received(id_, messages);
  }
  void ended(peer_link&, const std::string& reason, bool in_order) override { end(reason, in_order); }
  peer_id id() const noexcept { return id_; }

 private:
  void end(const std::string& reason, bool in_order) {
    over_ = true;
    if (const auto s = of_.lock()) s->ended(id_, reason, in_order);
  }
  const std::weak_ptr<scheduler_server> of_;
  const peer_id id_;
  bool over_ = false;
};

class scheduler_server::gate final : public hub_handler {
 public:
  explicit gate(std::weak_ptr<scheduler_server> of) : of_(std::move(of)) {}
  admission admit(const link_peer& peer) override {
    const auto s = of_.lock();
    if (!s) return {nullptr, 0, refusal::closing, "the scheduler is about to end"};
    return s->admit(s, peer);
  }
  void begun(std::shared_ptr<peer_link> l) override {
    if (const auto s = of_.lock()) {
      const peer_id id = l->peer().id;
      s->begun(id, std::move(l));
    }
  }

 private:
  const std::weak_ptr<scheduler_server> of_;
};

std::shared_ptr<scheduler_server> scheduler_server::make(pool& p, server_options options) {
  return std::shared_ptr<scheduler_server>(new scheduler_server(p, std::move(options)));
}

scheduler_server::scheduler_server(pool& p, server_options options)
    : pool_(p), options_(std::move(options)), core_(options_.core) {}

scheduler_server::~scheduler_server() = default;

time_ns scheduler_server::now() const noexcept { return pool_.core().now_ns(); }

std::vector<address> scheduler_server::start() {
  greeting own;
  own.role = peer_role::scheduler;
  own.name = options_.name.empty() ? "scheduler" : options_.name;
  own.build_id = detail::program_module().build_id;
  own.incarnation = pool_.core().env().random();
  hub_options options;
  options.link = options_.link;
  hub_.emplace(pool_, options_.who, own, options, std::make_shared<gate>(weak_from_this()));
  std::vector<address> all;
  for (const address& a : options_.listen) all.push_back(hub_->listen(a));
  return all;
}

task<std::string> scheduler_server::run(std::shared_ptr<scheduler_server> self) {
  scheduler_server& s = *self;
  for (;;) {
    std::chrono::nanoseconds wait;
    {
      std::lock_guard guard(s.lock_);
      if (s.over_) break;
      s.time_.reset();
      const time_ns t = s.now();
      s.core_.tick(t);
      s.flush();
      if (s.core_.idle(t)) {
        s.over_ = true;
        s.why_ = "nothing has happened for scheduler.idle_timeout";
        break;
      }
      s.planned_ = s.core_.deadline();
      wait = std::chrono::nanoseconds(std::clamp<time_ns>(s.planned_ - t, 100'000, 1'000'000'000));
    }
    try {
      co_await weft::timeout(wait, s.time_.wait());
    } catch (const timed_out&) {}
  }
  std::vector<std::shared_ptr<peer_link>> all;
  {
    std::lock_guard guard(s.lock_);
    for (const auto& [id, l] : s.links_) all.push_back(l);
  }
  for (const auto& l : all) l->close(bye_code::finished, "the scheduler ends: " + s.why_);
  s.hub_->close();
  co_return s.why_;
}

void scheduler_server::stop(const std::string& why) {
  {
    std::lock_guard guard(lock_);
    if (std::exchange(over_, true)) return;
    why_ = why;
  }
  time_.set();
}

admission scheduler_server::admit(std::shared_ptr<scheduler_server> self, const link_peer& peer) {
  const greeting& g = peer.says;
  std::lock_guard guard(lock_);
  if (over_) return {nullptr, 0, refusal::closing, "the scheduler is about to end"};
  peer_id id = 0;
  try {
    if (g.role == peer_role::worker) {
      worker_hello h;
      h.name = g.name;
      h.address = g.address;
      h.program = g.build_id;
      h.role = g.role;
      h.host = g.name.substr(0, g.name.rfind('-'));
      h.resources = g.resources;
      h.slots = g.slots;
      h.memory = g.memory_limit;
      id = core_.add_worker(now(), h);
    } else if (g.role == peer_role::client || g.role == peer_role::tool) {
      peer_hello h;
      h.name = g.name;
      h.address = g.address;
      h.program = g.build_id;
      h.role = g.role;
      id = core_.add_client(now(), h);
    } else {
      return {nullptr, 0, refusal::role, "a scheduler serves clients and workers"};
    }
  } catch (const protocol_error& e) { return {nullptr, 0, refusal::role, e.what()}; }
  return {std::make_shared<peer_session>(self, id), id, refusal::role, {}};
}

void scheduler_server::begun(peer_id id, std::shared_ptr<peer_link> l) {
  std::lock_guard guard(lock_);
  if (!core_.knows(id)) return;
  links_[id] = l;
  batch_writer& out = core_.out(id);
  if (!out.empty()) l->send_with([&](batch_writer& to) { to.append(out); });
  flush();
}

void scheduler_server::received(peer_id id, std::span<const std::byte> messages) {
  std::lock_guard guard(lock_);
  if (!core_.knows(id)) return;
  batch_reader batch(messages);
  try {
    core_.receive(now(), id, batch);
  } catch (...) {
    flush();
    throw;
  }
  flush();
}

void scheduler_server::ended(peer_id id, const std::string& reason, bool in_order) {
  std::lock_guard guard(lock_);
  links_.erase(id);
  core_.remove_peer(now(), id, in_order, reason);
  flush();
}

/// What is for a peer whose session has not begun stays with the core.
void scheduler_server::flush() {
  for (const peer_id id : core_.outputs()) {
    const auto at = links_.find(id);
    if (at == links_.end()) continue;
    batch_writer& out = core_.out(id);
    at->second->send_with([&](batch_writer& to) { to.append(out); });
  }
  core_.clear_outputs();
  for (auto& d : core_.take_departures()) {
    const auto at = links_.find(d.peer);
    if (at == links_.end()) continue;
    at->second->close(bye_code::finished, d.reason);
    links_.erase(at);
  }
  if (core_.deadline() < planned_) {
    planned_ = core_.deadline();
    time_.set();
  }
}

scheduler_statistics scheduler_server::statistics() const {
  std::lock_guard guard(lock_);
  return core_.statistics();
}
std::vector<worker_statistics> scheduler_server::workers() const {
  std::lock_guard guard(lock_);
  return core_.workers();
}
void scheduler_server::retire(peer_id id) {
  std::lock_guard guard(lock_);
  core_.retire(now(), id);
  flush();
}

}  // namespace weft::net
