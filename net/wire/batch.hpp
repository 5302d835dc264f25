#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <vector>

namespace weft::net {

/// What a peer sent is not what it says to be: names what, and where. The session with that peer ends.
class protocol_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Messages one behind the other, as they travel in a frame: each a header of 8 bytes, its record as it is in memory,
/// the lengths of its parts (spans of what can be copied as it is), and the parts, each aligned to 8 bytes.
///
/// A message type is an aggregate that derives from its record:
///
///     struct done_record { task_id id; std::uint32_t attempt, flags; };
///     struct done_task : done_record {
///       static constexpr message_kind kind = message_kind::done_task;
///       std::span<const std::byte> value;
///       static auto parts(auto& m) noexcept { return std::tie(m.value); }
///     };
struct message_header {
  std::uint16_t kind;
  std::uint16_t parts;
  std::uint32_t bytes;  // of the whole message, this header and the padding included
};
static_assert(sizeof(message_header) == 8);

constexpr std::size_t padded(std::size_t n) noexcept { return (n + 7) & ~std::size_t{7}; }

template <class M>
using record_of = typename M::record;

/// Gathers messages; what it holds is sent as one frame, or several.
class batch_writer {
 public:
  template <class M>
  void add(const M& m) {
    using record = record_of<M>;
    static_assert(std::is_trivially_copyable_v<record> && sizeof(record) % 8 == 0 && alignof(record) <= 8);
    const auto parts = M::parts(m);
    constexpr std::size_t count = std::tuple_size_v<decltype(parts)>;
    std::size_t bytes = sizeof(message_header) + sizeof(record) + padded(count * sizeof(std::uint32_t));
    std::apply([&](const auto&... part) { ((bytes += padded(part.size_bytes())), ...); }, parts);
    std::byte* at = room(bytes);
    const message_header head{static_cast<std::uint16_t>(M::kind), static_cast<std::uint16_t>(count),
                              static_cast<std::uint32_t>(bytes)};
    std::memcpy(at, &head, sizeof head);
    at += sizeof head;
    std::memcpy(at, static_cast<const record*>(&m), sizeof(record));
    at += sizeof(record);
    if constexpr (count != 0) {
      std::uint32_t lengths[count + count % 2] = {};
      std::size_t i = 0;
      std::apply([&](const auto&... part) { ((lengths[i++] = static_cast<std::uint32_t>(part.size())), ...); },
                 parts);
      std::memcpy(at, lengths, sizeof lengths);
      at += sizeof lengths;
      std::apply(
          [&](const auto&... part) {
            (([&] {
               const std::size_t n = part.size_bytes();
               if (n) std::memcpy(at, part.data(), n);
               if (n % 8) std::memset(at + n, 0, padded(n) - n);
               at += padded(n);
             }()),
             ...);
          },
          parts);
    }
    ++messages_;
  }

  bool empty() const noexcept { return used_ == 0; }
  std::size_t size() const noexcept { return used_; }
  std::size_t messages() const noexcept { return messages_; }
  /// Bytes of memory that it has, used or not.
  std::size_t capacity() const noexcept { return buffer_.size(); }
  std::span<const std::byte> bytes() const noexcept { return {buffer_.data(), used_}; }
  /// The messages, moved out; the writer takes over `spare`, whose memory it uses again.
  std::vector<std::byte> take(std::vector<std::byte> spare = {}) {
    buffer_.resize(used_);
    std::swap(buffer_, spare);
    used_ = messages_ = 0;
    buffer_.resize(buffer_.capacity());
    return spare;
  }
  /// A message as it stood in another batch.
  void add_as_it_is(std::span<const std::byte> message) {
    std::memcpy(room(message.size()), message.data(), message.size());
    ++messages_;
  }
  /// Takes over the messages of another, behind its own; that one is empty then. An empty writer takes the other's
  /// memory too, and gives its own.
  void append(batch_writer& other) {
    if (used_ == 0) return std::swap(*this, other);
    if (other.used_ != 0) std::memcpy(room(other.used_), other.buffer_.data(), other.used_);
    messages_ += other.messages_;
    other.clear();
  }
  void clear() noexcept { used_ = messages_ = 0; }

 private:
  std::byte* room(std::size_t bytes) {
    if (bytes > buffer_.size() - used_) grow(bytes);
    std::byte* at = buffer_.data() + used_;
    used_ += bytes;
    return at;
  }
  void grow(std::size_t bytes);

  std::vector<std::byte> buffer_;  // the first used_ bytes, and room
  std::size_t used_ = 0, messages_ = 0;
};

/// Walks the messages of a batch that came from a peer, which nobody vouches for. Spans of what it gives refer to the
/// batch, which must be aligned to 8 bytes.
class batch_reader {
 public:
  explicit batch_reader(std::span<const std::byte> batch) noexcept : rest_(batch) {}

  /// The next message's kind; false at the end. Throws protocol_error for what is no message.
  bool next(std::uint16_t& kind);

  /// The message that next() has announced, as it stands in the batch.
  std::span<const std::byte> bytes() const noexcept { return current_; }
  /// The message that next() has announced. Throws protocol_error when it does not have that type's shape.
  template <class M>
  M get() const {
    using record = record_of<M>;
    M m;
    auto parts = M::parts(m);
    constexpr std::size_t count = std::tuple_size_v<decltype(parts)>;
    const std::byte* at = current_.data() + sizeof(message_header);
    std::size_t left = current_.size() - sizeof(message_header);
    constexpr std::size_t lengths_bytes = padded(count * sizeof(std::uint32_t));
    if (parts_ != count || left < sizeof(record) + lengths_bytes) wrong_shape();
    std::memcpy(static_cast<record*>(&m), at, sizeof(record));
    at += sizeof(record);
    if constexpr (count != 0) {
      std::uint32_t lengths[count];
      std::memcpy(lengths, at, sizeof lengths);
      at += lengths_bytes;
      left -= sizeof(record) + lengths_bytes;
      std::size_t i = 0;
      std::apply(
          [&](auto&... part) {
            (([&] {
               using element = typename std::remove_reference_t<decltype(part)>::element_type;
               static_assert(std::is_trivially_copyable_v<element> && alignof(element) <= 8);
               const std::size_t n = lengths[i++], bytes = n * sizeof(element);
               if (padded(bytes) > left) wrong_shape();
               part = {reinterpret_cast<const element*>(at), n};
               at += padded(bytes);
               left -= padded(bytes);
             }()),
             ...);
          },
          parts);
    } else {
      left -= sizeof(record);
    }
    if (left != 0) wrong_shape();
    return m;
  }

 private:
  [[noreturn]] void wrong_shape() const;

  std::span<const std::byte> rest_, current_;
  std::uint16_t kind_ = 0, parts_ = 0;
};

}  // namespace weft::net
