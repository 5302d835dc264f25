#include "transport/socket.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <asio/posix/basic_stream_descriptor.hpp>
#include <atomic>
#include <cerrno>
#include <tuple>

#include "weft/asio.hpp"

namespace weft::net {
namespace {

using pool_descriptor = asio::posix::basic_stream_descriptor<pool_executor>;

attempt outcome(ssize_t n) noexcept {
  attempt a;
  if (n >= 0)
    a.bytes = static_cast<std::size_t>(n);
  else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
    a.would_block = true;  // after EINTR a wait returns at once
  else
    a.error = std::error_code(errno, std::system_category());
  return a;
}

}  // namespace

struct watched_socket::state {
  state(pool& p, int fd) : watched(pool_executor(p), fd) { watched.non_blocking(true); }
  pool_descriptor watched;
};

watched_socket::watched_socket(pool& p, int fd) : state_(std::make_unique<state>(p, fd)), descriptor_(fd) {}
watched_socket::~watched_socket() = default;

task<> watched_socket::wait(bool for_writing) {
  std::error_code error;
  try {
    co_await state_->watched.async_wait(for_writing ? pool_descriptor::wait_write : pool_descriptor::wait_read,
                                        use_task);
  } catch (const std::system_error& e) { error = e.code(); }
  if (error) throw transport_error("waiting for a connection failed: " + error.message(), error);
}

attempt watched_socket::read(std::span<std::byte> into) noexcept {
  return outcome(::recv(descriptor_, into.data(), into.size(), 0));
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
  attempt a = outcome(::sendmsg(descriptor_, &message, MSG_NOSIGNAL));
  // The kernel took what it had room for: another try would only say so.
  if (!a.error && a.bytes < wanted) a.would_block = true;
  return a;
}

void watched_socket::end_writing() noexcept { ::shutdown(descriptor_, SHUT_WR); }
void watched_socket::cut() noexcept { ::shutdown(descriptor_, SHUT_RDWR); }

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
