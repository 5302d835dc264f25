#pragma once

/// Plain Asio, for the groups wake and asio; `available` is false where it was not found when this was built.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "harness.hpp"

namespace bench {

class asio_peer {
 public:
  static bool available();
  static std::string name();

  explicit asio_peer(unsigned threads);
  ~asio_peer();
  /// Posts n empty handlers to a thread_pool, from one of its own threads or from this one, and waits for them.
  void post_from_inside(std::size_t n);
  void post_from_outside(std::size_t n);
  /// Sets n timers that expire within a millisecond, and waits for them.
  void timers(std::size_t n);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// Adds a side on which `run` works with plain Asio and takes its seconds times `scale`.
inline sides asio_side(sides out, const settings& s, std::function<void(asio_peer&)> run, double scale) {
  if (!asio_peer::available()) {
    out.note = "Asio is not installed (sh bench/peers.sh)";
    return out;
  }
  auto peer = std::make_shared<asio_peer>(s.threads);
  out.peer_name = asio_peer::name();
  out.peer = [peer, run = std::move(run), scale] {
    const double begin = seconds_now();
    run(*peer);
    return (seconds_now() - begin) * scale;
  };
  return out;
}

}  // namespace bench
