#include "scheduler/server.hpp"

#include <algorithm>
#include <iostream>
#include <iterator>
#include <ranges>
#include <string_view>
#include <utility>

#include "base/words.hpp"
#include "env/machine_memory.hpp"
#include "exec/pool_core.hpp"
#include "object/modules.hpp"
#include "weft/client.hpp"
#include "weft/sleep.hpp"
#include "weft/timeout.hpp"

namespace weft::net {

namespace {

scheduler_statistics& operator+=(scheduler_statistics& a, const scheduler_statistics& b) {
  const auto add = [&](auto member) { a.*member += b.*member; };
  using s = scheduler_statistics;
  for (const auto m : {&s::clients, &s::workers, &s::slots, &s::leaving, &s::leaving_slots, &s::tasks, &s::no_worker,
                       &s::record_bytes, &s::edge_bytes, &s::payload_bytes, &s::pool_bytes, &s::leases,
                       &s::leases_waiting, &s::leased_slots})
    add(m);
  for (const auto m :
       {&s::pending, &s::submitted, &s::done, &s::failed, &s::cancelled, &s::restarted, &s::assigned, &s::ahead,
        &s::taken_back, &s::steals_asked, &s::stolen, &s::stale, &s::copies, &s::copies_dropped, &s::leased_calls})
    add(m);
  for (std::size_t i = 0; i < std::size(a.states); ++i) a.states[i] += b.states[i];
  return a;
}

/// Where values are fetched: a name or a number. Empty for sockets of one machine.
std::string host_of(const std::string& listener) {
  try {
    const address a = parse_address(listener);
    return a.has_port() ? a.host : std::string();
  } catch (const bad_address&) { return {}; }  // nobody can fetch there, and placement need not know
}

std::string hexadecimal(const std::vector<std::byte>& bytes) { return detail::hexadecimal(bytes); }

}  // namespace

/// The session of one peer, from its admission on: should it never begin, the peer is removed all the same.
class scheduler_server::peer_session final : public link_handler {
 public:
  peer_session(std::weak_ptr<scheduler_server> of, std::shared_ptr<part> in, peer_id id)
      : of_(std::move(of)), part_(std::move(in)), id_(id) {}
  ~peer_session() override {
    if (!over_) end("the session did not begin", false);
  }
  void received(peer_link&, std::span<const std::byte> messages) override {
    if (const auto s = of_.lock()) s->received(*part_, id_, messages);
  }
  void caught_up(peer_link&) override {
    const auto s = of_.lock();
    if (!s) return;
    std::lock_guard guard(s->lock_);
    s->flush(*part_);
  }
  void interrupted(peer_link&) override {
    if (const auto s = of_.lock()) s->interrupted(part_, id_);
  }
  void ended(peer_link&, const std::string& reason, bool in_order) override { end(reason, in_order); }
  peer_id id() const noexcept { return id_; }

 private:
  void end(const std::string& reason, bool in_order) {
    over_ = true;
    if (const auto s = of_.lock()) s->ended(*part_, id_, reason, in_order);
  }
  const std::weak_ptr<scheduler_server> of_;
  const std::shared_ptr<part> part_;
  const peer_id id_;
  bool over_ = false;
};

/// A tool has no part in the core: it asks, and is answered.
class scheduler_server::tool_session final : public link_handler {
 public:
  explicit tool_session(std::weak_ptr<scheduler_server> of) : of_(std::move(of)) {}
  void received(peer_link& from, std::span<const std::byte> messages) override {
    const auto s = of_.lock();
    batch_reader batch(messages);
    std::uint16_t kind = 0;
    while (s && batch.next(kind)) {
      if (kind == static_cast<std::uint16_t>(message_kind::ask_info)) {
        const std::string text = describe(s->look(), batch.get<ask_info>().json != 0);
        info answer{};
        answer.text = text;
        from.send(answer);
      } else if (kind == static_cast<std::uint16_t>(message_kind::ask_cluster)) {
        const auto m = batch.get<ask_cluster>();
        const std::string_view names(m.retire.data(), m.retire.size());
        if (names.size() > s->options_.core.most_text || from.full())
          throw protocol_error(
              "weft: a tool names too many workers to retire, or does not take what it has asked for");
        const cluster_view all = s->retire(detail::words(names));
        from.send_with(
            [&](batch_writer& out) { write_cluster_state(out, m.request, all.workers, all.target, all.waiting); });
      } else {
        throw protocol_error("weft: a tool may ask for info or about the cluster, and sent a message of kind " +
                             std::to_string(kind));
      }
    }
  }
  void ended(peer_link&, const std::string&, bool) override {}

 private:
  const std::weak_ptr<scheduler_server> of_;
};

/// A nanny has no part in a core either: it is brought programs, and its workers have sessions of their own.
class scheduler_server::nanny_session final : public link_handler {
 public:
  nanny_session(std::weak_ptr<scheduler_server> of, std::uint64_t key) : of_(std::move(of)), key_(key) {}
  void received(peer_link&, std::span<const std::byte> messages) override {
    const auto s = of_.lock();
    if (!s) return;
    std::lock_guard guard(s->lock_);
    batch_reader batch(messages);
    std::uint16_t kind = 0;
    while (batch.next(kind)) s->router_.from_nanny(s->now(), key_, kind, batch);
    s->look_at_programs();
  }
  void ended(peer_link&, const std::string&, bool) override {
    const auto s = of_.lock();
    if (!s) return;
    std::lock_guard guard(s->lock_);
    s->nannies_.erase(key_);
    s->router_.nanny_left(s->now(), key_);
  }

 private:
  const std::weak_ptr<scheduler_server> of_;
  const std::uint64_t key_;
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
    if (const auto s = of_.lock()) s->begun(std::move(l));
  }

 private:
  const std::weak_ptr<scheduler_server> of_;
};

std::shared_ptr<scheduler_server> scheduler_server::make(pool& p, server_options options) {
  return std::shared_ptr<scheduler_server>(new scheduler_server(p, std::move(options)));
}

scheduler_server::scheduler_server(pool& p, server_options options)
    : pool_(p),
      options_(std::move(options)),
      router_(options_.programs,
              {[this](const std::string& program) {
                 const auto at = parts_.find(program);
                 return at == parts_.end() ? std::size_t{0} : at->second->core.statistics().workers;
               },
               [this] {
                 std::size_t all = 0;
                 for (const auto& [program, of] : parts_) all += of->core.statistics().workers;
                 return all;
               },
               [](const std::string& sentence) { std::cerr << "weft scheduler: " + sentence + "\n"
                                                           << std::flush; }}),
      began_(now()) {}

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
      const time_ns t = s.now(), limit = s.options_.core.idle_timeout;
      s.router_.tick(t);
      bool idle = limit > 0 && t - s.began_ > limit;
      time_ns next = s.router_.busy() ? t + 10'000'000 : t + 1'000'000'000;
      s.planned_ = 0;  // flush() need not wake this loop
      for (const auto& [program, p] : s.parts_) {
        p->core.tick(t);
        s.flush(*p);
        idle = idle && p->core.idle(t);
        next = std::min(next, p->core.deadline());
      }
      s.planned_ = next;
      if (idle) {
        s.over_ = true;
        s.why_ = "nothing has happened for scheduler.idle_timeout";
        break;
      }
      wait = std::chrono::nanoseconds(std::clamp<time_ns>(s.planned_ - t, 100'000, 1'000'000'000));
    }
    try {
      co_await weft::timeout(wait, s.time_.wait());
    } catch (const timed_out&) {}
  }
  std::vector<std::shared_ptr<peer_link>> all;
  {
    std::lock_guard guard(s.lock_);
    for (const auto& [program, p] : s.parts_)
      for (const auto& [id, l] : p->links) all.push_back(l);
    for (const auto& [key, l] : s.nannies_) all.push_back(l);
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

std::shared_ptr<scheduler_server::part> scheduler_server::part_of(const std::string& program) {
  constexpr std::size_t most_parts = 64, most_old_parts = 16;
  if (const auto at = parts_.find(program); at != parts_.end()) return at->second;
  for (auto at = parts_.begin(); parts_.size() >= most_old_parts && at != parts_.end();) {
    const scheduler_statistics has = at->second->core.statistics();
    at = has.clients + has.workers + has.tasks == 0 ? parts_.erase(at) : std::next(at);
  }
  if (parts_.size() >= most_parts)
    throw protocol_error("weft: the scheduler serves " + std::to_string(parts_.size()) + " programs already");
  return parts_[program] = std::make_shared<part>(options_.core);
}

admission scheduler_server::admit(std::shared_ptr<scheduler_server> self, const link_peer& peer) {
  const greeting& g = peer.says;
  std::lock_guard guard(lock_);
  if (over_) return {nullptr, 0, refusal::closing, "the scheduler is about to end"};
  if (g.role == peer_role::tool) return {std::make_shared<tool_session>(self), 0, refusal::role, {}};
  if (g.role == peer_role::nanny) {
    const std::uint64_t key = next_key_++;
    return {std::make_shared<nanny_session>(self, key), static_cast<peer_id>(key), refusal::role, {}};
  }
  if (g.role != peer_role::worker && g.role != peer_role::client)
    return {nullptr, 0, refusal::role, "a scheduler serves clients, workers, nannies and tools"};
  std::shared_ptr<part> p;
  peer_id id = 0;
  try {
    p = part_of(hexadecimal(g.build_id));
    if (g.role == peer_role::worker) {
      worker_hello h;
      h.name = g.name;
      h.address = g.address;
      h.program = g.build_id;
      h.role = g.role;
      h.host = host_of(g.address);
      h.resources = g.resources;
      h.slots = g.slots;
      h.memory = g.memory_limit;
      // What it was told to keep to, as far as one can tell before its first heartbeat.
      h.value_memory = detail::part_of(g.memory_limit, memory_thresholds().target);
      h.takes_offers = (peer.capabilities & capability::offers) != 0;
      id = p->core.add_worker(now(), h);
      p->listeners[id] = g.address;
    } else {
      peer_hello h;
      h.name = g.name;
      h.address = g.address;
      h.program = g.build_id;
      h.role = g.role;
      id = p->core.add_client(now(), h);
    }
  } catch (const protocol_error& e) { return {nullptr, 0, refusal::role, e.what()}; }
  return {std::make_shared<peer_session>(self, p, id), id, refusal::role, {}};
}

void scheduler_server::begun(std::shared_ptr<peer_link> l) {
  const peer_id id = l->peer().id;
  const greeting& g = l->peer().says;
  std::string stranger;
  if (g.role == peer_role::client) stranger = may_send_programs(l->peer());
  std::lock_guard guard(lock_);
  if (g.role == peer_role::nanny) {
    nannies_[id] = l;
    router_.nanny_came(now(), id, std::move(l));
    return;
  }
  const auto at = parts_.find(hexadecimal(g.build_id));
  if (at == parts_.end() || !at->second->core.knows(id)) return;
  part& p = *at->second;
  p.links[id] = l;
  batch_writer& out = p.core.out(id);
  if (!out.empty()) l->send_with([&](batch_writer& to) { to.append(out); });
  if (g.role == peer_role::worker) router_.worker_came(at->first);
  if (g.role == peer_role::client) {
    p.clients[id] = next_key_;
    router_.client_came(now(), next_key_++, at->first, std::move(l), std::move(stranger));
  }
  flush(p);
  changed_.set();
  changed_.reset();
}

void scheduler_server::received(part& p, peer_id id, std::span<const std::byte> messages) {
  std::lock_guard guard(lock_);
  if (!p.core.knows(id)) return;
  try {
    if (const auto at = p.clients.find(id); at != p.clients.end() && router_.expects(at->second)) {
      batch_reader batch(messages);
      std::uint16_t kind = 0;
      while (batch.next(kind))
        if (is_of_programs(kind)) router_.from_client(now(), at->second, kind, batch);
      look_at_programs();
    }
    batch_reader batch(messages);
    p.core.receive(now(), id, batch);
  } catch (...) {
    flush(p);
    throw;
  }
}

/// A connection is gone. A worker's process may be gone with it: then nobody listens where it did, and what it had
/// is done again at once. Otherwise it may come back, and its session waits.
void scheduler_server::interrupted(const std::shared_ptr<part>& p, peer_id id) {
  std::lock_guard guard(lock_);
  if (const auto at = p->listeners.find(id); at != p->listeners.end() && !over_)
    pool_.spawn(probe(shared_from_this(), p, id, at->second), priority::interactive);
}

/// A process that is dying, and has much to give back, listens for a while after its connections are gone: who
/// answers is asked again.
task<> scheduler_server::probe(std::shared_ptr<scheduler_server> self, std::shared_ptr<part> p, peer_id id,
                               std::string where) {
  constexpr std::chrono::milliseconds longest_pause{500};
  std::chrono::milliseconds pause{20};
  for (;;) {
    bool gone = false;
    try {
      const auto there = co_await connect_to(self->pool_, parse_address(where, self->options_.who.bare()),
                                             self->options_.who, std::chrono::seconds(2));
      there->close();
    } catch (const transport_error& e) {
      gone = e.code() == std::errc::connection_refused || e.code() == std::errc::no_such_file_or_directory;
    } catch (const std::exception&) {}
    std::shared_ptr<peer_link> l;
    {
      std::lock_guard guard(self->lock_);
      if (const auto at = p->links.find(id); at != p->links.end() && !self->over_) l = at->second;
    }
    if (!l || l->connected()) co_return;
    if (gone) {
      self->ended(*p, id, "its process is gone", false);
      l->close(bye_code::failed, "the scheduler has taken the worker to be lost");
      co_return;
    }
    co_await sleep_for(pause);
    pause = std::min(pause * 2, longest_pause);
  }
}

void scheduler_server::ended(part& p, peer_id id, const std::string& reason, bool in_order) {
  std::lock_guard guard(lock_);
  p.links.erase(id);
  p.listeners.erase(id);
  if (const auto at = p.clients.find(id); at != p.clients.end()) {
    router_.client_left(now(), at->second);
    p.clients.erase(at);
  }
  p.core.remove_peer(now(), id, in_order, reason);
  flush(p);
}

/// What is for a peer whose session has not begun stays with the core.
void scheduler_server::flush(part& p) {
  for (const peer_id id : p.core.outputs()) {
    const auto at = p.links.find(id);
    if (at == p.links.end()) continue;
    batch_writer& out = p.core.out(id);
    at->second->send_with([&](batch_writer& to) { to.append(out); });
  }
  p.core.clear_outputs();
  for (auto& d : p.core.take_departures()) {
    const auto at = p.links.find(d.peer);
    if (at == p.links.end()) continue;
    at->second->close(d.expected ? bye_code::finished : bye_code::failed, d.reason);
    p.links.erase(at);
  }
  if (p.core.deadline() < planned_) {
    planned_ = p.core.deadline();
    time_.set();
  }
}

void scheduler_server::look_at_programs() {
  const time_ns soon = now() + 10'000'000;
  if (!router_.busy() || planned_ <= soon) return;
  planned_ = soon;
  time_.set();
}

task<> scheduler_server::wait_for_workers(std::shared_ptr<scheduler_server> self, std::size_t count) {
  for (;;) {
    if (self->statistics().workers >= count) co_return;
    try {  // the event is set for a moment only
      co_await weft::timeout(std::chrono::milliseconds(50), self->changed_.wait());
    } catch (const timed_out&) {}
  }
}

scheduler_statistics scheduler_server::statistics() const {
  std::lock_guard guard(lock_);
  scheduler_statistics all;
  for (const auto& [program, p] : parts_) all += p->core.statistics();
  return all;
}
std::vector<worker_statistics> scheduler_server::workers() const {
  std::lock_guard guard(lock_);
  std::vector<worker_statistics> all;
  for (const auto& [program, p] : parts_) {
    auto some = p->core.workers();
    all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  return all;
}
cluster_view scheduler_server::look() const {
  std::lock_guard guard(lock_);
  return look_inside();
}
cluster_view scheduler_server::look_inside() const {
  cluster_view all;
  for (const auto& [program, p] : parts_) {
    all.counts += p->core.statistics();
    std::ranges::move(p->core.workers(), std::back_inserter(all.workers));
    all.target += p->core.target();
    std::ranges::move(p->core.waiting(), std::back_inserter(all.waiting));
  }
  all.nannies = router_.nanny_workers();
  return all;
}
cluster_view scheduler_server::retire(const std::vector<std::string_view>& workers) {
  std::lock_guard guard(lock_);
  for (const std::string_view worker : workers)
    for (const auto& [program, p] : parts_)
      if (p->core.retire(now(), worker)) flush(*p);
  return look_inside();  // those that are idle are there still
}
std::uint64_t scheduler_server::program_bytes() const {
  std::lock_guard guard(lock_);
  return router_.received_bytes();
}

std::size_t scheduler_server::nannies() const {
  std::lock_guard guard(lock_);
  return router_.nannies();
}

void scheduler_server::check_invariants() const {
  std::lock_guard guard(lock_);
  for (const auto& [program, p] : parts_) p->core.check_invariants();
}

}  // namespace weft::net
