#include "transport/socket.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>

namespace weft::net {
namespace {

/// The call never waits, but a signal may still come before it.
template <class F>
attempt tried(F call) noexcept {
  ssize_t n;
  do n = call();
  while (n < 0 && errno == EINTR);
  attempt a;
  if (n >= 0)
    a.bytes = static_cast<std::size_t>(n);
  else if (errno == EAGAIN || errno == EWOULDBLOCK)
    a.would_block = true;
  else
    a.error = std::error_code(errno, std::system_category());
  return a;
}

}  // namespace

watched_socket::watched_socket(pool& p, detail::owned_descriptor socket)
    : owned_(std::move(socket)), watched_(p, owned_.get()) {}

task<> watched_socket::readable() {
  co_await watched_.readable();
  dry_ = false;
}

attempt watched_socket::read(std::span<std::byte> into) noexcept {
  attempt a;
  if (dry_) {
    a.would_block = true;
    return a;
  }
  a = tried([&] { return ::recv(descriptor(), into.data(), into.size(), 0); });
  dry_ = !a.error && a.bytes < into.size() && (a.bytes != 0 || a.would_block);
  return a;
}

attempt watched_socket::write(const gather& buffers) noexcept {
  if (buffers.empty()) return {};
  constexpr std::size_t most = 64;
  iovec pieces[most];
  std::size_t n = 0;
  const auto add = [&](buffer b) { pieces[n++] = {const_cast<std::byte*>(b.data()), b.size()}; };
  std::size_t wanted = buffers.front().size();
  add(buffers.front());
  for (const buffer b : buffers.after_front()) {
    if (n == most) break;
    if (b.empty()) continue;
    add(b);
    wanted += b.size();
  }
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = n;
  attempt a = tried([&] { return ::sendmsg(descriptor(), &message, MSG_NOSIGNAL); });
  // The kernel took what it had room for: another try would only say so.
  if (!a.error && a.bytes < wanted) a.would_block = true;
  return a;
}

void watched_socket::end_writing() noexcept { ::shutdown(descriptor(), SHUT_WR); }
void watched_socket::cut() noexcept { ::shutdown(descriptor(), SHUT_RDWR); }

namespace {

class plain_stream final : public stream {
 public:
  explicit plain_stream(connection c) : socket_(std::move(c.socket)) {
    local_ = std::move(c.local);
    peer_ = std::move(c.peer);
    on_this_host_ = c.on_this_host;
  }
  attempt try_read(std::span<std::byte> into) noexcept override { return socket_->read(into); }
  attempt try_write(const gather& buffers) noexcept override { return socket_->write(buffers); }
  task<> readable() override { return socket_->readable(); }
  task<> writable() override { return socket_->writable(); }
  task<> shutdown() override {
    socket_->end_writing();
    co_return;
  }
  void close() noexcept override { socket_->cut(); }

 private:
  std::unique_ptr<watched_socket> socket_;
};

}  // namespace

std::unique_ptr<stream> make_plain_stream(connection c) { return std::make_unique<plain_stream>(std::move(c)); }

}  // namespace weft::net
