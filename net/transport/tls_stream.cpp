#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <new>
#include <vector>

#include "transport/socket.hpp"
#include "transport/tls_identity.hpp"
#include "weft/timeout.hpp"

namespace weft::net {
namespace {

/// OpenSSL's reason codes as sentences.
class tls_errors final : public std::error_category {
 public:
  const char* name() const noexcept override { return "TLS"; }
  std::string message(int code) const override {
    switch (code) {
      case SSL_R_WRONG_VERSION_NUMBER:
      case SSL_R_HTTP_REQUEST:
      case SSL_R_HTTPS_PROXY_REQUEST:
      case SSL_R_RECORD_LENGTH_MISMATCH:
      case SSL_R_PACKET_LENGTH_TOO_LONG:
      case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
      case SSL_R_DATA_LENGTH_TOO_LONG:
      case SSL_R_UNEXPECTED_MESSAGE:
      case SSL_R_BAD_RECORD_TYPE:
        return "the peer does not speak TLS: is its address tls://, and ours too?";
      case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return "the peer shows no certificate: give it an identity";
      case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return "the peer wants a certificate from us";
      case SSL_R_UNSUPPORTED_PROTOCOL:
      case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return "one side does not speak TLS 1.3";
      case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        return "the peer refuses our certificate: another authority than the peer's has signed it";
      case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        return "the peer refuses our certificate: it has expired; make a new one with `weft certs`";
      case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
      case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
      case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
      case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
        return "the peer refuses our certificate";
      default:
        break;
    }
    const char* reason = ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, code));
    return reason ? reason : "TLS error " + std::to_string(code);
  }
  static const tls_errors& instance() {
    static const tls_errors c;
    return c;
  }
};

class tls_stream final : public stream {
 public:
  tls_stream(connection c, std::shared_ptr<tls_identity> identity, bool connects)
      : socket_(std::move(c.socket)), identity_(std::move(identity)), ssl_(identity_->begin(connects)) {
    local_ = std::move(c.local);
    peer_ = std::move(c.peer);
    on_this_host_ = c.on_this_host;
    BIO* b = BIO_new(method());
    if (!b) throw_openssl("TLS");
    BIO_set_data(b, this);
    BIO_set_init(b, 1);
    SSL_set_bio(ssl_.get(), b, b);
    SSL_set_app_data(ssl_.get(), this);
    SSL_set_verify(ssl_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, &tls_stream::verified);
  }

  task<> handshake() override {
    for (;;) {
      step s = operate([this] { return SSL_do_handshake(ssl_.get()); });
      const attempt sent = flush();
      if (!s.error) s.error = sent.error;
      if (s.done && !sent.would_block) break;
      s.wants_write |= sent.would_block;
      if (s.error) {
        if (!refusal_.empty()) {
          co_await let_it_hear();
          throw bad_certificate("peer " + peer_ + " is refused: " + refusal_);
        }
        fail(s.error, "greeting by TLS");
      }
      co_await wait(s.wants_write);
    }
    const certificate_ptr shown(SSL_get1_peer_certificate(ssl_.get()));
    try {
      if (!shown) throw bad_certificate("it shows no certificate");
      certificate_ = describe(shown.get());
    } catch (const bad_certificate& e) { throw bad_certificate("peer " + peer_ + " is refused: " + e.what()); }
    authenticated_ = true;
  }

  attempt try_read(std::span<std::byte> into) noexcept override {
    attempt a;
    std::lock_guard guard(mutex_);
    a.error = std::exchange(read_error_, {});
    if (a.error) return a;
    // A record has 16 KiB at most: more of them may be there.
    while (a.bytes < into.size()) {
      std::size_t n = 0;
      const step s =
          operate([&] { return SSL_read_ex(ssl_.get(), into.data() + a.bytes, into.size() - a.bytes, &n); });
      a.bytes += n;
      if (s.done) continue;
      read_wants_write_ = s.wants_write;
      if (a.bytes != 0)
        read_error_ = s.error;
      else
        a.error = s.error;
      a.would_block = a.bytes == 0 && !s.error && !s.ended;
      break;
    }
    if (!encrypted_.empty()) flush();  // an answer of TLS itself; what is in the way is told to the writer
    return a;
  }

  attempt try_write(const gather& buffers) noexcept override {
    attempt a;
    std::lock_guard guard(mutex_);
    gather rest = buffers;
    if (const attempt sent = flush(); sent.error || sent.would_block) return sent;
    // The lock is the reader's too: a turn encrypts so much and no more.
    constexpr std::size_t turn = std::size_t{256} << 10;
    while (!rest.empty() && a.bytes < turn && !a.error && !a.would_block) {
      const buffer next = record(rest);
      std::size_t n = 0;
      const step s = operate([&] { return SSL_write_ex(ssl_.get(), next.data(), next.size(), &n); });
      a.bytes += n;
      rest.advance(n);
      a.error = s.ended ? std::make_error_code(std::errc::broken_pipe) : s.error;
      a.would_block = !s.done && !a.error;
    }
    const attempt sent = flush();
    if (!a.error) a.error = sent.error;
    a.would_block |= sent.would_block;
    return a;
  }

  task<> readable() override { return wait(read_wants_write_); }
  task<> writable() override { return socket_->writable(); }
  task<> shutdown() override {
    {
      std::lock_guard guard(mutex_);
      operate([this] { return SSL_shutdown(ssl_.get()); });
    }
    co_await stream::write(gather());  // what is encrypted and not sent
    socket_->end_writing();
  }
  void close() noexcept override { socket_->cut(); }

 private:
  struct step {
    bool done = false, wants_write = false, ended = false;
    std::error_code error;
  };

  template <class F>
  step operate(F f) noexcept {
    step s;
    ERR_clear_error();
    errno_ = 0;
    const int ok = f();
    if (ok > 0) {
      s.done = true;
      return s;
    }
    switch (SSL_get_error(ssl_.get(), ok)) {
      case SSL_ERROR_WANT_READ:
        break;
      case SSL_ERROR_WANT_WRITE:
        s.wants_write = true;
        break;
      case SSL_ERROR_ZERO_RETURN:
        s.ended = true;
        break;
      case SSL_ERROR_SYSCALL:
        s.error = std::error_code(errno_ ? errno_ : ECONNRESET, std::system_category());
        break;
      default:
        // A system error that OpenSSL has wrapped is the better sentence.
        if (errno_)
          s.error = std::error_code(errno_, std::system_category());
        else if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
          s.error = std::error_code(ECONNRESET, std::system_category());
        else
          s.error = std::error_code(ERR_GET_REASON(ERR_peek_error()), tls_errors::instance());
    }
    ERR_clear_error();
    return s;
  }

  task<> wait(bool for_writing) { return for_writing ? socket_->writable() : socket_->readable(); }

  /// What the next record holds. Small buffers, such as a header and what follows it, travel in one. After a write
  /// that would block the caller comes with the same bytes again, and so they are in the same record again, as
  /// OpenSSL wants it.
  buffer record(const gather& rest) noexcept {
    buffer first = rest.front();
    if (first.size() >= record_bytes || rest.after_front().empty()) return first;
    std::size_t n = 0;
    const auto add = [&](buffer b) {
      const std::size_t take = std::min(b.size(), record_bytes - n);
      std::memcpy(staging_ + n, b.data(), take);
      n += take;
    };
    add(first);
    for (const buffer b : rest.after_front()) {
      if (n == record_bytes) break;
      if (!b.empty()) add(b);
    }
    return {staging_, n};
  }

  // ---- certificates ----

  static int verified(int good, X509_STORE_CTX* context) {
    if (good == 1) return 1;
    auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* self = static_cast<tls_stream*>(SSL_get_app_data(ssl));
    try {
      self->refusal_ = self->why(context);
    } catch (...) { self->refusal_ = "its certificate is not valid"; }
    return 0;
  }
  std::string why(X509_STORE_CTX* context) const {
    X509* x = X509_STORE_CTX_get_current_cert(context);
    const int code = X509_STORE_CTX_get_error(context);
    const bool dates = code == X509_V_ERR_CERT_HAS_EXPIRED || code == X509_V_ERR_CERT_NOT_YET_VALID;
    if (!dates) x = X509_STORE_CTX_get0_cert(context);  // the peer's own, not one that has signed it
    std::string say = "certificate '" + (x ? name_of(x) : std::string("?")) + "' ";
    switch (code) {
      case X509_V_ERR_CERT_HAS_EXPIRED:
        return say + "has expired (" + date(X509_get0_notAfter(x)) + "): make a new one with `weft certs`";
      case X509_V_ERR_CERT_NOT_YET_VALID:
        return say + "is not valid before " + date(X509_get0_notBefore(x)) +
               ": do the clocks of the machines differ?";
      case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
      case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return say + "is signed by another authority than '" + identity_->authority_name() +
               "', whose ca.pem we have: processes of one cluster have the same ca.pem";
      default:
        return say + "is not valid: " + X509_verify_cert_error_string(code);
    }
  }
  static std::string date(const ASN1_TIME* t) {
    const bio_ptr out(BIO_new(BIO_s_mem()));
    if (!out || ASN1_TIME_print(out.get(), t) != 1) return "?";
    char* data = nullptr;
    const long n = BIO_get_mem_data(out.get(), &data);
    return std::string(data, static_cast<std::size_t>(n));
  }
  /// The peer takes our alert from the socket only if this is not reset, which closing it with unread bytes does. A
  /// peer that does not go away by itself is not waited for longer than a second.
  task<> let_it_hear() {
    socket_->end_writing();
    try {
      co_await timeout(std::chrono::seconds(1), drain());
    } catch (const timed_out&) {}
  }
  task<> drain() {
    std::byte away[4096];
    for (int turn = 0; turn < 64; ++turn) {
      const attempt a = socket_->read(away);
      if (a.error || (a.bytes == 0 && !a.would_block)) co_return;
      if (a.would_block) co_await socket_->readable();
    }
  }

  // ---- the socket, for OpenSSL: its own would raise SIGPIPE ----

  static BIO_METHOD* method() {
    static const std::unique_ptr<BIO_METHOD, openssl_free<BIO_meth_free>> m = [] {
      std::unique_ptr<BIO_METHOD, openssl_free<BIO_meth_free>> made(
          BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weft socket"));
      if (!made) throw_openssl("TLS");
      BIO_meth_set_write(made.get(), [](BIO* b, const char* data, int n) {
        auto* self = static_cast<tls_stream*>(BIO_get_data(b));
        return self->tell(b, self->keep({reinterpret_cast<const std::byte*>(data), static_cast<std::size_t>(n)}),
                          true);
      });
      BIO_meth_set_read(made.get(), [](BIO* b, char* data, int n) {
        auto* self = static_cast<tls_stream*>(BIO_get_data(b));
        return self->tell(b, self->socket_->read({reinterpret_cast<std::byte*>(data), static_cast<std::size_t>(n)}),
                          false);
      });
      BIO_meth_set_ctrl(made.get(), [](BIO* b, int what, long, void*) -> long {
        return what == BIO_CTRL_FLUSH || (what == BIO_CTRL_EOF && static_cast<tls_stream*>(BIO_get_data(b))->ended_);
      });
      return made;
    }();
    return m.get();
  }
  /// Records are gathered, and go to the socket several at a time.
  attempt keep(buffer record) noexcept {
    attempt a;
    if (encrypted_.size() >= gathered_bytes) {
      a = flush();
      if (a.error || a.would_block) return a;
    }
    try {
      encrypted_.insert(encrypted_.end(), record.begin(), record.end());
      a.bytes = record.size();
    } catch (const std::bad_alloc&) { a.error = std::make_error_code(std::errc::not_enough_memory); }
    return a;
  }
  /// Under the lock, or in the handshake.
  attempt flush() noexcept {
    const buffer left = buffer(encrypted_).subspan(sent_);
    if (left.empty()) return {};
    attempt a = socket_->write(gather(std::span(&left, 1)));
    sent_ += a.bytes;
    a.bytes = 0;
    if (sent_ == encrypted_.size()) {
      encrypted_.clear();
      sent_ = 0;
    }
    return a;
  }
  int tell(BIO* b, const attempt& a, bool writing) noexcept {
    BIO_clear_retry_flags(b);
    if (a.error) {
      errno_ = a.error.value();
      return -1;
    }
    if (a.would_block) {
      writing ? BIO_set_retry_write(b) : BIO_set_retry_read(b);
      return -1;
    }
    if (!writing && a.bytes == 0) ended_ = true;
    return static_cast<int>(a.bytes);
  }

  static constexpr std::size_t record_bytes = SSL3_RT_MAX_PLAIN_LENGTH;
  static constexpr std::size_t gathered_bytes = 4 * record_bytes;

  const std::unique_ptr<watched_socket> socket_;
  const std::shared_ptr<tls_identity> identity_;
  std::mutex mutex_;  // of ssl_: one reads while another writes
  const ssl_ptr ssl_;
  int errno_ = 0;
  std::string refusal_;
  std::error_code read_error_;
  bool read_wants_write_ = false;
  bool ended_ = false;  // the socket, with or without the end of TLS before
  std::byte staging_[record_bytes];
  std::vector<std::byte> encrypted_;  // not yet sent, from sent_ on
  std::size_t sent_ = 0;
};

}  // namespace

const std::error_category& tls_category() noexcept { return tls_errors::instance(); }

std::unique_ptr<stream> make_tls_stream(connection c, std::shared_ptr<tls_identity> identity, bool connects) {
  return std::make_unique<tls_stream>(std::move(c), std::move(identity), connects);
}

}  // namespace weft::net
