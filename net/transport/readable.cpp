#include "transport/readable.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "env/owned_descriptor.hpp"
#include "exec/watched_descriptor.hpp"
#include "weft/errors.hpp"

namespace weft::net {

namespace {

/// Signals go into one end of a pipe, which stays: a handler may be using it.
constinit std::atomic<int> signal_input{-1};
constinit std::atomic<bool> waiting{false};

int signal_output() {
  static const int output = [] {
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
      throw std::system_error(errno, std::system_category(), "weft: a pipe for signals");
    signal_input.store(ends[1]);
    return ends[0];
  }();
  return output;
}

void on_signal(int number) {
  const int e = errno;
  const auto byte = static_cast<unsigned char>(number);
  static_cast<void>(::write(signal_input.load(std::memory_order_relaxed), &byte, 1) < 0);
  errno = e;
}

/// While it lives the signals go into the pipe.
class caught {
 public:
  explicit caught(std::span<const int> signals) {
    if (waiting.exchange(true)) throw misuse("weft: another task waits for signals already");
    struct sigaction action{};
    action.sa_handler = &on_signal;
    action.sa_flags = SA_RESTART;
    for (const int s : signals) {
      struct sigaction before{};
      if (::sigaction(s, &action, &before) == 0) before_.emplace_back(s, before);
    }
  }
  caught(const caught&) = delete;
  ~caught() {
    for (const auto& [s, action] : before_) ::sigaction(s, &action, nullptr);
    waiting.store(false);
  }

 private:
  std::vector<std::pair<int, struct sigaction>> before_;
};

}  // namespace

task<> wait_readable(pool& p, int descriptor) {
  const detail::owned_descriptor own(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
  if (!own) throw std::system_error(errno, std::system_category(), "weft: waiting for a descriptor");
  detail::watched_descriptor watched(p, own.get());
  co_await watched.readable();
}

task<int> wait_signal(pool& p, std::span<const int> signals) {
  const int output = signal_output();
  const caught handlers(signals);
  detail::watched_descriptor watched(p, output);
  for (;;) {
    unsigned char number = 0;
    if (::read(output, &number, 1) == 1) co_return number;
    co_await watched.readable();
  }
}

}  // namespace weft::net
