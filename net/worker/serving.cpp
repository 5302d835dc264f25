// What an exchange sends, and the links that peers have dialled: who gives what it offers is asked on them.
#include <algorithm>
#include <utility>

#include "engine/engine.hpp"
#include "exec/spawn_part.hpp"
#include "weft/future.hpp"
#include "worker/client_link.hpp"

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
  departing(outgoing_value v, std::shared_ptr<asked_request> r, std::shared_ptr<std::atomic<std::uint64_t>> c)
      : value(std::move(v)), of(std::move(r)), count(std::move(c)) {
    if (value.node) look.emplace(*value.node);
  }
  departing(const departing&) = delete;
  ~departing() { count->fetch_sub(bytes, std::memory_order_relaxed); }
  void leave(std::uint64_t all) noexcept {
    bytes = all;
    count->fetch_add(all, std::memory_order_relaxed);
  }
  outgoing_value value;
  std::shared_ptr<asked_request> of;
  std::optional<value_look> look;  // of a node
  encoder message;                 // of a node
  std::uint64_t bytes = 0;
  std::shared_ptr<std::atomic<std::uint64_t>> count;
};

}  // namespace

// ---- givers ------------------------------------------------------------------------------------------------------

void exchange::await_giver(peer_id giver, std::uint64_t secret) {
  std::lock_guard guard(lock_);
  givers_.await(giver, secret);
  tell_of_givers();
}

void exchange::ask_giver(peer_id giver, const get_values& m) {
  givers::claim_number number = 0;
  std::shared_ptr<peer_link> link;
  {
    std::lock_guard guard(lock_);
    number = givers_.ask(giver, m.request, m.tasks.size());
    if (number == 0) return tell_of_givers();
    if (const auto at = claims_.find(number); at != claims_.end()) link = at->second.lock();
  }
  if (link && link->send(m)) return;
  std::lock_guard guard(lock_);
  givers_.not_asked(giver, number);
  tell_of_givers();
}

/// Under the lock.
void exchange::tell_of_givers() {
  if (!givers_.has_words() || std::exchange(telling_, true)) return;
  try {
    detail::spawn_part(pool_.core(), tell_of_givers(shared_from_this()), priority::interactive);
  } catch (...) {
    telling_ = false;  // the next does
    throw;
  }
}

/// One at a time: see givers.
task<> exchange::tell_of_givers(std::shared_ptr<exchange> self) {
  for (;;) {
    std::optional<givers::word> w;
    {
      std::lock_guard guard(self->lock_);
      w = self->givers_.take_word();
      self->telling_ = w.has_value();
    }
    if (!w) co_return;
    self->with_host([&](exchange_host& h) {
      if (w->interrupted) h.peer_interrupted(w->giver);
      if (w->there) h.peer_resumed(w->giver);
    });
  }
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
      if (kind == static_cast<std::uint16_t>(message_kind::claim_offers)) {
        begin_asking(*x, from, batch.get<claim_offers>());
        continue;
      }
      if (asking_ && is_answer(kind)) {
        if (is_asked(*x, request_of(kind, batch))) asking_->answered(*x, from, kind, batch);
        continue;
      }
      if (asking_ && kind == static_cast<std::uint16_t>(message_kind::values_stopped)) {
        {
          std::lock_guard guard(x->lock_);
          x->givers_.stopped(claim_, batch.get<values_stopped>().request);
        }
        asking_->answered(*x, from, kind, batch);
        continue;
      }
      if (kind == static_cast<std::uint16_t>(message_kind::stop_values)) {
        x->stop_answering(from, asked_, batch.get<stop_values>());
        continue;
      }
      if (kind == static_cast<std::uint16_t>(message_kind::pushed_value) &&
          from.peer().says.role == peer_role::worker) {
        const auto m = batch.get<pushed_value>();
        x->with_host([&](exchange_host& h) { h.pushed(m.id, m.bytes, m.message); });
        continue;
      }
      if (kind != static_cast<std::uint16_t>(message_kind::get_values))
        throw protocol_error("weft: a peer that may ask for values sent a message of kind " + std::to_string(kind));
      x->answer(from, asked_, batch.get<get_values>());
    }
  }
  std::span<std::byte> place(peer_link& l, std::uint64_t stream, std::uint64_t offset, std::size_t bytes) override {
    return asking_ ? asking_->place(l, stream, offset, bytes) : std::span<std::byte>();
  }
  void chunk(peer_link& l, std::uint64_t stream, std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (asking_) asking_->chunk(l, stream, offset, bytes);
  }
  void interrupted(peer_link&) override { set_away(true); }
  void resumed(peer_link&) override { set_away(false); }
  void ended(peer_link&, const std::string&, bool) override {
    if (!asking_) return;
    asking_->cut_off();
    const auto x = of_.lock();
    if (!x) return;
    std::lock_guard guard(x->lock_);
    x->givers_.ended(claim_);
    x->claims_.erase(claim_);
    x->tell_of_givers();
  }

 private:
  static bool is_answer(std::uint16_t kind) noexcept {
    return kind == static_cast<std::uint16_t>(message_kind::value_header) ||
           kind == static_cast<std::uint16_t>(message_kind::value_missing);
  }
  static std::uint64_t request_of(std::uint16_t kind, const batch_reader& batch) {
    return kind == static_cast<std::uint16_t>(message_kind::value_header) ? batch.get<value_header>().request
                                                                          : batch.get<value_missing>().request;
  }
  void begin_asking(exchange& x, peer_link& from, const claim_offers& m) {
    if (asking_) throw protocol_error("weft: a peer has claimed twice on one link to offer values");
    if (m.submitter == the_scheduler || is_giver(m.submitter))
      throw protocol_error("weft: a peer offers values as submitter " + std::to_string(m.submitter) +
                           ", which none can be");
    asking_ = std::make_shared<client_link>(of_, giver_of(m.submitter));
    std::lock_guard guard(x.lock_);
    claim_ = x.givers_.claimed(m);
    x.claims_.emplace(claim_, from.weak_from_this());
    x.tell_of_givers();
  }
  bool is_asked(exchange& x, std::uint64_t request) const {
    std::lock_guard guard(x.lock_);
    return x.givers_.answers(claim_, request);
  }
  void set_away(bool away) {
    if (!asking_) return;
    if (away) asking_->cut_off();
    const auto x = of_.lock();
    if (!x) return;
    std::lock_guard guard(x->lock_);
    x->givers_.set_away(claim_, away);
    x->tell_of_givers();
  }

  const std::weak_ptr<exchange> of_;
  bool known_ = false;
  asked_requests asked_;                 // by the other side
  std::shared_ptr<client_link> asking_;  // whom: the other side, for what it offers
  givers::claim_number claim_ = 0;       // its
};

void exchange::answer(peer_link& to, asked_requests& asked, const get_values& m) {
  const auto of = asked.add(m.request);
  for (const task_id id : m.tasks) answer(to, of, m.request, id);
}

/// What is not sent yet, and waits for its value to be read, ends when that is there.
void exchange::stop_answering(peer_link& to, const asked_requests& asked, const stop_values& m) {
  const auto say = [&] { to.end_stream(m.request, values_stopped{{m.request}}); };
  if (const auto of = asked.find(m.request))
    of->stop(say);
  else
    say();
}

void exchange::answer(peer_link& to, const std::shared_ptr<asked_request>& of, std::uint64_t request, task_id id) {
  outgoing_value v;
  const bool busy = outgoing_->load(std::memory_order_relaxed) > limits_.outgoing_bytes || to.full();
  if (!busy) with_host([&](exchange_host& h) { v = h.find(id); });
  if (v.node || v.copy)
    detail::spawn_part(pool_.core(), send(shared_from_this(), to.shared_from_this(), of, request, id, std::move(v)),
                       priority::normal);
  else
    to.send(value_missing{{request, id, busy ? 1u : 0u, 0}});
}

std::shared_ptr<link_handler> exchange::serve() { return std::make_shared<server_link>(weak_from_this()); }

task<> exchange::send(std::shared_ptr<exchange> self, std::shared_ptr<peer_link> to,
                      std::shared_ptr<asked_request> of, std::uint64_t request, task_id id, outgoing_value value) {
  value_header header{};
  header.request = request;
  header.id = id;
  header.schema = value.schema;
  // Those asked for by one message are looked for one after another, and each adds to what waits.
  const auto busy = [&] {
    const bool full = to->full();
    if (full) of->send([&] { to->send(value_missing{{request, id, 1, 0}}); });
    return full;
  };
  auto leaving = std::make_shared<departing>(std::move(value), of, self->outgoing_);
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
      if (of->stopped() || busy()) co_return;
      const detail::node& n = *leaving->value.node;
      n.type->value->encode(n, leaving->message);
      there = true;
    } catch (...) {
      // It was spilled and cannot be read, which the store has said to those whom it concerns; or nobody wants it any
      // more; or memory is short. Whatever it is, the peer is answered: it asks the scheduler, who has others give
      // the value, or has it made again.
    }
    if (!there) {
      self->with_host([&](exchange_host& h) { h.cannot_send(id); });
      of->send([&] { to->send(value_missing{{request, id, 0, 0}}); });
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
  of->send([&] { to->send_value(header, std::move(attachments), leaving); });
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
    claims_.clear();
  }
  for (const auto& l : all) l->close(bye_code::finished, "the process ends");
}

}  // namespace weft::net
