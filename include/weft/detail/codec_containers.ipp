#pragma once

#include <algorithm>
#include <deque>
#include <iterator>
#include <list>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "weft/detail/unwritten.hpp"

// Part of codec_kinds.hpp.

/// The codecs of standard containers, and of filesystem::path.
namespace weft::detail {

// ---- vector, string: contiguous ----

/// Reads elements from bytes that need not be aligned for them.
template <class E>
struct bytes_iterator {
  using iterator_category = std::random_access_iterator_tag;
  using value_type = E;
  using difference_type = std::ptrdiff_t;
  using pointer = const E*;
  using reference = E;
  const std::byte* at = nullptr;
  E operator*() const {
    std::array<std::byte, sizeof(E)> raw;
    std::memcpy(raw.data(), at, sizeof raw);
    return std::bit_cast<E>(raw);
  }
  E operator[](std::ptrdiff_t n) const { return *(*this + n); }
  bytes_iterator& operator++() { return *this += 1; }
  bytes_iterator operator++(int) { return std::exchange(*this, *this + 1); }
  bytes_iterator& operator--() { return *this += -1; }
  bytes_iterator operator--(int) { return std::exchange(*this, *this + -1); }
  bytes_iterator& operator+=(std::ptrdiff_t n) {
    at += n * static_cast<std::ptrdiff_t>(sizeof(E));
    return *this;
  }
  bytes_iterator& operator-=(std::ptrdiff_t n) { return *this += -n; }
  friend bytes_iterator operator+(bytes_iterator i, std::ptrdiff_t n) { return i += n; }
  friend bytes_iterator operator+(std::ptrdiff_t n, bytes_iterator i) { return i += n; }
  friend bytes_iterator operator-(bytes_iterator i, std::ptrdiff_t n) { return i += -n; }
  friend std::ptrdiff_t operator-(bytes_iterator a, bytes_iterator b) {
    return (a.at - b.at) / static_cast<std::ptrdiff_t>(sizeof(E));
  }
  friend auto operator<=>(bytes_iterator, bytes_iterator) = default;
};

/// A container with all its elements, bulk, in one buffer on the heap or within it.
template <class C, class E, class Allocator>
void encode_contiguous(encoder& e, const C& x) {
  // Another allocator might not keep the buffer in place when the container is moved.
  narrowed b(e, std::is_same_v<Allocator, std::allocator<E>> ? beside::all : beside::none);
  codec_access::attach(e, std::as_bytes(std::span<const E>(x.data(), x.size())));
}
template <class C, class E, class Allocator>
C decode_contiguous(decoder& d, const char* what) {
  narrowed b(d, std::is_same_v<Allocator, std::allocator<E>> ? beside::all : beside::none);
  const std::size_t size = codec_access::attachment_size(d, what), n = size / sizeof(E);
  if (n * sizeof(E) != size) codec_access::fail_divided(d, what, size, sizeof(E));
  if (size == 0) return C();
  if (const std::byte* from = d.attachment_data()) {
    if (reinterpret_cast<std::uintptr_t>(from) % alignof(E) == 0) {  // a memcpy
      const E* first = reinterpret_cast<const E*>(from);
      return C(first, first + n);
    }
    return C(bytes_iterator<E>{from}, bytes_iterator<E>{from + size});
  }
  if constexpr (std::is_default_constructible_v<E> && std::is_copy_assignable_v<E>) {
    C x = unwritten<C>(n);
    d.attachment(std::as_writable_bytes(std::span<E>(x.data(), n)));
    return x;
  } else {
    d.fail(what, "its elements cannot be overwritten, so its attachment cannot come later: receive it first");
  }
}

/// How many elements to make room for at once: no more than some times the bytes that are there, whatever the
/// count says.
inline std::size_t sensible(const decoder& d, std::size_t n, std::size_t element) {
  return std::min(n, (d.left() * 8 + 4096) / element);
}

template <class E, class Allocator>
struct codec<std::vector<E, Allocator>> : codec_base {
  using type = std::vector<E, Allocator>;
  static constexpr bool check(seen_types& s) { return check_movable<E>(s) && std::is_default_constructible_v<type>; }
  static constexpr std::size_t least() { return 1; }
  static constexpr std::uint64_t schema(schema_walk& w) { return schema_of_kind(kind::vector, schema_at<E>(w)); }
  static void encode(encoder& e, const type& x) {
    if constexpr (bulk_of<E>()) {
      encode_contiguous<type, E, Allocator>(e, x);
    } else {
      nested n(e);
      narrowed b(e, within<E>);  // growth copies what may throw when it moves
      e.put_count(x.size());
      for (const E& element : x) encode_value<E>(e, element);
    }
  }
  static type decode(decoder& d) {
    if constexpr (bulk_of<E>()) {
      return decode_contiguous<type, E, Allocator>(d, "a vector");
    } else {
      nested level(d);
      narrowed b(d, within<E>);
      const std::size_t n = d.take_count("a vector", least_of<E>(), sizeof(E));
      type x;
      x.reserve(sensible(d, n, sizeof(E)));
      for (std::size_t i = 0; i < n; ++i) codec_access::element(d, [&] { x.push_back(decode_value<E>(d)); });
      return x;
    }
  }
  static std::size_t heap(const type& x, std::size_t depth) {
    std::size_t sum = x.capacity() * sizeof(E);
    if constexpr (!std::is_trivially_destructible_v<E>) {
      for (const E& element : x) sum += heap_bytes<E>(element, depth);
    }
    return sum;
  }
};

template <class Allocator>
struct codec<std::vector<bool, Allocator>> : codec_base {
  using type = std::vector<bool, Allocator>;
  static constexpr std::size_t least() { return 1; }
  static constexpr std::uint64_t schema(schema_walk&) { return schema_of_kind(kind::vector, kind::boolean); }
  static void encode(encoder& e, const type& x) {
    e.put_count(x.size());
    put_bits(e, x, x.size());
  }
  static type decode(decoder& d) {
    const char* what = "a vector of bool";
    const std::uint64_t n = d.take_count(what);
    if (n / 8 > d.left()) static_cast<void>(d.take(static_cast<std::size_t>(n / 8), what));  // throws
    type x(static_cast<std::size_t>(n));
    get_bits(d, x, x.size(), what);
    return x;
  }
  static std::size_t heap(const type& x, std::size_t) { return x.capacity() / 8; }
};

template <class E, class Traits, class Allocator>
struct codec<std::basic_string<E, Traits, Allocator>> : codec_base {
  using type = std::basic_string<E, Traits, Allocator>;
  static constexpr bool check(seen_types&) { return is_character<E> && std::is_default_constructible_v<type>; }
  static constexpr std::size_t least() { return 1; }
  static constexpr std::uint64_t schema(schema_walk& w) { return schema_of_kind(kind::string, schema_at<E>(w)); }
  static void encode(encoder& e, const type& x) { encode_contiguous<type, E, Allocator>(e, x); }
  static type decode(decoder& d) { return decode_contiguous<type, E, Allocator>(d, "a string"); }
  static std::size_t heap(const type& x, std::size_t) {
    const auto at = reinterpret_cast<std::uintptr_t>(x.data()), self = reinterpret_cast<std::uintptr_t>(&x);
    return at - self < sizeof x ? 0 : (x.capacity() + 1) * sizeof(E);  // a short one is within itself
  }
};

/// std::filesystem::path, told by its shape: <filesystem> is a large header.
template <class T>
  requires std::is_class_v<T> && requires(const T& x) {
    { T::preferred_separator } -> std::convertible_to<typename T::value_type>;
    { x.native() } -> std::same_as<const typename T::string_type&>;
    { x.lexically_normal() } -> std::same_as<T>;
    { x.parent_path() } -> std::same_as<T>;
  }
struct codec<T> : codec_base {
  using text = typename T::string_type;
  static constexpr std::size_t least() { return 1; }
  static constexpr std::uint64_t schema(schema_walk& w) { return schema_of_kind(kind::path, schema_at<text>(w)); }
  static void encode(encoder& e, const T& x) {
    narrowed b(e, beside::none);  // it is parsed as it is decoded
    encode_value<text>(e, x.native());
  }
  static T decode(decoder& d) {
    narrowed b(d, beside::none);
    return T(decode_value<text>(d));
  }
  static std::size_t heap(const T& x, std::size_t depth) { return heap_bytes<text>(x.native(), depth); }
};

// ---- deque, list ----

/// What C allocates when it is empty, and for an element beyond the element itself (with libstdc++).
struct footprint {
  std::size_t container, element;
};

template <class C, kind Kind, footprint Footprint>
struct sequence_codec : codec_base {
  using element = typename C::value_type;
  static constexpr bool check(seen_types& s) {
    return check_movable<element>(s) && std::is_default_constructible_v<C>;
  }
  static constexpr std::size_t least() { return 1; }
  static constexpr std::uint64_t schema(schema_walk& w) { return schema_of_kind(Kind, schema_at<element>(w)); }
  static void encode(encoder& e, const C& x) {
    nested n(e);
    e.put_count(x.size());
    for (const element& y : x) encode_value<element>(e, y);
  }
  static C decode(decoder& d) {
    nested level(d);
    d.claim("a container", 1, Footprint.container);
    const std::size_t n = d.take_count("a container", least_of<element>(), sizeof(element) + Footprint.element);
    C x;
    for (std::size_t i = 0; i < n; ++i) codec_access::element(d, [&] { x.push_back(decode_value<element>(d)); });
    return x;
  }
  static std::size_t heap(const C& x, std::size_t depth) {
    std::size_t sum = Footprint.container + x.size() * (sizeof(element) + Footprint.element);
    if constexpr (!std::is_trivially_destructible_v<element>) {
      for (const element& y : x) sum += heap_bytes<element>(y, depth);
    }
    return sum;
  }
};
template <class E, class A>
struct codec<std::deque<E, A>> : sequence_codec<std::deque<E, A>, kind::double_ended, footprint{576, 0}> {};
template <class E, class A>
struct codec<std::list<E, A>> : sequence_codec<std::list<E, A>, kind::list, footprint{0, 2 * sizeof(void*)}> {};

// ---- set, map ----

/// Keys are compared and hashed while they are decoded, so what they own cannot come later; and without attachments
/// the container may be built by whatever moves or copies.
template <class C, kind Kind, bool Unique, footprint Footprint, class... Policy>
struct associative_codec : codec_base {
  using key = typename C::key_type;
  using value = typename C::value_type;
  static constexpr bool is_map = !std::is_same_v<key, value>;
  static constexpr bool check(seen_types& s) {
    bool fine = std::is_default_constructible_v<C> && (std::is_empty_v<Policy> && ...) && check_movable<key>(s);
    if constexpr (is_map) fine = fine && check_movable<typename C::mapped_type>(s);
    return fine;
  }
  static constexpr std::size_t least() { return 1; }
  static constexpr std::uint64_t schema(schema_walk& w) {
    const std::uint64_t k = schema_at<key>(w);
    if constexpr (is_map)
      return schema_of_kind(Kind, Unique, k, schema_at<typename C::mapped_type>(w));
    else
      return schema_of_kind(Kind, Unique, k);
  }
  static void encode(encoder& e, const C& x) {
    nested n(e);
    e.put_count(x.size());
    for (const value& y : x) {
      if constexpr (is_map) {
        encode_key(e, y.first);
        encode_value<plain<typename C::mapped_type>>(e, y.second);
      } else {
        encode_key(e, y);
      }
    }
  }
  static C decode(decoder& d) {
    nested level(d);
    const std::size_t n =
        d.take_count("a set or map", least_of<key>() + least_mapped(), sizeof(value) + Footprint.element);
    C x;
    if constexpr (requires { x.reserve(n); }) x.reserve(sensible(d, n, sizeof(value) + Footprint.element));
    for (std::size_t i = 0; i < n; ++i) {
      codec_access::element(d, [&] {
        if constexpr (is_map) {
          key k = decode_key(d);
          x.emplace_hint(x.end(), std::move(k), decode_value<plain<typename C::mapped_type>>(d));
        } else {
          x.emplace_hint(x.end(), decode_key(d));
        }
      });
      if (x.size() != i + 1) codec_access::fail_equal_keys(d, "a set or map");
    }
    return x;
  }
  static std::size_t heap(const C& x, std::size_t depth) {
    std::size_t sum = x.size() * (sizeof(value) + Footprint.element);
    if constexpr (requires { x.bucket_count(); }) sum += x.bucket_count() * sizeof(void*);
    if constexpr (!std::is_trivially_destructible_v<value>) {
      for (const value& y : x) sum += heap_bytes<value>(y, depth);
    }
    return sum;
  }

 private:
  static consteval std::size_t least_mapped() {
    if constexpr (is_map)
      return least_of<typename C::mapped_type>();
    else
      return 0;
  }
  static void encode_key(encoder& e, const key& k) {
    narrowed b(e, beside::none);
    encode_value<key>(e, k);
  }
  static key decode_key(decoder& d) {
    narrowed b(d, beside::none);
    return decode_value<key>(d);
  }
};

inline constexpr footprint tree_node{0, 4 * sizeof(void*)};
inline constexpr footprint hash_node{0, 2 * sizeof(void*)};

template <class K, class L, class A>
struct codec<std::set<K, L, A>> : associative_codec<std::set<K, L, A>, kind::set, true, tree_node, L> {};
template <class K, class L, class A>
struct codec<std::multiset<K, L, A>> : associative_codec<std::multiset<K, L, A>, kind::set, false, tree_node, L> {};
template <class K, class V, class L, class A>
struct codec<std::map<K, V, L, A>> : associative_codec<std::map<K, V, L, A>, kind::map, true, tree_node, L> {};
template <class K, class V, class L, class A>
struct codec<std::multimap<K, V, L, A>>
    : associative_codec<std::multimap<K, V, L, A>, kind::map, false, tree_node, L> {};
template <class K, class H, class Q, class A>
struct codec<std::unordered_set<K, H, Q, A>>
    : associative_codec<std::unordered_set<K, H, Q, A>, kind::unordered_set, true, hash_node, H, Q> {};
template <class K, class H, class Q, class A>
struct codec<std::unordered_multiset<K, H, Q, A>>
    : associative_codec<std::unordered_multiset<K, H, Q, A>, kind::unordered_set, false, hash_node, H, Q> {};
template <class K, class V, class H, class Q, class A>
struct codec<std::unordered_map<K, V, H, Q, A>>
    : associative_codec<std::unordered_map<K, V, H, Q, A>, kind::unordered_map, true, hash_node, H, Q> {};
template <class K, class V, class H, class Q, class A>
struct codec<std::unordered_multimap<K, V, H, Q, A>>
    : associative_codec<std::unordered_multimap<K, V, H, Q, A>, kind::unordered_map, false, hash_node, H, Q> {};

}  // namespace weft::detail
