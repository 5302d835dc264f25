#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>

#include "transport/security.hpp"
#include "weft/task.hpp"

namespace weft::net {

/// A connection could not be made, was refused, or broke: a sentence that names the peer.
class transport_error : public std::runtime_error {
 public:
  transport_error(const std::string& sentence, std::error_code code) : std::runtime_error(sentence), code_(code) {}
  const std::error_code& code() const noexcept { return code_; }

 private:
  std::error_code code_;
};

using buffer = std::span<const std::byte>;

/// Buffers on their way out, and how far they are: the list and what it refers to are the caller's.
class gather {
 public:
  gather() noexcept = default;
  explicit gather(std::span<const buffer> list) noexcept : rest_(list) { skip_empty(); }
  bool empty() const noexcept { return rest_.empty(); }
  /// The first that is left; not of a gather that is empty().
  buffer front() const noexcept { return rest_.front().subspan(done_); }
  std::span<const buffer> after_front() const noexcept { return rest_.subspan(1); }
  void advance(std::size_t bytes) noexcept;

 private:
  void skip_empty() noexcept {
    while (!rest_.empty() && rest_.front().size() == done_) rest_ = rest_.subspan(1), done_ = 0;
  }
  std::span<const buffer> rest_;
  std::size_t done_ = 0;  // of the first
};

/// What an operation that does not wait has done. No bytes without an error or would_block, of a read: the end.
struct attempt {
  std::size_t bytes = 0;
  bool would_block = false;
  std::error_code error;
};

/// Bytes to and from a peer, in order, until it breaks.
///
/// One task reads and one writes at a time; the two may do so at once, on two threads. close() may be called on any
/// thread beside them. A stop of the task ends an operation with weft::cancelled; a write may then have sent a part,
/// so that the stream is good for nothing more. It belongs to a pool, which outlives it; it is destroyed when no
/// operation is under way.
class stream {
 public:
  virtual ~stream() = default;
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;

  /// Reads what is there, at most `into`; waits while nothing is. 0: the peer has ended its side. Throws
  /// transport_error.
  task<std::size_t> read_some(std::span<std::byte> into);
  /// Reads until `into` is full; throws transport_error when the peer ends its side before.
  task<> read_all(std::span<std::byte> into);
  /// Writes all of the buffers, with as few system calls as the system allows. Throws transport_error.
  task<> write(std::span<const buffer> buffers);
  virtual task<> write(gather rest);

  /// The same without waiting, on the calling thread. A write that would block is followed by another with what is
  /// left, also when that is nothing: bytes may wait to be encrypted, or in the stream.
  virtual attempt try_read(std::span<std::byte> into) noexcept = 0;
  virtual attempt try_write(const gather& buffers) noexcept = 0;
  /// Wait until a try may do something; who is woken for nothing waits again.
  virtual task<> readable() = 0;
  virtual task<> writable() = 0;

  /// Says who each side is, before anything else is done with a stream that was accepted: TLS; nothing elsewhere.
  /// It waits for the peer: give it a time limit. Throws transport_error, and names what is wrong.
  virtual task<> handshake();
  /// Ends this side: the peer reads what was written, and then the end.
  virtual task<> shutdown() = 0;
  /// Cuts the connection at once: operations under way, here and at the peer, end with an error.
  virtual void close() noexcept = 0;

  /// Addresses, as people read them.
  const std::string& local() const noexcept { return local_; }
  const std::string& peer() const noexcept { return peer_; }
  /// Nobody between here and the peer can have changed the bytes (TLS): they need no checksum.
  bool authenticated() const noexcept { return authenticated_; }
  /// The bytes do not leave this host: checksums and compression do not pay.
  bool on_this_host() const noexcept { return on_this_host_; }
  /// Who the peer is; null but for TLS after the handshake.
  const peer_certificate* certificate() const noexcept { return certificate_.get(); }

  /// The error of an attempt, as a sentence about this stream.
  [[noreturn]] void fail(std::error_code error, const char* doing) const;

 protected:
  stream() = default;
  std::string local_, peer_;
  std::unique_ptr<peer_certificate> certificate_;
  bool authenticated_ = false, on_this_host_ = false;
};

/// Where streams come from. It belongs to a pool, which outlives it.
class listener {
 public:
  virtual ~listener() = default;
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  /// The next connection; its handshake() is still to be done, by another task than that which accepts. Throws
  /// transport_error when the listener is closed; what befalls a single connection is no error of the listener.
  virtual task<std::unique_ptr<stream>> accept() = 0;
  /// From any thread: the accept that waits ends with an error, and no more connections come.
  virtual void close() noexcept = 0;
  /// What others connect to: the port is the one that the system gave.
  const address& local() const noexcept { return local_; }

 protected:
  listener() = default;
  address local_;
};

}  // namespace weft::net
