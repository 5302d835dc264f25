#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>

#include "weft/array/dtype.hpp"
#include "weft/array/shape.hpp"
#include "weft/codec.hpp"

namespace weft::detail::arrays {

/// The type of an array's elements, as far as what has no templates needs it.
struct element {
  dtype type = dtype::other;
  std::uint32_t item = 1;  // bytes
};
/// Whether its type is known, and its size that of its type; others have 4096 bytes at most.
bool is_possible(element e) noexcept;
/// Whether it is a number, of the size that it has.
bool is_number(element e) noexcept;
template <class T>
inline constexpr element element_of{dtype_of<T>, static_cast<std::uint32_t>(sizeof(T))};

/// Whose memory a buffer is, where it is no block's own.
struct buffer_owner {
  virtual ~buffer_owner() = default;
};
struct buffer_release {
  std::size_t size = 0;           // bytes
  buffer_owner* owner = nullptr;  // goes with the buffer
  void operator()(std::byte* p) const noexcept;
};

/// Memory for `size` bytes, aligned to 64, that is not written yet: what others have let go, where there is some of
/// that size.
std::byte* take_buffer(std::size_t size);
void let_buffer_go(std::byte* p, std::size_t size) noexcept;
/// The smallest buffer that is kept when it is let go; smaller ones are the heap's business.
inline constexpr std::size_t least_kept_buffer = std::size_t{64} << 10;

/// What a task of an array gives: a piece of it, row-major, in one buffer that is aligned to 64 bytes, or as the
/// container was that it has taken over.
///
/// It owns its buffer alone, so that what the store counts, writes and frees is one value; moving it leaves the
/// buffer in place, so that the codec may attach it. A new block's elements are not written yet.
class block {
 public:
  block() noexcept = default;
  block(element of, const weft::shape& extents);
  /// Elements that are there, at `data`, as long as their owner.
  block(element of, const weft::shape& extents, std::byte* data, std::unique_ptr<buffer_owner> owner) noexcept
      : extents_(extents), of_(of), buffer_(data, {count() * of.item, owner.release()}) {}
  block(block&& o) noexcept = default;
  block& operator=(block&& o) noexcept = default;

  /// Its elements, row-major, with other extents: the same buffer. Throws std::logic_error for another number of
  /// them.
  block with_extents(const weft::shape& extents) &&;

  element of() const noexcept { return of_; }
  const weft::shape& extents() const noexcept { return extents_; }
  std::size_t count() const noexcept { return static_cast<std::size_t>(extents_.count()); }
  std::span<std::byte> bytes() noexcept { return {buffer_.get(), buffer_.get_deleter().size}; }
  std::span<const std::byte> bytes() const noexcept { return {buffer_.get(), buffer_.get_deleter().size}; }
  template <class T>
  T* data() noexcept {
    return reinterpret_cast<T*>(buffer_.get());
  }
  template <class T>
  const T* data() const noexcept {
    return reinterpret_cast<const T*>(buffer_.get());
  }

 private:
  weft::shape extents_{0};  // an empty one has no buffer
  element of_;
  std::unique_ptr<std::byte, buffer_release> buffer_;
};
static_assert(std::is_nothrow_move_constructible_v<block> && std::is_nothrow_move_assignable_v<block>,
              "else the codec would copy buffers");

void weft_encode(encoder& e, const block& b);
block weft_decode(decoder& d, std::type_identity<block>);
constexpr std::string_view weft_schema(std::type_identity<block>) { return "weft array block 1"; }
/// Makes what has come of bools what bools of C++ are, 0 or 1.
void weft_received(block& b) noexcept;
inline std::size_t weft_owned_bytes(const block& b) noexcept { return sizeof(block) + b.bytes().size(); }

}  // namespace weft::detail::arrays
