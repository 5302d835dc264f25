#include "worker/exchange.hpp"

#include <algorithm>
#include <deque>
#include <utility>

#include "engine/engine.hpp"
#include "exec/spawn_part.hpp"
#include "weft/future.hpp"

namespace weft::net {

namespace {

/// Awaits that a value is in memory, and keeps it there while it lives.
class value_look : public detail::node_wait {
 public:
  explicit value_look(detail::node& n) noexcept : detail::node_wait(n, use::shared) {}
  void await_resume() { this->finish(); }
};

/// A value on its way out: it stays in memory, and where it is, until the link has let go of this. From leave() on
/// its bytes are counted.
struct departing {
  departing(outgoing_value v, std::shared_ptr<std::atomic<std::uint64_t>> c)
      : value(std::move(v)), count(std::move(c)) {
    if (value.node) look.emplace(*value.node);
  }
  departing(const departing&) = delete;
  ~departing() {
    count->fetch_sub(bytes, std::memory_order_relaxed);
    look.reset();
    if (value.node) detail::drop_handle(*value.node);
  }
  void leave(std::uint64_t all) noexcept {
    bytes = all;
    count->fetch_add(all, std::memory_order_relaxed);
  }
  outgoing_value value;
  std::optional<value_look> look;  // of a node
  encoder message;                 // of a node
  std::uint64_t bytes = 0;
  std::shared_ptr<std::atomic<std::uint64_t>> count;
};

}  // namespace

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

/// The link to a peer that has values. Its calls come one at a time.
class exchange::client_link final : public link_handler {
 public:
  client_link(std::weak_ptr<exchange> of, peer_id peer) : of_(std::move(of)), peer_(peer) {}

  void received(peer_link&, std::span<const std::byte> messages) override {
    const auto x = of_.lock();
    if (!x) return;
    batch_reader batch(messages);
    std::uint16_t kind = 0;
    while (batch.next(kind)) {
      if (kind == static_cast<std::uint16_t>(message_kind::value_header)) {
        begin(*x, batch.get<value_header>());
      } else if (kind == static_cast<std::uint16_t>(message_kind::value_missing)) {
        const auto m = batch.get<value_missing>();
        x->with_host([&](exchange_host& h) { h.not_there(m.request, m.id, m.busy != 0); });
      } else {
        throw protocol_error("weft: a peer that was asked for values sent a message of kind " + std::to_string(kind));
      }
    }
  }
  std::span<std::byte> place(peer_link&, std::uint64_t stream, std::uint64_t offset, std::size_t bytes) override {
    const auto at = coming_.find(stream);
    if (at == coming_.end()) return {};
    coming& first = at->second.front();
    if (!first.message_is_there) return {};  // it grows with what comes
    return first.where.wanted ? first.stream.place(offset - first.message_bytes, bytes) : std::span<std::byte>();
  }
  void chunk(peer_link&, std::uint64_t stream, std::uint64_t offset, std::span<const std::byte> bytes) override {
    const auto at = coming_.find(stream);
    if (at == coming_.end()) return;
    coming& first = at->second.front();
    if (bytes.size() > first.left)
      throw protocol_error("weft: a chunk of " + std::to_string(bytes.size()) + " bytes of a value came where " +
                           std::to_string(first.left) + " are missing");
    if (!first.message_is_there)
      add_to_message(stream, first, offset, bytes);
    else if (offset < first.message_bytes)
      throw protocol_error("weft: a part of a value's message came twice");
    else if (first.where.wanted)
      first.stream.arrived(offset - first.message_bytes, bytes);
    first.left -= bytes.size();
    if (first.left != 0) return;
    coming c = std::move(first);
    at->second.pop_front();
    if (at->second.empty()) coming_.erase(at);
    if (const auto x = of_.lock(); x && c.where.wanted)
      x->with_host([&](exchange_host& h) { h.landed(stream, c.id, std::move(c.where)); });
  }
  void interrupted(peer_link&) override {
    lose([&](exchange_host& h) { h.peer_interrupted(peer_); });
  }
  void resumed(peer_link&) override {
    if (const auto x = of_.lock()) x->with_host([&](exchange_host& h) { h.peer_resumed(peer_); });
  }
  void ended(peer_link&, const std::string&, bool) override {
    lose([&](exchange_host& h) { h.peer_lost(peer_); });
    if (const auto x = of_.lock()) {
      std::lock_guard guard(x->lock_);
      if (const auto at = x->peers_.find(peer_); at != x->peers_.end() && at->second.handler.get() == this) {
        at->second.connection.reset();
        at->second.handler.reset();
      }
    }
  }

 private:
  struct coming {
    task_id id;
    std::uint64_t left;  // bytes
    value_landing where;
    inbound_stream stream;  // of what is wanted
    // Of a value whose encoded message comes first.
    std::uint64_t message_bytes = 0;
    bool message_is_there = true;
    value_record record{};
    std::vector<std::uint64_t> attachments;
    std::vector<std::byte> message;
  };

  void begin(exchange& x, const value_header& header) {
    std::uint64_t rest = header.bytes;
    for (const std::uint64_t size : header.attachments) {
      if (size > rest) throw protocol_error("weft: the attachments of a value are larger than the value");
      rest -= size;
    }
    if (rest != 0) throw protocol_error("weft: the attachments of a value are smaller than it says");
    coming c;
    c.id = header.id;
    c.left = header.bytes;
    if (header.message_bytes != 0) {
      if (!header.message.empty())
        throw protocol_error("weft: a value came with a part of its message, and another part is to follow");
      c.left += header.message_bytes;
    }
    const std::uint64_t message = header.message_bytes + header.message.size();
    if (message > ~header.bytes) throw protocol_error("weft: a value is larger than any can be");
    // What nobody counts as too much is not looked up: most values are small.
    if (header.message_bytes != 0 || header.bytes + message > x.limits_.surplus_bytes) {
      expected_value of;
      x.with_host([&](exchange_host& h) { of = h.expected(header.request, header.id); });
      if (!of.request) return;
      if (!of.value) {
        x.with_host([&](exchange_host& h) { h.not_there(header.request, header.id, true); });
        return add(x, header.request, std::move(c));
      }
      if (is_too_large(x, header, header.bytes + message, of.bytes)) return add(x, header.request, std::move(c));
    }
    if (header.message_bytes != 0) {
      forget_messages(x);
      c.message_bytes = header.message_bytes;
      c.message_is_there = false;
      c.record = header;
      c.attachments.assign(header.attachments.begin(), header.attachments.end());
      return add(x, header.request, std::move(c));
    }
    x.with_host([&](exchange_host& h) { c.where = h.land(header); });
    if (header.bytes == 0) {
      if (c.where.wanted)
        x.with_host([&](exchange_host& h) { h.landed(header.request, header.id, std::move(c.where)); });
      return;
    }
    // An answer to what was asked before a break may come without its chunks, which nobody would wait out.
    if (c.where.over) return;
    if (c.where.wanted) c.stream = inbound_stream(c.where.places);
    add(x, header.request, std::move(c));
  }
  /// Its chunks are to come. One that does not land is gone over.
  void add(const exchange& x, std::uint64_t request, coming c) {
    if (c.left == 0) return;
    auto& values = coming_[request];
    if (values.size() >= x.limits_.coming_values)
      throw protocol_error("weft: " + std::to_string(values.size()) +
                           " values of one request have been begun, and none of them has come");
    values.push_back(std::move(c));
  }
  /// Then it is refused.
  static bool is_too_large(exchange& x, const value_record& of, std::uint64_t bytes, std::uint64_t expected) {
    const std::uint64_t surplus = x.limits_.surplus_bytes;
    if (bytes <= surplus || (bytes - surplus + 1) / 2 <= expected) return false;
    const auto why = std::make_exception_ptr(
        codec_error("weft: a value that is said to have " + std::to_string(expected) + " bytes comes as " +
                    std::to_string(bytes) + ", and no more than twice as many and " + std::to_string(surplus) +
                    " are taken: either its type does not count what it owns (give it a weft_owned_bytes), or the "
                    "peer that sends it is wrong"));
    x.with_host([&](exchange_host& h) { h.refuse(of.request, of.id, why); });
    return true;
  }
  /// Lets go of parts of messages for which nobody waits any more: their rest may never come. It is told as a busy
  /// answer, so that who wants it again meanwhile asks again.
  void forget_messages(exchange& x) {
    for (auto& [request, values] : coming_)
      for (coming& c : values) {
        if (c.message_is_there) continue;
        expected_value of;
        x.with_host([&](exchange_host& h) { of = h.expected(request, c.id); });
        if (of.value) continue;
        if (of.request) x.with_host([&](exchange_host& h) { h.not_there(request, c.id, true); });
        c.message = {};
        c.message_bytes = 0;
        c.message_is_there = true;
      }
  }
  /// Memory is taken as bytes come, so that nobody has it taken by a number.
  void add_to_message(std::uint64_t request, coming& c, std::uint64_t offset, std::span<const std::byte> bytes) {
    if (offset != c.message.size() || bytes.size() > c.message_bytes - offset)
      throw protocol_error("weft: a chunk of a value's message begins at " + std::to_string(offset) + " where " +
                           std::to_string(c.message.size()) + " of " + std::to_string(c.message_bytes) +
                           " bytes are there, or goes beyond its end");
    c.message.insert(c.message.end(), bytes.begin(), bytes.end());
    if (c.message.size() != c.message_bytes) return;
    value_header whole{};
    static_cast<value_record&>(whole) = c.record;
    whole.request = request;
    whole.message_bytes = 0;
    whole.attachments = c.attachments;
    whole.message = c.message;
    if (const auto x = of_.lock()) x->with_host([&](exchange_host& h) { c.where = h.land(whole); });
    c.message = {};
    c.message_is_there = true;
    if (c.where.wanted) c.stream = inbound_stream(c.where.places);
  }
  template <class F>
  void lose(F tell) {
    const auto x = of_.lock();
    if (!x) return;
    auto lost = std::exchange(coming_, {});
    x->with_host([&](exchange_host& h) {
      for (auto& [request, values] : lost)
        for (coming& c : values)
          if (c.where.wanted) h.cut_off(c.id, std::move(c.where));
      tell(h);
    });
  }

  const std::weak_ptr<exchange> of_;
  const peer_id peer_;
  // By request, none of them empty. Headers overtake the chunks of the values before, which come in the same order.
  std::unordered_map<std::uint64_t, std::deque<coming>> coming_;
};

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

void exchange::forget(peer_id id) {
  std::shared_ptr<peer_link> connection;
  {
    std::lock_guard guard(lock_);
    const auto at = peers_.find(id);
    if (at == peers_.end()) return;
    connection = std::move(at->second.connection);
    peers_.erase(at);
  }
  if (connection) connection->close(bye_code::finished, "the peer has left the cluster");
}

void exchange::ask(peer_id id, std::uint64_t request, std::span<const task_id> values) {
  std::unique_lock guard(lock_);
  peer& p = peers_[id];
  if (p.connection) {
    const auto connection = p.connection;
    guard.unlock();
    get_values m{};
    m.request = request;
    m.tasks = values;
    if (connection->send(m)) return;
    guard.lock();
  }
  peer& again = peers_[id];
  again.waiting.emplace_back(request, std::vector<task_id>(values.begin(), values.end()));
  dial(id, again);
}

void exchange::reach(peer_id id) {
  std::lock_guard guard(lock_);
  peer& p = peers_[id];
  if (!p.connection) dial(id, p);
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
  std::vector<std::pair<std::uint64_t, std::vector<task_id>>> waiting;
  bool known = false;
  {
    std::lock_guard guard(self->lock_);
    const auto at = self->peers_.find(id);
    if (at != self->peers_.end()) {
      known = true;
      at->second.dialling = false;
      at->second.connection = made;
      at->second.handler = handler;
      waiting = std::exchange(at->second.waiting, {});
    }
  }
  if (!known) made->close(bye_code::finished, "the peer has left the cluster");
  bool gone = false;
  for (const auto& [request, values] : waiting) {
    get_values m{};
    m.request = request;
    m.tasks = values;
    gone = !made->send(m) || gone;
  }
  if (!gone || !known) co_return;
  // The link has ended already, and that may have been told before these were asked for.
  {
    std::lock_guard guard(self->lock_);
    const auto at = self->peers_.find(id);
    if (at != self->peers_.end() && at->second.connection == made) {
      at->second.connection.reset();
      at->second.handler.reset();
    }
  }
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

// ---- serving -----------------------------------------------------------------------------------------------------

class exchange::server_link final : public link_handler {
 public:
  explicit server_link(std::weak_ptr<exchange> of) : of_(std::move(of)) {}

  void received(peer_link& from, std::span<const std::byte> messages) override {
    const auto x = of_.lock();
    if (!x) return;
    if (!std::exchange(known_, true)) {
      std::lock_guard guard(x->lock_);
      std::erase_if(x->serving_, [](const auto& l) { return l.expired(); });
      x->serving_.push_back(from.weak_from_this());
    }
    batch_reader batch(messages);
    std::uint16_t kind = 0;
    while (batch.next(kind)) {
      if (kind == static_cast<std::uint16_t>(message_kind::pushed_value) &&
          from.peer().says.role == peer_role::worker) {
        const auto m = batch.get<pushed_value>();
        x->with_host([&](exchange_host& h) { h.pushed(m.id, m.bytes, m.message); });
        continue;
      }
      if (kind != static_cast<std::uint16_t>(message_kind::get_values))
        throw protocol_error("weft: a peer that may ask for values sent a message of kind " + std::to_string(kind));
      const auto m = batch.get<get_values>();
      for (const task_id id : m.tasks) answer(*x, from, m.request, id);
    }
  }
  void ended(peer_link&, const std::string&, bool) override {}

 private:
  static void answer(exchange& x, peer_link& to, std::uint64_t request, task_id id) {
    outgoing_value v;
    const bool busy = x.outgoing_->load(std::memory_order_relaxed) > x.limits_.outgoing_bytes || to.full();
    if (!busy) x.with_host([&](exchange_host& h) { v = h.find(id); });
    if (v.node || v.copy)
      detail::spawn_part(x.pool_.core(), send(x.shared_from_this(), to.shared_from_this(), request, id, std::move(v)),
                         priority::normal);
    else
      to.send(value_missing{{request, id, busy ? 1u : 0u, 0}});
  }

  const std::weak_ptr<exchange> of_;
  bool known_ = false;
};

std::shared_ptr<link_handler> exchange::serve() { return std::make_shared<server_link>(weak_from_this()); }

task<> exchange::send(std::shared_ptr<exchange> self, std::shared_ptr<peer_link> to, std::uint64_t request,
                      task_id id, outgoing_value value) {
  value_header header{};
  header.request = request;
  header.id = id;
  header.schema = value.schema;
  // Those asked for by one message are looked for one after another, and each adds to what waits.
  const auto busy = [&] {
    const bool full = to->full();
    if (full) to->send(value_missing{{request, id, 1, 0}});
    return full;
  };
  auto leaving = std::make_shared<departing>(std::move(value), self->outgoing_);
  buffer message;
  std::vector<buffer> attachments;
  if (const auto& copy = leaving->value.copy) {
    if (busy()) co_return;
    message = copy->front();
    attachments.assign(copy->begin() + 1, copy->end());
  } else {
    bool there = false;
    try {
      co_await std::move(*leaving->look);
      if (busy()) co_return;
      const detail::node& n = *leaving->value.node;
      n.type->value->encode(n, leaving->message);
      there = true;
    } catch (const std::exception&) {}  // lost, or no longer there: the peer looks elsewhere
    if (!there) {
      to->send(value_missing{{request, id, 0, 0}});
      co_return;
    }
    const auto attached = leaving->message.attachments();
    message = leaving->message.message();
    attachments.assign(attached.begin(), attached.end());
  }
  std::vector<std::uint64_t> sizes;
  for (const buffer& a : attachments) {
    sizes.push_back(a.size());
    header.bytes += a.size();
  }
  header.attachments = sizes;
  if (message.size() <= self->limits_.header_message) {
    header.message = message;
  } else {
    header.message_bytes = message.size();
    attachments.insert(attachments.begin(), message);
  }
  leaving->leave(header.bytes + header.message_bytes);
  to->send_value(header, std::move(attachments), leaving);
}

void exchange::close() {
  {
    std::lock_guard guard(open_lock_);
    open_ = false;
  }
  std::vector<std::shared_ptr<peer_link>> all;
  {
    std::lock_guard guard(lock_);
    for (auto& [id, p] : peers_)
      if (p.connection) all.push_back(std::move(p.connection));
    for (const auto& l : serving_)
      if (auto still = l.lock()) all.push_back(std::move(still));
    peers_.clear();
    serving_.clear();
  }
  for (const auto& l : all) l->close(bye_code::finished, "the process ends");
}

}  // namespace weft::net
