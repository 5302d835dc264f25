#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "worker/exchange.hpp"

namespace weft::net {

/// The link to a peer that has values. Its calls come one at a time.
class exchange::client_link final : public link_handler {
 public:
  client_link(std::weak_ptr<exchange> of, peer_id peer) : of_(std::move(of)), peer_(peer) {}

  void received(peer_link& from, std::span<const std::byte> messages) override {
    const auto x = of_.lock();
    if (!x) return;
    batch_reader batch(messages);
    std::uint16_t kind = 0;
    while (batch.next(kind)) {
      if (answered(*x, from, kind, batch)) continue;
      if (kind == static_cast<std::uint16_t>(message_kind::get_values) && x->may_ask(peer_))
        x->answer(from, asked_, batch.get<get_values>());
      else if (kind == static_cast<std::uint16_t>(message_kind::stop_values) && x->may_ask(peer_))
        x->stop_answering(from, asked_, batch.get<stop_values>());
      else
        throw protocol_error("weft: a peer that was asked for values sent a message of kind " + std::to_string(kind));
    }
  }
  /// False: the message is no answer.
  bool answered(exchange& x, peer_link& from, std::uint16_t kind, const batch_reader& batch) {
    if (kind == static_cast<std::uint16_t>(message_kind::value_header)) {
      begin(x, from, batch.get<value_header>());
    } else if (kind == static_cast<std::uint16_t>(message_kind::value_missing)) {
      const auto m = batch.get<value_missing>();
      x.with_host([&](exchange_host& h) { h.not_there(m.request, m.id, m.busy != 0); });
    } else if (kind == static_cast<std::uint16_t>(message_kind::values_stopped)) {
      stopped(x, batch.get<values_stopped>().request);
    } else {
      return false;
    }
    return true;
  }
  std::span<std::byte> place(peer_link&, std::uint64_t stream, std::uint64_t offset, std::size_t bytes) override {
    const auto at = coming_.find(stream);
    if (at == coming_.end()) return {};
    coming& first = at->second.front();
    if (!first.message_is_there) return {};  // it grows with what comes
    return first.where.wanted ? first.stream.place(offset - first.message_bytes, bytes) : std::span<std::byte>();
  }
  void chunk(peer_link& from, std::uint64_t stream, std::uint64_t offset, std::span<const std::byte> bytes) override {
    const auto at = coming_.find(stream);
    if (at == coming_.end()) return;
    coming& first = at->second.front();
    if (bytes.size() > first.left)
      throw protocol_error("weft: a chunk of " + std::to_string(bytes.size()) + " bytes of a value came where " +
                           std::to_string(first.left) + " are missing");
    if (!first.message_is_there)
      add_to_message(from, stream, first, offset, bytes);
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
  /// Who hears of it may ask at once, and is to find no link.
  void ended(peer_link&, const std::string&, bool) override {
    if (const auto x = of_.lock()) {
      std::lock_guard guard(x->lock_);
      if (const auto at = x->peers_.find(peer_); at != x->peers_.end() && at->second.handler.get() == this) {
        at->second.connection.reset();
        at->second.handler.reset();
      }
    }
    lose([&](exchange_host& h) { h.peer_lost(peer_); });
  }
  /// What has begun to come does not come on, and what becomes of the link somebody else tells.
  void cut_off() {
    lose([](exchange_host&) {});
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

  void begin(exchange& x, peer_link& from, const value_header& header) {
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
        return pass_over(x, from, header.request, std::move(c));
      }
      if (is_too_large(x, header, header.bytes + message, of.bytes))
        return pass_over(x, from, header.request, std::move(c));
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
    if (!c.where.wanted) return pass_over(x, from, header.request, std::move(c));
    c.stream = inbound_stream(c.where.places);
    add(x, header.request, std::move(c));
  }
  /// Its chunks are gone over, if they come: where that was the last of its request that was awaited, what has not
  /// gone is not to go.
  void pass_over(exchange& x, peer_link& from, std::uint64_t request, coming c) {
    const bool more = c.left != 0;
    add(x, request, std::move(c));
    if (more) stop_if_over(x, from, request);
  }
  static void stop_if_over(exchange& x, peer_link& from, std::uint64_t request) {
    bool awaited = true;
    x.with_host([&](exchange_host& h) { awaited = h.expected(request, 0).request; });
    if (!awaited && (from.peer().capabilities & capability::stops)) from.send(stop_values{{request}});
  }
  /// No more of the request comes, of which nobody awaits anything.
  void stopped(exchange& x, std::uint64_t request) {
    bool awaited = false;
    x.with_host([&](exchange_host& h) { awaited = h.expected(request, 0).request; });
    if (awaited)
      throw protocol_error("weft: a peer sends no more of request " + std::to_string(request) +
                           ", which was not taken back");
    auto values = coming_.extract(request);
    if (!values) return;
    x.with_host([&](exchange_host& h) {
      for (coming& c : values.mapped())
        if (c.where.wanted) h.cut_off(c.id, std::move(c.where));
    });
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
  void add_to_message(peer_link& from, std::uint64_t request, coming& c, std::uint64_t offset,
                      std::span<const std::byte> bytes) {
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
    if (const auto x = of_.lock()) {
      x->with_host([&](exchange_host& h) { c.where = h.land(whole); });
      if (!c.where.wanted && c.left > bytes.size()) stop_if_over(*x, from, request);
    }
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
  asked_requests asked_;  // by the other side, where it may ask
};

}  // namespace weft::net
