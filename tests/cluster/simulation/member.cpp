#include "cluster/simulation/member.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace weft::net::simulation {

namespace {
constexpr time_ns first_delay = 20'000'000, longest_delay = 500'000'000;
constexpr std::size_t chunk_bytes = std::size_t{16} << 10;
}  // namespace

member::member(surroundings& world, simulated_node node, peer_role role, std::uint32_t number)
    : process(world, node),
      role_(role),
      number_(number),
      name_((role == peer_role::worker ? "worker-" : "client-") + std::to_string(number)) {}

std::string member::role_name() const { return name_; }

// ---- the session with the scheduler ------------------------------------------------------------------------------

void member::start() {
  alive_ = true;
  ++incarnation_;
  down_since_ = now();
  delay_ = 0;
  connect();
}

void member::stop(bool silent) {
  die(silent);
  lose_life("it has stopped");
  alive_ = false;
  link_ = 0;
  sources_.clear();
  sinks_.clear();
  claims_.clear();
  giving_ = {};
}

void member::lose_life(const std::string& why) {
  const bool had = self_ != 0;
  self_ = 0;
  session_ = 0;
  std::vector<peer_id> all;
  for (auto& [peer, s] : sources_) all.push_back(peer);
  for (const peer_id p : all) part_from(p);
  // Requests of the next life have the same numbers.
  for (const auto& [key, number] : claims_) {
    if (link* l = look(key)) {
      sources_.erase(l->peer);
      drop(*l);
    }
    sinks_.erase(key);
  }
  claims_.clear();
  giving_ = {};
  talk_.reset();
  if (had) end_life(why);
}

void member::connect() {
  link& l = dial(world_.scheduler, purpose::scheduler);
  link_ = l.key;
}

void member::retry_later() {
  delay_ = delay_ == 0 ? first_delay : std::min(2 * delay_, longest_delay);
  world_.time.at(now() + delay_, *this, redial, incarnation_);
}

void member::happened(std::uint8_t what, std::uint64_t argument) {
  if (what != redial || argument != incarnation_ || !alive_ || look(link_)) return;
  if (session_ != 0 && now() - down_since_ > world_.resume) {
    if (talk_->talk.connected()) talk_->talk.disconnected();
    lose_life("the scheduler could not be reached for too long");
    ++incarnation_;
  }
  connect();
}

void member::made(link& l) {
  hello m{};
  m.lowest = m.highest = known_versions.highest;
  m.role = static_cast<std::uint8_t>(role_);
  m.incarnation = incarnation_;
  m.name = name_;
  const std::string address = std::to_string(node());
  m.address = address;
  static constexpr std::byte build[16] = {std::byte{1}};
  m.build_id = build;
  if (l.is == purpose::scheduler) {
    m.session = session_;
    m.received = talk_ ? talk_->talk.received() : 0;
    fill(m);
  }
  say(l, frame_kind::hello, encode(m));
}

void member::welcomed(link& l, const welcome& m) {
  if (l.is == purpose::fetching) {
    source& s = sources_.at(l.peer);
    establish(l, *s.with, m.received);
    say_claim(s);
    return ask(l.peer, s);
  }
  must(l.is == purpose::scheduler, "a welcome on a link that was not dialed");
  delay_ = 0;
  if (session_ != 0 && m.session == session_) return establish(l, *talk_, m.received);
  if (session_ != 0) lose_life("the scheduler does not know it any more");
  session_ = m.session;
  self_ = m.peer;
  ++lives_;
  talk_ = std::make_unique<conversation>(world_.sessions);
  establish(l, *talk_, m.received);
  begin_life();
}

void member::say_to_scheduler(batch_writer& from) {
  if (!talk_ || from.empty()) return;
  talk_->send(from);
  if (link* l = look(link_)) touch(*l);
}

// ---- links -------------------------------------------------------------------------------------------------------

void member::down(link& l) {
  switch (l.is) {
    case purpose::scheduler:
      if (l.key != link_) return;
      if (l.at == link::state::established) down_since_ = now();
      link_ = 0;
      return retry_later();
    case purpose::fetching: {
      const peer_id p = l.peer;
      l.with = nullptr;
      sinks_.erase(l.key);
      if (const auto at = sources_.find(p); at != sources_.end() && at->second.link == l.key)
        lose_source(p, at->second, true);
      return;
    }
    case purpose::serving:
      l.with = nullptr;
      sinks_.erase(l.key);
      if (const auto claim = claims_.extract(l.key)) giving_.ended(claim.mapped());
      tell_of_givers();
      return;
    default:
      return;
  }
}

void member::bye(link& l) {
  if (l.is != purpose::scheduler) return;
  drop(l);
  link_ = 0;
  lose_life("the scheduler has ended the session");
  ++incarnation_;
  retry_later();
}

void member::said_hello(link& l, const hello&) {
  l.is = purpose::serving;
  welcome w{};
  w.version = known_versions.highest;
  w.peer = self_;
  w.session = l.key;  // it is not resumed
  w.incarnation = incarnation_;
  say(l, frame_kind::welcome, encode(w));
  auto& s = sinks_[l.key] = std::make_unique<sink>(std::make_shared<conversation>(world_.sessions));
  establish(l, *s->with, 0);
}

// ---- values from others ------------------------------------------------------------------------------------------

void member::meet(const peer_info& peer) {
  simulated_node at = 0;
  std::from_chars(peer.address.data(), peer.address.data() + peer.address.size(), at);
  sources_[peer.peer].at = at;
}

void member::part_from(peer_id peer) {
  if (is_giver(peer)) {  // its link is its own, and may be needed again
    giving_.forget(peer);
    return leave_giver(peer);
  }
  const auto at = sources_.find(peer);
  if (at == sources_.end()) return;
  lose_source(peer, at->second, false);
  sources_.erase(at);
}

void member::lose_source(peer_id peer, source& s, bool tell) {
  if (link* l = look(s.link)) drop(*l);
  sinks_.erase(s.link);
  s.claimed = false;
  s.link = 0;
  s.with.reset();
  s.coming.clear();
  s.request = 0;
  if (tell) holder_lost(peer);
}

member::source& member::reach(peer_id peer) {
  const auto at = sources_.find(peer);
  must(at != sources_.end(), "something is wanted of a peer that nobody has introduced");
  source& s = at->second;
  if (!look(s.link)) {
    s.with = std::make_shared<conversation>(world_.sessions);
    s.claimed = false;
    link& l = dial(s.at, purpose::fetching);
    l.peer = peer;
    s.link = l.key;
  }
  return s;
}

void member::offer_to(peer_id worker, std::uint64_t secret) {
  source& s = reach(worker);
  s.claim = giver_record{secret, self_, 0};
  say_claim(s);
}

void member::say_claim(source& s) {
  link* l = look(s.link);
  if (!s.claim || !l || l->at != link::state::established || std::exchange(s.claimed, true)) return;
  batch_writer w;
  w.add(claim_offers{*s.claim});
  s.with->send(w);
  touch(*l);
}

void member::await_from(peer_id giver, std::uint64_t secret) {
  giving_.await(giver, secret);
  tell_of_givers();
}

void member::hear_claim(link& l, const claim_offers& m) {
  must(l.peer == 0, "a claim came twice on a link");
  l.peer = giver_of(m.submitter);
  claims_[l.key] = giving_.claimed(m);
  tell_of_givers();
}

void member::tell_of_givers() {
  while (const auto w = giving_.take_word()) {
    if (w->interrupted) {
      leave_giver(w->giver);
      giver_away(w->giver);
    }
    if (w->there) giver_came(w->giver);
  }
}

/// It may be within what it is asked for.
void member::leave_giver(peer_id giver) {
  const auto at = sources_.find(giver);
  if (at == sources_.end()) return;
  at->second.link = at->second.request = 0;
  at->second.with.reset();
}

member::source* member::source_of(const link& l) {
  const auto at = sources_.find(l.peer);
  return l.peer != 0 && at != sources_.end() && at->second.link == l.key ? &at->second : nullptr;
}

/// Where there is no link it is lost, and now and then where there is one.
void member::push_to(peer_id peer, task_id id, std::uint64_t bytes, std::span<const std::byte> message) {
  const auto at = sources_.find(peer);
  link* l = at == sources_.end() ? nullptr : look(at->second.link);
  if (!l || l->at != link::state::established || world_.random.one_in(8)) return;
  batch_writer w;
  w.add(pushed_value{{id, bytes}, message});
  at->second.with->send(w);
  touch(*l);
}

void member::ask_for(peer_id peer, std::uint64_t request, std::span<const task_id> values) {
  source& s = is_giver(peer) ? sources_[peer] : reach(peer);
  if (is_giver(peer)) {
    const givers::claim_number number = giving_.ask(peer, request, values.size());
    must(number != 0, "a giver is asked that is away");
    s.link = std::find_if(claims_.begin(), claims_.end(), [&](const auto& c) { return c.second == number; })->first;
    s.with = sinks_.at(s.link)->with;
  }
  must(s.request == 0, "a second request to a peer");
  s.request = request;
  s.asked.assign(values.begin(), values.end());
  s.said = false;
  s.answered = 0;
  s.coming.clear();
  s.expected = s.received = 0;
  ask(peer, s);
}

void member::ask(peer_id, source& s) {
  link* l = look(s.link);
  if (!l || l->at != link::state::established || s.request == 0 || std::exchange(s.said, true)) return;
  batch_writer w;
  w.add(get_values{{s.request}, s.asked});
  s.with->send(w);
  touch(*l);
}

void member::stop_asking(peer_id peer, std::uint64_t request) {
  const auto at = sources_.find(peer);
  if (at == sources_.end() || at->second.request != request) return;
  source& s = at->second;
  s.request = 0;
  link* l = look(s.link);
  if (!l || l->at != link::state::established || !s.said) return;
  batch_writer w;
  w.add(stop_values{{request}});
  s.with->send(w);
  touch(*l);
}

/// What has not gone of a request does not go.
void member::stop_serving(link& l, sink& to, std::uint64_t request) {
  std::erase_if(to.queue, [&](const served& v) { return v.request == request; });
  if (to.sending && to.sending->request == request) to.sending.reset();
  to.offsets.erase(request);
  batch_writer w;
  w.add(values_stopped{{request}});
  to.with->send(w);
  touch(l);
}

bool member::fetching_anything() const noexcept {
  return std::any_of(sources_.begin(), sources_.end(), [](const auto& s) { return s.second.request != 0; });
}

void member::answered_one(source& s) {
  if (++s.answered == s.asked.size()) s.request = 0;
}

void member::batch(link& l, std::span<const std::byte> messages) {
  if (l.is == purpose::scheduler) return told(messages);
  batch_reader reader(messages);
  std::uint16_t kind = 0;
  while (reader.next(kind)) {
    if (l.is == purpose::serving && kind == static_cast<std::uint16_t>(message_kind::pushed_value)) {
      const auto m = reader.get<pushed_value>();
      value_pushed(m.id, m.bytes, m.message);
      continue;
    }
    if (l.is == purpose::serving && kind == static_cast<std::uint16_t>(message_kind::claim_offers)) {
      hear_claim(l, reader.get<claim_offers>());
      continue;
    }
    const auto claim = l.is == purpose::serving ? claims_.find(l.key) : claims_.end();
    const bool is_header = kind == static_cast<std::uint16_t>(message_kind::value_header);
    if (claim != claims_.end() && (is_header || kind == static_cast<std::uint16_t>(message_kind::value_missing)) &&
        !giving_.answers(claim->second,
                         is_header ? reader.get<value_header>().request : reader.get<value_missing>().request))
      continue;
    if (kind == static_cast<std::uint16_t>(message_kind::values_stopped)) {
      const std::uint64_t request = reader.get<values_stopped>().request;
      if (claim != claims_.end()) giving_.stopped(claim->second, request);
      const source* const s = source_of(l);
      must(!s || s->request != request, "a request is stopped that was not taken back");
      continue;
    }
    source* const from = source_of(l);
    const bool takes_back = kind == static_cast<std::uint16_t>(message_kind::stop_values);
    if (takes_back || kind == static_cast<std::uint16_t>(message_kind::get_values)) {
      must(l.is == purpose::serving || (from && from->claimed), "a peer is asked that does not serve");
      auto& to = sinks_[l.key];
      if (!to) to = std::make_unique<sink>(from->with);
      if (takes_back) {
        stop_serving(l, *to, reader.get<stop_values>().request);
        continue;
      }
      const auto m = reader.get<get_values>();
      for (const task_id id : m.tasks) to->queue.push_back(serve(m.request, id));
      touch(l);
      continue;
    }
    if (!from) {
      must(l.is == purpose::serving && l.peer != 0, "an answer to who has not asked");
      continue;
    }
    source& s = *from;
    if (kind == static_cast<std::uint16_t>(message_kind::value_header)) {
      const auto m = reader.get<value_header>();
      if (m.request != s.request) continue;  // given up
      std::uint64_t hash = 0;
      must(m.message.size() == sizeof hash, "the message of a value has another size");
      std::memcpy(&hash, m.message.data(), sizeof hash);
      s.coming.push_back({m.id, hash, m.bytes, s.expected});
      s.expected += m.bytes;
      land(l.peer, s);
    } else if (kind == static_cast<std::uint16_t>(message_kind::value_missing)) {
      const auto m = reader.get<value_missing>();
      if (m.request != s.request) continue;
      const std::uint64_t request = s.request;
      answered_one(s);
      value_not_there(request, m.id, m.busy != 0);
    } else {
      throw violation("an answer to get_values that is none");
    }
  }
}

void member::chunk(link& l, std::uint64_t stream, std::uint64_t offset, std::span<const std::byte> bytes) {
  must(l.is == purpose::fetching || l.peer != 0, "a chunk on a link that fetches nothing");
  source* const from = source_of(l);
  if (!from || stream != from->request) return;
  source& s = *from;
  must(offset == s.received && !s.coming.empty(), "chunks of a stream are not in order");
  const landing& at = s.coming.front();
  must(offset + bytes.size() <= at.begin + at.bytes, "a chunk goes beyond its value");
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    const std::size_t n = std::min<std::size_t>(8, bytes.size() - i);
    must(std::memcmp(bytes.data() + i, &at.hash, n) == 0, "the bytes of a value have changed on their way");
  }
  s.received += bytes.size();
  land(l.peer, s);
}

void member::land(peer_id, source& s) {
  while (!s.coming.empty() && s.received >= s.coming.front().begin + s.coming.front().bytes) {
    const landing at = s.coming.front();
    s.coming.pop_front();
    const std::uint64_t request = s.request;
    answered_one(s);
    value_came(request, at.id, at.bytes, at.hash);
    if (s.request != request) return;
  }
}

// ---- values to others --------------------------------------------------------------------------------------------

member::served member::serve(std::uint64_t request, task_id id) { return {request, id, false, false, 0, 0}; }

void member::write_more(link& l) {
  const auto to = sinks_.find(l.key);
  if (to == sinks_.end()) return;
  sink& s = *to->second;
  session& talk = s.with->talk;
  while (!l.output.full() && !l.output.frames()) {
    if (s.sending) {
      // A header goes before its chunks.
      if (!s.with->waiting.empty() || talk.unsent_bytes() != 0) return;
      const std::uint64_t n = std::min<std::uint64_t>(s.sending->bytes - s.sent, chunk_bytes);
      if (n != 0) {
        s.chunk.assign((n + 7) / 8, s.sending->hash);
        talk.write_chunk(l.output, s.sending->request, s.offset, std::as_bytes(std::span(s.chunk)).first(n));
        s.sent += n;
        s.offset += n;
        s.offsets[s.sending->request] = s.offset;
      }
      if (s.sent == s.sending->bytes) s.sending.reset();
      if (n != 0) return;
    }
    if (s.queue.empty()) return;
    const served next = s.queue.front();
    s.queue.pop_front();
    batch_writer w;
    if (next.there) {
      value_header h{};
      h.request = next.request;
      h.id = next.id;
      h.bytes = next.bytes;
      h.attachments = std::span(&next.bytes, 1);
      h.message = std::as_bytes(std::span(&next.hash, 1));
      w.add(h);
      s.sending = next;
      s.sent = 0;
      s.offset = s.offsets[next.request];
    } else {
      value_missing m{};
      m.request = next.request;
      m.id = next.id;
      m.busy = next.busy ? 1 : 0;
      w.add(m);
    }
    s.with->send(w);
    s.with->refill();
    talk.write(l.output);
  }
}

}  // namespace weft::net::simulation
