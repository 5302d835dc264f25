#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

/// Containers whose elements somebody else writes, such as a socket.
namespace weft::detail {

/// This memory is about to be written as a whole, and may be new: then it is better had in huge pages.
void expect_writes(std::span<std::byte> memory) noexcept;

/// How a container's end is moved past elements that nobody has written.
///
/// To resize a vector is to write each element, which for a large one is a pass through memory, nearly as dear as
/// receiving it, and in vain when bytes from elsewhere follow. Objects of trivially copyable types need no such pass:
/// they are there when their memory is, and have a value once it is written. libstdc++'s vector is three pointers, of
/// which a class derived from it may set the end; not where the library keeps account of the end itself.
template <class C>
struct end_of {
  static constexpr bool may_move = false;
};

#if defined(__GLIBCXX__) && !defined(_GLIBCXX_DEBUG) && !defined(_GLIBCXX_SANITIZE_VECTOR)
template <class E>
  requires std::is_trivially_copyable_v<E>
struct end_of<std::vector<E>> : std::vector<E> {
  static constexpr bool may_move = true;
  static void move(std::vector<E>& v, std::size_t size) noexcept {
    auto& pointers = v.*&end_of::_M_impl;
    pointers._M_finish = pointers._M_start + size;
  }
};
#endif

/// A vector or string of `size` elements, each byte of which the caller writes before anybody looks at it.
template <class C>
C unwritten(std::size_t size) {
  C x;
  x.reserve(size);
  expect_writes(std::as_writable_bytes(std::span(x.data(), size)));
  if constexpr (end_of<C>::may_move)
    end_of<C>::move(x, size);
  else
    x.resize(size);
  return x;
}

}  // namespace weft::detail
