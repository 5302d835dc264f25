#include "cluster/simulation/scheduler_process.hpp"

#include <utility>

namespace weft::net::simulation {

scheduler_process::scheduler_process(surroundings& world, simulated_node node, const scheduler_options& options)
    : process(world, node), core_(options) {
  world.net.listen(node, this);
}

// ---- sessions ----------------------------------------------------------------------------------------------------

void scheduler_process::said_hello(link& l, const hello& m) {
  l.is = purpose::member;
  // A session's number is that of its peer: neither is given twice.
  if (m.session != 0 && m.session < peers_.size() && peers_[m.session] &&
      peers_[m.session]->incarnation == m.incarnation && !peers_[m.session]->leaving) {
    peer& p = *peers_[m.session];
    if (link* before = look(p.link)) drop(*before);  // it has not heard of its end yet
    ++resumed_;
    return answer(l, p, m.received);
  }
  peer_id id = 0;
  if (m.role == static_cast<std::uint8_t>(peer_role::worker)) {
    worker_hello w;
    w.name.assign(m.name.begin(), m.name.end());
    w.address.assign(m.address.begin(), m.address.end());
    w.program.assign(m.build_id.begin(), m.build_id.end());
    w.role = peer_role::worker;
    w.host = w.address;
    w.resources.assign(m.resources.begin(), m.resources.end());
    w.slots = m.slots;
    w.memory = w.value_memory = m.memory_limit;
    id = core_.add_worker(now(), w);
  } else {
    peer_hello c;
    c.name.assign(m.name.begin(), m.name.end());
    c.program.assign(m.build_id.begin(), m.build_id.end());
    id = core_.add_client(now(), c);
  }
  if (id >= peers_.size()) peers_.resize(id + 1);
  peers_[id] = std::make_unique<peer>(world_.sessions);
  peer& p = *peers_[id];
  p.id = id;
  p.session = id;
  p.incarnation = m.incarnation;
  p.name.assign(m.name.begin(), m.name.end());
  answer(l, p, 0);
}

void scheduler_process::answer(link& l, peer& p, std::uint64_t peer_received) {
  l.peer = p.id;
  p.link = l.key;
  welcome w{};
  w.version = known_versions.highest;
  w.peer = p.id;
  w.session = p.session;
  w.received = p.with.talk.received();
  w.incarnation = 1;
  say(l, frame_kind::welcome, encode(w));
  establish(l, p.with, peer_received);
  wake();
}

void scheduler_process::down(link& l) {
  if (l.is != purpose::member || l.peer >= peers_.size() || !peers_[l.peer] || peers_[l.peer]->link != l.key) return;
  peer& p = *peers_[l.peer];
  if (p.leaving) {
    l.with = nullptr;
    peers_[l.peer].reset();
    return;
  }
  p.link = 0;
  p.down_since = now();
  world_.time.at(now() + world_.resume, *this, resume_over, p.id);
}

void scheduler_process::happened(std::uint8_t what, std::uint64_t argument) {
  if (what != resume_over || !peers_[argument]) return;
  peer& p = *peers_[argument];
  if (p.leaving) {  // it has not closed the connection: nobody may be there
    if (link* l = look(p.link)) drop(*l);
    peers_[argument].reset();
    return;
  }
  if (look(p.link) || now() - p.down_since < world_.resume) return;
  ++lost_;
  remove(p.id, false, "its connection broke, and it did not come back");
}

void scheduler_process::bye(link& l) { remove(l.peer, true, "it has left"); }

void scheduler_process::remove(peer_id p, bool expected, const std::string& why) {
  if (link* l = look(peers_[p]->link)) drop(*l);
  peers_[p].reset();
  core_.remove_peer(now(), p, expected, why);
  wake();
}

// ---- the core ----------------------------------------------------------------------------------------------------

void scheduler_process::batch(link& l, std::span<const std::byte> messages) {
  if (peers_[l.peer]->leaving) return;
  batch_reader reader(messages);
  core_.receive(now(), l.peer, reader);
}

void scheduler_process::work() {
  core_.tick(now());
  for (auto& d : core_.take_departures()) {
    ++departures_;
    if (!has_session_with(d.peer)) continue;
    peer& p = *peers_[d.peer];
    link* l = look(p.link);
    if (!l) {
      peers_[d.peer].reset();
      continue;
    }
    // The peer closes the connection when it has read this.
    p.leaving = true;
    world_.time.at(now() + world_.resume, *this, resume_over, p.id);
    p.with.talk.close(bye_code::finished, d.reason);
    touch(*l);
  }
  for (const peer_id p : core_.outputs()) {
    if (!has_session_with(p) || peers_[p]->leaving) continue;
    peers_[p]->with.send(core_.out(p));
    if (link* l = look(peers_[p]->link)) touch(*l);
  }
  core_.clear_outputs();
  if (check_every_ != 0 && ++turns_ % check_every_ == 0) core_.check_invariants();
  if (const time_ns due = core_.deadline(); due != scheduler_core::never) alarm(std::max(due, now() + 1));
}

bool scheduler_process::at_rest() const {
  for (const auto& p : peers_)
    if (p && !p->with.at_rest()) return false;
  return true;
}

}  // namespace weft::net::simulation
