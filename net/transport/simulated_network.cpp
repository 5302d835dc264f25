#include "transport/simulated_network.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

namespace weft::net {

namespace {

constexpr std::uint32_t most_retries = 10;

std::uint64_t split_mix(std::uint64_t& state) noexcept {
  std::uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

// ---- chance and time ---------------------------------------------------------------------------------------------

simulated_random::simulated_random(std::uint64_t seed) noexcept : a_(split_mix(seed)), b_(split_mix(seed) | 1) {}

std::uint64_t simulated_random::operator()() noexcept {
  const auto rotated = [](std::uint64_t x, int by) { return x << by | x >> (64 - by); };
  const std::uint64_t result = a_ + b_, x = a_ ^ b_;
  a_ = rotated(a_, 24) ^ x ^ (x << 16);
  b_ = rotated(x, 37);
  return result;
}

void simulated_time::at(time_ns when, target& to, std::uint8_t what, std::uint64_t argument) {
  const event e{std::max(when, now_), ++order_ << 8 | what, &to, argument};
  std::size_t i = heap_.size();
  heap_.push_back(e);
  while (i > 0 && e.before(heap_[(i - 1) / 4])) {
    heap_[i] = heap_[(i - 1) / 4];
    i = (i - 1) / 4;
  }
  heap_[i] = e;
}

void simulated_time::sink() noexcept {
  const event last = heap_.back();
  heap_.pop_back();
  const std::size_t n = heap_.size();
  if (n == 0) return;
  std::size_t i = 0;
  for (;;) {
    const std::size_t first = 4 * i + 1, end = std::min(first + 4, n);
    if (first >= n) break;
    std::size_t least = first;
    for (std::size_t c = first + 1; c < end; ++c)
      if (heap_[c].before(heap_[least])) least = c;
    if (!heap_[least].before(last)) break;
    heap_[i] = heap_[least];
    i = least;
  }
  heap_[i] = last;
}

bool simulated_time::step() {
  if (heap_.empty()) return false;
  const event e = heap_.front();
  sink();
  now_ = e.at;
  ++steps_;
  digest_ = mix(mix(digest_, static_cast<std::uint64_t>(e.at)), e.argument << 8 | (e.order & 0xff));
  e.to->fire(static_cast<std::uint8_t>(e.order & 0xff), e.argument);
  return true;
}

// ---- nodes and ends ----------------------------------------------------------------------------------------------

simulated_network::simulated_network(simulated_time& time, std::uint64_t seed,
                                     const simulated_network_options& options)
    : time_(time), options_(options), seed_(seed), random_(seed) {}

simulated_node simulated_network::add_node() {
  nodes_.emplace_back();
  return static_cast<simulated_node>(nodes_.size() - 1);
}

void simulated_network::listen(simulated_node n, simulated_host* host) { nodes_[n].listens = host; }

simulated_end simulated_network::id_of(std::size_t index) const noexcept {
  return std::uint64_t{halves_[index].generation} << 32 | (index + 1);
}

const simulated_network::half* simulated_network::look(simulated_end end) const noexcept {
  const std::size_t index = index_of(end);
  if (end == 0 || index >= halves_.size()) return nullptr;
  const half& h = halves_[index];
  return h.generation == end >> 32 && h.at != state::free && h.at != state::closed ? &h : nullptr;
}

simulated_network::half* simulated_network::look(simulated_end end) noexcept {
  return const_cast<half*>(std::as_const(*this).look(end));
}

bool simulated_network::knows(simulated_end end) const noexcept { return look(end) != nullptr; }
bool simulated_network::refused(simulated_end end) const noexcept {
  const half* h = look(end);
  return h && h->refused;
}
void simulated_network::set_tag(simulated_end end, std::uint64_t tag) {
  if (half* h = look(end)) h->tag = tag;
}
std::uint64_t simulated_network::tag(simulated_end end) const {
  const half* h = look(end);
  return h ? h->tag : 0;
}

time_ns simulated_network::latency(simulated_node a, simulated_node b) noexcept {
  std::uint64_t pair = seed_ ^ (std::uint64_t{std::min(a, b)} << 32 | std::max(a, b));
  const double factor = 0.5 + 1.5 * static_cast<double>(split_mix(pair) >> 11) * 0x1p-53;
  const auto jitter = static_cast<std::uint64_t>(options_.jitter);
  return static_cast<time_ns>(static_cast<double>(options_.latency) * factor) +
         static_cast<time_ns>(jitter == 0 ? 0 : random_.below(jitter + 1));
}

bool simulated_network::blocked(simulated_node from, simulated_node to) const noexcept {
  for (const wall& w : walls_) {
    // Who has come since is with most.
    const auto side = [&w](simulated_node n) { return n < w.side.size() ? w.side[n] : std::uint8_t{0}; };
    if (!w.stands || side(from) == side(to)) continue;
    if (w.both || side(from) != 0) return true;
  }
  return false;
}

time_ns simulated_network::clogged_until(simulated_node a, simulated_node b) noexcept {
  std::erase_if(clogs_, [&](const clogged& c) { return c.until <= time_.now(); });
  time_ns until = 0;
  for (const clogged& c : clogs_)
    if ((c.a == a && c.b == b) || (c.a == b && c.b == a)) until = std::max(until, c.until);
  return until;
}

// ---- connections -------------------------------------------------------------------------------------------------

simulated_end simulated_network::connect(simulated_node from, simulated_host& host, simulated_node to) {
  std::size_t index = halves_.size();
  if (free_.empty()) {
    halves_.resize(index + 2);
  } else {
    index = free_.back();
    free_.pop_back();
  }
  for (const std::size_t i : {index, index + 1}) {
    const std::uint32_t generation = halves_[i].generation + 1;
    halves_[i] = half{};
    halves_[i].generation = generation;
    halves_[i].at = state::connecting;
    halves_[i].node = i == index ? from : to;
  }
  halves_[index].host = &host;
  open_ += 2;
  time_.at(time_.now() + latency(from, to), *this, arrive, id_of(index));
  return id_of(index);
}

/// The wish to connect is at the other node, or still tries to get there.
void simulated_network::arrive_at(std::size_t from) {
  half& mine = halves_[from];
  half& theirs = halves_[from ^ 1];
  if (theirs.at != state::connecting) return;
  node& n = nodes_[theirs.node];
  if (blocked(mine.node, theirs.node) || blocked(theirs.node, mine.node)) {
    mine.retry_after =
        mine.retry_after == 0 ? options_.retry : std::min(2 * mine.retry_after, options_.longest_retry);
    mine.last_arrival += mine.retry_after;  // that it has waited, before it is connected
    if (mine.last_arrival < options_.connect_timeout)
      return time_.at(time_.now() + mine.retry_after, *this, arrive, id_of(from));
    theirs.at = state::closed;
    return lose(from, true);
  }
  if (!n.listens || n.refuses ||
      std::find(hidden_.begin(), hidden_.end(), std::pair(theirs.node, mine.node)) != hidden_.end()) {
    mine.refused = true;
    theirs.at = state::closed;
    return lose(from, true);
  }
  mine.last_arrival = mine.retry_after = 0;
  theirs.host = n.listens;
  theirs.at = state::open;
  time_.at(time_.now() + latency(mine.node, theirs.node), *this, establish, id_of(from));
  theirs.host->accepted(id_of(from ^ 1), mine.node);
}

std::size_t simulated_network::room(const half& to) const noexcept {
  const std::size_t there = to.bytes.size() - to.head;
  return there >= options_.send_buffer ? 0 : options_.send_buffer - there;
}

std::size_t simulated_network::send(simulated_end end, std::span<const std::span<const std::byte>> buffers,
                                    std::size_t skip) {
  half* mine = look(end);
  if (!mine || mine->at != state::open) return 0;
  const std::size_t other = index_of(end) ^ 1;
  half& to = halves_[other];
  std::size_t left = mine->hole ? options_.send_buffer - mine->in_void : room(to), taken = 0;
  bool all = true;
  for (const auto& b : buffers) {
    if (skip >= b.size()) {
      skip -= b.size();
      continue;
    }
    const std::size_t n = std::min(left, b.size() - skip);
    if (!mine->hole) to.bytes.insert(to.bytes.end(), b.data() + skip, b.data() + skip + n);
    taken += n;
    left -= n;
    all &= n == b.size() - skip;
    skip = 0;
  }
  mine->waits = !all;
  if (mine->hole)
    mine->in_void += taken;
  else if (taken != 0)
    push(other, taken);
  bytes_sent_ += taken;
  return taken;
}

/// A segment goes on its way to this end.
void simulated_network::push(std::size_t index, std::size_t bytes) {
  half& to = halves_[index];
  to.link_free = std::max(to.link_free, time_.now()) +
                 static_cast<time_ns>(static_cast<double>(bytes) / options_.bytes_per_second * 1e9);
  to.last_arrival = std::max(to.last_arrival, to.link_free + latency(to.node, halves_[index ^ 1].node));
  to.segments.push_back({bytes, to.last_arrival});
  if (!to.armed) arm(index, to.last_arrival);
}

void simulated_network::arm(std::size_t to, time_ns when) {
  halves_[to].armed = true;
  time_.at(when, *this, deliver, id_of(to));
}

void simulated_network::deliver_to(std::size_t index) {
  half& to = halves_[index];
  to.armed = false;
  if (to.hole || to.first_segment == to.segments.size()) return;
  half& from = halves_[index ^ 1];
  if (blocked(from.node, to.node)) {
    if (++to.retries > most_retries) {
      lose(index ^ 1, true);
      return lose(index, true);
    }
    to.retry_after = to.retry_after == 0 ? options_.retry : std::min(2 * to.retry_after, options_.longest_retry);
    return arm(index, time_.now() + to.retry_after);
  }
  to.retries = 0;
  to.retry_after = 0;
  if (const time_ns until = clogged_until(from.node, to.node); until > time_.now()) return arm(index, until);

  segment& s = to.segments[to.first_segment];
  const bool last = s.bytes == 0;
  if (s.bytes > 1 && random_.chance(options_.split)) {
    const std::size_t part = random_.between(1, s.bytes - 1);
    to.arrived += part;
    s.bytes -= part;
    arm(index, time_.now() + static_cast<time_ns>(random_.between(1, static_cast<std::uint64_t>(options_.latency))));
  } else {
    to.arrived += s.bytes;
    if (++to.first_segment == to.segments.size()) {
      to.segments.clear();
      to.first_segment = 0;
    } else {
      arm(index, std::max(time_.now(), to.segments[to.first_segment].at));
    }
  }
  if (to.at != state::open && to.at != state::connecting) return;
  if (last) {
    to.at = state::broken;
    if (std::exchange(to.told, true)) return;
    return to.host->broken(id_of(index));
  }
  if (to.at == state::open) to.host->readable(id_of(index));
}

std::span<const std::byte> simulated_network::available(simulated_end end) {
  half* h = look(end);
  if (!h || h->arrived == 0) return {};
  std::size_t n = h->arrived;
  const node& at = nodes_[h->node];
  if (at.read_bytes != 0) {
    if (time_.now() < h->next_read) {
      if (!std::exchange(h->reading_put_off, true)) time_.at(h->next_read, *this, tell_readable, end);
      return {};
    }
    n = std::min(n, at.read_bytes);
  }
  return {h->bytes.data() + h->head, n};
}

void simulated_network::consume(simulated_end end, std::size_t n) {
  half* h = look(end);
  if (!h || n == 0) return;
  h->head += n;
  h->arrived -= n;
  if (h->head == h->bytes.size()) {
    h->bytes.clear();
    h->head = 0;
  } else if (h->head > (std::size_t{64} << 10) && h->head > h->bytes.size() / 2) {
    const std::size_t keep = h->head & 7;  // the alignment
    h->bytes.erase(h->bytes.begin(), h->bytes.begin() + static_cast<std::ptrdiff_t>(h->head - keep));
    h->head = keep;
  }
  const node& at = nodes_[h->node];
  if (at.read_bytes != 0) {
    h->next_read = time_.now() + at.read_pause;
    if (h->arrived != 0 && !std::exchange(h->reading_put_off, true))
      time_.at(h->next_read, *this, tell_readable, end);
  }
  half& from = halves_[index_of(end) ^ 1];
  if (from.waits && !from.hole) {
    from.waits = false;
    time_.at(time_.now() + latency(from.node, h->node), *this, tell_writable, id_of(index_of(end) ^ 1));
  }
}

void simulated_network::close(simulated_end end) {
  half* h = look(end);
  if (!h) return;
  const std::size_t index = index_of(end);
  half& other = halves_[index ^ 1];
  const bool was_open = h->at == state::open && !h->hole;
  h->at = state::closed;
  h->hole = true;
  if (was_open && (other.at == state::open || (other.at == state::connecting && other.host)))
    push(index ^ 1, 0);  // who is accepted, and does not know it yet, learns that it was in vain
  else if (other.at == state::connecting && other.host == nullptr)
    other.at = state::closed;
  free_pair(index);
}

/// Both ends are closed: the place may be used again.
void simulated_network::free_pair(std::size_t index) {
  const std::size_t first = index & ~std::size_t{1};
  if (halves_[first].at != state::closed || halves_[first + 1].at != state::closed) return;
  for (const std::size_t i : {first, first + 1}) {
    halves_[i].at = state::free;
    std::vector<std::byte>().swap(halves_[i].bytes);
    std::vector<segment>().swap(halves_[i].segments);
  }
  open_ -= 2;
  free_.push_back(first);
}

/// Nothing gets to this end or from it any more.
void simulated_network::lose(std::size_t index, bool tell) {
  half& h = halves_[index];
  if (h.at == state::free || h.at == state::closed) return free_pair(index);
  h.hole = true;
  h.bytes.resize(h.head + h.arrived);
  h.segments.clear();
  h.first_segment = 0;
  if (tell && !std::exchange(h.told, true))
    time_.at(time_.now() + latency(h.node, halves_[index ^ 1].node), *this, tell_broken, id_of(index));
}

void simulated_network::fire(std::uint8_t what, std::uint64_t end) {
  half* h = look(end);
  if (!h) return;
  const std::size_t index = index_of(end);
  switch (what) {
    case arrive:
      return arrive_at(index);
    case establish:
      if (h->at != state::connecting || h->hole) return;
      h->at = state::open;
      h->host->connected(end);
      // What came before this end knew that it is connected.
      if (h = look(end); h && h->arrived != 0) h->host->readable(end);
      return;
    case deliver:
      return deliver_to(index);
    case tell_writable:
      if (h->at == state::open) h->host->writable(end);
      return;
    case tell_readable:
      h->reading_put_off = false;
      if (h->at == state::open && h->arrived != 0) h->host->readable(end);
      return;
    case tell_broken:
      if (h->at != state::open && h->at != state::connecting) return;
      h->at = state::broken;
      h->host->broken(end);
      return;
  }
}

// ---- faults ------------------------------------------------------------------------------------------------------

void simulated_network::crash(simulated_node n, bool silent) {
  for (std::size_t i = 0; i < halves_.size(); ++i) {
    half& h = halves_[i];
    if (h.at == state::free || h.at == state::closed || h.node != n || h.host == nullptr) continue;
    half& other = halves_[i ^ 1];
    h.at = state::closed;
    h.hole = true;
    if (other.host == nullptr)
      other.at = state::closed;
    else
      lose(i ^ 1, !silent);
    free_pair(i);
  }
}

bool simulated_network::cut(simulated_node a, simulated_node b, std::uint64_t which, bool tell_a, bool tell_b) {
  std::vector<std::size_t> between;
  for (std::size_t i = 0; i < halves_.size(); i += 2) {
    const simulated_node x = halves_[i].node, y = halves_[i + 1].node;
    if (halves_[i].at == state::open && halves_[i + 1].at == state::open && !halves_[i].hole &&
        ((x == a && y == b) || (x == b && y == a)))
      between.push_back(i);
  }
  if (between.empty()) return false;
  for (const std::size_t i : {between[which % between.size()], between[which % between.size()] + 1})
    lose(i, halves_[i].node == a ? tell_a : tell_b);
  return true;
}

std::uint32_t simulated_network::partition(std::vector<std::uint8_t> side, bool both) {
  side.resize(nodes_.size());
  walls_.push_back({std::move(side), both, true});
  return static_cast<std::uint32_t>(walls_.size() - 1);
}

void simulated_network::heal(std::uint32_t partition) { walls_[partition].stands = false; }

void simulated_network::clog(simulated_node a, simulated_node b, time_ns until) { clogs_.push_back({a, b, until}); }

void simulated_network::slow_reader(simulated_node n, std::size_t bytes, time_ns pause) {
  nodes_[n].read_bytes = bytes;
  nodes_[n].read_pause = pause;
}

void simulated_network::refuse(simulated_node n, bool refuses) { nodes_[n].refuses = refuses; }

void simulated_network::hide(simulated_node n, simulated_node from, bool hides) {
  const std::pair which(n, from);
  if (hides)
    hidden_.push_back(which);
  else if (const auto at = std::find(hidden_.begin(), hidden_.end(), which); at != hidden_.end())
    hidden_.erase(at);
}

void simulated_network::check_invariants() const {
  const auto require = [](bool holds, const char* what) {
    if (!holds)
      throw std::logic_error(std::string("weft: an invariant of the simulated network does not hold: ") + what);
  };
  std::size_t in_use = 0;
  for (std::size_t i = 0; i < halves_.size(); ++i) {
    const half& h = halves_[i];
    if (h.at == state::free) continue;
    ++in_use;
    require(h.bytes.size() - h.head <= options_.send_buffer, "a direction holds no more than its buffer");
    std::size_t coming = 0;
    for (std::size_t s = h.first_segment; s < h.segments.size(); ++s) coming += h.segments[s].bytes;
    require(h.arrived + coming == h.bytes.size() - h.head, "all bytes have come, or are on their way");
    if (!h.hole && h.first_segment != h.segments.size()) require(h.armed, "a delivery is armed");
  }
  require(in_use == open_, "connections are counted");
}

}  // namespace weft::net
