#pragma once

// What link.cpp, link_writer.cpp and hub.cpp share.
#include <deque>
#include <memory>
#include <vector>

#include "transport/link.hpp"

namespace weft::net {

/// Whether a session of `was` may go on with who says to be it. A certificate may have been replaced meanwhile: its
/// name and role are what the authority vouches for.
bool is_same_peer(const link_peer& was, const link_peer& now) noexcept;
/// Why a connection without a certificate is not for us: it is another user's of this machine. Empty: it may be.
std::string belongs_to_another(const stream& s, const security& who);

/// A connection to a listening link, whose hello has been heard and accepted.
struct peer_link::arrival {
  std::unique_ptr<framed_stream> connection;
  std::uint64_t received = 0;  // by the peer
  agreement agreed;
};

/// A stream on its way out: values one after the other.
struct peer_link::outbound {
  struct value {
    std::vector<buffer> attachments;
    std::shared_ptr<const void> keep;
  };
  std::uint64_t stream = 0;
  std::deque<value> values;
  std::size_t attachment = 0, done = 0;  // of the first value: where it goes on
  std::uint64_t offset = 0;

  /// Goes over what is empty; false: all of it has been sent, and `keep` is moved out.
  bool skip(std::vector<std::shared_ptr<const void>>& finished);
  buffer next(std::size_t most) const noexcept;
  void advance(std::size_t bytes) noexcept {
    done += bytes;
    offset += bytes;
  }
};

/// The session is over in order, or for a reason that the peer has told.
struct session_over {
  std::string reason;
  bool in_order;
};

}  // namespace weft::net
