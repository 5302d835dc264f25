#include "cluster/processes/network.hpp"

#include <cstring>
#include <deque>
#include <utility>

#include "weft/errors.hpp"
#include "weft/timeout.hpp"

namespace weft::net::processes {

/// A process as the network sees it, and the network as the process does. It stays as long as one of its streams.
class stream_network::process final : public simulated_host,
                                      public in_process_network,
                                      public std::enable_shared_from_this<process> {
 public:
  process(stream_network& of, simulated_node n, std::string name) : of_(of), node_(n), name_(std::move(name)) {}
  ~process() override = default;

  // simulated_host
  void accepted(simulated_end end, simulated_node from) override;
  void connected(simulated_end end) override;
  void readable(simulated_end end) override;
  void writable(simulated_end end) override;
  void broken(simulated_end end) override;

  // in_process_network
  task<std::unique_ptr<stream>> connect(address a) override;
  std::unique_ptr<listener> listen(const address& a) override;

  void crash();
  stream_network& of() noexcept { return of_; }
  const std::string& name() const noexcept { return name_; }

 private:
  friend class simulated_stream;
  friend class stream_network::simulated_listener;
  struct connecting {
    event over;
    bool made = false, refused = false;
  };

  stream_network& of_;
  const simulated_node node_;
  const std::string name_;
  std::map<simulated_end, simulated_stream*> streams_;
  std::map<simulated_end, connecting*> connecting_;
  simulated_listener* listener_ = nullptr;
  bool dead_ = false;
};

class simulated_stream final : public stream {
 public:
  simulated_stream(std::shared_ptr<stream_network::process> at, simulated_end end, const std::string& peer)
      : at_(std::move(at)), end_(end) {
    local_ = at_->name();
    peer_ = peer;
    on_this_host_ = at_->of().options_.on_one_host;
    at_->streams_.emplace(end, this);
  }
  ~simulated_stream() override {
    simulated_stream::close();
    at_->streams_.erase(end_);
  }

  attempt try_read(std::span<std::byte> into) noexcept override {
    attempt a;
    if (closed_) return failed(std::errc::connection_reset);
    const auto there = network().available(end_);
    a.bytes = std::min(there.size(), into.size());
    if (a.bytes != 0) {
      std::memcpy(into.data(), there.data(), a.bytes);
      network().consume(end_, a.bytes);
      at_->of().look();
    } else if (!broken_ && !into.empty()) {
      a.would_block = true;
      readable_.reset();
    }
    return a;
  }
  attempt try_write(const gather& buffers) noexcept override {
    if (closed_ || broken_) return failed(std::errc::broken_pipe);
    std::vector<buffer> all;
    std::size_t bytes = 0;
    if (!buffers.empty()) {
      all.push_back(buffers.front());
      all.insert(all.end(), buffers.after_front().begin(), buffers.after_front().end());
    }
    for (const buffer b : all) bytes += b.size();
    attempt a;
    a.bytes = network().send(end_, all);
    a.would_block = a.bytes < bytes;
    if (a.would_block) writable_.reset();
    at_->of().look();
    return a;
  }
  task<> readable() override { co_await readable_.wait(); }
  task<> writable() override { co_await writable_.wait(); }
  /// The simulated network has no connections of which one direction is open: the end is told by close(). Whoever
  /// shuts down has said before, in a frame, that it ends.
  task<> shutdown() override { co_return; }
  void close() noexcept override {
    if (std::exchange(closed_, true)) return;
    network().close(end_);
    at_->of().look();
    wake();
  }

  void wake() noexcept {
    readable_.set();
    writable_.set();
  }
  void tell_readable() noexcept { readable_.set(); }
  void tell_writable() noexcept { writable_.set(); }
  void tell_broken() noexcept {
    broken_ = true;
    wake();
  }

 private:
  static attempt failed(std::errc why) noexcept {
    attempt a;
    a.error = std::make_error_code(why);
    return a;
  }
  simulated_network& network() noexcept { return at_->of().faults(); }

  const std::shared_ptr<stream_network::process> at_;
  const simulated_end end_;
  bool broken_ = false, closed_ = false;
  event readable_, writable_{true};
};

class stream_network::simulated_listener final : public listener {
 public:
  simulated_listener(std::shared_ptr<process> at, const address& a) : at_(std::move(at)) { local_ = a; }
  ~simulated_listener() override { simulated_listener::close(); }

  task<std::unique_ptr<stream>> accept() override {
    for (;;) {
      co_await arrived_.wait();
      if (closed_)
        throw transport_error("the listener at " + to_string(local_) + " is closed",
                              std::make_error_code(std::errc::operation_canceled));
      if (waiting_.empty()) {
        arrived_.reset();
        continue;
      }
      std::unique_ptr<stream> s = std::move(waiting_.front());
      waiting_.pop_front();
      co_return s;
    }
  }
  void close() noexcept override {
    if (std::exchange(closed_, true)) return;
    at_->of().faults().listen(at_->node_, nullptr);
    at_->listener_ = nullptr;
    waiting_.clear();
    arrived_.set();
  }
  void enter(std::unique_ptr<stream> s) {
    waiting_.push_back(std::move(s));
    arrived_.set();
  }

 private:
  const std::shared_ptr<process> at_;
  std::deque<std::unique_ptr<stream>> waiting_;
  bool closed_ = false;
  event arrived_;
};

// ---- a process ---------------------------------------------------------------------------------------------------

void stream_network::process::accepted(simulated_end end, simulated_node from) {
  auto s = std::make_unique<simulated_stream>(shared_from_this(), end, of_.at(from).name());
  if (listener_) listener_->enter(std::move(s));
}

void stream_network::process::connected(simulated_end end) {
  const auto at = connecting_.find(end);
  if (at == connecting_.end()) return;
  at->second->made = true;
  at->second->over.set();
}

void stream_network::process::readable(simulated_end end) {
  if (const auto at = streams_.find(end); at != streams_.end()) at->second->tell_readable();
}

void stream_network::process::writable(simulated_end end) {
  if (const auto at = streams_.find(end); at != streams_.end()) at->second->tell_writable();
}

void stream_network::process::broken(simulated_end end) {
  if (const auto at = streams_.find(end); at != streams_.end()) return at->second->tell_broken();
  const auto at = connecting_.find(end);
  if (at == connecting_.end()) return;
  at->second->made = false;
  at->second->refused = of_.network_.refused(end);
  at->second->over.set();
}

task<std::unique_ptr<stream>> stream_network::process::connect(address a) {
  const auto keep = shared_from_this();
  const auto to = of_.names_.find(a.host);
  if (dead_ || to == of_.names_.end())
    throw transport_error("there is no way to " + to_string(a), std::make_error_code(std::errc::network_unreachable));
  const simulated_end end = of_.faults().connect(node_, *this, to->second);
  of_.look();
  connecting c;
  struct entry {
    ~entry() {
      in.erase(end);
      if (!taken) {
        of.faults().close(end);
        of.look();
      }
    }
    std::map<simulated_end, connecting*>& in;
    stream_network& of;
    simulated_end end;
    bool taken = false;
  };
  entry e{connecting_, of_, end};
  connecting_.emplace(end, &c);
  co_await c.over.wait();
  if (!c.made)
    throw transport_error("nobody answers at " + to_string(a),
                          std::make_error_code(c.refused ? std::errc::connection_refused : std::errc::timed_out));
  e.taken = true;
  co_return std::make_unique<simulated_stream>(keep, end, a.host);
}

std::unique_ptr<listener> stream_network::process::listen(const address& a) {
  if (listener_ || a.host != name_)
    throw transport_error(name_ + " cannot listen at " + to_string(a),
                          std::make_error_code(std::errc::address_in_use));
  auto l = std::make_unique<simulated_listener>(shared_from_this(), a);
  listener_ = l.get();
  of_.faults().listen(node_, this);
  return l;
}

void stream_network::process::crash() {
  dead_ = true;
  for (const auto& [end, s] : streams_) s->tell_broken();
  for (const auto& [end, c] : connecting_) {
    c->made = false;
    c->over.set();
  }
}

// ---- the network -------------------------------------------------------------------------------------------------

stream_network::stream_network(simulation& s, std::uint64_t seed, const options& o)
    : simulation_(s), options_(o), network_(time_, seed, o.network), random_(seed + 1) {}

stream_network::~stream_network() = default;

simulated_node stream_network::add(pool& p, const std::string& name) {
  const simulated_node n = network_.add_node();
  processes_.push_back(std::make_shared<process>(*this, n, name));
  names_.insert_or_assign(name, n);
  give_network(p, processes_.back());
  return n;
}

void stream_network::catch_up() { time_.pass_to(simulation_.elapsed().count()); }

task<> stream_network::carry() {
  constexpr time_ns never = simulated_time::never;
  time_ns next = never, wake = never;
  while (!over_) {
    changed_.reset();
    if (next != time_.next()) {
      next = time_.next();
      const auto later = static_cast<time_ns>(random_.below(static_cast<std::uint64_t>(options_.together) + 1));
      wake = next == never ? never : next + later;
    }
    const time_ns now = simulation_.elapsed().count();
    if (next == never) {
      co_await changed_.wait();
    } else if (wake <= now) {
      while (time_.next() <= now) time_.step();
      next = never;
    } else {
      try {
        co_await timeout(std::chrono::nanoseconds(wake - now), changed_.wait());
      } catch (const timed_out&) {}
    }
  }
}

void stream_network::stop() {
  over_ = true;
  changed_.set();
}

void stream_network::crash(simulated_node n, bool silent) {
  faults().crash(n, silent);
  network_.listen(n, nullptr);
  if (silent) {
    std::vector<std::uint8_t> alone(processes_.size());
    alone[n] = 1;
    network_.partition(std::move(alone), true);
  }
  at(n).crash();
  look();
}

}  // namespace weft::net::processes
