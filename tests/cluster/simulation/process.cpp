#include "cluster/simulation/process.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include "cluster/simulation/trace.hpp"

namespace weft::net::simulation {

std::string name_of(task_id id) {
  return "task " + std::to_string(number_of(id)) + " of peer " + std::to_string(submitter_of(id));
}

// ---- conversation ------------------------------------------------------------------------------------------------

void conversation::send(batch_writer& from) {
  if (from.empty()) return;
  if (waiting.empty() && talk.out().empty()) {
    std::swap(talk.out(), from);
    from.clear();
    return;
  }
  waiting.emplace_back();
  std::swap(waiting.back(), from);
}

void conversation::refill() {
  if (waiting.empty() || !talk.out().empty()) return;
  std::swap(talk.out(), waiting.front());
  waiting.pop_front();
}

// ---- links -------------------------------------------------------------------------------------------------------

link& process::make(simulated_end end) {
  std::uint32_t place = static_cast<std::uint32_t>(links_.size());
  if (free_.empty()) {
    links_.emplace_back();
    generations_.push_back(0);
  } else {
    place = free_.back();
    free_.pop_back();
  }
  links_[place] = std::make_unique<link>();
  link& l = *links_[place];
  l.key = std::uint64_t{++generations_[place]} << 32 | place;
  l.end = end;
  world_.net.set_tag(end, l.key);
  return l;
}

link* process::look(std::uint64_t key) noexcept {
  const auto place = static_cast<std::uint32_t>(key);
  if (place >= links_.size() || !links_[place] || links_[place]->key != key) return nullptr;
  return links_[place]->at == link::state::gone ? nullptr : links_[place].get();
}

link& process::dial(simulated_node to, purpose is) {
  link& l = make(world_.net.connect(node_, *this, to));
  l.is = is;
  return l;
}

void process::touch(link& l) {
  if (!std::exchange(l.dirty, true)) dirty_.push_back(l.key);
  if (!in_turn_) wake();
}

void process::say(link& l, frame_kind kind, std::vector<std::byte> greeting) {
  l.greets = kind;
  l.greeting = std::move(greeting);
  if (l.at == link::state::connecting) l.at = link::state::greeting;
  touch(l);
}

void process::establish(link& l, conversation& c, std::uint64_t peer_received) {
  l.with = &c;
  l.parser.established();
  l.at = link::state::established;
  c.talk.tick(now());
  c.talk.connected(peer_received, {world_.between_hosts, false, false});
  touch(l);
}

void process::drop(link& l) {
  if (l.at == link::state::gone) return;
  l.at = link::state::gone;
  if (l.with && l.with->talk.connected()) l.with->talk.disconnected();
  l.with = nullptr;
  gone_.push_back(l.key);
  wake();
}

void process::fail(link& l) {
  if (l.at == link::state::gone) return;
  if (l.with && l.with->talk.connected()) l.with->talk.disconnected();
  down(l);
  drop(l);
}

void process::sweep() {
  for (const std::uint64_t key : gone_) {
    const auto place = static_cast<std::uint32_t>(key);
    world_.net.close(links_[place]->end);
    links_[place].reset();
    free_.push_back(place);
  }
  gone_.clear();
}

void process::die(bool silent) {
  world_.net.crash(node_, silent);
  for (std::size_t place = 0; place < links_.size(); ++place)
    if (links_[place]) {
      links_[place].reset();
      free_.push_back(static_cast<std::uint32_t>(place));
    }
  readable_.clear();
  broken_.clear();
  dirty_.clear();
  gone_.clear();
  ++life_;
  turn_is_due_ = before_writing_ = in_turn_ = false;
  alarm_at_ = session::never;
}

// ---- what the network tells --------------------------------------------------------------------------------------

void process::accepted(simulated_end end, simulated_node) {
  world_.time.at(now() + greeting_limit, *this, greeting_timer, make(end).key);
}

void process::connected(simulated_end end) {
  link* l = look(world_.net.tag(end));
  if (!l) return;
  world_.time.at(now() + greeting_limit, *this, greeting_timer, l->key);
  made(*l);
}

void process::readable(simulated_end end) {
  link* l = look(world_.net.tag(end));
  if (!l) return;
  if (!std::exchange(l->readable, true)) readable_.push_back(l->key);
  wake();
}

void process::writable(simulated_end end) {
  if (link* l = look(world_.net.tag(end))) touch(*l);
}

void process::broken(simulated_end end) {
  link* l = look(world_.net.tag(end));
  if (!l) return;
  if (!std::exchange(l->broken, true)) broken_.push_back(l->key);
  wake();
}

// ---- time --------------------------------------------------------------------------------------------------------

void process::wake() {
  if (before_writing_) return;
  if (std::exchange(turn_is_due_, true)) return;
  world_.time.at(std::max(now(), busy_until_), *this, turn_now, life_);
}

void process::alarm(time_ns when) {
  if (when >= alarm_at_) return;
  alarm_at_ = when;
  world_.time.at(when, *this, alarm_now, static_cast<std::uint64_t>(when));
}

void process::pause(time_ns for_so_long) {
  paused_until_ = std::max(paused_until_, now() + for_so_long);
  busy_until_ = std::max(busy_until_, paused_until_);
}

void process::happened(std::uint8_t, std::uint64_t) {}
void process::chunk(link&, std::uint64_t, std::uint64_t, std::span<const std::byte>) {
  throw violation("a chunk came that nobody has asked for");
}
void process::write_more(link&) {}

void process::fire(std::uint8_t what, std::uint64_t argument) {
  switch (what) {
    case turn_now:
      if (argument != life_) return;
      if (now() < busy_until_) return world_.time.at(busy_until_, *this, turn_now, life_);  // a pause has begun
      return turn();
    case link_timer:
      if (link* l = look(argument)) {
        l->armed = session::never;
        touch(*l);
      }
      return;
    case greeting_timer:
      if (link* l = look(argument); l && l->at != link::state::established) fail(*l);
      return;
    case alarm_now:
      if (static_cast<time_ns>(argument) != alarm_at_) return;
      alarm_at_ = session::never;
      return wake();
    default:
      return happened(what, argument);
  }
}

void process::turn() {
  turn_is_due_ = false;
  in_turn_ = before_writing_ = true;
  const auto each = [&](std::vector<std::uint64_t>& list, auto&& f) {
    taken_.clear();
    taken_.swap(list);
    std::vector<std::uint64_t> keys;
    keys.swap(taken_);
    for (const std::uint64_t key : keys)
      if (link* l = look(key)) f(*l);
    taken_.swap(keys);
  };
  each(readable_, [&](link& l) {
    l.readable = false;
    read(l);
  });
  each(broken_, [&](link& l) {
    read(l);
    // What a slow reader has not read is not lost: it looks again.
    if (l.at == link::state::gone) return;
    fail(l);
  });
  work();
  before_writing_ = false;
  while (!dirty_.empty())
    each(dirty_, [&](link& l) {
      l.dirty = false;
      pump(l);
    });
  sweep();
  in_turn_ = false;
  busy_until_ = std::max(busy_until_, now() + world_.turn_cost);
}

// ---- frames ------------------------------------------------------------------------------------------------------

void process::read(link& l) {
  while (l.at != link::state::gone) {
    std::span<const std::byte> in = world_.net.available(l.end);
    if (in.empty()) return;
    const std::size_t size = in.size();
    while (!in.empty() && l.at != link::state::gone)
      if (l.parser.feed(in) == frame_parser::step::frame) handle(l);
    world_.net.consume(l.end, size - in.size());
  }
}

void process::handle(link& l) {
  const frame_header& h = l.parser.header();
  const auto payload = l.parser.payload();
  world_.time.note(h.number << 8 | h.kind);
  if (l.at != link::state::established) {
    // Greetings may stand anywhere in a buffer.
    std::vector<std::uint64_t> aligned((payload.size() + 7) / 8);
    std::memcpy(aligned.data(), payload.data(), payload.size());
    const std::span<const std::byte> bytes = std::as_bytes(std::span(aligned)).first(payload.size());
    switch (static_cast<frame_kind>(h.kind)) {
      case frame_kind::hello:
        return said_hello(l, decode_hello(bytes));
      case frame_kind::welcome:
        return welcomed(l, decode_welcome(bytes));
      default:
        return fail(l);
    }
  }
  const incoming in = l.with->talk.read(h, payload);
  switch (in.kind) {
    case incoming::what::nothing:
      break;
    case incoming::what::batch:
      if (world_.hashed)
        for (std::size_t i = 0; i + 8 <= in.bytes.size(); i += 8) {
          std::uint64_t word = 0;
          std::memcpy(&word, in.bytes.data() + i, sizeof word);
          world_.time.note(word);
        }
      if (world_.traced)
        if (const std::string text = describe_messages(in.bytes); !text.empty())
          std::fprintf(stderr, "%.6f %s receives on link %llu\n%s", static_cast<double>(now()) / 1e9, who().c_str(),
                       static_cast<unsigned long long>(l.key), text.c_str());
      batch(l, in.bytes);
      break;
    case incoming::what::data:
      chunk(l, in.stream, in.offset, in.bytes);
      break;
    case incoming::what::bye:
      bye(l);
      break;
  }
  if (l.at == link::state::established) touch(l);
}

void process::pump(link& l) {
  if (l.at == link::state::connecting) return;
  if (l.with) {
    l.with->talk.tick(now());
    if (l.with->talk.silent()) return fail(l);
  }
  for (;;) {
    if (l.writing) {
      l.sent += world_.net.send(l.end, l.output.pieces(), l.sent);
      if (l.sent < l.output.bytes()) break;
      l.writing = false;
      l.sent = 0;
      l.output.clear();
      if (l.with) l.with->talk.wrote();
    }
    if (!l.greeting.empty() && l.greets != frame_kind::ping) {
      frame_header h;
      h.kind = static_cast<std::uint8_t>(l.greets);
      l.output.add(h, l.greeting, false);
      l.greets = frame_kind::ping;  // it is said
    } else if (l.at == link::state::established) {
      l.with->refill();
      l.with->talk.write(l.output);
      if (!l.output.full()) write_more(l);
    }
    if (l.output.frames() == 0) break;
    l.writing = true;
  }
  if (!l.with) return;
  if (const time_ns due = l.with->talk.deadline(); due < l.armed) {
    l.armed = due;
    world_.time.at(due, *this, link_timer, l.key);
  }
}

}  // namespace weft::net::simulation
