#include "worker/fetcher.hpp"

#include <algorithm>
#include <utility>

namespace weft::net {

fetcher::fetcher(fetch_host& host, const fetch_limits& limits) : host_(host), limits_(limits) {}

// ---- peers -------------------------------------------------------------------------------------------------------

void fetcher::add_peer(peer_id id, bool away) {
  if (knows_peer(id)) return;
  std::uint32_t place = static_cast<std::uint32_t>(peers_.size());
  if (free_peers_.empty()) {
    peers_.emplace_back();
  } else {
    place = free_peers_.back();
    free_peers_.pop_back();
  }
  peers_[place].id = id;
  peers_[place].away = away;
  peer_places_.insert(id, place);
}

void fetcher::peer_interrupted(time_ns now, peer_id id) {
  const std::uint32_t place = peer_places_.find(id);
  if (place == id_table::none) return;
  peers_[place].away = true;
  for (const std::uint32_t v : take_back(place)) queue(v);
  put_off(peers_[place], now);
  changed_ = true;
}

void fetcher::peer_resumed(peer_id id) {
  const std::uint32_t place = peer_places_.find(id);
  if (place == id_table::none) return;
  peers_[place].away = false;
  changed_ = true;
}

void fetcher::peer_lost(time_ns now, peer_id id) {
  const std::uint32_t place = peer_places_.find(id);
  if (place == id_table::none) return;
  peers_[place].away = false;  // the next request dials it
  lose(place);
  put_off(peers_[place], now);
}

bool fetcher::peer_gone(peer_id id) {
  const std::uint32_t place = peer_places_.find(id);
  if (place == id_table::none) return false;
  lose(place);
  // Values that are not wanted may still name it: queue() strikes whom it does not know. Ids never come twice.
  peer_places_.erase(id);
  peers_[place] = {};
  free_peers_.push_back(place);
  return true;
}

/// Ends the request that the peer has not answered. Gives its values that are still known, which stand in no queue.
std::vector<std::uint32_t> fetcher::take_back(std::uint32_t place) {
  if (!peers_[place].asked) return {};
  const auto r = std::find_if(requests_.begin(), requests_.end(), [&](const request& q) { return q.peer == place; });
  std::vector<std::uint32_t> values = std::move(r->values);
  const std::uint64_t number = r->number;
  end_request(*r);
  std::erase_if(values, [&](std::uint32_t v) {
    if (values_[v].request != number) return true;
    of(place).bytes -= values_[v].bytes;
    values_[v].request = 0;
    values_[v].last = peers_[place].id;
    const bool forgotten = values_[v].abandoned;
    if (forgotten) erase(v);
    return forgotten;
  });
  return values;
}

void fetcher::lose(std::uint32_t place) {
  const peer_id id = peers_[place].id;
  for (const std::uint32_t v : take_back(place)) strike(v, id);
  while (!peers_[place].queue.empty()) {
    const std::uint32_t v = peers_[place].queue.begin()->place;
    values_[v].last = id;
    strike(v, id);
  }
  changed_ = true;
}

void fetcher::put_off(peer& p, time_ns now) {
  // Several values of one request may be refused: that is one reason to wait.
  if (p.retry_at > now) return;
  p.retry_after = p.retry_after == 0 ? limits_.first_retry : std::min(2 * p.retry_after, limits_.longest_retry);
  p.retry_at = now + p.retry_after;
}

// ---- values ------------------------------------------------------------------------------------------------------

void fetcher::know(task_id id, std::uint64_t bytes) {
  std::uint32_t place = value_places_.find(id);
  if (place != id_table::none) {
    value& v = values_[place];
    if (v.abandoned) {
      v.abandoned = false;
      ++find_request(v.request)->wanted;
    }
    return;
  }
  if (free_values_.empty()) {
    place = static_cast<std::uint32_t>(values_.size());
    values_.emplace_back();
  } else {
    place = free_values_.back();
    free_values_.pop_back();
  }
  values_[place].id = id;
  values_[place].bytes = bytes;
  value_places_.insert(id, place);
}

bool fetcher::knows(task_id id) const noexcept {
  const std::uint32_t place = value_places_.find(id);
  return place != id_table::none && !values_[place].abandoned;
}

void fetcher::add_holder(task_id id, peer_id holder) {
  const std::uint32_t place = value_places_.find(id);
  if (place == id_table::none || !knows_peer(holder)) return;
  value& v = values_[place];
  if (std::find(v.holders.begin(), v.holders.end(), holder) != v.holders.end()) return;
  unqueue(place);
  v.holders.push_back(holder);
  v.missing = false;
  queue(place);
}

void fetcher::want(task_id id, std::uint64_t rank, bool frees) {
  const std::uint32_t place = value_places_.find(id);
  if (place == id_table::none || values_[place].abandoned) return;
  unqueue(place);
  value& v = values_[place];
  v.wanted = true;
  v.rank = rank;
  v.frees = frees;
  queue(place);
}

void fetcher::unwant(task_id id) {
  const std::uint32_t place = value_places_.find(id);
  if (place == id_table::none) return;
  unqueue(place);
  values_[place].wanted = values_[place].frees = false;
}

void fetcher::forget(task_id id) {
  const std::uint32_t place = value_places_.find(id);
  if (place == id_table::none || values_[place].abandoned) return;
  unqueue(place);
  value& v = values_[place];
  if (v.request == 0) {
    erase(place);
    return;
  }
  v.abandoned = true;
  v.wanted = v.frees = false;
  request& r = *find_request(v.request);
  --r.wanted;
  end_if_over(r);
}

void fetcher::pause(bool paused) {
  if (paused_ == paused) return;
  paused_ = paused;
  changed_ = true;
  for (std::uint32_t place = 0; place < values_.size(); ++place) {
    if (!values_[place].wanted || values_[place].frees) continue;
    if (paused)
      unqueue(place);
    else
      queue(place);
  }
}

void fetcher::queue(std::uint32_t place) {
  value& v = values_[place];
  if (!v.wanted || v.queued || v.missing || v.request != 0) return;
  std::erase_if(v.holders, [&](peer_id h) { return !knows_peer(h); });
  if (v.holders.empty()) {
    v.missing = true;
    host_.missing(v.id, v.bytes, v.last);
    return;
  }
  if (paused_ && !v.frees) return;
  for (const peer_id h : v.holders) {
    const std::uint32_t at = peer_places_.find(h);
    peer& p = peers_[at];
    p.queue.insert({v.rank, v.id, place});
    if (p.waiting == id_table::none) {
      p.waiting = static_cast<std::uint32_t>(waiting_.size());
      waiting_.push_back(at);
    }
  }
  v.queued = changed_ = true;
}

void fetcher::unqueue(std::uint32_t place) {
  value& v = values_[place];
  if (!v.queued) return;
  v.queued = false;
  for (const peer_id h : v.holders) {
    peer& p = peers_[peer_places_.find(h)];  // known: who goes is struck from all that is queued first
    p.queue.erase({v.rank, v.id, place});
    if (!p.queue.empty() || p.waiting == id_table::none) continue;
    const std::uint32_t last = waiting_.back();
    waiting_[p.waiting] = last;
    peers_[last].waiting = p.waiting;
    waiting_.pop_back();
    p.waiting = id_table::none;
  }
}

void fetcher::strike(std::uint32_t place, peer_id holder) {
  unqueue(place);
  std::erase(values_[place].holders, holder);
  queue(place);
}

void fetcher::erase(std::uint32_t place) {
  value_places_.erase(values_[place].id);
  values_[place] = {};
  free_values_.push_back(place);
}

// ---- requests ----------------------------------------------------------------------------------------------------

fetcher::request* fetcher::find_request(std::uint64_t number) noexcept {
  for (request& r : requests_)
    if (r.number == number) return &r;
  return nullptr;
}

bool fetcher::under_way(std::uint64_t number) const noexcept {
  return std::any_of(requests_.begin(), requests_.end(), [&](const request& r) { return r.number == number; });
}

bool fetcher::expects(std::uint64_t number, task_id id) const noexcept {
  const std::uint32_t place = value_places_.find(id);
  return place != id_table::none && values_[place].request == number && number != 0 && !values_[place].abandoned;
}

std::uint64_t fetcher::bytes_of(task_id id) const noexcept {
  const std::uint32_t place = value_places_.find(id);
  return place == id_table::none ? 0 : values_[place].bytes;
}

void fetcher::end_request(request& r) {
  peers_[r.peer].asked = false;
  --of(r.peer).requests;
  if (&r != &requests_.back()) r = std::move(requests_.back());
  requests_.pop_back();
  changed_ = true;
}

void fetcher::answered(request& r, value& v) {
  of(r.peer).bytes -= v.bytes;
  v.request = 0;
  v.last = peers_[r.peer].id;
  changed_ = true;
  if (!v.abandoned) --r.wanted;
  --r.left;
  end_if_over(r);
}

void fetcher::end_if_over(request& r) {
  if (r.wanted != 0) return;
  const std::uint64_t number = r.number;
  const std::vector<std::uint32_t> values = std::move(r.values);
  allowance& taken = of(r.peer);
  if (r.left != 0) host_.give_up(peers_[r.peer].id, number);
  end_request(r);
  for (const std::uint32_t place : values) {
    if (values_[place].request != number) continue;
    taken.bytes -= values_[place].bytes;
    erase(place);
  }
}

bool fetcher::arrived(std::uint64_t number, task_id id) {
  request* r = find_request(number);
  const std::uint32_t place = value_places_.find(id);
  if (!r || place == id_table::none || values_[place].request != number) return false;
  peers_[r->peer].retry_after = 0;
  answered(*r, values_[place]);
  const bool known = !values_[place].abandoned;
  erase(place);
  return known;
}

void fetcher::refused(time_ns now, std::uint64_t number, task_id id, bool busy) {
  request* r = find_request(number);
  const std::uint32_t place = value_places_.find(id);
  if (!r || place == id_table::none || values_[place].request != number) return;
  peer& p = peers_[r->peer];
  const peer_id holder = p.id;
  if (busy && !values_[place].abandoned) put_off(p, now);
  answered(*r, values_[place]);
  if (values_[place].abandoned)
    erase(place);
  else if (busy)
    queue(place);
  else
    strike(place, holder);
}

peer_id fetcher::not_taken(std::uint64_t number, task_id id) {
  if (!expects(number, id)) return 0;
  const std::uint32_t place = value_places_.find(id);
  value& v = values_[place];
  answered(*find_request(number), v);
  v.wanted = v.frees = false;
  if (v.holders.size() > 1) std::erase(v.holders, v.last);
  return v.last;
}

void fetcher::tick(time_ns now) {
  ticked_ = now;
  changed_ = false;
  for (const bool givers : {false, true}) begin_all(now, givers);
}

void fetcher::begin_all(time_ns now, bool givers) {
  const allowance& taken = under_way_[givers];
  while (givers ? !paused_ || free_at() <= now : taken.requests < limits_.peers) {
    std::uint32_t best = id_table::none;
    for (const std::uint32_t place : waiting_) {
      const peer& p = peers_[place];
      if (p.asked || p.away || p.retry_at > now || is_giver(p.id) != givers) continue;
      if (givers && !has_room(place)) continue;
      if (best == id_table::none || *p.queue.begin() < *peers_[best].queue.begin()) best = place;
    }
    if (best == id_table::none || !has_room(best)) return;
    begin(best);
  }
}

time_ns fetcher::free_at() const noexcept {
  time_ns last = 0;
  for (const request& r : requests_)
    if (is_giver(peers_[r.peer].id)) last = std::max(last, r.begun + limits_.slow);
  return last;
}

/// For the first that the peer has. What is under way of a giver is over before it is asked again; in a pause each of
/// them is slow that is asked when another is to be.
bool fetcher::has_room(std::uint32_t peer_place) const noexcept {
  const bool gives = is_giver(peers_[peer_place].id);
  const allowance& taken = under_way_[gives];
  if ((gives && !paused_) || taken.requests == 0) return true;
  const std::uint64_t first = values_[peers_[peer_place].queue.begin()->place].bytes;
  const std::uint64_t most = gives ? limits_.slow_bytes : limits_.bytes;
  return taken.bytes <= most && first <= most - taken.bytes;
}

void fetcher::begin(std::uint32_t peer_place) {
  request r{next_request_++, ticked_, peer_place, 0, 0, {}};
  batch_.clear();
  std::uint64_t bytes = 0;
  allowance& taken = of(peer_place);
  const bool gives = is_giver(peers_[peer_place].id);
  const std::uint64_t others = gives ? 0 : taken.bytes;
  const std::uint64_t room = limits_.bytes > others ? limits_.bytes - others : 0;
  const std::uint64_t most = std::min(limits_.batch_bytes, room);
  const std::size_t most_values = gives && paused_ ? 1 : limits_.batch_values;
  while (!peers_[peer_place].queue.empty() && batch_.size() < most_values) {
    const std::uint32_t place = peers_[peer_place].queue.begin()->place;
    value& v = values_[place];
    if (!batch_.empty() && (bytes > most || v.bytes > most - bytes)) break;
    unqueue(place);
    v.request = r.number;
    bytes += v.bytes;
    r.values.push_back(place);
    batch_.push_back(v.id);
  }
  r.left = r.wanted = static_cast<std::uint32_t>(batch_.size());
  taken.bytes += bytes;
  ++taken.requests;
  peers_[peer_place].asked = true;
  const std::uint64_t number = r.number;
  requests_.push_back(std::move(r));
  host_.fetch(peers_[peer_place].id, number, batch_);
}

time_ns fetcher::deadline() const noexcept {
  if (waiting_.empty()) return never;
  if (changed_) return 0;
  time_ns next = never;
  for (const std::uint32_t place : waiting_) {
    const peer& p = peers_[place];
    if (p.asked || p.away) continue;
    if (p.retry_at > ticked_) next = std::min(next, p.retry_at);
    if (paused_ && is_giver(p.id) && free_at() > ticked_) next = std::min(next, std::max(p.retry_at, free_at()));
  }
  return next;
}

}  // namespace weft::net
