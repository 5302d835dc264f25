#include "worker/exchange.hpp"

#include <utility>

#include "engine/engine.hpp"
#include "exec/spawn_part.hpp"
#include "worker/client_link.hpp"

namespace weft::net {

expected_value expected_by(const fetcher& f, std::uint64_t request, task_id value) noexcept {
  return {f.under_way(request), f.expects(request, value), f.bytes_of(value)};
}

value_landing begin_value(detail::node& n, const value_header& header) {
  if (header.schema != 0 && header.schema != n.type->value->schema())
    throw codec_error("weft: a value that came from a peer is of another type than its task's function gives");
  value_landing where;
  n.counts.fetch_add(detail::node::one_reference, std::memory_order_relaxed);
  where.keep = std::shared_ptr<detail::node>(&n, [](detail::node* kept) { detail::engine::drop_reference(*kept); });
  where.node = &n;
  codec_limits limits;
  limits.deferred = header.bytes;  // as many as was agreed to when the header came
  decoder d(header.message, deferred_attachments(header.bytes), limits);
  detail::engine::restore_value(n, d);
  try {
    d.finish();
  } catch (...) {
    abandon_value(n);
    throw;
  }
  where.places.assign(d.destinations().begin(), d.destinations().end());
  where.wanted = true;
  return where;
}

void complete_value(detail::node& n) noexcept {
  if (n.type->value->received) n.type->value->received(n);
}

void abandon_value(detail::node& n) noexcept {
  n.type->value->end(n);
  n.has_value = false;
}

// ---- asking ------------------------------------------------------------------------------------------------------

exchange::exchange(pool& p, security who, greeting own, link_options options, exchange_host& host,
                   const exchange_limits& limits)
    : pool_(p),
      who_(std::move(who)),
      own_(std::move(own)),
      options_(std::move(options)),
      host_(host),
      limits_(limits) {}

exchange::~exchange() = default;

void exchange::know(peer_id id, const std::string& where) {
  std::lock_guard guard(lock_);
  peers_[id].address = where;
}

std::string exchange::address_of(peer_id id) {
  std::lock_guard guard(lock_);
  const auto at = peers_.find(id);
  return at == peers_.end() ? std::string("an unknown address") : at->second.address;
}

void exchange::forget(peer_id id) {
  std::shared_ptr<peer_link> connection;
  {
    std::lock_guard guard(lock_);
    const auto at = peers_.find(id);
    givers_.forget(id);  // its link is its own, and may be used again
    if (at == peers_.end()) return;
    connection = std::move(at->second.connection);
    peers_.erase(at);
  }
  if (connection) connection->close(bye_code::finished, "the peer has left the cluster");
}

void exchange::ask(peer_id id, std::uint64_t request, std::span<const task_id> values) {
  get_values m{};
  m.request = request;
  m.tasks = values;
  if (is_giver(id)) return ask_giver(id, m);
  std::unique_lock guard(lock_);
  peer& p = peers_[id];
  if (p.connection) {
    const auto connection = p.connection;
    guard.unlock();
    if (connection->send(m)) return;
    guard.lock();
  }
  peer& again = peers_[id];
  again.waiting.emplace_back(request, std::vector<task_id>(values.begin(), values.end()));
  dial(id, again);
}

void exchange::stop(peer_id id, std::uint64_t request) {
  std::shared_ptr<peer_link> link;
  {
    std::lock_guard guard(lock_);
    if (is_giver(id)) {
      if (const auto at = claims_.find(givers_.link_of(id)); at != claims_.end()) link = at->second.lock();
    } else if (const auto at = peers_.find(id); at != peers_.end()) {
      std::erase_if(at->second.waiting, [&](const auto& r) { return r.first == request; });
      link = at->second.connection;
    }
  }
  if (link && (link->peer().capabilities & capability::stops)) link->send(stop_values{{request}});
}

void exchange::reach(peer_id id) {
  std::lock_guard guard(lock_);
  peer& p = peers_[id];
  if (!p.connection) dial(id, p);
}

void exchange::offer(peer_id id, peer_id submitter, std::uint64_t secret) {
  std::lock_guard guard(lock_);
  peer& p = peers_[id];
  const bool said = p.claim.has_value();
  p.claim = giver_record{secret, submitter, 0};
  if (p.connection && (said || p.connection->send(claim_offers{*p.claim}))) return;
  p.connection.reset();
  dial(id, p);
}

bool exchange::may_ask(peer_id worker) {
  std::lock_guard guard(lock_);
  const auto at = peers_.find(worker);
  return at != peers_.end() && at->second.claim;
}

void exchange::push(peer_id id, task_id value, std::uint64_t bytes, std::span<const std::byte> message) {
  std::shared_ptr<peer_link> connection;
  {
    std::lock_guard guard(lock_);
    if (const auto at = peers_.find(id); at != peers_.end()) connection = at->second.connection;
  }
  if (!connection || connection->full()) return;
  pushed_value m{};
  m.id = value;
  m.bytes = bytes;
  m.message = message;
  connection->send(m);
}

/// Under the lock.
void exchange::dial(peer_id id, peer& to) {
  if (std::exchange(to.dialling, true)) return;
  try {
    detail::spawn_part(pool_.core(), dial(shared_from_this(), id, parse_address(to.address, who_.bare())),
                       priority::normal);
  } catch (const std::exception&) {  // an address that is none: as if nobody were there
    const auto say = [](std::shared_ptr<exchange> self, peer_id of) -> task<> {
      self->failed(of);
      co_return;
    };
    detail::spawn_part(pool_.core(), say(shared_from_this(), id), priority::normal);
  }
}

task<> exchange::dial(std::shared_ptr<exchange> self, peer_id id, address to) {
  auto handler = std::make_shared<client_link>(self, id);
  link_options options = self->options_;
  options.try_for = options.connect_within;
  options.wanted = peer_role::worker;
  std::shared_ptr<peer_link> made;
  try {
    made = co_await peer_link::dial(self->pool_, std::move(to), self->who_, self->own_, options, handler);
  } catch (const std::exception&) {}
  if (!made) {
    self->failed(id);
    co_return;
  }
  bool known = false, gone = false;
  {
    std::lock_guard guard(self->lock_);
    if (const auto at = self->peers_.find(id); at != self->peers_.end()) {
      known = true;
      peer& p = at->second;
      p.dialling = false;
      p.connection = made;
      p.handler = handler;
      // Under the lock: what is stopped afterwards has been asked for.
      gone = p.claim && !made->send(claim_offers{*p.claim});
      for (const auto& [request, values] : std::exchange(p.waiting, {})) {
        get_values m{};
        m.request = request;
        m.tasks = values;
        gone = !made->send(m) || gone;
      }
      // The link has ended already, and that may have been told before these were asked for.
      if (gone) p.connection.reset(), p.handler.reset();
    }
  }
  if (!known) made->close(bye_code::finished, "the peer has left the cluster");
  if (!gone) co_return;
  self->with_host([&](exchange_host& h) { h.peer_lost(id); });
}

void exchange::failed(peer_id id) {
  {
    std::lock_guard guard(lock_);
    if (const auto at = peers_.find(id); at != peers_.end()) {
      at->second.dialling = false;
      at->second.waiting.clear();
    }
  }
  with_host([&](exchange_host& h) { h.peer_lost(id); });
}

}  // namespace weft::net
