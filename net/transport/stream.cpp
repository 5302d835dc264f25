#include "transport/stream.hpp"

#include "weft/errors.hpp"

namespace weft::net {

void gather::advance(std::size_t bytes) noexcept {
  while (bytes != 0) {
    const std::size_t left = rest_.front().size() - done_;
    if (bytes < left) {
      done_ += bytes;
      return;
    }
    bytes -= left;
    rest_ = rest_.subspan(1);
    done_ = 0;
  }
  skip_empty();
}

void stream::fail(std::error_code error, const char* doing) const {
  throw transport_error("connection with " + peer_ + " broke while " + doing + ": " + error.message(), error);
}

task<std::size_t> stream::read_some(std::span<std::byte> into) {
  for (;;) {
    const attempt a = try_read(into);
    if (a.error) fail(a.error, "reading");
    if (!a.would_block) co_return a.bytes;
    co_await readable();
  }
}

task<> stream::read_all(std::span<std::byte> into) {
  while (!into.empty()) {
    const attempt a = try_read(into);
    if (a.error) fail(a.error, "reading");
    if (a.would_block) {
      co_await readable();
      continue;
    }
    if (a.bytes == 0)
      throw transport_error("connection with " + peer_ + " ended in the middle: the peer closed it",
                            std::make_error_code(std::errc::connection_reset));
    into = into.subspan(a.bytes);
  }
}

task<> stream::write(std::span<const buffer> buffers) { return write(gather(buffers)); }

task<> stream::write(gather rest) {
  for (;;) {
    const attempt a = try_write(rest);
    if (a.error) fail(a.error, "writing");
    rest.advance(a.bytes);
    if (a.would_block)
      co_await writable();
    else if (rest.empty())
      co_return;
  }
}

task<> stream::handshake() { co_return; }

}  // namespace weft::net
