#include "transport/connect.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "transport/in_process.hpp"
#include "transport/socket.hpp"
#include "transport/tls_identity.hpp"
#include "weft/blocking.hpp"
#include "weft/checkpoint.hpp"
#include "weft/errors.hpp"
#include "weft/sleep.hpp"
#include "weft/stop.hpp"
#include "weft/timeout.hpp"

namespace weft::net {
namespace {

using asio::ip::tcp;
using unix_stream = asio::local::stream_protocol;

/// Asio 1.22 has a category of its own for the system's errors, which equals no std::errc.
std::error_code plain(std::error_code e) noexcept {
  return e.category() == asio::error::get_system_category() ? std::error_code(e.value(), std::system_category()) : e;
}

// ---- who may be reached how --------------------------------------------------------------------------------------

void check_reach(const address& a, bool loopback, const security& who) {
  if (a.kind == address_kind::tls) {
    if (!who.has_identity())
      throw transport_error(to_string(a) +
                                " needs an identity, and this process has none: `weft certs` makes the "
                                "certificates, option `certificates` names their directory",
                            std::make_error_code(std::errc::permission_denied));
    return;
  }
  if (loopback) return;
  if (!who.insecure)
    throw transport_error(
        to_string(a) +
            " is reached by other machines, and plain TCP lets anybody read and run "
            "anything there: use tls://, with an identity (`weft certs`), or pass --insecure (option "
            "`insecure`) to do without",
        std::make_error_code(std::errc::permission_denied));
  detail::log_once("insecure " + to_string(a), "INSECURE: " + to_string(a) +
                                                   " is used without TLS, because `insecure` is set: whoever reaches "
                                                   "it can read everything, and run programs as this user");
}

std::vector<tcp::endpoint> resolve(const address& a, bool listens) {
  asio::io_context context;  // the resolver wants one; nothing runs in it
  tcp::resolver resolver(context);
  std::error_code error;
  const auto flags = listens ? tcp::resolver::passive : tcp::resolver::flags{};
  const auto found = resolver.resolve(a.host, std::to_string(a.port), flags, error);
  if (error)
    throw transport_error("host '" + a.host + "' of " + to_string(a) + " is not known: " + error.message(), error);
  return {found.begin(), found.end()};
}

address with(const address& a, const tcp::endpoint& e) {
  address b = a;
  b.host = e.address().to_string();
  b.port = e.port();
  return b;
}

// ---- sockets -----------------------------------------------------------------------------------------------------

// Send and receive buffers are left to the kernel: for TCP it fits them to the connection, up to megabytes, and a
// size that is set would end that, and is capped at net.core.wmem_max. Unix sockets know no such fitting.
void prepare(int fd, const tcp&) {
  const auto set = [fd](int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  // A peer that has vanished without a word is noticed within 30 seconds, silent or not.
  set(IPPROTO_TCP, TCP_KEEPIDLE, 10);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);
}
void prepare(int fd, const unix_stream&) {
  constexpr int bytes = 1 << 20;
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

bool loopback(const tcp::endpoint& e) {
  const auto a = e.address();
  return a.is_v6() && a.to_v6().is_v4_mapped()
             ? asio::ip::make_address_v4(asio::ip::v4_mapped, a.to_v6()).is_loopback()
             : a.is_loopback();
}

std::error_code last_error() noexcept { return {errno, std::system_category()}; }

template <class Endpoint>
detail::owned_descriptor open_socket(const Endpoint& e) {
  const auto protocol = e.protocol();
  detail::owned_descriptor s(
      ::socket(protocol.family(), protocol.type() | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol.protocol()));
  if (!s) throw std::system_error(last_error(), "weft: a socket");
  return s;
}

/// Of getsockname and getpeername.
template <class Endpoint>
std::optional<Endpoint> endpoint_by(int (*get)(int, sockaddr*, socklen_t*), int fd) {
  Endpoint e;
  socklen_t size = static_cast<socklen_t>(e.capacity());
  if (get(fd, e.data(), &size) != 0) return std::nullopt;
  e.resize(size);
  return e;
}
int own_name(int fd, sockaddr* at, socklen_t* size) { return ::getsockname(fd, at, size); }
int peer_name(int fd, sockaddr* at, socklen_t* size) { return ::getpeername(fd, at, size); }

/// False: the peer is gone already.
bool describe(connection& c, int fd, const address& a, const tcp&) {
  const auto here = endpoint_by<tcp::endpoint>(own_name, fd), there = endpoint_by<tcp::endpoint>(peer_name, fd);
  if (!here || !there) return false;
  c.local = to_string(with(a, *here));
  c.peer = to_string(with(a, *there));
  c.on_this_host = loopback(*there);
  return true;
}
bool describe(connection& c, int, const address& a, const unix_stream&) {
  c.local = c.peer = to_string(a);
  c.on_this_host = true;
  return true;
}

unix_stream::endpoint endpoint_of(const address& a) {
  std::string path = a.host;
  if (path[0] == '@') path[0] = '\0';
  return unix_stream::endpoint(path);
}

std::unique_ptr<stream> make_stream(connection c, const address& a, const security& who, bool connects) {
  if (a.kind == address_kind::tls) return make_tls_stream(std::move(c), who.identity(), connects);
  return make_plain_stream(std::move(c));
}

/// Of a Unix socket: any user of the machine may connect to an abstract name, and take one that is free.
bool is_own(int fd) {
  ucred who{};
  socklen_t n = sizeof who;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0) return false;
  return who.uid == 0 || who.uid == ::geteuid();
}

// ---- connecting --------------------------------------------------------------------------------------------------

/// Whether a socket that was connecting is connected; null: not yet.
std::optional<std::error_code> connected(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return last_error();
  if (error != 0) return std::error_code(error, std::system_category());
  sockaddr_storage peer;
  size = sizeof peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0) return std::error_code();
  return errno == ENOTCONN ? std::nullopt : std::optional(last_error());
}

template <class Protocol>
task<std::unique_ptr<watched_socket>> connect_one(pool& p, typename Protocol::endpoint to) {
  detail::owned_descriptor s = open_socket(to);
  const int begun = ::connect(s.get(), to.data(), static_cast<socklen_t>(to.size()));
  if (begun != 0 && errno != EINPROGRESS) throw std::system_error(last_error());
  auto made = std::make_unique<watched_socket>(p, std::move(s));
  for (;;) {
    const std::optional<std::error_code> outcome = connected(made->descriptor());
    if (outcome && *outcome) throw std::system_error(*outcome);
    if (outcome) co_return made;
    co_await made->writable();
  }
}

template <class Protocol>
task<std::unique_ptr<stream>> dial(pool& p, const address& a, const security& who,
                                   std::vector<typename Protocol::endpoint> to) {
  std::error_code last;
  for (const auto& endpoint : to) {
    connection c;
    try {
      c.socket = co_await connect_one<Protocol>(p, endpoint);
    } catch (const std::system_error& e) {
      last = e.code();
      continue;
    }
    prepare(c.socket->descriptor(), endpoint.protocol());
    if (!describe(c, c.socket->descriptor(), a, endpoint.protocol())) {
      last = last_error();
      continue;
    }
    if constexpr (std::is_same_v<Protocol, unix_stream>)
      if (!is_own(c.socket->descriptor()))
        throw transport_error(to_string(a) + " is another user's: whoever listens there would be believed",
                              std::make_error_code(std::errc::permission_denied));
    std::unique_ptr<stream> made = make_stream(std::move(c), a, who, true);
    co_await made->handshake();
    co_return made;
  }
  std::string say = "nobody answers at " + to_string(a) + ": " + last.message();
  if (last == std::errc::connection_refused) say += "; is the process there, and is this its address?";
  throw transport_error(say, last);
}

task<std::unique_ptr<stream>> dial_any(pool& p, const address& a, const security& who) {
  if (a.kind == address_kind::in_process) {
    const auto network = in_process_network_of(p);
    co_return co_await network->connect(a);
  }
  if (a.kind == address_kind::unix_socket) {
    std::vector<unix_stream::endpoint> one{endpoint_of(a)};
    co_return co_await dial<unix_stream>(p, a, who, std::move(one));
  }
  std::error_code no_number;
  const auto number = asio::ip::make_address(a.host, no_number);
  std::vector<tcp::endpoint> to;
  if (!no_number) {
    to.emplace_back(number, a.port);
  } else {
    const address* named = &a;
    auto look_up = [named] { return resolve(*named, false); };
    to = co_await blocking(look_up);
  }
  for (const tcp::endpoint& e : to) check_reach(a, loopback(e), who);
  co_return co_await dial<tcp>(p, a, who, std::move(to));
}

std::string seconds(std::chrono::nanoseconds t) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g s", std::chrono::duration<double>(t).count());
  return text;
}

}  // namespace

task<std::unique_ptr<stream>> connect_to(pool& p, address a, security who, std::chrono::nanoseconds limit) {
  if (a.has_port() && a.port == 0)
    throw transport_error(to_string(a) + " has port 0, which only a listener may have: name the port it listens on",
                          std::make_error_code(std::errc::invalid_argument));
  try {
    co_return co_await timeout(limit, dial_any(p, a, who));
  } catch (const timed_out&) {
    throw transport_error(to_string(a) + " has not answered within " + seconds(limit),
                          std::make_error_code(std::errc::timed_out));
  }
}

// ---- listening ---------------------------------------------------------------------------------------------------

namespace {

template <class Protocol>
class socket_listener final : public listener {
  using endpoint = typename Protocol::endpoint;

 public:
  socket_listener(pool& p, const address& a, const security& who, const endpoint& e)
      : pool_(p), who_(who), socket_(open_socket(e)) {
    local_ = a;
    std::error_code error;
    if constexpr (std::is_same_v<Protocol, tcp>) {
      constexpr int yes = 1;
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    }
    const auto bind = [&] {
      const bool done = ::bind(socket_.get(), e.data(), static_cast<socklen_t>(e.size())) == 0;
      error = done ? std::error_code() : last_error();
    };
    bind();
    if constexpr (std::is_same_v<Protocol, unix_stream>) {
      if (error == std::errc::address_in_use && abandoned(e)) {
        std::error_code gone;
        std::filesystem::remove(e.path(), gone);
        bind();
      }
      // Before listen(): nobody has come in by then.
      if (!error && has_file()) {
        std::filesystem::permissions(a.host, std::filesystem::perms::owner_all, error);
        bound_ = true;
      }
    }
    if (!error && ::listen(socket_.get(), SOMAXCONN) != 0) error = last_error();
    if (error) throw transport_error("cannot listen at " + to_string(a) + ": " + error.message(), error);
    if constexpr (std::is_same_v<Protocol, tcp>) local_.port = endpoint_by<endpoint>(own_name, socket_.get())->port();
    watched_.emplace(p, socket_.get());
  }
  ~socket_listener() override { remove_file(); }

  task<std::unique_ptr<stream>> accept() override {
    for (;;) {
      if (closing_.stop_requested())
        throw transport_error("the listener at " + to_string(local_) + " is closed",
                              std::make_error_code(std::errc::operation_canceled));
      detail::owned_descriptor s(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      const std::error_code error = s ? std::error_code() : last_error();
      if (s) {
        std::string failed;
        try {
          if (std::unique_ptr<stream> made = take(std::move(s))) co_return made;
        } catch (const std::exception& e) { failed = e.what(); }
        if (failed.empty()) continue;
        // The connection's misfortune, or that of all for a while: the listener stays.
        detail::log_once("take " + to_string(local_),
                         to_string(local_) + " cannot take a connection that it has accepted: " + failed);
        co_await sleep_for(std::chrono::milliseconds(100));
        continue;
      }
      if (error == std::errc::resource_unavailable_try_again) {
        bool closed = false;
        try {
          co_await with_stop(closing_, watched_->readable());
        } catch (const cancelled&) { closed = closing_.stop_requested(); }
        if (!closed) co_await checkpoint();  // was it this task that was stopped?
        continue;
      }
      // What has befallen one connection passes: it was gone before it was accepted. A shortage passes more slowly.
      if (error == std::errc::too_many_files_open || error == std::errc::too_many_files_open_in_system ||
          error == std::errc::no_buffer_space || error == std::errc::not_enough_memory) {
        detail::log_once("accept " + to_string(local_),
                         to_string(local_) + " cannot accept connections at times: " + error.message());
        co_await sleep_for(std::chrono::milliseconds(100));
      }
    }
  }

  void close() noexcept override {
    ::shutdown(socket_.get(), SHUT_RDWR);  // nobody connects any more; the descriptor stays
    remove_file();
    closing_.request_stop();
  }

 private:
  static Protocol a_protocol() noexcept { return endpoint().protocol(); }
  bool has_file() const noexcept { return local_.kind == address_kind::unix_socket && local_.host[0] == '/'; }
  void remove_file() noexcept {
    if (!bound_.exchange(false)) return;
    std::error_code gone;
    std::filesystem::remove(local_.host, gone);
  }
  /// A socket's file that nobody listens at any more.
  static bool abandoned(const unix_stream::endpoint& e) {
    std::error_code no_file;
    if (!std::filesystem::is_socket(e.path(), no_file)) return false;
    asio::io_context context;
    unix_stream::socket s(context);
    std::error_code error;
    s.connect(e, error);
    return plain(error) == std::errc::connection_refused;
  }
  /// Null: it was nothing.
  std::unique_ptr<stream> take(detail::owned_descriptor s) {
    const int fd = s.get();
    prepare(fd, a_protocol());
    connection c;
    if constexpr (std::is_same_v<Protocol, unix_stream>)
      if (!is_own(fd)) return nullptr;
    if (!describe(c, fd, local_, a_protocol())) return nullptr;
    c.socket = std::make_unique<watched_socket>(pool_, std::move(s));
    return make_stream(std::move(c), local_, who_, false);
  }

  pool& pool_;
  const security who_;
  const detail::owned_descriptor socket_;
  std::optional<detail::watched_descriptor> watched_;
  stop_source closing_;
  std::atomic<bool> bound_{false};
};

}  // namespace

std::unique_ptr<listener> listen_on(pool& p, const address& a, const security& who) {
  switch (a.kind) {
    case address_kind::in_process:
      return in_process_network_of(p)->listen(a);
    case address_kind::unix_socket:
      return std::make_unique<socket_listener<unix_stream>>(p, a, who, endpoint_of(a));
    default:
      break;
  }
  const std::vector<tcp::endpoint> found = resolve(a, true);
  check_reach(a, loopback(found.front()), who);
  return std::make_unique<socket_listener<tcp>>(p, a, who, found.front());
}

}  // namespace weft::net
