#include "scheduler/programs.hpp"

#include <algorithm>

#include "object/modules.hpp"
#include "wire/batch.hpp"

namespace weft::net {

namespace {

/// Asked for, and not there yet.
constexpr std::uint64_t window = std::uint64_t{4} << 20;
/// That a nanny has not taken: beyond it the client is not asked for more.
constexpr std::size_t most_unsent = std::size_t{8} << 20;
/// Clients whose program nobody runs, though others' workers are there, are told after so long.
constexpr time_ns patience = 5'000'000'000;
/// Workers in a row that die before they come: then the next would too.
constexpr unsigned most_lives = 3;

std::string text(std::span<const char> s) { return {s.data(), std::min<std::size_t>(s.size(), 2000)}; }

}  // namespace

struct program_router::program {
  enum class state : std::uint8_t { offered, receiving, ready, refused };
  struct transfer {
    std::uint32_t file = 0;
    key from = 0;
    std::uint64_t asked = 0, received = 0;
    std::vector<key> to;  // empty: nobody wants the rest; what was asked for still comes
  };

  std::string build_id;
  std::optional<program_manifest> what;
  std::vector<key> clients;
  key asked = 0;  // the client that was asked for the offer
  std::map<key, state> nannies;
  std::map<key, unsigned> lives;                      // of a nanny's worker, since one has come
  std::map<key, worker_state_record> said;            // of a nanny's worker, last
  std::string refusal;                                // the last
  bool told = false;                                  // the clients, that all have refused
  std::vector<std::pair<std::uint32_t, key>> wanted;  // files, by nannies, whose transfer has not begun
  std::optional<transfer> moving;
  time_ns unserved_since = 0;
};

program_router::program_router(program_limits limits, surroundings around)
    : limits_(limits), around_(std::move(around)) {}
program_router::~program_router() = default;

program_router::program* program_router::of(key id) {
  const auto c = clients_.find(id);
  if (c == clients_.end()) return nullptr;
  const auto p = programs_.find(c->second.program);
  return p == programs_.end() ? nullptr : &p->second;
}

/// Null: it is not known any more, which the nanny will have heard when this is handled.
program_router::program* program_router::spoken_of(std::uint64_t number) {
  if (number == 0 || number >= next_)
    throw protocol_error("weft: a nanny speaks of program " + std::to_string(number) + ", which was not offered");
  const auto p = programs_.find(number);
  return p == programs_.end() || !p->second.what ? nullptr : &p->second;
}

// ---- who comes and goes ------------------------------------------------------------------------------------------

void program_router::client_came(time_ns now, key id, std::string build_id, std::shared_ptr<peer_link> l,
                                 std::string refused) {
  if (build_id.empty()) return;  // it cannot be told from others
  auto [at, fresh] = numbers_.emplace(build_id, next_);
  if (fresh) {
    for (auto p = programs_.begin(); programs_.size() >= limits_.programs && p != programs_.end();) {
      if (!p->second.clients.empty()) {
        ++p;
        continue;
      }
      numbers_.erase(p->second.build_id);
      p = programs_.erase(p);
    }
    if (programs_.size() >= limits_.programs) {
      numbers_.erase(build_id);
      around_.say("the program of a client is not taken: there are " + std::to_string(programs_.size()) +
                  " with clients");
      return;
    }
    programs_[next_++].build_id = build_id;
  }
  const std::uint64_t number = at->second;
  program& p = programs_.at(number);
  if (p.clients.empty()) p.unserved_since = now;
  p.clients.push_back(id);
  clients_[id] = {std::move(l), std::move(refused), number};
  // Another try may fare better: a disk has room again, a client has the right.
  std::erase_if(p.nannies, [](const auto& n) { return n.second == program::state::refused; });
  p.told = false;
  tell_clients(number, p);
  consider(number, p);
}

void program_router::client_left(time_ns now, key id) {
  const auto c = clients_.find(id);
  if (c == clients_.end()) return;
  const std::uint64_t number = c->second.program;
  clients_.erase(c);
  program& p = programs_.at(number);
  std::erase(p.clients, id);
  p.unserved_since = now;
  if (p.asked == id) p.asked = 0;
  tell_clients(number, p);
  if (p.moving && p.moving->from == id) {
    p.moving->from = source_of(p);
    p.moving->asked = p.moving->received;
    if (p.moving->from == 0)
      give_up(number, p, "the client that sent it has gone");
    else
      pump(number, p);
  }
  consider(number, p);
}

void program_router::nanny_came(time_ns, key id, std::shared_ptr<peer_link> l) {
  nannies_[id] = {std::move(l)};
  for (auto& [number, p] : programs_) consider(number, p);
}

void program_router::nanny_left(time_ns now, key id) {
  nannies_.erase(id);
  for (auto& [number, p] : programs_) {
    p.nannies.erase(id);
    p.lives.erase(id);
    p.said.erase(id);
    std::erase_if(p.wanted, [&](const auto& w) { return w.second == id; });
    if (p.moving) std::erase(p.moving->to, id);
    p.unserved_since = now;
    if (p.moving && p.moving->to.empty() && p.moving->asked == p.moving->received) {
      p.moving.reset();
      next_transfer(number, p);
    }
    look_at_refusals(p);
  }
}

void program_router::worker_came(const std::string& build_id) {
  if (const auto at = numbers_.find(build_id); at != numbers_.end()) programs_.at(at->second).lives.clear();
}

/// A client of the program that may send it.
program_router::key program_router::source_of(const program& p) const {
  for (const key c : p.clients)
    if (clients_.at(c).refused.empty()) return c;
  return 0;
}

/// What is to be done next for a program that somebody waits for.
void program_router::consider(std::uint64_t number, program& p) {
  if (p.clients.empty() || nannies_.empty()) return;
  if (p.what) {
    for (const auto& [id, n] : nannies_)
      if (!p.nannies.count(id)) offer(number, p, id);
    return;
  }
  if (p.asked != 0 || around_.workers_of(p.build_id) != 0) return;
  p.asked = source_of(p);
  if (p.asked == 0)
    return fail_clients(p, "weft: no worker runs this program, and it may not be sent to those that would: " +
                               clients_.at(p.clients.front()).refused);
  program_wanted m{};
  m.file = no_file;
  clients_.at(p.asked).link->send(m);
}

void program_router::fail_clients(program& p, const std::string& why) {
  program_failed m{};
  m.text = why;
  for (const key c : p.clients) clients_.at(c).link->send(m);
}

void program_router::tell_clients(std::uint64_t number, program& p) {
  program_clients m{};
  m.program = number;
  m.clients = p.clients.size();
  for (const auto& [id, s] : p.nannies) nannies_.at(id).link->send(m);
}

void program_router::offer(std::uint64_t number, program& p, key to) {
  p.nannies[to] = program::state::offered;
  p.told = false;
  program_clients m{};
  m.program = number;
  m.clients = p.clients.size();
  nannies_.at(to).link->send_with([&](batch_writer& out) {
    p.what->write(out, number);
    out.add(m);
  });
}

bool program_router::expects(key id) const {
  const auto c = clients_.find(id);
  if (c == clients_.end()) return false;
  const program& p = programs_.at(c->second.program);
  return p.asked == id || (p.moving && p.moving->from == id);
}

// ---- clients -----------------------------------------------------------------------------------------------------

void program_router::from_client(time_ns, key id, std::uint16_t kind, const batch_reader& message) {
  program* const p = of(id);
  if (!p) throw protocol_error("weft: a client sends a program that was not asked for");
  const std::uint64_t number = clients_.at(id).program;
  switch (static_cast<message_kind>(kind)) {
    case message_kind::program_offer: {
      const auto m = message.get<program_offer>();
      if (p->asked != id) throw protocol_error("weft: a client offers a program that was not asked for");
      program_manifest what = program_manifest::from(m, limits_);
      if (detail::hexadecimal(what.build_id) != p->build_id)
        throw protocol_error("weft: a client offers another program than its own");
      p->asked = 0;
      if (what.bytes() > limits_.bytes)
        return fail_clients(
            *p, "weft: no worker runs this program, and it is too large to be sent: " + std::to_string(what.bytes()) +
                    " bytes with its libraries; " + std::to_string(limits_.bytes) + " are allowed");
      p->what = std::move(what);
      consider(number, *p);
      break;
    }
    case message_kind::program_chunk:
      if (!p->moving || p->moving->from != id)
        throw protocol_error("weft: a client sends a part of a program that was not asked for");
      chunk(number, *p, message.get<program_chunk>());
      break;
    case message_kind::program_failed: {
      const std::string why = text(message.get<program_failed>().text);
      if (p->asked != id && !(p->moving && p->moving->from == id)) return;  // another sends it meanwhile
      p->asked = 0;
      p->what.reset();
      give_up(number, *p, why);
      fail_clients(*p, why);
      break;
    }
    default:
      throw protocol_error("weft: a client sends a message of kind " + std::to_string(kind));
  }
}

void program_router::chunk(std::uint64_t number, program& p, const program_chunk& m) {
  program::transfer& t = *p.moving;
  const std::uint64_t size = p.what->files[t.file].bytes;
  const std::uint64_t expected = std::min<std::uint64_t>(limits_.chunk, size - t.received);
  if (m.file != t.file || m.offset != t.received || t.asked <= t.received || m.bytes.size() != expected)
    throw protocol_error("weft: a client sends " + std::to_string(m.bytes.size()) + " bytes of its program's file " +
                         std::to_string(m.file) + " at " + std::to_string(m.offset) + "; asked was for " +
                         std::to_string(expected) + " of file " + std::to_string(t.file) + " at " +
                         std::to_string(t.received));
  program_chunk passed = m;
  passed.program = number;
  for (const key to : t.to) nannies_.at(to).link->send(passed);
  t.received += expected;
  received_ += expected;
  if (t.received == size || (t.to.empty() && t.received == t.asked)) {
    p.moving.reset();
    next_transfer(number, p);
  } else {
    pump(number, p);
  }
}

// ---- transfers ---------------------------------------------------------------------------------------------------

void program_router::next_transfer(std::uint64_t number, program& p) {
  if (p.moving || p.wanted.empty()) return;
  const key from = source_of(p);
  if (from == 0) return give_up(number, p, "no client that may send it is there");
  program::transfer t;
  t.file = p.wanted.front().first;
  t.from = from;
  for (const auto& [file, by] : p.wanted)
    if (file == t.file) t.to.push_back(by);
  std::erase_if(p.wanted, [&](const auto& w) { return w.first == t.file; });
  p.moving = std::move(t);
  pump(number, p);
}

/// Asks for what the nannies have room for.
void program_router::pump(std::uint64_t, program& p) {
  if (!p.moving || p.moving->to.empty()) return;
  program::transfer& t = *p.moving;
  const std::uint64_t size = p.what->files[t.file].bytes;
  for (const key to : t.to) {
    if (nannies_.at(to).link->unsent_bytes() <= most_unsent) continue;
    busy_ = true;
    return;
  }
  peer_link& from = *clients_.at(t.from).link;
  while (t.asked < size && t.asked - t.received < window) {
    program_wanted m{};
    m.file = t.file;
    m.offset = t.asked;
    m.bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(limits_.chunk, size - t.asked));
    from.send(m);
    t.asked += m.bytes;
  }
}

/// The nannies that wait for a part of it forget it; they are offered it again when there is somebody to send it.
void program_router::give_up(std::uint64_t number, program& p, const std::string& why) {
  p.moving.reset();
  p.wanted.clear();
  program_failed m{};
  m.program = number;
  m.text = why;
  for (auto n = p.nannies.begin(); n != p.nannies.end();) {
    if (n->second != program::state::receiving && n->second != program::state::offered) {
      ++n;
      continue;
    }
    nannies_.at(n->first).link->send(m);
    n = p.nannies.erase(n);
  }
}

// ---- nannies -----------------------------------------------------------------------------------------------------

void program_router::from_nanny(time_ns, key id, std::uint16_t kind, const batch_reader& message) {
  switch (static_cast<message_kind>(kind)) {
    case message_kind::program_missing: {
      const auto m = message.get<program_missing>();
      program* const p = spoken_of(m.program);
      if (!p) return;
      const auto s = p->nannies.find(id);
      if (s == p->nannies.end()) return;  // it crossed with give_up
      if (s->second != program::state::offered) throw protocol_error("weft: a nanny answers an offer a second time");
      s->second = program::state::receiving;
      std::vector<bool> seen(p->what->files.size());
      for (const std::uint32_t f : m.files) {
        if (f >= seen.size() || seen[f])
          throw protocol_error("weft: a nanny lacks file " + std::to_string(f) + ", which is none of the program's");
        seen[f] = true;
        p->wanted.emplace_back(f, id);
      }
      next_transfer(m.program, *p);
      break;
    }
    case message_kind::program_ready: {
      const auto m = message.get<program_ready>();
      program* const p = spoken_of(m.program);
      if (!p) return;
      if (const auto s = p->nannies.find(id); s != p->nannies.end()) s->second = program::state::ready;
      p->lives.erase(id);
      break;
    }
    case message_kind::program_failed: {
      const auto m = message.get<program_failed>();
      if (program* const p = spoken_of(m.program)) refuse(m.program, *p, id, text(m.text));
      break;
    }
    case message_kind::worker_state: {
      const auto m = message.get<worker_state>();
      if (program* const p = spoken_of(m.program)) live(m.program, *p, id, m);
      break;
    }
    default:
      throw protocol_error("weft: a nanny sends a message of kind " + std::to_string(kind));
  }
}

void program_router::refuse(std::uint64_t number, program& p, key by, const std::string& why) {
  const auto s = p.nannies.find(by);
  if (s == p.nannies.end()) return;
  s->second = program::state::refused;
  p.refusal = why;
  std::erase_if(p.wanted, [&](const auto& w) { return w.second == by; });
  if (p.moving) std::erase(p.moving->to, by);
  if (p.moving && p.moving->to.empty() && p.moving->asked == p.moving->received) {
    p.moving.reset();
    next_transfer(number, p);
  }
  around_.say("nanny " + nannies_.at(by).link->peer().says.name + " does not take a program: " + why);
  look_at_refusals(p);
}

/// When all nannies that are there have refused it, and the last worker has gone.
void program_router::look_at_refusals(program& p) {
  const auto has_refused = [&](const auto& n) {
    const auto s = p.nannies.find(n.first);
    return s != p.nannies.end() && s->second == program::state::refused;
  };
  if (p.told || p.clients.empty() || nannies_.empty()) return;
  if (!std::all_of(nannies_.begin(), nannies_.end(), has_refused) || around_.workers_of(p.build_id) != 0) return;
  p.told = true;
  fail_clients(p, "weft: no worker runs this program, and nobody takes it: " + p.refusal);
}

/// Workers that have come speak for themselves.
void program_router::live(std::uint64_t number, program& p, key at, const worker_state& m) {
  const auto s = p.nannies.find(at);
  if (s == p.nannies.end() || s->second != program::state::ready) return;
  p.said[at] = m;
  if (m.life == static_cast<std::uint32_t>(worker_life::started)) ++p.lives[at];
  if (m.life != static_cast<std::uint32_t>(worker_life::restarting) || p.lives[at] < most_lives) return;
  const std::string why = "its worker has ended " + std::to_string(most_lives) +
                          " times before it came here, the last time with status " + std::to_string(m.process) +
                          ": does its main call weft::main, or weft::init first?";
  program_failed over{};
  over.program = number;
  over.text = why;
  nannies_.at(at).link->send(over);
  refuse(number, p, at, why);
}

std::vector<program_router::nanny_worker> program_router::nanny_workers() const {
  std::vector<nanny_worker> all;
  for (const auto& [id, n] : nannies_) {
    const std::string& name = n.link->peer().says.name;
    const std::size_t before = all.size();
    for (const auto& [number, p] : programs_)
      if (const auto s = p.said.find(id); s != p.said.end() && p.what && !p.what->files.empty())
        all.push_back({name, p.what->files[0].name, static_cast<worker_life>(s->second.life), s->second.process});
    if (all.size() == before) all.push_back({name, {}, worker_life::waiting, 0});
  }
  return all;
}

// ---- time --------------------------------------------------------------------------------------------------------

void program_router::tick(time_ns now) {
  busy_ = false;
  for (auto& [number, p] : programs_) {
    pump(number, p);
    look_at_refusals(p);
    // A program without workers where only others' are, and no nanny that would run it, waits for nothing.
    if (p.clients.empty() || !nannies_.empty() || now - p.unserved_since < patience) continue;
    p.unserved_since = now;
    if (around_.workers_of(p.build_id) == 0 && around_.all_workers() != 0)
      fail_clients(p,
                   "weft: the workers of this cluster run another program: start workers of this one, or `weft "
                   "worker` without a program");
  }
}

}  // namespace weft::net
