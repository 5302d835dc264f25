#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

static_assert(std::endian::native == std::endian::little, "weft: values travel in little-endian order");

/// A value that cannot be encoded, or bytes that are no value: says what, at which byte, and what to do.
class codec_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// How far a message is trusted. All is checked before memory is allocated.
struct codec_limits {
  /// Containers, pointers and hooked types within each other; bounds the stack, for encoders too.
  std::size_t depth = 64;
  /// The memory a message may decode to: `expansion` times its own size (an empty string is one byte in the message
  /// and 32 in memory), and `bytes` more. What is copied as it is, and attachments in memory, do not count.
  std::uint64_t expansion = 64;
  std::uint64_t bytes = std::uint64_t(1) << 30;
  /// Elements that take no byte of the message, all containers together.
  std::uint64_t empty_elements = std::uint64_t(1) << 20;
  /// Deferred attachments, all together: 4 GiB.
  std::uint64_t deferred = std::uint64_t(1) << 32;
};

class encoder;
class decoder;

namespace detail {

struct codec_access;

/// Which buffers may travel beside the message: all large ones, those a hook attaches itself, or none.
enum class beside : unsigned char { all, asked, none };

/// What encoder and decoder know about where in the value they are.
class coder_state {
 public:
  const codec_limits& limits() const noexcept { return limits_; }

 protected:
  explicit coder_state(const codec_limits& limits) noexcept : limits_(limits) {}
  codec_limits limits_;
  std::size_t depth_ = 0;
  beside beside_ = beside::all;

 private:
  friend class nested;
  friend class narrowed;
};

// What encodable, encode, ... come to, for T without const: detail/codec_kinds.hpp.
template <class T>
consteval bool can_encode();
template <class T>
void encode_value(encoder& e, const T& x);
template <class T>
T decode_value(decoder& d);
template <class T>
constexpr std::uint64_t schema_value() noexcept;
template <class T>
std::size_t heap_bytes(const T& x, std::size_t depth);
void check_schema(decoder& d, std::uint64_t expected);

}  // namespace detail

/// True for what can be encoded and decoded. These are, from the inside out:
/// - arithmetic types, std::byte, enums with a fixed underlying type (`enum class`, or `enum e : int`), and empty
///   types that are trivially copyable (a captureless lambda too);
/// - std::array, C arrays as fields, vector, basic_string, deque, list, (unordered_)(multi)set and map with
///   comparisons and hashes that are empty, pair, tuple, optional, variant, unique_ptr<T> of one T that is not
///   polymorphic, duration, time_point, complex, bitset, filesystem::path;
/// - aggregates without bases and bit-fields, of up to 64 fields (256 different aggregates within each other);
/// - what has hooks, found by argument-dependent lookup, declared where the type is:
///       void weft_encode(weft::encoder&, const T&);
///       T weft_decode(weft::decoder&, std::type_identity<T>);
///       std::string_view weft_schema(std::type_identity<T>);  // optional, best constexpr: names what is written
///       std::size_t weft_owned_bytes(const T&);               // optional, sizeof(T) included
/// Not: pointers, references, views, unions, other classes, and what holds one of them. Pointers would say
/// nothing elsewhere, views and references would dangle.
///
/// A variable and no concept, so that a failed static_assert is one line.
template <class T>
inline constexpr bool encodable = detail::can_encode<std::remove_cv_t<T>>();

/// Appends values to a message. Large buffers are not copied, but referred to: attachments.
///
/// A vector or string of at least attach_least bytes, of elements that are copied as they are, becomes an
/// attachment, unless it is a key of a container (keys are compared while they are decoded), within a hook (which
/// may look at what it decodes), or in something whose move may copy (the buffer would not stay in place).
class encoder : public detail::coder_state {
 public:
  static constexpr std::size_t attach_least = 4096;
  enum class buffers : unsigned char { attached, copied };

  /// buffers::copied puts all into the message.
  explicit encoder(buffers b = buffers::attached, const codec_limits& limits = {}) : coder_state(limits) {
    if (b == buffers::copied) beside_ = detail::beside::none;
  }
  encoder(encoder&& other) noexcept
      : coder_state(other),
        message_(std::move(other.message_)),
        used_(std::exchange(other.used_, 0)),
        attachments_(std::move(other.attachments_)),
        only_(other.only_) {
    other.message_.clear();
  }
  encoder& operator=(encoder&&) = delete;

  /// Appends bytes as they are. Amortised cost: a memcpy.
  void put(const void* from, std::size_t bytes) {
    if (bytes > message_.size() - used_) return put_more(from, bytes);
    if (bytes == 0) return;
    std::memcpy(message_.data() + used_, from, bytes);
    used_ += bytes;
  }
  /// Appends a count: 1 byte below 128, 7 bits a byte (LEB128).
  void put_count(std::uint64_t n) {
    if (n >= 128) return put_long_count(n);
    const auto low = static_cast<std::byte>(n);
    put(&low, 1);
  }
  /// Appends a buffer with its size: beside the message when it is large and its place allows it, else into it.
  /// For hooks of types whose move leaves the buffer where it is.
  void attach(std::span<const std::byte> buffer) { attach(buffer, detail::beside::asked); }

  /// What was put; valid until the next put.
  std::span<const std::byte> message() const noexcept { return {message_.data(), used_}; }
  /// Views into the encoded value, in order: it must outlive them, unchanged.
  std::span<const std::span<const std::byte>> attachments() const noexcept { return attachments_; }
  /// Forgets all that was put, and keeps the memory for the next value unless it is much.
  void clear() noexcept {
    constexpr std::size_t much = std::size_t{64} << 10;
    if (message_.size() > much) std::vector<std::byte>().swap(message_);
    used_ = 0;
    attachments_.clear();
  }
  /// The message, moved out; the encoder is empty afterwards but for its attachments.
  std::vector<std::byte> take_message();

  /// Throws codec_error: "weft: cannot encode <what>: <why>".
  [[noreturn]] static void fail(std::string_view what, std::string_view why);

  /// Of functions that are encoded only those of one module are allowed, by the key of its build-id; 0: all.
  void only_functions_of(std::uint64_t module) noexcept { only_ = module; }
  std::uint64_t only_functions_of() const noexcept { return only_; }

 private:
  friend struct detail::codec_access;
  void attach(std::span<const std::byte> buffer, detail::beside least);
  void put_more(const void* from, std::size_t bytes);
  void put_long_count(std::uint64_t n);

  std::vector<std::byte> message_;  // the first used_ bytes, and room
  std::size_t used_ = 0;
  std::vector<std::span<const std::byte>> attachments_;
  std::uint64_t only_ = 0;
};

/// Attachments that arrive after the value is decoded; how many bytes in all, where the frame said so.
struct deferred_attachments {
  static constexpr std::uint64_t unknown = ~std::uint64_t(0);
  explicit deferred_attachments(std::uint64_t n = unknown) noexcept : bytes(n) {}
  std::uint64_t bytes;
};

/// Reads values from a message that nobody vouches for. Whatever the bytes, it gives a value or throws codec_error.
class decoder : public detail::coder_state {
 public:
  /// Of a message without attachments.
  explicit decoder(std::span<const std::byte> message, const codec_limits& limits = {})
      : coder_state(limits), message_(message) {}
  /// Attachments in memory are copied into the value, once and without zeroing it first.
  decoder(std::span<const std::byte> message, std::span<const std::span<const std::byte>> attachments,
          const codec_limits& limits = {})
      : coder_state(limits), message_(message), attachments_(attachments) {}
  /// Room is made for attachments in the value, and the caller fills destinations() before the value is used.
  /// It may be moved meanwhile, not copied.
  decoder(std::span<const std::byte> message, deferred_attachments later, const codec_limits& limits = {})
      : coder_state(limits), message_(message), deferred_(true), announced_(later.bytes) {}

  /// The next bytes; throws when there are fewer. `what` is for the error: "a date".
  std::span<const std::byte> take(std::size_t bytes, const char* what = "bytes") {
    if (bytes > left()) fail_short(what, bytes);
    at_ += bytes;
    return message_.subspan(at_ - bytes, bytes);
  }
  void get(void* to, std::size_t bytes, const char* what = "bytes") {
    const auto from = take(bytes, what);
    if (bytes) std::memcpy(to, from.data(), bytes);
  }
  /// What put_count put, not checked against anything.
  std::uint64_t take_count(const char* what = "a count");
  /// The same, for a container: its elements, of `least` bytes or more in the message and `memory` bytes in memory,
  /// must fit into what is left, and into the limits.
  std::size_t take_count(const char* what, std::size_t least, std::size_t memory);
  /// Counts memory that the message makes us allocate against the limits.
  void claim(const char* what, std::uint64_t count, std::uint64_t memory);

  /// Begins what encoder::attach put: its size, which is proven by the message, or within the limits.
  std::size_t attachment_size(const char* what = "an attachment") {
    return attachment_size(what, detail::beside::asked);
  }
  /// Its bytes, where they are in memory; null when they are deferred (or none). Need not be aligned.
  const std::byte* attachment_data() const noexcept { return open_data_; }
  /// Ends it: `to`, of the same size, gets the bytes now or later, so it must stay in place till then.
  void attachment(std::span<std::byte> to);

  /// Where deferred attachments go, in order. Valid while the decoded value is moved at most.
  std::span<const std::span<std::byte>> destinations() const noexcept { return destinations_; }

  std::size_t offset() const noexcept { return at_; }
  std::size_t left() const noexcept { return message_.size() - at_; }
  /// Throws unless message and attachments are used up.
  void finish() const;

  /// Throws codec_error: "weft: cannot decode <what> at byte <offset()> of <size>: <why>".
  [[noreturn]] void fail(std::string_view what, std::string_view why) const;

 private:
  friend struct detail::codec_access;
  std::size_t attachment_size(const char* what, detail::beside least);
  [[noreturn]] void fail_short(const char* what, std::uint64_t bytes) const;
  void count_empty_element();

  std::span<const std::byte> message_;
  std::size_t at_ = 0;
  std::span<const std::span<const std::byte>> attachments_;  // those not read yet
  bool deferred_ = false;
  std::uint64_t announced_ = 0;
  std::uint64_t received_ = 0;  // deferred bytes, whose destinations are recorded
  std::vector<std::span<std::byte>> destinations_;
  std::size_t open_size_ = 0;  // the attachment between attachment_size() and attachment()
  const std::byte* open_data_ = nullptr;
  bool open_deferred_ = false;
  std::uint64_t claimed_ = 0, empty_elements_ = 0;
};

/// Appends x. Runs of elements that are copied as they are cost a memcpy, or nothing as attachments; the rest a few
/// nanoseconds an object. Throws codec_error for what is nested too deep, and for a variant without a value.
template <class T>
void encode(encoder& e, const T& x) {
  static_assert(encodable<T>,
                "weft: this type cannot be encoded: hold values in plain aggregates of up to 64 fields (no pointer, "
                "reference, view, union or base class), or declare weft_encode and weft_decode beside the type");
  if constexpr (encodable<T>) detail::encode_value(e, x);
}

/// Reads what encode wrote. Throws codec_error for anything else.
template <class T>
T decode(decoder& d) {
  static_assert(!std::is_const_v<T> && encodable<T>,
                "weft: this type cannot be decoded: hold values in plain aggregates of up to 64 fields (no pointer, "
                "reference, view, union or base class), or declare weft_encode and weft_decode beside the type");
  if constexpr (encodable<T>)
    return detail::decode_value<T>(d);
  else
    throw codec_error("weft: this type cannot be decoded");
}

/// A hash of the structure of T: kinds, sizes, order and nesting, no names. Types with equal hashes are encoded
/// alike. The same from every compiler; computed at compile time, unless a weft_schema is not constexpr.
template <class T>
[[nodiscard]] constexpr std::uint64_t schema_hash() noexcept {
  static_assert(encodable<T>, "weft: this type has no schema, since it cannot be encoded");
  if constexpr (encodable<T>)
    return detail::schema_value<std::remove_cv_t<T>>();
  else
    return 0;
}

/// sizeof(T), and the heap memory that x owns: capacities, and estimates for nodes. What is not encodable and has
/// no weft_owned_bytes counts its size only. Cost: O(1) for containers of what owns nothing, else a visit of x.
template <class T>
[[nodiscard]] std::size_t owned_bytes(const T& x) {
  return sizeof(T) + detail::heap_bytes(x, 0);
}

/// x with its schema hash, in one piece.
template <class T>
[[nodiscard]] std::vector<std::byte> to_bytes(const T& x) {
  encoder e(encoder::buffers::copied);
  const std::uint64_t schema = schema_hash<T>();
  e.put(&schema, sizeof schema);
  encode(e, x);
  return e.take_message();
}

/// Reads what to_bytes wrote. Throws codec_error, also for another type's schema, and for bytes left over.
template <class T>
[[nodiscard]] T from_bytes(std::span<const std::byte> bytes, const codec_limits& limits = {}) {
  decoder d(bytes, limits);
  detail::check_schema(d, schema_hash<T>());
  T x = decode<T>(d);
  d.finish();
  return x;
}

}  // namespace weft

#include "weft/detail/codec_kinds.hpp"
