#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/batch.hpp"
#include "wire/frame.hpp"
#include "wire/ids.hpp"
#include "wire/messages.hpp"

namespace weft::net {

/// A connection begins with one frame from each side: who connected says hello, who accepted answers by welcome or by
/// refuse. Each is a batch of one message, at most frame_limits::greeting long. Kinds are beside those of
/// messages.hpp.
enum class handshake_kind : std::uint16_t { hello = 1000, welcome = 1001, refuse = 1002 };

/// Versions of the protocol: what messages there are, and what they mean. One program speaks a range of them.
struct version_range {
  std::uint16_t lowest, highest;
};
inline constexpr version_range known_versions{1, 1};

/// What a side can do beyond its version. Used when both can.
namespace capability {
inline constexpr std::uint64_t zstd = 1;    // compressed frames
inline constexpr std::uint64_t offers = 2;  // submitters may offer values (task_offered)
inline constexpr std::uint64_t stops = 4;   // who asks for values may take that back (stop_values)
inline constexpr std::uint64_t graphs = 8;  // submitters may say what the tasks of a layer share once (begin_graph)
inline constexpr std::uint64_t all = zstd | offers | stops | graphs;
}  // namespace capability

struct hello_record {
  std::uint16_t lowest, highest;  // versions
  std::uint8_t role;              // peer_role
  std::uint8_t reserved[3];
  std::uint64_t capabilities;
  std::uint64_t session;       // to resume; 0: a new one
  std::uint64_t received;      // of that session: the highest number received
  std::uint64_t incarnation;   // of the process: another number in each life
  std::uint64_t memory_limit;  // of a worker: of all that its process uses, in bytes
  std::uint32_t slots;         // tasks at a time
  std::uint32_t reserved2;
};
struct hello : hello_record {
  using record = hello_record;
  static constexpr handshake_kind kind = handshake_kind::hello;
  std::span<const std::byte> build_id;
  std::span<const char> name;
  std::span<const char> address;    // of the peer's own listener; empty: it has none
  std::span<const char> resources;  // `gpu=1 licence=0.5`
  std::span<const std::byte> token;
  static auto parts(auto& m) noexcept { return std::tie(m.build_id, m.name, m.address, m.resources, m.token); }
};

struct welcome_record {
  std::uint16_t version;
  std::uint16_t reserved;
  peer_id peer;  // that the other side is from now on
  std::uint64_t capabilities;
  std::uint64_t session;  // another than hello's: that one is gone, this one is new
  std::uint64_t received;
  std::uint64_t incarnation;  // of the answering process
};
struct welcome : welcome_record {
  using record = welcome_record;
  static constexpr handshake_kind kind = handshake_kind::welcome;
  std::span<const std::byte> build_id;
  std::span<const char> name;
  static auto parts(auto& m) noexcept { return std::tie(m.build_id, m.name); }
};

enum class refusal : std::uint32_t {
  version = 1,    // no common version
  identity = 2,   // the token, or the certificate's role
  role = 3,       // this process does not serve such peers
  full = 4,       // a limit on peers is reached: later, perhaps
  closing = 5,    // the process is about to end
  duplicate = 6,  // the session is in use by another connection, or the name by another peer
  session = 7,    // the session to resume is not known, or not any more
};
struct refuse_record {
  std::uint32_t code;  // refusal
  std::uint32_t reserved;
};
struct refuse : refuse_record {
  using record = refuse_record;
  static constexpr handshake_kind kind = handshake_kind::refuse;
  std::span<const char> reason;
  static auto parts(auto& m) noexcept { return std::tie(m.reason); }
};

/// What each text of a greeting may have; all together with the records stay under frame_limits::greeting.
struct greeting_limits {
  static constexpr std::size_t build_id = 64, name = 256, address = 512, resources = 1024, token = 1024;
  static constexpr std::size_t reason = 2048;
};

/// Why no worker can be called so: it is named in lists (task_options.workers, weft retire), with blanks between two.
/// Empty: it can.
std::string why_no_name(std::string_view name);
/// The same as a sentence for who was to be called so.
std::string no_name(std::string_view name, const std::string& why);

/// The payload of a frame. Throws std::invalid_argument for what the other side would not accept.
std::vector<std::byte> encode(const hello& m);
std::vector<std::byte> encode(const welcome& m);
/// A reason that is too long is cut.
std::vector<std::byte> encode(const refuse& m);

/// A message that came from nobody knows whom. Its texts are printable and within their limits, its enumerators are
/// known. Spans refer to the payload, which must be aligned to 8 bytes. Throws
/// protocol_error.
hello decode_hello(std::span<const std::byte> payload);
welcome decode_welcome(std::span<const std::byte> payload);
refuse decode_refuse(std::span<const std::byte> payload);

struct agreement {
  std::uint16_t version = 0;  // 0: there is none, and `refused` says why
  std::uint64_t capabilities = 0;
  std::string refused;
};
/// The highest version that both know, and what both can do. The side that listens decides; what it says of a refusal
/// reads the same on both.
agreement negotiate(version_range listener, std::uint64_t listener_capabilities, version_range connector,
                    std::uint64_t connector_capabilities);

}  // namespace weft::net
