#include "raw.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <system_error>

#include "../harness.hpp"
#include "../on_cpu.hpp"
#include "transport/certificates.hpp"

namespace bench {
namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

void no_delay(int fd) {
  const int one = 1;
  if (::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) fail("TCP_NODELAY");
}

constexpr std::size_t message_bytes = 64;

}  // namespace

descriptor::~descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

socket_pair tcp_pair() {
  const descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&at), size) != 0 || ::listen(listener.get(), 1) != 0 ||
      ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&at), &size) != 0)
    fail("listening on loopback");
  socket_pair p;
  p.near = descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(p.near.get(), reinterpret_cast<sockaddr*>(&at), size) != 0) fail("connecting over loopback");
  p.far = descriptor(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (p.far.get() < 0) fail("accepting over loopback");
  no_delay(p.near.get());
  no_delay(p.far.get());
  return p;
}

socket_pair unix_pair() {
  int both[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) != 0) fail("socketpair");
  socket_pair p;
  p.near = descriptor(both[0]);
  p.far = descriptor(both[1]);
  return p;
}

void write_all(int fd, const void* data, std::size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size != 0) {
    const ssize_t n = ::send(fd, at, size, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail("writing to a raw socket");
    at += n;
    size -= static_cast<std::size_t>(n);
  }
}

void read_all(int fd, void* data, std::size_t size) {
  char* at = static_cast<char*>(data);
  while (size != 0) {
    const ssize_t n = ::recv(fd, at, size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) throw std::runtime_error("the other end of a raw socket is gone");
    if (n < 0) fail("reading from a raw socket");
    at += n;
    size -= static_cast<std::size_t>(n);
  }
}

forked_process::forked_process(const std::function<void()>& f) : id_(::fork()) {
  if (id_ < 0) fail("fork");
  if (id_ != 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  try {
    f();
  } catch (...) { ::_exit(1); }  // the other end is gone, and says so
  ::_exit(0);
}

forked_process::~forked_process() {
  if (id_ != 0) ::kill(id_, SIGKILL);
  wait();
}

void forked_process::wait() noexcept {
  if (id_ != 0) ::waitpid(std::exchange(id_, 0), nullptr, 0);
}

// ---- round trips -------------------------------------------------------------------------------------------------

raw_round_trip::raw_round_trip(route by) : to_next_(tcp_pair()), apart_(by == route::apart) {
  int end = to_next_.far.get();
  if (by == route::relayed) {
    to_last_ = tcp_pair();
    relay_ = std::make_unique<forked_process>([before = end, behind = to_last_.near.get()] {
      char message[message_bytes];
      for (;;) {
        read_all(before, message, sizeof message);
        write_all(behind, message, sizeof message);
        read_all(behind, message, sizeof message);
        write_all(before, message, sizeof message);
      }
    });
    end = to_last_.far.get();
  }
  last_ = std::make_unique<forked_process>([end, apart = apart_] {
    std::optional<on_cpu> here;
    if (apart) here.emplace(1);
    char message[message_bytes];
    for (;;) {
      read_all(end, message, sizeof message);
      message[0] = static_cast<char>(message[0] + 1);
      write_all(end, message, sizeof message);
    }
  });
}

std::vector<double> raw_round_trip::sample(std::size_t n) {
  std::vector<double> seconds;
  seconds.reserve(n);
  std::optional<on_cpu> here;
  if (apart_) here.emplace(0);
  char message[message_bytes] = {};
  for (std::size_t i = 0; i < n; ++i) {
    message[0] = static_cast<char>(i);
    const double begin = seconds_now();
    write_all(to_next_.near.get(), message, sizeof message);
    read_all(to_next_.near.get(), message, sizeof message);
    seconds.push_back(seconds_now() - begin);
    if (message[0] != static_cast<char>(i + 1)) throw wrong("a raw round trip brought another answer");
  }
  return seconds;
}

// ---- transfers ---------------------------------------------------------------------------------------------------

namespace {

struct free_ssl {
  void operator()(SSL_CTX* c) const noexcept { SSL_CTX_free(c); }
  void operator()(SSL* s) const noexcept { SSL_free(s); }
};
using ssl_context = std::unique_ptr<SSL_CTX, free_ssl>;
using ssl_session = std::unique_ptr<SSL, free_ssl>;

void want(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("OpenSSL: ") + what + " failed");
}

ssl_context make_context(bool serves) {
  ssl_context c(SSL_CTX_new(serves ? TLS_server_method() : TLS_client_method()));
  want(c != nullptr && SSL_CTX_set_min_proto_version(c.get(), TLS1_3_VERSION) == 1, "making a context");
  if (!serves) return c;
  const auto authority = weft::net::certificate_authority::make("weft-bench", 1);
  const auto own = authority.issue({});
  const auto memory = [](const std::string& text) {
    return std::unique_ptr<BIO, decltype(&BIO_free)>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())),
                                                     BIO_free);
  };
  const auto certificate_text = memory(own.certificate), key_text = memory(own.key);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr), X509_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  want(SSL_CTX_use_certificate(c.get(), certificate.get()) == 1 && SSL_CTX_use_PrivateKey(c.get(), key.get()) == 1,
       "using a certificate");
  return c;
}

ssl_session make_session(SSL_CTX* context, int fd) {
  ssl_session s(SSL_new(context));
  want(s != nullptr && SSL_set_fd(s.get(), fd) == 1, "making a session");
  return s;
}

constexpr std::size_t at_once = std::size_t{1} << 20;

std::vector<std::uint64_t> numbers(std::size_t bytes) {
  std::vector<std::uint64_t> all(bytes / sizeof(std::uint64_t));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i * 0x9e3779b97f4a7c15u;
  return all;
}

void send_when_asked(int fd, SSL_CTX* secure, std::size_t bytes) {
  const std::vector<std::uint64_t> source = numbers(bytes);
  const char* const from = reinterpret_cast<const char*>(source.data());
  ssl_session session;
  if (secure) {
    session = make_session(secure, fd);
    want(SSL_accept(session.get()) == 1, "the handshake");
  }
  for (char go = 0;;) {
    if (!secure) {
      read_all(fd, &go, 1);
      write_all(fd, from, bytes);
      continue;
    }
    want(SSL_read(session.get(), &go, 1) == 1, "reading");
    for (std::size_t at = 0; at < bytes;) {
      const int n = SSL_write(session.get(), from + at, static_cast<int>(std::min(bytes - at, at_once)));
      want(n > 0, "writing");
      at += static_cast<std::size_t>(n);
    }
  }
}

}  // namespace

struct raw_transfer::tls {
  ssl_context context;
  ssl_session session;
};

raw_transfer::raw_transfer(kind by, std::size_t bytes)
    : by_(by),
      bytes_(bytes),
      sockets_(by == kind::unix_socket ? unix_pair() : tcp_pair()),
      memory_(std::make_unique<std::byte[]>(bytes)) {
  const ssl_context served = by == kind::tls ? make_context(true) : nullptr;
  sender_ = std::make_unique<forked_process>(
      [fd = sockets_.far.get(), secure = served.get(), bytes] { send_when_asked(fd, secure, bytes); });
  if (by != kind::tls) return;
  tls_ = std::make_unique<tls>();
  tls_->context = make_context(false);
  tls_->session = make_session(tls_->context.get(), sockets_.near.get());
  want(SSL_connect(tls_->session.get()) == 1, "the handshake");
}

raw_transfer::~raw_transfer() = default;

void raw_transfer::receive(std::byte* to) {
  const char go = 1;
  if (!tls_) {
    write_all(sockets_.near.get(), &go, 1);
    read_all(sockets_.near.get(), to, bytes_);
    return;
  }
  want(SSL_write(tls_->session.get(), &go, 1) == 1, "writing");
  for (std::size_t at = 0; at < bytes_;) {
    const int n = SSL_read(tls_->session.get(), to + at, static_cast<int>(std::min(bytes_ - at, at_once)));
    want(n > 0, "reading");
    at += static_cast<std::size_t>(n);
  }
}

double raw_transfer::run(bool new_memory) {
  std::unique_ptr<std::byte[]> fresh;
  if (new_memory) fresh.reset(new std::byte[bytes_]);
  std::byte* const to = new_memory ? fresh.get() : memory_.get();
  const double begin = seconds_now();
  receive(to);
  const double took = seconds_now() - begin;
  std::uint64_t last = 0;
  std::memcpy(&last, to + bytes_ - sizeof last, sizeof last);
  if (last != (bytes_ / sizeof last - 1) * 0x9e3779b97f4a7c15u) throw wrong("a raw transfer brought other bytes");
  return took;
}

}  // namespace bench
